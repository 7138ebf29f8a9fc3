#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

/* Failures as problem details (RFC 9457). */

static enum code
code_of(const struct scope *s, enum err e)
{
    static const enum code of_kind[] = {
        [E_INVALID] = CHY_BAD_VALUE,       [E_UNAUTHENTICATED] = CHY_BAD_LOGIN,
        [E_FORBIDDEN] = CHY_NOT_PERMITTED, [E_NOT_FOUND] = CHY_NOT_FOUND,
        [E_CONFLICT] = CHY_CONFLICT,       [E_LIMIT] = CHY_TOO_LARGE,
        [E_UNSUPPORTED] = CHY_NOT_YET,     [E_TIMEOUT] = CHY_TIMED_OUT,
        [E_UNAVAILABLE] = CHY_UNAVAILABLE, [E_INTERNAL] = CHY_INTERNAL,
    };

    if (e == E_INTERNAL)
        return CHY_INTERNAL;
    if (s->error.code)
        return s->error.code;
    return (size_t)e < COUNT(of_kind) && of_kind[e] ? of_kind[e] : CHY_INTERNAL;
}

static const char *
code_text(struct scope *s, enum code code)
{
    return arena_printf(s->arena, "CHY-%04d", (int)code);
}

static void
add_problems(struct scope *s, struct v1_problem *out)
{
    LIST_EACH(struct problem, p, &s->problems)
    list_add(s->arena, &out->problems, struct v1_problem_item,
             ((struct v1_problem_item){ p->path, code_text(s, p->code ? p->code : CHY_BAD_VALUE),
                                        p->text }));
}

static void
render_error(struct http_request *http, struct app *app, int status, enum err e)
{
    struct scope *s = http->scope;
    enum code code = code_of(s, e);
    const struct code_info *info = code_info((int)code);
    struct v1_problem out = {
        .type = arena_printf(s->arena, "urn:chancery:error:%s", code_text(s, code)),
        .title = info ? info->meaning : "The request failed.",
        .status = status,
        .detail = status == 500 || !s->error.text
                      ? "The server's log tells more under the request's id."
                      : s->error.text,
        .code = code_text(s, code),
        .request_id = s->id,
    };
    struct buf b;

    if (e == E_INVALID)
        add_problems(s, &out);
    if (status == 401)
        offer_logins(http, app, "chancery");
    buf_init_in(&b, s->arena, 1 << 20);
    json_encode(&b, &v1_problem_model, &out);
    http_reply(http, status, "application/problem+json", buf_bytes(&b));
}

/* Before the body is read. */

/* What is granted on single objects, the handler asks for the object; all else must be granted
 * everywhere. */
static bool
asks_for_object(enum permission p)
{
    return p == PERM_TEMPLATES_READ || p == PERM_TEMPLATES_MODIFY || p == PERM_AUTHORITIES_READ ||
           p == PERM_AUTHORITIES_MODIFY || p == PERM_ENROLLMENT_CSR ||
           p == PERM_CERTIFICATES_READ || p == PERM_CERTIFICATES_RECOVER ||
           p == PERM_WORKFLOWS_PARTICIPATE;
}

static enum err
check_query(struct request *rq)
{
    struct list pairs;

    if (rq->op->query)
        return OK; /* decoding refuses what is unknown */
    TRY(http_query_all(rq->http, &pairs));
    LIST_EACH(struct header, h, &pairs)
    if (!(rq->op->flags & OP_DRY_RUN) || !text_eq(h->name, "dry_run"))
        problem(rq->scope, h->name, CHY_UNKNOWN_FIELD, "is not known");
    return problems_check(rq->scope);
}

static enum err
check(struct request *rq)
{
    enum permission needs = rq->op->needs ? permission_by_name(rq->op->needs) : PERM_NONE;

    if (needs != PERM_NONE && !asks_for_object(needs))
        TRY(access_require(rq->scope, rq->caller, needs, GRANT_GLOBAL, 0));
    return check_query(rq);
}

static void
no_headers(struct http_request *http UNUSED, struct app *app UNUSED, const struct op *op UNUSED)
{
}

/* All operations: the tables of this folder's files, one after another. */

#define BINDINGS_MAX 256
static struct binding bindings[BINDINGS_MAX];

CONSTRUCTOR static void
bindings_join(void)
{
    static const struct binding *const tables[] = {
        rest_users,       rest_claims,     rest_providers,    rest_roles,        rest_templates,
        rest_authorities, rest_audit,      rest_certificates, rest_system,       rest_tokens,
        rest_requests,    rest_acme,       rest_acme_seen,    rest_acme_windows, rest_acme_limits,
        rest_holds,       rest_recoveries,
    };
    size_t n = 0;

    for (size_t i = 0; i < COUNT(tables); i++)
        for (const struct binding *b = tables[i]; b->op && n + 1 < BINDINGS_MAX; b++)
            bindings[n++] = *b;
}

const struct face_spec rest_face = {
    .base = "/api/v1",
    .name = "v1",
    .mode = JSON_STRICT,
    .body_limit = 1 << 20,
    .content_type = "application/json",
    .error_model = &v1_problem_model,
    .error_type = "application/problem+json",
    .bindings = bindings,
    .headers = no_headers,
    .error = render_error,
    .check = check,
};
