/*
 * Complete ACME issuances, from newOrder to the certificate, by http-01 that this program answers
 * itself; each client keeps its account, all keys are P-256. With READY_FILE the server is ours:
 * then its CPU time by step stands beside the floor that nobody can go below, measured by this same
 * program: the verifications of the requests' signatures with the import of the account's key, one
 * CSR verification, one signature and its verification, and the transactions that an issuance
 * makes, as many to a commit as the server had.
 *
 * usage: bench-acme NAME DIRECTORY PID DNS_PORT HTTP_PORT ORDERS CLIENTS [READY_FILE DIR]
 *        bench-acme --long DIRECTORY PID DNS_PORT HTTP_PORT ORDERS CLIENTS
 *
 * --long tells what an issuance costs the server's CPU among the first, and behind so many.
 *
 * The server must ask the DNS server at DNS_PORT, and look for challenges at HTTP_PORT.
 */
#include "acme_client.h"
#include "acme_floor.h"
#include "answerer.h"
#include "process.h"
#include "rows.h"
#include "spent.h"

#include "base/when.h"
#include "pki/csr.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 20
#define STACK_LEN ((size_t)256 * 1024)

static struct scope *S;

/* Orders. */

struct order {
    const char *name;
    struct bytes csr;
    double ms[ACME_STEPS];
};

struct client {
    const struct acme_site *site;
    struct order *orders;
    int64_t count;
    _Atomic int64_t *next, *requests;
    pthread_barrier_t *ready, *start;
    pthread_t thread;
};

static void *
drive(void *arg)
{
    struct client *c = arg;
    struct acme_talk *t = acme_talk_new(c->site);
    int64_t i;

    pthread_barrier_wait(c->ready);
    pthread_barrier_wait(c->start);
    while ((i = atomic_fetch_add(c->next, 1)) < c->count)
        acme_issue(t, c->orders[i].name, c->orders[i].csr, POLL_MS, c->orders[i].ms);
    atomic_fetch_add(c->requests, acme_talk_requests(t));
    acme_talk_free(t);
    return NULL;
}

static struct order *
make_orders(int64_t count)
{
    struct order *out = arena_alloc(S->arena, (size_t)count * sizeof(*out));
    struct bytes *csrs = make_csrs(S, count);

    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct csr csr;

        must_be(s, csr_read(s, csrs[i], &csr), "csr");
        out[i].csr = csrs[i];
        out[i].name = arena_text(S->arena, list_at(&csr.exts.san, struct general_name, 0)->text);
    }
    return out;
}

static const struct spent_line lines[] = {
    { "TLS and HTTP", .thread = "loop" },
    { "JWS", .steps = { "JWS" } },
    { "orders, authorizations", .steps = { "ACME" } },
    SPENT_ISSUING,
    { "validation", .thread = "runner" },
    { "validation, DNS", .thread = "dns" },
    { "the queue of jobs", .thread = "clerk" },
    { NULL },
};

/* What is looked at before the first order and behind the last. */
struct watched {
    int pid;         /* of the server */
    struct target t; /* ours; .pid is 0: a stranger's */
    struct spent before, after;
};

struct ran {
    double seconds, cpu_s, server_s; /* by the clock; CPU of this program, and of the server */
    int64_t requests;
};

/* All orders by so many clients, whose connections and accounts are made before anything is
 * measured. */
static struct ran
run(const struct acme_site *site, struct order *orders, int64_t count, int clients,
    struct watched *w)
{
    struct client *all = arena_alloc(S->arena, (size_t)clients * sizeof(*all));
    _Atomic int64_t next = 0, requests = 0;
    pthread_barrier_t ready, start;
    pthread_attr_t attr;
    int64_t since;
    struct ran ran;

