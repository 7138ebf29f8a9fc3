/* When operators want certificates renewed (RFC 9773). */
#include "rest/rest.h"

#include "acme/window.h"
#include "catalog/collection.h"

static enum err
show(struct request *rq, const struct acme_window *w, struct v1_renewal_window *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca = w->authority ? ca_by_id(snap, w->authority) : NULL;
    struct scope *s = rq->scope;
    struct collection c;
    enum err e;

    *out = (struct v1_renewal_window){ .id = w->id,
                                       .query = w->query,
                                       .authority = ca ? arena_text(s->arena, ca->name) : NULL,
                                       .issued_from = w->issued_from,
                                       .issued_until = w->issued_until,
                                       .start = w->start,
                                       .end = w->end,
                                       .explanation_url = w->url,
                                       .reason = w->reason,
                                       .created_by = w->created_by,
                                       .created_at = w->created_at };
    if (!w->collection)
        return OK;
    e = collection_get(s, rq->app->db, w->collection, &c);
    out->collection = e == OK ? c.name : "(removed)";
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

static enum err
windows_list(struct request *rq)
{
    const struct v1_query *in = rq->query;
    struct scope *s = rq->scope;
    struct list found, out = { 0 };
    int64_t after, next;

    TRY(after_id(rq, in->after, &after));
    TRY(acme_window_list(s, rq->app->acme, after, in->limit, &found, &next));
    LIST_EACH(struct acme_window, w, &found)
    TRY(show(rq, w, list_push(s->arena, &out, struct v1_renewal_window)));
    return reply_items(rq, &out, id_cursor(rq, next));
}

/* The collection that is named, by name or number. How many certificates are found is told, so they
 * must be in the caller's sight: that collection's, or all. */
static enum err
find_collection(struct request *rq, const char *name, struct acme_window *out)
{
    struct scope *s = rq->scope;
    struct collection c;
    enum err e;

    if (!name)
        return access_require(s, rq->caller, PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0);
    e = collection_find(s, rq->app->db, name, &c);
    if (e == OK && access_may(rq->caller, PERM_CERTIFICATES_READ, GRANT_COLLECTION, c.id)) {
        out->collection = c.id;
        return OK;
    }
    if (e != OK && e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    problem(s, "collection", CHY_BAD_VALUE, "there is no collection \"%.64s\"", name);
    return OK;
}

static void
find_authority(struct request *rq, const char *name, struct acme_window *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);

    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    if (name && text_eq_fold((*ca)->name, name))
        out->authority = (*ca)->id;
    if (name && !out->authority)
        problem(rq->scope, "authority", CHY_NO_CA, "there is no authority \"%.64s\"", name);
}

static enum err
window_make(struct request *rq)
{
    const struct v1_renewal_window_new *in = rq->body;
    struct acme_window wish = { .query = in->query,
                                .issued_from = in->issued_from,
                                .issued_until = in->issued_until,
                                .start = in->start,
                                .end = in->end,
                                .url = in->explanation_url,
                                .reason = in->reason };
    struct scope *s = rq->scope;
    struct v1_renewal_window out;
    struct acme_window made;
    int64_t matches;

    TRY(find_collection(rq, in->collection, &wish));
    find_authority(rq, in->authority, &wish);
    TRY(problems_check(s));
    TRY(acme_window_add(s, rq->app->acme, rq->caller, &wish, &made, &matches));
    TRY(show(rq, &made, &out));
    out.matches = (struct opt_int){ true, matches };
    return reply_made(rq, &out, NULL, 1,
                      arena_printf(s->arena, "/acme/renewal-windows/%lld", (long long)made.id));
}

static enum err
windows_create(struct request *rq)
{
    return make_once(rq, window_make);
}

static enum err
windows_get(struct request *rq)
{
    struct v1_renewal_window out;
    struct acme_window w;
    int64_t id;

    TRY(var_int(rq, "window", &id));
    TRY(acme_window_get(rq->scope, rq->app->acme, id, &w));
    TRY(show(rq, &w, &out));
    return reply(rq, 200, &out);
}

static enum err
windows_remove(struct request *rq)
{
    const struct v1_renewal_window_end *in = rq->query;
    int64_t id;

    TRY(var_int(rq, "window", &id));
    return acme_window_remove(rq->scope, rq->app->acme, rq->caller, id, in->reason);
}

const struct binding rest_acme_windows[] = {
    { &v1_renewal_windows_list_op, windows_list },
    { &v1_renewal_windows_create_op, windows_create },
    { &v1_renewal_windows_get_op, windows_get },
    { &v1_renewal_windows_remove_op, windows_remove },
    { NULL, NULL },
};
