#include "api/metadata.h"

#include "api/command.h"

#define TAG "MetadataField"

static const struct choice data_types[] = {
    { 1, "String", NULL },          { 2, "Integer", NULL },        { 3, "Date", NULL },
    { 4, "Boolean", NULL },         { 5, "MultipleChoice", NULL }, { 6, "BigText", NULL },
    { 7, "Secret", "not offered" }, { 8, "Email", NULL },          { 0, NULL, NULL },
};
static const struct choice enrollments[] = {
    { 0, "Optional", NULL },
    { 1, "Required", NULL },
    { 2, "Hidden", NULL },
    { 0, NULL, NULL },
};

/* The members that a field has in every shape. */
#define MEMBERS(type, must)                                                                   \
    FIELD(type, name, "Name", .flags = (must), .max = 1000,                                   \
          .doc = "Letters, digits, \"_\" and \"-\"; unique in any case."),                    \
        FIELD(type, description, "Description", .flags = (must), .max = 65536),               \
        FIELD(type, data_type, "DataType", .flags = (must), .choices = data_types),           \
        FIELD(type, hint, "Hint", .max = 65536, .doc = "Shown where it is empty."),           \
        FIELD(type, validation, "Validation", .max = 65536,                                   \
              .doc = "A regular expression that has to be found in texts."),                  \
        FIELD(type, enrollment, "Enrollment", .choices = enrollments,                         \
              .doc = "Whether a request has to name it; a hidden one is not asked for."),     \
        FIELD(type, message, "Message", .max = 65536, .doc = "What is said of other texts."), \
        FIELD(type, options, "Options", .max = 65536, .doc = "Choices with commas between."), \
        FIELD(type, default_value, "DefaultValue", .max = 65536,                              \
              .doc = "What a certificate gets when its request names nothing."),              \
        FIELD(type, display_order, "DisplayOrder", .min = INT32_MIN, .max = INT32_MAX)

static const struct field metadata_field_reply_fields[] = {
    FIELD(metadata_field_reply, id, "Id"),
    MEMBERS(metadata_field_reply, 0),
};
const struct model metadata_field_reply_model =
    MODEL(metadata_field_reply, metadata_field_reply_fields);

static const struct field metadata_field_create_fields[] = {
    MEMBERS(metadata_field_create, REQUIRED),
};
static const struct model metadata_field_create_model =
    MODEL(metadata_field_create, metadata_field_create_fields);

static const struct field metadata_field_update_fields[] = {
    FIELD(metadata_field_update, id, "Id", .flags = REQUIRED),
    MEMBERS(metadata_field_update, REQUIRED),
};
static const struct model metadata_field_update_model =
    MODEL(metadata_field_update, metadata_field_update_fields);

static const struct field metadata_delete_query_fields[] = {
    FIELD(metadata_delete_query, force, "force",
          .doc = "Remove a field that certificates have, with its values."),
};
static const struct model metadata_delete_query_model =
    MODEL(metadata_delete_query, metadata_delete_query_fields);

const struct op metadata_fields_list_op = {
    .method = "GET",
    .path = "/MetadataFields",
    .tag = TAG,
    .needs = "metadata/read",
    .query = &page_query_model,
    .reply = &metadata_field_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The metadata fields, by display order and name.",
};
const struct op metadata_fields_create_op = {
    .method = "POST",
    .path = "/MetadataFields",
    .tag = TAG,
    .needs = "metadata/modify",
    .body = &metadata_field_create_model,
    .reply = &metadata_field_reply_model,
    .doc = "Make a metadata field.",
    .example = "{\"Name\":\"Owner\",\"Description\":\"The team that answers for it\","
               "\"DataType\":1}",
};
const struct op metadata_fields_update_op = {
    .method = "PUT",
    .path = "/MetadataFields",
    .tag = TAG,
    .needs = "metadata/modify",
    .body = &metadata_field_update_model,
    .reply = &metadata_field_reply_model,
    .doc = "Change a metadata field; members that are left out stay as they are.",
};
const struct op metadata_fields_delete_many_op = {
    .method = "DELETE",
    .path = "/MetadataFields",
    .tag = TAG,
    .needs = "metadata/modify",
    .query = &metadata_delete_query_model,
    .body = &int_model,
    .flags = OP_BODY_LIST,
    .pool = OP_POOL_SLOW,
    .deadline_ms = 600000,
    .doc = "Remove metadata fields.",
};
const struct op metadata_fields_get_op = {
    .method = "GET",
    .path = "/MetadataFields/{id}",
    .tag = TAG,
    .needs = "metadata/read",
    .reply = &metadata_field_reply_model,
    .doc = "One metadata field, by its number or its name.",
};
const struct op metadata_fields_delete_op = {
    .method = "DELETE",
    .path = "/MetadataFields/{id}",
    .tag = TAG,
    .needs = "metadata/modify",
    .query = &metadata_delete_query_model,
    .pool = OP_POOL_SLOW,
    .deadline_ms = 600000,
    .doc = "Remove a metadata field.",
};
const struct op metadata_fields_in_use_op = {
    .method = "GET",
    .path = "/MetadataFields/{id}/InUse",
    .tag = TAG,
    .needs = "metadata/read",
    .reply = &bool_model,
    .doc = "Whether any certificate has a value of it.",
};

