#include "api/templates.h"

/* What templates and patterns say. */

static const struct field regex_words_fields[] = {
    FIELD(regex_words, template_id, "TemplateId", .flags = READ_ONLY),
    FIELD(regex_words, subject_part, "SubjectPart", .flags = REQUIRED, .max = 64,
          .doc = "CN, O, OU, L, ST, C, E; DNS, IP4, IP6, MAIL, UPN, URI."),
    FIELD(regex_words, regex, "Regex", .max = 512, .doc = "Found in each such value."),
    FIELD(regex_words, error, "Error", .max = 512, .doc = "What is said when it is not."),
    FIELD(regex_words, case_sensitive, "CaseSensitive"),
};
const struct model regex_words_model = MODEL(regex_words, regex_words_fields);

static const char *const default_value_alias[] = { "DefaultValue", NULL };
static const struct field default_words_fields[] = {
    FIELD(default_words, subject_part, "SubjectPart", .flags = REQUIRED, .max = 64),
    FIELD(default_words, value, "Value", .max = 128, .aliases = default_value_alias),
};
const struct model default_words_model = MODEL(default_words, default_words_fields);

static const struct choice note_enrollments[] = {
    { 0, "Optional", NULL },
    { 1, "Required", NULL },
    { 2, "Hidden", NULL },
    { 0, NULL, NULL },
};
#define N(member, wire, ...) FIELD(note_words, member, wire, __VA_ARGS__)
static const struct field note_words_fields[] = {
    N(id, "Id"),
    N(metadata_id, "MetadataId", .doc = "Number of the metadata field."),
    N(name, "Name", .max = 255, .doc = "Its name, where no number is given."),
    N(default_value, "DefaultValue", .max = 4000),
    N(validation, "Validation", .max = 512, .doc = "Regular expression found in each value."),
    N(enrollment, "Enrollment", .choices = note_enrollments),
    N(message, "Message", .max = 512, .doc = "What is said when it is not."),
    N(options, "Options", .max = 4000, .doc = "With commas between."),
    N(case_sensitive, "CaseSensitive"),
    N(depends_on, "DependsOn", .max = 255),
    N(depends_on_value, "DependsOnValue", .max = 4000),
    N(data_type, "DataType"),
    N(hint, "Hint", .max = 255),
};
#undef N
const struct model note_words_model = MODEL(note_words, note_words_fields);

static const struct field key_words_fields[] = {
    FIELD(key_words, bit_lengths, "bit_lengths", .model = &int_model, .max = 20),
    FIELD(key_words, curves, "curves", .model = &text_model, .max = 20),
};
static const struct model key_words_model = MODEL(key_words, key_words_fields);

static const struct field key_info_words_fields[] = {
    FIELD(key_info_words, ecdsa, "ECDSA", .model = &key_words_model),
    FIELD(key_info_words, rsa, "RSA", .model = &key_words_model),
    FIELD(key_info_words, ed448, "Ed448", .model = &key_words_model),
    FIELD(key_info_words, ed25519, "Ed25519", .model = &key_words_model),
};
const struct model key_info_words_model = MODEL(key_info_words, key_info_words_fields);

