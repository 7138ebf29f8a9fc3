#include "access/remember.h"

#include "base/random.h"
#include "base/secret.h"
#include "pki/hash.h"

#include <pthread.h>
#include <string.h>

#define SETS 1024
#define WAYS 4

struct entry {
    uint8_t key[REMEMBER_KEY_LEN];
    struct known *known; /* NULL: free */
    int64_t until_ms;
};

struct remember {
    pthread_mutex_t lock;
    struct secret *hmac_key;
    atomic_uint_fast64_t forgets;
    struct entry sets[SETS][WAYS];
};

struct remember *
remember_new(void)
{
    struct remember *r = mem_alloc(sizeof *r);

    pthread_mutex_init(&r->lock, NULL);
    r->hmac_key = secret_new(32);
    random_bytes(r->hmac_key->data, r->hmac_key->len);
    return r;
}

void
remember_free(struct remember *r)
{
    if (!r)
        return;
    remember_forget(r, NULL);
    secret_free(r->hmac_key);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

void
remember_key(const struct remember *r, const char *kind, const char *credential,
             uint8_t key[REMEMBER_KEY_LEN])
{
    uint8_t first[REMEMBER_KEY_LEN];

    hash_hmac_sha256(secret_bytes(r->hmac_key), bytes_of_text(kind), first);
    hash_hmac_sha256((struct bytes){ first, sizeof first }, bytes_of_text(credential), key);
}

static struct entry *
set_of(struct remember *r, const uint8_t key[REMEMBER_KEY_LEN])
{
    return r->sets[(key[0] | key[1] << 8) % SETS];
}

struct known *
remember_get(struct remember *r, const uint8_t key[REMEMBER_KEY_LEN])
{
    struct entry *set = set_of(r, key);
    int64_t now = clock_mono_ms();
    struct known *found = NULL;

    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < WAYS && !found; i++) /* keyed hashes: no need to compare in constant time */
        if (set[i].known && set[i].until_ms > now &&
            memcmp(set[i].key, key, sizeof set[i].key) == 0)
            found = known_ref(set[i].known);
    pthread_mutex_unlock(&r->lock);
    return found;
}

const struct caller *
remember_caller(struct scope *s, struct remember *r, const uint8_t key[REMEMBER_KEY_LEN],
                const struct access_peer *peer)
{
    AUTO(known_unref) struct known *k = remember_get(r, key);

    return k ? known_caller(s, k, peer) : NULL;
}

uint64_t
remember_mark(const struct remember *r)
{
    return r->forgets;
}

void
remember_put(struct remember *r, const uint8_t key[REMEMBER_KEY_LEN], struct known *k, int64_t ms,
             uint64_t mark)
{
    struct entry *set = set_of(r, key), *place = &set[0];
    struct known *dropped = NULL;

    pthread_mutex_lock(&r->lock);
    if (r->forgets == mark && ms > 0) {
        for (int i = 0; i < WAYS; i++) {
            if (set[i].known && memcmp(set[i].key, key, sizeof set[i].key) == 0) {
                place = &set[i];
                break;
            }
            if (set[i].until_ms < place->until_ms) /* the one that ends first makes room */
                place = &set[i];
        }
        dropped = place->known;
        memcpy(place->key, key, sizeof place->key);
        place->known = known_ref(k);
        place->until_ms = clock_mono_ms() + ms;
    }
    pthread_mutex_unlock(&r->lock);
    known_unref(dropped);
}

void
remember_drop(struct remember *r, const uint8_t key[REMEMBER_KEY_LEN])
{
    struct entry *set = set_of(r, key);

    pthread_mutex_lock(&r->lock);
    r->forgets++;
    for (int i = 0; i < WAYS; i++) {
        if (!set[i].known || memcmp(set[i].key, key, sizeof set[i].key) != 0)
            continue;
        known_unref(set[i].known);
        set[i] = (struct entry){ 0 };
    }
    pthread_mutex_unlock(&r->lock);
}

void
remember_forget(struct remember *r, const char *id_text)
{
    pthread_mutex_lock(&r->lock);
    r->forgets++;
    for (size_t i = 0; i < SETS * WAYS; i++) {
        struct entry *e = &r->sets[i / WAYS][i % WAYS];

        if (!e->known || (id_text && !text_eq(e->known->caller.id_text, id_text)))
            continue;
        known_unref(e->known);
        *e = (struct entry){ 0 };
    }
    pthread_mutex_unlock(&r->lock);
}
