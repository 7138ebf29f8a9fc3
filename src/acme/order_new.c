/* newOrder (RFC 8555 section 7.4). */
#include "acme/order.h"

#include "acme/ari.h"
#include "acme/eab.h"
#include "acme/limit.h"
#include "acme/profile.h"
#include "acme/rules.h"
#include "base/metric.h"
#include "issue/policy.h"

COUNTER(orders_total, "chancery_acme_orders_total", "Orders that were made.");

struct making {
    const struct acme_endpoint *policy;
    const struct acme_order_wish *wish;
    struct acme_authz_wish authz;
    const struct list *names; /* of struct acme_name */
    const char *public_id, *json;
    struct bytes hash;
    struct when now;
    struct acme_replaced replaced;
    int64_t id, unlimited;
    bool exempt, due; /* no limit concerns the client; its certificate is to be renewed now */
    const char *set;  /* of names, as limits know it */
    /* what was made, unless there was one */
    bool fresh, ready;
    struct when expires;
    struct list proofs; /* of const char *: its authorizations */
};

/* One whose device has attested its key already is not it: the next attempt may have another. */
SQL(same_order,
    "SELECT id FROM acme_order WHERE account = $1 AND names_hash = $2 AND status IN (1, 2) "
    "AND expires_at > $3 AND COALESCE(not_before, 0) = $4 AND COALESCE(not_after, 0) = $5 AND "
    "COALESCE(replaces, '') = $6 AND COALESCE(profile, $8) = $7 AND NOT EXISTS (SELECT 1 FROM "
    "acme_order_authz oz JOIN acme_authz z ON z.id = oz.authz WHERE oz.order_id = acme_order.id "
    "AND "
    "z.method = 'device-attest-01') ORDER BY id DESC LIMIT 1");
SQL(order_add, "INSERT INTO acme_order (public_id, account, status, expires_at, identifiers, "
               "names_hash, not_before, not_after, created_at, replaces, replaces_cert, profile, "
               "unlimited) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
               "RETURNING id");
SQL(order_authz_add, "INSERT INTO acme_order_authz (order_id, place, authz) VALUES ($1, $2, $3)");

/* The same names asked for again while the first order is not done. */
static enum err
find_same(struct scope *s, struct tx *tx, struct making *m, bool *found)
{
    const struct acme_order_wish *w = m->wish;
    enum acme_proofs proofs;
    struct row row;
    enum err e =
        tx_one(s, tx, &same_order,
               BIND(v_int(w->account->id), v_bytes(m->hash), v_when(m->now),
                    v_int(when_given(w->not_before) ? w->not_before.ms : 0),
                    v_int(when_given(w->not_after) ? w->not_after.ms : 0),
                    v_text(w->replaces ? w->replaces : ""), v_text(acme_policy_name(m->policy)),
                    v_text(acme_policy_name(m->authz.ep))),
               &row);

    *found = false;
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    m->id = row_int(&row);
    TRY(acme_proofs_in(s, tx, &m->authz, m->id, &proofs));
    *found = proofs == ACME_PROOFS_HOLD;
    return OK;
}

static enum err
add_order(struct scope *s, struct tx *tx, struct making *m)
{
    struct row row;

    TRY(tx_one(s, tx, &order_add,
               BIND(v_text(m->public_id), v_int(m->wish->account->id),
                    v_int(m->ready ? ACME_ORDER_READY : ACME_ORDER_PENDING), v_when(m->expires),
                    v_text(m->json), v_bytes(m->hash), v_when(m->wish->not_before),
                    v_when(m->wish->not_after), v_when(m->now), v_text(m->wish->replaces),
                    v_id(m->replaced.certificate), v_text(acme_policy_name(m->policy)),
                    v_int(m->unlimited)),
               &row));
    m->id = row_int(&row);
    return OK;
}

SQL(replacing_order,
    "SELECT 1 FROM acme_order WHERE replaces_cert = $1 AND (status IN (3, 4) OR (status "
    "IN (1, 2) AND expires_at > $2)) LIMIT 1");

