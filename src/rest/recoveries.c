/* Private keys that two people recover. */
#include "rest/rest.h"

#include "flow/recovery.h"

static void
show(struct request *rq, const struct recovery *r, struct v1_recovery *out)
{
    *out = (struct v1_recovery){
        .id = r->id,
        .state = recovery_state_name(r->state),
        .certificate_id = r->certificate,
        .subject = r->subject,
        .form = bundle_form_name(r->form),
        .include_chain = r->include_chain,
        .asker = r->asker_name,
        .reason = r->reason,
        .created_at = r->created_at,
        .ends_at = r->ends_at,
        .mine = rq->caller->kind == CALLER_USER && rq->caller->id == r->asker,
        .may_decide = recovery_may_approve(rq->scope, &rq->app->flow, rq->caller, r),
        .decided_by = r->decider_name,
        .comment = r->comment,
        .decided_at = r->decided_at,
        .given_at = r->given_at,
        .version = r->version,
    };
}

static enum err
reply_one(struct request *rq, const struct recovery *r)
{
    struct v1_recovery out;

    show(rq, r, &out);
    return reply(rq, 200, &out);
}

static enum err
recoveries_list(struct request *rq)
{
    const struct v1_recoveries_query *in = rq->query;
    struct recovery_query q = { .all = in->all, .mine = in->mine, .limit = (int)in->limit };
    struct scope *s = rq->scope;
    struct list found, out = { 0 };
    int64_t last;

    TRY(after_id(rq, in->after, &q.after));
    TRY(recovery_list(s, &rq->app->flow, rq->caller, &q, &found, &last));
    LIST_EACH(struct recovery, r, &found)
    show(rq, r, list_push(s->arena, &out, struct v1_recovery));
    return reply_items(rq, &out, id_cursor(rq, last));
}

static enum err
recovery_make(struct request *rq)
{
    const struct v1_recovery_new *in = rq->body;
    struct recover how = { .caller = rq->caller,
                           .certificate = in->certificate,
                           .include_chain = !in->include_chain.given || in->include_chain.value };
    struct scope *s = rq->scope;
    struct collection within;
    struct v1_recovery out;
    struct recovery r;

    key_form_judge(rq, in->form, &how.form);
    TRY(problems_check(s));
    if (in->collection) {
        TRY(access_require(s, rq->caller, PERM_CERTIFICATES_RECOVER, GRANT_COLLECTION,
                           in->collection));
        TRY(collection_get(s, rq->app->db, in->collection, &within));
        how.within = &within;
    }
    TRY(recovery_ask(s, &rq->app->flow, &how, in->reason, &r));
    show(rq, &r, &out);
    return reply_made(rq, &out, NULL, r.version,
                      arena_printf(s->arena, "/recoveries/%lld", (long long)r.id));
}

static enum err
recoveries_create(struct request *rq)
{
    return make_once(rq, recovery_make);
}

static enum err
recoveries_get(struct request *rq)
{
    struct recovery r;
    int64_t id;

    TRY(var_int(rq, "recovery", &id));
    TRY(recovery_get(rq->scope, &rq->app->flow, rq->caller, id, &r));
    return reply_one(rq, &r);
}

static enum err
decide(struct request *rq,
       enum err (*how)(struct scope *, struct flow *, const struct decision *, struct recovery *))
{
    const struct v1_decision *in = rq->body;
    struct decision d = { .caller = rq->caller, .comment = in ? in->comment : NULL };
    struct recovery r;

    TRY(var_int(rq, "recovery", &d.id));
    TRY(how(rq->scope, &rq->app->flow, &d, &r));
    return reply_one(rq, &r);
}

static enum err
recoveries_approve(struct request *rq)
{
    return decide(rq, recovery_approve);
}

static enum err
recoveries_deny(struct request *rq)
{
    return decide(rq, recovery_deny);
}

static enum err
recoveries_withdraw(struct request *rq)
{
    return decide(rq, recovery_withdraw);
}

static enum err
recoveries_collect(struct request *rq)
{
    const struct v1_recovery_collect *in = rq->body;
    AUTO(secret_free) struct secret *password = secret_copy(bytes_of_text(in->password));
    struct recover how = { .caller = rq->caller, .password = password };
    struct v1_collected out;
    struct recovered got;
    int64_t id;

    TRY(var_int(rq, "recovery", &id));
    key_password_judge(rq, in->password);
    TRY(problems_check(rq->scope));
    TRY(flow_recover_approved(rq->scope, &rq->app->flow, &how, id, &got));
    out = (struct v1_collected){ got.file_name, base64_encode(rq->scope->arena, got.file) };
    return reply(rq, 200, &out);
}

const struct binding rest_recoveries[] = {
    { &v1_recoveries_list_op, recoveries_list },
    { &v1_recoveries_create_op, recoveries_create },
    { &v1_recoveries_get_op, recoveries_get },
    { &v1_recoveries_approve_op, recoveries_approve },
    { &v1_recoveries_deny_op, recoveries_deny },
    { &v1_recoveries_withdraw_op, recoveries_withdraw },
    { &v1_recoveries_collect_op, recoveries_collect },
    { NULL, NULL },
};
