#include "acme/limit_memory.h"

#include "base/arena.h"
#include "base/random.h"
#include "base/when.h"
#include <math.h>
#include <pthread.h>

#define SLOTS 16384 /* a power of two */
#define NEAR 8      /* places where a key may be */

struct slot {
    uint64_t hash; /* 0: nobody's */
    double tokens;
    int64_t at;
};

struct limit_memory {
    pthread_mutex_t lock;
    uint64_t salt; /* so that nobody chooses who shares a place */
    struct slot slots[SLOTS];
};

struct limit_memory *
limit_memory_new(void)
{
    struct limit_memory *m = mem_alloc(sizeof(*m));

    (void)pthread_mutex_init(&m->lock, NULL);
    random_bytes((uint8_t *)&m->salt, sizeof(m->salt));
    return m;
}

void
limit_memory_free(struct limit_memory *m)
{
    if (!m)
        return;
    (void)pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

static uint64_t
hash_of(const struct limit_memory *m, const char *key)
{
    uint64_t h = m->salt ^ UINT64_C(14695981039346656037);

    for (; *key; key++)
        h = (h ^ (uint8_t)*key) * UINT64_C(1099511628211);
    h = (h ^ h >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    return h ? h : 1;
}

/* The place of a key, or the one that it may have; the idlest goes. */
static struct slot *
slot_of(struct limit_memory *m, uint64_t hash)
{
    struct slot *idlest = NULL;

    for (size_t i = 0; i < NEAR; i++) {
        struct slot *at = &m->slots[(hash + i) & (SLOTS - 1)];

        if (at->hash == hash)
            return at;
        if (!idlest || at->at < idlest->at)
            idlest = at;
    }
    return idlest;
}

int64_t
limit_memory_take(struct limit_memory *m, const char *key, int64_t most, int64_t period)
{
    uint64_t hash = hash_of(m, key);
    int64_t now = clock_mono_ms(), wait = 0;
    struct slot *slot;

    (void)pthread_mutex_lock(&m->lock);
    slot = slot_of(m, hash);
    if (slot->hash != hash)
        *slot = (struct slot){ hash, (double)most, now };
    slot->tokens += (double)(now - slot->at) * (double)most / (double)period;
    if (slot->tokens > (double)most)
        slot->tokens = (double)most;
    slot->at = now;
    if (slot->tokens < 1)
        wait = (int64_t)ceil((1 - slot->tokens) * (double)period / (double)most);
    else
        slot->tokens -= 1;
    (void)pthread_mutex_unlock(&m->lock);
    return wait;
}

bool
limit_memory_forget(struct limit_memory *m, const char *key)
{
    uint64_t hash = hash_of(m, key);
    struct slot *slot;
    bool was;

    (void)pthread_mutex_lock(&m->lock);
    slot = slot_of(m, hash);
    was = slot->hash == hash;
    if (was)
        *slot = (struct slot){ 0 };
    (void)pthread_mutex_unlock(&m->lock);
    return was;
}
