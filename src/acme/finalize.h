/**
 * Finalize: from an order that is ready and a CSR to a certificate, by the one door (RFC 8555
 * section 7.4). The commit that enters the certificate makes the order valid; there is no moment
 * between the two.
 */
#ifndef ACME_FINALIZE_H
#define ACME_FINALIZE_H

#include "acme/order.h"

#define ACME_FINALIZE_JOB "acme.finalize"
struct job;

/** What finalize asks for, and who. */
struct acme_finalize_wish {
    const struct acme_account *account;
    const struct acme_peer *peer;
    struct bytes csr;
};
/**
 * Ask for the certificate of an order.
 *
 * @param o  the order as it was read; becomes what it is after it: valid, or processing when
 * somebody has to approve it or the authority cannot sign now
 * @return E_FORBIDDEN: orderNotReady; E_INVALID: badCSR; as
 * acme_order_judge(): and the order stays ready
 */
enum err acme_finalize(struct scope *s, const struct acme *acme, struct acme_order *o,
                       const struct acme_finalize_wish *wish);
/** What a job of kind ACME_FINALIZE_JOB does: try an order again that is processing. */
enum err acme_finalize_again(struct scope *s, const struct acme *acme, const struct job *job);

#endif
