#include "audit/retain.h"

#include "audit/checkpoint.h"
#include "audit/export.h"
#include "audit/removed.h"
#include "audit/rows.h"
#include "audit/verify.h"
#include "base/fault.h"
#include "base/metric.h"
#include "seal/keyring.h"
#include "seal/private_file.h"

#include <string.h>

#define FILE_EVENTS 20000
#define FILE_MAX ((size_t)1 << 30)
#define PAGE 1000  /* events that one question fetches */
#define BATCH 1000 /* events that one transaction removes */

COUNTER(removed_total, "chancery_audit_removed_total",
        "Audit events that were exported and removed.");
GAUGE(oldest, "chancery_audit_oldest_timestamp_seconds",
      "When the oldest event was written that the record still has.");

/* The end of an interval that nothing straddles: the last one that is old enough and near enough.
 */
SQL(range_of,
    "SELECT MAX(p.to_seq) FROM audit_checkpoint p JOIN audit a ON a.lane = p.lane AND a.seq = "
    "p.to_seq WHERE p.lane = $1 AND p.to_seq >= $2 AND p.to_seq < $3 AND a.ts < $4 AND NOT EXISTS "
    "(SELECT 1 FROM audit_checkpoint o WHERE o.lane = p.lane AND o.from_seq <= p.to_seq AND "
    "o.to_seq > p.to_seq)");
SQL(chains, "SELECT c.lane, COALESCE((SELECT MAX(r.to_seq) FROM audit_removed r WHERE "
            "r.lane = c.lane), 0) FROM audit_chain c ORDER BY c.lane");
SQL(range_page, "SELECT " AUDIT_ROW_COLUMNS " FROM audit a WHERE a.lane = $1 AND a.seq >= $2 AND "
                "a.seq <= $3 ORDER BY a.seq LIMIT $4");
SQL(range_oldest, "SELECT MIN(ts) FROM audit");
SQL(removed_insert,
    "INSERT INTO audit_removed (lane, from_seq, to_seq, prev, last, key_id, signature, file, "
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
SQL(held_from, "SELECT MIN(h.from_at) FROM legal_hold h WHERE h.certificate IS NULL AND "
               "h.lifted_at IS NULL");
SQL(left_over, "SELECT MIN(a.seq) FROM audit a WHERE a.lane = $1 AND a.seq <= $2");
SQL(events_remove, "DELETE FROM audit WHERE lane = $1 AND seq >= $2 AND seq <= $3");
SQL(checkpoints_remove, "DELETE FROM audit_checkpoint WHERE lane = $1 AND to_seq <= $2");

/** What leaves. */
struct range {
    int64_t lane, from, to;
};

static enum err
range_find(struct scope *s, struct db *db, struct when before, struct range *out)
{
    struct rows lanes;
    struct row held;

    *out = (struct range){ 0 };
    TRY(db_one(s, db, &held_from, BIND_NONE, &held));
    if (!row_null(&held)) { /* what comes before a hold goes, nothing else */
        struct when from = row_when(&held);

        before = when_cmp(from, before) < 0 ? from : before;
    }
    TRY(db_all(s, db, &chains, BIND_NONE, &lanes));
    for (size_t i = 0; i < lanes.count && !out->to; i++) {
        struct range r = { .lane = row_int(&lanes.at[i]) };
        struct row row;

        r.from = row_int(&lanes.at[i]) + 1;
        TRY(db_one(s, db, &range_of,
                   BIND(v_int(r.lane), v_int(r.from), v_int(r.from + FILE_EVENTS), v_when(before)),
                   &row));
        r.to = row_int(&row); /* none: NULL, which reads as 0 */
        if (r.to)
            *out = r;
    }
    return OK;
}

static void
add_line(struct buf *file, const char *line)
{
    buf_text(file, line);
    buf_byte(file, '\n');
}

/** The events of R and their checkpoints, as lines. */
static enum err
lines_of(struct scope *s, struct db *db, const struct range *r, struct buf *file)
{
    struct list checkpoints = { 0 };

    for (int64_t next = r->from; next <= r->to;) {
        struct rows rows;

        TRY(db_all(s, db, &range_page, BIND(v_int(r->lane), v_int(next), v_int(r->to), v_int(PAGE)),
                   &rows));
        if (!rows.count)
            break;
        for (size_t i = 0; i < rows.count; i++) {
            struct audit_row row = { 0 };

            audit_row_read(s->arena, &rows.at[i], &row);
            add_line(file, audit_row_json(s->arena, &row));
            next = row.seq + 1;
        }
    }
    TRY(audit_export_checkpoints(s, db, r->lane, r->from, r->to, &checkpoints));
    LIST_EACH(const char *, line, &checkpoints)
    add_line(file, *line);
    return buf_str(file) ? OK : fail(s, E_LIMIT, "an export of audit events is larger than 1 GiB");
}

/** See that FILE is sound and is R, all of it under checkpoints; OUT receives where it ends. */
static enum err
lines_check(struct scope *s, struct db *db, struct bytes file, const struct range *r,
            struct removed *out)
{
    struct audit_report report;
    const struct audit_part *part;
    const struct audit_break *b;
    struct bytes prev;
    const char *keys;

    TRY(audit_checkpoint_keys(s, db, &keys));
    TRY(audit_verify_export(s, file, keys, &report));
    if (!report.intact) {
        b = list_at(&report.breaks, struct audit_break, 0);
        return fail(s, E_INVALID, "audit chain %lld is broken at %lld, so nothing is removed: %s",
                    (long long)b->lane, (long long)b->seq, b->reason);
    }
    part = report.parts.count == 1 ? list_at(&report.parts, struct audit_part, 0) : NULL;
    if (!part || part->from != r->from || part->to != r->to || report.unsealed ||
        !hex_decode(s->arena, part->prev, &prev) || prev.len != sizeof out->prev)
        return fail(s, E_INVALID, "audit chain %lld has holes up to %lld, so nothing is removed",
                    (long long)r->lane, (long long)r->to);
    out->lane = r->lane;
    out->from = r->from;
    out->to = r->to;
    memcpy(out->prev, prev.data, sizeof out->prev);
    memcpy(out->last, part->last, sizeof out->last);
    return OK;
}

static enum err
removed_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct removed *r = arg;
    struct arena *a = s->arena;
    struct audit_change facts[] = {
        { "chain", NULL, arena_printf(a, "%lld", (long long)r->lane), AUDIT_IS_JSON },
        { "file", NULL, r->file, AUDIT_IS_TEXT },
        { "from", NULL, arena_printf(a, "%lld", (long long)r->from), AUDIT_IS_JSON },
        { "last", NULL, hex_lower(a, (struct bytes){ r->last, sizeof r->last }), AUDIT_IS_TEXT },
        { "to", NULL, arena_printf(a, "%lld", (long long)r->to), AUDIT_IS_JSON },
    };

    TRY(tx_do(s, tx, &removed_insert,
              BIND(v_int(r->lane), v_int(r->from), v_int(r->to),
                   v_bytes((struct bytes){ r->prev, sizeof r->prev }),
                   v_bytes((struct bytes){ r->last, sizeof r->last }), v_text(r->kid),
                   v_bytes(r->signature), v_text(r->file), v_when(r->at))));
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_AUDIT_REMOVE,
            .target = { "audit_chain", arena_printf(a, "lane-%lld", (long long)r->lane), NULL },
            .changes = facts,
            .change_count = COUNT(facts),
        });
}

