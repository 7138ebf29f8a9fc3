#include "api/v1.h"

#define TAG "Requests"

static const struct field v1_request_san_fields[] = {
    FIELD(v1_san, kind, "kind"),
    FIELD(v1_san, value, "value"),
};
static const struct model v1_request_san_model = SHAPE(v1_san, v1_request_san);

#define F(member, ...) FIELD(v1_request, member, #member, __VA_ARGS__)
static const struct field v1_request_fields[] = {
    F(id),
    F(state, .doc = "pending: for an approval; approved: and waits for the authority; issued; "
                    "denied; failed: what was approved is against the policy now."),
    F(subject, .doc = "As it will stand in the certificate."),
    F(sans, .model = &v1_request_san_model),
    FIELD(v1_request, template_name, "template"),
    F(authority),
    F(requester),
    F(protocol, .doc = "By which road it came."),
    F(created_at),
    F(not_before, .doc = "Asked for."),
    F(not_after, .doc = "Asked for."),
    FIELD(v1_request, validity_ms, "validity", .flags = DURATION | OMIT_EMPTY, .doc = "Asked for."),
    F(key_type, .doc = "Of a single request only."),
    F(key_bits, .doc = "Of a single request only."),
    F(server_key, .doc = "The key was made here, and waits for its certificate."),
    F(mine, .doc = "The caller asked for it."),
    F(may_decide, .doc = "It waits, and the caller may approve it."),
    F(message, .doc = "For whom it waits, why it was denied."),
    F(decided_by),
    F(comment, .doc = "Theirs."),
    F(approved_at),
    F(decided_at),
    F(collected_at, .doc = "When the requester took the key that was made here."),
    F(certificate_id),
    F(renews),
    F(metadata),
    F(version),
    F(csr, .flags = OMIT_EMPTY, .doc = "PEM; of a single request only."),
};
#undef F
static const struct model v1_request_model = MODEL(v1_request, v1_request_fields);
V1_PAGE(v1_requests, v1_request_model);

static const struct choice states[] = {
    { 0, "pending", "those that wait for an approval, or approved, for the authority" },
    { 1, "denied", "those that were denied, or failed" },
    { 0, NULL, NULL },
};
static const struct field v1_requests_query_fields[] = {
    V1_PAGE_FIELDS(v1_requests_query),
    FIELD(v1_requests_query, state, "state", .choices = states, .flags = CHOICE_TEXT,
          .preset = "pending"),
    FIELD(v1_requests_query, mine, "mine", .doc = "Only the caller's own."),
};
static const struct model v1_requests_query_model =
    MODEL(v1_requests_query, v1_requests_query_fields);

static const struct field v1_decision_fields[] = {
    FIELD(v1_decision, comment, "comment", .max = 1000, .doc = "Whoever asked is told."),
};
const struct model v1_decision_model = MODEL(v1_decision, v1_decision_fields);
static const struct field v1_denial_fields[] = {
    FIELD(v1_decision, comment, "comment", .flags = REQUIRED, .min = 1, .max = 1000,
          .doc = "Why; whoever asked is told."),
};
const struct model v1_denial_model = SHAPE(v1_decision, v1_denial);

static const struct field v1_collect_fields[] = {
    FIELD(v1_collect, password, "password", .flags = REQUIRED | SECRET, .min = 1, .max = 1024,
          .doc = "Of the file."),
    FIELD(v1_collect, form, "form", .preset = "pfx", .max = 20,
          .doc = "pfx, pfx-legacy, jks, pem, zip."),
    FIELD(v1_collect, include_chain, "include_chain", .doc = "The issuers too: true, when absent."),
};
static const struct model v1_collect_model = MODEL(v1_collect, v1_collect_fields);
static const struct field v1_collected_fields[] = {
    FIELD(v1_collected, file_name, "file_name"),
    FIELD(v1_collected, file, "file", .flags = SECRET, .doc = "Base64."),
};
const struct model v1_collected_model = MODEL(v1_collected, v1_collected_fields);

const struct op v1_requests_list_op = {
    .method = "GET",
    .path = "/requests",
    .tag = TAG,
    .query = &v1_requests_query_model,
    .reply = &v1_requests_model,
    .flags = OP_PAGED,
    .doc = "Requests that wait, or were denied, in order of entry.\n\nWho holds neither "
           "workflows/read nor workflows/participate sees their own.",
};
const struct op v1_requests_get_op = {
    .method = "GET",
    .path = "/requests/{request}",
    .tag = TAG,
    .reply = &v1_request_model,
    .doc = "One request, whatever became of it.\n\nOne that the caller may not see is not there.",
};
const struct op v1_requests_approve_op = {
    .method = "POST",
    .path = "/requests/{request}/approve",
    .tag = TAG,
    .needs = "workflows/participate",
    .body = &v1_decision_model,
    .reply = &v1_request_model,
    .flags = OP_BODY_OPTIONAL,
    .doc = "Approve it: it is judged anew by its template as that is now, and issued.\n\nThe "
           "answer's state is issued, or approved when the authority cannot sign now: then it is "
           "issued as soon as it can.",
    .example = "{\"comment\":\"CHG0012345\"}",
};
const struct op v1_requests_deny_op = {
    .method = "POST",
    .path = "/requests/{request}/deny",
    .tag = TAG,
    .needs = "workflows/participate",
    .body = &v1_denial_model,
    .reply = &v1_request_model,
    .doc = "Deny it, for good.",
    .example = "{\"comment\":\"Ask by the template for servers.\"}",
};
const struct op v1_requests_withdraw_op = {
    .method = "POST",
    .path = "/requests/{request}/withdraw",
    .tag = TAG,
    .body = &v1_decision_model,
    .reply = &v1_request_model,
    .flags = OP_BODY_OPTIONAL,
    .doc = "Take back a request of one's own that waits.",
};
const struct op v1_requests_collect_op = {
    .method = "POST",
    .path = "/requests/{request}/collect",
    .tag = TAG,
    .body = &v1_collect_model,
    .reply = &v1_collected_model,
    .flags = OP_SECRET,
    .pool = OP_POOL_SLOW,
    .doc = "Take the certificate of one's own request with the key that was made here: once.",
    .example = "{\"password\":\"correct horse battery\",\"form\":\"pfx\"}",
};
