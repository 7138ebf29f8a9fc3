/* Roles as they are: with what they grant, and who holds them. */
#include "access/role_in.h"

#include "access/manage.h"

#define COLUMNS "id, version, name, description, enabled, built_in, email, is_private "

#define MEMBER_COLUMNS                                                                         \
    "m.member_kind, m.member_id, COALESCE(u.name, c.client_id, l.value), l.type, l.provider, " \
    "COALESCE(u.display_name, c.name, l.description, '') "
#define FROM_MEMBER                                                         \
    "FROM role_member m "                                                   \
    "LEFT JOIN app_user u ON m.member_kind = 1 AND u.id = m.member_id "     \
    "LEFT JOIN oauth_client c ON m.member_kind = 2 AND c.id = m.member_id " \
    "LEFT JOIN claim l ON m.member_kind = 4 AND l.id = m.member_id "

SQL(role_row, "SELECT " COLUMNS "FROM role WHERE id = $1");
SQL(role_row_lock, "SELECT " COLUMNS "FROM role WHERE id = $1 @lock");
SQL(role_row_by_name, "SELECT " COLUMNS "FROM role WHERE name_folded = $1");
SQL(roles_page, "SELECT " COLUMNS ", name_folded FROM role WHERE name_folded > $1 AND ($2 = '' OR "
                "@contains(name_folded, $2)) ORDER BY name_folded LIMIT $3");
SQL(role_grants, "SELECT permission, scope_kind, scope_id FROM permission_grant WHERE role = $1 "
                 "ORDER BY permission, scope_kind, scope_id");
SQL(role_members, "SELECT " MEMBER_COLUMNS FROM_MEMBER "WHERE m.role = $1 ORDER BY 3, 1, 2");

SQL(all_roles, "SELECT " COLUMNS "FROM role ORDER BY id");
SQL(all_grants, "SELECT role, permission, scope_kind, scope_id FROM permission_grant "
                "ORDER BY role, permission, scope_kind, scope_id");
SQL(all_members, "SELECT m.role, " MEMBER_COLUMNS FROM_MEMBER "ORDER BY 1, 4, 2, 3");

static void
role_read(struct row *row, struct role *out)
{
    *out = (struct role){ .id = row_int(row) };
    out->version = row_int(row);
    out->name = row_text(row);
    out->description = row_text(row);
    out->enabled = (struct opt_bool){ .given = true, .value = row_bool(row) };
    out->immutable = row_bool(row);
    out->email = row_text(row);
    out->is_private = (struct opt_bool){ .given = true, .value = row_bool(row) };
    out->grants_given = out->members_given = true;
}

/** What a newer program wrote and this one does not know is passed over. */
static void
grant_read(struct scope *s, struct row *row, struct list *out)
{
    struct grant g;

    if (grant_of_row(row, &g))
        list_add(s->arena, out, struct grant, g);
}

static void
member_read(struct scope *s, struct row *row, struct list *out)
{
    struct role_member *m = list_push(s->arena, out, struct role_member);

    m->kind = (enum caller_kind)row_int(row);
    m->id = row_int(row);
    m->name = row_text(row);
    m->claim_type = row_text(row);
    m->provider = row_text(row);
    m->description = row_text(row);
}

static void
details_read(struct scope *s, struct rows *grants, struct rows *members, struct role *r)
{
    for (size_t i = 0; i < grants->count; i++)
        grant_read(s, &grants->at[i], &r->grants);
    for (size_t i = 0; i < members->count; i++)
        member_read(s, &members->at[i], &r->members);
}

static enum err
details_in(struct scope *s, struct tx *tx, struct role *r)
{
    struct rows grants, members;

    TRY(tx_all(s, tx, &role_grants, BIND(v_int(r->id)), &grants));
    TRY(tx_all(s, tx, &role_members, BIND(v_int(r->id)), &members));
    details_read(s, &grants, &members, r);
    return OK;
}

static enum err
details(struct scope *s, struct db *db, struct role *r)
{
    struct rows grants, members;

    TRY(db_all(s, db, &role_grants, BIND(v_int(r->id)), &grants));
    TRY(db_all(s, db, &role_members, BIND(v_int(r->id)), &members));
    details_read(s, &grants, &members, r);
    return OK;
}

static enum err
not_there(struct scope *s, enum err e, int64_t id)
{
    return e == E_NOT_FOUND
               ? fail_code(s, e, CHY_NOT_FOUND, "role %lld was not found", (long long)id)
               : e;
}

