#include "base/test.h"

#include "net/server.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 10000
#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* What a test's routes do. */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static int gate_waiting;
static bool gate_open;

static void
gate_set(bool open)
{
    (void)pthread_mutex_lock(&gate_lock);
    gate_open = open;
    (void)pthread_cond_broadcast(&gate_moved);
    (void)pthread_mutex_unlock(&gate_lock);
}

/* Wait until N handlers stand before the gate. */
static void
gate_await(int n)
{
    (void)pthread_mutex_lock(&gate_lock);
    while (gate_waiting < n)
        (void)pthread_cond_wait(&gate_moved, &gate_lock);
    (void)pthread_mutex_unlock(&gate_lock);
}

static void
echo(struct http_request *rq)
{
    struct arena *a = rq->scope->arena;

    http_reply_header(rq, "X-Method", rq->method_sent);
    http_reply(rq, 200, "text/plain",
               bytes_of_text(arena_printf(a, "%s %s?%s %zu:%.*s", rq->method, rq->path, rq->query,
                                          rq->body.len, (int)MIN(rq->body.len, (size_t)64),
                                          rq->body.data ? (const char *)rq->body.data : "")));
}

static void
wait_at_gate(struct http_request *rq)
{
    (void)pthread_mutex_lock(&gate_lock);
    gate_waiting++;
    (void)pthread_cond_broadcast(&gate_moved);
    while (!gate_open)
        (void)pthread_cond_wait(&gate_moved, &gate_lock);
    gate_waiting--;
    (void)pthread_mutex_unlock(&gate_lock);
    echo(rq);
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

/* A server on loopback, with a certificate made for it. */

struct fixture {
    struct scope *s;
    struct http_server *server;
    char *cert_pem;
    struct bytes key;
    SSL_CTX *client;
};

static void
make_cert(struct fixture *f, const char *name)
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
    der_len = i2d_PrivateKey(key, &der);
    assert_true(der_len > 0);
    f->key = bytes_copy(f->s->arena, (struct bytes){ der, (size_t)der_len });
    OPENSSL_free(der);
    BIO_free(out);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void
fixture_open(struct fixture *f, const struct http_server_options *more)
{
    struct http_server_options o = more ? *more : (struct http_server_options){ 0 };

    *f = (struct fixture){ .s = scope_new("test") };
    make_cert(f, "one.example");
    o.https = "127.0.0.1:0";
    o.http = "127.0.0.1:0";
    o.route = find_route;
    assert_ok(f->s, http_server_new(f->s, &o, &f->server));
    assert_ok(f->s, http_server_tls(f->s, f->server, f->cert_pem, f->key));
    assert_ok(f->s, http_server_start(f->s, f->server));
    f->client = SSL_CTX_new(TLS_client_method());
    gate_set(false);
}

static void
fixture_close(struct fixture *f)
{
    http_server_stop(f->server, 5000);
    SSL_CTX_free(f->client);
    scope_free(f->s);
}
OWNED_VALUE(struct fixture, fixture_close);

/* A client. */

struct client {
    int fd;
    SSL *ssl;
    char data[64 * 1024];
    size_t len; /* read, not yet taken */
};

static void
client_open(struct fixture *f, struct client *c, int listener)
{
    const char *address = http_server_address(f->server, listener);
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct timeval wait = { .tv_sec = WAIT_MS / 1000 };

    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->ssl = NULL;
    c->len = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

static void
client_tls(struct fixture *f, struct client *c)
{
    client_open(f, c, ON_HTTPS);
    c->ssl = SSL_new(f->client);
    (void)SSL_set_fd(c->ssl, c->fd);
    assert_int_equal(SSL_connect(c->ssl), 1);
}

static void
client_close(struct client *c)
{
    SSL_free(c->ssl);
    (void)close(c->fd);
}
OWNED_VALUE(struct client, client_close);

static void
send_bytes(struct client *c, const void *data, size_t len)
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

static void
send_text(struct client *c, const char *text)
{
    send_bytes(c, text, strlen(text));
}

/* More bytes; false at the end. */
static bool
receive(struct client *c)
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

/* The status of the next answer; its whole text goes to ANSWER. 0 when the connection ends before
 * it. */
static int
next_answer(struct client *c, struct arena *a, bool has_body, const char **answer)
{
    char *end, *length;
    size_t total;

    c->data[c->len] = '\0';
    while (!(end = strstr(c->data, "\r\n\r\n")))
        if (!receive(c))
            return 0;
    length = strstr(c->data, "Content-Length: ");
    total = (size_t)(end + 4 - c->data);
    if (has_body && length && length < end)
        total += (size_t)atoi(length + 16);
    while (c->len < total)
        if (!receive(c))
            return 0;
    *answer = arena_text_n(a, c->data, total);
    c->len -= total;
    memmove(c->data, c->data + total, c->len);
    return atoi(*answer + 9);
}

/* The connection ends without another byte. */
static void
assert_ended(struct client *c)
{
    assert_int_equal(c->len, 0);
    assert_false(receive(c));
}

static void
assert_answer(struct fixture *f, struct client *c, int status, const char *part)
{
    const char *answer = "";
    int got = next_answer(c, f->s->arena, true, &answer);

    if (got != status || !strstr(answer, part))
        fail_msg("answer %d, not %d with \"%s\": %s", got, status, part, answer);
}

static const int listeners[] = { ON_HTTP, ON_HTTPS };

static void
client_on(struct fixture *f, struct client *c, int listener)
{
    if (listener == ON_HTTPS)
        client_tls(f, c);
    else
        client_open(f, c, listener);
}

TEST(requests_on_one_connection_are_answered_in_turn)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(client_close) struct client c;

        client_on(&f, &c, listeners[i]);
        for (int turn = 0; turn < 3; turn++) {
            send_text(&c, GET("/echo?a=b"));
            assert_answer(&f, &c, 200, "GET /echo?a=b 0:");
            send_text(&c, "Put /work HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
            assert_answer(&f, &c, 200, "X-Method: Put\r\n");
            send_text(&c, "POST /work HTTP/1.1\r\n" HOST
                          "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
            assert_answer(&f, &c, 200, "POST /work? 5:abcde");
            send_text(&c, "GET /work HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nnull");
            assert_answer(&f, &c, 200, "GET /work? 4:null");
        }
    }
}

TEST(pipelined_requests_are_answered_in_order)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(client_close) struct client c;

        client_on(&f, &c, listeners[i]);
        for (int n = 0; n < 100; n++) {
            AUTO(arena_free) struct arena *a = arena_new();

            send_text(&c,
                      arena_printf(a,
                                   "POST /work?%d HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
                                   "GET /echo?%d HTTP/1.1\r\n" HOST "\r\n",
                                   n, n));
        }
        for (int n = 0; n < 100; n++) {
            AUTO(arena_free) struct arena *a = arena_new();

            assert_answer(&f, &c, 200, arena_printf(a, "POST /work?%d 2:ab", n));
            assert_answer(&f, &c, 200, arena_printf(a, "GET /echo?%d 0:", n));
        }
    }
}

