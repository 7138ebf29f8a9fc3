/* Keys for account binding, as operators make, see and end them. */
#include "acme/eab_in.h"

#include "acme/oversee.h"
#include "base/random.h"

#define MAC_KEY_LEN 32
#define EAB_COLUMNS                                                                               \
    "k.id, k.uses, k.max_uses, k.kid, k.created_by, k.status, k.created_at, k.expires_at, "       \
    "k.last_used_at, e.name, k.version, k.body FROM acme_eab_key k JOIN acme_endpoint e ON e.id " \
    "= "                                                                                          \
    "k.endpoint "

static enum err
read_row(struct scope *s, struct row *row, struct acme_eab_row *out)
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
    out->endpoint = row_text(row);
    out->version = row_int(row);
    return acme_eab_policy_read(s, row_text(row), &out->policy);
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

SQL(eab_add, "INSERT INTO acme_eab_key (id, kid, endpoint, sealed, status, body, max_uses, "
             "expires_at, created_by, created_at) VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9)");

struct making {
    const struct acme_endpoint *ep;
    const struct acme_eab_wish *wish;
    struct acme_eab_row row;
    struct bytes sealed;
    const char *policy;
};

static enum err
audit(struct scope *s, struct tx *tx, enum audit_action action, const struct acme_eab_end *end,
      const struct audit_change *fact)
{
    return audit_add(s, tx,
                     &(struct audit_event){ .action = action,
                                            .actor = &end->by->actor,
                                            .target = { "acme_eab_key", end->kid, NULL },
                                            .changes = fact,
                                            .change_count = 1 });
}

static enum err
new_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct making *m = arg;
    const struct acme_eab_row *r = &m->row;
    struct audit_change fact = { "policy", NULL, m->policy, AUDIT_IS_TEXT };

    TRY(tx_do(s, tx, &eab_add,
              BIND(v_int(r->id), v_text(r->kid), v_int(m->ep->id), v_bytes(m->sealed),
                   v_text(m->policy), v_id(r->max_uses), v_when(r->expires_at),
                   v_text(r->created_by), v_when(r->created_at))));
    return audit(s, tx, AUDIT_ACME_EAB_CREATE, &(struct acme_eab_end){ m->wish->by, r->kid, false },
                 &fact);
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
                 .endpoint = ep->name,
                 .policy = wish->policy,
                 .status = ACME_EAB_ENABLED,
                 .version = 1,
                 .max_uses = wish->max_uses,
                 .created_at = clock_now(),
                 .expires_at = wish->expires_at,
                 .last_used_at = WHEN_NONE },
    };
    enum err e;

    TRY(acme_eab_policy_text(s, &wish->policy, &m.policy));
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

SQL(eab_revoke,
    "UPDATE acme_eab_key SET status = 2, version = version + 1 WHERE kid = $1 RETURNING "
    "id");

struct ending {
    const struct acme_eab_end *end;
    struct list suspended; /* of int64_t: accounts */
};

static enum err
revoke_in(struct scope *s, struct tx *tx, void *arg)
{
    struct ending *e = arg;
    const struct acme_eab_end *end = e->end;
    struct acme_command why = {
        .by = end->by,
        .reason =
            arena_printf(s->arena, "the key \"%s\" that it is bound to was revoked", end->kid),
    };
    struct audit_change fact = { "suspended_accounts", NULL, NULL, AUDIT_IS_TEXT };
    struct row row;

    e->suspended = (struct list){ 0 };
    TRY(tx_one(s, tx, &eab_revoke, BIND(v_text(end->kid)), &row));
    if (end->suspend)
        TRY(acme_accounts_suspend(s, tx, row_int(&row), &why, &e->suspended));
    fact.after = arena_printf(s->arena, "%zu", e->suspended.count);
    return audit(s, tx, AUDIT_ACME_EAB_REVOKE, end, &fact);
}

SQL(eab_revoke_all, "UPDATE acme_eab_key SET status = 2, version = version + 1 WHERE endpoint = $1 "
                    "AND status = 1 RETURNING kid");

