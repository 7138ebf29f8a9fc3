/** Secret: bytes that are never printed and are wiped at the end, kept out of core dumps and swap.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/text.h"

struct secret {
    uint8_t *data; /* locked memory; one zero byte follows, so that text can be read in place */
    size_t len;
};

/** A secret of LEN zero bytes; end with secret_free(). */
struct secret *secret_new(size_t len);
struct secret *secret_copy(struct bytes from);
void secret_free(struct secret *secret);
OWNED(struct secret, secret_free);
struct bytes secret_bytes(const struct secret *secret);
/** Overwrite memory in a way the compiler keeps. */
void wipe(void *data, size_t len);

/** Keys are in this process: from now on it leaves no core file, and only root may look into it. */
void secret_guard(void);

#endif
