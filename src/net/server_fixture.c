#include "net/server_fixture.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 10000 /* longer than any test takes */

/* What a test's routes do. */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static int gate_waiting;
static bool gate_open;

void
gate_set(bool open)
{
    (void)pthread_mutex_lock(&gate_lock);
    gate_open = open;
    (void)pthread_cond_broadcast(&gate_moved);
    (void)pthread_mutex_unlock(&gate_lock);
}

void
gate_await(int n)
{
    (void)pthread_mutex_lock(&gate_lock);
    while (gate_waiting < n)
        (void)pthread_cond_wait(&gate_moved, &gate_lock);
    (void)pthread_mutex_unlock(&gate_lock);
}

static struct bytes fixture_der; /* of the last certificate made */

static void
echo(struct http_request *rq)
{
    struct arena *a = rq->scope->arena;

    http_reply_header(rq, "X-Method", rq->method_sent);
    if (rq->client_cert.len)
        http_reply_header(rq, "X-Client-Cert",
                          bytes_eq(rq->client_cert, fixture_der) ? "ours" : "another");
    http_reply(rq, 200, "text/plain",
               bytes_of_text(arena_printf(a, "%s %s?%s %zu:%.*s", rq->method, rq->path, rq->query,
                                          rq->body.len, (int)MIN(rq->body.len, (size_t)64),
                                          rq->body.data ? (const char *)rq->body.data : "")));
}

/* Wait at the gate until it is open. */
static void
gate_pass(void)
{
    (void)pthread_mutex_lock(&gate_lock);
    gate_waiting++;
    (void)pthread_cond_broadcast(&gate_moved);
    while (!gate_open)
        (void)pthread_cond_wait(&gate_moved, &gate_lock);
    gate_waiting--;
    (void)pthread_mutex_unlock(&gate_lock);
}

static void
wait_at_gate(struct http_request *rq)
{
    gate_pass();
    echo(rq);
}

/* Tells which of those that asked it is, in the order of their turns. */
static void
tell_turn(struct http_request *rq)
{
    static atomic_int turns;

    http_reply(rq, 200, "text/plain",
               bytes_of_text(arena_printf(rq->scope->arena, "turn %d", ++turns)));
}

/* Parks twice: the first time there is nothing to wait for, the second time a thread brings it
 * back. */
static bool
park_nowhere(UNUSED struct http_request *rq)
{
    return false;
}

static void *
bring_back(void *rq)
{
    gate_pass();
    http_go_on(rq);
    return NULL;
}

static bool
park_at_gate(struct http_request *rq)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, bring_back, rq), 0);
    (void)pthread_detach(thread);
    return true;
}

static void
park(struct http_request *rq)
{
    static const char first[] = "first", second[] = "second";

    if (!rq->state)
        http_park(rq, park_nowhere);
    else if (rq->state == first)
        http_park(rq, park_at_gate);
    else
        http_reply(rq, 200, "text/plain", BYTES("parked"));
    rq->state = rq->state == first ? (void *)(uintptr_t)second : (void *)(uintptr_t)first;
}

static void
large(struct http_request *rq)
{
    size_t len = 8 << 20;
    uint8_t *data = arena_alloc(rq->scope->arena, len);

    memset(data, 'x', len);
    http_reply_held(rq, 200, "text/plain", (struct bytes){ data, len });
}

static void
twice(struct http_request *rq)
{
    http_reply(rq, 200, "text/plain", BYTES("first"));
    http_reply(rq, 500, "text/plain", BYTES("second"));
}

static void
silent(UNUSED struct http_request *rq)
{
}

static enum admit
ask_login(struct http_request *rq, UNUSED bool may_wait)
{
    if (http_header(rq, "Authorization"))
        return ADMIT_YES;
    http_reply_header(rq, "WWW-Authenticate", "Basic realm=\"x\"");
    http_reply(rq, 401, "text/plain", BYTES("who?"));
    return ADMIT_ANSWERED;
}

