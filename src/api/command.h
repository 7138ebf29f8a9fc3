/** The Command API: models and operations as data, no behaviour. Names and types are those of its
 * clients. */
#ifndef API_COMMAND_H
#define API_COMMAND_H

#include "codec/op.h"

/* Paging, under every prefix: command-api 1.9. */
struct page_query {
    int64_t page_returned, return_limit, take, skip;
    const char *sort_field, *sort_ascending, *query_string;
};
extern const struct model page_query_model;

/* Certificates. */

/** Of calls that may name a collection: only what is in it is reached. */
struct within_query {
    int64_t collection_id;
};
extern const struct model within_query_model;

struct certificates_query {
    int64_t page_returned, return_limit, take, skip;
    const char *sort_field, *sort_ascending, *query_string;
    bool include_revoked, include_expired;
    int64_t collection_id;
    bool include_locations, include_metadata, include_has_private_key;
};
extern const struct model certificates_query_model;

/** An extended key usage. */
struct eku_reply {
    int64_t id;
    const char *oid, *display_name;
};
struct san_reply {
    int64_t id;
    const char *value;
    int64_t type;
    const char *value_hash;
};
struct cdp_reply {
    int64_t id;
    const char *url, *url_hash;
};
struct location_reply {
    const char *store_machine, *store_path;
    int64_t store_type;
    const char *alias;
    int64_t chain_level;
    const char *cert_store_id;
};
struct location_count_reply {
    const char *type;
    int64_t count;
};
struct ssl_location_reply {
    const char *store_path, *agent_pool, *ip_address;
    int64_t port;
    const char *network_name;
};
struct key_usage_reply {
    bool crl_sign, data_encipherment, decipher_only, digital_signature, encipher_only,
        key_agreement, key_cert_sign, key_encipherment, non_repudiation;
    const char *hex_code;
};
struct certificate_reply {
    int64_t id;
    const char *thumbprint, *serial_number, *issued_dn, *issued_cn;
    struct when import_date, not_before, not_after;
    const char *issuer_dn;
    struct opt_int principal_id;
    struct opt_int template_id;
    int64_t cert_state, key_size_in_bits, key_type;
    struct opt_int requester_id;
    const char *issued_ou, *issued_email;
    int64_t key_usage;
    const char *signing_algorithm, *cert_state_string, *key_type_string;
    struct when revocation_eff_date;
    struct opt_int revocation_reason;
    const char *revocation_comment;
    struct opt_int certificate_authority_id;
    const char *certificate_authority_name, *template_name;
    bool archived_key, has_private_key;
    const char *principal_name;
    struct opt_int cert_request_id;
    const char *requester_name, *content_bytes;
    struct list ext_key_usages, sans, cdps, locations_count, ssl_locations, locations;
    struct pairs metadata;
    int64_t certificate_key_id;
    int64_t ca_row_index;
    const char *ca_record_id;
    struct key_usage_reply *detailed_key_usage;
    bool key_recoverable;
    const char *curve;
    struct opt_int owner_role_id;
    const char *owner_role_name, *key_algorithm, *alt_key_algorithm;
    struct opt_int alt_key_size_in_bits, alt_key_type;
    const char *alt_key_type_string, *alt_signing_algorithm;
    bool has_alt_private_key;
    struct opt_int enrollment_pattern_id;
};
extern const struct model certificate_reply_model, eku_reply_model;

struct download_request {
    int64_t cert_id;
    const char *serial_number, *issuer_dn, *thumbprint;
    bool include_chain;
    const char *chain_order;
};
struct download_reply {
    const char *content;
};
extern const struct model download_request_model, download_reply_model;

struct revoke_request {
    struct list ids; /* of int64_t */
    int64_t reason;
    const char *comment;
    struct when effective;
    int64_t collection_id;
};
struct revoke_all_request {
    const char *query;
    int64_t reason;
    const char *comment;
    struct when effective;
    bool include_revoked, include_expired;
    int64_t collection_id;
};
struct revoke_one_request { /* a seed's shape */
    int64_t reason;
    const char *comment;
    struct when effective;
};
struct suspended_reply {
    int64_t cert_id;
    const char *workflow_id, *message;
};
struct revoke_reply {
    struct list revoked_ids; /* of int64_t */
    struct list suspended;   /* of struct suspended_reply */
};
extern const struct choice revocation_reasons[];
extern const struct model revoke_request_model, revoke_all_request_model, revoke_one_request_model,
    revoke_reply_model;

/* Enrollment. */

struct enroll_csr_request {
    const char *csr, *certificate_authority;
    bool include_chain;
    struct pairs metadata;
    struct raw additional_fields;
    struct when timestamp;
    const char *tmpl;
    struct raw sans; /* an object of lists, or a list of "DNS:a" */
    const char *subject;
    const char *private_key;
    struct opt_int renewal_certificate_id;
    bool include_subject_header;
    struct opt_int owner_role_id;
    const char *owner_role_name;
    struct opt_int enrollment_pattern_id;
};
struct enroll_info {
    const char *serial_number, *issuer_dn, *thumbprint;
    int64_t keyfactor_id;
    struct list certificates; /* of const char * */
    const char *workflow_instance_id;
    struct opt_int workflow_reference_id;
    int64_t keyfactor_request_id;
    const char *request_disposition, *disposition_message;
    struct raw enrollment_context;
    const char *pkcs12_blob, *password; /* of a request without a CSR */
};
struct enroll_csr_reply {
    struct enroll_info *information;
    struct pairs metadata;
};
extern const struct model enroll_csr_request_model, enroll_csr_reply_model;

