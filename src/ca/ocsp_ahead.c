#include "ca/ocsp_ahead.h"

#include "base/log.h"
#include "base/metric.h"
#include "catalog/catalog.h"
#include "jobs/jobs.h"
#include "pki/der.h"
#include "pki/oid.h"

#define BATCH 250               /* of one commit: other writers wait for no more */
#define RUN_MS (20 * SECOND_MS) /* of one job; the next goes on */
#define BACKDATE_MS (5 * MINUTE_MS)
#define CERT_ID_MAX 256

GAUGE(lag, "chancery_ocsp_presign_lag_seconds",
      "How long the oldest OCSP answer that is to be signed anew has waited for it.", "ca");
COUNTER(presigned, "chancery_ocsp_presigned_total", "OCSP answers signed ahead.", "subject");

SQL(find_answer, "SELECT status, revoked_at, reason, responder, this_update, next_update, der "
                 "FROM ocsp_answer WHERE certificate = $1 AND ca_key = $2 AND next_update > $3");
SQL(drop_answer, "UPDATE ocsp_answer SET status = -1, due_at = 0 WHERE certificate = $1");
#define SUBJECT "c.id, c.serial, c.state, c.revoked_at, COALESCE(c.revocation_reason, 0) "
SQL(due_answers,
    "SELECT " SUBJECT "FROM ocsp_answer o JOIN certificate c ON c.id = o.certificate "
    "WHERE o.ca_key = $1 AND o.due_at <= $2 AND c.not_after > $2 ORDER BY o.due_at LIMIT $3");
SQL(new_certificates, "SELECT " SUBJECT "FROM certificate c WHERE c.id > $3 AND c.ca_key = $1 AND "
                      "c.not_after > $2 AND c.state IN (1, 2, 6) ORDER BY c.id LIMIT $4");
SQL(forget_over,
    "DELETE FROM ocsp_answer WHERE certificate IN (SELECT o.certificate FROM ocsp_answer o "
    "LEFT JOIN certificate c ON c.id = o.certificate WHERE o.ca_key = $1 AND o.due_at <= $2 AND "
    "(c.id IS NULL OR c.not_after <= $2) ORDER BY o.due_at LIMIT $3)");
SQL(forget_some, "DELETE FROM ocsp_answer WHERE certificate IN (SELECT certificate FROM "
                 "ocsp_answer WHERE ca_key = $1 LIMIT $2)");
SQL(seen_to, "SELECT ocsp_seen, (SELECT COALESCE(MAX(id), 0) FROM certificate) FROM ca_key "
             "WHERE id = $1");
SQL(set_seen, "UPDATE ca_key SET ocsp_seen = $2 WHERE id = $1");
SQL(lock_subject, "SELECT state, revoked_at, COALESCE(revocation_reason, 0) FROM certificate "
                  "WHERE id = $1 @lock");
SQL(put_answer,
    "INSERT INTO ocsp_answer (certificate, ca_key, status, revoked_at, reason, responder, "
    "this_update, next_update, due_at, der) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (certificate) DO UPDATE SET ca_key = $2, status = $3, revoked_at = $4, "
    "reason = $5, responder = $6, this_update = $7, next_update = $8, due_at = $9, der = $10");
SQL(oldest_due,
    "SELECT COALESCE(MIN(due_at), 0) FROM ocsp_answer WHERE ca_key = $1 AND due_at > 0");

/* CertID with SHA-1 as it is usually written: RFC 6960 section 4.1.1. */
static struct bytes
usual_id(struct scope *s, const struct ca_key *key, struct bytes serial)
{
    size_t size = ocsp_hash_size(OCSP_SHA1), id, alg;
    struct buf b;

    buf_init_in(&b, s->arena, CERT_ID_MAX);
    id = der_begin(&b, DER_SEQUENCE);
    alg = der_begin(&b, DER_SEQUENCE);
    der_put_oid(&b, OID_SHA1);
    der_put_null(&b);
    der_close(&b, alg);
    der_put_octets(&b, (struct bytes){ key->ocsp.name[OCSP_SHA1], size });
    der_put_octets(&b, (struct bytes){ key->ocsp.key[OCSP_SHA1], size });
    der_put_uint(&b, serial);
    der_close(&b, id);
    return buf_bytes(&b);
}

static struct bytes
mark_of(const struct ca_responder *r)
{
    return (struct bytes){ r->mark, sizeof(r->mark) };
}

