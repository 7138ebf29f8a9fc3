/* Lists for operators. */
#include "acme/oversee.h"

#include "acme/authz_in.h"
#include <string.h>

#define PREFIX_LEAST 4
#define NAMED_MOST 5

/* Ids. */

SQL(accounts_from, "SELECT public_id FROM acme_account WHERE public_id >= $1 AND public_id < $2 "
                   "ORDER BY public_id LIMIT $3");
SQL(orders_from, "SELECT public_id FROM acme_order WHERE public_id >= $1 AND public_id < $2 "
                 "ORDER BY public_id LIMIT $3");
SQL(authzs_from, "SELECT public_id FROM acme_authz WHERE public_id >= $1 AND public_id < $2 "
                 "ORDER BY public_id LIMIT $3");

static const struct kind {
    const char *word;
    struct sql *from;
} kinds[] = {
    [ACME_ACCOUNTS] = { "account", &accounts_from },
    [ACME_ORDERS] = { "order", &orders_from },
    [ACME_AUTHZS] = { "authorization", &authzs_from },
};

static enum err
is_ambiguous(struct scope *s, enum acme_kind kind, const char *text, struct rows *rows)
{
    struct buf b;

    buf_init_in(&b, s->arena, 1024);
    for (size_t i = 0; i < rows->count; i++)
        buf_printf(&b, "%s%s", i ? ", " : "", row_text(&rows->at[i]));
    return fail_code(s, E_INVALID, CHY_BAD_VALUE, "several %ss begin with \"%s\": %s",
                     kinds[kind].word, text, buf_str(&b));
}

enum err
acme_full_id(struct scope *s, const struct acme *acme, enum acme_kind kind, const char *text,
             const char **out)
{
    const char *end = arena_printf(s->arena, "%s~", text), *first; /* behind all that begin so */
    struct rows rows;
    struct row peek;

    TRY(db_all(s, acme->o.db, kinds[kind].from, BIND(v_text(text), v_text(end), v_int(NAMED_MOST)),
               &rows));
    if (!rows.count)
        return fail(s, E_NOT_FOUND, "there is no %s \"%s\"", kinds[kind].word, text);
    peek = rows.at[0];
    first = row_text(&peek);
    if (!text_eq(first, text) && strlen(text) < PREFIX_LEAST)
        return fail(s, E_NOT_FOUND, "there is no %s \"%s\"", kinds[kind].word, text);
    if (!text_eq(first, text) && rows.count > 1)
        return is_ambiguous(s, kind, text, &rows);
    *out = first;
    return OK;
}

/* Where a page begins: before this number. */
static enum err
before_of(struct scope *s, const struct acme *acme, struct sql *find, const struct acme_page *page,
          int64_t *out)
{
    struct row row;
    enum err e;

    *out = INT64_MAX;
    if (text_empty(page->after))
        return OK;
    e = db_one(s, acme->o.db, find, BIND(v_text(page->after)), &row);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        problem(s, "after", CHY_BAD_VALUE, "is no cursor of this list");
        return problems_fail(s);
    }
    TRY(e);
    *out = row_int(&row);
    return OK;
}

/* Accounts. */

#define ACCOUNT_COLUMNS                                                                    \
    "a.id, a.public_id, e.name, a.status, a.contacts, a.thumbprint, k.kid, a.created_ip, " \
    "a.user_agent, a.terms_at, a.created_at, a.last_seen_at FROM acme_account a JOIN "     \
    "acme_endpoint e ON e.id = a.endpoint LEFT JOIN acme_eab_key k ON k.id = a.eab_key "

static void
read_account(struct row *row, struct acme_account_row *out)
{
    out->id = row_int(row);
    out->public_id = row_text(row);
    out->endpoint = row_text(row);
    out->status = (enum acme_account_status)row_int(row);
    out->contacts = row_text(row);
    out->thumbprint = row_bytes(row);
    out->eab_kid = row_text(row);
    out->created_ip = row_text(row);
    out->user_agent = row_text(row);
    out->terms_at = row_when(row);
    out->created_at = row_when(row);
    out->last_seen_at = row_when(row);
}

