#include "api/certificate_details.h"

#include "api/command.h"

#define TAG "Certificates"
#define COLLECTION_DOC "Only what is in this collection."

static const struct field history_query_fields[] = {
    FIELD(history_query, page_returned, "PageReturned", .doc = "The page, from 1."),
    FIELD(history_query, return_limit, "ReturnLimit", .doc = "Rows of a page; at most 1000."),
    FIELD(history_query, take, "take", .doc = "The same."),
    FIELD(history_query, skip, "skip", .doc = "Rows to leave out in front."),
    FIELD(history_query, sort_field, "SortField", .max = 100),
    FIELD(history_query, sort_ascending, "SortAscending",
          .doc = "0 or true: ascending; 1 or false: descending."),
    FIELD(history_query, query_string, "QueryString", .max = 65536),
    FIELD(history_query, collection_id, "collectionId", .doc = COLLECTION_DOC),
};
static const struct model history_query_model = MODEL(history_query, history_query_fields);

static const struct field certificate_operation_reply_fields[] = {
    FIELD(certificate_operation_reply, id, "Id", .doc = "Of the event in the audit record."),
    FIELD(certificate_operation_reply, start, "OperationStart"),
    FIELD(certificate_operation_reply, end, "OperationEnd"),
    FIELD(certificate_operation_reply, username, "Username"),
    FIELD(certificate_operation_reply, comment, "Comment"),
    FIELD(certificate_operation_reply, action, "Action", .doc = "`certificate.revoke`."),
};
const struct model certificate_operation_reply_model =
    MODEL(certificate_operation_reply, certificate_operation_reply_fields);

const struct op certificates_history_op = {
    .method = "GET",
    .path = "/Certificates/{id}/History",
    .tag = TAG,
    .needs = "certificates/read",
    .query = &history_query_model,
    .reply = &certificate_operation_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "What was done with a certificate, as far as the audit record goes back; the oldest "
           "first.",
};

static const char *const id_aliases[] = { "OwnerRoleId", "RoleId", NULL };
static const char *const name_aliases[] = { "OwnerRoleName", "RoleName", NULL };
static const struct field owner_request_fields[] = {
    FIELD(owner_request, id, "NewRoleId", .aliases = id_aliases,
          .doc = "The role; null or 0, and no name: nobody's from now on."),
    FIELD(owner_request, name, "NewRoleName", .aliases = name_aliases, .max = 255),
};
static const struct model owner_request_model = MODEL(owner_request, owner_request_fields);

const struct op certificates_owner_op = {
    .method = "PUT",
    .path = "/Certificates/{id}/Owner",
    .tag = TAG,
    .needs = "certificates/edit",
    .query = &within_query_model,
    .body = &owner_request_model,
    .doc = "Give a certificate to a role, or take it from its owner.",
    .example = "{\"NewRoleName\":\"Operator\"}",
};

static const struct field certificate_validation_reply_fields[] = {
    FIELD(certificate_validation_reply, valid, "Valid"),
    FIELD(certificate_validation_reply, results, "Results",
          .doc = "What was looked at: `True` or `False`."),
};
static const struct model certificate_validation_reply_model =
    MODEL(certificate_validation_reply, certificate_validation_reply_fields);

const struct op certificates_validate_op = {
    .method = "GET",
    .path = "/Certificates/{id}/Validate",
    .tag = TAG,
    .needs = "certificates/read",
    .query = &within_query_model,
    .reply = &certificate_validation_reply_model,
    .doc = "Whether a certificate is good now: its chain up to a root of ours, its dates, and its "
           "state in the register.",
};

static const struct field analyze_request_fields[] = {
    FIELD(analyze_request, certificate, "Certificate", .flags = REQUIRED, .min = 1, .max = 4 << 20,
          .doc = "PEM, or base64 of DER, PKCS#12 or JKS."),
    FIELD(analyze_request, password, "Password", .flags = SECRET, .max = 1024),
};
static const struct model analyze_request_model = MODEL(analyze_request, analyze_request_fields);
static const struct field certificate_analysis_reply_fields[] = {
    FIELD(certificate_analysis_reply, issued_dn, "IssuedDN"),
    FIELD(certificate_analysis_reply, issuer_dn, "IssuerDN"),
    FIELD(certificate_analysis_reply, thumbprint, "Thumbprint"),
    FIELD(certificate_analysis_reply, not_after, "NotAfter"),
    FIELD(certificate_analysis_reply, not_before, "NotBefore"),
    FIELD(certificate_analysis_reply, metadata, "Metadata",
          .doc = "What is noted about it here, for those who may see it."),
    FIELD(certificate_analysis_reply, is_end_entity, "IsEndEntity"),
};
static const struct model certificate_analysis_reply_model =
    MODEL(certificate_analysis_reply, certificate_analysis_reply_fields);

const struct op certificates_analyze_op = {
    .method = "POST",
    .path = "/Certificates/Analyze",
    .tag = TAG,
    .needs = "certificates/import",
    .body = &analyze_request_model,
    .reply = &certificate_analysis_reply_model,
    .flags = OP_REPLY_LIST,
    .pool = OP_POOL_SLOW, /* PKCS#12 counts rounds */
    .doc = "What is in a file, before it is imported; nothing is kept.",
};

static const struct field csv_query_fields[] = {
    FIELD(csv_query, sort_name, "SortName", .max = 100),
    FIELD(csv_query, sort_order, "SortOrder", .doc = "0 or Ascending; 1 or Descending."),
    FIELD(csv_query, query, "Query", .max = 65536, .doc = "See `chancery help query`."),
    FIELD(csv_query, collection_id, "CollectionId", .doc = COLLECTION_DOC),
};
static const struct model csv_query_model = MODEL(csv_query, csv_query_fields);

const struct op certificates_csv_op = {
    .method = "GET",
    .path = "/Certificates/CSV",
    .tag = TAG,
    .needs = "certificates/read",
    .query = &csv_query_model,
    .reply_type = "text/csv",
    .pool = OP_POOL_SLOW,
    .deadline_ms = 120000,
    .doc = "What a query finds as CSV, at most 100000 certificates.",
};

/* Leaving the register. */

#define REMOVED                                                                                \
    " What OCSP and CRLs of ours still answer for stays, and authorities' own; a private key " \
    "goes "                                                                                    \
    "with its last certificate."
const struct op certificates_delete_op = {
    .method = "DELETE",
    .path = "/Certificates/{id}",
    .tag = TAG,
    .needs = "certificates/delete",
    .query = &within_query_model,
    .doc = "Remove a certificate from the register." REMOVED,
};
const struct op certificates_delete_many_op = {
    .method = "DELETE",
    .path = "/Certificates",
    .tag = TAG,
    .needs = "certificates/delete",
    .query = &within_query_model,
    .body = &int_model,
    .flags = OP_BODY_LIST,
    .doc = "Remove several, at most 1000, all or none." REMOVED,
};
const struct op certificates_delete_query_op = {
    .method = "DELETE",
    .path = "/Certificates/Query",
    .tag = TAG,
    .needs = "certificates/delete",
    .query = &within_query_model,
    .body = &text_model,
    .pool = OP_POOL_SLOW,
    .deadline_ms = 120000,
    .doc = "Remove what a query finds, revoked and expired ones too, 1000 at a time." REMOVED,
    .example = "\"NotAfter -lt \\\"%TODAY-365%\\\"\"",
};
