#include "access/holds.h"

#include "access/grants.h"
#include "access/role_in.h"

SQL(held_by_role, "SELECT permission, scope_kind, scope_id FROM permission_grant WHERE role = $1");
SQL(held_by_account, "SELECT g.permission, g.scope_kind, g.scope_id FROM role_member m "
                     "JOIN role r ON r.id = m.role JOIN permission_grant g ON g.role = r.id "
                     "WHERE m.member_kind = $1 AND m.member_id = $2 AND r.enabled = 1");

static bool
holds(const struct caller *by, const struct grant *g)
{
    if (by->grants->all)
        return true;
    if (g->permission != PERM_ALL)
        return access_may(by, g->permission, g->on, g->object);
    if (g->on == GRANT_GLOBAL) /* what will be, too: administrators alone */
        return false;
    for (int p = PERM_NONE + 1; p < PERM_END; p++)
        if (!access_may(by, (enum permission)p, g->on, g->object))
            return false;
    return true;
}

enum err
holds_grant(struct scope *s, const struct caller *by, const struct grant *g)
{
    const struct permission_info *info = permission_info(g->permission);

    if (holds(by, g))
        return OK;
    return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                     "User %s does not have the required permissions: %s. Nobody gives what they "
                     "do not hold.",
                     by->name, info->v1[0] ? info->v1 : info->name);
}

enum err
holds_grants(struct scope *s, const struct caller *by, const struct list *grants)
{
    LIST_EACH(struct grant, g, grants)
    TRY(holds_grant(s, by, g));
    return OK;
}

/** What this program does not know, a newer one does: administrators alone give it. */
static enum err
holds_rows(struct scope *s, const struct caller *by, struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct grant g;

        if (!grant_of_row(&rows->at[i], &g))
            g = (struct grant){ .permission = PERM_ALL };
        TRY(holds_grant(s, by, &g));
    }
    return OK;
}

enum err
holds_role(struct scope *s, struct tx *tx, const struct caller *by, int64_t role)
{
    struct rows rows;

    TRY(tx_all(s, tx, &held_by_role, BIND(v_int(role)), &rows));
    return holds_rows(s, by, &rows);
}

enum err
holds_account(struct scope *s, struct tx *tx, const struct caller *by, enum caller_kind kind,
              int64_t id)
{
    struct rows rows;

    TRY(tx_all(s, tx, &held_by_account, BIND(v_int(kind), v_int(id)), &rows));
    return holds_rows(s, by, &rows);
}
