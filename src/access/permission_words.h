/**
 * Permission words: the permissions that a role has everywhere, in the forms of the Command API.
 * One word of version 1 stands for several permissions, so what is written back as it was read
 * changes nothing, and only a word that is new gives all that it stands for.
 *
 * @see command-api.md section 1.5
 */
#ifndef ACCESS_PERMISSION_WORDS_H
#define ACCESS_PERMISSION_WORDS_H

#include "access/principals.h"

enum word_form {
    WORDS_V1, /* Certificates:Read; ours, audit/export, where version 1 has none */
    WORDS_V2, /* /certificates/collections/read/; "/" for everything */
};

/** The words of those GRANTS (of struct grant) that hold everywhere, each once: a list of const
 * char *. */
void permission_words(struct arena *a, const struct list *grants, enum word_form form,
                      struct list *out);
/** New words for a role. */
struct word_edit {
    const struct list *old;   /* of struct grant: what it has */
    enum word_form form;      /* in which the caller saw that */
    const struct list *words; /* of const char *, of either form */
    bool keep;                /* beside those that it has */
};
/** The grants of a role after EDIT: those on single objects stay. A word that there is not is a
 * problem at PATH[n]. */
void permission_words_set(struct scope *s, const char *path, const struct word_edit *edit,
                          struct list *out);
/** Cut a word of version 1: "Certificates:Read" into "Certificates" and "Read". */
void permission_word_cut(struct arena *a, const char *word, const char **area,
                         const char **permission);

#endif
