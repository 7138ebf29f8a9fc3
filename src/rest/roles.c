/* Roles, what they may do, and who holds them. */
#include "rest/rest.h"

#include "access/claims.h"

static enum err
role_of(struct request *rq, struct role *out)
{
    struct access *a = rq->app->access;
    enum err e = role_find(rq->scope, a, var_text(rq, "role"), out);
    int64_t id;

    if (e != E_NOT_FOUND || !var_is_id(rq, "role", &id))
        return e;
    return role_get(rq->scope, a, id, out);
}

/* Grants between our words and the domain's. */

static const char *
object_name(struct request *rq, const struct grant *g)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template *t = g->on == GRANT_TEMPLATE ? template_by_id(all, g->object) : NULL;
    const struct ca_authority *ca = g->on == GRANT_AUTHORITY ? ca_by_id(snap, g->object) : NULL;
    struct arena *a = rq->scope->arena;

    if (g->on == GRANT_GLOBAL)
        return NULL;
    return t    ? arena_text(a, t->name)
           : ca ? arena_text(a, ca->name)
                : arena_printf(a, "%lld", (long long)g->object);
}

void
show_grants(struct request *rq, const struct list *grants, struct list *out)
{
    LIST_EACH(struct grant, g, grants)
    list_add(rq->scope->arena, out, struct v1_grant,
             ((struct v1_grant){ permission_info(g->permission)->name,
                                 g->on == GRANT_GLOBAL ? "all" : grant_on_name(g->on),
                                 object_name(rq, g) }));
}

static bool
object_id(struct request *rq, enum grant_on on, const char *text, int64_t *id)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template *t = on == GRANT_TEMPLATE ? template_find(all, text) : NULL;
    const struct ca_authority *ca = on == GRANT_AUTHORITY ? ca_find(snap, text) : NULL;

    if (t || ca) {
        *id = t ? t->id : ca->id;
        return true;
    }
    if (!text_to_int(text, id) || *id <= 0)
        return false;
    return on == GRANT_TEMPLATE    ? template_by_id(all, *id) != NULL
           : on == GRANT_AUTHORITY ? ca_by_id(snap, *id) != NULL
                                   : true;
}

/* One of ours may stand for several of the domain's: `PkiManagement:Read`. PREFIX is "" or
 * "grants[2].". */
void
read_grant(struct request *rq, const struct v1_grant *in, const char *prefix, struct list *out)
{
    struct scope *s = rq->scope;
    enum permission permissions[PERM_END];
    int count = permission_expand(in->permission, permissions);
    struct grant grant = { .on = GRANT_GLOBAL };
    bool everywhere = text_eq(in->scope, "all");

    if (!count)
        problem(s, arena_printf(s->arena, "%spermission", prefix), CHY_BAD_VALUE,
                "there is no permission \"%s\"", in->permission);
    if (everywhere && !text_empty(in->object))
        problem(s, arena_printf(s->arena, "%sobject", prefix), CHY_BAD_VALUE,
                "does not go with the scope \"all\"");
    if (!everywhere && !grant_on_parse(in->scope, &grant.on))
        problem(s, arena_printf(s->arena, "%sscope", prefix), CHY_BAD_VALUE,
                "there is no scope \"%s\"", in->scope);
    else if (!everywhere &&
             (text_empty(in->object) || !object_id(rq, grant.on, in->object, &grant.object)))
        problem(s, arena_printf(s->arena, "%sobject", prefix), CHY_BAD_VALUE,
                "there is no %s \"%s\"", in->scope, in->object ? in->object : "");
    for (int i = 0; i < count; i++) {
        grant.permission = permissions[i];
        list_add(s->arena, out, struct grant, grant);
    }
}

/* Roles. */

static const char *
kind_name(enum caller_kind kind)
{
    return kind == CALLER_USER ? "user" : kind == CALLER_CLAIM ? "claim" : "client";
}