TEST(every_byte_may_come_alone)
{
    static const char text[] = "POST /work HTTP/1.1\r\n" HOST
                               "Transfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n";
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(client_close) struct client c;

        client_on(&f, &c, listeners[i]);
        for (size_t at = 0; at < sizeof(text) - 1; at++)
            send_bytes(&c, text + at, 1);
        assert_answer(&f, &c, 200, "3:abc");
    }
}

TEST(ambiguous_requests_are_refused_once_and_the_connection_ends)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400 },
        { "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" GET("/echo"),
          400 },
        { "GET /echo HTTP/1.1\r\n\r\n" GET("/echo"), 400 },
        { "GET /echo HTTP/2.0\r\n" HOST "\r\n" GET("/echo"), 505 },
        { "G@T /echo HTTP/1.1\r\n" HOST "\r\n" GET("/echo"), 400 },
        { "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 999999999999\r\n\r\n", 413 },
        { "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffff\r\n", 413 },
    };
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < COUNT(listeners); k++) {
            AUTO(client_close) struct client c;

            client_on(&f, &c, listeners[k]);
            send_text(&c, GET("/echo"));
            send_text(&c, cases[i].text);
            assert_answer(&f, &c, 200, "GET /echo");
            assert_answer(&f, &c, cases[i].want, "Connection: close\r\n");
            assert_ended(&c);
        }
}

TEST(a_megabyte_of_head_is_refused_while_it_comes)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client c;
    char part[1024];

    fixture_open(&f, NULL);
    client_open(&f, &c, ON_HTTP);
    memset(part, 'a', sizeof(part));
    send_text(&c, "GET /echo HTTP/1.1\r\n" HOST "X: ");
    for (int i = 0; i < 1024; i++)
        send_bytes(&c, part, sizeof(part));
    assert_answer(&f, &c, 431, "too large");
    assert_ended(&c);
}

