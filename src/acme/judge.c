#include "acme/judge.h"

#include "acme/authz.h"
#include "acme/eab.h"
#include "acme/rules.h"

static enum err
find_policy(struct scope *s, const struct acme *acme, const struct acme_order *o,
            struct acme_standing *by)
{
    by->ep = acme_endpoint_by_id(s, acme, by->account->endpoint);
    by->policy = by->ep ? acme_policy(s, acme, by->ep, o->profile) : NULL;
    return by->policy ? OK
                      : acme_fail(s, E_INVALID, "invalidProfile",
                                  "the profile \"%s\" is not offered any more",
                                  o->profile ? o->profile : ACME_DEFAULT_PROFILE);
}

enum err
acme_order_judge(struct scope *s, const struct acme *acme, const struct acme_order *o,
                 struct acme_standing *by, struct list *names)
{
    struct acme_authz_wish wish = { .account = o->account, .now = clock_now() };
    struct list problems = { 0 };
    enum acme_proofs proofs;

    TRY(find_policy(s, acme, o, by));
    wish.ep = by->ep;
    wish.policy = by->policy;
    TRY(acme_eab_policy_of(s, acme, by->account, &wish.binding));
    if (!acme_eab_allows_profile(wish.binding, acme_policy_name(by->policy)))
        return acme_fail(s, E_INVALID, "invalidProfile",
                         "the profile \"%s\" is not offered to this account any more",
                         acme_policy_name(by->policy));
    TRY(acme_rules_template(s, acme, by->policy));
    TRY(acme_names_of_json(s, o->identifiers, names));
    TRY(acme_names_judge(s, by->policy, names, &problems));
    TRY(acme_eab_judge(s, wish.binding, names, &problems));
    TRY(acme_proofs_of(s, acme, &wish, o->id, &proofs));
    if (proofs == ACME_PROOFS_HOLD)
        return OK;
    return acme_fail(s, E_FORBIDDEN, "unauthorized",
                     proofs == ACME_PROOFS_OVER
                         ? "the proof of a name has ended while the order waited: make a new order"
                         : "a name was proved by a challenge, or on the word of a maker, that is "
                           "not accepted here any more: make a new order");
}

SQL(rules_of_certificate, "SELECT a.endpoint, o.profile FROM acme_order o JOIN acme_account a ON "
                          "a.id = o.account WHERE o.certificate = $1");

enum err
acme_rules_of(struct scope *s, const struct acme *acme, int64_t certificate,
              const struct acme_endpoint **out)
{
    const struct acme_endpoint *ep;
    struct row row;
    enum err e = db_one(s, acme->o.db, &rules_of_certificate, BIND(v_int(certificate)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        *out = acme->by_settings;
        return OK;
    }
    TRY(e);
    ep = acme_endpoint_by_id(s, acme, row_int(&row));
    *out = ep ? acme_policy(s, acme, ep, row_text(&row)) : NULL;
    return OK;
}

SQL(order_of_request, "SELECT id FROM acme_order WHERE request = $1 AND status = 3");

enum err
acme_request_judge(struct scope *s, const struct cert_request *q, void *arg)
{
    const struct acme *acme = arg;
    struct acme_standing by = { 0 };
    struct list names = { 0 };
    struct acme_account a;
    struct acme_order o;
    struct row row;
    enum err e = db_one(s, acme->o.db, &order_of_request, BIND(v_int(q->id)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK; /* it is of no order */
    }
    TRY(e);
    TRY(acme_order_by_id(s, acme, row_int(&row), &o));
    TRY(acme_account_by_number(s, acme, o.account, &a));
    by.account = &a;
    e = acme_order_judge(s, acme, &o, &by, &names);
    return e == E_FORBIDDEN || e == E_INVALID
               ? fail_code(s, E_INVALID, CHY_NAME_NOT_ALLOWED,
                           "by ACME's rules as they are now: %s", s->error.text)
               : e;
}
