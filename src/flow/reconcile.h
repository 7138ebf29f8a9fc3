/**
 * Reconcile: after a restore, bring into the register what was signed and revoked since the backup,
 * by the log of signatures. Doing it again changes nothing. One thread.
 *
 * @see ca-core.md section 17, operations.md section 8
 */
#ifndef FLOW_RECONCILE_H
#define FLOW_RECONCILE_H

#include "flow/flow.h"

/** What came of it. */
struct reconciled {
    int64_t records;   /* of the log */
    int64_t entered;   /* certificates that the register did not have */
    int64_t revoked;   /* revocations and liftings of holds done again */
    struct list lost;  /* of const char *: serials of certificates that are not in the register */
    struct list burnt; /* the same of those that were signed, refused and never given */
    struct list unconfirmed; /* the same of .entered: perhaps their clients never had them */
    struct list damaged;     /* of const char *: lines of the log that cannot be read */
    struct when last;        /* the last thing known; WHEN_NONE: nothing */
    struct list crl;         /* of struct reconciled_crl: the highest numbers */
};
struct reconciled_crl {
    const char *key; /* SHA-256 of the authority's public key, in hexadecimal digits */
    int64_t number;
};

/**
 * Read the logs in DIRS (of const char *) from SINCE on. Each certificate enters the register when
 * an authority of ours signed it; one that cannot is told as lost, and its serial is burnt where
 * its authority is known, as is that of one that was signed and refused: nobody was given it. What
 * is entered, revoked, lost or burnt is in the audit record.
 */
enum err flow_reconcile(struct scope *s, struct flow *f, const struct list *dirs, struct when since,
                        struct reconciled *out);

#endif
