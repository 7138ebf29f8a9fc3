/** Revoke: certificates that their holders do not want to be valid any more (RFC 8555 section
 * 7.6). Any thread. */
#ifndef ACME_REVOKE_H
#define ACME_REVOKE_H

#include "acme/account.h"

/** Who asks, and for what. */
struct acme_revoke {
    const struct acme_account *account; /* NULL: it is the certificate's own key that signed */
    const struct acme_key *key;         /* that signed */
    struct bytes certificate;           /* DER */
    bool has_reason;
    int64_t reason;
    struct acme_peer peer;
};
/**
 * Revoke a certificate: that an account was given, or all names of which it may be given; or that
 * has the key.
 *
 * @return E_INVALID: malformed, alreadyRevoked, badRevocationReason; E_NOT_FOUND: not one of ours;
 * E_FORBIDDEN: unauthorized
 */
enum err acme_revoke(struct scope *s, const struct acme *acme, const struct acme_revoke *in);

#endif