static const struct choice owner_roles[] = {
    { 0, "Optional", "a request may name a role that owns the certificate" },
    { 1, "Required", "it must, where there is no default" },
    { 2, "Hidden", "the default is the owner, whatever a request names" },
    { 0, NULL, NULL },
};
#define P(member, wire, ...) FIELD(policy_words, member, wire, __VA_ARGS__)
static const struct field policy_words_fields[] = {
    P(rsa_sizes, "RSAValidKeySizes", .model = &int_model, .max = 20),
    P(ecc_curves, "ECCValidCurves", .model = &text_model, .max = 20, .doc = "OIDs, or P-256."),
    P(allow_key_reuse, "AllowKeyReuse"),
    P(allow_wildcards, "AllowWildcards"),
    P(rfc_enforcement, "RFCEnforcement", .doc = "A certificate has a name beside its subject."),
    P(owner_role, "CertificateOwnerRole", .choices = owner_roles),
    P(default_owner_role_id, "DefaultCertificateOwnerRoleId"),
    P(default_owner_role_name, "DefaultCertificateOwnerRoleName", .max = 255),
    P(primary, "PrimaryKeyAlgorithms", .model = &raw_model, .max = 100,
      .doc = "{name, bit_lengths, curves} or {KeyType, KeySize, CurveName}."),
    P(alternative, "AlternativeKeyAlgorithms", .model = &raw_model, .max = 100),
    P(key_info, "KeyInfo", .model = &key_info_words_model),
};
#undef P
const struct model policy_words_model = MODEL(policy_words, policy_words_fields);

/* Templates. */

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
const struct model key_algorithm_reply_model =
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
    P(key_info, "KeyInfo", .model = &key_info_words_model, .doc = "The same as version 25 has it."),
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

static const struct field template_note_reply_fields[] = {
    FIELD(note_words, id, "Id"),
    FIELD(note_words, default_value, "DefaultValue"),
    FIELD(note_words, metadata_id, "MetadataId"),
    FIELD(note_words, validation, "Validation"),
    FIELD(note_words, enrollment, "Enrollment"),
    FIELD(note_words, message, "Message"),
    FIELD(note_words, options, "Options"),
};
const struct model template_note_reply_model = SHAPE(note_words, template_note_reply);

static const struct field template_detail_reply_fields[] = {
    TEMPLATE_FIELDS(template_detail_reply, base.),
    FIELD(template_detail_reply, metadata_fields, "MetadataFields",
          .model = &template_note_reply_model),
    FIELD(template_detail_reply, defaults, "TemplateDefaults", .model = &default_words_model),
    FIELD(template_detail_reply, rfc_enforcement, "RFCEnforcement"),
    FIELD(template_detail_reply, curve, "Curve"),
    FIELD(template_detail_reply, policy, "TemplatePolicy", .model = &template_policy_reply_model),
};
const struct model template_detail_reply_model =
    MODEL(template_detail_reply, template_detail_reply_fields);

static const struct choice retentions[] = {
    { 0, "None", NULL },         { 1, "Indefinite", NULL }, { 2, "AfterExpiration", NULL },
    { 3, "FromIssuance", NULL }, { 0, NULL, NULL },
};
#define T(member, wire, ...) FIELD(template_edit_request, member, wire, __VA_ARGS__)
static const struct field template_edit_request_fields[] = {
    T(id, "Id", .flags = REQUIRED),
    T(common_name, "CommonName", .flags = READ_ONLY),
    T(template_name, "TemplateName", .flags = READ_ONLY),
    T(oid, "Oid", .flags = READ_ONLY),
    T(key_size, "KeySize", .flags = READ_ONLY, .doc = "See TemplatePolicy."),
    T(key_type, "KeyType", .flags = READ_ONLY, .doc = "See TemplatePolicy."),
    T(forest_root, "ForestRoot", .flags = READ_ONLY),
    T(configuration_tenant, "ConfigurationTenant", .flags = READ_ONLY),
    T(display_name, "DisplayName", .flags = READ_ONLY),
    T(friendly_name, "FriendlyName", .max = 256),
    T(key_retention, "KeyRetention", .choices = retentions),
    T(key_retention_days, "KeyRetentionDays", .min = 0, .max = 36500),
    T(key_archival, "KeyArchival", .doc = "Only false; see KeyRetention."),
    T(enrollment_fields, "EnrollmentFields", .model = &raw_model, .max = 100,
      .doc = "None are offered."),
    T(metadata_fields, "MetadataFields", .model = &note_words_model, .max = 1000),
    T(allowed_enrollment_types, "AllowedEnrollmentTypes", .min = 0, .max = 7,
      .doc = "1 PFX, 2 CSR; 0 switches the template off."),
    T(regexes, "TemplateRegexes", .model = &regex_words_model, .max = 100),
    T(defaults, "TemplateDefaults", .model = &default_words_model, .max = 32),
    T(policy, "TemplatePolicy", .model = &policy_words_model),
    T(use_allowed_requesters, "UseAllowedRequesters"),
    T(allowed_requesters, "AllowedRequesters", .model = &text_model, .max = 100,
      .doc = "Names of roles."),
    T(rfc_enforcement, "RFCEnforcement", .doc = "The same as in TemplatePolicy."),
    T(requires_approval, "RequiresApproval"),
    T(key_usage, "KeyUsage", .doc = "Not looked at."),
};
#undef T
const struct model template_edit_request_model =
    MODEL(template_edit_request, template_edit_request_fields);

