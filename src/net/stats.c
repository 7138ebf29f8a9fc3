#include "net/server_in.h"

#include "base/log.h"
#include "base/metric.h"
#include <stdio.h>
#include <string.h>

COUNTER(requests_total, "chancery_http_requests_total", "Finished requests.", "api", "route",
        "method", "code");
HISTOGRAM(durations, "chancery_http_request_duration_seconds",
          "From the first byte of a request to its answer.", "api", "route", "method");
GAUGE(in_flight, "chancery_http_requests_in_flight",
      "Requests whose route is known, not yet answered.", "api");
COUNTER(request_bytes, "chancery_http_request_bytes_total", "Bytes of request bodies.", "api");
COUNTER(response_bytes, "chancery_http_response_bytes_total", "Bytes of response bodies.", "api");
GAUGE(connections, "chancery_http_connections", "Open connections.", "state");
GAUGE(queue_depth, "chancery_http_queue_depth", "Requests that wait for a worker.", "pool");
COUNTER(rejected_total, "chancery_http_rejected_total",
        "Connections and requests that the server refused before any handler.", "reason");
COUNTER(handshakes_total, "chancery_tls_handshakes_total", "TLS handshakes of clients.", "version",
        "result");

#define BUCKETS 256

/* Answers of one route to one method with one status: what they count. */
struct answer_stats {
    struct answer_stats *next;
    enum http_verb verb;
    int status;
    struct tally total, duration;
    bool counted; /* since it was told last; likewise below */
};

struct route_stats {
    struct route_stats *next, *next_counted;
    const struct http_route *route; /* NULL: answers before a route was known */
    struct tally in_flight, request_bytes, response_bytes;
    struct answer_stats *answers;
    bool counted;
};

/* What a loop counts, without a look-up by label and without a word to others: on_tell() tells the
 * series once for all that one turn of the loop has brought. */
struct stats {
    struct arena *arena;
    struct event on_tell;
    bool telling;
    int64_t now_us; /* when this turn's last answer was ready; 0 before its first */
    struct tally active, idle;
    struct route_stats *counted;
    struct route_stats *routes[BUCKETS];
};

CONSTRUCTOR static void
make_series(void)
{
    static const char *const reasons[] = { "connections",   "address",   "descriptors",
                                           "queue",         "waited",    "malformed",
                                           "slow_head",     "slow_body", "slow_reader",
                                           "slow_handshake" };

    metric_touch(&connections, "active");
    metric_touch(&connections, "idle");
    for (size_t i = 0; i < COUNT(reasons); i++)
        metric_touch(&rejected_total, reasons[i]);
}

static void
tell_route(struct route_stats *rs)
{
    tally_tell(&rs->in_flight);
    tally_tell(&rs->request_bytes);
    tally_tell(&rs->response_bytes);
    for (struct answer_stats *as = rs->answers; as; as = as->next) {
        if (!as->counted)
            continue;
        tally_tell(&as->total);
        tally_tell(&as->duration);
        as->counted = false;
    }
    rs->counted = false;
}

static void
tell(struct stats *st)
{
    st->telling = false;
    st->now_us = 0;
    tally_tell(&st->active);
    tally_tell(&st->idle);
    while (st->counted) {
        struct route_stats *rs = st->counted;

        st->counted = rs->next_counted;
        tell_route(rs);
    }
}

static void
on_tell(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
    tell(arg);
}

/* When the callbacks of this turn have run. */
static void
tell_later(struct stats *st)
{
    if (!st->telling)
        event_active(&st->on_tell, EV_TIMEOUT, 0);
    st->telling = true;
}

void
stats_init(struct loop *l)
{
    struct arena *a = arena_new();

    l->stats = arena_new_of(a, struct stats);
    l->stats->arena = a;
    l->stats->active.series = metric_series(&connections, "active");
    l->stats->idle.series = metric_series(&connections, "idle");
    (void)event_assign(&l->stats->on_tell, l->base, -1, 0, on_tell, l->stats);
}

void
stats_done(struct loop *l)
{
    if (!l->stats)
        return;
    tell(l->stats);
    arena_free(l->stats->arena);
    l->stats = NULL;
}

static const char *
api_of(const struct http_route *route)
{
    return route && route->api ? route->api : "http";
}

static struct tally
tally_of(struct series *series)
{
    return (struct tally){ .series = series };
}