enum err
ocsp_ahead_find(struct scope *s, struct ca_office *office, const struct ca_key *key,
                const struct ocsp_question *q, struct ocsp_kept *out)
{
    const struct ocsp_single *single = q->single;
    const struct ocsp_cert_id *id = q->id;
    struct when now = clock_now();
    struct row row;
    bool same;

    if (id->hash != OCSP_SHA1 || !key->responder ||
        !bytes_eq(id->der, usual_id(s, key, id->serial)))
        return E_NOT_FOUND;
    TRY(db_one(s, office->o.db, &find_answer,
               BIND(v_int(q->certificate), v_int(key->id), v_when(now)), &row));
    same = row_int(&row) == (int64_t)single->status;
    if (single->status == OCSP_REVOKED)
        same = when_cmp(row_when(&row), single->revoked_at) == 0 && same;
    else
        (void)row_when(&row);
    same = row_int(&row) == single->reason && same;
    same = bytes_eq(row_bytes(&row), mark_of(key->responder)) && same;
    *out = (struct ocsp_kept){ .this_update = row_when(&row) };
    out->next_update = row_when(&row);
    out->der = row_bytes(&row);
    /* a quarter of its life is left to whoever keeps it */
    out->until = when_add_ms(out->next_update, -ocsp_life_ms(office) / 4);
    same = same && when_cmp(out->this_update, now) <= 0; /* unless the clock went back */
    return same && when_cmp(now, out->until) < 0 ? OK : E_NOT_FOUND;
}

enum err
ocsp_ahead_drop(struct scope *s, struct tx *tx, int64_t certificate)
{
    struct job_spec job = { .kind = ocsp_ahead_kind.kind,
                            .dedupe = "ocsp.ahead:now",
                            .serial = ocsp_ahead_kind.serial };
    int64_t changed;

    TRY(tx_count(s, tx, &drop_answer, BIND(v_int(certificate)), &changed));
    return changed ? job_add(s, tx, &job, NULL) : OK;
}

/* Signing. */

struct ahead {
    int64_t certificate, state, reason;
    struct when revoked_at;
    struct ocsp_single single;
    struct bytes der;
};

/* Some answers of one key, signed and about to be kept. */
struct batch {
    struct ca_office *office;
    const struct ca_key *key;
    struct list answers; /* of struct ahead */
    struct bytes responder;
    struct when due;
    int64_t seen, most; /* the key's ocsp_seen from now on; 0: as it is; of the answers */
};

/* As part of TX: what was signed is kept unless the register says something else by now. A
 * revocation waits for this commit, or this for that one, and sees it. */
