/** Load: kept-open connections, plain or TLS, that send prepared requests as fast as answers come.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "base/text.h"

struct load {
    const char *host;
    int port;
    bool tls;
    int clients;      /* connections, each with a thread of its own */
    int64_t requests; /* in all */
    /** The whole request number N, head and body; in arena A. Any thread. */
    struct bytes (*make)(void *arg, struct arena *a, int64_t n);
    void *arg;
    int want_status; /* other answers count as failures */
    int cpu;         /* the core that all threads are pinned to; -1: none */
};

struct load_result {
    int64_t done, failed;
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
/** CPU seconds (user and system) that process PID has used so far. */
double process_cpu_s(int pid);
/** The same of its threads whose name begins with NAME. */
double threads_cpu_s(int pid, const char *name);
/** One GET of PATH with these Basic credentials (NULL: none); the whole answer, head and body, in
 * arena A. Ends the program when it fails. */
const char *load_get(const struct load *l, struct arena *a, const char *path, const char *auth);
/** Resident memory of process PID in bytes. */
int64_t process_rss(int pid);
/** CPU seconds of this process. */
double own_cpu_s(void);

#endif
