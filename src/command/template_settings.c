/* What holds beside every template. It only narrows: a template may be stricter, and where neither
 * says anything everything is allowed. */
#include "command/template_words.h"
#include "issue/pattern.h"

/* The kinds of keys there are, where none are named. */
static struct list
keys_of(struct scope *s, const struct pattern_body *body)
{
    static const char *const all[] = { "rsa", "ec", "ed25519", "ed448" };
    struct list out = { 0 };

    if (body->key_types.count)
        return body->key_types;
    for (size_t i = 0; i < COUNT(all); i++)
        list_add(s->arena, &out, const char *, all[i]);
    return out;
}

static enum err
answer(struct request *rq)
{
    AUTO(templates_unref) const struct templates *now = templates_ref(rq->app->shelf);
    const struct pattern_body *body = now->everywhere->body;
    struct template_policy_reply policy = { 0 };
    struct template_settings_reply out = { .policy = &policy };
    struct list types = keys_of(rq->scope, body);
    struct key_shown keys;

    rules_show(rq->scope, &body->rules, &out.regexes);
    defaults_show(rq->scope, &body->defaults, &out.defaults);
    keys_show(rq->scope, &types, &keys);
    policy.rsa_sizes = keys.rsa_sizes;
    policy.ecc_curves = keys.ecc_curves;
    policy.primary = keys.primary;
    policy.key_info = keys.info;
    policy.allow_key_reuse = !body->key_reuse.given || body->key_reuse.value;
    policy.allow_wildcards = !body->wildcards.given || body->wildcards.value;
    policy.rfc_enforcement = body->names_required.value;
    policy.owner_role = (struct opt_int){ true, body->owner.value };
    if (body->owner_role)
        policy.default_owner_role_id = (struct opt_int){ true, body->owner_role };
    TRY(role_name_of(rq, body->owner_role, &policy.default_owner_role_name));
    return reply(rq, 200, &out);
}

enum err
templates_settings(struct request *rq)
{
    TRY(access_require(rq->scope, rq->caller, PERM_TEMPLATES_READ, GRANT_GLOBAL, 0));
    return answer(rq);
}

static bool
is_given(struct request *rq, const struct list *list, const char *name)
{
    return list->count || json_is_array(body_value(rq, NULL, name));
}

static enum err
read_policy(struct request *rq, const struct policy_words *in, struct pattern_body *body)
{
    const struct json *json = body_value(rq, NULL, "TemplatePolicy");
    struct list now = keys_of(rq->scope, body), keys;

    if (!in || !json)
        return OK;
    if (in->allow_key_reuse.given)
        body->key_reuse = in->allow_key_reuse;
    if (in->allow_wildcards.given)
        body->wildcards = in->allow_wildcards;
    if (in->rfc_enforcement.given)
        body->names_required = in->rfc_enforcement;
    if (in->owner_role.given)
        body->owner = in->owner_role;
    if (keys_read(rq, in, json, "TemplatePolicy", &now, &keys))
        body->key_types = keys;
    return owner_read(rq, in, json, "TemplatePolicy", &body->owner_role);
}

enum err
templates_settings_edit(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template_settings_request *in = rq->body;
    struct pattern_body body = *all->everywhere->body;

    TRY(access_require(rq->scope, rq->caller, PERM_TEMPLATES_MODIFY, GRANT_GLOBAL, 0));
    if (is_given(rq, &in->regexes, "TemplateRegexes")) {
        body.rules = (struct list){ 0 };
        rules_read(rq->scope, &in->regexes, "TemplateRegexes", &body.rules);
    }
    if (is_given(rq, &in->defaults, "TemplateDefaults")) {
        body.defaults = (struct list){ 0 };
        defaults_read(rq->scope, &in->defaults, "TemplateDefaults", &body.defaults);
    }
    TRY(read_policy(rq, in->policy, &body));
    TRY(problems_check(rq->scope));
    TRY(everywhere_save(rq->scope, rq->app->shelf, &body, &rq->caller->actor));
    return answer(rq);
}
