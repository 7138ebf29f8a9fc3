#include "api/keys.h"
#include "api/templates.h"

static const struct field renewal_request_fields[] = {
    FIELD(renewal_request, certificate_id, "CertificateId"),
    FIELD(renewal_request, thumbprint, "Thumbprint", .max = 200),
    FIELD(renewal_request, certificate_authority, "CertificateAuthority", .max = 512),
    FIELD(renewal_request, tmpl, "Template", .max = 512),
    FIELD(renewal_request, timestamp, "Timestamp"),
};
const struct model renewal_request_model = MODEL(renewal_request, renewal_request_fields);

static const struct field renewal_reply_fields[] = {
    FIELD(renewal_reply, keyfactor_id, "KeyfactorId"),
    FIELD(renewal_reply, keyfactor_request_id, "KeyfactorRequestId"),
    FIELD(renewal_reply, thumbprint, "Thumbprint"),
    FIELD(renewal_reply, serial_number, "SerialNumber"),
    FIELD(renewal_reply, issuer_dn, "IssuerDN"),
    FIELD(renewal_reply, request_disposition, "RequestDisposition"),
    FIELD(renewal_reply, disposition_message, "DispositionMessage"),
    FIELD(renewal_reply, password, "Password", .flags = SECRET),
};
const struct model renewal_reply_model = MODEL(renewal_reply, renewal_reply_fields);

static const struct choice renewal_types[] = {
    { 0, "None", "it cannot be renewed here" },
    { 1, "OneClick", "POST /Enrollment/Renew does all" },
    { 2, "SeededPFX", "POST /Enrollment/PFX or /Enrollment/CSR with RenewalCertificateId" },
    { 0, NULL, NULL },
};
static const struct field available_renewal_reply_fields[] = {
    FIELD(available_renewal_reply, type, "AvailableRenewalType", .choices = renewal_types),
    FIELD(available_renewal_reply, message, "Message"),
};
const struct model available_renewal_reply_model =
    MODEL(available_renewal_reply, available_renewal_reply_fields);

/* What a caller may enroll. */

static const struct field context_ca_reply_fields[] = {
    FIELD(context_ca_reply, name, "Name"),
    FIELD(context_ca_reply, rfc_enforcement, "RFCEnforcement"),
    FIELD(context_ca_reply, subscriber_terms, "SubscriberTerms"),
};
static const struct model context_ca_reply_model = MODEL(context_ca_reply, context_ca_reply_fields);

static const struct field settings_regex_reply_fields[] = {
    FIELD(settings_regex_reply, subject_part, "SubjectPart"),
    FIELD(settings_regex_reply, regex, "Regex"),
    FIELD(settings_regex_reply, error, "Error"),
};
static const struct model settings_regex_reply_model =
    MODEL(settings_regex_reply, settings_regex_reply_fields);

static const struct field context_pattern_reply_fields[] = {
    FIELD(context_pattern_reply, id, "Id"),
    FIELD(context_pattern_reply, name, "Name"),
    FIELD(context_pattern_reply, template_default, "TemplateDefault"),
};
static const struct model context_pattern_reply_model =
    MODEL(context_pattern_reply, context_pattern_reply_fields);

#define F(member, wire, ...) FIELD(context_template_reply, member, wire, __VA_ARGS__)
static const struct field context_template_reply_fields[] = {
    F(id, "Id"),
    F(name, "Name"),
    F(display_name, "DisplayName"),
    F(forest, "Forest"),
    F(key_size, "KeySize"),
    F(key_type, "KeyType"),
    F(requires_approval, "RequiresApproval"),
    F(rfc_enforcement, "RFCEnforcement"),
    F(cas, "CAs", .model = &context_ca_reply_model),
    F(enrollment_fields, "EnrollmentFields", .model = &raw_model),
    F(metadata_fields, "MetadataFields", .model = &template_note_reply_model),
    F(regexes, "Regexes", .model = &settings_regex_reply_model),
    F(ext_key_usages, "ExtendedKeyUsages", .model = &eku_reply_model),
    F(curve, "Curve"),
    F(patterns, "EnrollmentPatterns", .model = &context_pattern_reply_model,
      .doc = "Those of its patterns that the caller may use."),
};
#undef F
static const struct model context_template_reply_model =
    MODEL(context_template_reply, context_template_reply_fields);

