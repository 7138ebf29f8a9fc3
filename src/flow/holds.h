/**
 * Holds: legal holds on certificates and on the audit record. What is held is not removed, archived
 * or robbed of its key by anybody, be it a job or a person, until the hold is lifted. Any thread.
 */
#ifndef FLOW_HOLDS_H
#define FLOW_HOLDS_H

#include "flow/sight.h"

struct hold {
    int64_t id;
    int64_t certificate;  /* 0: it is of the audit record */
    struct when from, to; /* of the audit record; TO WHEN_NONE: all that comes */
    const char *reason, *placed_by;
    struct when placed_at;
    const char *lifted_by, *lifted_reason; /* NULL: it holds */
    struct when lifted_at;                 /* WHEN_NONE: the same */
};

/**
 * Place a hold: on IN->certificate, which CALLER must be able to see, or on the audit record from
 * IN->from.
 *
 * @param out  receives it whole
 * @return E_INVALID: both or neither is named, or the end is before the beginning; E_FORBIDDEN,
 * E_NOT_FOUND: see certificate_for()
 */
enum err hold_place(struct scope *s, struct flow *f, const struct caller *caller,
                    const struct hold *in, struct hold *out);
/** Lift one. E_NOT_FOUND; E_CONFLICT: it was lifted before. */
enum err hold_lift(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
                   const char *reason, struct hold *out);
enum err hold_get(struct scope *s, struct db *db, int64_t id, struct hold *out);

struct hold_query {
    int64_t certificate; /* 0: any */
    bool all;            /* those that were lifted, too */
    int64_t after;       /* an id */
    int64_t limit;
};
/** A page of struct hold, by id; *NEXT receives the last id when there are more, else 0. */
enum err hold_list(struct scope *s, struct db *db, const struct hold_query *q, struct list *out,
                   int64_t *next);

/** Within TX: the hold on this certificate; 0: there is none. Until the commit none comes. */
enum err hold_on_certificate(struct scope *s, struct tx *tx, const struct cert_row *row,
                             int64_t *hold);
/** The same of any certificate with the key of this hash. */
enum err hold_on_key(struct scope *s, struct tx *tx, struct bytes key_hash, int64_t *hold);

#endif