static enum err
keep(struct scope *s, struct tx *tx, const struct batch *b, const struct ahead *a)
{
    struct row row;
    bool same;
    enum err e = tx_one(s, tx, &lock_subject, BIND(v_int(a->certificate)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    same = row_int(&row) == a->state;
    same = when_cmp(row_when(&row), a->revoked_at) == 0 && same;
    same = row_int(&row) == a->reason && same;
    if (!same)
        return OK;
    return tx_do(s, tx, &put_answer,
                 BIND(v_int(a->certificate), v_int(b->key->id), v_int(a->single.status),
                      v_when(a->single.revoked_at), v_int(a->single.reason), v_bytes(b->responder),
                      v_when(a->single.this_update), v_when(a->single.next_update), v_when(b->due),
                      v_bytes(a->der)));
}

static enum err
keep_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct batch *b = arg;

    LIST_EACH(struct ahead, a, &b->answers)
    TRY(keep(s, tx, b, a));
    return b->seen ? tx_do(s, tx, &set_seen, BIND(v_int(b->key->id), v_int(b->seen))) : OK;
}

static enum err
sign_one(struct scope *s, const struct batch *b, struct row *row, struct ahead *a)
{
    const struct ca_responder *r = b->key->responder;
    struct when now = clock_now();
    struct ocsp_plan plan = { .responder_key = r->key_id,
                              .produced_at = WHEN_S(when_s(now)),
                              .singles = &a->single,
                              .count = 1 };
    struct when until = when_add_ms(now, ocsp_life_ms(b->office));
    struct bytes serial;

    a->certificate = row_int(row);
    serial = row_bytes(row);
    a->state = row_int(row);
    a->revoked_at = row_when(row);
    a->reason = row_int(row);
    a->single = (struct ocsp_single){
        .cert_id = usual_id(s, b->key, serial),
        .status = a->state == CERT_REVOKED ? OCSP_REVOKED : OCSP_GOOD,
        .revoked_at = a->state == CERT_REVOKED ? a->revoked_at : WHEN_NONE,
        .reason = a->state == CERT_REVOKED ? (int)a->reason : 0,
        .this_update = WHEN_S(when_s(now) - BACKDATE_MS / 1000),
        .next_update = WHEN_S(when_s(when_cmp(until, r->not_after) > 0 ? r->not_after : until)),
    };
    return ocsp_sign(s, r, &plan, &a->der);
}

static enum err
sign_rows(struct scope *s, struct batch *b, struct rows *rows)
{
    b->responder = mark_of(b->key->responder);
    b->due = when_add_ms(clock_now(), ocsp_life_ms(b->office) / 2);
    for (size_t i = 0; i < rows->count; i++) {
        struct ahead *a = list_push(s->arena, &b->answers, struct ahead);

        TRY(sign_one(s, b, &rows->at[i], a));
        b->most = a->certificate;
    }
    return OK;
}

/* Answers that are due; *MORE: there may be others. */
static enum err
renew(struct scope *s, struct ca_office *office, const struct ca_key *key, bool *more)
{
    struct batch b = { .office = office, .key = key };
    struct when now = clock_now();
    struct rows rows;

    TRY(db_all(s, office->o.db, &due_answers, BIND(v_int(key->id), v_when(now), v_int(BATCH)),
               &rows));
    *more = rows.count == BATCH;
    if (!rows.count)
        return OK;
    TRY(sign_rows(s, &b, &rows));
    metric_add(&presigned, (double)rows.count, key->cert->subject.text);
    return db_write(s, office->o.db, keep_in, &b);
}

/* Certificates that came since. One that enters late with a lower number is answered when it is
 * asked about. */
static enum err
take_new(struct scope *s, struct ca_office *office, const struct ca_key *key, bool *more)
{
    struct batch b = { .office = office, .key = key };
    struct rows rows;
    struct row row;
    int64_t seen, newest;

    TRY(db_one(s, office->o.db, &seen_to, BIND(v_int(key->id)), &row));
    seen = row_int(&row);
    newest = row_int(&row);
    *more = false;
    if (seen >= newest)
        return OK;
    TRY(db_all(s, office->o.db, &new_certificates,
               BIND(v_int(key->id), v_when(clock_now()), v_int(seen), v_int(BATCH)), &rows));
    *more = rows.count == BATCH;
    TRY(sign_rows(s, &b, &rows));
    metric_add(&presigned, (double)rows.count, key->cert->subject.text);
    b.seen = *more ? b.most : MAX(newest, b.most);
    return db_write(s, office->o.db, keep_in, &b);
}

struct forgetting {
    int64_t ca_key, count;
    bool all;
};

static enum err
forget_in(struct scope *s, struct tx *tx, void *arg)
{
    struct forgetting *f = arg;

    if (f->all)
        return tx_count(s, tx, &forget_some, BIND(v_int(f->ca_key), v_int(BATCH)), &f->count);
    return tx_count(s, tx, &forget_over, BIND(v_int(f->ca_key), v_when(clock_now()), v_int(BATCH)),
                    &f->count);
}

static enum err
forget(struct scope *s, struct ca_office *office, const struct ca_key *key, bool all, bool *more)
{
    struct forgetting f = { key->id, 0, all };

    TRY(db_write(s, office->o.db, forget_in, &f));
    *more = f.count == BATCH;
    return OK;
}

static enum err
tell_lag(struct scope *s, struct ca_office *office, const struct ca_key *key, const char *name)
{
    struct row row;
    int64_t due;

    TRY(db_one(s, office->o.db, &oldest_due, BIND(v_int(key->id)), &row));
    due = row_int(&row);
    metric_set(&lag, due ? (double)MAX(clock_now().ms - due, INT64_C(0)) / 1000 : 0, name);
    return OK;
}

/* One key's turn: what is due first, then what is new, a batch at a time. */
static enum err
one_key(struct ca_office *office, const struct ca_authority *ca, const struct ca_key *key,
        int64_t until_ms)
{
    bool wanted =
        ca->ocsp_presign && key->responder && when_cmp(key->responder->not_after, clock_now()) > 0;
    bool due = wanted, fresh = wanted, old = !ca->ocsp_presign || wanted;

    while ((due || fresh || old) && clock_mono_ms() < until_ms) {
        AUTO(scope_free) struct scope *s = scope_new("ocsp");
        enum err e = OK;

        scope_deadline_in(s, MINUTE_MS);
        if (due)
            e = renew(s, office, key, &due);
        else if (old)
            e = forget(s, office, key, !ca->ocsp_presign, &old);
        else
            e = take_new(s, office, key, &fresh);
        if (e == OK && wanted)
            e = tell_lag(s, office, key, ca->name);
        if (e != OK) {
            log_failure(s, LOG_ERROR, "OCSP answers could not be signed ahead");
            return e;
        }
    }
    return OK;
}

static enum err
ahead_job(struct scope *s, void *app, const struct job *job UNUSED)
{
    struct ca_office *office = *(struct ca_office **)app;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    int64_t until_ms = clock_mono_ms() + RUN_MS;
    enum err worst = OK;

    LIST_EACH(struct ca_key *, k, &snap->keys)
    {
        enum err e =
            (*k)->over ? OK : one_key(office, ca_by_id(snap, (*k)->authority), *k, until_ms);

        worst = e != OK ? e : worst;
    }
    return worst == OK ? OK : fail(s, worst, "not all OCSP answers could be signed ahead");
}

const struct job_kind ocsp_ahead_kind = {
    .kind = "ocsp.ahead",
    .run = ahead_job,
    .every = "60s",
    .serial = "ocsp.ahead",
    .doc = "Sign OCSP answers before anybody asks, for authorities that want it.",
};
