#include "ocsp/publish.h"

#include "base/log.h"
#include "pki/hash.h"
#include <string.h>

#define OCSP_TYPE "application/ocsp-response"
#define CA_MAX_AGE_S 86400

/* What names the thing that is asked for: the rest of the path. */
static const char *
rest_of(const struct http_request *http, const char *prefix)
{
    return http->path + strlen(prefix);
}

/* Caching (RFC 5019 section 6.2, RFC 9110 sections 8.8 and 13.1). */

static const char *
etag_of(struct scope *s, struct bytes body)
{
    uint8_t h[SHA256_LEN];

    hash_sha256(body, h);
    return arena_printf(s->arena, "\"%s\"", hex_lower(s->arena, (struct bytes){ h, 16 }));
}

static bool
not_modified(struct http_request *http, const char *etag, struct when modified)
{
    const char *match = http_header(http, "If-None-Match"),
               *since = http_header(http, "If-Modified-Since");
    struct when w;

    if (match)
        return text_eq(match, "*") || strstr(match, etag);
    return since && when_parse_http(since, &w) && when_s(modified) <= when_s(w);
}

static void
reply_cached(struct http_request *http, const char *type, struct bytes body, struct when modified,
             struct when expires, int64_t max_age_s)
{
    struct scope *s = http->scope;
    const char *etag = etag_of(s, body);

    http_reply_header(http, "Last-Modified", when_http(s->arena, modified));
    if (when_given(expires))
        http_reply_header(http, "Expires", when_http(s->arena, expires));
    http_reply_header(http, "ETag", etag);
    http_reply_header(http, "Cache-Control",
                      arena_printf(s->arena, "max-age=%lld, public, no-transform, must-revalidate",
                                   (long long)MAX(max_age_s, INT64_C(0))));
    if (not_modified(http, etag, modified))
        http_reply(http, 304, NULL, (struct bytes){ NULL, 0 });
    else
        http_reply_held(http, 200, type, body);
}

/* OCSP. */

static bool
ocsp_request_of(struct http_request *http, bool is_get, struct bytes *out)
{
    const char *rest = rest_of(http, "/ocsp/"), *slash;
    uint8_t *der;
    size_t len;

    if (!is_get) {
        *out = http->body;
        return true;
    }
    slash = strchr(rest, '/');
    if (!slash)
        return false;
    der = arena_alloc(http->scope->arena, 1024);
    if (!ocsp_path_decode(slash + 1, strlen(slash + 1), der, 1024, &len))
        return false;
    *out = (struct bytes){ der, len };
    return true;
}

static void
reply_ocsp(struct http_request *http, bool is_get, const struct ocsp_answer *answer)
{
    struct when now;

    if (!is_get) {
        http_reply_header(http, "Cache-Control", "no-store");
        http_reply_held(http, 200, OCSP_TYPE, answer->der);
        return;
    }
    if (!answer->cacheable) {
        http_reply_header(http, "Cache-Control", "max-age=0, no-cache");
        http_reply_held(http, 200, OCSP_TYPE, answer->der);
        return;
    }
    now = clock_now();
    reply_cached(http, OCSP_TYPE, answer->der, answer->this_update, answer->next_update,
                 (answer->next_update.ms - now.ms) / 1000 / 2);
}

static void
ocsp_on_loop(struct http_request *http)
{
    struct app *app = http->app;
    bool is_get = !text_eq(http->method, "POST");
    struct ocsp_answer answer;
    struct bytes request;

    if (!ocsp_request_of(http, is_get, &request))
        reply_ocsp(http, is_get,
                   &(struct ocsp_answer){ .der = ocsp_failure(OCSP_MALFORMED_REQUEST) });
    else if (ocsp_answer_fast(http->scope, app->office, request, is_get, &answer))
        reply_ocsp(http, is_get, &answer);
}

static void
ocsp_on_worker(struct http_request *http)
{
    struct app *app = http->app;
    bool is_get = !text_eq(http->method, "POST");
    struct ocsp_answer answer;
    struct bytes request;

    if (!ocsp_request_of(http, is_get, &request))
        answer = (struct ocsp_answer){ .der = ocsp_failure(OCSP_MALFORMED_REQUEST) };
    else
        ocsp_answer_slow(http->scope, app->office, request, is_get, &answer);
    reply_ocsp(http, is_get, &answer);
}