static enum admit
ask_worker(struct http_request *rq, bool may_wait)
{
    return may_wait ? ask_login(rq, true) : ADMIT_ASK_WORKER;
}

static void
refuse(struct http_request *rq, int status)
{
    http_reply(rq, status, "text/plain",
               bytes_of_text(rq->scope->error.text ? rq->scope->error.text : "?"));
}

#define BOTH (ON_HTTPS | ON_HTTP)
static const struct http_route routes[] = {
    { .name = "/echo", .listeners = BOTH, .pool = POOL_LOOP, .body_limit = 100000, .handle = echo },
    { .name = "/work",
      .listeners = BOTH,
      .pool = POOL_MAIN,
      .body_limit = 8 << 20,
      .handle = echo },
    { .name = "/gate", .listeners = BOTH, .pool = POOL_MAIN, .handle = wait_at_gate },
    { .name = "/park", .listeners = BOTH, .pool = POOL_MAIN, .handle = park },
    { .name = "/begin", .listeners = BOTH, .pool = POOL_MAIN, .begins = true, .handle = tell_turn },
    { .name = "/go-on", .listeners = BOTH, .pool = POOL_MAIN, .handle = tell_turn },
    { .name = "/slow", .listeners = BOTH, .pool = POOL_SLOW, .handle = wait_at_gate },
    { .name = "/large", .listeners = BOTH, .pool = POOL_MAIN, .handle = large },
    { .name = "/twice", .listeners = BOTH, .pool = POOL_LOOP, .handle = twice },
    { .name = "/silent", .listeners = BOTH, .pool = POOL_MAIN, .handle = silent },
    { .name = "/login",
      .listeners = BOTH,
      .pool = POOL_LOOP,
      .body_limit = 1 << 20,
      .admit = ask_login,
      .handle = echo },
    { .name = "/ask",
      .listeners = BOTH,
      .pool = POOL_MAIN,
      .body_limit = 1 << 20,
      .admit = ask_worker,
      .handle = echo },
    { .name = "/asks-loop",
      .listeners = BOTH,
      .pool = POOL_LOOP,
      .body_limit = 1 << 20,
      .admit = ask_worker,
      .handle = echo },
    { .name = "/secure", .listeners = ON_HTTPS, .pool = POOL_LOOP, .handle = echo },
};

static enum admit
nowhere(struct http_request *rq, UNUSED bool may_wait)
{
    http_reply(rq, 404, "text/plain", BYTES("nowhere"));
    return ADMIT_ANSWERED;
}

static const struct http_route no_route = {
    .name = "none", .listeners = BOTH, .admit = nowhere, .refuse = refuse
};

static const struct http_route *
find_route(struct http_request *rq)
{
    for (size_t i = 0; i < COUNT(routes); i++)
        if (text_eq(rq->path, routes[i].name))
            return &routes[i];
    return &no_route;
}

void
fixture_cert(struct fixture *f, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *out = BIO_new(BIO_s_mem());
    unsigned char *der = NULL;
    char *text;
    long len;
    int der_len;

    assert_non_null(key);
    (void)X509_set_version(cert, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_set_pubkey(cert, key);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                     (const unsigned char *)name, -1, -1, 0);
    (void)X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(out, cert), 1);
    len = BIO_get_mem_data(out, &text);
    f->cert_pem = arena_text_n(f->s->arena, text, (size_t)len);
    der_len = i2d_X509(cert, &der);
    assert_true(der_len > 0);
    fixture_der = bytes_copy(f->s->arena, (struct bytes){ der, (size_t)der_len });
    OPENSSL_free(der);
    der = NULL;
    der_len = i2d_PrivateKey(key, &der);
    assert_true(der_len > 0);
    f->key = bytes_copy(f->s->arena, (struct bytes){ der, (size_t)der_len });
    OPENSSL_free(der);
    BIO_free(out);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void
