/* Roles. */
#include "command/security.h"

#include <string.h>

enum word_form
words_form(const struct request *rq)
{
    return rq->version == 2 ? WORDS_V2 : WORDS_V1;
}

struct security_role_reply
role_shown(const struct role *r)
{
    return (struct security_role_reply){ .id = r->id,
                                         .name = r->name,
                                         .description = r->description ? r->description : "",
                                         .email_address = r->email,
                                         .enabled = r->enabled.value,
                                         .immutable = r->immutable,
                                         .valid = true,
                                         .is_private = r->is_private.value,
                                         .permission_set_id = PERMISSION_SET };
}

static struct security_role_reply
shown(struct request *rq, const struct role *r)
{
    struct security_role_reply out = role_shown(r);
    struct arena *a = rq->scope->arena;

    permission_words(a, &r->grants, words_form(rq), &out.permissions);
    LIST_EACH(struct role_member, m, &r->members)
    {
        struct identity i = identity_of_member(m);

        list_add(a, &out.identities, struct identity_reply, identity_shown(rq, &i));
        list_add(a, &out.claims, struct claim_reply, claim_shown(rq->scope, &i));
    }
    out.claims_count = (int64_t)r->members.count;
    return out;
}

static enum err
answer(struct request *rq, const struct role *r)
{
    struct security_role_reply out = shown(rq, r);

    return reply(rq, 200, &out);
}

enum err
exists_is_invalid(struct request *rq, enum err e)
{
    if (e == E_CONFLICT && rq->scope->error.text && strstr(rq->scope->error.text, "already"))
        e = rq->scope->error.kind = E_INVALID;
    return e;
}

enum err
role_of_path(struct request *rq, struct role *out)
{
    int64_t id;

    TRY(var_int(rq, "id", &id));
    return role_get(rq->scope, rq->app->access, id, out);
}

enum err
security_roles_list(struct request *rq)
{
    struct list roles, out = { 0 };

    TRY(role_all(rq->scope, rq->app->access, &roles));
    LIST_EACH(struct role, r, &roles)
    list_add(rq->scope->arena, &out, struct security_role_reply, shown(rq, r));
    return reply_page(rq, &security_role_reply_model, "Name", &out);
}

enum err
security_roles_get(struct request *rq)
{
    struct role role;

    TRY(role_of_path(rq, &role));
    return answer(rq, &role);
}

enum err
security_roles_delete(struct request *rq)
{
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(role_delete(rq->scope, rq->app->access, rq->caller, id, 0));
    return reply_none(rq);
}

/* Who is named. */

static void
add_member(struct scope *s, struct list *members, const struct identity *i)
{
    LIST_EACH(struct role_member, m, members)
    if (m->kind == i->kind && m->id == i->row)
        return;
    list_add(s->arena, members, struct role_member,
             ((struct role_member){ .kind = i->kind, .id = i->row }));
}

/** An identity by its name, or by its number when that is NULL. Nobody is a problem at PATH, and
 * OUT's id 0. */
static enum err
find_named(struct request *rq, const char *account, int64_t id, const char *path,
           struct identity *out)
{
    struct access *a = rq->app->access;
    struct scope *s = rq->scope;
    struct list problems = s->problems; /* of others, to be told together */
    enum err e = account ? identity_find(s, a, account, out) : identity_get(s, a, id, out);

    if (e == E_NOT_FOUND)
        scope_clear(s);
    s->problems = problems;
    if (e != E_NOT_FOUND)
        return e;
    out->id = 0;
    if (account)
        problem(s, path, CHY_BAD_VALUE, "there is no identity \"%.100s\"", account);
    else
        problem(s, path, CHY_BAD_VALUE, "there is no identity %lld", (long long)id);
    return OK;
}

static enum err
read_identities(struct request *rq, const struct list *in, struct list *out)
{
    struct scope *s = rq->scope;
    size_t n = 0;

    LIST_EACH(struct identity_identifier, one, in)
    {
        const char *path = arena_printf(s->arena, "Identities[%zu].AccountName", n++);
        struct identity i = { 0 };

        TRY(find_named(rq, one->account_name, 0, path, &i));
        if (i.id)
            add_member(s, out, &i);
    }
    return OK;
}

/** An account of this server is named by its kind and name; other claims are made known if need be.
 */
static enum err
read_claim(struct request *rq, const struct claim_request *in, const char *path, struct list *out)
{
    struct scope *s = rq->scope;
    const char *provider = in->provider_authentication_scheme;
    struct identity i = { 0 };
    struct claim *claim;

    if (provider && text_eq_fold(provider, IDENTITY_OURS)) {
        TRY(find_named(rq, in->claim_value, 0, path, &i));
        if (i.id && (i.kind == CALLER_CLAIM || i.type != claim_type_of(in->claim_type)))
            problem(s, path, CHY_BAD_VALUE, "\"%.100s\" is no account of this server of that type",
                    in->claim_value);
        else if (i.id)
            add_member(s, out, &i);
        return OK;
    }
    claim = arena_new_of(s->arena, struct claim);
    *claim = (struct claim){ .type = claim_type_of(in->claim_type),
                             .value = in->claim_value,
                             .provider = provider,
                             .description = in->description };
    list_add(s->arena, out, struct role_member,
             ((struct role_member){ .kind = CALLER_CLAIM, .claim = claim }));
    return OK;
}

