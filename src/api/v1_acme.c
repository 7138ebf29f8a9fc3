#include "api/v1.h"

#define TAG "ACME"

static const struct field v1_eab_key_fields[] = {
    FIELD(v1_eab_key, kid, "kid", .doc = "What the client calls the key."),
    FIELD(v1_eab_key, profile, "profile",
          .doc = "Whose directory it is for; empty: the default's."),
    FIELD(v1_eab_key, owner, "owner"),
    FIELD(v1_eab_key, allow, "allow", .model = &text_model,
          .doc = "What accounts that it bound may ask for; none: whatever the directory allows."),
    FIELD(v1_eab_key, deny, "deny", .model = &text_model, .doc = "What they may not."),
    FIELD(v1_eab_key, types, "types", .model = &text_model, .doc = "Of names: none: all."),
    FIELD(v1_eab_key, challenges, "challenges", .model = &text_model, .doc = "None: all."),
    FIELD(v1_eab_key, profiles, "profiles", .model = &text_model, .doc = "None: all."),
    FIELD(v1_eab_key, orders_per_day, "orders_per_day", .doc = "null: as its directory has it."),
    FIELD(v1_eab_key, orders_per_hour, "orders_per_hour", .doc = "null: as its directory has it."),
    FIELD(v1_eab_key, status, "status", .doc = "enabled, used up, expired, revoked."),
    FIELD(v1_eab_key, uses, "uses", .doc = "Accounts that were bound by it."),
    FIELD(v1_eab_key, max_uses, "max_uses", .doc = "Most of them; null: no limit."),
    FIELD(v1_eab_key, version, "version", .doc = "As in the ETag."),
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
    FIELD(v1_eab_key_new, profile, "profile", .max = 64,
          .doc = "Accounts of this profile's directory; absent: of the default one."),
    FIELD(v1_eab_key_new, owner, "owner", .max = 255, .doc = "Whose it is, for people."),
    FIELD(v1_eab_key_new, allow, "allow", .model = &text_model, .max = 1000,
          .doc = "What accounts that it binds may ask for, of what the directory allows: "
                 "www.example.com, *.example.com for whatever is below it, 10.0.0.0/8."),
    FIELD(v1_eab_key_new, deny, "deny", .model = &text_model, .max = 1000,
          .doc = "What they may not, in the same forms; it wins."),
    FIELD(v1_eab_key_new, types, "types", .model = &text_model, .max = 2, .doc = "dns, ip."),
    FIELD(v1_eab_key_new, challenges, "challenges", .model = &text_model, .max = 10,
          .doc = "By which they may prove names: http-01 ..."),
    FIELD(v1_eab_key_new, profiles, "profiles", .model = &text_model, .max = 100,
          .doc = "The profiles that their orders may name."),
    FIELD(v1_eab_key_new, orders_per_day, "orders_per_day", .min = 0, .max = 1000000000,
          .doc = "New orders of an account in a day, instead of its directory's; 0: any number."),
    FIELD(v1_eab_key_new, orders_per_hour, "orders_per_hour", .min = 0, .max = 1000000000,
          .doc = "The same in an hour."),
    FIELD(v1_eab_key_new, max_uses, "max_uses", .min = 0, .max = 1000000000,
          .doc = "How many accounts it may bind; 0: any number."),
    FIELD(v1_eab_key_new, expires_at, "expires_at", .doc = "Never, when absent."),
};
static const struct model v1_eab_key_new_model = MODEL(v1_eab_key_new, v1_eab_key_new_fields);

