/* The key that the server makes for a request, or that waits here for it. */
#include "flow/passage.h"

#include "pki/key_pool.h"
#include "pki/tbs.h"

#define APPROVAL_MS (365 * DAY_MS) /* how long a key waits for one */

enum err
passage_make_key(struct scope *s, struct passage *p)
{
    struct csr_plan bare = { 0 };
    struct key_spec spec = { 0 };

    if (!p->tmpl->body->server_keys)
        return fail_code(s, E_INVALID, CHY_NO_SERVER_KEYS,
                         "Template: %s wants keys that are made by those who use them",
                         p->tmpl->name);
    TRY(key_choose(s, p->tmpl, &p->in->key, &spec));
    TRY(key_pool_take(s, p->flow->key_pool, spec, &p->out->key));
    TRY(csr_build(s, &bare, p->out->key, SIG_NONE, &p->csr.der));
    return csr_read(s, p->csr.der, &p->csr);
}

enum err
passage_plan_key(struct scope *s, struct passage *p)
{
    const struct template_body *body = p->tmpl->body;
    struct csr_plan whole = { .subject = p->plan.plan.subject, .sans = p->plan.names };

    if (!p->out->key && !p->kept_key)
        return OK;
    p->term = key_term_of(body, p->plan.plan.not_before, p->plan.plan.not_after,
                          !p->out->key || p->in->keep_key || body->requires_approval);
    p->out->key_kept = p->term.keep;
    if (!p->out->key)
        return OK;
    if (body->requires_approval) /* it may take long, and its dates are not known yet */
        p->term.delete_at = when_add_ms(p->now, APPROVAL_MS);
    TRY(csr_build(s, &whole, p->out->key, SIG_NONE, &p->csr.der));
    return p->term.keep ? key_seal(s, p->flow->seal, p->out->key, &p->made) : OK;
}
