/** Bulk_in: a list and what came of its rows. For bulk.c and bulk_work.c. */
#ifndef CLI_BULK_IN_H
#define CLI_BULK_IN_H

#include "cli/run.h"

#define BULK_JOBS_MAX 64

enum bulk_status {
    BULK_NOT_TRIED,
    BULK_ISSUED,
    BULK_PENDING,
    BULK_FAILED,
    BULK_UNWRITTEN, /* issued, but its file could not be written */
    BULK_PLANNED,
};

struct bulk_column {
    const char *name; /* of metadata: without "meta." */
    enum {
        BULK_FLAG,    /* the cell is the flag's value */
        BULK_REQUEST, /* the file of the request */
        BULK_META,    /* what is noted under .name */
        BULK_RESULT,  /* a report's: nothing */
    } kind;
    const struct flag *flag;
};

struct bulk_row {
    size_t line;
    struct list cells;     /* of const char * */
    const char *key;       /* its cells as CSV, with the line break */
    struct bulk_row *twin; /* the next one with the same cells; or NULL */
    enum bulk_status status;
    int64_t certificate, request;
    int exit;                 /* of a failure: the exit code that it alone would have */
    const char *code, *error; /* "CHY-2104", what did not happen and why; or NULL */
};

struct bulk {
    const char *from;
    struct list columns, rows; /* of struct bulk_column, struct bulk_row */
    size_t earlier;            /* how many were done before */
    struct list others;        /* of struct list of const char *: lines of the report to go on with
                                  that the list has no more */
    const char *report_path;   /* NULL: none is written */
    int report;                /* -1: none is written */
    bool interrupted;
};

/** Where a row's file goes: its own `out`, or a name in the directory --out; NULL: nowhere. */
const char *bulk_place(struct arena *a, const struct cli *whole, const struct bulk *b,
                       const struct bulk_row *row);
/** Do what is not done, JOBS rows at once. */
enum err bulk_work(struct cli *c, struct bulk *b, size_t jobs);
/** Add a line to the report. */
enum err bulk_note(struct cli *c, struct bulk *b, const struct bulk_row *row);

#endif
