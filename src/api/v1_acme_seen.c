/* ACME as operators see it. */
#include "api/v1.h"

#define TAG "ACME"

/* Orders and authorizations. */

static const struct field v1_acme_look_fields[] = {
    FIELD(v1_acme_look, number, "number", .doc = "Of the try, from 1."),
    FIELD(v1_acme_look, at, "at"),
    FIELD(v1_acme_look, error, "error", .doc = "A problem document; null: it was met."),
    FIELD(v1_acme_look, steps, "steps", .doc = "What was done, found and told, in order."),
};
static const struct model v1_acme_look_model = MODEL(v1_acme_look, v1_acme_look_fields);

#define C(member, wire, ...) FIELD(v1_acme_challenge, member, wire, __VA_ARGS__)
static const struct field v1_acme_challenge_fields[] = {
    C(type, "type"),
    C(status, "status", .doc = "pending, processing, valid, invalid."),
    C(attempts, "attempts", .doc = "How often it was looked whether it is met."),
    C(answered_at, "answered_at", .doc = "When the client said so first."),
    C(validated_at, "validated_at"),
    C(next_attempt_at, "next_attempt_at"),
    C(error, "error", .doc = "The problem document of the latest try that failed."),
    C(steps, "steps", .doc = "What the latest try did, found and was told, in order."),
    C(tries, "tries", .model = &v1_acme_look_model, .doc = "Every try."),
};
#undef C
static const struct model v1_acme_challenge_model =
    MODEL(v1_acme_challenge, v1_acme_challenge_fields);

#define Z(member, wire, ...) FIELD(v1_acme_authz, member, wire, __VA_ARGS__)
#define AUTHZ_FIELDS                                                                              \
    Z(id, "id", .doc = "The last part of its address."),                                          \
        Z(account, "account", .doc = "The same of its account."),                                 \
        Z(type, "type", .doc = "dns, ip."), Z(value, "value"), Z(wildcard, "wildcard"),           \
        Z(status, "status", .doc = "pending, valid, invalid, deactivated, expired, revoked."),    \
        Z(method, "method", .doc = "The challenge that proved it."), Z(created_at, "created_at"), \
        Z(validated_at, "validated_at"), Z(expires_at, "expires_at")
static const struct field v1_acme_authz_fields[] = {
    AUTHZ_FIELDS,
    Z(challenges, "challenges", .model = &v1_acme_challenge_model),
};
static const struct model v1_acme_authz_model = MODEL(v1_acme_authz, v1_acme_authz_fields);
static const struct field v1_acme_authz_row_fields[] = { AUTHZ_FIELDS };
#undef Z
static const struct model v1_acme_authz_row_model = SHAPE(v1_acme_authz, v1_acme_authz_row);
V1_PAGE(v1_acme_authzs, v1_acme_authz_row_model);

#define O(member, wire, ...) FIELD(v1_acme_order, member, wire, __VA_ARGS__)
#define ORDER_FIELDS                                                                       \
    O(id, "id", .doc = "The last part of its address."),                                   \
        O(account, "account", .doc = "The same of its account."),                          \
        O(profile, "profile", .doc = "Whose directory it came by; empty: the default's."), \
        O(status, "status", .doc = "pending, ready, processing, valid, invalid."),         \
        O(names, "names", .model = &text_model), O(identifiers, "identifiers"),            \
        O(error, "error", .doc = "Why it is invalid: a problem document."),                \
        O(created_at, "created_at"), O(expires_at, "expires_at"),                          \
        O(ended_at, "ended_at", .doc = "When it became valid, or invalid."),               \
        O(certificate_id, "certificate_id"), O(request_id, "request_id")
static const struct field v1_acme_order_fields[] = {
    ORDER_FIELDS,
    O(replaces, "replaces", .doc = "The certificate that it replaces, as RFC 9773 names it."),
    O(authorizations, "authorizations", .model = &v1_acme_authz_model),
};
static const struct model v1_acme_order_model = MODEL(v1_acme_order, v1_acme_order_fields);
static const struct field v1_acme_order_row_fields[] = { ORDER_FIELDS };
#undef O
static const struct model v1_acme_order_row_model = SHAPE(v1_acme_order, v1_acme_order_row);
V1_PAGE(v1_acme_orders, v1_acme_order_row_model);

