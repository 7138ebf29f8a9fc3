#include "face/router.h"

#include "access/app_settings.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/step.h"
#include "codec/form.h"
#include <string.h>

COUNTER(denied_total, "chancery_http_denied_total", "Requests refused before their handler.", "api",
        "why");

static void face_handle(struct http_request *http);
static enum admit face_admit(struct http_request *http, bool may_wait);

/* Errors. */

int
status_of(const struct scope *s, enum err e, int invalid)
{
    switch (e) {
    case OK:
        return 200;
    case E_INVALID:
        return invalid ? invalid : 400;
    case E_UNAUTHENTICATED:
        return 401;
    case E_FORBIDDEN:
        return 403;
    case E_NOT_FOUND:
        return 404;
    case E_CONFLICT:
        return s->error.code == CHY_VERSION_CHANGED ? 412 : 409;
    case E_LIMIT:
        return s->error.code == CHY_RATE_LIMITED || s->error.code == CHY_LOCKED_OUT ? 429
               : s->error.code == CHY_OVERLOADED                                    ? 503
                                                                                    : 413;
    case E_UNSUPPORTED:
        return s->error.code == CHY_BAD_TYPE ? 415 : 501;
    case E_TIMEOUT:
    case E_UNAVAILABLE:
        return 503;
    case E_INTERNAL:
        break;
    }
    return 500;
}

static const struct bound *
bound_of(const struct http_request *http)
{
    return (const struct bound *)http->route->data;
}

const struct request *
request_of(const struct http_request *http)
{
    return bound_of(http)->handle ? http->state : NULL;
}

static void
render(struct http_request *http, int status, enum err e)
{
    const struct bound *b = bound_of(http);
    struct scope *s = http->scope;

    if ((status >= 500 && status != 501) || s->error.place)
        log_failure(s, status == 503 ? LOG_WARN : LOG_ERROR, "a request failed");
    if (s->error.code == CHY_DB_UNAVAILABLE) /* where it lies is for the log alone */
        s->error.text = "the database is not available at the moment";
    s->error.text = error_for_strangers(s);
    if ((status == 503 || status == 429) && !s->error.retry_after_s)
        s->error.retry_after_s = 5;
    if (s->error.retry_after_s && (status == 503 || status == 429))
        http_reply_header(http, "Retry-After",
                          arena_printf(s->arena, "%lld", (long long)s->error.retry_after_s));
    b->face->spec->headers(http, b->face->app, b->op);
    b->face->spec->error(http, b->face->app, status, e);
}

/* The server refuses: what it knows of why is in the scope. */
static void
face_refuse(struct http_request *http, int status)
{
    struct scope *s = http->scope;

    if (s->error.kind == OK)
        (void)fail_code(s,
                        status == 413   ? E_LIMIT
                        : status >= 500 ? E_UNAVAILABLE
                                        : E_INVALID,
                        status == 413   ? CHY_TOO_LARGE
                        : status == 503 ? CHY_OVERLOADED
                                        : CHY_BAD_REQUEST,
                        status == 413 ? "the body is larger than %zu bytes"
                                      : "the request cannot be served",
                        http->route->body_limit);
    render(http, status, s->error.kind);
}

/* Opening. */

static void
compile(struct face *f, struct bound *b)
{
    const char *at = b->op->path;
    size_t vars = 0;

    while (*at) {
        size_t len;

        at += strspn(at, "/");
        len = strcspn(at, "/");
        if (!len)
            break;
        if (*at == '{') {
            b->var_names[vars++] = arena_text_n(f->arena, at + 1, len - 2);
            b->segments[b->segment_count++] = NULL;
        } else {
            b->segments[b->segment_count++] = arena_text_n(f->arena, at, len);
            b->literals++;
        }
        at += len;
    }
}

static struct http_route
route_of(struct face *f, struct bound *b, const char *name)
{
    static const enum pool pools[] = {
        [OP_POOL_MAIN] = POOL_MAIN, [OP_POOL_SLOW] = POOL_SLOW, [OP_POOL_LOOP] = POOL_LOOP
    };

    return (struct http_route){
        .name = name,
        .api = f->spec->name,
        .listeners = ON_HTTPS,
        .pool = b->op ? pools[b->op->pool] : POOL_LOOP,
        .body_limit = b->op && b->op->body_limit ? b->op->body_limit : f->spec->body_limit,
        .deadline_ms = b->op ? b->op->deadline_ms : 0,
        .admit = face_admit,
        .handle = face_handle,
        .refuse = face_refuse,
        .data = b,
    };
}

