/* What may be changed of an authority that there is. */
#include "ca/order.h"

#include "audit/audit.h"
#include "ca/office_in.h"
#include "jobs/outbox.h"

#define RETIRED 2 /* authority.state */

SQL(lock_edited, "SELECT version, name, host, enabled, offers_enrollment, state FROM authority "
                 "WHERE id = $1 @lock");
SQL(change_authority, "UPDATE authority SET host = $2, enabled = $3, offers_enrollment = $4, "
                      "version = version + 1 WHERE id = $1");

struct editing {
    const struct ca_edit *edit;
    const struct audit_actor *actor;
};

static const char *
truth(bool yes)
{
    return yes ? "true" : "false";
}

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct editing *w = arg;
    const struct ca_edit *in = w->edit;
    const char *name, *host;
    bool enabled, offers, on;
    struct row row;
    int64_t version;
    enum err e = tx_one(s, tx, &lock_edited, BIND(v_int(in->id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NO_CA, "certificate authority %lld not found",
                         (long long)in->id);
    TRY(e);
    version = row_int(&row);
    name = row_text(&row);
    host = row_text(&row);
    enabled = row_bool(&row);
    offers = row_bool(&row);
    TRY(version_check(s, in->version, version, arena_printf(s->arena, "authority %s", name)));
    if (row_int(&row) == RETIRED)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "authority %s is retired", name);
    on = in->offers.given ? in->offers.value : offers;
    {
        const struct audit_change changes[] = {
            { "host", host, in->host ? in->host : host, AUDIT_IS_TEXT },
            { "offers_enrollment", truth(offers), truth(on), AUDIT_IS_TEXT },
            { "enabled", truth(enabled), truth(enabled || (in->offers.given && on)),
              AUDIT_IS_TEXT },
        };
        struct list told = { 0 };

        for (size_t i = 0; i < COUNT(changes); i++)
            if (!text_eq(changes[i].before, changes[i].after))
                list_add(s->arena, &told, struct audit_change, changes[i]);
        if (!told.count)
            return OK;
        TRY(tx_do(s, tx, &change_authority,
                  BIND(v_int(in->id), v_text(in->host ? in->host : host),
                       v_bool(enabled || (in->offers.given && on)), v_bool(on))));
        TRY(audit_add(
            s, tx,
            &(struct audit_event){
                .action = AUDIT_CA_EDIT,
                .actor = w->actor,
                .target = { "ca", arena_printf(s->arena, "%lld", (long long)in->id), name },
                .changes = told.items,
                .change_count = told.count,
            }));
    }
    return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, in->id, NULL);
}

enum err
ca_change(struct scope *s, struct ca_office *office, const struct ca_edit *edit,
          const struct audit_actor *actor)
{
    struct editing w = { edit, actor };

    TRY(db_write(s, office->o.db, edit_in, &w));
    return ca_office_reload(s, office);
}
