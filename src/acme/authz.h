/** Authorization: an account's proof that it controls a name, and the challenges by which it may
 * give one (RFC 8555 section 7.1.4). Any thread. */
#ifndef ACME_AUTHZ_H
#define ACME_AUTHZ_H

#include "acme/account.h"
#include "acme/names.h"

/** How an authorization stands. */
enum acme_authz_status {
    ACME_AUTHZ_PENDING = 1,
    ACME_AUTHZ_VALID,
    ACME_AUTHZ_INVALID,
    ACME_AUTHZ_DEACTIVATED,
    ACME_AUTHZ_EXPIRED,
    ACME_AUTHZ_REVOKED,
};
const char *acme_authz_status_name(enum acme_authz_status status);
/** How a challenge stands. */
enum acme_challenge_status {
    ACME_CHALLENGE_PENDING = 1,
    ACME_CHALLENGE_PROCESSING,
    ACME_CHALLENGE_VALID,
    ACME_CHALLENGE_INVALID,
};
const char *acme_challenge_status_name(enum acme_challenge_status status);

/** A way of proving. */
struct acme_challenge {
    int64_t id;
    const char *public_id, *type, *token;
    enum acme_challenge_status status;
    const char *key_auth;
    struct when answered_at, validated_at, next_attempt;
    int64_t attempts;
    const char *error;  /* JSON, or NULL */
    const char *report; /* JSON: the latest try, step by step; or NULL */
};
/** A look at what a challenge asks for. */
struct acme_look {
    int64_t number; /* from 1 */
    struct when at;
    const char *error;  /* JSON; NULL: it was met */
    const char *report; /* JSON: step by step */
};
/** An authorization as it is at this moment. */
struct acme_authz {
    int64_t id, account;
    const char *public_id, *type, *value;
    bool wildcard;
    enum acme_authz_status status; /* what is stored, or what time has made of it */
    struct when expires_at, validated_at, created_at;
    const char *method;     /* the challenge that made it valid, or NULL */
    struct list challenges; /* of struct acme_challenge */
};

/** E_NOT_FOUND; E_FORBIDDEN: unauthorized, it is another account's. */
enum err acme_authz_get(struct scope *s, const struct acme *acme, const struct acme_account *a,
                        const char *public_id, struct acme_authz *out);
/** The authorization of a challenge, and which of its challenges that is. */
enum err acme_authz_of_challenge(struct scope *s, const struct acme *acme,
                                 const struct acme_account *a, const char *challenge,
                                 struct acme_authz *out, struct acme_challenge **one);
/** All authorizations of an order, in the order of its names, whose ever it is: for operators. OUT
 * receives struct acme_authz. */
enum err acme_authzs_of_order(struct scope *s, const struct acme *acme, int64_t order,
                              struct list *out);
/** One, whose ever it is; ACCOUNT receives the account's public id. E_NOT_FOUND. */
enum err acme_authz_find(struct scope *s, const struct acme *acme, const char *public_id,
                         struct acme_authz *out, const char **account);
/** By its number. */
enum err acme_authz_by_id(struct scope *s, const struct acme *acme, int64_t id,
                          struct acme_authz *out);
/** Every look at what challenge C asks for, as far as it is known; OUT receives struct acme_look.
 */
enum err acme_looks_of(struct scope *s, const struct acme *acme, const struct acme_challenge *c,
                       struct list *out);
/** End it, when it is pending or valid; its orders that are not done fail. */
enum err acme_authz_deactivate(struct scope *s, const struct acme *acme, struct acme_authz *z,
                               const struct acme_account *a, const struct acme_peer *peer);

/** End the requests of A's orders that wait for somebody's approval: those that rest on
 * authorization AUTHZ, or all (0). MESSAGE says why. After the commit that ends what they rest on,
 * so that no more of them come. */
enum err acme_requests_end(struct scope *s, const struct acme *acme, const struct acme_account *a,
                           int64_t authz, const struct acme_peer *peer, const char *message);

/** The same because somebody else, BY, wants it. ACCOUNT is a number. */
enum err acme_requests_end_by(struct scope *s, const struct acme *acme, const struct caller *by,
                              int64_t account, int64_t authz, const char *message);

/** Who has to prove names, where and when. */
struct acme_authz_wish {
    const struct acme_endpoint *ep;     /* whose the account is */
    const struct acme_endpoint *policy; /* by whose rules */
    int64_t account;
    struct when now;
    const struct acme_eab_policy *binding; /* what the account is bound to; NULL: nothing */
};
/** The authorization that there is for a name. */
struct acme_authz_held {
    int64_t id;
    bool valid; /* already */
    struct when expires_at;
    const char *public_id;
};
/** As part of TX: the one that still holds; OUT has .valid when there is one, else no .id. */
enum err acme_authz_still(struct scope *s, struct tx *tx, const struct acme_authz_wish *wish,
                          const struct acme_name *n, struct acme_authz_held *out);
/** As part of TX: the authorization for a name, an old one that still holds or a new one. */
enum err acme_authz_for(struct scope *s, struct tx *tx, const struct acme_authz_wish *wish,
                        const struct acme_name *n, struct acme_authz_held *out);
/** Whether KEY (SHA-256 of its SubjectPublicKeyInfo) is the one in each device that order ORDER
 * names. */
enum err acme_authz_keys(struct scope *s, const struct acme *acme, int64_t order, struct bytes key,
                         bool *all);
/** What newAuthz asks for. */
struct acme_authz_ask {
    const struct acme_account *account; /* whose it is to be */
    const struct json *identifier;
    struct acme_peer peer;
};
/** Whether EP takes newAuthz: what is proved before it is ordered must count for orders. */
bool acme_authz_offered(const struct acme_endpoint *ep);
/**
 * Make an authorization before there is an order (RFC 8555 section 7.4.1), or find the one that
 * counts still, or waits and belongs to no order. It is judged as an order for this name would be.
 *
 * @param problems  receives struct acme_subproblem: why the name is refused
 * @return as acme_rules_choose(), acme_name_read(), acme_eab_judge(), acme_rules_prove(); E_LIMIT:
 * rateLimited
 */
enum err acme_authz_new(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                        const struct acme_authz_ask *ask, struct acme_authz *out,
                        struct list *problems);
/** How the authorizations of an order stand. */
enum acme_proofs {
    ACME_PROOFS_HOLD,    /* as far as they are given */
    ACME_PROOFS_OVER,    /* one has ended */
    ACME_PROOFS_REFUSED, /* one was given by a challenge that is not offered any more */
};
/** Those of order ORDER. */
enum err acme_proofs_of(struct scope *s, const struct acme *acme,
                        const struct acme_authz_wish *wish, int64_t order, enum acme_proofs *out);
/** The same as part of TX. */
enum err acme_proofs_in(struct scope *s, struct tx *tx, const struct acme_authz_wish *wish,
                        int64_t order, enum acme_proofs *out);
/** The challenges that are offered for a name, of const char *; none: it cannot be proved here. */
void acme_challenges_for(struct scope *s, const struct acme_authz_wish *wish,
                         const struct acme_name *n, struct list *out);
/** Whether WISH's account holds valid authorizations by WISH's rules for all of NAMES (of struct
 * acme_name). */
enum err acme_authz_holds_all(struct scope *s, const struct acme *acme,
                              const struct acme_authz_wish *wish, const struct list *names,
                              bool *holds);

#endif
