/** Extension walk: SEQUENCE OF Extension, one at a time, as CRLs, OCSP messages and the lints read
 * them. */
#ifndef PKI_EXTWALK_H
#define PKI_EXTWALK_H

#include "pki/cert.h"

/**
 * Take the extension at P.
 *
 * @param spelled  set to true, and otherwise left alone, when `critical FALSE` is spelled out,
 * which DER forbids
 * @return false: no Extension, or an empty value
 * @see RFC 5280 section 4.1
 */
bool ext_next(struct span *p, struct ext *out, bool *spelled);

/** Does the OID stand among the COUNT at SEEN? */
bool ext_seen(const struct ext *seen, size_t count, struct bytes oid);

#endif
