#include "pki/jws.h"

#include "pki/der.h"

#include <string.h>

/* Algorithms: RFC 7518 section 3.1, RFC 8037 section 3.1. */
static const struct alg {
    unsigned bit;
    const char *name;
    enum sig_alg sig;
    enum key_type key;
    int bits;    /* of the curve that the name fixes, or 0 */
    size_t half; /* ECDSA: octets of r and of s */
} algs[] = {
    { JWS_ES256, "ES256", SIG_ECDSA_SHA256, KEY_EC, 256, 32 },
    { JWS_ES384, "ES384", SIG_ECDSA_SHA384, KEY_EC, 384, 48 },
    { JWS_ES512, "ES512", SIG_ECDSA_SHA512, KEY_EC, 521, 66 },
    { JWS_RS256, "RS256", SIG_RSA_SHA256, KEY_RSA, 0, 0 },
    { JWS_PS256, "PS256", SIG_PSS_SHA256, KEY_RSA, 0, 0 },
    { JWS_EDDSA, "EdDSA", SIG_ED25519, KEY_ED25519, 0, 0 },
    { JWS_EDDSA, "EdDSA", SIG_ED448, KEY_ED448, 0, 0 },
};

const char *
jws_alg_name(unsigned alg)
{
    for (size_t i = 0; i < COUNT(algs); i++)
        if (algs[i].bit == alg)
            return algs[i].name;
    return NULL;
}

unsigned
jws_alg_of_name(const char *name)
{
    for (size_t i = 0; i < COUNT(algs); i++)
        if (text_eq(name, algs[i].name))
            return algs[i].bit;
    return 0;
}

static bool
alg_fits(const struct alg *alg, struct key_spec spec)
{
    return spec.type == alg->key && (!alg->bits || spec.bits == alg->bits) &&
           (spec.type != KEY_RSA || spec.bits >= 2048);
}

unsigned
jws_alg_of_spec(struct key_spec spec)
{
    for (size_t i = 0; i < COUNT(algs); i++)
        if (alg_fits(&algs[i], spec))
            return algs[i].bit;
    return 0;
}

unsigned
jws_alg_of_key(EVP_PKEY *key)
{
    return jws_alg_of_spec(key_spec_of(key));
}

/* How a key like SPEC does the algorithm ALG, or NULL when it does not. */
static const struct alg *
alg_with_key(unsigned alg, struct key_spec spec)
{
    for (size_t i = 0; i < COUNT(algs); i++)
        if (algs[i].bit == alg && alg_fits(&algs[i], spec))
            return &algs[i];
    return NULL;
}

bool
ecdsa_to_raw(struct bytes der, uint8_t *raw, size_t half)
{
    struct bytes number[2];
    struct span in;

    if (!der_only(der, DER_SEQUENCE, &in) || !der_uint_bytes(&in, &number[0]) ||
        !der_uint_bytes(&in, &number[1]) || !der_end(&in))
        return false;
    if (number[0].len > half || number[1].len > half)
        return false;
    memset(raw, 0, 2 * half);
    for (int i = 0; i < 2; i++)
        memcpy(raw + (size_t)(i + 1) * half - number[i].len, number[i].data, number[i].len);
    return true;
}

bool
ecdsa_of_raw(struct arena *a, struct bytes raw, struct bytes *der)
{
    size_t half = raw.len / 2, seq;
    struct buf out;

    if (!half || raw.len % 2)
        return false;
    buf_init_in(&out, a, 2 * half + 16);
    seq = der_begin(&out, DER_SEQUENCE);
    der_put_uint(&out, (struct bytes){ raw.data, half });
    der_put_uint(&out, (struct bytes){ raw.data + half, half });
    der_close(&out, seq);
    *der = buf_bytes(&out);
    return !out.failed;
}

static enum err
bad(struct scope *s, const char *what)
{
    return fail_code(s, E_INVALID, CHY_BAD_TOKEN, "the JWS is malformed: %s", what);
}

static enum err
bad_alg(struct scope *s, const char *what)
{
    return fail_tag(s, E_INVALID, CHY_BAD_TOKEN, "badSignatureAlgorithm",
                    "the JWS is malformed: %s", what);
}

/* A header member that must be text when it is there. */
static bool
header_text(const struct json *header, const char *name, const char **out)
{
    const struct json *member = json_get(header, name);

    *out = json_str(member);
    return !member || *out;
}

static enum err
read_header(struct scope *s, const char *text, size_t len, struct jws *jws)
{
    struct bytes raw;
    struct json *header;
    const char *alg;

    if (!base64url_decode(s->arena, text, len, &raw))
        return bad(s, "its header is not base64url");
    if (json_parse(s, raw, &header) != OK || !json_is_object(header))
        return bad(s, "its header is no JSON object");
    /* RFC 7515 section 4.1.11: what is critical must be understood, and we understand nothing more.
     */
    if (json_get(header, "crit") || json_get(header, "b64"))
        return bad(s, "its header asks for extensions (crit)");
    if (!header_text(header, "alg", &alg) || !alg)
        return bad_alg(s, "its header has no alg");
    jws->alg = jws_alg_of_name(alg);
    if (!jws->alg)
        return bad_alg(s, "its alg is not one of ours");
    if (!header_text(header, "kid", &jws->kid) || !header_text(header, "typ", &jws->typ))
        return bad(s, "its kid or typ is no text");
    jws->header = header;
    return OK;
}

