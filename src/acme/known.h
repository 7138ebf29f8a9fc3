/** Known: what cryptography said once and would say again, so that not every request pays for it:
 * the keys of accounts, imported, and which certificates are roots. Any thread. */
#ifndef ACME_KNOWN_H
#define ACME_KNOWN_H

#include "base/scope.h"
#include <openssl/evp.h>

struct known;
/** Nothing is known yet. */
struct known *known_new(void);
void known_free(struct known *k);

/**
 * The key that JWK writes down.
 *
 * @param thumbprint  of that key, SHA-256 (RFC 7638)
 * @param key         lives as long as s->arena
 * @return E_INVALID, E_UNSUPPORTED: as jwk_parse()
 */
enum err known_key(struct scope *s, struct known *k, struct bytes thumbprint, const char *jwk,
                   EVP_PKEY **key);
/** Whether a certificate (DER) is one that signed itself. */
bool known_root(struct scope *s, struct known *k, struct bytes der);

#endif
