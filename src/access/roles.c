#include "access/manage.h"

#include "access/claims.h"
#include "access/holds.h"
#include "access/role_in.h"

SQL(role_insert, "INSERT INTO role (name, name_folded, description, enabled, email, is_private) "
                 "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id");
SQL(role_update, "UPDATE role SET name = $2, name_folded = $3, description = $4, enabled = $5, "
                 "email = $6, is_private = $7 WHERE id = $1");
SQL(role_touch, "UPDATE role SET version = version + 1 WHERE id = $1");
SQL(role_drop, "DELETE FROM role WHERE id = $1");
SQL(grants_drop, "DELETE FROM permission_grant WHERE role = $1");
SQL(members_drop, "DELETE FROM role_member WHERE role = $1");
SQL(grant_insert, "INSERT INTO permission_grant (role, permission, scope_kind, scope_id) "
                  "VALUES ($1, $2, $3, $4) ON CONFLICT (role, permission, scope_kind, scope_id) "
                  "DO NOTHING");
SQL(grant_drop, "DELETE FROM permission_grant WHERE role = $1 AND permission = $2 AND "
                "scope_kind = $3 AND scope_id = $4");
SQL(member_put, "INSERT INTO role_member (role, member_kind, member_id) VALUES ($1, $2, $3) "
                "ON CONFLICT (role, member_kind, member_id) DO NOTHING");
SQL(member_drop, "DELETE FROM role_member WHERE role = $1 AND member_kind = $2 AND member_id = $3");
SQL(role_owns, "SELECT COUNT(*) FROM (SELECT id FROM certificate WHERE owner_role = $1 LIMIT 1) o");
SQL(user_exists, "SELECT name FROM app_user WHERE id = $1");
SQL(client_exists, "SELECT client_id FROM oauth_client WHERE id = $1");
SQL(claim_exists, "SELECT value FROM claim WHERE id = $1");

static struct audit_object
role_object(struct scope *s, const struct role *r)
{
    return (struct audit_object){ "role", arena_printf(s->arena, "%lld", (long long)r->id),
                                  r->name };
}

/** A change of a role on its way through its transaction. */
struct role_change {
    struct change c;
    const struct role *in;
    const struct grant *grant;
    struct role_member member;
    struct role result;
};

static enum err
old_role(struct scope *s, struct tx *tx, int64_t id, int64_t version, struct role *out)
{
    TRY(role_present(s, tx, id, true, out));
    return version_check(s, version, out->version, "the role");
}

static enum err
result_read(struct scope *s, struct tx *tx, struct role_change *r, int64_t id)
{
    return role_present(s, tx, id, false, &r->result);
}

static const char *
members_text(struct scope *s, const struct list *members)
{
    struct buf text;

    buf_init_in(&text, s->arena, (size_t)32 * 1024);
    LIST_EACH(struct role_member, m, members)
    buf_printf(&text, "%s%s", text.len ? ", " : "", m->name ? m->name : "?");
    return buf_str(&text);
}

static struct values
grant_values(struct scope *s, int64_t role, const struct grant *g)
{
    struct value *v = arena_alloc(s->arena, 4 * sizeof *v);

    v[0] = v_int(role);
    v[1] = v_text(permission_info(g->permission)->name);
    v[2] = v_text(g->on == GRANT_GLOBAL ? "" : grant_on_name(g->on));
    v[3] = v_int(g->on == GRANT_GLOBAL ? 0 : g->object);
    return (struct values){ v, 4 };
}

static enum err
grants_replace(struct scope *s, struct tx *tx, int64_t role, const struct list *grants)
{
    TRY(tx_do(s, tx, &grants_drop, BIND(v_int(role))));
    LIST_EACH(struct grant, g, grants)
    TRY(tx_do(s, tx, &grant_insert, grant_values(s, role, g)));
    return OK;
}

