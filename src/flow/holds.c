#include "flow/holds.h"

#include "base/log.h"

#define REASON_MAX 1000
#define PAGE_MAX 1000
#define COLUMNS                                                                     \
    "h.id, h.certificate, h.from_at, h.to_at, h.reason, h.placed_by, h.placed_at, " \
    "h.lifted_by, h.lifted_at, h.lifted_reason"

SQL(hold_insert, "INSERT INTO legal_hold (certificate, from_at, to_at, reason, placed_by, "
                 "placed_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id");
SQL(hold_one, "SELECT " COLUMNS " FROM legal_hold h WHERE h.id = $1");
SQL(hold_locked, "SELECT " COLUMNS " FROM legal_hold h WHERE h.id = $1 @lock");
SQL(hold_end, "UPDATE legal_hold SET lifted_by = $2, lifted_at = $3, lifted_reason = $4 "
              "WHERE id = $1");
SQL(holds_page, "SELECT " COLUMNS " FROM legal_hold h WHERE h.id > $1 AND h.lifted_at IS NULL "
                "ORDER BY h.id LIMIT $2");
SQL(holds_page_all, "SELECT " COLUMNS " FROM legal_hold h WHERE h.id > $1 ORDER BY h.id LIMIT $2");
SQL(holds_of, "SELECT " COLUMNS " FROM legal_hold h WHERE h.id > $1 AND h.certificate = $3 AND "
              "h.lifted_at IS NULL ORDER BY h.id LIMIT $2");
SQL(holds_of_all, "SELECT " COLUMNS " FROM legal_hold h WHERE h.id > $1 AND h.certificate = $3 "
                  "ORDER BY h.id LIMIT $2");
SQL(held_certificate, "SELECT MIN(h.id) FROM legal_hold h WHERE h.certificate = $1 AND "
                      "h.lifted_at IS NULL");
SQL(held_key,
    "SELECT MIN(h.id) FROM legal_hold h WHERE h.lifted_at IS NULL AND (h.certificate IN (SELECT "
    "c.id FROM certificate c WHERE c.key_hash = $1) OR h.certificate IN (SELECT c.id FROM "
    "archived_certificate c WHERE c.key_hash = $1))");

static void
read_hold(struct row *row, struct hold *out)
{
    out->id = row_int(row);
    out->certificate = row_int(row);
    out->from = row_when(row);
    out->to = row_when(row);
    out->reason = row_text(row);
    out->placed_by = row_text(row);
    out->placed_at = row_when(row);
    out->lifted_by = row_text(row);
    out->lifted_at = row_when(row);
    out->lifted_reason = row_text(row);
}

/** A hold on its way. */
struct holding {
    const struct caller *by;
    struct hold hold;
    const struct cert_row *row; /* NULL: of the audit record */
};

static enum err
tell(struct scope *s, struct tx *tx, const struct holding *h, enum audit_action action,
     const char *reason)
{
    const struct hold *hold = &h->hold;
    struct audit_change facts[] = {
        { "certificate", NULL,
          hold->certificate ? arena_printf(s->arena, "%lld", (long long)hold->certificate) : NULL,
          AUDIT_IS_TEXT },
        { "from", NULL, when_given(hold->from) ? when_rfc3339(s->arena, hold->from) : NULL,
          AUDIT_IS_TEXT },
        { "to", NULL, when_given(hold->to) ? when_rfc3339(s->arena, hold->to) : NULL,
          AUDIT_IS_TEXT },
    };

    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = action,
            .actor = &h->by->actor,
            .target = { "legal_hold", arena_printf(s->arena, "%lld", (long long)hold->id), reason },
            .changes = facts,
            .change_count = COUNT(facts),
            .reason = reason,
        });
}

static void
judge_reason(struct scope *s, const char *reason, const char *missing)
{
    if (text_empty(reason))
        problem(s, "reason", CHY_MISSING, "%s", missing);
    else if (text_code_points(reason) > REASON_MAX || text_has_control(reason))
        problem(s, "reason", CHY_BAD_VALUE, "is one line of at most %d characters", REASON_MAX);
}

static void
judge(struct scope *s, const struct hold *in)
{
    if (!in->certificate && !when_given(in->from))
        problem(s, "certificate", CHY_MISSING,
                "a hold is on a certificate, or on the audit record from audit_from on");
    if (in->certificate && (when_given(in->from) || when_given(in->to)))
        problem(s, "audit_from", CHY_BAD_VALUE,
                "a hold is on a certificate or on the audit record");
    if (when_given(in->from) && when_given(in->to) && when_cmp(in->to, in->from) < 0)
        problem(s, "audit_to", CHY_BAD_VALUE, "is before audit_from");
    judge_reason(s, in->reason, "a hold has a reason, such as the number of the case");
}

