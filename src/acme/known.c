#include "acme/known.h"

#include "pki/cert.h"
#include "pki/jwk.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define KEYS 4096 /* the row of each is told by its hash; in a full row the oldest makes room */
#define WAYS 4    /* places in a row */
#define CERTS 64  /* of issuers: more than an authority has had */

/* An account as it was read. */
struct kept {
    atomic_int refs;
    uint64_t number;
    struct arena *arena;
    struct acme_account account;
};

struct known {
    pthread_mutex_t lock;
    struct place {
        uint8_t hash[SHA256_LEN];
        struct verifier *key; /* NULL: nothing is here */
    } keys[KEYS];
    struct kept *accounts[KEYS]; /* NULL: nothing is here */
    struct {
        uint8_t hash[SHA256_LEN];
        bool root;
    } certs[CERTS];
    size_t cert_count; /* of all that ever came; the oldest makes room */
};

static void
kept_unref(struct kept *kept)
{
    struct arena *gone;

    if (!kept || atomic_fetch_sub_explicit(&kept->refs, 1, memory_order_acq_rel) > 1)
        return;
    gone = kept->arena;
    arena_free(gone);
}

struct known *
known_new(void)
{
    struct known *k = mem_alloc(sizeof(*k));

    (void)pthread_mutex_init(&k->lock, NULL);
    return k;
}

void
known_free(struct known *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < KEYS; i++)
        verifier_unref(k->keys[i].key);
    for (size_t i = 0; i < KEYS; i++)
        kept_unref(k->accounts[i]);
    (void)pthread_mutex_destroy(&k->lock);
    mem_free(k);
}

/* The row of a hash; what came last stands first. */
static struct place *
row_of(struct known *k, const uint8_t *hash)
{
    return k->keys + ((size_t)hash[0] << 8 | hash[1]) % (KEYS / WAYS) * WAYS;
}

static struct verifier *
find_key(struct known *k, const uint8_t *hash)
{
    struct place *row = row_of(k, hash);
    struct verifier *key = NULL;

    (void)pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < WAYS && !key; i++)
        if (row[i].key && memcmp(row[i].hash, hash, SHA256_LEN) == 0)
            key = verifier_ref(row[i].key);
    (void)pthread_mutex_unlock(&k->lock);
    return key;
}

static void
keep_key(struct known *k, const uint8_t *hash, struct verifier *key)
{
    struct place *row = row_of(k, hash);
    struct verifier *gone;

    (void)pthread_mutex_lock(&k->lock);
    gone = row[WAYS - 1].key;
    memmove(row + 1, row, (WAYS - 1) * sizeof(*row));
    row[0].key = verifier_ref(key);
    memcpy(row[0].hash, hash, SHA256_LEN);
    (void)pthread_mutex_unlock(&k->lock);
    verifier_unref(gone);
}

enum err
known_key(struct scope *s, struct known *k, struct bytes thumbprint, const char *jwk,
          const struct verifier **key)
{
    struct verifier *have = thumbprint.len == SHA256_LEN ? find_key(k, thumbprint.data) : NULL;
    EVP_PKEY *read;

    if (!have) {
        TRY(jwk_parse(s, bytes_of_text(jwk), &read));
        have = verifier_new(read);
        if (thumbprint.len == SHA256_LEN)
            keep_key(k, thumbprint.data, have);
    }
    *key = arena_own(s->arena, have, verifier_unref);
    return OK;
}

/* Accounts. */

/* The row of an id. */
static struct kept **
accounts_of(struct known *k, const char *public_id)
{
    size_t hash = 5381;

    for (const char *c = public_id; *c; c++)
        hash = hash * 33 ^ (uint8_t)*c;
    return k->accounts + hash % (KEYS / WAYS) * WAYS;
}

static bool
is_this(const struct kept *kept, int64_t endpoint, const char *public_id)
{
    return kept && kept->account.endpoint == endpoint &&
           text_eq(kept->account.public_id, public_id);
}

bool
known_account(struct scope *s, struct known *k, int64_t endpoint, const char *public_id,
              uint64_t number, struct acme_account *out)
{
    struct kept **row = accounts_of(k, public_id), *found = NULL;

    (void)pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < WAYS && !found; i++)
        if (is_this(row[i], endpoint, public_id) && row[i]->number == number)
            found = row[i];
    if (found)
        (void)atomic_fetch_add_explicit(&found->refs, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&k->lock);
    if (found)
        *out = ((struct kept *)arena_own(s->arena, found, kept_unref))->account;
    return found != NULL;
}

static struct kept *
kept_new(const struct acme_account *from, uint64_t number)
{
    struct arena *a = arena_new();
    struct kept *kept = arena_new_of(a, struct kept);
    struct acme_account *to = &kept->account;

    atomic_init(&kept->refs, 1);
    kept->number = number;
    kept->arena = a;
    *to = *from;
    to->public_id = arena_text(a, from->public_id);
    to->thumbprint = bytes_copy(a, from->thumbprint);
    to->key_hash = bytes_copy(a, from->key_hash);
    to->jwk = arena_text(a, from->jwk);
    to->contacts = arena_text(a, from->contacts);
    to->eab = arena_text(a, from->eab);
    to->created_ip = arena_text(a, from->created_ip);
    return kept;
}

/* It takes the place of an older reading; else the oldest of its row makes room. */
void
known_account_keep(struct known *k, const struct acme_account *account, uint64_t number)
{
    struct kept **row = accounts_of(k, account->public_id), *gone;
    struct kept *kept = kept_new(account, number);
    size_t at = 0;

    (void)pthread_mutex_lock(&k->lock);
    while (at < WAYS - 1 && !is_this(row[at], account->endpoint, account->public_id))
        at++;
    gone = row[at];
    memmove(row + 1, row, at * sizeof(*row));
    row[0] = kept;
    (void)pthread_mutex_unlock(&k->lock);
    kept_unref(gone);
}

/* Its place among the certificates, or CERTS; the caller holds the lock. */
static size_t
find_cert(const struct known *k, const uint8_t *hash)
{
    for (size_t i = 0; i < MIN(k->cert_count, (size_t)CERTS); i++)
        if (memcmp(k->certs[i].hash, hash, SHA256_LEN) == 0)
            return i;
    return CERTS;
}

bool
known_root(struct scope *s, struct known *k, struct bytes der)
{
    uint8_t hash[SHA256_LEN];
    bool found, root = false;
    struct cert cert;
    size_t at;

    hash_sha256(der, hash);
    (void)pthread_mutex_lock(&k->lock);
    at = find_cert(k, hash);
    found = at < CERTS;
    if (found)
        root = k->certs[at].root;
    (void)pthread_mutex_unlock(&k->lock);
    if (found)
        return root;
    root = cert_read(s, der, &cert) == OK && cert.self_issued && cert_is_root(s, &cert);
    (void)pthread_mutex_lock(&k->lock);
    if (find_cert(k, hash) == CERTS) {
        at = k->cert_count++ % CERTS;
        k->certs[at].root = root;
        memcpy(k->certs[at].hash, hash, SHA256_LEN);
    }
    (void)pthread_mutex_unlock(&k->lock);
    return root;
}
