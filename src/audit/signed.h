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
/** Take one signed interval out of a checkpoint event. @return E_INVALID when it is malformed */
enum err interval_read(struct scope *s, const struct json *j, struct interval *out);
/**
 * The signed intervals that an event holds: an array for interval_read().
 *
 * @param text  the event's canonical JSON, or a line of an export
 * @param out   receives the array, or NULL when the event is no checkpoint
 */
enum err intervals_of_event(struct scope *s, struct bytes text, const struct json **out);

#endif
