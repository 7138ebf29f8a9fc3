/* What the listener shows the doctor. */
#include "server/doctor_in.h"

#include "base/file.h"
#include "pki/cert.h"

#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WAIT_S 3

OWNED(SSL_CTX, SSL_CTX_free);
OWNED(SSL, SSL_free);

/** Where a client on this machine finds the listener. */
static const char *
address_of(struct doctor *d)
{
    const char *set = d->set->listen->https,
               *kept = installation_path(d->s->arena, d->set, "https.address");
    struct bytes text;
    const char *port;

    if (text_empty(set))
        return NULL;
    if (text_ends(set, ":0")) {
        if (file_read(d->s, kept, 256, &text) != OK) {
            scope_clear(d->s);
            return NULL;
        }
        set = text_trim(d->s->arena, (const char *)text.data);
    }
    port = strrchr(set, ':');
    if (port && (text_starts(set, "0.0.0.0:") || port == set))
        return arena_printf(d->s->arena, "127.0.0.1%s", port);
    if (port && text_starts(set, "[::]:"))
        return arena_printf(d->s->arena, "[::1]%s", port);
    return set;
}

/** A connection to ADDRESS, host:port, that waits for nothing longer than WAIT_S; -1: none. */
static int
call(const char *address)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    struct timeval wait = { .tv_sec = WAIT_S };
    const char *colon = strrchr(address, ':');
    char host[256];
    int fd = -1;

    (void)snprintf(host, sizeof(host), "%.*s", (int)(colon ? colon - address : 0), address);
    if (*host == '[' && text_ends(host, "]")) {
        host[strlen(host) - 1] = '\0';
        memmove(host, host + 1, strlen(host));
    }
    if (!colon || getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -1;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
                    connect(fd, found->ai_addr, found->ai_addrlen) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static void
keep_certificate(SSL *ssl, struct bytes *der, struct arena *a)
{
    AUTO(X509_free) X509 *cert = SSL_get1_peer_certificate(ssl);
    unsigned char *out = NULL;
    int len = cert ? i2d_X509(cert, &out) : 0;

    if (len > 0 && !der->data)
        *der = bytes_copy(a, (struct bytes){ out, (size_t)len });
    OPENSSL_free(out);
}

/** One handshake with this version alone; any certificate will do. */
static bool
greets(const char *address, int version, struct bytes *der, struct arena *a)
{
    AUTO(SSL_CTX_free) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    AUTO(SSL_free) SSL *ssl = NULL;
    int fd = call(address);
    bool done = false;

    if (fd < 0)
        return false;
    SSL_CTX_set_security_level(ctx, 0);
    (void)SSL_CTX_set_min_proto_version(ctx, version);
    (void)SSL_CTX_set_max_proto_version(ctx, version);
    ssl = SSL_new(ctx);
    if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1) {
        keep_certificate(ssl, der, a);
        (void)SSL_shutdown(ssl);
        done = true;
    }
    (void)close(fd);
    return done;
}

static void
check_end(struct doctor *d, struct bytes der)
{
    struct when now = clock_now();
    struct cert cert;

    if (cert_read(d->s, der, &cert) != OK) {
        finding_failed(d, d->s, "TLS", "look at listen.certificate");
        return;
    }
    if (when_cmp(cert.not_after, now) < 0 || when_cmp(cert.not_before, now) > 0)
        finding(d, "TLS", FINDING_FAIL,
                "replace the file of listen.certificate and reload; without one the server makes "
                "its own at the start",
                "the server's certificate is good from %s to %s",
                when_rfc3339(d->s->arena, cert.not_before),
                when_rfc3339(d->s->arena, cert.not_after));
    else if (cert.not_after.ms - now.ms < 7 * DAY_MS)
        finding(d, "TLS", FINDING_WARN,
                "replace the file of listen.certificate and reload; one of its own the server "
                "should have renewed: its log says why not",
                "the server's certificate ends %s", when_rfc3339(d->s->arena, cert.not_after));
    else
        finding(d, "TLS", FINDING_FINE, NULL, "the server's certificate holds until %s",
                when_rfc3339(d->s->arena, cert.not_after));
}

void
check_listener(struct doctor *d)
{
    static const struct {
        int version;
        const char *name;
        bool old;
    } versions[] = { { TLS1_3_VERSION, "1.3", false },
                     { TLS1_2_VERSION, "1.2", false },
                     { TLS1_1_VERSION, "1.1", true },
                     { TLS1_VERSION, "1.0", true } };
    const char *address = address_of(d), *served = "";
    struct bytes der = { 0 };
    bool old = false;

    if (!address) {
        finding(d, "listener", FINDING_WARN, "start the server",
                "nobody knows yet where the server will listen");
        return;
    }
    for (size_t i = 0; i < COUNT(versions); i++) {
        if (!greets(address, versions[i].version, &der, d->s->arena)) {
            if (i == 1 && !*served)
                break;
            continue;
        }
        served = arena_printf(d->s->arena, "%s%s%s", served, *served ? ", " : "", versions[i].name);
        old = old || versions[i].old;
    }
    if (!*served) {
        finding(d, "listener", FINDING_WARN,
                "start the server (systemctl start chancery); if it runs, look at listen.https and "
                "the firewall",
                "nobody answers at %s", address);
        return;
    }
    finding(d, "listener", old ? FINDING_FAIL : FINDING_FINE,
            old ? "another program answers there" : NULL, "%s answers, with TLS %s", address,
            served);
    check_end(d, der);
}
