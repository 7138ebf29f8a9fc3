#include "net/client.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/wait.h"
#include "codec/json.h"
#include "net/client_try.h"
#include "net/reach.h"
#include "pki/dnsname.h"
#include "pki/name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

COUNTER(requests_total, "chancery_outbound_requests_total",
        "Calls to other systems, each try counted, by how they ended.", "integration", "outcome");
HISTOGRAM(request_seconds, "chancery_outbound_request_duration_seconds",
          "Time that one try of a call to another system took.", "integration");
COUNTER(retries_total, "chancery_outbound_retries_total",
        "Tries after the first of calls to other systems.", "integration");
GAUGE(breaker_open, "chancery_outbound_breaker_open",
      "1 while the circuit breaker of another system refuses calls.", "integration");

static const char *const outcomes[] = { "ok",       "auth",      "authz",       "config",
                                        "conflict", "not_found", "protocol",    "rate_limited",
                                        "timeout",  "transient", "unavailable", "validation" };

/* These never go through a proxy: the host itself, and the metadata services of clouds. */
#define NEVER_PROXIED "localhost,127.0.0.1,::1,[::1],169.254.169.254,169.254.170.2,168.63.129.16"

OWNED(CURLU, curl_url_cleanup);
static void
curl_text_free(char *text)
{
    curl_free(text);
}
OWNED(char, curl_text_free);

/* Peers. */

static void
copy_texts(struct peer *p, const struct peer_options *o)
{
    struct arena *a = p->arena;

    p->o = *o;
    p->o.integration = arena_text(a, o->integration ? o->integration : "other");
    p->o.ca_pem = bytes_copy(a, o->ca_pem);
    p->o.client_cert_pem = bytes_copy(a, o->client_cert_pem);
    p->o.proxy = arena_text(a, o->proxy);
    p->o.proxy_user = arena_text(a, o->proxy_user);
    p->o.agent = arena_text(a, o->agent);
    p->no_proxy = o->no_proxy ? arena_printf(a, NEVER_PROXIED ",%s", o->no_proxy) : NEVER_PROXIED;
    p->o.no_proxy = NULL;
    p->o.client_key_pem = p->o.proxy_password = NULL; /* our copies stand beside */
    if (o->client_key_pem)
        p->client_key = secret_copy(secret_bytes(o->client_key_pem));
    if (o->proxy_password)
        p->proxy_password = secret_copy(secret_bytes(o->proxy_password));
    if (p->o.concurrency <= 0)
        p->o.concurrency = 4;
    p->o.concurrency = MIN(p->o.concurrency, (int)COUNT(p->idle));
}

enum err
peer_new(struct scope *s, const struct peer_options *o, struct peer **out)
{
    struct peer *p;

    if (!o->client_cert_pem.len != !o->client_key_pem)
        return fail(s, E_INVALID, "a client certificate needs its key, and a key its certificate");
    try_setup();
    p = mem_alloc(sizeof(*p));
    p->arena = arena_new();
    copy_texts(p, o);
    guard_init(&p->guard, o->per_minute);
    (void)pthread_mutex_init(&p->lock, NULL);
    wait_init(&p->slot_free);
    for (size_t i = 0; i < COUNT(outcomes); i++)
        metric_touch(&requests_total, p->o.integration, outcomes[i]);
    metric_touch(&retries_total, p->o.integration);
    metric_set(&breaker_open, 0, p->o.integration);
    *out = p;
    return OK;
}

void
peer_free(struct peer *p)
{
    if (!p)
        return;
    while (p->idle_count)
        curl_easy_cleanup(p->idle[--p->idle_count]);
    (void)pthread_cond_destroy(&p->slot_free);
    (void)pthread_mutex_destroy(&p->lock);
    secret_free(p->client_key);
    secret_free(p->proxy_password);
    arena_free(p->arena);
    mem_free(p);
}

static int64_t
now_of(const struct peer *p)
{
    return p->o.clock.now_ms ? p->o.clock.now_ms(p->o.clock.arg) : clock_mono_ms();
}

bool
peer_is_open(struct peer *p)
{
    bool open;

    (void)pthread_mutex_lock(&p->lock);
    open = p->guard.open_ms != 0 && now_of(p) < p->guard.open_until_ms;
    (void)pthread_mutex_unlock(&p->lock);
    return open;
}

