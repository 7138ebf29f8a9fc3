/* Routes: a request's way from the listener to its resource and back. */
#include "acme_face/acme_face.h"
#include "acme_face/call.h"

#include "acme/pace.h"
#include "acme/trials.h"
#include "base/metric.h"
#include "base/step.h"
#include <string.h>

#define RESOURCES_MAX 24

COUNTER(requests_total, "chancery_acme_requests_total", "Requests of ACME clients.", "resource",
        "method", "outcome");

static bool
is_read(const struct http_request *http)
{
    return text_eq(http->method, "GET") || text_eq(http->method, "HEAD");
}

/* What is known of a request before its body. */
static struct call *
call_of(struct http_request *http, bool *found)
{
    struct app *app = http->app;
    struct call *c = arena_new_of(http->scope->arena, struct call);

    c->s = http->scope;
    c->http = http;
    c->acme = app->acme;
    c->peer = (struct acme_peer){ http->peer, http_header(http, "User-Agent") };
    *found = path_read(c, http->path);
    if (c->ep) /* as it is published, whatever name brought the client here */
        c->url = arena_printf(c->s->arena, "%s%s", c->ep->base,
                              http->target + MIN(strlen(http->target), c->base_len));
    return c;
}

static const char *
methods_of(const struct resource *r)
{
    return !r->answer ? "GET, HEAD, OPTIONS"
           : r->get   ? "GET, HEAD, POST, OPTIONS"
                      : "POST, OPTIONS";
}

/* OPTIONS, for programs in browsers. */
static void
tell_options(struct call *c)
{
    http_reply_header(c->http, "Allow", methods_of(c->res));
    http_reply_header(c->http, "Access-Control-Allow-Methods", methods_of(c->res));
    http_reply_header(c->http, "Access-Control-Allow-Headers", "Content-Type");
    answer_headers(c);
    http_reply(c->http, 204, NULL, (struct bytes){ NULL, 0 });
}

static void
refuse_method(struct call *c)
{
    http_reply_header(c->http, "Allow", methods_of(c->res));
    (void)acme_fail(c->s, E_INVALID, "malformed",
                    c->res->get ? "this method is not answered here"
                                : "this is read by POST-as-GET (RFC 8555 section 6.3)");
    answer_refusal(c, 405);
}

/* Later. */

static bool
park(struct http_request *http)
{
    struct call *c = http->state;

    return trials_await(c->acme->trials, c->awaits, http_go_on, http);
}

static void
put_off(struct call *c, bool (*until)(struct http_request *http))
{
    c->waited = true;
    c->http->state = c;
    http_park(c->http, until);
}

bool
call_waits(struct call *c, const struct list *authzs)
{
    if (c->waited || !trials_any(c->acme->trials, authzs))
        return false;
    c->awaits = authzs;
    put_off(c, park);
    return true;
}

static bool
park_for_turn(struct http_request *http)
{
    struct call *c = http->state;

    return pace_await(c->acme->pace, http_go_on, http);
}

bool
call_waits_turn(struct call *c)
{
    if (c->waited || pace_take(c->acme->pace))
        return false;
    put_off(c, park_for_turn);
    return true;
}

/* The call again that waited. */
static enum err
go_on(struct call *c)
{
    enum err e = c->res->answer(c);

    step_end("ACME");
    return e;
}

static void
handle(struct http_request *http)
{
    bool found = true;
    struct call *c = http->state ? http->state : call_of(http, &found);
    enum err e = OK;

    if (http->state) {
        e = go_on(c);
    } else if (!found) {
        (void)nothing_here(c, E_NOT_FOUND);
        answer_refusal(c, 404);
    } else if (!acme_answers(c->s, c->ep, c->peer.address)) {
        (void)acme_fail(c->s, E_FORBIDDEN, "unauthorized",
                        "this directory does not answer your address");
        answer_refusal(c, 403);
    } else if (text_eq(http->method, "OPTIONS")) {
        tell_options(c);
    } else if (c->res->get && is_read(http)) {
        e = c->res->answer_get(c);
    } else if (!text_eq(http->method, "POST") || !c->res->answer) {
        refuse_method(c);
    } else {
        e = call_check(c);
        step_end("JWS");
        if (e == OK)
            e = c->res->answer(c);
        step_end("ACME");
        if (http->state) /* it waits */
            return;
    }
    metric_add(&requests_total, 1, c->res ? c->res->word : "", http->method,
               e == OK ? "ok" : err_name(e));
    if (e != OK)
        answer_failure(c, e);
}

static void
refuse(struct http_request *http, int status)
{
    bool found;

    answer_refusal(call_of(http, &found), status);
}

static void
redirect(struct http_request *http)
{
    struct app *app = http->app;
    const struct acme_endpoint *ep = acme_endpoint(http->scope, app->acme, "");

    if (ep)
        http_reply_header(http, "Location", acme_url(http->scope->arena, ep, "directory", NULL));
    http_reply(http, ep ? 308 : 404, NULL, (struct bytes){ NULL, 0 });
}

#define ROUTE(name_, pool_, handle_)                                            \
    {                                                                           \
        .name = (name_), .api = "acme", .listeners = ON_HTTPS, .pool = (pool_), \
        .body_limit = ACME_BODY_MAX, .handle = (handle_), .refuse = refuse      \
    }
static const struct http_route quick = ROUTE("/acme/directory", POOL_LOOP, handle);
static const struct http_route nowhere = ROUTE("/acme/*", POOL_LOOP, handle);
static const struct http_route elsewhere = ROUTE("/directory", POOL_LOOP, redirect);
static struct http_route routes[RESOURCES_MAX]; /* one for each resource */

CONSTRUCTOR static void
fill_routes(void)
{
    for (size_t i = 0; resources[i].word && i < RESOURCES_MAX; i++) {
        routes[i] = (struct http_route)ROUTE(resources[i].name,
                                             resources[i].slow ? POOL_SLOW : POOL_MAIN, handle);
        routes[i].begins = resources[i].begins;
    }
}

const struct http_route *
acme_route(struct http_request *http)
{
    struct call c = { .s = http->scope, .http = http, .acme = ((struct app *)http->app)->acme };
    const char *end;

    if (is_read(http) && text_eq(http->path, "/directory"))
        return &elsewhere;
    if (!c.acme || !text_starts(http->path, "/acme"))
        return NULL;
    end = http->path + strlen("/acme");
    if (*end && *end != '/')
        return NULL;
    if (!path_read(&c, http->path))
        return &nowhere;
    if (c.res->get && is_read(http) && !c.res->asks)
        return &quick;
    return &routes[c.res - resources];
}
