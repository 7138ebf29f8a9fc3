/** Directory, its inside: the wire below libldap, for the files of directory.h. */
#ifndef NET_DIRECTORY_IN_H
#define NET_DIRECTORY_IN_H

#include "net/directory.h"
#include "net/wire.h"

/** A connection's bytes, and until when they may be waited for. */
struct line {
    struct wire wire;
    int64_t until_ms; /* of clock_mono_ms() */
};

/** Until when one call may take: MS from now, or the scope's deadline. */
int64_t line_until(const struct scope *s, int64_t ms);
/** Resolve and connect; each is a step. LINE's wire is closed when it fails. */
enum err line_connect(struct scope *s, struct line *line, const struct directory_address *to,
                      struct list *steps);
/** Go over to TLS with a server that is HOST; a step. */
enum err line_tls(struct scope *s, struct line *line, const struct directory_address *to,
                  SSL_CTX *trust, struct list *steps);
/* Read and write as recv() and send() would on a socket that waits: 0 at the end, -1 with errno. */
ssize_t line_read(struct line *line, void *to, size_t len);
ssize_t line_write(struct line *line, const void *from, size_t len);

#endif
