/*
 * Import by POST /api/v1/certificates/import over kept-open TLS, 250 certificates in each call, and
 * as many again while one client enrolls, and how many of the writes waited for the lane longer
 * than they should. Then one in each call, by POST /KeyfactorAPI/Certificates/Import.
 *
 * usage: bench-import READY_FILE NAME [CERTIFICATES [CLIENTS]]
 */
#include "load.h"
#include "target.h"

#include "pki/csr.h"
#include "pki/hash.h"
#include "pki/tbs.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EACH INT64_C(250)
#define SINGLE 5001
#define OTHERS_S 3.0  /* how long the other one enrolls */
#define LANE_S "0.05" /* no write should wait longer for the lane */

static struct scope *S;

/* Certificates of a stranger, each for names of its own, with one key: what costs is made by us. */
static struct bytes *
make_certs(int64_t count)
{
    struct bytes *out = arena_alloc(S->arena, (size_t)count * sizeof(*out)), issuer;
    struct bytes *csrs = make_csrs(S, 64);
    EVP_PKEY *key;

    must_be(S, key_generate(S, (struct key_spec){ .type = KEY_EC, .bits = 256 }, &key), "key");
    must_be(S, name_from_text(S, "CN=Bench Elsewhere CA", &issuer), "name");
    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        uint8_t serial[SERIAL_LEN], id[20] = { 1 };
        struct cert_plan plan = { .alg = SIG_ECDSA_SHA256, .issuer = issuer };
        struct list ekus = { 0 }, names = { 0 };
        const char *host =
            arena_printf(s->arena, "in-%lld-%d.bench.example.com", (long long)i, rand() % 1000000);
        struct bytes tbs, der, signature;
        struct csr csr;

        serial_new(serial);
        must_be(s, csr_read(s, csrs[i % 64], &csr), "csr");
        must_be(s, name_from_text(s, arena_printf(s->arena, "CN=%s", host), &plan.subject), "name");
        plan.serial = (struct bytes){ serial, SERIAL_LEN };
        plan.spki = csr.key.spki;
        plan_validity(&plan, WHEN_S(when_s(clock_now())), (30 + i % 300) * 86400);
        list_add(s->arena, &ekus, const char *, OID_EKU_SERVER);
        list_add(s->arena, &names, struct general_name, ((struct general_name){ GN_DNS, host }));
        ext_aki(s, &plan.exts, (struct bytes){ id, 20 });
        ext_ski(s, &plan.exts, (struct bytes){ id, 20 });
        ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE);
        ext_eku(s, &plan.exts, &ekus, false);
        ext_san(s, &plan.exts, &names, false);
        must_be(s, tbs_build(s, &plan, &tbs), "tbs");
        must_be(s, key_sign(s, key, SIG_ECDSA_SHA256, tbs, &signature), "signature");
        must_be(s, cert_assemble(s, tbs, SIG_ECDSA_SHA256, signature, &der), "certificate");
        out[i] = bytes_copy(S->arena, der);
    }
    return out;
}

static struct bytes
make_many(void *arg, struct arena *a, int64_t n)
{
    const struct made *m = arg;
    struct buf body, all;

    buf_init_in(&body, a, 1 << 20);
    buf_init_in(&all, a, 1 << 20);
    for (int64_t i = n * EACH; i < (n + 1) * EACH; i++)
        buf_printf(&body, "%s\"%s\"", i > n * EACH ? "," : "{\"certificates\":[",
                   base64_encode(a, m->csrs[i]));
    buf_text(&body, "]}");
    buf_printf(&all,
               "POST /api/v1/certificates/import HTTP/1.1\r\nHost: localhost\r\n"
               "Authorization: Basic %s\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n",
               m->auth, body.len);
    buf_add(&all, body.data, body.len);
    return buf_bytes(&all);
}

static struct bytes
make_import(void *arg, struct arena *a, int64_t n)
{
    const struct made *m = arg;
    const char *text = base64_encode(a, m->csrs[n]);
    struct buf all;

    buf_init_in(&all, a, 65536);
    buf_printf(&all,
               "POST /KeyfactorAPI/Certificates/Import HTTP/1.1\r\nHost: localhost\r\n"
               "Authorization: Basic %s\r\nContent-Type: application/json\r\n"
               "x-keyfactor-requested-with: APIClient\r\nContent-Length: %zu\r\n\r\n"
               "{\"Certificate\":\"%s\"}",
               m->auth, strlen(text) + strlen("{\"Certificate\":\"\"}"), text);
    return buf_bytes(&all);
}

struct others {
    struct load load;
    struct load_result got;
};

static void *
enroll(void *arg)
{
    struct others *o = arg;

    load_run(&o->load, &o->got);
    return NULL;
}

