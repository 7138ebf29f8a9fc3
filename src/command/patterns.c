/* Enrollment patterns. A pattern shows its own rules, and those of its template where it has none:
 * what is sent back as the template has it is none of its own. */
#include "api/patterns.h"
#include "command/template_words.h"
#include "issue/pattern.h"
#include "issue/policy.h"

/* What is shown. */

struct showing {
    struct request *rq;
    const struct templates *all;
    const struct ca_snapshot *authorities;
    struct list roles; /* of struct role: all that there are */
};

static enum err
showing_begin(struct request *rq, const struct templates *all, const struct ca_snapshot *snap,
              struct showing *out)
{
    *out = (struct showing){ .rq = rq, .all = all, .authorities = snap };
    return role_all(rq->scope, rq->app->access, &out->roles);
}

static const struct role *
role_by_id(const struct showing *w, int64_t id)
{
    LIST_EACH(struct role, r, &w->roles)
    if (r->id == id)
        return r;
    return NULL;
}

/* The roles that a template names. */
static struct list
roles_of(const struct showing *w, const struct template_body *body)
{
    struct list ids = { 0 };

    LIST_EACH(const char *, name, &body->allowed_requesters)
    LIST_EACH(struct role, r, &w->roles)
    if (text_eq_fold(r->name, *name))
        list_add(w->rq->scope->arena, &ids, int64_t, r->id);
    return ids;
}

/* The authorities that a template names. */
static struct list
authorities_of(const struct showing *w, const struct template_body *body)
{
    struct list ids = { 0 };

    LIST_EACH(const char *, name, &body->authorities)
    {
        const struct ca_authority *ca = ca_find(w->authorities, *name);

        if (ca)
            list_add(w->rq->scope->arena, &ids, int64_t, ca->id);
    }
    return ids;
}

static void
show_template(struct scope *s, const struct template *t, struct pattern_reply *out)
{
    struct pattern_template_reply *r = arena_new_of(s->arena, struct pattern_template_reply);

    *r = (struct pattern_template_reply){ .id = t->id,
                                          .name = t->name,
                                          .common_name = t->name,
                                          .template_name = t->name,
                                          .display_name = t->display_name,
                                          .friendly_name = t->display_name,
                                          .tenant = "",
                                          .requires_approval = t->body->requires_approval };
    out->tmpl = r;
}

static void
show_whom(const struct showing *w, const struct template *t, const struct pattern_body *p,
          struct pattern_reply *out)
{
    struct scope *s = w->rq->scope;
    struct list roles = p->roles.count ? p->roles : roles_of(w, t->body),
                cas = p->restrict_cas || p->authorities.count ? p->authorities
                                                              : authorities_of(w, t->body);

    out->restrict_cas = p->restrict_cas || (!p->authorities.count && cas.count);
    LIST_EACH(int64_t, id, &roles)
    {
        const struct role *r = role_by_id(w, *id);

        if (r)
            list_add(s->arena, &out->roles, struct pattern_role_reply,
                     ((struct pattern_role_reply){ r->id, r->name }));
    }
    LIST_EACH(int64_t, id, &cas)
    {
        const struct ca_authority *ca = ca_by_id(w->authorities, *id);

        if (ca)
            list_add(s->arena, &out->authorities, struct pattern_ca_reply,
                     ((struct pattern_ca_reply){ ca->id, ca->name, ca->host, ca->name, "" }));
    }
}

static void
show_defaults(struct scope *s, const struct list *defaults, struct list *out)
{
    LIST_EACH(struct template_default, d, defaults)
    list_add(s->arena, out, struct pattern_default_reply,
             ((struct pattern_default_reply){ d->part, d->value, d->value }));
}

static struct pattern_policy_reply *
shown_policy(const struct showing *w, const struct template_body *body)
{
    struct scope *s = w->rq->scope;
    struct pattern_policy_reply *out = arena_new_of(s->arena, struct pattern_policy_reply);
    const struct role *owner = body->owner_role ? role_by_id(w, body->owner_role) : NULL;
    struct key_shown keys;

    keys_show(s, &body->key_types, &keys);
    *out = (struct pattern_policy_reply){ .allow_key_reuse = body->allow_key_reuse,
                                          .allow_wildcards = body->wildcards == WILDCARD_LEFTMOST,
                                          .rfc_enforcement = body->san_required,
                                          .owner_role = body->owner,
                                          .primary = keys.primary,
                                          .key_info = keys.info };
    if (owner) {
        out->default_owner_role_id = (struct opt_int){ true, owner->id };
        out->default_owner_role_name = owner->name;
    }
    return out;
}

