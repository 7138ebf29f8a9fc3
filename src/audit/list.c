/* Reading the record: pages, single events, and their exported form. */
#include "audit/canonical.h"
#include "audit/rows.h"

#include "pki/hash.h"

#include <string.h>

/** A page's question while it is put together. */
struct question {
    struct buf text;
    struct value values[16];
    size_t count;
};

/** Add ` AND CONDITION` with the next parameter in the place of `?`. */
static void
restrict_to(struct question *q, const char *condition, struct value v)
{
    const char *hole = strchr(condition, '?');

    q->values[q->count++] = v;
    buf_text(&q->text, " AND ");
    buf_add(&q->text, condition, (size_t)(hole - condition));
    buf_printf(&q->text, "$%zu", q->count);
    buf_text(&q->text, hole + 1);
}

/** A cursor is "ts.lane.seq". */
static enum err
cursor_read(struct scope *s, const char *cursor, int64_t at[3])
{
    const char *p = cursor;

    for (int i = 0; i < 3; i++) {
        size_t len = strcspn(p, ".");

        if (!text_to_int(arena_text_n(s->arena, p, len), &at[i]) || (p[len] == '.') != (i < 2))
            return fail_code(s, E_INVALID, CHY_BAD_VALUE, "after: this is no cursor of this list");
        p += len + 1;
    }
    return OK;
}

static enum err
question_build(struct scope *s, const struct audit_query *in, struct question *q)
{
    const char *order = in->oldest_first ? "ASC" : "DESC";
    int64_t at[3];

    buf_init_in(&q->text, s->arena, 4096);
    buf_text(&q->text, "SELECT " AUDIT_ROW_COLUMNS " FROM audit a WHERE 1 = 1");
    if (when_given(in->from) && in->from.ms)
        restrict_to(q, "ts >= ?", v_when(in->from));
    if (when_given(in->until) && in->until.ms)
        restrict_to(q, "ts < ?", v_when(in->until));
    if (in->lane)
        restrict_to(q, "lane = ?", v_int(in->lane));
    if (in->category)
        restrict_to(q, "category = ?", v_text(in->category));
    if (in->action)
        restrict_to(q, "action = ?", v_text(in->action));
    if (in->outcome)
        restrict_to(q, "outcome = ?", v_text(in->outcome));
    if (in->actor_name)
        restrict_to(q, "actor_name = ?", v_text(in->actor_name));
    if (in->target_type)
        restrict_to(q, "target_type = ?", v_text(in->target_type));
    if (in->target_id)
        restrict_to(q, "target_id = ?", v_text(in->target_id));
    if (in->after) {
        size_t n = q->count;

        TRY(cursor_read(s, in->after, at));
        for (int i = 0; i < 3; i++)
            q->values[q->count++] = v_int(at[i]);
        buf_printf(&q->text, " AND (ts, lane, seq) %c ($%zu, $%zu, $%zu)",
                   in->oldest_first ? '>' : '<', n + 1, n + 2, n + 3);
    }
    q->values[q->count++] = v_int(in->limit + 1);
    buf_printf(&q->text, " ORDER BY ts %s, lane %s, seq %s LIMIT $%zu", order, order, order,
               q->count);
    return OK;
}

void
audit_row_read(struct arena *a, struct row *row, struct audit_row *out)
{
    struct canonical_view view = { 0 };
    const char *fault;

    out->lane = row_int(row);
    out->seq = row_int(row);
    out->at = row_when(row);
    out->id = row_text(row);
    out->category = row_text(row);
    out->action = row_text(row);
    out->outcome = row_text(row);
    out->text = row_text(row);
    out->hash = hex_lower(a, row_bytes(row));
    if (!canonical_read(bytes_of_text(out->text), &view, &fault))
        return; /* a damaged text is shown as it is: verifying tells */
    out->level = canonical_plain(a, view.level);
    out->actor_type = canonical_plain(a, view.actor_type);
    out->actor_id = canonical_plain(a, view.actor_id);
    out->actor_name = canonical_plain(a, view.actor_name);
    out->target_type = canonical_plain(a, view.target_type);
    out->target_id = canonical_plain(a, view.target_id);
    out->target_name = canonical_plain(a, view.target_name);
    out->message = canonical_plain(a, view.message);
}

