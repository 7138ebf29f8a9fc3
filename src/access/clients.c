#include "access/manage.h"

#include "access/api_tokens.h"
#include "access/holds.h"
#include "access/password.h"
#include "base/random.h"
#include "pki/hash.h"

#include <string.h>

#define SECRET_MIN 20

#define COLUMNS "id, version, client_id, name, enabled, created_at, last_login_at "

SQL(client_insert, "INSERT INTO oauth_client (client_id, name, secret_hash, enabled, created_at, "
                   "credential_version) VALUES ($1, $2, $3, $4, $5, $5) RETURNING id");
SQL(client_row, "SELECT " COLUMNS "FROM oauth_client WHERE id = $1");
SQL(client_row_lock, "SELECT " COLUMNS "FROM oauth_client WHERE id = $1 @lock");
SQL(client_row_by_name, "SELECT " COLUMNS "FROM oauth_client WHERE client_id = $1");
SQL(clients_page, "SELECT " COLUMNS "FROM oauth_client WHERE client_id > $1 AND ($2 = '' OR "
                  "@contains(client_id, $2)) ORDER BY client_id LIMIT $3");
SQL(client_update, "UPDATE oauth_client SET name = $2, enabled = $3, credential_version = "
                   "credential_version + $4, version = version + 1 WHERE id = $1");
SQL(client_new_hash, "UPDATE oauth_client SET secret_hash = $2, failures = 0, locked_until = NULL, "
                     "credential_version = credential_version + 1, version = version + 1 "
                     "WHERE id = $1");
SQL(client_drop, "DELETE FROM oauth_client WHERE id = $1");
SQL(client_leaves, "DELETE FROM role_member WHERE member_kind = 2 AND member_id = $1");

static void
client_read(struct row *row, struct oauth_client *out)
{
    *out = (struct oauth_client){ .id = row_int(row) };
    out->version = row_int(row);
    out->client_id = row_text(row);
    out->description = row_text(row);
    out->enabled = (struct opt_bool){ .given = true, .value = row_bool(row) };
    out->created = row_when(row);
    out->last_used = row_when(row);
    out->roles_given = true;
}

static struct audit_object
client_object(struct scope *s, const struct oauth_client *c)
{
    return (struct audit_object){ "client", principal_id_text(s->arena, CALLER_CLIENT, c->id),
                                  c->client_id };
}

/** A change of a client on its way through its transaction. */
struct client_change {
    struct change c;
    const struct oauth_client *in;
    const char *client_id, *hash;
    struct oauth_client result;
};

static enum err
not_there(struct scope *s, enum err e, int64_t id)
{
    return e == E_NOT_FOUND
               ? fail_code(s, e, CHY_NOT_FOUND, "client %lld was not found", (long long)id)
               : e;
}

static enum err
present_client(struct scope *s, struct tx *tx, int64_t id, int64_t version,
               struct oauth_client *out)
{
    struct row row;

    TRY(not_there(s, tx_one(s, tx, &client_row_lock, BIND(v_int(id)), &row), id));
    client_read(&row, out);
    return version_check(s, version, out->version, "the client");
}

static enum err
result_read(struct scope *s, struct tx *tx, struct client_change *c, int64_t id)
{
    struct row row;

    TRY(tx_one(s, tx, &client_row, BIND(v_int(id)), &row));
    client_read(&row, &c->result);
    return roles_names_in(s, tx, CALLER_CLIENT, id, &c->result.roles);
}

