#include "pki/key.h"

#include "pki/pbe.h"
#include <ctype.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define PBKDF2_ROUNDS 600000 /* ca-core section 3.3 */

bool
key_spec_parse(const char *text, struct key_spec *out)
{
    static const struct {
        const char *name;
        struct key_spec spec;
    } specs[] = {
        { "rsa", { KEY_RSA, 2048 } },      { "rsa2048", { KEY_RSA, 2048 } },
        { "rsa3072", { KEY_RSA, 3072 } },  { "rsa4096", { KEY_RSA, 4096 } },
        { "rsa6144", { KEY_RSA, 6144 } },  { "rsa8192", { KEY_RSA, 8192 } },
        { "ec", { KEY_EC, 256 } },         { "ecc", { KEY_EC, 256 } },
        { "ecdsa", { KEY_EC, 256 } },      { "p256", { KEY_EC, 256 } },
        { "p384", { KEY_EC, 384 } },       { "p521", { KEY_EC, 521 } },
        { "ed25519", { KEY_ED25519, 0 } }, { "ed448", { KEY_ED448, 0 } },
        { "prime256v1", { KEY_EC, 256 } }, { "secp256r1", { KEY_EC, 256 } },
        { "secp384r1", { KEY_EC, 384 } },  { "secp521r1", { KEY_EC, 521 } },
        { "nistp256", { KEY_EC, 256 } },   { "nistp384", { KEY_EC, 384 } },
        { "nistp521", { KEY_EC, 521 } },   { "256", { KEY_EC, 256 } },
        { "384", { KEY_EC, 384 } },        { "521", { KEY_EC, 521 } },
    };
    static const char *const families[] = { "ecdsa", "ecc", "ec" };
    char plain[24] = "";
    const char *name = plain;
    size_t len = 0;

    for (; *text; text++) {
        if (!isalnum((unsigned char)*text))
            continue;
        if (len + 1 == sizeof(plain))
            return false;
        plain[len++] = (char)tolower((unsigned char)*text);
    }
    plain[len] = 0;
    for (size_t i = 0; i < COUNT(families); i++) {
        size_t skip = strlen(families[i]);

        if (text_starts(plain, families[i]) && plain[skip]) {
            name = plain + skip; /* "ec:P-256", "ecdsa-p256", "EC256" */
            break;
        }
    }
    if (name == plain && isdigit((unsigned char)*name))
        return false; /* a size alone says nothing */
    for (size_t i = 0; i < COUNT(specs); i++) {
        if (strcmp(specs[i].name, name) == 0) {
            *out = specs[i].spec;
            return true;
        }
    }
    return false;
}

static const char *
curve_of(int bits)
{
    return bits == 256 ? "P-256" : bits == 384 ? "P-384" : bits == 521 ? "P-521" : NULL;
}

enum err
key_generate(struct scope *s, struct key_spec spec, EVP_PKEY **out)
{
    EVP_PKEY *key = NULL;

    switch (spec.type) {
    case KEY_RSA:
        if (spec.bits >= 2048 && spec.bits <= 8192 && spec.bits % 8 == 0)
            key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)spec.bits);
        break;
    case KEY_EC:
        if (curve_of(spec.bits))
            key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve_of(spec.bits));
        break;
    case KEY_ED25519:
    case KEY_ED448:
        key = EVP_PKEY_Q_keygen(NULL, NULL, spec.type == KEY_ED25519 ? "ED25519" : "ED448");
        break;
    default:
        break;
    }
    if (!key)
        return fail_ssl_code(s, E_UNSUPPORTED, CHY_WEAK_KEY,
                             "cannot make a key of kind %s, %d bits", key_type_name(spec.type),
                             spec.bits);
    *out = arena_own(s->arena, key, EVP_PKEY_free);
    return OK;
}

enum err
key_spki(struct scope *s, EVP_PKEY *key, struct bytes *spki)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    if (len <= 0)
        return fail_ssl(s, E_INTERNAL, "cannot encode a public key");
    *spki = bytes_copy(s->arena, (struct bytes){ der, (size_t)len });
    OPENSSL_free(der);
    return OK;
}

struct key_spec
key_spec_of(EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);
    char group[32] = "";

    if (EVP_PKEY_is_a(key, "RSA"))
        return (struct key_spec){ KEY_RSA, bits };
    if (EVP_PKEY_is_a(key, "ED25519"))
        return (struct key_spec){ KEY_ED25519, 0 };
    if (EVP_PKEY_is_a(key, "ED448"))
        return (struct key_spec){ KEY_ED448, 0 };
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
        (!strcmp(group, "prime256v1") || !strcmp(group, "secp384r1") ||
         !strcmp(group, "secp521r1")))
        return (struct key_spec){ KEY_EC, bits };
    return (struct key_spec){ KEY_OTHER, 0 };
}

/* Only keys that we could have made are taken into the house. */
static enum err
adopt(struct scope *s, EVP_PKEY *key, EVP_PKEY **out)
{
    (void)arena_own(s->arena, key, EVP_PKEY_free);
    if (key_spec_of(key).type == KEY_OTHER)
        return fail_code(s, E_INVALID, CHY_WEAK_KEY, "private keys of this kind are not supported");
    *out = key;
    return OK;
}

