/** Chain: certificates put in order, leaf first, and verified by OpenSSL. */
#ifndef PKI_CHAIN_H
#define PKI_CHAIN_H

#include "pki/cert.h"

#define CHAIN_MAX 16

/**
 * Order certificates: the leaf, its issuer, that one's issuer, and so on, by names, key ids and
 * signatures.
 *
 * @param leaf   DER of the first, or {NULL, 0}: the one that issued none of the others
 * @param certs  of struct bytes, in any order, repetitions allowed; those that do not belong are
 * left out
 * @param chain  receives struct bytes, leaf first; a self-signed root is last when it was among
 * them
 */
enum err chain_order(struct scope *s, struct bytes leaf, const struct list *certs,
                     struct list *chain);

/** What the leaf will be used for. */
enum chain_use {
    CHAIN_ANY,
    CHAIN_SERVER,
    CHAIN_CLIENT,
    CHAIN_OCSP,
    CHAIN_DEVICE, /* attestation: makers of devices leave out key ids; no weak signature or key */
};

/**
 * Verify by X509_verify_cert with strict checks, but for CHAIN_DEVICE.
 *
 * @param chain  of struct bytes, leaf first
 * @param roots  of struct bytes: what is trusted
 * @param at     the time to verify for
 * @return E_INVALID with OpenSSL's reason and the depth
 */
enum err chain_verify(struct scope *s, const struct list *chain, const struct list *roots,
                      struct when at, enum chain_use use);
/** The same, and ANCHOR receives the certificate among ROOTS that the chain leads to. */
enum err chain_verify_to(struct scope *s, const struct list *chain, const struct list *roots,
                         struct when at, enum chain_use use, struct bytes *anchor);

#endif