/** Fail unless there is such a user, client or claim. */
static enum err
member_check(struct scope *s, struct tx *tx, const struct role_member *m)
{
    struct row row;
    enum err e = tx_one(s, tx,
                        m->kind == CALLER_USER    ? &user_exists
                        : m->kind == CALLER_CLAIM ? &claim_exists
                                                  : &client_exists,
                        BIND(v_int(m->id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "%s %lld was not found",
                         m->kind == CALLER_USER    ? "user"
                         : m->kind == CALLER_CLAIM ? "claim"
                                                   : "client",
                         (long long)m->id);
    return e;
}

static enum err
members_replace(struct scope *s, struct tx *tx, const struct change *c, int64_t role,
                const struct list *members)
{
    TRY(tx_do(s, tx, &members_drop, BIND(v_int(role))));
    LIST_EACH(struct role_member, m, members)
    {
        int64_t id = m->id;

        if (id == 0 && m->claim)
            TRY(claim_put(s, tx, c->a, c->by, m->claim, &id));
        else
            TRY(member_check(s, tx, m));
        TRY(tx_do(s, tx, &member_put, BIND(v_int(role), v_int(m->kind), v_int(id))));
    }
    return OK;
}

static bool
has_member(const struct list *members, const struct role_member *one)
{
    LIST_EACH(struct role_member, m, members)
    if (m->kind == one->kind && m->id == one->id)
        return true;
    return false;
}

/** Whether the caller holds what this edit gives to somebody. */
static enum err
edit_check(struct scope *s, const struct caller *by, const struct role *in, const struct role *old)
{
    bool anew = in->enabled.given && in->enabled.value && !old->enabled.value && old->members.count;
    const struct list *grants = in->grants_given ? &in->grants : &old->grants;
    struct list added = { 0 };

    LIST_EACH(struct grant, g, grants)
    if (!grant_among(&old->grants, g))
        list_add(s->arena, &added, struct grant, *g);
    if (in->members_given)
        LIST_EACH(struct role_member, m, &in->members)
    anew |= !has_member(&old->members, m);
    return holds_grants(s, by, anew ? grants : &added);
}

static void
role_judge(struct scope *s, const struct role *in, bool added)
{
    size_t i = 0;

    if (added ? text_empty(in->name) : in->name && *in->name == '\0')
        problem(s, "name", CHY_MISSING, "a role has a name");
    text_judge(s, "name", in->name, 256);
    text_judge(s, "description", in->description, 1024);
    text_judge(s, "email", in->email, 320);
    LIST_EACH(struct grant, g, &in->grants)
    {
        if (g->permission <= PERM_NONE || g->permission > PERM_ALL || g->on >= GRANT_ON_END)
            problem(s, arena_printf(s->arena, "permissions[%zu]", i), CHY_BAD_VALUE,
                    "there is no such permission");
        i++;
    }
}

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct role_change *r = arg;
    const struct role *in = r->in;
    struct row row;
    int64_t id;

    r->c.changes = (struct list){ 0 };
    TRY(holds_grants(s, r->c.by, &in->grants));
    TRY(tx_one(s, tx, &role_insert,
               BIND(v_text(in->name), v_text(text_fold(s->arena, in->name)),
                    v_text(in->description ? in->description : ""),
                    v_bool(!in->enabled.given || in->enabled.value),
                    v_text(in->email ? in->email : ""), v_bool(in->is_private.value)),
               &row));
    id = row_int(&row);
    TRY(grants_replace(s, tx, id, &in->grants));
    TRY(members_replace(s, tx, &r->c, id, &in->members));
    TRY(result_read(s, tx, r, id));
    change_text(s, &r->c, "permissions", "", grants_text(s, &r->result.grants));
    change_text(s, &r->c, "members", "", members_text(s, &r->result.members));
    return change_tell(s, tx, &r->c, AUDIT_ROLE_CREATE, role_object(s, &r->result), NULL);
}

static bool
same_grants(const struct list *a, const struct list *b)
{
    LIST_EACH(struct grant, g, a)
    if (!grant_among(b, g))
        return false;
    LIST_EACH(struct grant, g, b)
    if (!grant_among(a, g))
        return false;
    return true;
}

/** What is built in keeps all but its members; clients send back what they read. */
static enum err
built_in_check(struct scope *s, const struct role *in, const struct role *old)
{
    bool same = (!in->name || text_eq(in->name, old->name)) &&
                (!in->description || text_eq(in->description, old->description)) &&
                (!in->email || text_eq(in->email, old->email)) &&
                (!in->enabled.given || in->enabled.value == old->enabled.value) &&
                (!in->is_private.given || in->is_private.value == old->is_private.value) &&
                (!in->grants_given || same_grants(&in->grants, &old->grants));

    return same ? OK
                : fail_code(s, E_CONFLICT, CHY_CONFLICT,
                            "the role \"%s\" is built in: only its members may change", old->name);
}

/** Change what the role itself says. */
static enum err
fields_edit(struct scope *s, struct tx *tx, const struct role *in, const struct role *old)
{
    const char *name = in->name ? in->name : old->name;
    const char *description = in->description ? in->description : old->description;
    const char *email = in->email ? in->email : old->email;
    bool enabled = in->enabled.given ? in->enabled.value : old->enabled.value;
    bool is_private = in->is_private.given ? in->is_private.value : old->is_private.value;

    if (old->immutable)
        return built_in_check(s, in, old);
    TRY(tx_do(s, tx, &role_update,
              BIND(v_int(old->id), v_text(name), v_text(text_fold(s->arena, name)),
                   v_text(description), v_bool(enabled), v_text(email), v_bool(is_private))));
    return in->grants_given ? grants_replace(s, tx, old->id, &in->grants) : OK;
}

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    struct role_change *r = arg;
    const struct role *in = r->in;
    int64_t administrators;
    struct role old;

    r->c.changes = (struct list){ 0 };
    TRY(administrators_count(s, tx, &administrators));
    TRY(old_role(s, tx, in->id, in->version, &old));
    TRY(edit_check(s, r->c.by, in, &old));
    TRY(fields_edit(s, tx, in, &old));
    if (in->members_given)
        TRY(members_replace(s, tx, &r->c, old.id, &in->members));
    TRY(tx_do(s, tx, &role_touch, BIND(v_int(old.id))));
    TRY(administrators_check(s, tx, administrators));
    TRY(result_read(s, tx, r, old.id));
    change_text(s, &r->c, "name", old.name, r->result.name);
    change_text(s, &r->c, "description", old.description, r->result.description);
    change_text(s, &r->c, "email", old.email, r->result.email);
    change_text(s, &r->c, "enabled", old.enabled.value ? "true" : "false",
                r->result.enabled.value ? "true" : "false");
    change_text(s, &r->c, "permissions", grants_text(s, &old.grants),
                grants_text(s, &r->result.grants));
    change_text(s, &r->c, "members", members_text(s, &old.members),
                members_text(s, &r->result.members));
    return change_tell(s, tx, &r->c, AUDIT_ROLE_EDIT, role_object(s, &r->result), NULL);
}

