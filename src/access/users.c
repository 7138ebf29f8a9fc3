#include "access/manage.h"

#include "access/api_tokens.h"
#include "access/holds.h"
#include "access/password.h"
#include <string.h>

#define COLUMNS \
    "id, version, name, display_name, email, enabled, created_at, last_login_at, locked_until "

/* Credentials count from the time: what was made for an account that is gone opens none that is
 * given its number. */
SQL(user_insert, "INSERT INTO app_user (name, login, domain, display_name, email, password_hash, "
                 "enabled, created_at, credential_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
                 "$8) RETURNING id");
SQL(user_of_name, "SELECT id FROM app_user WHERE LOWER(name) = LOWER($1)");
SQL(user_row, "SELECT " COLUMNS "FROM app_user WHERE id = $1");
SQL(user_row_lock, "SELECT " COLUMNS "FROM app_user WHERE id = $1 @lock");
SQL(user_row_by_login, "SELECT " COLUMNS "FROM app_user WHERE login = $1 AND (domain = $2 OR "
                       "domain = '' OR $2 = '')");
SQL(users_page, "SELECT " COLUMNS ", login FROM app_user WHERE login > $1 AND ($2 = '' OR "
                "@contains(login, $2)) ORDER BY login LIMIT $3");
SQL(user_update,
    "UPDATE app_user SET display_name = $2, email = $3, enabled = $4, "
    "credential_version = credential_version + $5, version = version + 1 WHERE id = $1");
SQL(user_new_password, "UPDATE app_user SET password_hash = $2, failures = 0, locked_until = NULL, "
                       "credential_version = credential_version + 1, version = version + 1 "
                       "WHERE id = $1");
SQL(user_unlocked, "UPDATE app_user SET failures = 0, locked_until = NULL WHERE id = $1");
SQL(user_drop, "DELETE FROM app_user WHERE id = $1");
SQL(user_claims, "SELECT COUNT(*) FROM claim WHERE app_user = $1");
SQL(user_leaves, "DELETE FROM role_member WHERE member_kind = 1 AND member_id = $1");

static void
user_read(struct row *row, struct user *out)
{
    *out = (struct user){ .id = row_int(row) };
    out->version = row_int(row);
    out->account = row_text(row);
    out->display_name = row_text(row);
    out->email = row_text(row);
    out->enabled = (struct opt_bool){ .given = true, .value = row_bool(row) };
    out->created = row_when(row);
    out->last_login = row_when(row);
    out->locked_until = row_when(row);
    out->roles_given = true;
}

static struct audit_object
user_object(struct scope *s, const struct user *u)
{
    return (struct audit_object){ "user", principal_id_text(s->arena, CALLER_USER, u->id),
                                  u->account };
}

static enum err
not_there(struct scope *s, enum err e, int64_t id)
{
    return e == E_NOT_FOUND
               ? fail_code(s, e, CHY_NOT_FOUND, "user %lld was not found", (long long)id)
               : e;
}

/** A change of a user on its way through its transaction. */
struct user_change {
    struct change c;
    const struct user *in;
    const char *domain, *login, *hash;
    struct user result;
};

/** Read the user as they are, locked, checked against the version that was read. */
static enum err
present_user(struct scope *s, struct tx *tx, int64_t id, int64_t version, struct user *out)
{
    struct row row;

    TRY(not_there(s, tx_one(s, tx, &user_row_lock, BIND(v_int(id)), &row), id));
    user_read(&row, out);
    return version_check(s, version, out->version, "the user");
}

static enum err
result_read(struct scope *s, struct tx *tx, struct user_change *u, int64_t id)
{
    struct row row;

    TRY(tx_one(s, tx, &user_row, BIND(v_int(id)), &row));
    user_read(&row, &u->result);
    return roles_names_in(s, tx, CALLER_USER, id, &u->result.roles);
}

static void
user_judge(struct scope *s, const struct user *in)
{
    text_judge(s, "display_name", in->display_name, 256);
    text_judge(s, "email", in->email, 320);
}

