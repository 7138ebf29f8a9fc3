/**
 * HTTP server: listeners, loops, workers. It frames HTTP/1.1 strictly, asks the program for a route
 * when a head is complete, admits before the body is read, and runs the handler on the route's
 * pool.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "base/scope.h"
#include "net/header.h"

struct http_server;
struct http_request;
struct http_route;

enum { ON_HTTPS = 1, ON_HTTP = 2 }; /* which listeners serve a route */
enum pool {
    POOL_LOOP,
    POOL_MAIN,
    POOL_SLOW,
    POOL_COUNT
}; /* POOL_LOOP: answered on the loop, must not wait */
enum admit { ADMIT_YES, ADMIT_ASK_WORKER, ADMIT_ANSWERED };

/** A request as handlers see it. It belongs to one thread at a time; all text lives in
 * scope->arena. */
struct http_request {
    struct scope *scope;
    const char *method;      /* upper case */
    const char *method_sent; /* as it came */
    enum http_verb verb;     /* which method that is */
    const char *target;      /* as it came, origin form */
    const char *path;        /* the raw path, before '?', not decoded */
    const char *query;       /* after '?', not decoded; "" when none */
    const char *host;
    struct list headers;      /* of struct header */
    struct bytes body;        /* complete when the handler runs */
    const char *peer;         /* address without port */
    int listener;             /* ON_HTTPS or ON_HTTP */
    struct bytes client_cert; /* DER of the verified TLS client certificate, or none */
    struct bytes end_point; /* hash of the certificate that the client sees (RFC 5929 section 4) */
    const struct http_route *route;
    void *app;                    /* the program's, from http_server_options */
    void *state;                  /* the route's own: what admit found out, for the handler */
    const char *const *path_vars; /* the face's */
    bool (*park)(struct http_request *rq); /* set by http_park() */
    struct http_conn *conn;                /* the server's own */
};

struct http_route {
    const char *name; /* for metrics and the access log: constant text such as
                         "/KeyfactorAPI/Certificates/{id}" */
    int listeners;    /* ON_HTTPS | ON_HTTP */
    enum pool pool;
    bool begins;         /* what other requests go on with, whose turn in the pool comes first */
    size_t body_limit;   /* bytes */
    int64_t deadline_ms; /* for the whole request once its head is there; 0: 60 s */
    /**
     * Decide before the body is read; NULL admits all. It is first called on the loop with MAY_WAIT
     * false, and again on a worker when it answers ADMIT_ASK_WORKER. ADMIT_ANSWERED: it has
     * replied.
     */
    enum admit (*admit)(struct http_request *rq, bool may_wait);
    void (*handle)(struct http_request *rq); /* must reply once */
    /** For POOL_LOOP routes: what HANDLE leaves unanswered goes on here, on a worker. NULL: it
     * answers all. */
    void (*slow)(struct http_request *rq);
    /** Reply in the face's error language; rq->scope->error says why. STATUS is the server's
     * suggestion. */
    void (*refuse)(struct http_request *rq, int status);
    const void *data; /* the face's: usually its operation */
    const char *api;  /* for metrics: "command", "v1", "ocsp"; NULL: "http" */
};

/** What the program tells the server. Addresses are "127.0.0.1:8443", "[::1]:0"; NULL: no such
 * listener. */
