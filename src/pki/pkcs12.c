#include "pki/pkcs12.h"

#include "pki/cert.h"
#include "pki/der.h"
#include "pki/pbe.h"
#include <openssl/err.h>
#include <string.h>

#define LEGACY_ROUNDS 2048
#define SAFES_MAX 16
#define BAGS_MAX 400
#define NESTING_MAX 4
#define SALT_MAX 4096

OWNED(PKCS12, PKCS12_free);

typedef STACK_OF(PKCS7) safes_stack;
typedef STACK_OF(PKCS12_SAFEBAG) bags_stack;

static void
safes_free(safes_stack *safes)
{
    sk_PKCS7_pop_free(safes, PKCS7_free);
}
static void
bags_free(bags_stack *bags)
{
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}
OWNED(safes_stack, safes_free);
OWNED(bags_stack, bags_free);

static const char *
password_text(const struct secret *password)
{
    return (const char *)password->data; /* a zero byte follows it */
}

/* Writing. */

/* How everything in one file is encrypted. */
struct strength {
    int cipher; /* NID */
    const EVP_MD *mac;
    int rounds;
};

/* A BMPString has no character beyond the first plane (X.680 41): '_' stands for one. */
static bool
add_name(PKCS12_SAFEBAG *bag, const char *name)
{
    AUTO(arena_free) struct arena *scratch = arena_new();
    char *to = arena_alloc(scratch, strlen(name) + 1), *end = to;

    for (const char *at = name; *at;) {
        bool beyond = (uint8_t)*at >= 0xf0;

        if (beyond)
            *end++ = '_';
        for (int octets = beyond ? 4 : 1; octets > 0 && *at; octets--, at++)
            if (!beyond)
                *end++ = *at;
    }
    return PKCS12_add_friendlyname_utf8(bag, to, (int)(end - to)) == 1;
}

static bool
mark_bag(PKCS12_SAFEBAG *bag, const struct bundle *b, uint8_t *id)
{
    return PKCS12_add_localkeyid(bag, id, SHA1_LEN) == 1 && (!b->name || add_name(bag, b->name));
}

static bool
add_key(safes_stack **safes, const struct bundle *b, uint8_t *id, const struct strength *how,
        const char *password)
{
    AUTO(bags_free) bags_stack *bags = NULL;
    PKCS12_SAFEBAG *bag = PKCS12_add_key(&bags, b->key, 0, how->rounds, how->cipher, password);

    return bag && mark_bag(bag, b, id) && PKCS12_add_safe(safes, bags, -1, 0, NULL) == 1;
}

static enum err
add_certs(struct scope *s, safes_stack **safes, const struct bundle *b, uint8_t *id,
          const struct strength *how, const char *password)
{
    AUTO(bags_free) bags_stack *bags = NULL;

    for (size_t i = 0; i < b->certs.count; i++) {
        size_t at = b->root_first ? b->certs.count - 1 - i : i;
        PKCS12_SAFEBAG *bag;
        X509 *cert;

        TRY(cert_x509(s, *list_at(&b->certs, struct bytes, at), &cert));
        bag = PKCS12_add_cert(&bags, cert);
        if (!bag || (at == 0 && !mark_bag(bag, b, id)))
            return fail_ssl(s, E_INTERNAL, "cannot put a certificate into a PKCS#12 file");
    }
    if (PKCS12_add_safe(safes, bags, how->cipher, how->rounds, password) != 1)
        return fail_ssl(s, E_INTERNAL, "cannot encrypt the certificates of a PKCS#12 file");
    return OK;
}

enum err
pkcs12_write(struct scope *s, const struct bundle *b, bool legacy, const struct secret *password,
             struct bytes *out)
{
    static const struct strength new_readers = { NID_aes_256_cbc, NULL, PKCS12_ROUNDS };
    static const struct strength old_readers = { NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NULL,
                                                 LEGACY_ROUNDS };
    const struct strength *how = legacy ? &old_readers : &new_readers;
    AUTO(safes_free) safes_stack *safes = NULL;
    AUTO(PKCS12_free) PKCS12 *file = NULL;
    unsigned char *der = NULL;
    uint8_t id[SHA1_LEN];
    int len;

    hash_sha1(*list_at(&b->certs, struct bytes, 0), id);
    if (!add_key(&safes, b, id, how, password_text(password)))
        return fail_ssl(s, E_INTERNAL, "cannot put the key into a PKCS#12 file");
    TRY(add_certs(s, &safes, b, id, how, password_text(password)));
    file = PKCS12_add_safes(safes, 0);
    if (!file || PKCS12_set_mac(file, password_text(password), -1, NULL, 0, how->rounds,
                                legacy ? EVP_sha1() : EVP_sha256()) != 1)
        return fail_ssl(s, E_INTERNAL, "cannot make a PKCS#12 file");
    len = i2d_PKCS12(file, &der);
    if (len <= 0)
        return fail_ssl(s, E_INTERNAL, "cannot encode a PKCS#12 file");
    *out = bytes_copy(s->arena, (struct bytes){ der, (size_t)len });
    OPENSSL_free(der);
    return OK;
}

