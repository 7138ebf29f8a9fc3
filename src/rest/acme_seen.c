/* ACME, for operators: accounts, orders, authorizations; and why they failed. */
#include "rest/rest.h"

#include "acme/oversee.h"

#define ORDERS_SHOWN 10

static struct opt_int
id_or_none(int64_t id)
{
    return (struct opt_int){ id != 0, id };
}

/* The whole id for what stands in the path. */
static enum err
id_of(struct request *rq, enum acme_kind kind, const char *var, const char **out)
{
    return acme_full_id(rq->scope, rq->app->acme, kind, var_text(rq, var), out);
}

/* Authorizations. */

static enum err
show_challenge(struct request *rq, const struct acme_challenge *c, struct v1_acme_challenge *out)
{
    struct scope *s = rq->scope;
    struct list looks;

    *out = (struct v1_acme_challenge){ .type = c->type,
                                       .status = acme_challenge_status_name(c->status),
                                       .attempts = c->attempts,
                                       .answered_at = c->answered_at,
                                       .validated_at = c->validated_at,
                                       .next_attempt_at = c->next_attempt,
                                       .error = { c->error },
                                       .steps = { c->report } };
    TRY(acme_looks_of(s, rq->app->acme, c, &looks));
    LIST_EACH(struct acme_look, l, &looks)
    list_add(s->arena, &out->tries, struct v1_acme_look,
             ((struct v1_acme_look){ l->number, l->at, { l->error }, { l->report } }));
    return OK;
}

static enum err
show_authz(struct request *rq, const struct acme_authz *z, const char *account,
           struct v1_acme_authz *out)
{
    struct v1_acme_authz shown = { .id = z->public_id,
                                   .account = account,
                                   .type = z->type,
                                   .value = z->value,
                                   .wildcard = z->wildcard,
                                   .status = acme_authz_status_name(z->status),
                                   .method = z->method,
                                   .created_at = z->created_at,
                                   .validated_at = z->validated_at,
                                   .expires_at = z->expires_at };

    LIST_EACH(struct acme_challenge, c, &z->challenges)
    TRY(show_challenge(rq, c,
                       list_push(rq->scope->arena, &shown.challenges, struct v1_acme_challenge)));
    *out = shown;
    return OK;
}

static struct acme_page
page_of(int64_t limit, const char *after)
{
    return (struct acme_page){ .limit = limit, .after = after };
}

static struct acme_query
query_of(const struct v1_acme_query *in)
{
    return (struct acme_query){ .account = in->account, .status = in->status, .name = in->name };
}

static enum err
authzs_list(struct request *rq)
{
    const struct v1_acme_query *in = rq->query;
    struct acme_page page = page_of(in->limit, in->after);
    struct acme_query q = query_of(in);
    struct list found, out = { 0 };

    TRY(acme_authz_list(rq->scope, rq->app->acme, &q, &page, &found));
    LIST_EACH(struct acme_authz_row, z, &found)
    TRY(show_authz(rq, &z->authz, z->account,
                   list_push(rq->scope->arena, &out, struct v1_acme_authz)));
    return reply_items(rq, &out, page.next);
}

static enum err
reply_authz(struct request *rq, const char *id)
{
    const char *account;
    struct acme_authz z;
    struct v1_acme_authz out;

    TRY(acme_authz_find(rq->scope, rq->app->acme, id, &z, &account));
    TRY(show_authz(rq, &z, account, &out));
    return reply(rq, 200, &out);
}

static enum err
authzs_get(struct request *rq)
{
    const char *id;

    TRY(id_of(rq, ACME_AUTHZS, "authorization", &id));
    return reply_authz(rq, id);
}

static struct acme_command
command_of(const struct request *rq)
{
    const struct v1_acme_reason *in = rq->body;

    return (struct acme_command){ rq->caller, in->reason };
}

static enum err
authzs_revoke(struct request *rq)
{
    struct acme_command why = command_of(rq);
    const char *id;

    TRY(id_of(rq, ACME_AUTHZS, "authorization", &id));
    TRY(acme_authz_revoke(rq->scope, rq->app->acme, id, &why));
    return reply_authz(rq, id);
}

/* Orders. */

static enum err
show_names(struct scope *s, const char *identifiers, struct list *out)
{
    struct list names = { 0 };

    TRY(acme_names_of_json(s, identifiers, &names));
    LIST_EACH(struct acme_name, n, &names)
    list_add(s->arena, out, const char *, n->value);
    return OK;
}

static enum err
show_order(struct scope *s, const struct acme_order_row *row, struct v1_acme_order *out)
{
    const struct acme_order *o = &row->order;

    *out = (struct v1_acme_order){ .id = o->public_id,
                                   .account = row->account,
                                   .profile = row->endpoint,
                                   .status = acme_order_status_name(o->status),
                                   .replaces = o->replaces,
                                   .identifiers = { o->identifiers },
                                   .error = { o->error },
                                   .created_at = o->created_at,
                                   .expires_at = o->expires_at,
                                   .ended_at = o->ended_at,
                                   .certificate_id = id_or_none(o->certificate),
                                   .request_id = id_or_none(o->request) };
    return show_names(s, o->identifiers, &out->names);
}

