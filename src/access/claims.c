#include "access/claims.h"

#include "access/holds.h"
#include "access/manage.h"

#include <string.h>

static const struct {
    const char *ours, *command;
} types[] = { [CLAIM_NONE] = { "", "" },
#define CLAIM(name, ours, command) [CLAIM_##name] = { ours, command },
              CLAIM_TYPES
#undef CLAIM
};

#define COLUMNS                                                                           \
    "c.id, c.version, c.type, c.value, c.provider, c.description, COALESCE(u.name, ''), " \
    "c.created_at "
#define FROM_CLAIM "FROM claim c LEFT JOIN app_user u ON u.id = c.app_user "

SQL(claim_insert, "INSERT INTO claim (type, value, value_folded, provider, description, app_user, "
                  "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id");
SQL(claim_row, "SELECT " COLUMNS FROM_CLAIM "WHERE c.id = $1");
SQL(claim_lock, "SELECT id FROM claim WHERE id = $1 @lock");
SQL(claims_page,
    "SELECT " COLUMNS FROM_CLAIM
    "WHERE c.id > $1 AND ($2 = '' OR c.type = $2) AND ($3 = '' OR c.value_folded = $3) "
    "AND ($4 = '' OR c.provider = $4) ORDER BY c.id LIMIT $5");
SQL(claim_update, "UPDATE claim SET description = $2, version = version + 1 WHERE id = $1");
SQL(claim_user, "UPDATE claim SET app_user = $2 WHERE id = $1");
SQL(claim_drop, "DELETE FROM claim WHERE id = $1");
SQL(claim_leaves, "DELETE FROM role_member WHERE member_kind = 4 AND member_id = $1");
SQL(claim_by_value,
    "SELECT id, value, app_user FROM claim WHERE type = $1 AND value_folded = $2 AND "
    "(provider = '' OR provider = $3) ORDER BY id");
SQL(claim_like, "SELECT id FROM claim WHERE type = $1 AND value_folded = $2 AND provider = $3");
SQL(user_by_account, "SELECT id FROM app_user WHERE login = $1 AND domain = $2");

const char *
claim_type_name(enum claim_type type)
{
    return types[type < CLAIM_TYPE_END ? type : CLAIM_NONE].ours;
}

const char *
claim_type_command(enum claim_type type)
{
    return types[type < CLAIM_TYPE_END ? type : CLAIM_NONE].command;
}

enum claim_type
claim_type_parse(const char *name)
{
    for (int t = CLAIM_NONE + 1; name && t < CLAIM_TYPE_END; t++)
        if (text_eq_fold(name, types[t].ours) || text_eq_fold(name, types[t].command))
            return (enum claim_type)t;
    return CLAIM_NONE;
}

static void
claim_read(struct row *row, struct claim *out)
{
    *out = (struct claim){ .id = row_int(row) };
    out->version = row_int(row);
    out->type = claim_type_parse(row_text(row));
    out->value = row_text(row);
    out->provider = row_text(row);
    out->description = row_text(row);
    out->user = row_text(row);
    out->created = row_when(row);
    out->roles_given = true;
}

const char *
claim_folded(struct arena *a, enum claim_type type, const char *value)
{
    char *text = text_fold(a, value), *to = text;
    const char *domain, *name;

    if ((type == CLAIM_USER || type == CLAIM_COMPUTER) &&
        access_name_split(a, value, &domain, &name) && *domain)
        return arena_printf(a, "%s\\%s", domain, name);
    if (type != CLAIM_CERT_THUMBPRINT)
        return text;
    for (const char *from = text; *from; from++)
        if (*from != ':' && *from != ' ')
            *to++ = *from;
    *to = '\0';
    return text;
}

static struct audit_object
claim_object(struct scope *s, const struct claim *c)
{
    return (
        struct audit_object){ "claim", arena_printf(s->arena, "%lld", (long long)c->id),
                              arena_printf(s->arena, "%s %s", claim_type_name(c->type), c->value) };
}

static enum err
not_there(struct scope *s, enum err e, int64_t id)
{
    return e == E_NOT_FOUND
               ? fail_code(s, e, CHY_NOT_FOUND, "claim %lld was not found", (long long)id)
               : e;
}

/** A change of a claim on its way through its transaction. */
struct claim_change {
    struct change c;
    const struct claim *in;
    struct claim result;
};

/** The id of the account a claim names, as a value; NULL when it names none. Its bearers get in. */
static enum err
user_value(struct scope *s, struct tx *tx, const struct change *c, const char *account,
           struct value *out)
{
    const char *domain, *login;
    struct row row;
    enum err e = E_NOT_FOUND;

