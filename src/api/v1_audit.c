#include "api/v1.h"

#define TAG "Audit"

static const struct choice outcomes[] = {
    { 0, "success", NULL }, { 1, "denied", NULL }, { 2, "failure", NULL },
    { 3, "pending", NULL }, { 0, NULL, NULL },
};

#define F(member, ...) FIELD(v1_audit_query, member, #member, __VA_ARGS__)
static const struct field v1_audit_query_fields[] = {
    V1_PAGE_FIELDS(v1_audit_query),
    F(category, .max = 64),
    F(action, .max = 64, .doc = "`certificate.issue`; see `chancery help audit-actions`."),
    F(outcome, .choices = outcomes),
    F(actor, .max = 256, .doc = "The name of who acted."),
    F(target_type, .max = 64),
    F(target_id, .max = 128),
    F(from),
    F(until, .doc = "Not included."),
    F(chain, .min = 0, .max = 1000000),
    F(oldest_first),
};
#undef F
static const struct model v1_audit_query_model = MODEL(v1_audit_query, v1_audit_query_fields);

static const struct field v1_audit_party_fields[] = {
    FIELD(v1_audit_party, type, "type"),
    FIELD(v1_audit_party, id, "id"),
    FIELD(v1_audit_party, name, "name"),
};
static const struct model v1_audit_party_model = MODEL(v1_audit_party, v1_audit_party_fields);

#define F(member, ...) FIELD(v1_audit_event, member, #member, __VA_ARGS__)
static const struct field v1_audit_event_fields[] = {
    F(id, .doc = "A ULID."),
    F(at),
    F(chain),
    F(seq, .doc = "Its number in its chain."),
    F(category),
    F(action),
    F(outcome),
    F(level),
    F(message),
    F(actor, .model = &v1_audit_party_model),
    F(target, .model = &v1_audit_party_model),
    F(hash, .doc = "SHA-256 of the event's canonical form, in hexadecimal digits."),
    F(event, .doc = "All that was recorded; in single events only."),
};
#undef F
static const struct model v1_audit_event_model = MODEL(v1_audit_event, v1_audit_event_fields);
V1_PAGE(v1_audit_events, v1_audit_event_model);

static const struct field v1_audit_head_fields[] = {
    FIELD(v1_audit_head, chain, "chain", .flags = REQUIRED, .min = 1, .max = INT64_MAX),
    FIELD(v1_audit_head, seq, "seq", .flags = REQUIRED, .min = 1, .max = INT64_MAX),
    FIELD(v1_audit_head, hash, "hash", .flags = REQUIRED, .min = 64, .max = 64,
          .doc = "SHA-256 of the chain's event of that number, in hexadecimal digits."),
};
static const struct model v1_audit_head_model = MODEL(v1_audit_head, v1_audit_head_fields);

static const struct field v1_audit_anchor_fields[] = {
    FIELD(v1_audit_anchor, at, "at"),
    FIELD(v1_audit_anchor, heads, "heads", .model = &v1_audit_head_model),
};
static const struct model v1_audit_anchor_model = MODEL(v1_audit_anchor, v1_audit_anchor_fields);

static const struct field v1_audit_range_fields[] = {
    FIELD(v1_audit_range, chain, "chain", .min = 0, .max = 1000000, .doc = "0: all."),
    FIELD(v1_audit_range, from, "from", .min = 0, .max = INT64_MAX, .doc = "The first number."),
    FIELD(v1_audit_range, to, "to", .min = 0, .max = INT64_MAX, .doc = "The last; 0: the end."),
    FIELD(v1_audit_range, anchor, "anchor", .model = &v1_audit_head_model, .max = 10000,
          .doc = "Heads of an earlier anchor, kept elsewhere: they must be part of their chains."),
};
static const struct model v1_audit_range_model = MODEL(v1_audit_range, v1_audit_range_fields);

