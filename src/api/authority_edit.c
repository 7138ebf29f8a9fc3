#include "api/authority_edit.h"

#define A(member, wire, ...) FIELD(authority_request, member, wire, __VA_ARGS__)
#define ELSEWHERE(member, wire) A(member, wire, .doc = "Of authorities elsewhere: says nothing.")
static const struct field authority_request_fields[] = {
    A(id, "Id", .doc = "Of an authority that there is."),
    A(logical_name, "LogicalName", .max = 64),
    A(host_name, "HostName", .max = 256),
    A(forest_root, "ForestRoot", .flags = READ_ONLY),
    A(configuration_tenant, "ConfigurationTenant", .flags = READ_ONLY),
    A(properties, "Properties", .max = 8192,
      .doc = "JSON in a text: {\"Type\":\"Embedded\"} is an authority of this server, with Parent, "
             "Subject, KeyType (ec-p384, rsa-4096, ed25519), KeyUri and LifeDays."),
    A(allowed_enrollment_types, "AllowedEnrollmentTypes", .min = 0, .max = 7,
      .doc = "3 offers enrollment, 0 does not; templates and patterns say more."),
    A(ca_type, "CAType", .doc = "1."),
    A(auth_certificate, "AuthCertificate", .doc = "Not looked at, unless it has a SecretValue."),
    A(last_scan, "LastScan", .flags = READ_ONLY),
    ELSEWHERE(delegate, "Delegate"),
    ELSEWHERE(delegate_enrollment, "DelegateEnrollment"),
    ELSEWHERE(remote, "Remote"),
    ELSEWHERE(agent, "Agent"),
    ELSEWHERE(standalone, "Standalone"),
    ELSEWHERE(monitor_thresholds, "MonitorThresholds"),
    ELSEWHERE(issuance_max, "IssuanceMax"),
    ELSEWHERE(issuance_min, "IssuanceMin"),
    ELSEWHERE(denial_max, "DenialMax"),
    ELSEWHERE(failure_max, "FailureMax"),
    ELSEWHERE(rfc_enforcement, "RFCEnforcement"),
    ELSEWHERE(key_retention, "KeyRetention"),
    ELSEWHERE(key_retention_days, "KeyRetentionDays"),
    ELSEWHERE(explicit_credentials, "ExplicitCredentials"),
    ELSEWHERE(subscriber_terms, "SubscriberTerms"),
    ELSEWHERE(explicit_user, "ExplicitUser"),
    ELSEWHERE(explicit_password, "ExplicitPassword"),
    ELSEWHERE(use_allowed_requesters, "UseAllowedRequesters"),
    ELSEWHERE(allowed_requesters, "AllowedRequesters"),
    ELSEWHERE(full_scan, "FullScan"),
    ELSEWHERE(incremental_scan, "IncrementalScan"),
    ELSEWHERE(threshold_check, "ThresholdCheck"),
    ELSEWHERE(enforce_unique_dn, "EnforceUniqueDN"),
    ELSEWHERE(auth_certificate_password, "AuthCertificatePassword"),
};
#undef ELSEWHERE
#undef A
const struct model authority_request_model = MODEL(authority_request, authority_request_fields);

static const struct field authority_test_reply_fields[] = {
    FIELD(authority_test_reply, success, "Success"),
    FIELD(authority_test_reply, message, "Message"),
};
const struct model authority_test_reply_model =
    MODEL(authority_test_reply, authority_test_reply_fields);

static const struct field authority_import_query_fields[] = {
    FIELD(authority_import_query, dns, "dns", .max = 255),
};
const struct model authority_import_query_model =
    MODEL(authority_import_query, authority_import_query_fields);

static const struct field tenant_request_fields[] = {
    FIELD(tenant_request, configuration_tenant, "ConfigurationTenant", .max = 255),
};
const struct model tenant_request_model = MODEL(tenant_request, tenant_request_fields);

const struct op authority_create_op = {
    .method = "POST",
    .path = "/CertificateAuthority",
    .needs = "authorities/modify",
    .body = &authority_request_model,
    .reply = &authority_reply_model,
    .pool = OP_POOL_SLOW,
    .doc = "Make a certificate authority of this server.",
    .example =
        "{\"LogicalName\":\"Example Issuing CA 2\",\"CAType\":1,\"AllowedEnrollmentTypes\":3,"
        "\"Properties\":\"{\\\"Type\\\":\\\"Embedded\\\",\\\"Parent\\\":\\\"Example Root "
        "CA\\\"}\"}",
};
const struct op authority_edit_op = {
    .method = "PUT",
    .path = "/CertificateAuthority",
    .needs = "authorities/modify",
    .body = &authority_request_model,
    .reply = &authority_reply_model,
    .doc = "Change a certificate authority: HostName, and whether it offers enrollment.",
};
const struct op authority_test_op = {
    .method = "POST",
    .path = "/CertificateAuthority/Test",
    .needs = "authorities/modify",
    .body = &authority_request_model,
    .reply = &authority_test_reply_model,
    .pool = OP_POOL_SLOW,
    .doc = "Try whether an authority can sign, or one could be made.",
};
const struct op authority_import_op = {
    .method = "POST",
    .path = "/CertificateAuthority/Import",
    .needs = "authorities/modify",
    .query = &authority_import_query_model,
    .status = 204,
    .doc = "Look for authorities in a directory; there is none but this server's own.",
};
const struct op templates_import_op = {
    .method = "POST",
    .path = "/Templates/Import",
    .needs = "templates/modify",
    .body = &tenant_request_model,
    .status = 204,
    .doc = "Look for templates in a directory; there is none but this server's own.",
};
