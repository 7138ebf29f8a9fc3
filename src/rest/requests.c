/* Requests that wait for somebody. */
#include "rest/rest.h"

#include "flow/approve.h"
#include "flow/recover.h"
#include "pki/csr.h"
#include "pki/pem.h"

static const char *
name_kind(enum gn_kind kind)
{
    switch (kind) {
    case GN_DNS:
        return "dns";
    case GN_IP:
        return "ip";
    case GN_EMAIL:
        return "email";
    case GN_URI:
        return "uri";
    case GN_UPN:
        return "upn";
    default:
        return "other";
    }
}

static void
show(struct request *rq, const struct cert_request *r, struct v1_request *out)
{
    *out = (struct v1_request){
        .id = r->id,
        .state = request_state_name(r->state),
        .subject = r->subject,
        .template_name = r->template_name,
        .authority = r->authority_name,
        .requester = r->requester,
        .protocol = r->endpoint,
        .created_at = r->created_at,
        .not_before = r->not_before,
        .not_after = r->not_after,
        .validity_ms = r->validity_ms,
        .server_key = r->made_key != 0,
        .mine = request_is_own(r, rq->caller),
        .may_decide = flow_may_approve(&rq->app->flow, rq->caller, r),
        .message = r->message,
        .decided_by = r->decider,
        .comment = r->comment,
        .approved_at = r->approved_at,
        .decided_at = r->decided_at,
        .collected_at = r->collected_at,
        .certificate_id = { r->certificate != 0, r->certificate },
        .renews = { r->renews != 0, r->renews },
        .metadata = r->metadata,
        .version = r->version,
    };
    LIST_EACH(struct general_name, n, &r->names)
    list_add(rq->scope->arena, &out->sans, struct v1_san,
             ((struct v1_san){ name_kind(n->kind), n->text }));
}

/* One alone, with its key. */
static enum err
reply_one(struct request *rq, const struct cert_request *r)
{
    struct scope *s = rq->scope;
    struct v1_request out;
    struct csr csr;

    show(rq, r, &out);
    TRY(csr_read(s, r->csr, &csr));
    out.key_type = key_type_name(csr.key.type);
    out.key_bits = csr.key.bits;
    out.csr = pem_text(s->arena, PEM_CSR, r->csr);
    return reply(rq, 200, &out);
}

static enum err
requests_list(struct request *rq)
{
    const struct v1_requests_query *in = rq->query;
    struct request_query q = { .decided = in->state != 0,
                               .mine = in->mine,
                               .limit = (int)in->limit };
    struct scope *s = rq->scope;
    struct list found, out = { 0 };
    const char *next = NULL;

    TRY(after_id(rq, in->after, &q.after));
    TRY(flow_requests(s, &rq->app->flow, rq->caller, &q, &found));
    LIST_EACH(struct cert_request, r, &found)
    show(rq, r, list_push(s->arena, &out, struct v1_request));
    if (found.count && found.count == (size_t)in->limit)
        next =
            arena_printf(s->arena, "%lld", (long long)list_last(&found, struct cert_request)->id);
    return reply_items(rq, &out, next);
}

static enum err
requests_get(struct request *rq)
{
    struct cert_request r;
    int64_t id;

    TRY(var_int(rq, "request", &id));
    TRY(flow_request(rq->scope, &rq->app->flow, rq->caller, id, &r));
    return reply_one(rq, &r);
}

static enum err
decide(struct request *rq, enum err (*how)(struct scope *, struct flow *, const struct decision *,
                                           struct cert_request *))
{
    const struct v1_decision *in = rq->body;
    struct decision d = { .caller = rq->caller, .comment = in ? in->comment : NULL };
    struct cert_request r;

    TRY(var_int(rq, "request", &d.id));
    TRY(how(rq->scope, &rq->app->flow, &d, &r));
    return reply_one(rq, &r);
}

static enum err
requests_approve(struct request *rq)
{
    return decide(rq, flow_approve);
}

static enum err
requests_deny(struct request *rq)
{
    return decide(rq, flow_deny);
}

static enum err
requests_withdraw(struct request *rq)
{
    return decide(rq, flow_withdraw);
}

void
key_password_judge(struct request *rq, const char *text)
{
    size_t length = text_code_points(text);

    if ((int64_t)length < rq->app->keys.password_min)
        problem(rq->scope, "password", CHY_WEAK_PASSWORD, "needs at least %lld characters",
                (long long)rq->app->keys.password_min);
    else if (length > BUNDLE_PASSWORD_MAX)
        problem(rq->scope, "password", CHY_BAD_VALUE, "may have at most %d characters",
                BUNDLE_PASSWORD_MAX);
}

void
key_form_judge(struct request *rq, const char *form, enum bundle_form *out)
{
    if (!bundle_form_parse(form, out))
        problem(rq->scope, "form", CHY_BAD_VALUE,
                "\"%.20s\" is none of pfx, pfx-legacy, jks, pem and zip", form);
    else if (*out == BUNDLE_PFX && rq->app->keys.pfx_legacy)
        *out = BUNDLE_PFX_LEGACY;
}

static enum err
requests_collect(struct request *rq)
{
    const struct v1_collect *in = rq->body;
    AUTO(secret_free) struct secret *password = secret_copy(bytes_of_text(in->password));
    struct recover how = { .caller = rq->caller,
                           .password = password,
                           .include_chain = !in->include_chain.given || in->include_chain.value };
    struct scope *s = rq->scope;
    struct recovered got;
    struct v1_collected out;
    int64_t id;

    TRY(var_int(rq, "request", &id));
    key_password_judge(rq, in->password);
    key_form_judge(rq, in->form, &how.form);
    TRY(problems_check(s));
    TRY(flow_collect(s, &rq->app->flow, &how, id, &got));
    out = (struct v1_collected){ got.file_name, base64_encode(s->arena, got.file) };
    return reply(rq, 200, &out);
}

const struct binding rest_requests[] = {
    { &v1_requests_list_op, requests_list },
    { &v1_requests_get_op, requests_get },
    { &v1_requests_approve_op, requests_approve },
    { &v1_requests_deny_op, requests_deny },
    { &v1_requests_withdraw_op, requests_withdraw },
    { &v1_requests_collect_op, requests_collect },
    { NULL, NULL },
};
