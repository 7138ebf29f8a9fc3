/* Pages of lists that are in memory. */
#include "command/command.h"

#include "catalog/query.h"
#include <string.h>

struct page
page_of(const struct page_query *q)
{
    const char *order = q->sort_ascending;
    int64_t size = q->return_limit > 0 ? q->return_limit : q->take > 0 ? q->take : RETURN_LIMIT;

    return (struct page){
        .number = MAX(q->page_returned, INT64_C(1)),
        .size = MIN(size, (int64_t)RETURN_LIMIT_MAX),
        .skip = MAX(q->skip, INT64_C(0)),
        .given = q->page_returned || q->return_limit || q->take || q->skip,
        .sort = text_empty(q->sort_field) ? NULL : q->sort_field,
        .ordered = !text_empty(order),
        .descending =
            text_eq(order, "1") || text_eq_fold(order, "false"), /* 0 and true: ascending */
        .query = q->query_string,
    };
}

enum err
order_named(struct request *rq, const char *name, enum err e)
{
    const char *sent = name;
    struct list pairs;

    if (e == OK || rq->scope->error.code != CHY_NO_ORDER)
        return e;
    if (http_query_all(rq->http, &pairs) == OK)
        LIST_EACH(struct header, pair, &pairs)
    if (text_ends_fold(pair->name, name))
        sent = pair->name;
    return note(rq->scope, e, "%s", sent);
}

enum err
reply_page(struct request *rq, const struct model *m, const char *sort, struct list *list)
{
    const struct page_query none = { 0 }, *asked = rq->query ? rq->query : &none;
    struct page page = page_of(asked);
    size_t from, size;

    TRY(query_filter(rq->scope, page.query, m, clock_now(), list));
    TRY(order_named(rq, "sortField",
                    query_sort(rq->scope, page.sort ? page.sort : sort, page.descending, m, list)));
    reply_total(rq, (int64_t)list->count);
    if (!page.given) /* clients ask once and search the answer */
        page.size = RETURN_LIMIT_MAX;
    from = page.number > INT32_MAX
               ? list->count
               : MIN(list->count, (size_t)((page.number - 1) * page.size + page.skip));
    size = MIN(list->count - from, (size_t)page.size);
    list->items = (uint8_t *)list->items + from * m->size;
    list->count = size;
    return reply_list(rq, list);
}

bool
loose_hex(struct scope *s, const char *text, struct bytes *out)
{
    char *digits = arena_alloc(s->arena, strlen(text) + 2), *to = digits + 1;

    digits[0] = '0';
    if (text_starts_fold(text, "0x"))
        text += 2;
    for (; *text; text++)
        if (!strchr(" :\t", *text))
            *to++ = *text;
    *to = 0;
    return hex_decode(s->arena, (to - digits) % 2 ? digits + 1 : digits, out);
}
