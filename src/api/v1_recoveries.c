#include "api/v1.h"

#define TAG "Recoveries"
#define NEEDS "certificates/recover"

#define F(member, ...) FIELD(v1_recovery, member, #member, __VA_ARGS__)
static const struct field v1_recovery_fields[] = {
    F(id),
    F(state, .doc = "pending: for a second person; approved: whoever asked may take the key; "
                    "denied; withdrawn; lapsed: its time is over; given."),
    F(certificate_id),
    F(subject, .doc = "The certificate's."),
    F(form, .doc = "The file that was asked for: pfx, pfx-legacy, jks, pem, zip."),
    F(include_chain, .doc = "With the issuers."),
    F(asker),
    F(reason, .doc = "Theirs."),
    F(created_at),
    F(ends_at, .doc = "Until then it waits; once approved, until then the key may be taken."),
    F(mine, .doc = "The caller asked for it."),
    F(may_decide, .doc = "It waits, and the caller may approve it."),
    F(decided_by),
    F(comment, .doc = "Theirs."),
    F(decided_at),
    F(given_at, .doc = "When the key was taken."),
    F(version),
};
#undef F
static const struct model v1_recovery_model = MODEL(v1_recovery, v1_recovery_fields);
V1_PAGE(v1_recoveries, v1_recovery_model);

static const struct field v1_recoveries_query_fields[] = {
    V1_PAGE_FIELDS(v1_recoveries_query),
    FIELD(v1_recoveries_query, all, "all", .doc = "Those that are over, too."),
    FIELD(v1_recoveries_query, mine, "mine", .doc = "Only the caller's own."),
};
static const struct model v1_recoveries_query_model =
    MODEL(v1_recoveries_query, v1_recoveries_query_fields);

static const struct field v1_recovery_new_fields[] = {
    FIELD(v1_recovery_new, certificate, "certificate", .flags = REQUIRED, .min = 1,
          .max = INT64_MAX, .doc = "Id of the certificate."),
    FIELD(v1_recovery_new, form, "form", .preset = "pfx", .max = 20,
          .doc = "pfx, pfx-legacy, jks, pem, zip."),
    FIELD(v1_recovery_new, include_chain, "include_chain",
          .doc = "The issuers too: true, when absent."),
    FIELD(v1_recovery_new, reason, "reason", .max = 1000, .doc = "Whoever decides is told."),
    FIELD(v1_recovery_new, collection, "collection", .min = 0, .max = INT64_MAX,
          .doc = "Id of the collection where the caller may recover it; none: anywhere."),
};
static const struct model v1_recovery_new_model = MODEL(v1_recovery_new, v1_recovery_new_fields);

static const struct field v1_recovery_collect_fields[] = {
    FIELD(v1_recovery_collect, password, "password", .flags = REQUIRED | SECRET, .min = 1,
          .max = 1024, .doc = "Of the file."),
};
static const struct model v1_recovery_collect_model =
    MODEL(v1_recovery_collect, v1_recovery_collect_fields);

const struct op v1_recoveries_list_op = {
    .method = "GET",
    .path = "/recoveries",
    .tag = TAG,
    .needs = NEEDS,
    .query = &v1_recoveries_query_model,
    .reply = &v1_recoveries_model,
    .flags = OP_PAGED,
    .doc = "Recoveries of private keys that take two people, in order of entry.",
};
const struct op v1_recoveries_create_op = {
    .method = "POST",
    .path = "/recoveries",
    .tag = TAG,
    .needs = NEEDS,
    .body = &v1_recovery_new_model,
    .reply = &v1_recovery_model,
    .status = 201,
    .flags = OP_IDEMPOTENT,
    .doc = "Ask for a private key that two people recover.\n\nWhat the caller asked for before and "
           "is not over comes back as it is. A key that needs no second person is recovered at "
           "once, by POST /KeyfactorAPI/Certificates/Recover, which also asks for one that does.",
    .example = "{\"certificate\":12345,\"form\":\"pfx\",\"reason\":\"INC0012345\"}",
};
const struct op v1_recoveries_get_op = {
    .method = "GET",
    .path = "/recoveries/{recovery}",
    .tag = TAG,
    .needs = NEEDS,
    .reply = &v1_recovery_model,
    .doc = "One recovery, whatever became of it.\n\nOne that the caller may not see is not there.",
};
const struct op v1_recoveries_approve_op = {
    .method = "POST",
    .path = "/recoveries/{recovery}/approve",
    .tag = TAG,
    .needs = NEEDS,
    .body = &v1_decision_model,
    .reply = &v1_recovery_model,
    .flags = OP_BODY_OPTIONAL,
    .doc = "Agree to a recovery that somebody else asked for.\n\nIt is of that key in that file "
           "alone, to be taken once, until ends_at.",
    .example = "{\"comment\":\"INC0012345\"}",
};
const struct op v1_recoveries_deny_op = {
    .method = "POST",
    .path = "/recoveries/{recovery}/deny",
    .tag = TAG,
    .needs = NEEDS,
    .body = &v1_denial_model,
    .reply = &v1_recovery_model,
    .doc = "Deny it, also after an approval, as long as the key was not taken.",
    .example = "{\"comment\":\"Nobody knows of an incident.\"}",
};
const struct op v1_recoveries_withdraw_op = {
    .method = "POST",
    .path = "/recoveries/{recovery}/withdraw",
    .tag = TAG,
    .needs = NEEDS,
    .body = &v1_decision_model,
    .reply = &v1_recovery_model,
    .flags = OP_BODY_OPTIONAL,
    .doc = "Take back a recovery of one's own.",
};
const struct op v1_recoveries_collect_op = {
    .method = "POST",
    .path = "/recoveries/{recovery}/collect",
    .tag = TAG,
    .needs = NEEDS,
    .body = &v1_recovery_collect_model,
    .reply = &v1_collected_model,
    .flags = OP_SECRET,
    .pool = OP_POOL_SLOW,
    .doc = "Take the private key of one's own recovery that was approved: once.",
    .example = "{\"password\":\"correct horse battery\"}",
};
