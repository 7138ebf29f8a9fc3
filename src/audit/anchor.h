/**
 * Anchor: where the chains stood at a moment, kept by somebody outside. Whoever holds one sees that
 * something was removed behind it, even by one who can write every table and key of the server.
 *
 * @see operations.md section 4.2
 */
#ifndef AUDIT_ANCHOR_H
#define AUDIT_ANCHOR_H

#include "audit/verify.h"

/** The end of a chain at that moment: an event of this number and hash must be there for ever. */
struct audit_head {
    int64_t lane, seq;
    const char *hash; /* SHA-256 in lower-case hexadecimal digits */
};

/** The heads of all chains as they are now: a list of struct audit_head, by lane. */
enum err audit_heads(struct scope *s, struct db *db, struct list *out);
/** See that HEADS are still part of their chains; what is missing is added to REPORT. */
enum err audit_heads_check(struct scope *s, struct db *db, const struct list *heads,
                           struct audit_report *report);

#endif