/** Who came from elsewhere may have the name already: requests and the record go by names. */
static enum err
name_check(struct scope *s, struct tx *tx, const char *name)
{
    struct rows rows;

    TRY(name_hold(s, tx, name));
    TRY(tx_all(s, tx, &user_of_name, BIND(v_text(name)), &rows));
    return rows.count
               ? fail_code(s, E_CONFLICT, CHY_CONFLICT, "there is an account \"%s\" already", name)
               : OK;
}

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct user_change *u = arg;
    const struct user *in = u->in;
    bool enabled = !in->enabled.given || in->enabled.value;
    struct row row;
    int64_t id;

    u->c.changes = (struct list){ 0 };
    TRY(name_check(s, tx, in->account));
    TRY(tx_one(s, tx, &user_insert,
               BIND(v_text(in->account), v_text(u->login), v_text(u->domain),
                    v_text(in->display_name), v_text(in->email), v_text(u->hash), v_bool(enabled),
                    v_when(clock_now())),
               &row));
    id = row_int(&row);
    change_text(s, &u->c, "display_name", NULL, in->display_name);
    change_text(s, &u->c, "email", NULL, in->email);
    TRY(roles_replace(s, tx, &u->c, CALLER_USER, id, &in->roles));
    TRY(result_read(s, tx, u, id));
    return change_tell(s, tx, &u->c, AUDIT_USER_CREATE, user_object(s, &u->result), NULL);
}

void
account_judge(struct scope *s, const char *field, const char *account, const char **domain,
              const char **login)
{
    if (!access_name_split(s->arena, account, domain, login))
        problem(s, field, CHY_BAD_VALUE,
                "an account is name, DOMAIN\\name or name@domain, at most "
                "256 bytes without control characters");
    else if (strchr(account, ':')) /* RFC 7617 section 2 */
        problem(s, field, CHY_BAD_VALUE,
                "a name with a colon cannot log in: HTTP Basic ends the name there");
}

enum err
user_add(struct scope *s, struct access *a, const struct caller *by, const struct user *in,
         const char *password, struct user *out)
{
    struct user_change u = { .c = { .a = a, .by = by }, .in = in };
    enum err e;

    account_judge(s, "name", in->account, &u.domain, &u.login);
    user_judge(s, in);
    if (password)
        password_judge(s, "password", password);
    TRY(problems_check(s));
    if (password)
        TRY(password_hash(s, password, &u.hash));
    e = db_write(s, a->db, add_in, &u);
    if (db_is_unique_conflict(s, e))
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "there is an account \"%s\" already",
                         u.login);
    TRY(e);
    if (out)
        *out = u.result;
    return OK;
}

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    struct user_change *u = arg;
    const struct user *in = u->in;
    const char *display_name, *email;
    int64_t administrators = 0;
    struct user old;
    bool enabled;

    u->c.changes = (struct list){ 0 };
    TRY(administrators_count(s, tx, &administrators));
    TRY(present_user(s, tx, in->id, in->version, &old));
    display_name = in->display_name ? in->display_name : old.display_name;
    email = in->email ? in->email : old.email;
    enabled = in->enabled.given ? in->enabled.value : old.enabled.value;
    change_text(s, &u->c, "display_name", old.display_name, display_name);
    change_text(s, &u->c, "email", old.email, email);
    change_text(s, &u->c, "enabled", old.enabled.value ? "true" : "false",
                enabled ? "true" : "false");
    if (enabled && !old.enabled.value)
        TRY(holds_account(s, tx, u->c.by, CALLER_USER, old.id));
    TRY(tx_do(s, tx, &user_update,
              BIND(v_int(in->id), v_text(display_name), v_text(email), v_bool(enabled),
                   v_int(old.enabled.value && !enabled ? 1 : 0))));
    if (in->roles_given)
        TRY(roles_replace(s, tx, &u->c, CALLER_USER, in->id, &in->roles));
    TRY(administrators_check(s, tx, administrators));
    TRY(result_read(s, tx, u, in->id));
    return change_tell(s, tx, &u->c, AUDIT_USER_EDIT, user_object(s, &u->result), NULL);
}

enum err
user_edit(struct scope *s, struct access *a, const struct caller *by, const struct user *in,
          struct user *out)
{
    struct user_change u = { .c = { .a = a, .by = by }, .in = in };

    user_judge(s, in);
    TRY(problems_check(s));
    TRY(db_write(s, a->db, edit_in, &u));
    access_forget(a, principal_id_text(s->arena, CALLER_USER, in->id));
    if (out)
        *out = u.result;
    return OK;
}

static enum err
password_in(struct scope *s, struct tx *tx, void *arg)
{
    struct user_change *u = arg;
    struct audit_change secret = {
        .field = "password", .before = "", .after = "", .kind = AUDIT_IS_SECRET
    };
    struct user old;

    u->c.changes = (struct list){ 0 };
    TRY(present_user(s, tx, u->in->id, u->in->version, &old));
    TRY(holds_account(s, tx, u->c.by, CALLER_USER, old.id)); /* or they would become who it is */
    TRY(tx_do(s, tx, &user_new_password, BIND(v_int(old.id), v_text(u->hash))));
    list_add(s->arena, &u->c.changes, struct audit_change, secret);
    return change_tell(s, tx, &u->c, AUDIT_USER_PASSWORD, user_object(s, &old), NULL);
}

