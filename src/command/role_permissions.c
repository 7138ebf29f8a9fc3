/* What a role may do: everywhere, in containers of stores, with providers of secrets. */
#include "access/objects.h"
#include "command/security.h"

/* The permissions that go with objects of each kind. */
static const struct {
    enum grant_on on;
    enum permission permission;
    const char *word;
} words[] = {
    { GRANT_COLLECTION, PERM_CERTIFICATES_READ, "Read" },
    { GRANT_COLLECTION, PERM_CERTIFICATES_EDIT, "EditMetadata" },
    { GRANT_COLLECTION, PERM_CERTIFICATES_RECOVER, "Recover" },
    { GRANT_COLLECTION, PERM_CERTIFICATES_REVOKE, "Revoke" },
    { GRANT_COLLECTION, PERM_CERTIFICATES_DELETE, "Delete" },
    { GRANT_COLLECTION, PERM_COLLECTIONS_MODIFY, "Modify" },
    { GRANT_CONTAINER, PERM_STORES_READ, "Read" },
    { GRANT_CONTAINER, PERM_STORES_SCHEDULE, "Schedule" },
    { GRANT_CONTAINER, PERM_STORES_MODIFY, "Modify" },
    { GRANT_PAM, PERM_PAM_READ, "Read" },
    { GRANT_PAM, PERM_PAM_MODIFY, "Modify" },
};

const char *
object_word(enum grant_on on, enum permission p)
{
    for (size_t i = 0; i < COUNT(words); i++)
        if (words[i].on == on && words[i].permission == p)
            return words[i].word;
    return permission_info(p)->name;
}

static const char *
words_of(struct scope *s, enum grant_on on)
{
    const char *all = "";

    for (size_t i = 0; i < COUNT(words); i++)
        if (words[i].on == on)
            all = arena_printf(s->arena, "%s%s%s", all, *all ? ", " : "", words[i].word);
    return all;
}

enum permission
object_permission(struct scope *s, enum grant_on on, const char *path, const char *text)
{
    enum permission found[PERM_END];
    int count = permission_expand(text ? text : "", found);

    for (size_t i = 0; i < COUNT(words); i++)
        if (words[i].on == on &&
            (text_eq_fold(words[i].word, text) || (count == 1 && found[0] == words[i].permission)))
            return words[i].permission;
    problem(s, path, CHY_BAD_VALUE, "\"%.100s\" is none of %s", text, words_of(s, on));
    return PERM_NONE;
}

/* Everything. */

static const char *
type_of(enum grant_on on)
{
    static const char *const names[] = {
        [GRANT_COLLECTION] = "Collection",
        [GRANT_CONTAINER] = "Container",
        [GRANT_TEMPLATE] = "Template",
        [GRANT_AUTHORITY] = "Authority",
        [GRANT_PAM] = "Pam",
    };

    return names[on];
}

enum err
role_permissions_get(struct request *rq)
{
    struct list areas = { 0 }, out = { 0 };
    struct arena *a = rq->scope->arena;
    struct role role;

    TRY(role_of_path(rq, &role));
    area_permissions(rq->scope, &role.grants, &areas);
    LIST_EACH(struct area_permission, p, &areas)
    list_add(a, &out, struct role_area_permission_reply,
             ((struct role_area_permission_reply){ "Global", p->area, p->permission }));
    LIST_EACH(struct grant, g, &role.grants)
    if (g->on != GRANT_GLOBAL)
        list_add(a, &out, struct role_area_permission_reply,
                 ((struct role_area_permission_reply){
                     type_of(g->on), arena_printf(a, "%lld", (long long)g->object),
                     object_word(g->on, g->permission) }));
    return reply_list(rq, &out);
}

/* Everywhere. */

static enum err
answer_global(struct request *rq, const struct role *role)
{
    struct list out = { 0 };

    area_permissions(rq->scope, &role->grants, &out);
    return reply_list(rq, &out);
}

enum err
role_global_get(struct request *rq)
{
    struct role role;

    TRY(role_of_path(rq, &role));
    return answer_global(rq, &role);
}

/** An area with its permission as one word: those that version 1 does not know are ours. */
static const char *
word_of(struct scope *s, const struct area_permission *p)
{
    const char *word = arena_printf(s->arena, "%s:%s", p->area, p->permission);
    enum permission found[PERM_END];

    return permission_expand(word, found) ? word
                                          : arena_printf(s->arena, "%s/%s", p->area, p->permission);
}

