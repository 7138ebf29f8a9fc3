#include "ca/ocsp_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define SHARDS 64
#define BUCKETS 1024 /* of a shard */
#define MARKS 4096
#define CACHE_LINE 64
#define USUAL_LEN 1280 /* of an answer by a P-256 key, with all that is kept of it */

struct answer {
    _Atomic int uses;     /* the cache's, and one for each arena that holds it */
    struct answer *chain; /* in its bucket */
    struct answer *older, *newer;
    int64_t ca_key;
    struct when this_update, next_update, until;
    size_t size, len, lines_len;
    uint8_t hash, serial_len;
    uint8_t data[]; /* serial, DER, lines */
};

struct shard {
    pthread_mutex_t lock;
    struct answer *buckets[BUCKETS];
    struct answer *oldest, *newest;
    size_t used;
};

struct ocsp_cache {
    struct shard shards[SHARDS];
    _Atomic uint64_t marks[MARKS]; /* grow with each forgetting of a serial that falls there */
    size_t most;                   /* of a shard */
};

/* Of the serial alone, so that one forgetting finds every answer about it. Serials are random
 * already. */
static uint32_t
hash_of(struct bytes serial)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < serial.len; i++)
        h = (h ^ serial.data[i]) * 16777619u;
    return h ^ h >> 15;
}

struct ocsp_cache *
ocsp_cache_new(int64_t most_bytes)
{
    struct ocsp_cache *c = mem_alloc(sizeof(*c));

    c->most = (size_t)MAX(most_bytes / SHARDS, INT64_C(4096));
    for (size_t i = 0; i < SHARDS; i++)
        (void)pthread_mutex_init(&c->shards[i].lock, NULL);
    return c;
}

static struct answer **
bucket_of(struct shard *sh, uint32_t h)
{
    return &sh->buckets[h / SHARDS % BUCKETS];
}

static bool
is_slot(const struct answer *a, const struct ocsp_slot *slot)
{
    return a->ca_key == slot->ca_key && a->hash == (uint8_t)slot->hash &&
           a->serial_len == slot->serial.len &&
           !memcmp(a->data, slot->serial.data, slot->serial.len);
}

static void
let_go(void *data)
{
    struct answer *a = data;

    if (atomic_fetch_sub_explicit(&a->uses, 1, memory_order_acq_rel) == 1)
        mem_free(a);
}

/* Take it out of its bucket and of the order of age, and let go of it. */
static void
drop(struct shard *sh, struct answer *gone)
{
    struct answer **at = bucket_of(sh, hash_of((struct bytes){ gone->data, gone->serial_len }));

    while (*at != gone)
        at = &(*at)->chain;
    *at = gone->chain;
    *(gone->older ? &gone->older->newer : &sh->oldest) = gone->newer;
    *(gone->newer ? &gone->newer->older : &sh->newest) = gone->older;
    sh->used -= gone->size;
    let_go(gone);
}

static void
drop_all(struct shard *sh)
{
    while (sh->oldest)
        drop(sh, sh->oldest);
}

void
ocsp_cache_free(struct ocsp_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        drop_all(&c->shards[i]);
        (void)pthread_mutex_destroy(&c->shards[i].lock);
    }
    mem_free(c);
}

/* Ask for an answer of usual length at once, before its first octets say how long it is; it is read
 * once, so it need not push out what every request needs. */
static void
announce(const struct answer *a)
{
    for (size_t at = 0; at < USUAL_LEN; at += CACHE_LINE)
        __builtin_prefetch((const uint8_t *)a + at, 0, 0);
}

void
ocsp_cache_hint(const struct ocsp_cache *c, struct bytes serial)
{
    uint32_t h = hash_of(serial);
    const struct shard *sh = &c->shards[h % SHARDS];

    __builtin_prefetch(&sh->lock, 1, 3);
    __builtin_prefetch(&sh->buckets[h / SHARDS % BUCKETS], 0, 3);
}

bool
ocsp_cache_get(struct ocsp_cache *c, const struct ocsp_slot *slot, struct when now, struct arena *a,
               struct ocsp_kept *out)
{
    uint32_t h = hash_of(slot->serial);
    struct shard *sh = &c->shards[h % SHARDS];
    struct answer *found;

