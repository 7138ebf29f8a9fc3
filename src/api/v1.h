/**
 * Our own API, /api/v1: models and operations as data, no behaviour. Names are snake_case, times
 * UTC in RFC 3339; lists come in pages with a cursor, failures are problem details (RFC 9457),
 * objects are addressed by name or by id.
 */
#ifndef API_V1_H
#define API_V1_H

#include "codec/op.h"

/* Pages and failures. */

/** What every list takes: its query structs begin with these two. */
struct v1_query {
    int64_t limit;
    const char *after;
};
#define V1_PAGE_FIELDS(type)                                           \
    FIELD(type, limit, "limit", .preset = "50", .min = 1, .max = 1000, \
          .doc = "Most items of a page."),                             \
        FIELD(type, after, "after", .max = 512,                        \
              .doc = "The cursor that the page before gave as `next`.")
extern const struct model v1_query_model;

/** What every list answers. */
struct v1_page {
    struct list items;
    const char *next;       /* NULL: the end */
    int64_t total_at_least; /* of this page and what is known to follow */
};
#define V1_PAGE(type, item)                                                               \
    static const struct field type##_fields[] = {                                         \
        FIELD(v1_page, items, "items", .model = &(item), .flags = REQUIRED),              \
        FIELD(v1_page, next, "next", .doc = "Cursor of the next page; null at the end."), \
        FIELD(v1_page, total_at_least, "total_at_least",                                  \
              .doc = "How many there are, counted from this page, as far as is known."),  \
    };                                                                                    \
    static const struct model type##_model = SHAPE(v1_page, type)

/** A failure. */
struct v1_problem_item {
    const char *field, *code, *reason;
};
struct v1_problem {
    const char *type, *title;
    int64_t status;
    const char *detail, *code, *request_id;
    struct list problems; /* of struct v1_problem_item */
};
extern const struct model v1_problem_model;

/* Users. */

struct v1_user {
    int64_t id;
    const char *name, *display_name, *email;
    bool enabled;
    struct list roles; /* of const char * */
    struct when created_at, last_login_at, locked_until;
    int64_t version;
};
struct v1_user_new {
    const char *name, *password, *display_name, *email;
    struct opt_bool enabled;
    struct list roles;
};
struct v1_user_edit {
    const char *display_name, *email;
    struct opt_bool enabled;
    struct list roles;
};
struct v1_password {
    const char *password;
};
/** Users, clients and roles by part of their names. */
struct v1_principal_query {
    int64_t limit;
    const char *after, *contains;
};
extern const struct model v1_principal_query_model;
extern const struct op v1_users_list_op, v1_users_create_op, v1_users_get_op, v1_users_edit_op,
    v1_users_password_op, v1_users_unlock_op, v1_users_delete_op;

/* Claims. */

struct v1_claim {
    int64_t id;
    const char *type, *value, *provider, *description, *user;
    struct list roles; /* of const char * */
    struct when created_at;
    int64_t version;
};
struct v1_claim_new {
    const char *type, *value, *provider, *description, *user;
    struct list roles;
};
struct v1_claim_edit {
    const char *description, *user;
    struct list roles;
};
struct v1_claim_query {
    int64_t limit;
    const char *after, *type, *value, *provider;
};
extern const struct op v1_claims_list_op, v1_claims_create_op, v1_claims_get_op, v1_claims_edit_op,
    v1_claims_delete_op;

/* Providers: who else logs people in. */

struct v1_provider {
    const char *name, *kind;
    struct list addresses, domains; /* of const char * */
};
struct v1_provider_trial {
    const char *user, *password;
};
struct v1_provider_step {
    const char *name;
    bool ok;
    const char *detail;
    int64_t duration_ms;
};
struct v1_provider_result {
    const char *provider;
    bool ok;
    struct list steps; /* of struct v1_provider_step */
};
extern const struct op v1_providers_list_op, v1_providers_test_op;

/* OAuth2 clients. */

struct v1_client {
    int64_t id;
    const char *client_id, *description;
    bool enabled;
    struct list roles;
    struct when created_at, last_used_at;
    int64_t version;
    const char *client_secret; /* told once, when it is made */
};
struct v1_client_new {
    const char *client_id, *description;
    struct opt_bool enabled;
    struct list roles;
};
struct v1_client_edit {
    const char *description;
    struct opt_bool enabled;
    struct list roles;
};
extern const struct op v1_clients_list_op, v1_clients_create_op, v1_clients_get_op,
    v1_clients_edit_op, v1_clients_secret_op, v1_clients_delete_op;

