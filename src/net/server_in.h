/** The HTTP server, inside: what its files share. server.h is what others may know. */
#ifndef NET_SERVER_IN_H
#define NET_SERVER_IN_H

#include "net/http1.h"
#include "net/server.h"
#include "net/wire.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define READ_SIZE (64 * 1024) /* a loop's buffer: what one read of a body may bring */
#define HEAD_READ \
    (16 * 1024) /* what one read may bring before a body: the furthest we read ahead */
#define DRAIN_MAX (64 * 1024) /* of an unwanted body, read to keep the connection */
#define DRAIN_MS SECOND_MS    /* how long that may take */
#define LINGER_MS \
    (2 * SECOND_MS)           /* how long a closed peer may go on sending before it is cut off */
#define LINGER_MAX (16 << 20) /* and how many bytes */
#define PROGRESS_BYTES                                                            \
    (64 * 1024)     /* each of these, moved, earns a body or reply another second \
                     */
#define PEER_MAX 48 /* bytes of an address as text */

/** Where a connection stands. */
enum conn_state {
    CONN_HANDSHAKE,
    CONN_IDLE,   /* between requests */
    CONN_HEAD,   /* part of a head is here */
    CONN_ADMIT,  /* a worker decides whether to admit */
    CONN_BODY,   /* admitted; the body is coming */
    CONN_WORK,   /* a worker, or its queue, owns the request */
    CONN_WRITE,  /* the reply is on its way */
    CONN_DRAIN,  /* answered; the rest of the body is read and forgotten */
    CONN_LINGER, /* closed by us; what the peer still sends is forgotten */
    CONN_DEAD,   /* released at the end of this turn of the loop */
};

struct loop;
struct stats;
struct route_stats;

/** The reply of a request. */
struct reply {
    struct list headers;   /* of struct header */
    struct bytes lines[2]; /* more of them, finished */
    bool given;
    int status;
    size_t body_len;       /* what was sent of the body: none for HEAD */
    struct iovec parts[2]; /* what is still to be written */
    int part_count;
    bool held; /* the second part lives in an object that the arena will release */
    bool logged;
};

/** A body as it comes. */
struct body {
    uint8_t *data;
    size_t len, cap;
    bool own; /* DATA is long-lived memory, until it is given to the arena */
};

/** A connection. Its loop owns it, but for `rq`, `scope` and `reply` while the state is CONN_ADMIT
 * or CONN_WORK. */
struct http_conn {
    struct http_conn *next, **at; /* in the loop's list */
    struct http_conn *queued;     /* in a pool's queue, then in the loop's inbox */
    struct loop *loop;
    struct event on_read, on_write;
    struct wire wire;
    enum conn_state state;
    enum conn_state then; /* what follows CONN_WRITE */
    int listener;
    int64_t until_ms;      /* the deadline of the present state; INT64_MAX for none */
    int64_t moved, earned; /* bytes of this body or reply, and those that were paid for */
    bool reading;          /* on_read is added */
    bool read_to_write;    /* TLS must read before it can write */
    bool write_to_read;    /* TLS must write before it can read */
    bool close;            /* after this reply */
    bool unread;           /* part of the present request's body was not read */
    uint64_t address_key[2];
    uint8_t *ahead; /* read, but of a later request or state */
    size_t ahead_len;
    struct arena *peer_arena; /* client_cert, for the connection's life; NULL when there is none */
    struct bytes client_cert;
    unsigned trusted; /* the server's, when client_cert was verified last */
    uint8_t end_point[END_POINT_MAX];
    size_t end_point_len;
    char peer[PEER_MAX];

    /* the present request */
    struct http1 parser;
    struct scope scope;
    struct http_request rq;
    struct reply reply;
    struct body body;
    enum admit admitted;
    int64_t began_us;
    struct route_stats *stats; /* its route's, once that is known */
};

/** A thread that moves bytes. */
struct loop {
    struct http_server *server;
    struct event_base *base;
    pthread_t thread;
    bool started;
    struct event on_wake, on_timer;
    int wake_fd;
    uint8_t *buffer; /* READ_SIZE */
    struct http_conn *conns, *dead;
    size_t conn_count;
    int64_t now_ms;           /* at the beginning of this turn */
    int64_t timer_ms;         /* when on_timer goes off; INT64_MAX when it does not */
    struct arena *arenas[64]; /* empty ones, for the next requests */
    size_t arena_count;
    struct stats *stats;
    unsigned log_turn;
    bool stopping;

    pthread_mutex_t lock; /* guards what follows */
    struct http_conn *inbox, **inbox_end;
    struct handed *handed;
    enum { LOOP_RUN, LOOP_STOP, LOOP_END } told;
};

/** A connection that was accepted for another loop. */
struct handed {
    struct handed *next;
    int fd, listener;
    uint64_t address_key[2];
    char peer[PEER_MAX];
};

/** Requests in the order in which they came. */
struct pool_line {
    struct http_conn *first, **last;
};

/** Threads and their queue: what begins something stands in a line of its own, and others pass. */
struct pool_state {
    struct http_server *server;
    const char *name;
    pthread_mutex_t lock;
    struct pool_line begins, others;
    int passed;       /* so many others were taken while one that begins waited */
    int beginning;    /* of those that begin, so many are worked on */
    int64_t other_ms; /* when another one was taken last */
    int count, threads;
    struct worker *workers, *idle; /* all, and those that sleep, the last one first */
    bool waking;                   /* a worker was woken, and does not run yet */
    bool ended;
};