SQL(account_number, "SELECT id FROM acme_account WHERE public_id = $1");
SQL(accounts_page,
    "SELECT " ACCOUNT_COLUMNS "WHERE a.id < $1 AND ($2 = 0 OR a.status = $2) AND ($3 = '' OR k.kid "
    "= $3) AND ($4 = '' OR a.public_id = $4 OR a.created_ip = $4 OR a.thumbprint = $6 OR "
    "@contains(LOWER(COALESCE(a.contacts, '')), $5)) ORDER BY a.id DESC LIMIT $7");

enum err
acme_account_list(struct scope *s, const struct acme *acme, const struct acme_account_query *q,
                  struct acme_page *page, struct list *out)
{
    const char *contains = q->contains ? q->contains : "";
    struct bytes thumb = { NULL, 0 };
    int64_t before;
    struct rows rows;
    bool more;

    TRY(before_of(s, acme, &account_number, page, &before));
    if (!base64url_decode(s->arena, contains, strlen(contains), &thumb) || thumb.len != SHA256_LEN)
        thumb = (struct bytes){ NULL, 0 };
    TRY(db_all(s, acme->o.db, &accounts_page,
               BIND(v_int(before), v_int(q->status), v_text(q->eab_kid ? q->eab_kid : ""),
                    v_text(contains), v_text(text_fold(s->arena, contains)), v_bytes(thumb),
                    v_int(page->limit + 1)),
               &rows));
    more = rows_cut(&rows, page->limit);
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++)
        read_account(&rows.at[i], list_push(s->arena, out, struct acme_account_row));
    page->next = more ? list_last(out, struct acme_account_row)->public_id : NULL;
    return OK;
}

SQL(account_shown, "SELECT " ACCOUNT_COLUMNS "WHERE a.public_id = $1");

enum err
acme_account_row(struct scope *s, const struct acme *acme, const char *public_id,
                 struct acme_account_row *out)
{
    struct row row;

    TRY(db_one(s, acme->o.db, &account_shown, BIND(v_text(public_id)), &row));
    read_account(&row, out);
    return OK;
}

/* Lists of orders and of authorizations. */

/* One statement for each way to them, so that each has its index; that of names has a parameter
 * more. */
struct way {
    struct sql *number, *of_name, *of_account, *all;
};

static enum err
account_of(struct scope *s, const struct acme *acme, const char *text, int64_t *out)
{
    const char *id = NULL;
    struct row row;

    *out = 0;
    if (text_empty(text))
        return OK;
    TRY(acme_full_id(s, acme, ACME_ACCOUNTS, text, &id));
    TRY(db_one(s, acme->o.db, &account_number, BIND(v_text(id)), &row));
    *out = row_int(&row);
    return OK;
}

/* The rows of a page, and one more when there are more. */
static enum err
read_page(struct scope *s, const struct acme *acme, const struct way *way,
          const struct acme_query *q, const struct acme_page *page, struct rows *out)
{
    const char *name = q->name ? text_fold(s->arena, q->name) : "";
    int64_t before, account;

    TRY(before_of(s, acme, way->number, page, &before));
    TRY(account_of(s, acme, q->account, &account));
    if (text_starts(name, "*."))
        name += 2;
    struct value values[] = { v_int(before),       v_int(account),         v_int(q->status),
                              v_when(clock_now()), v_int(page->limit + 1), v_text(name) };

    return db_all(s, acme->o.db,
                  *name     ? way->of_name
                  : account ? way->of_account
                            : way->all,
                  (struct values){ values, COUNT(values) - (*name ? 0 : 1) }, out);
}

/* Orders. */

#define ORDER_STATUS \
    "(CASE WHEN o.status IN (1, 2) AND o.expires_at <= $4 THEN 5 ELSE o.status END)"