static const struct field subject_part_reply_fields[] = {
    FIELD(subject_part_reply, part, "SubjectPart"),
    FIELD(subject_part_reply, name, "SubjectPartName"),
};
const struct model subject_part_reply_model = MODEL(subject_part_reply, subject_part_reply_fields);

static const struct field template_settings_reply_fields[] = {
    FIELD(template_settings_reply, regexes, "TemplateRegexes", .model = &regex_words_model),
    FIELD(template_settings_reply, defaults, "TemplateDefaults", .model = &default_words_model),
    FIELD(template_settings_reply, policy, "TemplatePolicy", .model = &template_policy_reply_model),
};
const struct model template_settings_reply_model =
    MODEL(template_settings_reply, template_settings_reply_fields);

static const struct field template_settings_request_fields[] = {
    FIELD(template_settings_request, regexes, "TemplateRegexes", .model = &regex_words_model,
          .max = 100),
    FIELD(template_settings_request, defaults, "TemplateDefaults", .model = &default_words_model,
          .max = 32),
    FIELD(template_settings_request, policy, "TemplatePolicy", .model = &policy_words_model),
};
const struct model template_settings_request_model =
    MODEL(template_settings_request, template_settings_request_fields);

const struct op templates_settings_op = {
    .method = "GET",
    .path = "/Templates/Settings",
    .needs = "templates/read",
    .reply = &template_settings_reply_model,
    .doc = "What holds beside every template.",
};
const struct op templates_settings_edit_op = {
    .method = "PUT",
    .path = "/Templates/Settings",
    .needs = "templates/modify",
    .body = &template_settings_request_model,
    .reply = &template_settings_reply_model,
    .doc = "Say what holds beside every template, which may be stricter; what the body leaves out "
           "stays as it is.",
    .example = "{\"TemplateRegexes\":[{\"SubjectPart\":\"C\",\"Regex\":\"^DE$\"}],"
               "\"TemplateDefaults\":[{\"SubjectPart\":\"O\",\"Value\":\"Example\"}],"
               "\"TemplatePolicy\":{\"AllowWildcards\":false}}",
};
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
const struct op templates_edit_op = {
    .method = "PUT",
    .path = "/Templates",
    .needs = "templates/modify",
    .body = &template_edit_request_model,
    .reply = &template_detail_reply_model,
    .doc = "Change a template, which gets a new version; what the body leaves out stays as it is.",
    .example = "{\"Id\":1,\"FriendlyName\":\"Web Server\",\"KeyRetention\":\"None\","
               "\"TemplateRegexes\":[{\"SubjectPart\":\"CN\",\"Regex\":\"example[.]com$\","
               "\"Error\":\"a name below example.com\"}]}",
};
const struct op templates_subject_parts_op = {
    .method = "GET",
    .path = "/Templates/SubjectParts",
    .needs = "templates/read",
    .reply = &subject_part_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "The parts of a subject and the kinds of names that regular expressions and defaults "
           "may speak of.",
};
