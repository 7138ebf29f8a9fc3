/* newAuthz (RFC 8555 section 7.4.1). */
#include "acme/eab.h"
#include "acme/limit.h"
#include "acme/rules.h"

struct making {
    const struct acme_account *account;
    struct acme_authz_wish wish;
    struct acme_name *name;
    struct acme_authz_held held;
    bool unlimited;
};

/* "+ 0": as where authorizations are sought that are valid. */
SQL(authz_waiting,
    "SELECT id FROM acme_authz z WHERE account = $1 AND type = $2 AND value = $3 AND wildcard = $4 "
    "AND status = 1 AND expires_at + 0 > $5 AND COALESCE(endpoint, 0) = $6 AND NOT EXISTS (SELECT "
    "1 FROM acme_order_authz oz WHERE oz.authz = z.id) ORDER BY id DESC LIMIT 1");

/* The same name asked for again while the first proof is not given; one that belongs to an order
 * ends with that, and is another matter. */
static enum err
find_waiting(struct scope *s, struct tx *tx, struct making *m)
{
    const struct acme_authz_wish *w = &m->wish;
    struct row row;
    enum err e = tx_one(s, tx, &authz_waiting,
                        BIND(v_int(w->account), v_text(m->name->type), v_text(m->name->base),
                             v_bool(m->name->wildcard), v_when(w->now),
                             v_int(w->policy == w->ep ? 0 : w->policy->id)),
                        &row);

    if (e == OK)
        m->held.id = row_int(&row);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

static enum err
check_limits(struct scope *s, struct tx *tx, const struct making *m)
{
    const char *account = m->account->public_id;
    struct list takes = { 0 };

    if (m->unlimited)
        return OK;
    TRY(acme_rules_pending(s, tx, &m->wish));
    list_add(s->arena, &takes, struct acme_take,
             ((struct acme_take){
                 .limit = LIMIT_AUTHORIZATIONS, .key = account, .account = m->account->id }));
    list_add(s->arena, &takes, struct acme_take,
             ((struct acme_take){ .limit = LIMIT_FAILURES,
                                  .key = acme_limit_failures(s, account, m->name->base),
                                  .look = true,
                                  .account = m->account->id }));
    return acme_limits_take(s, tx, m->wish.ep, m->wish.policy, &takes);
}

static enum err
make_in(struct scope *s, struct tx *tx, void *arg)
{
    struct making *m = arg;

    TRY(acme_authz_still(s, tx, &m->wish, m->name, &m->held));
    if (!m->held.valid)
        TRY(find_waiting(s, tx, m));
    if (m->held.id)
        return OK;
    TRY(check_limits(s, tx, m));
    return acme_authz_for(s, tx, &m->wish, m->name, &m->held);
}

bool
acme_authz_offered(const struct acme_endpoint *ep)
{
    return ep->set->pre_authorization && ep->set->authz_reuse;
}

enum err
acme_authz_new(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
               const struct acme_authz_ask *ask, struct acme_authz *out, struct list *problems)
{
    struct acme_asker who = { ask->account, NULL, ask->peer.address };
    struct making m = { .account = ask->account, .wish = { .ep = ep, .now = clock_now() } };
    struct list names = { 0 };

    TRY(acme_rules_choose(s, acme, &who, &m.wish));
    TRY(acme_name_read(s, m.wish.policy, ask->identifier, &names, problems));
    TRY(acme_eab_judge(s, m.wish.binding, &names, problems));
    TRY(acme_rules_prove(s, &m.wish, &names, problems));
    m.name = list_at(&names, struct acme_name, 0);
    m.unlimited = acme_limit_exempts(s, acme, ask->peer.address);
    TRY(db_write(s, acme->o.db, make_in, &m));
    return acme_authz_by_id(s, acme, m.held.id, out);
}
