#include "api/v1.h"

#define TAG "Roles"

static const struct choice scopes[] = {
    { 0, "all", "everywhere" }, { 1, "collection", NULL }, { 2, "container", NULL },
    { 3, "template", NULL },    { 4, "authority", NULL },  { 5, "pam", NULL },
    { 0, NULL, NULL },
};
static const struct choice kinds[] = {
    { 1, "user", NULL },
    { 2, "client", NULL },
    { 4, "claim", NULL },
    { 0, NULL, NULL },
};

static const struct field v1_grant_fields[] = {
    FIELD(v1_grant, permission, "permission", .flags = REQUIRED, .min = 1, .max = 128,
          .doc = "`certificates/read`; the Command API's two forms are understood too."),
    FIELD(v1_grant, scope, "scope", .choices = scopes, .preset = "all"),
    FIELD(v1_grant, object, "object", .max = 256, .flags = OMIT_EMPTY,
          .doc = "On what: name or id of the template or authority, id of others."),
};
const struct model v1_grant_model = MODEL(v1_grant, v1_grant_fields);

static const struct field v1_grants_fields[] = {
    FIELD(v1_grants, items, "items", .model = &v1_grant_model, .flags = REQUIRED),
};
static const struct model v1_grants_model = MODEL(v1_grants, v1_grants_fields);

static const struct field v1_member_fields[] = {
    FIELD(v1_member, kind, "kind", .choices = kinds),
    FIELD(v1_member, name, "name"),
    FIELD(v1_member, id, "id"),
};
static const struct model v1_member_model = MODEL(v1_member, v1_member_fields);

static const struct field v1_member_new_fields[] = {
    FIELD(v1_member_new, kind, "kind", .choices = kinds, .preset = "user"),
    FIELD(v1_member_new, name, "name", .flags = REQUIRED, .min = 1, .max = 256,
          .doc = "Name or id of the user, client_id or id of the client, id of the claim."),
};
static const struct model v1_member_new_model = MODEL(v1_member_new, v1_member_new_fields);

static const struct field v1_role_fields[] = {
    FIELD(v1_role, id, "id"),
    FIELD(v1_role, name, "name"),
    FIELD(v1_role, description, "description"),
    FIELD(v1_role, enabled, "enabled"),
    FIELD(v1_role, built_in, "built_in", .doc = "Only its members may change."),
    FIELD(v1_role, grants, "grants", .model = &v1_grant_model),
    FIELD(v1_role, members, "members", .model = &v1_member_model),
    FIELD(v1_role, version, "version"),
};
static const struct model v1_role_model = MODEL(v1_role, v1_role_fields);
V1_PAGE(v1_roles, v1_role_model);

static const struct field v1_role_new_fields[] = {
    FIELD(v1_role_new, name, "name", .flags = REQUIRED, .min = 1, .max = 256),
    FIELD(v1_role_new, description, "description", .max = 1024),
    FIELD(v1_role_new, enabled, "enabled", .doc = "True, when absent."),
    FIELD(v1_role_new, grants, "grants", .model = &v1_grant_model, .max = 1000),
};
static const struct model v1_role_new_model = MODEL(v1_role_new, v1_role_new_fields);

static const struct field v1_role_edit_fields[] = {
    FIELD(v1_role_edit, name, "name", .min = 1, .max = 256),
    FIELD(v1_role_edit, description, "description", .max = 1024),
    FIELD(v1_role_edit, enabled, "enabled"),
};
static const struct model v1_role_edit_model = MODEL(v1_role_edit, v1_role_edit_fields);

static const struct field v1_permission_fields[] = {
    FIELD(v1_permission, name, "name"),
    FIELD(v1_permission, command_name, "command_name",
          .doc = "As version 1 of the Command API says it; empty when it has none."),
    FIELD(v1_permission, path, "path", .doc = "As version 2 says it."),
    FIELD(v1_permission, description, "description"),
};
static const struct model v1_permission_model = MODEL(v1_permission, v1_permission_fields);
static const struct field v1_permissions_fields[] = {
    FIELD(v1_permissions, items, "items", .model = &v1_permission_model, .flags = REQUIRED),
};
static const struct model v1_permissions_model = MODEL(v1_permissions, v1_permissions_fields);

const struct op v1_roles_list_op = {
    .method = "GET",
    .path = "/roles",
    .tag = TAG,
    .needs = "security/read",
    .query = &v1_principal_query_model,
    .reply = &v1_roles_model,
    .flags = OP_PAGED,
    .doc = "The roles, by name.",
};
const struct op v1_roles_create_op = {
    .method = "POST",
    .path = "/roles",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_role_new_model,
    .reply = &v1_role_model,
    .status = 201,
    .flags = OP_IDEMPOTENT | OP_ETAG,
    .doc = "Make a role.",
};
const struct op v1_roles_get_op = {
    .method = "GET",
    .path = "/roles/{role}",
    .tag = TAG,
    .needs = "security/read",
    .reply = &v1_role_model,
    .flags = OP_ETAG,
    .doc = "One role with its grants and members.",
};
const struct op v1_roles_edit_op = {
    .method = "PATCH",
    .path = "/roles/{role}",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_role_edit_model,
    .reply = &v1_role_model,
    .flags = OP_ETAG,
    .doc = "Change a role's name, description, or whether it counts.",
};
const struct op v1_roles_delete_op = {
    .method = "DELETE",
    .path = "/roles/{role}",
    .tag = TAG,
    .needs = "security/modify",
    .flags = OP_ETAG,
    .doc = "Remove a role that nobody holds and that owns no certificate.",
};
const struct op v1_members_add_op = {
    .method = "POST",
    .path = "/roles/{role}/members",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_member_new_model,
    .reply = &v1_role_model,
    .doc = "Give somebody the role; twice changes nothing.",
};
const struct op v1_members_remove_op = {
    .method = "DELETE",
    .path = "/roles/{role}/members/{kind}/{member}",
    .tag = TAG,
    .needs = "security/modify",
    .doc = "Take the role from a user or client; twice changes nothing.",
};
const struct op v1_grants_list_op = {
    .method = "GET",
    .path = "/roles/{role}/grants",
    .tag = TAG,
    .needs = "security/read",
    .reply = &v1_grants_model,
    .doc = "What a role may do.",
};
const struct op v1_grants_add_op = {
    .method = "POST",
    .path = "/roles/{role}/grants",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_grant_model,
    .reply = &v1_grants_model,
    .doc = "Give a role a permission; twice changes nothing.",
    .example =
        "{\"permission\":\"enrollment/csr\",\"scope\":\"template\",\"object\":\"WebServer\"}",
};
const struct op v1_grants_withdraw_op = {
    .method = "DELETE",
    .path = "/roles/{role}/grants",
    .tag = TAG,
    .needs = "security/modify",
    .query = &v1_grant_model,
    .doc = "Take a permission from a role; twice changes nothing.",
};
const struct op v1_permissions_list_op = {
    .method = "GET",
    .path = "/permissions",
    .tag = TAG,
    .reply = &v1_permissions_model,
    .doc = "Every permission there is.",
};