static void
add_bound(struct face *f, const struct op *op, enum err (*handle)(struct request *rq))
{
    struct bound *b = arena_new_of(f->arena, struct bound);

    b->op = op;
    b->handle = handle;
    b->face = f;
    b->status = handle ? 0 : 501;
    b->needs = op->needs ? permission_by_name(op->needs) : PERM_NONE;
    compile(f, b);
    b->route = route_of(f, b, op->path);
    list_add(f->arena, &f->bounds, struct bound *, b);
    if (handle)
        list_add(f->arena, &f->ops, const struct op *, op);
}

static int
more_literal_first(const void *a, const void *b)
{
    const struct bound *x = *(struct bound *const *)a, *y = *(struct bound *const *)b;

    return (int)y->literals - (int)x->literals;
}

struct face *
face_open(const struct face_spec *spec, struct app *app)
{
    struct arena *a = arena_new();
    struct face *f = arena_new_of(a, struct face);

    f->arena = a;
    f->spec = spec;
    f->app = app;
    for (const struct binding *b = spec->bindings; b->op; b++)
        add_bound(f, b->op, b->handle);
    for (const struct op *const *op = spec->not_yet ? *spec->not_yet : NULL; op && *op; op++)
        add_bound(f, *op, NULL);
    list_sort(&f->bounds, more_literal_first);
    f->unknown = (struct bound){ .face = f, .status = 404 };
    f->wrong_method = (struct bound){ .face = f, .status = 405 };
    f->unknown.route = route_of(f, &f->unknown, arena_printf(a, "%s/*", spec->base));
    f->wrong_method.route = route_of(f, &f->wrong_method, f->unknown.route.name);
    return f;
}

void
face_close(struct face *f)
{
    if (f)
        arena_free(f->arena);
}

const struct op *const *
face_ops(const struct face *f, size_t *count)
{
    *count = f->ops.count;
    return f->ops.items;
}

/* Routing, on the loop. */

static const char *
below_base(const struct face *f, const char *path)
{
    size_t len = strlen(f->spec->base);

    while (path[0] == '/' && path[1] == '/')
        path++;
    if (f->spec->fold ? !text_starts_fold(path, f->spec->base) : !text_starts(path, f->spec->base))
        return NULL;
    return path[len] == 0 || path[len] == '/' ? path + len : NULL;
}

/* Where a query begins that was put into the path, its '?' encoded and its first '=' not. */
static const char *
glued_query(const char *path)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._";
    const char *last = strrchr(path, '/'), *mark = last ? strcasestr(last, "%3F") : NULL;
    size_t len = mark ? strspn(mark + 3, name) : 0;

    return len && mark[3 + len] == '=' ? mark : NULL;
}

/* A client of the Command API puts "?QueryString=" into the path and encodes the '?': what follows
 * it is the query, of a list that is read. Elsewhere an encoded '?' belongs to a name. */
static const char *
mend_query(const struct face *f, struct http_request *http, const char *path, const char **vars)
{
    bool reads = text_eq(http->method, "GET") || text_eq(http->method, "HEAD");
    const char *mark = f->spec->fold && reads ? glued_query(path) : NULL, *before;
    struct bound *b;
    struct cut cut;
    size_t at = 0;
    char *query;

    if (!mark || !percent_decode(http->scope->arena, mark + 3, strlen(mark + 3), false, &query))
        return path;
    before = arena_text_n(http->scope->arena, path, (size_t)(mark - path));
    router_cut(http, before, &cut);
    b = cut.bad ? NULL : router_match(f, &cut, &at, vars);
    if (!b || !b->segment_count || !b->segments[b->segment_count - 1])
        return path;
    http->query =
        *http->query ? arena_printf(http->scope->arena, "%s&%s", query, http->query) : query;
    return before;
}

static void
add_method(struct scope *s, const char **allow, const char *method)
{
    if (!*allow)
        *allow = method;
    else if (!strstr(*allow, method))
        *allow = arena_printf(s->arena, "%s, %s", *allow, method);
}

