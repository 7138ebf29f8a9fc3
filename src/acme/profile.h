/**
 * Profile: an endpoint of its own, `/acme/NAME/directory`, with accounts, template, names and
 * challenges of its own; what it does not say is as the settings have it. Profiles are rows that
 * operators change while servers run: a snapshot of them is in memory. Any thread.
 */
#ifndef ACME_PROFILE_H
#define ACME_PROFILE_H

#include "acme/acme.h"
#include "base/snapshot.h"

#define ACME_PROFILE_NAME_MAX 64

/** What a profile says; a list that is empty, and text that is none: as the settings have it. */
struct acme_profile {
    const char *description;
    const char *template_name, *authority;
    struct list challenges;                    /* of const char * */
    struct list allow, deny;                   /* of const char *: rules of acme/names.h */
    struct list allow_networks, deny_networks; /* of const char *: where the validator may go */
    struct list clients;                       /* of const char *: networks; none: any */
    int64_t validity_days;                     /* 0: the template's */
    bool auto_renew;                           /* renewalInfo: from 30 days before the end */
    bool offered;                              /* orders of the default directory may name it */
    struct opt_int eab;                        /* enum acme_eab_mode */
    struct opt_int max_names;
    struct opt_bool pre_authorization;
    const char *terms_url;
    struct list formats;            /* of const char *: of attestation objects (proof/attest.h) */
    const char *attestation_roots;  /* PEM: whose certificates about devices are trusted */
    struct acme_limits_own *limits; /* or NULL */
};

/** All profiles that there are; counted, immutable. */
struct acme_profiles {
    struct snapshot head;
    struct list all; /* of struct acme_endpoint *, by name */
};
/** The present ones: S's arena holds the reference. */
const struct acme_profiles *acme_profiles(struct scope *s, const struct acme *acme);
/** Read them anew: after a change, whoever made it. */
enum err acme_profiles_reload(struct scope *s, const struct acme *acme);
/** The one of this name, in any case, switched on or not; NULL: none. */
const struct acme_endpoint *acme_profile_find(const struct acme_profiles *all, const char *name);
/** The same of the present ones. E_NOT_FOUND. */
enum err acme_profile_get(struct scope *s, const struct acme *acme, const char *name,
                          const struct acme_endpoint **out);

/** What a profile is to be. */
struct acme_profile_edit {
    const char *name;
    bool fresh;      /* it is new */
    int64_t version; /* as it was read; 0: whatever it is now */
    bool enabled;
    struct acme_profile body;
};
/**
 * Make or replace a profile. Every mistake is reported, with the name that the Command API has for
 * its field.
 *
 * @return E_INVALID; E_FORBIDDEN: BY may not use its template; E_NOT_FOUND: there is none to
 * replace; E_CONFLICT: CHY_VERSION_CHANGED
 */
enum err acme_profile_save(struct scope *s, const struct acme *acme,
                           const struct acme_profile_edit *edit, const struct caller *by);
/** End a profile: its directory is gone, its accounts are nobody's, its certificates stay.
 * VERSION: as it was read; 0: whatever it is now. E_NOT_FOUND; E_CONFLICT: CHY_VERSION_CHANGED. */
enum err acme_profile_delete(struct scope *s, const struct acme *acme, const char *name,
                             int64_t version, const struct caller *by);

#endif