/* Roles. */

struct v1_grant {
    const char *permission, *scope, *object; /* object: name or id; NULL with scope "all" */
};
extern const struct model v1_grant_model;
struct v1_member {
    const char *kind, *name;
    int64_t id;
};
struct v1_member_new {
    const char *kind, *name;
};
struct v1_role {
    int64_t id;
    const char *name, *description;
    bool enabled, built_in;
    struct list grants;  /* of struct v1_grant */
    struct list members; /* of struct v1_member */
    int64_t version;
};
struct v1_role_new {
    const char *name, *description;
    struct opt_bool enabled;
    struct list grants;
};
struct v1_role_edit {
    const char *name, *description;
    struct opt_bool enabled;
};
struct v1_grants {
    struct list items;
};
struct v1_permission {
    const char *name, *command_name, *path, *description;
};
struct v1_permissions {
    struct list items;
};
extern const struct op v1_roles_list_op, v1_roles_create_op, v1_roles_get_op, v1_roles_edit_op,
    v1_roles_delete_op, v1_members_add_op, v1_members_remove_op, v1_grants_list_op,
    v1_grants_add_op, v1_grants_withdraw_op, v1_permissions_list_op;

/* Tokens that people make for their programs. */

struct v1_token {
    int64_t id;
    const char *name, *hint, *owner, *owner_kind;
    struct list grants; /* of struct v1_grant */
    struct when created_at, expires_at, last_used_at;
    bool expired;
    const char *token; /* told once, when it is made */
};
struct v1_token_new {
    const char *name;
    struct list grants; /* of struct v1_grant */
    struct when expires_at;
};
struct v1_token_query {
    int64_t limit;
    const char *after;
    bool all;
};
extern const struct op v1_tokens_list_op, v1_tokens_create_op, v1_tokens_get_op,
    v1_tokens_revoke_op;

/* Legal holds. */

struct v1_hold {
    int64_t id;
    struct opt_int certificate;
    struct when audit_from, audit_to;
    const char *reason, *placed_by;
    struct when placed_at;
    const char *lifted_by;
    struct when lifted_at;
    const char *lifted_reason;
};
struct v1_hold_new {
    int64_t certificate;
    struct when audit_from, audit_to;
    const char *reason;
};
struct v1_hold_lift {
    const char *reason;
};
struct v1_hold_query {
    int64_t limit;
    const char *after;
    int64_t certificate;
    bool all;
};
extern const struct op v1_holds_list_op, v1_holds_create_op, v1_holds_get_op, v1_holds_lift_op;

/* Keys by which ACME accounts are bound. */

struct v1_eab_key {
    const char *kid, *profile, *status, *owner, *created_by;
    struct list allow, deny, types, challenges, profiles; /* of const char * */
    int64_t version, uses;
    struct opt_int max_uses, orders_per_day, orders_per_hour;
    struct when created_at, expires_at, last_used_at;
    const char *hmac_key; /* told once, when it is made */
};
struct v1_eab_key_new {
    const char *kid, *profile, *owner;
    struct list allow, deny, types, challenges, profiles; /* of const char * */
    int64_t max_uses;                                     /* 0: no limit */
    struct opt_int orders_per_day, orders_per_hour;
    struct when expires_at;
};
/** What is to change of one; what is absent stays. */
struct v1_eab_key_edit {
    const char *owner;
    struct list allow, deny, types, challenges, profiles; /* of const char * */
    struct opt_int max_uses, orders_per_day, orders_per_hour;
    struct when expires_at;
};
/** An order of an ACME client, with all that was found on its way. */
struct v1_acme_look {
    int64_t number;
    struct when at;
    struct raw error, steps;
};
struct v1_acme_challenge {
    const char *type, *status;
    int64_t attempts;
    struct when answered_at, validated_at, next_attempt_at;
    struct raw error, steps;
    struct list tries; /* of struct v1_acme_look */
};
struct v1_acme_authz {
    const char *id, *account, *type, *value, *status, *method;
    bool wildcard;
    struct when created_at, validated_at, expires_at;
    struct list challenges; /* of struct v1_acme_challenge */
};
struct v1_acme_order {
    const char *id, *account, *profile, *status, *replaces;
    struct list names; /* of const char * */
    struct raw identifiers, error;
    struct when created_at, expires_at, ended_at;
    struct opt_int certificate_id, request_id;
    struct list authorizations; /* of struct v1_acme_authz */
};
/** Orders, or authorizations, by whose and what they are. */
struct v1_acme_query {
    int64_t limit;
    const char *after, *account, *name;
    int64_t status;
};
struct v1_acme_account {
    const char *id, *profile, *status, *thumbprint, *eab_key, *created_ip, *user_agent;
    struct raw contacts;
    struct when terms_agreed_at, created_at, last_seen_at;
    struct list orders; /* of struct v1_acme_order */
};
struct v1_acme_account_query {
    int64_t limit;
    const char *after, *contains, *eab_key;
    int64_t status;
};
/** Why an operator does something. */
struct v1_acme_reason {
    const char *reason;
};
/** When operators want certificates renewed. */
struct v1_renewal_window {
    int64_t id;
    const char *query, *collection, *authority, *explanation_url, *reason, *created_by;
    struct when issued_from, issued_until, start, end, created_at;
    struct opt_int matches;
};
struct v1_renewal_window_new {
    const char *query, *collection, *authority, *explanation_url, *reason;
    struct when issued_from, issued_until, start, end;
};
struct v1_renewal_window_end {
    const char *reason;
};
extern const struct op v1_renewal_windows_list_op, v1_renewal_windows_create_op,
    v1_renewal_windows_get_op, v1_renewal_windows_remove_op;