const struct http_route *
face_route(const struct face *f, struct http_request *http)
{
    const char *path = below_base(f, http->path), *allow = NULL;
    const char **vars = arena_alloc(http->scope->arena, (PATH_VARS_MAX + 1) * sizeof(*vars));
    struct cut cut;
    struct bound *b;
    size_t at = 0;

    if (!path)
        return NULL;
    router_cut(http, mend_query(f, http, path, vars), &cut);
    while (!cut.bad && (b = router_match(f, &cut, &at, vars))) {
        if (text_eq(b->op->method, http->method) ||
            (text_eq(b->op->method, "GET") && text_eq(http->method, "HEAD"))) {
            http->path_vars = vars;
            return &b->route;
        }
        add_method(http->scope, &allow, b->op->method);
    }
    if (!allow)
        return &f->unknown.route;
    http->state = arena_text(http->scope->arena, allow);
    return &f->wrong_method.route;
}

/* Admission. */

struct access_peer
peer_of(const struct http_request *http)
{
    return (struct access_peer){ http->peer, http_header(http, "User-Agent"), http->end_point };
}

static enum admit
refuse_now(struct http_request *http, enum err e)
{
    const struct bound *b = bound_of(http);
    int status = status_of(http->scope, e, 0);

    metric_add(&denied_total, 1, b->face->spec->name, err_name(e));
    render(http, status, e);
    return ADMIT_ANSWERED;
}

static enum err
take_turn(struct scope *s, struct app *app, const char *principal, const char *address)
{
    int64_t wait;

    if (rate_take(app->rate, principal, address, &wait) == RATE_OK)
        return OK;
    (void)fail_code(s, E_LIMIT, CHY_RATE_LIMITED, "too many calls; try again in %lld s",
                    (long long)wait);
    s->error.retry_after_s = wait;
    return E_LIMIT;
}

/* Who calls: from memory on the loop; E_TIMEOUT stands for "ask a worker". */
static enum err
find_caller(struct http_request *http, struct app *app, bool may_wait, const struct caller **out,
            bool *ask)
{
    struct scope *s = http->scope;
    const char *authorization = http_header(http, "Authorization");
    struct access_peer peer = peer_of(http);

    *ask = false;
    if (!authorization && http->client_cert.len > 0) {
        *out = access_certificate_remembered(s, app->access, http->client_cert, &peer);
        if (*out)
            return OK;
        *ask = !may_wait;
        return may_wait ? access_certificate(s, app->access, http->client_cert, &peer, out) : OK;
    }
    if (!authorization)
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "credentials are needed");
    *out = access_remembered(s, app->access, authorization, &peer);
    if (*out)
        return OK;
    *ask = !may_wait;
    return may_wait ? access_authenticate(s, app->access, authorization, &peer, out) : OK;
}

/* Who may do it on some object gets in: the handler asks for the object. */
static bool
may_call(const struct bound *b, const struct caller *caller)
{
    return b->needs == PERM_NONE ||
           (permission_on_objects(b->needs) ? access_may_somewhere(caller, b->needs)
                                            : access_may(caller, b->needs, GRANT_GLOBAL, 0));
}

/* Tickets, certificates and passwords are sent by browsers on their own, also for a page of
 * somebody else: what Sec-Fetch-Site (Fetch Metadata, section 2.3) or Origin tells then. Tokens are
 * not. */
static enum err
check_site(struct http_request *http)
{
    const char *authorization = http_header(http, "Authorization");
    const char *site = http_header(http, "Sec-Fetch-Site"), *origin = http_header(http, "Origin");
    bool foreign = site && !text_eq(site, "same-origin") && !text_eq(site, "none");

    if (!site && origin)
        foreign = !text_starts(origin, "https://") || !text_eq_fold(origin + 8, http->host);
    if (!foreign || (authorization && text_starts_fold(authorization, "Bearer ")))
        return OK;
    return fail_code(http->scope, E_FORBIDDEN, CHY_NOT_PERMITTED,
                     "a page of another site may not call in its visitor's name");
}

/* RFC 4559 section 5; and each request brings a ticket of its own, which clients that would show
 * one for a whole connection are told by a header of the same origin. */
