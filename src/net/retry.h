/**
 * Retry: whether a call to another system that failed is worth another try, and how long to wait
 * before it. The rules are a table; the waits are min(1 s * 2^n + random(0..1 s), 1 min), or from 5
 * s where a system needs time to come back. One thread at a time.
 */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "base/scope.h"

#define RETRY_FIRST_MS INT64_C(1000)
#define RETRY_LONG_FIRST_MS INT64_C(5000)
#define RETRY_MAX_MS INT64_C(60000)        /* our own waits: a minute */
#define RETRY_ASKED_MAX_MS INT64_C(300000) /* what a peer may ask for: five minutes */

/** How a call ended. */
enum retry_end {
    RETRY_ANSWERED,   /* with an HTTP status */
    RETRY_NOT_SENT,   /* no address, no connection: the peer cannot have acted */
    RETRY_TIMED_OUT,  /* after the request went out */
    RETRY_CUT_OFF,    /* likewise: the connection broke */
    RETRY_UNTRUSTED,  /* the peer's certificate or name, or ours, was refused */
    RETRY_UNREADABLE, /* the answer is no HTTP, or too long */
};

/** What the table says about one way to fail. */
struct retry_rule {
    enum retry_end end;
    int from, to;           /* statuses, both included; 0 when there is none */
    const char *error_type; /* stable: config, auth, authz, not_found, ... for logs and metrics */
    int tries;              /* calls in all, the first one included */
    bool may_have_acted; /* the peer may have done what it was asked: repeat only what is idempotent
                          */
    bool slow;           /* long waits */
    bool refresh;        /* with a new token, once */
    bool counts;         /* as a failure of the peer, for the circuit breaker */
};

/** The rule for an end; STATUS matters for RETRY_ANSWERED. NULL when the call succeeded (below
 * 400). */
const struct retry_rule *retry_rule(enum retry_end end, int status);

/**
 * The wait before another try.
 *
 * @param failures  calls that failed so far, from 1
 * @param asked_ms  the peer's Retry-After in milliseconds; 0 if it sent none
 * @param chance    0 to 999999: the random part, in millionths
 */
int64_t retry_wait_ms(const struct retry_rule *rule, int failures, int64_t asked_ms,
                      uint32_t chance);

/**
 * Read Retry-After: seconds, or a date.
 *
 * @param text  NULL when the peer sent none
 * @return milliseconds from NOW; 0 for none, for nonsense, and for the past
 * @see RFC 9110 section 10.2.3
 */
int64_t retry_after_ms(const char *text, struct when now);

struct retry;

/**
 * The tries of one request; end with retry_free().
 *
 * @param idempotent  doing it twice does no harm
 * @param seed        of the random part, so that a test knows the waits; 0: unknown to anybody
 */
struct retry *retry_new(bool idempotent, uint64_t seed);
void retry_free(struct retry *r);
OWNED(struct retry, retry_free);

/**
 * A call failed: grant another one, and say when.
 *
 * @param rule     why it failed
 * @param wait_ms  receives the wait
 * @return false when it was the last try, or nobody can know whether a repetition would do harm
 */
bool retry_next(struct retry *r, const struct retry_rule *rule, int64_t asked_ms, int64_t *wait_ms);
/** Calls that failed so far. */
int retry_failures(const struct retry *r);

#endif