    pthread_barrier_init(&ready, NULL, (unsigned)clients + 1);
    pthread_barrier_init(&start, NULL, (unsigned)clients + 1);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_LEN);
    for (int i = 0; i < clients; i++) {
        all[i] = (struct client){ .site = site,
                                  .orders = orders,
                                  .count = count,
                                  .next = &next,
                                  .requests = &requests,
                                  .ready = &ready,
                                  .start = &start };
        if (pthread_create(&all[i].thread, &attr, drive, &all[i]) != 0) {
            fputs("cannot start a thread\n", stderr);
            exit(1);
        }
    }
    pthread_barrier_wait(&ready);
    if (w->t.pid)
        spent_read(S, &w->t, lines, &w->before);
    ran.server_s = process_cpu_s(w->pid);
    ran.cpu_s = own_cpu_s();
    since = clock_mono_us();
    pthread_barrier_wait(&start);
    for (int i = 0; i < clients; i++)
        pthread_join(all[i].thread, NULL);
    ran.seconds = (double)(clock_mono_us() - since) / 1e6;
    ran.cpu_s = own_cpu_s() - ran.cpu_s;
    ran.server_s = process_cpu_s(w->pid) - ran.server_s;
    ran.requests = requests;
    if (w->t.pid)
        spent_read(S, &w->t, lines, &w->after);
    pthread_attr_destroy(&attr);
    pthread_barrier_destroy(&start);
    pthread_barrier_destroy(&ready);
    return ran;
}

