/** PKCS#12: key and certificates under a password (RFC 7292), written and read. */
#ifndef PKI_PKCS12_H
#define PKI_PKCS12_H

#include "pki/bundle.h"

#define PKCS12_ROUNDS 100000 /* of PBKDF2 and of the MAC: ca-core section 15 */

/**
 * Write the key bag first, then the certificates in their order; key and its certificate share a
 * localKeyID and the friendly name.
 *
 * @param legacy  true: pbeWithSHAAnd3-KeyTripleDES-CBC and HMAC-SHA-1, for readers from before 2018
 */
enum err pkcs12_write(struct scope *s, const struct bundle *b, bool legacy,
                      const struct secret *password, struct bytes *out);
/**
 * Read one. Its MAC must match before anything is decrypted; certificates come as they stand in
 * the file.
 *
 * @return as bundle_read()
 */
enum err pkcs12_read(struct scope *s, struct bytes der, const struct secret *password,
                     struct bundle *out);

#endif
