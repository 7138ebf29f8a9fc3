/* http-01 (RFC 8555 section 8.3): one request for each hop, over a socket that we connected to the
 * very address that was judged; libcurl speaks TLS, and what is plain, as nearly all is, we read
 * ourselves, for a tenth of the work. */
#include "base/metric.h"
#include "proof/answer.h"
#include "proof/redirect.h"
#include "proof/run.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BODY_MAX ANSWER_BODY_MAX
#define HEAD_MAX ANSWER_HEAD_MAX
#define BODY_SHOWN ANSWER_BODY_SHOWN
#define LOOK_MS 250 /* between looks at whether the program stops */

COUNTER(redirects_total, "chancery_acme_http01_redirects_total",
        "Redirects that http-01 validations followed.");

OWNED(struct curl_slist, curl_slist_free_all);

/* One hop: the question and its answer. */
struct hop {
    struct run *r;
    const struct place *place;
    const struct target *target;
    CURL *curl;
    int fd;      /* -1 once curl has it */
    bool broken; /* an option could not be set */
    int64_t began_ms;
    size_t head_len;
    bool head_too_long, body_too_long, too_slow, enough;
    struct buf body;
    const char *location;
    int locations;
    long status;
    char error[CURL_ERROR_SIZE];
};

#define SET(hop, handle, option, value) \
    ((hop)->broken |= curl_easy_setopt((handle), (option), (value)) != CURLE_OK)

static bool
is_redirect(long status)
{
    return status == 301 || status == 302 || status == 307 || status == 308;
}

/* Call backs. */

static size_t
on_head(char *data, size_t size, size_t count, void *arg)
{
    static const char name[] = "location:";
    struct hop *h = arg;
    size_t len = size * count;

    h->head_len += len;
    if (h->head_len > HEAD_MAX) {
        h->head_too_long = true;
        return 0;
    }
    if (len > 5 && memcmp(data, "HTTP/", 5) == 0) { /* the head of a 1xx answer came before */
        h->location = NULL;
        h->locations = 0;
    } else if (len >= sizeof(name) - 1 && strncasecmp(data, name, sizeof(name) - 1) == 0) {
        struct arena *a = h->r->s->arena;

        h->locations++;
        h->location =
            memchr(data, 0, len)
                ? "\t" /* which no Location may hold */
                : text_trim(a, arena_text_n(a, data + sizeof(name) - 1, len - (sizeof(name) - 1)));
    }
    return len;
}

/** The body of a redirect does not matter, and of a failure only what will be shown. */
static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
    struct hop *h = arg;
    size_t len = size * count, room;
    long status = 0;

    (void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
    room = (status == 200 ? BODY_MAX : BODY_SHOWN) - h->body.len;
    buf_add(&h->body, data, MIN(len, room));
    if (len <= room)
        return len;
    h->body_too_long = status == 200;
    h->enough = status != 200;
    return 0;
}

/** Is it time to give up? */
static bool
is_late(struct hop *h)
{
    const struct proof_settings *o = &h->r->p->o;
    int64_t allowed = o->first_byte_timeout + (h->place->tls ? o->tls_timeout : 0);

    h->too_slow |= h->head_len == 0 && clock_mono_ms() - h->began_ms > allowed;
    return h->too_slow || run_left_ms(h->r) == 0 || reach_stopping();
}

static int
on_progress(void *arg, UNUSED curl_off_t a, UNUSED curl_off_t b, UNUSED curl_off_t c,
            UNUSED curl_off_t d)
{
    return is_late(arg);
}

