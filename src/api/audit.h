/** The audit record by the Command API. Data, no behaviour. */
#ifndef API_AUDIT_H
#define API_AUDIT_H

#include "codec/op.h"

/** An event. */
struct audit_entry {
    int64_t id;
    struct when timestamp;
    const char *message;
    struct bytes signature; /* its hash in the chain, which checkpoints sign */
    int64_t category, operation, level;
    const char *user, *entity_type, *audit_identifier, *immutable_identifier;
};
/** The same with all that is recorded. */
struct audit_entry_whole {
    int64_t id;
    struct when timestamp;
    const char *message;
    struct bytes signature;
    int64_t category, operation, level;
    const char *user, *entity_type, *audit_identifier, *immutable_identifier;
    const char *action, *outcome, *identifier;
    int64_t chain, sequence;
    struct raw event;
};

extern const struct op audit_list_op, audit_related_op, audit_download_op, audit_one_op,
    audit_validate_op;

#endif