static enum err
show(const struct showing *w, const struct template *t, const struct pattern *p,
     struct pattern_reply *out)
{
    struct scope *s = w->rq->scope;
    struct template narrow = pattern_narrow(s->arena, t, p);
    const struct pattern_body *body = p->body;
    struct list rules = body->rules;

    *out = (struct pattern_reply){
        .id = p->id,
        .name = p->name,
        .description = p->description,
        .template_default = p->is_default,
        .allowed_enrollment_types = body->types.given ? body->types.value
                                    : t->enabled      ? enrollment_types(t->body)
                                                      : 0,
        .policies = shown_policy(w, narrow.body),
        .template_id = t->id,
    };
    show_template(s, t, out);
    show_whom(w, t, body, out);
    if (!rules.count)
        template_rules_of(s, t->body, &rules);
    rules_show(s, &rules, &out->regexes);
    show_defaults(s, body->defaults.count ? &body->defaults : &t->body->defaults, &out->defaults);
    return notes_show(w->rq, body->notes.count ? &body->notes : &t->body->notes,
                      &out->metadata_fields);
}

/* What is there. */

static bool
may(const struct request *rq, enum permission p, const struct pattern *pattern)
{
    return access_may(rq->caller, p, GRANT_TEMPLATE, pattern->template_id);
}

/* The pattern of the path, when the caller may do P with it; what they may not see is not there. */
static enum err
wanted(struct request *rq, const struct templates *all, enum permission p,
       const struct pattern **out)
{
    const struct pattern *found;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    found = pattern_by_id(all, id);
    if (!found || (!may(rq, PERM_PATTERNS_READ, found) && !may(rq, p, found)))
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NOT_FOUND, "enrollment pattern %lld not found",
                         (long long)id);
    *out = found;
    return access_require(rq->scope, rq->caller, p, GRANT_TEMPLATE, found->template_id);
}

static enum err
template_of(struct request *rq, const struct templates *all, const struct pattern *p,
            const struct template **out)
{
    *out = template_by_id(all, p->template_id);
    return *out ? OK
                : fail(rq->scope, E_INTERNAL, "pattern %lld has no template", (long long)p->id);
}

static enum err
answer(struct request *rq, int64_t id)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct pattern *p = pattern_by_id(all, id);
    const struct template *t;
    struct pattern_reply out;
    struct showing w;

    if (!p)
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NOT_FOUND, "enrollment pattern %lld not found",
                         (long long)id);
    TRY(template_of(rq, all, p, &t));
    TRY(showing_begin(rq, all, snap, &w));
    TRY(show(&w, t, p, &out));
    return reply(rq, 200, &out);
}

enum err
patterns_list(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    struct list out = { 0 };
    const struct template *t;
    struct showing w;

    TRY(showing_begin(rq, all, snap, &w));
    LIST_EACH(struct pattern *, p, &all->patterns)
    {
        if (!may(rq, PERM_PATTERNS_READ, *p))
            continue;
        TRY(template_of(rq, all, *p, &t));
        TRY(show(&w, t, *p, list_push(rq->scope->arena, &out, struct pattern_reply)));
    }
    return reply_page(rq, &pattern_query_model, "Name", &out);
}

enum err
patterns_get(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct pattern *p;

    TRY(wanted(rq, all, PERM_PATTERNS_READ, &p));
    return answer(rq, p->id);
}

enum err
patterns_metadata(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template *t;
    const struct pattern *p;
    struct template narrow;
    struct list out = { 0 };

    TRY(wanted(rq, all, PERM_PATTERNS_READ, &p));
    TRY(template_of(rq, all, p, &t));
    narrow = pattern_whole(rq->scope->arena, all, t, p);
    TRY(notes_show(rq, &narrow.body->notes, &out));
    reply_total(rq, (int64_t)out.count);
    return reply_list(rq, &out);
}