static void
show_role(struct request *rq, const struct role *r, struct v1_role *out)
{
    *out = (struct v1_role){
        .id = r->id,
        .name = r->name,
        .description = r->description,
        .enabled = r->enabled.value,
        .built_in = r->immutable,
        .version = r->version,
    };
    show_grants(rq, &r->grants, &out->grants);
    LIST_EACH(struct role_member, m, &r->members)
    list_add(rq->scope->arena, &out->members, struct v1_member,
             ((struct v1_member){ kind_name(m->kind), m->name, m->id }));
}

static enum err
answer_role(struct request *rq, const struct role *r)
{
    struct v1_role out;

    show_role(rq, r, &out);
    return reply_tagged(rq, &out, r->version);
}

static enum err
roles_list(struct request *rq)
{
    const struct v1_principal_query *in = rq->query;
    struct principal_query q = { in->after, in->contains, (int)in->limit };
    struct list roles, out = { 0 };
    const char *next;

    TRY(role_list(rq->scope, rq->app->access, &q, &roles, &next));
    LIST_EACH(struct role, r, &roles)
    show_role(rq, r, list_push(rq->scope->arena, &out, struct v1_role));
    return reply_items(rq, &out, next);
}

static enum err
role_make(struct request *rq)
{
    const struct v1_role_new *in = rq->body;
    struct scope *s = rq->scope;
    struct role role = { .name = in->name,
                         .description = in->description,
                         .enabled = in->enabled,
                         .grants_given = true };
    struct v1_role out;
    size_t i = 0;

    LIST_EACH(struct v1_grant, g, &in->grants)
    read_grant(rq, g, arena_printf(s->arena, "grants[%zu].", i++), &role.grants);
    TRY(problems_check(s));
    TRY(role_add(s, rq->app->access, rq->caller, &role, &role));
    show_role(rq, &role, &out);
    return reply_made(rq, &out, NULL, role.version,
                      arena_printf(s->arena, "/roles/%lld", (long long)role.id));
}

static enum err
roles_create(struct request *rq)
{
    return make_once(rq, role_make);
}

static enum err
roles_get(struct request *rq)
{
    struct role role;

    TRY(role_of(rq, &role));
    return answer_role(rq, &role);
}

static enum err
roles_edit(struct request *rq)
{
    const struct v1_role_edit *in = rq->body;
    struct role edit = { .name = in->name, .description = in->description, .enabled = in->enabled };
    struct role role;

    TRY(if_match(rq, &edit.version));
    TRY(role_of(rq, &role));
    if (role.immutable)
        return fail(rq->scope, E_CONFLICT, "the role \"%s\" is built in", role.name);
    edit.id = role.id;
    TRY(role_edit(rq->scope, rq->app->access, rq->caller, &edit, &role));
    return answer_role(rq, &role);
}

static enum err
roles_delete(struct request *rq)
{
    struct role role;
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(role_of(rq, &role));
    return role_delete(rq->scope, rq->app->access, rq->caller, role.id, version);
}

/* Members. */

static enum err
member_of(struct request *rq, const char *kind, const char *name, enum caller_kind *out,
          int64_t *id)
{
    struct access *a = rq->app->access;
    struct scope *s = rq->scope;
    struct oauth_client client;
    struct user user;
    int64_t number;
    enum err e;

    *out = text_eq(kind, "user")    ? CALLER_USER
           : text_eq(kind, "claim") ? CALLER_CLAIM
                                    : CALLER_CLIENT;
    if (*out == CALLER_CLIENT && !text_eq(kind, "client"))
        return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND,
                         "members are of kind user, client or claim, not \"%.64s\"", kind);
    if (*out == CALLER_CLAIM) {
        struct claim claim;

        if (!text_to_int(name, id))
            return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND,
                             "a claim is named by its id, not \"%.64s\"", name);
        return claim_get(s, a, *id, &claim);
    }
    e = *out == CALLER_USER ? user_find(s, a, name, &user) : client_find(s, a, name, &client);
    if (e == E_NOT_FOUND && text_to_int(name, &number))
        e = *out == CALLER_USER ? user_get(s, a, number, &user) : client_get(s, a, number, &client);
    if (e == OK)
        *id = *out == CALLER_USER ? user.id : client.id;
    return e;
}

