#include "api/security.h"

#include "api/command.h"

#define ROLES "SecurityRoles"
#define IDENTITIES "Security"
#define CLAIMS "SecurityClaims"

/* The numbers up to 6 are those of the product's clients; client certificates are ours. */
const struct choice command_claim_types[] = {
    { 0, "User", "an account, such as CONTOSO\\ana" },
    { 1, "Group", "a group of a directory or an identity provider" },
    { 2, "Computer", "the account of a machine" },
    { 3, "OAuthOid", "oid of a token" },
    { 4, "OAuthRole", "a role that a token names" },
    { 5, "OAuthSubject", "sub of a token" },
    { 6, "OAuthClientId", "the client that a token names" },
    { 7, "CertificateThumbprint", "SHA-1 or SHA-256 of a client certificate" },
    { 8, "CertificateSubject", "its subject" },
    { 9, "CertificateUpn", "its user principal name" },
    { 10, "CertificateCn", "the common name of its subject" },
    { 0, NULL, NULL },
};

static const struct field claim_provider_reply_fields[] = {
    FIELD(claim_provider_reply, id, "Id"),
    FIELD(claim_provider_reply, authentication_scheme, "AuthenticationScheme"),
    FIELD(claim_provider_reply, display_name, "DisplayName"),
};
static const struct model claim_provider_reply_model =
    MODEL(claim_provider_reply, claim_provider_reply_fields);

static const struct field claim_reply_fields[] = {
    FIELD(claim_reply, id, "Id"),
    FIELD(claim_reply, description, "Description"),
    FIELD(claim_reply, claim_type, "ClaimType"),
    FIELD(claim_reply, claim_value, "ClaimValue"),
    FIELD(claim_reply, provider_authentication_scheme, "ProviderAuthenticationScheme",
          .doc =
              "The identity provider that says it; empty: whoever does; \"chancery\": an account "
              "of this server."),
    FIELD(claim_reply, provider, "Provider", .model = &claim_provider_reply_model),
};
const struct model claim_reply_model = MODEL(claim_reply, claim_reply_fields);

static const struct field claim_request_fields[] = {
    FIELD(claim_request, claim_type, "ClaimType", .choices = command_claim_types,
          .flags = REQUIRED),
    FIELD(claim_request, claim_value, "ClaimValue", .flags = REQUIRED, .max = 1024),
    FIELD(claim_request, provider_authentication_scheme, "ProviderAuthenticationScheme",
          .flags = REQUIRED, .max = 64, .doc = "Empty: whoever says so."),
    FIELD(claim_request, description, "Description", .flags = REQUIRED, .max = 1024),
};
static const struct model claim_request_model = MODEL(claim_request, claim_request_fields);

/* A role's claims as they were read are good enough to be written back. */
static const struct field role_claim_request_fields[] = {
    FIELD(claim_request, claim_type, "ClaimType", .choices = command_claim_types,
          .flags = REQUIRED),
    FIELD(claim_request, claim_value, "ClaimValue", .flags = REQUIRED, .max = 1024),
    FIELD(claim_request, provider_authentication_scheme, "ProviderAuthenticationScheme", .max = 64),
    FIELD(claim_request, description, "Description", .max = 1024),
};
static const struct model role_claim_model = SHAPE(claim_request, role_claim_request);

static const struct field claim_update_request_fields[] = {
    FIELD(claim_update_request, id, "Id", .flags = REQUIRED),
    FIELD(claim_update_request, description, "Description", .flags = REQUIRED, .max = 1024),
};
static const struct model claim_update_request_model =
    MODEL(claim_update_request, claim_update_request_fields);

static const struct field claim_roles_query_fields[] = {
    FIELD(claim_roles_query, claim_type, "ClaimType", .choices = command_claim_types,
          .flags = REQUIRED),
    FIELD(claim_roles_query, claim_value, "ClaimValue", .flags = REQUIRED, .max = 1024),
    FIELD(claim_roles_query, provider_authentication_scheme, "ProviderAuthenticationScheme",
          .max = 64),
};
static const struct model claim_roles_query_model =
    MODEL(claim_roles_query, claim_roles_query_fields);

static const struct field claim_role_reply_fields[] = {
    FIELD(claim_role_reply, id, "Id"),
    FIELD(claim_role_reply, name, "Name"),
    FIELD(claim_role_reply, description, "Description"),
    FIELD(claim_role_reply, permission_set_id, "PermissionSetId"),
};
static const struct model claim_role_reply_model = MODEL(claim_role_reply, claim_role_reply_fields);

