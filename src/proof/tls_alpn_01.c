/* tls-alpn-01 (RFC 8737, RFC 8738): a handshake that shows a certificate made for it. */
#include "pki/hash.h"
#include "pki/name.h"
#include "proof/alpn_cert.h"
#include "proof/dns_label.h"
#include "proof/run.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>

OWNED(SSL_CTX, SSL_CTX_free);
OWNED(SSL, SSL_free);
OWNED(X509, X509_free);

static const uint8_t offer[] = "\012acme-tls/1";

/** Wait until the handshake can go on; false when the time is up. */
static bool
wait_for(int fd, int what, int64_t until_ms)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = what == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT };
        int64_t left = until_ms - clock_mono_ms();

        if (left <= 0 || reach_stopping())
            return false;
        if (poll(&p, 1, (int)MIN(left, 250)) > 0)
            return true;
    }
}

/** NULL when the handshake is done; else what went wrong, in one word of *PROBLEM. */
static const char *
shake_hands(struct run *r, SSL *ssl, int fd, const char **problem)
{
    int64_t until = clock_mono_ms() + MIN(r->p->o.tls_timeout, run_left_ms(r));

    ERR_clear_error();
    for (;;) {
        int n = SSL_connect(ssl), what = SSL_get_error(ssl, n);
        const char *reason;

        if (n == 1)
            return NULL;
        if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
            if (wait_for(fd, what, until))
                continue;
            *problem = "connection";
            return "no complete handshake in time";
        }
        *problem = what == SSL_ERROR_SSL ? "tls" : "connection";
        reason = what == SSL_ERROR_SSL ? ERR_reason_error_string(ERR_peek_error()) : NULL;
        ERR_clear_error();
        if (what == SSL_ERROR_SSL)
            return reason ? arena_printf(r->s->arena, "the TLS handshake failed: %s", reason)
                          : "the TLS handshake failed";
        return "the connection broke during the handshake";
    }
}

static SSL *
ssl_for(SSL_CTX *ctx, int fd, const char *sni)
{
    SSL *ssl;

    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* alpn_cert_problem() says what matters */
    ssl = SSL_new(ctx);
    if (ssl && SSL_set_alpn_protos(ssl, offer, sizeof(offer) - 1) == 0 &&
        SSL_set_tlsext_host_name(ssl, sni) == 1 && SSL_set_fd(ssl, fd) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

static enum err
judge(struct run *r, SSL *ssl, struct bytes ip)
{
    AUTO(X509_free) X509 *leaf = SSL_get1_peer_certificate(ssl);
    uint8_t digest[SHA256_LEN];
    struct alpn_cert_rules rules = { .name = ip.len ? NULL : r->q->value,
                                     .ip = ip,
                                     .digest = { digest, sizeof(digest) } };
    const uint8_t *alpn = NULL;
    unsigned alpn_len = 0;
    const char *why;

    hash_sha256(bytes_of_text(r->q->key_authorization), digest);
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
    if (alpn_len != sizeof(offer) - 2 || memcmp(alpn, offer + 1, alpn_len) != 0)
        why = "the server did not choose the protocol acme-tls/1";
    else if (!leaf)
        why = "the server has no certificate";
    else
        why = alpn_cert_problem(&rules, leaf);
    if (!why)
        return OK;
    return run_refuse(r, "incorrectResponse", "%s%s", leaf && alpn_len ? "the certificate: " : "",
                      why);
}

static enum err
talk(struct run *r, int fd, struct bytes ip)
{
    AUTO(SSL_CTX_free) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    const char *sni = ip.len ? dns_reverse_name(r->s->arena, ip) : r->q->value;
    AUTO(SSL_free) SSL *ssl = ssl_for(ctx, fd, sni);
    const char *why, *problem = NULL;
    int64_t began = clock_mono_ms();
    enum err e;

    if (!ssl || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        ERR_clear_error();
        return fail(r->s, E_INTERNAL, "TLS cannot start");
    }
    why = shake_hands(r, ssl, fd, &problem);
    run_step_begin(r, "tls");
    run_step_text(r, "server_name", sni);
    run_step_text(r, "version", why ? NULL : SSL_get_version(ssl));
    run_step_text(r, "why", why);
    run_step_int(r, "ms", clock_mono_ms() - began);
    run_step_end(r);
    if (why)
        return run_refuse(r, problem, "%s port %d: %s", r->out->address, (int)r->p->o.tls_port,
                          why);
    e = judge(r, ssl, ip);
    (void)SSL_shutdown(ssl);
    ERR_clear_error();
    return e;
}

enum err
prove_tls_alpn_01(struct run *r)
{
    int port = (int)r->p->o.tls_port, fd = -1;
    const struct target *target = NULL;
    struct bytes ip = { 0 };
    enum err e;

    if (text_eq(r->q->type, "ip") && !ip_parse(r->s->arena, r->q->value, &ip))
        return fail(r->s, E_INVALID, "\"%s\" is no IP address", r->q->value);
    TRY(run_connect(r, r->q->value, port, &target, &fd));
    if (run_refused(r))
        return OK;
    e = talk(r, fd, ip);
    run_disconnect(target, fd);
    return e;
}
