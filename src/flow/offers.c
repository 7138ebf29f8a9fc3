/* Who may ask by which template, and of which authority. */
#include "flow/flow.h"
#include "issue/pattern.h"

bool
flow_role_allows(const struct template_body *body, const struct caller *caller)
{
    if (!body->allowed_requesters.count)
        return true;
    LIST_EACH(const char *, role, &body->allowed_requesters)
    for (size_t i = 0; i < caller->role_count; i++)
        if (text_eq_fold(caller->roles[i], *role))
            return true;
    return false;
}

bool
flow_may_use(const struct caller *caller, const struct template *t, const struct pattern *p,
             bool make_key)
{
    int64_t types = p && p->body->types.given ? p->body->types.value : TYPE_PFX | TYPE_CSR;

    if (!(types & (make_key ? TYPE_PFX : TYPE_CSR)))
        return false;
    if (make_key ? !t->body->server_keys : !t->body->client_keys)
        return false;
    return caller->kind == CALLER_SYSTEM ||
           (access_may(caller, make_key ? PERM_ENROLLMENT_PFX : PERM_ENROLLMENT_CSR, GRANT_TEMPLATE,
                       t->id) &&
            flow_role_allows(t->body, caller) && pattern_takes(p, caller));
}

bool
flow_offers(const struct ca_authority *ca, const struct template *t)
{
    if (!ca->offers_enrollment || !text_eq(ca->driver, "embedded"))
        return false;
    if (!t->body->authorities.count)
        return true;
    LIST_EACH(const char *, name, &t->body->authorities)
    if (text_eq_fold(*name, ca->name) || text_eq_fold(*name, ca->slug))
        return true;
    return false;
}
