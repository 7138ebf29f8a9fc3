/**
 * Approve: requests that wait for somebody, decided. An approval is on disk before anything is
 * signed, so it outlives the server that took it: what was not issued with it, a job issues. Any
 * thread.
 */
#ifndef FLOW_APPROVE_H
#define FLOW_APPROVE_H

#include "flow/requests.h"

struct job;

#define REQUEST_ISSUE_JOB "request.issue" /* payload: {"request":17} */

/** What somebody decides about a request. */
struct decision {
    const struct caller *caller;
    int64_t id;
    const char *comment; /* or NULL */
};

/** Does it wait for an approval, and may CALLER give it? */
bool flow_may_approve(struct flow *f, const struct caller *caller, const struct cert_request *r);
/**
 * Approve, and issue by the template as it is now: everything is judged anew, and comes to the
 * subject and the names that the approver was shown, or is refused. Of several who approve at once
 * one does.
 *
 * @param out  receives the request as it is then: issued, or REQUEST_APPROVED when the authority
 * cannot sign now
 * @return E_FORBIDDEN: not permitted, or their own (CHY_OWN_REQUEST); E_NOT_FOUND; E_CONFLICT
 * (CHY_WRONG_STATE): decided already; E_INVALID: against the policy as it is now, the request still
 * waits; E_UNAVAILABLE: likewise, the authority is switched off
 */
enum err flow_approve(struct scope *s, struct flow *f, const struct decision *in,
                      struct cert_request *out);
/** Deny what waits, for good; the key that was made for it goes. Errors as flow_approve(). */
enum err flow_deny(struct scope *s, struct flow *f, const struct decision *in,
                   struct cert_request *out);
/** Take back a request of the caller's own that waits. E_NOT_FOUND: it is not theirs. */
enum err flow_withdraw(struct scope *s, struct flow *f, const struct decision *in,
                       struct cert_request *out);
/** End what waits, approved or not, because BY may have no certificate any more; MESSAGE says why.
 * What does not wait stays as it is. For the program itself: BY's permissions are not asked. */
enum err flow_end_waiting(struct scope *s, struct flow *f, const struct caller *by, int64_t id,
                          const char *message);

/** Issue what was approved, if it still waits for that: for the job. One that became against the
 * policy has failed; when its template was changed since, it has to be approved again. */
enum err flow_resume(struct scope *s, struct flow *f, int64_t id);
/** Deny what waited since before BEFORE, at most 100 requests, and see that each approved one has
 * its job; *COUNT receives how many were denied: for a job. */
enum err flow_requests_expire(struct scope *s, struct flow *f, struct when before, int64_t *count);
/** How many requests wait for an approval, and for their authority: for the metrics. */
enum err flow_requests_waiting(struct scope *s, struct db *db, int64_t *approval,
                               int64_t *authority);

#endif
