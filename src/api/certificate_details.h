/** What is known of single certificates besides themselves: models and operations as data. */
#ifndef API_CERTIFICATE_DETAILS_H
#define API_CERTIFICATE_DETAILS_H

#include "codec/op.h"

/** A page of something about a certificate. */
struct history_query {
    int64_t page_returned, return_limit, take, skip;
    const char *sort_field, *sort_ascending, *query_string;
    int64_t collection_id;
};
/** Something that was done with a certificate. */
struct certificate_operation_reply {
    int64_t id;
    struct when start, end;
    const char *username, *comment, *action;
};
extern const struct model certificate_operation_reply_model;

struct owner_request {
    struct opt_int id;
    const char *name;
};

struct certificate_validation_reply {
    bool valid;
    struct pairs results; /* "Full Chain": "True" */
};

struct analyze_request {
    const char *certificate, *password;
};
/** A certificate that is not in the register, or is. */
struct certificate_analysis_reply {
    const char *issued_dn, *issuer_dn, *thumbprint;
    struct when not_after, not_before;
    struct pairs metadata;
    bool is_end_entity;
};

struct csv_query {
    const char *sort_name, *sort_order, *query;
    int64_t collection_id;
};

extern const struct op certificates_delete_op, certificates_delete_many_op,
    certificates_delete_query_op;
extern const struct op certificates_history_op, certificates_owner_op, certificates_validate_op,
    certificates_analyze_op, certificates_csv_op;

#endif
