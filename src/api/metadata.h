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

/* Values of certificates. */
struct metadata_put_request {
    int64_t id;
    struct pairs metadata;
    int64_t collection_id;
};
struct metadata_of_reply {
    int64_t id;
    struct pairs metadata;
};
struct metadata_single {
    const char *name, *value;
    bool overwrite;
};
struct metadata_all_request {
    const char *query;
    struct list ids;      /* of int64_t */
    struct list metadata; /* of struct metadata_single */
    int64_t collection_id;
};
struct metadata_compare_query {
    int64_t certificate_id;
    const char *name, *value;
    int64_t collection_id;
};

/* Operations. */
extern const struct op metadata_fields_list_op, metadata_fields_create_op,
    metadata_fields_update_op, metadata_fields_delete_many_op, metadata_fields_get_op,
    metadata_fields_delete_op, metadata_fields_in_use_op;
extern const struct op certificates_metadata_put_op, certificates_metadata_all_op,
    certificates_metadata_compare_op, certificates_metadata_get_op;

#endif
