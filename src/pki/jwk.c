#include "pki/jwk.h"

#include "pki/der.h"
#include "pki/hash.h"
#include "pki/key.h"
#include "pki/oid.h"

#include <string.h>

#define JWK_MAX 16384
#define RSA_E_MAX 8 /* octets of the exponent: more only costs time */

/* Curves of EC and OKP keys. */
static const struct curve {
    const char *name;
    const char *alg_oid, *curve_oid; /* the latter NULL for OKP */
    enum key_type type;
    int bits;
    size_t size; /* octets of a coordinate, or of the whole key */
} curves[] = {
    { "P-256", OID_EC, OID_P256, KEY_EC, 256, 32 },
    { "P-384", OID_EC, OID_P384, KEY_EC, 384, 48 },
    { "P-521", OID_EC, OID_P521, KEY_EC, 521, 66 },
    { "Ed25519", OID_ED25519, NULL, KEY_ED25519, 0, 32 },
    { "Ed448", OID_ED448, NULL, KEY_ED448, 0, 57 },
};

static enum err
bad(struct scope *s, const char *what)
{
    return fail(s, E_INVALID, "the JWK is malformed: %s", what);
}

static bool
member_bytes(struct scope *s, const struct json *jwk, const char *name, struct bytes *out)
{
    const char *text = json_str(json_get(jwk, name));

    return text && base64url_decode(s->arena, text, strlen(text), out);
}

/* Import an SPKI, so that one reader checks keys whatever they came in. */
static enum err
import(struct scope *s, struct buf *spki, EVP_PKEY **key)
{
    struct pubkey k;

    if (spki->failed)
        return bad(s, "too long");
    TRY(note(s, pubkey_read(s, buf_bytes(spki), &k), "reading a JWK"));
    return note(s, pubkey_import(s, &k, key), "reading a JWK");
}

static enum err
read_curve_key(struct scope *s, const struct json *jwk, enum key_type type, EVP_PKEY **key)
{
    const char *name = json_str(json_get(jwk, "crv"));
    const struct curve *curve = NULL;
    struct bytes x, y = { 0 };
    size_t seq, alg, bits;
    struct buf spki;

    for (size_t i = 0; i < COUNT(curves); i++)
        if (text_eq(name, curves[i].name) && (curves[i].type == KEY_EC) == (type == KEY_EC))
            curve = &curves[i];
    if (!curve)
        return name ? fail(s, E_UNSUPPORTED, "a JWK on the curve %s", name) : bad(s, "no crv");
    if (!member_bytes(s, jwk, "x", &x) || x.len != curve->size ||
        (curve->curve_oid && (!member_bytes(s, jwk, "y", &y) || y.len != curve->size)))
        return bad(s, "its point is missing or not as long as the curve's (RFC 7518 6.2.1)");
    buf_init_in(&spki, s->arena, JWK_MAX);
    seq = der_begin(&spki, DER_SEQUENCE);
    alg = der_begin(&spki, DER_SEQUENCE);
    der_put_oid(&spki, curve->alg_oid);
    if (curve->curve_oid)
        der_put_oid(&spki, curve->curve_oid);
    der_close(&spki, alg);
    bits = der_begin(&spki, DER_BITS);
    buf_byte(&spki, 0);
    if (curve->curve_oid)
        buf_byte(&spki, 4); /* uncompressed */
    buf_add(&spki, x.data, x.len);
    buf_add(&spki, y.data, y.len);
    der_close(&spki, bits);
    der_close(&spki, seq);
    return import(s, &spki, key);
}

static size_t
bit_length(struct bytes n)
{
    size_t bits = n.len * 8;

    for (uint8_t top = n.len ? n.data[0] : 0; bits && !(top & 0x80); top = (uint8_t)(top << 1))
        bits--;
    return bits;
}

/* Some libraries write a zero octet before a number whose first bit is set; RFC 7518 section 2
 * knows of it. */
static void
strip_zeros(struct bytes *n)
{
    while (n->len && !n->data[0]) {
        n->data++;
        n->len--;
    }
}

static enum err
read_rsa(struct scope *s, const struct json *jwk, EVP_PKEY **key)
{
    size_t seq, alg, bits, numbers, size;
    struct bytes n, e;
    struct buf spki;

    if (!member_bytes(s, jwk, "n", &n) || !member_bytes(s, jwk, "e", &e))
        return bad(s, "n or e is missing (RFC 7518 6.3.1)");
    strip_zeros(&n);
    strip_zeros(&e);
    if (!n.len || !e.len)
        return bad(s, "n or e is zero");
    size = bit_length(n);
    if (size < 2048 || size > 8192)
        return fail(s, E_INVALID, "the JWK's RSA key has %zu bits, not 2048 to 8192", size);
    if (!(n.data[n.len - 1] & 1) || !(e.data[e.len - 1] & 1) || bit_length(e) < 17 ||
        e.len > RSA_E_MAX)
        return bad(s, "its RSA modulus or exponent is not odd or outside the limits");
    buf_init_in(&spki, s->arena, JWK_MAX);
    seq = der_begin(&spki, DER_SEQUENCE);
    alg = der_begin(&spki, DER_SEQUENCE);
    der_put_oid(&spki, OID_RSA);
    der_put_null(&spki);
    der_close(&spki, alg);
    bits = der_begin(&spki, DER_BITS);
    buf_byte(&spki, 0);
    numbers = der_begin(&spki, DER_SEQUENCE);
    der_put_uint(&spki, n);
    der_put_uint(&spki, e);
    der_close(&spki, numbers);
    der_close(&spki, bits);
    der_close(&spki, seq);
    return import(s, &spki, key);
}

