#include "access/rate.h"

#include "base/random.h"
#include "base/text.h"
#include "base/when.h"

#include <pthread.h>
#include <string.h>

#define SLOTS 12 /* a window is a minute in slots of five seconds */
#define SLOT_MS (MINUTE_MS / SLOTS)
#define WAYS 8

/** Calls of one principal from one address, or of one address. */
struct counter {
    uint64_t hash; /* 0: free */
    int64_t slot;  /* number of the newest slot */
    uint32_t sum;
    uint16_t in[SLOTS];
};

struct rate {
    pthread_mutex_t lock;
    uint64_t seed;
    int per_principal, per_address;
    size_t sets;
    struct counter *counters; /* sets * WAYS */
};

void
rate_set(struct rate *r, const struct rate_options *o)
{
    pthread_mutex_lock(&r->lock);
    r->per_principal = o && o->per_principal ? o->per_principal : 300;
    r->per_address = o && o->per_address ? o->per_address : 500;
    pthread_mutex_unlock(&r->lock);
}

struct rate *
rate_new(const struct rate_options *o)
{
    struct rate *r = mem_alloc(sizeof *r);
    int most = o && o->most > 0 ? o->most : 65536;

    pthread_mutex_init(&r->lock, NULL);
    random_bytes(&r->seed, sizeof r->seed);
    r->sets = MAX((size_t)most / WAYS, 1);
    r->counters = mem_alloc(r->sets * WAYS * sizeof *r->counters);
    rate_set(r, o);
    return r;
}

void
rate_free(struct rate *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    mem_free(r->counters);
    mem_free(r);
}

/** A seeded hash (FNV-1a with a final mix): strangers cannot choose whom they meet. */
static uint64_t
hash_of(const struct rate *r, const char *kind, const char *a, const char *b)
{
    const char *const parts[] = { kind, a, b };
    uint64_t h = r->seed ^ UINT64_C(14695981039346656037);

    for (size_t i = 0; i < COUNT(parts); i++) {
        for (const char *p = parts[i] ? parts[i] : ""; *p; p++)
            h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
        h = (h ^ 0xff) * UINT64_C(1099511628211);
    }
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    return h | 1; /* 0 says "free" */
}

/** The counter of HASH, brought to slot NOW; the one idle longest makes room. */
static struct counter *
counter_of(struct rate *r, uint64_t hash, int64_t now)
{
    struct counter *set = &r->counters[(hash >> 1) % r->sets * WAYS], *c = &set[0];

    for (int i = 0; i < WAYS; i++) {
        if (set[i].hash == hash) {
            c = &set[i];
            break;
        }
        if (set[i].slot < c->slot || !set[i].hash)
            c = &set[i];
    }
    if (c->hash != hash)
        *c = (struct counter){ .hash = hash, .slot = now };
    for (int64_t passed = MIN(now - c->slot, SLOTS); passed > 0; passed--) {
        uint16_t *old = &c->in[(now - passed + 1) % SLOTS];

        c->sum -= *old;
        *old = 0;
    }
    c->slot = MAX(c->slot, now);
    return c;
}

/** Milliseconds until C, which is full, has room for one call more. */
static int64_t
wait_ms(const struct counter *c, int limit, int64_t now_ms)
{
    uint32_t sum = c->sum;

    for (int64_t slot = c->slot - SLOTS + 1; slot <= c->slot; slot++) {
        if (slot >= 0)
            sum -= c->in[slot % SLOTS];
        if (sum < (uint32_t)limit)
            return (slot + SLOTS) * SLOT_MS - now_ms;
    }
    return MINUTE_MS;
}

static bool
is_full(const struct counter *c, int limit)
{
    return c && limit >= 0 && c->sum >= (uint32_t)limit;
}

static void
count_one(struct counter *c)
{
    if (!c || c->in[c->slot % SLOTS] == UINT16_MAX)
        return;
    c->in[c->slot % SLOTS]++;
    c->sum++;
}

enum rate_met
rate_take(struct rate *r, const char *principal, const char *address, int64_t *retry_after_s)
{
    int64_t now_ms = clock_mono_ms(), now = now_ms / SLOT_MS, wait = 0;
    struct counter *by_principal = NULL, *by_address = NULL;
    enum rate_met met = RATE_OK;

    pthread_mutex_lock(&r->lock);
    if (address && r->per_address >= 0)
        by_address = counter_of(r, hash_of(r, "address", address, NULL), now);
    if (principal && r->per_principal >= 0)
        by_principal = counter_of(r, hash_of(r, "principal", principal, address), now);
    if (is_full(by_principal, r->per_principal)) {
        met = RATE_USER;
        wait = wait_ms(by_principal, r->per_principal, now_ms);
    } else if (is_full(by_address, r->per_address)) {
        met = RATE_IP;
        wait = wait_ms(by_address, r->per_address, now_ms);
    } else {
        count_one(by_principal);
        count_one(by_address);
    }
    pthread_mutex_unlock(&r->lock);
    if (met != RATE_OK)
        *retry_after_s = MAX((wait + SECOND_MS - 1) / SECOND_MS, 1);
    return met;
}
