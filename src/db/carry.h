/**
 * Carry: SQLite's log is carried over into the database's file on a thread of its own, by a
 * connection of its own, while the lane writes on. What is written meanwhile stays in the log, and
 * it begins anew only when nothing is left: the last little is the lane's. Internal to the folder;
 * the lane alone calls.
 *
 * @see sqlite.org/wal.html section 3.2
 */
#ifndef DB_CARRY_H
#define DB_CARRY_H

#include "db/engine.h"

struct carry;

/** What came of one round. */
struct carried {
    bool failed;  /* or the keeper did not want it; both were told */
    int64_t done; /* frames of the log that are in the file now */
};

/** Begins nothing; NULL: there can be no thread. */
struct carry *carry_new(struct db *db);
/** Waits for the round that is under way; takes NULL. */
void carry_free(struct carry *c);
OWNED(struct carry, carry_free);
/**
 * Begin a round, when none is under way: all that is committed now, unless a reader needs it.
 *
 * @param large  the log is so large that the keeper is not obeyed
 */
void carry_begin(struct carry *c, bool large);
/** What came of the round that ended, told once. */
bool carry_ended(struct carry *c, struct carried *out);
/** Is a round under way, or one over that was not told? */
bool carry_busy(struct carry *c);

#endif
