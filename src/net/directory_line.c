/* Resolving, connecting, TLS, and bytes with a deadline. */
#include "net/directory_in.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESSES_MAX 8

OWNED(struct addrinfo, freeaddrinfo);

int64_t
line_until(const struct scope *s, int64_t ms)
{
    return MIN(s->deadline_ms, clock_mono_ms() + ms);
}

/** Wait for EVENTS; false with errno when the time is up. */
static bool
line_wait(const struct line *line, short events)
{
    struct pollfd fd = { .fd = line->wire.fd, .events = events };

    for (;;) {
        int64_t left = line->until_ms - clock_mono_ms();
        int got = left > 0 ? poll(&fd, 1, (int)MIN(left, INT64_C(600000))) : 0;

        if (got > 0)
            return true;
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = ETIMEDOUT;
        return false;
    }
}

/* ---- resolving and connecting */

static const char *
address_text(struct scope *s, const struct addrinfo *a)
{
    char host[64] = "", port[16] = "";

    if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "?";
    return arena_printf(s->arena, a->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static enum err
resolve(struct scope *s, const struct directory_address *to, struct addrinfo **out)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    int got = getaddrinfo(to->host, to->port, &hints, out);

    if (got == EAI_FAMILY || got == EAI_NONAME) { /* AI_ADDRCONFIG hides a host that has loopback
                                                     alone */
        hints.ai_flags = 0;
        got = getaddrinfo(to->host, to->port, &hints, out);
    }
    return got == 0
               ? OK
               : fail(s, E_UNAVAILABLE, "%s cannot be resolved: %s", to->host, gai_strerror(got));
}

static const char *
addresses_text(struct scope *s, const struct addrinfo *all)
{
    const char *text = NULL;

    for (const struct addrinfo *a = all; a; a = a->ai_next)
        text =
            text ? arena_printf(s->arena, "%s, %s", text, address_text(s, a)) : address_text(s, a);
    return text;
}

/** Connect to one address: 0, or what is wrong as errno. */
static int
connect_to(struct line *line, const struct addrinfo *a)
{
    int wrong = 0;
    socklen_t len = sizeof wrong;

    line->wire =
        (struct wire){ .fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                    a->ai_protocol) };
    if (line->wire.fd < 0)
        return errno;
    if (connect(line->wire.fd, a->ai_addr, a->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS || !line_wait(line, POLLOUT) ||
        getsockopt(line->wire.fd, SOL_SOCKET, SO_ERROR, &wrong, &len) != 0)
        wrong = errno;
    if (wrong)
        wire_close(&line->wire);
    return wrong;
}

/** Each address in its turn has an equal part of the time that is left. */
static enum err
connect_any(struct scope *s, struct line *line, const struct addrinfo *all, const char **where)
{
    int64_t until_ms = line->until_ms;
    int count = 0, wrong = EADDRNOTAVAIL;

    for (const struct addrinfo *a = all; a && count < ADDRESSES_MAX; a = a->ai_next)
        count++;
    for (const struct addrinfo *a = all; a && count > 0; a = a->ai_next, count--) {
        int64_t now = clock_mono_ms();

        *where = address_text(s, a);
        line->until_ms = now + (until_ms - now) / count;
        wrong = connect_to(line, a);
        line->until_ms = until_ms;
        if (wrong == 0)
            return OK;
    }
    return fail(s, wrong == ETIMEDOUT ? E_TIMEOUT : E_UNAVAILABLE, "%s does not answer: %s",
                *where ? *where : "no address", strerror(wrong));
}

enum err
line_connect(struct scope *s, struct line *line, const struct directory_address *to,
             struct list *steps)
{
    AUTO(freeaddrinfo) struct addrinfo *all = NULL;
    int64_t from_ms = clock_mono_ms();
    const char *where = NULL;
    enum err e;

    line->wire = (struct wire){ .fd = -1 };
    e = resolve(s, to, &all);
    TRY(directory_step_add(s, steps, "resolve", e, from_ms,
                           e == OK ? addresses_text(s, all) : NULL));
    from_ms = clock_mono_ms();
    e = connect_any(s, line, all, &where);
    return directory_step_add(s, steps, "connect", e, from_ms, where);
}

/* ---- TLS */

static bool
is_address(const char *host)
{
    uint8_t room[16];

    return inet_pton(AF_INET, host, room) == 1 || inet_pton(AF_INET6, host, room) == 1;
}

/** The certificate has to name HOST, in its subject alternative names (RFC 6125 section 6.4.4). */
static bool
expect(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, host) == 1;
}

