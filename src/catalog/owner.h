/** Owner: the role to which a certificate belongs. Any thread may call; whether the caller may is
 * theirs to see. */
#ifndef CATALOG_OWNER_H
#define CATALOG_OWNER_H

#include "access/access.h"

/**
 * Give a certificate to a role, and tell the record; nothing is done when it is its already.
 *
 * @param role  0: it is nobody's from now on
 * @return E_NOT_FOUND: no such certificate
 */
enum err certificate_give(struct scope *s, struct db *db, const struct caller *by,
                          int64_t certificate, int64_t role);

#endif
