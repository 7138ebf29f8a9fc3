/** Requests: what was asked for and waits for somebody, or was decided, as lists show it and as it
 * is taken up again. Any thread. */
#ifndef FLOW_REQUESTS_H
#define FLOW_REQUESTS_H

#include "flow/flow.h"

/** How far a request is. */
enum request_state {
    REQUEST_UNKNOWN,
    REQUEST_WAITS,    /* for an approval */
    REQUEST_APPROVED, /* and waits for the authority */
    REQUEST_ISSUED,
    REQUEST_DENIED, /* for good: by somebody, by its requester, or by time */
    REQUEST_FAILED, /* for good: what was approved is against the policy now */
};
const char *request_state_name(enum request_state state); /* "pending" */

/** A request. Texts are NULL where there is nothing to say. */
struct cert_request {
    int64_t id, version;
    enum request_state state;
    const char *public_id, *endpoint;
    enum caller_kind requester_kind;
    int64_t requester_id;
    const char *requester;
    int64_t authority, template_id, template_version, pattern_id;
    const char *authority_name, *authority_host, *template_name, *template_display;
    struct bytes csr; /* DER; of a single request only */
    struct bytes key_hash;
    const char *subject;               /* as it will stand in the certificate */
    bool subject_of_names;             /* see struct enroll */
    struct list names;                 /* of struct general_name: likewise */
    struct when not_before, not_after; /* asked for; WHEN_NONE: not */
    int64_t validity_ms;               /* likewise, or 0 */
    int64_t made_key;                  /* the private key that was made for it; 0: none */
    const char *claims; /* what the requester bore beside the account's own roles, as struct
                           caller has it */
    struct pairs metadata;
    int64_t renews, owner_role, certificate;
    const char *message;
    struct when created_at, decided_at, approved_at, collected_at; /* WHEN_NONE: not */
    enum caller_kind decider_kind;
    int64_t decider_id;
    const char *decider, *comment;
    int64_t approved_version, approved_pattern; /* versions of the template and the pattern */
    struct bytes approved_hash;                 /* of the CSR */
    struct bytes approved_settings;             /* of what held beside every template */
};

/** Which requests. */
struct request_query {
    bool decided;  /* those that were denied or failed; else those that wait */
    bool mine;     /* the caller's own, and no others */
    bool newest;   /* the newest first; else in order of entry */
    int64_t after; /* go on behind this id */
    int limit;     /* at most so many */
};

/** Has CALLER's account asked for it? */
bool request_is_own(const struct cert_request *r, const struct caller *caller);
/** And may they still ask for such a thing, by the credentials that they bring now? */
bool request_is_theirs(const struct cert_request *r, const struct caller *caller);
/** The requests that CALLER may see, of struct cert_request: their own while they may enroll, and
 * those by templates on which they hold workflows/read or workflows/participate. */
enum err flow_requests(struct scope *s, struct flow *f, const struct caller *caller,
                       const struct request_query *q, struct list *out);
/** One of them; E_NOT_FOUND also for one that they may not see. */
enum err flow_request(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
                      struct cert_request *out);
/** Any; for this folder. */
enum err request_read(struct scope *s, struct db *db, int64_t id, struct cert_request *out);
/** What a request asks for beyond its CSR, as text for the database; for this folder. */
const char *request_details(struct scope *s, const struct cert_request *r);
/** "request 17 not found", as E_NOT_FOUND. */
enum err request_not_found(struct scope *s, int64_t id);

#endif
