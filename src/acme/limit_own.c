#include "acme/limit_own.h"

#include "acme/oversee.h"
#include <string.h>

/* How a limit counts. */
enum counts { BY_ADDRESS, BY_ACCOUNT, BY_NAMES };

static enum counts
counts(enum acme_limit limit)
{
    switch (limit) {
    case LIMIT_NONCES:
    case LIMIT_ACCOUNTS:
    case LIMIT_RENEWAL_INFO:
        return BY_ADDRESS;
    case LIMIT_DOMAIN:
    case LIMIT_NAMES:
        return BY_NAMES;
    default:
        return BY_ACCOUNT;
    }
}

bool
acme_own_can(enum acme_limit limit)
{
    return limit < LIMITS && counts(limit) != BY_ADDRESS;
}

SQL(own_of,
    "SELECT a.public_id, l.name, l.most FROM acme_account_limit l JOIN acme_account a ON "
    "a.id = l.account WHERE l.account = $1 AND (l.expires_at IS NULL OR l.expires_at > $2)");

enum err
acme_own_read(struct scope *s, const struct acme_reach *from, int64_t id, struct acme_own *out)
{
    struct values wanted = BIND(v_int(id), v_when(clock_now()));
    struct rows rows;

    *out = (struct acme_own){ .id = id };
    if (!id)
        return OK;
    TRY(from->tx ? tx_all(s, from->tx, &own_of, wanted, &rows)
                 : db_all(s, from->db, &own_of, wanted, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        enum acme_limit limit;

        out->account = row_text(&rows.at[i]);
        limit = acme_limit_named(row_text(&rows.at[i]));
        if (limit < LIMITS)
            out->of.most[limit] = (struct opt_int){ true, row_int(&rows.at[i]) };
    }
    return OK;
}

int64_t
acme_own_most(const struct acme_own *own, enum acme_limit limit, int64_t otherwise)
{
    return own->of.most[limit].given ? own->of.most[limit].value : otherwise;
}

const char *
acme_own_key(struct scope *s, const char *key, const char *account)
{
    return arena_printf(s->arena, "%s@%s", key, account);
}

const char *
acme_own_account(struct scope *s, enum acme_limit limit, const char *key)
{
    const char *at = strrchr(key, '@');

    if (counts(limit) == BY_ACCOUNT)
        return arena_text_n(s->arena, key, strcspn(key, "/"));
    return counts(limit) == BY_NAMES && at ? at + 1 : NULL;
}

/* Setting. */

SQL(account_locked,
    "SELECT a.id, a.endpoint, e.name FROM acme_account a JOIN acme_endpoint e ON e.id = a.endpoint "
    "WHERE a.public_id = $1");
SQL(own_before, "SELECT most, expires_at FROM acme_account_limit WHERE account = $1 AND name = $2 "
                "@lock");
SQL(own_write,
    "INSERT INTO acme_account_limit (account, name, most, expires_at, reason, created_by, "
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, name) DO UPDATE SET "
    "most = excluded.most, expires_at = excluded.expires_at, reason = excluded.reason, created_by "
    "= excluded.created_by, created_at = excluded.created_at");
SQL(own_remove, "DELETE FROM acme_account_limit WHERE account = $1 AND name = $2");
SQL(own_buckets, "SELECT key FROM rate_bucket WHERE key >= $1 AND key < $2");
SQL(own_bucket_drop, "DELETE FROM rate_bucket WHERE key = $1");

struct setting {
    const struct acme_own_wish *wish;
    const char *name; /* of the limit */
    int64_t account, endpoint;
    struct acme_own_row row;
};

static const char *
number_text(struct scope *s, int64_t most, struct when until)
{
    const char *number = most ? arena_printf(s->arena, "%lld", (long long)most) : "any number";

    return when_given(until)
               ? arena_printf(s->arena, "%s until %s", number, when_rfc3339(s->arena, until))
               : number;
}

/* What an event tells of the number before; NULL: there was none. */
static enum err
read_before(struct scope *s, struct tx *tx, const struct setting *set, const char **out)
{
    struct row row;
    enum err e = tx_one(s, tx, &own_before, BIND(v_int(set->account), v_text(set->name)), &row);
    int64_t most;

    *out = NULL;
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    most = row_int(&row);
    *out = number_text(s, most, row_when(&row));
    return OK;
}

static enum err
tell(struct scope *s, struct tx *tx, const struct setting *set, const char *before,
     const char *after)
{
    const struct acme_own_wish *w = set->wish;
    struct audit_change change = { set->name, before, after, AUDIT_IS_TEXT };

    return audit_add(
        s, tx,
        &(struct audit_event){ .action = after ? AUDIT_ACME_LIMIT_SET : AUDIT_ACME_LIMIT_UNSET,
                               .actor = &w->by->actor,
                               .target = { "acme_account", w->account, NULL },
                               .changes = &change,
                               .change_count = 1,
                               .reason = w->reason });
}

