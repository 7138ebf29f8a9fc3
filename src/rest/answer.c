/* What the operations' answers and conditions have in common. */
#include "rest/rest.h"

#include <string.h>

enum err
reply_items(struct request *rq, const struct list *items, const char *next)
{
    struct v1_page page = { .items = *items,
                            .next = next,
                            .total_at_least = (int64_t)items->count + (next ? 1 : 0) };

    return reply(rq, 200, &page);
}

enum err
id_page_begin(struct request *rq, enum permission p, enum grant_on on, struct id_page *page)
{
    const struct v1_query *q = rq->query;

    *page = (struct id_page){ .rq = rq, .permission = p, .on = on };
    return after_id(rq, q->after, &page->last);
}

bool
id_page_takes(struct id_page *page, int64_t id)
{
    const struct v1_query *q = page->rq->query;

    if (page->more || id <= page->last ||
        !access_may(page->rq->caller, page->permission, page->on, id))
        return false;
    page->more = page->items.count && page->items.count == (size_t)q->limit;
    if (page->more)
        return false;
    page->last = id;
    return true;
}

enum err
id_page_reply(const struct id_page *page)
{
    return reply_items(
        page->rq, &page->items,
        page->more ? arena_printf(page->rq->scope->arena, "%lld", (long long)page->last) : NULL);
}

bool
body_has(struct request *rq, const char *name)
{
    struct json *j;

    return json_parse(rq->scope, rq->http->body, &j) == OK && json_get(j, name);
}

enum err
dry_run_of(struct request *rq, bool *out)
{
    const char *text = http_query(rq->http, "dry_run", false);

    *out = text && text_eq(text, "true");
    if (text && !*out && !text_eq(text, "false"))
        problem(rq->scope, "dry_run", CHY_BAD_TYPE, "must be true or false");
    return problems_check(rq->scope);
}

bool
var_is_id(const struct request *rq, const char *name, int64_t *out)
{
    return text_to_int(var_text(rq, name), out) && *out > 0;
}

enum err
after_id(struct request *rq, const char *after, int64_t *out)
{
    *out = 0;
    if (text_empty(after) || (text_to_int(after, out) && *out > 0))
        return OK;
    problem(rq->scope, "after", CHY_BAD_VALUE, "is no cursor of this list");
    return problems_check(rq->scope);
}

const char *
id_cursor(struct request *rq, int64_t id)
{
    return id ? arena_printf(rq->scope->arena, "%lld", (long long)id) : NULL;
}
