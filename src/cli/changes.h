/** Changes: what the flags of an edit say, as members of a body; what is not given is not there.
 * For the files of this folder. */
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include "cli/run.h"

enum change_kind {
    CHANGE_TEXT,   /* text; "" is null */
    CHANGE_TEXTS,  /* names; "" is none */
    CHANGE_NUMBER, /* a whole number, 0 or more */
    CHANGE_SWITCH, /* true, or false for its --no- form */
    CHANGE_BOOL,   /* on, off */
    CHANGE_UNTIL,  /* a duration from now on: a time */
    CHANGE_DAYS,   /* a duration of whole days: their number */
};
/** A member that a flag changes. */
struct change {
    const char *flag, *member;
    enum change_kind kind;
    const char *none; /* the word that stands for null; or NULL */
};

/** Write the members that were given. E_INVALID: a value is none, by the flag's name. */
enum err changes_add(struct cli *c, const struct change *changes, size_t count, struct buf *b);
/**
 * Write the object of what was given.
 *
 * @return E_INVALID: a value is none, or nothing was given; both name the flags
 */
enum err changes_write(struct cli *c, const struct change *changes, size_t count, struct buf *b);

#endif