static enum err
batch_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct range *r = arg;

    TRY(tx_do(s, tx, &events_remove, BIND(v_int(r->lane), v_int(r->from), v_int(r->to))));
    return tx_do(s, tx, &checkpoints_remove, BIND(v_int(r->lane), v_int(r->to)));
}

/** Remove what is exported and still there, few at a time, so that nobody waits long. */
static enum err
sweep(struct scope *s, struct db *db)
{
    struct rows lanes;

    TRY(db_all(s, db, &chains, BIND_NONE, &lanes));
    for (size_t i = 0; i < lanes.count; i++) {
        struct range r = { .lane = row_int(&lanes.at[i]) };
        int64_t end = row_int(&lanes.at[i]);
        struct row row;

        for (;;) {
            TRY(db_one(s, db, &left_over, BIND(v_int(r.lane), v_int(end)), &row));
            r.from = row_int(&row);
            if (!r.from)
                break;
            r.to = MIN(r.from + BATCH - 1, end);
            TRY(db_write(s, db, batch_in, &r));
            crash_point("audit.removing");
        }
    }
    return OK;
}

enum err
audit_retain(struct scope *s, struct db *db, struct seal *seal, const struct audit_retention *r,
             int64_t *removed)
{
    AUTO(buf_done) struct buf file;
    struct removed end = { .at = clock_now() };
    struct keyring_key key;
    struct range range;
    struct row row;

    buf_init(&file, FILE_MAX);
    *removed = 0;
    TRY(sweep(s, db));
    TRY(range_find(s, db, r->before, &range));
    if (range.to) {
        TRY(lines_of(s, db, &range, &file));
        TRY(lines_check(s, db, buf_bytes(&file), &range, &end));
        TRY(keyring_signer(s, db, seal, "audit", (struct key_spec){ .type = KEY_ED25519 }, &key));
        end.kid = key.kid;
        TRY(key_sign(s, key.key, SIG_ED25519, removed_text(s->arena, &end), &end.signature));
        end.file = arena_printf(s->arena, "audit-%lld-%lld-%lld.jsonl", (long long)end.lane,
                                (long long)end.from, (long long)end.to);
        add_line(&file, removed_line(s->arena, &end, key.spki));
        TRY(private_file_write(s, arena_printf(s->arena, "%s/%s", r->dir, end.file),
                               buf_bytes(&file), true));
        crash_point("audit.exported");
        TRY(note(s, db_write(s, db, removed_in, &end), "removing audit events"));
        TRY(sweep(s, db));
        *removed = end.to - end.from + 1;
        metric_add(&removed_total, (double)*removed);
    }
    TRY(db_one(s, db, &range_oldest, BIND_NONE, &row));
    metric_set(&oldest, (double)row_int(&row) / 1000);
    return OK;
}
