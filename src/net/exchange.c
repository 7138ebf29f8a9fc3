#include "net/server_in.h"

#include "base/log.h"
#include "base/random.h"
#include "base/step.h"
#include "net/trace.h"
#include <string.h>

#define DEADLINE_MS (60 * SECOND_MS)
#define BODY_AT_ONCE (64 * 1024) /* a body up to this size has its room from the beginning */
#define BODY_FIRST (16 * 1024)   /* a larger or unknown one begins with this */

static void accept_body(struct http_conn *c);

void
exchange_begin(struct http_conn *c)
{
    struct loop *l = c->loop;
    struct arena *a = loop_arena(l);

    conn_recheck(c);
    c->scope = (struct scope){ .arena = a,
                               .module = "http",
                               .deadline_ms = INT64_MAX,
                               .id = ulid_new(a),
                               .address = c->peer };
    c->rq = (struct http_request){ .scope = &c->scope,
                                   .method = "",
                                   .method_sent = "",
                                   .target = "",
                                   .path = "",
                                   .query = "",
                                   .host = "",
                                   .peer = c->peer,
                                   .listener = c->listener,
                                   .client_cert = c->client_cert,
                                   .end_point = { c->end_point, c->end_point_len },
                                   .app = l->server->o.app,
                                   .conn = c };
    c->reply = (struct reply){ 0 };
    c->body = (struct body){ 0 };
    c->unread = true;
    c->close = false;
    stats_begin(c);
    http1_init(&c->parser, a, &l->server->limits);
    c->parser.limits.head_max = atomic_load(&l->server->head_max);
    c->state = CONN_HEAD;
    conn_until(c, l->server->o.head_ms);
    stats_conns(l, 1, -1);
}

void
exchange_end(struct http_conn *c)
{
    if (c->body.own)
        mem_free(c->body.data);
    c->body = (struct body){ 0 };
    loop_arena_back(c->loop, c->scope.arena);
    c->scope.arena = NULL;
    stats_conns(c->loop, -1, 1);
}

/* Make the refusal of the most fitting speaker the reply. */
static void
refuse(struct http_conn *c, int status, enum err kind, enum code code, const char *text)
{
    struct http_request *rq = &c->rq;
    const struct http_server_options *o = &c->loop->server->o;

    (void)fail_code(&c->scope, kind, code, "%s", text);
    if (status == 503)
        c->scope.error.retry_after_s = 1;
    if (rq->route && rq->route->refuse)
        rq->route->refuse(rq, status);
    else if (!rq->route && o->refuse)
        o->refuse(rq, status);
    if (!c->reply.given)
        reply_default(rq, status);
}

/* Send the reply that the handler, or whoever came before it, has given. */
static void
answer(struct http_conn *c)
{
    if (!c->reply.given) {
        log_error(&c->scope, "no reply from the handler of %s", c->rq.route->name);
        refuse(c, 500, E_INTERNAL, CHY_NONE, "the handler gave no reply");
    }
    stats_answer(c);
    if (!c->reply.logged)
        stats_log(c);
    conn_write(c, CONN_IDLE);
}

void
exchange_refuse(struct http_conn *c, int status, enum err kind, enum code code, const char *text,
                bool keep)
{
    if (!keep)
        c->close = true;
    refuse(c, status, kind, code, text);
    answer(c);
}

void
exchange_written(struct http_conn *c)
{
    if (c->close || c->loop->stopping) {
        if (c->unread || c->ahead) {
            conn_linger(c);
        } else {
            wire_shutdown(&c->wire);
            conn_close(c);
        }
        return;
    }
    if (c->unread) {
        c->state = CONN_DRAIN;
        c->moved = c->earned = 0;
        conn_until(c, DRAIN_MS);
        return;
    }
    exchange_end(c);
    c->state = CONN_IDLE;
    conn_until(c, c->loop->server->o.idle_ms);
}

static void
busy(struct http_conn *c)
{
    stats_rejected("queue");
    exchange_refuse(c, 503, E_LIMIT, CHY_OVERLOADED, "too many requests are waiting", true);
}

