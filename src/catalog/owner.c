#include "catalog/owner.h"

#include "audit/audit.h"
#include "catalog/edit.h"
#include "jobs/outbox.h"

SQL(owned, "SELECT (SELECT n.text FROM name n WHERE n.id = c.dn), COALESCE(c.owner_role, 0), "
           "(SELECT r.name FROM role r WHERE r.id = c.owner_role), (SELECT r.name FROM role r "
           "WHERE r.id = $2) FROM certificate c WHERE c.id = $1 @lock");
SQL(owner_write, "UPDATE certificate SET owner_role = $2, version = version + 1 WHERE id = $1");

struct giving {
    const struct caller *by;
    int64_t certificate, role;
};

static enum err
give_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct giving *g = arg;
    struct list changes = { 0 };
    const char *dn, *before;
    struct row row;
    enum err e = tx_one(s, tx, &owned, BIND(v_int(g->certificate), v_int(g->role)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NO_CERT, "certificate %lld not found",
                         (long long)g->certificate);
    TRY(e);
    dn = row_text(&row);
    if (row_int(&row) == g->role)
        return OK;
    before = row_text(&row);
    edit_tell(s, &changes, "owner", before, row_text(&row));
    TRY(tx_do(s, tx, &owner_write,
              BIND(v_int(g->certificate), g->role ? v_int(g->role) : v_null())));
    TRY(audit_add(s, tx,
                  &(struct audit_event){
                      .action = AUDIT_CERTIFICATE_METADATA,
                      .actor = &g->by->actor,
                      .target = { "certificate",
                                  arena_printf(s->arena, "%lld", (long long)g->certificate), dn },
                      .changes = changes.items,
                      .change_count = changes.count,
                      .message = g->role ? "A certificate was given to a role."
                                         : "A certificate was taken from its owner." }));
    return outbox_add(s, tx, EVENT_CERT_CHANGED, g->certificate, NULL);
}

enum err
certificate_give(struct scope *s, struct db *db, const struct caller *by, int64_t certificate,
                 int64_t role)
{
    struct giving g = { by, certificate, role };

    return db_write(s, db, give_in, &g);
}
