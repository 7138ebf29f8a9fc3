/* CAA (RFC 8659 section 3): from the name upwards, until a level has records. */
#include "base/metric.h"
#include "proof/caa.h"
#include "proof/run.h"

#include <string.h>

#define GOOD_FOR_MAX_S (8 * 3600)

COUNTER(caa_total, "chancery_acme_caa_total", "CAA checks, by outcome.", "outcome");

/** Ask at one level. *DONE: it has records, and the answer is given. */
static enum err
check_level(struct run *r, const char *name, bool *done)
{
    const struct proof_request *q = r->q;
    struct caa_question question = { .wildcard = q->wildcard,
                                     .method = q->challenge,
                                     .accounts = &q->accounts,
                                     .identities = &q->issuers };
    struct dns_answer answer;
    const char *why;

    TRY(run_ask(r, name, DNS_CAA, &answer));
    *done = !dns_is_nothing(answer.end);
    r->out->good_for_s = MIN(r->out->good_for_s, answer.ttl_s);
    if (!*done)
        return OK;
    if (answer.end != DNS_ANSWERED)
        return run_refuse(r, "dns", "looking up CAA at %s: %s", name, answer.why);
    why = answer.all ? caa_judge(r->s->arena, &answer.records, &question)
                     : "there are more than 100 records";
    if (why)
        return run_refuse(r, "caa", "CAA at %s forbids this: %s", name, why);
    return OK;
}

static enum err
climb(struct run *r)
{
    bool done = false;

    for (const char *name = r->q->value; name && !done;) {
        TRY(check_level(r, name, &done));
        name = strchr(name, '.');
        name = name ? name + 1 : NULL;
    }
    return OK;
}

enum err
proof_caa(struct scope *s, const struct prover *p, const struct proof_request *q,
          struct proof_report *out)
{
    if (text_empty(q->value) || text_empty(q->challenge))
        return fail(s, E_INVALID, "a CAA check needs a name and the method of validation");
    if (!text_eq(q->type, "dns") || q->issuers.count == 0) {
        *out = (struct proof_report){ .proved = true, .steps = "[]", .good_for_s = GOOD_FOR_MAX_S };
        return OK;
    }
    TRY(run_all(s, p, q, climb, GOOD_FOR_MAX_S, out));
    metric_add(&caa_total, 1,
               out->proved                    ? "allowed"
               : text_eq(out->problem, "caa") ? "forbidden"
                                              : "failed");
    return OK;
}