    *out = v_null();
    if (text_empty(account))
        return OK;
    if (access_name_split(s->arena, account, &domain, &login))
        e = tx_one(s, tx, &user_by_account, BIND(v_text(login), v_text(domain)), &row);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        problem(s, "user", CHY_BAD_VALUE, "there is no account \"%s\"", account);
        return problems_check(s);
    }
    TRY(e);
    *out = v_int(row_int(&row));
    return holds_account(s, tx, c->by, CALLER_USER, out->number);
}

static enum err
present_claim(struct scope *s, struct tx *tx, int64_t id, int64_t version, struct claim *out)
{
    struct row row;

    TRY(not_there(s, tx_one(s, tx, &claim_lock, BIND(v_int(id)), &row), id));
    TRY(tx_one(s, tx, &claim_row, BIND(v_int(id)), &row));
    claim_read(&row, out);
    TRY(version_check(s, version, out->version, "the claim"));
    return roles_names_in(s, tx, CALLER_CLAIM, id, &out->roles);
}

static void
claim_judge(struct scope *s, const struct claim *in)
{
    const char *digits;
    size_t len;

    if (in->type == CLAIM_NONE)
        problem(s, "type", CHY_BAD_VALUE, "there is no such type of claim");
    if (text_empty(in->value))
        problem(s, "value", CHY_MISSING, "a claim has a value");
    text_judge(s, "value", in->value, 1024);
    text_judge(s, "provider", in->provider, 64);
    text_judge(s, "description", in->description, 1024);
    if (in->type != CLAIM_CERT_THUMBPRINT || text_empty(in->value))
        return;
    digits = claim_folded(s->arena, in->type, in->value);
    len = strlen(digits);
    if ((len != 40 && len != 64) || strspn(digits, "0123456789abcdef") != len)
        problem(s, "value", CHY_BAD_VALUE,
                "a thumbprint is SHA-1 or SHA-256 in hex: 40 or 64 digits");
}

static enum err
insert(struct scope *s, struct tx *tx, struct claim_change *c)
{
    const struct claim *in = c->in;
    struct value user;
    struct row row;
    int64_t id;

    c->c.changes = (struct list){ 0 };
    TRY(user_value(s, tx, &c->c, in->user, &user));
    TRY(tx_one(s, tx, &claim_insert,
               BIND(v_text(claim_type_name(in->type)), v_text(in->value),
                    v_text(claim_folded(s->arena, in->type, in->value)),
                    v_text(in->provider ? in->provider : ""),
                    v_text(in->description ? in->description : ""), user, v_when(clock_now())),
               &row));
    id = row_int(&row);
    change_text(s, &c->c, "user", "", in->user ? in->user : "");
    TRY(roles_replace(s, tx, &c->c, CALLER_CLAIM, id, &in->roles));
    TRY(present_claim(s, tx, id, 0, &c->result));
    return change_tell(s, tx, &c->c, AUDIT_CLAIM_CREATE, claim_object(s, &c->result), NULL);
}

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    return insert(s, tx, arg);
}

enum err
claim_put(struct scope *s, struct tx *tx, struct access *a, const struct caller *by,
          const struct claim *in, int64_t *id)
{
    struct claim_change c = { .c = { .a = a, .by = by }, .in = in };
    struct row row;
    enum err e = tx_one(s, tx, &claim_like,
                        BIND(v_text(claim_type_name(in->type)),
                             v_text(claim_folded(s->arena, in->type, in->value)),
                             v_text(in->provider ? in->provider : "")),
                        &row);

    if (e != E_NOT_FOUND) {
        TRY(e);
        *id = row_int(&row);
        return OK;
    }
    scope_clear(s);
    claim_judge(s, in);
    TRY(problems_check(s));
    TRY(insert(s, tx, &c));
    *id = c.result.id;
    return OK;
}

enum err
claim_add(struct scope *s, struct access *a, const struct caller *by, const struct claim *in,
          struct claim *out)
{
    struct claim_change c = { .c = { .a = a, .by = by }, .in = in };
    enum err e;

    claim_judge(s, in);
    TRY(problems_check(s));
    e = db_write(s, a->db, add_in, &c);
    if (db_is_unique_conflict(s, e))
        return fail_code(s, E_CONFLICT, CHY_CONFLICT, "there is a claim %s \"%s\" already",
                         claim_type_name(in->type), in->value);
    TRY(e);
    access_forget(a, NULL);
    if (out)
        *out = c.result;
    return OK;
}

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    struct claim_change *c = arg;
    const struct claim *in = c->in;
    const char *description;
    struct claim old;
    struct value user;

    c->c.changes = (struct list){ 0 };
    TRY(present_claim(s, tx, in->id, in->version, &old));
    description = in->description ? in->description : old.description;
    if (in->user && !text_eq(in->user, old.user)) {
        TRY(user_value(s, tx, &c->c, in->user, &user));
        TRY(tx_do(s, tx, &claim_user, BIND(v_int(in->id), user)));
    }
    TRY(tx_do(s, tx, &claim_update, BIND(v_int(in->id), v_text(description))));
    if (in->roles_given)
        TRY(roles_replace(s, tx, &c->c, CALLER_CLAIM, in->id, &in->roles));
    TRY(present_claim(s, tx, in->id, 0, &c->result));
    change_text(s, &c->c, "description", old.description, c->result.description);
    change_text(s, &c->c, "user", old.user, c->result.user);
    return change_tell(s, tx, &c->c, AUDIT_CLAIM_EDIT, claim_object(s, &c->result), NULL);
}

