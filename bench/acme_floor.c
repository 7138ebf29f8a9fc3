#include "acme_floor.h"

#include "pki/jwk.h"
#include "pki/jws.h"
#include "pki/key.h"
#include "process.h"
#include "rows.h"
#include "target.h"
#include <string.h>

/* Signatures. */

double
floor_jws_us(struct scope *into, int64_t count)
{
    const struct jws_head head = { .typ =
                                       "https://127.0.0.1:12345/acme/order/0123456789012345678901",
                                   .kid =
                                       "https://127.0.0.1:12345/acme/acct/012345678901234567890" };
    const char *text;
    struct buf jwk;
    EVP_PKEY *own;
    double start;

    must_be(into, key_generate(into, (struct key_spec){ .type = KEY_EC, .bits = 256 }, &own),
            "key");
    buf_init_in(&jwk, into->arena, 1024);
    must_be(into, jwk_write(into, own, NULL, NULL, NULL, &jwk), "key");
    must_be(into, jws_sign(into, own, JWS_ES256, &head, BYTES("{}"), &text), "JWS");
    start = own_cpu_s();
    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct jws jws;
        EVP_PKEY *key;

        must_be(s, jws_read(s, text, strlen(text), &jws), "JWS");
        must_be(s, jwk_parse(s, buf_bytes(&jwk), &key), "key");
        must_be(s, jws_verify(s, &jws, key, JWS_ES256), "JWS");
    }
    return (own_cpu_s() - start) * 1e6 / (double)count;
}

/* Rows: what newOrder, the answer to a challenge, its proof and finalizing write, statement by
 * statement, with what they must know beforehand; texts are as long as those of a real order. */

SQL(floor_account,
    "INSERT INTO acme_account (id, public_id, endpoint, thumbprint, key_hash, jwk, status, "
    "created_at, created_ip, last_seen_at) SELECT 1, 'bench', id, $1, $1, '{}', 1, 0, '', 0 FROM "
    "acme_endpoint");
SQL(floor_same_order,
    "SELECT id FROM acme_order WHERE account = 1 AND names_hash = $1 AND status IN (1, 2) "
    "AND expires_at > $2 ORDER BY id DESC LIMIT 1");
SQL(floor_reusable, "SELECT id, method, expires_at FROM acme_authz WHERE account = 1 AND type = "
                    "'dns' AND value = $1 AND wildcard = 0 AND status = 2 AND expires_at + 0 > $2 "
                    "ORDER BY expires_at + 0 DESC");
SQL(floor_authz, "INSERT INTO acme_authz (public_id, account, type, value, wildcard, status, "
                 "expires_at, created_at) VALUES ($1, 1, 'dns', $2, 0, 1, $3, $3) RETURNING id");
SQL(floor_challenge, "INSERT INTO acme_challenge (public_id, authz, type, token, status) VALUES "
                     "($1, $2, $3, $4, 1) RETURNING id");
SQL(floor_order,
    "INSERT INTO acme_order (public_id, account, status, expires_at, identifiers, names_hash, "
    "created_at) VALUES ($1, 1, 1, $2, $3, $4, $2) RETURNING id");
SQL(floor_order_authz, "INSERT INTO acme_order_authz (order_id, place, authz) VALUES ($1, 0, $2)");
SQL(floor_answer, "UPDATE acme_challenge SET status = 2, key_auth = $2, answered_at = $3, "
                  "next_attempt = $3 WHERE id = $1 AND status = 1");
SQL(floor_job,
    "INSERT INTO job (kind, payload, state, run_at, serial_key, max_attempts, created_at, "
    "attempts, "
    "fence, leased_by, leased_until) VALUES ('acme.validate', $1, 1, $2, $3, 0, $2, 1, 1, $4, $2) "
    "RETURNING id");
SQL(floor_attempt,
    "INSERT INTO attempt (job, number, instance, started_at) VALUES ($1, 1, $2, $3)");
