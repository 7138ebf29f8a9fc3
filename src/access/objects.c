#include "access/objects.h"

#include "access/holds.h"
#include "access/manage.h"
#include "access/role_in.h"
#include "jobs/outbox.h"

SQL(object_role, "SELECT name, built_in FROM role WHERE id = $1 @lock");
SQL(object_role_touch, "UPDATE role SET version = version + 1 WHERE id = $1");
SQL(object_grants_of,
    "SELECT permission, scope_id FROM permission_grant WHERE role = $1 AND "
    "scope_kind = $2 AND ($3 = 0 OR scope_id = $3) ORDER BY permission, scope_id");
SQL(object_grant_put, "INSERT INTO permission_grant (role, permission, scope_kind, scope_id) "
                      "VALUES ($1, $2, $3, $4)");
SQL(object_grant_drop, "DELETE FROM permission_grant WHERE role = $1 AND permission = $2 AND "
                       "scope_kind = $3 AND scope_id = $4");
SQL(object_drop, "DELETE FROM permission_grant WHERE scope_kind = $1 AND scope_id = $2");
SQL(object_copy, "INSERT INTO permission_grant (role, permission, scope_kind, scope_id) "
                 "SELECT role, permission, scope_kind, $3 FROM permission_grant "
                 "WHERE scope_kind = $1 AND scope_id = $2");

/** A change of grants on its way through its transaction. */
struct grants_change {
    struct change c;
    const struct list *edits;
};

static enum err
present_grants(struct scope *s, struct tx *tx, const struct object_grants *edit, struct list *out)
{
    struct rows rows;

    TRY(tx_all(s, tx, &object_grants_of,
               BIND(v_int(edit->role), v_text(grant_on_name(edit->on)), v_int(edit->object)),
               &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct grant *g = list_push(s->arena, out, struct grant);

        g->permission = permission_by_name(row_text(&rows.at[i]));
        g->on = edit->on;
        g->object = row_int(&rows.at[i]);
    }
    return OK;
}

/** One grant more or less, and a line of the record. */
static enum err
change_one(struct scope *s, struct tx *tx, struct grants_change *c, int64_t role,
           const struct grant *g, bool add)
{
    struct audit_change told = { .field = "permission" };

    *(add ? &told.after : &told.before) = grant_text(s, g);
    list_add(s->arena, &c->c.changes, struct audit_change, told);
    return tx_do(s, tx, add ? &object_grant_put : &object_grant_drop,
                 BIND(v_int(role), v_text(permission_info(g->permission)->name),
                      v_text(grant_on_name(g->on)), v_int(g->object)));
}

static enum err
audit_changes(struct scope *s, struct tx *tx, struct grants_change *c, int64_t role,
              const char *name, enum audit_action action)
{
    enum err e = OK;

    if (c->c.changes.count)
        e = change_tell(
            s, tx, &c->c, action,
            (struct audit_object){ "role", arena_printf(s->arena, "%lld", (long long)role), name },
            NULL);
    c->c.changes = (struct list){ 0 };
    return e;
}

static enum err
edit_role(struct scope *s, struct tx *tx, struct grants_change *c, const struct object_grants *edit)
{
    struct list before = { 0 };
    const char *name;
    struct row row;
    enum err e = tx_one(s, tx, &object_role, BIND(v_int(edit->role)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "role %lld not found", (long long)edit->role);
    TRY(e);
    name = row_text(&row);
    if (row_bool(&row))
        return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                         "the permissions of the built-in role \"%s\" are fixed", name);
    TRY(present_grants(s, tx, edit, &before));
    LIST_EACH(struct grant, g, &before)
    if (g->permission != PERM_NONE && !edit->keep && !grant_among(&edit->grants, g))
        TRY(change_one(s, tx, c, edit->role, g, false));
    TRY(audit_changes(s, tx, c, edit->role, name, AUDIT_PERMISSION_WITHDRAW));
    LIST_EACH(struct grant, g, &edit->grants)
    {
        if (grant_among(&before, g))
            continue;
        TRY(holds_grant(s, c->c.by, g));
        list_add(s->arena, &before, struct grant, *g); /* it may be named twice */
        TRY(change_one(s, tx, c, edit->role, g, true));
    }
    TRY(audit_changes(s, tx, c, edit->role, name, AUDIT_PERMISSION_GRANT));
    return tx_do(s, tx, &object_role_touch, BIND(v_int(edit->role)));
}

static enum err
set_in(struct scope *s, struct tx *tx, void *arg)
{
    struct grants_change *c = arg;

    c->c.changes = (struct list){ 0 };
    LIST_EACH(struct object_grants, edit, c->edits)
    TRY(edit_role(s, tx, c, edit));
    return OK;
}

enum err
object_grants_set(struct scope *s, struct access *a, const struct caller *by,
                  const struct list *edits)
{
    struct grants_change c = { .c = { .a = a, .by = by }, .edits = edits };

    TRY(db_write(s, a->db, set_in, &c));
    access_forget(a, NULL);
    return OK;
}

enum err
object_grants_drop(struct scope *s, struct tx *tx, enum grant_on on, int64_t object)
{
    TRY(tx_do(s, tx, &object_drop, BIND(v_text(grant_on_name(on)), v_int(object))));
    return outbox_add(s, tx, EVENT_ACCESS_CHANGED, 0, NULL);
}

enum err
object_grants_copy(struct scope *s, struct tx *tx, enum grant_on on, int64_t from, int64_t to)
{
    TRY(tx_do(s, tx, &object_copy, BIND(v_text(grant_on_name(on)), v_int(from), v_int(to))));
    return outbox_add(s, tx, EVENT_ACCESS_CHANGED, 0, NULL);
}
