/** Postgres: what the files of the PostgreSQL engine share. Internal to the folder. */
#ifndef DB_POSTGRES_H
#define DB_POSTGRES_H

#include "db/engine.h"

#include <libpq-fe.h>

/* The first key of our advisory locks ("CHYL", "CHYS"); the second is a lane's number, or 0. */
#define LOCK_LANE 0x4348594c
#define LOCK_SCHEMA 0x43485953

struct postgres_conn {
    struct conn head;
    PGconn *link;
    uint64_t names; /* of prepared statements given so far */
};

/** Run TEXT, which takes no values, and return the number in its first column; 0 when it gives no
 * rows. */
enum err postgres_ask(struct scope *s, struct postgres_conn *c, const char *text, int64_t *number);
void *postgres_lane(void *lane);

#endif
