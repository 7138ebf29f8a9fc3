/** Limit-own: rate limits of single accounts, higher, lower or none at all, which operators set for
 * some time. Any thread. */
#ifndef ACME_LIMIT_OWN_H
#define ACME_LIMIT_OWN_H

#include "acme/limit.h"

/** The numbers of one account that hold now. */
struct acme_own {
    int64_t id;          /* of the account; 0: nobody's */
    const char *account; /* its public id; NULL: it has none of its own */
    struct acme_limits_own of;
};
/** Where it is read: as part of a write; or, where TX is NULL, by itself. */
struct acme_reach {
    struct tx *tx;
    struct db *db;
};
/** Those of the account with this ID; 0: none. */
enum err acme_own_read(struct scope *s, const struct acme_reach *from, int64_t id,
                       struct acme_own *out);
/** The number that holds for account OWN where others have OTHERWISE. */
int64_t acme_own_most(const struct acme_own *own, enum acme_limit limit, int64_t otherwise);
/** What a limit of names or domains calls KEY of an account that has a number of its own: it counts
 * for itself. */
const char *acme_own_key(struct scope *s, const char *key, const char *account);
/** The account that KEY of a bucket is of, its public id; NULL: it is nobody's alone. */
const char *acme_own_account(struct scope *s, enum acme_limit limit, const char *key);

/** A number as operators see it. */
struct acme_own_row {
    const char *account, *profile; /* public id; name of its directory */
    enum acme_limit limit;
    int64_t most;           /* 0: any number */
    struct when expires_at; /* WHEN_NONE: it does not end */
    const char *reason, *created_by;
    struct when created_at;
    const char *cursor;
};
/** Whether a limit can be an account's own: those of addresses cannot. */
bool acme_own_can(enum acme_limit limit);
/** What is to be an account's own. */
struct acme_own_wish {
    const struct caller *by;
    const char *account; /* public id */
    enum acme_limit limit;
    int64_t most;
    struct when expires_at;
    const char *reason;
};
/** Set a number, or set it anew; what was taken from the account's limit so far is forgotten.
 * E_NOT_FOUND. */
enum err acme_own_set(struct scope *s, const struct acme *acme, const struct acme_own_wish *wish,
                      struct acme_own_row *out);
/** Take it away. E_NOT_FOUND: the account has none. */
enum err acme_own_drop(struct scope *s, const struct acme *acme, const struct acme_own_wish *wish);
/** Which to list; what is NULL does not restrict. */
struct acme_own_query {
    const char *account; /* public id */
    const char *limit, *after;
    int64_t count;
};
/** Those that hold now; OUT receives struct acme_own_row. */
enum err acme_own_list(struct scope *s, const struct acme *acme, const struct acme_own_query *q,
                       struct list *out, const char **next);
/** As part of TX: forget those that have ended. */
enum err acme_own_expire(struct scope *s, struct tx *tx, struct when now, int64_t *count);

#endif