/* Give the request to a pool that may wait. */
static void
queue(struct http_conn *c, enum conn_state state)
{
    enum pool pool = c->rq.route->pool == POOL_LOOP ? POOL_MAIN : c->rq.route->pool;

    c->state = state;
    c->until_ms = INT64_MAX;
    if (!pool_push(&c->loop->server->pools[pool], c))
        busy(c);
}

static void
free_body(void *data)
{
    mem_free(data);
}

static void
handle(struct http_conn *c)
{
    const struct http_route *route = c->rq.route;

    c->unread = false;
    if (c->body.own)
        (void)arena_defer(c->scope.arena, c->body.data, free_body);
    c->body.own = false;
    c->rq.body = (struct bytes){ c->body.data, c->body.len };
    if (route->pool != POOL_LOOP) {
        queue(c, CONN_WORK);
        return;
    }
    c->state = CONN_WORK;
    route->handle(&c->rq);
    if (!c->reply.given && route->slow)
        queue(c, CONN_WORK);
    else
        answer(c);
}

static void
admitted(struct http_conn *c)
{
    if (c->admitted == ADMIT_ANSWERED)
        answer(c);
    else
        accept_body(c);
}

/* Whose trace the request belongs to; two are as good as none. */
static void
take_trace(struct http_conn *c)
{
    const char *found = NULL;
    int count = 0;

    LIST_EACH(struct header, h, &c->rq.headers)
    if (text_eq_fold(h->name, "traceparent")) {
        found = h->value;
        count++;
    }
    if (count == 1)
        trace_take(&c->scope, found);
}

/* The head is here: which route is it, and may it go on? */
static void
head_done(struct http_conn *c)
{
    struct http_server *server = c->loop->server;
    const struct http1_head *h = &c->parser.head;
    struct http_request *rq = &c->rq;
    const struct http_route *route;

    rq->method = h->method;
    rq->method_sent = h->method_sent;
    rq->verb = h->verb;
    rq->target = h->target;
    rq->path = h->path;
    rq->query = h->query;
    rq->host = h->host;
    rq->headers = h->headers;
    c->close = h->close;
    c->unread = h->length != 0;
    take_trace(c);
    route = server->o.route(rq);
    rq->route = route;
    c->scope.deadline_ms =
        c->loop->now_ms + (route->deadline_ms ? route->deadline_ms : DEADLINE_MS);
    stats_route(c);
    c->state = CONN_ADMIT;
    if (!(route->listeners & c->listener)) {
        exchange_refuse(c, 404, E_NOT_FOUND, CHY_NO_ROUTE, "there is no such path here", true);
        return;
    }
    c->admitted = route->admit ? route->admit(rq, false) : ADMIT_YES;
    if (c->admitted == ADMIT_ASK_WORKER)
        queue(c, CONN_ADMIT);
    else
        admitted(c);
}

static void
accept_body(struct http_conn *c)
{
    static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct http1_head *h = &c->parser.head;
    size_t limit = c->rq.route->body_limit;

    if (h->length == 0) {
        handle(c);
        return;
    }
    if (h->length != HTTP1_CHUNKED && (uint64_t)h->length > limit) {
        exchange_refuse(c, 413, E_LIMIT, CHY_TOO_LARGE, "the body is too large", true);
        return;
    }
    http1_body_limit(&c->parser, (int64_t)MIN(limit, (size_t)INT64_MAX));
    c->state = CONN_BODY;
    c->moved = c->earned = 0;
    conn_until(c, c->loop->server->o.body_ms);
    if (h->expects_continue) {
        c->reply.parts[0] = (struct iovec){ go_on, sizeof(go_on) - 1 };
        c->reply.part_count = 1;
        conn_write(c, CONN_BODY);
    }
}

