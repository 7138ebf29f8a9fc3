/** Requests that wait, as the Command API and our own show them: models and operations as data, no
 * behaviour. */
#ifndef API_WORKFLOW_H
#define API_WORKFLOW_H

#include "codec/op.h"

/** A request in a list. */
struct waiting_reply {
    int64_t id;
    const char *ca_request_id, *common_name, *distinguished_name;
    struct when submission_date;
    const char *certificate_authority, *tmpl, *requester;
    int64_t state; /* 5 pending, 3 denied, 4 failed */
    const char *state_string;
    struct pairs metadata;
};
extern const struct model waiting_reply_model;
/** One alone. */
struct waiting_detail_reply {
    struct waiting_reply base;
    const char *denial_comment, *key_length, *curve;
    struct list sans;        /* of const char * */
    struct list cert_stores; /* of struct waiting_store_reply: there are none */
};
struct waiting_store_reply {
    const char *entry_name, *client_machine, *store_path;
};

struct denial_request {
    const char *comment;
    struct list ids; /* of int64_t */
};
/** What became of one of the requests named. */
struct processed_reply {
    int64_t ca_row_id;
    const char *ca_request_id, *ca_host, *ca_logical_name;
    int64_t request_id;
    const char *comment;
};
struct approve_deny_reply {
    struct list failures, denials, successes; /* of struct processed_reply */
};

extern const struct op waiting_list_op, waiting_denied_op, waiting_external_op, waiting_get_op,
    waiting_approve_op, waiting_deny_op;

#endif
