#include "face/document.h"

#include "face/router.h"

#define DOCUMENT_MAX (8u << 20)

enum err
face_document(struct scope *s, const struct face *const *faces, size_t count,
              const struct openapi *about, struct bytes *out)
{
    struct list ops = { 0 };
    struct buf b;

    for (size_t i = 0; i < count; i++)
        LIST_EACH(const struct op *, op, &faces[i]->ops)
        {
            struct op *whole = arena_copy(s->arena, *op, sizeof(**op));

            whole->path = arena_printf(s->arena, "%s%s", faces[i]->spec->base, (*op)->path);
            whole->tag = (*op)->tag ? (*op)->tag : faces[i]->spec->name;
            whole->error = faces[i]->spec->error_model;
            whole->error_type = faces[i]->spec->error_type;
            whole->flags &= ~(unsigned)OP_PAGED; /* the query's model has the paging parameters */
            list_add(s->arena, &ops, const struct op *, whole);
        }
    buf_init_in(&b, s->arena, DOCUMENT_MAX);
    openapi_print(&b, about, ops.items, ops.count);
    if (b.failed)
        return fail(s, E_INTERNAL, "the OpenAPI document is larger than %u bytes", DOCUMENT_MAX);
    *out = buf_bytes(&b);
    return OK;
}