TEST(head_has_no_body_and_close_is_heard)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client c;
    const char *answer = "";

    fixture_open(&f, NULL);
    client_open(&f, &c, ON_HTTP);
    send_text(&c, "HEAD /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(next_answer(&c, f.s->arena, false, &answer), 200);
    assert_non_null(strstr(answer, "Content-Length: 14\r\n"));
    assert_non_null(strstr(answer, "Date: "));
    assert_non_null(strstr(answer, "X-Request-Id: 0"));
    send_text(&c, "GET /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_answer(&f, &c, 200, "Connection: close\r\n");
    assert_ended(&c);
}

TEST(http_1_0_is_served_and_closed)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client c;

    fixture_open(&f, NULL);
    client_open(&f, &c, ON_HTTP);
    send_text(&c, "GET /work HTTP/1.0\r\n\r\n");
    assert_answer(&f, &c, 200, "Connection: close\r\n");
    assert_ended(&c);
}

TEST(a_login_is_asked_for_before_the_body_and_the_connection_kept)
{
    static const char *const paths[] = { "/login", "/ask", "/asks-loop" };
    AUTO(fixture_close) struct fixture f;
    char *body;

    fixture_open(&f, NULL);
    body = arena_alloc(f.s->arena, 60001);
    memset(body, 'b', 60000);
    for (size_t i = 0; i < COUNT(paths); i++) {
        AUTO(client_close) struct client c;

        client_on(&f, &c, listeners[i % 2]);
        send_text(&c, arena_printf(f.s->arena,
                                   "POST %s HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n",
                                   paths[i]));
        assert_answer(&f, &c, 401, "WWW-Authenticate: Basic");
        send_text(&c, body); /* it comes after the answer, and is no request */
        send_text(&c, arena_printf(f.s->arena,
                                   "POST %s HTTP/1.1\r\n" HOST
                                   "Authorization: x\r\nContent-Length: 60000\r\n\r\n",
                                   paths[i]));
        send_text(&c, body);
        assert_answer(&f, &c, 200, "60000:bbb");
        send_text(&c, arena_printf(f.s->arena,
                                   "POST %s HTTP/1.1\r\n" HOST
                                   "Transfer-Encoding: chunked\r\n\r\n4\r\nbbbb\r\n",
                                   paths[i]));
        assert_answer(&f, &c, 401, "who?");
        send_text(&c, "0\r\n\r\n" GET("/echo"));
        assert_answer(&f, &c, 200, "GET /echo");
    }
}

TEST(an_unwanted_body_that_is_large_ends_the_connection)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client c;

    fixture_open(&f, NULL);
    client_open(&f, &c, ON_HTTP);
    send_text(&c, "POST /login HTTP/1.1\r\n" HOST "Content-Length: 70000\r\n\r\n");
    assert_answer(&f, &c, 401, "Connection: close\r\n");
    assert_ended(&c);
}

TEST(a_chunked_body_that_nobody_wants_is_drained_only_so_far)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client c;
    char *chunk;

    fixture_open(&f, NULL);
    client_open(&f, &c, ON_HTTP);
    chunk = arena_printf(f.s->arena, "2000\r\n%08192d\r\n", 0);
    send_text(&c, "POST /login HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    assert_answer(&f, &c, 401, "who?");
    for (int i = 0; i < 20; i++)
        send_text(&c, chunk);
    assert_ended(&c);
}

TEST(an_expectation_is_met_after_admission)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(client_close) struct client c;
        const char *answer = "";

        client_on(&f, &c, listeners[i]);
        send_text(&c, "POST /ask HTTP/1.1\r\n" HOST "Authorization: x\r\nExpect: 100-continue\r\n"
                      "Content-Length: 5\r\n\r\n");
        assert_int_equal(next_answer(&c, f.s->arena, false, &answer), 100);
        send_text(&c, "hello");
        assert_answer(&f, &c, 200, "5:hello");
        send_text(&c, "POST /ask HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                      "Content-Length: 5\r\n\r\n");
        assert_answer(&f, &c, 401, "Connection: close\r\n"); /* and no 100 before */
        assert_ended(&c);
    }
}

TEST(a_body_may_be_large_but_not_larger_than_its_route_allows)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client c;
    char *body;

    fixture_open(&f, NULL);
    client_tls(&f, &c);
    body = arena_alloc(f.s->arena, 5000001);
    memset(body, 'b', 5000000);
    send_text(&c, "POST /work HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\n");
    send_text(&c, body);
    assert_answer(&f, &c, 200, "5000000:bbb");
    send_text(&c, "POST /work HTTP/1.1\r\n" HOST "Content-Length: 9000000\r\n\r\n");
    assert_answer(&f, &c, 413, "Connection: close\r\n");
    assert_ended(&c);
}

