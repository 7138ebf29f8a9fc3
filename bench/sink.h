/** Sink: where a register is filled: through a writer lane, or straight into SQLite's file. */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "db/db.h"

#include <sqlite3.h>

struct sink {
    struct db *db;
    sqlite3 *file; /* instead of DB */
    struct tx *tx; /* of DB, while sink_write() runs */
};
/**
 * Open SQLite's file at PATH, which nobody else may have open, for much at once: without a journal,
 * so that a fill that is interrupted leaves nothing to use. Ends the program when it cannot.
 */
sqlite3 *sink_file(struct scope *s, const char *path);
/** Bring the file to disk, give it back its journal, and close it. */
void sink_done(struct scope *s, struct sink *to);

/** Run STEP in one transaction. */
enum err sink_write(struct scope *s, const struct sink *to,
                    enum err (*step)(struct scope *s, const struct sink *to, void *arg), void *arg);
/**
 * Within a step: one statement.
 *
 * @param first  receives the first column of the first row, NULL when there is none; NULL: not
 * wanted
 */
enum err sink_run(struct scope *s, const struct sink *to, const char *text, struct values v,
                  const char **first);

#endif
