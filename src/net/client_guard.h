/** Guard: the pace and the circuit breaker of one peer. Pure, on a told clock; the peer's lock
 * protects it. */
#ifndef NET_CLIENT_GUARD_H
#define NET_CLIENT_GUARD_H

#include "base/macros.h"

#define GUARD_FAILURES 5                  /* final failures in a row that open the breaker */
#define GUARD_OPEN_MS INT64_C(60000)      /* how long, the first time */
#define GUARD_OPEN_MAX_MS INT64_C(900000) /* and at most, doubling */
#define GUARD_SLOW_MS                                                           \
    INT64_C(60000) /* how long a peer that said "too many" is called less often \
                    */

/* A zeroed one is closed, and has no limit. */
struct guard {
    int64_t interval_us;   /* between two calls; 0: no limit */
    int64_t burst_us;      /* how far calls may run ahead of it */
    int64_t next_us;       /* when the next call is due */
    int64_t not_before_ms; /* the peer asked to be left alone until then */
    int64_t slow_until_ms;
    int slow;        /* the interval is so many times longer: 0, 2, 4, 8 */
    int failures;    /* in a row */
    int64_t open_ms; /* how long it is open this time; 0: closed */
    int64_t open_until_ms;
    bool probing; /* half open: one call is on its way to find out */
};

/** Limit to PER_MINUTE calls; a sixth of a minute's calls may come at once. 0: no limit. */
void guard_init(struct guard *g, int per_minute);

/** May a call start? False: not before *UNTIL_MS. A true answer must be followed by guard_report().
 */
bool guard_admit(struct guard *g, int64_t now_ms, int64_t *until_ms);

enum guard_result { GUARD_GOOD, GUARD_BAD, GUARD_NEITHER };
/** How the call ended. True when the breaker opened or closed by it. */
bool guard_report(struct guard *g, int64_t now_ms, enum guard_result result);

/** Take a place in the pace: 0, or the milliseconds to wait before asking again. */
int64_t guard_pace(struct guard *g, int64_t now_ms);
/** The peer said "too many": call it less often for a while, and not at all for ASKED_MS. */
void guard_slow_down(struct guard *g, int64_t now_ms, int64_t asked_ms);

#endif