/** In steps, so that a stopping program need not wait. */
static bool
sleep_ms(const struct peer *p, int64_t ms)
{
    if (p->o.clock.sleep)
        return p->o.clock.sleep(p->o.clock.arg, ms);
    while (ms > 0 && !try_stopping()) {
        int64_t step = MIN(ms, 100);
        struct timespec t = { .tv_sec = 0, .tv_nsec = (long)step * 1000000 };

        (void)nanosleep(&t, NULL);
        ms -= step;
    }
    return !try_stopping();
}

/* A call, from its first try to its last. */
struct work {
    struct peer *p;
    const struct call *c;
    struct attempt x;
    struct secret *auth;
    const struct retry_rule *rule; /* why the last try failed; NULL when it did not */
    int64_t took_ms;
    bool may_have_acted; /* in any of the tries */
};

/** What logs may say about where a call went: neither user nor query; the path when it is no
 * secret. */
static const char *
shown_url(struct scope *s, const struct work *w)
{
    const char *url = w->x.url, *host = strstr(url, "://"), *end;

    host = host ? host + 3 : url;
    end = host + strcspn(host, w->p->o.path_is_secret ? "/?#" : "?#");
    return arena_text_n(s->arena, url, (size_t)(end - url));
}

/** One structured line; WAIT_MS is -1 when there is no further try. */
static void
log_try(struct scope *s, const struct work *w, enum log_level level, int calls, int64_t wait_ms)
{
    struct scope as = *s;
    const char *name = w->p->o.integration;
    struct buf d;

    as.module = arena_printf(s->arena, "integration.%s", name);
    buf_init_in(&d, s->arena, 8192);
    buf_text(&d, "{\"method\":");
    json_text(&d, w->x.method);
    buf_text(&d, ",\"url\":");
    json_text(&d, shown_url(s, w));
    if (w->c->operation) {
        buf_text(&d, ",\"operation\":");
        json_text(&d, w->c->operation);
    }
    if (w->x.end == RETRY_ANSWERED)
        buf_printf(&d, ",\"status\":%d", w->x.status);
    if (w->x.text) {
        buf_text(&d, ",\"error\":");
        json_text(&d, w->x.text);
    }
    buf_printf(&d, ",\"attempt\":%d,\"duration_ms\":%lld", calls, (long long)w->took_ms);
    if (wait_ms >= 0)
        buf_printf(&d, ",\"retry_in_s\":%.3f", (double)wait_ms / 1000);
    buf_text(&d, "}");
    log_event(&as, level, wait_ms >= 0 ? "integration.retry" : "integration.failed",
              wait_ms >= 0 ? "a call to another system is tried again"
                           : "a call to another system failed",
              lf_text("integration", name), lf_text("error_type", w->rule->error_type),
              lf_text("timestamp", when_rfc3339_ms(s->arena, clock_now())),
              lf_raw("details", buf_str(&d)));
}

/* What may be asked at all. */

static bool
is_token(const char *text)
{
    if (text_empty(text))
        return false;
    for (; *text; text++) {
        if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text))
            return false;
    }
    return true;
}

static bool
has_line_break(const char *text)
{
    return text && text[strcspn(text, "\r\n")];
}

static enum err
check_headers(struct scope *s, const struct call *c)
{
    LIST_EACH(const struct header, h, &c->headers)
    {
        if (!is_token(h->name) || !h->value || has_line_break(h->value))
            return fail(s, E_INVALID, "the header %s cannot be sent",
                        is_token(h->name) ? h->name : "without a good name");
    }
    if (has_line_break(c->content_type))
        return fail(s, E_INVALID, "the content type holds a line break");
    return OK;
}

static enum err
check_url(struct scope *s, const struct peer *p, const char *url)
{
    AUTO(curl_url_cleanup) CURLU *u = curl_url();
    AUTO(curl_text_free) char *scheme = NULL;
    AUTO(curl_text_free) char *user = NULL;

    if (!url || !u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return fail(s, E_INVALID, "the URL of the call is malformed");
    if (!text_eq(scheme, "https") && !(p->o.plain_http && text_eq(scheme, "http")))
        return fail(s, E_INVALID, "%s URLs are not allowed for %s", scheme, p->o.integration);
    if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
        return fail(s, E_INVALID, "a URL must not hold credentials");
    return OK;
}

/** Only what a path may hold (RFC 3986 section 3.3); percent signs begin escapes. */
static bool
is_path(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p == '%' ? !isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2])
                      : *p <= ' ' || *p >= 0x7f || strchr("@?#\"<>\\^`{|}[]", *p))
            return false;
    return true;
}