fixture_open(struct fixture *f, const struct http_server_options *more)
{
    struct http_server_options o = more ? *more : (struct http_server_options){ 0 };

    *f = (struct fixture){ .s = scope_new("test") };
    fixture_cert(f, "one.example");
    o.https = "127.0.0.1:0";
    o.http = "127.0.0.1:0";
    o.route = find_route;
    assert_ok(f->s, http_server_new(f->s, &o, &f->server));
    assert_ok(f->s, http_server_tls(f->s, f->server, f->cert_pem, f->key, NULL));
    assert_ok(f->s, http_server_start(f->s, f->server));
    f->client = SSL_CTX_new(TLS_client_method());
    gate_set(false);
}

void
fixture_close(struct fixture *f)
{
    http_server_stop(f->server, 5000);
    SSL_CTX_free(f->client);
    scope_free(f->s);
}

void
peer_open(struct fixture *f, struct peer *c, int listener)
{
    const char *address = http_server_address(f->server, listener);
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct timeval wait = { .tv_sec = WAIT_MS / 1000 };

    to.sin_port = htons((uint16_t)strtol(strrchr(address, ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->ssl = NULL;
    c->len = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

void
peer_tls(struct fixture *f, struct peer *c)
{
    peer_open(f, c, ON_HTTPS);
    c->ssl = SSL_new(f->client);
    (void)SSL_set_fd(c->ssl, c->fd);
    assert_int_equal(SSL_connect(c->ssl), 1);
}

void
peer_close(struct peer *c)
{
    SSL_free(c->ssl);
    (void)close(c->fd);
}

void
peer_send(struct peer *c, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t put = c->ssl ? SSL_write(c->ssl, at, (int)len) : send(c->fd, at, len, MSG_NOSIGNAL);

        if (put <= 0)
            return; /* the server has closed; what it said is to be read */
        at += put;
        len -= (size_t)put;
    }
}

void
peer_say(struct peer *c, const char *text)
{
    peer_send(c, text, strlen(text));
}

bool
peer_hear(struct peer *c)
{
    size_t room = sizeof(c->data) - 1 - c->len;
    ssize_t got = c->ssl ? SSL_read(c->ssl, c->data + c->len, (int)room)
                         : recv(c->fd, c->data + c->len, room, 0);

    if (got <= 0)
        return false;
    c->len += (size_t)got;
    c->data[c->len] = '\0';
    return true;
}

int
peer_answer(struct peer *c, struct arena *a, bool has_body, const char **answer)
{
    char *end, *length;
    size_t total;

    c->data[c->len] = '\0';
    while (!(end = strstr(c->data, "\r\n\r\n")))
        if (!peer_hear(c))
            return 0;
    length = strstr(c->data, "Content-Length: ");
    total = (size_t)(end + 4 - c->data);
    if (has_body && length && length < end)
        total += (size_t)strtol(length + 16, NULL, 10);
    while (c->len < total)
        if (!peer_hear(c))
            return 0;
    *answer = arena_text_n(a, c->data, total);
    c->len -= total;
    memmove(c->data, c->data + total, c->len);
    return (int)strtol(*answer + 9, NULL, 10);
}

void
assert_peer_ended(struct peer *c)
{
    assert_int_equal(c->len, 0);
    assert_false(peer_hear(c));
}

void
assert_peer_hears(struct fixture *f, struct peer *c, int status, const char *part)
{
    const char *answer = "";
    int got = peer_answer(c, f->s->arena, true, &answer);

    if (got != status || !strstr(answer, part))
        fail_msg("answer %d, not %d with \"%s\": %s", got, status, part, answer);
}

void
peer_on(struct fixture *f, struct peer *c, int listener)
{
    if (listener == ON_HTTPS)
        peer_tls(f, c);
    else
        peer_open(f, c, listener);
}
