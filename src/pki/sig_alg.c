#include "pki/key.h"

#include <openssl/rsa.h>
#include <string.h>

#define DER(text)                                 \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define RSA_DER(last) DER("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" last "\x05\x00")
#define ECDSA_DER(last) DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" last)
#define SHA2_DER(hash) "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" hash "\x05\x00"
/* RFC 4055 section 3.1: digest, MGF1 with the same digest, salt length; the trailer has its default
 */
#define PSS_DER(hash, salt)                                                                        \
    DER("\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\xa0\x0f" SHA2_DER(           \
        hash) "\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" SHA2_DER(hash) "\xa2" \
                                                                                            "\x03" \
                                                                                            "\x02" \
                                                                                            "\x01" salt)

/* clang-format off */
static const struct sig_alg_info table[SIG_COUNT] = {
    { SIG_NONE, "unknown", "Unknown", NULL, NULL, KEY_OTHER, false, true, { NULL, 0 } },
    { SIG_ECDSA_SHA256, "ecdsa-sha256", "SHA-256 With ECDSA", "ES256", "SHA256", KEY_EC, false, false, ECDSA_DER("\x02") },
    { SIG_ECDSA_SHA384, "ecdsa-sha384", "SHA-384 With ECDSA", "ES384", "SHA384", KEY_EC, false, false, ECDSA_DER("\x03") },
    { SIG_ECDSA_SHA512, "ecdsa-sha512", "SHA-512 With ECDSA", "ES512", "SHA512", KEY_EC, false, false, ECDSA_DER("\x04") },
    { SIG_RSA_SHA256, "rsa-sha256", "SHA-256 With RSA Encryption", "RS256", "SHA256", KEY_RSA, false, false, RSA_DER("\x0b") },
    { SIG_RSA_SHA384, "rsa-sha384", "SHA-384 With RSA Encryption", "RS384", "SHA384", KEY_RSA, false, false, RSA_DER("\x0c") },
    { SIG_RSA_SHA512, "rsa-sha512", "SHA-512 With RSA Encryption", "RS512", "SHA512", KEY_RSA, false, false, RSA_DER("\x0d") },
    { SIG_PSS_SHA256, "rsa-pss-sha256", "SHA-256 With RSASSA-PSS", "PS256", "SHA256", KEY_RSA, true, false, PSS_DER("\x01", "\x20") },
    { SIG_PSS_SHA384, "rsa-pss-sha384", "SHA-384 With RSASSA-PSS", "PS384", "SHA384", KEY_RSA, true, false, PSS_DER("\x02", "\x30") },
    { SIG_PSS_SHA512, "rsa-pss-sha512", "SHA-512 With RSASSA-PSS", "PS512", "SHA512", KEY_RSA, true, false, PSS_DER("\x03", "\x40") },
    { SIG_ED25519, "ed25519", "Ed25519", "EdDSA", NULL, KEY_ED25519, false, false, DER("\x30\x05\x06\x03\x2b\x65\x70") },
    { SIG_ED448, "ed448", "Ed448", "EdDSA", NULL, KEY_ED448, false, false, DER("\x30\x05\x06\x03\x2b\x65\x71") },
    { SIG_RSA_SHA1, "rsa-sha1", "SHA-1 With RSA Encryption", NULL, "SHA1", KEY_RSA, false, true, RSA_DER("\x05") },
    { SIG_RSA_MD5, "rsa-md5", "MD5 With RSA Encryption", NULL, "MD5", KEY_RSA, false, true, RSA_DER("\x04") },
    { SIG_ECDSA_SHA1, "ecdsa-sha1", "SHA-1 With ECDSA", NULL, "SHA1", KEY_EC, false, true, DER("\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01") },
};
/* clang-format on */

const struct sig_alg_info *
sig_alg_info(enum sig_alg alg)
{
    return (unsigned)alg < SIG_COUNT ? &table[alg] : &table[SIG_NONE];
}

enum sig_alg
sig_alg_of_der(struct bytes der)
{
    for (size_t i = 1; i < SIG_COUNT; i++)
        if (bytes_eq(table[i].der, der))
            return table[i].alg;
    return SIG_NONE;
}

