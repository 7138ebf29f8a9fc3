/*
 * Enrollment by POST /KeyfactorAPI/Enrollment/CSR over kept-open TLS, beside the floor that nobody
 * can go below: one CSR verification with key import, one signature and its verification, one
 * group-committed transaction of the same rows; each measured by this same program.
 *
 * usage: bench-enroll READY_FILE DIR [REQUESTS [CLIENTS]]
 */
#include "load.h"
#include "target.h"

#include "catalog/catalog.h"
#include "codec/json.h"
#include "pki/csr.h"
#include "pki/pem.h"
#include "pki/tbs.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scope *S;

static void
must(enum err e, const char *what)
{
    must_be(S, e, what);
}

/* The floor. */

static double
csr_floor_us(const struct bytes *csrs, int64_t count)
{
    double start = own_cpu_s();

    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct csr csr;

        must(csr_read(s, csrs[i], &csr), "csr");
        must(csr_verify(s, &csr), "csr");
    }
    return (own_cpu_s() - start) * 1e6 / (double)count;
}

static double
signature_floor_us(int64_t count)
{
    uint8_t tbs[600] = { 1, 2, 3 };
    EVP_PKEY *key;
    double start;

    must(key_generate(S, (struct key_spec){ .type = KEY_EC, .bits = 256 }, &key), "key");
    start = own_cpu_s();
    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct bytes signature;

        must(key_sign(s, key, SIG_ECDSA_SHA256, (struct bytes){ tbs, sizeof(tbs) }, &signature),
             "sign");
        must(key_verify(s, key, SIG_ECDSA_SHA256, (struct bytes){ tbs, sizeof(tbs) }, signature),
             "verify");
    }
    return (own_cpu_s() - start) * 1e6 / (double)count;
}

/* The same rows, column by column and of the same lengths, written by as many threads as there are
 * clients into a database of this program's own, as many to a commit as the server had. */

SQL(bench_authority, "INSERT INTO authority (id, name, name_folded, slug, driver, created_at) "
                     "VALUES (1, 'Bench', 'bench', 'bench', 'embedded', 0)");
SQL(bench_ca_key, "INSERT INTO ca_key (id, authority, generation, algorithm, spki, key_hash, "
                  "key_uri, created_at) VALUES (1, 1, 1, '', $1, $1, '', 0)");
SQL(bench_template, "INSERT INTO template (id, name, name_folded, display_name, oid, created_at) "
                    "VALUES (1, 'Bench', 'bench', 'Bench', '', 0)");
SQL(bench_version, "INSERT INTO template_version (id, template, number, body, author, created_at) "
                   "VALUES (1, 1, 1, '{}', '', 0)");
SQL(bench_request,
    "INSERT INTO request (public_id, endpoint, transaction_key, requester_kind, requester_id, "
    "requester_name, authority, template, template_version, csr, key_hash, subject, disposition, "
    "pending_kind, message, renews, created_at, decided_at) VALUES ($1, 'command', NULL, 1, 1, "
    "'admin', 1, 1, 1, $2, $3, $4, 1, 0, NULL, NULL, $5, $5) RETURNING id");
SQL(bench_link, "UPDATE request SET certificate = $2 WHERE id = $1");
SQL(bench_head,
    "INSERT INTO audit_chain (lane, seq, hash) VALUES ($1, 1, $2) ON CONFLICT (lane) DO UPDATE SET "
    "seq = audit_chain.seq + 1, hash = $2 RETURNING seq");
SQL(bench_audit,
    "INSERT INTO audit (lane, seq, ts, id, category, action, outcome, actor_name, target_type, "
    "target_id, "
    "event, hash) VALUES ($1, $2, $3, $4, 'certificate', 'certificate.issue', 'success', 'admin', "
    "'certificate', $5, $6, $7)");

#define EVENT_LEN 674 /* of what the server writes to the audit record here */

struct writing {
    struct db *db;
    const struct bytes *csrs, *ders;
    int64_t from, to;
    pthread_t thread;
};

struct row_of {
    struct bytes csr, der;
    struct cert cert;
};

