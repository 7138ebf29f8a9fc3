#include "rows.h"

#include "catalog/catalog.h"
#include "pki/csr.h"
#include "pki/tbs.h"
#include "process.h"
#include "target.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cryptography. */

double
floor_csr_us(const struct bytes *csrs, int64_t count)
{
    double start = own_cpu_s();

    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct csr csr;

        must_be(s, csr_read(s, csrs[i], &csr), "csr");
        must_be(s, csr_verify(s, &csr), "csr");
    }
    return (own_cpu_s() - start) * 1e6 / (double)count;
}

double
floor_signature_us(struct scope *into, int64_t count)
{
    uint8_t tbs[600] = { 1, 2, 3 };
    EVP_PKEY *key;
    double start;

    must_be(into, key_generate(into, (struct key_spec){ .type = KEY_EC, .bits = 256 }, &key),
            "key");
    start = own_cpu_s();
    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct bytes signature;

        must_be(s,
                key_sign(s, key, SIG_ECDSA_SHA256, (struct bytes){ tbs, sizeof(tbs) }, &signature),
                "sign");
        must_be(s,
                key_verify(s, key, SIG_ECDSA_SHA256, (struct bytes){ tbs, sizeof(tbs) }, signature),
                "verify");
    }
    return (own_cpu_s() - start) * 1e6 / (double)count;
}

/* Rows, column by column and of the same lengths. */

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

enum err
rows_audit(struct scope *s, struct tx *tx, const char *target, const char *event)
{
    uint8_t digest[SHA256_LEN];
    struct bytes hash = { digest, SHA256_LEN };
    struct row row;
    int64_t seq;

    hash_sha256(bytes_of_text(event), digest);
    TRY(tx_one(s, tx, &bench_head, BIND(v_int(1), v_bytes(hash)), &row));
    seq = row_int(&row);
    return tx_do(s, tx, &bench_audit,
                 BIND(v_int(1), v_int(seq), v_when(clock_now()), v_text(s->id), v_text(target),
                      v_text(event), v_bytes(hash)));
}

enum err
rows_issue(struct scope *s, struct tx *tx, struct issued_row *r)
{
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
    char event[EVENT_LEN + 1], target[24];

    memset(event, 'x', EVENT_LEN);
    event[EVENT_LEN] = 0;
    TRY(tx_one(s, tx, &bench_request,
               BIND(v_text(s->id), v_bytes(r->csr), v_bytes(hash), v_text(r->cert.subject.text),
                    v_when(clock_now())),
               &row));
    r->request = row_int(&row);
    origin.request = r->request;
    TRY(catalog_add(s, tx, &r->cert, &origin, &r->id));
    TRY(tx_do(s, tx, &bench_link, BIND(v_int(r->request), v_int(r->id))));
    (void)snprintf(target, sizeof(target), "%lld", (long long)r->id);
    return rows_audit(s, tx, target, event);
}

/* What those rows refer to. */
enum err
rows_first(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    TRY(tx_do(s, tx, &bench_authority, BIND_NONE));
    TRY(tx_do(s, tx, &bench_ca_key, BIND(v_bytes(BYTES("key")))));
    TRY(tx_do(s, tx, &bench_template, BIND_NONE));
    return tx_do(s, tx, &bench_version, BIND_NONE);
}

#define URLS "http://127.0.0.1:12345"

/* Certificates like those that the server will write, signed by nobody in particular. */
struct bytes *
make_certs(struct scope *into, const struct bytes *csrs, int64_t count)
{
    struct bytes *out = arena_alloc(into->arena, (size_t)count * sizeof(*out)), issuer;

    must_be(into, name_from_text(into, "CN=Bench Issuing CA 1", &issuer), "name");
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
        must_be(s, csr_read(s, csrs[i], &csr), "csr");
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
        must_be(s, tbs_build(s, &plan, &tbs), "tbs");
        must_be(s, cert_assemble(s, tbs, SIG_ECDSA_SHA256, (struct bytes){ fake, 72 }, &der),
                "certificate");
        out[i] = bytes_copy(into->arena, der);
    }
    return out;
}

/* Many writers. */

struct writer {
    const struct floor *f;
    struct db *db;
    int64_t from, to;
    pthread_t thread;
};

static void *
write_some(void *arg)
{
    struct writer *w = arg;

    for (int64_t i = w->from; i < w->to; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");

        must_be(s, w->f->write(s, w->db, i, w->f->arg), "write");
    }
    return NULL;
}

double
floor_write_us(struct scope *s, const struct floor *f)
{
    struct writer *w = arena_alloc(s->arena, (size_t)f->clients * sizeof(*w));
    struct db_options o = { .batch = f->batch };
    struct db *db;
    double start;

    must_be(s, db_open(s, arena_printf(s->arena, "sqlite:%s/floor-%d.db", f->dir, rand()), &o, &db),
            "database");
    must_be(s, db_write(s, db, f->first, f->arg), "what the rows refer to");
    start = own_cpu_s();
    for (int i = 0; i < f->clients; i++) {
        w[i] = (struct writer){ .f = f,
                                .db = db,
                                .from = f->count * i / f->clients,
                                .to = f->count * (i + 1) / f->clients };
        pthread_create(&w[i].thread, NULL, write_some, &w[i]);
    }
    for (int i = 0; i < f->clients; i++)
        pthread_join(w[i].thread, NULL);
    start = (own_cpu_s() - start) * 1e6 / (double)f->count;
    db_close(db);
    return start;
}
