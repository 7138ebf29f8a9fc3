#include "acme/rules.h"

#include "acme/csr_names.h"
#include "acme/eab.h"
#include "acme/limit_own.h"
#include "acme/profile.h"
#include "issue/policy.h"
#include "pki/device_name.h"

/* What they name, or the first one that the key allows; NULL: their directory's own. */
static const char *
profile_of(const struct acme_asker *who, const struct acme_authz_wish *wish)
{
    if (who->profile || acme_eab_allows_profile(wish->binding, acme_policy_name(wish->ep)))
        return who->profile;
    return *list_at(&wish->binding->profiles, const char *, 0);
}

enum err
acme_rules_template(struct scope *s, const struct acme *acme, const struct acme_endpoint *policy)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(acme->o.flow->shelf);
    const char *name = policy->set->template_name, *why = "there is none of this name";
    const struct template *t = template_find(all, name);

    if (t)
        TRY(flow_closed(s, acme->o.flow, all, t, &why));
    return why ? acme_fail(s, E_FORBIDDEN, "unauthorized",
                           "clients of ACME cannot use template %s: %s", name, why)
               : OK;
}

/* There is none of this NAME, or none that may be named here. */
static enum err
refuse_profile(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
               const char *name)
{
    const struct acme_endpoint *there = ep->profile ? NULL : acme_endpoint(s, acme, name);

    if (there && there->profile && there->profile->offered && text_eq(there->name, name))
        return acme_fail(s, E_INVALID, "invalidProfile",
                         "the profile \"%s\" has terms of its own, %s: it takes orders of accounts "
                         "that agreed to them at %s",
                         name, there->profile->terms_url,
                         acme_url(s->arena, there, "directory", NULL));
    return acme_fail(s, E_INVALID, "invalidProfile",
                     "the profile \"%s\" is not one of this directory", name);
}

enum err
acme_rules_choose(struct scope *s, const struct acme *acme, const struct acme_asker *who,
                  struct acme_authz_wish *wish)
{
    const struct acme_endpoint *policy;
    const char *name;

    wish->account = who->account->id;
    TRY(acme_eab_policy_of(s, acme, who->account, &wish->binding));
    name = profile_of(who, wish);
    policy = acme_policy(s, acme, wish->ep, name);
    if (!policy)
        return refuse_profile(s, acme, wish->ep, name);
    if (!acme_eab_allows_profile(wish->binding, acme_policy_name(policy)) ||
        (policy != wish->ep && ((policy->set->eab == ACME_EAB_REQUIRED && !who->account->eab_key) ||
                                !acme_answers(s, policy, who->address))))
        return acme_fail(s, E_INVALID, "invalidProfile",
                         "the profile \"%s\" is not offered to this account from here",
                         acme_policy_name(policy));
    wish->policy = policy;
    return acme_rules_template(s, acme, policy);
}

enum err
acme_rules_prove(struct scope *s, const struct acme_authz_wish *wish, const struct list *names,
                 struct list *problems)
{
    LIST_EACH(struct acme_name, n, names)
    {
        struct list offered = { 0 };

        acme_challenges_for(s, wish, n, &offered);
        if (!offered.count)
            list_add(s->arena, problems, struct acme_subproblem,
                     ((struct acme_subproblem){ "rejectedIdentifier",
                                                "no challenge that is offered here can prove it",
                                                { n->type, n->value } }));
    }
    return problems->count ? acme_fail(s, E_FORBIDDEN, "rejectedIdentifier",
                                       "no challenge that is offered here can prove a name")
                           : OK;
}

enum err
acme_rules_subject(struct scope *s, const struct acme *acme, const struct acme_endpoint *policy,
                   const struct list *names, struct list *problems)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(acme->o.flow->shelf);
    const char *name = policy->set->template_name, *why;
    const struct template *t = template_find(all, name);
    const struct acme_subproblem *first;

    if (!t || !policy_requires(t->body, "CN") || acme_names_have_cn(s->arena, names))
        return OK;
    LIST_EACH(struct acme_name, n, names)
    if (device_type_is(n->type) && (why = acme_serial_fault(s->arena, n)))
        list_add(s->arena, problems, struct acme_subproblem,
                 ((struct acme_subproblem){
                     "rejectedIdentifier",
                     arena_printf(s->arena,
                                  "template %s requires a common name, which the serial number of "
                                  "\"%s\" cannot be: %s",
                                  name, n->value, why),
                     { n->type, n->value } }));
    first = problems->items;
    return problems->count ? acme_fail(s, E_FORBIDDEN, "rejectedIdentifier", "%s", first->detail)
                           : OK;
}

SQL(pending_authzs, "SELECT COUNT(*), MIN(expires_at) FROM acme_authz WHERE account = $1 AND "
                    "status = 1 AND expires_at + 0 > $2");

enum err
acme_rules_pending(struct scope *s, struct tx *tx, const struct acme_authz_wish *wish)
{
    int64_t most, count;
    struct acme_own own;
    struct row row;

    TRY(acme_own_read(s, &(struct acme_reach){ .tx = tx }, wish->account, &own));
    most = acme_own_most(&own, LIMIT_PENDING, acme_limit_of(wish->policy, LIMIT_PENDING));
    if (!most)
        return OK;
    TRY(tx_one(s, tx, &pending_authzs, BIND(v_int(wish->account), v_when(wish->now)), &row));
    count = row_int(&row);
    if (count < most)
        return OK;
    return acme_limit_met(s, LIMIT_PENDING, most, row_when(&row).ms - wish->now.ms);
}