extern const struct op v1_acme_accounts_list_op, v1_acme_accounts_get_op,
    v1_acme_accounts_suspend_op, v1_acme_accounts_restore_op, v1_acme_accounts_deactivate_op;
extern const struct op v1_acme_orders_list_op, v1_acme_orders_get_op, v1_acme_authzs_list_op,
    v1_acme_authzs_get_op, v1_acme_authzs_revoke_op;
struct v1_eab_key_end {
    bool suspend_accounts;
};
struct v1_acme_bucket {
    const char *limit, *profile, *key;
    int64_t most;
    double left;
    struct when full_at;
};
struct v1_acme_bucket_query {
    int64_t limit;
    const char *after, *name;
};
/** A rate limit of one account. */
struct v1_acme_own_limit {
    const char *account, *profile, *limit;
    int64_t most;
    struct when expires_at;
    const char *reason, *created_by;
    struct when created_at;
};
struct v1_acme_own_query {
    int64_t limit;
    const char *after, *account, *name;
};
struct v1_acme_own_set {
    int64_t most; /* 0: any number */
    struct when expires_at;
    const char *reason;
};
struct v1_acme_own_end {
    const char *reason;
};
struct v1_acme_reset {
    const char *limit, *key;
};
struct v1_acme_reset_done {
    int64_t count;
};
extern const struct op v1_acme_limits_list_op, v1_acme_limits_reset_op, v1_acme_own_limits_list_op,
    v1_acme_own_limits_set_op, v1_acme_own_limits_drop_op;
extern const struct op v1_eab_keys_list_op, v1_eab_keys_create_op, v1_eab_keys_get_op,
    v1_eab_keys_edit_op, v1_eab_keys_revoke_op;

/* Authorities. */