enum err
jwk_read(struct scope *s, const struct json *jwk, EVP_PKEY **key)
{
    static const char *const secrets[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };
    const char *type;

    if (!json_is_object(jwk))
        return bad(s, "no object");
    for (size_t i = 0; i < COUNT(secrets); i++)
        if (json_get(jwk, secrets[i]))
            return fail(s, E_INVALID, "the JWK holds private members");
    type = json_str(json_get(jwk, "kty"));
    if (text_eq(type, "EC"))
        return read_curve_key(s, jwk, KEY_EC, key);
    if (text_eq(type, "OKP"))
        return read_curve_key(s, jwk, KEY_ED25519, key);
    if (text_eq(type, "RSA"))
        return read_rsa(s, jwk, key);
    return type ? fail(s, E_UNSUPPORTED, "a JWK of the type %s", type) : bad(s, "no kty");
}

enum err
jwk_parse(struct scope *s, struct bytes text, EVP_PKEY **key)
{
    struct json *jwk;

    if (text.len > JWK_MAX)
        return fail(s, E_LIMIT, "a JWK of %zu octets", text.len);
    TRY(json_parse(s, text, &jwk));
    return jwk_read(s, jwk, key);
}

static void
put_member(struct buf *out, const char *name, const char *text)
{
    if (out->data[out->len - 1] != '{')
        buf_byte(out, ',');
    json_text(out, name);
    buf_byte(out, ':');
    json_text(out, text);
}

static void
put_bytes(struct scope *s, struct buf *out, const char *name, struct bytes value)
{
    put_member(out, name, base64url_encode(s->arena, value));
}

/* The required members in lexicographic order (RFC 7638 section 3.2), which needs no closing brace
 * yet. */
static enum err
put_required(struct scope *s, EVP_PKEY *key, struct buf *out)
{
    const struct curve *curve = NULL;
    struct bytes spki;
    struct pubkey k;

    TRY(key_spki(s, key, &spki));
    TRY(pubkey_read(s, spki, &k));
    for (size_t i = 0; i < COUNT(curves); i++)
        if (curves[i].type == k.type && (k.type != KEY_EC || curves[i].bits == k.bits))
            curve = &curves[i];
    buf_byte(out, '{');
    if (out->failed)
        return fail(s, E_LIMIT, "no room for a JWK");
    if (curve && curve->type == KEY_EC) {
        put_member(out, "crv", curve->name);
        put_member(out, "kty", "EC");
        put_bytes(s, out, "x", (struct bytes){ k.key.data + 1, curve->size });
        put_bytes(s, out, "y", (struct bytes){ k.key.data + 1 + curve->size, curve->size });
    } else if (curve) {
        put_member(out, "crv", curve->name);
        put_member(out, "kty", "OKP");
        put_bytes(s, out, "x", k.key);
    } else if (k.type == KEY_RSA) {
        put_bytes(s, out, "e", k.e);
        put_member(out, "kty", "RSA");
        put_bytes(s, out, "n", k.n);
    } else {
        return fail(s, E_UNSUPPORTED, "a key of this kind has no JWK form");
    }
    return OK;
}

enum err
jwk_write(struct scope *s, EVP_PKEY *key, const char *kid, const char *alg, const char *use,
          struct buf *out)
{
    TRY(put_required(s, key, out));
    if (kid)
        put_member(out, "kid", kid);
    if (alg)
        put_member(out, "alg", alg);
    if (use)
        put_member(out, "use", use);
    buf_byte(out, '}');
    return out->failed ? fail(s, E_LIMIT, "no room for a JWK") : OK;
}

enum err
jwk_thumbprint(struct scope *s, EVP_PKEY *key, const char **text)
{
    uint8_t digest[SHA256_LEN];
    struct buf out;

    buf_init_in(&out, s->arena, JWK_MAX);
    TRY(jwk_write(s, key, NULL, NULL, NULL, &out));
    hash_sha256(buf_bytes(&out), digest);
    *text = base64url_encode(s->arena, (struct bytes){ digest, sizeof(digest) });
    return OK;
}
