#include "api/v1.h"

#define TAG "Claims"
#define TYPE_DOC                                                                                 \
    "`user`, `group`, `computer`, `oauth_subject`, `oauth_client`, `oauth_role`, `oauth_oid`, "  \
    "`certificate_thumbprint`, `certificate_subject`, `certificate_upn`, `certificate_cn`; the " \
    "Command API's names too."

static const struct field v1_claim_fields[] = {
    FIELD(v1_claim, id, "id"),
    FIELD(v1_claim, type, "type", .doc = TYPE_DOC),
    FIELD(v1_claim, value, "value"),
    FIELD(v1_claim, provider, "provider",
          .doc = "Name of the identity provider or directory in the configuration; empty: whoever "
                 "says so."),
    FIELD(v1_claim, description, "description"),
    FIELD(v1_claim, user, "user",
          .doc = "The account that its bearer is; empty: one made at their first login."),
    FIELD(v1_claim, roles, "roles", .model = &text_model, .doc = "What its bearers may do."),
    FIELD(v1_claim, created_at, "created_at"),
    FIELD(v1_claim, version, "version"),
};
static const struct model v1_claim_model = MODEL(v1_claim, v1_claim_fields);
V1_PAGE(v1_claims, v1_claim_model);

static const struct field v1_claim_new_fields[] = {
    FIELD(v1_claim_new, type, "type", .flags = REQUIRED, .min = 1, .max = 64, .doc = TYPE_DOC),
    FIELD(v1_claim_new, value, "value", .flags = REQUIRED, .min = 1, .max = 1024),
    FIELD(v1_claim_new, provider, "provider", .max = 64),
    FIELD(v1_claim_new, description, "description", .max = 1024),
    FIELD(v1_claim_new, user, "user", .max = 256),
    FIELD(v1_claim_new, roles, "roles", .model = &text_model, .max = 1000),
};
static const struct model v1_claim_new_model = MODEL(v1_claim_new, v1_claim_new_fields);

static const struct field v1_claim_edit_fields[] = {
    FIELD(v1_claim_edit, description, "description", .max = 1024),
    FIELD(v1_claim_edit, user, "user", .max = 256, .doc = "Empty: none any more."),
    FIELD(v1_claim_edit, roles, "roles", .model = &text_model, .max = 1000,
          .doc = "All roles of the claim from now on."),
};
static const struct model v1_claim_edit_model = MODEL(v1_claim_edit, v1_claim_edit_fields);

static const struct field v1_claim_query_fields[] = {
    V1_PAGE_FIELDS(v1_claim_query),
    FIELD(v1_claim_query, type, "type", .max = 64, .doc = TYPE_DOC),
    FIELD(v1_claim_query, value, "value", .max = 1024, .doc = "Exactly this, in any case."),
    FIELD(v1_claim_query, provider, "provider", .max = 64),
};
static const struct model v1_claim_query_model = MODEL(v1_claim_query, v1_claim_query_fields);

const struct op v1_claims_list_op = {
    .method = "GET",
    .path = "/claims",
    .tag = TAG,
    .needs = "security/read",
    .query = &v1_claim_query_model,
    .reply = &v1_claims_model,
    .flags = OP_PAGED,
    .doc = "The claims of identity providers, directories and client certificates that have roles "
           "here.",
};
const struct op v1_claims_create_op = {
    .method = "POST",
    .path = "/claims",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_claim_new_model,
    .reply = &v1_claim_model,
    .status = 201,
    .flags = OP_IDEMPOTENT | OP_ETAG,
    .doc = "Give roles, or an account, to those who bear a claim.",
    .example = "{\"type\":\"oauth_role\",\"value\":\"pki-operators\",\"roles\":[\"Operator\"]}",
};
const struct op v1_claims_get_op = {
    .method = "GET",
    .path = "/claims/{claim}",
    .tag = TAG,
    .needs = "security/read",
    .reply = &v1_claim_model,
    .flags = OP_ETAG,
    .doc = "One claim.",
};
const struct op v1_claims_edit_op = {
    .method = "PATCH",
    .path = "/claims/{claim}",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_claim_edit_model,
    .reply = &v1_claim_model,
    .flags = OP_ETAG,
    .doc = "Change a claim; what is absent stays as it is.",
};
const struct op v1_claims_delete_op = {
    .method = "DELETE",
    .path = "/claims/{claim}",
    .tag = TAG,
    .needs = "security/modify",
    .flags = OP_ETAG,
    .doc = "Remove a claim: its bearers lose the roles that came with it.",
};