enum err
patterns_settings(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    struct pattern_settings_reply out = { 0 };
    struct list rules = { 0 };
    const struct template *t;
    const struct pattern *p;
    struct template narrow;
    struct showing w;

    TRY(wanted(rq, all, PERM_PATTERNS_READ, &p));
    TRY(template_of(rq, all, p, &t));
    TRY(showing_begin(rq, all, NULL, &w));
    narrow = pattern_whole(rq->scope->arena, all, t, p);
    template_rules_of(rq->scope, narrow.body, &rules);
    rules_show(rq->scope, &rules, &out.regexes);
    show_defaults(rq->scope, &narrow.body->defaults, &out.defaults);
    out.policies = shown_policy(&w, narrow.body);
    return reply(rq, 200, &out);
}

enum err
patterns_delete(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct pattern *p;

    TRY(wanted(rq, all, PERM_PATTERNS_MODIFY, &p));
    TRY(pattern_delete(rq->scope, rq->app->shelf, p->id, &rq->caller->actor));
    return reply_none(rq);
}

/* What is wanted. */

/* A pattern on its way to what it is to be. */
struct wish {
    struct showing w;
    const struct pattern_request *in;
    const struct template *t;
    struct template_body narrow; /* what it was so far */
    struct pattern_edit edit;
};

static bool
is_given(const struct wish *wish, const struct list *list, const char *name)
{
    return list->count || json_is_array(body_value(wish->w.rq, NULL, name));
}

/* Do two lists say the same? */
static bool
same(struct scope *s, const struct model *m, const struct list *one, const struct list *other)
{
    struct buf a, b;

    if (one->count != other->count)
        return false;
    buf_init_in(&a, s->arena, 1 << 20);
    buf_init_in(&b, s->arena, 1 << 20);
    json_encode_list(&a, m, one);
    json_encode_list(&b, m, other);
    return text_eq(buf_str(&a), buf_str(&b));
}

static void
wish_types(struct wish *wish)
{
    int64_t types = wish->in->allowed_enrollment_types.value, more,
            most = enrollment_types(wish->t->body);
    struct scope *s = wish->w.rq->scope;

    if (!wish->in->allowed_enrollment_types.given)
        return;
    wish->edit.body.types = (struct opt_int){ types != most, types };
    more = types & (TYPE_PFX | TYPE_CSR) & ~most;
    if (more)
        problem(s, "AllowedEnrollmentTypes", CHY_BAD_VALUE, "template %s does not allow %s",
                wish->t->name,
                more == TYPE_PFX   ? "PFX (1)"
                : more == TYPE_CSR ? "CSR (2)"
                                   : "PFX (1) and CSR (2)");
    if ((types & TYPE_CSR_MADE) && !(types & TYPE_CSR))
        problem(s, "AllowedEnrollmentTypes", CHY_BAD_VALUE,
                "requests that are made here (4) come by CSR, which has to be allowed with them "
                "(6)");
}

/* The number in an entry that is one, or an object with an Id. */
static int64_t
entry_id(struct wish *wish, const struct json *entry)
{
    int64_t id = 0;

    if (!json_int(entry, &id) && json_is_object(entry))
        (void)json_int(body_value(wish->w.rq, entry, "Id"), &id);
    return id;
}

static void
wish_roles(struct wish *wish)
{
    struct scope *s = wish->w.rq->scope;
    struct list ids = { 0 }, usual = roles_of(&wish->w, wish->t->body);
    size_t i = 0;

    if (!is_given(wish, &wish->in->roles, "AssociatedRoles"))
        return;
    LIST_EACH(struct raw, raw, &wish->in->roles)
    {
        const struct role *found = NULL;
        const char *name;
        struct json *entry;
        int64_t id;

        if (json_parse(s, bytes_of_text(raw->json), &entry) != OK)
            continue;
        name = json_str(entry);
        id = entry_id(wish, entry);
        LIST_EACH(struct role, r, &wish->w.roles)
        if (name ? text_eq_fold(r->name, name) : r->id == id)
            found = r;
        if (!found)
            problem(s, arena_printf(s->arena, "AssociatedRoles[%zu]", i), CHY_BAD_VALUE,
                    "there is no role %.100s", raw->json);
        else
            list_add(s->arena, &ids, int64_t, found->id);
        i++;
    }
    wish->edit.body.roles = same(s, &int_model, &ids, &usual) ? (struct list){ 0 } : ids;
}

