#include "pki/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHA256_BLOCK 64

/* Fetching a digest costs more than hashing a certificate, so each is fetched once; contexts are
 * one a thread. */
enum which { H_SHA1, H_SHA256, H_SHA384, H_SHA512, H_COUNT };
static EVP_MD *digests[H_COUNT];
static pthread_key_t context_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
context_free(void *context)
{
    EVP_MD_CTX_free(context);
}

static void
setup(void)
{
    static const char *const names[H_COUNT] = { "SHA1", "SHA256", "SHA384", "SHA512" };

    for (size_t i = 0; i < H_COUNT; i++)
        if (!(digests[i] = EVP_MD_fetch(NULL, names[i], NULL)))
            abort(); /* an OpenSSL without SHA-2 is a broken machine */
    if (pthread_key_create(&context_key, context_free))
        abort();
}

static EVP_MD_CTX *
context(void)
{
    EVP_MD_CTX *mine;

    (void)pthread_once(&once, setup);
    mine = pthread_getspecific(context_key);
    if (!mine) {
        mine = EVP_MD_CTX_new();
        if (!mine || pthread_setspecific(context_key, mine))
            abort();
    }
    return mine;
}

static void
digest(enum which which, struct bytes a, struct bytes b, uint8_t *out)
{
    EVP_MD_CTX *c = context();

    if (!EVP_DigestInit_ex2(c, digests[which], NULL) || !EVP_DigestUpdate(c, a.data, a.len) ||
        (b.len && !EVP_DigestUpdate(c, b.data, b.len)) || !EVP_DigestFinal_ex(c, out, NULL))
        abort();
}

void
hash_sha1(struct bytes in, uint8_t out[SHA1_LEN])
{
    digest(H_SHA1, in, (struct bytes){ 0 }, out);
}

void
hash_sha256(struct bytes in, uint8_t out[SHA256_LEN])
{
    digest(H_SHA256, in, (struct bytes){ 0 }, out);
}

void
hash_sha384(struct bytes in, uint8_t out[SHA384_LEN])
{
    digest(H_SHA384, in, (struct bytes){ 0 }, out);
}

void
hash_sha512(struct bytes in, uint8_t out[SHA512_LEN])
{
    digest(H_SHA512, in, (struct bytes){ 0 }, out);
}

void
hash_sha256_two(struct bytes a, struct bytes b, uint8_t out[SHA256_LEN])
{
    digest(H_SHA256, a, b, out);
}

/* By the digest alone: OpenSSL's HMAC fetches its parts anew for each call, for ten times the work.
 */
void
hash_hmac_sha256(struct bytes key, struct bytes in, uint8_t out[SHA256_LEN])
{
    uint8_t inner[SHA256_BLOCK] = { 0 }, outer[SHA256_BLOCK], hash[SHA256_LEN];

    if (key.len > SHA256_BLOCK)
        hash_sha256(key, inner);
    else if (key.len)
        memcpy(inner, key.data, key.len);
    for (size_t i = 0; i < SHA256_BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    hash_sha256_two((struct bytes){ inner, SHA256_BLOCK }, in, hash);
    hash_sha256_two((struct bytes){ outer, SHA256_BLOCK }, (struct bytes){ hash, SHA256_LEN }, out);
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(outer, sizeof(outer));
    OPENSSL_cleanse(hash, sizeof(hash));
}
