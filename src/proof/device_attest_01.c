/* device-attest-01 (draft-ietf-acme-device-attest): what the client sent says which device has its
 * key. Nobody is asked, so another try finds nothing else. */
#include "proof/attest.h"
#include "proof/run.h"

#include "codec/json.h"
#include "pki/device_name.h"
#include "pki/hash.h"

#define PROBLEM "badAttestationStatement"

/* The names of one type: a member of an object is there once. NULL: none. */
static const char *
names_of(struct arena *a, const struct attested *said, const char *type)
{
    const char *all = NULL;

    LIST_EACH(struct attest_name, n, &said->names)
    if (text_eq(n->type, type))
        all = all ? arena_printf(a, "%s, %s", all, n->value) : n->value;
    return all;
}

static void
tell(struct run *r, const struct attested *a)
{
    run_step_begin(r, "attestation");
    run_step_text(r, "format", a->format);
    run_step_text(r, "issuer", a->maker);
    run_step_text(r, "root", attest_root_mark(r->s->arena, a->root));
    run_step_text(r, "key", pubkey_label(r->s->arena, &a->key));
    run_step_text(r, DEVICE_PERMANENT, names_of(r->s->arena, a, DEVICE_PERMANENT));
    run_step_text(r, DEVICE_MODULE, names_of(r->s->arena, a, DEVICE_MODULE));
    run_step_end(r);
}

const char *
attest_root_mark(struct arena *a, struct bytes root)
{
    uint8_t digest[SHA256_LEN];

    hash_sha256(root, digest);
    return hex_lower(a, (struct bytes){ digest, sizeof(digest) });
}

bool
attest_still_holds(struct scope *s, const char *report, const struct list *formats,
                   const struct list *roots)
{
    const struct json *step;
    const char *format, *root;
    struct json *steps;

    if (!report || json_parse(s, bytes_of_text(report), &steps) != OK) {
        scope_clear(s);
        return false;
    }
    step = json_item(steps, 0);
    format = json_str(json_get(step, "format"));
    root = json_str(json_get(step, "root"));
    if (!format || !root || !list_has(formats, format))
        return false;
    LIST_EACH(struct bytes, one, roots)
    if (text_eq(attest_root_mark(s->arena, *one), root))
        return true;
    return false;
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