static void
prove_us(struct http_request *http, const struct caller *caller)
{
    http_reply_header(http, "WWW-Authenticate",
                      arena_printf(http->scope->arena, "Negotiate %s", caller->answer));
    http_reply_header(http, "Persistent-Auth", "false");
}

static enum err
check_gate(struct scope *s, const struct bound *b, const struct caller *caller)
{
    if (may_call(b, caller))
        return OK;
    return access_require(s, caller, b->needs, GRANT_GLOBAL, 0);
}

static enum err
unknown_error(struct http_request *http, const struct bound *b)
{
    struct scope *s = http->scope;

    if (b->status == 501 && b->op)
        return fail_code(s, E_UNSUPPORTED, CHY_NOT_YET, "%s %s is not offered by this server yet",
                         http->method, b->op ? b->op->path : http->path);
    if (b->status == 405)
        return fail_code(s, E_UNSUPPORTED, CHY_BAD_METHOD, "%s is not allowed here; allowed: %s",
                         http->method, (const char *)http->state);
    return fail_code(s, E_NOT_FOUND, CHY_NO_ROUTE, "path %.200s not found", http->path);
}

/* Paths that lead nowhere are told only to those who may know. */
static enum admit
answer_unknown(struct http_request *http, const struct bound *b)
{
    const char *allow = http->state;
    enum err e = unknown_error(http, b);

    if (b->status == 405)
        http_reply_header(http, "Allow", allow);
    render(http, b->status, e);
    return ADMIT_ANSWERED;
}

static enum admit
face_admit(struct http_request *http, bool may_wait)
{
    const struct bound *b = bound_of(http);
    struct app *app = b->face->app;
    struct scope *s = http->scope;
    const struct caller *caller = &caller_nobody;
    bool public = b->op && b->op->auth == OP_PUBLIC, ask = false;
    bool counted = b->handle && http->state; /* the loop asked a worker after taking a turn */
    struct request *rq;
    enum err e = OK;

    if (!public)
        e = find_caller(http, app, may_wait, &caller, &ask);
    if (ask)
        return ADMIT_ASK_WORKER;
    if (e == OK && caller->answer)
        prove_us(http, caller);
    if (e == OK && !public)
        e = check_site(http);
    if (e == OK && !(b->op && b->op->flags & OP_ALWAYS))
        e = app_settings_admit(s, app->access, caller);
    if (e == E_UNAUTHENTICATED && take_turn(s, app, NULL, http->peer) != OK)
        e = E_LIMIT; /* guesses count by their address */
    if (e == OK && !caller->rate_exempt && !counted)
        e = take_turn(s, app, caller->kind == CALLER_NOBODY ? NULL : caller->id_text, http->peer);
    if (e != OK)
        return refuse_now(http, e);
    s->principal = caller->kind == CALLER_NOBODY ? NULL : caller->id_text;
    if (!b->handle)
        return answer_unknown(http, b);
    rq = arena_new_of(s->arena, struct request);
    *rq = (struct request){ .scope = s,
                            .app = app,
                            .caller = caller,
                            .op = b->op,
                            .face = b->face,
                            .http = http,
                            .vars = http->path_vars,
                            .var_names = b->var_names,
                            .version = 1 };
    http->state = rq;
    e = check_gate(s, b, caller);
    if (e == OK && b->face->spec->check)
        e = b->face->spec->check(rq);
    if (e == E_FORBIDDEN && !may_wait)
        return ADMIT_ASK_WORKER; /* a refusal is written to the audit record, which may wait */
    if (e == E_FORBIDDEN)
        access_denied(s, app->access, caller, http->route->name);
    return e == OK ? ADMIT_YES : refuse_now(http, e);
}

/* Decoding and handling, on a worker. */

static enum err
decode_query(struct request *rq)
{
    struct list pairs, values = { 0 };

    if (!rq->op->query)
        return OK;
    TRY(http_query_all(rq->http, &pairs));
    LIST_EACH(struct header, h, &pairs)
    list_add(rq->scope->arena, &values, struct pair, ((struct pair){ h->name, h->value }));
    rq->query = arena_alloc(rq->scope->arena, rq->op->query->size);
    return form_decode(rq->scope, rq->op->query, rq->face->spec->mode, &values,
                       rq->face->spec->prefixes, rq->query);
}

