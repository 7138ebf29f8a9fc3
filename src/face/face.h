/**
 * Face: what all REST faces share. An operation is a row of api/, a binding names the function that
 * does it; between the wire and that function stand routing, authentication, the permission in
 * .needs, rate limits, decoding, and rendering of replies and errors in the face's language.
 */
#ifndef FACE_FACE_H
#define FACE_FACE_H

#include "access/rate.h"
#include "codec/json.h"
#include "codec/op.h"
#include "flow/flow.h"
#include "net/server.h"

struct face;
struct acme;

/** What is configured about keys that the server makes. */
struct made_keys {
    bool without_csr; /* a request without a CSR is served */
    bool pfx_legacy;  /* PKCS#12 for old readers, unless a request says otherwise */
    int64_t password_min;
};

/** What handlers reach: the program's parts, made by server/. */
struct app {
    struct ca_office *office; /* first: jobs of ca/ find it here */
    struct db *db;
    struct seal *seal;
    struct access *access;
    struct template_shelf *shelf;
    struct flow flow;
    struct rate *rate;
    struct made_keys keys;
    struct acme *acme;           /* NULL: not opened yet */
    const char *product_version; /* x-keyfactor-product-version */
    const char *version;         /* of this program */
    const char *instance;
    struct when started;
    const char *const
        *metrics_allow; /* networks that may read /metrics without login, ended by NULL */
    bool (*ready)(struct scope *s, struct app *app,
                  struct buf *failing); /* names of failing checks, JSON array items */
    bool (*started_up)(struct app *app);
    const char *(*unsafe)(
        struct scope *s, struct app *app); /* why a lost disk would take much; NULL: it would not */
    const struct face *command, *rest;
};

/** A request whose caller and operation are known; lives in its scope. */
struct request {
    struct scope *scope;
    struct app *app;
    const struct caller *caller; /* caller_nobody when the operation is public */
    const struct op *op;
    const struct face *face;
    void *body;            /* decoded by op->body; NULL when absent */
    struct list body_list; /* with OP_BODY_LIST */
    void *query;           /* decoded by op->query */
    struct http_request *http;
    const char *const *vars; /* path variables in order, decoded */
    const char *const *var_names;
    const struct list *failed_operations; /* for errors that list them; the face knows of what */
    int invalid_status;                   /* what E_INVALID becomes; 0: 400 */
    int version;                          /* of the API asked for: 1 or 2 */
};

/** What an operation does. */
struct binding {
    const struct op *op;
    enum err (*handle)(struct request *rq);
};

/** A REST API. Constant but for what face_open() makes of it. */
struct face_spec {
    const char *base; /* "/KeyfactorAPI" */
    const char *name; /* for metrics: "command", "v1" */
    bool fold;        /* paths match in any case */
    enum json_mode mode;
    size_t body_limit;
    const char *content_type;               /* of replies */
    const struct model *error_model;        /* of failures, for OpenAPI; NULL: the document's */
    const char *error_type;                 /* their media type; NULL: the document's */
    const struct binding *bindings;         /* ends with a NULL op */
    const struct op *const *const *not_yet; /* known but not offered: 501; ended by NULL; or NULL */
    const char *const *prefixes;            /* of query parameters, ended by NULL; or NULL */
    /** Add the API's own headers to every reply, errors too. */
    void (*headers)(struct http_request *http, struct app *app, const struct op *op);
    /** Render the failure in s->error; STATUS is what it comes to. */
    void (*error)(struct http_request *http, struct app *app, int status, enum err e);
    /** Look at a request before its body is read: API version headers and the like; or NULL. */
    enum err (*check)(struct request *rq);
};

/** Compile the routes of an API; lives until the process ends. */
struct face *face_open(const struct face_spec *spec, struct app *app);
void face_close(struct face *f);
/** The route of a request below the face's base; NULL when the path is not below it. Never waits.
 */
const struct http_route *face_route(const struct face *f, struct http_request *http);
/** "GET /Certificates", ... of the operations that CALLER may use; a list of const char *. */
void face_endpoints(struct scope *s, const struct face *f, const struct caller *caller,
                    struct list *out);
/** All operations that are bound, for OpenAPI; *COUNT receives how many. */
const struct op *const *face_ops(const struct face *f, size_t *count);

/** The request that a failure is rendered of; NULL before there is one, and of paths that lead
 * nowhere. */
const struct request *request_of(const struct http_request *http);

/** What a 401 offers, a WWW-Authenticate header each. */
void offer_logins(struct http_request *http, const struct app *app, const char *realm);

/* For handlers. */
/** A path variable's text, or NULL. */
const char *var_text(const struct request *rq, const char *name);
/** A path variable that must be a whole number; E_INVALID names it. */
enum err var_int(struct request *rq, const char *name, int64_t *out);
/** Answer with OUT, encoded by op->reply. */
enum err reply(struct request *rq, int status, const void *out);
/** The version that If-Match names; 0: any. A tag that is not ours fails as a changed object does.
 */
enum err if_match(struct request *rq, int64_t *version);
/** Answer with OUT and the ETag of VERSION. */
enum err reply_tagged(struct request *rq, const void *out, int64_t version);
/** Answer with a list of op->reply elements. */
enum err reply_list(struct request *rq, const struct list *out);
/** x-total-count of a list to come. */
void reply_total(struct request *rq, int64_t total);
/** 204. */
enum err reply_none(struct request *rq);
/** Answer with bytes of another type. */
enum err reply_bytes(struct request *rq, int status, const char *type, struct bytes body);

/** The HTTP status of a failure. @param invalid  what E_INVALID comes to; 0: 400 */
int status_of(const struct scope *s, enum err e, int invalid);
/** The peer's address and user agent, for access. */
struct access_peer peer_of(const struct http_request *http);
/** Whether TEXT is an address, or a network such as "10.0.0.0/8". */
bool network_valid(const char *text);
/** Is ADDRESS inside one of NETWORKS ("127.0.0.0/8", "::1")? */
bool address_in(const char *address, const char *const *networks);

#endif
