#include "ocsp/publish.h"

#include "base/log.h"
#include "ca/lists.h"
#include "net/caching.h"
#include "ocsp/ca_page.h"
#include <string.h>

#define OCSP_TYPE "application/ocsp-response"
#define CA_MAX_AGE_S 86400
#define CACHING_MAX 96 /* of our Cache-Control field */
#define GET_MAX 1024   /* octets of a request in a path; RFC 6960 appendix A.1 has 255 characters */

/* What names the thing that is asked for: the rest of the path. */
static const char *
rest_of(const struct http_request *http, const char *prefix)
{
    return http->path + strlen(prefix);
}

/* Caching (RFC 5019 section 6.2, RFC 9110 sections 8.8 and 13.1). */

/* What is answered, and what caches are told of it. */
struct cached {
    const char *type;
    struct bytes body, more;       /* MORE: the rest of it, when it is in two pieces */
    struct when modified, expires; /* or WHEN_NONE */
    struct bytes lines;            /* the body's http_validators() with these; none: to be made */
    int64_t max_age_s;
};

static struct bytes
validators_of(struct arena *a, const struct cached *c)
{
    return bytes_of_text(
        http_validators(a, bytes_join(a, c->body, c->more), c->modified, c->expires));
}

static void
reply_cached(struct http_request *http, const struct cached *c)
{
    struct arena *a = http->scope->arena;
    struct http_known known = { http_header(http, "If-None-Match"),
                                http_header(http, "If-Modified-Since") };
    struct buf age;

    buf_init_room(&age, a, CACHING_MAX);
    buf_text(&age, "Cache-Control: max-age=");
    buf_int(&age, MAX(c->max_age_s, INT64_C(0)));
    buf_text(&age, ", public, no-transform, must-revalidate\r\n");
    http_reply_lines(http, buf_bytes(&age));
    http_reply_lines(http, c->lines.len ? c->lines : validators_of(a, c));
    if ((known.match || known.since) &&
        http_has_it(a, &known, bytes_join(a, c->body, c->more), c->modified))
        http_reply(http, 304, NULL, (struct bytes){ NULL, 0 });
    else
        http_reply_pieces(http, 200, c->type, c->body, c->more);
}

/* OCSP. */

static bool
ocsp_request_of(struct http_request *http, bool is_get, struct bytes *out)
{
    const char *rest = rest_of(http, "/ocsp/"), *slash;
    uint8_t *der;
    size_t len, cap, path_len;

    if (!is_get) {
        *out = http->body;
        return true;
    }
    slash = strchr(rest, '/');
    if (!slash)
        return false;
    path_len = strlen(++slash);
    cap = MIN(path_len + 2, (size_t)GET_MAX);
    der = arena_alloc(http->scope->arena, cap);
    if (!ocsp_path_decode(slash, path_len, der, cap, &len))
        return false;
    *out = (struct bytes){ der, len };
    return true;
}

static void
reply_ocsp(struct http_request *http, bool is_get, const struct ocsp_answer *answer)
{
    struct when now;

    if (!is_get) {
        http_reply_lines(http, BYTES("Cache-Control: no-store\r\n"));
        http_reply_pieces(http, 200, OCSP_TYPE, answer->der, answer->tail);
        return;
    }
    if (!answer->cacheable) {
        http_reply_header(http, "Cache-Control", "max-age=0, no-cache");
        http_reply_pieces(http, 200, OCSP_TYPE, answer->der, answer->tail);
        return;
    }
    now = clock_tick();
    reply_cached(http,
                 &(struct cached){ .type = OCSP_TYPE,
                                   .body = answer->der,
                                   .more = answer->tail,
                                   .modified = answer->modified,
                                   .expires = answer->next_update,
                                   .lines = answer->lines,
                                   .max_age_s = (answer->next_update.ms - now.ms) / 1000 / 2 });
}

static void
ocsp_on_loop(struct http_request *http)
{
    struct app *app = http->app;
    bool is_get = http->verb != VERB_POST;
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
    bool is_get = http->verb != VERB_POST;
    struct ocsp_answer answer;
    struct bytes request;

    if (!ocsp_request_of(http, is_get, &request))
        answer = (struct ocsp_answer){ .der = ocsp_failure(OCSP_MALFORMED_REQUEST) };
    else
        ocsp_answer_slow(http->scope, app->office, request, is_get, &answer);
    reply_ocsp(http, is_get, &answer);
}

/* What never comes to a responder is answered in its language too, where that has a word. */
static void
ocsp_refuse(struct http_request *http, int status)
{
    enum ocsp_failure said = status == 413   ? OCSP_MALFORMED_REQUEST
                             : status == 503 ? OCSP_TRY_LATER
                                             : OCSP_INTERNAL_ERROR;

    if (status != 413 && status < 500)
        return;
    if (status == 503)
        http_reply_header(http, "Retry-After", "1");
    http_reply_header(http, "Cache-Control", "no-store");
    http_reply_held(http, 200, OCSP_TYPE, ocsp_failure(said));
}