#define E(member, ...) FIELD(v1_eab_key_edit, member, #member, __VA_ARGS__)
static const struct field v1_eab_key_edit_fields[] = {
    E(owner, .max = 255, .doc = "Whose it is, for people; null: nobody's."),
    E(allow, .model = &text_model, .max = 1000,
      .doc = "What accounts that it bound may ask for; null: whatever the directory allows."),
    E(deny, .model = &text_model, .max = 1000, .doc = "What they may not; it wins."),
    E(types, .model = &text_model, .max = 2, .doc = "Of names: dns, ip; null: all."),
    E(challenges, .model = &text_model, .max = 10,
      .doc = "By which they may prove names; null: by all."),
    E(profiles, .model = &text_model, .max = 100,
      .doc = "The profiles that their orders may name; null: all."),
    E(orders_per_day, .min = 0, .max = 1000000000,
      .doc = "New orders of an account in a day; 0: any number; null: as its directory has it."),
    E(orders_per_hour, .min = 0, .max = 1000000000, .doc = "The same in an hour."),
    E(max_uses, .min = 0, .max = 1000000000,
      .doc = "How many accounts it may bind in all; null or 0: any number."),
    E(expires_at, .doc = "It binds none from then on; null: never."),
};
#undef E
static const struct model v1_eab_key_edit_model = MODEL(v1_eab_key_edit, v1_eab_key_edit_fields);

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
    .flags = OP_IDEMPOTENT | OP_SECRET | OP_ETAG,
    .doc = "Make a key for somebody's ACME client; the answer tells its secret, once.",
    .example = "{\"kid\":\"printers\",\"max_uses\":1,\"allow\":[\"*.printers.example.com\"]}",
};
const struct op v1_eab_keys_get_op = {
    .method = "GET",
    .path = "/acme/eab-keys/{kid}",
    .tag = TAG,
    .needs = "system/read",
    .reply = &v1_eab_key_model,
    .flags = OP_ETAG,
    .doc = "One key, without its secret.",
};
const struct op v1_eab_keys_edit_op = {
    .method = "PATCH",
    .path = "/acme/eab-keys/{kid}",
    .tag = TAG,
    .needs = "system/modify",
    .body = &v1_eab_key_edit_model,
    .reply = &v1_eab_key_model,
    .flags = OP_ETAG,
    .doc = "Change a key, but not its name, directory and secret; what is absent stays as it is. "
           "Accounts that it bound go by it from then on.",
    .example = "{\"allow\":[\"*.printers.example.com\"],\"max_uses\":10}",
};
static const struct field v1_eab_key_end_fields[] = {
    FIELD(v1_eab_key_end, suspend_accounts, "suspend_accounts",
          .doc = "The accounts that it bound are suspended, too."),
};
static const struct model v1_eab_key_end_model = MODEL(v1_eab_key_end, v1_eab_key_end_fields);
const struct op v1_eab_keys_revoke_op = {
    .method = "DELETE",
    .path = "/acme/eab-keys/{kid}",
    .tag = TAG,
    .needs = "system/modify",
    .query = &v1_eab_key_end_model,
    .doc = "Bind no more accounts by this key. Those that are bound stay.",
};

static const struct field v1_acme_bucket_fields[] = {
    FIELD(v1_acme_bucket, limit, "limit", .doc = "Its name in the settings: orders_per_hour."),
    FIELD(v1_acme_bucket, profile, "profile", .doc = "Of which directory; \"\": the default one."),
    FIELD(v1_acme_bucket, key, "key", .doc = "Of whom: an account, address, domain, set of names."),
    FIELD(v1_acme_bucket, most, "most", .doc = "What the limit allows."),
    FIELD(v1_acme_bucket, left, "left", .doc = "What is left of it now."),
    FIELD(v1_acme_bucket, full_at, "full_at", .doc = "When all of it is there again."),
};
static const struct model v1_acme_bucket_model = MODEL(v1_acme_bucket, v1_acme_bucket_fields);
V1_PAGE(v1_acme_buckets, v1_acme_bucket_model);

static const struct field v1_acme_bucket_query_fields[] = {
    V1_PAGE_FIELDS(v1_acme_bucket_query),
    FIELD(v1_acme_bucket_query, name, "name", .max = 64, .doc = "Only this limit."),
};
static const struct model v1_acme_bucket_query_model =
    MODEL(v1_acme_bucket_query, v1_acme_bucket_query_fields);

static const struct field v1_acme_reset_fields[] = {
    FIELD(v1_acme_reset, limit, "limit", .flags = REQUIRED, .max = 64,
          .doc = "orders_per_hour and so on, as the settings call it."),
    FIELD(v1_acme_reset, key, "key", .max = 600, .doc = "Of whom; absent: of everybody."),
};
static const struct model v1_acme_reset_model = MODEL(v1_acme_reset, v1_acme_reset_fields);
static const struct field v1_acme_reset_done_fields[] = {
    FIELD(v1_acme_reset_done, count, "count", .doc = "How many had something taken from them."),
};
static const struct model v1_acme_reset_done_model =
    MODEL(v1_acme_reset_done, v1_acme_reset_done_fields);

const struct op v1_acme_limits_list_op = {
    .method = "GET",
    .path = "/acme/limits",
    .tag = TAG,
    .needs = "system/read",
    .query = &v1_acme_bucket_query_model,
    .reply = &v1_acme_buckets_model,
    .flags = OP_PAGED,
    .doc = "Rate limits of ACME from which something was taken. Those of addresses' nonces and "
           "renewal information are each server's own, and not listed.",
};
const struct op v1_acme_limits_reset_op = {
    .method = "POST",
    .path = "/acme/limits/reset",
    .tag = TAG,
    .needs = "system/modify",
    .body = &v1_acme_reset_model,
    .reply = &v1_acme_reset_done_model,
    .doc = "Let somebody begin anew with a rate limit of ACME.",
    .example = "{\"limit\":\"certificates_per_domain\",\"key\":\"example.com\"}",
};