TEST(unknown_paths_and_listeners_and_silent_handlers_have_answers)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client c;

    fixture_open(&f, NULL);
    client_open(&f, &c, ON_HTTP);
    send_text(&c, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    assert_answer(&f, &c, 404, "nowhere");
    send_text(&c, GET("/secure"));
    assert_answer(&f, &c, 404, "CHY-0302");
    send_text(&c, GET("/silent"));
    assert_answer(&f, &c, 500, "internal error");
    send_text(&c, GET("/twice"));
    assert_answer(&f, &c, 200, "first");
    send_text(&c, GET("/echo"));
    assert_answer(&f, &c, 200, "GET /echo");
}

TEST(a_large_answer_arrives_whole_and_a_reader_that_sleeps_is_cut_off)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, &(struct http_server_options){ .write_ms = 300 });
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(client_close) struct client c;
        AUTO(client_close) struct client sleeper;
        size_t total = 0;

        client_on(&f, &sleeper, listeners[i]);
        send_text(&sleeper, GET("/large"));
        client_on(&f, &c, listeners[i]);
        send_text(&c, GET("/large"));
        while (total < (8 << 20) && receive(&c)) {
            total += c.len;
            c.len = 0;
        }
        assert_true(total > (8 << 20));
        total = 0;
        (void)poll(NULL, 0, 1000);
        while (receive(&sleeper)) {
            total += sleeper.len;
            sleeper.len = 0;
        }
        assert_true(total < (8 << 20));
    }
}

TEST(slow_heads_bodies_and_handshakes_have_an_end)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client head;
    AUTO(client_close) struct client body;
    AUTO(client_close) struct client idle;
    AUTO(client_close) struct client shake;

    fixture_open(&f, &(struct http_server_options){
                         .head_ms = 200, .body_ms = 200, .idle_ms = 200, .handshake_ms = 200 });
    client_open(&f, &head, ON_HTTP);
    send_text(&head, "GET /echo HTTP/1.1\r\nHo");
    client_open(&f, &body, ON_HTTP);
    send_text(&body, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhe");
    client_open(&f, &idle, ON_HTTP);
    send_text(&idle, GET("/echo"));
    client_open(&f, &shake, ON_HTTPS);
    send_bytes(&shake, "\x16\x03\x01", 3);
    assert_answer(&f, &head, 408, "in time");
    assert_ended(&head);
    assert_answer(&f, &body, 408, "in time");
    assert_ended(&body);
    assert_answer(&f, &idle, 200, "GET /echo");
    assert_ended(&idle);
    assert_ended(&shake);
}

TEST(a_full_queue_answers_503_and_other_pools_go_on)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client served;
    AUTO(client_close) struct client queued;
    AUTO(client_close) struct client over;

    fixture_open(&f, &(struct http_server_options){ .workers = { [POOL_MAIN] = 1, [POOL_SLOW] = 1 },
                                                    .queue_max = 1 });
    client_open(&f, &served, ON_HTTP);
    client_open(&f, &queued, ON_HTTP);
    client_open(&f, &over, ON_HTTP);
    send_text(&served, GET("/gate"));
    gate_await(1);
    send_text(&queued, GET("/gate"));
    send_text(&over, GET("/echo")); /* after its answer the loop has seen what came before */
    assert_answer(&f, &over, 200, "GET /echo");
    send_text(&over, GET("/work"));
    assert_answer(&f, &over, 503, "Retry-After: 1\r\n");
    send_text(&over, GET("/slow"));
    gate_await(2);
    gate_set(true);
    assert_answer(&f, &over, 200, "GET /slow");
    assert_answer(&f, &served, 200, "GET /gate");
    assert_answer(&f, &queued, 200, "GET /gate");
    send_text(&over, GET("/work"));
    assert_answer(&f, &over, 200, "GET /work");
}

static void *
stop_server(void *arg)
{
    http_server_stop(arg, 5000);
    return NULL;
}

TEST(stopping_finishes_what_was_accepted_and_takes_nothing_new)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client busy;
    AUTO(client_close) struct client idle;
    AUTO(client_close) struct client half;
    pthread_t stopper;

    fixture_open(&f, NULL);
    client_tls(&f, &busy);
    client_open(&f, &idle, ON_HTTP);
    client_open(&f, &half, ON_HTTP);
    send_text(&idle, GET("/echo"));
    assert_answer(&f, &idle, 200, "GET /echo");
    send_text(&half, GET("/echo") "GET /work HTTP/1.1\r\nHost:");
    assert_answer(&f, &half, 200, "GET /echo");
    send_text(&busy, GET("/gate"));
    gate_await(1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, f.server), 0);
    assert_ended(&idle);
    send_text(&half, " a\r\n\r\n");
    assert_answer(&f, &half, 200, "Connection: close\r\n");
    assert_ended(&half);
    gate_set(true);
    assert_answer(&f, &busy, 200, "Connection: close\r\n");
    assert_ended(&busy);
    (void)pthread_join(stopper, NULL);
    f.server = NULL;
}

