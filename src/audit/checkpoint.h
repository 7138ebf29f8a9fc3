/**
 * Checkpoints: signed Merkle roots over all chains, every 1000 events or 60 seconds, so that
 * whoever keeps one can show later that nothing before it was changed.
 *
 * @see operations.md section 4.2, RFC 6962 section 2.1
 */
#ifndef AUDIT_CHECKPOINT_H
#define AUDIT_CHECKPOINT_H

#include "db/db.h"

struct seal;

#define AUDIT_CHECKPOINT_EVENTS 1000
#define AUDIT_CHECKPOINT_MS (60 * SECOND_MS)
/**
 * The kind of job that makes checkpoints: added by audit_add() every 1000 events, and by a schedule
 * every minute. Its handler, the program's, calls audit_checkpoint(); .every "60s".
 */
#define AUDIT_CHECKPOINT_JOB "audit.checkpoint"

/**
 * Sign what came since the last checkpoint; does nothing when there is nothing.
 *
 * @param made  receives whether a checkpoint was written; may be NULL
 */
enum err audit_checkpoint(struct scope *s, struct db *db, struct seal *seal, bool *made);
/** The public keys of all checkpoints as a JWK Set, for those who verify elsewhere. */
enum err audit_checkpoint_keys(struct scope *s, struct db *db, const char **jwks);

/** The root of the Merkle tree over COUNT leaves, each 32 bytes: the events' hashes (RFC 6962
 * section 2.1). */
void merkle_root(const uint8_t (*leaves)[32], size_t count, uint8_t root[32]);

#endif
