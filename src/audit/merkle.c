#include "audit/merkle.h"

#include "audit/checkpoint.h"
#include "pki/hash.h"

#include <string.h>

/** The hash of an inner node: one byte 1 before the two halves. */
static void
join(const uint8_t left[AUDIT_HASH_LEN], const uint8_t right[AUDIT_HASH_LEN],
     uint8_t out[AUDIT_HASH_LEN])
{
    uint8_t text[1 + 2 * AUDIT_HASH_LEN] = { 1 };

    memcpy(text + 1, left, AUDIT_HASH_LEN);
    memcpy(text + 1 + AUDIT_HASH_LEN, right, AUDIT_HASH_LEN);
    hash_sha256((struct bytes){ text, sizeof text }, out);
}

void
merkle_add(struct merkle *m, const uint8_t leaf[AUDIT_HASH_LEN])
{
    uint8_t text[1 + AUDIT_HASH_LEN] = { 0 }, node[AUDIT_HASH_LEN];
    int height = 0;

    memcpy(text + 1, leaf, AUDIT_HASH_LEN);
    hash_sha256((struct bytes){ text, sizeof text }, node);
    for (uint64_t n = m->leaves; n & 1; n >>= 1, height++)
        join(m->left[height], node, node);
    memcpy(m->left[height], node, AUDIT_HASH_LEN);
    m->leaves++;
}

void
merkle_root_of(const struct merkle *m, uint8_t root[AUDIT_HASH_LEN])
{
    bool have = false;

    if (m->leaves == 0) {
        hash_sha256((struct bytes){ NULL, 0 }, root);
        return;
    }
    for (int height = 0; height < 64; height++) {
        if (!(m->leaves >> height & 1))
            continue;
        if (have)
            join(m->left[height], root, root);
        else
            memcpy(root, m->left[height], AUDIT_HASH_LEN);
        have = true;
    }
}

void
merkle_root(const uint8_t (*leaves)[32], size_t count, uint8_t root[32])
{
    struct merkle m = { 0 };

    for (size_t i = 0; i < count; i++)
        merkle_add(&m, leaves[i]);
    merkle_root_of(&m, root);
}