#define QUERY_FIELDS(choices_)                                                               \
    V1_PAGE_FIELDS(v1_acme_query),                                                           \
        FIELD(v1_acme_query, account, "account", .max = 64,                                  \
              .doc = "Of this account: its id, or the beginning of it."),                    \
        FIELD(v1_acme_query, name, "name", .max = 255, .doc = "With this name or address."), \
        FIELD(v1_acme_query, status, "status", .choices = (choices_), .flags = CHOICE_TEXT,  \
              .preset = "any")

static const struct choice order_states[] = {
    { 0, "any", NULL },
    { 1, "pending", "Names are to be proved." },
    { 2, "ready", "They are." },
    { 3, "processing", "Its certificate waits for somebody." },
    { 4, "valid", "It gave a certificate." },
    { 5, "invalid", "It failed, or took too long." },
    { 0, NULL, NULL },
};
static const struct field v1_acme_order_query_fields[] = { QUERY_FIELDS(order_states) };
static const struct model v1_acme_order_query_model = SHAPE(v1_acme_query, v1_acme_order_query);
static const struct choice authz_states[] = {
    { 0, "any", NULL },
    { 1, "pending", NULL },
    { 2, "valid", NULL },
    { 3, "invalid", NULL },
    { 4, "deactivated", "Given up by its account." },
    { 5, "expired", NULL },
    { 6, "revoked", "By an operator." },
    { 0, NULL, NULL },
};
static const struct field v1_acme_authz_query_fields[] = { QUERY_FIELDS(authz_states) };
static const struct model v1_acme_authz_query_model = SHAPE(v1_acme_query, v1_acme_authz_query);

static const struct field v1_acme_reason_fields[] = {
    FIELD(v1_acme_reason, reason, "reason", .flags = REQUIRED, .min = 1, .max = 1000,
          .doc = "For the audit record."),
};
static const struct model v1_acme_reason_model = MODEL(v1_acme_reason, v1_acme_reason_fields);

const struct op v1_acme_orders_list_op = {
    .method = "GET",
    .path = "/acme/orders",
    .tag = TAG,
    .needs = "system/read",
    .query = &v1_acme_order_query_model,
    .reply = &v1_acme_orders_model,
    .flags = OP_PAGED,
    .doc = "Orders of ACME clients, the newest first.",
};
const struct op v1_acme_orders_get_op = {
    .method = "GET",
    .path = "/acme/orders/{order}",
    .tag = TAG,
    .needs = "system/read",
    .reply = &v1_acme_order_model,
    .doc = "An order of an ACME client: how far it is and, step by step, why it failed.\n\nThe "
           "beginning of its id is enough, where no other begins so.",
};
const struct op v1_acme_authzs_list_op = {
    .method = "GET",
    .path = "/acme/authorizations",
    .tag = TAG,
    .needs = "system/read",
    .query = &v1_acme_authz_query_model,
    .reply = &v1_acme_authzs_model,
    .flags = OP_PAGED,
    .doc = "Proofs of names by ACME accounts, and those that are asked for, the newest first.",
};
const struct op v1_acme_authzs_get_op = {
    .method = "GET",
    .path = "/acme/authorizations/{authorization}",
    .tag = TAG,
    .needs = "system/read",
    .reply = &v1_acme_authz_model,
    .doc = "One authorization, with every try of its challenges.",
};
const struct op v1_acme_authzs_revoke_op = {
    .method = "POST",
    .path = "/acme/authorizations/{authorization}/revoke",
    .tag = TAG,
    .needs = "system/modify",
    .body = &v1_acme_reason_model,
    .reply = &v1_acme_authz_model,
    .doc = "Let a proof count no more: orders that wait for it fail, certificates stay.",
    .example = "{\"reason\":\"the name was sold\"}",
};

