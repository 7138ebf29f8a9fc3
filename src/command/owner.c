/* The role that is to own a certificate. */
#include "command/keys.h"

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
owner_wanted(struct request *rq, struct opt_int id, const char *name, int64_t *owner)
{
    struct scope *s = rq->scope;
    struct role role;
    enum err e;

    if (!id.value && text_empty(name))
        return OK;
    e = find(rq, id.value, name, &role);
    if (e != OK && e != E_NOT_FOUND)
        return e;
    if (e == E_NOT_FOUND || !may_own(rq, &role)) {
        if (id.value)
            problem(s, "OwnerRoleId", CHY_BAD_VALUE, "there is no role %lld that could be yours",
                    (long long)id.value);
        else
            problem(s, "OwnerRoleName", CHY_BAD_VALUE,
                    "there is no role \"%s\" that could be yours", name);
    } else if (id.value && !text_empty(name) && !text_eq_fold(name, role.name)) {
        problem(s, "OwnerRoleName", CHY_BAD_VALUE, "role %lld has another name",
                (long long)id.value);
    } else {
        *owner = role.id;
    }
    return OK;
}