/* Values of certificates. */

#define COLLECTION(type) \
    FIELD(type, collection_id, "collectionId", .doc = "Only what is in this collection.")

/* What clients that were generated from version 11 send. */
static const char *const certificate_id[] = { "CertificateId", NULL };

static const struct field metadata_put_request_fields[] = {
    FIELD(metadata_put_request, id, "Id", .flags = REQUIRED, .aliases = certificate_id),
    FIELD(metadata_put_request, metadata, "Metadata", .flags = REQUIRED, .max = 100,
          .doc = "Names and values; an empty value clears."),
    COLLECTION(metadata_put_request),
};
static const struct model metadata_put_request_model =
    MODEL(metadata_put_request, metadata_put_request_fields);

static const struct field metadata_of_reply_fields[] = {
    FIELD(metadata_of_reply, id, "Id"),
    FIELD(metadata_of_reply, metadata, "Metadata", .flags = ALWAYS),
};
static const struct model metadata_of_reply_model =
    MODEL(metadata_of_reply, metadata_of_reply_fields);

static const struct field metadata_single_fields[] = {
    FIELD(metadata_single, name, "MetadataName", .flags = REQUIRED, .max = 1000),
    FIELD(metadata_single, value, "Value", .max = 65536, .doc = "Empty: none."),
    FIELD(metadata_single, overwrite, "OverwriteExisting",
          .doc = "False: a certificate that has a value keeps it."),
};
static const struct model metadata_single_model = MODEL(metadata_single, metadata_single_fields);

static const struct field metadata_all_request_fields[] = {
    FIELD(metadata_all_request, query, "Query", .max = 65536, .doc = "Which certificates."),
    FIELD(metadata_all_request, ids, "CertificateIds", .model = &int_model, .max = 100000,
          .doc = "Or these."),
    FIELD(metadata_all_request, metadata, "Metadata", .model = &metadata_single_model,
          .flags = REQUIRED, .max = 100),
    COLLECTION(metadata_all_request),
};
static const struct model metadata_all_request_model =
    MODEL(metadata_all_request, metadata_all_request_fields);

static const struct field metadata_compare_query_fields[] = {
    FIELD(metadata_compare_query, certificate_id, "certificateId", .flags = REQUIRED),
    FIELD(metadata_compare_query, name, "metadataFieldName", .flags = REQUIRED, .max = 1000),
    FIELD(metadata_compare_query, value, "value", .max = 65536),
    COLLECTION(metadata_compare_query),
};
static const struct model metadata_compare_query_model =
    MODEL(metadata_compare_query, metadata_compare_query_fields);

const struct op certificates_metadata_put_op = {
    .method = "PUT",
    .path = "/Certificates/Metadata",
    .tag = "Certificates",
    .needs = "certificates/edit",
    .query = &within_query_model,
    .body = &metadata_put_request_model,
    .doc = "Note values about a certificate.",
    .example = "{\"Id\":12,\"Metadata\":{\"Owner\":\"web team\",\"Email\":\"\"}}",
};
const struct op certificates_metadata_all_op = {
    .method = "PUT",
    .path = "/Certificates/Metadata/All",
    .tag = "Certificates",
    .needs = "certificates/edit",
    .query = &within_query_model,
    .body = &metadata_all_request_model,
    .pool = OP_POOL_SLOW,
    .deadline_ms = 600000,
    .doc = "Note values about every certificate that a query finds, or about those named.",
};
const struct op certificates_metadata_compare_op = {
    .method = "GET",
    .path = "/Certificates/Metadata/Compare",
    .tag = "Certificates",
    .needs = "certificates/read",
    .query = &metadata_compare_query_model,
    .reply = &bool_model,
    .doc = "Whether a certificate has this value.",
};
const struct op certificates_metadata_get_op = {
    .method = "GET",
    .path = "/Certificates/{id}/Metadata",
    .tag = "Certificates",
    .needs = "certificates/read",
    .query = &within_query_model,
    .reply = &metadata_of_reply_model,
    .doc = "What is noted about a certificate.",
};
