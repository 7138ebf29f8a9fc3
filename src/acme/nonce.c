#include "acme/nonce.h"

#include "acme/problem.h"
#include "base/metric.h"
#include "base/random.h"
#include "seal/keyring.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define BODY_LEN 16 /* time and number */
#define TAG_LEN 16
#define NONCE_LEN (BODY_LEN + TAG_LEN)
#define SEGMENT_BITS 65536
#define EXPIRE_BATCH 1000

COUNTER(issued_total, "chancery_acme_nonces_issued_total", "Nonces given out.");
COUNTER(rejected_total, "chancery_acme_nonces_rejected_total", "Nonces that were refused.", "why");

/* The numbers of one stretch: which came back. */
struct segment {
    uint64_t bits[SEGMENT_BITS / 64];
    int64_t newest_ms; /* when the last of them was given out */
};

struct nonces {
    struct db *db;
    struct nonce_options o;
    uint8_t key[SHA256_LEN];
    struct series *issued;
    /* of a server that is alone */
    pthread_mutex_t lock;
    uint64_t next;             /* number */
    uint64_t first;            /* segment that stands first in the list */
    struct segment **segments; /* from .first on */
    size_t count, cap;
};

static void
put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t
get_u64(const uint8_t *at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

/* All servers of a database must have the same key, and nobody else: it is made of one that is
 * sealed there. A server that is alone has one of its own, so what an earlier run gave out is dead,
 * whose memory of it is gone. */
static enum err
make_key(struct scope *s, struct nonces *n, struct seal *seal)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    struct keyring_key k;

    if (n->o.alone) {
        random_bytes(n->key, sizeof(n->key));
        return OK;
    }
    TRY(keyring_signer(s, n->db, seal, "acme-nonce", (struct key_spec){ KEY_ED25519, 0 }, &k));
    TRY(key_to_pkcs8(s, k.key, &pkcs8));
    hash_sha256_two(BYTES("chancery acme nonce"), secret_bytes(pkcs8), n->key);
    return OK;
}

enum err
nonces_open(struct scope *s, struct db *db, struct seal *seal, const struct nonce_options *o,
            struct nonces **out)
{
    struct nonces *n = mem_alloc(sizeof(*n));
    enum err e;

    n->db = db;
    n->o = *o;
    n->issued = metric_series(&issued_total);
    pthread_mutex_init(&n->lock, NULL);
    e = make_key(s, n, seal);
    if (e != OK) {
        nonces_close(n);
        return note(s, e, "the key of ACME nonces");
    }
    *out = n;
    return OK;
}

void
nonces_close(struct nonces *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->count; i++)
        mem_free(n->segments[i]);
    mem_free(n->segments);
    pthread_mutex_destroy(&n->lock);
    wipe(n->key, sizeof(n->key));
    mem_free(n);
}

/* Let go of the segments whose nonces are all too old, but not of the one that grows. */
static void
drop_old(struct nonces *n, int64_t now_ms)
{
    size_t old = 0;

    while (old + 1 < n->count && n->segments[old]->newest_ms + n->o.life_ms < now_ms)
        mem_free(n->segments[old++]);
    n->count -= old;
    n->first += old;
    if (old)
        memmove(n->segments, n->segments + old, n->count * sizeof(n->segments[0]));
}

static uint64_t
take_number(struct nonces *n, int64_t now_ms)
{
    uint64_t number;

    (void)pthread_mutex_lock(&n->lock);
    number = n->next++;
    if (number % SEGMENT_BITS == 0) {
        drop_old(n, now_ms);
        if (n->count == n->cap) {
            n->cap = n->cap ? 2 * n->cap : 16;
            n->segments = mem_grow(n->segments, n->cap * sizeof(n->segments[0]));
        }
        n->segments[n->count++] = mem_alloc(sizeof(struct segment));
    }
    n->segments[n->count - 1]->newest_ms = now_ms;
    (void)pthread_mutex_unlock(&n->lock);
    return number;
}