static enum err
read_claims(struct request *rq, const struct list *in, struct list *out)
{
    struct scope *s = rq->scope;
    size_t n = 0;

    LIST_EACH(struct claim_request, one, in)
    TRY(read_claim(rq, one, arena_printf(s->arena, "Claims[%zu].ClaimValue", n++), out));
    return OK;
}

/* What is wanted. */

/** Whether the body has a list of this NAME, empty or not; null is none. */
static bool
given(struct request *rq, const struct list *list, const char *name)
{
    const struct json *value;
    const char *member;
    struct json *body;
    size_t at = 0;

    if (list->count > 0)
        return true;
    if (json_parse(rq->scope, rq->http->body, &body) != OK)
        return false;
    while (json_member(body, &at, &member, &value))
        if (text_eq_fold(member, name) && json_is_array(value))
            return true;
    return false;
}

static void
judge(struct scope *s, const struct security_role_request *in)
{
    if (text_empty(text_trim(s->arena, in->name)))
        problem(s, "Name", CHY_MISSING, "a role has a name");
    if (text_empty(text_trim(s->arena, in->description)))
        problem(s, "Description", CHY_MISSING, "must not be empty");
    if (!text_empty(in->permission_set_id) && !text_eq_fold(in->permission_set_id, PERMISSION_SET))
        problem(s, "PermissionSetId", CHY_BAD_VALUE,
                "there is one permission set: " PERMISSION_SET);
}

/** The role that a request describes; OLD is what it is so far. */
static enum err
read_role(struct request *rq, const struct role *old, struct role *out)
{
    const struct security_role_request *in = rq->body;
    struct scope *s = rq->scope;
    struct word_edit words = { &old->grants, words_form(rq), &in->permissions, false };

    judge(s, in);
    *out = (struct role){ .id = old->id,
                          .name = in->name,
                          .description = in->description,
                          .email = in->email_address,
                          .enabled = in->enabled,
                          .is_private = in->is_private };
    out->grants_given = given(rq, &in->permissions, "Permissions");
    if (out->grants_given)
        permission_words_set(s, "Permissions", &words, &out->grants);
    if (given(rq, &in->claims, "Claims") &&
        (rq->version == 2 || !given(rq, &in->identities, "Identities"))) {
        out->members_given = true;
        TRY(read_claims(rq, &in->claims, &out->members));
    } else if (given(rq, &in->identities, "Identities")) {
        out->members_given = true;
        TRY(read_identities(rq, &in->identities, &out->members));
    }
    return problems_check(s);
}

enum err
security_roles_create(struct request *rq)
{
    struct role role, none = { 0 };

    TRY(read_role(rq, &none, &role));
    TRY(exists_is_invalid(rq, role_add(rq->scope, rq->app->access, rq->caller, &role, &role)));
    return answer(rq, &role);
}

enum err
security_roles_update(struct request *rq)
{
    const struct security_role_request *in = rq->body;
    struct access *a = rq->app->access;
    struct role old, role;

    TRY(role_get(rq->scope, a, in->id, &old));
    TRY(read_role(rq, &old, &role));
    TRY(exists_is_invalid(rq, role_edit(rq->scope, a, rq->caller, &role, &role)));
    return answer(rq, &role);
}

enum err
security_roles_copy(struct request *rq)
{
    static const struct security_role_request nothing;
    const struct security_role_request *in = rq->body ? rq->body : &nothing;
    struct scope *s = rq->scope;
    struct role old, role;

    TRY(role_of_path(rq, &old));
    role =
        (struct role){ .name = text_empty(in->name) ? arena_printf(s->arena, "Copy of %s", old.name)
                                                    : in->name,
                       .description = in->description ? in->description : old.description,
                       .email = in->email_address ? in->email_address : old.email,
                       .enabled = old.enabled,
                       .is_private = old.is_private,
                       .grants = old.grants };
    TRY(exists_is_invalid(rq, role_add(s, rq->app->access, rq->caller, &role, &role)));
    return answer(rq, &role);
}

/* Who holds it. */

static enum err
answer_identities(struct request *rq, const struct role *r)
{
    struct list out = { 0 };

    LIST_EACH(struct role_member, m, &r->members)
    list_add(rq->scope->arena, &out, struct role_identity_reply,
             ((struct role_identity_reply){ identity_id(m->kind, m->id), m->name }));
    return reply_list(rq, &out);
}

enum err
role_identities_get(struct request *rq)
{
    struct role role;

    TRY(role_of_path(rq, &role));
    return answer_identities(rq, &role);
}

enum err
role_identities_set(struct request *rq)
{
    const struct role_identities_request *in = rq->body;
    struct role edit = { .members_given = true }, role;
    struct access *a = rq->app->access;
    struct scope *s = rq->scope;
    size_t n = 0;

    TRY(role_of_path(rq, &role));
    edit.id = role.id;
    LIST_EACH(int64_t, id, &in->ids)
    {
        const char *path = arena_printf(s->arena, "Ids[%zu]", n++);
        struct identity i = { 0 };

        TRY(find_named(rq, NULL, *id, path, &i));
        if (i.id)
            add_member(s, &edit.members, &i);
    }
    TRY(problems_check(s));
    TRY(role_edit(s, a, rq->caller, &edit, &role));
    return answer_identities(rq, &role);
}
