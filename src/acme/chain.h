/** Chain: a certificate with its issuers, in the ways there are (RFC 8555 section 7.4.2). */
#ifndef ACME_CHAIN_H
#define ACME_CHAIN_H

#include "acme/order.h"

/** The certificate of an order, with one chain. */
struct acme_chain {
    struct list certs;      /* of struct bytes: the leaf, then issuers; roots are left out */
    int64_t others;         /* how many further chains there are, numbered from 1 */
    const char *issuer_url; /* of the leaf's issuer, or NULL */
};
/**
 * The NUMBER-th chain (0: the usual one) of the certificate CERTIFICATE.
 *
 * @return E_NOT_FOUND: there are not so many
 */
enum err acme_chain(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                    int64_t certificate, int64_t number, struct acme_chain *out);
/** Whose certificate is it that the order with this id was given? Its number. E_NOT_FOUND;
 * E_FORBIDDEN: unauthorized, another account's. */
enum err acme_certificate_of(struct scope *s, const struct acme *acme, const struct acme_account *a,
                             const char *order, int64_t *certificate);

#endif
