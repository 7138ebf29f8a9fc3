#include "command/command.h"

#include "issue/names.h"
#include <stdlib.h>
#include <string.h>

/* The key types of a template in the words of the API. */
static void
key_words(struct scope *s, const struct template_body *body, struct template_reply *out,
          struct template_policy_reply *policy)
{
    static const int64_t sizes[] = { 2048, 3072, 4096, 8192 };
    static const char *const curves[][2] = { { "p256", "1.2.840.10045.3.1.7" },
                                             { "p384", "1.3.132.0.34" },
                                             { "p521", "1.3.132.0.35" } };
    const char *first =
        body->key_types.count ? *list_at(&body->key_types, const char *, 0) : "rsa:2048";
    int64_t low = 2048, high = 4096;

    out->key_type = text_starts_fold(first, "rsa")  ? "RSA"
                    : text_starts_fold(first, "ec") ? "ECC"
                                                    : "Ed25519";
    out->key_size = text_eq(out->key_type, "RSA")   ? "2048"
                    : text_eq(out->key_type, "ECC") ? "256"
                                                    : "255";
    if (!policy)
        return;
    LIST_EACH(const char *, type, &body->key_types)
    {
        struct key_algorithm_reply *alg =
            list_push(s->arena, &policy->primary, struct key_algorithm_reply);

        alg->name = text_starts_fold(*type, "rsa")  ? "RSA"
                    : text_starts_fold(*type, "ec") ? "ECC"
                                                    : "Ed25519";
        if (text_starts_fold(*type, "rsa:")) {
            char *end;

            low = high = strtoll(*type + 4, &end, 10);
            if (*end == '-')
                high = strtoll(end + 1, NULL, 10);
        }
        for (size_t i = 0; text_eq(alg->name, "RSA") && i < COUNT(sizes); i++)
            if (sizes[i] >= low && sizes[i] <= high) {
                list_add(s->arena, &alg->bit_lengths, int64_t, sizes[i]);
                list_add(s->arena, &policy->rsa_sizes, int64_t, sizes[i]);
            }
        for (size_t i = 0; i < COUNT(curves); i++)
            if (text_ends_fold(*type, curves[i][0])) {
                list_add(s->arena, &alg->curves, const char *, curves[i][1]);
                list_add(s->arena, &policy->ecc_curves, const char *, curves[i][1]);
            }
    }
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
        .allowed_enrollment_types = !t->enabled            ? 0
                                    : t->body->server_keys ? 3
                                                           : 2,
        .use_allowed_requesters = t->body->allowed_requesters.count > 0,
        .allowed_requesters = t->body->allowed_requesters,
        .display_name = arena_printf(s->arena, "%s (%s)", t->display_name, t->name),
        .requires_approval = t->body->requires_approval,
        .key_usage = policy_key_usage(&t->body->key_usage, KEY_RSA),
    };
    out->short_name = t->name;
    out->has_private_key_retention = !text_eq(out->key_retention, "None");
    out->allowed_enrollment_type = out->allowed_enrollment_types;
    key_words(s, t->body, out, policy);
    LIST_EACH(const char *, name, &t->body->eku)
    {
        const char *oid = oid_resolve(s->arena, *name);
        const struct oid_info *info = oid ? oid_of_text(oid) : NULL;

        list_add(s->arena, &out->ext_key_usages, struct eku_reply,
                 ((struct eku_reply){ ++id, oid ? oid : *name, info ? info->title : *name }));
    }
    LIST_EACH(struct template_rdn, rdn, &t->body->rdns)
    if (rdn->pattern)
        list_add(s->arena, &out->regexes, struct template_regex_reply,
                 ((struct template_regex_reply){ t->id, rdn->type, rdn->pattern, "" }));
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
templates_get(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    struct template_detail_reply out;
    const struct template *t;

    TRY(template_wanted(rq, all, &t));
    template_reply_of(rq->scope, t, &out);
    return reply(rq, 200, &out);
}