static enum err
orders_list(struct request *rq)
{
    const struct v1_acme_query *in = rq->query;
    struct acme_page page = page_of(in->limit, in->after);
    struct acme_query q = query_of(in);
    struct list found, out = { 0 };

    TRY(acme_order_list(rq->scope, rq->app->acme, &q, &page, &found));
    LIST_EACH(struct acme_order_row, o, &found)
    TRY(show_order(rq->scope, o, list_push(rq->scope->arena, &out, struct v1_acme_order)));
    return reply_items(rq, &out, page.next);
}

static enum err
orders_get(struct request *rq)
{
    const struct acme *acme = rq->app->acme;
    struct scope *s = rq->scope;
    struct acme_account_row whose;
    struct acme_order_row row;
    struct v1_acme_order out;
    struct list authzs;
    const char *id;

    TRY(id_of(rq, ACME_ORDERS, "order", &id));
    TRY(acme_order_find(s, acme, id, &row.order, &row.account));
    TRY(acme_account_row(s, acme, row.account, &whose));
    TRY(acme_authzs_of_order(s, acme, row.order.id, &authzs));
    row.endpoint = whose.endpoint;
    TRY(show_order(s, &row, &out));
    LIST_EACH(struct acme_authz, z, &authzs)
    TRY(show_authz(rq, z, row.account,
                   list_push(s->arena, &out.authorizations, struct v1_acme_authz)));
    return reply(rq, 200, &out);
}

/* Accounts. */

static void
show_account(struct request *rq, const struct acme_account_row *a, struct v1_acme_account *out)
{
    *out =
        (struct v1_acme_account){ .id = a->public_id,
                                  .profile = a->endpoint,
                                  .status = acme_account_status_name(a->status),
                                  .contacts = { a->contacts ? a->contacts : "[]" },
                                  .thumbprint = base64url_encode(rq->scope->arena, a->thumbprint),
                                  .eab_key = a->eab_kid,
                                  .created_ip = a->created_ip,
                                  .user_agent = a->user_agent,
                                  .terms_agreed_at = a->terms_at,
                                  .created_at = a->created_at,
                                  .last_seen_at = a->last_seen_at };
}

static enum err
accounts_list(struct request *rq)
{
    const struct v1_acme_account_query *in = rq->query;
    struct acme_page page = page_of(in->limit, in->after);
    struct acme_account_query q = { .status = (enum acme_account_status)in->status,
                                    .contains = in->contains,
                                    .eab_kid = in->eab_key };
    struct list found, out = { 0 };

    TRY(acme_account_list(rq->scope, rq->app->acme, &q, &page, &found));
    LIST_EACH(struct acme_account_row, a, &found)
    show_account(rq, a, list_push(rq->scope->arena, &out, struct v1_acme_account));
    return reply_items(rq, &out, page.next);
}

static enum err
reply_account(struct request *rq, const char *id)
{
    struct acme_page page = page_of(ORDERS_SHOWN, NULL);
    struct acme_query q = { .account = id };
    struct scope *s = rq->scope;
    struct acme_account_row a;
    struct v1_acme_account out;
    struct list orders;

    TRY(acme_account_row(s, rq->app->acme, id, &a));
    show_account(rq, &a, &out);
    TRY(acme_order_list(s, rq->app->acme, &q, &page, &orders));
    LIST_EACH(struct acme_order_row, o, &orders)
    TRY(show_order(s, o, list_push(s->arena, &out.orders, struct v1_acme_order)));
    return reply(rq, 200, &out);
}

static enum err
accounts_get(struct request *rq)
{
    const char *id;

    TRY(id_of(rq, ACME_ACCOUNTS, "account", &id));
    return reply_account(rq, id);
}

static enum err
turn(struct request *rq, enum err (*how)(struct scope *, const struct acme *, const char *,
                                         const struct acme_command *))
{
    struct acme_command why = command_of(rq);
    const char *id;

    TRY(id_of(rq, ACME_ACCOUNTS, "account", &id));
    TRY(how(rq->scope, rq->app->acme, id, &why));
    return reply_account(rq, id);
}

static enum err
accounts_suspend(struct request *rq)
{
    return turn(rq, acme_account_suspend);
}

static enum err
accounts_restore(struct request *rq)
{
    return turn(rq, acme_account_restore);
}

static enum err
accounts_deactivate(struct request *rq)
{
    return turn(rq, acme_account_end);
}

const struct binding rest_acme_seen[] = {
    { &v1_acme_accounts_list_op, accounts_list },
    { &v1_acme_accounts_get_op, accounts_get },
    { &v1_acme_accounts_suspend_op, accounts_suspend },
    { &v1_acme_accounts_restore_op, accounts_restore },
    { &v1_acme_accounts_deactivate_op, accounts_deactivate },
    { &v1_acme_orders_list_op, orders_list },
    { &v1_acme_orders_get_op, orders_get },
    { &v1_acme_authzs_list_op, authzs_list },
    { &v1_acme_authzs_get_op, authzs_get },
    { &v1_acme_authzs_revoke_op, authzs_revoke },
    { NULL, NULL },
};
