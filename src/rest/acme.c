/* ACME, for operators: keys by which accounts are bound; orders, and why they failed. */
#include "rest/rest.h"

#include "acme/authz.h"
#include "acme/eab.h"
#include "acme/order.h"
#include <string.h>

#define KID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static void
show_key(const struct acme_eab_row *k, struct v1_eab_key *out)
{
    *out = (struct v1_eab_key){
        .kid = k->kid,
        .status = acme_eab_state(k, clock_now()),
        .uses = k->uses,
        .max_uses = { k->max_uses != 0, k->max_uses },
        .created_by = k->created_by,
        .created_at = k->created_at,
        .expires_at = k->expires_at,
        .last_used_at = k->last_used_at,
    };
}

static enum err
keys_list(struct request *rq)
{
    const struct v1_query *in = rq->query;
    struct scope *s = rq->scope;
    struct list keys, out = { 0 };
    const char *next;

    TRY(acme_eab_list(s, rq->app->acme, in->after, in->limit, &keys, &next));
    LIST_EACH(struct acme_eab_row, k, &keys)
    show_key(k, list_push(s->arena, &out, struct v1_eab_key));
    return reply_items(rq, &out, next);
}

static enum err
key_make(struct request *rq)
{
    const struct v1_eab_key_new *in = rq->body;
    const struct acme *acme = rq->app->acme;
    struct acme_eab_wish wish = {
        .by = rq->caller, .kid = in->kid, .max_uses = in->max_uses, .expires_at = in->expires_at
    };
    struct acme_eab_row row;
    struct v1_eab_key out, kept;
    const char *hmac;

    if (in->kid && in->kid[strspn(in->kid, KID_LETTERS)])
        problem(rq->scope, "kid", CHY_BAD_VALUE,
                "has other characters than letters, digits, . _ -");
    if (when_given(in->expires_at) && when_cmp(in->expires_at, clock_now()) <= 0)
        problem(rq->scope, "expires_at", CHY_BAD_VALUE, "has passed already");
    TRY(problems_check(rq->scope));
    TRY(acme_eab_new(rq->scope, acme, acme->by_settings, &wish, &row, &hmac));
    show_key(&row, &kept);
    out = kept;
    out.hmac_key = hmac;
    return reply_made(rq, &out, &kept, 1,
                      arena_printf(rq->scope->arena, "/acme/eab-keys/%s", row.kid));
}

static enum err
keys_create(struct request *rq)
{
    return make_once(rq, key_make);
}

static enum err
keys_revoke(struct request *rq)
{
    return acme_eab_revoke(rq->scope, rq->app->acme, rq->caller, var_text(rq, "kid"));
}

/* Why did it fail? */

static struct opt_int
id_or_none(int64_t id)
{
    return (struct opt_int){ id != 0, id };
}

static void
show_authz(struct scope *s, const struct acme_authz *z, struct v1_acme_authz *out)
{
    *out = (struct v1_acme_authz){ .id = z->public_id,
                                   .type = z->type,
                                   .value = z->value,
                                   .wildcard = z->wildcard,
                                   .status = acme_authz_status_name(z->status),
                                   .expires_at = z->expires_at };
    LIST_EACH(struct acme_challenge, c, &z->challenges)
    list_add(s->arena, &out->challenges, struct v1_acme_challenge,
             ((struct v1_acme_challenge){ .type = c->type,
                                          .status = acme_challenge_status_name(c->status),
                                          .attempts = c->attempts,
                                          .answered_at = c->answered_at,
                                          .validated_at = c->validated_at,
                                          .next_attempt_at = c->next_attempt,
                                          .error = { c->error },
                                          .steps = { c->report } }));
}

static enum err
orders_get(struct request *rq)
{
    const struct acme *acme = rq->app->acme;
    const char *id = var_text(rq, "order"), *account;
    struct scope *s = rq->scope;
    struct acme_order o;
    struct v1_acme_order out;
    struct list authzs;
    enum err e = acme_order_find(s, acme, id, &o, &account);

    if (e == E_NOT_FOUND)
        return fail(s, E_NOT_FOUND, "there is no order \"%s\"", id);
    TRY(e);
    TRY(acme_authzs_of_order(s, acme, o.id, &authzs));
    out = (struct v1_acme_order){ .id = o.public_id,
                                  .account = account,
                                  .status = acme_order_status_name(o.status),
                                  .replaces = o.replaces,
                                  .identifiers = { o.identifiers },
                                  .error = { o.error },
                                  .created_at = o.created_at,
                                  .expires_at = o.expires_at,
                                  .certificate_id = id_or_none(o.certificate),
                                  .request_id = id_or_none(o.request) };
    LIST_EACH(struct acme_authz, z, &authzs)
    show_authz(s, z, list_push(s->arena, &out.authorizations, struct v1_acme_authz));
    return reply(rq, 200, &out);
}

const struct binding rest_acme[] = {
    { &v1_acme_orders_get_op, orders_get },
    { &v1_eab_keys_list_op, keys_list },
    { &v1_eab_keys_create_op, keys_create },
    { &v1_eab_keys_revoke_op, keys_revoke },
    { NULL, NULL },
};
