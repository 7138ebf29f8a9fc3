#include "api/patterns.h"

#define T(member, wire, ...) FIELD(pattern_template_reply, member, wire, __VA_ARGS__)
static const struct field pattern_template_reply_fields[] = {
    T(id, "Id"),
    T(name, "Name"),
    T(common_name, "CommonName"),
    T(template_name, "TemplateName"),
    T(display_name, "DisplayName"),
    T(friendly_name, "FriendlyName"),
    T(tenant, "ConfigurationTenant"),
    T(requires_approval, "RequiresApproval"),
};
#undef T
static const struct model pattern_template_reply_model =
    MODEL(pattern_template_reply, pattern_template_reply_fields);

static const struct field pattern_role_reply_fields[] = {
    FIELD(pattern_role_reply, id, "Id"),
    FIELD(pattern_role_reply, name, "Name"),
};
static const struct model pattern_role_reply_model =
    MODEL(pattern_role_reply, pattern_role_reply_fields);

static const struct field pattern_ca_reply_fields[] = {
    FIELD(pattern_ca_reply, id, "Id"),
    FIELD(pattern_ca_reply, logical_name, "LogicalName"),
    FIELD(pattern_ca_reply, host_name, "HostName"),
    FIELD(pattern_ca_reply, ca_name, "CAName"),
    FIELD(pattern_ca_reply, tenant, "ConfigurationTenant"),
};
static const struct model pattern_ca_reply_model = MODEL(pattern_ca_reply, pattern_ca_reply_fields);

static const struct field pattern_default_reply_fields[] = {
    FIELD(pattern_default_reply, part, "SubjectPart"),
    FIELD(pattern_default_reply, default_value, "DefaultValue"),
    FIELD(pattern_default_reply, value, "Value", .doc = "The same as version 25 has it."),
};
static const struct model pattern_default_reply_model =
    MODEL(pattern_default_reply, pattern_default_reply_fields);

#define P(member, wire, ...) FIELD(pattern_policy_reply, member, wire, __VA_ARGS__)
static const struct field pattern_policy_reply_fields[] = {
    P(allow_key_reuse, "AllowKeyReuse"),
    P(allow_wildcards, "AllowWildcards"),
    P(rfc_enforcement, "RFCEnforcement"),
    P(owner_role, "CertificateOwnerRole"),
    P(default_owner_role_id, "DefaultCertificateOwnerRoleId"),
    P(default_owner_role_name, "DefaultCertificateOwnerRoleName"),
    P(default_owner_override, "DefaultCertificateOwnerOverride"),
    P(primary, "PrimaryKeyAlgorithms", .model = &key_algorithm_reply_model),
    P(alternative, "AlternativeKeyAlgorithms", .model = &key_algorithm_reply_model),
    P(key_info, "KeyInfo", .model = &key_info_words_model),
};
#undef P
static const struct model pattern_policy_reply_model =
    MODEL(pattern_policy_reply, pattern_policy_reply_fields);

#define PATTERN_FIELDS                                                                       \
    FIELD(pattern_reply, id, "Id"), FIELD(pattern_reply, name, "Name"),                      \
        FIELD(pattern_reply, description, "Description"),                                    \
        FIELD(pattern_reply, tmpl, "Template", .model = &pattern_template_reply_model),      \
        FIELD(pattern_reply, template_default, "TemplateDefault",                            \
              .doc = "It is used where a request names the template alone."),                \
        FIELD(pattern_reply, use_ad, "UseADPermissions"),                                    \
        FIELD(pattern_reply, allowed_enrollment_types, "AllowedEnrollmentTypes"),            \
        FIELD(pattern_reply, restrict_cas, "RestrictCAs"),                                   \
        FIELD(pattern_reply, roles, "AssociatedRoles", .model = &pattern_role_reply_model),  \
        FIELD(pattern_reply, authorities, "CertificateAuthorities",                          \
              .model = &pattern_ca_reply_model),                                             \
        FIELD(pattern_reply, regexes, "Regexes", .model = &regex_words_model),               \
        FIELD(pattern_reply, metadata_fields, "MetadataFields", .model = &note_words_model), \
        FIELD(pattern_reply, defaults, "Defaults", .model = &pattern_default_reply_model),   \
        FIELD(pattern_reply, enrollment_fields, "EnrollmentFields", .model = &raw_model),    \
        FIELD(pattern_reply, policies, "Policies", .model = &pattern_policy_reply_model)

static const struct field pattern_reply_fields[] = { PATTERN_FIELDS };
const struct model pattern_reply_model = MODEL(pattern_reply, pattern_reply_fields);
static const struct field pattern_query_fields[] = {
    PATTERN_FIELDS,
    FIELD(pattern_reply, template_id, "TemplateId"),
};
const struct model pattern_query_model = MODEL(pattern_reply, pattern_query_fields);

