#include "access/api_tokens.h"

#include "access/manage.h"
#include "access/role_in.h"
#include "base/random.h"
#include "pki/hash.h"

#include <string.h>

#define SECRET_LEN 32
#define HINT_LEN 4
#define LIFE_MS (90 * DAY_MS)
#define LIFE_MAX_MS (366 * DAY_MS)
#define USE_NOTED_MS (10 * MINUTE_MS)
#define KEPT_MS (30 * DAY_MS) /* an expired one is still listed that long */
#define EACH_MAX 100          /* tokens of one account */

#define COLUMNS                                                                       \
    "t.id, t.owner_kind, t.owner_id, COALESCE(u.name, c.client_id), t.name, t.hint, " \
    "t.created_at, t.expires_at, t.last_used_at "
#define FROM_TOKEN                                                        \
    "FROM api_token t LEFT JOIN app_user u ON t.owner_kind = 1 AND "      \
    "u.id = t.owner_id LEFT JOIN oauth_client c ON t.owner_kind = 2 AND " \
    "c.id = t.owner_id "

SQL(api_token_insert,
    "INSERT INTO api_token (owner_kind, owner_id, name, hash, hint, credential_version, "
    "created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id");
SQL(api_token_grant_insert, "INSERT INTO api_token_grant (token, permission, scope_kind, scope_id) "
                            "VALUES ($1, $2, $3, $4) "
                            "ON CONFLICT (token, permission, scope_kind, scope_id) DO NOTHING");
SQL(api_token_row, "SELECT " COLUMNS FROM_TOKEN "WHERE t.id = $1");
SQL(api_token_own, "SELECT " COLUMNS FROM_TOKEN "WHERE t.id > $1 AND t.owner_kind = $2 AND "
                   "t.owner_id = $3 ORDER BY t.id LIMIT $4");
SQL(api_token_all, "SELECT " COLUMNS FROM_TOKEN "WHERE t.id > $1 ORDER BY t.id LIMIT $2");
SQL(api_token_by_hash, "SELECT id, owner_kind, owner_id, credential_version, expires_at, "
                       "last_used_at FROM api_token WHERE hash = $1");
SQL(api_token_grants, "SELECT permission, scope_kind, scope_id FROM api_token_grant "
                      "WHERE token = $1 ORDER BY permission, scope_kind, scope_id");
SQL(api_token_used, "UPDATE api_token SET last_used_at = $2 WHERE id = $1");
SQL(api_token_count,
    "SELECT COUNT(*) FROM api_token WHERE owner_kind = $1 AND owner_id = $2 AND expires_at > $3");
SQL(api_token_drop_grants, "DELETE FROM api_token_grant WHERE token = $1");
SQL(api_token_drop, "DELETE FROM api_token WHERE id = $1");
SQL(api_tokens_old_grants,
    "DELETE FROM api_token_grant WHERE token IN (SELECT id FROM api_token WHERE expires_at < $1)");
SQL(api_tokens_old, "DELETE FROM api_token WHERE expires_at < $1");
SQL(api_tokens_of_grants, "DELETE FROM api_token_grant WHERE token IN "
                          "(SELECT id FROM api_token WHERE owner_kind = $1 AND owner_id = $2)");
SQL(api_tokens_of, "DELETE FROM api_token WHERE owner_kind = $1 AND owner_id = $2");

bool
api_token_is(const char *text)
{
    return text_starts(text, API_TOKEN_PREFIX);
}

static void
token_read(struct row *row, struct api_token *out)
{
    *out = (struct api_token){ .id = row_int(row) };
    out->owner_kind = (enum caller_kind)row_int(row);
    out->owner = row_int(row);
    out->owner_name = row_text(row);
    out->name = row_text(row);
    out->hint = row_text(row);
    out->created = row_when(row);
    out->expires = row_when(row);
    out->last_used = row_when(row);
}

