#include "net/client_try.h"

#include "net/trace.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define HEADERS_MAX 200
#define USER_AGENT "chancery/1"

static atomic_bool stopping;

/* What the callbacks of one try share. */
struct run {
    struct scope *s;
    struct attempt *x;
    struct buf body;
    struct curl_slist *headers;
    bool too_long, address_refused, broken;
    char error[CURL_ERROR_SIZE];
};

/* Any option that cannot be set makes the whole try fail: half of a security setting is none. */
#define SET(run, handle, option, value) \
    ((run)->broken |= curl_easy_setopt((handle), (option), (value)) != CURLE_OK)

void
peer_stop_all(void)
{
    atomic_store(&stopping, true);
}

bool
try_stopping(void)
{
    return atomic_load(&stopping);
}

static void
setup_once(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void
try_setup(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, setup_once);
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
    struct run *run = arg;

    buf_add(&run->body, data, size * count);
    run->too_long |= run->body.failed;
    return run->too_long ? 0 : size * count;
}

/** One line of the head. The heads of 1xx answers and of a proxy's come first: the last one counts.
 */
static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
    struct run *run = arg;
    struct arena *a = run->s->arena;
    struct list *headers = &run->x->headers;
    size_t len = size * count;
    const char *colon;

    if (len > 5 && memcmp(data, "HTTP/", 5) == 0) {
        *headers = (struct list){ 0 };
        return len;
    }
    colon = memchr(data, ':', len);
    /* text is UTF-8 in this house: a header that is not is none */
    if (colon && colon != data && headers->count < HEADERS_MAX && text_is_utf8(data, len)) {
        struct header *h = list_push(a, headers, struct header);

        h->name = arena_text_n(a, data, (size_t)(colon - data));
        h->value = text_trim(a, arena_text_n(a, colon + 1, len - (size_t)(colon + 1 - data)));
    }
    return len;
}

static int
on_progress(UNUSED void *arg, UNUSED curl_off_t down_all, UNUSED curl_off_t down,
            UNUSED curl_off_t up_all, UNUSED curl_off_t up)
{
    return try_stopping();
}

/** The guard against addresses that a stranger chose: asked about the very address that is
 * connected to. */
