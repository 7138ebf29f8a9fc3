#include "api/v1.h"

#define TAG "Certificates"

#define F(member, ...) \
    FIELD(v1_sans, member, #member, .model = &text_model, .max = 10000, __VA_ARGS__)
static const struct field v1_sans_fields[] = { F(dns), F(ip), F(email), F(uri), F(upn) };
#undef F
static const struct model v1_sans_model = MODEL(v1_sans, v1_sans_fields);

static const struct field v1_certificate_new_fields[] = {
    FIELD(v1_certificate_new, csr, "csr", .flags = REQUIRED, .min = 1, .max = 262144,
          .doc = "PKCS#10: PEM, or base64 of DER."),
    FIELD(v1_certificate_new, template_name, "template", .flags = REQUIRED, .min = 1, .max = 512),
    FIELD(v1_certificate_new, authority, "authority", .max = 512,
          .doc = "None: one that offers the template."),
    FIELD(v1_certificate_new, subject, "subject", .max = 4096,
          .doc = "A DN that stands for the request's."),
    FIELD(v1_certificate_new, sans, "sans", .model = &v1_sans_model,
          .doc = "Names that stand for the request's of the same kinds."),
    FIELD(v1_certificate_new, validity_ms, "validity", .flags = DURATION, .min = 1000,
          .max = INT64_C(3153600000000), .doc = "`90d`, `12h`; none: the template's."),
    FIELD(v1_certificate_new, not_before, "not_before"),
    FIELD(v1_certificate_new, not_after, "not_after"),
    FIELD(v1_certificate_new, renews, "renews", .min = 0, .max = INT64_MAX,
          .doc = "The id of the certificate that this one renews."),
    FIELD(v1_certificate_new, owner, "owner", .max = 255, .doc = "The role that owns it."),
    FIELD(v1_certificate_new, metadata, "metadata", .max = 100,
          .doc = "What to note about it: names of metadata fields and their values."),
};
static const struct model v1_certificate_new_model =
    MODEL(v1_certificate_new, v1_certificate_new_fields);

#define F(member, ...) FIELD(v1_issued, member, #member, __VA_ARGS__)
static const struct field v1_issued_fields[] = {
    F(id),
    F(request_id),
    F(disposition, .doc = "issued, pending; planned after a dry run."),
    F(message, .doc = "What was left out, whom to wait for."),
    F(subject),
    F(issuer),
    F(serial_number),
    F(thumbprint, .doc = "SHA-256."),
    F(not_before),
    F(not_after),
    F(pem),
    F(chain, .model = &text_model, .doc = "PEM of the issuers, the root last."),
    F(tbs, .flags = OMIT_EMPTY, .doc = "After a dry run: what would be signed."),
};
#undef F
static const struct model v1_issued_model = MODEL(v1_issued, v1_issued_fields);

static const struct field v1_san_fields[] = {
    FIELD(v1_san, kind, "kind"),
    FIELD(v1_san, value, "value"),
};
static const struct model v1_san_model = MODEL(v1_san, v1_san_fields);

#define F(member, ...) FIELD(v1_certificate, member, #member, __VA_ARGS__)
static const struct field v1_certificate_fields[] = {
    F(id),
    F(serial_number),
    F(thumbprint, .doc = "SHA-256."),
    F(thumbprint_sha1),
    F(subject),
    F(common_name),
    F(issuer),
    F(sans, .model = &v1_san_model),
    F(not_before),
    F(not_after),
    F(imported_at),
    F(state, .doc = "active, revoked, ca, ..."),
    F(key_type),
    F(key_bits),
    F(curve),
    F(signature_algorithm),
    F(authority),
    FIELD(v1_certificate, template_name, "template"),
    F(protocol, .doc = "By which road it was asked for."),
    F(requester),
    F(request_id),
    F(renews),
    F(superseded_at),
    F(revoked_at),
    F(invalidity_at),
    F(revocation_reason, .doc = "A CRLReason of RFC 5280 section 5.3.1."),
    F(revocation_comment),
    F(revoked_by),
    F(version),
    F(pem, .flags = OMIT_EMPTY, .doc = "In single certificates only."),
    F(chain, .model = &text_model, .flags = OMIT_EMPTY, .doc = "PEM of the issuers."),
    F(metadata, .doc = "What is noted about it; of one certificate alone."),
};
#undef F
static const struct model v1_certificate_model = MODEL(v1_certificate, v1_certificate_fields);
V1_PAGE(v1_certificates, v1_certificate_model);

static const struct field v1_certificates_query_fields[] = {
    V1_PAGE_FIELDS(v1_certificates_query),
    FIELD(v1_certificates_query, filter, "filter", .max = 65536,
          .doc = "In the search language: `CN -contains \"web\"`; see /search/fields."),
    FIELD(v1_certificates_query, include_revoked, "include_revoked"),
    FIELD(v1_certificates_query, include_expired, "include_expired"),
    FIELD(v1_certificates_query, collection, "collection", .min = 0, .max = INT64_MAX,
          .doc = "Only what is in this collection."),
};
static const struct field v1_certificate_query_fields[] = {
    FIELD(v1_certificate_query, collection, "collection", .min = 0, .max = INT64_MAX,
          .doc = "Only if it is in this collection."),
};
static const struct model v1_certificate_query_model =
    MODEL(v1_certificate_query, v1_certificate_query_fields);
static const struct model v1_certificates_query_model =
    MODEL(v1_certificates_query, v1_certificates_query_fields);

static const struct field v1_search_field_fields[] = {
    FIELD(v1_search_field, name, "name"),
    FIELD(v1_search_field, type, "type"),
    FIELD(v1_search_field, description, "description"),
};
static const struct model v1_search_field_model = MODEL(v1_search_field, v1_search_field_fields);
static const struct field v1_search_fields_fields[] = {
    FIELD(v1_search_fields, items, "items", .model = &v1_search_field_model, .flags = REQUIRED),
};
static const struct model v1_search_fields_model = MODEL(v1_search_fields, v1_search_fields_fields);

static const struct field v1_import_fields[] = {
    FIELD(v1_import, certificates, "certificates", .model = &text_model, .min = 1, .max = 1000,
          .flags = REQUIRED, .doc = "Each in PEM, or base64 of DER."),
};
static const struct model v1_import_model = MODEL(v1_import, v1_import_fields);
static const struct field v1_imported_one_fields[] = {
    FIELD(v1_imported_one, id, "id"),
    FIELD(v1_imported_one, thumbprint, "thumbprint", .doc = "SHA-256."),
    FIELD(v1_imported_one, state, "state", .doc = "entered, known (it was here) or failed."),
    FIELD(v1_imported_one, code, "code", .doc = "Of a failure."),
    FIELD(v1_imported_one, detail, "detail", .doc = "Of a failure."),
};
static const struct model v1_imported_one_model = MODEL(v1_imported_one, v1_imported_one_fields);
static const struct field v1_imported_fields[] = {
    FIELD(v1_imported, entered, "entered"),
    FIELD(v1_imported, known, "known"),
    FIELD(v1_imported, failed, "failed"),
    FIELD(v1_imported, items, "items", .model = &v1_imported_one_model, .flags = REQUIRED),
};
static const struct model v1_imported_model = MODEL(v1_imported, v1_imported_fields);

const struct op v1_certificates_list_op = {
    .method = "GET",
    .path = "/certificates",
    .tag = TAG,
    .needs = "certificates/read",
    .query = &v1_certificates_query_model,
    .reply = &v1_certificates_model,
    .flags = OP_PAGED,
    .doc = "Search the register, in order of entry.",
};
const struct op v1_certificates_issue_op = {
    .method = "POST",
    .path = "/certificates",
    .tag = TAG,
    .needs = "enrollment/csr",
    .body = &v1_certificate_new_model,
    .reply = &v1_issued_model,
    .flags = OP_DRY_RUN | OP_IDEMPOTENT,
    .doc = "Ask for a certificate by a request of one's own.",
    .example = "{\"csr\":\"-----BEGIN CERTIFICATE REQUEST-----\\n...\",\"template\":\"WebServer\","
               "\"sans\":{\"dns\":[\"web.example.com\"]},\"validity\":\"90d\"}",
};
const struct op v1_certificates_import_op = {
    .method = "POST",
    .path = "/certificates/import",
    .tag = TAG,
    .needs = "certificates/import",
    .body = &v1_import_model,
    .reply = &v1_imported_model,
    .pool = OP_POOL_SLOW,
    .body_limit = (size_t)8 << 20,
    .deadline_ms = 60000,
    .doc = "Bring in many certificates that others issued, without their keys.\n\nA few are "
           "entered at a time. One that cannot be entered does not keep the others out: each item "
           "of the answer stands for the certificate at its place.",
};
const struct op v1_certificates_get_op = {
    .method = "GET",
    .path = "/certificates/{id}",
    .tag = TAG,
    .needs = "certificates/read",
    .query = &v1_certificate_query_model,
    .reply = &v1_certificate_model,
    .flags = OP_ETAG,
    .doc = "One certificate with its chain.",
};
const struct op v1_search_fields_op = {
    .method = "GET",
    .path = "/search/fields",
    .tag = TAG,
    .needs = "certificates/read",
    .reply = &v1_search_fields_model,
    .doc = "The fields of the search language.",
};
