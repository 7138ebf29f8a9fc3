/** One try of a call, by libcurl: what client.c and its peers share. Not for others. */
#ifndef NET_CLIENT_TRY_H
#define NET_CLIENT_TRY_H

#include "net/client.h"
#include "net/client_guard.h"
#include "net/retry.h"

#include <curl/curl.h>
#include <pthread.h>

struct peer {
    struct arena *arena;
    struct peer_options o; /* texts in the arena, secrets our own copies */
    struct secret *client_key, *proxy_password;
    const char *no_proxy;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t slot_free;
    struct guard guard;
    int busy;
    CURL *idle[64]; /* handles with their open connections */
    size_t idle_count;
};

/* One try: what is asked, and how it ended. */
struct attempt {
    const struct peer *peer;
    const struct call *call;
    const char *method;
    const char *url;
    const struct secret *auth; /* the whole Authorization line, or NULL */
    int64_t timeout_ms;
    bool fresh; /* on a new connection: curl would silently send anew on one that turns out dead */

    enum retry_end end;
    enum err kind; /* E_TIMEOUT, E_LIMIT, E_INVALID, E_UNAVAILABLE; OK when answered */
    bool sent;
    const char *text; /* why it failed; holds no secret */
    int status;
    struct list headers;
    struct bytes body;
};

/** Prepare the library; any number of times, any thread. */
void try_setup(void);
/** Run the try on HANDLE; results live in s->arena. */
void try_run(struct scope *s, CURL *handle, struct attempt *x);
/** True once peer_stop_all() was called. */
bool try_stopping(void);

#endif
