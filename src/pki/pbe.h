/** Pbe: what it may cost to open what a stranger encrypted under a password. */
#ifndef PKI_PBE_H
#define PKI_PBE_H

#include "base/scope.h"
#include <openssl/x509.h>

#define PBE_ROUNDS_MAX 1000000              /* of one derivation */
#define PBE_ROUNDS_ALL (3 * PBE_ROUNDS_MAX) /* of a file: MAC, key, certificates */

/**
 * See that ALG is offered (PBES2 with PBKDF2 or a small scrypt, pbeWithSHAAnd3-KeyTripleDES-CBC)
 * and can be afforded, and take its rounds from LEFT.
 *
 * @param left  begins as PBE_ROUNDS_ALL
 * @return E_UNSUPPORTED; E_LIMIT: too many rounds
 * @see RFC 8018, RFC 7292 appendix C, RFC 7914
 */
enum err pbe_afford(struct scope *s, const X509_ALGOR *alg, int64_t *left);
/**
 * The same for certificates of PKCS#12, which are no secret: RC2 too, as older programs write it.
 *
 * @param library  receives what decrypts it, the process's own; NULL: as always
 */
enum err pbe_afford_certificates(struct scope *s, const X509_ALGOR *alg, int64_t *left,
                                 OSSL_LIB_CTX **library);
/** The same of the rounds of a MAC; NULL: one. */
enum err pbe_afford_rounds(struct scope *s, const ASN1_INTEGER *rounds, int64_t *left);

#endif