/* A certificate is replaced once (RFC 9773 section 5). */
static enum err
check_replaced(struct scope *s, struct tx *tx, const struct making *m)
{
    uint8_t anchor[SHA256_LEN];
    const char *what =
        arena_printf(s->arena, "acme replaces %lld", (long long)m->replaced.certificate);
    struct row row;
    enum err e;

    if (!m->replaced.certificate)
        return OK;
    hash_sha256(bytes_of_text(what), anchor);
    TRY(tx_anchor(s, tx, (struct bytes){ anchor, SHA256_LEN }));
    e = tx_one(s, tx, &replacing_order, BIND(v_int(m->replaced.certificate), v_when(m->now)), &row);
    if (e == OK)
        return acme_fail(s, E_CONFLICT, "alreadyReplaced",
                         "another order replaces this certificate already");
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

SQL(unlimited_before,
    "SELECT 1 FROM acme_order WHERE replaces_cert = $1 AND unlimited = 1 LIMIT 1");

/* Nobody is limited in what they were told to do, but they are told once: an order that failed is
 * followed by one that counts. */
static enum err
check_exempt(struct scope *s, struct tx *tx, struct making *m)
{
    struct row row;
    enum err e;

    m->unlimited = m->exempt ? ORDER_UNLIMITED : 0;
    if (m->exempt || !m->due)
        return OK;
    e = tx_one(s, tx, &unlimited_before, BIND(v_int(m->replaced.certificate)), &row);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    m->unlimited = ORDER_UNLIMITED;
    return OK;
}

SQL(same_names_before, "SELECT 1 FROM acme_order WHERE account = $1 AND names_hash = $2 AND status "
                       "= 4 LIMIT 1");

/* A certificate for the same names was given before. */
static enum err
check_renewal(struct scope *s, struct tx *tx, struct making *m)
{
    struct row row;
    enum err e = tx_one(s, tx, &same_names_before,
                        BIND(v_int(m->wish->account->id), v_bytes(m->hash)), &row);

    m->unlimited = e == OK ? ORDER_RENEWS : 0;
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

static void
take(struct scope *s, struct list *takes, enum acme_limit limit, const char *key, bool look)
{
    list_add(s->arena, takes, struct acme_take,
             ((struct acme_take){ .limit = limit, .key = key, .look = look }));
}

/* Of certificates there must be some left; they are counted when they are given. */
static enum err
check_limits(struct scope *s, struct tx *tx, struct making *m)
{
    const char *account = m->wish->account->public_id;
    struct list takes = { 0 }, domains;

    if (m->unlimited == ORDER_UNLIMITED)
        return OK;
    TRY(check_renewal(s, tx, m));
    TRY(acme_rules_pending(s, tx, &m->authz));
    take(s, &takes, LIMIT_ORDERS_PER_DAY, account, false);
    take(s, &takes, LIMIT_ORDERS_PER_HOUR, account, false);
    if (m->authz.binding) { /* the key that the account is bound to may say other numbers */
        list_at(&takes, struct acme_take, 0)->most = m->authz.binding->orders_per_day;
        list_at(&takes, struct acme_take, 1)->most = m->authz.binding->orders_per_hour;
    }
    take(s, &takes, LIMIT_NAMES, m->set, true);
    LIST_EACH(struct acme_name, n, m->names)
    take(s, &takes, LIMIT_FAILURES, acme_limit_failures(s, account, n->base), true);
    domains = acme_limit_domains(s, m->names);
    LIST_EACH(const char *, domain, &domains)
    if (m->unlimited != ORDER_RENEWS)
        take(s, &takes, LIMIT_DOMAIN, *domain, true);
    LIST_EACH(struct acme_take, t, &takes)
    t->account = m->wish->account->id;
    return acme_limits_take(s, tx, m->authz.ep, m->policy, &takes);
}

static enum err
make_in(struct scope *s, struct tx *tx, void *arg)
{
    struct making *m = arg;
    int64_t *authzs = arena_alloc(s->arena, m->names->count * sizeof(*authzs));
    struct acme_authz_held held;
    size_t i = 0;
    bool found;

    TRY(find_same(s, tx, m, &found));
    m->fresh = !found;
    if (found)
        return OK;
    TRY(check_replaced(s, tx, m));
    TRY(check_exempt(s, tx, m));
    TRY(check_limits(s, tx, m));
    m->ready = true;
    m->expires = when_add_ms(m->now, m->policy->set->order_life);
    m->proofs = (struct list){ 0 };
    LIST_EACH(struct acme_name, n, m->names)
    {
        TRY(acme_authz_for(s, tx, &m->authz, n, &held));
        authzs[i++] = held.id;
        list_add(s->arena, &m->proofs, const char *, held.public_id);
        m->ready = m->ready && held.valid;
        if (when_cmp(held.expires_at, m->expires) < 0)
            m->expires = held.expires_at;
    }
    TRY(add_order(s, tx, m));
    for (i = 0; i < m->names->count; i++)
        TRY(tx_do(s, tx, &order_authz_add,
                  BIND(v_int(m->id), v_int((int64_t)i), v_int(authzs[i]))));
    return OK;
}

/* The order as it was made, which need not be read again. */
static struct acme_order
made(const struct making *m)
{
    return (struct acme_order){
        .id = m->id,
        .account = m->wish->account->id,
        .replaces_cert = m->replaced.certificate,
        .replaces = m->wish->replaces,
        .profile = acme_policy_name(m->policy),
        .public_id = m->public_id,
        .status = m->ready ? ACME_ORDER_READY : ACME_ORDER_PENDING,
        .identifiers = m->json,
        .expires_at = m->expires,
        .not_before = m->wish->not_before,
        .not_after = m->wish->not_after,
        .created_at = m->now,
        .ended_at = WHEN_NONE,
        .unlimited = m->unlimited,
        .authzs = m->proofs,
    };
}

static bool
has_parts(struct when t)
{
    return when_given(t) && t.ms % SECOND_MS != 0;
}

/* Dates are given as asked for, or refused. */
static enum err
check_dates(struct scope *s, const struct acme *acme, const struct acme_endpoint *policy,
            const struct acme_order_wish *w, struct when now)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(acme->o.flow->shelf);
    const struct template *t = template_find(all, policy->set->template_name);
    struct when from = when_given(w->not_before) ? w->not_before : now;
    int64_t most;

    if (!when_given(w->not_before) && !when_given(w->not_after))
        return OK;
    if (!t || !t->body->allow_requested_dates)
        return acme_fail(s, E_INVALID, "malformed",
                         "notBefore and notAfter cannot be chosen here: leave them out");
    if (has_parts(w->not_before) || has_parts(w->not_after))
        return acme_fail(s, E_INVALID, "malformed",
                         "%s has parts of a second, which no certificate carries",
                         has_parts(w->not_before) ? "notBefore" : "notAfter");
    if (when_given(w->not_before) && when_s(w->not_before) < when_s(now) - POLICY_PAST_MOST_S)
        return acme_fail(s, E_INVALID, "malformed",
                         "notBefore lies too far in the past: by more than 48 hours");
    if (when_given(w->not_after) &&
        (when_cmp(w->not_after, from) <= 0 || when_cmp(w->not_after, now) <= 0))
        return acme_fail(s, E_INVALID, "malformed",
                         "notAfter is not after notBefore, or has passed");
    most = policy->profile && policy->profile->validity_days
               ? policy->profile->validity_days * DAY_MS
               : t->body->validity_max_ms;
    if (when_given(w->not_after) && most && w->not_after.ms - from.ms > most)
        return acme_fail(s, E_INVALID, "malformed", "a certificate here is valid for at most %s",
                         duration_text(s->arena, most));
    return OK;
}

/* Whoever is exempt, and who renews when they were told to (RFC 9773 section 4.2): the same names,
 * and not because they revoked the certificate themselves. */
static enum err
find_exempt(struct scope *s, const struct acme *acme, struct making *m)
{
    struct acme_ari ari;

    m->exempt = acme_limit_exempts(s, acme, m->wish->peer.address);
    if (m->exempt || !m->replaced.same)
        return OK;
    TRY(acme_ari_window(s, acme, m->wish->replaces, &ari));
    m->due = when_cmp(ari.start, m->now) <= 0 && !ari.by_client;
    return OK;
}

enum err
acme_order_new(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
               const struct acme_order_wish *wish, struct acme_order *out, struct list *problems)
{
    struct acme_asker who = { wish->account, wish->profile, wish->peer.address };
    struct list names = { 0 };
    struct making m = {
        .wish = wish, .names = &names, .public_id = acme_new_id(s->arena), .now = clock_now()
    };

    m.authz = (struct acme_authz_wish){ .ep = ep, .now = m.now };
    TRY(acme_rules_choose(s, acme, &who, &m.authz));
    m.policy = m.authz.policy;
    TRY(acme_names_read(s, m.policy, wish->identifiers, &names, problems));
    TRY(acme_eab_judge(s, m.authz.binding, &names, problems));
    TRY(acme_rules_prove(s, &m.authz, &names, problems));
    TRY(acme_rules_subject(s, acme, m.policy, &names, problems));
    TRY(check_dates(s, acme, m.policy, wish, m.now));
    if (wish->replaces)
        TRY(acme_ari_replaced(s, acme, wish->account, wish->replaces, &names, &m.replaced));
    TRY(acme_names_json(s, &names, &m.json, &m.hash));
    m.set = base64url_encode(s->arena, m.hash);
    TRY(find_exempt(s, acme, &m));
    TRY(db_write(s, acme->o.db, make_in, &m));
    if (!m.fresh)
        return acme_order_by_id(s, acme, m.id, out);
    metric_add(&orders_total, 1);
    *out = made(&m);
    return OK;
}