static const struct field security_role_identity_fields[] = {
    FIELD(identity_reply, id, "Id"),
    FIELD(identity_reply, account_name, "AccountName"),
    FIELD(identity_reply, identity_type, "IdentityType"),
    FIELD(identity_reply, valid, "Valid",
          .doc = "Somebody can say it: its identity provider is configured."),
    FIELD(identity_reply, sid, "SID"),
};
/* An identity of a role, and one by itself: with its roles. */
static const struct model role_identity_model = SHAPE(identity_reply, security_role_identity);

static const struct field security_role_reply_fields[] = {
    FIELD(security_role_reply, id, "Id"),
    FIELD(security_role_reply, name, "Name"),
    FIELD(security_role_reply, description, "Description"),
    FIELD(security_role_reply, email_address, "EmailAddress"),
    FIELD(security_role_reply, enabled, "Enabled"),
    FIELD(security_role_reply, immutable, "Immutable",
          .doc = "Built in: only who holds it may change."),
    FIELD(security_role_reply, valid, "Valid"),
    FIELD(security_role_reply, is_private, "Private", .doc = "Noted only."),
    FIELD(security_role_reply, permission_set_id, "PermissionSetId",
          .doc = "There is one permission set."),
    FIELD(security_role_reply, permissions, "Permissions", .model = &text_model,
          .doc = "`Certificates:Read`; to version 2, `/certificates/collections/read/`."),
    FIELD(security_role_reply, identities, "Identities", .model = &role_identity_model),
    FIELD(security_role_reply, claims, "Claims", .model = &claim_reply_model,
          .doc = "The identities, as version 2 has them."),
    FIELD(security_role_reply, claims_count, "ClaimsCount"),
};
const struct model security_role_reply_model =
    MODEL(security_role_reply, security_role_reply_fields);

static const struct field identity_reply_fields[] = {
    FIELD(identity_reply, id, "Id"),
    FIELD(identity_reply, account_name, "AccountName"),
    FIELD(identity_reply, identity_type, "IdentityType"),
    FIELD(identity_reply, roles, "Roles", .model = &security_role_reply_model),
    FIELD(identity_reply, valid, "Valid",
          .doc = "Somebody can say it: its identity provider is configured."),
    FIELD(identity_reply, sid, "SID"),
};
static const struct model identity_reply_model = MODEL(identity_reply, identity_reply_fields);

static const struct field identity_identifier_fields[] = {
    FIELD(identity_identifier, account_name, "AccountName", .flags = REQUIRED, .max = 1024),
    FIELD(identity_identifier, sid, "SID", .max = 256, .doc = "Not looked at."),
};
static const struct model identity_identifier_model =
    MODEL(identity_identifier, identity_identifier_fields);

static const struct field identity_request_fields[] = {
    FIELD(identity_request, account_name, "AccountName", .flags = REQUIRED, .max = 1024),
    FIELD(identity_request, identity_type, "IdentityType", .choices = command_claim_types,
          .doc = "A User, when absent."),
};
static const struct model identity_request_model = MODEL(identity_request, identity_request_fields);

static const struct field identity_lookup_query_fields[] = {
    FIELD(identity_lookup_query, account_name, "accountName", .flags = REQUIRED, .max = 1024),
};
static const struct model identity_lookup_query_model =
    MODEL(identity_lookup_query, identity_lookup_query_fields);
static const struct field identity_lookup_reply_fields[] = {
    FIELD(identity_lookup_reply, valid, "Valid"),
};
static const struct model identity_lookup_reply_model =
    MODEL(identity_lookup_reply, identity_lookup_reply_fields);

static const struct field permission_roles_reply_fields[] = {
    FIELD(permission_roles_reply, permission, "Permission"),
    FIELD(permission_roles_reply, granted_by_roles, "GrantedByRoles", .model = &text_model),
};
static const struct model permission_roles_reply_model =
    MODEL(permission_roles_reply, permission_roles_reply_fields);
static const struct field identity_permissions_reply_fields[] = {
    FIELD(identity_permissions_reply, identity, "Identity"),
    FIELD(identity_permissions_reply, secured_areas, "SecuredAreaPermissions",
          .model = &permission_roles_reply_model),
    FIELD(identity_permissions_reply, collections, "CollectionPermissions",
          .model = &permission_roles_reply_model),
    FIELD(identity_permissions_reply, containers, "ContainerPermissions",
          .model = &permission_roles_reply_model),
};
static const struct model identity_permissions_reply_model =
    MODEL(identity_permissions_reply, identity_permissions_reply_fields);