static curl_socket_t
on_socket(void *arg, UNUSED curlsocktype purpose, struct curl_sockaddr *address)
{
    struct run *run = arg;
    const struct peer_options *o = &run->x->peer->o;

    if (o->address_allowed && !o->address_allowed(&address->addr, o->address_arg)) {
        run->address_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void
set_security(struct run *run, CURL *h)
{
    const struct peer *p = run->x->peer;
    const char *schemes = p->o.plain_http ? "http,https" : "https";

    SET(run, h, CURLOPT_PROTOCOLS_STR, schemes);
    SET(run, h, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(run, h, CURLOPT_FOLLOWLOCATION, 0L);
    SET(run, h, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(run, h, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(run, h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (p->o.ca_pem.len) {
        struct curl_blob ca = { (void *)(uintptr_t)p->o.ca_pem.data, p->o.ca_pem.len,
                                CURL_BLOB_NOCOPY };

        SET(run, h, CURLOPT_CAINFO_BLOB, &ca);
        SET(run, h, CURLOPT_CAPATH, NULL); /* that bundle and no other authority */
    }
    if (p->client_key) {
        struct curl_blob cert = { (void *)(uintptr_t)p->o.client_cert_pem.data,
                                  p->o.client_cert_pem.len, CURL_BLOB_NOCOPY };
        struct curl_blob key = { p->client_key->data, p->client_key->len, CURL_BLOB_NOCOPY };

        SET(run, h, CURLOPT_SSLCERTTYPE, "PEM");
        SET(run, h, CURLOPT_SSLCERT_BLOB, &cert);
        SET(run, h, CURLOPT_SSLKEYTYPE, "PEM");
        SET(run, h, CURLOPT_SSLKEY_BLOB, &key);
    }
}

static void
set_connection(struct run *run, CURL *h)
{
    const struct peer *p = run->x->peer;
    int64_t connect_ms = p->o.connect_ms ? p->o.connect_ms : 10000;

    SET(run, h, CURLOPT_NOSIGNAL, 1L);
    SET(run, h, CURLOPT_PROXY, p->o.proxy ? p->o.proxy : "");
    if (p->o.proxy) {
        SET(run, h, CURLOPT_NOPROXY, p->no_proxy);
        if (p->o.proxy_user)
            SET(run, h, CURLOPT_PROXYUSERNAME, p->o.proxy_user);
        if (p->proxy_password)
            SET(run, h, CURLOPT_PROXYPASSWORD, (const char *)p->proxy_password->data);
    }
    SET(run, h, CURLOPT_CONNECTTIMEOUT_MS, (long)MAX(MIN(connect_ms, run->x->timeout_ms), 1));
    SET(run, h, CURLOPT_TIMEOUT_MS, (long)MAX(run->x->timeout_ms, 1));
    SET(run, h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(run, h, CURLOPT_FRESH_CONNECT, run->x->fresh ? 1L : 0L);
    SET(run, h, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(run, h, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(run, h, CURLOPT_OPENSOCKETDATA, run);
    SET(run, h, CURLOPT_NOPROGRESS, 0L);
    SET(run, h, CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(run, h, CURLOPT_ERRORBUFFER, run->error);
}

static void
add_line(struct run *run, const char *line)
{
    struct curl_slist *longer = curl_slist_append(run->headers, line);

    run->broken |= !longer;
    if (longer)
        run->headers = longer;
}

static void
set_headers(struct run *run, CURL *h)
{
    const struct attempt *x = run->x;
    struct arena *a = run->s->arena;
    const char *trace = trace_give(run->s);

    LIST_EACH(const struct header, field, &x->call->headers)
    {
        /* curl's spelling of an empty value */
        add_line(run, *field->value ? arena_printf(a, "%s: %s", field->name, field->value)
                                    : arena_printf(a, "%s;", field->name));
    }
    if (x->call->content_type)
        add_line(run, arena_printf(a, "Content-Type: %s", x->call->content_type));
    else if (x->call->body.len)
        add_line(run, "Content-Type: application/octet-stream");
    add_line(run, "Expect:");
    if (trace)
        add_line(run, arena_printf(a, "traceparent: %s", trace));
    if (x->auth)
        add_line(run, (const char *)x->auth->data);
    SET(run, h, CURLOPT_HTTPHEADER, run->headers);
    SET(run, h, CURLOPT_USERAGENT, x->peer->o.agent ? x->peer->o.agent : USER_AGENT);
}

static void
set_request(struct run *run, CURL *h)
{
    const struct attempt *x = run->x;
    bool has_body = x->call->body.len || text_eq(x->method, "POST") || text_eq(x->method, "PUT") ||
                    text_eq(x->method, "PATCH");

    SET(run, h, CURLOPT_URL, x->url);
    if (text_eq(x->method, "HEAD"))
        SET(run, h, CURLOPT_NOBODY, 1L);
    if (has_body) {
        SET(run, h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->call->body.len);
        SET(run, h, CURLOPT_POSTFIELDS, x->call->body.len ? (const char *)x->call->body.data : "");
    }
    SET(run, h, CURLOPT_CUSTOMREQUEST, x->method);
    SET(run, h, CURLOPT_WRITEFUNCTION, on_body);
    SET(run, h, CURLOPT_WRITEDATA, run);
    SET(run, h, CURLOPT_HEADERFUNCTION, on_header);
    SET(run, h, CURLOPT_HEADERDATA, run);
    set_headers(run, h);
}

/**
 * Did TLS itself fail, and not the connection under it? An entry of OpenSSL's error queue says so.
 * (curl knows only the commonest as a failed verification; and a TLS 1.3 server refuses our
 * certificate after the handshake, when curl reads.)
 */
static bool
is_tls_refusal(const struct run *run, CURLcode code)
{
    if (code == CURLE_SSL_CONNECT_ERROR)
        return strstr(run->error, "error:") != NULL;
    return (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && strstr(run->error, "alert") &&
           strstr(run->error, "SSL routines");
}

static enum retry_end
end_of(const struct run *run, CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return run->address_refused ? RETRY_UNTRUSTED : RETRY_NOT_SENT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CRL_BADFILE:
        return RETRY_UNTRUSTED;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_WRITE_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_CONTENT_ENCODING:
        return RETRY_UNREADABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return run->x->sent ? RETRY_TIMED_OUT : RETRY_NOT_SENT;
    default:
        if (is_tls_refusal(run, code))
            return RETRY_UNTRUSTED;
        return run->x->sent ? RETRY_CUT_OFF : RETRY_NOT_SENT;
    }
}

static enum err
kind_of(const struct run *run, CURLcode code)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        return E_TIMEOUT;
    if (code == CURLE_WRITE_ERROR && run->too_long)
        return E_LIMIT;
    if (code == CURLE_URL_MALFORMAT)
        return E_INVALID;
    return E_UNAVAILABLE;
}

static const char *
text_of(const struct run *run, CURLcode code)
{
    if (run->too_long)
        return "the answer is longer than allowed";
    if (run->address_refused)
        return "its address may not be connected to";
    if (code == CURLE_ABORTED_BY_CALLBACK && try_stopping())
        return "the program is stopping";
    return arena_text(run->s->arena, run->error[0] ? run->error : curl_easy_strerror(code));
}

static void
take_result(struct run *run, CURL *h, CURLcode code)
{
    struct attempt *x = run->x;
    long status = 0, request_bytes = 0;

    (void)curl_easy_getinfo(h, CURLINFO_REQUEST_SIZE, &request_bytes);
    (void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    x->sent = request_bytes > 0;
    if (code != CURLE_OK) {
        x->end = end_of(run, code);
        x->kind = kind_of(run, code);
        x->text = text_of(run, code);
        return;
    }
    buf_byte(&run->body, 0); /* room was kept for it */
    x->end = RETRY_ANSWERED;
    x->kind = OK;
    x->status = (int)status;
    x->body = (struct bytes){ run->body.data, run->body.len - 1 };
}

/** curl's copy of our headers holds the credentials. */
static void
forget_headers(struct run *run)
{
    for (struct curl_slist *l = run->headers; l; l = l->next)
        wipe(l->data, strlen(l->data));
    curl_slist_free_all(run->headers);
}

void
try_run(struct scope *s, CURL *handle, struct attempt *x)
{
    struct run run = { .s = s, .x = x };
    size_t reply_max = x->call->reply_max ? x->call->reply_max : REPLY_MAX_DEFAULT;

    x->headers = (struct list){ 0 };
    x->sent = false;
    buf_init_in(&run.body, s->arena, reply_max + 1);
    curl_easy_reset(handle); /* connections stay */
    set_security(&run, handle);
    set_connection(&run, handle);
    set_request(&run, handle);
    if (run.broken) {
        x->end = RETRY_NOT_SENT;
        x->kind = E_INTERNAL;
        x->text = "the HTTP library refuses a setting";
    } else {
        CURLcode code = curl_easy_perform(handle);

        if (code == CURLE_OK && run.body.len > reply_max) { /* the room was for our zero byte */
            run.too_long = true;
            code = CURLE_WRITE_ERROR;
        }
        take_result(&run, handle, code);
    }
    curl_easy_reset(handle); /* it must not point to what is gone */
    forget_headers(&run);
}
