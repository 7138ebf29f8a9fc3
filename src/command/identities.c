/* Identities and claims: two views of the same. */
#include "command/security.h"

#include "pki/hash.h"
#include <string.h>

/* How the domain's types are numbered here. */
static const enum claim_type types[] = {
    CLAIM_USER,         CLAIM_GROUP,         CLAIM_COMPUTER,     CLAIM_OAUTH_OID,
    CLAIM_OAUTH_ROLE,   CLAIM_OAUTH_SUBJECT, CLAIM_OAUTH_CLIENT, CLAIM_CERT_THUMBPRINT,
    CLAIM_CERT_SUBJECT, CLAIM_CERT_UPN,      CLAIM_CERT_CN,
};

enum claim_type
claim_type_of(int64_t number)
{
    return number >= 0 && number < (int64_t)COUNT(types) ? types[number] : CLAIM_NONE;
}

/** A number that a provider keeps, made of its name; zeros for none. */
static const char *
provider_guid(struct scope *s, const char *name)
{
    uint8_t h[SHA256_LEN] = { 0 };

    if (*name)
        hash_sha256(bytes_of_text(name), h);
    return arena_printf(s->arena, "%s-%s-%s-%s-%s", hex_lower(s->arena, (struct bytes){ h, 4 }),
                        hex_lower(s->arena, (struct bytes){ h + 4, 2 }),
                        hex_lower(s->arena, (struct bytes){ h + 6, 2 }),
                        hex_lower(s->arena, (struct bytes){ h + 8, 2 }),
                        hex_lower(s->arena, (struct bytes){ h + 10, 6 }));
}

struct claim_reply
claim_shown(struct scope *s, const struct identity *i)
{
    struct claim_provider_reply *provider = arena_new_of(s->arena, struct claim_provider_reply);

    *provider = (struct claim_provider_reply){ .id = provider_guid(s, i->provider),
                                               .authentication_scheme = i->provider,
                                               .display_name = *i->provider ? i->provider : "Any" };
    return (struct claim_reply){ .id = i->id,
                                 .description = i->description ? i->description : "",
                                 .claim_type = claim_type_command(i->type),
                                 .claim_value = i->value,
                                 .provider_authentication_scheme = i->provider,
                                 .provider = provider };
}

struct identity_reply
identity_shown(const struct request *rq, const struct identity *i)
{
    return (struct identity_reply){ .id = i->id,
                                    .account_name = i->value,
                                    .identity_type = claim_type_command(i->type),
                                    .valid = identity_is_valid(rq->app->access, i),
                                    .sid = "" };
}

/* Identities. */

static bool
is_member(const struct role *r, const struct identity *i)
{
    LIST_EACH(struct role_member, m, &r->members)
    if (m->kind == i->kind && m->id == i->row)
        return true;
    return false;
}

static void
add_roles(struct scope *s, const struct list *roles, const struct identity *i, struct list *out)
{
    LIST_EACH(struct role, r, roles)
    if (is_member(r, i))
        list_add(s->arena, out, struct security_role_reply, role_shown(r));
}

enum err
identities_list(struct request *rq)
{
    struct list all, roles, out = { 0 };
    struct scope *s = rq->scope;

    TRY(identity_all(s, rq->app->access, &all));
    TRY(role_all(s, rq->app->access, &roles));
    LIST_EACH(struct identity, i, &all)
    {
        struct identity_reply one = identity_shown(rq, i);

        add_roles(s, &roles, i, &one.roles);
        list_add(s->arena, &out, struct identity_reply, one);
    }
    return reply_page(rq, rq->op->reply, "AccountName", &out);
}

static enum err
known_check(struct request *rq, const char *account)
{
    struct scope *s = rq->scope;
    struct identity i;
    enum err e = identity_find(s, rq->app->access, account, &i);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    return fail_code(s, E_INVALID, CHY_CONFLICT, "AccountName: there is an identity \"%s\" already",
                     i.value);
}