static const struct field area_permission_fields[] = {
    FIELD(area_permission, area, "Area", .flags = REQUIRED, .max = 100),
    FIELD(area_permission, permission, "Permission", .flags = REQUIRED, .max = 100),
};
const struct model area_permission_model = MODEL(area_permission, area_permission_fields);

static const struct field security_my_reply_fields[] = {
    FIELD(security_my_reply, roles, "Roles", .model = &text_model),
    FIELD(security_my_reply, global_permissions, "GlobalPermissions",
          .model = &area_permission_model),
};
static const struct model security_my_reply_model =
    MODEL(security_my_reply, security_my_reply_fields);

/* The members of all requests about roles. */
#define MEMBERS(must_id, must)                                                                   \
    FIELD(security_role_request, id, "Id", .flags = (must_id)),                                  \
        FIELD(security_role_request, name, "Name", .flags = (must), .max = 256,                  \
              .doc = "Unique in any case."),                                                     \
        FIELD(security_role_request, description, "Description", .flags = (must), .max = 1024),  \
        FIELD(security_role_request, email_address, "EmailAddress", .max = 320),                 \
        FIELD(security_role_request, enabled, "Enabled", .doc = "True, when absent."),           \
        FIELD(security_role_request, is_private, "Private"),                                     \
        FIELD(security_role_request, permissions, "Permissions", .model = &text_model,           \
              .max = 1000, .doc = "Of either version's form; absent: they stay."),               \
        FIELD(security_role_request, permission_set_id, "PermissionSetId", .max = 64),           \
        FIELD(security_role_request, identities, "Identities",                                   \
              .model = &identity_identifier_model, .max = 10000,                                 \
              .doc = "Known ones; absent: they stay."),                                          \
        FIELD(security_role_request, claims, "Claims", .model = &role_claim_model, .max = 10000, \
              .doc = "To version 2, in place of identities; new ones are made known.")
static const struct field security_role_create_fields[] = { MEMBERS(0, REQUIRED) };
static const struct field security_role_update_fields[] = { MEMBERS(REQUIRED, REQUIRED) };
static const struct field security_role_copy_fields[] = {
    FIELD(security_role_request, name, "Name", .max = 256,
          .doc = "Absent: \"Copy of\" and its name."),
    FIELD(security_role_request, description, "Description", .max = 1024),
    FIELD(security_role_request, email_address, "EmailAddress", .max = 320),
};
static const struct model security_role_create_model =
    SHAPE(security_role_request, security_role_create);
static const struct model security_role_update_model =
    SHAPE(security_role_request, security_role_update);
static const struct model security_role_copy_model =
    SHAPE(security_role_request, security_role_copy);

static const struct field role_identity_reply_fields[] = {
    FIELD(role_identity_reply, id, "Id"),
    FIELD(role_identity_reply, name, "Name"),
};
static const struct model role_identity_reply_model =
    MODEL(role_identity_reply, role_identity_reply_fields);
static const struct field role_identities_request_fields[] = {
    FIELD(role_identities_request, ids, "Ids", .model = &int_model, .flags = REQUIRED,
          .max = 10000),
};
static const struct model role_identities_request_model =
    MODEL(role_identities_request, role_identities_request_fields);

const struct op security_roles_list_op = {
    .method = "GET",
    .path = "/Security/Roles",
    .tag = ROLES,
    .needs = "security/read",
    .query = &page_query_model,
    .reply = &security_role_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The roles, by name.",
};
const struct op security_roles_create_op = {
    .method = "POST",
    .path = "/Security/Roles",
    .tag = ROLES,
    .needs = "security/modify",
    .body = &security_role_create_model,
    .reply = &security_role_reply_model,
    .doc = "Make a role.",
    .example = "{\"Name\":\"Web team\",\"Description\":\"Looks after web servers\",\"Permissions\":"
               "[\"Certificates:Read\",\"CertificateEnrollment:EnrollCSR\"]}",
};
const struct op security_roles_update_op = {
    .method = "PUT",
    .path = "/Security/Roles",
    .tag = ROLES,
    .needs = "security/modify",
    .body = &security_role_update_model,
    .reply = &security_role_reply_model,
    .doc = "Change a role. Lists that are given replace those that it has.",
};
const struct op security_roles_get_op = {
    .method = "GET",
    .path = "/Security/Roles/{id}",
    .tag = ROLES,
    .needs = "security/read",
    .reply = &security_role_reply_model,
    .doc = "One role.",
};
const struct op security_roles_delete_op = {
    .method = "DELETE",
    .path = "/Security/Roles/{id}",
    .tag = ROLES,
    .needs = "security/modify",
    .doc = "Remove a role that nobody holds.",
};
const struct op security_roles_copy_op = {
    .method = "POST",
    .path = "/Security/Roles/{id}/Copy",
    .tag = ROLES,
    .needs = "security/modify",
    .body = &security_role_copy_model,
    .reply = &security_role_reply_model,
    .flags = OP_BODY_OPTIONAL,
    .doc = "Make a role that may do what another may. Nobody holds it yet.",
};
const struct op role_identities_get_op = {
    .method = "GET",
    .path = "/Security/Roles/{id}/Identities",
    .tag = ROLES,
    .needs = "security/read",
    .reply = &role_identity_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "Who holds a role.",
};
const struct op role_identities_set_op = {
    .method = "PUT",
    .path = "/Security/Roles/{id}/Identities",
    .tag = ROLES,
    .needs = "security/modify",
    .body = &role_identities_request_model,
    .reply = &role_identity_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "Who holds a role, all of them.",
};

