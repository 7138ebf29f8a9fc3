/** Metadata of the Command API: fields, and values of certificates. Data, no behaviour. */
#ifndef API_METADATA_H
#define API_METADATA_H

#include "codec/op.h"

struct metadata_field_reply {
    int64_t id;
    const char *name, *description;
    int64_t data_type;
    const char *hint, *validation;
    int64_t enrollment;
    const char *message, *options, *default_value;
    int64_t display_order;
};
struct metadata_field_create {
    const char *name, *description;
    int64_t data_type;
    const char *hint, *validation;
    struct opt_int enrollment;
    const char *message, *options, *default_value;
    struct opt_int display_order;
};
struct metadata_field_update {
    int64_t id;
    const char *name, *description;
    int64_t data_type;
    const char *hint, *validation;
    struct opt_int enrollment;
    const char *message, *options, *default_value;
    struct opt_int display_order;
};
struct metadata_delete_query {
    bool force;
};
extern const struct model metadata_field_reply_model;

/* Operations. */
extern const struct op metadata_fields_list_op, metadata_fields_create_op,
    metadata_fields_update_op, metadata_fields_delete_many_op, metadata_fields_get_op,
    metadata_fields_delete_op, metadata_fields_in_use_op;

#endif
