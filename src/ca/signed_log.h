/**
 * Log of signatures: what this server signed, revoked and numbered, in files beside its database
 * and not of it: after a restore of an older backup they tell what it does not know. A line for
 * each, appended before anybody is told; a file for each day, UTC. Any thread, and several
 * processes.
 *
 * @see ca-core.md section 17
 */
#ifndef CA_SIGNED_LOG_H
#define CA_SIGNED_LOG_H

#include "base/scope.h"

struct signed_log;

/** A line. What does not belong to its kind is NULL, 0 or WHEN_NONE. */
struct signed_record {
    const char *kind; /* SIGNED_... */
    struct when at;
    const char *issuer; /* SHA-256 of the issuer's name, in hexadecimal digits */
    const char *serial; /* hexadecimal digits, as certificate.serial */
    struct bytes der;   /* of a certificate that was signed */
    int64_t id, template_id, template_version, renews; /* of one that was entered */
    const char *requester, *protocol;                  /* the same */
    int64_t reason; /* of one that was revoked: CRLReason; -1: its hold was lifted */
    struct when revoked_at;
    const char *key; /* of an authority, whose CRL got the number: SHA-256 of its public key */
    int64_t number;
};
#define SIGNED_CERTIFICATE "signed"
#define SIGNED_ENTERED "entered" /* and its client may have it */
#define SIGNED_DROPPED "dropped" /* refused in its commit: nobody has it, nobody will */
#define SIGNED_REVOKED "revoked"
#define SIGNED_CRL "crl"

/**
 * Write to files in DIR, made when it is not there.
 *
 * @param strict  each line is on disk when signed_log_add() returns, or it fails
 */
enum err signed_log_open(struct scope *s, const char *dir, bool strict, struct signed_log **out);
/** NULL is allowed, here and below: there is no log. */
void signed_log_close(struct signed_log *log);
OWNED(struct signed_log, signed_log_close);
/** Append R; .at is now. Unless it is strict, what cannot be written is logged and no failure. */
enum err signed_log_add(struct scope *s, struct signed_log *log, struct signed_record *r);
/** The same for COUNT of one kind, at least one, in a single write. */
enum err signed_log_add_all(struct scope *s, struct signed_log *log, struct signed_record *all,
                            size_t count);

/** Whether the last line that this process had to write could not be written. Any thread. */
bool signed_log_fails(void);

/** What signed_log_read() met. */
struct signed_found {
    int64_t records;
    struct list bad; /* of const char *: lines that are not what was written: "FILE:LINE: why" */
};
/**
 * Hand every record in DIR to EACH, from the oldest on; R lives for the call. Lines that are
 * damaged are left out and told. None when there is no DIR.
 *
 * @param since  files of earlier days are left out
 */
enum err signed_log_read(struct scope *s, const char *dir, struct when since,
                         enum err (*each)(struct scope *s, void *arg,
                                          const struct signed_record *r),
                         void *arg, struct signed_found *found);
/** Remove the files in DIR whose day ended before BEFORE; *REMOVED receives how many. */
enum err signed_log_forget(struct scope *s, const char *dir, struct when before, int64_t *removed);

#endif
