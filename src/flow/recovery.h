/**
 * Recovery: private keys that it takes two people to recover. Their template says so, or a setting
 * says it of all. Whoever asks for one waits until somebody else who may recover it agrees, and
 * then takes it: once, in the container that was asked for, within a time. The password comes with
 * the taking and is not kept. Any thread.
 *
 * @see ca-core.md section 15
 */
#ifndef FLOW_RECOVERY_H
#define FLOW_RECOVERY_H

#include "flow/approve.h"
#include "flow/recover.h"

/** How far a recovery is. */
enum recovery_state {
    RECOVERY_WAITS = 1,
    RECOVERY_APPROVED,  /* and may be taken */
    RECOVERY_DENIED,    /* by somebody */
    RECOVERY_WITHDRAWN, /* by whoever asked */
    RECOVERY_LAPSED,    /* not decided about or not taken in time, or the approval counts no more */
    RECOVERY_GIVEN,
};
const char *recovery_state_name(enum recovery_state state); /* "pending" */

/** A recovery. Texts are NULL where there is nothing to say. */
struct recovery {
    int64_t id, version;
    enum recovery_state state; /* at the time of reading */
    int64_t certificate, private_key, template_id;
    int64_t collection; /* where the certificate was looked for; 0: anywhere */
    const char *subject;
    enum bundle_form form;
    bool include_chain, root_first;
    const char *reason;
    int64_t asker, decider; /* users; decider 0: nobody */
    const char *asker_name, *decider_name, *decider_claims, *comment;
    struct when created_at, ends_at; /* until then it waits, or may be taken */
    struct when decided_at, given_at;
};

/** Which. */
struct recovery_query {
    bool all;      /* those that are over, too */
    bool mine;     /* the caller's own, and no others */
    int64_t after; /* go on behind this id */
    int limit;     /* at most so many */
};

/**
 * Ask for a key that two people recover; IN->password is not read. What was asked for before and
 * is not over comes back as it is.
 *
 * @return errors of flow_recover(); E_FORBIDDEN: a program's account asks; E_CONFLICT
 * (CHY_WRONG_STATE): the key needs no second person; E_LIMIT: too many of theirs wait
 */
enum err recovery_ask(struct scope *s, struct flow *f, const struct recover *in, const char *reason,
                      struct recovery *out);
/**
 * Those that CALLER may see, of struct recovery: their own, and those that they may decide about
 * but for being their own.
 *
 * @param next  receives the id to go on behind, also behind a page that is not full: so many were
 * looked at that they may not see; 0: that was all
 */
enum err recovery_list(struct scope *s, struct flow *f, const struct caller *caller,
                       const struct recovery_query *q, struct list *out, int64_t *next);
/** One of them; E_NOT_FOUND also for one that they may not see. */
enum err recovery_get(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
                      struct recovery *out);
/** Does it wait, and may CALLER, as far as their permissions go, decide about it? */
bool recovery_may_approve(struct scope *s, struct flow *f, const struct caller *caller,
                          const struct recovery *r);
/**
 * Agree to it. Whoever agrees is a person, and another one than asked: not the same account, nor
 * one of the same name or e-mail address, nor one made since.
 *
 * @return E_FORBIDDEN (CHY_OWN_REQUEST); E_NOT_FOUND; E_CONFLICT (CHY_WRONG_STATE): it waits no
 * more; E_INVALID (CHY_NO_KEY): the key is gone
 */
enum err recovery_approve(struct scope *s, struct flow *f, const struct decision *in,
                          struct recovery *out);
/** Deny it, also after an approval, as long as it was not taken. Errors as recovery_approve(). */
enum err recovery_deny(struct scope *s, struct flow *f, const struct decision *in,
                       struct recovery *out);
/** Take back one of the caller's own. */
enum err recovery_withdraw(struct scope *s, struct flow *f, const struct decision *in,
                           struct recovery *out);
/** Note that those whose time is over have lapsed, at most 100; *COUNT receives how many: for a
 * job. */
enum err recoveries_expire(struct scope *s, struct flow *f, int64_t *count);

/* For recover.c. */

/** The approved recovery of CALLER's own with this ID, whose approval counts still. E_NOT_FOUND;
 * E_CONFLICT (CHY_RECOVERY_WAITS, CHY_WRONG_STATE); E_FORBIDDEN (CHY_REQUEST_DENIED). */
enum err recovery_approved(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
                           struct recovery *out);
/** The same of just this key in just this container; where there is none, it is asked for. */
enum err recovery_gate(struct scope *s, struct flow *f, const struct recover *in,
                       const struct cert_row *row, const struct kept_key *key,
                       struct recovery *out);
/** The key is taken, as part of TX. E_CONFLICT: it was, or the time is over. */
enum err recovery_spend(struct scope *s, struct tx *tx, const struct recovery *r);

#endif