static void
wish_authorities(struct wish *wish)
{
    struct pattern_body *body = &wish->edit.body;
    struct scope *s = wish->w.rq->scope;
    struct list usual = authorities_of(&wish->w, wish->t->body);
    size_t i = 0;

    if (wish->in->restrict_cas.given)
        body->restrict_cas = wish->in->restrict_cas.value;
    if (is_given(wish, &wish->in->authorities, "CertificateAuthorities")) {
        body->authorities = (struct list){ 0 };
        LIST_EACH(struct raw, raw, &wish->in->authorities)
        {
            const struct ca_authority *ca = NULL;
            struct json *entry;

            if (json_parse(s, bytes_of_text(raw->json), &entry) == OK)
                ca = ca_by_id(wish->w.authorities, entry_id(wish, entry));
            if (!ca)
                problem(s, arena_printf(s->arena, "CertificateAuthorities[%zu]", i), CHY_NO_CA,
                        "there is no certificate authority %.100s", raw->json);
            else
                list_add(s->arena, &body->authorities, int64_t, ca->id);
            i++;
        }
    }
    if (usual.count && body->restrict_cas && same(s, &int_model, &body->authorities, &usual)) {
        body->restrict_cas = false;
        body->authorities = (struct list){ 0 };
    }
    if (body->restrict_cas && !body->authorities.count)
        problem(s, "CertificateAuthorities", CHY_MISSING,
                "names at least one, or RestrictCAs is false");
}

static enum err
wish_rules(struct wish *wish)
{
    const struct pattern_request *in = wish->in;
    const struct template_body *of = wish->t->body;
    struct pattern_body *body = &wish->edit.body;
    struct scope *s = wish->w.rq->scope;
    struct list rules = { 0 }, usual = { 0 }, defaults = { 0 }, notes = { 0 };

    template_rules_of(s, of, &usual);
    if (is_given(wish, &in->regexes, "Regexes")) {
        rules_read(s, &in->regexes, "Regexes", &rules);
        body->rules = same(s, &template_rule_model, &rules, &usual) ? (struct list){ 0 } : rules;
    }
    if (is_given(wish, &in->defaults, "Defaults")) {
        defaults_read(s, &in->defaults, "Defaults", &defaults);
        body->defaults = same(s, &template_default_model, &defaults, &of->defaults)
                             ? (struct list){ 0 }
                             : defaults;
    }
    if (is_given(wish, &in->metadata_fields, "MetadataFields")) {
        TRY(notes_read(wish->w.rq, &in->metadata_fields, "MetadataFields", &notes));
        body->notes =
            same(s, &template_note_model, &notes, &of->notes) ? (struct list){ 0 } : notes;
    }
    return OK;
}

/* A truth of the policy, which is the stricter when it is STRICT: the template's own is silence,
 * what is less strict is refused. */
static void
wish_truth(struct wish *wish, const char *name, struct opt_bool asked, bool present, bool strict,
           struct opt_bool *out)
{
    if (!asked.given)
        return;
    *out = (struct opt_bool){ asked.value != present, asked.value };
    if (asked.value != present && present == strict)
        problem(wish->w.rq->scope, arena_printf(wish->w.rq->scope->arena, "Policies.%s", name),
                CHY_BAD_VALUE, "template %s %s it", wish->t->name,
                strict ? "requires" : "does not allow");
}

static void
wish_keys(struct wish *wish, const struct json *json)
{
    const struct template_body *of = wish->t->body;
    struct scope *s = wish->w.rq->scope;
    struct key_rule r;
    struct list keys;

    if (!keys_read(wish->w.rq, wish->in->policies, json, "Policies", &wish->narrow.key_types,
                   &keys))
        return;
    LIST_EACH(const char *, text, &keys)
    if (policy_key_rule(*text, &r) &&
        (!policy_key_allowed(
            of, (struct key_spec){ r.type, r.type == KEY_RSA || r.type == KEY_EC ? r.low : 0 })))
        problem(s, "Policies", CHY_KEY_NOT_ALLOWED,
                "template %s allows no keys of %s; it allows %s", wish->t->name, *text,
                policy_keys_text(s, of));
    wish->edit.body.key_types = keys_same(&keys, &of->key_types) ? (struct list){ 0 } : keys;
}