SQL(floor_job_done,
    "UPDATE job SET state = 2, result = NULL, finished_at = $2, leased_by = NULL, leased_until = "
    "NULL WHERE id = $1 AND fence = 1 AND state = 1");
SQL(floor_attempt_done,
    "UPDATE attempt SET ended_at = $2, error = NULL WHERE job = $1 AND number = 1");
SQL(floor_lock,
    "SELECT id FROM acme_order WHERE id IN (SELECT order_id FROM acme_order_authz WHERE "
    "authz = $1) AND status IN (1, 2, 3) ORDER BY id");
SQL(floor_challenge_valid,
    "UPDATE acme_challenge SET status = 3, validated_at = $2, attempts = attempts + 1, error = "
    "NULL, report = $3 WHERE id = $1 AND status = 2");
SQL(floor_authz_valid, "UPDATE acme_authz SET status = 2, expires_at = $2, method = 'http-01', "
                       "validated_at = $2, report = $3 WHERE id = $1 AND status = 1");
SQL(floor_ready, "UPDATE acme_order SET status = 2 WHERE id = $1 AND status = 1 AND NOT EXISTS "
                 "(SELECT 1 FROM acme_order_authz oz JOIN acme_authz z ON z.id = oz.authz WHERE "
                 "oz.order_id = $1 AND z.status <> 2)");
SQL(floor_issued,
    "UPDATE acme_order SET status = 4, csr = $2, request = $3, certificate = $4, ended_at = $5 "
    "WHERE id = $1 AND status IN (2, 3) AND request IS NULL AND EXISTS (SELECT 1 FROM acme_account "
    "a WHERE a.id = acme_order.account AND a.status = 1)");

#define ID "0123456789012345"
#define TOKEN "0123456789012345678901234567890123456789012"
#define REPORT_LEN 480 /* of the steps of one http-01 */
#define EVENT_LEN 560  /* of what is audited of a proof */

struct floor_order {
    const struct acme_floor *f;
    const struct bytes *ders;
};

struct writing {
    struct issued_row row;
    const char *name, *report, *event;
    int64_t number, authz, challenge, order, job;
    struct when now;
};

static enum err
no_row(struct scope *s, enum err e)
{
    if (e == E_NOT_FOUND)
        scope_clear(s);
    return e == E_NOT_FOUND ? OK : e;
}

/* An id of the right length that no other row has. */
static struct value
own_id(struct scope *s, const struct writing *w, const char *kind)
{
    return v_text(arena_printf(s->arena, ID "%s%05lld", kind, (long long)w->number));
}

static enum err
new_order_in(struct scope *s, struct tx *tx, void *arg)
{
    static const char *const types[] = { "http-01", "dns-01", "tls-alpn-01" };
    struct writing *w = arg;
    struct bytes hash = { w->row.cert.sha256, SHA256_LEN };
    const char *names = arena_printf(s->arena, "[{\"type\":\"dns\",\"value\":\"%s\"}]", w->name);
    struct rows rows;
    struct row row;

    TRY(no_row(s, tx_one(s, tx, &floor_same_order, BIND(v_bytes(hash), v_when(w->now)), &row)));
    TRY(tx_all(s, tx, &floor_reusable, BIND(v_text(w->name), v_when(w->now)), &rows));
    TRY(tx_one(s, tx, &floor_authz, BIND(own_id(s, w, "z"), v_text(w->name), v_when(w->now)),
               &row));
    w->authz = row_int(&row);
    for (size_t i = COUNT(types); i-- > 0;) {
        TRY(tx_one(s, tx, &floor_challenge,
                   BIND(own_id(s, w, types[i]), v_int(w->authz), v_text(types[i]), v_text(TOKEN)),
                   &row));
        w->challenge = row_int(&row);
    }
    TRY(tx_one(s, tx, &floor_order,
               BIND(own_id(s, w, "o"), v_when(w->now), v_text(names), v_bytes(hash)), &row));
    w->order = row_int(&row);
    return tx_do(s, tx, &floor_order_authz, BIND(v_int(w->order), v_int(w->authz)));
}

