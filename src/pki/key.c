#include "pki/key.h"

#include "pki/der.h"
#include "pki/oid.h"
#include <openssl/core_names.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* The AlgorithmIdentifiers of the keys that we use, whole. */
#define DER(text)                                 \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
static const struct {
    struct bytes der;
    enum key_type type;
    int bits;
    const char *curve;
    size_t key_len; /* of the BIT STRING's contents; 0: varies */
} kinds[] = {
    { DER("\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
      KEY_EC, 256, "P-256", 65 },
    { DER("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"), KEY_RSA, 0, NULL, 0 },
    { DER("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"), KEY_EC, 384,
      "P-384", 97 },
    { DER("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23"), KEY_EC, 521,
      "P-521", 133 },
    { DER("\x30\x05\x06\x03\x2b\x65\x70"), KEY_ED25519, 255, NULL, 32 },
    { DER("\x30\x05\x06\x03\x2b\x65\x71"), KEY_ED448, 448, NULL, 57 },
};

static enum err
bad(struct scope *s, const char *why)
{
    return fail_code(s, E_INVALID, CHY_BAD_DER, "public key: %s", why);
}

static int
bit_length(struct bytes magnitude)
{
    int bits = (int)(magnitude.len - 1) * 8;

    for (unsigned top = magnitude.data[0]; top; top >>= 1)
        bits++;
    return bits;
}

static enum err
rsa_read(struct scope *s, struct pubkey *k)
{
    struct span p;

    if (!der_only(k->key, DER_SEQUENCE, &p) || !der_uint_bytes(&p, &k->n) ||
        !der_uint_bytes(&p, &k->e) || !der_end(&p))
        return bad(s, "malformed RSA key");
    k->bits = bit_length(k->n);
    if (k->bits == 0 || bit_length(k->e) == 0)
        return bad(s, "RSA key with a zero");
    return OK;
}

/* Algorithms outside the table: near misses of ours are refused, strangers pass as KEY_OTHER. */
static enum err
other_read(struct scope *s, struct pubkey *k)
{
    struct span alg, params;
    struct bytes oid, prime;

    if (!der_only(k->alg, DER_SEQUENCE, &alg) || !der_oid(&alg, &oid) || !der_check(k->alg))
        return bad(s, "malformed AlgorithmIdentifier");
    if (oid_is(oid, OID_RSA))
        return bad(s, "RSA parameters are not NULL (RFC 3279 section 2.3.1)");
    if (oid_is(oid, OID_ED25519) || oid_is(oid, OID_ED448))
        return bad(s, "Edwards key with parameters (RFC 8410 section 3)");
    if (oid_is(oid, OID_EC) && der_tag(&alg) != DER_OID)
        return bad(s, "EC parameters are not a named curve (RFC 5480 section 2.1.1)");
    if (oid_is(oid, OID_RSA_PSS)) {
        k->type = KEY_RSA_PSS;
        return rsa_read(s, k);
    }
    if (oid_is(oid, OID_DSA)) {
        k->type = KEY_DSA;
        if (der_enter(&alg, DER_SEQUENCE, &params) && der_uint_bytes(&params, &prime))
            k->bits = bit_length(prime);
    }
    return OK;
}

static enum err
point_check(struct scope *s, const struct pubkey *k, size_t want)
{
    uint8_t form = k->key.len ? k->key.data[0] : 0;

    if (k->type == KEY_EC && (form == 2 || form == 3))
        return bad(s, "compressed EC point");
    if (k->type == KEY_EC && (form == 6 || form == 7))
        return bad(s, "hybrid EC point");
    if (k->type == KEY_EC && k->key.len == 1)
        return bad(s, "EC point at infinity");
    if (k->key.len != want || (k->type == KEY_EC && form != 4))
        return bad(s, "key of the wrong length");
    return OK;
}

enum err
pubkey_read(struct scope *s, struct bytes spki, struct pubkey *out)
{
    struct pubkey k = { .spki = spki };
    struct span p;
    size_t i;

    if (!der_only(spki, DER_SEQUENCE, &p) || !der_take_whole(&p, DER_SEQUENCE, &k.alg) ||
        !der_bit_bytes(&p, &k.key) || !der_end(&p))
        return bad(s, "malformed SubjectPublicKeyInfo");
    for (i = 0; i < COUNT(kinds) && !bytes_eq(kinds[i].der, k.alg); i++)
        ;
    if (i == COUNT(kinds)) {
        TRY(other_read(s, &k));
    } else {
        k.type = kinds[i].type;
        k.bits = kinds[i].bits;
        k.curve = kinds[i].curve;
        if (k.type == KEY_RSA)
            TRY(rsa_read(s, &k));
        else
            TRY(point_check(s, &k, kinds[i].key_len));
    }
    hash_sha256(spki, k.sha256);
    *out = k;
    return OK;
}

const char *
key_type_name(enum key_type type)
{
    static const char *const names[] = {
        [KEY_OTHER] = "Unknown",   [KEY_RSA] = "RSA",     [KEY_EC] = "EC",
        [KEY_ED25519] = "Ed25519", [KEY_ED448] = "Ed448", [KEY_RSA_PSS] = "RSA-PSS",
        [KEY_DSA] = "DSA"
    };

    return (size_t)type < COUNT(names) ? names[type] : names[KEY_OTHER];
}

char *
pubkey_label(struct arena *a, const struct pubkey *k)
{
    if (k->type == KEY_EC)
        return arena_printf(a, "EC-P%d", k->bits);
    if (k->type == KEY_RSA || k->type == KEY_RSA_PSS || k->type == KEY_DSA)
        return arena_printf(a, "%s-%d", key_type_name(k->type), k->bits);
    return arena_text(a, key_type_name(k->type));
}

void
pubkey_id(const struct pubkey *k, uint8_t out[SHA1_LEN])
{
    hash_sha1(k->key, out);
}

/*
 * Contexts for EVP_PKEY_fromdata, one a thread and kind: looking the key manager up costs as much
 * as importing a point. Likewise one that verifies for each curve, whose key gets another point
 * for each signature.
 */
enum { IMPORT_RSA, IMPORT_ED25519, IMPORT_ED448, IMPORT_COUNT };
enum { CURVE_P256, CURVE_P384, CURVE_P521, CURVE_COUNT };
static const char *const curve_names[] = { "P-256", "P-384", "P-521" };
struct importers {
    EVP_PKEY_CTX *of[IMPORT_COUNT];
    struct {
        EVP_PKEY *key;
        EVP_PKEY_CTX *ctx;
    } verify[CURVE_COUNT];
};
static pthread_key_t importers_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
importers_free(void *data)
{
    struct importers *im = data;

    for (size_t i = 0; i < IMPORT_COUNT; i++)
        EVP_PKEY_CTX_free(im->of[i]);
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        EVP_PKEY_CTX_free(im->verify[i].ctx);
        EVP_PKEY_free(im->verify[i].key);
    }
    mem_free(im);
}