bool
grant_among(const struct list *grants, const struct grant *one)
{
    LIST_EACH(struct grant, g, grants)
    if (g->permission == one->permission && g->on == one->on && g->object == one->object)
        return true;
    return false;
}

const char *
grant_text(struct scope *s, const struct grant *g)
{
    const char *name = permission_info(g->permission)->name;

    return g->on == GRANT_GLOBAL ? name
                                 : arena_printf(s->arena, "%s on %s %lld", name,
                                                grant_on_name(g->on), (long long)g->object);
}

const char *
grants_text(struct scope *s, const struct list *grants)
{
    struct buf text;

    buf_init_in(&text, s->arena, (size_t)64 * 1024);
    LIST_EACH(struct grant, g, grants)
    buf_printf(&text, "%s%s", text.len ? ", " : "", grant_text(s, g));
    return buf_str(&text);
}

bool
grant_of_row(struct row *row, struct grant *out)
{
    struct grant g = { .permission = permission_by_name(row_text(row)) };
    bool known = grant_on_parse(row_text(row), &g.on);

    g.object = row_int(row);
    *out = g;
    return known && g.permission != PERM_NONE;
}

enum err
role_present(struct scope *s, struct tx *tx, int64_t id, bool lock, struct role *out)
{
    struct role found;
    struct row row;

    TRY(not_there(s, tx_one(s, tx, lock ? &role_row_lock : &role_row, BIND(v_int(id)), &row), id));
    role_read(&row, &found);
    TRY(details_in(s, tx, &found));
    *out = found;
    return OK;
}

enum err
role_get(struct scope *s, struct access *a, int64_t id, struct role *out)
{
    struct role found;
    struct row row;

    TRY(not_there(s, db_one(s, a->db, &role_row, BIND(v_int(id)), &row), id));
    role_read(&row, &found);
    TRY(details(s, a->db, &found));
    *out = found;
    return OK;
}

enum err
role_find(struct scope *s, struct access *a, const char *name, struct role *out)
{
    struct role found;
    struct row row;
    enum err e = db_one(s, a->db, &role_row_by_name, BIND(v_text(text_fold(s->arena, name))), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "the role \"%s\" was not found", name);
    TRY(e);
    role_read(&row, &found);
    TRY(details(s, a->db, &found));
    *out = found;
    return OK;
}

enum err
role_list(struct scope *s, struct access *a, const struct principal_query *q, struct list *out,
          const char **next)
{
    const char *text = text_fold(s->arena, q->text ? q->text : ""), *last = NULL;
    int limit = page_limit(q);
    struct list found = { 0 };
    struct rows rows;

    TRY(db_all(s, a->db, &roles_page,
               BIND(v_text(q->after ? q->after : ""), v_text(text), v_int(limit)), &rows));
    for (size_t i = 0; i < rows.count && i + 1 < (size_t)limit; i++) {
        struct role *r = list_push(s->arena, &found, struct role);

        role_read(&rows.at[i], r);
        last = row_text(&rows.at[i]);
        TRY(details(s, a->db, r));
    }
    *next = rows.count == (size_t)limit ? last : NULL;
    *out = found;
    return OK;
}

/** Hand each of ROWS, which begin with a role's id and stand in its order, to READ. */
static void
deal(struct scope *s, struct list *roles, struct rows *rows,
     void (*read)(struct scope *s, struct row *row, struct list *out), size_t member)
{
    size_t at = 0;

    LIST_EACH(struct role, r, roles)
    for (; at < rows->count && rows->at[at].columns[0].number <= r->id; at++)
        if (row_int(&rows->at[at]) == r->id)
            read(s, &rows->at[at], (struct list *)((uint8_t *)r + member));
}

enum err
role_all(struct scope *s, struct access *a, struct list *out)
{
    struct rows roles, grants, members;
    struct list found = { 0 };

    TRY(db_all(s, a->db, &all_roles, BIND_NONE, &roles));
    TRY(db_all(s, a->db, &all_grants, BIND_NONE, &grants));
    TRY(db_all(s, a->db, &all_members, BIND_NONE, &members));
    for (size_t i = 0; i < roles.count; i++)
        role_read(&roles.at[i], list_push(s->arena, &found, struct role));
    deal(s, &found, &grants, grant_read, offsetof(struct role, grants));
    deal(s, &found, &members, member_read, offsetof(struct role, members));
    *out = found;
    return OK;
}