static enum err
grants_load(struct scope *s, struct db *db, int64_t id, struct list *out)
{
    struct rows rows;

    TRY(db_all(s, db, &api_token_grants, BIND(v_int(id)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct grant g;

        if (grant_of_row(&rows.at[i], &g))
            list_add(s->arena, out, struct grant, g);
    }
    return OK;
}

/* ---- making one */

/** A token on its way into the database. */
struct making {
    const struct api_token *in;
    const struct caller *by;
    struct access *a;
    uint8_t hash[SHA256_LEN];
    const char *hint;
    int64_t credential_version;
    struct when now, expires;
    int64_t id;
};

static struct audit_object
token_object(struct scope *s, int64_t id, const char *name)
{
    return (struct audit_object){ "api_token", arena_printf(s->arena, "%lld", (long long)id),
                                  name };
}

static enum err
grants_insert(struct scope *s, struct tx *tx, int64_t id, const struct list *grants)
{
    LIST_EACH(struct grant, g, grants)
    TRY(tx_do(s, tx, &api_token_grant_insert,
              BIND(v_int(id), v_text(permission_info(g->permission)->name),
                   v_text(g->on == GRANT_GLOBAL ? "" : grant_on_name(g->on)),
                   v_int(g->on == GRANT_GLOBAL ? 0 : g->object))));
    return OK;
}

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct making *m = arg;
    const struct caller *by = m->by;
    struct change c = { .a = m->a, .by = by };
    struct when now = m->now, old = when_add_ms(now, -KEPT_MS);
    struct row row;

    TRY(tx_do(s, tx, &api_tokens_old_grants, BIND(v_when(old))));
    TRY(tx_do(s, tx, &api_tokens_old, BIND(v_when(old))));
    TRY(tx_one(s, tx, &api_token_count, BIND(v_int(by->kind), v_int(by->id), v_when(now)), &row));
    if (row_int(&row) >= EACH_MAX)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "there are %d tokens already: revoke some",
                         EACH_MAX);
    TRY(tx_one(s, tx, &api_token_insert,
               BIND(v_int(by->kind), v_int(by->id), v_text(m->in->name),
                    v_bytes((struct bytes){ m->hash, SHA256_LEN }), v_text(m->hint),
                    v_int(m->credential_version), v_when(now), v_when(m->expires)),
               &row));
    m->id = row_int(&row);
    TRY(grants_insert(s, tx, m->id, &m->in->grants));
    change_text(s, &c, "permissions", "", grants_text(s, &m->in->grants));
    change_text(s, &c, "expires", "", when_rfc3339(s->arena, m->expires));
    return change_tell(s, tx, &c, AUDIT_API_TOKEN_CREATE, token_object(s, m->id, m->in->name),
                       NULL);
}

static void
judge(struct scope *s, const struct api_token *in, struct when expires)
{
    int64_t life = expires.ms - clock_now().ms;

    if (text_empty(in->name))
        problem(s, "name", CHY_MISSING, "a token has a name");
    text_judge(s, "name", in->name, 128);
    if (in->grants.count == 0)
        problem(s, "grants", CHY_MISSING, "a token allows something");
    if (life <= 0 || life > LIFE_MAX_MS)
        problem(s, "expires_at", CHY_BAD_VALUE, "must be in the future, within a year");
}

/** Each grant must leave something of what the account itself may: roles of claims pass. */
static enum err
held_check(struct scope *s, struct access *a, const struct principal *p, const struct list *grants)
{
    AUTO(known_unref) struct known *k = NULL;
    size_t i = 0;

    TRY(known_load(s, a->db, p, &(struct proof){ .auth = API_TOKEN_AUTH }, &k));
    LIST_EACH(struct grant, g, grants)
    {
        struct list one = { g, 1, 1, sizeof *g };
        const struct grants *left = grants_narrow(s->arena, k->caller.grants, &one);
        bool any = left->all || left->count > 0;

        for (size_t w = 0; w < GRANT_WORDS; w++)
            any |= left->global[w] != 0;
        if (!any)
            problem(s, arena_printf(s->arena, "grants[%zu]", i), CHY_BAD_VALUE,
                    "no role of the account itself allows it: %s",
                    permission_info(g->permission)->name);
        i++;
    }
    return problems_check(s);
}

enum err
api_token_add(struct scope *s, struct access *a, const struct caller *by,
              const struct api_token *in, struct api_token *out, const char **text)
{
    struct when now = clock_now();
    struct when expires = when_given(in->expires) ? in->expires : when_add_ms(now, LIFE_MS);
    struct making m = { .in = in, .by = by, .a = a, .now = now, .expires = expires };
    uint8_t secret[SECRET_LEN];
    struct principal p;
    const char *token;

    if ((by->kind != CALLER_USER && by->kind != CALLER_CLIENT) || text_eq(by->auth, API_TOKEN_AUTH))
        return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                         "a token makes no tokens: log in as yourself");
    judge(s, in, expires);
    TRY(problems_check(s));
    TRY(principal_by_id(s, a->db, by->kind, by->id, &p));
    TRY(held_check(s, a, &p, &in->grants));
    random_bytes(secret, sizeof secret);
    token = arena_printf(s->arena, "%s%s", API_TOKEN_PREFIX,
                         base64url_encode(s->arena, (struct bytes){ secret, sizeof secret }));
    hash_sha256(bytes_of_text(token), m.hash);
    m.hint = token + strlen(token) - HINT_LEN;
    m.credential_version = p.credential_version;
    TRY(db_write(s, a->db, add_in, &m));
    TRY(api_token_get(s, a, by, m.id, out));
    *text = token;
    return OK;
}

/* ---- seeing and ending them */

static bool
is_own(const struct caller *by, const struct api_token *t)
{
    return by->kind == t->owner_kind && by->id == t->owner;
}

static enum err
token_get(struct scope *s, struct access *a, const struct caller *by, int64_t id,
          enum permission others, struct api_token *out)
{
    struct api_token found = { 0 };
    struct row row;
    enum err e = db_one(s, a->db, &api_token_row, BIND(v_int(id)), &row);

    if (e == OK) {
        token_read(&row, &found);
        if (!is_own(by, &found) && !access_may(by, others, GRANT_GLOBAL, 0))
            e = E_NOT_FOUND;
    }
    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "token %lld was not found", (long long)id);
    TRY(e);
    TRY(grants_load(s, a->db, id, &found.grants));
    *out = found;
    return OK;
}

