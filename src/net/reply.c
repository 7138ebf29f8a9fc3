#include "net/server_in.h"

#include "base/log.h"
#include <stdio.h>
#include <string.h>

#define COPY_MAX (16 * 1024) /* a body up to this size goes out in one piece with its head */
#define HEAD_ROOM 256        /* status line and our own fields, Content-Type apart */

static const char *
status_line(int status)
{
    switch (status) {
#define LINE(number, words) \
    case number:            \
        return "HTTP/1.1 " #number " " words "\r\nDate: "
        LINE(200, "OK");
        LINE(201, "Created");
        LINE(202, "Accepted");
        LINE(204, "No Content");
        LINE(301, "Moved Permanently");
        LINE(302, "Found");
        LINE(303, "See Other");
        LINE(304, "Not Modified");
        LINE(307, "Temporary Redirect");
        LINE(308, "Permanent Redirect");
        LINE(400, "Bad Request");
        LINE(401, "Unauthorized");
        LINE(403, "Forbidden");
        LINE(404, "Not Found");
        LINE(405, "Method Not Allowed");
        LINE(406, "Not Acceptable");
        LINE(408, "Request Timeout");
        LINE(409, "Conflict");
        LINE(410, "Gone");
        LINE(412, "Precondition Failed");
        LINE(413, "Content Too Large");
        LINE(414, "URI Too Long");
        LINE(415, "Unsupported Media Type");
        LINE(417, "Expectation Failed");
        LINE(422, "Unprocessable Content");
        LINE(428, "Precondition Required");
        LINE(429, "Too Many Requests");
        LINE(431, "Request Header Fields Too Large");
        LINE(500, "Internal Server Error");
        LINE(501, "Not Implemented");
        LINE(502, "Bad Gateway");
        LINE(503, "Service Unavailable");
        LINE(504, "Gateway Timeout");
        LINE(505, "HTTP Version Not Supported");
#undef LINE
    default:
        return NULL;
    }
}

/* The date of this second and the name of the next field, made once a second by each thread. */
static char *
put_date(char *at)
{
    static __thread char text[64];
    static __thread size_t len;
    static __thread int64_t made_s = -1;
    struct when now = clock_tick();

    if (when_s(now) != made_s) {
        AUTO(arena_free) struct arena *a = arena_new();

        len = (size_t)snprintf(text, sizeof(text), "%s\r\nX-Request-Id: ", when_http(a, now));
        made_s = when_s(now);
    }
    return mempcpy(at, text, len);
}

#define EACH UINT64_C(0x0101010101010101)
#define TOPS (0x80 * EACH)

/* True when none of the eight characters at AT is below a blank or DEL. */
static inline bool
eight_ok(const char *at)
{
    uint64_t group, deletes;

    memcpy(&group, at, sizeof(group));
    deletes = group ^ 0x7f * EACH;
    return !((((group - ' ' * EACH) & ~group) | ((deletes - EACH) & ~deletes)) & TOPS);
}

static bool
value_ok(const char *value)
{
    size_t len = strlen(value), n = 0;

    while (len >= 8 && n < len && eight_ok(value + MIN(n, len - 8)))
        n += 8;
    if (len >= 8 && n >= len)
        return true;
    for (const uint8_t *at = (const uint8_t *)value; *at; at++)
        if ((*at < 0x20 && *at != '\t') || *at == 0x7f)
            return false;
    return true;
}

void
http_reply_header(struct http_request *rq, const char *name, const char *value)
{
    struct scope *s = rq->scope;

    if (!value_ok(value)) {
        log_error(s, "a control character in the reply header %s", name);
        return;
    }
    list_add(s->arena, &rq->conn->reply.headers, struct header,
             ((struct header){ name, arena_text(s->arena, value) }));
}

void
http_reply_lines(struct http_request *rq, struct bytes lines)
{
    struct bytes *all = rq->conn->reply.lines;

    all[all[0].len ? 1 : 0] = lines;
}

bool
http_replied(const struct http_request *rq)
{
    return rq->conn->reply.given;
}

static char *
put_int(char *at, size_t value)
{
    char digits[24];
    size_t n = sizeof(digits);

    do
        digits[--n] = (char)('0' + value % 10);
    while (value /= 10);
    memcpy(at, digits + n, sizeof(digits) - n);
    return at + sizeof(digits) - n;
}

static char *
put_field(char *at, const char *name, const char *value)
{
    at = stpcpy(at, name);
    at = stpcpy(at, ": ");
    at = stpcpy(at, value);
    return stpcpy(at, "\r\n");
}

static bool
has_header(const struct reply *r, const char *name)
{
    LIST_EACH(struct header, h, &r->headers)
    if (text_eq_fold(h->name, name))
        return true;
    return false;
}

/* What the connection does after this reply; it is told to the client. */
static void
settle_close(struct http_conn *c)
{
    const struct http1_head *h = &c->parser.head;

    if (atomic_load_explicit(&c->loop->server->stopping, memory_order_relaxed))
        c->close = true;
    /* A client that waits for 100 may send its body or not: only a new connection can tell. */
    if (c->unread && (h->length > DRAIN_MAX || h->expects_continue))
        c->close = true;
}

