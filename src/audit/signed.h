/** Signed: one signed interval of a chain, as rows and checkpoint events hold it. */
#ifndef AUDIT_SIGNED_H
#define AUDIT_SIGNED_H

#include "audit/canonical.h"

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

#endif
