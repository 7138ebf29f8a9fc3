/* What operators do about accounts and authorizations. */
#include "acme/oversee.h"

/** A change of an account's state. */
struct turn {
    enum audit_action action;
    enum acme_account_status to;
    const struct acme_command *why;
    const char *public_id;
    const char *told; /* what its client hears; NULL: nothing ends */
    int64_t id;       /* received */
};

SQL(account_locked, "SELECT id, status FROM acme_account WHERE public_id = $1 @lock");
SQL(account_turn, "UPDATE acme_account SET status = $2, version = version + 1 WHERE id = $1");

/* Which states lead to which. */
static bool
leads_to(enum acme_account_status from, enum acme_account_status to)
{
    if (to == ACME_ACCOUNT_VALID)
        return from == ACME_ACCOUNT_REVOKED;
    if (to == ACME_ACCOUNT_REVOKED)
        return from == ACME_ACCOUNT_VALID;
    return from != ACME_ACCOUNT_DEACTIVATED;
}

static enum err
tell(struct scope *s, struct tx *tx, const struct turn *t)
{
    return audit_add(s, tx,
                     &(struct audit_event){ .action = t->action,
                                            .actor = &t->why->by->actor,
                                            .target = { "acme_account", t->public_id, NULL },
                                            .reason = t->why->reason });
}

/* As part of TX: the account is in its new state. */
static enum err
turn(struct scope *s, struct tx *tx, const struct turn *t)
{
    TRY(tx_do(s, tx, &account_turn, BIND(v_int(t->id), v_int(t->to))));
    if (t->told)
        TRY(acme_orders_end(s, tx, t->id, acme_problem_text(s->arena, "unauthorized", t->told),
                            clock_now()));
    return tell(s, tx, t);
}

static enum err
turn_in(struct scope *s, struct tx *tx, void *arg)
{
    struct turn *t = arg;
    enum acme_account_status from;
    struct row row;

    TRY(tx_one(s, tx, &account_locked, BIND(v_text(t->public_id)), &row));
    t->id = row_int(&row);
    from = (enum acme_account_status)row_int(&row);
    if (!leads_to(from, t->to))
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "account %s is %s", t->public_id,
                         acme_account_status_name(from));
    return turn(s, tx, t);
}

static enum err
make_turn(struct scope *s, const struct acme *acme, struct turn *t)
{
    TRY(db_write(s, acme->o.db, turn_in, t));
    return t->told ? acme_requests_end_by(s, acme, t->why->by, t->id, 0, t->told) : OK;
}

#define SUSPENDED "The account was suspended."

enum err
acme_account_suspend(struct scope *s, const struct acme *acme, const char *public_id,
                     const struct acme_command *why)
{
    struct turn t = { .action = AUDIT_ACME_ACCOUNT_SUSPEND,
                      .to = ACME_ACCOUNT_REVOKED,
                      .why = why,
                      .public_id = public_id,
                      .told = SUSPENDED };

    return make_turn(s, acme, &t);
}

enum err
acme_account_restore(struct scope *s, const struct acme *acme, const char *public_id,
                     const struct acme_command *why)
{
    struct turn t = { .action = AUDIT_ACME_ACCOUNT_RESTORE,
                      .to = ACME_ACCOUNT_VALID,
                      .why = why,
                      .public_id = public_id };

    return make_turn(s, acme, &t);
}

enum err
acme_account_end(struct scope *s, const struct acme *acme, const char *public_id,
                 const struct acme_command *why)
{
    struct turn t = { .action = AUDIT_ACME_ACCOUNT_DEACTIVATE,
                      .to = ACME_ACCOUNT_DEACTIVATED,
                      .why = why,
                      .public_id = public_id,
                      .told = "The account was deactivated." };

    return make_turn(s, acme, &t);
}

/* All that a key bound. */

SQL(accounts_of_key, "SELECT id, public_id FROM acme_account WHERE eab_key = $1 AND status = 1 "
                     "ORDER BY id @lock");

enum err
acme_accounts_suspend(struct scope *s, struct tx *tx, int64_t key, const struct acme_command *why,
                      struct list *out)
{
    struct rows rows;

    *out = (struct list){ 0 };
    TRY(tx_all(s, tx, &accounts_of_key, BIND(v_int(key)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct turn t = { .action = AUDIT_ACME_ACCOUNT_SUSPEND,
                          .to = ACME_ACCOUNT_REVOKED,
                          .why = why,
                          .told = SUSPENDED };

        t.id = row_int(&rows.at[i]);
        t.public_id = row_text(&rows.at[i]);
        TRY(turn(s, tx, &t));
        list_add(s->arena, out, int64_t, t.id);
    }
    return OK;
}

enum err
acme_accounts_stop(struct scope *s, const struct acme *acme, const struct caller *by,
                   const struct list *accounts)
{
    LIST_EACH(int64_t, id, accounts)
    TRY(acme_requests_end_by(s, acme, by, *id, 0, SUSPENDED));
    return OK;
}

/* Proofs. */

struct taking {
    const struct acme_command *why;
    const char *public_id, *error;
    int64_t id, account; /* received */
};

SQL(authz_owner, "SELECT id, account, value FROM acme_authz WHERE public_id = $1");
SQL(authz_revoke, "UPDATE acme_authz SET status = 6 WHERE id = $1 AND status IN (1, 2) AND "
                  "expires_at > $2");

static enum err
revoke_in(struct scope *s, struct tx *tx, void *arg)
{
    struct taking *t = arg;
    struct when now = clock_now();
    const char *value;
    int64_t changed;
    struct row row;

    TRY(tx_one(s, tx, &authz_owner, BIND(v_text(t->public_id)), &row));
    t->id = row_int(&row);
    t->account = row_int(&row);
    value = row_text(&row);
    TRY(acme_orders_fail(s, tx, t->id, t->error, now)); /* orders first, as everywhere */
    TRY(tx_count(s, tx, &authz_revoke, BIND(v_int(t->id), v_when(now)), &changed));
    if (!changed)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         "authorization %s is neither pending nor valid", t->public_id);
    return audit_add(s, tx,
                     &(struct audit_event){ .action = AUDIT_ACME_AUTHZ_REVOKE,
                                            .actor = &t->why->by->actor,
                                            .target = { "acme_authz", t->public_id, value },
                                            .reason = t->why->reason });
}

enum err
acme_authz_revoke(struct scope *s, const struct acme *acme, const char *public_id,
                  const struct acme_command *why)
{
    static const char told[] = "An authorization of the order was revoked.";
    struct taking t = { .why = why,
                        .public_id = public_id,
                        .error = acme_problem_text(s->arena, "unauthorized", told) };

    TRY(db_write(s, acme->o.db, revoke_in, &t));
    return acme_requests_end_by(s, acme, why->by, t.account, t.id, told);
}
