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

/* Answers of one route to one method with one status: the series they count in. */
struct answer_stats {
    struct answer_stats *next;
    const char *method;
    int status;
    struct series *total, *duration;
};

struct route_stats {
    struct route_stats *next;
    const struct http_route *route; /* NULL: answers before a route was known */
    struct series *in_flight, *request_bytes, *response_bytes;
    struct answer_stats *answers;
};

/* A loop's own way to the series, so that a request needs no look-up by label. */
struct stats {
    struct arena *arena;
    struct route_stats *routes[BUCKETS];
};

static struct series *conns_active, *conns_idle;

CONSTRUCTOR static void
make_series(void)
{
    static const char *const reasons[] = { "connections",   "address",   "descriptors",
                                           "queue",         "waited",    "malformed",
                                           "slow_head",     "slow_body", "slow_reader",
                                           "slow_handshake" };

    conns_active = metric_series(&connections, "active");
    conns_idle = metric_series(&connections, "idle");
    for (size_t i = 0; i < COUNT(reasons); i++)
        metric_touch(&rejected_total, reasons[i]);
}

void
stats_init(struct loop *l)
{
    struct arena *a = arena_new();

    l->stats = arena_new_of(a, struct stats);
    l->stats->arena = a;
}

void
stats_done(struct loop *l)
{
    if (l->stats)
        arena_free(l->stats->arena);
    l->stats = NULL;
}

/* Method names come from strangers: only those of this list become labels. */
static const char *
method_label(const char *method)
{
    static const char *const known[] = {
        "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"
    };

    for (size_t i = 0; i < COUNT(known); i++)
        if (!strcmp(method, known[i]))
            return known[i];
    return "other";
}

static const char *
api_of(const struct http_route *route)
{
    return route && route->api ? route->api : "http";
}

static struct route_stats *
route_stats(struct loop *l, const struct http_route *route)
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
                                .in_flight = metric_series(&in_flight, api_of(route)),
                                .request_bytes = metric_series(&request_bytes, api_of(route)),
                                .response_bytes = metric_series(&response_bytes, api_of(route)) };
    l->stats->routes[bucket] = rs;
    return rs;
}

static struct answer_stats *
answer_stats(struct loop *l, struct route_stats *rs, const char *method, int status)
{
    struct answer_stats *as = rs->answers;
    const char *api = api_of(rs->route), *name = rs->route ? rs->route->name : "-";
    char code[8];

    while (as && (as->method != method || as->status != status))
        as = as->next;
    if (as)
        return as;
    (void)snprintf(code, sizeof(code), "%d", status);
    as = arena_new_of(l->stats->arena, struct answer_stats);
    *as = (struct answer_stats){ .next = rs->answers,
                                 .method = method,
                                 .status = status,
                                 .total = metric_series(&requests_total, api, name, method, code),
                                 .duration = metric_series(&durations, api, name, method) };
    rs->answers = as;
    return as;
}

void
stats_route(struct http_conn *c)
{
    series_add(route_stats(c->loop, c->rq.route)->in_flight, 1);
}

void
stats_answer(struct http_conn *c)
{
    struct route_stats *rs = route_stats(c->loop, c->rq.route);
    struct answer_stats *as =
        answer_stats(c->loop, rs, method_label(c->rq.method), c->reply.status);

    series_add(as->total, 1);
    series_observe(as->duration, (double)(clock_mono_us() - c->began_us) / 1e6);
    if (c->body.len)
        series_add(rs->request_bytes, (double)c->body.len);
    series_add(rs->response_bytes, (double)c->reply.body_len);
    if (rs->route)
        series_add(rs->in_flight, -1);
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
stats_conns(int active, int idle)
{
    if (active)
        series_add(conns_active, active);
    if (idle)
        series_add(conns_idle, idle);
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
