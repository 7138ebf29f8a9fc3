#include "api/v1.h"

#define TAG "Tokens"

static const struct field v1_token_fields[] = {
    FIELD(v1_token, id, "id"),
    FIELD(v1_token, name, "name"),
    FIELD(v1_token, hint, "hint", .doc = "Its last letters, to know it by."),
    FIELD(v1_token, owner, "owner", .doc = "Whose it is: it allows no more than they may."),
    FIELD(v1_token, owner_kind, "owner_kind"),
    FIELD(v1_token, grants, "grants", .model = &v1_grant_model,
          .doc = "What it is for: of that, it allows what its owner may at that moment."),
    FIELD(v1_token, created_at, "created_at"),
    FIELD(v1_token, expires_at, "expires_at"),
    FIELD(v1_token, last_used_at, "last_used_at", .doc = "To ten minutes."),
    FIELD(v1_token, expired, "expired"),
    FIELD(v1_token, token, "token", .flags = OMIT_EMPTY | SECRET,
          .doc = "Told once, by the call that made it."),
};
static const struct model v1_token_model = MODEL(v1_token, v1_token_fields);
V1_PAGE(v1_tokens, v1_token_model);

static const struct field v1_token_new_fields[] = {
    FIELD(v1_token_new, name, "name", .flags = REQUIRED, .min = 1, .max = 128),
    FIELD(v1_token_new, grants, "grants", .model = &v1_grant_model, .flags = REQUIRED, .max = 200,
          .doc = "`*` is all that its owner may."),
    FIELD(v1_token_new, expires_at, "expires_at",
          .doc = "At most a year from now; in 90 days, when absent."),
};
static const struct model v1_token_new_model = MODEL(v1_token_new, v1_token_new_fields);

static const struct field v1_token_query_fields[] = {
    V1_PAGE_FIELDS(v1_token_query),
    FIELD(v1_token_query, all, "all", .doc = "Of everybody; takes security/read."),
};
static const struct model v1_token_query_model = MODEL(v1_token_query, v1_token_query_fields);

const struct op v1_tokens_list_op = {
    .method = "GET",
    .path = "/tokens",
    .tag = TAG,
    .query = &v1_token_query_model,
    .reply = &v1_tokens_model,
    .flags = OP_PAGED,
    .doc = "The caller's tokens for programs.",
};
const struct op v1_tokens_create_op = {
    .method = "POST",
    .path = "/tokens",
    .tag = TAG,
    .body = &v1_token_new_model,
    .reply = &v1_token_model,
    .status = 201,
    .flags = OP_IDEMPOTENT | OP_SECRET,
    .doc = "Make a token for a program; the answer tells it, once. A token makes no tokens.",
    .example = "{\"name\":\"ci\",\"grants\":[{\"permission\":\"enrollment/csr\",\"scope\":"
               "\"template\",\"object\":\"WebServer\"},{\"permission\":\"certificates/read\"}]}",
};
const struct op v1_tokens_get_op = {
    .method = "GET",
    .path = "/tokens/{token}",
    .tag = TAG,
    .reply = &v1_token_model,
    .doc = "One of the caller's tokens; anybody's, with security/read.",
};
const struct op v1_tokens_revoke_op = {
    .method = "DELETE",
    .path = "/tokens/{token}",
    .tag = TAG,
    .doc = "End one of the caller's tokens, at once; anybody's, with security/modify.",
};
