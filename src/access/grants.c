#include "access/grants.h"

#include "base/metric.h"

#include <stdlib.h>
#include <string.h>

COUNTER(denied_total, "chancery_authorization_denied_total", "Calls that were not permitted.",
        "area");

static const struct grants all_grants = { .all = true };
static const struct grants no_grants;
static const char *const no_roles[] = { NULL };

const struct caller caller_system = {
    .kind = CALLER_SYSTEM,
    .id_text = AUDIT_PROGRAM,
    .name = AUDIT_PROGRAM,
    .roles = no_roles,
    .auth = "system",
    .rate_exempt = true,
    .grants = &all_grants,
    .actor = { .type = "system", .id = AUDIT_PROGRAM, .name = AUDIT_PROGRAM },
};
const struct caller caller_nobody = {
    .kind = CALLER_NOBODY,
    .id_text = "",
    .name = "",
    .roles = no_roles,
    .grants = &no_grants,
    .actor = { .type = "user" },
};

static const char *const on_names[] = {
    [GRANT_GLOBAL] = "global",       [GRANT_COLLECTION] = "collection",
    [GRANT_CONTAINER] = "container", [GRANT_TEMPLATE] = "template",
    [GRANT_AUTHORITY] = "authority", [GRANT_PAM] = "pam",
};

const char *
grant_on_name(enum grant_on on)
{
    return on_names[on];
}

bool
grant_on_parse(const char *name, enum grant_on *out)
{
    if (text_empty(name) || text_eq_fold(name, "all")) {
        *out = GRANT_GLOBAL;
        return true;
    }
    for (size_t i = 0; i < COUNT(on_names); i++)
        if (text_eq_fold(on_names[i], name)) {
            *out = (enum grant_on)i;
            return true;
        }
    return false;
}

static void
bit_set(uint64_t *words, enum permission p)
{
    words[p / 64] |= UINT64_C(1) << (p % 64);
}

static bool
bit_get(const uint64_t *words, enum permission p)
{
    return words[p / 64] >> (p % 64) & 1;
}

void
grants_add(struct arena *a, struct grants *g, struct list *objects, enum permission p,
           enum grant_on on, int64_t object)
{
    struct grant one = { .permission = p, .on = on, .object = object };

    if (p == PERM_ALL && on == GRANT_GLOBAL) {
        g->all = true;
    } else if (p == PERM_ALL) { /* everything on one object */
        for (int each = PERM_NONE + 1; each < PERM_END; each++)
            grants_add(a, g, objects, (enum permission)each, on, object);
    } else if (on == GRANT_GLOBAL) {
        bit_set(g->global, p);
    } else {
        bit_set(g->somewhere, p);
        list_add(a, objects, struct grant, one);
    }
}

static int
object_order(const void *a, const void *b)
{
    const struct grant *x = a, *y = b;

    if (x->permission != y->permission)
        return x->permission < y->permission ? -1 : 1;
    if (x->on != y->on)
        return x->on < y->on ? -1 : 1;
    return (x->object > y->object) - (x->object < y->object);
}

void
grants_finish(struct grants *g, struct list *objects)
{
    list_sort(objects, object_order);
    g->objects = objects->items;
    g->count = objects->count;
}

bool
grants_name(const struct grants *g, enum permission p)
{
    return bit_get(g->global, p);
}

static bool
may_everywhere(const struct grants *g, enum permission p)
{
    return p > PERM_NONE && p < PERM_END && (g->all || bit_get(g->global, p));
}

/** Add what HELD allows of P within ONE, a grant that may be narrower than it. */
static void
narrow_one(struct arena *a, const struct grants *held, const struct grant *one, enum permission p,
           struct grants *out, struct list *objects)
{
    if (may_everywhere(held, p)) {
        grants_add(a, out, objects, p, one->on, one->object);
        return;
    }
    for (size_t i = 0; i < held->count; i++) {
        const struct grant *o = &held->objects[i];

        if (o->permission == p &&
            (one->on == GRANT_GLOBAL || (one->on == o->on && one->object == o->object)))
            grants_add(a, out, objects, p, o->on, o->object);
    }
}

const struct grants *
grants_narrow(struct arena *a, const struct grants *held, const struct list *only)
{
    struct grants *out = arena_new_of(a, struct grants);
    struct list objects = { 0 };

    LIST_EACH(struct grant, one, only)
    {
        if (one->permission != PERM_ALL) {
            narrow_one(a, held, one, one->permission, out, &objects);
            continue;
        }
        out->all |= held->all && one->on == GRANT_GLOBAL;
        for (int p = PERM_NONE + 1; p < PERM_END; p++)
            if (p != PERM_RATE_EXEMPT || grants_name(held, PERM_RATE_EXEMPT))
                narrow_one(a, held, one, (enum permission)p, out, &objects);
    }
    grants_finish(out, &objects);
    return out;
}

bool
access_may(const struct caller *caller, enum permission p, enum grant_on on, int64_t id)
{
    const struct grants *g = caller->grants;
    struct grant wanted = { .permission = p, .on = on, .object = id };

    if (may_everywhere(g, p))
        return true;
    return on != GRANT_GLOBAL && g->count > 0 &&
           bsearch(&wanted, g->objects, g->count, sizeof wanted, object_order) != NULL;
}

bool
access_may_somewhere(const struct caller *caller, enum permission p)
{
    return may_everywhere(caller->grants, p) ||
           (p > PERM_NONE && p < PERM_END && bit_get(caller->grants->somewhere, p));
}

void
access_objects(struct scope *s, const struct caller *caller, enum permission p, enum grant_on on,
               bool *everywhere, struct list *ids)
{
    const struct grants *g = caller->grants;
    struct list found = { 0 };

    *everywhere = may_everywhere(g, p);
    for (size_t i = 0; i < g->count && !*everywhere; i++) {
        const struct grant *o = &g->objects[i];

        if (o->permission != p || o->on != on)
            continue;
        if (found.count == 0 || *list_last(&found, int64_t) != o->object)
            list_add(s->arena, &found, int64_t, o->object);
    }
    *ids = found;
}

/** The part of a permission's name before its slash: an area, for metrics. */
static const char *
area_of(struct scope *s, enum permission p)
{
    const char *name = permission_info(p)->name;

    return arena_text_n(s->arena, name, strcspn(name, "/"));
}

enum err
access_require(struct scope *s, const struct caller *caller, enum permission p, enum grant_on on,
               int64_t id)
{
    const struct permission_info *info;

    if (access_may(caller, p, on, id))
        return OK;
    info = permission_info(p);
    metric_add(&denied_total, 1, area_of(s, p));
    return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                     "User %s does not have the required permissions: %s.", caller->name,
                     info->v1[0] ? info->v1 : info->name);
}

bool
access_has_role(const struct caller *caller, int64_t role_id)
{
    for (size_t i = 0; i < caller->role_count; i++)
        if (caller->role_ids[i] == role_id)
            return true;
    return false;
}