/* Reading. */

struct reading {
    struct scope *s;
    const struct secret *password;
    struct bundle *out;
    int64_t rounds; /* that are left */
    int bags;
};

static enum err
bad(struct scope *s, const char *why)
{
    return fail_ssl_code(s, E_INVALID, CHY_BAD_DER, "PKCS#12: %s", why);
}

static enum err
check_mac(struct reading *r, PKCS12 *file)
{
    const char *password = r->password ? password_text(r->password) : NULL;
    const ASN1_OCTET_STRING *salt = NULL;
    const ASN1_INTEGER *rounds = NULL;
    const X509_ALGOR *alg = NULL;

    if (!PKCS12_mac_present(file))
        return bad(r->s, "without a MAC nothing tells whether it is whole");
    PKCS12_get0_mac(NULL, &alg, &salt, &rounds, file);
    if (!alg || !EVP_get_digestbynid(OBJ_obj2nid(alg->algorithm)))
        return fail_ssl(r->s, E_UNSUPPORTED, "PKCS#12: a MAC of a kind that is not offered");
    if (!salt || ASN1_STRING_length(salt) > SALT_MAX)
        return bad(r->s, "a malformed MAC");
    TRY(note(r->s, pbe_afford_rounds(r->s, rounds, &r->rounds), "PKCS#12"));
    if (PKCS12_verify_mac(file, password, -1) == 1 ||
        (text_empty(password) && PKCS12_verify_mac(file, "", -1) == 1))
        return OK;
    ERR_clear_error(); /* what OpenSSL says of it helps nobody */
    return fail(r->s, E_FORBIDDEN, "PKCS#12: the password is %s", password ? "wrong" : "missing");
}

static enum err
take_key(struct reading *r, const PKCS8_PRIV_KEY_INFO *info)
{
    unsigned char *der = NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;
    enum err e;

    if (len <= 0)
        return bad(r->s, "a malformed key");
    if (r->out->key)
        e = fail(r->s, E_INVALID, "PKCS#12: it holds more than one private key");
    else
        e = key_from_pkcs8(r->s, (struct bytes){ der, (size_t)len }, &r->out->key);
    OPENSSL_clear_free(der, (size_t)len);
    return e;
}

