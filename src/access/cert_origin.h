/** Cert origin: what the account of a client certificate's bearer is known by, for ever. */
#ifndef ACCESS_CERT_ORIGIN_H
#define ACCESS_CERT_ORIGIN_H

#include "base/scope.h"

/** Whom a certificate names. Who renews it stays who they are, so its hash is no part of this. */
struct cert_bearer {
    const char *issuer, *subject; /* as struct name shows them */
    const char *upn;              /* "": none */
};

/** The origin of a bearer: no two have the same one. A colon in a part is written %3A. */
const char *cert_origin(struct arena *a, const struct cert_bearer *b);
/**
 * What earlier releases stored in its stead, the parts with nothing but a colon between them.
 *
 * @param one  receives whether the text can be that of this bearer alone
 * @return NULL: the same as cert_origin()
 */
const char *cert_origin_before(struct arena *a, const struct cert_bearer *b, bool *one);

#endif