static enum err
write_rows(struct scope *s, struct tx *tx, void *arg)
{
    struct row_of *r = arg;
    struct bytes hash = { r->cert.sha256, SHA256_LEN };
    struct cert_origin origin = { .authority = 1,
                                  .ca_key = 1,
                                  .template_id = 1,
                                  .template_version = 1,
                                  .protocol = "command",
                                  .requester = "admin",
                                  .imported_at = clock_now(),
                                  .state = CERT_ACTIVE };
    struct row row;
    int64_t request, id, seq;
    char event[EVENT_LEN + 1], target[24];

    memset(event, 'x', EVENT_LEN);
    event[EVENT_LEN] = 0;
    TRY(tx_one(s, tx, &bench_request,
               BIND(v_text(s->id), v_bytes(r->csr), v_bytes(hash), v_text(r->cert.subject.text),
                    v_when(clock_now())),
               &row));
    request = row_int(&row);
    origin.request = request;
    TRY(catalog_add(s, tx, &r->cert, &origin, &id));
    TRY(tx_do(s, tx, &bench_link, BIND(v_int(request), v_int(id))));
    TRY(tx_one(s, tx, &bench_head, BIND(v_int(1), v_bytes(hash)), &row));
    seq = row_int(&row);
    (void)snprintf(target, sizeof(target), "%lld", (long long)id);
    return tx_do(s, tx, &bench_audit,
                 BIND(v_int(1), v_int(seq), v_when(clock_now()), v_text(s->id), v_text(target),
                      v_text(event), v_bytes(hash)));
}

/* What those rows refer to. */
static enum err
write_first(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    TRY(tx_do(s, tx, &bench_authority, BIND_NONE));
    TRY(tx_do(s, tx, &bench_ca_key, BIND(v_bytes(BYTES("key")))));
    TRY(tx_do(s, tx, &bench_template, BIND_NONE));
    return tx_do(s, tx, &bench_version, BIND_NONE);
}

static void *
write_some(void *arg)
{
    struct writing *w = arg;

    for (int64_t i = w->from; i < w->to; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct row_of *r = arena_new_of(s->arena, struct row_of);

        r->csr = w->csrs[i];
        r->der = w->ders[i];
        if (cert_read(s, r->der, &r->cert) != OK || db_write(s, w->db, write_rows, r) != OK) {
            fprintf(stderr, "write: %s\n", s->error.text);
            exit(1);
        }
    }
    return NULL;
}

#define URLS "http://127.0.0.1:12345"

/* Certificates like those that the server will write, signed by nobody in particular. */
static struct bytes *
make_certs(const struct bytes *csrs, int64_t count)
{
    struct bytes *out = arena_alloc(S->arena, (size_t)count * sizeof(*out)), issuer;

    must(name_from_text(S, "CN=Bench Issuing CA 1", &issuer), "name");
    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        uint8_t serial[SERIAL_LEN], id[20] = { 1 }, fake[72] = { 0x30, 70, 2, 33, 1 };
        struct cert_plan plan = { .alg = SIG_ECDSA_SHA256, .issuer = issuer };
        struct list ekus = { 0 }, crl = { 0 }, ocsp = { 0 }, issuers = { 0 };
        struct csr csr;
        struct bytes tbs, der;

        serial_new(serial);
        fake[37] = 2;
        fake[38] = 33;
        fake[39] = 1;
        must(csr_read(s, csrs[i], &csr), "csr");
        plan.serial = (struct bytes){ serial, SERIAL_LEN };
        plan.subject = csr.subject.der;
        plan.spki = csr.key.spki;
        plan_validity(&plan, WHEN_S(when_s(clock_now())), 90 * 86400);
        list_add(s->arena, &ekus, const char *, OID_EKU_SERVER);
        ext_aki(s, &plan.exts, (struct bytes){ id, 20 });
        ext_ski(s, &plan.exts, (struct bytes){ id, 20 });
        ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE);
        ext_eku(s, &plan.exts, &ekus, false);
        ext_san(s, &plan.exts, &csr.exts.san, false);
        list_add(s->arena, &crl, const char *, URLS "/crl/bench-issuing-ca-1-1.crl");
        list_add(s->arena, &ocsp, const char *, URLS "/ocsp");
        list_add(s->arena, &issuers, const char *, URLS "/ca/bench-issuing-ca-1-1.crt");
        ext_cdp(s, &plan.exts, &crl);
        ext_aia(s, &plan.exts, &ocsp, &issuers);
        must(tbs_build(s, &plan, &tbs), "tbs");
        must(cert_assemble(s, tbs, SIG_ECDSA_SHA256, (struct bytes){ fake, 72 }, &der),
             "certificate");
        out[i] = bytes_copy(S->arena, der);
    }
    return out;
}