static const struct field context_reply_fields[] = {
    FIELD(context_reply, templates, "Templates", .model = &context_template_reply_model),
    FIELD(context_reply, standalone_cas, "StandaloneCAs", .model = &context_ca_reply_model),
};
const struct model context_reply_model = MODEL(context_reply, context_reply_fields);

static const struct field settings_policy_reply_fields[] = {
    FIELD(settings_policy_reply, allow_key_reuse, "AllowKeyReuse"),
    FIELD(settings_policy_reply, allow_wildcards, "AllowWildcards"),
    FIELD(settings_policy_reply, rfc_enforcement, "RFCEnforcement"),
    FIELD(settings_policy_reply, rsa_sizes, "RSAValidKeySizes", .model = &int_model),
    FIELD(settings_policy_reply, ecc_curves, "ECCValidCurves", .model = &text_model),
};
static const struct model settings_policy_reply_model =
    MODEL(settings_policy_reply, settings_policy_reply_fields);

static const struct field enrollment_settings_reply_fields[] = {
    FIELD(enrollment_settings_reply, regexes, "TemplateRegexes",
          .model = &settings_regex_reply_model),
    FIELD(enrollment_settings_reply, defaults, "TemplateDefaults", .model = &default_words_model),
    FIELD(enrollment_settings_reply, policy, "TemplatePolicy",
          .model = &settings_policy_reply_model),
};
const struct model enrollment_settings_reply_model =
    MODEL(enrollment_settings_reply, enrollment_settings_reply_fields);

const struct op enrollment_renew_op = {
    .method = "POST",
    .path = "/Enrollment/Renew",
    .tag = "Enrollment",
    .needs = "enrollment/pfx",
    .query = &within_query_model,
    .body = &renewal_request_model,
    .reply = &renewal_reply_model,
    .pool = OP_POOL_SLOW,
    .doc = "Renew a certificate whose key is kept here: the same subject and names, a new key, "
           "which is recovered by POST /Certificates/Recover.",
};
const struct op available_renewal_id_op = {
    .method = "GET",
    .path = "/Enrollment/AvailableRenewal/Id/{id}",
    .tag = "Enrollment",
    .needs = "certificates/read",
    .query = &within_query_model,
    .reply = &available_renewal_reply_model,
    .doc = "How a certificate can be renewed.",
};
const struct op available_renewal_thumbprint_op = {
    .method = "GET",
    .path = "/Enrollment/AvailableRenewal/Thumbprint/{thumbprint}",
    .tag = "Enrollment",
    .needs = "certificates/read",
    .query = &within_query_model,
    .reply = &available_renewal_reply_model,
    .doc = "How a certificate can be renewed.",
};
const struct op enrollment_csr_context_op = {
    .method = "GET",
    .path = "/Enrollment/CSR/Context/My",
    .tag = "Enrollment",
    .needs = "enrollment/csr",
    .reply = &context_reply_model,
    .doc = "Templates and authorities that the caller may enroll by with a request of their own.",
};
const struct op enrollment_pfx_context_op = {
    .method = "GET",
    .path = "/Enrollment/PFX/Context/My",
    .tag = "Enrollment",
    .needs = "enrollment/pfx",
    .reply = &context_reply_model,
    .doc = "Templates and authorities that the caller may enroll by with a key of the server's.",
};
const struct op enrollment_settings_op = {
    .method = "GET",
    .path = "/Enrollment/Settings/{id}",
    .tag = "Enrollment",
    .needs = "templates/read",
    .reply = &enrollment_settings_reply_model,
    .doc = "What a template asks of a request.",
};
const struct op enrollment_csr_parse_op = {
    .method = "POST",
    .path = "/Enrollment/CSR/Parse",
    .tag = "Enrollment",
    .needs = "enrollment/csr",
    .body = &csr_text_model,
    .reply = &text_model,
    .flags = OP_REPLY_LIST,
    .doc = "What a request says, line by line.",
};