static enum err
members_add(struct request *rq)
{
    const struct v1_member_new *in = rq->body;
    struct access *a = rq->app->access;
    struct scope *s = rq->scope;
    enum caller_kind kind;
    struct role role;
    int64_t id;
    enum err e;

    TRY(role_of(rq, &role));
    e = member_of(rq, in->kind, in->name, &kind, &id);
    if (e == E_NOT_FOUND) {
        problem(s, "name", CHY_BAD_VALUE, "there is no %s \"%s\"", in->kind, in->name);
        return problems_check(s);
    }
    TRY(e);
    TRY(role_member_add(s, a, rq->caller, role.id, kind, id));
    TRY(role_get(s, a, role.id, &role));
    return answer_role(rq, &role);
}

static enum err
members_remove(struct request *rq)
{
    enum caller_kind kind;
    struct role role;
    int64_t id;

    TRY(role_of(rq, &role));
    TRY(member_of(rq, var_text(rq, "kind"), var_text(rq, "member"), &kind, &id));
    return role_member_remove(rq->scope, rq->app->access, rq->caller, role.id, kind, id);
}

/* Grants. */

static enum err
answer_grants(struct request *rq, int64_t id)
{
    struct v1_grants out = { 0 };
    struct role role;

    TRY(role_get(rq->scope, rq->app->access, id, &role));
    show_grants(rq, &role.grants, &out.items);
    return reply(rq, 200, &out);
}

static enum err
grants_list(struct request *rq)
{
    struct role role;

    TRY(role_of(rq, &role));
    return answer_grants(rq, role.id);
}

static enum err
grants_add(struct request *rq)
{
    struct list grants = { 0 };
    struct role role;

    TRY(role_of(rq, &role));
    read_grant(rq, rq->body, "", &grants);
    TRY(problems_check(rq->scope));
    LIST_EACH(struct grant, g, &grants)
    TRY(role_grant(rq->scope, rq->app->access, rq->caller, role.id, g));
    return answer_grants(rq, role.id);
}

static enum err
grants_withdraw(struct request *rq)
{
    struct list grants = { 0 };
    struct role role;

    TRY(role_of(rq, &role));
    read_grant(rq, rq->query, "", &grants);
    TRY(problems_check(rq->scope));
    LIST_EACH(struct grant, g, &grants)
    TRY(role_withdraw(rq->scope, rq->app->access, rq->caller, role.id, g));
    return OK;
}

static enum err
permissions_list(struct request *rq)
{
    struct v1_permissions out = { 0 };
    size_t count;
    const struct permission_info *all = permission_all(&count);

    for (size_t i = 0; i < count; i++)
        list_add(rq->scope->arena, &out.items, struct v1_permission,
                 ((struct v1_permission){ all[i].name, all[i].v1, all[i].v2, all[i].doc }));
    return reply(rq, 200, &out);
}

const struct binding rest_roles[] = {
    { &v1_roles_list_op, roles_list },
    { &v1_roles_create_op, roles_create },
    { &v1_roles_get_op, roles_get },
    { &v1_roles_edit_op, roles_edit },
    { &v1_roles_delete_op, roles_delete },
    { &v1_members_add_op, members_add },
    { &v1_members_remove_op, members_remove },
    { &v1_grants_list_op, grants_list },
    { &v1_grants_add_op, grants_add },
    { &v1_grants_withdraw_op, grants_withdraw },
    { &v1_permissions_list_op, permissions_list },
    { NULL, NULL },
};
