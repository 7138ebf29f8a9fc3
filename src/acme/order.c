#include "acme/order.h"

#include "acme/authz.h"
#include "flow/requests.h"

static const char *const status_names[] = {
    "", "pending", "ready", "processing", "valid", "invalid"
};

const char *
acme_order_status_name(enum acme_order_status status)
{
    return (size_t)status < COUNT(status_names) ? status_names[status] : "";
}

/* Reading. */

#define ORDER_COLUMNS                                                                          \
    "id, account, request, certificate, replaces_cert, replaces, profile, public_id, status, " \
    "identifiers, error, csr, expires_at, not_before, not_after, created_at, ended_at, "       \
    "unlimited"

static void
read_row(struct row *row, struct acme_order *out)
{
    out->id = row_int(row);
    out->account = row_int(row);
    out->request = row_int(row);
    out->certificate = row_int(row);
    out->replaces_cert = row_int(row);
    out->replaces = row_text(row);
    out->profile = row_text(row);
    out->public_id = row_text(row);
    out->status = (enum acme_order_status)row_int(row);
    out->identifiers = row_text(row);
    out->error = row_text(row);
    out->csr = row_bytes(row);
    out->expires_at = row_when(row);
    out->not_before = row_when(row);
    out->not_after = row_when(row);
    out->created_at = row_when(row);
    out->ended_at = row_when(row);
    out->unlimited = row_int(row);
}

SQL(order_authzs, "SELECT z.public_id, z.status, z.expires_at FROM acme_order_authz oz JOIN "
                  "acme_authz z ON z.id = oz.authz WHERE oz.order_id = $1 ORDER BY oz.place");

/* What time has made of an order that is not done. */
static void
age(struct scope *s, struct acme_order *o, bool lapsed)
{
    if (o->status != ACME_ORDER_PENDING && o->status != ACME_ORDER_READY)
        return;
    if (when_cmp(o->expires_at, clock_now()) <= 0)
        o->error = acme_problem_text(s->arena, "malformed", "The order has expired.");
    else if (lapsed)
        o->error = acme_problem_text(s->arena, "unauthorized",
                                     "An authorization of the order does not hold any more.");
    else
        return;
    o->status = ACME_ORDER_INVALID;
}

