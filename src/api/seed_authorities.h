/** Authorities as the seeds call them: by name, in their own shape. */
#ifndef API_SEED_AUTHORITIES_H
#define API_SEED_AUTHORITIES_H

#include "codec/op.h"

/** Some names stand for others: Name and CAName, Type and CAType, Hostname and Host. */
struct seed_authority_request {
    const char *name, *ca_name, *type, *ca_type, *gateway, *hostname, *host, *logical_name;
    struct raw properties;
    const char *parent, *key_type, *key_uri; /* ours: of an embedded one */
};
struct seed_authority_reply {
    int64_t id;
    const char *name, *type, *gateway, *hostname, *logical_name;
    struct raw properties;
};
struct seed_template_reply {
    const char *name, *display_name;
    int64_t key_size;
    const char *validity_period;
    bool approval_required;
};
struct publish_crl_request {
    const char *logical_name, *host_name;
};
extern const struct op seed_authorities_list_op, seed_authorities_get_op,
    seed_authorities_create_op, seed_authorities_delete_op, seed_authorities_templates_op,
    authority_publish_crl_op;

#endif
