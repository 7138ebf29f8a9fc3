#include "audit/removed.h"
#include "audit/walk.h"

#include "base/metric.h"
#include "seal/keyring.h"

#include <string.h>

GAUGE(chain_ok, "chancery_audit_chain_ok", "0 when the last verification found a break, else 1.");
GAUGE(verified, "chancery_audit_chain_verified_sequence",
      "How many events the last verification read.");

#define EVENTS                                                                                   \
    "SELECT seq, ts, id, category, action, outcome, actor_name, target_type, target_id, event, " \
    "hash "                                                                                      \
    "FROM audit WHERE lane = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq"

CONSTRUCTOR static void
nothing_broken_yet(void)
{
    metric_set(&chain_ok, 1);
}

/* The next chain that has events, a head or checkpoints; walked by key, since the table may be
 * long. */
SQL(next_lane, "SELECT MIN(lane) FROM (SELECT MIN(lane) AS lane FROM audit WHERE lane > $1 "
               "UNION ALL SELECT MIN(lane) FROM audit_chain WHERE lane > $1 "
               "UNION ALL SELECT MIN(lane) FROM audit_checkpoint WHERE lane > $1 "
               "UNION ALL SELECT MIN(lane) FROM audit_removed WHERE lane > $1) l");
/* A head and the last event as one statement sees them: a running server appends meanwhile. */
SQL(head_and_last,
    "SELECT c.seq, c.hash, COALESCE((SELECT MAX(a.seq) FROM audit a WHERE a.lane = $1), 0) "
    "FROM audit_chain c WHERE c.lane = $1");
SQL(last_only, "SELECT COALESCE(MAX(seq), 0) FROM audit WHERE lane = $1");
/* Every checkpoint is told of in an event, which may stand in any chain. */
#define TOLD                                                                       \
    "SELECT event FROM audit WHERE target_type = 'audit_checkpoint' AND action = " \
    "'chain.checkpoint'"
SQL(intervals_of,
    "SELECT " INTERVAL_COLUMNS
    " FROM audit_checkpoint WHERE lane = $1 AND from_seq >= $2 AND from_seq <= $3 AND to_seq <= $4 "
    "ORDER BY from_seq, to_seq");

/** The state of a chain before it is read. */
struct end {
    bool has_head;
    int64_t head, last;
    struct bytes hash;
};

