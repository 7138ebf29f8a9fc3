/** Signed: one signed interval of a chain, as rows and checkpoint events hold it. */
#ifndef AUDIT_SIGNED_H
#define AUDIT_SIGNED_H

#include "audit/canonical.h"
#include "codec/json.h"

/** The events FROM to TO of a chain, and the key's word for their Merkle root. */
struct interval {
    int64_t lane, from, to;
    struct when at;
    uint8_t root[AUDIT_HASH_LEN];
    const char *kid;
    struct bytes signature;
};

/** The text that is signed: canonical JSON of everything but the signature. */
struct bytes interval_text(struct arena *a, const struct interval *i);
/**
 * Compute the Merkle root of the events of I (its lane, from and to) by their hashes, into I.
 *
 * @param news  receives whether any of them is about more than the chains themselves
 * @return E_INTERNAL: one is missing, or its hash is none
 */
enum err interval_root(struct scope *s, struct db *db, struct interval *i, bool *news);
/** Write I as events and exports hold it; SPKI is the public half of the key that signed it. */
void interval_write(struct buf *out, struct arena *a, const struct interval *i, struct bytes spki);
#define INTERVAL_COLUMNS "from_seq, to_seq, root, key_id, signature, created_at"
/** Read a row of INTERVAL_COLUMNS, of a chain that is known. False: it has no whole root. */
bool interval_of_row(struct row *row, int64_t lane, struct interval *out);
/** The intervals of a chain that lie between FROM and TO: a list of struct interval, by from, to.
 */
enum err interval_list(struct scope *s, struct db *db, int64_t lane, int64_t from, int64_t to,
                       struct list *out);
/** Take one signed interval out of a checkpoint event. @return E_INVALID when it is malformed */
enum err interval_read(struct scope *s, const struct json *j, struct interval *out);
/** How a line of an export begins that is no event: it has checkpoints over those before it. */
#define CHECKPOINTS_LINE "{\"checkpoints\":"
bool line_is_checkpoints(struct bytes line);
/**
 * The signed intervals that an event holds: an array for interval_read().
 *
 * @param text  the event's canonical JSON, or a line of an export, also one that has checkpoints
 * alone
 * @param out   receives the array, or NULL when there is none
 */
enum err intervals_of_event(struct scope *s, struct bytes text, const struct json **out);

#endif
