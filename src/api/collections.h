/** Collections of the Command API, and the permissions on them. Data, no behaviour. */
#ifndef API_COLLECTIONS_H
#define API_COLLECTIONS_H

#include "codec/op.h"

struct collection_reply {
    int64_t id;
    const char *name, *description;
    bool automated;
    const char *content, *query; /* the same */
    int64_t duplication_field;
    bool show_on_dashboard, favorite;
};
struct collection_request { /* to make, copy or change one */
    int64_t id;
    struct opt_int copy_from_id;
    const char *name, *description, *query;
    struct opt_int duplication_field;
    struct opt_bool show_on_dashboard, favorite;
};
struct collection_role_permissions {
    int64_t role_id;
    struct list permissions; /* of const char * */
};
struct role_collection_permission {
    int64_t collection_id;
    const char *permission;
};
struct role_collection_permission_reply {
    int64_t collection_id;
    const char *name, *permission;
};
extern const struct model collection_reply_model;

/* Operations. */
extern const struct op collections_list_op, collections_create_op, collections_update_op,
    collections_copy_op, collections_get_op, collections_delete_op, collections_permissions_op;
extern const struct op role_collections_get_op, role_collections_add_op, role_collections_set_op;

#endif
