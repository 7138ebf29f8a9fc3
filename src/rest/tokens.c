/* Tokens that people make for their programs. */
#include "rest/rest.h"

#include "access/api_tokens.h"

static void
show_token(struct request *rq, const struct api_token *t, struct v1_token *out)
{
    *out = (struct v1_token){
        .id = t->id,
        .name = t->name,
        .hint = t->hint,
        .owner = t->owner_name,
        .owner_kind = t->owner_kind == CALLER_USER ? "user" : "client",
        .created_at = t->created,
        .expires_at = t->expires,
        .last_used_at = t->last_used,
        .expired = t->expires.ms <= clock_now().ms,
    };
    show_grants(rq, &t->grants, &out->grants);
}

static enum err
tokens_list(struct request *rq)
{
    const struct v1_token_query *in = rq->query;
    struct api_token_page page = { .limit = (int)in->limit, .all = in->all };
    struct scope *s = rq->scope;
    struct list tokens, out = { 0 };
    int64_t next;

    if (in->all)
        TRY(access_require(s, rq->caller, PERM_SECURITY_READ, GRANT_GLOBAL, 0));
    TRY(after_id(rq, in->after, &page.after));
    TRY(api_token_list(s, rq->app->access, rq->caller, &page, &tokens, &next));
    LIST_EACH(struct api_token, t, &tokens)
    show_token(rq, t, list_push(s->arena, &out, struct v1_token));
    return reply_items(rq, &out, id_cursor(rq, next));
}

static enum err
token_make(struct request *rq)
{
    const struct v1_token_new *in = rq->body;
    struct api_token token = { .name = in->name, .expires = in->expires_at };
    struct scope *s = rq->scope;
    struct v1_token out, kept;
    const char *text;
    size_t i = 0;

    LIST_EACH(struct v1_grant, g, &in->grants)
    read_grant(rq, g, arena_printf(s->arena, "grants[%zu].", i++), &token.grants);
    TRY(problems_check(s));
    TRY(api_token_add(s, rq->app->access, rq->caller, &token, &token, &text));
    show_token(rq, &token, &kept);
    out = kept;
    out.token = text;
    return reply_made(rq, &out, &kept, 1,
                      arena_printf(s->arena, "/tokens/%lld", (long long)token.id));
}

static enum err
tokens_create(struct request *rq)
{
    return make_once(rq, token_make);
}

static enum err
tokens_get(struct request *rq)
{
    struct api_token token;
    struct v1_token out;
    int64_t id;

    TRY(var_int(rq, "token", &id));
    TRY(api_token_get(rq->scope, rq->app->access, rq->caller, id, &token));
    show_token(rq, &token, &out);
    return reply(rq, 200, &out);
}

static enum err
tokens_revoke(struct request *rq)
{
    int64_t id;

    TRY(var_int(rq, "token", &id));
    return api_token_revoke(rq->scope, rq->app->access, rq->caller, id);
}

const struct binding rest_tokens[] = {
    { &v1_tokens_list_op, tokens_list },
    { &v1_tokens_create_op, tokens_create },
    { &v1_tokens_get_op, tokens_get },
    { &v1_tokens_revoke_op, tokens_revoke },
    { NULL, NULL },
};
