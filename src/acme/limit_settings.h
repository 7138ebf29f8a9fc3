/** Settings of rate limits, `acme.limits`: how many within a fixed time; 0: any number. acme.md
 * section 23. */
#ifndef ACME_LIMIT_SETTINGS_H
#define ACME_LIMIT_SETTINGS_H

#include "codec/model.h"

/** Which limit, in the order of struct acme_limits_own. */
enum acme_limit {
    LIMIT_ORDERS_PER_DAY,
    LIMIT_ORDERS_PER_HOUR,
    LIMIT_NONCES,
    LIMIT_ACCOUNTS,
    LIMIT_DOMAIN,
    LIMIT_NAMES,
    LIMIT_FAILURES,
    LIMIT_PENDING,
    LIMIT_RETRIES,
    LIMIT_RENEWAL_INFO,
    LIMIT_AUTHORIZATIONS,
    LIMITS,
};

/** Numbers that stand for those of the settings; what is not given is as it is there. */
struct acme_limits_own {
    struct opt_int most[LIMITS];
};
extern const struct model acme_limits_own_model;

struct acme_limits {
    int64_t orders_per_day, orders_per_hour;      /* of an account */
    int64_t nonces_per_hour;                      /* of an address; IPv6: of its /64 */
    int64_t accounts_per_hour;                    /* of an address; IPv6: of its /48 */
    int64_t certificates_per_domain;              /* in a week */
    int64_t certificates_per_names;               /* in a week, of one set of names */
    int64_t failures_per_hour;                    /* of an account and a name */
    int64_t pending_authorizations;               /* of an account at once */
    int64_t retries_per_hour;                     /* of an account */
    int64_t renewal_info_per_minute;              /* of an address */
    int64_t authorizations_per_hour;              /* of an account, without an order */
    int64_t orders_in_flight, signings_in_flight; /* of this server at once */
    struct list exempt; /* of const char *: networks whose requests no limit concerns */
    const char *help_url;
};
extern const struct model acme_limits_model;

#endif
