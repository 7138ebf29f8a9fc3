/** Negotiate: a Kerberos ticket becomes a caller. Waits; any thread. */
#ifndef ACCESS_NEGOTIATE_H
#define ACCESS_NEGOTIATE_H

#include "access/office.h"

/**
 * The caller whom the credentials of an Authorization header of the scheme Negotiate prove: of a
 * directory when their realm is a domain of it, and so the same account as by password.
 *
 * @return as access_authenticate(); E_UNAVAILABLE: their directory cannot be asked
 */
enum err negotiate_login(struct scope *s, struct access *a, const char *credentials,
                         const struct access_peer *peer, const struct caller **out);

#endif