/* Tokens of one number mean nothing by another. */
static enum err
begin_anew(struct scope *s, struct tx *tx, const struct setting *set)
{
    const struct acme_own_wish *w = set->wish;
    bool alone = counts(w->limit) == BY_ACCOUNT;
    const char *from = arena_printf(s->arena, "%s/%lld/%s", set->name, (long long)set->endpoint,
                                    alone ? w->account : "");
    const char *to = alone
                         ? arena_printf(s->arena, "%s0", from) /* behind '/' */
                         : arena_printf(s->arena, "%s/%lld0", set->name, (long long)set->endpoint);
    struct rows rows;

    TRY(tx_all(s, tx, &own_buckets, BIND(v_text(from), v_text(to)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        const char *key = row_text(&rows.at[i]);
        const char *second = strchr(strchr(key, '/') + 1, '/') + 1;

        if (text_eq(acme_own_account(s, w->limit, second), w->account))
            TRY(tx_do(s, tx, &own_bucket_drop, BIND(v_text(key))));
    }
    return OK;
}

static enum err
find_account(struct scope *s, struct tx *tx, struct setting *set)
{
    struct row row;

    TRY(tx_one(s, tx, &account_locked, BIND(v_text(set->wish->account)), &row));
    set->account = row_int(&row);
    set->endpoint = row_int(&row);
    set->row.profile = row_text(&row);
    return OK;
}

static enum err
set_in(struct scope *s, struct tx *tx, void *arg)
{
    struct setting *set = arg;
    const struct acme_own_wish *w = set->wish;
    const char *before;

    TRY(find_account(s, tx, set));
    TRY(read_before(s, tx, set, &before));
    TRY(tx_do(s, tx, &own_write,
              BIND(v_int(set->account), v_text(set->name), v_int(w->most), v_when(w->expires_at),
                   v_text(w->reason), v_text(w->by->name), v_when(set->row.created_at))));
    TRY(begin_anew(s, tx, set));
    return tell(s, tx, set, before, number_text(s, w->most, w->expires_at));
}

enum err
acme_own_set(struct scope *s, const struct acme *acme, const struct acme_own_wish *wish,
             struct acme_own_row *out)
{
    struct setting set = { .wish = wish,
                           .name = acme_limit_kind(wish->limit)->name,
                           .row = { .account = wish->account,
                                    .limit = wish->limit,
                                    .most = wish->most,
                                    .expires_at = wish->expires_at,
                                    .reason = wish->reason,
                                    .created_by = wish->by->name,
                                    .created_at = clock_now() } };

    TRY(db_write(s, acme->o.db, set_in, &set));
    *out = set.row;
    return OK;
}

static enum err
drop_in(struct scope *s, struct tx *tx, void *arg)
{
    struct setting *set = arg;
    const char *before;

    TRY(find_account(s, tx, set));
    TRY(read_before(s, tx, set, &before));
    if (!before)
        return fail(s, E_NOT_FOUND, "account %s has no %s of its own", set->wish->account,
                    set->name);
    TRY(tx_do(s, tx, &own_remove, BIND(v_int(set->account), v_text(set->name))));
    TRY(begin_anew(s, tx, set));
    return tell(s, tx, set, before, NULL);
}

enum err
acme_own_drop(struct scope *s, const struct acme *acme, const struct acme_own_wish *wish)
{
    struct setting set = { .wish = wish, .name = acme_limit_kind(wish->limit)->name };

    return db_write(s, acme->o.db, drop_in, &set);
}

/* Seeing. */

SQL(own_page,
    "SELECT a.public_id, e.name, l.name, l.most, l.expires_at, l.reason, l.created_by, "
    "l.created_at, a.public_id || '/' || l.name AS place FROM acme_account_limit l JOIN "
    "acme_account a ON a.id = l.account JOIN acme_endpoint e ON e.id = a.endpoint WHERE "
    "a.public_id "
    "|| '/' || l.name > $1 AND ($2 = '' OR a.public_id = $2) AND ($3 = '' OR l.name = $3) AND "
    "(l.expires_at IS NULL OR l.expires_at > $4) ORDER BY place LIMIT $5");

enum err
acme_own_list(struct scope *s, const struct acme *acme, const struct acme_own_query *q,
              struct list *out, const char **next)
{
    struct rows rows;
    bool more;

    TRY(db_all(s, acme->o.db, &own_page,
               BIND(v_text(q->after ? q->after : ""), v_text(q->account ? q->account : ""),
                    v_text(q->limit ? q->limit : ""), v_when(clock_now()), v_int(q->count + 1)),
               &rows));
    more = rows_cut(&rows, q->count);
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++) {
        struct acme_own_row *l = list_push(s->arena, out, struct acme_own_row);

        l->account = row_text(&rows.at[i]);
        l->profile = row_text(&rows.at[i]);
        l->limit = acme_limit_named(row_text(&rows.at[i]));
        l->most = row_int(&rows.at[i]);
        l->expires_at = row_when(&rows.at[i]);
        l->reason = row_text(&rows.at[i]);
        l->created_by = row_text(&rows.at[i]);
        l->created_at = row_when(&rows.at[i]);
        l->cursor = row_text(&rows.at[i]);
    }
    *next = more ? list_last(out, struct acme_own_row)->cursor : NULL;
    return OK;
}

SQL(own_ended, "DELETE FROM acme_account_limit WHERE expires_at <= $1");

enum err
acme_own_expire(struct scope *s, struct tx *tx, struct when now, int64_t *count)
{
    return tx_count(s, tx, &own_ended, BIND(v_when(now)), count);
}