/** A listening socket; loop 0 accepts for all. */
struct listener {
    struct http_server *server;
    int kind; /* ON_HTTPS or ON_HTTP */
    int fd;   /* -1: none */
    struct event on_ready, on_rest;
    struct loop *loop;
    char address[PEER_MAX + 8];
};

struct http_server {
    struct http_server_options o; /* with defaults in place */
    struct arena *arena;
    struct http1_limits limits;
    _Atomic size_t head_max; /* instead of theirs */
    struct listener listeners[2];
    struct loop *loops;
    int next_loop;
    struct pool_state pools[POOL_COUNT];
    struct addresses *addresses;
    struct tls_tickets *tickets;
    pthread_mutex_t tls_lock;
    SSL_CTX *tls;             /* guarded by tls_lock */
    uint8_t client_ca[32];    /* hash of its client authorities; likewise */
    _Atomic unsigned trusted; /* how often those were changed */
    _Atomic bool stopping;
    _Atomic int conn_count;
    pthread_mutex_t empty_lock;
    pthread_cond_t empty; /* conn_count has come to 0, or a loop has stopped */
    int stopped;          /* loops that take no new connections; guarded by empty_lock */
    bool started;
};

/* loop.c */
enum err loop_init(struct scope *s, struct loop *l, struct http_server *server);
enum err loop_start(struct scope *s, struct loop *l);
void loop_tell(struct loop *l, int what);
void loop_join(struct loop *l);
void loop_done(struct loop *l);
/** A worker has done its part. Any thread. */
void loop_return(struct loop *l, struct http_conn *c);
/** Give a new connection to L. Any thread. */
void loop_hand(struct loop *l, struct handed *h);
/** See to it that the deadlines of the loop's connections are looked at when UNTIL comes. */
void loop_watch(struct loop *l, int64_t until_ms);
/** Release what has died in this turn. */
void loop_bury(struct loop *l);
struct arena *loop_arena(struct loop *l);
void loop_arena_back(struct loop *l, struct arena *a);

/* listen.c */
enum err listener_open(struct scope *s, struct listener *l, const char *address);
/** Accept on LOOP from now on. */
void listener_add(struct listener *l, struct loop *loop);
/** Take what waits, then no more. On loop 0. */
void listener_close(struct listener *l);

/* conn.c; all on the connection's loop */
void conn_new(struct loop *l, int fd, int listener, const char *peer, const uint64_t key[2]);
void conn_close(struct http_conn *c);
/** Its worker is done: go on. */
void conn_returned(struct http_conn *c);
/** Its deadline has passed. */
void conn_expired(struct http_conn *c);
/** The server stops: finish what was begun, close what is idle. */
void conn_stop(struct http_conn *c);
void conn_free(struct http_conn *c);
/** Forget the client's certificate when its authority is no longer one of ours; before a request.
 */
void conn_recheck(struct http_conn *c);
/** Go on with what was read ahead and what waits in the wire. From the top of a callback. */
void conn_go(struct http_conn *c);
/** A new deadline, MS from now. */
void conn_until(struct http_conn *c, int64_t ms);
void conn_write(struct http_conn *c, enum conn_state then);

/* exchange.c: one request and its answer */
void exchange_begin(struct http_conn *c);
/** Feed it; returns the bytes used. */
size_t exchange_feed(struct http_conn *c, const uint8_t *data, size_t len);
/** A worker has admitted or handled it. */
void exchange_returned(struct http_conn *c);
/** What a worker does. On the worker. */
void exchange_work(struct http_conn *c);
/** Refuse it: the connection is closed afterwards unless KEEP. */
void exchange_refuse(struct http_conn *c, int status, enum err kind, enum code code,
                     const char *text, bool keep);
/** The reply has been written. */
void exchange_written(struct http_conn *c);
/** Let go of the request's memory. */
void exchange_end(struct http_conn *c);
/** Close in order: say so, then forget what the peer still sends, for a while. */
void conn_linger(struct http_conn *c);

/* reply.c */
/** Answer STATUS with what the scope's error says, as a small JSON object. */
void reply_default(struct http_request *rq, int status);

/* workers.c */
enum err pool_start(struct scope *s, struct pool_state *p, struct http_server *server,
                    const char *name, int threads);
/** False when the queue is full. */
bool pool_push(struct pool_state *p, struct http_conn *c);
void pool_stop(struct pool_state *p);

/* addresses.c: how many connections an address has; any thread */
struct addresses *addresses_new(int max);
void addresses_free(struct addresses *a);
/** Count one more; false when there are too many already. */
bool addresses_add(struct addresses *a, const uint64_t key[2]);
void addresses_remove(struct addresses *a, const uint64_t key[2]);

/* stats.c */
void stats_init(struct loop *l);
void stats_done(struct loop *l);
/** A request begins: see what time it is. On the loop. */
void stats_begin(struct http_conn *c);
/** The answer is ready to go: count it. On the loop. */
void stats_answer(struct http_conn *c);
/** And its line of the access log; on the thread that answered. */
void stats_log(struct http_conn *c);
void stats_route(struct http_conn *c); /* its route is known */
/** So many more, or fewer, connections work and rest. On the loop. */
void stats_conns(struct loop *l, int active, int idle);
void stats_queue(const char *pool, int by);
void stats_rejected(const char *reason);
void stats_handshake(const struct wire *w, bool ok);

#endif
