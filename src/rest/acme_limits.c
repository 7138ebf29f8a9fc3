/* ACME, for operators: rate limits. */
#include "rest/rest.h"

#include "acme/limit_own.h"
#include "acme/oversee.h"

static enum err
limits_list(struct request *rq)
{
    const struct v1_acme_bucket_query *in = rq->query;
    struct acme_bucket_query q = { .limit = in->name, .after = in->after, .count = in->limit };
    struct list found, out = { 0 };
    const char *next;

    if (in->name && acme_limit_named(in->name) == LIMITS) {
        problem(rq->scope, "name", CHY_BAD_VALUE, "there is no limit \"%.64s\"", in->name);
        return problems_fail(rq->scope);
    }
    TRY(acme_limits_list(rq->scope, rq->app->acme, &q, &found, &next));
    LIST_EACH(struct acme_bucket, b, &found)
    list_add(
        rq->scope->arena, &out, struct v1_acme_bucket,
        ((struct v1_acme_bucket){ b->limit, b->profile, b->key, b->most, b->left, b->full_at }));
    return reply_items(rq, &out, next);
}

static enum err
limits_reset(struct request *rq)
{
    const struct v1_acme_reset *in = rq->body;
    struct acme_limit_reset reset = { acme_limit_named(in->limit), in->key, rq->caller };
    struct v1_acme_reset_done out;

    if (reset.limit == LIMITS) {
        problem(rq->scope, "limit", CHY_BAD_VALUE, "there is no limit \"%.64s\"", in->limit);
        return problems_fail(rq->scope);
    }
    TRY(acme_limits_reset(rq->scope, rq->app->acme, &reset, &out.count));
    return reply(rq, 200, &out);
}

/* Of single accounts. */

static void
show_own(const struct acme_own_row *l, struct v1_acme_own_limit *out)
{
    *out = (struct v1_acme_own_limit){ .account = l->account,
                                       .profile = l->profile,
                                       .limit = acme_limit_kind(l->limit)->name,
                                       .most = l->most,
                                       .expires_at = l->expires_at,
                                       .reason = l->reason,
                                       .created_by = l->created_by,
                                       .created_at = l->created_at };
}

static enum err
own_list(struct request *rq)
{
    const struct v1_acme_own_query *in = rq->query;
    struct acme_own_query q = { .limit = in->name, .after = in->after, .count = in->limit };
    struct list found, out = { 0 };
    const char *next;

    if (in->name && !acme_own_can(acme_limit_named(in->name))) {
        problem(rq->scope, "name", CHY_BAD_VALUE, "there is no limit \"%.64s\" of an account",
                in->name);
        return problems_fail(rq->scope);
    }
    if (in->account)
        TRY(acme_full_id(rq->scope, rq->app->acme, ACME_ACCOUNTS, in->account, &q.account));
    TRY(acme_own_list(rq->scope, rq->app->acme, &q, &found, &next));
    LIST_EACH(struct acme_own_row, l, &found)
    show_own(l, list_push(rq->scope->arena, &out, struct v1_acme_own_limit));
    return reply_items(rq, &out, next);
}

/* The account and the limit that the path names. */
static enum err
read_path(struct request *rq, struct acme_own_wish *out)
{
    const char *name = var_text(rq, "limit");

    out->by = rq->caller;
    out->limit = acme_limit_named(name);
    if (!acme_own_can(out->limit))
        return fail(rq->scope, E_NOT_FOUND, "there is no limit \"%.64s\" of an account", name);
    return acme_full_id(rq->scope, rq->app->acme, ACME_ACCOUNTS, var_text(rq, "account"),
                        &out->account);
}

static enum err
own_set(struct request *rq)
{
    const struct v1_acme_own_set *in = rq->body;
    struct acme_own_wish wish = { .most = in->most,
                                  .expires_at = in->expires_at,
                                  .reason = in->reason };
    struct v1_acme_own_limit out;
    struct acme_own_row row;

    if (when_given(in->expires_at) && when_cmp(in->expires_at, clock_now()) <= 0) {
        problem(rq->scope, "expires_at", CHY_BAD_VALUE, "has passed already");
        return problems_fail(rq->scope);
    }
    TRY(read_path(rq, &wish));
    TRY(acme_own_set(rq->scope, rq->app->acme, &wish, &row));
    show_own(&row, &out);
    return reply(rq, 200, &out);
}

static enum err
own_drop(struct request *rq)
{
    const struct v1_acme_own_end *in = rq->query;
    struct acme_own_wish wish = { .reason = in->reason };

    TRY(read_path(rq, &wish));
    return acme_own_drop(rq->scope, rq->app->acme, &wish);
}

const struct binding rest_acme_limits[] = {
    { &v1_acme_limits_list_op, limits_list },  { &v1_acme_limits_reset_op, limits_reset },
    { &v1_acme_own_limits_list_op, own_list }, { &v1_acme_own_limits_set_op, own_set },
    { &v1_acme_own_limits_drop_op, own_drop }, { NULL, NULL },
};
