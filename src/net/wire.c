#include "net/wire.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_MAX 16384 /* one TLS record; RFC 8446 section 5.1 */

void
wire_open(struct wire *w, int fd, SSL_CTX *ctx)
{
    *w = (struct wire){ .fd = fd };
    if (!ctx)
        return;
    w->ssl = SSL_new(ctx);
    if (w->ssl) {
        (void)SSL_set_fd(w->ssl, fd);
        SSL_set_accept_state(w->ssl);
    }
}

void
wire_close(struct wire *w)
{
    SSL_free(w->ssl);
    w->ssl = NULL;
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = -1;
}

/* What a failed call of OpenSSL means here. Others leave errors behind, so each call clears the
 * queue first. */
static ssize_t
ssl_answer(const struct wire *w, int result)
{
    switch (SSL_get_error(w->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return WIRE_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return WIRE_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return WIRE_END;
    default:
        ERR_clear_error();
        return WIRE_BROKEN;
    }
}

static ssize_t
plain_answer(ssize_t got, int wait)
{
    if (got >= 0)
        return got;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? wait : WIRE_BROKEN;
}

ssize_t
wire_handshake(struct wire *w)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(w->ssl);
    return result == 1 ? 1 : MIN(ssl_answer(w, result), WIRE_BROKEN);
}

ssize_t
wire_read(struct wire *w, void *out, size_t len, bool *full)
{
    ssize_t got;
    int result;

    if (w->ssl) {
        ERR_clear_error();
        result = SSL_read(w->ssl, out, (int)len);
        *full = result > 0 && SSL_has_pending(w->ssl);
        return result > 0 ? result : ssl_answer(w, result);
    }
    got = recv(w->fd, out, len, 0);
    *full = got == (ssize_t)len;
    return plain_answer(got, WIRE_WANT_READ);
}

ssize_t
wire_write(struct wire *w, const struct iovec *pieces, int count)
{
    struct msghdr message = { .msg_iovlen = (size_t)count };
    int result;

    if (w->ssl) {
        ERR_clear_error();
        result = SSL_write(w->ssl, pieces->iov_base, (int)MIN(pieces->iov_len, (size_t)RECORD_MAX));
        return result > 0 ? result : MIN(ssl_answer(w, result), WIRE_BROKEN);
    }
    if (count == 1)
        return plain_answer(send(w->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL),
                            WIRE_WANT_WRITE);
    memcpy(&message.msg_iov, &pieces, sizeof(message.msg_iov)); /* sendmsg only reads them */
    return plain_answer(sendmsg(w->fd, &message, MSG_NOSIGNAL), WIRE_WANT_WRITE);
}

bool
wire_pending(const struct wire *w)
{
    return w->ssl && SSL_has_pending(w->ssl);
}

void
wire_shutdown(struct wire *w)
{
    if (w->ssl && SSL_is_init_finished(w->ssl)) {
        (void)SSL_shutdown(w->ssl);
        ERR_clear_error();
    }
    (void)shutdown(w->fd, SHUT_WR);
}

ssize_t
wire_discard(struct wire *w, void *scratch, size_t len)
{
    return plain_answer(recv(w->fd, scratch, len, 0), WIRE_WANT_READ);
}

bool
wire_verify(const struct wire *w, SSL_CTX *ctx)
{
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    X509 *cert = w->ssl ? SSL_get0_peer_certificate(w->ssl) : NULL;
    bool good = false;

    if (check && cert && SSL_CTX_get_verify_mode(ctx) != SSL_VERIFY_NONE &&
        X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(ctx), cert,
                            SSL_get_peer_cert_chain(w->ssl)) == 1 &&
        X509_STORE_CTX_set_default(check, "ssl_client") == 1)
        good = X509_verify_cert(check) == 1;
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return good;
}

struct bytes
wire_peer_cert(const struct wire *w, struct arena *a)
{
    const X509 *cert = w->ssl ? SSL_get0_peer_certificate(w->ssl) : NULL;
    struct bytes out = { 0 };
    uint8_t *to;
    int len;

    if (!cert || SSL_get_verify_result(w->ssl) != X509_V_OK)
        return out;
    len = i2d_X509(cert, NULL);
    if (len <= 0)
        return out;
    to = arena_alloc(a, (size_t)len);
    out = (struct bytes){ to, (size_t)len };
    (void)i2d_X509(cert, &to);
    return out;
}

size_t
wire_end_point(const struct wire *w, uint8_t out[END_POINT_MAX])
{
    X509 *cert = w->ssl ? SSL_get_certificate(w->ssl) : NULL;
    unsigned int len = END_POINT_MAX;
    int md = NID_undef;

    if (!cert || X509_get_signature_info(cert, &md, NULL, NULL, NULL) != 1 || md == NID_undef)
        return 0; /* EdDSA has no hash of its own, and the RFC names none for it */
    if (md == NID_md5 || md == NID_sha1)
        md = NID_sha256;
    return X509_digest(cert, EVP_get_digestbynid(md), out, &len) == 1 ? len : 0;
}
