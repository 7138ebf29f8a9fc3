/* Which roles may do what with a certificate. */
#include "catalog/collection.h"
#include "command/security.h"

/** Whether a grant on an object reaches the certificate. */
static enum err
reaches(struct request *rq, const struct cert_row *row, const struct grant *g, bool *out)
{
    struct scope *s = rq->scope;
    struct collection c;
    enum err e;

    *out = g->on == GRANT_GLOBAL || (g->on == GRANT_TEMPLATE && g->object == row->template_id) ||
           (g->on == GRANT_AUTHORITY && g->object == row->authority);
    if (g->on != GRANT_COLLECTION)
        return OK;
    e = collection_get(s, rq->app->db, g->object, &c);
    if (e == OK)
        e = is_within(rq, &c, row->id);
    *out = e == OK;
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

/** What of a role's grants is about this certificate, as if it were granted everywhere. */
static enum err
on_certificate(struct request *rq, const struct cert_row *row, const struct role *r,
               struct list *out)
{
    struct scope *s = rq->scope;

    LIST_EACH(struct grant, g, &r->grants)
    {
        bool here;

        TRY(reaches(rq, row, g, &here));
        for (int p = PERM_NONE + 1; here && p < PERM_END; p++)
            if ((g->permission == PERM_ALL || g->permission == (enum permission)p) &&
                text_starts(permission_info((enum permission)p)->name, "certificates/"))
                list_add(s->arena, out, struct grant,
                         ((struct grant){ .permission = (enum permission)p }));
    }
    return OK;
}

/* The certificate of the path, and all roles. */
static enum err
begin(struct request *rq, struct cert_row *row, struct list *roles)
{
    const struct within_query *in = rq->query;
    const struct collection *within;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection_id, &within));
    TRY(is_within(rq, within, id));
    TRY(catalog_get(rq->scope, rq->app->db, id, 0, row));
    return role_all(rq->scope, rq->app->access, roles);
}

enum err
certificate_security(struct request *rq)
{
    struct certificate_security_reply out = { 0 };
    struct scope *s = rq->scope;
    struct cert_row row;
    struct list roles;

    TRY(begin(rq, &row, &roles));
    LIST_EACH(struct role, r, &roles)
    {
        struct certificate_role_reply one = { .name = r->name };
        struct list grants = { 0 };

        if (!r->enabled.value)
            continue;
        TRY(on_certificate(rq, &row, r, &grants));
        permission_words(s->arena, &grants, words_form(rq), &one.permissions);
        if (one.permissions.count)
            list_add(s->arena, &out.roles, struct certificate_role_reply, one);
    }
    return reply(rq, 200, &out);
}

/* ---- the same by whom */

static struct certificate_identity_reply *
identity_in(struct request *rq, struct list *out, const struct role_member *m)
{
    struct identity who = identity_of_member(m);
    struct identity_reply shown = identity_shown(rq, &who);
    struct certificate_identity_reply *one;

    LIST_EACH(struct certificate_identity_reply, have, out)
    if (have->id == shown.id)
        return have;
    one = list_push(rq->scope->arena, out, struct certificate_identity_reply);
    one->id = shown.id;
    one->account_name = shown.account_name;
    one->identity_type = shown.identity_type;
    one->sid = shown.sid;
    return one;
}

/* Roles come one after another: each is told once for a permission. */
static void
add_grant(struct scope *s, struct list *permissions, const char *word, const char *role)
{
    struct certificate_permission_reply *one = NULL;

    LIST_EACH(struct certificate_permission_reply, p, permissions)
    if (text_eq(p->name, word))
        one = p;
    if (!one) {
        one = list_push(s->arena, permissions, struct certificate_permission_reply);
        one->name = word;
    }
    list_add(s->arena, &one->granted_by, const char *, role);
}

enum err
certificate_identities(struct request *rq)
{
    struct scope *s = rq->scope;
    struct list roles, out = { 0 };
    struct cert_row row;

    TRY(begin(rq, &row, &roles));
    LIST_EACH(struct role, r, &roles)
    {
        struct list grants = { 0 }, words;

        if (!r->enabled.value)
            continue;
        TRY(on_certificate(rq, &row, r, &grants));
        permission_words(s->arena, &grants, words_form(rq), &words);
        if (!words.count)
            continue;
        LIST_EACH(struct role_member, m, &r->members)
        {
            struct certificate_identity_reply *one = identity_in(rq, &out, m);

            LIST_EACH(const char *, word, &words)
            add_grant(s, &one->permissions, *word, r->name);
        }
    }
    reply_total(rq, (int64_t)out.count);
    return reply_list(rq, &out);
}
