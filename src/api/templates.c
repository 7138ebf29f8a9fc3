#include "api/command.h"

static const struct field template_regex_reply_fields[] = {
    FIELD(template_regex_reply, template_id, "TemplateId"),
    FIELD(template_regex_reply, subject_part, "SubjectPart"),
    FIELD(template_regex_reply, regex, "Regex"),
    FIELD(template_regex_reply, error, "Error"),
};
static const struct model template_regex_reply_model =
    MODEL(template_regex_reply, template_regex_reply_fields);

static const struct field template_field_reply_fields[] = {
    FIELD(template_field_reply, id, "Id"),
    FIELD(template_field_reply, name, "Name"),
    FIELD(template_field_reply, options, "Options", .model = &text_model),
    FIELD(template_field_reply, data_type, "DataType"),
};
static const struct model template_field_reply_model =
    MODEL(template_field_reply, template_field_reply_fields);

static const struct field key_algorithm_reply_fields[] = {
    FIELD(key_algorithm_reply, name, "name"),
    FIELD(key_algorithm_reply, bit_lengths, "bit_lengths", .model = &int_model),
    FIELD(key_algorithm_reply, curves, "curves", .model = &text_model),
};
static const struct model key_algorithm_reply_model =
    MODEL(key_algorithm_reply, key_algorithm_reply_fields);

#define P(member, wire, ...) FIELD(template_policy_reply, member, wire, __VA_ARGS__)
static const struct field template_policy_reply_fields[] = {
    P(template_id, "TemplateId"),
    P(rsa_sizes, "RSAValidKeySizes", .model = &int_model),
    P(ecc_curves, "ECCValidCurves", .model = &text_model),
    P(allow_key_reuse, "AllowKeyReuse"),
    P(allow_wildcards, "AllowWildcards"),
    P(rfc_enforcement, "RFCEnforcement"),
    P(owner_role, "CertificateOwnerRole"),
    P(default_owner_role_id, "DefaultCertificateOwnerRoleId"),
    P(default_owner_role_name, "DefaultCertificateOwnerRoleName"),
    P(primary, "PrimaryKeyAlgorithms", .model = &key_algorithm_reply_model),
    P(alternative, "AlternativeKeyAlgorithms", .model = &key_algorithm_reply_model),
};
#undef P
static const struct model template_policy_reply_model =
    MODEL(template_policy_reply, template_policy_reply_fields);

/* A template in a list and alone: the same members, of a struct that is, or begins with,
 * template_reply. */
#define TEMPLATE_FIELDS(type, at)                                                         \
    FIELD(type, at id, "Id"), FIELD(type, at common_name, "CommonName"),                  \
        FIELD(type, at template_name, "TemplateName"), FIELD(type, at oid, "Oid"),        \
        FIELD(type, at key_size, "KeySize"), FIELD(type, at key_type, "KeyType"),         \
        FIELD(type, at forest_root, "ForestRoot"),                                        \
        FIELD(type, at configuration_tenant, "ConfigurationTenant"),                      \
        FIELD(type, at friendly_name, "FriendlyName"),                                    \
        FIELD(type, at key_retention, "KeyRetention"),                                    \
        FIELD(type, at key_retention_days, "KeyRetentionDays"),                           \
        FIELD(type, at key_archival, "KeyArchival"),                                      \
        FIELD(type, at enrollment_fields, "EnrollmentFields",                             \
              .model = &template_field_reply_model),                                      \
        FIELD(type, at allowed_enrollment_types, "AllowedEnrollmentTypes"),               \
        FIELD(type, at regexes, "TemplateRegexes", .model = &template_regex_reply_model), \
        FIELD(type, at use_allowed_requesters, "UseAllowedRequesters"),                   \
        FIELD(type, at allowed_requesters, "AllowedRequesters", .model = &text_model),    \
        FIELD(type, at display_name, "DisplayName"),                                      \
        FIELD(type, at requires_approval, "RequiresApproval"),                            \
        FIELD(type, at key_usage, "KeyUsage"),                                            \
        FIELD(type, at ext_key_usages, "ExtendedKeyUsages", .model = &eku_reply_model)

static const struct field template_reply_fields[] = { TEMPLATE_FIELDS(template_reply, ) };
const struct model template_reply_model = MODEL(template_reply, template_reply_fields);

static const struct field template_query_fields[] = {
    TEMPLATE_FIELDS(template_reply, ),
    FIELD(template_reply, short_name, "ShortName"),
    FIELD(template_reply, is_default_template, "IsDefaultTemplate"),
    FIELD(template_reply, has_private_key_retention, "HasPrivateKeyRetention"),
    FIELD(template_reply, allowed_enrollment_type, "AllowedEnrollmentType"),
};
const struct model template_query_model = MODEL(template_reply, template_query_fields);

static const struct field template_detail_reply_fields[] = {
    TEMPLATE_FIELDS(template_detail_reply, base.),
    FIELD(template_detail_reply, metadata_fields, "MetadataFields", .model = &raw_model),
    FIELD(template_detail_reply, defaults, "TemplateDefaults", .model = &raw_model),
    FIELD(template_detail_reply, rfc_enforcement, "RFCEnforcement"),
    FIELD(template_detail_reply, curve, "Curve"),
    FIELD(template_detail_reply, policy, "TemplatePolicy", .model = &template_policy_reply_model),
};
const struct model template_detail_reply_model =
    MODEL(template_detail_reply, template_detail_reply_fields);

const struct op templates_list_op = {
    .method = "GET",
    .path = "/Templates",
    .needs = "templates/read",
    .query = &page_query_model,
    .reply = &template_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The certificate templates.",
};
const struct op templates_get_op = {
    .method = "GET",
    .path = "/Templates/{id}",
    .needs = "templates/read",
    .reply = &template_detail_reply_model,
    .doc = "One certificate template.",
};
