#include "access/identities.h"

#include "access/oidc.h"
#include "access/outside.h"

/* Where the numbers of each kind begin. */
#define CLAIMS_FROM INT64_C(0)
#define USERS_FROM INT64_C(1000000000)
#define CLIENTS_FROM INT64_C(1500000000)
#define NUMBERS_END INT64_C(2000000000)

SQL(identity_rows,
    "SELECT 4, id, type, value, provider, description FROM claim "
    "UNION ALL SELECT 1, id, '', name, '', COALESCE(display_name, '') FROM app_user "
    "UNION ALL SELECT 2, id, '', client_id, '', name FROM oauth_client ORDER BY 1, 2");
SQL(identity_claim, "SELECT 4, id, type, value, provider, description FROM claim WHERE id = $1");
SQL(identity_user, "SELECT 1, id, '', name, '', COALESCE(display_name, '') FROM app_user "
                   "WHERE id = $1");
SQL(identity_client, "SELECT 2, id, '', client_id, '', name FROM oauth_client WHERE id = $1");
/* Each type has a folding of its own. */
SQL(identity_claim_like,
    "SELECT id FROM claim WHERE (type IN ('user', 'computer') AND value_folded = $1) OR "
    "(type = 'certificate_thumbprint' AND value_folded = $2) OR "
    "(type NOT IN ('user', 'computer', 'certificate_thumbprint') AND value_folded = $3) "
    "ORDER BY CASE type WHEN 'user' THEN 0 WHEN 'group' THEN 1 ELSE 2 END, id LIMIT 1");

int64_t
identity_id(enum caller_kind kind, int64_t row)
{
    return row + (kind == CALLER_USER     ? USERS_FROM
                  : kind == CALLER_CLIENT ? CLIENTS_FROM
                                          : CLAIMS_FROM);
}

/** Ours say by their kind what claims say by their type. */
static void
complete(struct identity *i, const char *type)
{
    i->id = identity_id(i->kind, i->row);
    i->type = i->kind == CALLER_USER     ? CLAIM_USER
              : i->kind == CALLER_CLIENT ? CLAIM_OAUTH_CLIENT
                                         : claim_type_parse(type);
    if (i->kind != CALLER_CLAIM)
        i->provider = IDENTITY_OURS;
}

static void
identity_read(struct row *row, struct identity *out)
{
    const char *type;

    *out = (struct identity){ .kind = (enum caller_kind)row_int(row) };
    out->row = row_int(row);
    type = row_text(row);
    out->value = row_text(row);
    out->provider = row_text(row);
    out->description = row_text(row);
    complete(out, type);
}

struct identity
identity_of_member(const struct role_member *m)
{
    struct identity i = { .kind = m->kind,
                          .row = m->id,
                          .value = m->name,
                          .provider = m->provider,
                          .description = m->description };

    complete(&i, m->claim_type);
    return i;
}

static int
by_number(const void *a, const void *b)
{
    const struct identity *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

enum err
identity_all(struct scope *s, struct access *a, struct list *out)
{
    struct list found = { 0 };
    struct rows rows;

    TRY(db_all(s, a->db, &identity_rows, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++)
        identity_read(&rows.at[i], list_push(s->arena, &found, struct identity));
    list_sort(&found, by_number);
    *out = found;
    return OK;
}

enum err
identity_get(struct scope *s, struct access *a, int64_t id, struct identity *out)
{
    struct row row;
    enum err e = E_NOT_FOUND;

    if (id >= CLIENTS_FROM && id < NUMBERS_END)
        e = db_one(s, a->db, &identity_client, BIND(v_int(id - CLIENTS_FROM)), &row);
    else if (id >= USERS_FROM && id < CLIENTS_FROM)
        e = db_one(s, a->db, &identity_user, BIND(v_int(id - USERS_FROM)), &row);
    else if (id > 0 && id < USERS_FROM)
        e = db_one(s, a->db, &identity_claim, BIND(v_int(id)), &row);
    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "identity %lld was not found", (long long)id);
    TRY(e);
    identity_read(&row, out);
    return OK;
}

static enum err
claim_of(struct scope *s, struct access *a, const char *value, int64_t *id)
{
    struct row row;
    enum err e = db_one(s, a->db, &identity_claim_like,
                        BIND(v_text(claim_folded(s->arena, CLAIM_USER, value)),
                             v_text(claim_folded(s->arena, CLAIM_CERT_THUMBPRINT, value)),
                             v_text(claim_folded(s->arena, CLAIM_GROUP, value))),
                        &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "identity \"%.100s\" was not found", value);
    TRY(e);
    *id = row_int(&row);
    return OK;
}

enum err
identity_find(struct scope *s, struct access *a, const char *account, struct identity *out)
{
    struct oauth_client client;
    struct user user;
    int64_t id;
    enum err e = user_find(s, a, account, &user);

    if (e == OK)
        return identity_get(s, a, identity_id(CALLER_USER, user.id), out);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        e = client_find(s, a, account, &client);
    }
    if (e == OK)
        return identity_get(s, a, identity_id(CALLER_CLIENT, client.id), out);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    TRY(claim_of(s, a, account, &id));
    return identity_get(s, a, identity_id(CALLER_CLAIM, id), out);
}

enum err
identity_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id)
{
    struct identity i;

    TRY(identity_get(s, a, id, &i));
    if (i.kind != CALLER_CLAIM)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                         "\"%s\" is an account of this server: remove it as a %s", i.value,
                         i.kind == CALLER_USER ? "user" : "client");
    return claim_delete(s, a, by, i.row, 0);
}

bool
identity_is_valid(const struct access *a, const struct identity *i)
{
    AUTO(outside_unref) const struct outside *outside = outside_ref(a);

    return i->kind != CALLER_CLAIM || text_empty(i->provider) || oidc_knows(a->oidc, i->provider) ||
           domains_named(outside->domains, i->provider);
}
