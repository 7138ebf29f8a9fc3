/**
 * How many durable writes a second, with 1, 8 and 64 waiting: the rows of one enrolment (request,
 * certificate, names, DER, audit, event, counters), for SQLite in a fresh file or the database of a
 * URL.
 *
 * usage: bench-db [URL [SECONDS]]
 */
#include "base/log.h"
#include "base/random.h"
#include "db/db.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WAITING_MOST 64
#define DER_SIZE 700

SQL(add_name, "INSERT INTO name (text, folded) VALUES ($1, $1) "
              "ON CONFLICT (text) DO UPDATE SET folded = name.folded RETURNING id");
SQL(find_name, "SELECT id FROM name WHERE text = $1");
SQL(add_request,
    "INSERT INTO request (public_id, endpoint, requester_kind, requester_id, requester_name, csr, "
    "key_hash, subject, disposition, created_at, decided_at) "
    "VALUES ($1, 'rest', 1, 1, 'bench', $2, $3, $4, 1, $5, $5) RETURNING id");
SQL(add_certificate,
    "INSERT INTO certificate (sha256, sha1, issuer_hash, serial, subject_hash, key_hash, dn, cn, "
    "issuer_dn, not_before, not_after, imported_at, state, key_type, key_bits, signing_algorithm, "
    "request, protocol, requester_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, "
    "1, "
    "3, 256, 'ecdsa-with-SHA256', $12, 'rest', 'bench') RETURNING id");
SQL(add_der, "INSERT INTO certificate_der (certificate, der) VALUES ($1, $2)");
SQL(add_certificate_name,
    "INSERT INTO certificate_name (certificate, position, kind, name) VALUES ($1, 0, 2, $2)");
SQL(add_count, "INSERT INTO counter (kind, key, lane, value) VALUES ($1, $2, $3, 1) "
               "ON CONFLICT (kind, key, lane) DO UPDATE SET value = counter.value + 1");
SQL(next_audit, "INSERT INTO audit_chain (lane, seq, hash) VALUES ($1, 1, $2) "
                "ON CONFLICT (lane) DO UPDATE SET seq = audit_chain.seq + 1, hash = excluded.hash "
                "RETURNING seq");
SQL(add_audit,
    "INSERT INTO audit (lane, seq, ts, id, category, action, outcome, actor_name, target_type, "
    "target_id, event, hash) VALUES ($1, $2, $3, $4, 'certificate', 'certificate.issued', "
    "'success', "
    "'bench', 'certificate', $5, $6, $7)");
SQL(next_event, "INSERT INTO event_stream (lane, seq) VALUES ($1, 1) "
                "ON CONFLICT (lane) DO UPDATE SET seq = event_stream.seq + 1 RETURNING seq");
SQL(add_event, "INSERT INTO event (lane, seq, ts, kind, object) VALUES ($1, $2, $3, "
               "'certificate.issued', $4)");

static atomic_bool over;

struct worker {
    pthread_t thread;
    struct db *db;
    int64_t writes;
};

/** What one enrolment brings. */
struct enrolment {
    uint8_t random[4 * 32 + DER_SIZE];
    const char *id, *name;
    struct when now;
};

static struct bytes
part(const struct enrolment *x, size_t at, size_t len)
{
    return (struct bytes){ x->random + at, len };
}

static enum err
name_id(struct scope *s, struct tx *tx, const char *text, int64_t *id)
{
    struct row row;
    enum err e = tx_one(s, tx, &find_name, BIND(v_text(text)), &row);

    if (e == E_NOT_FOUND)
        e = tx_one(s, tx, &add_name, BIND(v_text(text)), &row);
    TRY(e);
    *id = row_int(&row);
    return OK;
}

static enum err
add_evidence(struct scope *s, struct tx *tx, const struct enrolment *x, int64_t certificate)
{
    int64_t lane = tx_lane(tx);
    struct row row;

    TRY(tx_one(s, tx, &next_audit, BIND(v_int(lane), v_bytes(part(x, 0, 32))), &row));
    TRY(tx_do(
        s, tx, &add_audit,
        BIND(v_int(lane), v_int(row_int(&row)), v_when(x->now), v_text(x->id), v_text("17"),
             v_text("{\"some\":\"three hundred bytes of canonical JSON that the audit keeps, with "
                    "names, addresses, ids and what was done to whom by whom and when, so that "
                    "the row has about the size that it will have in the product; nothing reads it"
                    " here, so it may say anything, as long as it is as long as it is\"}"),
             v_bytes(part(x, 0, 32)))));
    TRY(tx_one(s, tx, &next_event, BIND(v_int(lane)), &row));
    TRY(tx_do(s, tx, &add_event,
              BIND(v_int(lane), v_int(row_int(&row)), v_when(x->now), v_int(certificate))));
    TRY(tx_do(s, tx, &add_count, BIND(v_text("state"), v_int(1), v_int(lane))));
    TRY(tx_do(s, tx, &add_count, BIND(v_text("template"), v_int(1), v_int(lane))));
    return tx_do(s, tx, &add_count, BIND(v_text("authority"), v_int(1), v_int(lane)));
}

