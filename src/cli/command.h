/**
 * Commands: what `chancery` can be told, as one table. Parsing, help, "did you mean" and completion
 * all read it. For the files of this folder.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/scope.h"

struct cli;

/** What may follow a flag. */
enum flag_kind {
    FLAG_SWITCH,   /* nothing: --yes, --no-yes */
    FLAG_TEXT,     /* any text */
    FLAG_TEXTS,    /* any text; the flag may be repeated */
    FLAG_NAMES,    /* names with commas between, one at least; the flag may be repeated */
    FLAG_SET,      /* the same, and "": none */
    FLAG_NUMBER,   /* a whole number from 1 */
    FLAG_COUNT,    /* a whole number from 0 */
    FLAG_DURATION, /* 90d */
    FLAG_TIME,     /* RFC 3339, a date, +90d */
    FLAG_WORD,     /* one of .words */
    FLAG_REASON,   /* a revocation reason, by name or number */
    FLAG_KEY,      /* ec:p256 */
    FLAG_OUTPUT,   /* table, json, ... */
    FLAG_OPTIONAL, /* nothing, or =D: a duration */
};

struct flag {
    const char *name; /* without its dashes */
    char letter;      /* 0: none */
    enum flag_kind kind;
    const char *value; /* how help calls what follows */
    const char *doc;
    const char *const *words; /* FLAG_WORD; ended by NULL */
    const char *alias;        /* another name, or NULL */
    const char *variable;     /* of the environment, or NULL */
};

enum {
    COMMAND_RAW = 1,    /* reads its own arguments */
    COMMAND_HIDDEN = 2, /* not in the summaries: the name is another's alias */
};

struct command {
    const char *path; /* "certs list" */
    const char *args; /* "[QUERY]" */
    int least, most;  /* how many arguments; MOST -1: any number */
    const struct flag *flags;
    size_t flag_count;
    enum err (*run)(struct cli *c);
    const char *doc;      /* one sentence */
    const char *examples; /* lines, each with its line break */
    unsigned traits;
    const char *const *usage; /* COMMAND_RAW: the text that stands for the help */
};

/** A group of commands that share their first word. */
struct group {
    const char *name, *doc;
};

extern const struct command commands[];
extern const size_t command_count;
extern const struct group groups[];
extern const size_t group_count;
extern const struct flag global_flags[];
extern const size_t global_flag_count;
extern const char *const output_words[];

/** The command of this path, or NULL. */
const struct command *command_find(const char *path);
/** The group of this name, or NULL. */
const struct group *group_find(const char *name);

/* Help. */
void help_summary(struct buf *out);
void help_command(struct buf *out, const struct command *command);
void help_group(struct buf *out, const struct group *group);
void help_flags(struct buf *out);
/** A topic such as "query"; false when there is none of this name. */
bool help_topic(struct buf *out, const char *name);
/** "CHY-2104"; false when there is no such code. */
bool help_code(struct buf *out, const char *name);

/** The script that completes commands and flags in this shell; false for another one. */
bool completion_script(struct buf *out, const char *shell);

/** Of COUNT words, the one most like WORD; NULL when none is near. */
const char *nearest_word(const char *word, const char *const *words, size_t count);
/** "a, b, c" of WORDS, which NULL ends. */
const char *all_words(struct arena *a, const char *const *words);

#endif
