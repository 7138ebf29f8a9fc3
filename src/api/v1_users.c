#include "api/v1.h"

#define TAG "Users"
#define NAME_DOC "`ana`, `CONTOSO\\ana` or `ana@contoso`."

static const struct field v1_user_fields[] = {
    FIELD(v1_user, id, "id"),
    FIELD(v1_user, name, "name"),
    FIELD(v1_user, display_name, "display_name"),
    FIELD(v1_user, email, "email"),
    FIELD(v1_user, enabled, "enabled"),
    FIELD(v1_user, roles, "roles", .model = &text_model),
    FIELD(v1_user, created_at, "created_at"),
    FIELD(v1_user, last_login_at, "last_login_at"),
    FIELD(v1_user, locked_until, "locked_until", .doc = "After too many wrong passwords."),
    FIELD(v1_user, version, "version"),
};
static const struct model v1_user_model = MODEL(v1_user, v1_user_fields);
V1_PAGE(v1_users, v1_user_model);

static const struct field v1_user_new_fields[] = {
    FIELD(v1_user_new, name, "name", .flags = REQUIRED, .min = 1, .max = 256, .doc = NAME_DOC),
    FIELD(v1_user_new, password, "password", .flags = SECRET, .max = 1024,
          .doc = "At least 12 characters; none: no login by password."),
    FIELD(v1_user_new, display_name, "display_name", .max = 256),
    FIELD(v1_user_new, email, "email", .max = 320),
    FIELD(v1_user_new, enabled, "enabled", .doc = "True, when absent."),
    FIELD(v1_user_new, roles, "roles", .model = &text_model, .max = 1000),
};
static const struct model v1_user_new_model = MODEL(v1_user_new, v1_user_new_fields);

static const struct field v1_user_edit_fields[] = {
    FIELD(v1_user_edit, display_name, "display_name", .max = 256),
    FIELD(v1_user_edit, email, "email", .max = 320),
    FIELD(v1_user_edit, enabled, "enabled"),
    FIELD(v1_user_edit, roles, "roles", .model = &text_model, .max = 1000,
          .doc = "All roles of the user from now on."),
};
static const struct model v1_user_edit_model = MODEL(v1_user_edit, v1_user_edit_fields);

static const struct field v1_password_fields[] = {
    FIELD(v1_password, password, "password", .flags = REQUIRED | SECRET, .max = 1024,
          .doc = "At least 12 characters."),
};
static const struct model v1_password_model = MODEL(v1_password, v1_password_fields);

const struct op v1_users_list_op = {
    .method = "GET",
    .path = "/users",
    .tag = TAG,
    .needs = "security/read",
    .query = &v1_principal_query_model,
    .reply = &v1_users_model,
    .flags = OP_PAGED,
    .doc = "The users, by name.",
};
const struct op v1_users_create_op = {
    .method = "POST",
    .path = "/users",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_user_new_model,
    .reply = &v1_user_model,
    .status = 201,
    .flags = OP_IDEMPOTENT | OP_ETAG,
    .doc = "Make a user.",
    .example =
        "{\"name\":\"ana\",\"password\":\"a long enough password\",\"roles\":[\"Operator\"]}",
};
const struct op v1_users_get_op = {
    .method = "GET",
    .path = "/users/{user}",
    .tag = TAG,
    .needs = "security/read",
    .reply = &v1_user_model,
    .flags = OP_ETAG,
    .doc = "One user.",
};
const struct op v1_users_edit_op = {
    .method = "PATCH",
    .path = "/users/{user}",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_user_edit_model,
    .reply = &v1_user_model,
    .flags = OP_ETAG,
    .doc = "Change a user; what is absent stays as it is.",
};
const struct op v1_users_password_op = {
    .method = "POST",
    .path = "/users/{user}/password",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_password_model,
    .flags = OP_ETAG,
    .doc = "Set a user's password; their tokens end.",
};
const struct op v1_users_unlock_op = {
    .method = "POST",
    .path = "/users/{user}/unlock",
    .tag = TAG,
    .needs = "security/modify",
    .doc = "Open an account that too many wrong passwords have locked.",
};
const struct op v1_users_delete_op = {
    .method = "DELETE",
    .path = "/users/{user}",
    .tag = TAG,
    .needs = "security/modify",
    .flags = OP_ETAG,
    .doc = "Remove a user.",
};
