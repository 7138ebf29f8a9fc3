/* What is noted about certificates. */
#include "api/metadata.h"

#include "catalog/metadata.h"
#include "catalog/search.h"
#include "command/command.h"

enum err
certificates_metadata_put(struct request *rq)
{
    const struct metadata_put_request *in = rq->body;
    struct scope *s = rq->scope;
    struct list fields, values = { 0 }, ids = { 0 };
    const struct collection *within;

    TRY(may_within(rq, PERM_CERTIFICATES_EDIT, collection_named(rq, in->collection_id), &within));
    TRY(is_within(rq, within, in->id));
    TRY(metadata_fields(s, rq->app->db, &fields));
    metadata_values_of(s, &fields, &in->metadata, "Metadata", &values);
    TRY(problems_check(s));
    list_add(s->arena, &ids, int64_t, in->id);
    TRY(metadata_note(s, rq->app->db, rq->caller, &ids, &values));
    return reply_none(rq);
}

/* Many certificates. */

static enum err
values_given(struct request *rq, const struct metadata_all_request *in, struct list *values)
{
    struct scope *s = rq->scope;
    struct list fields;
    size_t i = 0;

    TRY(metadata_fields(s, rq->app->db, &fields));
    LIST_EACH(struct metadata_single, one, &in->metadata)
    {
        const struct metadata_field *f = metadata_field_of(&fields, one->name);
        const char *path = arena_printf(s->arena, "Metadata[%zu].", i++), *why = "";
        struct metadata_value v;

        if (!f) {
            problem(s, arena_printf(s->arena, "%sMetadataName", path), CHY_UNKNOWN_FIELD,
                    "there is no metadata field \"%.100s\"", one->name);
        } else if (!metadata_value_of(s, f, one->value, &v, &why)) {
            problem(s, arena_printf(s->arena, "%sValue", path), CHY_BAD_VALUE, "\"%.100s\" %s",
                    one->value, why);
        } else {
            v.keep = !one->overwrite;
            metadata_value_put(s, values, &v);
        }
    }
    return problems_check(s);
}

/** A change of many certificates: which, and how far it is. */
struct sweep {
    struct request *rq;
    const struct list *values;
    struct cert_search search; /* .after: behind the last one that is done */
    size_t done;
    bool more;
};

/* In portions, so that other writers get their turn; when one fails, those before it stay. */
static enum err
note_each(struct scope *s, struct sweep *w, const struct list *ids)
{
    for (size_t from = 0; from < ids->count; from += METADATA_AT_ONCE) {
        struct list some = *ids;

        some.items = list_at(ids, int64_t, from);
        some.count = MIN(ids->count - from, (size_t)METADATA_AT_ONCE);
        TRY(note(s, metadata_note(s, w->rq->app->db, w->rq->caller, &some, w->values),
                 "after %zu certificates were done", w->done));
        w->done += some.count;
    }
    return OK;
}

/* By key, so that what changes meanwhile does not shift the pages. */
static enum err
note_page(struct scope *s, struct sweep *w)
{
    struct cert_found found;
    struct list ids = { 0 };

    TRY(catalog_search(s, w->rq->app->db, &w->search, &found));
    LIST_EACH(struct cert_row, row, &found.rows)
    {
        list_add(s->arena, &ids, int64_t, row->id);
        w->search.after = row->id;
    }
    w->more = found.rows.count == RETURN_LIMIT_MAX;
    return note_each(s, w, &ids);
}

/** Each page in memory of its own: there may be millions of certificates. */
static enum err
note_found(struct sweep *w)
{
    struct scope *s = w->rq->scope;
    enum err e;

    do {
        AUTO(scope_free) struct scope *page = scope_new(s->module);

        page->id = s->id;
        page->principal = s->principal;
        page->address = s->address;
        page->deadline_ms = s->deadline_ms;
        e = note_page(page, w);
        if (e != OK) {
            (void)fail_code(s, e, page->error.code, "%s", page->error.text ? page->error.text : "");
            s->error.retry_after_s = page->error.retry_after_s;
        }
    } while (e == OK && w->more);
    return e;
}

enum err
certificates_metadata_all(struct request *rq)
{
    const struct metadata_all_request *in = rq->body;
    struct list values = { 0 };
    struct sweep sweep = { .rq = rq,
                           .values = &values,
                           .search = { .query = in->query,
                                       .page_size = RETURN_LIMIT_MAX,
                                       .me = rq->caller->name,
                                       .now = clock_now() } };

    TRY(may_within(rq, PERM_CERTIFICATES_EDIT, collection_named(rq, in->collection_id),
                   &sweep.search.within));
    if (text_empty(in->query) && !in->ids.count)
        return fail_code(rq->scope, E_INVALID, CHY_MISSING,
                         "Query: neither Query nor CertificateIds says which certificates");
    if (!text_empty(in->query) && in->ids.count)
        return fail_code(rq->scope, E_INVALID, CHY_BAD_VALUE,
                         "CertificateIds: Query says already which certificates");
    TRY(values_given(rq, in, &values));
    LIST_EACH(int64_t, id, &in->ids)
    TRY(is_within(rq, sweep.search.within, *id));
    if (in->ids.count)
        TRY(note_each(rq->scope, &sweep, &in->ids));
    else
        TRY(note_found(&sweep));
    return reply_none(rq);
}

/* Reading. */

static const char *
value_in(const struct pairs *metadata, const char *name)
{
    LIST_EACH(struct pair, p, &metadata->of)
    if (text_eq_fold(p->name, name))
        return p->value;
    return "";
}

enum err
certificates_metadata_compare(struct request *rq)
{
    const struct metadata_compare_query *in = rq->query;
    struct scope *s = rq->scope;
    struct metadata_field field;
    struct metadata_value value;
    const struct collection *within;
    const char *why = "";
    struct cert_row row;
    bool same;

    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection_id, &within));
    TRY(is_within(rq, within, in->certificate_id));
    TRY(metadata_field_find(s, rq->app->db, in->name, &field));
    TRY(catalog_get(s, rq->app->db, in->certificate_id, WITH_METADATA, &row));
    same = metadata_value_of(s, &field, in->value, &value, &why) &&
           text_eq_fold(value.text, value_in(&row.metadata, field.name));
    return reply(rq, 200, &same);
}

enum err
certificates_metadata_get(struct request *rq)
{
    const struct within_query *in = rq->query;
    struct metadata_of_reply out = { 0 };
    const struct collection *within;
    struct cert_row row;

    TRY(var_int(rq, "id", &out.id));
    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection_id, &within));
    TRY(is_within(rq, within, out.id));
    TRY(catalog_get(rq->scope, rq->app->db, out.id, WITH_METADATA, &row));
    out.metadata = row.metadata;
    return reply(rq, 200, &out);
}
