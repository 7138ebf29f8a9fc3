/**
 * Limit: how often something may be asked for. A bucket holds as many tokens as the limit says, and
 * refills within the limit's time. Those that stand in the database hold for all servers together
 * and outlive them; those of what must not write (nonces, renewal information) are each server's.
 * Any thread. acme.md section 23.
 */
#ifndef ACME_LIMIT_H
#define ACME_LIMIT_H

#include "acme/acme.h"
#include "acme/names.h"

/** A limit as people know it. */
struct acme_limit_kind {
    const char *name; /* "orders_per_day", as in the settings */
    const char *tag;  /* of its failures */
    const char *of;   /* "new orders of an account" */
    int64_t period;   /* ms; 0: it is no bucket, but how many there may be at once */
    size_t offset;    /* in struct acme_limits */
};
const struct acme_limit_kind *acme_limit_kind(enum acme_limit limit);
/** By its name, or LIMITS. */
enum acme_limit acme_limit_named(const char *name);
/** What it allows at an endpoint; 0: any number. */
int64_t acme_limit_of(const struct acme_endpoint *ep, enum acme_limit limit);
/** Settings with numbers of their own, in arena A. */
struct acme_limits *acme_limits_with(struct arena *a, const struct acme_limits *all,
                                     const struct acme_limits_own *own);

/** Whether limits do not concern requests from this ADDRESS. */
bool acme_limit_exempts(struct scope *s, const struct acme *acme, const char *address);

/** Something that is limited. */
struct acme_take {
    enum acme_limit limit;
    const char *key;
    bool look;           /* there must be a token, but it is not taken now */
    struct opt_int most; /* stands for the policy's number */
    int64_t account;     /* whose own numbers stand for both; 0: nobody's */
};
/**
 * As part of TX: take a token from each of TAKES (of struct acme_take), or none when one lacks it.
 *
 * @param ep      whose buckets they are
 * @param policy  whose numbers hold
 * @return E_LIMIT: rateLimited; when all of them would pass is in the error
 */
enum err acme_limits_take(struct scope *s, struct tx *tx, const struct acme_endpoint *ep,
                          const struct acme_endpoint *policy, const struct list *takes);
/** The same without taking any, before what is costly begins; what is then taken has the last word.
 */
enum err acme_limits_look(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                          const struct acme_endpoint *policy, const struct list *takes);
/** As part of TX: take one though there may be none. */
enum err acme_limit_count(struct scope *s, struct tx *tx, const struct acme_endpoint *ep,
                          const struct acme_endpoint *policy, const struct acme_take *take);
/** The failure that a limit was met which passes again in WAIT milliseconds. */
enum err acme_limit_met(struct scope *s, enum acme_limit limit, int64_t most, int64_t wait);

/** The same of what an ADDRESS asks this server: never waits. */
enum err acme_limit_address(struct scope *s, const struct acme *acme,
                            const struct acme_endpoint *ep, enum acme_limit limit,
                            const char *address);
/** The network of an address that counts as one client: IPv6 addresses up to BITS. */
const char *acme_limit_network(struct scope *s, const char *address, int bits);
/** The keys of the domains of NAMES (of struct acme_name), each once; of const char *. */
struct list acme_limit_domains(struct scope *s, const struct list *names);
/** The key of their set. */
enum err acme_limit_set(struct scope *s, const struct list *names, const char **out);
/** The key of an account's failures with a name. */
const char *acme_limit_failures(struct scope *s, const char *account, const char *name);

/** What goes on at once: true when there is a place, which acme_limit_leave() gives back. */
enum acme_flight { FLIGHT_ORDERS, FLIGHT_SIGNINGS, FLIGHTS };
enum err acme_limit_enter(struct scope *s, const struct acme *acme, enum acme_flight what);
void acme_limit_leave(enum acme_flight what);

/** A bucket as operators see it. */
struct acme_bucket {
    const char *limit, *profile, *key;
    int64_t most;
    double left; /* less than 0: more was counted than is allowed */
    struct when full_at;
    const char *cursor;
};
/** Buckets that are not full, in the order of their limits; LIMIT: of that one; NULL: all. OUT
 * receives struct acme_bucket; NEXT what to go on behind. */
struct acme_bucket_query {
    const char *limit, *after;
    int64_t count;
};
enum err acme_limits_list(struct scope *s, const struct acme *acme,
                          const struct acme_bucket_query *q, struct list *out, const char **next);
/** Which buckets are to be full again: those of a limit, of all its keys or one (NULL: all). */
struct acme_limit_reset {
    enum acme_limit limit;
    const char *key;
    const struct caller *by;
};
/** COUNT receives how many there were. */
enum err acme_limits_reset(struct scope *s, const struct acme *acme,
                           const struct acme_limit_reset *reset, int64_t *count);
/** Forget buckets that are full again, some at a time; *COUNT receives how many: for a job. */
enum err acme_limits_expire(struct scope *s, const struct acme *acme, int64_t *count);

#endif