static enum err
role_write(struct scope *s, struct access *a, const struct caller *by, const struct role *in,
           bool added, struct role *out)
{
    struct role_change r = { .c = { .a = a, .by = by }, .in = in };
    enum err e;

    role_judge(s, in, added);
    TRY(problems_check(s));
    e = db_write(s, a->db, added ? add_in : edit_in, &r);
    if (db_is_unique_conflict(s, e))
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "there is a role \"%s\" already", in->name);
    TRY(e);
    access_forget(a, NULL);
    if (out)
        *out = r.result;
    return OK;
}

enum err
role_add(struct scope *s, struct access *a, const struct caller *by, const struct role *in,
         struct role *out)
{
    return role_write(s, a, by, in, true, out);
}

enum err
role_edit(struct scope *s, struct access *a, const struct caller *by, const struct role *in,
          struct role *out)
{
    return role_write(s, a, by, in, false, out);
}

static enum err
delete_in(struct scope *s, struct tx *tx, void *arg)
{
    struct role_change *r = arg;
    struct role old;
    struct row row;

    TRY(old_role(s, tx, r->in->id, r->in->version, &old));
    if (old.immutable)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "the role \"%s\" is built in", old.name);
    if (old.members.count > 0)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "the role \"%s\" has %zu members", old.name,
                         old.members.count);
    TRY(tx_one(s, tx, &role_owns, BIND(v_int(old.id)), &row));
    if (row_int(&row) > 0)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "the role \"%s\" owns certificates",
                         old.name);
    TRY(tx_do(s, tx, &grants_drop, BIND(v_int(old.id))));
    TRY(tx_do(s, tx, &role_drop, BIND(v_int(old.id))));
    return change_tell(s, tx, &r->c, AUDIT_ROLE_DELETE, role_object(s, &old), NULL);
}

enum err
role_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id, int64_t version)
{
    struct role in = { .id = id, .version = version };
    struct role_change r = { .c = { .a = a, .by = by }, .in = &in };

    TRY(db_write(s, a->db, delete_in, &r));
    access_forget(a, NULL);
    return OK;
}

/** One grant more or less: ADD says which. */
static enum err
grant_change(struct scope *s, struct tx *tx, struct role_change *r, bool add)
{
    struct audit_change one = { .field = "permission" };
    int64_t changed;
    struct role old;

    r->c.changes = (struct list){ 0 };
    TRY(old_role(s, tx, r->in->id, 0, &old));
    if (old.immutable)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                         "the permissions of the built-in role \"%s\" are fixed", old.name);
    if (add)
        TRY(holds_grant(s, r->c.by, r->grant));
    TRY(tx_count(s, tx, add ? &grant_insert : &grant_drop, grant_values(s, old.id, r->grant),
                 &changed));
    if (changed == 0)
        return OK;
    TRY(tx_do(s, tx, &role_touch, BIND(v_int(old.id))));
    *(add ? &one.after : &one.before) = grant_text(s, r->grant);
    list_add(s->arena, &r->c.changes, struct audit_change, one);
    return change_tell(s, tx, &r->c, add ? AUDIT_PERMISSION_GRANT : AUDIT_PERMISSION_WITHDRAW,
                       role_object(s, &old), NULL);
}

