/* Collections. */
#include "catalog/collection.h"

#include "api/collections.h"
#include "command/command.h"

static struct collection_reply
shown(const struct collection *c)
{
    return (struct collection_reply){
        .id = c->id,
        .name = c->name,
        .description = c->description,
        .content = c->query,
        .query = c->query,
        .duplication_field = c->duplicates.value,
        .show_on_dashboard = c->on_dashboard.value,
        .favorite = c->favorite.value,
    };
}

static bool
may_see(const struct request *rq, int64_t id)
{
    return access_may(rq->caller, PERM_CERTIFICATES_READ, GRANT_COLLECTION, id);
}

enum err
collections_list(struct request *rq)
{
    struct list all, out = { 0 };

    TRY(collection_list(rq->scope, rq->app->db, &all));
    LIST_EACH(struct collection, c, &all)
    if (may_see(rq, c->id))
        list_add(rq->scope->arena, &out, struct collection_reply, shown(c));
    return reply_page(rq, &collection_reply_model, NULL, &out);
}

/* What there is and what the caller may not see are the same here. */
enum err
collections_get(struct request *rq)
{
    const char *text = var_text(rq, "id");
    struct scope *s = rq->scope;
    struct collection_reply out;
    struct collection c;
    int64_t id;
    enum err e = text_to_int(text, &id) ? collection_get(s, rq->app->db, id, &c)
                                        : collection_find(s, rq->app->db, text, &c);

    if (e == OK && !may_see(rq, c.id))
        return text_to_int(text, &id)
                   ? fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "collection %.100s not found", text)
                   : fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "collection \"%.100s\" not found",
                               text);
    TRY(e);
    out = shown(&c);
    return reply(rq, 200, &out);
}

static struct collection_by
by_caller(const struct request *rq)
{
    return (struct collection_by){ rq->app->db, rq->app->access, rq->caller };
}

static struct collection
asked(const struct collection_request *in)
{
    return (struct collection){ .id = in->id,
                                .name = in->name,
                                .description = in->description,
                                .query = in->query,
                                .duplicates = in->duplication_field,
                                .on_dashboard = in->show_on_dashboard,
                                .favorite = in->favorite };
}

enum err
collections_create(struct request *rq)
{
    const struct collection_request *in = rq->body;
    struct collection wanted = asked(in), made;
    struct collection_by by = by_caller(rq);
    struct collection_reply out;

    TRY(collection_add(rq->scope, &by, &wanted, in->copy_from_id.value, &made));
    out = shown(&made);
    return reply(rq, 200, &out);
}

enum err
collections_copy(struct request *rq)
{
    const struct collection_request *in = rq->body;

    if (in->copy_from_id.value <= 0)
        return fail_code(rq->scope, E_INVALID, CHY_BAD_VALUE, "CopyFromId: %lld is no collection",
                         (long long)in->copy_from_id.value);
    return collections_create(rq);
}

enum err
collections_update(struct request *rq)
{
    struct collection wanted = asked(rq->body), changed;
    struct collection_by by = by_caller(rq);
    struct collection_reply out;

    TRY(collection_edit(rq->scope, &by, &wanted, &changed));
    out = shown(&changed);
    return reply(rq, 200, &out);
}

enum err
collections_delete(struct request *rq)
{
    struct collection_by by = by_caller(rq);
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(collection_delete(rq->scope, &by, id));
    return reply_none(rq);
}
