/*
 * OCSP over plain HTTP with kept-open connections: the first answer for a certificate (signed
 * then), further ones by POST and by GET, and beside them the same client against a bare libevent
 * program that sends as many bytes.
 *
 * usage: bench-ocsp READY_FILE [CERTIFICATES [REQUESTS [CLIENTS [DIR]]]]
 *
 * With DIR, cfssl's `ocspserve` (Debian's golang-cfssl) answers the same requests with the same
 * answers, from a file in DIR. Everything is measured five times in turn, so that what else the
 * machine does meets all alike.
 */
#include "bare.h"
#include "load.h"
#include "target.h"

#include "db/db.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/hash.h"
#include "pki/ocsp.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 5

static struct scope *S;

/* Requests (RFC 6960 section 4.1.1) with the CertID that most clients send: SHA-1. */
struct asked {
    struct bytes *requests; /* DER */
    int64_t count;
    const char *path; /* "/ocsp/slug"; "" for the root */
    bool get;
};

static struct bytes
request_for(const struct ocsp_issuer *issuer, struct bytes serial)
{
    size_t marks[5], alg;
    struct buf b;

    buf_init_in(&b, S->arena, 1024);
    for (size_t i = 0; i < COUNT(marks);
         i++) /* OCSPRequest, TBSRequest, requestList, Request, CertID */
        marks[i] = der_begin(&b, DER_SEQUENCE);
    alg = der_begin(&b, DER_SEQUENCE);
    der_put_oid(&b, "1.3.14.3.2.26");
    der_put_null(&b);
    der_close(&b, alg);
    der_put_octets(&b, (struct bytes){ issuer->name[OCSP_SHA1], SHA1_LEN });
    der_put_octets(&b, (struct bytes){ issuer->key[OCSP_SHA1], SHA1_LEN });
    der_put(&b, DER_INTEGER, serial);
    for (size_t i = COUNT(marks); i-- > 0;)
        der_close(&b, marks[i]);
    return buf_bytes(&b);
}

/* Who issued the certificates of the register, and their serial numbers, from the server's own
 * file. */
static struct asked
read_register(const struct target *t, int64_t most)
{
    struct db_options o = { .no_migrate = true };
    struct ocsp_issuer issuer;
    struct asked out = { 0 };
    struct cert ca;
    struct rows rows;
    struct db *db;
    struct row *first;
    int64_t key;

    must_be(S, db_open(S, arena_printf(S->arena, "sqlite:%s/chancery.db", t->data_dir), &o, &db),
            "database");
    must_be(
        S,
        db_query(
            S, db,
            "SELECT k.id, a.slug, c.der FROM authority a JOIN ca_key k ON k.authority = a.id JOIN "
            "ca_certificate c ON c.ca_key = k.id WHERE a.offers_enrollment = 1 ORDER BY k.id LIMIT "
            "1",
            BIND_NONE, &rows),
        "authority");
    first = rows.at;
    key = row_int(first);
    out.path = arena_printf(S->arena, "/ocsp/%s", row_text(first));
    must_be(S, cert_read(S, row_bytes(first), &ca), "certificate of the authority");
    must_be(S, ocsp_issuer_init(S, ca.subject.der, ca.key.spki, &issuer), "issuer");
    must_be(S,
            db_query(S, db,
                     "SELECT serial FROM certificate WHERE ca_key = $1 AND state = 1 ORDER BY id "
                     "DESC LIMIT $2",
                     BIND(v_int(key), v_int(most)), &rows),
            "certificates");
    out.count = (int64_t)rows.count;
    out.requests = arena_alloc(S->arena, (rows.count + 1) * sizeof(*out.requests));
    for (size_t i = 0; i < rows.count; i++)
        out.requests[i] = request_for(&issuer, row_bytes(&rows.at[i]));
    db_close(db);
    return out;
}

static struct bytes
make_ask(void *arg, struct arena *a, int64_t n)
{
    const struct asked *asked = arg;
    struct bytes der = asked->requests[n % asked->count];
    struct buf b;

    buf_init_in(&b, a, 4096);
    if (asked->get) {
        buf_printf(&b, "GET %s/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", asked->path,
                   percent_encode(a, base64_encode(a, der)));
    } else {
        buf_printf(
            &b,
            "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/ocsp-request\r\n"
            "Content-Length: %zu\r\n\r\n",
            *asked->path ? asked->path : "/", der.len);
        buf_add(&b, der.data, der.len);
    }
    return buf_bytes(&b);
}

struct measured {
    double rate, cpu_us;
    struct bytes answer;
};

static void
keep(const char *how, const char *what, double value)
{
    result(arena_printf(S->arena, "ocsp.%s.%s", how, what), value);
}

static struct measured
measure(const char *title, struct asked *asked, int port, int pid, int64_t count, int clients)
{
    double before = process_cpu_s(pid);
    struct load_result *got = arena_new_of(S->arena, struct load_result);
    struct measured m;

    load_plain(&(struct load){ .host = "127.0.0.1",
                               .port = port,
                               .clients = clients,
                               .requests = count,
                               .make = make_ask,
                               .arg = asked,
                               .want_status = 200,
                               .cpu = 1 },
               got);
    m.rate = (double)got->done / got->seconds;
    m.cpu_us = (process_cpu_s(pid) - before) * 1e6 / (double)count;
    m.answer = (struct bytes){ got->answer, got->answer_len };
    printf("%-22s %8.0f/s, server CPU %6.1f us each, %zu bytes%s%.200s\n", title, m.rate, m.cpu_us,
           m.answer.len, got->failed ? "; FAILED: " : "", got->failed ? got->first_failure : "");
    return m;
}

