/** Random: bytes from the kernel's generator, and the ids made of them. Any thread. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/text.h"

/** Fill LEN bytes; a generator that fails aborts the process. Builds with faults can make it repeat
 * itself. */
void random_bytes(void *out, size_t len);
/** A number from 0 to BELOW - 1, without bias. */
uint64_t random_below(uint64_t below);
/** A ULID: 48 bits of time, 80 of chance, 26 characters of Crockford's base 32; sorts by time. */
char *ulid_new(struct arena *a);
/** A random UUID (RFC 9562 version 4) in lower case. */
char *uuid_new(struct arena *a);
/** Builds with faults: from now on every PERIOD-th call gives the same bytes, 1 always; 0 ends it.
 */
void random_tell_repeat(int period);

#endif
