/* dns-01 (RFC 8555 section 8.4), and dns-account-01, which differs in the name alone. */
#include "pki/hash.h"
#include "proof/dns_label.h"
#include "proof/run.h"

#include <string.h>

#define SHOWN 100

/** Does any of the records say WANTED? The first that does not is shown. */
static enum err
judge(struct run *r, const char *name, const struct dns_answer *answer, const char *wanted)
{
    struct arena *a = r->s->arena;
    struct bytes first = { 0 };
    bool found = false;

    LIST_EACH(const struct bytes, rdata, &answer->records)
    {
        struct bytes text;

        if (!dns_txt_read(a, *rdata, &text))
            continue;
        if (bytes_eq(text, bytes_of_text(wanted)))
            return OK;
        if (!found)
            first = text; /* an empty one, too */
        found = true;
    }
    if (!found)
        return run_refuse(r, "incorrectResponse", "the TXT records at %s are malformed", name);
    return run_refuse(r, "incorrectResponse", "no TXT record at %s is the expected one: \"%s\"%s",
                      name, text_shown(a, first, SHOWN),
                      answer->records.count > 1
                          ? arena_printf(a, " and %zu more", answer->records.count - 1)
                          : "");
}

static enum err
prove_at(struct run *r, const char *name)
{
    struct bytes authorization = bytes_of_text(r->q->key_authorization);
    struct dns_answer answer;
    uint8_t digest[32];
    const char *wanted;

    TRY(run_ask_proof(r, name, &answer));
    if (run_refused(r))
        return OK;
    hash_sha256(authorization, digest);
    wanted = base64url_encode(r->s->arena, (struct bytes){ digest, 32 });
    TRY(judge(r, name, &answer, wanted));
    if (run_refused(r) || !r->p->o.all_name_servers || r->resolver != r->p->resolver)
        return OK;
    return run_ask_servers(r, answer.owner, judge, wanted);
}

enum err
prove_dns_01(struct run *r)
{
    return prove_at(r, arena_printf(r->s->arena, "_acme-challenge.%s", r->q->value));
}

enum err
prove_dns_account_01(struct run *r)
{
    struct arena *a = r->s->arena;
    struct proof_report first = { 0 };

    if (r->q->accounts.count == 0)
        return fail(r->s, E_INVALID, "dns-account-01 needs the account's URL");
    LIST_EACH(const char *const, account, &r->q->accounts)
    {
        r->out->problem = r->out->detail = NULL;
        TRY(prove_at(r, arena_printf(a, "_%s._acme-challenge.%s", dns_account_label(a, *account),
                                     r->q->value)));
        if (!run_refused(r))
            return OK;
        if (!first.problem)
            first = *r->out;
    }
    r->out->problem = first.problem; /* today's URL is what people look for */
    r->out->detail = first.detail;
    return OK;
}
