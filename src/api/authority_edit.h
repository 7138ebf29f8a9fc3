/** Authority edits: models and operations of the Command API that make and change authorities. */
#ifndef API_AUTHORITY_EDIT_H
#define API_AUTHORITY_EDIT_H

#include "api/command.h"

/** An authority to make, change or try. The members of authorities elsewhere are known, so that one
 * of them that says something can be refused by its name. */
struct authority_request {
    int64_t id;
    const char *logical_name, *host_name, *forest_root, *configuration_tenant, *properties;
    struct opt_int allowed_enrollment_types, ca_type;
    struct raw auth_certificate, last_scan;
    struct raw delegate, delegate_enrollment, remote, agent, standalone, monitor_thresholds,
        issuance_max, issuance_min, denial_max, failure_max, rfc_enforcement, key_retention,
        key_retention_days, explicit_credentials, subscriber_terms, explicit_user,
        explicit_password, use_allowed_requesters, allowed_requesters, full_scan, incremental_scan,
        threshold_check, enforce_unique_dn, auth_certificate_password;
};
struct authority_test_reply {
    bool success;
    const char *message;
};
struct authority_import_query {
    const char *dns;
};
struct tenant_request {
    const char *configuration_tenant;
};
extern const struct model authority_request_model, authority_test_reply_model,
    authority_import_query_model, tenant_request_model;

extern const struct op authority_create_op, authority_edit_op, authority_test_op,
    authority_import_op, templates_import_op;

#endif
