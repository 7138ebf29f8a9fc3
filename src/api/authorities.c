#include "api/command.h"

static const struct field schedule_time_fields[] = {
    FIELD(schedule_time, time, "Time"),
};
static const struct model schedule_time_model = MODEL(schedule_time, schedule_time_fields);
static const struct field schedule_reply_fields[] = {
    FIELD(schedule_reply, daily, "Daily", .model = &schedule_time_model),
};
static const struct model schedule_reply_model = MODEL(schedule_reply, schedule_reply_fields);

static const struct field authority_certificate_reply_fields[] = {
    FIELD(authority_certificate_reply, issued_dn, "IssuedDN"),
    FIELD(authority_certificate_reply, issuer_dn, "IssuerDN"),
    FIELD(authority_certificate_reply, thumbprint, "Thumbprint"),
    FIELD(authority_certificate_reply, expiration_date, "ExpirationDate"),
};
static const struct model authority_certificate_reply_model =
    MODEL(authority_certificate_reply, authority_certificate_reply_fields);

#define F(member, wire, ...) FIELD(authority_reply, member, wire, __VA_ARGS__)
static const struct field authority_reply_fields[] = {
    F(id, "Id"),
    F(logical_name, "LogicalName"),
    F(host_name, "HostName"),
    F(delegate, "Delegate"),
    F(delegate_enrollment, "DelegateEnrollment"),
    F(forest_root, "ForestRoot"),
    F(configuration_tenant, "ConfigurationTenant"),
    F(remote, "Remote"),
    F(agent, "Agent"),
    F(standalone, "Standalone"),
    F(monitor_thresholds, "MonitorThresholds"),
    F(issuance_max, "IssuanceMax"),
    F(issuance_min, "IssuanceMin"),
    F(denial_max, "DenialMax"),
    F(failure_max, "FailureMax"),
    F(rfc_enforcement, "RFCEnforcement"),
    F(properties, "Properties"),
    F(allowed_enrollment_types, "AllowedEnrollmentTypes"),
    F(key_retention, "KeyRetention"),
    F(key_retention_days, "KeyRetentionDays"),
    F(explicit_credentials, "ExplicitCredentials"),
    F(subscriber_terms, "SubscriberTerms"),
    F(explicit_user, "ExplicitUser"),
    F(explicit_password, "ExplicitPassword"),
    F(use_allowed_requesters, "UseAllowedRequesters"),
    F(allowed_requesters, "AllowedRequesters", .model = &text_model),
    F(full_scan, "FullScan", .model = &schedule_reply_model),
    F(incremental_scan, "IncrementalScan", .model = &schedule_reply_model),
    F(threshold_check, "ThresholdCheck", .model = &schedule_reply_model),
    F(ca_type, "CAType"),
    F(auth_certificate, "AuthCertificate", .model = &authority_certificate_reply_model),
    F(enforce_unique_dn, "EnforceUniqueDN"),
    F(last_scan, "LastScan"),
};
#undef F
const struct model authority_reply_model = MODEL(authority_reply, authority_reply_fields);

static const struct field authority_status_reply_fields[] = {
    FIELD(authority_status_reply, name, "Name"),
    FIELD(authority_status_reply, status, "Status", .doc = "Online or Offline."),
    FIELD(authority_status_reply, last_checked, "LastChecked"),
    FIELD(authority_status_reply, message, "Message", .doc = "Why it is offline."),
    FIELD(authority_status_reply, enabled, "Enabled"),
    FIELD(authority_status_reply, not_after, "NotAfter", .doc = "When its certificate ends."),
};
const struct model authority_status_reply_model =
    MODEL(authority_status_reply, authority_status_reply_fields);

const struct op authority_list_op = {
    .method = "GET",
    .path = "/CertificateAuthority",
    .needs = "authorities/read",
    .query = &page_query_model,
    .reply = &authority_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The certificate authorities.",
};
const struct op authority_get_op = {
    .method = "GET",
    .path = "/CertificateAuthority/{id}",
    .needs = "authorities/read",
    .reply = &authority_reply_model,
    .doc = "One certificate authority.",
};
const struct op authority_delete_op = {
    .method = "DELETE",
    .path = "/CertificateAuthority/{id}",
    .needs = "authorities/modify",
    .doc = "Retire a certificate authority: its certificates are kept, CRL and OCSP go on.",
};
const struct op authority_status_op = {
    .method = "GET",
    .path = "/CertificateAuthorities/{name}/status",
    .needs = "authorities/read",
    .reply = &authority_status_reply_model,
    .doc = "Whether an authority can issue now.",
};