static enum err
open_key(struct reading *r, const PKCS12_SAFEBAG *bag)
{
    AUTO(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;
    const X509_SIG *sealed = PKCS12_SAFEBAG_get0_pkcs8(bag);
    const X509_ALGOR *alg = NULL;

    if (!sealed)
        return bad(r->s, "a malformed key");
    X509_SIG_get0(sealed, &alg, NULL);
    TRY(note(r->s, pbe_afford(r->s, alg, &r->rounds), "PKCS#12: the key"));
    info = PKCS8_decrypt(sealed, r->password ? password_text(r->password) : "", -1);
    if (!info)
        return bad(r->s, "the key cannot be decrypted");
    return take_key(r, info);
}

static enum err
take_cert(struct reading *r, const PKCS12_SAFEBAG *bag)
{
    AUTO(X509_free) X509 *cert = NULL;
    unsigned char *der = NULL;
    int len;

    if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
        return OK;
    cert = PKCS12_SAFEBAG_get1_cert(bag);
    len = cert ? i2d_X509(cert, &der) : 0;
    if (len <= 0)
        return bad(r->s, "a malformed certificate");
    list_add(r->s->arena, &r->out->certs, struct bytes,
             bytes_copy(r->s->arena, (struct bytes){ der, (size_t)len }));
    OPENSSL_free(der);
    return OK;
}

/* Others write what lies beyond the first plane as UTF-16 does, and end the text with a NUL.
 * OpenSSL's own reading of it loses every name with a character above U+07FF in some releases
 * (3.0.18, 3.0.19). */
static char *
utf16_text(struct arena *a, struct bytes c)
{
    struct buf wide;

    if (c.len >= 2 && c.data[c.len - 1] == 0 && c.data[c.len - 2] == 0)
        c.len -= 2;
    buf_init_in(&wide, a, c.len * 2);
    for (size_t i = 0; i + 2 <= c.len; i += 2) {
        uint32_t u = (uint32_t)c.data[i] << 8 | c.data[i + 1];

        if (u >= 0xd800 && u < 0xdc00 && i + 4 <= c.len && (c.data[i + 2] & 0xfc) == 0xdc) {
            i += 2;
            u = 0x10000 + ((u & 0x3ff) << 10) + ((uint32_t)(c.data[i] & 3) << 8 | c.data[i + 1]);
        }
        buf_add(&wide, (uint8_t[]){ 0, (uint8_t)(u >> 16), (uint8_t)(u >> 8), (uint8_t)u }, 4);
    }
    return c.len % 2 || wide.failed ? NULL : der_text(a, DER_UNIVERSAL, buf_bytes(&wide));
}

static void
take_name(struct reading *r, const PKCS12_SAFEBAG *bag)
{
    const ASN1_TYPE *value = PKCS12_SAFEBAG_get0_attr(bag, NID_friendlyName);
    const char *name;

    if (r->out->name || !value || value->type != V_ASN1_BMPSTRING ||
        value->value.bmpstring->length <= 0)
        return;
    name = utf16_text(r->s->arena, (struct bytes){ value->value.bmpstring->data,
                                                   (size_t)value->value.bmpstring->length });
    if (!text_empty(name) && !text_has_control(name))
        r->out->name = name;
}

static enum err
take_bags(struct reading *r, const bags_stack *bags, int depth)
{
    if (depth > NESTING_MAX)
        return bad(r->s, "bags inside of bags");
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);

        if (++r->bags > BAGS_MAX)
            return fail(r->s, E_LIMIT, "PKCS#12: more than %d bags", BAGS_MAX);
        switch (PKCS12_SAFEBAG_get_nid(bag)) {
        case NID_keyBag:
            take_name(r, bag);
            TRY(take_key(r, PKCS12_SAFEBAG_get0_p8inf(bag)));
            break;
        case NID_pkcs8ShroudedKeyBag:
            take_name(r, bag);
            TRY(open_key(r, bag));
            break;
        case NID_certBag:
            TRY(take_cert(r, bag));
            break;
        case NID_safeContentsBag:
            TRY(take_bags(r, PKCS12_SAFEBAG_get0_safes(bag), depth + 1));
            break;
        default: /* CRLs and other secrets are nobody's key */
            break;
        }
    }
    return OK;
}

static enum err
take_safe(struct reading *r, PKCS7 *safe)
{
    AUTO(bags_free) bags_stack *bags = NULL;

    if (PKCS7_type_is_data(safe)) {
        bags = safe->d.data ? PKCS12_unpack_p7data(safe) : NULL;
    } else if (PKCS7_type_is_encrypted(safe)) {
        const PKCS7_ENC_CONTENT *part = safe->d.encrypted ? safe->d.encrypted->enc_data : NULL;
        OSSL_LIB_CTX *library;

        if (!part || !part->enc_data)
            return bad(r->s, "a malformed encrypted part");
        TRY(note(r->s, pbe_afford_certificates(r->s, part->algorithm, &r->rounds, &library),
                 "PKCS#12: a part"));
        bags = PKCS12_item_decrypt_d2i_ex(part->algorithm, ASN1_ITEM_rptr(PKCS12_SAFEBAGS),
                                          r->password ? password_text(r->password) : "", -1,
                                          part->enc_data, 1, library, NULL);
    } else {
        return fail(r->s, E_UNSUPPORTED, "PKCS#12: a part that is sealed for a certificate");
    }
    return bags ? take_bags(r, bags, 0) : bad(r->s, "a part cannot be read");
}

enum err
pkcs12_read(struct scope *s, struct bytes der, const struct secret *password, struct bundle *out)
{
    AUTO(PKCS12_free) PKCS12 *file = NULL;
    AUTO(safes_free) safes_stack *safes = NULL;
    const unsigned char *at = der.data;
    struct bundle found = { 0 };
    struct reading r = { .s = s, .password = password, .out = &found, .rounds = PBE_ROUNDS_ALL };

    if (der.len > BUNDLE_MAX_LEN)
        return fail(s, E_LIMIT, "PKCS#12: over %d octets", BUNDLE_MAX_LEN);
    file = d2i_PKCS12(NULL, &at, (long)der.len);
    if (!file || at != der.data + der.len)
        return bad(s, "it is malformed");
    TRY(check_mac(&r, file));
    safes = PKCS12_unpack_authsafes(file);
    if (!safes)
        return bad(s, "it is malformed");
    if (sk_PKCS7_num(safes) > SAFES_MAX)
        return fail(s, E_LIMIT, "PKCS#12: more than %d parts", SAFES_MAX);
    for (int i = 0; i < sk_PKCS7_num(safes); i++)
        TRY(take_safe(&r, sk_PKCS7_value(safes, i)));
    *out = found;
    return OK;
}
