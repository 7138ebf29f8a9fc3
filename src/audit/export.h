/**
 * Export: the audit record as JSON Lines, chain by chain, with the checkpoints that cover it, for
 * those who verify elsewhere by audit_verify_export().
 *
 * @see operations.md section 4.2
 */
#ifndef AUDIT_EXPORT_H
#define AUDIT_EXPORT_H

#include "audit/audit.h"

/** What to export; zero, NULL and WHEN_NONE do not restrict. */
struct audit_export {
    int64_t lane;
    struct when from, until; /* until is not included */
    const char *after;       /* the cursor that the page before gave */
    int limit;               /* events of a page; 0: 1000 */
};

/**
 * A page of an export.
 *
 * @param out   receives a list of const char *: events in the form of audit_row_json(); behind the
 *              last of all, lines with the checkpoints that lie within
 * @param next  receives the cursor of the next page, or NULL at the end
 * @return E_INVALID: a cursor that is not ours
 */
enum err audit_export(struct scope *s, struct db *db, const struct audit_export *q,
                      struct list *out, const char **next);
/** Add lines with the checkpoints of a chain that lie between the events FROM and TO to OUT. */
enum err audit_export_checkpoints(struct scope *s, struct db *db, int64_t lane, int64_t from,
                                  int64_t to, struct list *out);

/** What left the house is evidence, too. */
struct audit_left {
    const struct audit_actor *by;
    const struct audit_change *facts; /* what is known of it; or none */
    size_t fact_count;
};
/** Record that events were exported. */
enum err audit_export_told(struct scope *s, struct db *db, const struct audit_left *left);

#endif