static bool
is_null(struct bytes body)
{
    struct span p = span_of(body);

    while (p.at < p.end && strchr(" \t\r\n", *p.at) && *p.at)
        p.at++;
    while (p.end > p.at && strchr(" \t\r\n", p.end[-1]) && p.end[-1])
        p.end--;
    return span_left(&p) == 0 || (span_left(&p) == 4 && !memcmp(p.at, "null", 4));
}

static enum err
decode_form_body(struct request *rq)
{
    struct list pairs, values = { 0 };

    TRY(http_form(rq->http, &pairs));
    LIST_EACH(struct header, h, &pairs)
    list_add(rq->scope->arena, &values, struct pair, ((struct pair){ h->name, h->value }));
    rq->body = arena_alloc(rq->scope->arena, rq->op->body->size);
    return form_decode(rq->scope, rq->op->body, JSON_COMMAND, &values, NULL, rq->body);
}

/* Clients send plain JSON under several names (command-api section 1.2), or under none. */
static bool
is_json_type(const char *type)
{
    size_t len = type ? strcspn(type, "; ") : 0;
    static const char *const names[] = { "application/json", "application/json-patch+json",
                                         "text/json" };

    if (!len)
        return true;
    for (size_t i = 0; i < COUNT(names); i++)
        if (strlen(names[i]) == len && text_starts_fold(type, names[i]))
            return true;
    return len > 5 && text_starts_fold(type, "application/") &&
           text_starts_fold(type + len - 5, "+json");
}

static enum err
decode_body(struct request *rq)
{
    const struct op *op = rq->op;
    const char *type = http_header(rq->http, "Content-Type");
    struct scope *s = rq->scope;
    enum err e;

    if (!op->body)
        return OK;
    if (op->flags & OP_FORM && type && text_starts_fold(type, "application/x-www-form-urlencoded"))
        return decode_form_body(rq);
    if (is_null(rq->http->body)) {
        if (op->flags & OP_BODY_OPTIONAL)
            return OK;
        return fail_code(s, E_INVALID, CHY_MISSING, "the body is missing: a JSON %s is required",
                         op->flags & OP_BODY_LIST ? "array" : "object");
    }
    if (!is_json_type(type))
        return fail_code(s, E_UNSUPPORTED, CHY_BAD_TYPE, "Content-Type: %.100s is not JSON", type);
    if (op->flags & OP_BODY_LIST) {
        e = json_decode_list(s, op->body, rq->face->spec->mode, rq->http->body, &rq->body_list);
    } else {
        rq->body = arena_alloc(s->arena, op->body->size);
        e = json_decode(s, op->body, rq->face->spec->mode, rq->http->body, rq->body);
    }
    if (e == E_LIMIT) /* nested too deeply: the size was checked before */
        e = s->error.kind = E_INVALID;
    return e;
}

static enum err
run(struct request *rq, const struct bound *b)
{
    TRY(decode_query(rq));
    TRY(decode_body(rq));
    step_end("JSON");
    return b->handle(rq);
}

/* Trouble with a file of ours is not the caller's, whatever its kind; but for one they named. */
static enum err
whose(struct scope *s, enum err e)
{
    if (e == OK || e == E_INTERNAL || !s->error.place || s->error.code == CHY_BAD_SECRET_REF)
        return e;
    s->error.kind = E_UNAVAILABLE;
    return E_UNAVAILABLE;
}

static void
face_handle(struct http_request *http)
{
    const struct bound *b = bound_of(http);
    struct request *rq = http->state;
    enum err e = whose(rq->scope, run(rq, b));

    if (e == E_FORBIDDEN)
        access_denied(rq->scope, rq->app->access, rq->caller, http->route->name);
    if (e != OK)
        render(http, status_of(rq->scope, e, rq->invalid_status), e);
    else if (!http_replied(http))
        (void)reply_none(rq);
}

void
face_endpoints(struct scope *s, const struct face *f, const struct caller *caller, struct list *out)
{
    LIST_EACH(struct bound *, b, &f->bounds)
    if ((*b)->handle && may_call(*b, caller))
        list_add(s->arena, out, const char *,
                 arena_printf(s->arena, "%s %s", (*b)->op->method, (*b)->op->path));
}
