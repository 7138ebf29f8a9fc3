/* Authorities that end here. */
#include "ca/order.h"

#include "audit/audit.h"
#include "base/log.h"
#include "ca/office_in.h"
#include "jobs/outbox.h"

SQL(lock_it, "SELECT name, state FROM authority WHERE id = $1 @lock");
SQL(pending_requests, "SELECT COUNT(*) FROM request WHERE authority = $1 AND disposition = 2");
SQL(valid_certificates, "SELECT COUNT(*) FROM certificate WHERE authority = $1 AND state = 1 AND "
                        "not_after > $2 AND protocol <> 'internal'");
SQL(retire_it, "UPDATE authority SET enabled = 0, offers_enrollment = 0, state = 2, "
               "version = version + 1 WHERE id = $1");
SQL(retire_keys, "UPDATE ca_key SET state = $2 WHERE authority = $1 AND state < $2");
SQL(key_places, "SELECT key_uri FROM ca_key WHERE authority = $1 AND key_uri <> ''");

struct retiring {
    int64_t id;
    bool destroy;
    const char *name;
    const struct audit_actor *actor;
};

static enum err
count(struct scope *s, struct tx *tx, struct sql *sql, struct values values, int64_t *out)
{
    struct row row;

    TRY(tx_one(s, tx, sql, values, &row));
    *out = row_int(&row);
    return OK;
}

static enum err
retire_in(struct scope *s, struct tx *tx, void *arg)
{
    struct retiring *r = arg;
    struct row row;
    int64_t left;
    enum err e = tx_one(s, tx, &lock_it, BIND(v_int(r->id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NO_CA, "certificate authority %lld not found", (long long)r->id);
    TRY(e);
    r->name = row_text(&row);
    TRY(count(s, tx, &pending_requests, BIND(v_int(r->id)), &left));
    if (left)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "%lld requests to %s are pending",
                         (long long)left, r->name);
    if (r->destroy) {
        TRY(count(s, tx, &valid_certificates, BIND(v_int(r->id), v_when(clock_now())), &left));
        if (left)
            return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                             "%lld certificates of %s are valid: without its key nobody could "
                             "revoke them",
                             (long long)left, r->name);
    }
    TRY(tx_do(s, tx, &retire_it, BIND(v_int(r->id))));
    TRY(tx_do(s, tx, &retire_keys, BIND(v_int(r->id), v_int(r->destroy ? KEY_OVER : KEY_RETIRED))));
    TRY(audit_add(s, tx,
                  &(struct audit_event){
                      .action = AUDIT_CA_DELETE,
                      .actor = r->actor,
                      .target = { "ca", arena_printf(s->arena, "%lld", (long long)r->id), r->name },
                      .message = r->destroy ? "its keys are destroyed" : NULL,
                  }));
    return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, r->id, NULL);
}

enum err
ca_retire(struct scope *s, struct ca_office *office, int64_t id, bool destroy_keys,
          const struct audit_actor *actor)
{
    struct retiring r = { .id = id, .destroy = destroy_keys, .actor = actor };
    struct rows rows;

    TRY(db_all(s, office->o.db, &key_places, BIND(v_int(id)), &rows));
    TRY(db_write(s, office->o.db, retire_in, &r));
    TRY(ca_office_reload(s, office));
    for (size_t i = 0; destroy_keys && i < rows.count; i++) {
        const char *uri = row_text(&rows.at[i]);

        TRY(note(s, signer_destroy(s, &office->env, uri),
                 "the authority is retired, but a key of it is still there"));
        log_warn(s, "the key %s is destroyed", uri);
    }
    return OK;
}