TEST(stopping_waits_no_longer_than_told)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client half;

    fixture_open(&f, NULL);
    client_open(&f, &half, ON_HTTP);
    send_text(&half, GET("/echo") "GET /echo HTTP/1.1\r\n");
    assert_answer(&f, &half, 200, "GET /echo");
    http_server_stop(f.server, 50);
    f.server = NULL;
    assert_ended(&half);
}

TEST(connections_of_one_address_have_a_limit)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client one;
    AUTO(client_close) struct client two;
    AUTO(client_close) struct client three;

    fixture_open(&f, &(struct http_server_options){ .conns_per_address = 2 });
    client_open(&f, &one, ON_HTTP);
    client_open(&f, &two, ON_HTTP);
    client_open(&f, &three, ON_HTTP);
    assert_ended(&three);
    send_text(&one, GET("/echo"));
    assert_answer(&f, &one, 200, "GET /echo");
    send_text(&two, GET("/echo"));
    assert_answer(&f, &two, 200, "GET /echo");
}

TEST(a_new_certificate_serves_new_connections)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client before;
    AUTO(client_close) struct client after;
    char name[64];

    fixture_open(&f, NULL);
    client_tls(&f, &before);
    make_cert(&f, "two.example");
    assert_ok(f.s, http_server_tls(f.s, f.server, f.cert_pem, f.key));
    client_tls(&f, &after);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(after.ssl)),
                                    NID_commonName, name, sizeof(name));
    assert_string_equal(name, "two.example");
    send_text(&before, GET("/echo"));
    assert_answer(&f, &before, 200, "GET /echo");
    send_text(&after, GET("/echo"));
    assert_answer(&f, &after, 200, "GET /echo");
}

TEST(a_key_of_another_certificate_is_refused)
{
    AUTO(fixture_close) struct fixture f;
    struct bytes key;

    fixture_open(&f, NULL);
    key = f.key;
    make_cert(&f, "two.example");
    assert_err(E_INVALID, http_server_tls(f.s, f.server, f.cert_pem, key));
    assert_err(E_INVALID, http_server_tls(f.s, f.server, "no PEM", f.key));
    assert_err(E_INVALID, http_server_tls(f.s, f.server, f.cert_pem, BYTES("no key")));
}

TEST(tls_1_1_and_old_ciphers_find_no_ear)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client c;

    fixture_open(&f, NULL);
    SSL_CTX_set_security_level(f.client, 0);
    (void)SSL_CTX_set_min_proto_version(f.client, TLS1_VERSION);
    (void)SSL_CTX_set_max_proto_version(f.client, TLS1_1_VERSION);
    client_open(&f, &c, ON_HTTPS);
    c.ssl = SSL_new(f.client);
    (void)SSL_set_fd(c.ssl, c.fd);
    assert_int_not_equal(SSL_connect(c.ssl), 1);
    ERR_clear_error();
}

TEST(sessions_resume_and_outlive_a_new_certificate)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(client_close) struct client first;
    AUTO(client_close) struct client second;
    SSL_SESSION *session;

    fixture_open(&f, NULL);
    (void)SSL_CTX_set_max_proto_version(f.client, TLS1_2_VERSION);
    client_tls(&f, &first);
    session = SSL_get1_session(first.ssl);
    make_cert(&f, "two.example");
    assert_ok(f.s, http_server_tls(f.s, f.server, f.cert_pem, f.key));
    client_open(&f, &second, ON_HTTPS);
    second.ssl = SSL_new(f.client);
    (void)SSL_set_fd(second.ssl, second.fd);
    (void)SSL_set_session(second.ssl, session);
    assert_int_equal(SSL_connect(second.ssl), 1);
    assert_int_equal(SSL_session_reused(second.ssl), 1);
    SSL_SESSION_free(session);
    send_text(&second, GET("/echo"));
    assert_answer(&f, &second, 200, "GET /echo");
}

TEST(several_loops_share_the_connections)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, &(struct http_server_options){ .loops = 3 });
    for (size_t i = 0; i < 12; i++) {
        AUTO(client_close) struct client c;

        client_on(&f, &c, listeners[i % 2]);
        send_text(&c, GET("/work"));
        assert_answer(&f, &c, 200, "GET /work");
    }
}