static enum err
enrol(struct scope *s, struct tx *tx, void *arg)
{
    const struct enrolment *x = arg;
    int64_t dn, cn, issuer, request, certificate;
    struct row row;

    TRY(name_id(s, tx, x->name, &cn));
    TRY(name_id(s, tx, arena_printf(s->arena, "CN=%s", x->name), &dn));
    TRY(name_id(s, tx, "CN=Bench Issuing CA", &issuer));
    TRY(tx_one(s, tx, &add_request,
               BIND(v_text(x->id), v_bytes(part(x, 0, 300)), v_bytes(part(x, 32, 32)),
                    v_text(x->name), v_when(x->now)),
               &row));
    request = row_int(&row);
    TRY(tx_one(s, tx, &add_certificate,
               BIND(v_bytes(part(x, 0, 32)), v_bytes(part(x, 32, 20)), v_bytes(BYTES("issuer")),
                    v_bytes(part(x, 64, 16)), v_bytes(part(x, 96, 32)), v_bytes(part(x, 32, 32)),
                    v_int(dn), v_int(cn), v_int(issuer), v_when(x->now),
                    v_when(when_add_ms(x->now, 90 * DAY_MS)), v_int(request)),
               &row));
    certificate = row_int(&row);
    TRY(tx_do(s, tx, &add_der, BIND(v_int(certificate), v_bytes(part(x, 128, DER_SIZE)))));
    TRY(tx_do(s, tx, &add_certificate_name, BIND(v_int(certificate), v_int(cn))));
    return add_evidence(s, tx, x, certificate);
}

static void *
work(void *arg)
{
    struct worker *w = arg;

    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct enrolment x = { .now = clock_now() };
        enum err e;

        random_bytes(x.random, sizeof(x.random));
        x.id = ulid_new(s->arena);
        x.name = arena_printf(s->arena, "host-%s.example.com", x.id);
        e = db_write(s, w->db, enrol, &x);
        if (e != OK) {
            log_failure(s, LOG_ERROR, "the bench cannot write");
            return NULL;
        }
        w->writes++;
    }
    return w;
}

static double
cpu_s(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static bool
measure(struct db *db, int waiting, int seconds)
{
    struct worker workers[WAITING_MOST];
    int64_t writes = 0, since = clock_mono_us();
    double cpu = cpu_s(), took;
    bool ok = true;

    atomic_store(&over, false);
    for (int i = 0; i < waiting; i++) {
        workers[i] = (struct worker){ .db = db };
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    (void)sleep((unsigned)seconds);
    atomic_store(&over, true);
    for (int i = 0; i < waiting; i++) {
        void *done = NULL;

        (void)pthread_join(workers[i].thread, &done);
        ok = ok && done;
        writes += workers[i].writes;
    }
    took = (double)(clock_mono_us() - since) / 1e6;
    (void)printf(
        "%2d waiting: %8.0f writes/s  %7.1f us of CPU each  %8.1f us from call to answer\n",
        waiting, (double)writes / took, (cpu_s() - cpu) / (double)writes * 1e6,
        took * waiting / (double)writes * 1e6);
    return ok;
}

int
main(int argc, char **argv)
{
    AUTO(scope_free) struct scope *s = scope_new("bench");
    AUTO(db_close) struct db *db = NULL;
    char dir[] = "/var/tmp/bench-db-XXXXXX";
    const char *url = argc > 1 && *argv[1] ? argv[1] : NULL;
    int seconds = argc > 2 ? atoi(argv[2]) : 5; /* NOLINT(cert-err34-c) */
    bool ok = true;

    if (!url && mkdtemp(dir))
        url = arena_printf(s->arena, "sqlite:%s/bench.db", dir);
    if (!url || db_open(s, url, NULL, &db) != OK) {
        log_failure(s, LOG_ERROR, "cannot open the database");
        return 1;
    }
    for (int waiting = 1; waiting <= WAITING_MOST; waiting *= 8)
        ok = measure(db, waiting, seconds) && ok;
    return ok ? 0 : 1;
}