/* Accounts. */

#define A(member, wire, ...) FIELD(v1_acme_account, member, wire, __VA_ARGS__)
#define ACCOUNT_FIELDS                                                                         \
    A(id, "id", .doc = "The last part of its address."),                                       \
        A(profile, "profile", .doc = "Whose directory it is of; empty: the default's."),       \
        A(status, "status", .doc = "valid; revoked: suspended; deactivated: ended for good."), \
        A(contacts, "contacts"),                                                               \
        A(thumbprint, "thumbprint", .doc = "Of its key (RFC 7638), base64url."),               \
        A(eab_key, "eab_key", .doc = "What it is bound to."),                                  \
        A(terms_agreed_at, "terms_agreed_at"), A(created_at, "created_at"),                    \
        A(created_ip, "created_ip"), A(user_agent, "user_agent"), A(last_seen_at, "last_seen_at")
static const struct field v1_acme_account_fields[] = {
    ACCOUNT_FIELDS,
    A(orders, "orders", .model = &v1_acme_order_row_model, .doc = "The newest ten."),
};
static const struct model v1_acme_account_model = MODEL(v1_acme_account, v1_acme_account_fields);
static const struct field v1_acme_account_row_fields[] = { ACCOUNT_FIELDS };
#undef A
static const struct model v1_acme_account_row_model = SHAPE(v1_acme_account, v1_acme_account_row);
V1_PAGE(v1_acme_accounts, v1_acme_account_row_model);

static const struct choice account_states[] = {
    { 0, "any", NULL },
    { 1, "valid", NULL },
    { 2, "deactivated", "Ended for good." },
    { 3, "revoked", "Suspended by an operator." },
    { 0, NULL, NULL },
};
static const struct field v1_acme_account_query_fields[] = {
    V1_PAGE_FIELDS(v1_acme_account_query),
    FIELD(v1_acme_account_query, contains, "contains", .max = 255,
          .doc = "Part of a contact; or an id, the thumbprint of a key, the address that it was "
                 "made from."),
    FIELD(v1_acme_account_query, eab_key, "eab_key", .max = 255, .doc = "Bound to this key."),
    FIELD(v1_acme_account_query, status, "status", .choices = account_states, .flags = CHOICE_TEXT,
          .preset = "any"),
};
static const struct model v1_acme_account_query_model =
    MODEL(v1_acme_account_query, v1_acme_account_query_fields);

const struct op v1_acme_accounts_list_op = {
    .method = "GET",
    .path = "/acme/accounts",
    .tag = TAG,
    .needs = "system/read",
    .query = &v1_acme_account_query_model,
    .reply = &v1_acme_accounts_model,
    .flags = OP_PAGED,
    .doc = "Accounts of ACME clients, the newest first.",
};
const struct op v1_acme_accounts_get_op = {
    .method = "GET",
    .path = "/acme/accounts/{account}",
    .tag = TAG,
    .needs = "system/read",
    .reply = &v1_acme_account_model,
    .doc = "One account, with its newest orders.\n\nThe beginning of its id is enough, where no "
           "other begins so.",
};
#define TURN(name_, what_, doc_, example_)            \
    const struct op v1_acme_accounts_##name_##_op = { \
        .method = "POST",                             \
        .path = "/acme/accounts/{account}/" what_,    \
        .tag = TAG,                                   \
        .needs = "system/modify",                     \
        .body = &v1_acme_reason_model,                \
        .reply = &v1_acme_account_model,              \
        .doc = doc_,                                  \
        .example = example_,                          \
    }
TURN(suspend, "suspend",
     "Refuse an account's client, and end its orders that are not done; certificates stay.",
     "{\"reason\":\"INC 2026-118\"}");
TURN(restore, "restore", "Let an account that was suspended go on.", "{\"reason\":\"found\"}");
TURN(deactivate, "deactivate", "End an account for good, and its key with it; certificates stay.",
     "{\"reason\":\"the machine is gone\"}");