static enum err
change_global(struct request *rq, bool keep)
{
    struct role old, edit = { .grants_given = true };
    struct list wanted = { 0 };
    struct scope *s = rq->scope;
    struct word_edit change;

    TRY(role_of_path(rq, &old));
    LIST_EACH(struct area_permission, p, &rq->body_list)
    list_add(s->arena, &wanted, const char *, word_of(s, p));
    change = (struct word_edit){ &old.grants, WORDS_V1, &wanted, keep };
    permission_words_set(s, "", &change, &edit.grants);
    TRY(problems_check(s));
    edit.id = old.id;
    edit.version = old.version;
    TRY(role_edit(s, rq->app->access, rq->caller, &edit, &old));
    return answer_global(rq, &old);
}

enum err
role_global_add(struct request *rq)
{
    return change_global(rq, true);
}

enum err
role_global_set(struct request *rq)
{
    return change_global(rq, false);
}

/* In containers of stores. */

static void
add_grant(struct scope *s, struct list *grants, enum grant_on on, int64_t object, enum permission p)
{
    if (p != PERM_NONE)
        list_add(s->arena, grants, struct grant,
                 ((struct grant){ .permission = p, .on = on, .object = object }));
}

static enum err
set_grants(struct request *rq, const struct object_grants *edit)
{
    struct list edits = { 0 };

    TRY(problems_check(rq->scope));
    list_add(rq->scope->arena, &edits, struct object_grants, *edit);
    return object_grants_set(rq->scope, rq->app->access, rq->caller, &edits);
}

enum err
role_containers_get(struct request *rq)
{
    struct list out = { 0 };
    struct role role;

    TRY(role_of_path(rq, &role));
    LIST_EACH(struct grant, g, &role.grants)
    if (g->on == GRANT_CONTAINER)
        list_add(rq->scope->arena, &out, struct role_container_permission_reply,
                 ((struct role_container_permission_reply){ g->object, "",
                                                            object_word(g->on, g->permission) }));
    return reply_list(rq, &out);
}

static enum err
change_containers(struct request *rq, bool keep)
{
    struct object_grants edit = { .on = GRANT_CONTAINER, .keep = keep };
    struct scope *s = rq->scope;
    size_t i = 0;

    TRY(var_int(rq, "id", &edit.role));
    LIST_EACH(struct role_container_permission, one, &rq->body_list)
    add_grant(s, &edit.grants, edit.on, one->container_id,
              object_permission(s, edit.on, arena_printf(s->arena, "[%zu].Permission", i++),
                                one->permission));
    TRY(set_grants(rq, &edit));
    return role_containers_get(rq);
}

enum err
role_containers_add(struct request *rq)
{
    return change_containers(rq, true);
}

enum err
role_containers_set(struct request *rq)
{
    return change_containers(rq, false);
}

/* With providers of secrets. */

static struct role_pam_permissions *
provider_in(struct scope *s, struct list *out, int64_t id)
{
    struct role_pam_permissions *p;

    LIST_EACH(struct role_pam_permissions, one, out)
    if (one->pam_provider_id == id)
        return one;
    p = list_push(s->arena, out, struct role_pam_permissions);
    *p = (struct role_pam_permissions){ .pam_provider_id = id, .name = "" };
    return p;
}

enum err
role_pam_get(struct request *rq)
{
    struct scope *s = rq->scope;
    struct list out = { 0 };
    struct role role;

    TRY(role_of_path(rq, &role));
    LIST_EACH(struct grant, g, &role.grants)
    if (g->on == GRANT_PAM)
        list_add(s->arena, &provider_in(s, &out, g->object)->permissions, const char *,
                 object_word(g->on, g->permission));
    return reply_list(rq, &out);
}

enum err
role_pam_set(struct request *rq)
{
    struct object_grants edit = { .on = GRANT_PAM };
    struct scope *s = rq->scope;
    size_t i = 0;

    TRY(var_int(rq, "id", &edit.role));
    LIST_EACH(struct role_pam_permissions, one, &rq->body_list)
    {
        size_t n = 0;

        LIST_EACH(const char *, text, &one->permissions)
        add_grant(s, &edit.grants, edit.on, one->pam_provider_id,
                  object_permission(
                      s, edit.on, arena_printf(s->arena, "[%zu].Permissions[%zu]", i, n++), *text));
        i++;
    }
    TRY(set_grants(rq, &edit));
    return role_pam_get(rq);
}