static void
setup(void)
{
    if (pthread_key_create(&importers_key, importers_free))
        abort();
}

static struct importers *
importers(void)
{
    struct importers *im;

    (void)pthread_once(&once, setup);
    im = pthread_getspecific(importers_key);
    if (!im) {
        im = mem_alloc(sizeof(*im));
        if (pthread_setspecific(importers_key, im))
            abort();
    }
    return im;
}

static EVP_PKEY_CTX *
importer(size_t which)
{
    static const char *const names[IMPORT_COUNT] = { "RSA", "ED25519", "ED448" };
    struct importers *im = importers();

    if (!im->of[which]) {
        im->of[which] = EVP_PKEY_CTX_new_from_name(NULL, names[which], NULL);
        if (im->of[which] && EVP_PKEY_fromdata_init(im->of[which]) <= 0) {
            EVP_PKEY_CTX_free(im->of[which]);
            im->of[which] = NULL;
        }
    }
    return im->of[which];
}

/*
 * A point on its curve (it is checked to be one). Making the curve's group costs ten times as much,
 * so one key without a point is kept of each, to be copied.
 */
static EVP_PKEY *
curve_of(size_t which)
{
    static _Atomic(EVP_PKEY *) curves[CURVE_COUNT];
    EVP_PKEY *made = atomic_load_explicit(&curves[which], memory_order_acquire), *none = NULL;

    if (made)
        return made;
    made = EVP_EC_gen(curve_names[which]);
    if (!made || atomic_compare_exchange_strong(&curves[which], &none, made))
        return made;
    EVP_PKEY_free(made);
    return none;
}

/* Its place among the curves, or CURVE_COUNT. */
static size_t
curve_number(const char *name)
{
    size_t which = 0;

    while (which < CURVE_COUNT && !text_eq(curve_names[which], name))
        which++;
    return which;
}

