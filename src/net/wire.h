/** Wire: the bytes of one accepted connection, plain or through TLS, never waiting. One thread at a
 * time. */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include "base/text.h"
#include <openssl/ssl.h>
#include <sys/uio.h>

/** A connection. SSL is NULL for a plain one. */
struct wire {
    int fd;
    SSL *ssl;
};

/* What a call may answer instead of a number of bytes. */
enum {
    WIRE_END = 0,         /* the peer has closed in order */
    WIRE_BROKEN = -1,     /* the connection is of no more use */
    WIRE_WANT_READ = -2,  /* again when the socket can be read */
    WIRE_WANT_WRITE = -3, /* again when it can be written */
};

/** Take over FD, which does not block; through TLS when CTX is given. */
void wire_open(struct wire *w, int fd, SSL_CTX *ctx);
/** Close at once. */
void wire_close(struct wire *w);
/** Do the next step of the TLS handshake: 1 when it is done, or one of the answers above. */
ssize_t wire_handshake(struct wire *w);
/** Read up to LEN bytes; *FULL receives whether more may be there already. */
ssize_t wire_read(struct wire *w, void *out, size_t len, bool *full);
/** Write some of the COUNT pieces: the bytes written, or one of the answers above but WIRE_END. */
ssize_t wire_write(struct wire *w, const struct iovec *pieces, int count);
/** True when bytes that the socket no longer shows wait to be read. */
bool wire_pending(const struct wire *w);
/** Say that nothing more will be sent; the peer may still send. */
void wire_shutdown(struct wire *w);
/** Read what the peer sends and forget it: its count, or one of the answers above. */
ssize_t wire_discard(struct wire *w, void *scratch, size_t len);
/** Would CTX take the certificate that the peer showed, too? One with issuers between may be
 * refused though it would, after a resumption: they come with a whole handshake only. */
bool wire_verify(const struct wire *w, SSL_CTX *ctx);
/** The DER of the verified certificate that the peer showed, copied to A; none when there is none.
 */
struct bytes wire_peer_cert(const struct wire *w, struct arena *a);
#define END_POINT_MAX 64
/**
 * The hash of our own certificate by which a client may name this connection; 0: there is none.
 *
 * @see RFC 5929 section 4.1
 */
size_t wire_end_point(const struct wire *w, uint8_t out[END_POINT_MAX]);

#endif
