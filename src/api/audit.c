#include "api/audit.h"

#include "api/command.h"

#define TAG "AuditLog"

#define ENTRY(type)                                                                               \
    FIELD(type, id, "Id"), FIELD(type, timestamp, "Timestamp"), FIELD(type, message, "Message"),  \
        FIELD(type, signature, "Signature",                                                       \
              .doc = "The event's SHA-256 in its chain, which signed checkpoints cover."),        \
        FIELD(type, category, "Category", .doc = "What kind of object: 2001, a certificate."),    \
        FIELD(type, operation, "Operation", .doc = "What was done to it: 6, it was revoked."),    \
        FIELD(type, level, "Level", .doc = "0 information, 1 warning, 2 failure."),               \
        FIELD(type, user, "User"), FIELD(type, entity_type, "EntityType"),                        \
        FIELD(type, audit_identifier, "AuditIdentifier", .doc = "The object's name, or number."), \
        FIELD(type, immutable_identifier, "ImmutableIdentifier", .doc = "The object's number.")

static const struct field audit_entry_fields[] = { ENTRY(audit_entry) };
static const struct model audit_entry_model = MODEL(audit_entry, audit_entry_fields);

static const struct field audit_entry_whole_fields[] = {
    ENTRY(audit_entry_whole),
    FIELD(audit_entry_whole, action, "Action"),
    FIELD(audit_entry_whole, outcome, "Outcome"),
    FIELD(audit_entry_whole, identifier, "Identifier",
          .doc = "A ULID, by which `/api/v1` names it."),
    FIELD(audit_entry_whole, chain, "Chain"),
    FIELD(audit_entry_whole, sequence, "Sequence", .doc = "Its number in its chain."),
    FIELD(audit_entry_whole, event, "Event", .doc = "All that was recorded."),
};
static const struct model audit_entry_whole_model =
    MODEL(audit_entry_whole, audit_entry_whole_fields);

const struct op audit_list_op = {
    .method = "GET",
    .path = "/Audit",
    .tag = TAG,
    .needs = "audit/read",
    .query = &page_query_model,
    .reply = &audit_entry_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "What was done by whom; the newest first unless another order is asked for.",
};
const struct op audit_related_op = {
    .method = "GET",
    .path = "/Audit/RelatedEntities",
    .tag = TAG,
    .needs = "audit/read",
    .query = &page_query_model,
    .reply = &audit_entry_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "All that was done to the objects of the events that a query finds.\n\nThe newest 1000 "
           "of those events count, and of their objects 200.",
};
const struct op audit_download_op = {
    .method = "GET",
    .path = "/Audit/Download",
    .tag = TAG,
    .needs = "audit/read",
    .query = &page_query_model,
    .reply_type = "text/csv",
    .flags = OP_PAGED,
    .pool = OP_POOL_SLOW,
    .deadline_ms = 120000,
    .doc = "Events as CSV: the page that is asked for, or all that match, at most 100000.",
};
const struct op audit_one_op = {
    .method = "GET",
    .path = "/Audit/{id}",
    .tag = TAG,
    .needs = "audit/read",
    .reply = &audit_entry_whole_model,
    .doc = "One event, with all that was recorded.",
};
const struct op audit_validate_op = {
    .method = "GET",
    .path = "/Audit/{id}/Validate",
    .tag = TAG,
    .needs = "audit/read",
    .reply = &bool_model,
    .doc = "Whether an event is still what was written.",
};