/* Keep a result of ours, or of a peer. */
static void
keep(const char *name, const char *what, double value)
{
    result(arena_printf(S->arena, "acme/%s/%s", name, what), value);
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
print_waits(const char *name, const struct order *orders, int64_t count)
{
    double *ms = arena_alloc(S->arena, (size_t)count * sizeof(*ms));

    for (int step = 0; step < ACME_STEPS; step++) {
        for (int64_t i = 0; i < count; i++)
            ms[i] = orders[i].ms[step];
        qsort(ms, (size_t)count, sizeof(*ms), by_size);
        printf("  %-14s p50 %7.1f ms, p95 %7.1f ms, p99 %7.1f ms\n",
               acme_step_name((enum acme_step)step), ms[count / 2], ms[count * 95 / 100],
               ms[count * 99 / 100]);
        keep(name, arena_printf(S->arena, "p95.%s", acme_step_name((enum acme_step)step)),
             ms[count * 95 / 100]);
    }
}

/* The floor of what ran. */
static void
print_floor(const char *name, const char *dir, const struct acme_floor *f, double cpu_us)
{
    double jws = floor_jws_us(S, 3000) * f->requests, sign = floor_signature_us(S, 3000);
    double csr = floor_csr_us(f->csrs, MIN(f->count, INT64_C(3000)));
    double rows = acme_floor_rows_us(S, dir, f), floor = jws + csr + sign + rows;

    printf("floor                %.0f us: %.1f JWS %.0f, CSR %.0f, sign and verify %.0f, rows %.0f "
           "(%.1f writes, %d to a commit)\n",
           floor, f->requests, jws, csr, sign, rows, f->writes, f->batch);
    printf("CPU / floor          %.2f\n", cpu_us / floor);
    keep(name, "floor", floor);
    keep(name, "ratio", cpu_us / floor);
}

static void
pin(int cpu, cpu_set_t *before)
{
    cpu_set_t cpus;

    (void)sched_getaffinity(0, sizeof(*before), before);
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    (void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

static struct bytes *
csrs_of(const struct order *orders, int64_t count)
{
    struct bytes *out = arena_alloc(S->arena, (size_t)count * sizeof(*out));

    for (int64_t i = 0; i < count; i++)
        out[i] = orders[i].csr;
    return out;
}

/* Many. */

#define EDGE 1000   /* the first ones and the last ones */
#define SLICE 20000 /* whose requests are made beforehand, at a time */

/* So many more; the server's CPU for each, in us. */
static double
run_slice(const struct acme_site *site, int pid, int64_t count, int clients, struct ran *ran)
{
    struct watched w = { .pid = pid };
    struct scope *whole = S;
    struct order *orders;

    S = scope_new("bench");
    orders = make_orders(count);
    answerer_forget();
    *ran = run(site, orders, count, clients, &w);
    scope_free(S);
    S = whole;
    return ran->server_s * 1e6 / (double)count;
}

static double
tell_slice(const struct acme_site *site, int pid, int64_t from, int64_t count, int clients)
{
    struct ran ran;
    double us = run_slice(site, pid, count, clients, &ran);

    printf("%9lld to %9lld  server CPU %5.0f us each, %4.0f/s, %.1f requests each\n",
           (long long)from, (long long)(from + count), us, (double)count / ran.seconds,
           (double)ran.requests / (double)count);
    return us;
}

static int
run_long(char **argv)
{
    int pid = atoi(argv[1]), clients = atoi(argv[5]);
    int64_t count = atoll(argv[4]), done = EDGE;
    struct acme_site site;
    double first, last;
    struct ran warm;
    cpu_set_t cpus;

    pin(1, &cpus);
    acme_site_read(S, argv[0], &site);
    answerer_start(atoi(argv[2]), atoi(argv[3]));
    (void)run_slice(&site, pid, clients, clients, &warm);
    first = tell_slice(&site, pid, 0, EDGE, clients);
    for (int64_t now; done < count; done += now) {
        now = MIN(count - done, (int64_t)SLICE);
        (void)tell_slice(&site, pid, done, now, clients);
    }
    last = tell_slice(&site, pid, done, EDGE, clients);
    printf("CPU after %lld issuances / that of the first: %.2f\n", (long long)done, last / first);
    keep("long", "first", first);
    keep("long", "last", last);
    keep("long", "growth", last / first);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *name = argv[1];
    struct watched w = { 0 };
    struct spent spent;
    struct acme_site site;
    struct order *orders;
    int64_t count;
    int clients;
    cpu_set_t cpus;
    struct ran ran;
    double cpu_us;

    if (argc < 8) {
        fputs("usage: bench-acme NAME DIRECTORY PID DNS_PORT HTTP_PORT ORDERS CLIENTS [READY_FILE "
              "DIR]\n       bench-acme --long DIRECTORY PID DNS_PORT HTTP_PORT ORDERS CLIENTS\n",
              stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand((unsigned)clock_mono_us());
    S = scope_new("bench");
    if (text_eq(name, "--long"))
        return run_long(argv + 2);
    w.pid = atoi(argv[3]);
    count = atoll(argv[6]);
    clients = atoi(argv[7]);
    if (argc > 9)
        w.t = target_read(S, argv[8]);
    orders = make_orders(count + 1);
    pin(1, &cpus);
    acme_site_read(S, argv[2], &site);
    answerer_start(atoi(argv[4]), atoi(argv[5]));
    (void)run(&site, orders + count, 1, 1, &(struct watched){ .pid = w.pid });
    ran = run(&site, orders, count, clients, &w);
    cpu_us = ran.server_s * 1e6 / (double)count;
    (void)sched_setaffinity(0, sizeof(cpus), &cpus);

    spent = spent_between(&w.before, &w.after);
    printf("%-20s %lld issuances, %d clients, %.1f s: %.0f/s, %.1f requests each\n", name,
           (long long)count, clients, ran.seconds, (double)count / ran.seconds,
           (double)ran.requests / (double)count);
    printf("server CPU           %.0f us each; the clients' %.0f us\n", cpu_us,
           ran.cpu_s * 1e6 / (double)count);
    if (w.t.pid)
        spent_print(S, arena_printf(S->arena, "acme/%s/step.", name), lines, &spent, count, cpu_us);
    print_waits(name, orders, count);
    printf("peak resident        %.1f MiB\n", (double)process_peak_rss(w.pid) / 1048576);
    keep(name, "rate", (double)count / ran.seconds);
    keep(name, "cpu", cpu_us);
    keep(name, "seconds", ran.seconds);
    keep(name, "rss", (double)process_peak_rss(w.pid) / 1048576);
    if (!w.t.pid)
        return 0;
    print_floor(name, argv[9],
                &(struct acme_floor){ .csrs = csrs_of(orders, count),
                                      .count = MIN(count, INT64_C(8000)),
                                      .clients = clients,
                                      .batch = spent_batch(&spent),
                                      .requests = (double)ran.requests / (double)count,
                                      .writes = spent.writes / (double)count },
                cpu_us);
    return 0;
}
