/* Every path of this server: the faces, what is published, and what operators ask. */
#include "server/parts.h"

#include "access/app_settings.h"
#include "acme_face/acme_face.h"
#include "base/log.h"
#include "base/metric.h"
#include "command/command.h"
#include "ocsp/publish.h"
#include <stdatomic.h>
#include <string.h>
#include <sys/statvfs.h>

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json; charset=utf-8"
#define BOTH (ON_HTTPS | ON_HTTP)
#define DISK_LEAST                                                                 \
    ((uint64_t)8 * 1024 * 1024) /* bytes free, below which the server is not ready \
                                 */

static struct parts *
parts_of(const struct http_request *http)
{
    return http->app; /* the app is the first member */
}

/* Health (operations.md section 2). */

/** Whether there is so little room that the next commits may fail. */
static bool
disk_is_full(const char *path)
{
    struct statvfs st;

    return statvfs(path, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize < DISK_LEAST;
}

bool
server_ready(struct scope *s, struct app *app, struct buf *failing)
{
    struct parts *p = (struct parts *)app;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    bool keys = true;

    /* one whose certificate is revoked is so on every server, and its lists and OCSP go on */
    LIST_EACH(struct ca_authority *, a, &snap->authorities)
    if ((*a)->enabled && (*a)->state == 1 && !ca_present_key(*a))
        keys = false;
    if (!atomic_load(&p->started))
        buf_text(failing, "\"startup\"");
    if (atomic_load(&p->draining))
        buf_printf(failing, "%s\"draining\"", failing->len ? "," : "");
    if (!keys)
        buf_printf(failing, "%s\"signing_keys\"", failing->len ? "," : "");
    if (disk_is_full(p->set->data_dir))
        buf_printf(failing, "%s\"disk\"", failing->len ? "," : "");
    scope_deadline_in(s, 3000);
    if (db_check(s, app->db) != OK)
        buf_printf(failing, "%s\"database\"", failing->len ? "," : "");
    return failing->len == 0;
}

/** What is not at its best though the server stays in its turn. Nothing is asked here: a key is
 * away when it was at its last use, or when it was last looked after. */
static void
find_degraded(struct app *app, struct buf *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    bool keys = true;

    LIST_EACH(struct ca_authority *, a, &snap->authorities)
    if ((*a)->enabled && (*a)->state == 1 && (!(*a)->key || !signer_seems_well((*a)->key->signer)))
        keys = false;
    if (!keys)
        buf_text(out, "\"signing_keys\"");
}

static void
no_store(struct http_request *http)
{
    http_reply_header(http, "Cache-Control", "no-store");
}

static void
live(struct http_request *http)
{
    no_store(http);
    http_reply(http, 200, TEXT, BYTES("ok\n"));
}

static void
health(struct http_request *http)
{
    no_store(http);
    http_reply(http, 200, JSON, BYTES("{\"status\":\"ok\"}"));
}

static void
startup(struct http_request *http)
{
    no_store(http);
    if (atomic_load(&parts_of(http)->started))
        http_reply(http, 200, TEXT, BYTES("ok\n"));
    else
        http_reply(http, 503, TEXT, BYTES("starting\n"));
}

static void
ready(struct http_request *http)
{
    struct scope *s = http->scope;
    struct buf failing, degraded, out;
    bool is_ready;

    buf_init_in(&failing, s->arena, 1024);
    buf_init_in(&degraded, s->arena, 1024);
    buf_init_in(&out, s->arena, 4096);
    no_store(http);
    is_ready = server_ready(s, http->app, &failing);
    find_degraded(http->app, &degraded);
    buf_printf(&out, "{\"status\":\"%s\",\"failing\":[%s],\"degraded\":[%s]}",
               is_ready ? "ok" : "unavailable", buf_str(&failing), buf_str(&degraded));
    if (!is_ready)
        http_reply_header(http, "Retry-After", "5");
    http_reply(http, is_ready ? 200 : 503, JSON, buf_bytes(&out));
}

/* Metrics (operations.md section 1): by network, or by login and permission. */

static bool
may_see_metrics(struct http_request *http, int *status)
{
    struct app *app = http->app;
    const char *authorization = http_header(http, "Authorization");
    struct access_peer peer = peer_of(http);
    const struct caller *caller;

    *status = 401;
    if (!authorization)
        return address_in(http->peer, app->metrics_allow);
    if (access_authenticate(http->scope, app->access, authorization, &peer, &caller) != OK ||
        app_settings_admit(http->scope, app->access, caller) != OK)
        return false;
    *status = 403;
    return access_may_somewhere(caller, PERM_METRICS_READ);
}

static void
metrics(struct http_request *http)
{
    const char *accept = http_header(http, "Accept");
    bool open = accept && strstr(accept, "application/openmetrics-text");
    struct buf out;
    int status;

    no_store(http);
    if (!parts_of(http)->set->metrics->enabled) {
        http_reply(http, 404, TEXT, BYTES("metrics are switched off\n"));
        return;
    }
    if (!may_see_metrics(http, &status)) {
        if (status == 401)
            http_reply_header(http, "WWW-Authenticate", "Basic realm=\"chancery\"");
        http_reply(http, status, TEXT, BYTES("the metrics are not for everybody\n"));
        return;
    }
    buf_init_in(&out, http->scope->arena, 16 << 20);
    if (gauges_refresh(http->scope, parts_of(http)->app.db) != OK)
        log_failure(http->scope, LOG_WARN, "the totals of the register could not be read");
    metric_print(&out, open);
    http_reply_held(http, 200,
                    open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                         : "text/plain; version=0.0.4; charset=utf-8",
                    buf_bytes(&out));
}

/* Documents. */

static void
openapi(struct http_request *http)
{
    struct parts *p = parts_of(http);
    struct bytes doc = text_starts_fold(http->path, "/KeyfactorAPI") ? p->openapi_command
                       : text_starts(http->path, "/api/v1")          ? p->openapi_rest
                                                                     : p->openapi;

    http_reply_held(http, 200, JSON, doc);
}

/* The face's root, and paths that are none. */

static void
unknown(struct http_request *http)
{
    http_reply(http, 404, JSON,
               BYTES("{\"ErrorCode\":\"0xA011012E\",\"Message\":\"The path was not found.\"}"));
}

static void
wrong_method(struct http_request *http)
{
    http_reply_header(http, "Allow", "GET, HEAD");
    http_reply(http, 405, JSON,
               BYTES("{\"ErrorCode\":\"0xA011012F\",\"Message\":\"This path is only read.\"}"));
}

#define REFUSING(on, function)                                                  \
    {                                                                           \
        .name = "*", .listeners = (on), .pool = POOL_LOOP, .body_limit = 65536, \
        .handle = (function)                                                    \
    }
static const struct http_route unknown_route = REFUSING(BOTH, unknown),
                               wrong_method_route = REFUSING(ON_HTTPS, wrong_method);

/* What could not be read as a request may have been meant for the Command API, whose clients look
 * for its version in every reply. */
void
server_refuse(struct http_request *http, int status UNUSED)
{
    struct parts *p = parts_of(http);

    if (p->command && http->listener == ON_HTTPS)
        command_headers(http, &p->app, NULL);
}

#define GET_ROUTE(path, on, pool_, function)                                    \
    {                                                                           \
        .name = (path), .listeners = (on), .pool = (pool_), .body_limit = 4096, \
        .handle = (function)                                                    \
    }
static const struct http_route own[] = {
    GET_ROUTE("/health", ON_HTTPS, POOL_LOOP, health),
    GET_ROUTE("/healthz/live", ON_HTTPS, POOL_LOOP, live),
    GET_ROUTE("/healthz/startup", ON_HTTPS, POOL_LOOP, startup),
    GET_ROUTE("/healthz/ready", ON_HTTPS, POOL_MAIN, ready),
    GET_ROUTE("/metrics", ON_HTTPS, POOL_MAIN, metrics),
    GET_ROUTE("/openapi.json", ON_HTTPS, POOL_LOOP, openapi),
    GET_ROUTE("/api/v1/openapi.json", ON_HTTPS, POOL_LOOP, openapi),
    GET_ROUTE("/KeyfactorAPI/openapi.json", ON_HTTPS, POOL_LOOP, openapi),
};

const struct http_route *
server_route(struct http_request *http)
{
    struct parts *p = parts_of(http);
    const struct http_route *route = publish_route(http);
    bool get = http->verb == VERB_GET || http->verb == VERB_HEAD;

    for (size_t i = 0; !route && i < COUNT(own); i++)
        if (text_eq_fold(http->path, own[i].name))
            route = get ? &own[i] : &wrong_method_route;
    if (!route)
        route = acme_route(http);
    if (!route && p->command)
        route = face_route(p->command, http);
    if (!route && p->rest)
        route = face_route(p->rest, http);
    return route && route->listeners & http->listener ? route : &unknown_route;
}
