/** JWK: public keys as JSON, and their thumbprints. @see RFC 7517, RFC 7518 section 6, RFC 8037,
 * RFC 7638 */
#ifndef PKI_JWK_H
#define PKI_JWK_H

#include "base/scope.h"
#include "codec/json.h"
#include <openssl/evp.h>

/**
 * Read a public key: EC P-256, P-384, P-521; RSA of 2048 to 8192 bits; OKP Ed25519, Ed448. A key
 * with private members is refused, so that nobody gets used to sending one.
 *
 * @param key  owned by s->arena
 * @return E_INVALID: malformed, a point off the curve, private members; E_UNSUPPORTED: another type
 * of key
 */
enum err jwk_read(struct scope *s, const struct json *jwk, EVP_PKEY **key);
/** The same from JSON text. */
enum err jwk_parse(struct scope *s, struct bytes text, EVP_PKEY **key);

/**
 * Write KEY's public half as a JSON object: the required members in the order of RFC 7638, then
 * what is given here.
 *
 * The further members KID, ALG and USE are left out when NULL.
 * @return E_UNSUPPORTED: a type of key that has no JWK form here
 */
enum err jwk_write(struct scope *s, EVP_PKEY *key, const char *kid, const char *alg,
                   const char *use, struct buf *out);

/** The base64url of the SHA-256 thumbprint, in s->arena. @see RFC 7638 section 3 */
enum err jwk_thumbprint(struct scope *s, EVP_PKEY *key, const char **text);

#endif