static const struct field pattern_settings_reply_fields[] = {
    FIELD(pattern_settings_reply, regexes, "Regexes", .model = &regex_words_model),
    FIELD(pattern_settings_reply, defaults, "Defaults", .model = &pattern_default_reply_model),
    FIELD(pattern_settings_reply, policies, "Policies", .model = &pattern_policy_reply_model),
};
const struct model pattern_settings_reply_model =
    MODEL(pattern_settings_reply, pattern_settings_reply_fields);

#define R(member, wire, ...) FIELD(pattern_request, member, wire, __VA_ARGS__)
#define REQUEST_FIELDS                                                                       \
    R(name, "Name", .flags = REQUIRED, .min = 1, .max = 128),                                \
        R(description, "Description", .max = 1024), R(template_default, "TemplateDefault"),  \
        R(use_ad, "UseADPermissions", .doc = "Only false."), R(restrict_cas, "RestrictCAs"), \
        R(allowed_enrollment_types, "AllowedEnrollmentTypes", .min = 0, .max = 7),           \
        R(roles, "AssociatedRoles", .model = &raw_model, .max = 1000,                        \
          .doc = "Names of roles; none: as the template has it."),                           \
        R(authorities, "CertificateAuthorities", .model = &raw_model, .max = 1000,           \
          .doc = "Numbers of authorities."),                                                 \
        R(regexes, "Regexes", .model = &regex_words_model, .max = 100),                      \
        R(metadata_fields, "MetadataFields", .model = &note_words_model, .max = 1000),       \
        R(defaults, "Defaults", .model = &default_words_model, .max = 32),                   \
        R(enrollment_fields, "EnrollmentFields", .model = &raw_model, .max = 100,            \
          .doc = "None are offered."),                                                       \
        R(policies, "Policies", .model = &policy_words_model)

static const struct field pattern_create_request_fields[] = {
    R(tmpl, "Template", .flags = REQUIRED, .doc = "Number of the template."),
    REQUEST_FIELDS,
};
const struct model pattern_create_request_model = SHAPE(pattern_request, pattern_create_request);
static const struct field pattern_update_request_fields[] = { REQUEST_FIELDS };
const struct model pattern_update_request_model = SHAPE(pattern_request, pattern_update_request);

const struct op patterns_list_op = {
    .method = "GET",
    .path = "/EnrollmentPatterns",
    .needs = "patterns/read",
    .query = &page_query_model,
    .reply = &pattern_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The enrollment patterns.",
};
const struct op patterns_create_op = {
    .method = "POST",
    .path = "/EnrollmentPatterns",
    .needs = "patterns/modify",
    .body = &pattern_create_request_model,
    .reply = &pattern_reply_model,
    .doc = "Make an enrollment pattern: a way of enrolling by a template, narrower than that.",
    .example = "{\"Template\":1,\"Name\":\"Web team\",\"AssociatedRoles\":[\"Web\"],\"Regexes\":"
               "[{\"SubjectPart\":\"DNS\",\"Regex\":\"[.]example[.]com$\",\"CaseSensitive\":"
               "false}],\"Policies\":{\"AllowWildcards\":false}}",
};
const struct op patterns_get_op = {
    .method = "GET",
    .path = "/EnrollmentPatterns/{id}",
    .needs = "patterns/read",
    .reply = &pattern_reply_model,
    .doc = "One enrollment pattern.",
};
const struct op patterns_edit_op = {
    .method = "PUT",
    .path = "/EnrollmentPatterns/{id}",
    .needs = "patterns/modify",
    .body = &pattern_update_request_model,
    .reply = &pattern_reply_model,
    .doc = "Change an enrollment pattern; what the body leaves out stays as it is.",
};
const struct op patterns_delete_op = {
    .method = "DELETE",
    .path = "/EnrollmentPatterns/{id}",
    .needs = "patterns/modify",
    .status = 204,
    .doc = "Remove an enrollment pattern that is not the default of its template.",
};
const struct op patterns_metadata_op = {
    .method = "GET",
    .path = "/EnrollmentPatterns/{id}/Metadata",
    .needs = "patterns/read",
    .reply = &note_words_model,
    .flags = OP_REPLY_LIST,
    .doc = "What a pattern and its template ask of metadata.",
};
const struct op patterns_settings_op = {
    .method = "GET",
    .path = "/EnrollmentPatterns/{id}/Settings",
    .needs = "patterns/read",
    .reply = &pattern_settings_reply_model,
    .doc = "What a pattern and its template ask of a request.",
};
