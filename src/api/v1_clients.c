#include "api/v1.h"

#define TAG "Clients"

static const struct field v1_client_fields[] = {
    FIELD(v1_client, id, "id"),
    FIELD(v1_client, client_id, "client_id"),
    FIELD(v1_client, description, "description"),
    FIELD(v1_client, enabled, "enabled"),
    FIELD(v1_client, roles, "roles", .model = &text_model),
    FIELD(v1_client, created_at, "created_at"),
    FIELD(v1_client, last_used_at, "last_used_at"),
    FIELD(v1_client, version, "version"),
    FIELD(v1_client, client_secret, "client_secret", .flags = OMIT_EMPTY | SECRET,
          .doc = "Told once, by the call that made it."),
};
static const struct model v1_client_model = MODEL(v1_client, v1_client_fields);
V1_PAGE(v1_clients, v1_client_model);

static const struct field v1_client_new_fields[] = {
    FIELD(v1_client_new, client_id, "client_id", .min = 1, .max = 256,
          .doc = "A random one, when absent."),
    FIELD(v1_client_new, description, "description", .max = 1024),
    FIELD(v1_client_new, enabled, "enabled", .doc = "True, when absent."),
    FIELD(v1_client_new, roles, "roles", .model = &text_model, .max = 1000),
};
static const struct model v1_client_new_model = MODEL(v1_client_new, v1_client_new_fields);

static const struct field v1_client_edit_fields[] = {
    FIELD(v1_client_edit, description, "description", .max = 1024),
    FIELD(v1_client_edit, enabled, "enabled"),
    FIELD(v1_client_edit, roles, "roles", .model = &text_model, .max = 1000,
          .doc = "All roles of the client from now on."),
};
static const struct model v1_client_edit_model = MODEL(v1_client_edit, v1_client_edit_fields);

const struct op v1_clients_list_op = {
    .method = "GET",
    .path = "/clients",
    .tag = TAG,
    .needs = "security/read",
    .query = &v1_principal_query_model,
    .reply = &v1_clients_model,
    .flags = OP_PAGED,
    .doc = "The OAuth2 clients, by name.",
};
const struct op v1_clients_create_op = {
    .method = "POST",
    .path = "/clients",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_client_new_model,
    .reply = &v1_client_model,
    .status = 201,
    .flags = OP_IDEMPOTENT | OP_ETAG | OP_SECRET,
    .doc = "Make an OAuth2 client; the answer tells its secret, once.",
};
const struct op v1_clients_get_op = {
    .method = "GET",
    .path = "/clients/{client}",
    .tag = TAG,
    .needs = "security/read",
    .reply = &v1_client_model,
    .flags = OP_ETAG,
    .doc = "One OAuth2 client.",
};
const struct op v1_clients_edit_op = {
    .method = "PATCH",
    .path = "/clients/{client}",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_client_edit_model,
    .reply = &v1_client_model,
    .flags = OP_ETAG,
    .doc = "Change a client; what is absent stays as it is.",
};
const struct op v1_clients_secret_op = {
    .method = "POST",
    .path = "/clients/{client}/secret",
    .tag = TAG,
    .needs = "security/modify",
    .reply = &v1_client_model,
    .flags = OP_ETAG | OP_SECRET,
    .doc = "Make a new secret, told once; the old one ends.",
};
const struct op v1_clients_delete_op = {
    .method = "DELETE",
    .path = "/clients/{client}",
    .tag = TAG,
    .needs = "security/modify",
    .flags = OP_ETAG,
    .doc = "Remove a client.",
};
