/** PKCS#7: bags of certificates (P7B, p7c) as certs-only SignedData. */
#ifndef PKI_PKCS7_H
#define PKI_PKCS7_H

#include "base/scope.h"

/**
 * A degenerate SignedData that holds COUNT certificates, in s->arena. They stay in the order given:
 * clients take the first for the leaf, although the field is a SET.
 *
 * @param certs  certificates in DER, 1 to 1000
 * @return E_INVALID: one of them is no DER SEQUENCE, or there are none
 * @see RFC 5652 section 5.1, RFC 2315 section 9.1
 */
enum err pkcs7_of_certs(struct scope *s, const struct bytes *certs, size_t count,
                        struct bytes *der);

/** The same with "-----BEGIN PKCS7-----" around its base64. */
enum err pkcs7_of_certs_pem(struct scope *s, const struct bytes *certs, size_t count,
                            const char **pem);

#endif
