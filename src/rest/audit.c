/* The audit record. */
#include "audit/anchor.h"
#include "audit/checkpoint.h"
#include "audit/export.h"
#include "audit/verify.h"
#include "rest/rest.h"

static const struct v1_audit_party *
party(struct scope *s, const char *type, const char *id, const char *name)
{
    if (text_empty(type))
        return NULL;
    return arena_copy(s->arena,
                      &(struct v1_audit_party){ type, text_empty(id) ? NULL : id,
                                                text_empty(name) ? NULL : name },
                      sizeof(struct v1_audit_party));
}

static void
show(struct scope *s, const struct audit_row *row, struct v1_audit_event *out)
{
    *out = (struct v1_audit_event){
        .id = row->id,
        .at = row->at,
        .chain = row->lane,
        .seq = row->seq,
        .category = row->category,
        .action = row->action,
        .outcome = row->outcome,
        .level = row->level,
        .message = text_empty(row->message) ? NULL : row->message,
        .actor = party(s, row->actor_type, row->actor_id, row->actor_name),
        .target = party(s, row->target_type, row->target_id, row->target_name),
        .hash = row->hash,
    };
}

static enum err
audit_list_get(struct request *rq)
{
    const struct v1_audit_query *in = rq->query;
    struct audit_query q = {
        .from = in->from,
        .until = in->until,
        .category = in->category,
        .action = in->action,
        .outcome = in->outcome,
        .actor_name = in->actor,
        .target_type = in->target_type,
        .target_id = in->target_id,
        .after = text_empty(in->after) ? NULL : in->after,
        .lane = in->chain,
        .limit = (int)in->limit,
        .oldest_first = in->oldest_first,
    };
    struct list rows, out = { 0 };
    const char *next;

    TRY(audit_list(rq->scope, rq->app->db, &q, &rows, &next));
    LIST_EACH(struct audit_row, row, &rows)
    show(rq->scope, row, list_push(rq->scope->arena, &out, struct v1_audit_event));
    return reply_items(rq, &out, next);
}

/* A damaged event's text may be anything: only JSON goes out as JSON. */
static struct raw
raw_of(struct scope *s, const char *text)
{
    AUTO(scope_free) struct scope *reading = scope_new("rest");
    struct json *j;
    struct buf b;

    if (text_empty(text))
        return (struct raw){ NULL };
    if (json_parse(reading, bytes_of_text(text), &j) == OK)
        return (struct raw){ text };
    buf_init_in(&b, s->arena, 1 << 20);
    json_text(&b, text);
    return (struct raw){ buf_str(&b) };
}

static enum err
audit_get_one(struct request *rq)
{
    struct v1_audit_event out;
    struct audit_row row;

    TRY(audit_get(rq->scope, rq->app->db, var_text(rq, "event"), &row));
    show(rq->scope, &row, &out);
    out.event = raw_of(rq->scope, row.text);
    return reply(rq, 200, &out);
}

/** A verification, for its own event. */
struct verified {
    const struct caller *by;
    const struct audit_report *report;
};

static enum err
verified_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct verified *v = arg;

    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_AUDIT_VERIFY,
            .outcome = v->report->intact ? AUDIT_SUCCESS : AUDIT_FAILURE,
            .actor = &v->by->actor,
            .message = arena_printf(s->arena, "%lld events were verified; %zu breaks",
                                    (long long)v->report->events, v->report->breaks.count),
        });
}

static enum err
anchor_check(struct request *rq, const struct list *anchor, struct audit_report *report)
{
    struct list heads = { 0 };

    LIST_EACH(struct v1_audit_head, h, anchor)
    list_add(rq->scope->arena, &heads, struct audit_head,
             ((struct audit_head){ h->chain, h->seq, h->hash }));
    return audit_heads_check(rq->scope, rq->app->db, &heads, report);
}

static enum err
anchor_get(struct request *rq)
{
    struct v1_audit_anchor out = { .at = clock_now() };
    struct list heads;

    TRY(audit_heads(rq->scope, rq->app->db, &heads));
    LIST_EACH(struct audit_head, h, &heads)
    list_add(rq->scope->arena, &out.heads, struct v1_audit_head,
             ((struct v1_audit_head){ h->lane, h->seq, h->hash }));
    return reply(rq, 200, &out);
}

static enum err
verify(struct request *rq)
{
    const struct v1_audit_range *in = rq->body;
    struct audit_range range = { in ? in->chain : 0, in ? in->from : 0, in ? in->to : 0 };
    struct scope *s = rq->scope;
    struct audit_report report;
    struct v1_audit_report out;

    TRY(audit_verify(s, rq->app->db, &range, &report));
    if (in)
        TRY(anchor_check(rq, &in->anchor, &report));
    TRY(db_write(s, rq->app->db, verified_in, &(struct verified){ rq->caller, &report }));
    out = (struct v1_audit_report){ .intact = report.intact,
                                    .events = report.events,
                                    .chains = report.chains,
                                    .checkpoints = report.checkpoints,
                                    .unsealed = report.unsealed,
                                    .micros = report.micros };
    LIST_EACH(struct audit_break, b, &report.breaks)
    list_add(s->arena, &out.breaks, struct v1_audit_break,
             ((struct v1_audit_break){ b->lane, b->seq, b->reason, raw_of(s, b->before),
                                       raw_of(s, b->at), raw_of(s, b->after) }));
    return reply(rq, 200, &out);
}

/* The member "keys" of a JWK Set. */
static enum err
answer_keys(struct request *rq, const char *jwks)
{
    struct scope *s = rq->scope;
    struct v1_keys out;
    struct json *j;
    struct buf b;

    TRY(json_parse(s, bytes_of_text(jwks), &j));
    buf_init_in(&b, s->arena, 1 << 20);
    json_write(&b, json_get(j, "keys"));
    out.keys.json = buf_str(&b);
    return reply(rq, 200, &out);
}

/* Each export is recorded once, by its first page. */
static enum err
export_get(struct request *rq)
{
    const struct v1_audit_export *in = rq->query;
    struct audit_export q = { .lane = in->chain,
                              .from = in->from,
                              .until = in->until,
                              .after = in->after,
                              .limit = (int)in->limit };
    struct list lines;
    const char *next;

    if (text_empty(in->after))
        TRY(audit_export_told(rq->scope, rq->app->db,
                              &(struct audit_left){ .by = &rq->caller->actor }));
    TRY(audit_export(rq->scope, rq->app->db, &q, &lines, &next));
    return reply_items(rq, &lines, next);
}

static enum err
audit_keys(struct request *rq)
{
    const char *jwks;

    TRY(audit_checkpoint_keys(rq->scope, rq->app->db, &jwks));
    return answer_keys(rq, jwks);
}

static enum err
token_keys(struct request *rq)
{
    const char *jwks;

    TRY(access_token_keys(rq->scope, rq->app->access, &jwks));
    return answer_keys(rq, jwks);
}

const struct binding rest_audit[] = {
    { &v1_audit_list_op, audit_list_get }, { &v1_audit_get_op, audit_get_one },
    { &v1_audit_verify_op, verify },       { &v1_audit_anchor_op, anchor_get },
    { &v1_audit_export_op, export_get },   { &v1_audit_keys_op, audit_keys },
    { &v1_token_keys_op, token_keys },     { NULL, NULL },
};