static void
tell(const char *name, const char *what, double value, const char *unit)
{
    printf("%-34s %10.1f %s\n", what, value, unit);
    result(arena_printf(S->arena, "import/%s/%s", name, what), value);
}

/** How long writes waited for a lane, as the server counted it. */
struct waits {
    double all, within; /* of how many; those within LANE_S */
};

static double
metric(const char *metrics, const char *name)
{
    const char *at = strstr(metrics, arena_printf(S->arena, "\n%s ", name));

    return at ? strtod(at + strlen(name) + 2, NULL) : 0;
}

static struct waits
waits_read(const struct load *l, const struct target *t, const char *rows)
{
    const char *metrics = load_get(l, S->arena, "/metrics", t->auth);
    const char *all =
        arena_printf(S->arena, "chancery_db_lane_wait_seconds_count{rows=\"%s\"}", rows);
    const char *within = arena_printf(
        S->arena, "chancery_db_lane_wait_seconds_bucket{rows=\"%s\",le=\"" LANE_S "\"}", rows);

    return (struct waits){ metric(metrics, all), metric(metrics, within) };
}

static void
tell_waits(const char *name, const char *whose, struct waits from, struct waits to)
{
    double all = to.all - from.all, late = all - (to.within - from.within);

    tell(name, arena_printf(S->arena, "%s that waited for the lane", whose), all, "");
    tell(name, "  of them longer than 50 ms", late, "");
    tell(name, "  that is", 100 * late / MAX(all, 1.0), "%");
}

int
main(int argc, char **argv)
{
    int64_t count = argc > 3 ? atoll(argv[3]) : 20000;
    struct load singles, l = { .host = "127.0.0.1", .tls = true, .want_status = 200, .cpu = 1 };
    struct others o = { 0 };
    struct load_result got;
    struct made certs, csrs;
    struct target t;
    pthread_t thread;
    double before, lane, rate;
    struct waits from, to, own_from, own_to;

    if (argc < 3) {
        fputs("usage: bench-import READY_FILE NAME [CERTIFICATES [CLIENTS]]\n", stderr);
        return 2;
    }
    srand((unsigned)clock_mono_us());
    S = scope_new("bench");
    t = target_read(S, argv[1]);
    l.port = t.port;
    l.clients = argc > 4 ? atoi(argv[4]) : 4;
    count -= count % EACH;
    certs = (struct made){ make_certs(2 * count + SINGLE), t.auth };
    csrs = (struct made){ make_csrs(S, 4000), t.auth };
    o.load = l;
    o.load.clients = 1;
    o.load.requests = 4000;
    o.load.most_s = OTHERS_S;
    o.load.make = make_request;
    o.load.arg = &csrs;
    singles = l;
    singles.make = make_import;
    singles.arg = &(struct made){ certs.csrs + 2 * count, t.auth };
    singles.clients = singles.requests = 1;
    load_run(&singles, &got); /* the password is checked, and remembered for a minute */
    l.make = make_many;
    l.arg = &certs;
    l.requests = count / EACH;
    before = process_cpu_s(t.pid);
    lane = threads_cpu_s(t.pid, "lane");
    load_run(&l, &got);
    rate = (double)(got.done * EACH) / got.seconds;
    tell(argv[2], "rate", rate, "/s");
    tell(argv[2], "CPU", (process_cpu_s(t.pid) - before) * 1e6 / (double)count, "us");
    tell(argv[2], "CPU of the lane", (threads_cpu_s(t.pid, "lane") - lane) * 1e6 / (double)count,
         "us");
    if (got.failed) {
        printf("first failure        %s\n", got.first_failure);
        return 1;
    }
    certs.csrs += count;
    from = waits_read(&l, &t, "few");
    own_from = waits_read(&l, &t, "many");
    pthread_create(&thread, NULL, enroll, &o);
    load_run(&l, &got);
    pthread_join(thread, NULL);
    tell(argv[2], "rate beside an enrolling client", (double)(got.done * EACH) / got.seconds, "/s");
    tell(argv[2], "an enrollment beside it, p50", o.got.p50_ms, "ms");
    tell(argv[2], "an enrollment beside it, p99", o.got.p99_ms, "ms");
    to = waits_read(&l, &t, "few");
    own_to = waits_read(&l, &t, "many");
    tell_waits(argv[2], "other writes", from, to);
    tell_waits(argv[2], "writes of the import", own_from, own_to);
    singles.arg = &(struct made){ certs.csrs + count + 1, t.auth };
    singles.requests = SINGLE - 1;
    singles.clients = 64;
    load_run(&singles, &got);
    tell(argv[2], "rate, one in each call", (double)got.done / got.seconds, "/s");
    return got.failed || o.got.failed;
}
