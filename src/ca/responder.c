/* Delegated OCSP responders: their certificates, made in time and replaced in time. */
#include "ca/office_in.h"

#include "audit/audit.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "jobs/jobs.h"
#include "jobs/outbox.h"
#include "pki/tbs.h"
#include "seal/keyring.h"

#define RESPONDER_LIFE_S (60 * INT64_C(86400))
#define BACKDATE_S 3600
#define ROTATE_AFTER_MS 3000 /* unless whoever revoked it has, at once */

SQL(add_responder,
    "INSERT INTO ocsp_responder (ca_key, private_key, certificate, not_before, not_after, der) "
    "VALUES ($1, $2, $3, $4, $5, $6)");

struct appointing {
    const struct ca_key *key;
    const char *name;
    const struct cert *cert;
    int64_t private_key;
};

static enum err
appoint_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct appointing *p = arg;
    struct cert_origin origin = { .authority = p->key->authority,
                                  .ca_key = p->key->id,
                                  .protocol = "internal",
                                  .requester = AUDIT_PROGRAM,
                                  .imported_at = clock_now(),
                                  .state = CERT_ACTIVE };
    int64_t id;

    TRY(catalog_add(s, tx, p->cert, &origin, &id));
    TRY(tx_do(s, tx, &add_responder,
              BIND(v_int(p->key->id), v_int(p->private_key), v_int(id), v_when(p->cert->not_before),
                   v_when(p->cert->not_after), v_bytes(p->cert->der))));
    TRY(audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CA_OCSP_KEY,
            .target = { "certificate", arena_printf(s->arena, "%lld", (long long)id),
                        p->cert->subject.text },
            .message = arena_printf(s->arena, "OCSP responder certificate for %s", p->name),
        }));
    return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, p->key->authority, NULL);
}

static enum err
plan_responder(struct scope *s, const struct ca_key *key, const char *name,
               const struct pubkey *pub, struct bytes *tbs)
{
    uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN), *key_id = arena_alloc(s->arena, SHA1_LEN);
    int64_t from = MAX(when_s(clock_now()) - BACKDATE_S, when_s(key->cert->not_before));
    int64_t end = when_s(key->cert->not_after);
    struct cert_plan plan = { .alg = key->sig_alg,
                              .issuer = key->cert->subject.der,
                              .spki = pub->spki };
    struct list eku = { 0 };

    serial_new(serial);
    pubkey_id(pub, key_id);
    plan.serial = (struct bytes){ serial, SERIAL_LEN };
    plan_validity(&plan, WHEN_S(from), MIN(RESPONDER_LIFE_S, end - from + 1));
    TRY(cn_name(s, arena_printf(s->arena, "OCSP Responder of %s", name), &plan.subject));
    list_add(s->arena, &eku, const char *, OID_EKU_OCSP);
    ext_aki(s, &plan.exts, key->ski);
    ext_ski(s, &plan.exts, (struct bytes){ key_id, SHA1_LEN });
    ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE);
    ext_eku(s, &plan.exts, &eku, false);
    ext_ocsp_nocheck(s, &plan.exts);
    return tbs_build(s, &plan, tbs);
}

static enum err
appoint(struct scope *s, struct ca_office *office, const struct ca_key *key, const char *name)
{
    struct appointing p = { .key = key, .name = name };
    struct lint_context lint = { .kind = LINT_RESPONDER,
                                 .now = clock_now(),
                                 .internal_names = true };
    struct keyring_key signer;
    struct pubkey pub;
    struct bytes tbs, der;
    struct cert cert;

    TRY(keyring_signer(s, office->o.db, office->o.seal,
                       arena_printf(s->arena, "ocsp:%lld", (long long)key->id),
                       (struct key_spec){ .type = KEY_EC, .bits = 256 }, &signer));
    TRY(pubkey_read(s, signer.spki, &pub));
    TRY(plan_responder(s, key, name, &pub, &tbs));
    lint.spki = pub.spki;
    TRY(ca_sign_certificate(s, key, tbs, &lint, &der, &cert));
    p.cert = &cert;
    p.private_key = signer.id;
    return db_write(s, office->o.db, appoint_in, &p);
}

SQL(authority_of_revoked,
    "SELECT k.authority FROM ocsp_responder o JOIN ca_key k ON k.id = o.ca_key "
    "WHERE o.certificate = $1 UNION ALL "
    "SELECT k.authority FROM ca_certificate c JOIN ca_key k ON k.id = c.ca_key "
    "WHERE c.certificate = $1");

enum err
ca_certificate_revoked(struct scope *s, struct tx *tx, int64_t certificate, bool *was_ours)
{
    struct job_spec job = { .kind = ocsp_rotate_kind.kind,
                            .dedupe = "ocsp.rotate:revoked",
                            .run_at = when_add_ms(clock_now(), ROTATE_AFTER_MS) };
    struct row row;
    enum err e = tx_one(s, tx, &authority_of_revoked, BIND(v_int(certificate)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    *was_ours = true;
    TRY(outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, row_int(&row), NULL));
    return job_add(s, tx, &job, NULL);
}

/* A third of its life before the end a new one is due. */
static bool
is_due(const struct ca_key *key, struct when now)
{
    const struct ca_responder *r = key->responder;

    return !r || when_cmp(r->not_before, now) > 0 ||
           r->not_after.ms - now.ms < (r->not_after.ms - r->not_before.ms) / 3;
}

enum err
ocsp_rotate(struct scope *s, struct ca_office *office)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    struct when now = clock_now();
    bool changed = false;
    enum err worst = OK;

    LIST_EACH(struct ca_key *, k, &snap->keys)
    {
        const struct ca_authority *ca = ca_by_id(snap, (*k)->authority);

        if (!(*k)->signer || ((*k)->responder && (*k)->responder->itself) || !is_due(*k, now) ||
            when_cmp((*k)->cert->not_before, now) > 0 || when_cmp((*k)->cert->not_after, now) <= 0)
            continue;
        if (appoint(s, office, *k, ca->name) == OK) {
            changed = true;
            continue;
        }
        worst = note(s, s->error.kind, "making an OCSP responder for %s", ca->name);
        log_failure(s, LOG_ERROR, "no OCSP responder could be made");
    }
    if (changed)
        TRY(ca_office_reload(s, office));
    return worst;
}

static enum err
rotate_job(struct scope *s, void *app, const struct job *job UNUSED)
{
    struct ca_office *office = *(struct ca_office **)app;

    TRY(ca_office_reload(s, office)); /* another server may have been told of a revocation */
    return ocsp_rotate(s, office);
}

const struct job_kind ocsp_rotate_kind = {
    .kind = "ocsp.rotate",
    .run = rotate_job,
    .every = "10m", /* a clock that was set may have made it too new */
    .doc = "Replace OCSP responder certificates that end soon or were revoked.",
};