static const struct field v1_audit_export_fields[] = {
    V1_PAGE_FIELDS(v1_audit_export),
    FIELD(v1_audit_export, chain, "chain", .min = 0, .max = 1000000, .doc = "0: all."),
    FIELD(v1_audit_export, from, "from"),
    FIELD(v1_audit_export, until, "until", .doc = "Not included."),
};
static const struct model v1_audit_export_model = MODEL(v1_audit_export, v1_audit_export_fields);
V1_PAGE(v1_audit_lines, text_model);

static const struct field v1_audit_break_fields[] = {
    FIELD(v1_audit_break, chain, "chain"),
    FIELD(v1_audit_break, seq, "seq"),
    FIELD(v1_audit_break, reason, "reason"),
    FIELD(v1_audit_break, before, "before", .doc = "The last good event."),
    FIELD(v1_audit_break, at, "at", .doc = "The event that does not fit; absent when missing."),
    FIELD(v1_audit_break, after, "after"),
};
static const struct model v1_audit_break_model = MODEL(v1_audit_break, v1_audit_break_fields);

static const struct field v1_audit_report_fields[] = {
    FIELD(v1_audit_report, intact, "intact"),
    FIELD(v1_audit_report, events, "events"),
    FIELD(v1_audit_report, chains, "chains"),
    FIELD(v1_audit_report, checkpoints, "checkpoints"),
    FIELD(v1_audit_report, unsealed, "unsealed", .doc = "Events after the last checkpoint."),
    FIELD(v1_audit_report, micros, "micros", .doc = "Time taken."),
    FIELD(v1_audit_report, breaks, "breaks", .model = &v1_audit_break_model),
};
static const struct model v1_audit_report_model = MODEL(v1_audit_report, v1_audit_report_fields);

static const struct field v1_keys_fields[] = {
    FIELD(v1_keys, keys, "keys", .doc = "JSON Web Keys (RFC 7517)."),
};
static const struct model v1_keys_model = MODEL(v1_keys, v1_keys_fields);

const struct op v1_audit_list_op = {
    .method = "GET",
    .path = "/audit",
    .tag = TAG,
    .needs = "audit/read",
    .query = &v1_audit_query_model,
    .reply = &v1_audit_events_model,
    .flags = OP_PAGED,
    .doc = "Audit events, the newest first.",
};
const struct op v1_audit_get_op = {
    .method = "GET",
    .path = "/audit/{event}",
    .tag = TAG,
    .needs = "audit/read",
    .reply = &v1_audit_event_model,
    .doc = "One audit event with all that was recorded.",
};
const struct op v1_audit_verify_op = {
    .method = "POST",
    .path = "/audit/verify",
    .tag = TAG,
    .needs = "audit/verify",
    .body = &v1_audit_range_model,
    .reply = &v1_audit_report_model,
    .flags = OP_BODY_OPTIONAL,
    .pool = OP_POOL_SLOW,
    .deadline_ms = 600000,
    .doc = "Compute the audit chains anew and say whether they are what was written.",
};
const struct op v1_audit_anchor_op = {
    .method = "GET",
    .path = "/audit/anchor",
    .tag = TAG,
    .needs = "audit/read",
    .reply = &v1_audit_anchor_model,
    .doc = "Where the chains stand, to be kept outside of this server: a later verification with "
           "it finds whatever was removed behind it.",
};
const struct op v1_audit_export_op = {
    .method = "GET",
    .path = "/audit/export",
    .tag = TAG,
    .needs = "audit/export",
    .query = &v1_audit_export_model,
    .reply = &v1_audit_lines_model,
    .flags = OP_PAGED,
    .pool = OP_POOL_SLOW,
    .doc = "The record chain by chain, each event as the line of text that its hash is of, and "
           "behind the last one the signed checkpoints: what `audit verify --export` reads.",
};
const struct op v1_audit_keys_op = {
    .method = "GET",
    .path = "/audit/keys",
    .tag = TAG,
    .needs = "audit/read",
    .reply = &v1_keys_model,
    .doc = "The public keys of the checkpoints, for those who verify elsewhere.",
};
const struct op v1_token_keys_op = {
    .method = "GET",
    .path = "/token/keys",
    .tag = "Server",
    .reply = &v1_keys_model,
    .auth = OP_PUBLIC,
    .doc = "The public keys of access tokens.",
};
