/** Postgres: what the files of the PostgreSQL engine share. Internal to the folder. */
#ifndef DB_POSTGRES_H
#define DB_POSTGRES_H

#include "db/engine.h"

#include <libpq-fe.h>

/* The first key of our advisory locks ("CHYL", "CHYS"); the second is a lane's number, or 0. */
#define LOCK_LANE 0x4348594c
#define LOCK_SCHEMA 0x43485953

#define PENDING_MOST 24 /* commands sent whose results nobody has read */

struct postgres_conn {
    struct conn head;
    PGconn *link;
    uint64_t names; /* of prepared statements given so far */
    bool
        pipelined; /* a lane's: commands may be sent before the results of earlier ones are there */
    int pending;
    const char *sent[PENDING_MOST]; /* what they are called in errors */
};

/**
 * E_INVALID for an address that libpq could not read, or would read otherwise than it is meant: its
 * errors quote what it stumbles over, and that may be the password. Ours do not.
 */
enum err postgres_check_address(struct scope *s, const char *url);

/* Commands, and their results */

/** The connection is gone, or as good as gone. */
enum err postgres_lost(struct scope *s, struct postgres_conn *c, const char *what);
/** Make room for the commands of one statement, by reading the results of those before. */
enum err postgres_room(struct scope *s, struct postgres_conn *c);
/** A command went out, with success or not as libpq says; it is called WHAT in errors. */
enum err postgres_sent(struct scope *s, struct postgres_conn *c, const char *what, int success);
/**
 * Read the results of all that was sent; TAKE, unless NULL, gets those of the last command. The
 * first failure counts; past the scope's deadline the command that runs is cancelled.
 */
enum err postgres_collect(struct scope *s, struct postgres_conn *c,
                          enum err (*take)(struct scope *s, PGresult *r, void *arg), void *arg);
/** Send TEXT, one command without values. */
enum err postgres_send(struct scope *s, struct postgres_conn *c, const char *text);
/** Send TEXT and collect; *NUMBER, unless NULL, receives the first column of the first row, if any.
 */
enum err postgres_ask(struct scope *s, struct postgres_conn *c, const char *text, int64_t *number);
/** End a pipeline: collect, and make the server heed commands again after a failure. */
enum err postgres_sync(struct scope *s, struct postgres_conn *c,
                       enum err (*take)(struct scope *s, PGresult *r, void *arg), void *arg);

/** The body of a lane's thread. */
void *postgres_lane(void *lane);

/** A dump is what COPY gives of each table. @see struct engine */
enum err postgres_dump(struct scope *s, struct conn *c, const char *scratch,
                       const struct db_sink *sink);
enum err postgres_look(struct scope *s, struct db *db, struct db_place *out);
enum err postgres_load(struct scope *s, struct db *db, const struct db_source *from);
/** What PostgreSQL says of R, the result of WHAT, as a failure. */
enum err postgres_failure(struct scope *s, struct postgres_conn *c, const PGresult *r,
                          const char *what);

#endif
