#include "api/collections.h"

#include "api/command.h"

#define TAG "CertificateCollection"
#define ROLES "SecurityRolePermissions"

static const struct choice duplications[] = {
    { 0, "None", "every certificate" },
    { 1, "CN", "of those with the same common name only the newest" },
    { 2, "DN", "the same for the whole subject" },
    { 4, "UPN", "the same for the first user principal name" },
    { 0, NULL, NULL },
};

static const struct field collection_reply_fields[] = {
    FIELD(collection_reply, id, "Id"),
    FIELD(collection_reply, name, "Name"),
    FIELD(collection_reply, description, "Description"),
    FIELD(collection_reply, automated, "Automated"),
    FIELD(collection_reply, content, "Content", .doc = "The query once more."),
    FIELD(collection_reply, query, "Query"),
    FIELD(collection_reply, duplication_field, "DuplicationField"),
    FIELD(collection_reply, show_on_dashboard, "ShowOnDashboard"),
    FIELD(collection_reply, favorite, "Favorite"),
};
const struct model collection_reply_model = MODEL(collection_reply, collection_reply_fields);

/* The members of all requests. */
#define MEMBERS(must_id, must_copy, must_name)                                                     \
    FIELD(collection_request, id, "Id", .flags = (must_id)),                                       \
        FIELD(collection_request, copy_from_id, "CopyFromId", .flags = (must_copy),                \
              .doc = "The collection that gives what is left out, and who may do what there."),    \
        FIELD(collection_request, name, "Name", .flags = (must_name), .max = 1000,                 \
              .doc = "Unique in any case."),                                                       \
        FIELD(collection_request, description, "Description", .max = 65536),                       \
        FIELD(collection_request, query, "Query", .max = 65536,                                    \
              .doc = "Which certificates; see `chancery help query`."),                            \
        FIELD(collection_request, duplication_field, "DuplicationField", .choices = duplications), \
        FIELD(collection_request, show_on_dashboard, "ShowOnDashboard"),                           \
        FIELD(collection_request, favorite, "Favorite")

static const struct field collection_create_fields[] = { MEMBERS(0, 0, REQUIRED) };
static const struct field collection_copy_fields[] = { MEMBERS(0, REQUIRED, REQUIRED) };
static const struct field collection_update_fields[] = { MEMBERS(REQUIRED, 0, REQUIRED) };
static const struct model collection_create_model = SHAPE(collection_request, collection_create);
static const struct model collection_copy_model = SHAPE(collection_request, collection_copy);
static const struct model collection_update_model = SHAPE(collection_request, collection_update);

static const struct field collection_role_permissions_fields[] = {
    FIELD(collection_role_permissions, role_id, "RoleId", .flags = REQUIRED),
    FIELD(collection_role_permissions, permissions, "Permissions", .model = &text_model, .max = 100,
          .doc = "Read, EditMetadata, Recover, Revoke, Delete, Modify; none: nothing."),
};
static const struct model collection_role_permissions_model =
    MODEL(collection_role_permissions, collection_role_permissions_fields);

static const struct field role_collection_permission_fields[] = {
    FIELD(role_collection_permission, collection_id, "CollectionId", .flags = REQUIRED),
    FIELD(role_collection_permission, permission, "Permission", .flags = REQUIRED, .max = 200),
};
static const struct model role_collection_permission_model =
    MODEL(role_collection_permission, role_collection_permission_fields);

static const struct field role_collection_permission_reply_fields[] = {
    FIELD(role_collection_permission_reply, collection_id, "CollectionId"),
    FIELD(role_collection_permission_reply, name, "Name", .doc = "The collection's."),
    FIELD(role_collection_permission_reply, permission, "Permission"),
};
static const struct model role_collection_permission_reply_model =
    MODEL(role_collection_permission_reply, role_collection_permission_reply_fields);

const struct op collections_list_op = {
    .method = "GET",
    .path = "/CertificateCollections",
    .tag = TAG,
    .needs = "certificates/read",
    .query = &page_query_model,
    .reply = &collection_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The collections whose certificates the caller may see, by name.",
};
const struct op collections_create_op = {
    .method = "POST",
    .path = "/CertificateCollections",
    .tag = TAG,
    .needs = "collections/modify",
    .body = &collection_create_model,
    .reply = &collection_reply_model,
    .doc = "Make a collection.",
    .example = "{\"Name\":\"Web\",\"Description\":\"Of the web team\","
               "\"Query\":\"CN -contains \\\"web\\\"\",\"DuplicationField\":1}",
};
const struct op collections_update_op = {
    .method = "PUT",
    .path = "/CertificateCollections",
    .tag = TAG,
    .needs = "collections/modify",
    .body = &collection_update_model,
    .reply = &collection_reply_model,
    .doc = "Change a collection; members that are left out stay as they are.",
};
const struct op collections_copy_op = {
    .method = "POST",
    .path = "/CertificateCollections/Copy",
    .tag = TAG,
    .needs = "collections/modify",
    .body = &collection_copy_model,
    .reply = &collection_reply_model,
    .doc = "Make a collection like another, with the permissions on it.",
};
const struct op collections_get_op = {
    .method = "GET",
    .path = "/CertificateCollections/{id}",
    .tag = TAG,
    .needs = "certificates/read",
    .reply = &collection_reply_model,
    .doc = "One collection, by its number or its name.",
};
const struct op collections_delete_op = {
    .method = "DELETE",
    .path = "/CertificateCollections/{id}",
    .tag = TAG,
    .needs = "collections/modify",
    .doc = "Remove a collection, with the permissions on it.",
};
const struct op collections_permissions_op = {
    .method = "POST",
    .path = "/CertificateCollections/{id}/Permissions",
    .tag = TAG,
    .needs = "security/modify",
    .body = &collection_role_permissions_model,
    .flags = OP_BODY_LIST,
    .doc = "What each of these roles may do in a collection.",
};
const struct op role_collections_get_op = {
    .method = "GET",
    .path = "/Security/Roles/{id}/Permissions/Collections",
    .tag = ROLES,
    .needs = "security/read",
    .reply = &role_collection_permission_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "What a role may do in single collections.",
};
const struct op role_collections_add_op = {
    .method = "POST",
    .path = "/Security/Roles/{id}/Permissions/Collections",
    .tag = ROLES,
    .needs = "security/modify",
    .body = &role_collection_permission_model,
    .reply = &role_collection_permission_reply_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST,
    .doc = "Give a role permissions in single collections, beside those it has.",
};
const struct op role_collections_set_op = {
    .method = "PUT",
    .path = "/Security/Roles/{id}/Permissions/Collections",
    .tag = ROLES,
    .needs = "security/modify",
    .body = &role_collection_permission_model,
    .reply = &role_collection_permission_reply_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST,
    .doc = "What a role may do in single collections, all of it.",
};
