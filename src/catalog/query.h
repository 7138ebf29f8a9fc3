/** Query: the search language of the Command API, parsed; for the register's SQL and for lists in
 * memory. */
#ifndef CATALOG_QUERY_H
#define CATALOG_QUERY_H

#include "base/scope.h"
#include "codec/model.h"

/**
 * Keep the elements of LIST (of structs of M) that QUERY finds; fields are M's wire names in any
 * case, and the aliases given there. NULL or "" keeps all.
 *
 * @return E_INVALID (CHY_BAD_QUERY, CHY_QUERY_FIELD) with the position in characters from 1
 * @see command-api.md section 1.10
 */
enum err query_filter(struct scope *s, const char *query, const struct model *m, struct when now,
                      struct list *list);

/**
 * Sort LIST (of structs of M) by a field's wire name in any case, texts without regard to case,
 * stable; what has no value comes first. FIELD NULL leaves the order.
 *
 * @return E_INVALID (CHY_NO_ORDER): there is no such field
 */
enum err query_sort(struct scope *s, const char *field, bool descending, const struct model *m,
                    struct list *list);

#endif
