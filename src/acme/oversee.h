/** Oversee: what operators see of accounts, orders and authorizations, and do about them. Any
 * thread. */
#ifndef ACME_OVERSEE_H
#define ACME_OVERSEE_H

#include "acme/authz.h"
#include "acme/order.h"

/** A page of a list, the newest first. */
struct acme_page {
    const char *after; /* public id of the last one of the page before; NULL: the first page */
    int64_t limit;
    const char *next; /* receives what to go on behind; NULL: the end */
};

/** Objects whose public ids may be given by their beginnings. */
enum acme_kind { ACME_ACCOUNTS, ACME_ORDERS, ACME_AUTHZS };
/**
 * The whole public id of what TEXT is the beginning of, at least four characters of it.
 *
 * @return E_NOT_FOUND; E_INVALID: several begin so
 */
enum err acme_full_id(struct scope *s, const struct acme *acme, enum acme_kind kind,
                      const char *text, const char **out);

/** An account as lists show it. */
struct acme_account_row {
    int64_t id;
    const char *public_id, *endpoint; /* name of its directory */
    enum acme_account_status status;
    const char *contacts; /* JSON array, or NULL */
    struct bytes thumbprint;
    const char *eab_kid, *created_ip, *user_agent;
    struct when terms_at, created_at, last_seen_at;
};
/** Which accounts; what is NULL or 0 does not restrict. */
struct acme_account_query {
    enum acme_account_status status;
    const char *contains; /* part of a contact, or all of an id, a thumbprint, an address */
    const char *eab_kid;
};
/** OUT receives struct acme_account_row. E_INVALID: no cursor of this list. */
enum err acme_account_list(struct scope *s, const struct acme *acme,
                           const struct acme_account_query *q, struct acme_page *page,
                           struct list *out);
/** E_NOT_FOUND. */
enum err acme_account_row(struct scope *s, const struct acme *acme, const char *public_id,
                          struct acme_account_row *out);

/** An order as lists show it: as time has made it, but for what an approval made of it; without
 * what only who looks at one order wants to know. */
struct acme_order_row {
    struct acme_order order;
    const char *account, *endpoint; /* public id; name of its directory */
};
/** Which orders, or authorizations; what is NULL or 0 does not restrict. */
struct acme_query {
    const char *account; /* public id */
    int64_t status;
    const char *name; /* one of its names */
};
/** OUT receives struct acme_order_row. E_INVALID: no cursor; E_NOT_FOUND: no such account. */
enum err acme_order_list(struct scope *s, const struct acme *acme, const struct acme_query *q,
                         struct acme_page *page, struct list *out);

/** An authorization as lists show it: without challenges. */
struct acme_authz_row {
    struct acme_authz authz;
    const char *account; /* public id */
};
/** OUT receives struct acme_authz_row. E_INVALID: no cursor; E_NOT_FOUND: no such account. */
enum err acme_authz_list(struct scope *s, const struct acme *acme, const struct acme_query *q,
                         struct acme_page *page, struct list *out);

/** Who wants it, and why. */
struct acme_command {
    const struct caller *by;
    const char *reason;
};
/**
 * Make a valid account revoked: its client is refused, orders that are not done fail; certificates
 * stay. E_NOT_FOUND; E_CONFLICT: it is not valid.
 */
enum err acme_account_suspend(struct scope *s, const struct acme *acme, const char *public_id,
                              const struct acme_command *why);
/** The way back. E_NOT_FOUND; E_CONFLICT: it is not suspended. */
enum err acme_account_restore(struct scope *s, const struct acme *acme, const char *public_id,
                              const struct acme_command *why);
/** End an account for good. E_NOT_FOUND; E_CONFLICT: it is ended already. */
enum err acme_account_end(struct scope *s, const struct acme *acme, const char *public_id,
                          const struct acme_command *why);
/** As part of TX: suspend the valid accounts that are bound to KEY (id). OUT receives their ids, of
 * int64_t: acme_accounts_stop() is for after the commit. */
enum err acme_accounts_suspend(struct scope *s, struct tx *tx, int64_t key,
                               const struct acme_command *why, struct list *out);
/** End what accounts (of int64_t) wait for. */
enum err acme_accounts_stop(struct scope *s, const struct acme *acme, const struct caller *by,
                            const struct list *accounts);
/** A proof counts no more, and orders that wait for it fail. E_NOT_FOUND; E_CONFLICT: it does not
 * count as it is. */
enum err acme_authz_revoke(struct scope *s, const struct acme *acme, const char *public_id,
                           const struct acme_command *why);

#endif
