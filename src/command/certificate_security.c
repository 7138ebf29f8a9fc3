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

enum err
certificate_security(struct request *rq)
{
    const struct within_query *in = rq->query;
    struct certificate_security_reply out = { 0 };
    const struct collection *within;
    struct scope *s = rq->scope;
    struct cert_row row;
    struct list roles;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection_id, &within));
    TRY(is_within(rq, within, id));
    TRY(catalog_get(s, rq->app->db, id, 0, &row));
    TRY(role_all(s, rq->app->access, &roles));
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
