/**
 * HTTP client: calls to other systems. Each system is a peer with its own connections, trust, pace
 * and circuit breaker; a call is repeated by the rules of retry.h, and leaves one log line when it
 * fails for good. Calls wait: they are for workers, any number at once. Certificates are always
 * verified; there is no switch.
 */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/scope.h"
#include "base/secret.h"
#include "net/header.h"

#define REPLY_MAX_DEFAULT (16 * 1024 * 1024)
struct peer;
struct sockaddr;

/** Where time and chance come from; tests bring their own. Members left NULL or 0 are the real
 * ones. */
struct peer_clock {
    /** Wait MS milliseconds, at most until the scope's deadline; false when the program is
     * stopping. */
    bool (*sleep)(void *arg, int64_t ms);
    int64_t (*now_ms)(void *arg); /* as clock_mono_ms() */
    void *arg;
    uint64_t seed; /* of the jitter */
};

/**
 * The current bearer token of a peer. The caller ends TOKEN with secret_free().
 *
 * @param refresh  true: the last one was refused, get another
 */
typedef enum err peer_token_fn(struct scope *s, void *arg, bool refresh, struct secret **token);

/** What is to be known of another system. All of it is copied. */
struct peer_options {
    const char *integration; /* for logs and metrics: `azure_key_vault`, a name that an
                                administrator gave */
    struct bytes ca_pem; /* authorities that its certificate may come from; none: the system's */
    struct bytes client_cert_pem; /* ours, leaf first; none: anonymous TLS */
    const struct secret *client_key_pem;
    peer_token_fn *token; /* NULL: no bearer token but a call's own */
    void *token_arg;
    const char *proxy,
        *proxy_user; /* http://host:port; NULL: connect directly, whatever the environment says */
    const struct secret *proxy_password;
    const char *no_proxy; /* hosts, with commas */
    const char *agent;    /* User-Agent; NULL: ours */
    bool
        plain_http; /* http:// is allowed too: for CRLs and the like, which are signed themselves */
    bool path_is_secret; /* logs name the host alone: web hooks carry their password in the path */
    int redirects;       /* how many to follow, for GET and HEAD, on the same host; 0: none */
    int concurrency;     /* calls at the same time; 0: 4 */
    int per_minute;      /* calls in a minute; 0: no limit */
    int64_t connect_ms;  /* 0: 10 s */
    int64_t call_ms;     /* for one try, unless the call says otherwise; 0: 30 s */
    /** May we connect to this very address? NULL: to any. For addresses that a stranger can choose.
     */
    bool (*address_allowed)(const struct sockaddr *address, void *arg);
    void *address_arg;
    struct peer_clock clock;
};

/** Make a peer; nothing is sent yet. E_INVALID for a client certificate without key or the reverse.
 */
enum err peer_new(struct scope *s, const struct peer_options *o, struct peer **out);
/** End a peer that no thread uses any more. NULL is allowed. */
void peer_free(struct peer *p);
OWNED(struct peer, peer_free);

/** May a call be repeated when the peer may have done it already? */
enum repeat {
    REPEAT_BY_METHOD, /* GET, HEAD, OPTIONS, PUT, DELETE: yes (RFC 9110 section 9.2.2) */
    REPEAT_YES,
    REPEAT_NO,
};

/** Whether URL is one of http or https that any client can follow, in small letters up to its host:
 * of host, port and path alone, all of them well formed. */
bool url_is_plain(struct scope *s, const char *url);
/** Whether the host of this URL is this machine, by its address or as "localhost"; names that only
 * begin like one are not. */
bool url_is_loopback(struct scope *s, const char *url);

/** One call. */
struct call {
    const char *method;    /* NULL: GET, or POST when there is a body */
    const char *url;       /* absolute, percent-encoded, without user and fragment */
    const char *operation; /* for logs: `enroll`; constant text, or NULL */
    struct list headers;   /* of struct header; a name or value with a line break is refused */
    struct bytes body;
    const char *content_type;    /* of the body; or NULL */
    const struct secret *bearer; /* instead of the peer's token */
    const char *user;            /* Basic authentication (RFC 7617), with PASSWORD */
    const struct secret *password;
    enum repeat repeat;
    bool once;           /* a single try: the caller has rules of its own */
    const int *expected; /* statuses, ended by 0, that are an answer like any other: no failure, no
                            repetition */
    size_t reply_max;    /* bytes of the answer's body; 0: REPLY_MAX_DEFAULT */
    int64_t timeout_ms; /* for one try; 0: the peer's. The scope's deadline holds for all of them */
};

/** The answer; all of it lives in s->arena. */
struct reply {
    int status;
    struct list headers; /* of struct header */
    struct bytes body;   /* one zero byte follows, so that text can be read in place */
    int calls;           /* how many were made */
};

/**
 * Call the peer and wait for its answer.
 *
 * Any final answer is OK, whatever its status: see reply_check(). When the call fails, the error's
 * tag is "unknown" if the peer may have done what it was asked.
 *
 * @return E_INVALID for a malformed call; E_UNAVAILABLE when no answer came or the breaker is open
 * (retry_after_s says until when); E_TIMEOUT; E_LIMIT when the answer is longer than allowed, or
 * the peer's pace left no room before the deadline; what the token function said
 */
enum err peer_call(struct scope *s, struct peer *p, const struct call *c, struct reply *out);

/** The first header of that name, or NULL. */
const char *reply_header(const struct reply *r, const char *name);
/**
 * OK for a status below 400; else E_NOT_FOUND (404, 410), E_CONFLICT (409, 412), E_LIMIT (423,
 * 429), E_INVALID (other 4xx), and E_UNAVAILABLE for 5xx and for 401 and 403: it is our credentials
 * that were refused, not our caller's.
 */
enum err reply_check(struct scope *s, const struct peer *p, const struct reply *r);

/** True while the circuit breaker refuses calls. */
bool peer_is_open(struct peer *p);
/** From now on every call, and every wait between two tries, ends with E_UNAVAILABLE: the program
 * stops. */
void peer_stop_all(void);

#endif
