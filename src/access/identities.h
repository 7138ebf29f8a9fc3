/**
 * Identities: users, OAuth2 clients and claims as the Command API sees them, all under one kind of
 * number. Claims are made and removed here; accounts have ways of their own (access/principals.h).
 *
 * @see command-api.md section 13
 */
#ifndef ACCESS_IDENTITIES_H
#define ACCESS_IDENTITIES_H

#include "access/claims.h"

/* What stands for an identity provider where the account is one of this server. */
#define IDENTITY_OURS AUDIT_PROGRAM

struct identity {
    int64_t id; /* of all kinds; fits 32 bits */
    enum caller_kind kind;
    int64_t row; /* of its kind: a user's, a client's, a claim's */
    enum claim_type type;
    const char *value;    /* the account; a claim's value */
    const char *provider; /* of a claim: "" for any; else IDENTITY_OURS */
    const char *description;
};

/** The number of the thing of this KIND with the id ROW. */
int64_t identity_id(enum caller_kind kind, int64_t row);
/** All, by number: a list of struct identity. */
enum err identity_all(struct scope *s, struct access *a, struct list *out);
/** E_NOT_FOUND. */
enum err identity_get(struct scope *s, struct access *a, int64_t id, struct identity *out);
/**
 * By what people call it: a user's account in any form, a client's id, else a claim's value; of
 * claims with the same value that of a user, then of a group, then the oldest.
 */
enum err identity_find(struct scope *s, struct access *a, const char *account,
                       struct identity *out);
/** Remove a claim, which ends its memberships. E_CONFLICT: it is an account of this server. */
enum err identity_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id);
/** The member of a role as an identity. */
struct identity identity_of_member(const struct role_member *m);
/** Whether somebody can ever say this: the provider is one of those configured, or any. */
bool identity_is_valid(const struct access *a, const struct identity *i);

#endif
