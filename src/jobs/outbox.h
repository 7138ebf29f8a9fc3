/**
 * Outbox: what happened, told to whoever follows. An event is written in the transaction of its
 * change, in the stream of that transaction's lane; streams have no gaps, so a follower that
 * remembers a number for each lane misses none.
 */
#ifndef JOBS_OUTBOX_H
#define JOBS_OUTBOX_H

#include "base/scope.h"
#include "db/db.h"

/* Kinds; the object is the row's id. */
#define EVENT_CERT_ISSUED "certificate.issued"
#define EVENT_CERT_REVOKED "certificate.revoked"
#define EVENT_CERT_CHANGED "certificate.changed"
#define EVENT_AUTHORITY_CHANGED \
    "authority.changed"                     /* and its keys, certificates, CRLs' addresses */
#define EVENT_CRL_PUBLISHED "crl.published" /* object: crl_scope */
#define EVENT_TEMPLATE_CHANGED "template.changed"
#define EVENT_ACCESS_CHANGED \
    "access.changed" /* users, clients, roles, grants, claims; detail: of whom alone, as "u_17" */
#define EVENT_ACME_CHANGED "acme.changed"         /* a profile; object: its endpoint */
#define EVENT_SETTINGS_CHANGED "settings.changed" /* what is switched while servers run */

struct outbox_event {
    int64_t lane, seq;
    struct when at;
    const char *kind;
    int64_t object;
    const char *detail; /* or NULL */
};

/** Write an event as part of TX. */
enum err outbox_add(struct scope *s, struct tx *tx, const char *kind, int64_t object,
                    const char *detail);

/** Where a follower stands: it begins at the present end of all streams. */
struct outbox_reader;
enum err outbox_follow(struct scope *s, struct db *db, struct outbox_reader **out);
void outbox_reader_free(struct outbox_reader *f);
OWNED(struct outbox_reader, outbox_reader_free);
/** What is new since the last call, in the order of each lane; a list of struct outbox_event. One
 * thread at a time. */
enum err outbox_next(struct scope *s, struct db *db, struct outbox_reader *f, struct list *out);

#endif
