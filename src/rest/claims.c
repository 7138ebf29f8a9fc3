/* Claims of identity providers and client certificates. */
#include "rest/rest.h"

#include "access/claims.h"

static void
show_claim(const struct claim *c, struct v1_claim *out)
{
    *out = (struct v1_claim){
        .id = c->id,
        .type = claim_type_name(c->type),
        .value = c->value,
        .provider = c->provider,
        .description = c->description,
        .user = c->user,
        .roles = c->roles,
        .created_at = c->created,
        .version = c->version,
    };
}

static enum err
answer_claim(struct request *rq, const struct claim *c)
{
    struct v1_claim out;

    show_claim(c, &out);
    return reply_tagged(rq, &out, c->version);
}

/** A type by its name; none is CLAIM_NONE. */
static enum err
type_of(struct request *rq, const char *name, enum claim_type *out)
{
    *out = claim_type_parse(name);
    if (!text_empty(name) && *out == CLAIM_NONE)
        problem(rq->scope, "type", CHY_BAD_VALUE, "there is no type of claim \"%.64s\"", name);
    return problems_check(rq->scope);
}

static enum err
claims_list(struct request *rq)
{
    const struct v1_claim_query *in = rq->query;
    struct claim_query q = { .limit = (int)in->limit,
                             .value = in->value,
                             .provider = in->provider };
    struct list claims, out = { 0 };
    int64_t next;

    TRY(after_id(rq, in->after, &q.after));
    TRY(type_of(rq, in->type, &q.type));
    TRY(claim_list(rq->scope, rq->app->access, &q, &claims, &next));
    LIST_EACH(struct claim, c, &claims)
    show_claim(c, list_push(rq->scope->arena, &out, struct v1_claim));
    return reply_items(rq, &out, id_cursor(rq, next));
}

static enum err
claim_make(struct request *rq)
{
    const struct v1_claim_new *in = rq->body;
    struct claim claim = { .value = in->value,
                           .provider = in->provider,
                           .description = in->description,
                           .user = in->user,
                           .roles = in->roles,
                           .roles_given = true };
    struct v1_claim out;

    TRY(type_of(rq, in->type, &claim.type));
    TRY(claim_add(rq->scope, rq->app->access, rq->caller, &claim, &claim));
    show_claim(&claim, &out);
    return reply_made(rq, &out, NULL, claim.version,
                      arena_printf(rq->scope->arena, "/claims/%lld", (long long)claim.id));
}

static enum err
claims_create(struct request *rq)
{
    return make_once(rq, claim_make);
}

static enum err
claims_get(struct request *rq)
{
    struct claim claim;
    int64_t id;

    TRY(var_int(rq, "claim", &id));
    TRY(claim_get(rq->scope, rq->app->access, id, &claim));
    return answer_claim(rq, &claim);
}

static enum err
claims_edit(struct request *rq)
{
    const struct v1_claim_edit *in = rq->body;
    struct claim edit = { .description = in->description,
                          .user = in->user,
                          .roles = in->roles,
                          .roles_given = body_has(rq, "roles") };
    struct claim claim;

    TRY(if_match(rq, &edit.version));
    TRY(var_int(rq, "claim", &edit.id));
    TRY(claim_edit(rq->scope, rq->app->access, rq->caller, &edit, &claim));
    return answer_claim(rq, &claim);
}

static enum err
claims_delete(struct request *rq)
{
    int64_t version, id;

    TRY(if_match(rq, &version));
    TRY(var_int(rq, "claim", &id));
    return claim_delete(rq->scope, rq->app->access, rq->caller, id, version);
}

const struct binding rest_claims[] = {
    { &v1_claims_list_op, claims_list },     { &v1_claims_create_op, claims_create },
    { &v1_claims_get_op, claims_get },       { &v1_claims_edit_op, claims_edit },
    { &v1_claims_delete_op, claims_delete }, { NULL, NULL },
};