/** A secret of 256 random bits, recognisable where it leaks, and its stored form. */
static void
secret_make(struct scope *s, const char **secret, const char **stored)
{
    uint8_t bits[32], hash[SHA256_LEN];

    random_bytes(bits, sizeof bits);
    *secret = arena_printf(s->arena, "chancery_%s",
                           base64url_encode(s->arena, (struct bytes){ bits, sizeof bits }));
    hash_sha256(bytes_of_text(*secret), hash);
    *stored = arena_printf(s->arena, "sha256:%s",
                           hex_lower(s->arena, (struct bytes){ hash, sizeof hash }));
}

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct client_change *c = arg;
    const struct oauth_client *in = c->in;
    struct row row;
    int64_t id;

    c->c.changes = (struct list){ 0 };
    TRY(tx_one(s, tx, &client_insert,
               BIND(v_text(c->client_id), v_text(in->description ? in->description : ""),
                    v_text(c->hash), v_bool(!in->enabled.given || in->enabled.value),
                    v_when(clock_now())),
               &row));
    id = row_int(&row);
    change_text(s, &c->c, "description", NULL, in->description);
    TRY(roles_replace(s, tx, &c->c, CALLER_CLIENT, id, &in->roles));
    TRY(result_read(s, tx, c, id));
    return change_tell(s, tx, &c->c, AUDIT_CLIENT_CREATE, client_object(s, &c->result), NULL);
}

static void
client_judge(struct scope *s, const struct oauth_client *in)
{
    if (in->client_id && *in->client_id == '\0')
        problem(s, "client_id", CHY_MISSING, "a client id is not empty");
    text_judge(s, "client_id", in->client_id, 256);
    text_judge(s, "description", in->description, 1024);
}

enum err /* NOLINTNEXTLINE(readability-function-size): the secret is told here and never again */
client_add(struct scope *s, struct access *a, const struct caller *by,
           const struct oauth_client *in, const char *secret, struct oauth_client *out,
           const char **secret_made)
{
    struct client_change c = { .c = { .a = a, .by = by }, .in = in };
    enum err e;

    client_judge(s, in);
    if (secret && (text_code_points(secret) < SECRET_MIN || strlen(secret) > PASSWORD_MAX))
        problem(s, "client_secret", CHY_BAD_VALUE, "a secret has %d to %d characters", SECRET_MIN,
                PASSWORD_MAX);
    TRY(problems_check(s));
    c.client_id = in->client_id ? in->client_id : uuid_new(s->arena);
    if (secret)
        TRY(password_hash(s, secret, &c.hash));
    else
        secret_make(s, &secret, &c.hash);
    e = db_write(s, a->db, add_in, &c);
    if (db_is_unique_conflict(s, e))
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "there is a client \"%s\" already",
                         c.client_id);
    TRY(e);
    *secret_made = secret;
    if (out)
        *out = c.result;
    return OK;
}

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    struct client_change *c = arg;
    const struct oauth_client *in = c->in;
    int64_t administrators;
    struct oauth_client old;
    const char *description;
    bool enabled;

    c->c.changes = (struct list){ 0 };
    TRY(administrators_count(s, tx, &administrators));
    TRY(present_client(s, tx, in->id, in->version, &old));
    description = in->description ? in->description : old.description;
    enabled = in->enabled.given ? in->enabled.value : old.enabled.value;
    change_text(s, &c->c, "description", old.description, description);
    change_text(s, &c->c, "enabled", old.enabled.value ? "true" : "false",
                enabled ? "true" : "false");
    if (enabled && !old.enabled.value)
        TRY(holds_account(s, tx, c->c.by, CALLER_CLIENT, old.id));
    TRY(tx_do(s, tx, &client_update,
              BIND(v_int(in->id), v_text(description), v_bool(enabled),
                   v_int(old.enabled.value && !enabled ? 1 : 0))));
    if (in->roles_given)
        TRY(roles_replace(s, tx, &c->c, CALLER_CLIENT, in->id, &in->roles));
    TRY(administrators_check(s, tx, administrators));
    TRY(result_read(s, tx, c, in->id));
    return change_tell(s, tx, &c->c, AUDIT_CLIENT_EDIT, client_object(s, &c->result), NULL);
}

enum err
client_edit(struct scope *s, struct access *a, const struct caller *by,
            const struct oauth_client *in, struct oauth_client *out)
{
    struct client_change c = { .c = { .a = a, .by = by }, .in = in };

    text_judge(s, "description", in->description, 1024);
    TRY(problems_check(s));
    TRY(db_write(s, a->db, edit_in, &c));
    access_forget(a, principal_id_text(s->arena, CALLER_CLIENT, in->id));
    if (out)
        *out = c.result;
    return OK;
}

