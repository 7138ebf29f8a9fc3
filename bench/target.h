/** Target: the server under test, as its ready file describes it, and what benches ask of it. */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include "base/scope.h"

struct target {
    struct json *ready;
    const char *auth; /* Basic credentials */
    const char *data_dir;
    int port, http_port, pid;
};
/** Read the file of `--ready-file`; ends the program when it cannot. */
struct target target_read(struct scope *s, const char *path);
/** COUNT requests (DER) for names of their own, each with a P-256 key of its own. */
struct bytes *make_csrs(struct scope *s, int64_t count);

/** What make_request() asks with. */
struct made {
    struct bytes *csrs; /* DER */
    const char *auth;
};
/** POST /KeyfactorAPI/Enrollment/CSR for request N; ARG is a struct made. */
struct bytes make_request(void *arg, struct arena *a, int64_t n);

/** End the program unless E is OK. */
void must_be(struct scope *s, enum err e, const char *what);

#endif
