#include "face/router.h"

#include <string.h>

void
router_cut(struct http_request *http, const char *path, struct cut *out)
{
    struct arena *a = http->scope->arena;

    *out = (struct cut){ 0 };
    while (*path) {
        size_t len;
        char *segment;

        path += strspn(path, "/"); /* doubled and trailing slashes are ignored */
        len = strcspn(path, "/");
        if (!len)
            break;
        if (out->count == SEGMENTS_MAX || !percent_decode(a, path, len, false, &segment) ||
            !text_is_utf8(segment, strlen(segment))) {
            out->bad = true;
            return;
        }
        out->segments[out->count++] = segment;
        path += len;
    }
}

static bool
matches(const struct bound *b, const struct cut *path, bool fold, const char **vars)
{
    size_t var = 0;

    if (b->segment_count != path->count)
        return false;
    for (size_t i = 0; i < path->count; i++) {
        if (!b->segments[i])
            vars[var++] = path->segments[i];
        else if (fold ? !text_eq_fold(b->segments[i], path->segments[i])
                      : !text_eq(b->segments[i], path->segments[i]))
            return false;
    }
    return true;
}

struct bound *
router_match(const struct face *f, const struct cut *path, size_t *at, const char **vars)
{
    while (*at < f->bounds.count) {
        struct bound *b = *list_at(&f->bounds, struct bound *, (*at)++);

        if (matches(b, path, f->spec->fold, vars))
            return b;
    }
    return NULL;
}
