/*
 * What a server that does nothing holds: its memory after enrollments and logins, and the memory of
 * an idle TLS connection.
 *
 * usage: bench-idle READY_FILE [ENROLLMENTS [LOGINS [CONNECTIONS]]]
 */
#include "load.h"
#include "target.h"

#include "codec/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct scope *S;

/* POST /KeyfactorAPI/Auth/Login; ARG is the ready file's object. */
static struct bytes
make_login(void *arg, struct arena *a, int64_t n)
{
    struct json *ready = arg;
    struct buf body, all;

    (void)n;
    buf_init_in(&body, a, 4096);
    buf_init_in(&all, a, 8192);
    buf_text(&body, "{\"username\":");
    json_text(&body, json_str(json_get(ready, "user")));
    buf_text(&body, ",\"password\":");
    json_text(&body, json_str(json_get(ready, "password")));
    buf_text(&body, "}");
    buf_printf(&all,
               "POST /KeyfactorAPI/Auth/Login HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "application/json\r\n"
               "Content-Length: %zu\r\n\r\n",
               body.len);
    buf_add(&all, body.data, body.len);
    return buf_bytes(&all);
}

static void
run(const struct target *t, int64_t count, int clients,
    struct bytes (*make)(void *, struct arena *, int64_t), void *arg)
{
    struct load_result got;

    load_run(&(struct load){ .host = "127.0.0.1",
                             .port = t->port,
                             .tls = true,
                             .clients = clients,
                             .requests = count,
                             .make = make,
                             .arg = arg,
                             .want_status = 200,
                             .cpu = -1 },
             &got);
    if (got.failed) {
        fprintf(stderr, "%s\n", got.first_failure);
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    int64_t enrollments = argc > 2 ? atoll(argv[2]) : 1000,
            logins = argc > 3 ? atoll(argv[3]) : 100;
    int connections = argc > 4 ? atoi(argv[4]) : 500;
    int64_t before, after;
    struct target t;
    struct made m;

    if (argc < 2) {
        fputs("usage: bench-idle READY_FILE [ENROLLMENTS [LOGINS [CONNECTIONS]]]\n", stderr);
        return 2;
    }
    srand((unsigned)clock_mono_us());
    S = scope_new("bench");
    t = target_read(S, argv[1]);
    printf("resident, started    %.1f MiB\n", (double)process_rss(t.pid) / 1048576);
    m = (struct made){ .csrs = make_csrs(S, enrollments), .auth = t.auth };
    run(&t, enrollments, 16, make_request, &m);
    run(&t, logins, 4, make_login, t.ready);
    sleep(2);
    before = process_rss(t.pid);
    printf("resident, idle       %.1f MiB after %lld enrollments and %lld logins\n",
           (double)before / 1048576, (long long)enrollments, (long long)logins);
    result("idle.rss", (double)before / 1048576);
    after = load_idle_rss(
        &(struct load){ .host = "127.0.0.1", .port = t.port, .tls = true, .clients = connections },
        t.pid);
    printf("idle TLS connection  %.1f KiB, over %d of them\n",
           (double)(after - before) / 1024 / connections, connections);
    result("idle.tls", (double)(after - before) / 1024 / connections);
    return 0;
}
