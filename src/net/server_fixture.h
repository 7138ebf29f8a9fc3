/** Fixture of the server's tests: a server on loopback with routes of every kind, and a client that
 * says any bytes. */
#ifndef NET_SERVER_FIXTURE_H
#define NET_SERVER_FIXTURE_H

#include "base/test.h"

#include "net/server.h"
#include <openssl/ssl.h>

#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static const int listeners[] = { ON_HTTP, ON_HTTPS };

/**
 * A server. Its routes: /echo on the loop and /work on a worker say what they got; /gate and /slow
 * (of another pool) wait for gate_set(true); /login, /ask and /asks-loop want an Authorization
 * field; /large is 8 MiB; /twice replies twice, /silent never; /secure is on HTTPS alone.
 */
struct fixture {
    struct scope *s;
    struct http_server *server; /* NULL once a test has stopped it */
    char *cert_pem;
    struct bytes key;
    SSL_CTX *client;
};

/** Start it, with options MORE or none. */
void fixture_open(struct fixture *f, const struct http_server_options *more);
void fixture_close(struct fixture *f);
OWNED_VALUE(struct fixture, fixture_close);
/** Make a fresh key and a certificate of that name: f->cert_pem and f->key. */
void fixture_cert(struct fixture *f, const char *name);

/** Open or close the gate. */
void gate_set(bool open);
/** Wait until N handlers stand before it. */
void gate_await(int n);

/** A client. */
struct peer {
    int fd;
    SSL *ssl;
    char data[64 * 1024];
    size_t len; /* heard, not yet taken */
};

/** Connect to a listener, without TLS. */
void peer_open(struct fixture *f, struct peer *c, int listener);
/** Connect by TLS. */
void peer_tls(struct fixture *f, struct peer *c);
/** Connect as the listener wants it. */
void peer_on(struct fixture *f, struct peer *c, int listener);
void peer_close(struct peer *c);
OWNED_VALUE(struct peer, peer_close);
void peer_send(struct peer *c, const void *data, size_t len);
void peer_say(struct peer *c, const char *text);
/** More bytes; false at the end. */
bool peer_hear(struct peer *c);
/** The status of the next answer, whose text goes to ANSWER; 0 when the connection ends before it.
 */
int peer_answer(struct peer *c, struct arena *a, bool has_body, const char **answer);
/** The next answer has this status and holds PART. */
void assert_peer_hears(struct fixture *f, struct peer *c, int status, const char *part);
/** The connection ends without another byte. */
void assert_peer_ended(struct peer *c);

#endif