enum err
audit_list(struct scope *s, struct db *db, const struct audit_query *in, struct list *out,
           const char **next)
{
    struct audit_query query = *in;
    struct question q = { 0 };
    struct list found = { 0 };
    struct rows rows;
    bool more;

    query.limit = in->limit <= 0 ? 50 : MIN(in->limit, 1000);
    TRY(question_build(s, &query, &q));
    TRY(db_query(s, db, buf_str(&q.text), (struct values){ q.values, q.count }, &rows));
    more = rows_cut(&rows, query.limit);
    *next = NULL;
    for (size_t i = 0; i < rows.count; i++)
        audit_row_read(s->arena, &rows.at[i], list_push(s->arena, &found, struct audit_row));
    if (more) {
        const struct audit_row *last = list_last(&found, struct audit_row);

        *next = arena_printf(s->arena, "%lld.%lld.%lld", (long long)last->at.ms,
                             (long long)last->lane, (long long)last->seq);
    }
    *out = found;
    return OK;
}

/** The time in a ULID: its first ten characters, in Crockford's base 32. */
static bool
ulid_time(const char *id, int64_t *ms)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    int64_t value = 0;

    if (strlen(id) != 26)
        return false;
    for (int i = 0; i < 10; i++) {
        const char *digit = strchr(digits, id[i]);

        if (!digit)
            return false;
        value = value * 32 + (digit - digits);
    }
    *ms = value;
    return true;
}

/* An event's time and that in its id are taken in the same call, so the index on time finds the id.
 */
SQL(event_by_id,
    "SELECT " AUDIT_ROW_COLUMNS " FROM audit a WHERE id = $1 AND ts >= $2 AND ts <= $3 LIMIT 1");

enum err
audit_get(struct scope *s, struct db *db, const char *id, struct audit_row *out)
{
    struct audit_row found = { 0 };
    struct row row;
    int64_t ms;

    if (!ulid_time(id, &ms))
        return fail(s, E_NOT_FOUND, "there is no audit event %s", id);
    TRY(note(s,
             db_one(s, db, &event_by_id,
                    BIND(v_text(id), v_int(ms - MINUTE_MS), v_int(ms + MINUTE_MS)), &row),
             "audit event %s", id));
    audit_row_read(s->arena, &row, &found);
    *out = found;
    return OK;
}

SQL(event_at, "SELECT " AUDIT_ROW_COLUMNS " FROM audit a WHERE lane = $1 AND seq = $2");

enum err
audit_at(struct scope *s, struct db *db, int64_t lane, int64_t seq, struct audit_row *out)
{
    struct audit_row found = { 0 };
    struct row row;

    TRY(note(s, db_one(s, db, &event_at, BIND(v_int(lane), v_int(seq)), &row),
             "event %lld of audit chain %lld", (long long)seq, (long long)lane));
    audit_row_read(s->arena, &row, &found);
    *out = found;
    return OK;
}

char *
audit_row_json(struct arena *a, const struct audit_row *row)
{
    struct canonical_view view = { 0 };
    const char *fault, *text = row->text, *rest;

    if (!canonical_read(bytes_of_text(text), &view, &fault) || !view.category.data || !view.id.data)
        return arena_printf(a, "{\"chain\":%lld,\"damaged\":true,\"hash\":\"%s\",\"seq\":%lld}",
                            (long long)row->lane, row->hash, (long long)row->seq);
    rest = (const char *)view.category.data + view.category.len + 2; /* what follows `",` is "id" */
    return arena_printf(a, "%.*s\"chain\":%lld,\"hash\":\"%s\",%s", (int)(rest - text), text,
                        (long long)row->lane, row->hash, rest);
}
