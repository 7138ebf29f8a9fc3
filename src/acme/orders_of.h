/** Orders of an account, as its list shows them (RFC 8555 section 7.1.2.1). Any thread. */
#ifndef ACME_ORDERS_OF_H
#define ACME_ORDERS_OF_H

#include "acme/account.h"

/**
 * The orders that are not invalid, the newest first.
 *
 * @param out     receives const char *, public ids
 * @param cursor  public id: go on behind it; NULL: from the beginning; receives what to go on
 * behind then, or NULL at the end
 * @return E_INVALID: malformed, CURSOR is none of theirs
 */
enum err acme_orders_of(struct scope *s, const struct acme *acme, const struct acme_account *a,
                        int64_t limit, struct list *out, const char **cursor);

#endif