/* Files. */

static void
plain(struct http_request *http, int status, const char *text)
{
    http_reply(http, status, "text/plain; charset=utf-8", bytes_of_text(text));
}

static const struct ca_key *
key_of_file(const struct ca_snapshot *snap, const char *file)
{
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if (text_eq_fold((*k)->ca_file, file))
        return *k;
    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    { /* without a generation: the present one */
        size_t len = strlen((*ca)->slug);

        const struct ca_key *key = ca_present_key(*ca);

        if (key && text_starts_fold(file, (*ca)->slug) && text_eq_fold(file + len, ".cer"))
            return key;
    }
    return NULL;
}

/* Each list is dated later than the one before, and back; only where that leads up to now may the
 * next one bear the same date. */
static struct when
date_of(const struct crl_published *crl)
{
    return when_s(crl->this_update) < when_s(clock_now()) ? crl->this_update : WHEN_NONE;
}

static void
serve_crl(struct http_request *http)
{
    struct app *app = http->app;
    struct scope *s = http->scope;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    bool delta;
    int64_t list = ca_list_named(snap, rest_of(http, "/crl/"), &delta);
    struct crl_published crl;
    struct when modified;
    enum err e = list ? crl_current_of(s, app->office, list, delta, &crl) : E_NOT_FOUND;

    if (e == E_NOT_FOUND) {
        plain(http, 404, "no such CRL\n");
    } else if (e != OK) {
        log_failure(s, LOG_ERROR, "a CRL could not be read");
        http_reply_header(http, "Retry-After", "5");
        plain(http, 503, "the CRL cannot be read now\n");
    } else { /* revocations bring a new list within seconds, so nobody keeps one for long */
        modified = date_of(&crl);
        reply_cached(http, &(struct cached){ .type = "application/pkix-crl",
                                             .body = crl.der,
                                             .modified = modified,
                                             .expires = crl.next_update,
                                             .max_age_s = 10 });
    }
}

static void
serve_ca(struct http_request *http)
{
    struct app *app = http->app;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    const struct ca_key *key = key_of_file(snap, rest_of(http, "/ca/"));

    struct bytes der;

    if (!key) {
        plain(http, 404, "no such CA certificate\n");
        return;
    }
    der = bytes_copy(http->scope->arena, key->cert_der); /* its dates do not tell when it came */
    reply_cached(http, &(struct cached){ .type = "application/pkix-cert",
                                         .body = der,
                                         .modified = WHEN_NONE,
                                         .expires = WHEN_NONE,
                                         .max_age_s = CA_MAX_AGE_S });
}

#define PAGE_MAX_AGE_S 300 /* roots come and go, but seldom */

static void
serve_page(struct http_request *http)
{
    struct app *app = http->app;
    struct scope *s = http->scope;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    struct ca_file file;
    enum err e = ca_file_make(s, snap, ca_file_name(http->path), &file);

    if (e == E_NOT_FOUND) {
        plain(http, 404, "no such CA certificate\n");
    } else if (e != OK) {
        log_failure(s, LOG_ERROR, "the certificates of authorities cannot be shown");
        plain(http, 500, "the certificates cannot be shown\n");
    } else {
        http_reply_header(http, "Content-Security-Policy", "default-src 'none'");
        http_reply_header(http, "X-Content-Type-Options", "nosniff");
        reply_cached(http, &(struct cached){ .type = file.type,
                                             .body = file.body,
                                             .modified = WHEN_NONE,
                                             .expires = WHEN_NONE,
                                             .max_age_s = PAGE_MAX_AGE_S });
    }
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
                                             .slow = ocsp_on_worker,
                                             .refuse = ocsp_refuse };
static const struct http_route ocsp_get = { .name = "/ocsp/{ca}/{request}",
                                            .api = "ocsp",
                                            .listeners = BOTH,
                                            .pool = POOL_LOOP,
                                            .body_limit = 4,
                                            .handle = ocsp_on_loop,
                                            .slow = ocsp_on_worker,
                                            .refuse = ocsp_refuse };
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
static const struct http_route page_get = { .name = "/ca/",
                                            .api = "ocsp",
                                            .listeners = BOTH,
                                            .pool = POOL_MAIN,
                                            .body_limit = 4,
                                            .handle = serve_page };
static const struct http_route refused = { .name = "/publish/*",
                                           .api = "ocsp",
                                           .listeners = BOTH,
                                           .pool = POOL_LOOP,
                                           .handle = wrong_method };

const struct http_route *
publish_route(struct http_request *http)
{
    bool get = http->verb == VERB_GET || http->verb == VERB_HEAD;

    if (text_starts(http->path, "/ocsp/"))
        return get ? &ocsp_get : http->verb == VERB_POST ? &ocsp_post : &refused;
    if (text_starts(http->path, "/crl/"))
        return get ? &crl_get : &refused;
    if (ca_file_name(http->path))
        return get ? &page_get : &refused;
    if (text_starts(http->path, "/ca/"))
        return get ? &ca_get : &refused;
    return NULL;
}