static bool
is_account(struct scope *s, const char *account)
{
    const char *domain, *name;

    return access_name_split(s->arena, account, &domain, &name);
}

enum err
identities_create(struct request *rq)
{
    const struct identity_request *in = rq->body;
    enum claim_type type =
        in->identity_type.given ? claim_type_of(in->identity_type.value) : CLAIM_USER;
    struct claim claim = { .type = type, .value = in->account_name };
    struct scope *s = rq->scope;
    struct identity_reply out;
    struct identity made;

    if (type <= CLAIM_COMPUTER && !is_account(s, in->account_name))
        problem(
            s, "AccountName", CHY_BAD_VALUE,
            "an account is name, DOMAIN\\name or name@domain, at most 256 bytes without control "
            "characters");
    TRY(problems_check(s));
    TRY(known_check(rq, in->account_name));
    TRY(exists_is_invalid(rq, claim_add(s, rq->app->access, rq->caller, &claim, &claim)));
    TRY(identity_get(s, rq->app->access, identity_id(CALLER_CLAIM, claim.id), &made));
    out = identity_shown(rq, &made);
    return reply(rq, 200, &out);
}

/* The form of the name alone is judged: no directory is asked. */
enum err
identities_lookup(struct request *rq)
{
    const struct identity_lookup_query *in = rq->query;
    struct identity_lookup_reply out = { .valid = is_account(rq->scope, in->account_name) };

    return reply(rq, 200, &out);
}

enum err
identities_delete(struct request *rq)
{
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(identity_delete(rq->scope, rq->app->access, rq->caller, id));
    return reply_none(rq);
}

/* What an identity may do. */

static void
add_permission(struct scope *s, struct list *out, const char *permission, const char *role)
{
    struct permission_roles_reply *one = NULL;

    LIST_EACH(struct permission_roles_reply, p, out)
    if (text_eq(p->permission, permission))
        one = p;
    if (!one) {
        one = list_push(s->arena, out, struct permission_roles_reply);
        one->permission = permission;
    }
    if (one->granted_by_roles.count == 0 ||
        !text_eq(*list_last(&one->granted_by_roles, const char *), role))
        list_add(s->arena, &one->granted_by_roles, const char *, role);
}

static void
add_role_permissions(struct request *rq, const struct role *r,
                     struct identity_permissions_reply *out)
{
    struct arena *a = rq->scope->arena;
    struct list words;

    permission_words(a, &r->grants, words_form(rq), &words);
    LIST_EACH(const char *, word, &words)
    add_permission(rq->scope, &out->secured_areas, *word, r->name);
    LIST_EACH(struct grant, g, &r->grants)
    {
        const char *text =
            arena_printf(a, "%s:%lld", permission_info(g->permission)->name, (long long)g->object);

        if (g->on == GRANT_COLLECTION || g->on == GRANT_CONTAINER)
            add_permission(rq->scope,
                           g->on == GRANT_COLLECTION ? &out->collections : &out->containers, text,
                           r->name);
    }
}

enum err
identities_get(struct request *rq)
{
    struct identity_permissions_reply out = { 0 };
    struct access *a = rq->app->access;
    struct identity i;
    struct list roles;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(identity_get(rq->scope, a, id, &i));
    TRY(role_all(rq->scope, a, &roles));
    out.identity = i.value;
    LIST_EACH(struct role, r, &roles)
    if (r->enabled.value && is_member(r, &i))
        add_role_permissions(rq, r, &out);
    return reply(rq, 200, &out);
}

void
area_permissions(struct scope *s, const struct list *grants, struct list *out)
{
    struct list words;

    permission_words(s->arena, grants, WORDS_V1, &words);
    LIST_EACH(const char *, word, &words)
    {
        struct area_permission *p = list_push(s->arena, out, struct area_permission);

        permission_word_cut(s->arena, *word, &p->area, &p->permission);
    }
}