const char *
nonce_new(struct nonces *n, struct arena *a)
{
    int64_t now_ms = clock_tick().ms;
    uint8_t nonce[NONCE_LEN], mac[SHA256_LEN];
    uint64_t number;

    if (n->o.alone)
        number = take_number(n, now_ms);
    else
        random_bytes(&number, sizeof(number));
    put_u64(nonce, (uint64_t)now_ms);
    put_u64(nonce + 8, number);
    hash_hmac_sha256((struct bytes){ n->key, sizeof(n->key) }, (struct bytes){ nonce, BODY_LEN },
                     mac);
    memcpy(nonce + BODY_LEN, mac, TAG_LEN);
    series_add(n->issued, 1);
    return base64url_encode(a, (struct bytes){ nonce, NONCE_LEN });
}

static enum err
bad_nonce(struct scope *s, const char *why, const char *text)
{
    metric_add(&rejected_total, 1, why);
    return acme_fail(s, E_INVALID, "badNonce", "%s", text);
}

/* Whether nobody took this number before. */
static bool
mark(struct nonces *n, uint64_t number)
{
    uint64_t segment = number / SEGMENT_BITS, bit = UINT64_C(1) << number % 64, *word;
    bool fresh = false;

    (void)pthread_mutex_lock(&n->lock);
    if (segment >= n->first && segment - n->first < n->count) {
        word = &n->segments[segment - n->first]->bits[number % SEGMENT_BITS / 64];
        fresh = !(*word & bit);
        *word |= bit;
    }
    (void)pthread_mutex_unlock(&n->lock);
    return fresh;
}

SQL(add_used, "INSERT INTO acme_nonce_used (nonce, at) VALUES ($1, $2) ON CONFLICT DO NOTHING");

struct taking {
    struct bytes nonce;
    struct when at;
    int64_t fresh;
};

static enum err
take_in(struct scope *s, struct tx *tx, void *arg)
{
    struct taking *t = arg;

    return tx_count(s, tx, &add_used, BIND(v_bytes(t->nonce), v_when(t->at)), &t->fresh);
}

enum err
nonce_take(struct scope *s, struct nonces *n, const char *text)
{
    int64_t now_ms = clock_now().ms, at_ms;
    struct taking t = { .at = { now_ms } };
    uint8_t mac[SHA256_LEN];

    if (!base64url_decode(s->arena, text, strlen(text), &t.nonce))
        return acme_fail(s, E_INVALID, "malformed", "the nonce is not base64url");
    if (t.nonce.len != NONCE_LEN)
        return bad_nonce(s, "unknown", "the nonce is not one of this server");
    hash_hmac_sha256((struct bytes){ n->key, sizeof(n->key) },
                     (struct bytes){ t.nonce.data, BODY_LEN }, mac);
    if (!bytes_eq_secret((struct bytes){ mac, TAG_LEN },
                         (struct bytes){ t.nonce.data + BODY_LEN, TAG_LEN }))
        return bad_nonce(s, "unknown", "the nonce is not one of this server");
    at_ms = (int64_t)get_u64(t.nonce.data);
    if (at_ms + n->o.life_ms < now_ms)
        return bad_nonce(s, "expired", "the nonce is too old");
    if (n->o.alone)
        t.fresh = mark(n, get_u64(t.nonce.data + 8));
    else
        TRY(db_write(s, n->db, take_in, &t));
    if (!t.fresh)
        return bad_nonce(s, "used", "the nonce was used before");
    if (n->o.reject && (int64_t)random_below(100) < n->o.reject)
        return bad_nonce(s, "told", "the nonce is refused, as acme.nonce_reject says");
    return OK;
}

SQL(expire_used, "DELETE FROM acme_nonce_used WHERE nonce IN (SELECT nonce FROM acme_nonce_used "
                 "WHERE at < $1 ORDER BY at LIMIT $2)");

struct expiry {
    struct when before;
    int64_t count;
};

static enum err
expire_in(struct scope *s, struct tx *tx, void *arg)
{
    struct expiry *x = arg;

    return tx_count(s, tx, &expire_used, BIND(v_when(x->before), v_int(EXPIRE_BATCH)), &x->count);
}

enum err
nonces_expire(struct scope *s, struct nonces *n, int64_t *count)
{
    struct expiry x = { .before = when_add_ms(clock_now(), -n->o.life_ms) };

    *count = 0;
    if (n->o.alone)
        return OK;
    TRY(db_write(s, n->db, expire_in, &x));
    *count = x.count;
    return OK;
}