static enum err
read_authzs(struct scope *s, const struct acme *acme, struct acme_order *o, bool *lapsed)
{
    struct when now = clock_now();
    struct rows rows;

    *lapsed = false;
    TRY(db_all(s, acme->o.db, &order_authzs, BIND(v_int(o->id)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        list_add(s->arena, &o->authzs, const char *, row_text(&rows.at[i]));
        if (row_int(&rows.at[i]) > ACME_AUTHZ_VALID || when_cmp(row_when(&rows.at[i]), now) <= 0)
            *lapsed = true;
    }
    return OK;
}

SQL(request_of, "SELECT disposition, COALESCE(certificate, 0), message FROM request WHERE id = $1");
SQL(order_settle, "UPDATE acme_order SET status = $2, certificate = $3, error = $4, ended_at = $5 "
                  "WHERE id = $1 AND status = 3");

static enum err
settle_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct acme_order *o = arg;

    return tx_do(s, tx, &order_settle,
                 BIND(v_int(o->id), v_int(o->status), v_id(o->certificate), v_text(o->error),
                      v_when(clock_now())));
}

/* A request that waited for somebody: what became of it? */
static enum err
settle(struct scope *s, const struct acme *acme, struct acme_order *o)
{
    enum disposition d;
    const char *why;
    struct row row;

    if (o->status != ACME_ORDER_PROCESSING || !o->request)
        return OK;
    TRY(db_one(s, acme->o.db, &request_of, BIND(v_int(o->request)), &row));
    d = (enum disposition)row_int(&row);
    o->certificate = row_int(&row);
    why = row_text(&row);
    if (d == DISPOSITION_ISSUED && o->certificate) {
        o->status = ACME_ORDER_VALID;
    } else if (d == DISPOSITION_DENIED || d == DISPOSITION_FAILED) {
        o->status = ACME_ORDER_INVALID;
        o->error =
            acme_problem_text(s->arena, "unauthorized", why ? why : "The request was denied.");
    } else {
        return OK;
    }
    return db_write(s, acme->o.db, settle_in, o);
}

SQL(order_by_public,
    "SELECT " ORDER_COLUMNS " FROM acme_order WHERE public_id = $1 AND account = $2");
SQL(order_by_number, "SELECT " ORDER_COLUMNS " FROM acme_order WHERE id = $1");

/* An order that is sought by its number, or by its address and account. */
struct seeking {
    const struct acme *acme;
    const char *public_id; /* NULL: by its number */
    int64_t number;        /* of the account, or its own */
    struct acme_order *out;
};

static enum err
look(struct scope *s, void *arg)
{
    const struct seeking *k = arg;
    struct db *db = k->acme->o.db;
    struct acme_order *out = k->out;
    struct row row;
    bool lapsed;

    if (k->public_id)
        TRY(db_one(s, db, &order_by_public, BIND(v_text(k->public_id), v_int(k->number)), &row));
    else
        TRY(db_one(s, db, &order_by_number, BIND(v_int(k->number)), &row));
    *out = (struct acme_order){ 0 };
    read_row(&row, out);
    TRY(read_authzs(s, k->acme, out, &lapsed));
    if (lapsed) { /* what became of the order may have been committed between the two questions */
        TRY(db_one(s, db, &order_by_number, BIND(v_int(out->id)), &row));
        read_row(&row, out);
    }
    age(s, out, lapsed);
    return OK;
}

enum err
acme_order_get(struct scope *s, const struct acme *acme, const struct acme_account *a,
               const char *public_id, struct acme_order *out)
{
    struct seeking k = { .acme = acme, .public_id = public_id, .number = a->id, .out = out };

    TRY(db_together(s, acme->o.db, look, &k));
    return settle(s, acme, out);
}

enum err
acme_order_by_id(struct scope *s, const struct acme *acme, int64_t id, struct acme_order *out)
{
    struct seeking k = { .acme = acme, .number = id, .out = out };

    TRY(db_together(s, acme->o.db, look, &k));
    return settle(s, acme, out);
}

SQL(order_account,
    "SELECT o.id, a.public_id FROM acme_order o JOIN acme_account a ON a.id = o.account "
    "WHERE o.public_id = $1");

enum err
acme_order_find(struct scope *s, const struct acme *acme, const char *public_id,
                struct acme_order *out, const char **account)
{
    int64_t id;
    struct row row;

    TRY(db_one(s, acme->o.db, &order_account, BIND(v_text(public_id)), &row));
    id = row_int(&row);
    *account = row_text(&row);
    return acme_order_by_id(s, acme, id, out);
}

/* Moving on. */

SQL(orders_lock,
    "SELECT id FROM acme_order WHERE id IN (SELECT order_id FROM acme_order_authz WHERE "
    "authz = $1) AND status IN (1, 2, 3) ORDER BY id @lock");
SQL(order_fail, "UPDATE acme_order SET status = 5, error = $2, ended_at = $3 WHERE id = $1 AND "
                "(status IN (1, 2) OR (status = 3 AND request IS NULL))");
SQL(order_ready, "UPDATE acme_order SET status = 2 WHERE id = $1 AND status = 1 AND NOT EXISTS ("
                 "SELECT 1 FROM acme_order_authz oz JOIN acme_authz z ON z.id = oz.authz WHERE "
                 "oz.order_id = $1 AND z.status <> 2)");

enum err
acme_orders_lock(struct scope *s, struct tx *tx, int64_t authz, struct rows *out)
{
    return tx_all(s, tx, &orders_lock, BIND(v_int(authz)), out);
}

enum err
acme_orders_ready(struct scope *s, struct tx *tx, struct rows *locked)
{
    for (size_t i = 0; i < locked->count; i++)
        TRY(tx_do(s, tx, &order_ready, BIND(v_int(row_int(&locked->at[i])))));
    return OK;
}

enum err
acme_orders_fail(struct scope *s, struct tx *tx, int64_t authz, const char *error, struct when now)
{
    struct rows rows;

    TRY(acme_orders_lock(s, tx, authz, &rows));
    for (size_t i = 0; i < rows.count; i++)
        TRY(tx_do(s, tx, &order_fail,
                  BIND(v_int(row_int(&rows.at[i])), v_text(error), v_when(now))));
    return OK;
}

SQL(orders_end,
    "UPDATE acme_order SET status = 5, error = $2, ended_at = $3 WHERE account = $1 AND "
    "(status IN (1, 2) OR (status = 3 AND request IS NULL))");

enum err
acme_orders_end(struct scope *s, struct tx *tx, int64_t account, const char *error, struct when now)
{
    return tx_do(s, tx, &orders_end, BIND(v_int(account), v_text(error), v_when(now)));
}
