/**
 * Agree: whether this server's clock agrees with that of the database that it shares with others.
 * Leases and turns of schedules are told by each server's clock; two that differ by more than a
 * lease take one another's jobs without end.
 */
#ifndef JOBS_AGREE_H
#define JOBS_AGREE_H

#include "db/db.h"

/** How far a server's clock may be from the database's. Two servers differ by twice as much then,
 * which is what a lease of 30 s, renewed each 10 s, bears. */
#define CLOCKS_AGREE_MS (10 * SECOND_MS)

/** How much later this server's clock is than the database's, beyond what the way there and back
 * explains; 0 on SQLite, which has no other clock. */
enum err clock_apart(struct scope *s, struct db *db, int64_t *apart_ms);
/** Compare them when the last time is a minute ago, and log what changed. Any thread. */
enum err clock_watch(struct scope *s, struct db *db);
/** What the last comparison found: 0 when they agree, else as clock_apart(). Any thread. */
int64_t clock_disagrees_ms(void);

#endif