static size_t
head_size(const struct reply *r, const char *type)
{
    size_t size = HEAD_ROOM + (type ? strlen(type) : 0) + r->lines[0].len + r->lines[1].len;

    LIST_EACH(struct header, h, &r->headers)
    size += strlen(h->name) + strlen(h->value) + 4;
    return size;
}

/* RFC 9110 section 15.3.5 and 15.4.5: these have no body, and no length either. */
static bool
bodiless(int status)
{
    return status == 204 || status == 304;
}

static char *
put_head(char *at, struct http_request *rq, int status, const char *type, size_t body_len)
{
    struct http_conn *c = rq->conn;
    const struct reply *r = &c->reply;
    const char *line = status_line(status);

    if (line)
        at = stpcpy(at, line);
    else
        at += snprintf(at, HEAD_ROOM, "HTTP/1.1 %d \r\nDate: ", status);
    at = stpcpy(stpcpy(put_date(at), rq->scope->id), "\r\n");
    if (type)
        at = put_field(at, "Content-Type", type);
    if (!bodiless(status)) {
        at = put_int(stpcpy(at, "Content-Length: "), body_len);
        at = stpcpy(at, "\r\n");
    }
    LIST_EACH(struct header, h, &r->headers)
    at = put_field(at, h->name, h->value);
    for (size_t i = 0; i < COUNT(r->lines) && r->lines[i].len; i++)
        at = mempcpy(at, r->lines[i].data, r->lines[i].len);
    if (c->close)
        at = stpcpy(at, "Connection: close\r\n");
    return stpcpy(at, "\r\n");
}

/* What is said: a body, and another piece of it, or none. */
struct said {
    struct bytes body, more;
    bool held; /* they live as long as the arena; where there is MORE, they do */
};

/* A large body stands apart from its head, in one piece. */
static void
set_apart(struct http_request *rq, const struct said *said)
{
    struct reply *r = &rq->conn->reply;
    struct arena *a = rq->scope->arena;
    const void *data = said->held ? bytes_join(a, said->body, said->more).data
                                  : arena_copy(a, said->body.data, said->body.len);

    memcpy(&r->parts[1].iov_base, &data, sizeof(data)); /* it is only read */
    r->parts[1].iov_len = said->body.len + said->more.len;
    r->part_count = 2;
    r->held = said->held;
}

static void
reply_make(struct http_request *rq, int status, const char *type, struct said said)
{
    struct http_conn *c = rq->conn;
    struct reply *r = &c->reply;
    struct scope *s = rq->scope;
    size_t len = said.body.len + said.more.len;
    bool joined;
    char *head, *at;

    if (r->given) {
        log_error(s, "a second reply, %d after %d, is not sent", status, r->status);
        return;
    }
    if (status < 200 || status > 599 || (type && !value_ok(type))) {
        log_error(s, "a reply with an impossible status or type, %d", status);
        status = 500;
        type = NULL;
        len = 0;
    }
    joined = len <= COPY_MAX;
    settle_close(c);
    if ((status == 503 || status == 429) && s->error.retry_after_s > 0 &&
        !has_header(r, "Retry-After"))
        http_reply_header(rq, "Retry-After",
                          arena_printf(s->arena, "%lld", (long long)s->error.retry_after_s));
    head = arena_alloc(s->arena, head_size(r, type) + (joined ? len : 0));
    at = put_head(head, rq, status, type, len);
    r->given = true;
    r->status = status;
    r->part_count = 1;
    r->body_len = bodiless(status) || rq->verb == VERB_HEAD ? 0 : len;
    if (r->body_len && joined) {
        at = mempcpy(at, said.body.data, said.body.len);
        if (said.more.len)
            at = mempcpy(at, said.more.data, said.more.len);
    } else if (r->body_len) {
        set_apart(rq, &said);
    }
    r->parts[0] = (struct iovec){ head, (size_t)(at - head) };
}

void
http_reply(struct http_request *rq, int status, const char *type, struct bytes body)
{
    reply_make(rq, status, type, (struct said){ .body = body });
}

void
http_reply_held(struct http_request *rq, int status, const char *type, struct bytes body)
{
    reply_make(rq, status, type, (struct said){ .body = body, .held = true });
}

void
http_reply_pieces(struct http_request *rq, int status, const char *type, struct bytes first,
                  struct bytes second)
{
    reply_make(rq, status, type, (struct said){ .body = first, .more = second, .held = true });
}

void
reply_default(struct http_request *rq, int status)
{
    struct scope *s = rq->scope;
    struct buf out;
    const char *text = s->error.text;

    if (s->error.kind == E_INTERNAL || !text)
        text = "internal error";
    buf_init_in(&out, s->arena, 4096);
    buf_printf(&out, "{\"ErrorCode\":\"0x%08X\",\"Message\":\"",
               0xA0110000U + (unsigned)s->error.code);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            buf_printf(&out, "\\%c", *text);
        else
            buf_byte(&out, (uint8_t)*text >= 0x20 ? (uint8_t)*text : (uint8_t)' ');
    buf_printf(&out, " (CHY-%04d)\"}", (int)s->error.code);
    http_reply(rq, status, "application/json; charset=utf-8",
               out.failed ? BYTES("{}") : buf_bytes(&out));
}
