#include "access/known.h"

#include "access/role_in.h"

#include <string.h>

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
SQL(user_of_domain, "SELECT " USER_COLUMNS " FROM app_user WHERE login = $1 AND domain = $2");
SQL(user_by_id, "SELECT " USER_COLUMNS " FROM app_user WHERE id = $1");
SQL(user_by_origin, "SELECT " USER_COLUMNS " FROM app_user WHERE origin = $1");
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
principal_by_account(struct scope *s, struct db *db, const char *domain, const char *login,
                     struct principal *out)
{
    struct row row;

    TRY(db_one(s, db, &user_of_domain, BIND(v_text(login), v_text(domain)), &row));
    principal_read(&row, CALLER_USER, out);
    return OK;
}

enum err
principal_by_origin(struct scope *s, struct db *db, const char *origin, struct principal *out)
{
    struct row row;

    TRY(db_one(s, db, &user_by_origin, BIND(v_text(origin)), &row));
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

SQL(claim_made, "SELECT created_at FROM claim WHERE id = $1");

/** Roles and grants as they are gathered from a principal and the claims they bear. */
struct gathered {
    struct list names; /* of const char * */
    struct list ids;   /* of int64_t */
    struct grants *grants;
    struct list objects;
};

static bool
has_role(const struct gathered *g, int64_t role)
{
    LIST_EACH(int64_t, id, &g->ids)
    if (*id == role)
        return true;
    return false;
}

/** Add the roles of one member, and what they grant; everything lives in A. */
static enum err
gather(struct scope *s, struct db *db, struct arena *a, struct gathered *g, enum caller_kind kind,
       int64_t id)
{
    struct values who = BIND(v_int(kind), v_int(id));
    struct rows roles, grants;

    TRY(db_all(s, db, &roles_of, who, &roles));
    TRY(db_all(s, db, &grants_of, who, &grants));
    for (size_t i = 0; i < roles.count; i++) {
        int64_t role = row_int(&roles.at[i]);

        if (has_role(g, role))
            continue;
        list_add(a, &g->ids, int64_t, role);
        list_add(a, &g->names, const char *, arena_text(a, row_text(&roles.at[i])));
    }
    for (size_t i = 0; i < grants.count; i++) {
        struct grant one;

        if (grant_of_row(&grants.at[i], &one))
            grants_add(a, g->grants, &g->objects, one.permission, one.on, one.object);
    }
    return OK;
}

static enum err
gather_all(struct scope *s, struct db *db, struct arena *a, const struct principal *p,
           const struct list *claims, struct caller *c)
{
    struct gathered g = { .grants = arena_new_of(a, struct grants) };
    static const char *const none = NULL;

    TRY(gather(s, db, a, &g, p->kind, p->id));
    if (claims)
        LIST_EACH(int64_t, claim, claims)
    TRY(gather(s, db, a, &g, CALLER_CLAIM, *claim));
    grants_finish(g.grants, &g.objects);
    c->role_count = g.ids.count;
    list_add(a, &g.names, const char *, none);
    c->roles = g.names.items;
    c->role_ids = g.ids.items;
    c->grants = g.grants;
    return OK;
}

/** When a claim was made; none: it is gone. */
static enum err
claim_made_at(struct scope *s, struct db *db, int64_t id, struct when *out)
{
    struct row row;
    enum err e = db_one(s, db, &claim_made, BIND(v_int(id)), &row);

    *out = e == OK ? row_when(&row) : WHEN_NONE;
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

/** Claims as tokens name them, id and time: "3.1763700000000,7.1763700000001"; NULL: none. */
static enum err
claims_text(struct scope *s, struct db *db, const struct list *claims, const char **out)
{
    const char *text = NULL;

    if (claims)
        LIST_EACH(int64_t, id, claims)
        {
            struct when made;

            TRY(claim_made_at(s, db, *id, &made));
            if (when_given(made))
                text = arena_printf(s->arena, "%s%s%lld.%lld", text ? text : "", text ? "," : "",
                                    (long long)*id, (long long)made.ms);
        }
    *out = text;
    return OK;
}

/** One of them. */
static bool
claim_parse(struct scope *s, const char *text, size_t len, struct claim_borne *out)
{
    size_t id_len = strcspn(text, ".");
    int64_t made_ms;

    if (id_len >= len || !text_to_int(arena_text_n(s->arena, text, id_len), &out->id) ||
        !text_to_int(arena_text_n(s->arena, text + id_len + 1, len - id_len - 1), &made_ms))
        return false;
    out->made = (struct when){ made_ms };
    return true;
}

bool
claims_parse(struct scope *s, const char *text, struct list *out)
{
    while (!text_empty(text)) {
        size_t len = strcspn(text, ",");
        struct claim_borne one;

        if (!claim_parse(s, text, len, &one))
            return false;
        list_add(s->arena, out, struct claim_borne, one);
        text += len + (text[len] == ',');
    }
    return true;
}

enum err
claims_left(struct scope *s, struct db *db, const struct list *borne, struct list *ids)
{
    struct list left = { 0 };

    LIST_EACH(struct claim_borne, c, borne)
    {
        struct when made;

        TRY(claim_made_at(s, db, c->id, &made));
        if (when_given(made) && when_cmp(made, c->made) == 0)
            list_add(s->arena, &left, int64_t, c->id);
    }
    *ids = left;
    return OK;
}

enum err
known_load(struct scope *s, struct db *db, const struct principal *p, const struct proof *proof,
           struct known **out)
{
    struct arena *a = arena_new();
    struct known *k = arena_new_of(a, struct known);
    struct caller *c = &k->caller;
    const char *claims = NULL;
    enum err e = claims_text(s, db, proof->claims, &claims);

    if (e == OK)
        e = gather_all(s, db, a, p, proof->claims, c);
    if (e != OK) {
        arena_free(a);
        return e;
    }
    if (proof->only)
        c->grants = grants_narrow(a, c->grants, proof->only);
    k->refs = 1;
    k->arena = a;
    c->kind = p->kind;
    c->id = p->id;
    c->id_text = principal_id_text(a, p->kind, p->id);
    c->name = arena_text(a, p->name);
    c->auth = proof->auth;
    c->scope = arena_text(a, proof->scope);
    c->claims = claims ? arena_text(a, claims) : NULL;
    c->rate_exempt = p->rate_exempt || grants_name(c->grants, PERM_RATE_EXEMPT);
    c->actor = (struct audit_actor){ .type = p->kind == CALLER_USER ? "user" : "client",
                                     .id = c->id_text,
                                     .name = c->name,
                                     .roles = c->roles,
                                     .auth = proof->auth };
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
