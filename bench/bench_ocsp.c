/*
 * OCSP over plain HTTP with kept-open connections: the first answer for a certificate (signed
 * then), further ones by POST and by GET, and beside them the same client against a bare libevent
 * program that sends as many bytes.
 *
 * usage: bench-ocsp READY_FILE [CERTIFICATES [REQUESTS [CLIENTS [OTHER_PORT OTHER_PID]]]]
 *
 * OTHER is another OCSP server on 127.0.0.1 that answers the same requests by POST to "/".
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
#include <sys/wait.h>

static struct scope *S;

/* Requests (RFC 6960 section 4.1.1) with the CertID that most clients send: SHA-1. */
struct asked {
    struct bytes *requests; /* DER */
    int64_t count;
    const char *path; /* "/ocsp/slug" */
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
            asked->path, der.len);
        buf_add(&b, der.data, der.len);
    }
    return buf_bytes(&b);
}

struct measured {
    double rate, cpu_us;
    struct bytes answer;
};

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

/* The same load upon a program that sends the same bytes. */
static void
compare(const char *title, struct asked *asked, const struct measured *ours, int64_t count,
        int clients)
{
    struct measured bare;
    int port, pid = bare_start(ours->answer, &port);

    bare = measure(title, asked, port, pid, count, clients);
    printf("  ours / bare          %8.0f %% of its rate, %.2f times its CPU\n",
           100 * ours->rate / bare.rate, ours->cpu_us / bare.cpu_us);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
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
    int64_t certs = argc > 2 ? atoll(argv[2]) : 5000, count = argc > 3 ? atoll(argv[3]) : 200000;
    int clients = argc > 4 ? atoi(argv[4]) : 64;
    struct measured m;
    struct asked asked;
    struct target t;

    if (argc < 2) {
        fputs("usage: bench-ocsp READY_FILE [CERTIFICATES [REQUESTS [CLIENTS [OTHER_PORT "
              "OTHER_PID]]]]\n",
              stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand((unsigned)clock_mono_us());
    S = scope_new("bench");
    t = target_read(S, argv[1]);
    enroll_some(&t, certs);
    asked = read_register(&t, certs);
    (void)measure("first answers", &asked, t.http_port, t.pid, asked.count, clients);
    m = measure("POST", &asked, t.http_port, t.pid, count, clients);
    compare("bare, the same bytes", &asked, &m, count, clients);
    asked.get = true;
    m = measure("GET", &asked, t.http_port, t.pid, count, clients);
    compare("bare, the same bytes", &asked, &m, count, clients);
    if (argc > 6) {
        asked.get = false;
        asked.path = "/";
        (void)measure("another server, POST", &asked, atoi(argv[5]), atoi(argv[6]), count, clients);
    }
    return 0;
}