enum err
acme_eab_revoke_all(struct scope *s, struct tx *tx, int64_t endpoint, const struct caller *by)
{
    struct audit_change fact = { "why", NULL, "its profile was removed", AUDIT_IS_TEXT };
    struct rows rows;

    TRY(tx_all(s, tx, &eab_revoke_all, BIND(v_int(endpoint)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct acme_eab_end end = { .by = by, .kid = row_text(&rows.at[i]) };

        TRY(audit(s, tx, AUDIT_ACME_EAB_REVOKE, &end, &fact));
    }
    return OK;
}

static enum err
is_none(struct scope *s, enum err e, const char *kid)
{
    return e == E_NOT_FOUND ? fail(s, E_NOT_FOUND, "there is no key \"%s\"", kid) : e;
}

enum err
acme_eab_revoke(struct scope *s, const struct acme *acme, const struct acme_eab_end *end)
{
    struct ending e = { .end = end };

    TRY(is_none(s, db_write(s, acme->o.db, revoke_in, &e), end->kid));
    return acme_accounts_stop(s, acme, end->by, &e.suspended);
}

SQL(eab_one, "SELECT " EAB_COLUMNS "WHERE k.kid = $1");

enum err
acme_eab_get(struct scope *s, const struct acme *acme, const char *kid, struct acme_eab_row *out)
{
    struct row row;

    TRY(is_none(s, db_one(s, acme->o.db, &eab_one, BIND(v_text(kid)), &row), kid));
    return read_row(s, &row, out);
}

/* Editing. */

SQL(eab_lock, "SELECT version FROM acme_eab_key WHERE kid = $1 @lock");
SQL(eab_change, "UPDATE acme_eab_key SET body = $2, max_uses = $3, expires_at = $4, version = "
                "version + 1 WHERE kid = $1");

static void
lay_upon(const struct acme_eab_edit *edit, struct acme_eab_row *k)
{
    const struct acme_eab_policy *to = &edit->to.policy;

    if (edit->given & EAB_OWNER)
        k->policy.owner = to->owner;
    if (edit->given & EAB_ALLOW)
        k->policy.allow = to->allow;
    if (edit->given & EAB_DENY)
        k->policy.deny = to->deny;
    if (edit->given & EAB_TYPES)
        k->policy.types = to->types;
    if (edit->given & EAB_CHALLENGES)
        k->policy.challenges = to->challenges;
    if (edit->given & EAB_PROFILES)
        k->policy.profiles = to->profiles;
    if (edit->given & EAB_ORDERS_PER_DAY)
        k->policy.orders_per_day = to->orders_per_day;
    if (edit->given & EAB_ORDERS_PER_HOUR)
        k->policy.orders_per_hour = to->orders_per_hour;
    if (edit->given & EAB_MAX_USES)
        k->max_uses = edit->to.max_uses;
    if (edit->given & EAB_EXPIRES_AT)
        k->expires_at = edit->to.expires_at;
}

/* What an event tells of a key. */
struct told {
    const char *policy, *max_uses, *expires_at;
};

static enum err
tell_of(struct scope *s, const struct acme_eab_row *k, struct told *out)
{
    out->max_uses = k->max_uses ? arena_printf(s->arena, "%lld", (long long)k->max_uses) : NULL;
    out->expires_at = when_given(k->expires_at) ? when_rfc3339(s->arena, k->expires_at) : NULL;
    return acme_eab_policy_text(s, &k->policy, &out->policy);
}

static void
add_change(struct audit_change *changes, size_t *count, const char *field, const char *before,
           const char *after)
{
    bool same = before && after ? text_eq(before, after) : before == after;

    if (!same)
        changes[(*count)++] = (struct audit_change){ field, before, after, AUDIT_IS_TEXT };
}

struct editing {
    const struct acme_eab_edit *edit;
    struct acme_eab_row row;
};

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    struct editing *e = arg;
    const struct acme_eab_edit *edit = e->edit;
    struct audit_change changes[3];
    struct told before, after;
    size_t count = 0;
    struct row row;

    TRY(tx_one(s, tx, &eab_lock, BIND(v_text(edit->kid)), &row));
    if (edit->version && row_int(&row) != edit->version)
        return fail_code(s, E_CONFLICT, CHY_VERSION_CHANGED,
                         "the key \"%s\" changed since it was read", edit->kid);
    TRY(tx_one(s, tx, &eab_one, BIND(v_text(edit->kid)), &row));
    TRY(read_row(s, &row, &e->row));
    TRY(tell_of(s, &e->row, &before));
    lay_upon(edit, &e->row);
    TRY(tell_of(s, &e->row, &after));
    add_change(changes, &count, "policy", before.policy, after.policy);
    add_change(changes, &count, "max_uses", before.max_uses, after.max_uses);
    add_change(changes, &count, "expires_at", before.expires_at, after.expires_at);
    if (!count)
        return OK;
    e->row.version++;
    TRY(tx_do(s, tx, &eab_change,
              BIND(v_text(edit->kid), v_text(after.policy), v_id(e->row.max_uses),
                   v_when(e->row.expires_at))));
    return audit_add(s, tx,
                     &(struct audit_event){ .action = AUDIT_ACME_EAB_EDIT,
                                            .actor = &edit->to.by->actor,
                                            .target = { "acme_eab_key", edit->kid, NULL },
                                            .changes = changes,
                                            .change_count = count });
}

enum err
acme_eab_edit(struct scope *s, const struct acme *acme, const struct acme_eab_edit *edit,
              struct acme_eab_row *out)
{
    struct editing e = { .edit = edit };

    TRY(is_none(s, db_write(s, acme->o.db, edit_in, &e), edit->kid));
    *out = e.row;
    return OK;
}

SQL(eab_page, "SELECT " EAB_COLUMNS "WHERE k.kid > $1 ORDER BY k.kid LIMIT $2");

enum err
acme_eab_list(struct scope *s, const struct acme *acme, const char *after, int64_t limit,
              struct list *out, const char **next)
{
    struct rows rows;
    bool more;

    TRY(db_all(s, acme->o.db, &eab_page, BIND(v_text(after ? after : ""), v_int(limit + 1)),
               &rows));
    more = rows_cut(&rows, limit);
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++)
        TRY(read_row(s, &rows.at[i], list_push(s->arena, out, struct acme_eab_row)));
    *next = more ? list_last(out, struct acme_eab_row)->kid : NULL;
    return OK;
}