static double
write_floor_us(const char *dir, const struct bytes *csrs, int64_t count, int clients, int batch)
{
    struct writing *w = arena_alloc(S->arena, (size_t)clients * sizeof(*w));
    struct bytes *ders = make_certs(csrs, count);
    struct db_options o = { .batch = batch };
    struct db *db;
    double start;

    must(db_open(S, arena_printf(S->arena, "sqlite:%s/floor-%d.db", dir, rand()), &o, &db),
         "database");
    must(db_write(S, db, write_first, NULL), "what the rows refer to");
    start = own_cpu_s();
    for (int i = 0; i < clients; i++) {
        w[i] = (struct writing){ .db = db,
                                 .csrs = csrs,
                                 .ders = ders,
                                 .from = count * i / clients,
                                 .to = count * (i + 1) / clients };
        pthread_create(&w[i].thread, NULL, write_some, &w[i]);
    }
    for (int i = 0; i < clients; i++)
        pthread_join(w[i].thread, NULL);
    start = (own_cpu_s() - start) * 1e6 / (double)count;
    db_close(db);
    return start;
}

/* Where the server's time goes: the loops and the lane by their threads, the workers by the
 * server's own count. */
static const struct line {
    const char *title;
    const char *steps[3]; /* of chancery_step_cpu_seconds_total, added up */
    const char *thread;
} lines[] = {
    { "TLS and HTTP", .thread = "loop" },
    { "JSON", { "JSON" } },
    { "policy and lint", { "policy", "plan", "lint" } },
    { "reading the CSR", { "read" } },
    { "CSR verification", { "CSR" } },
    { "signing", { "sign" } },
    { "database, asking", { "history" } },
    { "database, handing over", { "database" } },
    { "database, writing", .thread = "lane" },
    { "reply", { "reply" } },
};

/* What the server has counted so far. */
struct counts {
    double lines[COUNT(lines)], writes, commits;
};

/* The value in METRICS behind NAME, which stands at the beginning of a line. */
static double
value_of(const char *metrics, const char *name)
{
    const char *at = strstr(metrics, arena_printf(S->arena, "\n%s ", name));

    return at ? strtod(at + strlen(name) + 2, NULL) : 0;
}

static double
line_s(const struct line *line, int pid, const char *metrics)
{
    double sum = 0;

    if (line->thread)
        return threads_cpu_s(pid, line->thread);
    for (size_t i = 0; i < COUNT(line->steps) && line->steps[i]; i++)
        sum +=
            value_of(metrics, arena_printf(S->arena, "chancery_step_cpu_seconds_total{step=\"%s\"}",
                                           line->steps[i]));
    return sum;
}

static void
read_counts(const struct target *t, struct counts *out)
{
    struct load l = { .host = "127.0.0.1", .port = t->port, .tls = true };
    const char *metrics = load_get(&l, S->arena, "/metrics", t->auth);

    for (size_t i = 0; i < COUNT(lines); i++)
        out->lines[i] = line_s(&lines[i], t->pid, metrics);
    out->writes = value_of(metrics, "chancery_db_writes_total");
    out->commits = value_of(metrics, "chancery_db_commits_total");
}

/* How many writes the server put into a commit. */
static int
group_of(const struct counts *before, const struct counts *after)
{
    double commits = after->commits - before->commits;

    return commits > 0 ? (int)((after->writes - before->writes) / commits + 0.5) : 1;
}

static void
print_lines(const struct counts *before, const struct counts *after, double cpu_us, int64_t count)
{
    for (size_t i = 0; i < COUNT(lines); i++) {
        double us = (after->lines[i] - before->lines[i]) * 1e6 / (double)count;

        printf("  %-22s %5.0f us\n", lines[i].title, us);
        result(arena_printf(S->arena, "enroll.step.%s", lines[i].title), us);
        cpu_us -= us;
    }
    printf("  %-22s %5.0f us\n", "the rest", cpu_us);
    result("enroll.step.the rest", cpu_us);
}

int
main(int argc, char **argv)
{
    int64_t count = argc > 3 ? atoll(argv[3]) : 10000;
    int clients = argc > 4 ? atoi(argv[4]) : 64;
    struct load_result got;
    struct target t;
    struct made m;
    struct counts counts_before, counts_after;
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
    read_counts(&t, &counts_before);
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
    read_counts(&t, &counts_after);
    group = group_of(&counts_before, &counts_after);
    csr_us = csr_floor_us(m.csrs, MIN(count, INT64_C(3000)));
    sign_us = signature_floor_us(3000);
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
    print_lines(&counts_before, &counts_after, cpu_us, count);
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
