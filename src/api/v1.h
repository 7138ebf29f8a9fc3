/**
 * Our own API, /api/v1: models and operations as data, no behaviour. Names are snake_case, times
 * UTC in RFC 3339; lists come in pages with a cursor, failures are problem details (RFC 9457),
 * objects are addressed by name or by id.
 */
#ifndef API_V1_H
#define API_V1_H

#include "codec/op.h"

/* Pages and failures. */

/** What every list takes: its query structs begin with these two. */
struct v1_query {
    int64_t limit;
    const char *after;
};
#define V1_PAGE_FIELDS(type)                                           \
    FIELD(type, limit, "limit", .preset = "50", .min = 1, .max = 1000, \
          .doc = "Most items of a page."),                             \
        FIELD(type, after, "after", .max = 512,                        \
              .doc = "The cursor that the page before gave as `next`.")
extern const struct model v1_query_model;

/** What every list answers. */
struct v1_page {
    struct list items;
    const char *next;       /* NULL: the end */
    int64_t total_at_least; /* of this page and what is known to follow */
};
#define V1_PAGE(type, item)                                                               \
    static const struct field type##_fields[] = {                                         \
        FIELD(v1_page, items, "items", .model = &(item), .flags = REQUIRED),              \
        FIELD(v1_page, next, "next", .doc = "Cursor of the next page; null at the end."), \
        FIELD(v1_page, total_at_least, "total_at_least",                                  \
              .doc = "How many there are, counted from this page, as far as is known."),  \
    };                                                                                    \
    static const struct model type##_model = { .name = #type,                             \
                                               .size = sizeof(struct v1_page),            \
                                               .fields = type##_fields,                   \
                                               .count = COUNT(type##_fields) }

/** A failure. */
struct v1_problem_item {
    const char *field, *code, *reason;
};
struct v1_problem {
    const char *type, *title;
    int64_t status;
    const char *detail, *code, *request_id;
    struct list problems; /* of struct v1_problem_item */
};
extern const struct model v1_problem_model;

/* Users. */

struct v1_user {
    int64_t id;
    const char *name, *display_name, *email;
    bool enabled;
    struct list roles; /* of const char * */
    struct when created_at, last_login_at, locked_until;
    int64_t version;
};
struct v1_user_new {
    const char *name, *password, *display_name, *email;
    struct opt_bool enabled;
    struct list roles;
};
struct v1_user_edit {
    const char *display_name, *email;
    struct opt_bool enabled;
    struct list roles;
};
struct v1_password {
    const char *password;
};
/** Users, clients and roles by part of their names. */
struct v1_principal_query {
    int64_t limit;
    const char *after, *contains;
};
extern const struct model v1_principal_query_model;
extern const struct op v1_users_list_op, v1_users_create_op, v1_users_get_op, v1_users_edit_op,
    v1_users_password_op, v1_users_unlock_op, v1_users_delete_op;

/* OAuth2 clients. */

struct v1_client {
    int64_t id;
    const char *client_id, *description;
    bool enabled;
    struct list roles;
    struct when created_at, last_used_at;
    int64_t version;
    const char *client_secret; /* told once, when it is made */
};
struct v1_client_new {
    const char *client_id, *description;
    struct opt_bool enabled;
    struct list roles;
};
struct v1_client_edit {
    const char *description;
    struct opt_bool enabled;
    struct list roles;
};
extern const struct op v1_clients_list_op, v1_clients_create_op, v1_clients_get_op,
    v1_clients_edit_op, v1_clients_secret_op, v1_clients_delete_op;

/* Roles. */

struct v1_grant {
    const char *permission, *scope, *object; /* object: name or id; NULL with scope "all" */
};
struct v1_member {
    const char *kind, *name;
    int64_t id;
};
struct v1_member_new {
    const char *kind, *name;
};
struct v1_role {
    int64_t id;
    const char *name, *description;
    bool enabled, built_in;
    struct list grants;  /* of struct v1_grant */
    struct list members; /* of struct v1_member */
    int64_t version;
};
struct v1_role_new {
    const char *name, *description;
    struct opt_bool enabled;
    struct list grants;
};
struct v1_role_edit {
    const char *name, *description;
    struct opt_bool enabled;
};
struct v1_grants {
    struct list items;
};
struct v1_permission {
    const char *name, *command_name, *path, *description;
};
struct v1_permissions {
    struct list items;
};
extern const struct op v1_roles_list_op, v1_roles_create_op, v1_roles_get_op, v1_roles_edit_op,
    v1_roles_delete_op, v1_members_add_op, v1_members_remove_op, v1_grants_list_op,
    v1_grants_add_op, v1_grants_withdraw_op, v1_permissions_list_op;

/* Authorities. */

struct v1_authority {
    int64_t id;
    const char *name, *slug, *host, *driver, *parent;
    bool enabled, offers_enrollment, usable;
    struct when created_at;
    int64_t version;
    /* its newest certificate */
    const char *subject, *serial_number, *thumbprint, *key_type, *signature_algorithm, *certificate;
    struct when not_before, not_after;
    const char *crl_url, *ca_url, *ocsp_url;
    /* its present CRL */
    struct opt_int crl_number, crl_entries;
    struct when crl_this_update, crl_next_update;
};
struct v1_crl {
    int64_t number, entries;
    struct when this_update, next_update;
};
extern const struct op v1_authorities_list_op, v1_authorities_get_op, v1_authorities_enable_op,
    v1_authorities_disable_op, v1_authorities_crl_op;

#endif
