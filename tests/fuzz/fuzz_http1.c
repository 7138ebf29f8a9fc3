/*
 * HTTP/1.1 framing. However a request is cut into pieces, the reader finds the same; and what it
 * accepts keeps the promises that other readers would be led astray without: lines end in CRLF,
 * there is one Host, one length or one coding, and no text holds a control character.
 */
#include "fuzz.h"

#ifdef PLANT_BUG
#include "net/http1_head.c" /* with its bug, in place of the library's */
#endif
#include "net/http1.h"

#include <string.h>

#define BODY_MAX 4096
#define REQUESTS_MAX 4 /* of one input, as on one connection */

static const struct http1_limits limits = { .head_max = 2048, .target_max = 256, .fields_max = 20 };

static size_t
count_of(const struct http1_head *h, const char *name)
{
    size_t n = 0;

    LIST_EACH(struct header, field, &h->headers)
    n += text_eq_fold(field->name, name);
    return n;
}

static void
check_text(const char *text)
{
    PROMISE(text_is_utf8(text, strlen(text)));
    for (; *text; text++)
        PROMISE(((uint8_t)*text >= 0x20 || *text == '\t') && *text != 0x7f);
}

/* DATA up to the end of its head. */
static void
check_lines(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        PROMISE(data[i] != '\0');
        PROMISE(data[i] != '\n' || (i > 0 && data[i - 1] == '\r'));
        PROMISE(data[i] != '\r' || (i + 1 < len && data[i + 1] == '\n'));
    }
}

static void
check_head(const struct http1_head *h)
{
    size_t codings = count_of(h, "Transfer-Encoding"), lengths = count_of(h, "Content-Length");

    PROMISE(h->headers.count <= (size_t)limits.fields_max);
    PROMISE(count_of(h, "Host") == 1 || (h->minor == 0 && count_of(h, "Host") == 0));
    PROMISE(codings + lengths <= 1);
    PROMISE((h->length == HTTP1_CHUNKED) == (codings == 1));
    PROMISE(h->length >= HTTP1_CHUNKED && (h->length == 0 || codings + lengths == 1));
    PROMISE(h->minor == 1 || (h->close && codings == 0));
    PROMISE(*h->target == '/' || !strcmp(h->target, "*"));
    PROMISE(*h->host == '\0' || http1_host_ok(h->host));
    PROMISE(text_eq_fold(h->method, h->method_sent) && *h->method);
    check_text(h->target);
    LIST_EACH(struct header, field, &h->headers)
    {
        PROMISE(*field->name && !strpbrk(field->name, " \t:"));
        check_text(field->name);
        check_text(field->value);
    }
}

static void
write_head(struct buf *out, const struct http1_head *h)
{
    buf_printf(out, "%s|%s|%s|%s|%s|%s|%d|%lld|%d%d\n", h->method, h->method_sent, h->target,
               h->path, h->query, h->host, h->minor, (long long)h->length, h->close,
               h->expects_continue);
    LIST_EACH(struct header, field, &h->headers)
    buf_printf(out, "%s=%s\n", field->name, field->value);
}

/* Read one request, cut at the places that STEP tells; writes down what is found and returns what
 * was used. */
static size_t
read_one(struct arena *a, const uint8_t *data, size_t len, size_t first, size_t step,
         struct buf *out, bool *ended)
{
    size_t at = 0, till = MIN(first, len), used;
    struct http1 p;

    http1_init(&p, a, &limits);
    for (;;) {
        enum http1_event ev = http1_feed(&p, data + at, till - at, &used);

        PROMISE(used <= till - at);
        at += used;
        if (ev == HTTP1_HEAD) {
            check_lines(data, at);
            check_head(&p.head);
            write_head(out, &p.head);
            http1_body_limit(&p, BODY_MAX);
        } else if (ev == HTTP1_BODY) {
            PROMISE(p.piece.len > 0 && p.piece.data >= data &&
                    p.piece.data + p.piece.len <= data + at);
            buf_add(out, p.piece.data, p.piece.len);
        } else if (ev == HTTP1_MORE && till < len) {
            PROMISE(at == till);
            till = MIN(till + step, len);
        } else {
            *ended = ev == HTTP1_END;
            buf_printf(out, "\n%d %d %s", (int)ev, p.status, p.reason ? p.reason : "");
            return at;
        }
    }
}

/* All requests of the input, as one connection would carry them. */
static void
read_all(struct arena *a, const uint8_t *data, size_t len, size_t first, size_t step,
         struct buf *out)
{
    bool ended = true;

    buf_init_in(out, a, 1 << 20);
    for (int i = 0; i < REQUESTS_MAX && ended && len > 0; i++) {
        size_t used = read_one(a, data, len, first, step, out, &ended);

        data += used;
        len -= used;
        first = first > used ? first - used : step;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct buf whole, bytes, cut;
    size_t at;

    if (len < 2)
        return 0;
    at = (size_t)(data[0] | data[1] << 8); /* the input chooses one cut itself */
    data += 2;
    len -= 2;
    read_all(a, data, len, len, len, &whole);
    read_all(a, data, len, 1, 1, &bytes);
    PROMISE(!whole.failed && bytes_eq(buf_bytes(&whole), buf_bytes(&bytes)));
    read_all(a, data, len, len ? at % len : 0, len, &cut);
    PROMISE(bytes_eq(buf_bytes(&whole), buf_bytes(&cut)));
    return 0;
}