struct seed_enroll_request { /* POST /Certificates/Enroll */
    const char *csr, *tmpl, *certificate_template, *certificate_authority;
    struct pairs metadata;
    struct raw sans;
    bool include_chain;
    const char *certificate_format;
};
struct seed_enroll_reply {
    int64_t certificate_id;
    const char *thumbprint, *serial_number, *issued_dn, *issuer_dn;
    struct when not_before, not_after;
    struct list certificates;
    struct opt_int request_id;
    const char *request_disposition;
};
extern const struct model seed_enroll_request_model, seed_enroll_reply_model;

/* Templates. */

struct template_regex_reply {
    int64_t template_id;
    const char *subject_part, *regex, *error;
};
struct template_field_reply {
    int64_t id;
    const char *name;
    struct list options; /* of const char * */
    int64_t data_type;
};
struct key_algorithm_reply {
    const char *name;
    struct list bit_lengths, curves; /* of int64_t, const char * */
};
struct template_policy_reply {
    int64_t template_id;
    struct list rsa_sizes, ecc_curves;
    bool allow_key_reuse, allow_wildcards, rfc_enforcement;
    struct opt_int owner_role;
    struct opt_int default_owner_role_id;
    const char *default_owner_role_name;
    struct list primary, alternative;
    struct key_info_words *key_info; /* api/templates.h */
};
struct template_reply {
    int64_t id;
    const char *common_name, *template_name, *oid, *key_size, *key_type, *forest_root,
        *configuration_tenant, *friendly_name, *key_retention;
    int64_t key_retention_days;
    bool key_archival;
    struct list enrollment_fields;
    int64_t allowed_enrollment_types;
    struct list regexes;
    bool use_allowed_requesters;
    struct list allowed_requesters;
    const char *display_name;
    bool requires_approval;
    int64_t key_usage;
    struct list ext_key_usages;
    /* what lists are filtered by, beside what they show (command-api 1.10) */
    const char *short_name;
    bool is_default_template, has_private_key_retention;
    int64_t allowed_enrollment_type;
};
/** One template: the members of the list and more. */
struct template_detail_reply {
    struct template_reply base;
    struct list metadata_fields, defaults; /* of struct note_words, default_words */
    bool rfc_enforcement;
    const char *curve;
    struct template_policy_reply *policy;
};
extern const struct model template_reply_model, template_detail_reply_model;
/** What queries may name: the members of the reply, and those that only queries know. */
extern const struct model template_query_model;

/* Authorities. */

struct schedule_time {
    struct when time;
};
struct schedule_reply {
    struct schedule_time *daily;
};
struct authority_certificate_reply {
    const char *issued_dn, *issuer_dn, *thumbprint;
    struct when expiration_date;
};
struct authority_reply {
    int64_t id;
    const char *logical_name, *host_name;
    bool delegate, delegate_enrollment;
    const char *forest_root, *configuration_tenant;
    bool remote;
    const char *agent;
    bool standalone, monitor_thresholds;
    struct opt_int issuance_max, issuance_min, denial_max, failure_max;
    bool rfc_enforcement;
    const char *properties;
    int64_t allowed_enrollment_types, key_retention, key_retention_days;
    bool explicit_credentials, subscriber_terms;
    const char *explicit_user;
    struct raw explicit_password;
    bool use_allowed_requesters;
    struct list allowed_requesters;
    struct schedule_reply *full_scan;
    struct schedule_reply *incremental_scan;
    struct schedule_reply *threshold_check;
    int64_t ca_type;
    struct authority_certificate_reply *auth_certificate;
    bool enforce_unique_dn;
    struct when last_scan;
};
struct authority_status_reply { /* a seed's shape */
    const char *name, *status;
    struct when last_checked, not_after;
    bool enabled;
    const char *message;
};
extern const struct model authority_reply_model, authority_status_reply_model;

/* Logging in. */

struct login_request {
    const char *username, *password;
};
struct token_request {
    const char *grant_type, *client_id, *client_secret, *scope, *audience, *username, *password;
};
struct token_reply {
    const char *access_token, *token_type;
    int64_t expires_in;
    const char *scope;
};
extern const struct model login_request_model, token_request_model, token_reply_model;

/* Errors. */

struct failed_operation {
    const char *reason;
    struct list ids; /* of int64_t */
};
struct command_error {
    const char *error_code, *message;
    struct list failed; /* of struct failed_operation */
};
extern const struct model command_error_model;

/* Operations. */
extern const struct op certificates_list_op, certificates_get_op, certificates_download_op,
    certificates_revoke_op, certificates_revoke_all_op, certificates_enroll_op,
    certificates_delete_revoke_op;
extern const struct op enrollment_csr_op;
extern const struct op templates_list_op, templates_get_op;
extern const struct op authority_list_op, authority_get_op, authority_delete_op,
    authority_status_op;
extern const struct op auth_login_op, oauth_token_op, status_endpoints_op, status_health_op;
/** Operations of the contract that are not offered yet; ended by NULL. */
extern const struct op *const *const command_not_yet_ops;

#endif
