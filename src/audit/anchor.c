#include "audit/anchor.h"

#include "audit/walk.h"

SQL(heads_now, "SELECT lane, seq, hash FROM audit_chain ORDER BY lane");
SQL(hash_of, "SELECT hash FROM audit WHERE lane = $1 AND seq = $2");

enum err
audit_heads(struct scope *s, struct db *db, struct list *out)
{
    struct list heads = { 0 };
    struct rows rows;

    TRY(db_all(s, db, &heads_now, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct audit_head *h = list_push(s->arena, &heads, struct audit_head);

        h->lane = row_int(&rows.at[i]);
        h->seq = row_int(&rows.at[i]);
        h->hash = hex_lower(s->arena, row_bytes(&rows.at[i]));
    }
    *out = heads;
    return OK;
}

static void
missed(struct scope *s, struct audit_report *report, const struct audit_head *h, const char *why)
{
    struct audit_break *b;

    report->intact = false;
    if (report->breaks.count >= BREAKS_MAX)
        return;
    b = list_push(s->arena, &report->breaks, struct audit_break);
    *b = (struct audit_break){ .lane = h->lane, .seq = h->seq, .reason = why };
}

SQL(removed_with, "SELECT to_seq, last, file FROM audit_removed WHERE lane = $1 AND to_seq >= $2 "
                  "ORDER BY to_seq LIMIT 1");

/** An event that is not here may have been exported: the end of each file is kept. */
static enum err
removed_check(struct scope *s, struct db *db, const struct audit_head *h,
              struct audit_report *report)
{
    struct row row;
    enum err e = db_one(s, db, &removed_with, BIND(v_int(h->lane), v_int(h->seq)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        missed(s, report, h, "the anchor knows this event, and it is not here");
        return OK;
    }
    TRY(e);
    if (row_int(&row) == h->seq) {
        if (!text_eq_fold(hex_lower(s->arena, row_bytes(&row)), h->hash))
            missed(s, report, h, "the anchor knows another event here");
        return OK;
    }
    (void)row_bytes(&row);
    missed(s, report, h,
           arena_printf(s->arena,
                        "the event was exported to %s and removed: verify with that file, too",
                        row_text(&row)));
    return OK;
}

enum err
audit_heads_check(struct scope *s, struct db *db, const struct list *heads,
                  struct audit_report *report)
{
    LIST_EACH(struct audit_head, h, heads)
    {
        struct row row;
        enum err e = db_one(s, db, &hash_of, BIND(v_int(h->lane), v_int(h->seq)), &row);

        if (e == E_NOT_FOUND) {
            scope_clear(s);
            TRY(removed_check(s, db, h, report));
            continue;
        }
        TRY(e);
        if (!text_eq_fold(hex_lower(s->arena, row_bytes(&row)), h->hash))
            missed(s, report, h, "the anchor knows another event here");
    }
    return OK;
}