enum err
claim_edit(struct scope *s, struct access *a, const struct caller *by, const struct claim *in,
           struct claim *out)
{
    struct claim_change c = { .c = { .a = a, .by = by }, .in = in };

    text_judge(s, "description", in->description, 1024);
    TRY(problems_check(s));
    TRY(db_write(s, a->db, edit_in, &c));
    access_forget(a, NULL);
    if (out)
        *out = c.result;
    return OK;
}

static enum err
delete_in(struct scope *s, struct tx *tx, void *arg)
{
    struct claim_change *c = arg;
    struct claim old;

    TRY(present_claim(s, tx, c->in->id, c->in->version, &old));
    TRY(tx_do(s, tx, &claim_leaves, BIND(v_int(old.id))));
    TRY(tx_do(s, tx, &claim_drop, BIND(v_int(old.id))));
    return change_tell(s, tx, &c->c, AUDIT_CLAIM_DELETE, claim_object(s, &old), NULL);
}

enum err
claim_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id,
             int64_t version)
{
    struct claim in = { .id = id, .version = version };
    struct claim_change c = { .c = { .a = a, .by = by }, .in = &in };

    TRY(db_write(s, a->db, delete_in, &c));
    access_forget(a, NULL);
    return OK;
}

enum err
claim_get(struct scope *s, struct access *a, int64_t id, struct claim *out)
{
    struct row row;

    TRY(not_there(s, db_one(s, a->db, &claim_row, BIND(v_int(id)), &row), id));
    claim_read(&row, out);
    return roles_names(s, a->db, CALLER_CLAIM, id, &out->roles);
}

enum err
claim_list(struct scope *s, struct access *a, const struct claim_query *q, struct list *out,
           int64_t *next)
{
    struct principal_query page = { .limit = q->limit };
    const char *value = q->value ? claim_folded(s->arena, q->type, q->value) : "";
    int limit = page_limit(&page);
    struct list found = { 0 };
    int64_t last = 0;
    struct rows rows;

    TRY(db_all(s, a->db, &claims_page,
               BIND(v_int(q->after), v_text(claim_type_name(q->type)), v_text(value),
                    v_text(q->provider ? q->provider : ""), v_int(limit)),
               &rows));
    for (size_t i = 0; i < rows.count && i + 1 < (size_t)limit; i++) {
        struct claim *c = list_push(s->arena, &found, struct claim);

        claim_read(&rows.at[i], c);
        TRY(roles_names(s, a->db, CALLER_CLAIM, c->id, &c->roles));
        last = c->id;
    }
    *next = rows.count == (size_t)limit ? last : 0;
    *out = found;
    return OK;
}

/** `ana` of `CONTOSO\ana` and of `ana@contoso.com`; a domain has no case. */
static const char *
login_of(struct scope *s, const char *account)
{
    const char *backslash = strchr(account, '\\'), *at = strrchr(account, '@');

    return backslash ? backslash + 1
           : at      ? arena_text_n(s->arena, account, (size_t)(at - account))
                     : account;
}

enum err
claims_find(struct scope *s, struct db *db, const char *provider, const struct list *said,
            struct claims_found *out)
{
    struct claims_found found = { 0 };

    LIST_EACH(struct claim_said, c, said)
    {
        struct rows rows;

        TRY(db_all(s, db, &claim_by_value,
                   BIND(v_text(claim_type_name(c->type)),
                        v_text(claim_folded(s->arena, c->type, c->value)), v_text(provider)),
                   &rows));
        for (size_t i = 0; i < rows.count; i++) {
            int64_t id = row_int(&rows.at[i]), user;
            const char *value = row_text(&rows.at[i]);

            if (c->exact && !text_eq(login_of(s, value), login_of(s, c->value)))
                continue;
            list_add(s->arena, &found.ids, int64_t, id);
            user = row_null(&rows.at[i]) ? 0 : row_int(&rows.at[i]);
            found.contradicts |= user && found.user && user != found.user;
            found.user = user ? user : found.user;
        }
    }
    *out = found;
    return OK;
}
