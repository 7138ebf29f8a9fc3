/* Keys for account binding, as operators make, see and end them. */
#include "acme/eab_in.h"

#include "base/random.h"

#define MAC_KEY_LEN 32
#define EAB_COLUMNS \
    "id, uses, max_uses, kid, created_by, status, created_at, expires_at, last_used_at"

static void
read_row(struct row *row, struct acme_eab_row *out)
{
    out->id = row_int(row);
    out->uses = row_int(row);
    out->max_uses = row_int(row);
    out->kid = row_text(row);
    out->created_by = row_text(row);
    out->status = (enum acme_eab_status)row_int(row);
    out->created_at = row_when(row);
    out->expires_at = row_when(row);
    out->last_used_at = row_when(row);
}

const char *
acme_eab_state(const struct acme_eab_row *k, struct when now)
{
    if (k->status == ACME_EAB_REVOKED)
        return "revoked";
    if (when_given(k->expires_at) && when_cmp(k->expires_at, now) <= 0)
        return "expired";
    return k->max_uses && k->uses >= k->max_uses ? "used up" : "enabled";
}

SQL(eab_add,
    "INSERT INTO acme_eab_key (id, kid, endpoint, sealed, status, body, max_uses, "
    "expires_at, created_by, created_at) VALUES ($1, $2, $3, $4, 1, '{}', $5, $6, $7, $8)");

struct making {
    const struct acme_endpoint *ep;
    const struct acme_eab_wish *wish;
    struct acme_eab_row row;
    struct bytes sealed;
};

static enum err
audit(struct scope *s, struct tx *tx, enum audit_action action, const struct caller *by,
      const char *kid)
{
    return audit_add(s, tx,
                     &(struct audit_event){ .action = action,
                                            .actor = &by->actor,
                                            .target = { "acme_eab_key", kid, NULL } });
}

static enum err
new_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct making *m = arg;
    const struct acme_eab_row *r = &m->row;

    TRY(tx_do(s, tx, &eab_add,
              BIND(v_int(r->id), v_text(r->kid), v_int(m->ep->id), v_bytes(m->sealed),
                   v_id(r->max_uses), v_when(r->expires_at), v_text(r->created_by),
                   v_when(r->created_at))));
    return audit(s, tx, AUDIT_ACME_EAB_CREATE, m->wish->by, r->kid);
}

enum err
acme_eab_new(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
             const struct acme_eab_wish *wish, struct acme_eab_row *out, const char **hmac)
{
    AUTO(secret_free) struct secret *key = secret_new(MAC_KEY_LEN);
    struct making m = {
        .ep = ep,
        .wish = wish,
        .row = { .id = (int64_t)random_below(UINT64_C(1) << 53),
                 .kid = wish->kid ? wish->kid : acme_new_id(s->arena),
                 .created_by = wish->by->name,
                 .status = ACME_EAB_ENABLED,
                 .max_uses = wish->max_uses,
                 .created_at = clock_now(),
                 .expires_at = wish->expires_at,
                 .last_used_at = WHEN_NONE },
    };
    enum err e;

    random_bytes(key->data, key->len);
    TRY(seal_column(s, acme->o.seal, ACME_EAB_COLUMN, m.row.id, secret_bytes(key), &m.sealed));
    e = db_write(s, acme->o.db, new_in, &m);
    if (db_is_unique_conflict(s, e))
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE, "there is a key \"%s\" already", m.row.kid);
    TRY(e);
    *out = m.row;
    *hmac = base64url_encode(s->arena, secret_bytes(key));
    return OK;
}

SQL(eab_revoke, "UPDATE acme_eab_key SET status = 2, version = version + 1 WHERE kid = $1");

struct ending {
    const struct caller *by;
    const char *kid;
};

static enum err
revoke_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct ending *end = arg;
    int64_t changed;

    TRY(tx_count(s, tx, &eab_revoke, BIND(v_text(end->kid)), &changed));
    if (!changed)
        return fail(s, E_NOT_FOUND, "there is no key \"%s\"", end->kid);
    return audit(s, tx, AUDIT_ACME_EAB_REVOKE, end->by, end->kid);
}

enum err
acme_eab_revoke(struct scope *s, const struct acme *acme, const struct caller *by, const char *kid)
{
    return db_write(s, acme->o.db, revoke_in, &(struct ending){ by, kid });
}

SQL(eab_page, "SELECT " EAB_COLUMNS " FROM acme_eab_key WHERE kid > $1 ORDER BY kid LIMIT $2");

enum err
acme_eab_list(struct scope *s, const struct acme *acme, const char *after, int64_t limit,
              struct list *out, const char **next)
{
    struct rows rows;

    TRY(db_all(s, acme->o.db, &eab_page, BIND(v_text(after ? after : ""), v_int(limit + 1)),
               &rows));
    *out = (struct list){ 0 };
    *next = NULL;
    for (size_t i = 0; i < rows.count && i < (size_t)limit; i++)
        read_row(&rows.at[i], list_push(s->arena, out, struct acme_eab_row));
    if (rows.count > (size_t)limit)
        *next = list_last(out, struct acme_eab_row)->kid;
    return OK;
}