enum sig_alg
sig_alg_of_name(const char *name)
{
    for (size_t i = 1; i < SIG_COUNT; i++)
        if (text_eq_fold(table[i].name, name))
            return table[i].alg;
    return SIG_NONE;
}

enum sig_alg
sig_alg_for(enum key_type type, int bits)
{
    switch (type) {
    case KEY_RSA:
        return SIG_RSA_SHA256;
    case KEY_EC:
        return bits == 384 ? SIG_ECDSA_SHA384 : bits == 521 ? SIG_ECDSA_SHA512 : SIG_ECDSA_SHA256;
    case KEY_ED25519:
        return SIG_ED25519;
    case KEY_ED448:
        return SIG_ED448;
    default:
        return SIG_NONE;
    }
}

static bool
fits(EVP_PKEY *key, const struct sig_alg_info *info)
{
    static const char *const names[] = {
        [KEY_RSA] = "RSA", [KEY_EC] = "EC", [KEY_ED25519] = "ED25519", [KEY_ED448] = "ED448"
    };

    return info->key != KEY_OTHER && EVP_PKEY_is_a(key, names[info->key]);
}

static bool
pss_setup(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

size_t
sig_alg_digest(const struct sig_alg_info *info, struct bytes message, uint8_t out[SHA512_LEN])
{
    if (!info->digest)
        return 0;
    if (text_ends(info->digest, "256")) {
        hash_sha256(message, out);
        return SHA256_LEN;
    }
    if (text_ends(info->digest, "384")) {
        hash_sha384(message, out);
        return SHA384_LEN;
    }
    hash_sha512(message, out);
    return SHA512_LEN;
}

enum err
key_sign(struct scope *s, EVP_PKEY *key, enum sig_alg alg, struct bytes message,
         struct bytes *signature)
{
    const struct sig_alg_info *info = sig_alg_info(alg);
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *of_key; /* belongs to ctx */
    size_t len = (size_t)MAX(EVP_PKEY_get_size(key), 0);
    uint8_t *out = arena_alloc(s->arena, len);

    if (info->weak || !fits(key, info))
        return fail(s, E_INVALID, "the algorithm %s does not fit the signing key", info->name);
    if (!ctx || EVP_DigestSignInit_ex(ctx, &of_key, info->digest, NULL, NULL, key, NULL) <= 0 ||
        (info->pss && !pss_setup(of_key)) ||
        EVP_DigestSign(ctx, out, &len, message.data, message.len) <= 0)
        return fail_ssl(s, E_INTERNAL, "cannot sign with %s", info->name);
    *signature = (struct bytes){ out, len };
    return OK;
}

/* ECDSA needs of the digest only its octets: without the digest's own context a tenth less. */
static enum err
ecdsa_verify(struct scope *s, EVP_PKEY *key, const struct sig_alg_info *info, struct bytes message,
             struct bytes signature)
{
    AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    uint8_t hash[SHA512_LEN];
    size_t len = sig_alg_digest(info, message, hash);

    if (!ctx || EVP_PKEY_verify_init(ctx) <= 0)
        return fail_ssl(s, E_INTERNAL, "cannot verify %s", info->name);
    if (EVP_PKEY_verify(ctx, signature.data, signature.len, hash, len) != 1)
        return fail_ssl(s, E_INVALID, "the %s signature does not match", info->name);
    return OK;
}

enum err
key_verify(struct scope *s, EVP_PKEY *key, enum sig_alg alg, struct bytes message,
           struct bytes signature)
{
    const struct sig_alg_info *info = sig_alg_info(alg);
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = NULL;
    EVP_PKEY_CTX *of_key; /* belongs to ctx */

    if (!fits(key, info))
        return fail(s, E_INVALID, "the algorithm %s does not fit the key", info->name);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        return ecdsa_verify(s, key, info, message, signature);
    ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestVerifyInit_ex(ctx, &of_key, info->digest, NULL, NULL, key, NULL) <= 0 ||
        (info->pss && !pss_setup(of_key)))
        return fail_ssl(s, E_INTERNAL, "cannot verify %s", info->name);
    if (EVP_DigestVerify(ctx, signature.data, signature.len, message.data, message.len) != 1)
        return fail_ssl(s, E_INVALID, "the %s signature does not match", info->name);
    return OK;
}