#define ORDERS                                                                                   \
    "SELECT o.public_id, a.public_id, e.name, " ORDER_STATUS ", o.identifiers, o.error, "        \
    "o.created_at, o.expires_at, o.ended_at, o.certificate, o.request FROM acme_order o JOIN "   \
    "acme_account a ON a.id = o.account JOIN acme_endpoint e ON e.id = a.endpoint WHERE o.id < " \
    "$1 AND ($2 = 0 OR o.account = $2) AND ($3 = 0 OR " ORDER_STATUS " = $3) "
#define ORDERS_END "ORDER BY o.id DESC LIMIT $5"

SQL(order_number, "SELECT id FROM acme_order WHERE public_id = $1");
SQL(orders_page, ORDERS ORDERS_END);
SQL(orders_of_account, ORDERS "AND o.account = $2 " ORDERS_END);
SQL(orders_of_name,
    ORDERS "AND o.id IN (SELECT oz.order_id FROM acme_authz z JOIN acme_order_authz oz ON oz.authz "
           "= z.id WHERE z.value = $6) " ORDERS_END);

static void
read_order(struct row *row, struct acme_order_row *out)
{
    struct acme_order *o = &out->order;

    o->public_id = row_text(row);
    out->account = row_text(row);
    out->endpoint = row_text(row);
    o->status = (enum acme_order_status)row_int(row);
    o->identifiers = row_text(row);
    o->error = row_text(row);
    o->created_at = row_when(row);
    o->expires_at = row_when(row);
    o->ended_at = row_when(row);
    o->certificate = row_int(row);
    o->request = row_int(row);
}

enum err
acme_order_list(struct scope *s, const struct acme *acme, const struct acme_query *q,
                struct acme_page *page, struct list *out)
{
    static const struct way way = { &order_number, &orders_of_name, &orders_of_account,
                                    &orders_page };
    struct rows rows;
    bool more;

    TRY(read_page(s, acme, &way, q, page, &rows));
    more = rows_cut(&rows, page->limit);
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++)
        read_order(&rows.at[i], list_push(s->arena, out, struct acme_order_row));
    page->next = more ? list_last(out, struct acme_order_row)->order.public_id : NULL;
    return OK;
}

/* Authorizations. */

#define AUTHZ_STATUS \
    "(CASE WHEN z.status IN (1, 2) AND z.expires_at <= $4 THEN 5 ELSE z.status END)"
#define AUTHZS                                                                                  \
    "SELECT " ACME_AUTHZ_COLUMNS ", a.public_id FROM acme_authz z JOIN acme_account a ON a.id " \
    "= z.account WHERE z.id < $1 AND ($2 = 0 OR z.account = $2) AND ($3 = 0 OR " AUTHZ_STATUS   \
    " = $3) "
#define AUTHZS_END "ORDER BY z.id DESC LIMIT $5"

SQL(authz_number, "SELECT id FROM acme_authz WHERE public_id = $1");
SQL(authzs_page, AUTHZS AUTHZS_END);
SQL(authzs_of_account, AUTHZS "AND z.account = $2 " AUTHZS_END);
SQL(authzs_of_name, AUTHZS "AND z.value = $6 " AUTHZS_END);

enum err
acme_authz_list(struct scope *s, const struct acme *acme, const struct acme_query *q,
                struct acme_page *page, struct list *out)
{
    static const struct way way = { &authz_number, &authzs_of_name, &authzs_of_account,
                                    &authzs_page };
    struct rows rows;
    bool more;

    TRY(read_page(s, acme, &way, q, page, &rows));
    more = rows_cut(&rows, page->limit);
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++) {
        struct acme_authz_row *z = list_push(s->arena, out, struct acme_authz_row);

        acme_authz_read(&rows.at[i], &z->authz);
        z->account = row_text(&rows.at[i]);
    }
    page->next = more ? list_last(out, struct acme_authz_row)->authz.public_id : NULL;
    return OK;
}
