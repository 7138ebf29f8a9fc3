/* PUT /Templates: clients send the whole template that they read, changed. What differs from what
 * they were shown is a wish; what they leave out stays as it is. */
#include "command/template_words.h"

/* A template on its way to what it is to be. */
struct edit {
    struct request *rq;
    const struct template_edit_request *in;
    const struct template *t;
    struct template_body body;
    struct opt_bool enabled;
};

static void
not_offered(struct edit *e)
{
    if (e->in->key_archival)
        problem(e->rq->scope, "KeyArchival", CHY_BAD_VALUE,
                "keys are not archived by a CA here: KeyRetention says how long they are kept");
    if (e->in->enrollment_fields.count)
        problem(e->rq->scope, "EnrollmentFields", CHY_BAD_VALUE,
                "fields for outside authorities are not offered");
}

static void
edit_retention(struct edit *e)
{
    const struct template_edit_request *in = e->in;

    if (in->key_retention.given)
        e->body.key_retention = in->key_retention.value;
    if (in->key_retention_days.given)
        e->body.key_retention_days = in->key_retention_days.value;
}

static void
edit_types(struct edit *e)
{
    int64_t now = e->t->enabled ? enrollment_types(&e->body) : 0,
            types = e->in->allowed_enrollment_types.value;

    if (!e->in->allowed_enrollment_types.given || types == now)
        return;
    e->enabled = (struct opt_bool){ true, types != 0 };
    if (!types)
        return;
    if ((types & ENROLL_CSR_MADE) && !(types & ENROLL_CSR))
        problem(e->rq->scope, "AllowedEnrollmentTypes", CHY_BAD_VALUE,
                "requests that are made here (4) come by CSR, which has to be allowed with them "
                "(6)");
    e->body.server_keys = types & ENROLL_PFX;
    e->body.client_keys = types & ENROLL_CSR;
}

/* Whether the body gives a list, empty or not. */
static bool
is_given(struct edit *e, const struct list *list, const char *name)
{
    return list->count || json_is_array(body_value(e->rq, NULL, name));
}

/* The pattern of a subject's part stays where it is sent back as it was shown. */
static void
keep_patterns(struct edit *e, struct list *rules)
{
    struct scope *s = e->rq->scope;
    struct list rdns = { 0 }, left = { 0 };

    LIST_EACH(struct template_rdn, rdn, &e->t->body->rdns)
    {
        struct template_rdn kept = *rdn;
        const char *shown = rdn->pattern ? arena_printf(s->arena, "^(%s)$", rdn->pattern) : NULL;

        kept.pattern = NULL;
        LIST_EACH(struct template_rule, r, rules)
        if (shown && text_eq_fold(r->part, rdn->type) && text_eq(r->pattern, shown)) {
            kept.pattern = rdn->pattern;
            r->pattern = NULL; /* it stands there */
        }
        list_add(s->arena, &rdns, struct template_rdn, kept);
    }
    LIST_EACH(struct template_rule, r, rules)
    if (r->pattern)
        list_add(s->arena, &left, struct template_rule, *r);
    e->body.rdns = rdns;
    e->body.rules = left;
}

/* Templates have no word for letters in any case: a rule that is sent back stays what it was. */
static void
keep_case(struct edit *e)
{
    LIST_EACH(struct template_rule, r, &e->body.rules)
    LIST_EACH(struct template_rule, old, &e->t->body->rules)
    if (text_eq(r->part, old->part) && text_eq(r->pattern, old->pattern))
        r->any_case = old->any_case;
}

static enum err
edit_rules(struct edit *e)
{
    const struct template_edit_request *in = e->in;
    struct scope *s = e->rq->scope;
    struct list rules = { 0 };

    if (is_given(e, &in->regexes, "TemplateRegexes")) {
        rules_read(s, &in->regexes, "TemplateRegexes", &rules);
        keep_patterns(e, &rules);
        keep_case(e);
    }
    if (is_given(e, &in->defaults, "TemplateDefaults")) {
        e->body.defaults = (struct list){ 0 };
        defaults_read(s, &in->defaults, "TemplateDefaults", &e->body.defaults);
    }
    if (is_given(e, &in->metadata_fields, "MetadataFields")) {
        e->body.notes = (struct list){ 0 };
        TRY(notes_read(e->rq, &in->metadata_fields, "MetadataFields", &e->body.notes));
    }
    return OK;
}

