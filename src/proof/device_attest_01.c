/* device-attest-01 (draft-ietf-acme-device-attest): what the client sent says which device has its
 * key. Nobody is asked, so another try finds nothing else. */
#include "proof/attest.h"
#include "proof/run.h"

#define PROBLEM "badAttestationStatement"

static void
tell(struct run *r, const struct attested *a)
{
    run_step_begin(r, "attestation");
    run_step_text(r, "format", a->format);
    run_step_text(r, "issuer", a->maker);
    run_step_text(r, "key", pubkey_label(r->s->arena, &a->key));
    LIST_EACH(struct attest_name, n, &a->names)
    run_step_text(r, n->type, n->value);
    run_step_end(r);
}

static enum err
match(struct run *r, const struct attested *a)
{
    uint8_t *hash;

    LIST_EACH(struct attest_name, n, &a->names)
    if (text_eq(n->type, r->q->type) && text_eq(n->value, r->q->value)) {
        hash = arena_copy(r->s->arena, a->key.sha256, SHA256_LEN);
        r->out->key = (struct bytes){ hash, SHA256_LEN };
        return OK;
    }
    return run_refuse(r, PROBLEM, "the attestation is of another device than %s \"%s\"", r->q->type,
                      r->q->value);
}

enum err
prove_device_attest_01(struct run *r)
{
    const struct proof_request *q = r->q;
    struct attest_question question = { .object = q->object,
                                        .token = q->token,
                                        .key_authorization = q->key_authorization,
                                        .formats = q->formats,
                                        .roots = q->roots,
                                        .now = clock_now() };
    struct attested a;
    enum err e;

    r->out->final = true;
    if (q->refusal)
        return run_refuse(r, PROBLEM, "the client says that it cannot attest: %.200s", q->refusal);
    if (!q->formats || !q->roots)
        return run_refuse(r, PROBLEM, "no format of attestation is taken here any more");
    e = attest_judge(r->s, &question, &a);
    if (e == E_INVALID || e == E_LIMIT) {
        const char *why = arena_text(r->s->arena, r->s->error.text);

        scope_clear(r->s);
        return run_refuse(r, PROBLEM, "%s", why);
    }
    TRY(e);
    tell(r, &a);
    return match(r, &a);
}
