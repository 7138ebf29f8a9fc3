/**
 * Rate: how often somebody may call the API within any minute. Counters are in memory, in windows
 * of a second; any thread may ask, and none waits.
 */
#ifndef ACCESS_RATE_H
#define ACCESS_RATE_H

#include "base/arena.h"

struct rate;

struct rate_options {
    int per_principal; /* calls a minute of one principal from one address; 0: 300; -1: no limit */
    int per_address;   /* calls a minute from one address, whoever calls; 0: 500; -1: no limit */
    int most;          /* how many counters are kept; 0: 65536; the idlest goes first */
};

struct rate *rate_new(const struct rate_options *o);
void rate_free(struct rate *r);
OWNED(struct rate, rate_free);
/** Other limits from now on, such as after a reload of the settings. */
void rate_set(struct rate *r, const struct rate_options *o);

/** Which limit was met, as /metrics names it. */
enum rate_met { RATE_OK, RATE_IP, RATE_USER };

/**
 * Count a call, or refuse it; a refused call does not count.
 *
 * @param principal      "u_17"; NULL when nobody is known: then only the address counts
 * @param address        of the peer, NULL: none (a local socket): never limited by address
 * @param retry_after_s  receives the seconds until a call would pass; at least 1 when refused
 */
enum rate_met rate_take(struct rate *r, const char *principal, const char *address,
                        int64_t *retry_after_s);

#endif
