#include "acme/known.h"

#include "pki/cert.h"
#include "pki/jwk.h"
#include <pthread.h>
#include <string.h>

#define KEYS 1024 /* the place of each is told by its hash; who comes later takes it */
#define CERTS 64  /* of issuers: more than an authority has had */

struct known {
    pthread_mutex_t lock;
    struct {
        uint8_t hash[SHA256_LEN];
        EVP_PKEY *key; /* NULL: nothing is here */
    } keys[KEYS];
    struct {
        uint8_t hash[SHA256_LEN];
        bool root;
    } certs[CERTS];
    size_t cert_count; /* of all that ever came; the oldest makes room */
};

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
        EVP_PKEY_free(k->keys[i].key);
    (void)pthread_mutex_destroy(&k->lock);
    mem_free(k);
}

static size_t
place_of(const uint8_t *hash)
{
    return ((size_t)hash[0] << 8 | hash[1]) % KEYS;
}

static EVP_PKEY *
find_key(struct known *k, const uint8_t *hash)
{
    size_t at = place_of(hash);
    EVP_PKEY *key = NULL;

    (void)pthread_mutex_lock(&k->lock);
    if (k->keys[at].key && memcmp(k->keys[at].hash, hash, SHA256_LEN) == 0) {
        key = k->keys[at].key;
        (void)EVP_PKEY_up_ref(key);
    }
    (void)pthread_mutex_unlock(&k->lock);
    return key;
}

static void
keep_key(struct known *k, const uint8_t *hash, EVP_PKEY *key)
{
    size_t at = place_of(hash);
    EVP_PKEY *before;

    (void)EVP_PKEY_up_ref(key);
    (void)pthread_mutex_lock(&k->lock);
    before = k->keys[at].key;
    k->keys[at].key = key;
    memcpy(k->keys[at].hash, hash, SHA256_LEN);
    (void)pthread_mutex_unlock(&k->lock);
    EVP_PKEY_free(before);
}

enum err
known_key(struct scope *s, struct known *k, struct bytes thumbprint, const char *jwk,
          EVP_PKEY **key)
{
    EVP_PKEY *have = thumbprint.len == SHA256_LEN ? find_key(k, thumbprint.data) : NULL;

    if (have) {
        *key = arena_own(s->arena, have, EVP_PKEY_free);
        return OK;
    }
    TRY(jwk_parse(s, bytes_of_text(jwk), key));
    if (thumbprint.len == SHA256_LEN)
        keep_key(k, thumbprint.data, *key);
    return OK;
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
