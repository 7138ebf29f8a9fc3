/* Legal holds. */
#include "rest/rest.h"

#include "flow/holds.h"

static void
show(const struct hold *h, struct v1_hold *out)
{
    *out = (struct v1_hold){
        .id = h->id,
        .certificate = { h->certificate != 0, h->certificate },
        .audit_from = h->from,
        .audit_to = h->to,
        .reason = h->reason,
        .placed_by = h->placed_by,
        .placed_at = h->placed_at,
        .lifted_by = h->lifted_by,
        .lifted_at = h->lifted_at,
        .lifted_reason = h->lifted_reason,
    };
}

static enum err
holds_list(struct request *rq)
{
    const struct v1_hold_query *in = rq->query;
    struct hold_query q = { .certificate = in->certificate, .all = in->all, .limit = in->limit };
    struct scope *s = rq->scope;
    struct list holds, out = { 0 };
    int64_t next;

    TRY(after_id(rq, in->after, &q.after));
    TRY(hold_list(s, rq->app->db, &q, &holds, &next));
    LIST_EACH(struct hold, h, &holds)
    show(h, list_push(s->arena, &out, struct v1_hold));
    return reply_items(rq, &out, id_cursor(rq, next));
}

static enum err
hold_make(struct request *rq)
{
    const struct v1_hold_new *in = rq->body;
    struct hold hold = { .certificate = in->certificate,
                         .from = in->audit_from,
                         .to = in->audit_to,
                         .reason = in->reason };
    struct v1_hold out;

    TRY(hold_place(rq->scope, &rq->app->flow, rq->caller, &hold, &hold));
    show(&hold, &out);
    return reply_made(rq, &out, NULL, 1,
                      arena_printf(rq->scope->arena, "/legal-holds/%lld", (long long)hold.id));
}

static enum err
holds_create(struct request *rq)
{
    return make_once(rq, hold_make);
}

static enum err
holds_get(struct request *rq)
{
    struct v1_hold out;
    struct hold hold;
    int64_t id;

    TRY(var_int(rq, "hold", &id));
    TRY(hold_get(rq->scope, rq->app->db, id, &hold));
    show(&hold, &out);
    return reply(rq, 200, &out);
}

static enum err
holds_lift(struct request *rq)
{
    const struct v1_hold_lift *in = rq->body;
    struct v1_hold out;
    struct hold hold;
    int64_t id;

    TRY(var_int(rq, "hold", &id));
    TRY(hold_lift(rq->scope, &rq->app->flow, rq->caller, id, in->reason, &hold));
    show(&hold, &out);
    return reply(rq, 200, &out);
}

const struct binding rest_holds[] = {
    { &v1_holds_list_op, holds_list },
    { &v1_holds_create_op, holds_create },
    { &v1_holds_get_op, holds_get },
    { &v1_holds_lift_op, holds_lift },
    { NULL, NULL },
};
