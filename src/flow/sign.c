/* A serial, a signature, a commit. */
#include "flow/passage.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/random.h"
#include "pki/tbs.h"

COUNTER(clashes_total, "chancery_serial_clashes_total", "Serial numbers that were drawn twice.");

#define SERIAL_TRIES 3

/* strict journal: serial and TBS hash are on disk before the key is used. */

SQL(add_intent, "INSERT INTO signing_journal (issuer_hash, serial, tbs_hash, ca_key, created_at, "
                "crl_shard) VALUES ($1, $2, $3, $4, $5, $6)");

struct intent {
    const struct ca_key *key;
    struct bytes serial, tbs;
    int64_t crl_shard;
};

static enum err
intend_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct intent *i = arg;
    uint8_t hash[SHA256_LEN];

    hash_sha256(i->tbs, hash);
    return tx_do(s, tx, &add_intent,
                 BIND(v_bytes(i->key->subject_hash), v_bytes(i->serial),
                      v_bytes((struct bytes){ hash, SHA256_LEN }), v_int(i->key->id),
                      v_when(clock_now()), v_int(i->crl_shard)));
}

/* What the log of signatures does not know from the certificates themselves; for
 * db_write_then(). */
static void
note_entered(struct scope *s, void *const *passages, size_t count)
{
    const struct passage *first = passages[0];
    struct signed_record *all = arena_alloc(s->arena, count * sizeof(*all));

    if (!first->key->log)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct passage *p = passages[i];

        all[i] = (struct signed_record){ .kind = SIGNED_ENTERED,
                                         .id = p->out->certificate_id,
                                         .template_id = p->tmpl->id,
                                         .template_version = p->tmpl->version_id,
                                         .renews = p->in->renews,
                                         .requester = p->in->caller->name,
                                         .protocol = p->in->endpoint,
                                         .revoked_at = WHEN_NONE,
                                         .issuer = hex_lower(s->arena, p->key->subject_hash),
                                         .serial = hex_upper(s->arena, p->out->cert->serial) };
    }
    if (signed_log_add_all(s, first->key->log, all, count) != OK) /* it was said, and the
                                                                     certificates stand */
        scope_clear(s);
}

/* The commit did not happen: it was refused, and not cut off. */
static bool
never_was(enum err e)
{
    return e == E_INVALID || e == E_FORBIDDEN || e == E_NOT_FOUND || e == E_CONFLICT ||
           e == E_LIMIT;
}

/* It was signed, and that is all: a restore must not take it for a certificate that somebody has.
 * The failure stays what it is. */
static void
note_dropped(struct scope *s, const struct passage *p)
{
    struct signed_record r = { .kind = SIGNED_DROPPED, .revoked_at = WHEN_NONE };
    struct error why = s->error;

    r.issuer = hex_lower(s->arena, p->key->subject_hash);
    r.serial = hex_upper(s->arena, p->out->cert->serial);
    log_warn(s, "serial %s was signed and then refused: nobody is given it", r.serial);
    (void)signed_log_add(s, p->key->log, &r); /* what cannot be written, it logs */
    s->error = why;
}

/* One try: a serial, a signature, a commit. */
static enum err
sign_once(struct scope *s, struct passage *p, struct cert *cert)
{
    struct ca_office *office = p->flow->office;
    struct bytes tbs;
    enum err e;

    TRY(tbs_build(s, &p->plan.plan, &tbs));
    if (ca_strict_journal(office))
        TRY(db_write(s, p->flow->db, intend_in,
                     &(struct intent){ p->key, p->plan.plan.serial, tbs, p->plan.crl_shard }));
    passage_step(p, "plan");
    TRY(ca_sign_certificate(s, p->key, tbs, &p->plan.lint, &p->out->der, cert));
    passage_step(p, "sign");
    crash_point("enroll.signed");
    e = db_write_then(s, p->flow->db, passage_issue_in, p, note_entered);
    passage_step(p, "database");
    if (e == OK)
        crash_point("enroll.committed");
    if (!never_was(e)) /* a refusal has its own words */
        return note(s, e, "writing the certificate to the register");
    note_dropped(s, p);
    return e;
}

enum err
passage_sign(struct scope *s, struct passage *p)
{
    struct cert *cert = arena_new_of(s->arena, struct cert);
    uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN);
    enum err e = OK;

    p->plan.plan.serial = (struct bytes){ serial, SERIAL_LEN };
    p->out->cert = cert;
    for (int i = 0; i < SERIAL_TRIES; i++) {
        bool rival;

        serial_new(serial);
        e = sign_once(s, p, cert);
        if (!db_is_unique_conflict(s, e))
            return e;
        scope_clear(s);
        TRY(passage_find_rival(s, p, &rival));
        if (rival)
            return OK;
        metric_add(&clashes_total, 1);
        log_warn(s, "a serial number was drawn twice; drawing anew");
    }
    return fail(s, E_INTERNAL, "%d serial numbers in a row were drawn before", SERIAL_TRIES);
}

enum err
passage_wait(struct scope *s, struct passage *p)
{
    enum err e;
    bool rival;

    p->out->disposition = DISPOSITION_PENDING;
    p->out->message = PASSAGE_WAITS;
    e = db_write(s, p->flow->db, passage_pend_in, p);
    if (!db_is_unique_conflict(s, e))
        return e;
    scope_clear(s);
    TRY(passage_find_rival(s, p, &rival));
    return rival ? OK : fail(s, E_INTERNAL, "a request could not be written twice over");
}