/* Files. */

static void
plain(struct http_request *http, int status, const char *text)
{
    http_reply(http, status, "text/plain; charset=utf-8", bytes_of_text(text));
}

static const struct ca_key *
key_of_file(const struct ca_snapshot *snap, const char *file, bool crl)
{
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if (text_eq_fold(crl ? (*k)->crl_file : (*k)->ca_file, file))
        return *k;
    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    { /* without a generation: the present one */
        size_t len = strlen((*ca)->slug);

        if ((*ca)->key && text_starts_fold(file, (*ca)->slug) &&
            text_eq_fold(file + len, crl ? ".crl" : ".cer"))
            return (*ca)->key;
    }
    return NULL;
}

static void
serve_crl(struct http_request *http)
{
    struct app *app = http->app;
    struct scope *s = http->scope;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    const struct ca_key *key = key_of_file(snap, rest_of(http, "/crl/"), true);
    struct crl_published crl;
    enum err e = key ? crl_current(s, app->office, key, &crl) : E_NOT_FOUND;

    if (e == E_NOT_FOUND) {
        plain(http, 404, "no such CRL\n");
    } else if (e != OK) {
        log_failure(s, LOG_ERROR, "a CRL could not be read");
        http_reply_header(http, "Retry-After", "5");
        plain(http, 503, "the CRL cannot be read now\n");
    } else { /* revocations bring a new list within seconds, so nobody keeps one for long */
        reply_cached(http, "application/pkix-crl", crl.der, crl.this_update, crl.next_update, 10);
    }
}

static void
serve_ca(struct http_request *http)
{
    struct app *app = http->app;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    const struct ca_key *key = key_of_file(snap, rest_of(http, "/ca/"), false);

    if (!key)
        plain(http, 404, "no such CA certificate\n");
    else
        reply_cached(http, "application/pkix-cert", bytes_copy(http->scope->arena, key->cert_der),
                     key->cert->not_before, WHEN_NONE, CA_MAX_AGE_S);
}

static void
wrong_method(struct http_request *http)
{
    http_reply_header(http, "Allow", "GET, HEAD, POST");
    plain(http, 405, "this method is not allowed here\n");
}

#define BOTH (ON_HTTPS | ON_HTTP)
static const struct http_route ocsp_post = { .name = "/ocsp/{ca}",
                                             .api = "ocsp",
                                             .listeners = BOTH,
                                             .pool = POOL_LOOP,
                                             .body_limit = OCSP_REQUEST_MAX,
                                             .handle = ocsp_on_loop,
                                             .slow = ocsp_on_worker };
static const struct http_route ocsp_get = { .name = "/ocsp/{ca}/{request}",
                                            .api = "ocsp",
                                            .listeners = BOTH,
                                            .pool = POOL_LOOP,
                                            .body_limit = 4,
                                            .handle = ocsp_on_loop,
                                            .slow = ocsp_on_worker };
static const struct http_route crl_get = { .name = "/crl/{file}",
                                           .api = "ocsp",
                                           .listeners = BOTH,
                                           .pool = POOL_MAIN,
                                           .body_limit = 4,
                                           .handle = serve_crl };
static const struct http_route ca_get = { .name = "/ca/{file}",
                                          .api = "ocsp",
                                          .listeners = BOTH,
                                          .pool = POOL_LOOP,
                                          .body_limit = 4,
                                          .handle = serve_ca };
static const struct http_route refused = { .name = "/publish/*",
                                           .api = "ocsp",
                                           .listeners = BOTH,
                                           .pool = POOL_LOOP,
                                           .handle = wrong_method };

const struct http_route *
publish_route(struct http_request *http)
{
    bool get = text_eq(http->method, "GET") || text_eq(http->method, "HEAD");

    if (text_starts(http->path, "/ocsp/"))
        return get ? &ocsp_get : text_eq(http->method, "POST") ? &ocsp_post : &refused;
    if (text_starts(http->path, "/crl/"))
        return get ? &crl_get : &refused;
    if (text_starts(http->path, "/ca/"))
        return get ? &ca_get : &refused;
    return NULL;
}