static enum err
wish_owner(struct wish *wish, const struct json *json)
{
    const struct policy_words *in = wish->in->policies;
    const struct template_body *of = wish->t->body;
    struct pattern_body *body = &wish->edit.body;
    int64_t owner = wish->narrow.owner_role, mode = in->owner_role.value;
    struct scope *s = wish->w.rq->scope;

    if (in->owner_role.given) {
        body->owner = (struct opt_int){ mode != of->owner, mode };
        if (mode < of->owner)
            problem(s, "Policies.CertificateOwnerRole", CHY_BAD_VALUE, "template %s asks for more",
                    wish->t->name);
    }
    TRY(owner_read(wish->w.rq, in, json, "Policies", &owner));
    if (of->owner == OWNER_HIDDEN && owner != of->owner_role)
        problem(s, "Policies.DefaultCertificateOwnerRoleId", CHY_BAD_VALUE,
                "template %s says who the owner is", wish->t->name);
    body->owner_role = owner == of->owner_role ? 0 : owner;
    return OK;
}

static enum err
wish_policies(struct wish *wish)
{
    const struct json *json = body_value(wish->w.rq, NULL, "Policies");
    const struct policy_words *in = wish->in->policies;
    const struct template_body *of = wish->t->body;
    struct pattern_body *body = &wish->edit.body;

    if (!in || !json)
        return OK;
    wish_truth(wish, "AllowKeyReuse", in->allow_key_reuse, of->allow_key_reuse, false,
               &body->key_reuse);
    wish_truth(wish, "AllowWildcards", in->allow_wildcards, of->wildcards == WILDCARD_LEFTMOST,
               false, &body->wildcards);
    wish_truth(wish, "RFCEnforcement", in->rfc_enforcement, of->san_required, true,
               &body->names_required);
    wish_keys(wish, json);
    return wish_owner(wish, json);
}

static void
wish_rest(struct wish *wish)
{
    const struct pattern_request *in = wish->in;
    struct scope *s = wish->w.rq->scope;

    wish->edit.name = text_trim(s->arena, in->name);
    if (text_empty(wish->edit.name) || text_has_control(in->name))
        problem(s, "Name", CHY_BAD_VALUE, "a name of 1 to 128 characters is needed");
    if (in->description)
        wish->edit.description = in->description;
    if (in->template_default.given)
        wish->edit.is_default = in->template_default.value;
    if (in->use_ad.value)
        problem(s, "UseADPermissions", CHY_BAD_VALUE,
                "there is no directory whose templates have permissions");
    if (in->enrollment_fields.count)
        problem(s, "EnrollmentFields", CHY_BAD_VALUE,
                "fields for outside authorities are not offered");
}

static enum err
save(struct request *rq, struct wish *wish)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    int64_t id;

    TRY(showing_begin(rq, NULL, snap, &wish->w));
    wish->in = rq->body;
    wish_rest(wish);
    wish_types(wish);
    wish_roles(wish);
    wish_authorities(wish);
    TRY(wish_rules(wish));
    TRY(wish_policies(wish));
    TRY(problems_check(rq->scope));
    TRY(pattern_save(rq->scope, rq->app->shelf, &wish->edit, &rq->caller->actor, &id));
    return answer(rq, id);
}

enum err
patterns_create(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct pattern_request *in = rq->body;
    const struct template *t = template_by_id(all, in->tmpl.value);
    struct wish wish = { .t = t, .edit = { .description = "" } };

    if (!t || (!access_may(rq->caller, PERM_TEMPLATES_READ, GRANT_TEMPLATE, t->id) &&
               !access_may(rq->caller, PERM_PATTERNS_MODIFY, GRANT_TEMPLATE, t->id))) {
        problem(rq->scope, "Template", CHY_NO_TEMPLATE, "there is no template %lld",
                (long long)in->tmpl.value);
        return problems_fail(rq->scope);
    }
    TRY(access_require(rq->scope, rq->caller, PERM_PATTERNS_MODIFY, GRANT_TEMPLATE, t->id));
    wish.edit.template_id = t->id;
    wish.narrow = *t->body;
    return save(rq, &wish);
}

enum err
patterns_edit(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template *t;
    const struct pattern *p;
    struct template narrow;
    struct wish wish;

    TRY(wanted(rq, all, PERM_PATTERNS_MODIFY, &p));
    TRY(template_of(rq, all, p, &t));
    narrow = pattern_narrow(rq->scope->arena, t, p);
    wish = (struct wish){ .t = t,
                          .narrow = *narrow.body,
                          .edit = { .id = p->id,
                                    .template_id = t->id,
                                    .description = p->description,
                                    .is_default = p->is_default,
                                    .body = *p->body,
                                    .version = p->version } };
    return save(rq, &wish);
}
