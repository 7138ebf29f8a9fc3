/** Roles, identities, claims and what roles may do, as the Command API has them. Data, no
 * behaviour. */
#ifndef API_SECURITY_H
#define API_SECURITY_H

#include "codec/op.h"

/* The one permission set that there is. */
#define PERMISSION_SET "00000000-0000-0000-0000-000000000001"

/* Claims. */

extern const struct choice command_claim_types[];
struct claim_provider_reply {
    const char *id, *authentication_scheme, *display_name;
};
struct claim_reply {
    int64_t id;
    const char *description, *claim_type, *claim_value, *provider_authentication_scheme;
    struct claim_provider_reply *provider;
};
struct claim_request { /* of a role, or one to make known */
    int64_t claim_type;
    const char *claim_value, *provider_authentication_scheme, *description;
};
struct claim_update_request {
    int64_t id;
    const char *description;
};
struct claim_roles_query {
    struct opt_int claim_type;
    const char *claim_value, *provider_authentication_scheme;
};
struct claim_role_reply {
    int64_t id;
    const char *name, *description, *permission_set_id;
};
extern const struct model claim_reply_model;

/* Identities. */

struct identity_identifier {
    const char *account_name, *sid;
};
struct identity_reply {
    int64_t id;
    const char *account_name, *identity_type;
    struct list roles; /* of struct security_role_reply; of a role's identities: none */
    bool valid;
    const char *sid;
};
struct identity_request {
    const char *account_name;
    struct opt_int identity_type;
};
struct identity_lookup_query {
    const char *account_name;
};
struct identity_lookup_reply {
    bool valid;
};
struct permission_roles_reply { /* a permission, and the roles that grant it */
    const char *permission;
    struct list granted_by_roles; /* of const char * */
};
struct identity_permissions_reply {
    const char *identity;
    struct list secured_areas, collections, containers; /* of struct permission_roles_reply */
};
struct security_my_reply {
    struct list roles;              /* of const char * */
    struct list global_permissions; /* of struct area_permission */
};

/* Roles. */

struct security_role_reply {
    int64_t id;
    const char *name, *description, *email_address;
    bool enabled, immutable, valid, is_private;
    const char *permission_set_id;
    struct list permissions; /* of const char *, in the form of the version that was asked for */
    struct list identities;  /* of struct identity_reply */
    struct list claims;      /* of struct claim_reply: the same, as version 2 has them */
    int64_t claims_count;
};
struct security_role_request { /* to make or change one */
    int64_t id;
    const char *name, *description, *email_address;
    struct opt_bool enabled, is_private;
    struct list permissions; /* of const char * */
    const char *permission_set_id;
    struct list identities; /* of struct identity_identifier */
    struct list claims;     /* of struct claim_request */
};
struct role_identity_reply {
    int64_t id;
    const char *name;
};
struct role_identities_request {
    struct list ids; /* of int64_t */
};
extern const struct model security_role_reply_model;

/* What a role may do. */

struct role_area_permission_reply {
    const char *type, *area, *permission;
};
struct area_permission {
    const char *area, *permission;
};
extern const struct model area_permission_model;
struct role_container_permission {
    int64_t container_id;
    const char *permission;
};
struct role_container_permission_reply {
    int64_t container_id;
    const char *name, *permission;
};
struct role_pam_permissions {
    int64_t pam_provider_id;
    const char *name;
    struct list permissions; /* of const char * */
};

struct certificate_role_reply {
    const char *name;
    struct list permissions; /* of const char * */
};
struct certificate_security_reply {
    struct list roles; /* of struct certificate_role_reply */
};

struct certificate_permission_reply {
    const char *name;
    struct list granted_by; /* of const char *: roles */
};
struct certificate_identity_reply {
    int64_t id;
    const char *account_name, *identity_type, *sid;
    struct list permissions; /* of struct certificate_permission_reply */
};

/* Operations. */
extern const struct op certificate_security_op, certificate_identities_op;
extern const struct op security_roles_list_op, security_roles_create_op, security_roles_update_op,
    security_roles_get_op, security_roles_delete_op, security_roles_copy_op, role_identities_get_op,
    role_identities_set_op;
extern const struct op identities_list_op, identities_create_op, identities_lookup_op,
    identities_get_op, identities_delete_op, security_my_op;
extern const struct op security_claims_list_op, security_claims_create_op,
    security_claims_update_op, security_claims_roles_op, security_claims_get_op,
    security_claims_delete_op;
extern const struct op role_permissions_get_op, role_global_get_op, role_global_add_op,
    role_global_set_op, role_containers_get_op, role_containers_add_op, role_containers_set_op,
    role_pam_get_op, role_pam_set_op;

#endif
