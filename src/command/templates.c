#include "command/template_words.h"

#include "issue/names.h"
#include "issue/policy.h"

/* The first kind of key, and the sizes, in the words of the API. */
static void
show_keys(struct scope *s, const struct template_body *body, struct template_reply *out,
          struct template_policy_reply *policy)
{
    const char *first =
        body->key_types.count ? *list_at(&body->key_types, const char *, 0) : "rsa:2048";
    struct key_shown keys;

    out->key_type = text_starts_fold(first, "rsa")  ? "RSA"
                    : text_starts_fold(first, "ec") ? "ECC"
                                                    : "Ed25519";
    out->key_size = text_eq(out->key_type, "RSA")   ? "2048"
                    : text_eq(out->key_type, "ECC") ? "256"
                                                    : "255";
    if (!policy)
        return;
    keys_show(s, &body->key_types, &keys);
    policy->rsa_sizes = keys.rsa_sizes;
    policy->ecc_curves = keys.ecc_curves;
    policy->primary = keys.primary;
    policy->key_info = keys.info;
}

void
template_rules_of(struct scope *s, const struct template_body *body, struct list *out)
{
    LIST_EACH(struct template_rdn, rdn, &body->rdns)
    if (rdn->pattern)
        list_add(
            s->arena, out, struct template_rule,
            ((struct template_rule){ .part = rdn->type,
                                     .pattern = arena_printf(s->arena, "^(%s)$", rdn->pattern) }));
    LIST_EACH(struct template_rule, r, &body->rules)
    list_add(s->arena, out, struct template_rule, *r);
}

int64_t
enrollment_types(const struct template_body *body)
{
    return (body->server_keys ? ENROLL_PFX : 0) | (body->client_keys ? ENROLL_CSR : 0);
}

static void
show_rules(struct scope *s, const struct template *t, struct template_reply *out)
{
    struct list rules = { 0 };

    template_rules_of(s, t->body, &rules);
    LIST_EACH(struct template_rule, r, &rules)
    list_add(
        s->arena, &out->regexes, struct template_regex_reply,
        ((struct template_regex_reply){ t->id, r->part, r->pattern, r->error ? r->error : "" }));
}

static void
show(struct scope *s, const struct template *t, struct template_reply *out,
     struct template_policy_reply *policy)
{
    static const char *const retentions[] = { [KEEP_NONE] = "None",
                                              [KEEP_INDEFINITE] = "Indefinite",
                                              [KEEP_AFTER_EXPIRATION] = "AfterExpiration",
                                              [KEEP_FROM_ISSUANCE] = "FromIssuance" };
    int64_t id = 0;

    *out = (struct template_reply){
        .id = t->id,
        .common_name = t->name,
        .template_name = t->name,
        .oid = t->oid,
        .forest_root = "",
        .configuration_tenant = "",
        .friendly_name = t->display_name,
        .key_retention = retentions[t->body->key_retention],
        .key_retention_days = t->body->key_retention_days,
        .allowed_enrollment_types = t->enabled ? enrollment_types(t->body) : 0,
        .use_allowed_requesters = t->body->allowed_requesters.count > 0,
        .allowed_requesters = t->body->allowed_requesters,
        .display_name = arena_printf(s->arena, "%s (%s)", t->display_name, t->name),
        .requires_approval = t->body->requires_approval,
        .key_usage = policy_key_usage(&t->body->key_usage, KEY_RSA),
    };
    out->short_name = t->name;
    out->has_private_key_retention = !text_eq(out->key_retention, "None");
    out->allowed_enrollment_type = out->allowed_enrollment_types;
    show_keys(s, t->body, out, policy);
    LIST_EACH(const char *, name, &t->body->eku)
    {
        const char *oid = oid_resolve(s->arena, *name);
        const struct oid_info *info = oid ? oid_of_text(oid) : NULL;

        list_add(s->arena, &out->ext_key_usages, struct eku_reply,
                 ((struct eku_reply){ ++id, oid ? oid : *name, info ? info->title : *name }));
    }
    show_rules(s, t, out);
}

void
template_reply_of(struct scope *s, const struct template *t, struct template_detail_reply *out)
{
    struct template_policy_reply *policy = arena_new_of(s->arena, struct template_policy_reply);

    *out = (struct template_detail_reply){ .policy = policy,
                                           .rfc_enforcement = t->body->san_required };
    policy->template_id = t->id;
    policy->allow_key_reuse = t->body->allow_key_reuse;
    policy->allow_wildcards = t->body->wildcards == WILDCARD_LEFTMOST;
    policy->rfc_enforcement = t->body->san_required;
    policy->owner_role = (struct opt_int){ true, t->body->owner };
    if (t->body->owner_role)
        policy->default_owner_role_id = (struct opt_int){ true, t->body->owner_role };
    defaults_show(s, &t->body->defaults, &out->defaults);
    show(s, t, &out->base, policy);
}

static bool
may_see(const struct request *rq, const struct template *t)
{
    return access_may(rq->caller, PERM_TEMPLATES_READ, GRANT_TEMPLATE, t->id);
}

enum err
templates_list(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    struct list out = { 0 };

    LIST_EACH(struct template *, t, &all->all)
    if (may_see(rq, *t))
        show(rq->scope, *t, list_push(rq->scope->arena, &out, struct template_reply), NULL);
    return reply_page(rq, &template_query_model, "CommonName", &out);
}

enum err
template_wanted(struct request *rq, const struct templates *all, const struct template **out)
{
    int64_t id;

    TRY(var_int(rq, "id", &id));
    *out = template_by_id(all, id);
    if (*out && may_see(rq, *out))
        return OK;
    return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_TEMPLATE, "template %lld not found",
                     (long long)id);
}

enum err
template_answer(struct request *rq, const struct template *t)
{
    struct template_detail_reply out;

    template_reply_of(rq->scope, t, &out);
    TRY(role_name_of(rq, t->body->owner_role, &out.policy->default_owner_role_name));
    TRY(notes_show(rq, &t->body->notes, &out.metadata_fields));
    return reply(rq, 200, &out);
}

enum err
templates_get(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template *t;

    TRY(template_wanted(rq, all, &t));
    return template_answer(rq, t);
}

enum err
templates_subject_parts(struct request *rq)
{
    struct list out = { 0 };

    for (const struct part *p = subject_parts; p->name; p++)
        list_add(rq->scope->arena, &out, struct subject_part_reply,
                 ((struct subject_part_reply){ p->name, p->title }));
    reply_total(rq, (int64_t)out.count);
    return reply_list(rq, &out);
}
