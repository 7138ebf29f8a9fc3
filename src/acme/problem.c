#include "acme/problem.h"

#include <string.h>

#define PREFIX "urn:ietf:params:acme:error:"
#define PROBLEM_MAX (256 * 1024)

/* RFC 8555 section 6.7 and its registry; the statuses are those of acme.md section 4. */
static const struct {
    const char *type;
    int status;
} types[] = {
    { "accountDoesNotExist", 400 },
    { "alreadyReplaced", 409 },
    { "alreadyRevoked", 400 },
    { "badAttestationStatement", 400 },
    { "badCSR", 400 },
    { "badNonce", 400 },
    { "badPublicKey", 400 },
    { "badRevocationReason", 400 },
    { "badSignatureAlgorithm", 400 },
    { "caa", 403 },
    { "compound", 400 },
    { "connection", 400 },
    { "dns", 400 },
    { "externalAccountRequired", 403 },
    { "incorrectResponse", 403 },
    { "invalidContact", 400 },
    { "invalidProfile", 400 },
    { "malformed", 400 },
    { "orderNotReady", 403 },
    { "rateLimited", 429 },
    { "rejectedIdentifier", 403 },
    { "serverInternal", 500 },
    { "tls", 400 },
    { "unauthorized", 403 },
    { "unsupportedContact", 400 },
    { "unsupportedIdentifier", 400 },
    { "userActionRequired", 403 },
};

int
acme_problem_status(const char *type)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (text_eq(types[i].type, type))
            return types[i].status;
    return 400;
}

/* What the kind of a failure comes to when nobody named its type. */
static const char *
type_of_kind(const struct scope *s, enum err e)
{
    switch (e) {
    case E_FORBIDDEN:
    case E_UNAUTHENTICATED:
        return "unauthorized";
    case E_LIMIT:
        return s->error.code == CHY_OVERLOADED     ? "serverInternal"
               : s->error.code == CHY_RATE_LIMITED ? "rateLimited"
                                                   : "malformed";
    case E_TIMEOUT:
    case E_UNAVAILABLE:
    case E_INTERNAL:
        return "serverInternal";
    case OK:
    case E_INVALID:
    case E_NOT_FOUND:
    case E_CONFLICT:
    case E_UNSUPPORTED:
        break;
    }
    return "malformed";
}

static int
status_of_kind(enum err e, const char *type)
{
    if (text_eq(type, "malformed"))
        return e == E_NOT_FOUND     ? 404
               : e == E_CONFLICT    ? 409
               : e == E_UNSUPPORTED ? 415
               : e == E_LIMIT       ? 413
                                    : 400;
    if (text_eq(type, "unauthorized") && e == E_UNAUTHENTICATED)
        return 401; /* a dead account, and nothing else */
    if (text_eq(type, "serverInternal") && (e == E_TIMEOUT || e == E_UNAVAILABLE || e == E_LIMIT))
        return 503;
    return acme_problem_status(type);
}

static const char *
detail_of(struct scope *s, enum err e)
{
    if (s->error.code == CHY_DB_UNAVAILABLE) /* where it lies is for the log alone */
        return "The database is not available at the moment.";
    if (e == E_INTERNAL || !s->error.text)
        return "The server made a mistake.";
    return error_for_strangers(s);
}

struct acme_problem
acme_problem_of(struct scope *s, enum err e)
{
    const char *help = s->error.tag ? strchr(s->error.tag, '#') : NULL;
    const char *tag =
        help ? arena_text_n(s->arena, s->error.tag, (size_t)(help - s->error.tag)) : s->error.tag;
    const char *type = NULL;

    for (size_t i = 0; i < COUNT(types); i++)
        if (text_eq(types[i].type, tag))
            type = types[i].type;
    if (!type) /* tags of other floors mean nothing here */
        type = type_of_kind(s, e);
    return (struct acme_problem){ .help = help ? help + 1 : NULL,
                                  .type = type,
                                  .status = status_of_kind(e, type),
                                  .detail = detail_of(s, e),
                                  .request_id = s->id };
}

/* The document's shape. */
static const struct field acme_identifier_fields[] = {
    FIELD(acme_identifier, type, "type"),
    FIELD(acme_identifier, value, "value"),
};
const struct model acme_identifier_model = MODEL(acme_identifier, acme_identifier_fields);

struct subproblem_doc {
    const char *type, *detail;
    int64_t status;
    const struct acme_identifier *identifier;
};
static const struct field subproblem_doc_fields[] = {
    FIELD(subproblem_doc, type, "type"),
    FIELD(subproblem_doc, detail, "detail"),
    FIELD(subproblem_doc, status, "status"),
    FIELD(subproblem_doc, identifier, "identifier", .model = &acme_identifier_model),
};
static const struct model subproblem_doc_model = MODEL(subproblem_doc, subproblem_doc_fields);

struct problem_doc {
    const char *type, *detail, *instance, *request_id;
    int64_t status;
    struct list algorithms, subproblems;
};
static const struct field problem_doc_fields[] = {
    FIELD(problem_doc, type, "type"),
    FIELD(problem_doc, detail, "detail"),
    FIELD(problem_doc, status, "status"),
    FIELD(problem_doc, instance, "instance", .flags = OMIT_EMPTY),
    FIELD(problem_doc, algorithms, "algorithms", .model = &text_model, .flags = OMIT_EMPTY),
    FIELD(problem_doc, subproblems, "subproblems", .model = &subproblem_doc_model,
          .flags = OMIT_EMPTY),
    FIELD(problem_doc, request_id, "requestId", .flags = OMIT_EMPTY),
};
static const struct model problem_doc_model = MODEL(problem_doc, problem_doc_fields);

static const char *
whole_type(struct arena *a, const char *type)
{
    return arena_printf(a, PREFIX "%s", type);
}

const char *
acme_problem_json(struct arena *a, const struct acme_problem *p)
{
    struct problem_doc doc = { .type = whole_type(a, p->type),
                               .detail = p->detail,
                               .instance = p->instance,
                               .request_id = p->request_id,
                               .status = p->status };
    struct buf out;

    if (p->algorithms)
        doc.algorithms = *p->algorithms;
    LIST_EACH(struct acme_subproblem, sub, &p->subproblems)
    {
        struct subproblem_doc *one = list_push(a, &doc.subproblems, struct subproblem_doc);

        *one = (struct subproblem_doc){ .type = whole_type(a, sub->type),
                                        .detail = sub->detail,
                                        .status = acme_problem_status(sub->type),
                                        .identifier = &sub->identifier };
    }
    buf_init_in(&out, a, PROBLEM_MAX);
    json_encode(&out, &problem_doc_model, &doc);
    return buf_str(&out);
}

const char *
acme_problem_text(struct arena *a, const char *type, const char *detail)
{
    return acme_problem_json(a, &(struct acme_problem){ .type = type,
                                                        .status = acme_problem_status(type),
                                                        .detail = detail });
}
