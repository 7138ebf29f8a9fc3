#include "net/server.h"

#include <string.h>

#define PAIRS_MAX 1000 /* of one query or form */

const char *
http_header(const struct http_request *rq, const char *name)
{
    LIST_EACH(struct header, h, &rq->headers)
    if (text_eq_fold(h->name, name))
        return h->value;
    return NULL;
}

/* The next pair of TEXT: 1, or 0 at the end, or -1 for a bad escape. Names and values without '='
 * are allowed. */
static int
next_pair(struct scope *s, const char **at, const char *end, struct header *out)
{
    const char *stop, *equals;
    char *name, *value;

    while (*at < end && **at == '&')
        ++*at;
    if (*at == end)
        return 0;
    stop = memchr(*at, '&', (size_t)(end - *at));
    if (!stop)
        stop = end;
    equals = memchr(*at, '=', (size_t)(stop - *at));
    if (!equals)
        equals = stop;
    if (!percent_decode(s->arena, *at, (size_t)(equals - *at), true, &name) ||
        !percent_decode(s->arena, equals == stop ? stop : equals + 1,
                        equals == stop ? 0 : (size_t)(stop - equals - 1), true, &value))
        return -1;
    *at = stop;
    if (!text_is_utf8(name, strlen(name)) || !text_is_utf8(value, strlen(value)))
        return -1;
    *out = (struct header){ name, value };
    return 1;
}

static enum err
pairs(struct scope *s, const char *text, size_t len, const char *what, struct list *out)
{
    const char *at = text, *end = text + len;
    struct list found = { 0 };
    struct header pair;
    int more;

    while ((more = next_pair(s, &at, end, &pair)) > 0) {
        if (found.count >= PAIRS_MAX)
            return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "the %s has too many parameters", what);
        list_add(s->arena, &found, struct header, pair);
    }
    if (more < 0)
        return fail_code(s, E_INVALID, CHY_BAD_TEXT,
                         "the %s holds a bad escape, a NUL or text that is not UTF-8", what);
    *out = found;
    return OK;
}

enum err
http_query_all(struct http_request *rq, struct list *out)
{
    return pairs(rq->scope, rq->query, strlen(rq->query), "query", out);
}

enum err
http_form(struct http_request *rq, struct list *out)
{
    const char *text = rq->body.data ? (const char *)rq->body.data : "";

    return pairs(rq->scope, text, rq->body.len, "form", out);
}

const char *
http_query(struct http_request *rq, const char *name, bool fold)
{
    const char *at = rq->query, *end = at + strlen(at);
    const char *found = NULL;
    struct header pair;
    int more;

    while ((more = next_pair(rq->scope, &at, end, &pair)) != 0) {
        if (more < 0) { /* not this one's business: http_query_all tells */
            at = memchr(at, '&', (size_t)(end - at));
            if (!at)
                break;
            continue;
        }
        if (fold ? text_eq_fold(pair.name, name) : text_eq(pair.name, name))
            found = pair.value;
    }
    return found;
}
