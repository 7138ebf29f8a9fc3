/* Who may ask by which template, and of which authority. */
#include "access/principals.h"
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

/* The role that would own it may be gone since the template named it. */
static enum err
judge_owner(struct scope *s, struct flow *f, const struct template_body *body, const char **why)
{
    struct list problems = s->problems;
    struct role role;
    enum err e;

    if (body->owner != OWNER_REQUIRED)
        return OK;
    if (body->owner_role) {
        e = role_get(s, f->access, body->owner_role, &role);
        if (e != E_NOT_FOUND)
            return e;
        scope_clear(s);
        s->problems = problems;
    }
    *why = "it requires an owner (owner), and has no role that is it (owner_role)";
    return OK;
}

/* What is planned when nothing is given. */
static enum err
judge_metadata(struct scope *s, struct flow *f, const struct template_body *body, const char **why)
{
    const struct pairs none = { 0 };
    const struct metadata_wish wish = { .given = &none,
                                        .path = "metadata",
                                        .by = &caller_nobody,
                                        .dry_run = true,
                                        .rules = &body->notes };
    struct list values = { 0 }, problems = s->problems;
    enum err e;

    s->problems = (struct list){ 0 };
    e = metadata_plan(s, f->fields, &wish, &values);
    if (s->problems.count)
        *why = arena_printf(s->arena, "%s is required, and has no default",
                            list_at(&s->problems, struct problem, 0)->path);
    s->problems = problems;
    return e;
}

enum err
flow_closed(struct scope *s, struct flow *f, const struct templates *all, const struct template *t,
            const char **why)
{
    const struct pattern *p = pattern_default(all, t->id);
    const struct template whole = pattern_whole(s->arena, all, t, p);

    *why = NULL;
    if (!t->enabled)
        *why = "it is switched off";
    else if (whole.body->allowed_requesters.count)
        *why = "it is for some roles alone (allowed_requesters)";
    else if (p && p->body->roles.count)
        *why = arena_printf(s->arena, "its pattern %s is for some roles alone (AssociatedRoles)",
                            p->name);
    else if (!whole.body->client_keys)
        *why = "it takes no key that a request brings (client_keys)";
    else
        TRY(judge_owner(s, f, whole.body, why));
    return *why ? OK : judge_metadata(s, f, whole.body, why);
}
