/** Known: what cryptography said once and would say again, so that not every request pays for it:
 * the keys of accounts, imported, and which certificates are roots; and accounts as they stand,
 * where nobody else changes them. Any thread. */
#ifndef ACME_KNOWN_H
#define ACME_KNOWN_H

#include "acme/account.h"
#include "pki/verifier.h"

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
                   const struct verifier **key);
/**
 * The account of this endpoint with this id, as it was read when NUMBER of db/watch.h was asked
 * for.
 *
 * @param out  lives as long as s->arena
 * @return false: it is not known, or was read before something changed
 */
bool known_account(struct scope *s, struct known *k, int64_t endpoint, const char *public_id,
                   uint64_t number, struct acme_account *out);
/** ACCOUNT was read after NUMBER was asked for. */
void known_account_keep(struct known *k, const struct acme_account *account, uint64_t number);
/** Whether a certificate (DER) is one that signed itself. */
bool known_root(struct scope *s, struct known *k, struct bytes der);

#endif
