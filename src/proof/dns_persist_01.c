/* dns-persist-01 (draft-ietf-acme-dns-persist): a record that stays, and names issuer and account.
 */
#include "proof/persist.h"
#include "proof/run.h"

#include <string.h>

/** The records at NAME, one of which has to be ours and right. */
static enum err
judge(struct run *r, const char *name, const struct dns_answer *answer)
{
    struct persist_question q = { .wildcard = r->q->wildcard,
                                  .accounts = &r->q->accounts,
                                  .issuers = &r->q->issuers,
                                  .now = clock_now() };
    const char *why = NULL;

    LIST_EACH(const struct bytes, rdata, &answer->records)
    {
        struct bytes text;
        struct persist p;

        if (!dns_txt_read(r->s->arena, *rdata, &text) || !persist_read(r->s->arena, text, &p))
            continue;
        if (!persist_judge(&p, &q, &why))
            continue;
        r->out->good_for_s = answer->ttl_s;
        if (when_given(p.until))
            r->out->good_for_s = MIN(r->out->good_for_s, MAX(when_s(p.until) - when_s(q.now), 0));
        return OK;
    }
    if (why)
        return run_refuse(r, "incorrectResponse", "the TXT record at %s is refused: %s", name, why);
    return run_refuse(r, "incorrectResponse", "no TXT record at %s names this issuer", name);
}

enum err
prove_dns_persist_01(struct run *r)
{
    const char *name = arena_printf(r->s->arena, "_validation-persist.%s", r->q->value);
    struct dns_answer answer;

    if (r->q->accounts.count == 0 || r->q->issuers.count == 0)
        return fail(r->s, E_INVALID, "dns-persist-01 needs the account's URL and our names");
    TRY(run_ask_proof(r, name, &answer));
    if (run_refused(r))
        return OK;
    return judge(r, name, &answer);
}
