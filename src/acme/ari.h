/** ARI: when a certificate had best be renewed (RFC 9773), for those of every protocol. Any
 * thread. */
#ifndef ACME_ARI_H
#define ACME_ARI_H

#include "acme/account.h"

/** What is told of a certificate. */
struct acme_ari {
    int64_t certificate;
    struct when start, end; /* START is before END by a second at least */
    const char *url;        /* where it is explained, or NULL */
    bool by_client;         /* the window has come because an ACME client revoked it */
};
/**
 * The window of the certificate that CERT_ID names (RFC 9773 section 4.1).
 *
 * @return E_INVALID: malformed; E_NOT_FOUND: malformed, it is none of ours
 */
enum err acme_ari_window(struct scope *s, const struct acme *acme, const char *cert_id,
                         struct acme_ari *out);
/** What an order is to replace. */
struct acme_replaced {
    int64_t certificate; /* 0: nothing */
    bool same;           /* it has all names of the order */
};
/**
 * The certificate that a new order of account A for NAMES (of struct acme_name) is to replace.
 *
 * @return as acme_ari_window(); E_FORBIDDEN: unauthorized, another account's; E_INVALID: malformed,
 * it has none of the names
 */
enum err acme_ari_replaced(struct scope *s, const struct acme *acme, const struct acme_account *a,
                           const char *cert_id, const struct list *names,
                           struct acme_replaced *out);

#endif