    (void)pthread_mutex_lock(&sh->lock);
    found = *bucket_of(sh, h);
    if (found)
        announce(found);
    while (found && !is_slot(found, slot))
        found = found->chain;
    /* the clock may have gone back since */
    if (found && when_cmp(now, found->until) < 0 && when_cmp(found->this_update, now) <= 0)
        (void)atomic_fetch_add_explicit(&found->uses, 1, memory_order_relaxed);
    else
        found = NULL;
    (void)pthread_mutex_unlock(&sh->lock);
    if (!found)
        return false;
    (void)arena_defer(a, found, let_go);
    *out = (struct ocsp_kept){ .der = { found->data + found->serial_len, found->len },
                               .this_update = found->this_update,
                               .next_update = found->next_update,
                               .until = found->until,
                               .lines = { found->data + found->serial_len + found->len,
                                          found->lines_len } };
    return true;
}

uint64_t
ocsp_cache_mark(struct ocsp_cache *c, struct bytes serial)
{
    return atomic_load(&c->marks[hash_of(serial) % MARKS]);
}

void
ocsp_cache_put(struct ocsp_cache *c, const struct ocsp_slot *slot, uint64_t mark,
               const struct ocsp_kept *answer)
{
    struct bytes der = answer->der;
    uint32_t h = hash_of(slot->serial);
    struct shard *sh = &c->shards[h % SHARDS];
    size_t size = sizeof(struct answer) + slot->serial.len + der.len + answer->lines.len;
    struct answer *fresh, *old;

    if (size > c->most || slot->serial.len > 255)
        return;
    fresh = mem_alloc(size);
    *fresh = (struct answer){ .uses = 1,
                              .ca_key = slot->ca_key,
                              .this_update = answer->this_update,
                              .next_update = answer->next_update,
                              .until = answer->until,
                              .size = size,
                              .len = der.len,
                              .lines_len = answer->lines.len,
                              .hash = (uint8_t)slot->hash,
                              .serial_len = (uint8_t)slot->serial.len };
    memcpy(fresh->data, slot->serial.data, slot->serial.len);
    memcpy(fresh->data + slot->serial.len, der.data, der.len);
    memcpy(fresh->data + slot->serial.len + der.len, answer->lines.data, answer->lines.len);
    (void)pthread_mutex_lock(&sh->lock);
    if (atomic_load(&c->marks[h % MARKS]) !=
        mark) { /* revoked meanwhile: the answer may be wrong already */
        mem_free(fresh);
    } else {
        for (old = *bucket_of(sh, h); old && !is_slot(old, slot); old = old->chain)
            ;
        if (old)
            drop(sh, old);
        while (sh->oldest && sh->used + size > c->most)
            drop(sh, sh->oldest);
        fresh->chain = *bucket_of(sh, h);
        *bucket_of(sh, h) = fresh;
        fresh->older = sh->newest;
        *(sh->newest ? &sh->newest->newer : &sh->oldest) = fresh;
        sh->newest = fresh;
        sh->used += size;
    }
    (void)pthread_mutex_unlock(&sh->lock);
}

void
ocsp_cache_forget(struct ocsp_cache *c, struct bytes serial)
{
    uint32_t h = hash_of(serial);
    struct shard *sh = &c->shards[h % SHARDS];

    (void)pthread_mutex_lock(&sh->lock);
    (void)atomic_fetch_add(&c->marks[h % MARKS], 1);
    for (struct answer *a = *bucket_of(sh, h), *next; a; a = next) {
        next = a->chain;
        if (bytes_eq((struct bytes){ a->data, a->serial_len }, serial))
            drop(sh, a);
    }
    (void)pthread_mutex_unlock(&sh->lock);
}

void
ocsp_cache_forget_all(struct ocsp_cache *c)
{
    for (size_t i = 0; i < MARKS; i++)
        (void)atomic_fetch_add(&c->marks[i], 1);
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_lock(&c->shards[i].lock);
        drop_all(&c->shards[i]);
        (void)pthread_mutex_unlock(&c->shards[i].lock);
    }
}

int64_t
ocsp_cache_used(struct ocsp_cache *c)
{
    size_t used = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_lock(&c->shards[i].lock);
        used += c->shards[i].used;
        (void)pthread_mutex_unlock(&c->shards[i].lock);
    }
    return (int64_t)used;
}