enum err
api_token_get(struct scope *s, struct access *a, const struct caller *by, int64_t id,
              struct api_token *out)
{
    return token_get(s, a, by, id, PERM_SECURITY_READ, out);
}

enum err
api_token_list(struct scope *s, struct access *a, const struct caller *by,
               const struct api_token_page *page, struct list *out, int64_t *next)
{
    int limit = page_limit(&(struct principal_query){ .limit = page->limit });
    struct list found = { 0 };
    struct rows rows;
    int64_t last = 0;

    if (page->all)
        TRY(db_all(s, a->db, &api_token_all, BIND(v_int(page->after), v_int(limit)), &rows));
    else
        TRY(db_all(s, a->db, &api_token_own,
                   BIND(v_int(page->after), v_int(by->kind), v_int(by->id), v_int(limit)), &rows));
    for (size_t i = 0; i < rows.count && i + 1 < (size_t)limit; i++) {
        struct api_token *t = list_push(s->arena, &found, struct api_token);

        token_read(&rows.at[i], t);
        TRY(grants_load(s, a->db, t->id, &t->grants));
        last = t->id;
    }
    *next = rows.count == (size_t)limit ? last : 0;
    *out = found;
    return OK;
}

/** A token on its way out. */
struct ending {
    struct change c;
    const struct api_token *token;
};

static enum err
revoke_in(struct scope *s, struct tx *tx, void *arg)
{
    struct ending *e = arg;
    const struct api_token *t = e->token;
    int64_t gone;

    TRY(tx_do(s, tx, &api_token_drop_grants, BIND(v_int(t->id))));
    TRY(tx_count(s, tx, &api_token_drop, BIND(v_int(t->id)), &gone));
    if (gone == 0)
        return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "token %lld was not found",
                         (long long)t->id);
    return change_tell(s, tx, &e->c, AUDIT_API_TOKEN_REVOKE, token_object(s, t->id, t->name),
                       arena_printf(s->arena, "A token of %s was revoked.", t->owner_name));
}

/** What callers by this token show as their scope. */
static const char *
scope_of(struct scope *s, int64_t id)
{
    return arena_printf(s->arena, "api_token:%lld", (long long)id);
}

enum err
api_token_revoke(struct scope *s, struct access *a, const struct caller *by, int64_t id)
{
    struct api_token token;
    struct ending e = { .c = { .a = a, .by = by }, .token = &token };

    TRY(token_get(s, a, by, id, PERM_SECURITY_MODIFY, &token));
    if (text_eq(by->auth, API_TOKEN_AUTH) && !text_eq(by->scope, scope_of(s, id)) &&
        !access_may(by, PERM_SECURITY_MODIFY, GRANT_GLOBAL, 0))
        return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                         "a token ends itself and no other: log in as yourself");
    TRY(db_write(s, a->db, revoke_in, &e));
    access_forget(a, principal_id_text(s->arena, token.owner_kind, token.owner));
    return OK;
}

enum err
api_tokens_drop(struct scope *s, struct tx *tx, enum caller_kind kind, int64_t owner)
{
    TRY(tx_do(s, tx, &api_tokens_of_grants, BIND(v_int(kind), v_int(owner))));
    return tx_do(s, tx, &api_tokens_of, BIND(v_int(kind), v_int(owner)));
}

/* ---- using one */

static enum err
used_in(struct scope *s, struct tx *tx, void *arg)
{
    return tx_do(s, tx, &api_token_used, BIND(v_int(*(int64_t *)arg), v_when(clock_now())));
}

static enum err
token_find(struct scope *s, struct access *a, const char *text, int64_t *id, struct principal *p,
           struct when *expires)
{
    uint8_t hash[SHA256_LEN];
    int64_t version, kind;
    struct when used;
    struct row row;

    hash_sha256(bytes_of_text(text), hash);
    TRY(db_one(s, a->db, &api_token_by_hash, BIND(v_bytes((struct bytes){ hash, sizeof hash })),
               &row));
    *id = row_int(&row);
    kind = row_int(&row);
    TRY(principal_by_id(s, a->db, (enum caller_kind)kind, row_int(&row), p));
    version = row_int(&row);
    *expires = row_when(&row);
    used = row_when(&row);
    if (!p->enabled || p->credential_version != version || expires->ms <= clock_now().ms)
        return E_NOT_FOUND;
    if (when_given(used) && clock_now().ms - used.ms < USE_NOTED_MS)
        return OK;
    return db_write(s, a->db, used_in, id);
}

enum err
api_token_enter(struct scope *s, struct access *a, const char *text, struct known **out,
                struct when *expires)
{
    struct list grants = { 0 };
    struct principal p;
    int64_t id = 0;
    enum err e = token_find(s, a, text, &id, &p, expires);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_TOKEN, "the access token is not valid");
    }
    TRY(e);
    TRY(grants_load(s, a->db, id, &grants));
    return known_load(
        s, a->db, &p,
        &(struct proof){ .auth = API_TOKEN_AUTH, .scope = scope_of(s, id), .only = &grants }, out);
}