/* A key without a point. */
static EVP_PKEY *
pointless(size_t which)
{
    EVP_PKEY *curve = which < CURVE_COUNT ? curve_of(which) : NULL;
    EVP_PKEY *key = curve ? EVP_PKEY_new() : NULL;

    if (key && EVP_PKEY_copy_parameters(key, curve) == 1)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *
point_import(const struct pubkey *k)
{
    EVP_PKEY *key = pointless(curve_number(k->curve));

    if (key && EVP_PKEY_set1_encoded_public_key(key, k->key.data, k->key.len) == 1)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* This thread's context that verifies by keys of a curve, and its key; NULL: it cannot be made. */
static EVP_PKEY_CTX *
verifier(size_t which, EVP_PKEY **key)
{
    struct importers *im = importers();

    if (!im->verify[which].key)
        im->verify[which].key = pointless(which);
    *key = im->verify[which].key;
    if (*key && !im->verify[which].ctx) {
        im->verify[which].ctx = EVP_PKEY_CTX_new_from_pkey(NULL, *key, NULL);
        if (im->verify[which].ctx && EVP_PKEY_verify_init(im->verify[which].ctx) <= 0) {
            EVP_PKEY_CTX_free(im->verify[which].ctx);
            im->verify[which].ctx = NULL;
        }
    }
    return im->verify[which].ctx;
}

/* A magnitude in the machine's own order, as OSSL_PARAM wants it. */
static OSSL_PARAM
param_uint(struct arena *a, const char *name, struct bytes magnitude)
{
    uint8_t *native = arena_alloc(a, magnitude.len);

    for (size_t i = 0; i < magnitude.len; i++)
        native[i] = magnitude.data[magnitude.len - 1 - i];
    return OSSL_PARAM_construct_BN(name, native, magnitude.len);
}

static OSSL_PARAM
param_octets(const char *name, struct bytes octets)
{
    OSSL_PARAM p = OSSL_PARAM_construct_octet_string(name, NULL, octets.len);

    memcpy(&p.data, &octets.data, sizeof(p.data)); /* it only reads, but its type does not say so */
    return p;
}

enum err
pubkey_import(struct scope *s, const struct pubkey *k, EVP_PKEY **out)
{
    OSSL_PARAM params[3] = { OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end(),
                             OSSL_PARAM_construct_end() };
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *key = NULL;

    switch (k->type) {
    case KEY_RSA:
        if (k->bits > 16384)
            return bad(s, "RSA key over 16384 bits");
        ctx = importer(IMPORT_RSA);
        params[0] = param_uint(s->arena, OSSL_PKEY_PARAM_RSA_N, k->n);
        params[1] = param_uint(s->arena, OSSL_PKEY_PARAM_RSA_E, k->e);
        break;
    case KEY_EC:
        key = point_import(k);
        break;
    case KEY_ED25519:
    case KEY_ED448:
        ctx = importer(k->type == KEY_ED25519 ? IMPORT_ED25519 : IMPORT_ED448);
        params[0] = param_octets(OSSL_PKEY_PARAM_PUB_KEY, k->key);
        break;
    default:
        return fail_code(s, E_UNSUPPORTED, CHY_WEAK_KEY, "keys of kind %s are not supported",
                         key_type_name(k->type));
    }
    if (ctx && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    if (!key)
        return fail_ssl_code(s, E_INVALID, CHY_WEAK_KEY, "not a valid %s key",
                             key_type_name(k->type));
    *out = arena_own(s->arena, key, EVP_PKEY_free);
    return OK;
}

/* The point goes into a key that is there already, which costs a third of making one. */
static enum err
point_verify(struct scope *s, const struct pubkey *k, const struct sig_alg_info *info,
             struct bytes message, struct bytes signature)
{
    size_t which = curve_number(k->curve);
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = which < CURVE_COUNT ? verifier(which, &key) : NULL;
    uint8_t hash[SHA512_LEN];
    size_t len = sig_alg_digest(info, message, hash);

    if (!ctx)
        return fail_ssl(s, E_INTERNAL, "cannot verify %s", info->name);
    if (EVP_PKEY_set1_encoded_public_key(key, k->key.data, k->key.len) != 1)
        return fail_ssl_code(s, E_INVALID, CHY_WEAK_KEY, "not a valid %s key",
                             key_type_name(k->type));
    if (EVP_PKEY_verify(ctx, signature.data, signature.len, hash, len) != 1)
        return fail_ssl(s, E_INVALID, "the %s signature does not match", info->name);
    return OK;
}

enum err
pubkey_verify(struct scope *s, const struct pubkey *k, enum sig_alg alg, struct bytes message,
              struct bytes signature)
{
    const struct sig_alg_info *info = sig_alg_info(alg);
    EVP_PKEY *key = NULL;

    if (k->type == KEY_EC && info->key == KEY_EC)
        return point_verify(s, k, info, message, signature);
    TRY(pubkey_import(s, k, &key));
    return key_verify(s, key, alg, message, signature);
}