/* The parts as they stand side by side in TEXT: the header of LEN[0] characters, a dot, and so on.
 */
static enum err
read_parts(struct scope *s, const char *text, const size_t len[3], struct jws *out)
{
    const char *payload = text + len[0] + 1, *signature = payload + len[1] + 1;
    struct jws jws = { 0 };

    TRY(read_header(s, text, len[0], &jws));
    if (!base64url_decode(s->arena, payload, len[1], &jws.payload))
        return bad(s, "its payload is not base64url");
    if (!len[2] || !base64url_decode(s->arena, signature, len[2], &jws.signature))
        return bad(s, "its signature is not base64url");
    jws.input = (struct bytes){ (const uint8_t *)text, len[0] + 1 + len[1] };
    *out = jws;
    return OK;
}

enum err
jws_read(struct scope *s, const char *text, size_t len, struct jws *out)
{
    const char *first, *second;
    size_t left;

    if (len > JWS_MAX)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "a JWS of %zu octets", len);
    first = memchr(text, '.', len);
    if (!first)
        return bad(s, "it has no three parts");
    left = len - (size_t)(first + 1 - text);
    second = memchr(first + 1, '.', left);
    if (!second)
        return bad(s, "it has no three parts");
    left = len - (size_t)(second + 1 - text);
    if (memchr(second + 1, '.', left))
        return bad(s, "it has more than three parts");
    return read_parts(
        s, text, (const size_t[]){ (size_t)(first - text), (size_t)(second - first - 1), left },
        out);
}

enum err
jws_read_parts(struct scope *s, const char *header, const char *payload, const char *signature,
               struct jws *out)
{
    const size_t len[] = { strlen(header), strlen(payload), strlen(signature) };

    if (len[0] + len[1] + len[2] > JWS_MAX)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "a JWS over %d octets", JWS_MAX);
    return read_parts(s, arena_printf(s->arena, "%s.%s.%s", header, payload, signature), len, out);
}

static enum err
refuse(struct scope *s, const char *why)
{
    return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_TOKEN, "the JWS is refused: %s", why);
}

/* How a key like SPEC would have signed, and its SIGNATURE as X.509 has it. */
static enum err
expect(struct scope *s, const struct jws *jws, struct key_spec spec, unsigned allowed,
       enum sig_alg *sig, struct bytes *signature)
{
    const struct alg *alg;

    if (!(jws->alg & allowed & JWS_ALL))
        return refuse(s, "its algorithm is not allowed here");
    alg = alg_with_key(jws->alg, spec);
    if (!alg)
        return refuse(s, "its algorithm is none for this key");
    *signature = jws->signature;
    if (alg->half &&
        (signature->len != 2 * alg->half || !ecdsa_of_raw(s->arena, jws->signature, signature)))
        return refuse(s, "its signature has the wrong length");
    *sig = alg->sig;
    return OK;
}

enum err
jws_verify(struct scope *s, const struct jws *jws, EVP_PKEY *key, unsigned allowed)
{
    struct bytes signature;
    enum sig_alg sig;

    TRY(expect(s, jws, key_spec_of(key), allowed, &sig, &signature));
    if (key_verify(s, key, sig, jws->input, signature) != OK)
        return refuse(s, "its signature does not match");
    return OK;
}

enum err
jws_verify_by(struct scope *s, const struct jws *jws, const struct verifier *v, unsigned allowed)
{
    struct bytes signature;
    enum sig_alg sig;

    TRY(expect(s, jws, verifier_spec(v), allowed, &sig, &signature));
    if (verifier_check(s, v, sig, jws->input, signature) != OK)
        return refuse(s, "its signature does not match");
    return OK;
}

static void
header_member(struct buf *b, const char *name, const char *text)
{
    if (!text)
        return;
    if (b->len > 1)
        buf_byte(b, ',');
    json_text(b, name);
    buf_byte(b, ':');
    json_text(b, text);
}

enum err
jws_sign(struct scope *s, EVP_PKEY *key, unsigned alg, const struct jws_head *head,
         struct bytes payload, const char **text)
{
    const struct alg *row = alg_with_key(alg, key_spec_of(key));
    struct bytes signature;
    uint8_t raw[2 * 66];
    const char *input;
    struct buf header;

    if (!row)
        return fail(s, E_INVALID, "the key cannot sign %s",
                    jws_alg_name(alg) ? jws_alg_name(alg) : "so");
    buf_init_in(&header, s->arena, JWS_MAX);
    buf_byte(&header, '{');
    header_member(&header, "alg", row->name);
    header_member(&header, "typ", head ? head->typ : NULL);
    header_member(&header, "kid", head ? head->kid : NULL);
    buf_byte(&header, '}');
    if (header.failed || header.len + payload.len > JWS_MAX / 2)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "a JWS of %zu octets", payload.len);
    input = arena_printf(s->arena, "%s.%s", base64url_encode(s->arena, buf_bytes(&header)),
                         base64url_encode(s->arena, payload));
    TRY(key_sign(s, key, row->sig, bytes_of_text(input), &signature));
    if (row->half) {
        if (!ecdsa_to_raw(signature, raw, row->half))
            return fail(s, E_INTERNAL, "an ECDSA signature that does not fit its curve");
        signature = (struct bytes){ raw, 2 * row->half };
    }
    *text = arena_printf(s->arena, "%s.%s", input, base64url_encode(s->arena, signature));
    return OK;
}
