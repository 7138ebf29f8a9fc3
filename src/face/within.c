#include "face/within.h"

#define SIGHT_MAX 65536 /* octets of a query about all objects of a caller */

static void
add_terms(struct buf *b, const char *field, const struct list *ids)
{
    LIST_EACH(int64_t, id, ids)
    buf_printf(b, "%s%s -eq %lld", b->len ? " OR " : "", field, (long long)*id);
}

/* Who may P on templates or authorities alone has those certificates for everything there is. */
static enum err
own_sight(struct request *rq, enum permission p, const struct collection **out)
{
    struct list templates = { 0 }, authorities = { 0 };
    struct scope *s = rq->scope;
    struct collection *c;
    bool everywhere;
    struct buf query;

    access_objects(s, rq->caller, p, GRANT_TEMPLATE, &everywhere, &templates);
    if (everywhere)
        return OK;
    access_objects(s, rq->caller, p, GRANT_AUTHORITY, &everywhere, &authorities);
    if (!templates.count && !authorities.count)
        return access_require(s, rq->caller, p, GRANT_GLOBAL, 0);
    buf_init_in(&query, s->arena, SIGHT_MAX);
    add_terms(&query, "TemplateId", &templates);
    add_terms(&query, "CertificateAuthorityId", &authorities);
    c = arena_new_of(s->arena, struct collection);
    c->name = "of what you may see";
    c->description = "";
    c->query = buf_str(&query);
    if (!c->query)
        return fail(s, E_LIMIT, "%s holds permissions on too many templates and authorities",
                    rq->caller->name);
    *out = c;
    return OK;
}

enum err
may_within(struct request *rq, enum permission p, int64_t id, const struct collection **out)
{
    struct collection *c;

    *out = NULL;
    if (!id)
        return own_sight(rq, p, out);
    TRY(access_require(rq->scope, rq->caller, p, GRANT_COLLECTION, id));
    c = arena_new_of(rq->scope->arena, struct collection);
    TRY(collection_get(rq->scope, rq->app->db, id, c));
    *out = c;
    return OK;
}

enum err
is_within(struct request *rq, const struct collection *within, int64_t certificate)
{
    bool holds = true;

    if (within)
        TRY(collection_holds(rq->scope, rq->app->db, within, rq->caller->name, certificate,
                             &holds));
    return holds ? OK
                 : fail_code(rq->scope, E_NOT_FOUND, CHY_NO_CERT, "certificate %lld not found",
                             (long long)certificate);
}
