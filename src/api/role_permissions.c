/* What a role may do: everywhere, in containers of stores, with providers of secrets. */
#include "api/security.h"

#include "api/command.h"

#define TAG "SecurityRolePermissions"

static const struct field role_area_permission_reply_fields[] = {
    FIELD(role_area_permission_reply, type, "Type",
          .doc = "Global, Collection, Container, Template, Authority or Pam."),
    FIELD(role_area_permission_reply, area, "Area",
          .doc = "Of a global one its area; of others the number of the object."),
    FIELD(role_area_permission_reply, permission, "Permission"),
};
static const struct model role_area_permission_reply_model =
    MODEL(role_area_permission_reply, role_area_permission_reply_fields);

static const struct field role_container_permission_fields[] = {
    FIELD(role_container_permission, container_id, "ContainerId", .flags = REQUIRED, .min = 1,
          .max = INT32_MAX),
    FIELD(role_container_permission, permission, "Permission", .flags = REQUIRED, .max = 200,
          .doc = "Read, Schedule or Modify."),
};
static const struct model role_container_permission_model =
    MODEL(role_container_permission, role_container_permission_fields);

static const struct field role_container_permission_reply_fields[] = {
    FIELD(role_container_permission_reply, container_id, "ContainerId"),
    FIELD(role_container_permission_reply, name, "Name", .doc = "The container's."),
    FIELD(role_container_permission_reply, permission, "Permission"),
};
static const struct model role_container_permission_reply_model =
    MODEL(role_container_permission_reply, role_container_permission_reply_fields);

static const struct field role_pam_permissions_fields[] = {
    FIELD(role_pam_permissions, pam_provider_id, "PamProviderId", .flags = REQUIRED, .min = 1,
          .max = INT32_MAX),
    FIELD(role_pam_permissions, name, "Name", .flags = READ_ONLY, .doc = "The provider's."),
    FIELD(role_pam_permissions, permissions, "Permissions", .model = &text_model, .max = 100,
          .doc = "Read, Modify."),
};
static const struct model role_pam_permissions_model =
    MODEL(role_pam_permissions, role_pam_permissions_fields);

const struct op role_permissions_get_op = {
    .method = "GET",
    .path = "/Security/Roles/{id}/Permissions",
    .tag = TAG,
    .needs = "security/read",
    .reply = &role_area_permission_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "What a role may do, everywhere and on single objects.",
};
const struct op role_global_get_op = {
    .method = "GET",
    .path = "/Security/Roles/{id}/Permissions/Global",
    .tag = TAG,
    .needs = "security/read",
    .reply = &area_permission_model,
    .flags = OP_REPLY_LIST,
    .doc = "What a role may do everywhere.",
};
const struct op role_global_add_op = {
    .method = "POST",
    .path = "/Security/Roles/{id}/Permissions/Global",
    .tag = TAG,
    .needs = "security/modify",
    .body = &area_permission_model,
    .reply = &area_permission_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST,
    .doc = "Give a role permissions everywhere, beside those it has.",
    .example = "[{\"Area\":\"Certificates\",\"Permission\":\"Read\"}]",
};
const struct op role_global_set_op = {
    .method = "PUT",
    .path = "/Security/Roles/{id}/Permissions/Global",
    .tag = TAG,
    .needs = "security/modify",
    .body = &area_permission_model,
    .reply = &area_permission_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST,
    .doc = "What a role may do everywhere, all of it.",
};
const struct op role_containers_get_op = {
    .method = "GET",
    .path = "/Security/Roles/{id}/Permissions/Containers",
    .tag = TAG,
    .needs = "security/read",
    .reply = &role_container_permission_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "What a role may do in single containers of certificate stores.",
};
const struct op role_containers_add_op = {
    .method = "POST",
    .path = "/Security/Roles/{id}/Permissions/Containers",
    .tag = TAG,
    .needs = "security/modify",
    .body = &role_container_permission_model,
    .reply = &role_container_permission_reply_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST,
    .doc = "Give a role permissions in single containers, beside those it has.",
};
const struct op role_containers_set_op = {
    .method = "PUT",
    .path = "/Security/Roles/{id}/Permissions/Containers",
    .tag = TAG,
    .needs = "security/modify",
    .body = &role_container_permission_model,
    .reply = &role_container_permission_reply_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST,
    .doc = "What a role may do in single containers, all of it.",
};
const struct op role_pam_get_op = {
    .method = "GET",
    .path = "/Security/Roles/{id}/Permissions/PamProviders",
    .tag = TAG,
    .needs = "security/read",
    .reply = &role_pam_permissions_model,
    .flags = OP_REPLY_LIST,
    .doc = "What a role may do with single providers of secrets.",
};
const struct op role_pam_set_op = {
    .method = "PUT",
    .path = "/Security/Roles/{id}/Permissions/PamProviders",
    .tag = TAG,
    .needs = "security/modify",
    .body = &role_pam_permissions_model,
    .reply = &role_pam_permissions_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST,
    .doc = "What a role may do with single providers of secrets, all of it.",
};

static const struct field certificate_role_reply_fields[] = {
    FIELD(certificate_role_reply, name, "Name"),
    FIELD(certificate_role_reply, permissions, "Permissions", .model = &text_model),
};
static const struct model certificate_role_reply_model =
    MODEL(certificate_role_reply, certificate_role_reply_fields);
static const struct field certificate_security_reply_fields[] = {
    FIELD(certificate_security_reply, roles, "Roles", .model = &certificate_role_reply_model),
};
static const struct model certificate_security_reply_model =
    MODEL(certificate_security_reply, certificate_security_reply_fields);

const struct op certificate_security_op = {
    .method = "GET",
    .path = "/Certificates/{id}/Security",
    .tag = "Certificates",
    .needs = "security/read",
    .query = &within_query_model,
    .reply = &certificate_security_reply_model,
    .doc = "Which roles may do what with a certificate: by grants everywhere, on its template, its "
           "authority, or a collection that it is in.",
};

static const struct field certificate_permission_reply_fields[] = {
    FIELD(certificate_permission_reply, name, "Name"),
    FIELD(certificate_permission_reply, granted_by, "GrantedBy", .model = &text_model,
          .doc = "The roles that it comes by."),
};
static const struct model certificate_permission_reply_model =
    MODEL(certificate_permission_reply, certificate_permission_reply_fields);
static const struct field certificate_identity_reply_fields[] = {
    FIELD(certificate_identity_reply, id, "Id"),
    FIELD(certificate_identity_reply, account_name, "AccountName"),
    FIELD(certificate_identity_reply, identity_type, "IdentityType"),
    FIELD(certificate_identity_reply, sid, "SID"),
    FIELD(certificate_identity_reply, permissions, "Permissions",
          .model = &certificate_permission_reply_model),
};
static const struct model certificate_identity_reply_model =
    MODEL(certificate_identity_reply, certificate_identity_reply_fields);

const struct op certificate_identities_op = {
    .method = "GET",
    .path = "/Certificates/IdentityAudit/{id}",
    .tag = "Certificates",
    .needs = "security/read",
    .query = &within_query_model,
    .reply = &certificate_identity_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "Who may do what with a certificate, and by which roles.",
};
