/** Merkle: the root of a tree over any number of leaves, without keeping them. @see RFC 6962
 * section 2.1 */
#ifndef AUDIT_MERKLE_H
#define AUDIT_MERKLE_H

#include "audit/canonical.h"

/** A tree that grows leaf by leaf; starts as zeros. */
struct merkle {
    uint64_t leaves;
    uint8_t left[64][AUDIT_HASH_LEN]; /* roots of the complete subtrees, by height, where LEAVES has
                                         a bit */
};
void merkle_add(struct merkle *m, const uint8_t leaf[AUDIT_HASH_LEN]);
/** The root over what was added; of no leaves, the hash of nothing. M may go on. */
void merkle_root_of(const struct merkle *m, uint8_t root[AUDIT_HASH_LEN]);

#endif
