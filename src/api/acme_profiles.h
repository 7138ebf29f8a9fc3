/** ACME profiles, as the seeds call them. */
#ifndef API_ACME_PROFILES_H
#define API_ACME_PROFILES_H

#include "codec/op.h"

/** Numbers of rate limits, in the order of the settings' enum acme_limit (acme/limit_settings.h).
 */
#define ACME_PROFILE_LIMITS 11
struct acme_profile_limits {
    struct opt_int most[ACME_PROFILE_LIMITS];
};
/** What a profile says; lists that are empty, and what is absent: as the settings have it. */
struct acme_profile_request {
    int64_t id; /* it and the directory are taken from replies as they are */
    const char *directory;
    const char *name, *tmpl, *authority, *description, *eab, *terms, *roots;
    struct list formats;         /* of const char * */
    struct raw challenge_type;   /* a list, or text with commas */
    struct list challenge_types; /* of const char *: wins */
    struct list allowed_domains, denied_domains, allowed_networks, denied_networks,
        client_networks; /* of const char * */
    struct opt_int validity, max_names;
    struct opt_bool enabled, pre_authorization;
    bool auto_renew, offered;
    struct acme_profile_limits *limits;
};
struct acme_profile_reply {
    int64_t id;
    const char *name, *directory, *tmpl, *authority, *description, *eab, *terms, *challenge_type,
        *roots;
    struct list formats; /* of const char * */
    struct list challenge_types, allowed_domains, denied_domains, allowed_networks, denied_networks,
        client_networks;
    struct opt_int validity, max_names;
    struct opt_bool pre_authorization;
    bool enabled, auto_renew, offered;
    struct acme_profile_limits *limits;
};
extern const struct op acme_profiles_list_op, acme_profiles_get_op, acme_profiles_create_op,
    acme_profiles_edit_op, acme_profiles_delete_op;

#endif
