#include "acme/orders_of.h"

SQL(order_place, "SELECT id FROM acme_order WHERE public_id = $1 AND account = $2");
SQL(orders_page, "SELECT public_id FROM acme_order WHERE account = $1 AND id < $2 AND "
                 "(status = 4 OR (status IN (1, 2, 3) AND expires_at > $3)) "
                 "ORDER BY id DESC LIMIT $4");

enum err
acme_orders_of(struct scope *s, const struct acme *acme, const struct acme_account *a,
               int64_t limit, struct list *out, const char **cursor)
{
    int64_t before = INT64_MAX;
    struct rows rows;
    struct row row;
    bool more;
    enum err e;

    if (*cursor) {
        e = db_one(s, acme->o.db, &order_place, BIND(v_text(*cursor), v_int(a->id)), &row);
        if (e == E_NOT_FOUND)
            return acme_fail(s, E_INVALID, "malformed", "the cursor is not one of this list");
        TRY(e);
        before = row_int(&row);
    }
    TRY(db_all(s, acme->o.db, &orders_page,
               BIND(v_int(a->id), v_int(before), v_when(clock_now()), v_int(limit + 1)), &rows));
    more = rows_cut(&rows, limit);
    for (size_t i = 0; i < rows.count; i++)
        list_add(s->arena, out, const char *, row_text(&rows.at[i]));
    *cursor = more ? *list_last(out, const char *) : NULL;
    return OK;
}
