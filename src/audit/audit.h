/**
 * Audit: the append-only record of who did what. An event is written in the transaction of the
 * change it describes, as canonical JSON, in the hash chain of that transaction's lane. Any thread
 * may call.
 *
 * @see operations.md section 4
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/actions.h"
#include "base/scope.h"
#include "db/db.h"

enum audit_outcome { AUDIT_SUCCESS, AUDIT_DENIED, AUDIT_FAILURE, AUDIT_PENDING };

/** Who acts. Texts are NULL where there is nothing to say; all must outlive the call only. */
struct audit_actor {
    const char *type; /* user, client, agent, acme_account, workflow, system */
    const char *id;   /* "u_17", "c_3", AUDIT_PROGRAM */
    const char *name;
    const char *const *roles; /* names, ended by NULL; NULL: none */
    const char *auth;         /* basic, token, client-cert, session */
    const char *ip, *user_agent, *session, *on_behalf_of;
};
#define AUDIT_PROGRAM "chancery" /* how the program calls itself, as actor and as requester */
/** The program itself: jobs, schedules, first run. */
extern const struct audit_actor audit_system;

/** What an event is about. */
struct audit_object {
    const char *type; /* certificate, request, ca, template, user, client, role, crl, job, ... */
    const char *id;
    const char *name; /* may be NULL */
};

/** A changed field: its value before and after; NULL where there was or is none. */
struct audit_change {
    const char *field;
    const char *before, *after;
    enum {
        AUDIT_IS_TEXT,
        AUDIT_IS_JSON,
        AUDIT_IS_SECRET
    } kind; /* JSON: canonical already; secret: not told */
};

/** The call that led to the event. What is NULL is left out; without an id or a trace, the scope's.
 */
struct audit_request {
    const char *id, *method, *route, *trace_id, *operation_id;
};

struct audit_event {
    enum audit_action action;
    enum audit_outcome outcome;
    const struct audit_actor *actor; /* NULL: audit_system */
    struct audit_object target;      /* .type NULL: none */
    const struct audit_object *related;
    size_t related_count;
    const struct audit_change *changes;
    size_t change_count;
    const struct audit_request *request; /* NULL: only the scope's id and trace */
    const char *reason;                  /* the person's comment, or a ticket */
    const char *message;                 /* one sentence for people; NULL: the catalogue's */
};

/**
 * Append EVENT to the chain of TX's lane. When it cannot be written, the change must fail with it.
 *
 * @return E_INVALID: text that is not UTF-8; E_LIMIT: an event above 64 KiB; or what the database
 * says
 */
enum err audit_add(struct scope *s, struct tx *tx, const struct audit_event *event);

/** A written event, as lists show it. TEXT is the canonical JSON that HASH is of. */
struct audit_row {
    int64_t lane, seq;
    struct when at;
    const char *id; /* a ULID */
    const char *category, *action, *outcome, *level;
    const char *actor_type, *actor_id, *actor_name;
    const char *target_type, *target_id, *target_name;
    const char *message;
    const char *text;
    const char *hash; /* hex */
};

/** Which events; what is NULL, 0 or WHEN_NONE does not restrict. */
struct audit_query {
    struct when from, until; /* until is not included */
    const char *category, *action, *outcome, *actor_name, *target_type, *target_id;
    const char *after; /* a cursor from audit_list(): go on behind it */
    int64_t lane;
    int limit;         /* 0: 50; at most 1000 */
    bool oldest_first; /* else the newest first */
};

/**
 * Events in order of time, then chain, then number.
 *
 * @param out  receives a list of struct audit_row
 * @param next receives the cursor of the next page, or NULL at the end
 * @return E_INVALID: a cursor that is not ours
 */
enum err audit_list(struct scope *s, struct db *db, const struct audit_query *q, struct list *out,
                    const char **next);
/** One event by its ULID; E_NOT_FOUND. */
enum err audit_get(struct scope *s, struct db *db, const char *id, struct audit_row *out);
/** The event of that number in a chain; E_NOT_FOUND. */
enum err audit_at(struct scope *s, struct db *db, int64_t lane, int64_t seq, struct audit_row *out);
/** The event as it is exported: its canonical JSON with "hash" (and "chain", its lane) in their
 * places. */
char *audit_row_json(struct arena *a, const struct audit_row *row);

#endif
