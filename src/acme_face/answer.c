/* What goes back: headers, JSON, problem documents. */
#include "acme_face/call.h"

#include "base/log.h"
#include "base/metric.h"

#define REPLY_MAX (1024 * 1024)
#define RETRY_S 60 /* when something of ours is away */

COUNTER(problems_total, "chancery_acme_problems_total", "Failures that ACME clients were told of.",
        "type", "resource");

void
answer_link(struct call *c, const char *url, const char *rel)
{
    http_reply_header(c->http, "Link", arena_printf(c->s->arena, "<%s>;rel=\"%s\"", url, rel));
}

void
answer_headers(struct call *c)
{
    bool is_directory = c->res && text_eq(c->res->word, "directory");
    bool is_nonce = c->res && text_eq(c->res->word, "new-nonce");
    bool is_post = text_eq(c->http->method, "POST");

    if (is_post || (is_nonce && c->s->error.kind == OK)) {
        http_reply_header(c->http, "Replay-Nonce", nonce_new(c->acme->nonces, c->s->arena));
        http_reply_header(c->http, "Cache-Control", "no-store");
    }
    if (c->ep && !is_directory)
        answer_link(c, acme_url(c->s->arena, c->ep, "directory", NULL), "index");
    http_reply_header(c->http, "Access-Control-Allow-Origin", "*");
    http_reply_header(c->http, "Access-Control-Expose-Headers",
                      "Link, Replay-Nonce, Location, Retry-After");
}

enum err
answer_json(struct call *c, int status, const struct model *m, const void *in)
{
    struct buf out;

    buf_init_in(&out, c->s->arena, REPLY_MAX);
    json_encode(&out, m, in);
    if (out.failed)
        return fail(c->s, E_INTERNAL, "an answer of more than %d bytes", REPLY_MAX);
    answer_headers(c);
    http_reply_held(c->http, status, "application/json", buf_bytes(&out));
    return OK;
}

static struct list *
algorithm_names(struct call *c)
{
    struct list *out = arena_new_of(c->s->arena, struct list);

    for (unsigned bit = 1; bit & JWS_ALL; bit <<= 1)
        if (c->ep && c->ep->algorithms & bit)
            list_add(c->s->arena, out, const char *, jws_alg_name(bit));
    return out;
}

/* Where it is told what was met. */
static const char *
help_of(struct call *c, const char *what)
{
    const char *page = c->ep->set->limits->help_url;

    return arena_printf(c->s->arena, "%s#%s",
                        text_empty(page) ? acme_url(c->s->arena, c->ep, "limits", NULL) : page,
                        what);
}

static void
send_problem(struct call *c, struct acme_problem *p)
{
    struct scope *s = c->s;
    const char *text;

    if (text_eq(p->type, "badSignatureAlgorithm"))
        p->algorithms = algorithm_names(c);
    if (text_eq(p->type, "userActionRequired") && c->ep) {
        p->instance = c->ep->set->terms_url;
        answer_link(c, p->instance, "terms-of-service");
    }
    if (p->status == 503 || p->status == 429 || p->status == 500)
        http_reply_header(
            c->http, "Retry-After",
            arena_printf(s->arena, "%lld",
                         (long long)(s->error.retry_after_s ? s->error.retry_after_s : RETRY_S)));
    if (p->help && c->ep)
        answer_link(c, help_of(c, p->help), "help");
    metric_add(&problems_total, 1, p->type, c->res ? c->res->word : "");
    answer_headers(c);
    text = acme_problem_json(s->arena, p);
    http_reply(c->http, p->status, "application/problem+json", bytes_of_text(text ? text : "{}"));
}

void
answer_failure(struct call *c, enum err e)
{
    struct acme_problem p = acme_problem_of(c->s, e);

    p.subproblems = c->subproblems;
    if (p.status >= 500)
        log_failure(c->s, p.status == 503 ? LOG_WARN : LOG_ERROR, "an ACME request failed");
    send_problem(c, &p);
}

void
answer_refusal(struct call *c, int status)
{
    struct acme_problem p;

    if (c->s->error.kind == OK)
        (void)fail(c->s, status >= 500 ? E_UNAVAILABLE : E_INVALID,
                   status == 413 ? "the body is larger than %d octets"
                                 : "the request cannot be served",
                   ACME_BODY_MAX);
    p = acme_problem_of(c->s, c->s->error.kind);
    p.status = status;
    if (status >= 500)
        p.type = "serverInternal";
    send_problem(c, &p);
}

enum err
nothing_here(struct call *c, enum err e)
{
    return e == E_NOT_FOUND
               ? acme_fail(c->s, E_NOT_FOUND, "malformed", "there is nothing at this address")
               : e;
}

/* Payloads. */

enum err
member_texts(struct call *c, const char *name, const struct list **out)
{
    const struct json *j = json_get(c->payload, name);
    struct list *texts = arena_new_of(c->s->arena, struct list);

    *out = NULL;
    if (!j)
        return OK;
    if (!json_is_array(j))
        return acme_fail(c->s, E_INVALID, "malformed", "\"%s\" is no array", name);
    for (size_t i = 0; i < json_count(j); i++) {
        const char *text = json_str(json_item(j, i));

        if (!text)
            return acme_fail(c->s, E_INVALID, "malformed", "\"%s\" holds what is no string", name);
        list_add(c->s->arena, texts, const char *, text);
    }
    *out = texts;
    return OK;
}

enum err
member_bool(struct call *c, const char *name, bool *out)
{
    const struct json *j = json_get(c->payload, name);

    *out = false;
    if (j && !json_bool(j, out))
        return acme_fail(c->s, E_INVALID, "malformed", "\"%s\" is neither true nor false", name);
    return OK;
}

enum err
member_text(struct call *c, const char *name, const char **out)
{
    const struct json *j = json_get(c->payload, name);

    *out = json_str(j);
    if (j && !*out)
        return acme_fail(c->s, E_INVALID, "malformed", "\"%s\" is no string", name);
    return OK;
}