enum err
key_to_pkcs8(struct scope *s, EVP_PKEY *key, struct secret **out)
{
    AUTO(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;

    if (len <= 0)
        return fail_ssl(s, E_INTERNAL, "cannot encode a private key");
    *out = secret_copy((struct bytes){ der, (size_t)len });
    OPENSSL_clear_free(der, (size_t)len);
    return OK;
}

enum err
key_from_pkcs8(struct scope *s, struct bytes der, EVP_PKEY **out)
{
    AUTO(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;
    const unsigned char *at = der.data;
    EVP_PKEY *key;

    if (der.len < INT32_MAX)
        info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    if (!info || at != der.data + der.len || !(key = EVP_PKCS82PKEY(info)))
        return fail_ssl_code(s, E_INVALID, CHY_BAD_DER, "not a PKCS#8 private key");
    return adopt(s, key, out);
}

static bool
write_encrypted(BIO *to, PKCS8_PRIV_KEY_INFO *info, const struct secret *password)
{
    X509_ALGOR *pbe =
        PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), PBKDF2_ROUNDS, NULL, 16, NULL, NID_hmacWithSHA256);
    X509_SIG *sealed = NULL;
    bool done;

    if (pbe)
        sealed = PKCS8_set0_pbe((const char *)password->data, (int)password->len, info, pbe);
    if (!sealed)
        X509_ALGOR_free(pbe);
    done = sealed && PEM_write_bio_PKCS8(to, sealed) == 1;
    X509_SIG_free(sealed);
    return done;
}

enum err
key_to_pem(struct scope *s, EVP_PKEY *key, const struct secret *password, struct secret **out)
{
    AUTO(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    AUTO(BIO_free) BIO *to = BIO_new(BIO_s_secmem()); /* wiped when freed */
    char *text;
    long len;

    if (!info || !to || (password && password->len > 1024) ||
        !(password ? write_encrypted(to, info, password)
                   : PEM_write_bio_PKCS8_PRIV_KEY_INFO(to, info) == 1))
        return fail_ssl(s, E_INTERNAL, "cannot encode a private key");
    len = BIO_get_mem_data(to, &text);
    *out = secret_copy((struct bytes){ (const uint8_t *)text, (size_t)len });
    return OK;
}

/* What OpenSSL asks for a password. */
struct asking {
    const struct secret *password;
    bool asked;
};

static int
give_password(char *to, int size, int writing, void *data)
{
    struct asking *a = data;

    (void)writing;
    a->asked = true;
    if (!a->password || a->password->len > (size_t)size)
        return -1;
    memcpy(to, a->password->data, a->password->len);
    return (int)a->password->len;
}

/* ENCRYPTED PRIVATE KEY, RFC 5958: how much work its password is stands in it. */
static enum err
open_sealed(struct scope *s, const X509_SIG *sealed, const struct secret *password, EVP_PKEY **out)
{
    AUTO(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;
    const X509_ALGOR *alg = NULL;
    int64_t rounds = PBE_ROUNDS_ALL;

    X509_SIG_get0(sealed, &alg, NULL);
    TRY(note(s, pbe_afford(s, alg, &rounds), "the private key"));
    if (password)
        info = PKCS8_decrypt(sealed, (const char *)password->data, (int)password->len);
    ERR_clear_error(); /* what OpenSSL says of a wrong password helps nobody */
    if (!info)
        return fail(s, E_FORBIDDEN, "the private key is encrypted, and the password is %s",
                    password ? "wrong" : "missing");
    *out = EVP_PKCS82PKEY(info);
    return *out ? OK : fail_ssl_code(s, E_INVALID, CHY_BAD_DER, "not a PKCS#8 private key");
}

enum err
key_from_pem(struct scope *s, struct bytes pem, const struct secret *password, EVP_PKEY **out)
{
    AUTO(BIO_free) BIO *from = NULL;
    AUTO(X509_SIG_free) X509_SIG *sealed = NULL;
    struct asking asking = { password, false };
    EVP_PKEY *key = NULL;

    if (pem.len <= 64 * 1024)
        from = BIO_new_mem_buf(pem.data, (int)pem.len);
    if (from)
        sealed = PEM_read_bio_PKCS8(from, NULL, NULL, NULL);
    ERR_clear_error();
    if (sealed)
        TRY(open_sealed(s, sealed, password, &key));
    else if (from && BIO_reset(from) == 1)
        key = PEM_read_bio_PrivateKey(from, NULL, give_password, &asking);
    if (!key && asking.asked) {
        ERR_clear_error();
        return fail(s, E_FORBIDDEN, "the private key is encrypted, and the password is %s",
                    password ? "wrong" : "missing");
    }
    if (!key)
        return fail_ssl_code(s, E_INVALID, CHY_BAD_DER, "not a PEM private key");
    return adopt(s, key, out);
}
