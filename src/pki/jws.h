/** JWS: signed JSON in compact form, checked without mercy. @see RFC 7515, RFC 7518 section 3, RFC
 * 8037, RFC 8725 */
#ifndef PKI_JWS_H
#define PKI_JWS_H

#include "base/scope.h"
#include "codec/json.h"
#include "pki/verifier.h"

#define JWS_MAX 65536 /* octets of a compact JWS */

/** Algorithms, as bits, so that a caller can say which it takes. There is no `none` and no HMAC. */
enum {
    JWS_ES256 = 1,
    JWS_ES384 = 2,
    JWS_ES512 = 4,
    JWS_RS256 = 8,
    JWS_PS256 = 16,
    JWS_EDDSA = 32,
    JWS_ALL = 63,
};
/** "ES256" and so on. */
const char *jws_alg_name(unsigned alg);
/** 0 for a name that is not known here; names are compared exactly. */
unsigned jws_alg_of_name(const char *name);
/** What a key signs with: 0 when it has no algorithm here. An RSA key gives JWS_RS256. */
unsigned jws_alg_of_key(EVP_PKEY *key);
/** The same of a key like SPEC. */
unsigned jws_alg_of_spec(struct key_spec spec);

/** A JWS as read, before its signature is known to be good. */
struct jws {
    unsigned alg;              /* one of the bits above */
    const char *kid;           /* or NULL */
    const char *typ;           /* or NULL */
    const struct json *header; /* the protected header; lives in s->arena */
    struct bytes payload;
    struct bytes input; /* what is signed: the first two parts with the dot between */
    struct bytes signature;
};

/**
 * Take a compact JWS apart. Nothing of it may be believed before jws_verify().
 *
 * @return E_INVALID: malformed, an unknown or absent alg (with the tag "badSignatureAlgorithm"),
 * `crit`, `b64`, a header member twice; E_LIMIT: too long
 */
enum err jws_read(struct scope *s, const char *text, size_t len, struct jws *out);
/** The same from the three parts that a JSON serialization holds apart, each in base64url. */
enum err jws_read_parts(struct scope *s, const char *header, const char *payload,
                        const char *signature, struct jws *out);

/**
 * Check the signature.
 *
 * @param allowed  the algorithms that may have been used
 * @return E_UNAUTHENTICATED: it does not match, or the algorithm is not allowed or not one for this
 * key
 */
enum err jws_verify(struct scope *s, const struct jws *jws, EVP_PKEY *key, unsigned allowed);
/** The same by a key that was made ready. */
enum err jws_verify_by(struct scope *s, const struct jws *jws, const struct verifier *v,
                       unsigned allowed);

/** Header members beside alg; NULL leaves one out. */
struct jws_head {
    const char *typ, *kid;
};
/**
 * Sign PAYLOAD.
 *
 * @param key   a private key; its type must fit ALG
 * @param head  what else the header says; may be NULL
 * @param text  the compact form, in s->arena
 */
enum err jws_sign(struct scope *s, EVP_PKEY *key, unsigned alg, const struct jws_head *head,
                  struct bytes payload, const char **text);

/** Turn an ECDSA signature from DER to r and s side by side, HALF octets each, and back; false when
 * it does not fit. */
bool ecdsa_to_raw(struct bytes der, uint8_t *raw, size_t half);
bool ecdsa_of_raw(struct arena *a, struct bytes raw, struct bytes *der);

#endif
