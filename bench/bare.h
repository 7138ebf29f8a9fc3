/** Bare: the least that a libevent program can do for an answer; what other servers are held
 * against. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "base/text.h"

/**
 * Start a process that answers each request on a free port of 127.0.0.1 with ANSWER, head and body,
 * without looking at it: what comes at once is one request.
 *
 * @return its process id; the caller ends it by a signal
 */
int bare_start(struct bytes answer, int *port);
/** A port of 127.0.0.1 that nobody listened on a moment ago. */
int bare_free_port(void);

#endif