static enum err
grant_in(struct scope *s, struct tx *tx, void *arg)
{
    return grant_change(s, tx, arg, true);
}

static enum err
withdraw_in(struct scope *s, struct tx *tx, void *arg)
{
    return grant_change(s, tx, arg, false);
}

static enum err
grant_run(struct scope *s, struct access *a, const struct caller *by, int64_t role,
          const struct grant *grant, enum err (*run)(struct scope *s, struct tx *tx, void *arg))
{
    struct role in = { .id = role };
    struct role_change r = { .c = { .a = a, .by = by }, .in = &in, .grant = grant };

    if (grant->permission <= PERM_NONE || grant->permission > PERM_ALL || grant->on >= GRANT_ON_END)
        problem(s, "permission", CHY_BAD_VALUE, "there is no such permission");
    TRY(problems_check(s));
    TRY(db_write(s, a->db, run, &r));
    access_forget(a, NULL);
    return OK;
}

enum err
role_grant(struct scope *s, struct access *a, const struct caller *by, int64_t role,
           const struct grant *grant)
{
    return grant_run(s, a, by, role, grant, grant_in);
}

enum err
role_withdraw(struct scope *s, struct access *a, const struct caller *by, int64_t role,
              const struct grant *grant)
{
    return grant_run(s, a, by, role, grant, withdraw_in);
}

/** One member more or less: ADD says which. */
static enum err
member_change(struct scope *s, struct tx *tx, struct role_change *r, bool add)
{
    struct values who = BIND(v_int(r->in->id), v_int(r->member.kind), v_int(r->member.id));
    struct audit_change one = { .field = "member" };
    int64_t changed, administrators;
    struct role old;

    r->c.changes = (struct list){ 0 };
    TRY(administrators_count(s, tx, &administrators));
    TRY(old_role(s, tx, r->in->id, 0, &old));
    TRY(member_check(s, tx, &r->member));
    if (add)
        TRY(holds_grants(s, r->c.by, &old.grants));
    TRY(tx_count(s, tx, add ? &member_put : &member_drop, who, &changed));
    if (changed == 0)
        return OK;
    TRY(tx_do(s, tx, &role_touch, BIND(v_int(old.id))));
    TRY(administrators_check(s, tx, administrators));
    *(add ? &one.after : &one.before) = principal_id_text(s->arena, r->member.kind, r->member.id);
    list_add(s->arena, &r->c.changes, struct audit_change, one);
    return change_tell(s, tx, &r->c, add ? AUDIT_ROLE_MEMBER_ADD : AUDIT_ROLE_MEMBER_REMOVE,
                       role_object(s, &old), NULL);
}

static enum err
member_add_in(struct scope *s, struct tx *tx, void *arg)
{
    return member_change(s, tx, arg, true);
}

static enum err
member_remove_in(struct scope *s, struct tx *tx, void *arg)
{
    return member_change(s, tx, arg, false);
}

/** Forget who was remembered with the roles of before: of a claim, anybody may bear it. */
static void
forget_member(struct scope *s, struct access *a, enum caller_kind kind, int64_t id)
{
    access_forget(a, kind == CALLER_CLAIM ? NULL : principal_id_text(s->arena, kind, id));
}

enum err
role_member_add(struct scope *s, struct access *a, const struct caller *by, int64_t role,
                enum caller_kind kind, int64_t id)
{
    struct role in = { .id = role };
    struct role_change r = { .c = { .a = a, .by = by }, .in = &in, .member = { kind, id, NULL } };

    TRY(db_write(s, a->db, member_add_in, &r));
    forget_member(s, a, kind, id);
    return OK;
}

enum err
role_member_remove(struct scope *s, struct access *a, const struct caller *by, int64_t role,
                   enum caller_kind kind, int64_t id)
{
    struct role in = { .id = role };
    struct role_change r = { .c = { .a = a, .by = by }, .in = &in, .member = { kind, id, NULL } };

    TRY(db_write(s, a->db, member_remove_in, &r));
    forget_member(s, a, kind, id);
    return OK;
}