/** Give curl the socket that is connected already: once, and for that address alone. */
static curl_socket_t
on_socket(void *arg, UNUSED curlsocktype purpose, struct curl_sockaddr *address)
{
    struct hop *h = arg;
    int fd = h->fd;

    if (address->family != (h->target->ip.len == 4 ? AF_INET : AF_INET6))
        return CURL_SOCKET_BAD;
    h->fd = -1;
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int
on_socket_made(UNUSED void *arg, UNUSED curl_socket_t fd, UNUSED curlsocktype purpose)
{
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* One hop. */

static void
set_connection(struct hop *h, CURL *c)
{
    const struct proof_settings *o = &h->r->p->o;

    SET(h, c, CURLOPT_NOSIGNAL, 1L);
    SET(h, c, CURLOPT_PROXY, ""); /* whatever the environment says */
    SET(h, c, CURLOPT_NOPROXY, "*");
    SET(h, c, CURLOPT_PROTOCOLS_STR, h->place->tls ? "https" : "http");
    SET(h, c, CURLOPT_FOLLOWLOCATION, 0L);
    SET(h, c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(h, c, CURLOPT_SSL_ENABLE_ALPN, 0L);
    /* the token is what is proved, not the server's name (RFC 8555 section 8.3) */
    SET(h, c, CURLOPT_SSL_VERIFYPEER, 0L);
    SET(h, c, CURLOPT_SSL_VERIFYHOST, 0L);
    SET(h, c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(h, c, CURLOPT_CONNECTTIMEOUT_MS, (long)MAX(MIN(o->tls_timeout, run_left_ms(h->r)), 1));
    SET(h, c, CURLOPT_TIMEOUT_MS, (long)MAX(run_left_ms(h->r), 1));
    SET(h, c, CURLOPT_FORBID_REUSE, 1L);
    SET(h, c, CURLOPT_FRESH_CONNECT, 1L);
    SET(h, c, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    SET(h, c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(h, c, CURLOPT_OPENSOCKETDATA, h);
    SET(h, c, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    SET(h, c, CURLOPT_NOPROGRESS, 0L);
    SET(h, c, CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(h, c, CURLOPT_XFERINFODATA, h);
    SET(h, c, CURLOPT_ERRORBUFFER, h->error);
}

static void
set_request(struct hop *h, CURL *c, struct curl_slist *headers, struct curl_slist *addresses)
{
    h->broken |= !headers || !addresses;
    SET(h, c, CURLOPT_URL, h->place->url);
    SET(h, c, CURLOPT_PATH_AS_IS, 1L);
    SET(h, c, CURLOPT_RESOLVE, addresses); /* so curl asks nobody */
    SET(h, c, CURLOPT_HTTPHEADER, headers);
    SET(h, c, CURLOPT_USERAGENT, h->r->p->agent);
    SET(h, c, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    SET(h, c, CURLOPT_WRITEFUNCTION, on_body);
    SET(h, c, CURLOPT_WRITEDATA, h);
    SET(h, c, CURLOPT_HEADERFUNCTION, on_head);
    SET(h, c, CURLOPT_HEADERDATA, h);
}

static void
step_http(struct hop *h, CURLcode code)
{
    struct run *r = h->r;

    run_step_begin(r, "http");
    run_step_text(r, "url", h->place->url);
    if (h->status)
        run_step_int(r, "status", h->status);
    if (code != CURLE_OK && !h->enough)
        run_step_text(r, "why",
                      text_shown(r->s->arena,
                                 bytes_of_text(h->error[0] ? h->error : curl_easy_strerror(code)),
                                 CURL_ERROR_SIZE));
    if (h->location && is_redirect(h->status))
        run_step_text(r, "location", text_shown(r->s->arena, bytes_of_text(h->location), 300));
    else if (!h->target->hidden && h->status)
        run_step_text(r, "body", text_shown(r->s->arena, buf_bytes(&h->body), BODY_SHOWN));
    run_step_int(r, "ms", clock_mono_ms() - h->began_ms);
    run_step_end(r);
}

/** What became of a transfer that curl did not end well. */
static enum err
judge_failure(struct hop *h, CURLcode code)
{
    struct run *r = h->r;
    const char *url = h->place->url;

    if (reach_stopping())
        return fail(r->s, E_UNAVAILABLE, "the program is stopping");
    if (h->body_too_long)
        return run_refuse(r, "incorrectResponse", "%s: the body is longer than %d octets", url,
                          BODY_MAX);
    if (h->head_too_long)
        return run_refuse(r, "connection", "%s: the head is longer than %d octets", url, HEAD_MAX);
    if (h->too_slow || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_ABORTED_BY_CALLBACK)
        return run_refuse(r, "connection", "%s: no complete answer in time", url);
    if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CIPHER)
        return run_refuse(r, "tls", "%s: the TLS handshake failed", url);
    if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL)
        return run_refuse(r, "connection", "%s: the answer is no HTTP", url);
    return run_refuse(r, "connection", "%s: the connection broke before an answer", url);
}

/* A handle's sockets and tables are used again, by one thread; connections, sessions of TLS and
 * options are not. The addresses that it was told stay in it, so it does not live for ever. */
struct kept {
    CURL *curl;
    int uses;
};
#define KEPT_USES 100
static pthread_key_t kept_key;
static pthread_once_t kept_once = PTHREAD_ONCE_INIT;

static void
kept_free(void *data)
{
    struct kept *k = data;

    curl_easy_cleanup(k->curl);
    mem_free(k);
}

static void
kept_setup(void)
{
    if (pthread_key_create(&kept_key, kept_free))
        abort();
}

/** This thread's handle, as new; NULL: it cannot be made. */
static CURL *
own_handle(void)
{
    struct kept *k;

    (void)pthread_once(&kept_once, kept_setup);
    k = pthread_getspecific(kept_key);
    if (!k) {
        k = mem_alloc(sizeof(*k));
        if (pthread_setspecific(kept_key, k))
            abort();
    }
    if (k->uses++ == KEPT_USES) {
        curl_easy_cleanup(k->curl);
        *k = (struct kept){ .uses = 1 };
    }
    if (!k->curl)
        k->curl = curl_easy_init();
    return k->curl;
}

static CURLcode
transfer(struct hop *h, CURL *c, struct curl_slist *headers, struct curl_slist *addresses)
{
    CURLcode code = CURLE_FAILED_INIT;

    set_connection(h, c);
    set_request(h, c, headers, addresses);
    if (!h->broken)
        code = curl_easy_perform(c);
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &h->status);
    curl_easy_reset(c); /* it must not point to what is gone */
    return code;
}

/* Plain HTTP. What went wrong has libcurl's words, as that of TLS does. */

static CURLcode
put_request(struct hop *h)
{
    struct arena *a = h->r->s->arena;
    const char *authority = h->place->url + strlen("http://");
    size_t len = strcspn(authority, "/");
    const char *request = arena_printf(a,
                                       "GET %s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: %s\r\n"
                                       "Accept: */*\r\nConnection: close\r\n\r\n",
                                       authority + len, (int)len, authority, h->r->p->agent);

    /* a new connection has room for it */
    len = strlen(request);
    return send(h->fd, request, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len
               ? CURLE_OK
               : CURLE_SEND_ERROR;
}

/** Octets that have come; none: the server closed the connection. */
static CURLcode
get_more(struct hop *h, uint8_t *to, size_t room, size_t *got)
{
    struct pollfd p = { .fd = h->fd, .events = POLLIN };
    ssize_t len;

    for (;;) {
        len = poll(&p, 1, (int)MAX(MIN(run_left_ms(h->r), LOOK_MS), 1)) > 0
                  ? recv(h->fd, to, room, MSG_DONTWAIT)
                  : -1;
        if (len >= 0) {
            *got = (size_t)len;
            return CURLE_OK;
        }
        if (p.revents && errno != EAGAIN && errno != EINTR)
            return CURLE_RECV_ERROR;
        if (is_late(h))
            return CURLE_OPERATION_TIMEDOUT;
    }
}

static CURLcode
read_answer(struct hop *h, struct answer *a)
{
    uint8_t piece[4096];
    size_t got;

    for (;;) {
        CURLcode code = get_more(h, piece, sizeof(piece), &got);

        if (code != CURLE_OK)
            return code;
        if (!got)
            return answer_close(a) == ANSWER_COMPLETE ? CURLE_OK
                   : a->head_len                      ? CURLE_PARTIAL_FILE
                                                      : CURLE_GOT_NOTHING;
        (void)answer_feed(a, (struct bytes){ piece, got });
        h->head_len = a->head_len;
        if (a->state != ANSWER_COMING)
            return a->state == ANSWER_COMPLETE    ? CURLE_OK
                   : a->state == ANSWER_MALFORMED ? CURLE_WEIRD_SERVER_REPLY
                                                  : CURLE_WRITE_ERROR;
        if (is_late(h))
            return CURLE_OPERATION_TIMEDOUT;
    }
}

static CURLcode
ask_plainly(struct hop *h)
{
    CURLcode code = put_request(h);
    struct answer a;

    if (code != CURLE_OK)
        return code;
    answer_init(&a, h->r->s->arena);
    code = read_answer(h, &a);
    h->status = a.status;
    h->location = a.location;
    h->locations = a.locations;
    h->body = a.body;
    h->enough = a.enough;
    h->head_too_long = a.state == ANSWER_HEAD_TOO_LONG;
    h->body_too_long = a.state == ANSWER_BODY_TOO_LONG;
    return code;
}

/** By libcurl. */
static CURLcode
ask_by_tls(struct hop *h)
{
    CURL *c = own_handle();
    AUTO(curl_slist_free_all)
    struct curl_slist *headers = curl_slist_append(NULL, "Connection: close");
    bool v6 = h->target->ip.len == 16;
    bool bracketed = strchr(h->place->host, ':') != NULL;
    AUTO(curl_slist_free_all)
    struct curl_slist *addresses = curl_slist_append(
        NULL, arena_printf(h->r->s->arena, "%s%s%s:%d:%s%s%s", bracketed ? "[" : "", h->place->host,
                           bracketed ? "]" : "", h->place->port, v6 ? "[" : "", h->target->text,
                           v6 ? "]" : ""));

    h->curl = c;
    h->broken |= !c;
    return c ? transfer(h, c, headers, addresses) : CURLE_FAILED_INIT;
}

static enum err
perform(struct hop *h)
{
    CURLcode code = h->place->tls ? ask_by_tls(h) : ask_plainly(h);

    if (h->broken)
        return fail(h->r->s, E_INTERNAL, "the HTTP library cannot start, or refuses a setting");
    step_http(h, code);
    if (code != CURLE_OK && !h->enough)
        return judge_failure(h, code);
    return OK;
}

/* The whole. */

/** 200 with the key authorization, white space after it apart. */
static enum err
judge_answer(struct hop *h)
{
    struct run *r = h->r;
    struct bytes body = buf_bytes(&h->body);
    const char *shown = h->target->hidden ? "" : text_shown(r->s->arena, body, BODY_SHOWN);

    if (h->status != 200)
        return run_refuse(r, "incorrectResponse", "%s answered %ld instead of 200%s%s",
                          h->place->url, h->status, *shown ? ": " : "", shown);
    while (body.len && strchr(" \t\r\n\v\f", body.data[body.len - 1]) && body.data[body.len - 1])
        body.len--;
    if (!bytes_eq(body, bytes_of_text(r->q->key_authorization)))
        return run_refuse(r, "incorrectResponse",
                          "%s did not answer with the key authorization%s%s", h->place->url,
                          *shown ? " but with: " : "", shown);
    return OK;
}

/** Where a redirect leads; loops and too many are refused. */
static enum err
follow(struct hop *h, struct list *seen, struct place *next)
{
    struct run *r = h->r;
    struct place_rules rules = {
        .http_port = (int)r->p->o.http_port,
        .https_port = (int)r->p->o.https_port,
        .to_address = r->p->o.redirect_to_address || text_eq(r->q->type, "ip"),
    };
    const char *why = h->locations > 1
                          ? "it has two Locations"
                          : redirect_read(r->s, &rules, h->place->url, h->location, next);

    if (why)
        return run_refuse(r, "connection", "%s redirects, but %s", h->place->url, why);
    if (list_has(seen, next->url))
        return run_refuse(r, "connection", "%s redirects in a loop", h->place->url);
    if ((int64_t)seen->count > r->p->o.redirects)
        return run_refuse(r, "connection", "more than %d redirects", (int)r->p->o.redirects);
    list_add(r->s->arena, seen, const char *, next->url);
    metric_add(&redirects_total, 1);
    return OK;
}

/** Ask at the place. *AGAIN: it redirects to *NEXT. */
static enum err
visit(struct run *r, const struct place *place, struct list *seen, struct place *next, bool *again)
{
    struct hop h = { .r = r, .place = place, .fd = -1 };
    enum err e;

    TRY(run_connect(r, place->host, place->port, &h.target, &h.fd));
    if (run_refused(r))
        return OK;
    buf_init_in(&h.body, r->s->arena, BODY_MAX);
    h.began_ms = clock_mono_ms();
    e = perform(&h);
    run_disconnect(h.target, h.fd);
    if (e != OK || run_refused(r))
        return e;
    *again = is_redirect(h.status);
    return *again ? follow(&h, seen, next) : judge_answer(&h);
}

enum err
prove_http_01(struct run *r)
{
    struct arena *a = r->s->arena;
    struct place place = { .host = r->q->value,
                           .is_address = text_eq(r->q->type, "ip"),
                           .port = (int)r->p->o.http_port };
    struct list seen = { 0 };
    bool again = true;

    place.url = place_url(a, false, place.host, place.port,
                          arena_printf(a, "/.well-known/acme-challenge/%s", r->q->token));
    list_add(a, &seen, const char *, place.url);
    while (again && !run_refused(r)) {
        struct place next = { 0 };

        again = false;
        TRY(visit(r, &place, &seen, &next, &again));
        place = next;
        if (again && run_left_ms(r) == 0)
            return run_refuse(r, "connection", "not done within %lld s",
                              (long long)r->p->o.timeout / 1000);
    }
    return OK;
}