enum err
user_set_password(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                  int64_t version, const char *password)
{
    struct user in = { .id = id, .version = version };
    struct user_change u = { .c = { .a = a, .by = by }, .in = &in };

    password_judge(s, "password", password);
    TRY(problems_check(s));
    TRY(password_hash(s, password, &u.hash));
    TRY(db_write(s, a->db, password_in, &u));
    access_forget(a, principal_id_text(s->arena, CALLER_USER, id));
    return OK;
}

static enum err
unlock_in(struct scope *s, struct tx *tx, void *arg)
{
    struct user_change *u = arg;
    struct user old;

    TRY(present_user(s, tx, u->in->id, 0, &old));
    TRY(tx_do(s, tx, &user_unlocked, BIND(v_int(old.id))));
    return change_tell(s, tx, &u->c, AUDIT_USER_UNLOCK, user_object(s, &old), NULL);
}

enum err
user_unlock(struct scope *s, struct access *a, const struct caller *by, int64_t id)
{
    struct user in = { .id = id };
    struct user_change u = { .c = { .a = a, .by = by }, .in = &in };

    return db_write(s, a->db, unlock_in, &u);
}

static enum err
delete_in(struct scope *s, struct tx *tx, void *arg)
{
    struct user_change *u = arg;
    int64_t administrators, claims;
    struct user old;
    struct row row;

    TRY(administrators_count(s, tx, &administrators));
    TRY(present_user(s, tx, u->in->id, u->in->version, &old));
    TRY(tx_one(s, tx, &user_claims, BIND(v_int(old.id)), &row));
    claims = row_int(&row);
    if (claims > 0)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "%lld claims name the account \"%s\"",
                         (long long)claims, old.account);
    TRY(api_tokens_drop(s, tx, CALLER_USER, old.id));
    TRY(tx_do(s, tx, &user_leaves, BIND(v_int(old.id))));
    TRY(tx_do(s, tx, &user_drop, BIND(v_int(old.id))));
    TRY(administrators_check(s, tx, administrators));
    return change_tell(s, tx, &u->c, AUDIT_USER_DELETE, user_object(s, &old), NULL);
}

enum err
user_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id, int64_t version)
{
    struct user in = { .id = id, .version = version };
    struct user_change u = { .c = { .a = a, .by = by }, .in = &in };

    TRY(db_write(s, a->db, delete_in, &u));
    access_forget(a, principal_id_text(s->arena, CALLER_USER, id));
    return OK;
}

enum err
user_get(struct scope *s, struct access *a, int64_t id, struct user *out)
{
    struct user found;
    struct row row;

    TRY(not_there(s, db_one(s, a->db, &user_row, BIND(v_int(id)), &row), id));
    user_read(&row, &found);
    TRY(roles_names(s, a->db, CALLER_USER, id, &found.roles));
    *out = found;
    return OK;
}

enum err
user_find(struct scope *s, struct access *a, const char *account, struct user *out)
{
    const char *domain = "", *login = "";
    struct user found;
    struct row row;
    enum err e = E_NOT_FOUND;

    if (access_name_split(s->arena, account, &domain, &login))
        e = db_one(s, a->db, &user_row_by_login, BIND(v_text(login), v_text(domain)), &row);
    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "the user \"%s\" was not found", account);
    TRY(e);
    user_read(&row, &found);
    TRY(roles_names(s, a->db, CALLER_USER, found.id, &found.roles));
    *out = found;
    return OK;
}

enum err
user_list(struct scope *s, struct access *a, const struct principal_query *q, struct list *out,
          const char **next)
{
    const char *text = text_fold(s->arena, q->text ? q->text : ""), *last = NULL;
    int limit = page_limit(q);
    struct list found = { 0 };
    struct rows rows;

    TRY(db_all(s, a->db, &users_page,
               BIND(v_text(q->after ? q->after : ""), v_text(text), v_int(limit)), &rows));
    for (size_t i = 0; i < rows.count && i + 1 < (size_t)limit; i++) {
        struct user *u = list_push(s->arena, &found, struct user);

        user_read(&rows.at[i], u);
        last = row_text(&rows.at[i]);
        TRY(roles_names(s, a->db, CALLER_USER, u->id, &u->roles));
    }
    *next = rows.count == (size_t)limit ? last : NULL;
    *out = found;
    return OK;
}
