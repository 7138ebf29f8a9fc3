#include "audit/export.h"

#include "audit/rows.h"
#include "audit/signed.h"
#include "seal/keyring.h"

#include <string.h>

#define LINE_INTERVALS 200 /* checkpoints of one line */

SQL(export_page, "SELECT " AUDIT_ROW_COLUMNS " FROM audit a WHERE (a.lane, a.seq) > ($1, $2) "
                 "AND a.lane <= $3 AND a.ts >= $4 AND a.ts < $5 "
                 "ORDER BY a.lane, a.seq LIMIT $6");
SQL(export_ends, "SELECT a.lane, MIN(a.seq), MAX(a.seq) FROM audit a WHERE a.lane >= $1 AND "
                 "a.lane <= $2 AND a.ts >= $3 AND a.ts < $4 GROUP BY a.lane ORDER BY a.lane");

static struct bytes
spki_of(const struct list *keys, const char *kid)
{
    const struct keyring_key *k = keyring_named(keys, kid);

    return k ? k->spki : (struct bytes){ NULL, 0 };
}

enum err
audit_export_checkpoints(struct scope *s, struct db *db, int64_t lane, int64_t from, int64_t to,
                         struct list *out)
{
    struct list intervals, keys;
    struct buf line;

    TRY(interval_list(s, db, lane, from, to, &intervals));
    TRY(keyring_public(s, db, "audit", &keys));
    for (size_t n = 0; n < intervals.count; n++) {
        const struct interval *i = list_at(&intervals, struct interval, n);

        if (n % LINE_INTERVALS == 0) {
            buf_init_in(&line, s->arena, AUDIT_EVENT_MAX * 4);
            buf_text(&line, CHECKPOINTS_LINE "[");
        }
        buf_text(&line, n % LINE_INTERVALS ? "," : "");
        interval_write(&line, s->arena, i, spki_of(&keys, i->kid));
        if (n % LINE_INTERVALS == LINE_INTERVALS - 1 || n == intervals.count - 1) {
            buf_text(&line, "]}");
            list_add(s->arena, out, const char *, buf_str(&line));
        }
    }
    return OK;
}

/** A cursor is "lane.seq". */
static enum err
cursor_read(struct scope *s, const char *cursor, int64_t *lane, int64_t *seq)
{
    const char *dot = strchr(cursor, '.');

    if (!dot || !text_to_int(arena_text_n(s->arena, cursor, (size_t)(dot - cursor)), lane) ||
        !text_to_int(dot + 1, seq))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE, "after: this is no cursor of this export");
    return OK;
}

enum err
audit_export(struct scope *s, struct db *db, const struct audit_export *q, struct list *out,
             const char **next)
{
    int limit = q->limit > 0 ? q->limit : 1000;
    int64_t last_lane = q->lane ? q->lane : INT64_MAX, lane = q->lane ? q->lane - 1 : 0;
    int64_t seq = q->lane ? INT64_MAX : 0;
    struct value from = v_int(when_given(q->from) ? q->from.ms : 0);
    struct value until = v_int(when_given(q->until) ? q->until.ms : INT64_MAX);
    struct list lines = { 0 };
    struct audit_row last = { 0 };
    struct rows rows;

    if (!text_empty(q->after))
        TRY(cursor_read(s, q->after, &lane, &seq));
    TRY(db_all(s, db, &export_page,
               BIND(v_int(lane), v_int(seq), v_int(last_lane), from, until, v_int(limit)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        last = (struct audit_row){ 0 };
        audit_row_read(s->arena, &rows.at[i], &last);
        list_add(s->arena, &lines, const char *, audit_row_json(s->arena, &last));
    }
    *next = NULL;
    if (rows.count == (size_t)limit) {
        *next = arena_printf(s->arena, "%lld.%lld", (long long)last.lane, (long long)last.seq);
    } else {
        TRY(db_all(s, db, &export_ends, BIND(v_int(q->lane), v_int(last_lane), from, until),
                   &rows));
        for (size_t i = 0; i < rows.count; i++) {
            int64_t of = row_int(&rows.at[i]), first = row_int(&rows.at[i]);

            TRY(audit_export_checkpoints(s, db, of, first, row_int(&rows.at[i]), &lines));
        }
    }
    *out = lines;
    return OK;
}

static enum err
told_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct audit_left *left = arg;

    return audit_add(s, tx,
                     &(struct audit_event){ .action = AUDIT_AUDIT_EXPORT,
                                            .actor = left->by,
                                            .changes = left->facts,
                                            .change_count = left->fact_count });
}

enum err
audit_export_told(struct scope *s, struct db *db, const struct audit_left *left)
{
    struct audit_left own = *left;

    return db_write(s, db, told_in, &own);
}
