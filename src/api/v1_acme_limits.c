#include "api/v1.h"

#define TAG "ACME"

#define L(member, ...) FIELD(v1_acme_own_limit, member, #member, __VA_ARGS__)
static const struct field v1_acme_own_limit_fields[] = {
    L(account, .doc = "Whose it is."),
    L(profile, .doc = "Of which directory; \"\": the default one."),
    L(limit, .doc = "Its name in the settings: orders_per_hour."),
    L(most, .doc = "How many, instead of what others have; 0: any number."),
    L(expires_at, .doc = "From then on it is as others have it; absent: it does not end."),
    L(reason, .doc = "Why."),
    L(created_by),
    L(created_at, .doc = "When it was set last."),
};
#undef L
static const struct model v1_acme_own_limit_model =
    MODEL(v1_acme_own_limit, v1_acme_own_limit_fields);
V1_PAGE(v1_acme_own_limits, v1_acme_own_limit_model);

static const struct field v1_acme_own_query_fields[] = {
    V1_PAGE_FIELDS(v1_acme_own_query),
    FIELD(v1_acme_own_query, account, "account", .max = 64, .doc = "Only this account's."),
    FIELD(v1_acme_own_query, name, "name", .max = 64, .doc = "Only this limit."),
};
static const struct model v1_acme_own_query_model =
    MODEL(v1_acme_own_query, v1_acme_own_query_fields);

static const struct field v1_acme_own_set_fields[] = {
    FIELD(v1_acme_own_set, most, "most", .flags = REQUIRED, .min = 0, .max = 1000000000,
          .doc = "How many, more or fewer than others have; 0: any number."),
    FIELD(v1_acme_own_set, expires_at, "expires_at", .doc = "Until when; absent: it does not end."),
    FIELD(v1_acme_own_set, reason, "reason", .flags = REQUIRED, .min = 1, .max = 1000,
          .doc = "Why, for the audit record."),
};
static const struct model v1_acme_own_set_model = MODEL(v1_acme_own_set, v1_acme_own_set_fields);

static const struct field v1_acme_own_end_fields[] = {
    FIELD(v1_acme_own_end, reason, "reason", .max = 1000, .doc = "Why, for the audit record."),
};
static const struct model v1_acme_own_end_model = MODEL(v1_acme_own_end, v1_acme_own_end_fields);

const struct op v1_acme_own_limits_list_op = {
    .method = "GET",
    .path = "/acme/limits/accounts",
    .tag = TAG,
    .needs = "system/read",
    .query = &v1_acme_own_query_model,
    .reply = &v1_acme_own_limits_model,
    .flags = OP_PAGED,
    .doc = "The rate limits that single ACME accounts have instead of their directory's.",
};
const struct op v1_acme_own_limits_set_op = {
    .method = "PUT",
    .path = "/acme/accounts/{account}/limits/{limit}",
    .tag = TAG,
    .needs = "system/modify",
    .body = &v1_acme_own_set_model,
    .reply = &v1_acme_own_limit_model,
    .doc = "Give an ACME account a rate limit of its own, higher, lower or none, with which it "
           "begins anew.",
    .example = "{\"most\":500,\"expires_at\":\"2027-01-01T00:00:00Z\",\"reason\":\"INC 118\"}",
};
const struct op v1_acme_own_limits_drop_op = {
    .method = "DELETE",
    .path = "/acme/accounts/{account}/limits/{limit}",
    .tag = TAG,
    .needs = "system/modify",
    .query = &v1_acme_own_end_model,
    .doc = "Take away a rate limit that is an ACME account's own: it has what others have.",
};