static enum err
edit_policy(struct edit *e)
{
    const struct json *json = body_value(e->rq, NULL, "TemplatePolicy");
    const struct policy_words *in = e->in->policy;
    struct list keys;

    if (e->in->rfc_enforcement.given && e->in->rfc_enforcement.value != e->t->body->san_required)
        e->body.san_required = e->in->rfc_enforcement.value;
    if (!in || !json)
        return OK;
    if (in->allow_key_reuse.given)
        e->body.allow_key_reuse = in->allow_key_reuse.value;
    if (in->allow_wildcards.given)
        e->body.wildcards = in->allow_wildcards.value ? WILDCARD_LEFTMOST : WILDCARD_NONE;
    if (in->rfc_enforcement.given && in->rfc_enforcement.value != e->t->body->san_required)
        e->body.san_required = in->rfc_enforcement.value;
    if (in->owner_role.given)
        e->body.owner = in->owner_role.value;
    TRY(owner_read(e->rq, in, json, "TemplatePolicy", &e->body.owner_role));
    if (keys_read(e->rq, in, json, "TemplatePolicy", &e->body.key_types, &keys))
        e->body.key_types = keys;
    return OK;
}

static enum err
edit_requesters(struct edit *e)
{
    const struct template_edit_request *in = e->in;
    bool given = is_given(e, &in->allowed_requesters, "AllowedRequesters");
    struct scope *s = e->rq->scope;
    struct list names = { 0 };
    size_t i = 0;

    if (in->use_allowed_requesters.given && !in->use_allowed_requesters.value) {
        e->body.allowed_requesters = names;
        return OK;
    }
    if (!given && !in->use_allowed_requesters.given)
        return OK;
    LIST_EACH(const char *, name, given ? &in->allowed_requesters : &e->body.allowed_requesters)
    {
        struct role role;

        TRY(role_named(e->rq, *name, 0, arena_printf(s->arena, "AllowedRequesters[%zu]", i++),
                       &role));
        if (role.id)
            list_add(s->arena, &names, const char *, role.name);
    }
    if (!i && in->use_allowed_requesters.given)
        problem(s, "AllowedRequesters", CHY_MISSING,
                "names at least one role, or UseAllowedRequesters is false");
    e->body.allowed_requesters = names;
    return OK;
}

/* The template is one that the caller may see and change. */
static enum err
wanted(struct request *rq, const struct templates *all, int64_t id, const struct template **out)
{
    const struct template *t = template_by_id(all, id);

    if (!t || (!access_may(rq->caller, PERM_TEMPLATES_READ, GRANT_TEMPLATE, id) &&
               !access_may(rq->caller, PERM_TEMPLATES_MODIFY, GRANT_TEMPLATE, id)))
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_TEMPLATE, "template %lld not found",
                         (long long)id);
    *out = t;
    return access_require(rq->scope, rq->caller, PERM_TEMPLATES_MODIFY, GRANT_TEMPLATE, id);
}

static enum err
save(struct edit *e)
{
    struct request *rq = e->rq;
    const char *was = template_json(rq->scope->arena, e->t->body),
               *json = template_json(rq->scope->arena, &e->body);
    const char *name = text_empty(e->in->friendly_name) ? NULL : e->in->friendly_name;
    struct template_edit edit = { .id = e->t->id,
                                  .name = e->t->name,
                                  .display_name = name,
                                  .version = e->t->version,
                                  .enabled = e->enabled };
    int64_t id;

    if (!json)
        return fail_code(rq->scope, E_LIMIT, CHY_TOO_LARGE, "the template is too large");
    if (text_eq(was, json) && !e->enabled.given && (!name || text_eq(name, e->t->display_name)))
        return OK; /* as it is */
    edit.body = bytes_of_text(json);
    return template_save(rq->scope, rq->app->shelf, &edit, &rq->caller->actor, &id);
}

enum err
templates_edit(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template_edit_request *in = rq->body;
    struct edit e = { .rq = rq, .in = in };

    TRY(wanted(rq, all, in->id, &e.t));
    e.body = *e.t->body;
    not_offered(&e);
    edit_retention(&e);
    edit_types(&e);
    TRY(edit_rules(&e));
    TRY(edit_policy(&e));
    TRY(edit_requesters(&e));
    if (in->requires_approval.given)
        e.body.requires_approval = in->requires_approval.value;
    TRY(problems_check(rq->scope));
    TRY(save(&e));
    {
        AUTO(templates_unref) const struct templates *now = templates_ref(rq->app->shelf);
        const struct template *t = template_by_id(now, in->id);

        return t ? template_answer(rq, t)
                 : fail(rq->scope, E_INTERNAL, "template %lld is gone", (long long)in->id);
    }
}
