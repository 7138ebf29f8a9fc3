/**
 * Removed: what was exported of the beginning of a chain and removed from it. The key's word for
 * where that ended stays, so that what remains still follows from something.
 *
 * @see operations.md section 4.2
 */
#ifndef AUDIT_REMOVED_H
#define AUDIT_REMOVED_H

#include "audit/canonical.h"
#include "codec/json.h"

/** A range of events that left their chain. */
struct removed {
    int64_t lane, from, to;
    struct when at;
    uint8_t prev[AUDIT_HASH_LEN]; /* what the first of them names */
    uint8_t last[AUDIT_HASH_LEN]; /* the hash of the last one */
    const char *kid;
    struct bytes signature;
    const char *file;
};

/** The text that is signed: canonical JSON of all but file and signature. */
struct bytes removed_text(struct arena *a, const struct removed *r);
/** How the last line of an exported file begins; it says where the file ends, signed. */
#define REMOVED_LINE "{\"removed\":"
/** That line; SPKI is the public half of the key that signed. */
const char *removed_line(struct arena *a, const struct removed *r, struct bytes spki);
/** Read it. @return E_INVALID when it is malformed */
enum err removed_read(struct scope *s, struct bytes line, struct removed *out, const char **spki64);

/** What left chain LANE: a list of struct removed, in order. */
enum err removed_list(struct scope *s, struct db *db, int64_t lane, struct list *out);
/**
 * What is wrong with ALL that left a chain, or NULL: it begins at the first event, without holes,
 * each part is signed by one of KEYS (of struct keyring_key) and follows from the one before.
 */
const char *removed_fault(struct scope *s, const struct list *all, const struct list *keys);

#endif
