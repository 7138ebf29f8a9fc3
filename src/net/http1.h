/**
 * HTTP/1.1 framing: a strict reader of one request at a time, fed with bytes as they come. It does
 * no I/O, and how the bytes are cut makes no difference to what it finds. What two readers could
 * understand differently it refuses.
 */
#ifndef NET_HTTP1_H
#define NET_HTTP1_H

#include "base/list.h"
#include "base/text.h"
#include "net/header.h"

#define HTTP1_METHOD_MAX 32       /* bytes of a method */
#define HTTP1_EXTENSIONS_MAX 1024 /* bytes of chunk extensions in one body */
#define HTTP1_TRAILERS_MAX 4096   /* bytes of a trailer section */
#define HTTP1_CHUNKED INT64_C(-1) /* the length of a body that comes in chunks */

/** What a reader accepts. */
struct http1_limits {
    size_t head_max;   /* bytes of a head, its request line included */
    size_t target_max; /* bytes of a request target */
    int fields_max;    /* fields of a head, and again of a trailer section */
};

/** What feeding led to. */
enum http1_event {
    HTTP1_MORE, /* all bytes are used, and more are needed */
    HTTP1_HEAD, /* `head` is complete; the body follows */
    HTTP1_BODY, /* `piece` is the next part of the body */
    HTTP1_END,  /* the request is complete */
    HTTP1_BAD,  /* `status` and `reason` say why; the connection is of no more use */
};

/** A complete head. Its text lives in the arena given at the start. */
struct http1_head {
    const char *method;       /* upper case */
    const char *method_sent;  /* as it came */
    enum http_verb verb;      /* which method that is */
    const char *target;       /* origin form, or "*" */
    const char *path, *query; /* before and after '?'; "" when there is no query */
    const char *host; /* of the target's absolute form, else of Host; "" in HTTP/1.0 without one */
    struct list headers;   /* of struct header, in order */
    int minor;             /* 1, or 0 for HTTP/1.0 */
    int64_t length;        /* of the body, or HTTP1_CHUNKED; 0 when there is none */
    bool close;            /* the client wants no further request on this connection */
    bool expects_continue; /* it waits for 100 before it sends the body */
};

/** A reader; all below `reason` is its own. */
struct http1 {
    struct http1_head head;
    struct bytes piece; /* inside the bytes that were fed */
    int status;
    const char *reason; /* constant text */

    struct http1_limits limits;
    struct arena *arena;
    int state;
    char *text; /* the head, later the trailer section, read so far */
    size_t have, cap, at, mark;
    struct http1_slot *slots; /* fields by their places in `text` */
    int slot_count, slot_cap;
    uint32_t method_len, target_at, target_len;
    int version;
    int flags;
    size_t digits, extensions;
    int64_t left, total, body_max;
};

/** Begin a request. Text goes to ARENA, which must live until the request has ended. */
void http1_init(struct http1 *p, struct arena *arena, const struct http1_limits *limits);

/** Refuse a body longer than MAX with 413; to be said when the head is there. No limit before. */
void http1_body_limit(struct http1 *p, int64_t max);

/**
 * Read on.
 *
 * @param used  receives how many of the LEN bytes were used; the rest belong to what follows
 * @return HTTP1_HEAD once, then HTTP1_BODY any number of times, then HTTP1_END. HTTP1_MORE means
 * that all bytes were used. After any other answer feed the rest, even when that is nothing.
 * @see RFC 9112
 */
enum http1_event http1_feed(struct http1 *p, const uint8_t *data, size_t len, size_t *used);

/** True when bytes of the request have come, apart from one empty line before it (RFC 9112
 * section 2.2). */
bool http1_begun(const struct http1 *p);

/** True for a host with an optional port, as Host and the absolute form may name it. */
bool http1_host_ok(const char *host);

#endif
