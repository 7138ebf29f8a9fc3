#include "api/v1.h"

#define TAG "Legal holds"

static const struct field v1_hold_fields[] = {
    FIELD(v1_hold, id, "id"),
    FIELD(v1_hold, certificate, "certificate",
          .doc = "The certificate that is held; none: the audit "
                 "record."),
    FIELD(v1_hold, audit_from, "audit_from", .doc = "Of the audit record: from when."),
    FIELD(v1_hold, audit_to, "audit_to", .doc = "Until when; none: all that comes."),
    FIELD(v1_hold, reason, "reason"),
    FIELD(v1_hold, placed_by, "placed_by"),
    FIELD(v1_hold, placed_at, "placed_at"),
    FIELD(v1_hold, lifted_by, "lifted_by"),
    FIELD(v1_hold, lifted_at, "lifted_at", .doc = "None: it holds."),
    FIELD(v1_hold, lifted_reason, "lifted_reason"),
};
static const struct model v1_hold_model = MODEL(v1_hold, v1_hold_fields);
V1_PAGE(v1_holds, v1_hold_model);

static const struct field v1_hold_new_fields[] = {
    FIELD(v1_hold_new, certificate, "certificate", .min = 0, .max = INT64_MAX,
          .doc = "Id of the certificate to hold."),
    FIELD(v1_hold_new, audit_from, "audit_from",
          .doc = "Hold the audit record from here on; instead of a certificate."),
    FIELD(v1_hold_new, audit_to, "audit_to", .doc = "Until here; all that comes, when absent."),
    FIELD(v1_hold_new, reason, "reason", .flags = REQUIRED, .min = 1, .max = 1000,
          .doc = "Why: the number of the case."),
};
static const struct model v1_hold_new_model = MODEL(v1_hold_new, v1_hold_new_fields);

static const struct field v1_hold_lift_fields[] = {
    FIELD(v1_hold_lift, reason, "reason", .flags = REQUIRED, .min = 1, .max = 1000),
};
static const struct model v1_hold_lift_model = MODEL(v1_hold_lift, v1_hold_lift_fields);

static const struct field v1_hold_query_fields[] = {
    V1_PAGE_FIELDS(v1_hold_query),
    FIELD(v1_hold_query, certificate, "certificate", .min = 0, .max = INT64_MAX,
          .doc = "Of this certificate alone."),
    FIELD(v1_hold_query, all, "all", .doc = "Those that were lifted, too."),
};
static const struct model v1_hold_query_model = MODEL(v1_hold_query, v1_hold_query_fields);

const struct op v1_holds_list_op = {
    .method = "GET",
    .path = "/legal-holds",
    .tag = TAG,
    .needs = "holds/read",
    .query = &v1_hold_query_model,
    .reply = &v1_holds_model,
    .flags = OP_PAGED,
    .doc = "What must stay, whatever the retention says.",
};
const struct op v1_holds_create_op = {
    .method = "POST",
    .path = "/legal-holds",
    .tag = TAG,
    .needs = "holds/modify",
    .body = &v1_hold_new_model,
    .reply = &v1_hold_model,
    .status = 201,
    .flags = OP_IDEMPOTENT,
    .doc =
        "Hold a certificate, or the audit record of a time: nobody removes, archives or destroys "
        "it, nor the certificate's private key, until the hold is lifted.",
    .example = "{\"certificate\":12345,\"reason\":\"case 2026-118\"}",
};
const struct op v1_holds_get_op = {
    .method = "GET",
    .path = "/legal-holds/{hold}",
    .tag = TAG,
    .needs = "holds/read",
    .reply = &v1_hold_model,
    .doc = "One legal hold.",
};
const struct op v1_holds_lift_op = {
    .method = "POST",
    .path = "/legal-holds/{hold}/lift",
    .tag = TAG,
    .needs = "holds/modify",
    .body = &v1_hold_lift_model,
    .reply = &v1_hold_model,
    .doc = "Lift a legal hold; it stays on record.",
};