static enum err
handshake(struct scope *s, struct line *line, const char *host)
{
    ssize_t got;
    long verified;

    while ((got = wire_handshake(&line->wire)) < 0) {
        if (got == WIRE_BROKEN)
            break;
        if (!line_wait(line, got == WIRE_WANT_READ ? POLLIN : POLLOUT))
            return fail(s, E_TIMEOUT, "the TLS handshake with %s takes too long", host);
    }
    verified = SSL_get_verify_result(line->wire.ssl);
    if (verified != X509_V_OK)
        return fail(s, E_UNAVAILABLE, "the certificate of %s is refused: %s", host,
                    X509_verify_cert_error_string(verified));
    if (got != 1)
        return fail(s, E_UNAVAILABLE, "the TLS handshake with %s failed", host);
    return OK;
}

static const char *
tls_text(struct scope *s, const SSL *ssl)
{
    const X509 *cert = SSL_get0_peer_certificate(ssl);
    char name[256] = "", end[32] = "";
    struct tm tm;

    if (cert) {
        (void)X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof name);
        if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1)
            (void)strftime(end, sizeof end, "%Y-%m-%d", &tm);
    }
    return arena_printf(s->arena, "%s, %s, certificate of %s until %s", SSL_get_version(ssl),
                        SSL_get_cipher_name(ssl), name, end);
}

enum err
line_tls(struct scope *s, struct line *line, const struct directory_address *to, SSL_CTX *trust,
         struct list *steps)
{
    int64_t from_ms = clock_mono_ms();
    SSL *ssl = SSL_new(trust);
    enum err e;

    line->wire.ssl = ssl;
    if (!ssl || SSL_set_fd(ssl, line->wire.fd) != 1 || !expect(ssl, to->host)) {
        ERR_clear_error();
        e = fail(s, E_INVALID, "TLS cannot be spoken with a host named \"%s\"", to->host);
    } else {
        SSL_set_connect_state(ssl);
        e = handshake(s, line, to->host);
    }
    return directory_step_add(s, steps, "tls", e, from_ms, e == OK ? tls_text(s, ssl) : NULL);
}

/* ---- bytes */

/** What to return for an answer of wire.h, after having waited; *AGAIN: ask once more. */
static ssize_t
line_answer(struct line *line, ssize_t got, bool *again)
{
    *again = false;
    if (got >= 0)
        return got;
    if (got == WIRE_BROKEN) {
        errno = ECONNRESET;
        return -1;
    }
    *again = line_wait(line, got == WIRE_WANT_READ ? POLLIN : POLLOUT);
    return -1;
}

ssize_t
line_read(struct line *line, void *to, size_t len)
{
    ssize_t got;
    bool full, again;

    do
        got = line_answer(line, wire_read(&line->wire, to, len, &full), &again);
    while (again);
    return got;
}

ssize_t
line_write(struct line *line, const void *from, size_t len)
{
    struct iovec piece = { .iov_len = len };
    ssize_t got;
    bool again;

    memcpy(&piece.iov_base, &from, sizeof from); /* it is only read */
    do
        got = line_answer(line, wire_write(&line->wire, &piece, 1), &again);
    while (again);
    return got;
}
