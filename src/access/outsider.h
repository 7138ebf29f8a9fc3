/**
 * Outsiders: callers whom somebody else vouches for, an identity provider or a certificate. They
 * are an account of ours when one of their claims names one, else one of their own, made at their
 * first login; their roles are the account's and those of the claims that we know. Who has neither
 * is refused and leaves no account behind.
 */
#ifndef ACCESS_OUTSIDER_H
#define ACCESS_OUTSIDER_H

#include "access/claims.h"
#include "access/office.h"

/** Somebody vouched for. */
struct outsider {
    const char *method;     /* constant: "oidc", "client-cert", "ldap", "kerberos" */
    const char *provider;   /* its name in the configuration; "" for certificates */
    const char *origin;     /* the same for the same person for ever: "oidc:NAME:SUBJECT" */
    const char *before;     /* what an earlier release stored in its stead; NULL: the same */
    bool before_is_theirs;  /* and it can be nobody else's; else it is not looked for */
    const char *name;       /* as shown, where that is no name of somebody here */
    const char *other_name; /* instead of one that may not be shown (access/names.h); or NULL */
    const char *email;      /* or NULL */
    const char *scope;      /* of the token, or NULL */
    struct list claims;     /* of struct claim_said */
};

/**
 * Let them in, if anything here knows them.
 *
 * @param out  receives who they are now; the caller ends it with known_unref()
 * @return E_FORBIDDEN: no account and no role; E_UNAUTHENTICATED: their account is switched off
 */
enum err outsider_enter(struct scope *s, struct access *a, const struct outsider *o,
                        const struct access_peer *peer, struct known **out);
/** How an attempt that others judged ended, for metrics: "ok", "denied", "error". */
const char *outsider_outcome(enum err e);

#endif
