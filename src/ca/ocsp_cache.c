#include "ca/ocsp_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define SHARDS 64
#define BUCKETS 1024 /* of a shard */
#define MARKS 4096
#define CACHE_LINE 64
#define USUAL_LEN 576 /* of an answer by a P-256 key, with all that is kept of it but its tail */
#define TAILS_MAX 64

/* What many answers end with: the certificate of who signed them. */
struct tail {
    struct tail *next; /* in the cache's list, the newest first */
    _Atomic int uses;  /* the list's, and one for each answer */
    size_t len;
    uint8_t data[];
};

/* What is looked at first stands in front. */
struct answer {
    _Atomic int uses; /* the cache's, and one for each arena that holds it */
    uint8_t hash, serial_len;
    int64_t ca_key;
    struct answer *chain; /* in its bucket */
    struct when this_update, next_update, until;
    struct tail *tail; /* or NULL */
    uint32_t len, lines_len;
    size_t size;
    struct answer *older, *newer;
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
    pthread_mutex_t tails_lock;    /* guards what follows */
    struct tail *tails;
};

/* Of the serial alone, so that one forgetting finds every answer about it. */
static uint32_t
hash_of(struct bytes serial)
{
    static const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = serial.len, piece = 0;
    size_t at;

    for (at = 0; at + sizeof(piece) <= serial.len; at += sizeof(piece)) {
        memcpy(&piece, serial.data + at, sizeof(piece));
        h = (h ^ piece) * spread;
        h ^= h >> 32;
    }
    for (piece = 0; at < serial.len; at++)
        piece = piece << 8 | serial.data[at];
    h = (h ^ piece) * spread;
    return (uint32_t)(h ^ h >> 32);
}

struct ocsp_cache *
ocsp_cache_new(int64_t most_bytes)
{
    struct ocsp_cache *c = mem_alloc(sizeof(*c));

    c->most = (size_t)MAX(most_bytes / SHARDS, INT64_C(4096));
    for (size_t i = 0; i < SHARDS; i++)
        (void)pthread_mutex_init(&c->shards[i].lock, NULL);
    (void)pthread_mutex_init(&c->tails_lock, NULL);
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
tail_let_go(struct tail *t)
{
    if (t && atomic_fetch_sub_explicit(&t->uses, 1, memory_order_acq_rel) == 1)
        mem_free(t);
}

static void
let_go(void *data)
{
    struct answer *a = data;

    if (atomic_fetch_sub_explicit(&a->uses, 1, memory_order_acq_rel) != 1)
        return;
    tail_let_go(a->tail);
    mem_free(a);
}

/* The list keeps TAILS_MAX of them; those that fall out go with their answers. */
static void
tails_trim(struct ocsp_cache *c, size_t most)
{
    struct tail **at = &c->tails;

    while (*at && most-- > 0)
        at = &(*at)->next;
    while (*at) {
        struct tail *gone = *at;

        *at = gone->next;
        tail_let_go(gone);
    }
}

/* The tail that reads OCTETS, for one more answer; NULL when there are none. */
static struct tail *
tail_of(struct ocsp_cache *c, struct bytes octets)
{
    struct tail *t;

    if (!octets.len)
        return NULL;
    (void)pthread_mutex_lock(&c->tails_lock);
    for (t = c->tails; t && !bytes_eq((struct bytes){ t->data, t->len }, octets);)
        t = t->next;
    if (!t) {
        t = mem_alloc(sizeof(*t) + octets.len);
        t->uses = 1;
        t->len = octets.len;
        memcpy(t->data, octets.data, octets.len);
        t->next = c->tails;
        c->tails = t;
        tails_trim(c, TAILS_MAX);
    }
    (void)atomic_fetch_add_explicit(&t->uses, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&c->tails_lock);
    return t;
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
    tails_trim(c, 0);
    (void)pthread_mutex_destroy(&c->tails_lock);
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
    *out = (struct ocsp_kept){
        .der = { found->data + found->serial_len, found->len },
        .tail = found->tail ? (struct bytes){ found->tail->data, found->tail->len }
                            : (struct bytes){ 0 },
        .this_update = found->this_update,
        .next_update = found->next_update,
        .until = found->until,
        .lines = { found->data + found->serial_len + found->len, found->lines_len }
    };
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

    if (size > c->most || size > UINT32_MAX || slot->serial.len > 255)
        return;
    fresh = mem_alloc(size);
    *fresh = (struct answer){ .uses = 1,
                              .ca_key = slot->ca_key,
                              .this_update = answer->this_update,
                              .next_update = answer->next_update,
                              .until = answer->until,
                              .tail = tail_of(c, answer->tail),
                              .size = size,
                              .len = (uint32_t)der.len,
                              .lines_len = (uint32_t)answer->lines.len,
                              .hash = (uint8_t)slot->hash,
                              .serial_len = (uint8_t)slot->serial.len };
    memcpy(fresh->data, slot->serial.data, slot->serial.len);
    memcpy(fresh->data + slot->serial.len, der.data, der.len);
    memcpy(fresh->data + slot->serial.len + der.len, answer->lines.data, answer->lines.len);
    (void)pthread_mutex_lock(&sh->lock);
    if (atomic_load(&c->marks[h % MARKS]) !=
        mark) { /* revoked meanwhile: the answer may be wrong already */
        let_go(fresh);
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
