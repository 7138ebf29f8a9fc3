/* What roles may do in single collections. */
#include "access/objects.h"
#include "access/principals.h"
#include "api/collections.h"
#include "catalog/collection.h"
#include "command/security.h"

static void
add_grant(struct scope *s, struct list *grants, int64_t collection, enum permission p)
{
    if (p != PERM_NONE)
        list_add(s->arena, grants, struct grant,
                 ((struct grant){ .permission = p, .on = GRANT_COLLECTION, .object = collection }));
}

enum err
collections_permissions(struct request *rq)
{
    struct scope *s = rq->scope;
    struct list edits = { 0 };
    struct collection c;
    size_t i = 0;
    int64_t id;

    TRY(access_require(s, rq->caller, PERM_SECURITY_MODIFY, GRANT_GLOBAL, 0));
    TRY(var_int(rq, "id", &id));
    TRY(collection_get(s, rq->app->db, id, &c));
    LIST_EACH(struct collection_role_permissions, one, &rq->body_list)
    {
        struct object_grants *edit = list_push(s->arena, &edits, struct object_grants);
        size_t n = 0;

        *edit =
            (struct object_grants){ .role = one->role_id, .on = GRANT_COLLECTION, .object = id };
        LIST_EACH(const char *, text, &one->permissions)
        add_grant(s, &edit->grants, id,
                  object_permission(s, GRANT_COLLECTION,
                                    arena_printf(s->arena, "[%zu].Permissions[%zu]", i, n++),
                                    *text));
        i++;
    }
    TRY(problems_check(s));
    TRY(object_grants_set(s, rq->app->access, rq->caller, &edits));
    return reply_none(rq);
}

/* Of one role. */

static const char *
name_of(const struct list *collections, int64_t id)
{
    LIST_EACH(struct collection, c, collections)
    if (c->id == id)
        return c->name;
    return NULL;
}

static enum err
answer(struct request *rq, int64_t role_id)
{
    struct scope *s = rq->scope;
    struct list collections, out = { 0 };
    struct role role;

    TRY(role_get(s, rq->app->access, role_id, &role));
    TRY(collection_list(s, rq->app->db, &collections));
    LIST_EACH(struct grant, g, &role.grants)
    if (g->on == GRANT_COLLECTION)
        list_add(s->arena, &out, struct role_collection_permission_reply,
                 ((struct role_collection_permission_reply){
                     g->object, name_of(&collections, g->object),
                     object_word(GRANT_COLLECTION, g->permission) }));
    return reply_list(rq, &out);
}

enum err
role_collections_get(struct request *rq)
{
    int64_t id;

    TRY(access_require(rq->scope, rq->caller, PERM_SECURITY_READ, GRANT_GLOBAL, 0));
    TRY(var_int(rq, "id", &id));
    return answer(rq, id);
}

static enum err
change(struct request *rq, bool keep)
{
    struct scope *s = rq->scope;
    struct object_grants edit = { .on = GRANT_COLLECTION, .keep = keep };
    struct list collections, edits = { 0 };
    size_t i = 0;

    TRY(access_require(s, rq->caller, PERM_SECURITY_MODIFY, GRANT_GLOBAL, 0));
    TRY(var_int(rq, "id", &edit.role));
    TRY(collection_list(s, rq->app->db, &collections));
    LIST_EACH(struct role_collection_permission, one, &rq->body_list)
    {
        if (!name_of(&collections, one->collection_id))
            problem(s, arena_printf(s->arena, "[%zu].CollectionId", i), CHY_BAD_VALUE,
                    "there is no collection %lld", (long long)one->collection_id);
        add_grant(s, &edit.grants, one->collection_id,
                  object_permission(s, GRANT_COLLECTION,
                                    arena_printf(s->arena, "[%zu].Permission", i),
                                    one->permission));
        i++;
    }
    TRY(problems_check(s));
    list_add(s->arena, &edits, struct object_grants, edit);
    TRY(object_grants_set(s, rq->app->access, rq->caller, &edits));
    return answer(rq, edit.role);
}

enum err
role_collections_add(struct request *rq)
{
    return change(rq, true);
}

enum err
role_collections_set(struct request *rq)
{
    return change(rq, false);
}
