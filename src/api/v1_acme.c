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
