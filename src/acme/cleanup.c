#include "acme/cleanup.h"

#define BATCH 200

/* Said twice: on PostgreSQL the inner question is not asked again of a row that this had to wait
 * for, and that is valid by then. */
SQL(orders_expire,
    "UPDATE acme_order SET status = 5, error = $2, ended_at = expires_at WHERE id IN "
    "(SELECT id FROM acme_order WHERE status IN (1, 2) AND expires_at <= $1 ORDER BY "
    "status, expires_at LIMIT $3) AND status IN (1, 2)");
SQL(authzs_expire,
    "UPDATE acme_authz SET status = 5 WHERE id IN (SELECT id FROM acme_authz WHERE status "
    "IN (1, 2) AND expires_at <= $1 ORDER BY status, expires_at LIMIT $2) AND status IN "
    "(1, 2) AND expires_at <= $1");
/* An order that gave a certificate stays as long as that is valid. */
SQL(orders_over,
    "SELECT id FROM acme_order WHERE expires_at <= $1 AND (status = 5 OR (status = 4 AND "
    "(SELECT not_after FROM certificate c WHERE c.id = acme_order.certificate) <= $1)) "
    "LIMIT $2");
SQL(order_links_drop, "DELETE FROM acme_order_authz WHERE order_id = $1");
SQL(order_drop, "DELETE FROM acme_order WHERE id = $1");
SQL(authzs_over, "SELECT id FROM acme_authz WHERE status > 2 AND expires_at <= $1 AND NOT EXISTS "
                 "(SELECT 1 FROM acme_order_authz oz WHERE oz.authz = acme_authz.id) LIMIT $2");
SQL(tries_drop, "DELETE FROM acme_challenge_try WHERE challenge IN (SELECT id FROM acme_challenge "
                "WHERE authz = $1)");
SQL(challenges_drop, "DELETE FROM acme_challenge WHERE authz = $1");
SQL(authz_drop, "DELETE FROM acme_authz WHERE id = $1");

struct cleaning {
    struct when now, before;
    const char *error;
    int64_t count;
};

static enum err
expire_in(struct scope *s, struct tx *tx, struct cleaning *c)
{
    int64_t orders, authzs;

    TRY(tx_count(s, tx, &orders_expire, BIND(v_when(c->now), v_text(c->error), v_int(BATCH)),
                 &orders));
    TRY(tx_count(s, tx, &authzs_expire, BIND(v_when(c->now), v_int(BATCH)), &authzs));
    c->count += orders + authzs;
    return OK;
}

static enum err
drop(struct scope *s, struct tx *tx, struct cleaning *c, struct sql *over, struct sql *const *parts)
{
    struct rows rows;

    TRY(tx_all(s, tx, over, BIND(v_when(c->before), v_int(BATCH)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        int64_t id = row_int(&rows.at[i]);

        for (size_t part = 0; parts[part]; part++)
            TRY(tx_do(s, tx, parts[part], BIND(v_int(id))));
    }
    c->count += (int64_t)rows.count;
    return OK;
}

static enum err
clean_in(struct scope *s, struct tx *tx, void *arg)
{
    static struct sql *const of_order[] = { &order_links_drop, &order_drop, NULL };
    static struct sql *const of_authz[] = { &tries_drop, &challenges_drop, &authz_drop, NULL };
    struct cleaning *c = arg;

    c->count = 0;
    TRY(expire_in(s, tx, c));
    TRY(drop(s, tx, c, &orders_over, of_order));
    return drop(s, tx, c, &authzs_over, of_authz);
}

enum err
acme_cleanup(struct scope *s, const struct acme *acme, int64_t *count)
{
    struct cleaning c = { .now = clock_now(),
                          .error =
                              acme_problem_text(s->arena, "malformed", "The order has expired.") };

    c.before = when_add_ms(c.now, -acme->o.set->keep);
    TRY(db_write(s, acme->o.db, clean_in, &c));
    *count = c.count;
    return OK;
}
