/**
 * Principals: users, OAuth2 clients, roles and grants as people manage them. Every change is
 * audited in its own transaction, and takes effect for remembered credentials at once on this
 * server, on others when they have followed the events: within a second.
 *
 * Edits take the version that was read (0: whichever it is) and fail with E_CONFLICT,
 * CHY_VERSION_CHANGED when the object changed since. None of these checks the permission to manage
 * access: that is the caller's gate. But nobody gives what they do not hold: a permission, a role,
 * or the way into an account (access/holds.h); it is E_FORBIDDEN.
 */
#ifndef ACCESS_PRINCIPALS_H
#define ACCESS_PRINCIPALS_H

#include "access/access.h"
#include "codec/model.h"

/** A user. In edits, what is NULL or not given stays as it is. */
struct user {
    int64_t id, version;
    const char *account; /* as typed at creation: `CONTOSO\ana`, `ana` */
    const char *display_name, *email;
    struct opt_bool enabled;
    struct list roles;                             /* of const char *: names */
    bool roles_given;                              /* in edits: ROLES replaces the present ones */
    struct when created, last_login, locked_until; /* WHEN_NONE: never, not */
};

/** A page of a list: sorted by name; what is NULL or 0 does not restrict. */
struct principal_query {
    const char *after; /* go on behind this name (folded), as next said */
    const char *text;  /* part of the name, in any case */
    int limit;         /* 0: 50; at most 1000 */
};

/** A problem of FIELD unless an account may be called ACCOUNT; its parts go to DOMAIN and LOGIN. */
void account_judge(struct scope *s, const char *field, const char *account, const char **domain,
                   const char **login);
/**
 * Make a user.
 *
 * @param password  at least 12 characters; NULL: they cannot log in by password
 * @param out       receives the user as it is now; may be NULL
 * @return E_CONFLICT: the account exists; E_INVALID: problems with field paths
 */
enum err user_add(struct scope *s, struct access *a, const struct caller *by, const struct user *in,
                  const char *password, struct user *out);
enum err user_edit(struct scope *s, struct access *a, const struct caller *by,
                   const struct user *in, struct user *out);
/** Set the password; tokens and remembered credentials of the user end. */
enum err user_set_password(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                           int64_t version, const char *password);
enum err user_unlock(struct scope *s, struct access *a, const struct caller *by, int64_t id);
/** E_CONFLICT: it is the last enabled administrator. */
enum err user_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                     int64_t version);
enum err user_get(struct scope *s, struct access *a, int64_t id, struct user *out);
/** By any form of the account name; E_NOT_FOUND. */
enum err user_find(struct scope *s, struct access *a, const char *account, struct user *out);
/** A list of struct user; *NEXT receives the cursor of the next page, or NULL. */
enum err user_list(struct scope *s, struct access *a, const struct principal_query *q,
                   struct list *out, const char **next);

/** An OAuth2 client. */
struct oauth_client {
    int64_t id, version;
    const char *client_id; /* NULL at creation: a random one */
    const char *description;
    struct opt_bool enabled;
    struct list roles; /* of const char *: names */
    bool roles_given;
    struct when created, last_used;
};
/**
 * Make a client.
 *
 * @param secret       the secret that people chose (at least 20 characters); NULL: a random one of
 * 256 bits
 * @param secret_made  receives the secret, which is not told again
 */
enum err client_add(struct scope *s, struct access *a, const struct caller *by,
                    const struct oauth_client *in, const char *secret, struct oauth_client *out,
                    const char **secret_made);
enum err client_edit(struct scope *s, struct access *a, const struct caller *by,
                     const struct oauth_client *in, struct oauth_client *out);
enum err client_new_secret(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                           int64_t version, const char **secret_made);
enum err client_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                       int64_t version);
enum err client_get(struct scope *s, struct access *a, int64_t id, struct oauth_client *out);
enum err client_find(struct scope *s, struct access *a, const char *client_id,
                     struct oauth_client *out);
enum err client_list(struct scope *s, struct access *a, const struct principal_query *q,
                     struct list *out, const char **next);

struct claim;

/** Who holds a role. */
struct role_member {
    enum caller_kind kind; /* CALLER_USER, CALLER_CLIENT or CALLER_CLAIM */
    int64_t id;            /* in edits: 0 makes CLAIM known first */
    const char *name, *description;
    const char *claim_type, *provider; /* of a claim, as access/claims.h has them; else NULL */
    const struct claim *claim;         /* in edits */
};

/** A role. */
struct role {
    int64_t id, version;
    const char *name, *description;
    const char *email; /* of those who look after it; noted only */
    struct opt_bool enabled;
    struct opt_bool is_private; /* noted for the Command API's clients; means nothing here */
    bool immutable;             /* built in: only its members may change */
    struct list grants;         /* of struct grant */
    bool grants_given;
    struct list members; /* of struct role_member */
    bool members_given;
};
enum err role_add(struct scope *s, struct access *a, const struct caller *by, const struct role *in,
                  struct role *out);
enum err role_edit(struct scope *s, struct access *a, const struct caller *by,
                   const struct role *in, struct role *out);
/** E_CONFLICT: it is built in, somebody holds it, or it owns certificates. */
enum err role_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                     int64_t version);
enum err role_get(struct scope *s, struct access *a, int64_t id, struct role *out);
enum err role_find(struct scope *s, struct access *a, const char *name, struct role *out);
enum err role_list(struct scope *s, struct access *a, const struct principal_query *q,
                   struct list *out, const char **next);
/** All roles by id: a list of struct role. */
enum err role_all(struct scope *s, struct access *a, struct list *out);
/** Give a role one permission, or take it; doing so twice changes nothing. */
enum err role_grant(struct scope *s, struct access *a, const struct caller *by, int64_t role,
                    const struct grant *grant);
enum err role_withdraw(struct scope *s, struct access *a, const struct caller *by, int64_t role,
                       const struct grant *grant);
/** Make somebody a member of a role, or no longer; doing so twice changes nothing. */
enum err role_member_add(struct scope *s, struct access *a, const struct caller *by, int64_t role,
                         enum caller_kind kind, int64_t id);
enum err role_member_remove(struct scope *s, struct access *a, const struct caller *by,
                            int64_t role, enum caller_kind kind, int64_t id);

/* The built-in roles, by name. */
#define ROLE_ADMINISTRATOR "Administrator" /* everything */
#define ROLE_AUDITOR "Auditor"             /* reads everything, changes nothing */
#define ROLE_OPERATOR "Operator"           /* daily work: enrolls, revokes, plans */
#define ROLE_REQUESTER "Requester"         /* asks for certificates and sees them */
/* Made at the first start of a program that knows them; from then on people's own. */
#define ROLE_CERTIFICATE_ADMINISTRATOR "Certificate Administrator"
#define ROLE_CERTIFICATE_REQUESTER "Certificate Requester"

#endif
