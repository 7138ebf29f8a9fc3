/* Metadata fields. */
#include "api/metadata.h"
#include "catalog/metadata.h"
#include "command/command.h"

static struct metadata_field_reply
shown(const struct metadata_field *f)
{
    return (struct metadata_field_reply){
        .id = f->id,
        .name = f->name,
        .description = f->description,
        .data_type = f->type,
        .hint = f->hint,
        .validation = f->validation,
        .enrollment = f->enrollment.value,
        .message = f->message,
        .options = f->options,
        .default_value = f->default_value,
        .display_order = f->display_order.value,
    };
}

enum err
metadata_fields_list(struct request *rq)
{
    struct list fields, out = { 0 };

    TRY(metadata_fields(rq->scope, rq->app->db, &fields));
    LIST_EACH(struct metadata_field, f, &fields)
    list_add(rq->scope->arena, &out, struct metadata_field_reply, shown(f));
    return reply_page(rq, &metadata_field_reply_model, NULL, &out);
}

enum err
metadata_fields_create(struct request *rq)
{
    const struct metadata_field_create *in = rq->body;
    struct metadata_field out, f = { .name = in->name,
                                     .description = in->description,
                                     .type = in->data_type,
                                     .enrollment = in->enrollment,
                                     .hint = in->hint,
                                     .validation = in->validation,
                                     .message = in->message,
                                     .options = in->options,
                                     .default_value = in->default_value,
                                     .display_order = in->display_order };
    struct metadata_field_reply made;

    TRY(metadata_field_add(rq->scope, rq->app->flow.fields, rq->caller, &f, &out));
    made = shown(&out);
    return reply(rq, 200, &made);
}

enum err
metadata_fields_update(struct request *rq)
{
    const struct metadata_field_update *in = rq->body;
    struct metadata_field out, f = { .id = in->id,
                                     .name = in->name,
                                     .description = in->description,
                                     .type = in->data_type,
                                     .enrollment = in->enrollment,
                                     .hint = in->hint,
                                     .validation = in->validation,
                                     .message = in->message,
                                     .options = in->options,
                                     .default_value = in->default_value,
                                     .display_order = in->display_order };
    struct metadata_field_reply changed;

    TRY(metadata_field_edit(rq->scope, rq->app->flow.fields, rq->caller, &f, &out));
    changed = shown(&out);
    return reply(rq, 200, &changed);
}

/* A number first; a name may be one of digits, too. */
static enum err
named_field(struct request *rq, struct metadata_field *out)
{
    const char *text = var_text(rq, "id");
    struct scope *s = rq->scope;
    int64_t id;
    enum err e;

    if (!text_to_int(text, &id))
        return metadata_field_find(s, rq->app->db, text, out);
    e = metadata_field_get(s, rq->app->db, id, out);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return metadata_field_find(s, rq->app->db, text, out);
}

enum err
metadata_fields_get(struct request *rq)
{
    struct metadata_field_reply out;
    struct metadata_field f;

    TRY(named_field(rq, &f));
    out = shown(&f);
    return reply(rq, 200, &out);
}

enum err
metadata_fields_in_use(struct request *rq)
{
    struct metadata_field f;
    bool used;

    TRY(named_field(rq, &f));
    TRY(metadata_field_in_use(rq->scope, rq->app->db, f.id, &used));
    return reply(rq, 200, &used);
}

enum err
metadata_fields_delete(struct request *rq)
{
    const struct metadata_delete_query *in = rq->query;
    struct metadata_field f;

    TRY(named_field(rq, &f));
    TRY(metadata_field_delete(rq->scope, rq->app->flow.fields, rq->caller, f.id, in->force));
    return reply_none(rq);
}

/* Each on its own: what fails is named, the others are gone. */
enum err
metadata_fields_delete_many(struct request *rq)
{
    const struct metadata_delete_query *in = rq->query;
    struct scope *s = rq->scope;
    struct list *failed = arena_new_of(s->arena, struct list);
    enum err first = OK;

    LIST_EACH(int64_t, id, &rq->body_list)
    {
        enum err e = metadata_field_delete(s, rq->app->flow.fields, rq->caller, *id, in->force);
        struct failed_operation *f;

        if (e == OK)
            continue;
        if (e != E_NOT_FOUND && e != E_CONFLICT)
            return e;
        f = list_push(s->arena, failed, struct failed_operation);
        f->reason = s->error.text;
        list_add(s->arena, &f->ids, int64_t, *id);
        first = first ? first : e;
        scope_clear(s);
    }
    if (first == OK)
        return reply_none(rq);
    rq->failed_operations = failed;
    return fail_code(s, first, first == E_NOT_FOUND ? CHY_NOT_FOUND : CHY_CONFLICT, "%s",
                     list_at(failed, struct failed_operation, 0)->reason);
}
