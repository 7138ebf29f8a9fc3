/**
 * OCSP cache: signed answers in memory, found by key, hash algorithm and serial; the oldest go when
 * the room is used up. A mark taken before the register is read makes sure that no answer from
 * before a revocation is kept after it. Any thread; nothing waits for long.
 */
#ifndef CA_OCSP_CACHE_H
#define CA_OCSP_CACHE_H

#include "base/scope.h"
#include "pki/ocsp.h"

struct ocsp_cache;

/** Which answer. */
struct ocsp_slot {
    int64_t ca_key;
    enum ocsp_hash hash;
    struct bytes serial; /* magnitude */
};

/** @param most_bytes  room for answers */
struct ocsp_cache *ocsp_cache_new(int64_t most_bytes);
void ocsp_cache_free(struct ocsp_cache *c);

/** An answer that is kept. */
struct ocsp_kept {
    struct bytes der;  /* without its tail */
    struct bytes tail; /* its last octets, when others end with the same: the cache has them once */
    struct when this_update, next_update;
    struct when until;  /* it is given until then */
    struct bytes lines; /* its http_validators(): most are asked for by GET, again and again */
};
/** Somebody is about to ask about SERIAL: bring near where its answer is found. */
void ocsp_cache_hint(const struct ocsp_cache *c, struct bytes serial);
/** The kept answer, which arena A holds from now on, whatever the cache forgets; false when there
 * is none that still holds at NOW. */
bool ocsp_cache_get(struct ocsp_cache *c, const struct ocsp_slot *slot, struct when now,
                    struct arena *a, struct ocsp_kept *out);
/** Take this before asking the register about SERIAL. */
uint64_t ocsp_cache_mark(struct ocsp_cache *c, struct bytes serial);
/** Keep an answer, unless the serial was forgotten since MARK. */
void ocsp_cache_put(struct ocsp_cache *c, const struct ocsp_slot *slot, uint64_t mark,
                    const struct ocsp_kept *answer);
/** Forget every answer about SERIAL, of whatever key. */
void ocsp_cache_forget(struct ocsp_cache *c, struct bytes serial);
void ocsp_cache_forget_all(struct ocsp_cache *c);
/** Bytes in use. */
int64_t ocsp_cache_used(struct ocsp_cache *c);

#endif
