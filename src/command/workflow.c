/* Requests that wait for somebody: seen, approved, denied. */
#include "api/workflow.h"
#include "base/log.h"
#include "command/command.h"
#include "flow/approve.h"
#include "pki/csr.h"

#define LIST_MOST 10000
#define MANY 1000 /* approved at once */

/* CertState of the Command API. */
static int64_t
state_number(enum request_state state)
{
    switch (state) {
    case REQUEST_WAITS:
    case REQUEST_APPROVED:
        return 5;
    case REQUEST_ISSUED:
        return 1;
    case REQUEST_DENIED:
        return 3;
    case REQUEST_FAILED:
        return 4;
    default:
        return 0;
    }
}

static const char *
state_text(enum request_state state)
{
    static const char *const names[] = { "Unknown", "Active", NULL, "Denied", "Failed", "Pending" };

    return names[state_number(state)];
}

static const char *
common_name(struct scope *s, const char *subject)
{
    struct bytes der;
    struct name name;

    if (text_empty(subject) || name_from_text(s, subject, &der) != OK ||
        name_read(s, der, &name) != OK) {
        scope_clear(s);
        return "";
    }
    return name_get(&name, "CN") ? name_get(&name, "CN") : "";
}

static void
show(struct scope *s, const struct cert_request *r, struct waiting_reply *out)
{
    *out = (struct waiting_reply){
        .id = r->id,
        .ca_request_id = arena_printf(s->arena, "%lld", (long long)r->id),
        .common_name = common_name(s, r->subject),
        .distinguished_name = r->subject,
        .submission_date = r->created_at,
        .certificate_authority =
            text_empty(r->authority_host)
                ? r->authority_name
                : arena_printf(s->arena, "%s\\%s", r->authority_host, r->authority_name),
        .tmpl = r->template_name,
        .requester = r->requester,
        .state = state_number(r->state),
        .state_string = state_text(r->state),
        .metadata = r->metadata,
    };
}

static enum err
list(struct request *rq, bool decided)
{
    struct request_query q = { .decided = decided, .newest = true, .limit = LIST_MOST };
    struct list found, out = { 0 };

    TRY(flow_requests(rq->scope, &rq->app->flow, rq->caller, &q, &found));
    LIST_EACH(struct cert_request, r, &found)
    show(rq->scope, r, list_push(rq->scope->arena, &out, struct waiting_reply));
    return reply_page(rq, &waiting_reply_model, NULL, &out);
}

enum err
waiting_list(struct request *rq)
{
    return list(rq, false);
}

enum err
waiting_denied(struct request *rq)
{
    return list(rq, true);
}

enum err
waiting_external(struct request *rq)
{
    struct list none = { 0 };

    return reply_page(rq, &waiting_reply_model, NULL, &none);
}

static const char *
curve_of(const struct pubkey *key)
{
    if (key->type != KEY_EC)
        return NULL;
    return key->bits == 256 ? OID_P256 : key->bits == 384 ? OID_P384 : OID_P521;
}

enum err
waiting_get(struct request *rq)
{
    struct waiting_detail_reply out = { 0 };
    struct scope *s = rq->scope;
    struct cert_request r;
    struct csr csr;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(flow_request(s, &rq->app->flow, rq->caller, id, &r));
    TRY(csr_read(s, r.csr, &csr));
    show(s, &r, &out.base);
    out.denial_comment = r.state != REQUEST_DENIED && r.state != REQUEST_FAILED ? ""
                         : r.comment                                            ? r.comment
                                                                                : r.message;
    out.key_length = arena_printf(s->arena, "%d", csr.key.bits);
    out.curve = curve_of(&csr.key);
    LIST_EACH(struct general_name, n, &r.names)
    list_add(s->arena, &out.sans, const char *, n->text);
    return reply(rq, 200, &out);
}

/* Decisions. */

static void
add_processed(struct scope *s, struct list *to, int64_t id, const struct cert_request *r,
              const char *comment)
{
    struct processed_reply *p = list_push(s->arena, to, struct processed_reply);

    *p = (struct processed_reply){ .ca_row_id = id,
                                   .ca_request_id = arena_printf(s->arena, "%lld", (long long)id),
                                   .ca_host = r && r->authority_host ? r->authority_host : "",
                                   .ca_logical_name = r ? r->authority_name : "",
                                   .request_id = id,
                                   .comment = comment ? comment : "" };
}

/* Decide about each by itself. */
static enum err
decide(struct request *rq, const struct list *ids, const char *comment,
       enum err (*how)(struct scope *, struct flow *, const struct decision *,
                       struct cert_request *))
{
    struct approve_deny_reply out = { 0 };
    struct scope *s = rq->scope;

    if (!ids->count)
        return fail_code(s, E_INVALID, CHY_MISSING, "CertificateRequestIds: no request is named");
    if (ids->count > MANY)
        return fail(s, E_LIMIT, "at most %d requests at once", MANY);
    LIST_EACH(int64_t, id, ids)
    {
        struct decision d = { .caller = rq->caller, .id = *id, .comment = comment };
        struct cert_request r;
        enum err e = how(s, &rq->app->flow, &d, &r);

        if (e == OK) {
            bool failed = r.state == REQUEST_FAILED;

            add_processed(s, failed ? &out.denials : &out.successes, *id, &r,
                          failed                        ? r.message
                          : r.state == REQUEST_APPROVED ? r.message
                                                        : r.comment);
            continue;
        }
        if (e == E_FORBIDDEN)
            access_denied(s, rq->app->access, rq->caller, rq->http->route->name);
        if (e == E_INTERNAL)
            log_failure(s, LOG_ERROR, "a request could not be decided about");
        add_processed(s, &out.failures, *id, NULL,
                      e == E_INTERNAL ? "an internal error, which the server's log tells of"
                                      : s->error.text);
        scope_clear(s);
    }
    return reply(rq, 200, &out);
}

enum err
waiting_approve(struct request *rq)
{
    return decide(rq, &rq->body_list, NULL, flow_approve);
}

enum err
waiting_deny(struct request *rq)
{
    const struct denial_request *in = rq->body;

    return decide(rq, &in->ids, in->comment, flow_deny);
}
