/**
 * Providers: who else logs people in, identity providers and directories, as they are configured;
 * and how each of them does, tried step by step. Calls wait; any thread.
 */
#ifndef ACCESS_PROVIDERS_H
#define ACCESS_PROVIDERS_H

#include "access/access.h"

/** A provider as it is configured. */
struct provider_info {
    const char *name, *kind; /* kind: "oidc", "ldap", "kerberos" */
    struct list addresses;   /* of const char * */
    struct list domains;     /* of const char *: of names that it judges */
};
/** A list of struct provider_info, in the configuration's order. */
void access_providers(struct scope *s, const struct access *a, struct list *out);

/** Whom a trial looks for. */
struct provider_trial {
    const char *provider; /* its name */
    const char *user;     /* as they would write their name; NULL: nobody is looked for */
    const char *password; /* theirs; NULL: it is not tried */
};
/**
 * Try a provider; it goes into the record.
 *
 * @param steps  receives what was done: a list of struct directory_step (net/directory.h)
 * @return E_NOT_FOUND: there is no such provider; E_INVALID: a name that none can have, or a
 * password without a name; OK, even when steps failed
 */
enum err access_provider_try(struct scope *s, struct access *a, const struct caller *by,
                             const struct provider_trial *trial, struct list *steps);

#endif
