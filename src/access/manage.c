#include "access/manage.h"

#include "access/holds.h"
#include "jobs/outbox.h"
#include "pki/hash.h"
#include <string.h>

void
change_text(struct scope *s, struct change *c, const char *field, const char *before,
            const char *after)
{
    struct audit_change one = { .field = field, .before = before, .after = after };

    if (!text_eq(before, after))
        list_add(s->arena, &c->changes, struct audit_change, one);
}

enum err
change_tell(struct scope *s, struct tx *tx, const struct change *c, enum audit_action action,
            struct audit_object target, const char *message)
{
    struct audit_event event = { .action = action,
                                 .actor = &c->by->actor,
                                 .target = target,
                                 .changes = c->changes.items,
                                 .change_count = c->changes.count,
                                 .message = message };
    bool one = text_eq(target.type, "user") || text_eq(target.type, "client");

    TRY(audit_add(s, tx, &event));
    return outbox_add(s, tx, EVENT_ACCESS_CHANGED, 0, one ? target.id : NULL);
}

void
text_judge(struct scope *s, const char *path, const char *text, size_t max)
{
    if (!text)
        return;
    if (strlen(text) > max)
        problem(s, path, CHY_TOO_LARGE, "at most %zu bytes", max);
    else if (text_has_control(text))
        problem(s, path, CHY_BAD_TEXT, "control characters are not allowed");
}

int
page_limit(const struct principal_query *q)
{
    return (q->limit <= 0 ? 50 : MIN(q->limit, 1000)) + 1;
}

SQL(role_id_by_name, "SELECT id, name FROM role WHERE name_folded = $1");
SQL(member_insert, "INSERT INTO role_member (role, member_kind, member_id) VALUES ($1, $2, $3) "
                   "ON CONFLICT (role, member_kind, member_id) DO NOTHING");
SQL(member_clear, "DELETE FROM role_member WHERE member_kind = $1 AND member_id = $2");
SQL(member_roles, "SELECT r.name FROM role_member m JOIN role r ON r.id = m.role "
                  "WHERE m.member_kind = $1 AND m.member_id = $2 ORDER BY r.name_folded");

enum err
roles_by_name(struct scope *s, struct tx *tx, const struct list *names, struct list *ids)
{
    struct list found = { 0 };

    for (size_t i = 0; i < names->count; i++) {
        const char *name = *list_at(names, const char *, i);
        struct row row;
        enum err e = tx_one(s, tx, &role_id_by_name, BIND(v_text(text_fold(s->arena, name))), &row);

        if (e == E_NOT_FOUND) {
            problem(s, arena_printf(s->arena, "roles[%zu]", i), CHY_BAD_VALUE,
                    "there is no role \"%s\"", name);
            continue;
        }
        TRY(e);
        list_add(s->arena, &found, int64_t, row_int(&row));
    }
    TRY(problems_check(s));
    *ids = found;
    return OK;
}

static void
names_read(struct scope *s, struct rows *rows, struct list *out)
{
    struct list names = { 0 };

    for (size_t i = 0; i < rows->count; i++)
        list_add(s->arena, &names, const char *, row_text(&rows->at[i]));
    *out = names;
}

enum err
roles_names_in(struct scope *s, struct tx *tx, enum caller_kind kind, int64_t id, struct list *out)
{
    struct rows rows;

    TRY(tx_all(s, tx, &member_roles, BIND(v_int(kind), v_int(id)), &rows));
    names_read(s, &rows, out);
    return OK;
}

enum err
roles_names(struct scope *s, struct db *db, enum caller_kind kind, int64_t id, struct list *out)
{
    struct rows rows;

    TRY(db_all(s, db, &member_roles, BIND(v_int(kind), v_int(id)), &rows));
    names_read(s, &rows, out);
    return OK;
}

/** What is given must be held: the roles NAMES, as far as they are not among BEFORE. */
static enum err
new_roles_check(struct scope *s, struct tx *tx, const struct caller *by, const struct list *names,
                const struct list *ids, const struct list *before)
{
    for (size_t i = 0; i < ids->count; i++)
        if (!list_has_fold(before, *list_at(names, const char *, i)))
            TRY(holds_role(s, tx, by, *list_at(ids, int64_t, i)));
    return OK;
}

static const char *
joined(struct scope *s, const struct list *names)
{
    struct buf text;

    buf_init_in(&text, s->arena, (size_t)32 * 1024);
    for (size_t i = 0; i < names->count; i++)
        buf_printf(&text, "%s%s", i > 0 ? ", " : "", *list_at(names, const char *, i));
    return buf_str(&text);
}

enum err
roles_replace(struct scope *s, struct tx *tx, struct change *c, enum caller_kind kind, int64_t id,
              const struct list *names)
{
    struct list ids, before, after;

    TRY(roles_by_name(s, tx, names, &ids));
    TRY(roles_names_in(s, tx, kind, id, &before));
    TRY(new_roles_check(s, tx, c->by, names, &ids, &before));
    TRY(tx_do(s, tx, &member_clear, BIND(v_int(kind), v_int(id))));
    LIST_EACH(int64_t, role, &ids)
    TRY(tx_do(s, tx, &member_insert, BIND(v_int(*role), v_int(kind), v_int(id))));
    TRY(roles_names_in(s, tx, kind, id, &after));
    change_text(s, c, "roles", joined(s, &before), joined(s, &after));
    return OK;
}

SQL(administrator_lock, "SELECT id FROM role WHERE name_folded = 'administrator' @lock");
SQL(administrators,
    "SELECT (SELECT COUNT(*) FROM role_member m JOIN app_user u ON u.id = m.member_id "
    "WHERE m.role = $1 AND m.member_kind = 1 AND u.enabled = 1) + "
    "(SELECT COUNT(*) FROM role_member m JOIN oauth_client c ON c.id = m.member_id "
    "WHERE m.role = $1 AND m.member_kind = 2 AND c.enabled = 1)");

enum err
administrators_count(struct scope *s, struct tx *tx, int64_t *count)
{
    struct row row;

    TRY(tx_one(s, tx, &administrator_lock, BIND_NONE, &row));
    TRY(tx_one(s, tx, &administrators, BIND(v_int(row_int(&row))), &row));
    *count = row_int(&row);
    return OK;
}

enum err
administrators_check(struct scope *s, struct tx *tx, int64_t before)
{
    int64_t now;

    TRY(administrators_count(s, tx, &now));
    if (before > 0 && now == 0)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                         "nobody would be left in the role " ROLE_ADMINISTRATOR);
    return OK;
}

enum err
name_hold(struct scope *s, struct tx *tx, const char *name)
{
    uint8_t anchor[SHA256_LEN];

    hash_sha256(
        bytes_of_text(arena_printf(s->arena, "app_user name %s", text_fold(s->arena, name))),
        anchor);
    return tx_anchor(s, tx, (struct bytes){ anchor, SHA256_LEN });
}
