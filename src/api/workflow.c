#include "api/workflow.h"

#include "api/command.h"

#define TAG "Workflow"

#define WAITING_FIELDS(type, at)                                                                 \
    FIELD(type, at id, "Id", .doc = "The KeyfactorRequestId of the enrollment."),                \
        FIELD(type, at ca_request_id, "CARequestId"), FIELD(type, at common_name, "CommonName"), \
        FIELD(type, at distinguished_name, "DistinguishedName"),                                 \
        FIELD(type, at submission_date, "SubmissionDate"),                                       \
        FIELD(type, at certificate_authority, "CertificateAuthority"),                           \
        FIELD(type, at tmpl, "Template"), FIELD(type, at requester, "Requester"),                \
        FIELD(type, at state, "State", .doc = "3 denied, 4 failed, 5 pending; 1 issued."),       \
        FIELD(type, at state_string, "StateString"), FIELD(type, at metadata, "Metadata")

static const struct field waiting_reply_fields[] = { WAITING_FIELDS(waiting_reply, ) };
const struct model waiting_reply_model = MODEL(waiting_reply, waiting_reply_fields);

static const struct field waiting_store_reply_fields[] = {
    FIELD(waiting_store_reply, entry_name, "EntryName"),
    FIELD(waiting_store_reply, client_machine, "ClientMachine"),
    FIELD(waiting_store_reply, store_path, "StorePath"),
};
static const struct model waiting_store_reply_model =
    MODEL(waiting_store_reply, waiting_store_reply_fields);

static const struct field waiting_detail_reply_fields[] = {
    FIELD(waiting_detail_reply, denial_comment, "DenialComment"),
    FIELD(waiting_detail_reply, key_length, "KeyLength"),
    FIELD(waiting_detail_reply, sans, "SANs", .model = &text_model),
    FIELD(waiting_detail_reply, cert_stores, "CertStores", .model = &waiting_store_reply_model),
    FIELD(waiting_detail_reply, curve, "Curve"),
    WAITING_FIELDS(waiting_detail_reply, base.),
};
static const struct model waiting_detail_reply_model =
    MODEL(waiting_detail_reply, waiting_detail_reply_fields);

static const struct field denial_request_fields[] = {
    FIELD(denial_request, comment, "Comment", .max = 1000, .doc = "Why; whoever asked is told."),
    FIELD(denial_request, ids, "CertificateRequestIds", .model = &int_model, .flags = REQUIRED,
          .max = 1000),
};
static const struct model denial_request_model = MODEL(denial_request, denial_request_fields);

static const struct field processed_reply_fields[] = {
    FIELD(processed_reply, ca_row_id, "CARowId"),
    FIELD(processed_reply, ca_request_id, "CARequestId"),
    FIELD(processed_reply, ca_host, "CAHost"),
    FIELD(processed_reply, ca_logical_name, "CALogicalName"),
    FIELD(processed_reply, request_id, "KeyfactorRequestId"),
    FIELD(processed_reply, comment, "Comment", .doc = "Why it failed; else the comment."),
};
static const struct model processed_reply_model = MODEL(processed_reply, processed_reply_fields);

static const struct field approve_deny_reply_fields[] = {
    FIELD(approve_deny_reply, failures, "Failures", .model = &processed_reply_model,
          .doc = "Nothing was decided about these."),
    FIELD(approve_deny_reply, denials, "Denials", .model = &processed_reply_model,
          .doc = "Approved, and then against the policy."),
    FIELD(approve_deny_reply, successes, "Successes", .model = &processed_reply_model),
};
static const struct model approve_deny_reply_model =
    MODEL(approve_deny_reply, approve_deny_reply_fields);

#define SEEN "\n\nWho holds neither workflows/read nor workflows/participate sees their own."

const struct op waiting_list_op = {
    .method = "GET",
    .path = "/Workflow/Certificates/Pending",
    .tag = TAG,
    .query = &page_query_model,
    .reply = &waiting_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The requests for certificates that wait." SEEN,
};
const struct op waiting_denied_op = {
    .method = "GET",
    .path = "/Workflow/Certificates/Denied",
    .tag = TAG,
    .query = &page_query_model,
    .reply = &waiting_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "Those that were denied, or failed when they were approved; the newest first." SEEN,
};
const struct op waiting_external_op = {
    .method = "GET",
    .path = "/Workflow/Certificates/ExternalValidation",
    .tag = TAG,
    .query = &page_query_model,
    .reply = &waiting_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "Those that wait for somebody else's validation: none." SEEN,
};
const struct op waiting_get_op = {
    .method = "GET",
    .path = "/Workflow/Certificates/{id}",
    .tag = TAG,
    .reply = &waiting_detail_reply_model,
    .doc = "One request." SEEN,
};
const struct op waiting_approve_op = {
    .method = "POST",
    .path = "/Workflow/Certificates/Approve",
    .tag = TAG,
    .needs = "workflows/participate",
    .body = &int_model,
    .reply = &approve_deny_reply_model,
    .flags = OP_BODY_LIST,
    .pool = OP_POOL_SLOW,
    .doc = "Approve requests by their numbers: each is judged anew, and its certificate issued.",
    .example = "[31,32]",
};
const struct op waiting_deny_op = {
    .method = "POST",
    .path = "/Workflow/Certificates/Deny",
    .tag = TAG,
    .needs = "workflows/participate",
    .body = &denial_request_model,
    .reply = &approve_deny_reply_model,
    .doc = "Deny requests, for good.",
    .example = "{\"Comment\":\"not ours\",\"CertificateRequestIds\":[31]}",
};
