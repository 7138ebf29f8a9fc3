/** A fake system for the client's tests: a socket on the loopback that answers by a script and
 * counts. */
#ifndef NET_TEST_FAKE_PEER_H
#define NET_TEST_FAKE_PEER_H

#include "base/test.h"
#include "net/client.h"

#include <openssl/ssl.h>
#include <pthread.h>

/* One answer; the last of a script repeats. */
struct fake_step {
    int status;         /* 0: see RAW */
    const char *fields; /* header lines, each ending in \r\n; or NULL */
    const char *body;   /* or NULL */
    const char *
        raw; /* these bytes, then the connection is closed; NULL with status 0: it is just closed */
    int delay_ms;
};

struct fake_peer {
    int fd, port;
    SSL_CTX *tls; /* NULL: plain */
    const struct fake_step *steps;
    size_t step_count;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    int calls, connections, at_once, most_at_once, threads;
    char last[16384]; /* the newest request as it came */
    bool stop;
};

/** Start on a free port; the script must live as long. */
void fake_start(struct fake_peer *f, SSL_CTX *tls, const struct fake_step *steps, size_t count);
/** Answer by another script, and count from 0 again. */
void fake_script(struct fake_peer *f, const struct fake_step *steps, size_t count);
void fake_stop(struct fake_peer *f);
OWNED_VALUE(struct fake_peer, fake_stop);
int fake_calls(struct fake_peer *f);
/** Did the newest request hold TEXT? */
bool fake_heard(struct fake_peer *f, const char *text);
const char *fake_url(struct scope *s, const struct fake_peer *f, const char *path);

/* A told clock that writes down each wait. */
struct fake_clock {
    int64_t now_ms, waits[32];
    size_t count;
};
struct peer_clock fake_clock_of(struct fake_clock *c);

/** One step: 200 with the body "hello". */
extern const struct fake_step fake_ok[1];
/** Run one GET, which must not fail, and give its answer. */
struct reply fake_get(struct scope *s, struct peer *p, const char *url);

/** What a test needs to make a peer: https when CA is given. */
struct peer *fake_client(struct scope *s, struct fake_clock *c, struct peer_options o);

#endif
