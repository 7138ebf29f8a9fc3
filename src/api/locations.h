/** Locations: in which stores certificates are, and their way there. Models and operations as data.
 */
#ifndef API_LOCATIONS_H
#define API_LOCATIONS_H

#include "codec/op.h"

/** A place where a certificate is. */
struct store_location_reply {
    const char *store_id;
    int64_t store_type_id;
    const char *client_machine, *store_path, *agent_pool, *alias, *ip_address;
    int64_t port;
    const char *network_name;
};
/** Those in stores of one type. */
struct store_group_reply {
    const char *store_type;
    int64_t store_type_id, store_count;
    struct list locations; /* of struct store_location_reply */
};
struct locations_reply {
    struct list details; /* of struct store_group_reply */
};

/** A store that is to get a certificate. */
struct deploy_store {
    const char *store_id, *alias;
    bool overwrite;
    struct raw properties;
};
struct deploy_store_type {
    int64_t store_type_id;
    const char *alias;
    bool overwrite;
    struct raw properties;
};
struct deploy_request {
    struct list stores;      /* of struct deploy_store */
    struct list store_ids;   /* of const char * */
    struct list store_types; /* of struct deploy_store_type */
    int64_t certificate_id, request_id;
    const char *password;
    struct when job_time;
};
struct replace_request {
    int64_t existing_certificate_id, certificate_id, request_id;
    const char *password;
    struct when job_time;
};
struct deploy_reply {
    struct list successful_stores, failed_stores; /* of const char * */
};

extern const struct op certificates_locations_op, enrollment_deploy_op, enrollment_replace_op;

#endif