struct v1_authority {
    int64_t id;
    const char *name, *slug, *host, *driver, *parent;
    bool enabled, offers_enrollment, usable;
    struct when created_at;
    int64_t version;
    struct opt_int generation; /* of its key */
    const char *key_backend;
    /* its newest certificate */
    const char *subject, *serial_number, *thumbprint, *key_type, *signature_algorithm, *certificate;
    struct when not_before, not_after, revoked_at;
    const char *crl_url, *ca_url, *ocsp_url;
    /* its present CRL */
    struct opt_int crl_number, crl_entries;
    struct when crl_this_update, crl_next_update;
    /* deltas to it, and its parts */
    int64_t crl_delta_seconds;
    const char *crl_delta_url;
    struct opt_int crl_delta_number, crl_delta_entries;
    int64_t crl_shards, crl_shards_in_use;
    struct list crl_shard_urls; /* of const char * */
    bool ocsp_presign;
};
struct v1_authority_edit {
    struct opt_int crl_shards, crl_delta_seconds;
    struct opt_bool ocsp_presign;
};
struct v1_authority_new {
    const char *name, *subject, *parent, *key_type, *key_uri;
    bool outside;
    int64_t life_days;
    struct opt_int path_length;
    struct opt_bool offers_enrollment;
    struct list permitted, excluded; /* of const char * */
};
struct v1_authority_import {
    const char *name, *bundle, *password, *certificate, *key_uri, *crl;
    struct opt_int crl_number;
    struct opt_bool offers_enrollment;
};
struct v1_authority_rollover {
    const char *key_type, *key_uri;
    bool outside;
    int64_t life_days;
};
struct v1_cross_sign {
    const char *issuer;
    int64_t life_days;
};
struct v1_pem {
    const char *pem;
};
struct v1_authority_retire {
    bool destroy_keys;
    const char *confirm;
};
struct v1_ca_certificate {
    int64_t id, generation;
    bool preferred;
    const char *subject, *issuer, *serial_number, *thumbprint;
    struct when not_before, not_after;
    const char *certificate;
    int64_t certificate_id;
    struct when revoked_at;
    struct opt_int revocation_reason;
    const char *told_at;
};
struct v1_authority_revoke {
    struct opt_int generation;
    const char *serial_number;
    int64_t reason;
    const char *comment;
    struct when effective;
};
struct v1_crl {
    int64_t number, entries;
    struct when this_update, next_update;
};
struct v1_crl_wish {
    struct opt_int validity_seconds, crl_number;
};
extern const struct op v1_authorities_list_op, v1_authorities_get_op, v1_authorities_edit_op,
    v1_authorities_enable_op, v1_authorities_disable_op, v1_authorities_crl_op,
    v1_authorities_create_op, v1_authorities_import_op, v1_authorities_csr_op,
    v1_authorities_install_op, v1_authorities_rollover_op, v1_authorities_cross_sign_op,
    v1_authorities_revoke_op, v1_authorities_certificates_op, v1_authorities_delete_op;

/* The audit record. */

struct v1_audit_query {
    int64_t limit;
    const char *after, *category, *action, *outcome, *actor, *target_type, *target_id;
    struct when from, until;
    int64_t chain;
    bool oldest_first;
};
/** Who acted, or on what. */
struct v1_audit_party {
    const char *type, *id, *name;
};
struct v1_audit_event {
    const char *id;
    struct when at;
    int64_t chain, seq;
    const char *category, *action, *outcome, *level, *message, *hash;
    const struct v1_audit_party *actor, *target;
    struct raw event; /* what the hash is of */
};
/** The end of a chain, as an anchor keeps it. */
struct v1_audit_head {
    int64_t chain, seq;
    const char *hash;
};
/** Where all chains stand. */
struct v1_audit_anchor {
    struct when at;
    struct list heads; /* of struct v1_audit_head */
};
struct v1_audit_range {
    int64_t chain, from, to;
    struct list anchor; /* of struct v1_audit_head */
};
struct v1_audit_break {
    int64_t chain, seq;
    const char *reason;
    struct raw before, at, after;
};
struct v1_audit_report {
    bool intact;
    int64_t events, chains, checkpoints, unsealed, micros;
    struct list breaks; /* of struct v1_audit_break */
};
/** A JWK Set (RFC 7517). */
struct v1_keys {
    struct raw keys;
};
struct v1_audit_export {
    int64_t limit;
    const char *after;
    int64_t chain;
    struct when from, until;
};
extern const struct op v1_audit_list_op, v1_audit_get_op, v1_audit_verify_op, v1_audit_anchor_op,
    v1_audit_keys_op, v1_audit_export_op;

/* Certificates. */

struct v1_sans {
    struct list dns, ip, email, uri, upn; /* of const char * */
};
struct v1_certificate_new {
    const char *csr, *template_name, *authority, *subject;
    struct v1_sans *sans;
    int64_t validity_ms;
    struct when not_before, not_after;
    int64_t renews;
    const char *owner;
    struct pairs metadata;
};
struct v1_issued {
    struct opt_int id, request_id;
    const char *disposition, *message;
    const char *subject, *issuer, *serial_number, *thumbprint;
    struct when not_before, not_after;
    const char *pem;
    struct list chain; /* of const char *: PEM */
    struct bytes tbs;
};
struct v1_san {
    const char *kind, *value;
};
struct v1_certificate {
    int64_t id;
    const char *serial_number, *thumbprint, *thumbprint_sha1;
    const char *subject, *common_name, *issuer;
    struct list sans; /* of struct v1_san */
    struct when not_before, not_after, imported_at;
    const char *state, *key_type, *curve, *signature_algorithm;
    int64_t key_bits;
    const char *authority, *template_name, *protocol, *requester;
    struct opt_int request_id, renews;
    struct when superseded_at, revoked_at, invalidity_at;
    struct opt_int revocation_reason;
    const char *revocation_comment, *revoked_by;
    int64_t version;
    const char *pem;
    struct list chain;
    struct pairs metadata;
};
struct v1_certificates_query {
    int64_t limit;
    const char *after, *filter;
    bool include_revoked, include_expired;
    int64_t collection;
};
struct v1_certificate_query {
    int64_t collection;
};
struct v1_import {
    struct list certificates; /* of const char * */
};
struct v1_imported_one {
    struct opt_int id;
    const char *thumbprint, *state, *code, *detail;
};
struct v1_imported {
    int64_t entered, known, failed;
    struct list items; /* of struct v1_imported_one */
};
/* Requests that wait. */

