#include "api/v1.h"

#define TAG "ACME"

static const struct field v1_eab_key_fields[] = {
    FIELD(v1_eab_key, kid, "kid", .doc = "What the client calls the key."),
    FIELD(v1_eab_key, status, "status", .doc = "enabled, used up, expired, revoked."),
    FIELD(v1_eab_key, uses, "uses", .doc = "Accounts that were bound by it."),
    FIELD(v1_eab_key, max_uses, "max_uses", .doc = "Most of them; null: no limit."),
    FIELD(v1_eab_key, created_by, "created_by"),
    FIELD(v1_eab_key, created_at, "created_at"),
    FIELD(v1_eab_key, expires_at, "expires_at", .doc = "Binds none from then on; absent: never."),
    FIELD(v1_eab_key, last_used_at, "last_used_at"),
    FIELD(v1_eab_key, hmac_key, "hmac_key", .flags = OMIT_EMPTY | SECRET,
          .doc = "The secret, base64url without padding; told once, by the call that made it."),
};
static const struct model v1_eab_key_model = MODEL(v1_eab_key, v1_eab_key_fields);
V1_PAGE(v1_eab_keys, v1_eab_key_model);

static const struct field v1_eab_key_new_fields[] = {
    FIELD(v1_eab_key_new, kid, "kid", .min = 1, .max = 64,
          .doc = "A name for the key; one is chosen when absent."),
    FIELD(v1_eab_key_new, max_uses, "max_uses", .min = 0, .max = 1000000000,
          .doc = "How many accounts it may bind; 0: any number."),
    FIELD(v1_eab_key_new, expires_at, "expires_at", .doc = "Never, when absent."),
};
static const struct model v1_eab_key_new_model = MODEL(v1_eab_key_new, v1_eab_key_new_fields);

const struct op v1_eab_keys_list_op = {
    .method = "GET",
    .path = "/acme/eab-keys",
    .tag = TAG,
    .needs = "system/read",
    .query = &v1_query_model,
    .reply = &v1_eab_keys_model,
    .flags = OP_PAGED,
    .doc = "The keys by which ACME accounts are bound (RFC 8555 section 7.3.4).",
};
const struct op v1_eab_keys_create_op = {
    .method = "POST",
    .path = "/acme/eab-keys",
    .tag = TAG,
    .needs = "system/modify",
    .body = &v1_eab_key_new_model,
    .reply = &v1_eab_key_model,
    .status = 201,
    .flags = OP_IDEMPOTENT | OP_SECRET,
    .doc = "Make a key for somebody's ACME client; the answer tells its secret, once.",
    .example = "{\"kid\":\"printers\",\"max_uses\":1}",
};
const struct op v1_eab_keys_revoke_op = {
    .method = "DELETE",
    .path = "/acme/eab-keys/{kid}",
    .tag = TAG,
    .needs = "system/modify",
    .doc = "Bind no more accounts by this key. Those that are bound stay.",
};

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
};
#undef C
static const struct model v1_acme_challenge_model =
    MODEL(v1_acme_challenge, v1_acme_challenge_fields);

#define Z(member, wire, ...) FIELD(v1_acme_authz, member, wire, __VA_ARGS__)
static const struct field v1_acme_authz_fields[] = {
    Z(id, "id"),
    Z(type, "type", .doc = "dns, ip."),
    Z(value, "value"),
    Z(wildcard, "wildcard"),
    Z(status, "status", .doc = "pending, valid, invalid, deactivated, expired, revoked."),
    Z(expires_at, "expires_at"),
    Z(challenges, "challenges", .model = &v1_acme_challenge_model),
};
#undef Z
static const struct model v1_acme_authz_model = MODEL(v1_acme_authz, v1_acme_authz_fields);

#define O(member, wire, ...) FIELD(v1_acme_order, member, wire, __VA_ARGS__)
static const struct field v1_acme_order_fields[] = {
    O(id, "id", .doc = "The last part of its address."),
    O(account, "account", .doc = "The same of its account."),
    O(status, "status", .doc = "pending, ready, processing, valid, invalid."),
    O(identifiers, "identifiers"),
    O(error, "error", .doc = "Why it is invalid: a problem document."),
    O(replaces, "replaces", .doc = "The certificate that it replaces, as RFC 9773 names it."),
    O(created_at, "created_at"),
    O(expires_at, "expires_at"),
    O(certificate_id, "certificate_id"),
    O(request_id, "request_id"),
    O(authorizations, "authorizations", .model = &v1_acme_authz_model),
};
#undef O
static const struct model v1_acme_order_model = MODEL(v1_acme_order, v1_acme_order_fields);

const struct op v1_acme_orders_get_op = {
    .method = "GET",
    .path = "/acme/orders/{order}",
    .tag = TAG,
    .needs = "system/read",
    .reply = &v1_acme_order_model,
    .doc = "An order of an ACME client: how far it is and, step by step, why it failed.",
};
