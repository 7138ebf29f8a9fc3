/**
 * Verify: whether the audit record is what was written. It finds an edited, removed, inserted,
 * reordered or cut-off event, and one whose index columns do not say what its text says.
 *
 * @see operations.md section 4.2
 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include "audit/audit.h"

/** Which part of which chains; 0 and WHEN_NONE: all. */
struct audit_range {
    int64_t lane;
    int64_t from, to; /* sequence numbers, both included */
};

/** A place where the record is broken, with its neighbours as they stand. */
struct audit_break {
    int64_t lane, seq;
    const char *reason; /* for people: "the hash does not match the text" */
    const char *before; /* canonical JSON of the last good event, or NULL at the beginning */
    const char *at;     /* of the event that does not fit, or NULL when it is missing */
    const char *after;  /* of the event that follows, or NULL at the end */
};

/** What an export has of a chain. */
struct audit_part {
    int64_t lane, from, to; /* the numbers of its first and last event */
    const char *prev;       /* the hash that the first one names, in hexadecimal digits */
    uint8_t last[32];       /* the hash of the last one */
};

struct audit_report {
    int64_t events, chains, checkpoints;
    int64_t unsealed; /* events after the last checkpoint: a cut there shows only by the chain's own
                         head */
    int64_t micros;   /* time taken */
    struct list parts;  /* of struct audit_part; of exports only */
    struct list breaks; /* of struct audit_break: the first of each chain, and bad checkpoints; at
                           most 100 */
    bool intact;
};

/**
 * Read the chains and compute them anew: hashes, links, numbering, canonical form, columns,
 * checkpoints and their signatures, heads.
 *
 * @return OK also when the record is broken: see REPORT->intact
 */
enum err audit_verify(struct scope *s, struct db *db, const struct audit_range *range,
                      struct audit_report *report);

/**
 * Whether one event is what was written: its text has its hash, the columns say what the text says,
 * it names the event before it, and its hash is under a signed checkpoint, or, as long as none
 * covers it, what follows names it. What became of other events does not matter.
 *
 * @return E_NOT_FOUND: there is no such event
 */
enum err audit_validate(struct scope *s, struct db *db, int64_t lane, int64_t seq, bool *valid);

/**
 * The same for an export: JSON Lines of audit_row_json(), chain by chain. KEYS are the public keys
 * that checkpoints may be signed with, as a JWK Set; NULL trusts those inside the export, which
 * then proves less.
 */
enum err audit_verify_export(struct scope *s, struct bytes lines, const char *keys,
                             struct audit_report *report);

#endif
