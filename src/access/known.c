#include "access/known.h"

#define USER_COLUMNS                                                                 \
    "id, name, password_hash, enabled, failures, credential_version, locked_until, " \
    "last_login_at, "                                                                \
    "rate_exempt"
#define CLIENT_COLUMNS                                                                  \
    "id, client_id, secret_hash, enabled, failures, credential_version, locked_until, " \
    "last_login_at, rate_exempt"

/* An account without a domain answers to any; one with a domain to that and to none. */
SQL(user_by_login, "SELECT " USER_COLUMNS " FROM app_user WHERE login = $1 AND (domain = $2 OR "
                   "domain = '' OR $2 = '')");
SQL(user_by_id, "SELECT " USER_COLUMNS " FROM app_user WHERE id = $1");
SQL(client_by_name, "SELECT " CLIENT_COLUMNS " FROM oauth_client WHERE client_id = $1");
SQL(client_by_id, "SELECT " CLIENT_COLUMNS " FROM oauth_client WHERE id = $1");

static void
principal_read(struct row *row, enum caller_kind kind, struct principal *out)
{
    out->kind = kind;
    out->id = row_int(row);
    out->name = row_text(row);
    out->secret_hash = row_text(row);
    out->enabled = row_bool(row);
    out->failures = row_int(row);
    out->credential_version = row_int(row);
    out->locked_until = row_when(row);
    out->last_login = row_when(row);
    out->rate_exempt = row_bool(row);
}

enum err
principal_by_login(struct scope *s, struct db *db, const char *domain, const char *login,
                   struct principal *out)
{
    struct row row;

    TRY(db_one(s, db, &user_by_login, BIND(v_text(login), v_text(domain)), &row));
    principal_read(&row, CALLER_USER, out);
    return OK;
}

enum err
principal_by_client_id(struct scope *s, struct db *db, const char *client_id, struct principal *out)
{
    struct row row;

    TRY(db_one(s, db, &client_by_name, BIND(v_text(client_id)), &row));
    principal_read(&row, CALLER_CLIENT, out);
    return OK;
}

enum err
principal_by_id(struct scope *s, struct db *db, enum caller_kind kind, int64_t id,
                struct principal *out)
{
    struct row row;

    TRY(db_one(s, db, kind == CALLER_USER ? &user_by_id : &client_by_id, BIND(v_int(id)), &row));
    principal_read(&row, kind, out);
    return OK;
}

const char *
principal_id_text(struct arena *a, enum caller_kind kind, int64_t id)
{
    return arena_printf(a, "%s_%lld", kind == CALLER_USER ? "u" : "c", (long long)id);
}

SQL(roles_of, "SELECT r.id, r.name FROM role_member m JOIN role r ON r.id = m.role "
              "WHERE m.member_kind = $1 AND m.member_id = $2 AND r.enabled = 1 ORDER BY r.id");
SQL(grants_of, "SELECT g.permission, g.scope_kind, g.scope_id FROM role_member m "
               "JOIN role r ON r.id = m.role JOIN permission_grant g ON g.role = r.id "
               "WHERE m.member_kind = $1 AND m.member_id = $2 AND r.enabled = 1");

static void
roles_fill(struct arena *a, struct rows *rows, struct caller *c)
{
    const char **names = arena_alloc(a, (rows->count + 1) * sizeof *names);
    int64_t *ids = arena_alloc(a, (rows->count + 1) * sizeof *ids);

    for (size_t i = 0; i < rows->count; i++) {
        ids[i] = row_int(&rows->at[i]);
        names[i] = arena_text(a, row_text(&rows->at[i]));
    }
    c->roles = names;
    c->role_ids = ids;
    c->role_count = rows->count;
}

static const struct grants *
grants_fill(struct arena *a, struct rows *rows)
{
    struct grants *g = arena_new_of(a, struct grants);
    struct list objects = { 0 };

    for (size_t i = 0; i < rows->count; i++) {
        enum permission p = permission_by_name(row_text(&rows->at[i]));
        enum grant_on on;
        bool known = grant_on_parse(row_text(&rows->at[i]), &on);

        if (p != PERM_NONE && known) /* a newer server may know more than we do */
            grants_add(a, g, &objects, p, on, row_int(&rows->at[i]));
    }
    grants_finish(g, &objects);
    return g;
}

enum err
known_load(struct scope *s, struct db *db, const struct principal *p, const char *auth,
           const char *scope, struct known **out)
{
    struct rows roles, grants;
    struct values who = BIND(v_int(p->kind), v_int(p->id));
    struct arena *a;
    struct known *k;
    struct caller *c;

    TRY(db_all(s, db, &roles_of, who, &roles));
    TRY(db_all(s, db, &grants_of, who, &grants));
    a = arena_new();
    k = arena_new_of(a, struct known);
    k->refs = 1;
    k->arena = a;
    c = &k->caller;
    c->kind = p->kind;
    c->id = p->id;
    c->id_text = principal_id_text(a, p->kind, p->id);
    c->name = arena_text(a, p->name);
    roles_fill(a, &roles, c);
    c->auth = auth;
    c->scope = arena_text(a, scope);
    c->grants = grants_fill(a, &grants);
    c->rate_exempt = p->rate_exempt || access_may(c, PERM_RATE_EXEMPT, GRANT_GLOBAL, 0);
    c->actor = (struct audit_actor){ .type = p->kind == CALLER_USER ? "user" : "client",
                                     .id = c->id_text,
                                     .name = c->name,
                                     .roles = c->roles,
                                     .auth = auth };
    *out = k;
    return OK;
}

struct known *
known_ref(struct known *k)
{
    k->refs++;
    return k;
}

void
known_unref(struct known *k)
{
    if (k && --k->refs == 0)
        arena_free(k->arena);
}

const struct caller *
known_caller(struct scope *s, struct known *k, const struct access_peer *peer)
{
    struct caller *c = arena_copy(s->arena, &k->caller, sizeof k->caller);

    arena_own(s->arena, known_ref(k), known_unref);
    c->address = peer ? peer->address : NULL;
    c->user_agent = peer ? peer->user_agent : NULL;
    c->actor.ip = c->address;
    c->actor.user_agent = c->user_agent;
    s->principal = c->id_text;
    return c;
}