/* Make room for MORE bytes and a final NUL. */
static void
body_room(struct http_conn *c, size_t more)
{
    struct body *b = &c->body;
    int64_t length = c->parser.head.length;
    size_t cap;

    if (b->len + more <= b->cap)
        return;
    if (length > 0 && length <= BODY_AT_ONCE) {
        b->cap = (size_t)length;
        b->data = arena_alloc(c->scope.arena, b->cap + 1);
        return;
    }
    cap = MAX(b->len + more, MAX((size_t)BODY_FIRST, 2 * b->cap));
    b->data = mem_grow(b->data, cap + 1);
    b->cap = cap;
    b->own = true;
}

static void
body_add(struct http_conn *c, struct bytes piece)
{
    struct body *b = &c->body;

    body_room(c, piece.len);
    memcpy(b->data + b->len, piece.data, piece.len);
    b->len += piece.len;
    b->data[b->len] = '\0';
}

static void
framing_failed(struct http_conn *c)
{
    int status = c->parser.status;

    c->unread = true;
    if (c->state == CONN_DRAIN) { /* it has had its answer */
        conn_linger(c);
        return;
    }
    stats_rejected("malformed");
    if (status == 413 || status == 414 || status == 431)
        exchange_refuse(c, status, E_LIMIT, CHY_TOO_LARGE, c->parser.reason, false);
    else
        exchange_refuse(c, status, status == 400 ? E_INVALID : E_UNSUPPORTED, CHY_BAD_REQUEST,
                        c->parser.reason, false);
}

/* The request has been read to its end. */
static void
request_done(struct http_conn *c)
{
    if (c->state != CONN_DRAIN) {
        handle(c);
        return;
    }
    c->unread = false;
    exchange_written(c);
}

size_t
exchange_feed(struct http_conn *c, const uint8_t *data, size_t len)
{
    size_t used = 0, more;
    enum http1_event ev;

    do {
        ev = http1_feed(&c->parser, data + used, len - used, &more);
        used += more;
        if (ev == HTTP1_BODY && c->state == CONN_BODY)
            body_add(c, c->parser.piece);
    } while (ev == HTTP1_BODY);
    if (ev == HTTP1_HEAD)
        head_done(c);
    else if (ev == HTTP1_BAD)
        framing_failed(c);
    else if (ev == HTTP1_END)
        request_done(c);
    else if (c->state == CONN_DRAIN && c->moved > DRAIN_MAX)
        conn_linger(c);
    return used;
}

void
exchange_returned(struct http_conn *c)
{
    c->loop->now_ms = clock_mono_ms();
    if (c->state == CONN_WORK)
        answer(c);
    else
        admitted(c);
}

/* A request without a body goes from admission to its handler in one step. */
static void
admit_and_handle(struct http_conn *c)
{
    const struct http_route *route = c->rq.route;

    c->admitted = route->admit(&c->rq, true);
    if (c->admitted == ADMIT_ASK_WORKER) {
        refuse(c, 500, E_INTERNAL, CHY_NONE, "the route asks for a worker while it has one");
        c->admitted = ADMIT_ANSWERED;
    } else if (c->admitted == ADMIT_YES && c->parser.head.length == 0 && route->pool != POOL_LOOP) {
        route->handle(&c->rq);
        c->admitted = ADMIT_ANSWERED;
    }
}

/* What the handler held goes now, on the thread that made it; the reply stays. */
static void
let_go(struct http_conn *c)
{
    c->rq.state = NULL;
    c->rq.body = (struct bytes){ 0 };
    c->scope.principal = NULL;
    arena_release(c->scope.arena);
}

void
exchange_work(struct http_conn *c)
{
    bool admits = c->state == CONN_ADMIT;

    step_begin();
    if (scope_left_ms(&c->scope) == 0) {
        stats_rejected("waited");
        refuse(c, 503, E_LIMIT, CHY_OVERLOADED, "the request waited too long");
        c->admitted = ADMIT_ANSWERED;
    } else if (admits) {
        admit_and_handle(c);
    } else {
        const struct http_route *route = c->rq.route;

        (route->slow ? route->slow : route->handle)(&c->rq);
    }
    if (c->reply.given) {
        stats_log(c);
        if (!c->reply.held)
            let_go(c);
    }
    step_end("reply");
}
