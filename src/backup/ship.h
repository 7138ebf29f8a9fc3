/**
 * Ship: SQLite's log, copied away while the server works, so that a disk that dies takes a minute
 * with it and not a day. A thread of its own writes what was committed as segments of a stream, and
 * nothing of the log is carried over into the file before. Backups that are made meanwhile say
 * where in the stream they stand. Any thread.
 *
 * @see operations.md section 8
 */
#ifndef BACKUP_SHIP_H
#define BACKUP_SHIP_H

#include "backup/segment.h"

struct ship;

struct ship_options {
    struct db *db; /* SQLite, opened with keep_log */
    struct seal *seal;
    const char *dir;        /* of the streams; made if need be */
    const char *key_dir;    /* its *.key are copied, too: an authority may be made at any time */
    const char *program;    /* its version */
    struct list recipients; /* of const char *: segments are encrypted to them; none: to nobody */
    int64_t every_ms;
    /** A backup is wanted, on which the stream can go on; called by the thread, not by the lane. */
    void (*want_base)(void *arg);
    void *arg;
};

/** Go on with the stream that the log belongs to, or begin one: as soon as the directory allows it.
 */
enum err ship_start(struct scope *s, const struct ship_options *o, struct ship **out);
/** End the thread; the lane is still served. NULL is allowed. */
void ship_stop(struct ship *ship);
/** After db_close(). NULL is allowed. */
void ship_free(struct ship *ship);

/** Before the database is looked at, and once it was: note in M where a backup stands in the
 * stream. Without SHIP, or when it cannot copy, M stands nowhere. */
void ship_from(struct scope *s, struct ship *ship, struct backup_manifest *m);
void ship_through(struct scope *s, struct ship *ship, struct backup_manifest *m);

/** How it goes. */
struct ship_state {
    const char *stream; /* in the arena given */
    const char *signer; /* id of the key that seals them; the same */
    int64_t number;     /* of the newest segment */
    bool based;         /* there is a backup that its segments continue */
    int64_t behind_ms;  /* since all was copied; 0: it is */
    const char *why;    /* it cannot go on; NULL: it can */
};
void ship_state(struct arena *a, struct ship *ship, struct ship_state *out);
/** Whether there is a backup of the present stream, as whoever looks at them found. */
void ship_based(struct ship *ship, const char *stream, bool based);

#endif
