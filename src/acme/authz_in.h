/** How authorizations are read; for the files of this folder. */
#ifndef ACME_AUTHZ_IN_H
#define ACME_AUTHZ_IN_H

#include "acme/authz.h"

/** Columns of an authorization Z, in the order of acme_authz_read(). */
#define ACME_AUTHZ_COLUMNS                                                                \
    "z.id, z.account, z.public_id, z.type, z.value, z.wildcard, z.status, z.expires_at, " \
    "z.validated_at, z.created_at, z.method"
/** Read them into OUT, which is zeroed: as time has made it. */
void acme_authz_read(struct row *row, struct acme_authz *out);

#endif