static enum err
secret_in(struct scope *s, struct tx *tx, void *arg)
{
    struct client_change *c = arg;
    struct audit_change secret = {
        .field = "secret", .before = "", .after = "", .kind = AUDIT_IS_SECRET
    };
    struct oauth_client old;

    c->c.changes = (struct list){ 0 };
    TRY(present_client(s, tx, c->in->id, c->in->version, &old));
    TRY(holds_account(s, tx, c->c.by, CALLER_CLIENT, old.id)); /* or they would become who it is */
    TRY(tx_do(s, tx, &client_new_hash, BIND(v_int(old.id), v_text(c->hash))));
    list_add(s->arena, &c->c.changes, struct audit_change, secret);
    return change_tell(s, tx, &c->c, AUDIT_CLIENT_SECRET, client_object(s, &old), NULL);
}

enum err
client_new_secret(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                  int64_t version, const char **secret_made)
{
    struct oauth_client in = { .id = id, .version = version };
    struct client_change c = { .c = { .a = a, .by = by }, .in = &in };
    const char *secret;

    secret_make(s, &secret, &c.hash);
    TRY(db_write(s, a->db, secret_in, &c));
    access_forget(a, principal_id_text(s->arena, CALLER_CLIENT, id));
    *secret_made = secret;
    return OK;
}

static enum err
delete_in(struct scope *s, struct tx *tx, void *arg)
{
    struct client_change *c = arg;
    int64_t administrators;
    struct oauth_client old;

    TRY(administrators_count(s, tx, &administrators));
    TRY(present_client(s, tx, c->in->id, c->in->version, &old));
    TRY(api_tokens_drop(s, tx, CALLER_CLIENT, old.id));
    TRY(tx_do(s, tx, &client_leaves, BIND(v_int(old.id))));
    TRY(tx_do(s, tx, &client_drop, BIND(v_int(old.id))));
    TRY(administrators_check(s, tx, administrators));
    return change_tell(s, tx, &c->c, AUDIT_CLIENT_DELETE, client_object(s, &old), NULL);
}

enum err
client_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id,
              int64_t version)
{
    struct oauth_client in = { .id = id, .version = version };
    struct client_change c = { .c = { .a = a, .by = by }, .in = &in };

    TRY(db_write(s, a->db, delete_in, &c));
    access_forget(a, principal_id_text(s->arena, CALLER_CLIENT, id));
    return OK;
}

enum err
client_get(struct scope *s, struct access *a, int64_t id, struct oauth_client *out)
{
    struct oauth_client found;
    struct row row;

    TRY(not_there(s, db_one(s, a->db, &client_row, BIND(v_int(id)), &row), id));
    client_read(&row, &found);
    TRY(roles_names(s, a->db, CALLER_CLIENT, id, &found.roles));
    *out = found;
    return OK;
}

enum err
client_find(struct scope *s, struct access *a, const char *client_id, struct oauth_client *out)
{
    struct oauth_client found;
    struct row row;
    enum err e = db_one(s, a->db, &client_row_by_name, BIND(v_text(client_id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "the client \"%s\" was not found", client_id);
    TRY(e);
    client_read(&row, &found);
    TRY(roles_names(s, a->db, CALLER_CLIENT, found.id, &found.roles));
    *out = found;
    return OK;
}

enum err
client_list(struct scope *s, struct access *a, const struct principal_query *q, struct list *out,
            const char **next)
{
    int limit = page_limit(q);
    struct list found = { 0 };
    const char *last = NULL;
    struct rows rows;

    TRY(db_all(s, a->db, &clients_page,
               BIND(v_text(q->after ? q->after : ""), v_text(q->text ? q->text : ""), v_int(limit)),
               &rows));
    for (size_t i = 0; i < rows.count && i + 1 < (size_t)limit; i++) {
        struct oauth_client *c = list_push(s->arena, &found, struct oauth_client);

        client_read(&rows.at[i], c);
        last = c->client_id;
        TRY(roles_names(s, a->db, CALLER_CLIENT, c->id, &c->roles));
    }
    *next = rows.count == (size_t)limit ? last : NULL;
    *out = found;
    return OK;
}