struct http_server_options {
    const char *https, *http;
    /** The route of a request whose head is complete; never NULL: a route that refuses stands for
     * "no such path". */
    const struct http_route *(*route)(struct http_request *rq);
    /**
     * Reply to what failed before a route was known (a malformed head, say): rq->scope->error says
     * why, and of RQ's members only scope, peer and listener are sure to be set. Called on the
     * loop; NULL: a small JSON object.
     */
    void (*refuse)(struct http_request *rq, int status);
    void *app;
    int loops;               /* 0: one */
    int workers[POOL_COUNT]; /* threads of a pool; 0: a default that suits the machine */
    int queue_max;           /* waiting requests a pool holds before it answers 503; 0: 1024 */
    int conns_max;           /* 0: 10000 */
    int conns_per_address;   /* 0: 2000 */
    size_t head_max;         /* 0: 16 KiB */
    size_t target_max;       /* 0: 9 KiB */
    int fields_max;          /* 0: 100 */
    int64_t head_ms, body_ms, idle_ms, handshake_ms, write_ms; /* 0: 10 s, 30 s, 75 s, 10 s, 30 s */
    bool access_log;
    int access_log_every; /* of the good answers given on the loop, one in so many is logged; 0: all
                           */
};

/** Bind the listeners, before anything is served; ports the system hands out can be asked for at
 * once. */
enum err http_server_new(struct scope *s, const struct http_server_options *o,
                         struct http_server **out);
/** The address a listener got, as "127.0.0.1:43210". */
const char *http_server_address(const struct http_server *server, int listener);
/**
 * Give the TLS certificate (PEM, leaf first, then chain) and its key; again at any time, for new
 * connections. Takes a reference; S reports what is wrong with them.
 *
 * @param client_ca  PEM of the authorities whose client certificates are welcome; NULL: none is
 * asked for. A certificate that a connection came with counts on as long as it is one of theirs.
 */
enum err http_server_tls(struct scope *s, struct http_server *server, const char *chain_pem,
                         struct bytes key_der, const char *client_ca);
/** Take heads of requests of up to BYTES from now on. Any thread. */
void http_server_head_max(struct http_server *server, size_t bytes);
/** Start answering. Returns at once. */
enum err http_server_start(struct scope *s, struct http_server *server);
/** Take no new connections, finish accepted requests within DRAIN_MS, close the rest, release all.
 */
void http_server_stop(struct http_server *server, int64_t drain_ms);

/* For handlers. */
const char *http_header(const struct http_request *rq, const char *name); /* the first, or NULL */
/** The decoded value of a query parameter, in any case when FOLD; the last one wins; NULL when
 * absent. */
const char *http_query(struct http_request *rq, const char *name, bool fold);
/** All of them, decoded, in order: a list of struct header. E_INVALID for bad escapes. */
enum err http_query_all(struct http_request *rq, struct list *out);
/** The same for a form body. */
enum err http_form(struct http_request *rq, struct list *out);
/** Add a header to the reply to come. NAME is constant; a VALUE with control characters is our
 * mistake. */
void http_reply_header(struct http_request *rq, const char *name, const char *value);
/** Add finished header lines, each with its CRLF, to the reply to come; at most twice. LINES are
 * ours and live as long as the scope's arena does, or longer. */
void http_reply_lines(struct http_request *rq, struct bytes lines);
/** Answer; BODY is copied or already in the scope's arena. TYPE may be NULL when there is no body.
 * Once. */
void http_reply(struct http_request *rq, int status, const char *type, struct bytes body);
/** The same without a copy: BODY lives as long as the scope's arena does (see arena_defer), or
 * longer. */
void http_reply_held(struct http_request *rq, int status, const char *type, struct bytes body);
/** The same of a body in two pieces. */
void http_reply_pieces(struct http_request *rq, int status, const char *type, struct bytes first,
                       struct bytes second);
bool http_replied(const struct http_request *rq);
/**
 * Answer later, and keep no thread for that: once the handler has returned, without a reply, PARK
 * is called, which sees to it that somebody calls http_go_on() once; that runs the handler again,
 * on a worker, and `state` tells it what it did. From PARK on the request is not the caller's any
 * more. When there is nothing to wait for PARK returns false, and the handler runs again at once.
 * Only from a handler that runs on a worker.
 */
void http_park(struct http_request *rq, bool (*park)(struct http_request *rq));
/** Any thread; RQ is a struct http_request. */
void http_go_on(void *rq);

#endif
