#include "access/guesses.h"

#include "base/random.h"
#include "pki/hash.h"

#include <pthread.h>
#include <string.h>

#define NAMES 4096
#define AUDIT_BURST 20
#define AUDIT_EVERY_MS 500

/** What is known about a made-up name; found by a keyed hash, the newer of two that meet stays. */
struct guess {
    uint8_t hash[16];
    int64_t failures, locked_until_ms;
};

struct guesses {
    pthread_mutex_t lock;
    uint8_t key[32];
    struct guess names[NAMES];
    int64_t credit_ms, credit_at_ms; /* of audit events, in time */
    int64_t skipped;
};

struct guesses *
guesses_new(void)
{
    struct guesses *g = mem_alloc(sizeof *g);

    pthread_mutex_init(&g->lock, NULL);
    random_bytes(g->key, sizeof g->key);
    g->credit_ms = (int64_t)AUDIT_BURST * AUDIT_EVERY_MS;
    g->credit_at_ms = clock_mono_ms();
    return g;
}

void
guesses_free(struct guesses *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    mem_free(g);
}

int64_t
lock_out_ms(int64_t failures, int lock_after, int64_t first_ms)
{
    int64_t ms = first_ms;

    if (failures < lock_after)
        return 0;
    for (int64_t i = lock_after; i < failures && ms < HOUR_MS; i++)
        ms *= 2;
    return MIN(ms, MAX(HOUR_MS, first_ms));
}

/** The place of NAME, and whether what stands there is about it. */
static struct guess *
place_of(struct guesses *g, const char *name, uint8_t hash[SHA256_LEN], bool *same)
{
    struct guess *place;

    hash_hmac_sha256((struct bytes){ g->key, sizeof g->key }, bytes_of_text(name), hash);
    place = &g->names[(hash[16] | hash[17] << 8) % NAMES];
    *same = memcmp(place->hash, hash, sizeof place->hash) == 0;
    return place;
}

int64_t
guesses_locked_ms(struct guesses *g, const char *name)
{
    uint8_t hash[SHA256_LEN];
    struct guess *place;
    int64_t left = 0;
    bool same;

    pthread_mutex_lock(&g->lock);
    place = place_of(g, name, hash, &same);
    if (same)
        left = MAX(place->locked_until_ms - clock_mono_ms(), 0);
    pthread_mutex_unlock(&g->lock);
    return left;
}

void
guesses_failed(struct guesses *g, const char *name, int lock_after, int64_t first_ms)
{
    uint8_t hash[SHA256_LEN];
    struct guess *place;
    int64_t lock_ms;
    bool same;

    pthread_mutex_lock(&g->lock);
    place = place_of(g, name, hash, &same);
    if (!same) {
        *place = (struct guess){ 0 };
        memcpy(place->hash, hash, sizeof place->hash);
    }
    lock_ms = lock_out_ms(++place->failures, lock_after, first_ms);
    place->locked_until_ms = lock_ms ? clock_mono_ms() + lock_ms : 0;
    pthread_mutex_unlock(&g->lock);
}

void
guesses_forget(struct guesses *g, const char *name)
{
    uint8_t hash[SHA256_LEN];
    struct guess *place;
    bool same;

    pthread_mutex_lock(&g->lock);
    place = place_of(g, name, hash, &same);
    if (same)
        *place = (struct guess){ 0 };
    pthread_mutex_unlock(&g->lock);
}

bool
guesses_audit(struct guesses *g, int64_t *skipped)
{
    int64_t now = clock_mono_ms();
    bool yes;

    pthread_mutex_lock(&g->lock);
    g->credit_ms = MIN(g->credit_ms + now - g->credit_at_ms, (int64_t)AUDIT_BURST * AUDIT_EVERY_MS);
    g->credit_at_ms = now;
    yes = g->credit_ms >= AUDIT_EVERY_MS;
    if (yes) {
        g->credit_ms -= AUDIT_EVERY_MS;
        *skipped = g->skipped;
        g->skipped = 0;
    } else {
        g->skipped++;
    }
    pthread_mutex_unlock(&g->lock);
    return yes;
}
