/** Settings of the ACME server, `acme.*` of chancery.yaml: those of the directory without a name.
 */
#ifndef ACME_SETTINGS_H
#define ACME_SETTINGS_H

#include "acme/limit_settings.h"
#include "proof/settings.h"

/** Whether accounts must be bound to a key that we gave out (RFC 8555 section 7.3.4). */
enum acme_eab_mode { ACME_EAB_OFF, ACME_EAB_OPTIONAL, ACME_EAB_REQUIRED };

struct acme_settings {
    bool enabled;
    const char *base_url;         /* "": the HTTPS listener */
    struct list legacy_base_urls; /* of const char * */
    const char *terms_url, *website;
    int64_t eab;            /* enum acme_eab_mode */
    struct list algorithms; /* of const char *: of account keys */
    int64_t nonce_life, nonce_reject, page;
    const char *template_name, *authority;
    struct list challenges;     /* of const char *: that are offered */
    struct list allow, deny;    /* of const char *: rules of acme/names.h */
    struct list caa_identities; /* of const char * */
    int64_t max_names, order_life, keep, ari_retry, authz_reuse, retry_first, retry_for,
        finalize_delay;
    bool include_root, pre_authorization;
    bool validates; /* this server tries challenges; else others on its database do */
    struct proof_settings *validation;
    struct acme_limits *limits;
};
extern const struct model acme_settings_model;
/** The words of enum acme_eab_mode. */
extern const struct choice acme_eab_modes[];

#endif
