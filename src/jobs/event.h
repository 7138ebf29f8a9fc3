/**
 * Event: what happened, told to whoever follows. An event is written in the transaction of its
 * change, in the stream of that transaction's lane; streams have no gaps, so a follower that
 * remembers a number for each lane misses none.
 */
#ifndef JOBS_EVENT_H
#define JOBS_EVENT_H

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
#define EVENT_ACCESS_CHANGED "access.changed" /* users, clients, roles, grants */

struct event {
    int64_t lane, seq;
    struct when at;
    const char *kind;
    int64_t object;
    const char *detail; /* or NULL */
};

/** Write an event as part of TX. */
enum err event_add(struct scope *s, struct tx *tx, const char *kind, int64_t object,
                   const char *detail);

/** Where a follower stands: it begins at the present end of all streams. */
struct event_follower;
enum err event_follow(struct scope *s, struct db *db, struct event_follower **out);
void event_follower_free(struct event_follower *f);
OWNED(struct event_follower, event_follower_free);
/** What is new since the last call, in the order of each lane; a list of struct event. One thread
 * at a time. */
enum err event_next(struct scope *s, struct db *db, struct event_follower *f, struct list *out);

#endif
