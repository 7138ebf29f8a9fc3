/**
 * EAB: external account binding. Keys that we gave out to people outside of ACME, by which the
 * accounts that their clients make are known to be theirs (RFC 8555 section 7.3.4). Any thread.
 */
#ifndef ACME_EAB_H
#define ACME_EAB_H

#include "acme/account.h"

/** How a key stands. */
enum acme_eab_status { ACME_EAB_ENABLED = 1, ACME_EAB_REVOKED };

/** A binding that holds. */
struct acme_eab {
    int64_t key; /* id */
    const char *kid;
    const char *json; /* as it was received */
};
/** A binding as it came. */
struct acme_eab_offer {
    const struct json *binding;     /* the member externalAccountBinding */
    const char *url;                /* of the request that it came in */
    const struct acme_key *account; /* the key that is to be bound */
};
/**
 * Check a binding.
 *
 * @return E_INVALID: malformed; E_FORBIDDEN: unauthorized, with the same text for a key that there
 * is not, that may not be used any more, and a MAC that does not match
 */
enum err acme_eab_check(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                        const struct acme_eab_offer *offer, struct acme_eab *out);
/** As part of TX: the binding is used now. E_FORBIDDEN: not any more. */
enum err acme_eab_use(struct scope *s, struct tx *tx, const struct acme_eab *eab);

/** What accounts that a key bound may ask for; a list that is empty restricts nothing. */
struct acme_eab_policy {
    const char *owner;       /* whose it is, in words; or NULL */
    struct list allow, deny; /* of const char *: rules of acme/names.h */
    struct list types;       /* of const char *: "dns", "ip" */
    struct list challenges;  /* of const char *: by which names may be proved */
    struct list profiles;    /* of const char *: that orders may name */
    struct opt_int orders_per_day, orders_per_hour; /* stand for the directory's limits */
};
/** Record what is wrong with it as problems: "allow[2]". */
void acme_eab_policy_check(struct scope *s, const struct acme_eab_policy *p);
/** As JSON, and back. */
enum err acme_eab_policy_text(struct scope *s, const struct acme_eab_policy *p, const char **out);
enum err acme_eab_policy_read(struct scope *s, const char *text, struct acme_eab_policy *out);
/** What account A may ask for; OUT receives NULL when it is bound to no key. */
enum err acme_eab_policy_of(struct scope *s, const struct acme *acme, const struct acme_account *a,
                            const struct acme_eab_policy **out);
/** Whether P (NULL: none) lets a name be proved so, or an order name this profile. */
bool acme_eab_allows_challenge(const struct acme_eab_policy *p, const char *type);
bool acme_eab_allows_profile(const struct acme_eab_policy *p, const char *name);
/**
 * Whether P (NULL: none) allows all NAMES (of struct acme_name).
 *
 * @param problems  receives struct acme_subproblem
 * @return E_FORBIDDEN: rejectedIdentifier
 */
enum err acme_eab_judge(struct scope *s, const struct acme_eab_policy *p, const struct list *names,
                        struct list *problems);

/** What a new key may do. */
struct acme_eab_wish {
    const struct caller *by;
    struct acme_eab_policy policy;
    int64_t max_uses;       /* 0: no limit */
    struct when expires_at; /* WHEN_NONE: never */
    const char *kid;        /* NULL: chosen here */
};
/** A key as lists show it. */
struct acme_eab_row {
    int64_t id, version, uses, max_uses; /* max_uses 0: no limit */
    const char *kid, *created_by;
    const char *endpoint; /* name of the directory that it is for */
    enum acme_eab_status status;
    struct when created_at, expires_at, last_used_at; /* WHEN_NONE: never */
    struct acme_eab_policy policy;
};
/** "enabled", "used up", "expired" or "revoked". */
const char *acme_eab_state(const struct acme_eab_row *k, struct when now);
/**
 * Make a key.
 *
 * @param hmac  receives its secret, which is not told again: base64url without padding
 * @return E_CONFLICT: its kid is taken
 */
enum err acme_eab_new(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                      const struct acme_eab_wish *wish, struct acme_eab_row *out,
                      const char **hmac);
/** One; E_NOT_FOUND. */
enum err acme_eab_get(struct scope *s, const struct acme *acme, const char *kid,
                      struct acme_eab_row *out);
/** Members of a key that an edit may name. */
enum acme_eab_member {
    EAB_OWNER = 1,
    EAB_ALLOW = 2,
    EAB_DENY = 4,
    EAB_TYPES = 8,
    EAB_CHALLENGES = 16,
    EAB_PROFILES = 32,
    EAB_ORDERS_PER_DAY = 64,
    EAB_ORDERS_PER_HOUR = 128,
    EAB_MAX_USES = 256,
    EAB_EXPIRES_AT = 512,
};
/** What is to change of a key. */
struct acme_eab_edit {
    const char *kid;
    int64_t version; /* that it must have; 0: any */
    unsigned given;  /* EAB_ bits: these become what .to says; the others stay */
    struct acme_eab_wish to;
};
/** Change a key, which accounts that it bound go by from then on. E_NOT_FOUND; E_CONFLICT
 * (CHY_VERSION_CHANGED). */
enum err acme_eab_edit(struct scope *s, const struct acme *acme, const struct acme_eab_edit *edit,
                       struct acme_eab_row *out);
/** How a key ends. */
struct acme_eab_end {
    const struct caller *by;
    const char *kid;
    bool suspend; /* the accounts that it bound, too */
};
/** Bind no more accounts by it. E_NOT_FOUND. */
enum err acme_eab_revoke(struct scope *s, const struct acme *acme, const struct acme_eab_end *end);
/** As part of TX, which removes ENDPOINT: end all keys that are for it. */
enum err acme_eab_revoke_all(struct scope *s, struct tx *tx, int64_t endpoint,
                             const struct caller *by);
/**
 * Keys in the order of their kid, behind AFTER (NULL: from the first).
 *
 * @param out   receives struct acme_eab_row
 * @param next  receives what to go on behind, or NULL at the end
 */
enum err acme_eab_list(struct scope *s, const struct acme *acme, const char *after, int64_t limit,
                       struct list *out, const char **next);

#endif
