/** Sqlite: what the files of the SQLite engine share. Internal to the folder. */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include "db/engine.h"
#include "db/kept_map.h"

#include <sqlite3.h>

/* What the writer does again and again, prepared by hand. */
enum step {
    STEP_BEGIN,
    STEP_COMMIT,
    STEP_ROLLBACK,
    STEP_SAVE,
    STEP_RELEASE,
    STEP_UNDO,
    STEP_VIEW,
    STEPS
};

struct sqlite_conn {
    struct conn head;
    sqlite3 *handle;
    sqlite3_stmt *steps[STEPS];
    bool writer;
    bool changed;        /* something, since the writer set this to false */
    int careful;         /* so many writes more have savepoints of their own; the writer's */
    struct kept_map map; /* of a reader */
    int64_t deadline_ms; /* of the question that runs */
    /* Of the write-ahead log, in frames; the writer's. */
    int log_frames; /* after the last commit */
    int log_done;   /* carried over into the file */
    int log_due;    /* at which the log is emptied without waiting for quiet */
    int log_round;  /* when the carrier's round began */
    bool log_anew;  /* since then it began anew */
    bool log_calm;  /* and writes of many rows wait */
};

/** Run a step of the writer. */
enum err sqlite_step(struct scope *s, struct sqlite_conn *c, enum step step);
/** Record SQLite's failure RC; C is broken when it may be. */
enum err sqlite_failure(struct scope *s, struct sqlite_conn *c, int rc, const char *what);
void *sqlite_lane(void *lane);

/** The dump of a file is the file, page by page. @see struct engine */
enum err sqlite_dump(struct scope *s, struct conn *c, const char *scratch,
                     const struct db_sink *sink);
enum err sqlite_look(struct scope *s, struct db *db, struct db_place *out);
enum err sqlite_load(struct scope *s, struct db *db, const struct db_source *from);

#endif
