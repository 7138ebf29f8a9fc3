/* The strict signing journal: serials that were written down, signed perhaps, and never entered. */
#include "ca/office_in.h"

#include "audit/audit.h"
#include "base/log.h"
#include "jobs/jobs.h"

#define WAIT_MS (10 * MINUTE_MS) /* no enrollment takes that long */

SQL(orphans, "SELECT j.issuer_hash, j.serial, j.ca_key, j.crl_shard FROM signing_journal j LEFT "
             "JOIN certificate "
             "c ON c.serial = j.serial AND c.issuer_hash = j.issuer_hash AND c.ca_key = j.ca_key "
             "WHERE j.burnt_at IS NULL AND j.created_at < $1 AND j.created_at >= $2 AND c.id IS "
             "NULL ORDER BY j.created_at LIMIT 1000");
SQL(burn, "UPDATE signing_journal SET burnt_at = $3 WHERE issuer_hash = $1 AND serial = $2 AND "
          "burnt_at IS NULL");
SQL(burnt_one, "SELECT burnt_at FROM signing_journal WHERE issuer_hash = $1 AND serial = $2 AND "
               "burnt_at IS NOT NULL");

struct burning {
    struct ca_office *office;
    const struct ca_snapshot *snap;
    struct rows *rows;
    struct when now;
};

static enum err
burn_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct burning *b = arg;

    for (size_t i = 0; i < b->rows->count; i++) {
        struct row row = b->rows->at[i];
        struct bytes issuer = row_bytes(&row), serial = row_bytes(&row);
        const struct ca_key *key = ca_key_by_id(b->snap, row_int(&row));
        int64_t shard = row_int(&row), changed;

        TRY(tx_count(s, tx, &burn, BIND(v_bytes(issuer), v_bytes(serial), v_when(b->now)),
                     &changed));
        if (!changed)
            continue;
        TRY(audit_add(s, tx,
                      &(struct audit_event){
                          .action = AUDIT_CA_SERIAL_BURNT,
                          .target = { "serial", hex_upper(s->arena, serial),
                                      key ? key->cert->subject.text : NULL },
                      }));
        if (key)
            TRY(crl_want(s, tx, b->office, key, shard, false));
    }
    return OK;
}

enum err
journal_burn(struct scope *s, struct ca_office *office)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    struct burning b = { .office = office, .snap = snap, .now = clock_now() };
    struct when since = office->journal_read ? when_add_ms(b.now, -DAY_MS) : WHEN_S(0);
    struct rows rows;

    do {
        TRY(db_all(s, office->o.db, &orphans,
                   BIND(v_when(when_add_ms(b.now, -WAIT_MS)), v_when(since)), &rows));
        b.rows = &rows;
        if (!rows.count)
            break;
        TRY(db_write(s, office->o.db, burn_in, &b));
        log_warn(s, "%zu serial numbers of the signing journal have no certificate and are burnt",
                 rows.count);
        jobs_wake();
    } while (rows.count == 1000);
    office->journal_read = true;
    return OK;
}

enum err
journal_burnt(struct scope *s, struct ca_office *office, struct bytes issuer_hash,
              struct bytes serial, struct when *at)
{
    struct row row;

    TRY(db_one(s, office->o.db, &burnt_one, BIND(v_bytes(issuer_hash), v_bytes(serial)), &row));
    *at = row_when(&row);
    return OK;
}