static enum err
place_in(struct scope *s, struct tx *tx, void *arg)
{
    struct holding *h = arg;
    struct hold *in = &h->hold;
    struct row row;

    if (h->row)
        TRY(tx_anchor(s, tx, h->row->key_hash));
    TRY(tx_one(s, tx, &hold_insert,
               BIND(v_id(in->certificate), v_when(in->from), v_when(in->to), v_text(in->reason),
                    v_text(in->placed_by), v_when(in->placed_at)),
               &row));
    in->id = row_int(&row);
    return tell(s, tx, h, AUDIT_HOLD_PLACE, in->reason);
}

enum err
hold_place(struct scope *s, struct flow *f, const struct caller *caller, const struct hold *in,
           struct hold *out)
{
    struct sight sight = { .caller = caller, .permission = PERM_CERTIFICATES_READ };
    struct holding h = { .by = caller, .hold = *in };
    struct cert_row row;

    judge(s, in);
    TRY(problems_check(s));
    if (in->certificate) {
        TRY(certificate_for(s, f, &sight, in->certificate, &row));
        h.row = &row;
    }
    h.hold.placed_by = caller->name;
    h.hold.placed_at = clock_now();
    h.hold.lifted_at = WHEN_NONE;
    TRY(note(s, db_write(s, f->db, place_in, &h), "placing a legal hold"));
    log_info(s, "legal hold %lld was placed", (long long)h.hold.id);
    *out = h.hold;
    return OK;
}

static enum err
no_hold(struct scope *s, int64_t id)
{
    return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "there is no legal hold %lld", (long long)id);
}

static enum err
lift_in(struct scope *s, struct tx *tx, void *arg)
{
    struct holding *h = arg;
    struct hold now = { 0 };
    struct row row;
    enum err e = tx_one(s, tx, &hold_locked, BIND(v_int(h->hold.id)), &row);

    if (e == E_NOT_FOUND)
        return no_hold(s, h->hold.id);
    TRY(e);
    read_hold(&row, &now);
    if (when_given(now.lifted_at))
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "legal hold %lld was lifted %s by %s",
                         (long long)now.id, when_rfc3339(s->arena, now.lifted_at), now.lifted_by);
    now.lifted_by = h->hold.lifted_by;
    now.lifted_at = h->hold.lifted_at;
    now.lifted_reason = h->hold.lifted_reason;
    h->hold = now;
    TRY(tx_do(s, tx, &hold_end,
              BIND(v_int(now.id), v_text(now.lifted_by), v_when(now.lifted_at),
                   v_text(now.lifted_reason))));
    return tell(s, tx, h, AUDIT_HOLD_LIFT, now.lifted_reason);
}

enum err
hold_lift(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
          const char *reason, struct hold *out)
{
    struct holding h = { .by = caller,
                         .hold = { .id = id,
                                   .lifted_by = caller->name,
                                   .lifted_at = clock_now(),
                                   .lifted_reason = reason } };

    judge_reason(s, reason, "to lift a hold has a reason");
    TRY(problems_check(s));
    TRY(db_write(s, f->db, lift_in, &h));
    log_info(s, "legal hold %lld was lifted", (long long)id);
    *out = h.hold;
    return OK;
}

enum err
hold_get(struct scope *s, struct db *db, int64_t id, struct hold *out)
{
    struct row row;
    enum err e = db_one(s, db, &hold_one, BIND(v_int(id)), &row);

    if (e == E_NOT_FOUND)
        return no_hold(s, id);
    TRY(e);
    read_hold(&row, out);
    return OK;
}

enum err
hold_list(struct scope *s, struct db *db, const struct hold_query *q, struct list *out,
          int64_t *next)
{
    int64_t limit = MIN(MAX(q->limit, INT64_C(1)), (int64_t)PAGE_MAX);
    struct rows rows;
    bool more;

    if (q->certificate)
        TRY(db_all(s, db, q->all ? &holds_of_all : &holds_of,
                   BIND(v_int(q->after), v_int(limit + 1), v_int(q->certificate)), &rows));
    else
        TRY(db_all(s, db, q->all ? &holds_page_all : &holds_page,
                   BIND(v_int(q->after), v_int(limit + 1)), &rows));
    more = rows_cut(&rows, limit);
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++)
        read_hold(&rows.at[i], list_push(s->arena, out, struct hold));
    *next = more ? list_last(out, struct hold)->id : 0;
    return OK;
}

enum err
hold_on_certificate(struct scope *s, struct tx *tx, const struct cert_row *row, int64_t *hold)
{
    struct row found;

    TRY(tx_anchor(s, tx, row->key_hash));
    TRY(tx_one(s, tx, &held_certificate, BIND(v_int(row->id)), &found));
    *hold = row_int(&found); /* none: NULL, which reads as 0 */
    return OK;
}

enum err
hold_on_key(struct scope *s, struct tx *tx, struct bytes key_hash, int64_t *hold)
{
    struct row found;

    TRY(tx_anchor(s, tx, key_hash));
    TRY(tx_one(s, tx, &held_key, BIND(v_bytes(key_hash)), &found));
    *hold = row_int(&found);
    return OK;
}
