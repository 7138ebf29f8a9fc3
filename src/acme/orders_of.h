/** Orders of an account, as its list shows them (RFC 8555 section 7.1.2.1). Any thread. */
#ifndef ACME_ORDERS_OF_H
#define ACME_ORDERS_OF_H

#include "acme/account.h"

/**
 * The orders that are not invalid, the newest first.
 *
 * @param after  public id: go on behind it; NULL: from the beginning
 * @param out    receives const char *, public ids
 * @param next   receives what to go on behind, or NULL at the end
 * @return E_INVALID: malformed, AFTER is none of theirs
 */
enum err acme_orders_of(struct scope *s, const struct acme *acme, const struct acme_account *a,
                        const char *after, int64_t limit, struct list *out, const char **next);

#endif