const struct op identities_list_op = {
    .method = "GET",
    .path = "/Security/Identities",
    .tag = IDENTITIES,
    .needs = "security/read",
    .query = &page_query_model,
    .reply = &identity_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "Accounts of this server and claims of others, by name, with their roles.",
};
const struct op identities_create_op = {
    .method = "POST",
    .path = "/Security/Identities",
    .tag = IDENTITIES,
    .needs = "security/modify",
    .body = &identity_request_model,
    .reply = &identity_reply_model,
    .doc = "Make an account, or a group, of somewhere else known here.",
    .example = "{\"AccountName\":\"CONTOSO\\\\bob\"}",
};
const struct op identities_lookup_op = {
    .method = "GET",
    .path = "/Security/Identities/Lookup",
    .tag = IDENTITIES,
    .needs = "security/read",
    .query = &identity_lookup_query_model,
    .reply = &identity_lookup_reply_model,
    .doc = "Whether an account may be made known.",
};
const struct op identities_get_op = {
    .method = "GET",
    .path = "/Security/Identities/{id}",
    .tag = IDENTITIES,
    .needs = "security/read",
    .reply = &identity_permissions_reply_model,
    .doc = "What an identity may do, and by which roles.",
};
const struct op identities_delete_op = {
    .method = "DELETE",
    .path = "/Security/Identities/{id}",
    .tag = IDENTITIES,
    .needs = "security/modify",
    .doc = "Forget an identity of somewhere else; it loses its roles.",
};
const struct op security_my_op = {
    .method = "GET",
    .path = "/Security/My",
    .tag = IDENTITIES,
    .reply = &security_my_reply_model,
    .doc = "The caller's roles, and what they may do everywhere.",
};

const struct op security_claims_list_op = {
    .method = "GET",
    .path = "/Security/Claims",
    .tag = CLAIMS,
    .needs = "security/read",
    .query = &page_query_model,
    .reply = &claim_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The identities as claims, by number.",
};
const struct op security_claims_create_op = {
    .method = "POST",
    .path = "/Security/Claims",
    .tag = CLAIMS,
    .needs = "security/modify",
    .body = &claim_request_model,
    .reply = &claim_reply_model,
    .doc = "Make a claim known.",
    .example = "{\"ClaimType\":\"Group\",\"ClaimValue\":\"PKI-Users\","
               "\"ProviderAuthenticationScheme\":\"\",\"Description\":\"\"}",
};
const struct op security_claims_update_op = {
    .method = "PUT",
    .path = "/Security/Claims",
    .tag = CLAIMS,
    .needs = "security/modify",
    .body = &claim_update_request_model,
    .reply = &claim_reply_model,
    .doc = "Describe a claim anew.",
};
const struct op security_claims_roles_op = {
    .method = "GET",
    .path = "/Security/Claims/Roles",
    .tag = CLAIMS,
    .needs = "security/read",
    .query = &claim_roles_query_model,
    .reply = &claim_role_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "The roles that come with a claim.",
};
const struct op security_claims_get_op = {
    .method = "GET",
    .path = "/Security/Claims/{id}",
    .tag = CLAIMS,
    .needs = "security/read",
    .reply = &claim_reply_model,
    .doc = "One claim.",
};
const struct op security_claims_delete_op = {
    .method = "DELETE",
    .path = "/Security/Claims/{id}",
    .tag = CLAIMS,
    .needs = "security/modify",
    .doc = "Forget a claim; its bearers lose the roles that came with it.",
};