static enum err
end_of(struct scope *s, struct db *db, int64_t lane, struct end *out)
{
    struct row row;
    enum err e = db_one(s, db, &head_and_last, BIND(v_int(lane)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        TRY(db_one(s, db, &last_only, BIND(v_int(lane)), &row));
        *out = (struct end){ .last = row_int(&row) };
        return OK;
    }
    TRY(e);
    out->has_head = true;
    out->head = row_int(&row);
    out->hash = row_bytes(&row);
    out->last = row_int(&row);
    return OK;
}

bool
interval_of_row(struct row *row, int64_t lane, struct interval *out)
{
    struct interval i = { .lane = lane };
    struct bytes root;

    i.from = row_int(row);
    i.to = row_int(row);
    root = row_bytes(row);
    if (root.len)
        memcpy(i.root, root.data, MIN(root.len, sizeof i.root));
    i.kid = row_text(row);
    i.signature = row_bytes(row);
    i.at = row_when(row);
    *out = i;
    return root.len == sizeof i.root;
}

static enum err
intervals_read(struct scope *s, struct db *db, struct values which, struct list *out)
{
    struct list intervals = { 0 };
    struct rows rows;
    int64_t lane = which.at[0].number;

    TRY(db_all(s, db, &intervals_of, which, &rows));
    for (size_t n = 0; n < rows.count; n++) {
        /* a root that is none is found where it is compared */
        (void)interval_of_row(&rows.at[n], lane, list_push(s->arena, &intervals, struct interval));
    }
    *out = intervals;
    return OK;
}

enum err
interval_list(struct scope *s, struct db *db, int64_t lane, int64_t from, int64_t to,
              struct list *out)
{
    return intervals_read(s, db, BIND(v_int(lane), v_int(from), v_int(to), v_int(to)), out);
}

/** What a checkpoint covers. */
struct span_of_events {
    int64_t lane, from, to;
};

/** A verification under way. */
struct check {
    struct db *db;
    const struct audit_range *range;
    struct walk w;
    struct list told; /* of struct span_of_events: which checkpoints were made, by lane, from */
    size_t told_next; /* the first that is of no chain read so far */
};

/** One row of TOLD. An event that does not read well is found where it stands in its chain. */
static enum err
told_read(struct scope *s, struct row *row, void *arg)
{
    AUTO(scope_free) struct scope *own = scope_new("audit"); /* keeps S small over a long record */
    struct check *c = arg;
    const struct json *list;
    struct interval i;

    if (intervals_of_event(own, bytes_of_text(row_text(row)), &list) != OK)
        return OK;
    for (size_t n = 0; n < json_count(list); n++)
        if (interval_read(own, json_item(list, n), &i) == OK)
            *list_push(s->arena, &c->told, struct span_of_events) =
                (struct span_of_events){ i.lane, i.from, i.to };
    return OK;
}

static int
told_order(const void *a, const void *b)
{
    const struct span_of_events *x = a, *y = b;

    if (x->lane != y->lane)
        return x->lane < y->lane ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

/** Whether checkpoint I is among those of its chain, which are sorted by their beginnings. */
static bool
is_there(const struct span_of_events *i, const struct list *intervals)
{
    size_t low = 0, high = intervals->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (list_at(intervals, struct interval, middle)->from < i->from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < intervals->count && list_at(intervals, struct interval, low)->from == i->from;
}

/** Whoever deletes a checkpoint leaves the event that tells of it. */
static void
told_check(struct check *c, struct span_of_events seen, const struct list *intervals)
{
    for (; c->told_next < c->told.count; c->told_next++) {
        const struct span_of_events *i = list_at(&c->told, struct span_of_events, c->told_next);

        if (i->lane > seen.lane)
            break;
        if (i->lane == seen.lane && i->from >= seen.from &&
            (c->range->to <= 0 || i->to <= seen.to) && !c->w.broken && !is_there(i, intervals))
            walk_missing(&c->w, i->from, i->to);
    }
}

/** One row of EVENTS; a broken chain ends the reading. */
static enum err
event_read(struct scope *s, struct row *row, void *arg)
{
    struct walk *w = arg;
    struct walk_columns c;
    int64_t seq = row_int(row);
    const char *text;

    (void)s;
    c.at = row_when(row);
    c.id = row_text(row);
    c.category = row_text(row);
    c.action = row_text(row);
    c.outcome = row_text(row);
    c.actor_name = row_text(row);
    c.target_type = row_text(row);
    c.target_id = row_text(row);
    text = row_text(row);
    return walk_event(w, seq, bytes_of_text(text), row_bytes(row), &c) ? OK : E_LIMIT;
}

/** Where what is left of a chain begins, and what its first event names. */
struct beginning {
    int64_t seq;
    uint8_t prev[AUDIT_HASH_LEN];
    const char *fault; /* NULL: none */
};

static enum err
beginning_of(struct scope *s, struct check *c, int64_t lane, struct beginning *out)
{
    struct beginning b = { .seq = 1 };
    struct list removed;

    TRY(removed_list(s, c->db, lane, &removed));
    b.fault = removed_fault(s, &removed, c->w.keys);
    if (removed.count) {
        const struct removed *last = list_last(&removed, struct removed);

        b.seq = last->to + 1;
        memcpy(b.prev, last->last, sizeof b.prev);
    }
    *out = b;
    return OK;
}

static enum err
chain_walk(struct scope *s, struct check *c, int64_t lane)
{
    const struct audit_range *range = c->range;
    struct beginning begin;
    struct end end = { 0 };
    struct list intervals;
    int64_t from, up_to;
    bool whole;
    enum err e;

    TRY(beginning_of(s, c, lane, &begin));
    from = MAX(range->from, begin.seq);
    whole = from == begin.seq && range->to <= 0;
    TRY(end_of(s, c->db, lane, &end));
    up_to = MAX(end.head, end.last);
    if (range->to > 0)
        up_to = MIN(up_to, range->to);
    TRY(intervals_read(
        s, c->db,
        BIND(v_int(lane), v_int(0), v_int(range->to > 0 ? up_to : INT64_MAX), v_int(INT64_MAX)),
        &intervals));
    walk_begin(&c->w, lane, &intervals);
    if (begin.fault)
        walk_fault(&c->w, begin.seq, begin.fault);
    if (from == begin.seq)
        walk_behind(&c->w, from, begin.prev);
    e = db_each(s, c->db, EVENTS, BIND(v_int(lane), v_int(MAX(from - 1, begin.seq)), v_int(up_to)),
                event_read, &c->w);
    if (e != OK && !c->w.broken)
        return e;
    if (e != OK)
        scope_clear(s);
    if (whole && end.has_head)
        walk_end(&c->w, end.head, end.hash);
    else if (whole)
        walk_end(&c->w, 0, (struct bytes){ NULL, 0 }); /* no head: any event is one too many */
    else
        c->w.open = NULL;
    told_check(c, (struct span_of_events){ lane, MAX(range->from, begin.seq), up_to }, &intervals);
    return OK;
}

SQL(removals, "SELECT COUNT(*) FROM audit_removed WHERE lane = $1");

static enum err
removals_of(struct scope *s, struct db *db, int64_t lane, int64_t *out)
{
    struct row row;

    TRY(db_one(s, db, &removals, BIND(v_int(lane)), &row));
    *out = row_int(&row);
    return OK;
}

/** Events may be removed while we read: then the chain is read again. */
static enum err
chain_verify(struct scope *s, struct check *c, int64_t lane)
{
    struct audit_report before = *c->w.report;
    size_t told = c->told_next;
    int64_t then, now;

    for (;;) {
        TRY(removals_of(s, c->db, lane, &then));
        TRY(chain_walk(s, c, lane));
        if (!c->w.broken)
            return OK;
        TRY(removals_of(s, c->db, lane, &now));
        if (now == then)
            return OK;
        *c->w.report = before;
        c->told_next = told;
    }
}

/** The chain behind LANE that has anything left, if only a word of its checkpoints; 0: none. */
static enum err
lane_after(struct scope *s, const struct check *c, int64_t lane, int64_t *out)
{
    const struct span_of_events *told = c->told_next < c->told.count
                                            ? list_at(&c->told, struct span_of_events, c->told_next)
                                            : NULL;
    struct row row;

    TRY(db_one(s, c->db, &next_lane, BIND(v_int(lane)), &row));
    *out = row_null(&row) ? 0 : row_int(&row);
    if (told && told->lane > lane && (*out == 0 || told->lane < *out))
        *out = told->lane;
    return OK;
}

static enum err
chains_verify(struct scope *s, struct check *c)
{
    int64_t lane = c->range->lane ? c->range->lane - 1 : 0;

    /* first what is told, then what is there: a running server makes more meanwhile */
    TRY(db_each(s, c->db, TOLD, BIND_NONE, told_read, c));
    list_sort(&c->told, told_order);
    for (;;) {
        TRY(lane_after(s, c, lane, &lane));
        if (lane == 0 || (c->range->lane && lane != c->range->lane))
            return OK;
        TRY(chain_verify(s, c, lane));
    }
}

enum err
audit_verify(struct scope *s, struct db *db, const struct audit_range *range,
             struct audit_report *report)
{
    struct audit_report found = { .intact = true };
    struct list keys = { 0 };
    struct check c = { .db = db, .range = range, .w = { .s = s, .report = &found, .keys = &keys } };
    int64_t began = clock_mono_us();
    enum err e = keyring_public(s, db, "audit", &keys);

    if (e == OK)
        e = chains_verify(s, &c);
    walk_done(&c.w);
    TRY(note(s, e, "verifying the audit record"));
    found.micros = clock_mono_us() - began;
    metric_set(&chain_ok, found.intact ? 1 : 0);
    metric_set(&verified, (double)found.events);
    *report = found;
    return OK;
}
