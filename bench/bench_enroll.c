/*
 * Enrollment by POST /KeyfactorAPI/Enrollment/CSR over kept-open TLS, beside the floor that nobody
 * can go below: one CSR verification with key import, one signature and its verification, one
 * group-committed transaction of the same rows; each measured by this same program.
 *
 * usage: bench-enroll READY_FILE DIR [REQUESTS [CLIENTS]]
 */
#include "load.h"
#include "rows.h"
#include "spent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scope *S;

/* The rows of the floor. */

struct written {
    const struct bytes *csrs, *ders;
};

static enum err
write_in(struct scope *s, struct tx *tx, void *arg)
{
    return rows_issue(s, tx, arg);
}

static enum err
write_one(struct scope *s, struct db *db, int64_t n, void *arg)
{
    const struct written *w = arg;
    struct issued_row *r = arena_new_of(s->arena, struct issued_row);

    r->csr = w->csrs[n];
    r->der = w->ders[n];
    TRY(cert_read(s, r->der, &r->cert));
    return db_write(s, db, write_in, r);
}

static double
write_floor_us(const char *dir, const struct bytes *csrs, int64_t count, int clients, int batch)
{
    struct written w = { csrs, make_certs(S, csrs, count) };

    return floor_write_us(S, &(struct floor){ .dir = dir,
                                              .count = count,
                                              .clients = clients,
                                              .batch = batch,
                                              .first = rows_first,
                                              .write = write_one,
                                              .arg = &w });
}

static const struct spent_line lines[] = {
    { "TLS and HTTP", .thread = "loop" },
    { "JSON", .steps = { "JSON" } },
    SPENT_ISSUING,
    { NULL },
};

int
main(int argc, char **argv)
{
    int64_t count = argc > 3 ? atoll(argv[3]) : 10000;
    int clients = argc > 4 ? atoi(argv[4]) : 64;
    struct load_result got;
    struct target t;
    struct made m;
    struct spent spent_before = { 0 }, spent_after = { 0 }, spent;
    int group;
    double before, cpu_us, csr_us, sign_us, write_us, floor_us;

    if (argc < 3) {
        fputs("usage: bench-enroll READY_FILE DIR [REQUESTS [CLIENTS]]\n", stderr);
        return 2;
    }
    srand((unsigned)clock_mono_us());
    S = scope_new("bench");
    t = target_read(S, argv[1]);
    m = (struct made){ .csrs = make_csrs(S, count + 1), .auth = t.auth };
    /* The first request checks the password, which is meant to be slow, and is remembered for a
     * minute. */
    load_run(&(struct load){ .host = "127.0.0.1",
                             .port = t.port,
                             .tls = true,
                             .clients = 1,
                             .requests = 1,
                             .make = make_request,
                             .arg = &(struct made){ m.csrs + count, t.auth },
                             .want_status = 200,
                             .cpu = 1 },
             &got);
    spent_read(S, &t, lines, &spent_before);
    before = process_cpu_s(t.pid);
    load_run(&(struct load){ .host = "127.0.0.1",
                             .port = t.port,
                             .tls = true,
                             .clients = clients,
                             .requests = count,
                             .make = make_request,
                             .arg = &m,
                             .want_status = 200,
                             .cpu = 1 },
             &got);
    cpu_us = (process_cpu_s(t.pid) - before) * 1e6 / (double)count;
    spent_read(S, &t, lines, &spent_after);
    spent = spent_between(&spent_before, &spent_after);
    group = spent_batch(&spent);
    csr_us = floor_csr_us(m.csrs, MIN(count, INT64_C(3000)));
    sign_us = floor_signature_us(S, 3000);
    write_us = write_floor_us(argv[2], m.csrs, MIN(count, INT64_C(10000)), clients, group);
    floor_us = csr_us + sign_us + write_us;
    printf("enrollments          %lld of %lld, %d clients\n", (long long)got.done, (long long)count,
           clients);
    if (got.failed)
        printf("first failure        %s\n", got.first_failure);
    printf("rate                 %.0f/s\n", (double)got.done / got.seconds);
    printf("latency              p50 %.2f ms, p95 %.2f ms, p99 %.2f ms\n", got.p50_ms, got.p95_ms,
           got.p99_ms);
    printf("server CPU           %.0f us each\n", cpu_us);
    spent_print(S, "enroll.step.", lines, &spent, count, cpu_us);
    printf("floor                %.0f us: CSR %.0f, sign and verify %.0f, rows %.0f, %d to a "
           "commit\n",
           floor_us, csr_us, sign_us, write_us, group);
    printf("CPU / floor          %.2f\n", cpu_us / floor_us);
    result("enroll.rate", (double)got.done / got.seconds);
    result("enroll.p50", got.p50_ms);
    result("enroll.p99", got.p99_ms);
    result("enroll.cpu", cpu_us);
    result("enroll.floor", floor_us);
    result("enroll.ratio", cpu_us / floor_us);
    printf("resident             %.1f MiB\n", (double)process_rss(t.pid) / 1048576);
    return got.failed ? 1 : 0;
}