enum err
security_my(struct request *rq)
{
    struct security_my_reply out = { 0 };
    struct scope *s = rq->scope;
    struct list held = { 0 };

    for (size_t i = 0; i < rq->caller->role_count; i++)
        list_add(s->arena, &out.roles, const char *, rq->caller->roles[i]);
    for (int p = PERM_NONE + 1; p < PERM_END; p++)
        if (access_may(rq->caller, (enum permission)p, GRANT_GLOBAL, 0))
            list_add(s->arena, &held, struct grant,
                     ((struct grant){ .permission = (enum permission)p }));
    area_permissions(s, &held, &out.global_permissions);
    return reply(rq, 200, &out);
}

/* Claims. */

static enum err
answer_claim(struct request *rq, int64_t id)
{
    struct claim_reply out;
    struct identity i;

    TRY(identity_get(rq->scope, rq->app->access, id, &i));
    out = claim_shown(rq->scope, &i);
    return reply(rq, 200, &out);
}

enum err
security_claims_list(struct request *rq)
{
    struct list all, out = { 0 };

    TRY(identity_all(rq->scope, rq->app->access, &all));
    LIST_EACH(struct identity, i, &all)
    list_add(rq->scope->arena, &out, struct claim_reply, claim_shown(rq->scope, i));
    return reply_page(rq, &claim_reply_model, NULL, &out);
}

enum err
security_claims_get(struct request *rq)
{
    int64_t id;

    TRY(var_int(rq, "id", &id));
    return answer_claim(rq, id);
}

enum err
security_claims_create(struct request *rq)
{
    const struct claim_request *in = rq->body;
    struct claim claim = { .type = claim_type_of(in->claim_type),
                           .value = in->claim_value,
                           .provider = in->provider_authentication_scheme,
                           .description = in->description };
    struct scope *s = rq->scope;

    if (text_eq_fold(claim.provider, IDENTITY_OURS))
        problem(s, "ProviderAuthenticationScheme", CHY_BAD_VALUE,
                "accounts of this server are made as users or clients");
    TRY(problems_check(s));
    TRY(exists_is_invalid(rq, claim_add(s, rq->app->access, rq->caller, &claim, &claim)));
    return answer_claim(rq, identity_id(CALLER_CLAIM, claim.id));
}

enum err
security_claims_update(struct request *rq)
{
    const struct claim_update_request *in = rq->body;
    struct access *a = rq->app->access;
    struct claim edit = { .description = in->description };
    struct identity i;

    TRY(identity_get(rq->scope, a, in->id, &i));
    if (i.kind != CALLER_CLAIM)
        return fail_code(rq->scope, E_CONFLICT, CHY_CONFLICT,
                         "\"%s\" is an account of this server: change it as one", i.value);
    edit.id = i.row;
    TRY(claim_edit(rq->scope, a, rq->caller, &edit, &edit));
    return answer_claim(rq, in->id);
}

enum err
security_claims_delete(struct request *rq)
{
    return identities_delete(rq);
}

static bool
is_asked(struct scope *s, const struct claim_roles_query *in, const struct identity *i)
{
    const char *provider = in->provider_authentication_scheme;

    return i->type == claim_type_of(in->claim_type.value) &&
           text_eq(claim_folded(s->arena, i->type, i->value),
                   claim_folded(s->arena, i->type, in->claim_value)) &&
           (text_empty(provider) || text_eq_fold(provider, i->provider));
}

enum err
security_claims_roles(struct request *rq)
{
    const struct claim_roles_query *in = rq->query;
    struct list all, roles, out = { 0 };
    struct scope *s = rq->scope;

    TRY(identity_all(s, rq->app->access, &all));
    TRY(role_all(s, rq->app->access, &roles));
    LIST_EACH(struct role, r, &roles)
    {
        bool has = false;

        LIST_EACH(struct identity, i, &all)
        has |= is_asked(s, in, i) && is_member(r, i);
        if (has)
            list_add(s->arena, &out, struct claim_role_reply,
                     ((struct claim_role_reply){ r->id, r->name, r->description, PERMISSION_SET }));
    }
    return reply_list(rq, &out);
}
