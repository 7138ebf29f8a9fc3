/**
 * Retain: events are kept for a time, then exported to a signed file and removed, whole checkpoint
 * intervals at once. The chain stays verifiable: by itself from there on, and with the file from
 * its beginning.
 *
 * @see operations.md section 4.2
 */
#ifndef AUDIT_RETAIN_H
#define AUDIT_RETAIN_H

#include "db/db.h"
#include "seal/seal.h"

/** What is kept. */
struct audit_retention {
    struct when before; /* intervals whose last event is older than that leave */
    const char *dir;    /* of the files, mode 0700; it exists */
};

/**
 * Export and remove one file's worth: at most 20000 events of one chain, which is verified before.
 * Also ends what a crash left half removed. Only one at a time may run on a database.
 *
 * @param removed  receives how many events left; 0: there is nothing more to do
 * @return E_INVALID: the chain is broken there; nothing was removed
 */
enum err audit_retain(struct scope *s, struct db *db, struct seal *seal,
                      const struct audit_retention *r, int64_t *removed);

#endif
