#include "face/within.h"

enum err
may_within(struct request *rq, enum permission p, int64_t id, const struct collection **out)
{
    struct collection *c;

    *out = NULL;
    if (!id)
        return access_require(rq->scope, rq->caller, p, GRANT_GLOBAL, 0);
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
