/** Keys: models and operations of the Command API that make, keep and hand out private keys. */
#ifndef API_KEYS_H
#define API_KEYS_H

#include "codec/op.h"

/* PFX enrollment. */

struct pfx_request {
    const char *custom_friendly_name, *password;
    bool populate_from_ad;
    const char *subject;
    bool include_chain, include_subject_header;
    const char *chain_order;
    struct opt_int renewal_certificate_id;
    const char *certificate_authority;
    struct when timestamp;
    const char *tmpl;
    struct raw sans;
    struct pairs metadata;
    struct raw additional_fields;
    const char *key_type;
    struct opt_int key_length;
    const char *curve, *alternative_key_type;
    struct opt_int enrollment_pattern_id;
    struct list stores; /* of struct raw */
    bool install_into_existing;
    struct opt_int owner_role_id;
    const char *owner_role_name;
};
struct pfx_info {
    const char *serial_number, *issuer_dn, *thumbprint;
    int64_t keyfactor_id;
    const char *pkcs12_blob, *password;
    const char *workflow_instance_id;
    int64_t workflow_reference_id;
    struct list invalid_stores; /* of const char * */
    int64_t keyfactor_request_id;
    const char *request_disposition, *disposition_message;
    struct raw enrollment_context;
};
struct pfx_reply {
    struct list successful_stores; /* of const char * */
    struct pfx_info *information;
    struct pairs metadata;
};
extern const struct model pfx_request_model, pfx_reply_model;

/* Recovery. */

struct recover_request {
    const char *password;
    int64_t cert_id;
    const char *serial_number, *issuer_dn, *thumbprint;
    bool include_chain;
    const char *chain_order;
};
struct recover_reply {
    const char *pfx, *file_name;
};
extern const struct model recover_request_model, recover_reply_model;

/* Import. */

struct import_request {
    const char *certificate, *password;
    struct pairs metadata;
    struct list store_ids;   /* of const char * */
    struct list store_types; /* of struct raw */
    struct when schedule;
    bool import_metadata;
};
struct invalid_store_reply {
    const char *keystore_id, *client_machine, *store_path, *alias;
    int64_t reason;
    const char *explanation;
};
struct import_reply {
    int64_t import_status, job_status;
    struct list invalid; /* of struct invalid_store_reply */
    const char *thumbprint;
};
extern const struct model import_request_model, import_reply_model;

/* Requests made here. */

struct csr_generate_request {
    const char *subject, *key_type;
    struct opt_int key_length;
    const char *curve, *tmpl;
    struct raw sans;
};
struct csr_text {
    const char *csr;
};
struct csr_file_reply {
    const char *csr, *path, *text;
};
struct csr_pending_reply {
    int64_t id;
    const char *csr;
    struct when request_time;
    struct list subject; /* of const char * */
};
extern const struct model csr_generate_request_model, csr_text_model, csr_file_reply_model,
    csr_pending_reply_model;

/* Renewal. */

struct renewal_request {
    int64_t certificate_id;
    const char *thumbprint, *certificate_authority, *tmpl;
    struct when timestamp;
};
struct renewal_reply {
    int64_t keyfactor_id, keyfactor_request_id;
    const char *thumbprint, *serial_number, *issuer_dn, *request_disposition, *disposition_message,
        *password;
};
struct available_renewal_reply {
    int64_t type;
    const char *message;
};
extern const struct model renewal_request_model, renewal_reply_model, available_renewal_reply_model;

/* What a caller may enroll. */

struct context_ca_reply {
    const char *name;
    bool rfc_enforcement, subscriber_terms;
};
struct context_pattern_reply {
    int64_t id;
    const char *name;
    bool template_default;
};
struct context_template_reply {
    int64_t id;
    const char *name, *display_name, *forest, *key_size, *key_type;
    bool requires_approval, rfc_enforcement;
    struct list cas, enrollment_fields, metadata_fields, regexes, ext_key_usages;
    const char *curve;
    struct list patterns; /* of struct context_pattern_reply */
};
struct context_reply {
    struct list templates, standalone_cas;
};
struct settings_regex_reply {
    const char *subject_part, *regex, *error;
};
struct settings_policy_reply {
    bool allow_key_reuse, allow_wildcards, rfc_enforcement;
    struct list rsa_sizes, ecc_curves; /* of int64_t, const char * */
};
struct enrollment_settings_reply {
    struct list regexes, defaults;
    struct settings_policy_reply *policy;
};
extern const struct model context_reply_model, enrollment_settings_reply_model;

/* Operations. */
extern const struct op enrollment_pfx_op, certificates_recover_op, certificates_import_op,
    certificates_key_delete_op, certificates_keys_delete_op;
extern const struct op csr_generate_op, csr_pending_list_op, csr_pending_get_op,
    csr_pending_delete_op, csr_pending_delete_many_op;
extern const struct op enrollment_renew_op, available_renewal_id_op,
    available_renewal_thumbprint_op;
extern const struct op enrollment_csr_context_op, enrollment_pfx_context_op, enrollment_settings_op,
    enrollment_csr_parse_op;

#endif
