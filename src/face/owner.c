/* The role that is to own a certificate. */
#include "face/owner.h"

#include "access/principals.h"

/* A role by number, or by name where it has none. */
static enum err
find(struct request *rq, int64_t id, const char *name, struct role *out)
{
    return id ? role_get(rq->scope, rq->app->access, id, out)
              : role_find(rq->scope, rq->app->access, name, out);
}

/* One of the caller's own, or any for those who may see them all: others learn no names here. */
static bool
may_own(const struct request *rq, const struct role *role)
{
    return role->enabled.value && (access_has_role(rq->caller, role->id) ||
                                   access_may(rq->caller, PERM_SECURITY_READ, GRANT_GLOBAL, 0));
}

enum err
owner_wanted(struct request *rq, const struct owner_wish *w, int64_t *owner)
{
    struct scope *s = rq->scope;
    struct role role;
    enum err e;

    if (!w->id && text_empty(w->name))
        return OK;
    e = find(rq, w->id, w->name, &role);
    if (e != OK && e != E_NOT_FOUND)
        return e;
    if (e == E_NOT_FOUND || !may_own(rq, &role)) {
        if (w->id)
            problem(s, w->id_path, CHY_BAD_VALUE, "there is no role %lld that could be yours",
                    (long long)w->id);
        else
            problem(s, w->name_path, CHY_BAD_VALUE, "there is no role \"%s\" that could be yours",
                    w->name);
    } else if (w->id && !text_empty(w->name) && !text_eq_fold(w->name, role.name)) {
        problem(s, w->name_path, CHY_BAD_VALUE, "role %lld has another name", (long long)w->id);
    } else {
        *owner = role.id;
    }
    return OK;
}
