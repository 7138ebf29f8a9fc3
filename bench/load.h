/** Load: kept-open connections, plain or TLS, that send prepared requests as fast as answers come.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "process.h"

struct load {
    const char *host;
    int port;
    bool tls;
    int clients;      /* connections, each with a thread of its own */
    int64_t requests; /* in all */
    double most_s;    /* load_run() ends after so long, whatever is left; 0: never */
    /** The whole request number N, head and body; in arena A. Any thread. */
    struct bytes (*make)(void *arg, struct arena *a, int64_t n);
    void *arg;
    int want_status; /* other answers count as failures */
    int cpu;         /* the core that all threads are pinned to; -1: none */
};

struct load_result {
    int64_t asked, done, failed; /* the first is the sum of the others */
    double seconds;
    double p50_ms, p95_ms, p99_ms;
    char first_failure[512];
    size_t answer_len; /* of load_plain(): the last answer, head and body */
    uint8_t answer[16384];
};

/** Run it. Requests are made before the clock starts. */
void load_run(const struct load *l, struct load_result *out);
/** The same over plain HTTP from one thread with all connections: the cheapest client, for cheap
 * answers. */
void load_plain(const struct load *l, struct load_result *out);
/** Resident memory of process PID while so many connections stand open, handshakes done. */
int64_t load_idle_rss(const struct load *l, int pid);
/** One GET of PATH with these Basic credentials (NULL: none); the whole answer, head and body, in
 * arena A. Ends the program when it fails. */
const char *load_get(const struct load *l, struct arena *a, const char *path, const char *auth);
/** Wait until something accepts connections there; ends the program after ten seconds. */
void load_wait_for(const char *host, int port);
/** The body of the answer to each request in turn, over one plain connection; in arena A. Ends the
 * program when one fails. */
struct bytes *load_bodies(const struct load *l, struct arena *a);

/** A kept-open connection to L's server for a conversation; one thread at a time. */
struct line;
struct line *line_open(const struct load *l);
void line_close(struct line *line);
/** Send REQUEST and wait for its answer.
 *
 * @param answer  head and body, until the next call
 * @return its status, -1: there is none
 */
int line_ask(struct line *line, struct bytes request, const char **answer);
/** The value of the header NAME of an ANSWER, up to the end of its line; NULL: it has none. */
const char *header_in(const char *answer, const char *name);

#endif
