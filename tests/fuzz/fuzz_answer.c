/*
 * What a web server answers to http-01. It says the same in whatever pieces it comes, and there is
 * no more of it than is allowed.
 */
#include "fuzz.h"

#include "base/scope.h"
#include "proof/answer.h"

/* A bug of a kind that is easily made: a chunk's size is taken to be decimal. */
static void
planted(const struct answer *a)
{
#ifdef PLANT_BUG
    PROMISE(!a->chunked || a->left < 10);
#endif
    (void)a;
}

static struct answer
read_in(struct scope *s, struct bytes text, size_t piece)
{
    struct answer a;

    answer_init(&a, s->arena);
    for (size_t at = 0; at < text.len; at += piece)
        (void)answer_feed(&a, (struct bytes){ text.data + at, MIN(piece, text.len - at) });
    planted(&a);
    (void)answer_close(&a);
    return a;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct bytes text = { data, len };
    struct answer a = read_in(s, text, len ? len : 1), b = read_in(s, text, 1);

    PROMISE(a.state == b.state && a.status == b.status && a.locations == b.locations);
    PROMISE(a.enough == b.enough && a.head_len <= ANSWER_HEAD_MAX + len);
    PROMISE(!a.location == !a.locations && (!a.location || text_eq(a.location, b.location)));
    PROMISE(bytes_eq(buf_bytes(&a.body), buf_bytes(&b.body)));
    PROMISE(!a.status || (a.status >= 100 && a.status <= 999));
    PROMISE(a.body.len <= (a.status == 200 ? ANSWER_BODY_MAX : ANSWER_BODY_SHOWN));
    PROMISE(a.state != ANSWER_COMPLETE || a.status);
    PROMISE(!a.line.failed && !a.body.failed);
    return 0;
}