static struct route_stats *
route_found(struct loop *l, const struct http_route *route)
{
    size_t bucket = ((uintptr_t)route >> 4) % BUCKETS;
    struct route_stats *rs = l->stats->routes[bucket];

    while (rs && rs->route != route)
        rs = rs->next;
    if (rs)
        return rs;
    rs = arena_new_of(l->stats->arena, struct route_stats);
    *rs = (struct route_stats){ .next = l->stats->routes[bucket],
                                .route = route,
                                .in_flight = tally_of(metric_series(&in_flight, api_of(route))),
                                .request_bytes =
                                    tally_of(metric_series(&request_bytes, api_of(route))),
                                .response_bytes =
                                    tally_of(metric_series(&response_bytes, api_of(route))) };
    l->stats->routes[bucket] = rs;
    return rs;
}

/* The route's, of which something is about to be counted. */
static struct route_stats *
route_stats(struct http_conn *c)
{
    struct stats *st = c->loop->stats;
    struct route_stats *rs = c->stats;

    if (!rs || rs->route != c->rq.route)
        rs = c->stats = route_found(c->loop, c->rq.route);
    if (!rs->counted) {
        rs->next_counted = st->counted;
        st->counted = rs;
        rs->counted = true;
        tell_later(st);
    }
    return rs;
}

static struct answer_stats *
answer_stats(struct loop *l, struct route_stats *rs, enum http_verb verb, int status)
{
    struct answer_stats *as = rs->answers;
    const char *api = api_of(rs->route), *name = rs->route ? rs->route->name : "-";
    const char *method = http_verbs[verb]; /* names come from strangers: others are no labels */
    char code[8];

    while (as && (as->verb != verb || as->status != status))
        as = as->next;
    if (as)
        return as;
    (void)snprintf(code, sizeof(code), "%d", status);
    as = arena_new_of(l->stats->arena, struct answer_stats);
    *as = (struct answer_stats){
        .next = rs->answers,
        .verb = verb,
        .status = status,
        .total = tally_of(metric_series(&requests_total, api, name, method, code)),
        .duration = tally_of(metric_series(&durations, api, name, method))
    };
    rs->answers = as;
    return as;
}

/* What came while another request of this turn was answered has waited since. */
void
stats_begin(struct http_conn *c)
{
    struct stats *st = c->loop->stats;

    c->stats = NULL;
    if (!st->now_us)
        st->now_us = clock_mono_us();
    c->began_us = st->now_us;
    tell_later(st);
}

void
stats_route(struct http_conn *c)
{
    tally_add(&route_stats(c)->in_flight, 1);
}

void
stats_answer(struct http_conn *c)
{
    struct route_stats *rs = route_stats(c);
    struct answer_stats *as = answer_stats(c->loop, rs, c->rq.verb, c->reply.status);

    c->loop->stats->now_us = clock_mono_us();
    as->counted = true;
    tally_add(&as->total, 1);
    tally_observe(&as->duration, (double)(c->loop->stats->now_us - c->began_us) / 1e6);
    tally_add(&rs->request_bytes, (double)c->body.len);
    tally_add(&rs->response_bytes, (double)c->reply.body_len);
    if (rs->route)
        tally_add(&rs->in_flight, -1);
}

void
stats_log(struct http_conn *c)
{
    const struct http_server_options *o = &c->loop->server->o;
    const struct http_route *route = c->rq.route;
    bool good = c->reply.status < 400;

    c->reply.logged = true;
    if (!o->access_log || !log_wants(LOG_INFO))
        return;
    if (good && route && route->pool == POOL_LOOP && o->access_log_every > 1 &&
        c->loop->log_turn++ % (unsigned)o->access_log_every != 0)
        return;
    log_event(&c->scope, LOG_INFO, "http.access", "request", lf_text("api", api_of(route)),
              lf_text("method", c->rq.method), lf_text("route", route ? route->name : "-"),
              lf_int("status", c->reply.status),
              lf_real("duration_ms", (double)(clock_mono_us() - c->began_us) / 1e3),
              lf_int("bytes", (int64_t)c->reply.body_len));
}

void
stats_conns(struct loop *l, int active, int idle)
{
    tally_add(&l->stats->active, active);
    tally_add(&l->stats->idle, idle);
    tell_later(l->stats);
}

void
stats_queue(const char *pool, int by)
{
    metric_add(&queue_depth, by, pool);
}

void
stats_rejected(const char *reason)
{
    metric_add(&rejected_total, 1, reason);
}

void
stats_handshake(const struct wire *w, bool ok)
{
    metric_add(&handshakes_total, 1, ok ? SSL_get_version(w->ssl) : "none", ok ? "ok" : "failed");
}
