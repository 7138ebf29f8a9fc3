/** Judge: what newOrder asked of names, profile and proofs, asked again of an order that goes on:
 * at finalize, by its job, and when somebody approves it. Rules may have changed meanwhile. Any
 * thread. */
#ifndef ACME_JUDGE_H
#define ACME_JUDGE_H

#include "acme/order.h"
#include "flow/requests.h"

/** Whose an order is, and by whose rules it goes on. */
struct acme_standing {
    const struct acme_account *account;
    const struct acme_endpoint *ep, *policy; /* are found */
};
/**
 * May order O go on by the rules as they are now?
 *
 * @param by     its account; receives the rest
 * @param names  receives struct acme_name
 * @return E_INVALID: invalidProfile; E_FORBIDDEN: rejectedIdentifier; unauthorized, the template
 * is closed to strangers, the proof of a name has ended, or was given by a challenge that is not
 * accepted any more
 */
enum err acme_order_judge(struct scope *s, const struct acme *acme, const struct acme_order *o,
                          struct acme_standing *by, struct list *names);
/** By whose rules certificate CERTIFICATE was issued; NULL: they are gone. What no order gave:
 * those of the settings. */
enum err acme_rules_of(struct scope *s, const struct acme *acme, int64_t certificate,
                       const struct acme_endpoint **out);
/** The same for flow_judge: of the order that request Q is of. ARG is the struct acme. E_INVALID
 * (CHY_NAME_NOT_ALLOWED). */
enum err acme_request_judge(struct scope *s, const struct cert_request *q, void *arg);

#endif
