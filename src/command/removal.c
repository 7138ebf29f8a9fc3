/* Certificates leave the register. */
#include "catalog/search.h"
#include "command/command.h"
#include "flow/remove.h"

static enum err
remove_them(struct request *rq, const struct collection *within, const struct list *ids)
{
    struct sight sight = { .caller = rq->caller,
                           .permission = PERM_CERTIFICATES_DELETE,
                           .within = within };
    struct scope *s = rq->scope;
    struct list failed = { 0 }, *shown;
    enum err e = flow_remove(s, &rq->app->flow, &sight, ids, &failed);

    if (!failed.count)
        return e;
    shown = arena_new_of(s->arena, struct list);
    LIST_EACH(struct not_removed, one, &failed)
    {
        struct failed_operation *f = list_push(s->arena, shown, struct failed_operation);

        f->reason = one->why;
        list_add(s->arena, &f->ids, int64_t, one->id);
    }
    rq->failed_operations = shown;
    return e;
}

enum err
certificates_delete(struct request *rq)
{
    const struct within_query *in = rq->query;
    const struct collection *within;
    struct list ids = { 0 };
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(may_within(rq, PERM_CERTIFICATES_DELETE, in->collection_id, &within));
    list_add(rq->scope->arena, &ids, int64_t, id);
    TRY(remove_them(rq, within, &ids));
    return reply_none(rq);
}

/* One that is named twice is removed once. */
static void
add_once(struct scope *s, struct list *ids, int64_t id)
{
    LIST_EACH(int64_t, have, ids)
    if (*have == id)
        return;
    list_add(s->arena, ids, int64_t, id);
}

enum err
certificates_delete_many(struct request *rq)
{
    const struct within_query *in = rq->query;
    const struct collection *within;
    struct list ids = { 0 };

    TRY(may_within(rq, PERM_CERTIFICATES_DELETE, in->collection_id, &within));
    if (rq->body_list.count > REMOVE_MAX)
        return fail_code(rq->scope, E_INVALID, CHY_TOO_LARGE, "at most %d certificates at once",
                         REMOVE_MAX);
    LIST_EACH(int64_t, id, &rq->body_list)
    add_once(rq->scope, &ids, *id);
    if (ids.count)
        TRY(remove_them(rq, within, &ids));
    return reply_none(rq);
}

/* By portions, each of them all or none: other writers get their turn. */
enum err
certificates_delete_query(struct request *rq)
{
    const struct within_query *in = rq->query;
    struct cert_search search = { .query = *(const char *const *)rq->body,
                                  .include_revoked = true,
                                  .include_expired = true,
                                  .page_size = REMOVE_MAX,
                                  .me = rq->caller->name,
                                  .now = clock_now() };
    struct cert_found found;
    size_t done = 0;

    TRY(may_within(rq, PERM_CERTIFICATES_DELETE, in->collection_id, &search.within));
    if (text_empty(text_trim(rq->scope->arena, search.query)))
        return fail_code(rq->scope, E_INVALID, CHY_MISSING,
                         "the query is empty: that would be every certificate");
    do {
        struct list ids = { 0 };

        TRY(catalog_search(rq->scope, rq->app->db, &search, &found));
        LIST_EACH(struct cert_row, row, &found.rows)
        {
            list_add(rq->scope->arena, &ids, int64_t, row->id);
            search.after = row->id;
        }
        if (ids.count)
            TRY(note(rq->scope, remove_them(rq, search.within, &ids),
                     "after %zu certificates were removed", done));
        done += ids.count;
    } while (found.rows.count == REMOVE_MAX);
    return reply_none(rq);
}