static bool
is_host(struct scope *s, const char *host)
{
    size_t len = strlen(host);
    struct bytes ip;
    char *normal;

    if (*host == '[')
        return len > 2 && host[len - 1] == ']' &&
               ip_parse(s->arena, arena_text_n(s->arena, host + 1, len - 2), &ip) && ip.len == 16;
    return (ip_parse(s->arena, host, &ip) && ip.len == 4) ||
           !dns_check(s->arena, host, NAMES_INTERNAL | NAMES_UNDERSCORE, &normal);
}

bool
url_is_plain(struct scope *s, const char *url)
{
    AUTO(curl_url_cleanup) CURLU *u = curl_url();
    const char *host = text_starts(url, "http://")    ? url + 7
                       : text_starts(url, "https://") ? url + 8
                                                      : NULL;
    size_t len = host ? strcspn(host, "/") : 0;
    const char *name, *port;
    int64_t number;

    if (!len || !is_path(host + len) || !u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
        return false;
    name = arena_text_n(s->arena, host, len); /* as it is written: curl's is decoded */
    port = strrchr(name, ':');
    if (!port || strchr(port, ']'))
        return is_host(s, name);
    return text_to_int(port + 1, &number) && number >= 1 && number <= 65535 &&
           is_host(s, arena_text_n(s->arena, name, (size_t)(port - name)));
}

bool
url_is_loopback(struct scope *s, const char *url)
{
    static const struct network own = { { 127 }, 4, 8 }, own6 = { { [15] = 1 }, 16, 128 };
    AUTO(curl_url_cleanup) CURLU *u = curl_url();
    AUTO(curl_text_free) char *host = NULL;
    const char *name;
    struct bytes ip;

    if (!url || !u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return false;
    if (text_eq_fold(host, "localhost"))
        return true;
    name = *host == '[' ? arena_text_n(s->arena, host + 1, strcspn(host + 1, "]")) : host;
    return ip_parse(s->arena, name, &ip) && (network_holds(&own, ip) || network_holds(&own6, ip));
}

static enum err
check_call(struct scope *s, struct work *w)
{
    const struct call *c = w->c;

    w->x.peer = w->p;
    w->x.call = c;
    w->x.method = c->method ? c->method : c->body.len ? "POST" : "GET";
    w->x.url = c->url;
    if (!is_token(w->x.method))
        return fail(s, E_INVALID, "the method of the call is malformed");
    if (has_line_break(c->user) || (c->user && strchr(c->user, ':')))
        return fail(s, E_INVALID, "a user name cannot hold a colon or a line break");
    TRY(check_url(s, w->p, c->url));
    return check_headers(s, c);
}

static bool
is_idempotent(const struct work *w)
{
    static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE" };

    if (w->c->repeat != REPEAT_BY_METHOD)
        return w->c->repeat == REPEAT_YES;
    for (size_t i = 0; i < COUNT(methods); i++) {
        if (text_eq(w->x.method, methods[i]))
            return true;
    }
    return false;
}

/* Who we are. */

static void
put_line(struct work *w, const char *scheme, struct bytes value)
{
    size_t start = strlen("Authorization: ") + strlen(scheme);

    secret_free(w->auth);
    w->auth = secret_new(start + value.len);
    (void)snprintf((char *)w->auth->data, start + 1, "Authorization: %s", scheme);
    memcpy(w->auth->data + start, value.data, value.len);
    w->x.auth = w->auth;
}

static enum err
put_bearer(struct scope *s, struct work *w, const struct secret *token)
{
    for (size_t i = 0; i < token->len; i++) {
        if (token->data[i] <= ' ' || token->data[i] >= 0x7f)
            return fail(s, E_INVALID, "the bearer token holds what no header can carry");
    }
    put_line(w, "Bearer ", secret_bytes(token));
    return OK;
}

/** user:password in base64, without leaving a copy in the arena. */
static void
put_basic(struct work *w)
{
    AUTO(arena_free) struct arena *scratch = arena_new();
    struct bytes password = secret_bytes(w->c->password);
    size_t user_len = strlen(w->c->user);
    AUTO(secret_free) struct secret *pair = secret_new(user_len + 1 + password.len);
    char *text;

    memcpy(pair->data, w->c->user, user_len);
    pair->data[user_len] = ':';
    if (password.len)
        memcpy(pair->data + user_len + 1, password.data, password.len);
    text = base64_encode(scratch, secret_bytes(pair));
    put_line(w, "Basic ", bytes_of_text(text));
    wipe(text, strlen(text));
}

static enum err
put_credentials(struct scope *s, struct work *w, bool refresh)
{
    AUTO(secret_free) struct secret *token = NULL;

    if (w->c->user) {
        put_basic(w);
        return OK;
    }
    if (w->c->bearer)
        return put_bearer(s, w, w->c->bearer);
    if (!w->p->o.token)
        return OK;
    TRY(note(s, w->p->o.token(s, w->p->o.token_arg, refresh, &token), "a token for %s",
             w->p->o.integration));
    return put_bearer(s, w, token);
}

/* One try. */

/** A handle with its connections. Waits for a free one until the deadline. */
static enum err
slot_take(struct scope *s, struct peer *p, CURL **out)
{
    CURL *h = NULL;
    bool taken = false;

    (void)pthread_mutex_lock(&p->lock);
    while (p->busy >= p->o.concurrency && !try_stopping()) {
        int64_t left = MIN(scope_left_ms(s), 250);

        if (left <= 0)
            break;
        (void)wait_until(&p->slot_free, &p->lock, clock_mono_ms() + left);
    }
    if (p->busy < p->o.concurrency) {
        taken = true;
        p->busy++;
        if (p->idle_count)
            h = p->idle[--p->idle_count];
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (!taken)
        return fail_code(s, E_LIMIT, CHY_PEER_FAILED, "too many calls to %s are under way",
                         p->o.integration);
    *out = h ? h : curl_easy_init();
    return OK;
}

static void
slot_give(struct peer *p, CURL *h)
{
    (void)pthread_mutex_lock(&p->lock);
    p->busy--;
    if (h)
        p->idle[p->idle_count++] = h;
    (void)pthread_cond_signal(&p->slot_free);
    (void)pthread_mutex_unlock(&p->lock);
}

/** Wait for the peer's pace. */
static enum err
keep_pace(struct scope *s, struct peer *p)
{
    for (;;) {
        int64_t wait;

        (void)pthread_mutex_lock(&p->lock);
        wait = guard_pace(&p->guard, now_of(p));
        (void)pthread_mutex_unlock(&p->lock);
        if (wait == 0)
            return OK;
        if (wait >= scope_left_ms(s)) {
            enum err e = fail_code(s, E_LIMIT, CHY_PEER_FAILED,
                                   "%s may not be called more often for now", p->o.integration);

            s->error.retry_after_s = (wait + 999) / 1000;
            return e;
        }
        if (!sleep_ms(p, wait))
            return fail(s, E_UNAVAILABLE, "the program is stopping");
    }
}

static bool
is_expected(const struct call *c, int status)
{
    for (const int *e = c->expected; e && *e; e++) {
        if (*e == status)
            return true;
    }
    return false;
}

static enum err
try_once(struct scope *s, struct work *w)
{
    int64_t limit = w->c->timeout_ms ? w->c->timeout_ms : w->p->o.call_ms, began;
    CURL *h;

    TRY(keep_pace(s, w->p));
    TRY(slot_take(s, w->p, &h));
    w->x.timeout_ms = MIN(limit ? limit : 30000, scope_left_ms(s));
    began = clock_mono_us();
    if (h && w->x.timeout_ms > 0 && !try_stopping()) {
        try_run(s, h, &w->x);
    } else {
        w->x.end = RETRY_NOT_SENT;
        w->x.kind = w->x.timeout_ms > 0 ? E_UNAVAILABLE : E_TIMEOUT;
        w->x.text = try_stopping() ? "the program is stopping" : "no time is left";
    }
    slot_give(w->p, h);
    w->took_ms = (clock_mono_us() - began) / 1000;
    metric_observe(&request_seconds, (double)w->took_ms / 1000, w->p->o.integration);
    w->rule = w->x.end == RETRY_ANSWERED && is_expected(w->c, w->x.status)
                  ? NULL
                  : retry_rule(w->x.end, w->x.status);
    w->may_have_acted |= w->rule && w->rule->may_have_acted;
    metric_add(&requests_total, 1, w->p->o.integration, w->rule ? w->rule->error_type : "ok");
    return OK;
}

/** The Retry-After of the last answer, and what follows from it for all calls to this peer. */
static int64_t
asked_ms(struct work *w)
{
    struct reply r = { .headers = w->x.headers };
    int64_t asked = 0;

    if (w->x.end != RETRY_ANSWERED)
        return 0;
    asked = retry_after_ms(reply_header(&r, "Retry-After"), clock_now());
    if (w->x.status == 429) {
        (void)pthread_mutex_lock(&w->p->lock);
        guard_slow_down(&w->p->guard, now_of(w->p), MIN(asked, RETRY_ASKED_MAX_MS));
        (void)pthread_mutex_unlock(&w->p->lock);
    }
    return asked;
}

/** Is there another try? If so, it is time for it now. */
static bool
again(struct scope *s, struct work *w, struct retry *r, bool *refresh)
{
    int64_t asked = asked_ms(w), wait;

    *refresh = w->rule->refresh;
    if (w->c->once || (w->rule->refresh && (!w->p->o.token || w->c->bearer || w->c->user)) ||
        try_stopping() || !retry_next(r, w->rule, asked, &wait))
        return false;
    if (wait >= scope_left_ms(s)) /* it would come too late */
        return false;
    metric_add(&retries_total, 1, w->p->o.integration);
    log_try(s, w, LOG_WARN, retry_failures(r), wait);
    return wait == 0 || sleep_ms(w->p, wait);
}

static enum err
try_until_done(struct scope *s, struct work *w, struct retry *r, int *calls)
{
    bool refresh = false;

    do {
        TRY(put_credentials(s, w, refresh));
        TRY(try_once(s, w));
        ++*calls;
    } while (w->rule && again(s, w, r, &refresh));
    return OK;
}

/* Redirects. */

/** Where a 3xx answer sends us, when we may go there: the same scheme, host and port. */
static const char *
redirect_url(struct scope *s, const struct work *w)
{
    static const CURLUPart same[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
    struct reply r = { .headers = w->x.headers };
    const char *location = reply_header(&r, "Location");
    AUTO(curl_url_cleanup) CURLU *from = curl_url();
    AUTO(curl_url_cleanup) CURLU *to = curl_url();
    AUTO(curl_text_free) char *url = NULL;

    if (!location || !from || !to || curl_url_set(from, CURLUPART_URL, w->x.url, 0) != CURLUE_OK ||
        curl_url_set(to, CURLUPART_URL, w->x.url, 0) != CURLUE_OK ||
        curl_url_set(to, CURLUPART_URL, location, 0) != CURLUE_OK)
        return NULL;
    for (size_t i = 0; i < COUNT(same); i++) {
        AUTO(curl_text_free) char *a = NULL;
        AUTO(curl_text_free) char *b = NULL;

        if (curl_url_get(from, same[i], &a, CURLU_DEFAULT_PORT) != CURLUE_OK ||
            curl_url_get(to, same[i], &b, CURLU_DEFAULT_PORT) != CURLUE_OK || !text_eq_fold(a, b))
            return NULL;
    }
    if (curl_url_get(to, CURLUPART_URL, &url, 0) != CURLUE_OK)
        return NULL;
    return arena_text(s->arena, url);
}

static bool
is_redirect(const struct work *w)
{
    int status = w->x.status;

    return w->x.end == RETRY_ANSWERED &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           (text_eq(w->x.method, "GET") || text_eq(w->x.method, "HEAD"));
}

static enum err
try_and_follow(struct scope *s, struct work *w, int *calls)
{
    for (int left = w->p->o.redirects;; left--) {
        AUTO(retry_free) struct retry *r = retry_new(is_idempotent(w), w->p->o.clock.seed);
        const char *next;

        TRY(try_until_done(s, w, r, calls));
        if (left <= 0 || !is_redirect(w))
            return OK;
        next = redirect_url(s, w);
        if (!next)
            return OK; /* the caller sees the answer as it is */
        w->x.url = next;
    }
}

/* The whole. */

static enum err
admit(struct scope *s, struct peer *p)
{
    int64_t until = 0, now;
    bool open;
    enum err e;

    (void)pthread_mutex_lock(&p->lock);
    now = now_of(p);
    open = guard_admit(&p->guard, now, &until);
    (void)pthread_mutex_unlock(&p->lock);
    if (open)
        return OK;
    e = fail_code(s, E_UNAVAILABLE, CHY_PEER_FAILED,
                  "%s failed too often: it is left alone for a while", p->o.integration);
    s->error.retry_after_s = (until - now + 999) / 1000;
    return e;
}

/** Tell the breaker; one line when it opens, one when it closes. */
static void
report(struct scope *s, struct work *w, enum guard_result result)
{
    struct peer *p = w->p;
    struct scope as = *s;
    bool changed, open;

    (void)pthread_mutex_lock(&p->lock);
    changed = guard_report(&p->guard, now_of(p), result);
    open = p->guard.open_ms != 0;
    (void)pthread_mutex_unlock(&p->lock);
    if (!changed)
        return;
    metric_set(&breaker_open, open ? 1 : 0, p->o.integration);
    as.module = arena_printf(s->arena, "integration.%s", p->o.integration);
    log_event(&as, open ? LOG_ERROR : LOG_INFO,
              open ? "integration.breaker.open" : "integration.breaker.closed",
              open ? "another system failed too often and is left alone for a while"
                   : "another system answers again",
              lf_text("integration", p->o.integration));
}

/** A look-up that finds nothing, or a request that was wrong, asks nobody to act at once. */
static enum log_level
level_of(const struct retry_rule *rule)
{
    static const char *const mild[] = { "not_found", "conflict", "validation" };

    for (size_t i = 0; i < COUNT(mild); i++) {
        if (text_eq(rule->error_type, mild[i]))
            return LOG_WARN;
    }
    return LOG_ERROR;
}

static enum err
finish(struct scope *s, struct work *w, int calls, struct reply *out)
{
    enum err e;

    report(s, w, !w->rule ? GUARD_GOOD : w->rule->counts ? GUARD_BAD : GUARD_NEITHER);
    if (w->rule)
        log_try(s, w, level_of(w->rule), calls, -1);
    if (w->x.end == RETRY_ANSWERED) {
        *out = (struct reply){ w->x.status, w->x.headers, w->x.body, calls };
        return OK;
    }
    e = fail_code(s, w->x.kind, CHY_PEER_FAILED, "%s: %s", w->p->o.integration, w->x.text);
    if (w->may_have_acted)
        s->error.tag = "unknown";
    return e;
}

enum err
peer_call(struct scope *s, struct peer *p, const struct call *c, struct reply *out)
{
    struct work w = { .p = p, .c = c };
    int calls = 0;
    enum err e;

    TRY(check_call(s, &w));
    w.x.fresh = !is_idempotent(&w);
    TRY(admit(s, p));
    e = try_and_follow(s, &w, &calls);
    secret_free(w.auth);
    if (e != OK) { /* it ended between two tries */
        report(s, &w, w.rule && w.rule->counts ? GUARD_BAD : GUARD_NEITHER);
        if (w.may_have_acted)
            s->error.tag = "unknown";
        return e;
    }
    return finish(s, &w, calls, out);
}

const char *
reply_header(const struct reply *r, const char *name)
{
    LIST_EACH(const struct header, h, &r->headers)
    {
        if (text_eq_fold(h->name, name))
            return h->value;
    }
    return NULL;
}

enum err
reply_check(struct scope *s, const struct peer *p, const struct reply *r)
{
    enum err kind = E_UNAVAILABLE;

    if (r->status < 400)
        return OK;
    if (r->status == 404 || r->status == 410)
        kind = E_NOT_FOUND;
    else if (r->status == 409 || r->status == 412)
        kind = E_CONFLICT;
    else if (r->status == 423 || r->status == 429)
        kind = E_LIMIT;
    else if (r->status < 500 && r->status != 401 && r->status != 403 && r->status != 408)
        kind = E_INVALID;
    (void)fail_code(s, kind, CHY_PEER_FAILED, "%s answered %d", p->o.integration, r->status);
    s->error.retry_after_s = retry_after_ms(reply_header(r, "Retry-After"), clock_now()) / 1000;
    return kind;
}
