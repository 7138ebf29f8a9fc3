/** Order: what an account asks to be certified, and how far it is (RFC 8555 section 7.1.3).
 * Any thread. */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "acme/account.h"
#include "acme/names.h"

/** How an order stands. */
enum acme_order_status {
    ACME_ORDER_PENDING = 1,
    ACME_ORDER_READY,
    ACME_ORDER_PROCESSING,
    ACME_ORDER_VALID,
    ACME_ORDER_INVALID,
};
const char *acme_order_status_name(enum acme_order_status status);

/** Which limits do not concern an order: none; that of domains, since it renews. */
enum { ORDER_UNLIMITED = 1, ORDER_RENEWS = 2 };

/** An order as it is at this moment. */
struct acme_order {
    int64_t id, account, request, certificate;
    int64_t replaces_cert; /* 0: none */
    const char *replaces;  /* as it was named, or NULL */
    int64_t unlimited;     /* ORDER_UNLIMITED and so on */
    const char *profile;   /* by which it is judged; NULL: its endpoint's own */
    const char *public_id;
    enum acme_order_status status; /* what is stored, or what time has made of it */
    const char *identifiers;       /* JSON */
    const char *error;             /* JSON, or NULL */
    struct bytes csr;              /* that was accepted; or none */
    struct when expires_at, not_before, not_after, created_at, ended_at;
    struct list authzs; /* of const char *: public ids, in the order of the identifiers */
};

/** What newOrder asks for. */
struct acme_order_wish {
    const struct acme_account *account; /* whose it is to be */
    const struct json *identifiers;
    struct when not_before, not_after; /* WHEN_NONE: not asked for */
    const char *replaces;              /* certID of RFC 9773, or NULL */
    const char *profile;               /* that it names, or NULL */
    struct acme_peer peer;
};
/**
 * Make an order, or find the one that asks for the same and is not done yet. Names that the account
 * proved a short while ago are proved.
 *
 * @param problems  receives struct acme_subproblem: the names that are refused
 * @return E_INVALID: invalidProfile; as acme_names_read() and acme_ari_replaced(); E_CONFLICT:
 * alreadyReplaced; E_INVALID: malformed (dates); E_FORBIDDEN: rejectedIdentifier, no challenge fits
 * a name
 */
enum err acme_order_new(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                        const struct acme_order_wish *wish, struct acme_order *out,
                        struct list *problems);
/** An order of account A; E_NOT_FOUND: they have none with this id. What an approval or a slow
 * authority has made of it is written down. */
enum err acme_order_get(struct scope *s, const struct acme *acme, const struct acme_account *a,
                        const char *public_id, struct acme_order *out);
/** Any account's, for operators; ACCOUNT receives the account's public id. E_NOT_FOUND. */
enum err acme_order_find(struct scope *s, const struct acme *acme, const char *public_id,
                         struct acme_order *out, const char **account);
/** By its number, for jobs. */
enum err acme_order_by_id(struct scope *s, const struct acme *acme, int64_t id,
                          struct acme_order *out);
/** As part of TX: the orders that wait for authorization AUTHZ fail, because of ERROR (JSON). */
enum err acme_orders_fail(struct scope *s, struct tx *tx, int64_t authz, const char *error,
                          struct when now);
/** As part of TX: lock the orders that wait for authorization AUTHZ; of struct rows: their ids. */
enum err acme_orders_lock(struct scope *s, struct tx *tx, int64_t authz, struct rows *out);
/** As part of TX: those of them that wait for nothing else are ready. */
enum err acme_orders_ready(struct scope *s, struct tx *tx, struct rows *locked);

/** As part of TX: the orders of an account that are not done fail, because of ERROR (JSON). */
enum err acme_orders_end(struct scope *s, struct tx *tx, int64_t account, const char *error,
                         struct when now);

#endif