static enum err
answer_in(struct scope *s, struct tx *tx, void *arg)
{
    struct writing *w = arg;
    const char *key = arena_printf(s->arena, "acme.challenge:%lld", (long long)w->challenge);
    const char *payload = arena_printf(s->arena, "{\"challenge\":%lld}", (long long)w->challenge);
    struct row row;

    TRY(tx_do(s, tx, &floor_answer,
              BIND(v_int(w->challenge), v_text(TOKEN "." TOKEN), v_when(w->now))));
    TRY(tx_one(s, tx, &floor_job, BIND(v_text(payload), v_when(w->now), v_text(key), v_text(s->id)),
               &row));
    w->job = row_int(&row);
    return tx_do(s, tx, &floor_attempt, BIND(v_int(w->job), v_text(s->id), v_when(w->now)));
}

static enum err
proved_in(struct scope *s, struct tx *tx, void *arg)
{
    struct writing *w = arg;
    struct rows rows;

    TRY(tx_do(s, tx, &floor_job_done, BIND(v_int(w->job), v_when(w->now))));
    TRY(tx_do(s, tx, &floor_attempt_done, BIND(v_int(w->job), v_when(w->now))));
    TRY(tx_all(s, tx, &floor_lock, BIND(v_int(w->authz)), &rows));
    TRY(tx_do(s, tx, &floor_challenge_valid,
              BIND(v_int(w->challenge), v_when(w->now), v_text(w->report))));
    TRY(tx_do(s, tx, &floor_authz_valid, BIND(v_int(w->authz), v_when(w->now), v_text(w->report))));
    TRY(tx_do(s, tx, &floor_ready, BIND(v_int(w->order))));
    return rows_audit(s, tx, w->name, w->event);
}

static enum err
issued_in(struct scope *s, struct tx *tx, void *arg)
{
    struct writing *w = arg;

    TRY(rows_issue(s, tx, &w->row));
    return tx_do(s, tx, &floor_issued,
                 BIND(v_int(w->order), v_bytes(w->row.csr), v_int(w->row.request), v_int(w->row.id),
                      v_when(w->now)));
}

static char *
filled(struct scope *s, size_t len)
{
    char *out = arena_alloc(s->arena, len + 1);

    memset(out, 'x', len);
    return out;
}

static enum err
write_one(struct scope *s, struct db *db, int64_t n, void *arg)
{
    const struct floor_order *o = arg;
    struct writing *w = arena_new_of(s->arena, struct writing);

    w->number = n;
    w->now = clock_now();
    w->row.csr = o->f->csrs[n];
    w->row.der = o->ders[n];
    w->report = filled(s, REPORT_LEN);
    w->event = filled(s, EVENT_LEN);
    TRY(cert_read(s, w->row.der, &w->row.cert));
    w->name = list_at(&w->row.cert.exts.san, struct general_name, 0)->text;
    TRY(db_write(s, db, new_order_in, w));
    TRY(db_write(s, db, answer_in, w));
    TRY(db_write(s, db, proved_in, w));
    return db_write(s, db, issued_in, w);
}

static enum err
first_in(struct scope *s, struct tx *tx, void *arg)
{
    TRY(rows_first(s, tx, arg));
    return tx_do(s, tx, &floor_account, BIND(v_bytes(BYTES("key"))));
}

double
acme_floor_rows_us(struct scope *into, const char *dir, const struct acme_floor *f)
{
    struct floor_order o = { f, make_certs(into, f->csrs, f->count) };

    return floor_write_us(into, &(struct floor){ .dir = dir,
                                                 .count = f->count,
                                                 .clients = f->clients,
                                                 .batch = f->batch,
                                                 .first = first_in,
                                                 .write = write_one,
                                                 .arg = &o });
}