struct v1_request {
    int64_t id;
    const char *state, *subject;
    struct list sans; /* of struct v1_san */
    const char *template_name, *authority, *requester, *protocol;
    struct when created_at, not_before, not_after;
    int64_t validity_ms;
    const char *key_type;
    int64_t key_bits;
    bool server_key, mine, may_decide;
    const char *message, *decided_by, *comment;
    struct when approved_at, decided_at, collected_at;
    struct opt_int certificate_id, renews;
    struct pairs metadata;
    int64_t version;
    const char *csr;
};
struct v1_requests_query {
    int64_t limit;
    const char *after;
    int64_t state;
    bool mine;
};
struct v1_decision {
    const char *comment;
};
struct v1_collect {
    const char *password, *form;
    struct opt_bool include_chain;
};
struct v1_collected {
    const char *file_name, *file;
};
/** Shared with what two people recover. */
extern const struct model v1_decision_model, v1_denial_model, v1_collected_model;
extern const struct op v1_requests_list_op, v1_requests_get_op, v1_requests_approve_op,
    v1_requests_deny_op, v1_requests_withdraw_op, v1_requests_collect_op;

/* Private keys that two people recover. */

struct v1_recovery {
    int64_t id;
    const char *state;
    int64_t certificate_id;
    const char *subject, *form;
    bool include_chain;
    const char *asker, *reason;
    struct when created_at, ends_at;
    bool mine, may_decide;
    const char *decided_by, *comment;
    struct when decided_at, given_at;
    int64_t version;
};
struct v1_recovery_new {
    int64_t certificate;
    const char *form;
    struct opt_bool include_chain;
    const char *reason;
    int64_t collection;
};
struct v1_recoveries_query {
    int64_t limit;
    const char *after;
    bool all, mine;
};
struct v1_recovery_collect {
    const char *password;
};
extern const struct op v1_recoveries_list_op, v1_recoveries_create_op, v1_recoveries_get_op,
    v1_recoveries_approve_op, v1_recoveries_deny_op, v1_recoveries_withdraw_op,
    v1_recoveries_collect_op;

extern const struct op v1_certificates_list_op, v1_certificates_issue_op, v1_certificates_get_op,
    v1_certificates_import_op, v1_search_fields_op;

/* The server. */

struct v1_scoped_permission {
    const char *permission, *scope;
    struct list ids; /* of int64_t */
};
struct v1_whoami {
    const char *id, *kind, *name, *auth, *scope;
    struct list roles, permissions; /* of const char * */
    struct list on_objects;         /* of struct v1_scoped_permission */
};
struct v1_component {
    const char *name, *state;
    struct when since;
    double latency_ms;
    const char *detail;
};
struct v1_health {
    const char *state, *version, *instance;
    struct when started_at;
    struct list components;
};
struct v1_job_query {
    int64_t limit;
    const char *after, *kind;
    int64_t state;
};
struct v1_job {
    int64_t id;
    const char *kind, *state;
    int64_t attempts, max_attempts;
    struct opt_int parent;
    struct when added_at, run_at, started_at, ended_at, deadline_at;
    const char *error;
};
struct v1_search_field {
    const char *name, *type, *description;
};
struct v1_search_fields {
    struct list items;
};
struct v1_archive_request {
    int64_t older_than_ms;
};
struct v1_archive_reply {
    struct when before;
    int64_t matching, moved;
};
extern const struct op v1_whoami_op, v1_token_keys_op, v1_health_op, v1_jobs_list_op,
    v1_archive_run_op;

#endif
