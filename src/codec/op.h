/**
 * Operation: one thing that an API offers, as data. The server routes, admits, decodes and encodes
 * by it; CLI, OpenAPI and tests read the same row. What it does is bound to it in a face. Tables
 * are constant and shared by all threads.
 */
#ifndef CODEC_OP_H
#define CODEC_OP_H

#include "codec/model.h"

/** Who may call; .needs then says with which permission. */
enum op_auth {
    OP_AUTH,   /* a known caller */
    OP_PUBLIC, /* anyone; credentials are not looked at */
    OP_ANY,    /* anyone, but credentials that are sent must be good */
};

/** Which threads do the work; the faces turn it into a pool of net/server.h. */
enum op_pool {
    OP_POOL_MAIN, /* may wait for the database */
    OP_POOL_SLOW, /* may wait long: another system, large exports */
    OP_POOL_LOOP, /* never waits: health, documents printed at start */
};

/** Which versions of an API an operation belongs to; 0 means all. */
enum { OP_V1 = 1, OP_V2 = 2 };

enum {
    OP_BODY_LIST = 1,     /* the body is an array of .body */
    OP_BODY_OPTIONAL = 2, /* no body, or null, is fine: the handler gets NULL, or an empty list */
    OP_REPLY_LIST = 4,    /* the reply is an array of .reply */
    OP_PAGED = 8,    /* takes the paging parameters of its API, answers with totals or cursors */
    OP_SECRET = 16,  /* the reply carries keys, passwords or tokens: Cache-Control: no-store */
    OP_FORM = 32,    /* the body may also be application/x-www-form-urlencoded */
    OP_DRY_RUN = 64, /* understands dry_run=true */
    OP_IDEMPOTENT = 128, /* understands Idempotency-Key */
    OP_ETAG = 256,       /* answers with ETag; a change asks for If-Match */
    OP_NOT_YET = 512,    /* known by name only: answered 501 */
    OP_ALWAYS = 1024,    /* answers while its API is switched off */
};

struct op {
    const char *method; /* "GET", upper case */
    const char *path;   /* below the API's base: "/Certificates/{id}" */
    const char *id;     /* operationId; NULL: made of method and path */
    const char *tag;    /* its group in OpenAPI; NULL: the first segment of the path */
    const char *needs;  /* the permission, such as "certificates/revoke"; NULL: any known caller */
    const struct model *vars;    /* types of the path's variables; NULL: text */
    const struct model *query;   /* query parameters, or NULL */
    const struct model *headers; /* request headers that matter to it, or NULL */
    const struct model *body;    /* of the request, or NULL: none is read */
    const struct model *reply;   /* of the answer, or NULL: none */
    const char *body_type;       /* a body that no model describes: its media type, such as
                                    "application/ocsp-request" */
    const char *reply_type;      /* the same for an answer, such as "application/pkix-crl" */
    const struct model *error;   /* of a failure; NULL: the document's own */
    const char *error_type;      /* its media type; NULL: the document's own */
    unsigned flags;              /* OP_... above */
    int status;                  /* of success; 0: 200 with a reply, 204 without */
    enum op_auth auth;
    enum op_pool pool;
    size_t body_limit;   /* bytes; 0: the API's own */
    int64_t deadline_ms; /* 0: the API's own */
    unsigned versions;   /* OP_V1 | OP_V2; 0: all */
    const char *doc;     /* one sentence, first; more may follow after a blank line */
    const char *example; /* a JSON body that is accepted, or NULL */
};

/** The status of success. */
static inline int
op_status(const struct op *op)
{
    if (op->status)
        return op->status;
    return op->reply || op->reply_type ? 200 : 204;
}

#endif