/* Somebody else's process. */
struct other {
    int port, pid;
};

static void
end(const struct other *o)
{
    (void)kill(o->pid, SIGKILL);
    (void)waitpid(o->pid, NULL, 0);
}

/* cfssl, with the answers of our own server to what ASKED asks. */
static struct other
cfssl_start(const struct target *t, struct asked *asked, const char *dir)
{
    const char *path = arena_printf(S->arena, "%s/responses", dir);
    struct bytes *answers = load_bodies(&(struct load){ .host = "127.0.0.1",
                                                        .port = t->http_port,
                                                        .requests = asked->count,
                                                        .make = make_ask,
                                                        .arg = asked,
                                                        .want_status = 200 },
                                        S->arena);
    struct other o = { 0 };
    FILE *f = fopen(path, "w");

    if (!f) {
        perror(path);
        exit(1);
    }
    for (int64_t i = 0; i < asked->count; i++)
        fprintf(f, "%s\n", base64_encode(S->arena, answers[i]));
    fclose(f);
    o.port = bare_free_port();
    o.pid = fork();
    if (o.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)!freopen("/dev/null", "w", stderr);
        (void)execlp("cfssl", "cfssl", "ocspserve", "-address", "127.0.0.1", "-port",
                     arena_printf(S->arena, "%d", o.port), "-responses", path, "-loglevel", "5",
                     (char *)NULL);
        _exit(127);
    }
    load_wait_for("127.0.0.1", o.port);
    return o;
}

/* POST or GET: ours, a program that sends the same bytes, and cfssl, in turn. */
static void
compare(const struct target *t, struct asked *asked, const struct other *cfssl, int64_t count,
        int clients)
{
    const char *how = asked->get ? "get" : "post", *ours_at = asked->path;
    struct measured ours = measure(asked->get ? "GET, to begin" : "POST, to begin", asked,
                                   t->http_port, t->pid, count / 10 + 1, clients);
    struct other bare = { 0 };

    bare.pid = bare_start(ours.answer, &bare.port);
    for (int round = 0; round < ROUNDS; round++) {
        struct measured other;

        ours = measure(asked->get ? "GET" : "POST", asked, t->http_port, t->pid, count, clients);
        other = measure("  bare, the same bytes", asked, bare.port, bare.pid, count, clients);
        keep(how, "rate", ours.rate);
        keep(how, "cpu", ours.cpu_us);
        keep(how, "bare.rate", other.rate);
        keep(how, "bare.cpu", other.cpu_us);
        keep(how, "share", 100 * ours.rate / other.rate);
        keep(how, "times", ours.cpu_us / other.cpu_us);
        if (!cfssl->pid || asked->get) /* Debian's answers each GET with 400 */
            continue;
        asked->path = "";
        other = measure("  cfssl ocspserve", asked, cfssl->port, cfssl->pid, count, clients);
        asked->path = ours_at;
        keep(how, "cfssl.rate", other.rate);
        keep(how, "cfssl.cpu", other.cpu_us);
        keep(how, "cfssl.share", ours.cpu_us / other.cpu_us);
    }
    end(&bare);
}

static void
enroll_some(const struct target *t, int64_t count)
{
    struct made m = { .csrs = make_csrs(S, count), .auth = t->auth };
    struct load_result got;

    load_run(&(struct load){ .host = "127.0.0.1",
                             .port = t->port,
                             .tls = true,
                             .clients = 16,
                             .requests = count,
                             .make = make_request,
                             .arg = &m,
                             .want_status = 200,
                             .cpu = -1 },
             &got);
    if (got.failed) {
        fprintf(stderr, "enrolling: %s\n", got.first_failure);
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    int64_t certs = argc > 2 ? atoll(argv[2]) : 5000, count = argc > 3 ? atoll(argv[3]) : 50000;
    int clients = argc > 4 ? atoi(argv[4]) : 64;
    struct other cfssl = { 0 };
    struct asked asked;
    struct target t;

    if (argc < 2) {
        fputs("usage: bench-ocsp READY_FILE [CERTIFICATES [REQUESTS [CLIENTS [DIR]]]]\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand((unsigned)clock_mono_us());
    S = scope_new("bench");
    t = target_read(S, argv[1]);
    enroll_some(&t, certs);
    asked = read_register(&t, certs);
    keep("first", "rate",
         measure("first answers", &asked, t.http_port, t.pid, asked.count, clients).rate);
    if (argc > 5)
        cfssl = cfssl_start(&t, &asked, argv[5]);
    compare(&t, &asked, &cfssl, count, clients);
    asked.get = true;
    compare(&t, &asked, &cfssl, count, clients);
    if (cfssl.pid)
        end(&cfssl);
    return 0;
}
