/* Certificates and keys of authorities that come from elsewhere. */
#include "base/log.h"
#include "ca/found.h"
#include "ca/order.h"
#include "jobs/jobs.h"
#include "pki/crl.h"
#include "pki/oid.h"
#include <string.h>

#define RSA_LEAST 2048
#define NUMBER_JUMP (INT64_C(1) << 20) /* no number of the old lists comes again */

SQL(set_parent, "UPDATE authority SET parent = $2 WHERE id = $1");
SQL(known_row, "SELECT id FROM ca_certificate WHERE sha256 = $1");
SQL(add_revoked_elsewhere,
    "INSERT INTO signing_journal (issuer_hash, serial, tbs_hash, ca_key, created_at, burnt_at) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING");

struct taking {
    struct ca_office *office;
    struct founding *f;
    struct list chain; /* of struct cert: the authority's, then its issuers */
    const struct ca_snapshot *snap;
    const struct crl *crl; /* NULL: none */
    bool waited;           /* its key is in the register already */
    const struct audit_actor *actor;
};

static enum err
read_chain(struct scope *s, const struct list *ders, struct list *out)
{
    LIST_EACH(struct bytes, der, ders)
    {
        struct cert *c = list_push(s->arena, out, struct cert);

        if (cert_read(s, *der, c) != OK) {
            problem(s, "certificate", CHY_BAD_CERT, "%s", s->error.text);
            return problems_fail(s);
        }
    }
    if (out->count)
        return OK;
    problem(s, "certificate", CHY_MISSING, "there is no certificate");
    return problems_fail(s);
}

/* The rules for a certificate that is to be an authority's (RFC 5280 sections 4.2.1.3, 4.2.1.9). */
static void
check_authority(struct scope *s, const struct cert *c)
{
    struct when now = clock_now();

    if (!c->exts.has_basic || !c->exts.is_ca)
        problem(s, "certificate", CHY_BAD_CERT, "basicConstraints do not say that it is a CA");
    if (!c->exts.has_key_usage || !(c->exts.key_usage & KU_CERT_SIGN))
        problem(s, "certificate", CHY_BAD_CERT, "keyUsage lacks keyCertSign");
    if (!(c->exts.key_usage & KU_CRL_SIGN))
        problem(s, "certificate", CHY_BAD_CERT, "keyUsage lacks cRLSign");
    if (!c->exts.ski.len)
        problem(s, "certificate", CHY_BAD_CERT, "it has no subjectKeyIdentifier");
    if (c->exts.unknown_critical)
        problem(s, "certificate", CHY_BAD_CERT, "it has a critical extension that is not known");
    LIST_EACH(const char *, oid, &c->exts.eku)
    if (text_eq(*oid, OID_EKU_OCSP))
        problem(s, "certificate", CHY_BAD_CERT,
                "its extended key usage makes it an OCSP responder of its issuer");
    if (c->key.type == KEY_RSA && c->key.bits < RSA_LEAST)
        problem(s, "certificate", CHY_BAD_CERT, "its RSA key has %d bits: a CA's has at least %d",
                c->key.bits, RSA_LEAST);
    if (!c->subject.attrs.count) /* RFC 5280 section 4.1.2.6 */
        problem(s, "certificate", CHY_BAD_CERT, "its subject is empty");
    if (when_cmp(c->not_after, now) <= 0)
        problem(s, "certificate", CHY_BAD_CERT, "it is expired");
    if (when_cmp(c->not_before, when_add_ms(now, DAY_MS)) > 0)
        problem(s, "certificate", CHY_BAD_CERT, "it is not valid yet");
}

/* Each is signed by the next; the last by itself or by an authority that is here. */
static void
check_signatures(struct scope *s, const struct taking *t)
{
    int below = 0; /* authorities from this one on down: those, all, that an issuer's limit is of */

    for (size_t i = 0; i < t->chain.count; i++) {
        const struct cert *c = list_at(&t->chain, struct cert, i), *issuer = NULL;

        below += !c->self_issued;

        if (i + 1 < t->chain.count)
            issuer = list_at(&t->chain, struct cert, i + 1);
        else if (c->self_issued)
            issuer = c;
        LIST_EACH(struct ca_key *, k, &t->snap->keys)
        if (!issuer && bytes_eq((*k)->cert->subject.der, c->issuer.der) &&
            (!c->exts.aki.len || bytes_eq((*k)->ski, c->exts.aki)))
            issuer = (*k)->cert;
        if (!issuer && i == 0) {
            problem(s, "certificate", CHY_BAD_CERT, "the certificate of its issuer %s is missing",
                    c->issuer.text);
        } else if (issuer && (!name_same(s->arena, issuer->subject.der, c->issuer.der) ||
                              cert_verify(s, c, &issuer->key) != OK)) {
            problem(s, "certificate", CHY_BAD_CERT, "%s is not signed by %s", c->subject.text,
                    issuer->subject.text);
        } else if (issuer && issuer != c &&
                   (!issuer->exts.is_ca ||
                    (issuer->exts.path_len >= 0 && issuer->exts.path_len < below))) {
            problem(s, "certificate", CHY_BAD_CERT, "%s may not have this authority below it",
                    issuer->subject.text);
        }
    }
}

/* The row of an issuer: it is here, or enters as an authority that signs elsewhere. */
static enum err
issuer_row(struct scope *s, struct tx *tx, struct taking *t, size_t at, int64_t *row_id,
           int64_t *authority)
{
    const struct cert *c;
    struct founding f = { .generation = 1, .driver = "offline" };
    struct row row;
    enum err e;

    *row_id = *authority = 0;
    if (at >= t->chain.count)
        return OK;
    c = list_at(&t->chain, struct cert, at);
    LIST_EACH(struct ca_key *, k, &t->snap->keys)
    if (bytes_eq((*k)->cert->key.spki, c->key.spki)) {
        *row_id = (*k)->cert_row;
        *authority = (*k)->authority;
        return OK;
    }
    e = tx_one(s, tx, &known_row, BIND(v_bytes((struct bytes){ c->sha256, SHA256_LEN })), &row);
    if (e == OK)
        *row_id = row_int(&row);
    if (e != E_NOT_FOUND)
        return e;
    TRY(issuer_row(s, tx, t, at + 1, &f.issuer_row, &f.parent));
    f.cert = *c;
    f.name = name_get(&c->subject, "CN");
    f.name = f.name ? f.name : c->subject.text;
    f.slug = arena_printf(s->arena, "%s-%.8s", slug_of(s->arena, f.name),
                          hex_lower(s->arena, (struct bytes){ c->sha256, 4 }));
    TRY(found_register(s, tx, &f, t->actor));
    *row_id = f.cert_row;
    *authority = f.authority;
    return OK;
}

/* What was revoked elsewhere stays revoked: in the lists, and for OCSP. */
static enum err
carry_over(struct scope *s, struct tx *tx, const struct taking *t)
{
    uint8_t none[SHA256_LEN] = { 0 }, issuer[SHA256_LEN];
    struct span at = { 0 };
    struct crl_entry entry;

    if (!t->crl)
        return OK;
    hash_sha256(t->f->cert.subject.der, issuer);
    while (crl_next(t->crl, &at, &entry))
        TRY(tx_do(s, tx, &add_revoked_elsewhere,
                  BIND(v_bytes((struct bytes){ issuer, SHA256_LEN }), v_bytes(entry.serial),
                       v_bytes((struct bytes){ none, SHA256_LEN }), v_int(t->f->ca_key),
                       v_when(clock_now()), v_when(entry.revoked_at))));
    return OK;
}

static enum err
take_in(struct scope *s, struct tx *tx, void *arg)
{
    struct taking *t = arg;

    if (!t->f->cert.self_issued) {
        if (t->chain.count > 1) {
            TRY(issuer_row(s, tx, t, 1, &t->f->issuer_row, &t->f->parent));
        } else {
            LIST_EACH(struct ca_key *, k, &t->snap->keys)
            if (bytes_eq((*k)->ski, t->f->cert.exts.aki)) {
                t->f->issuer_row = (*k)->cert_row;
                t->f->parent = (*k)->authority;
            }
        }
    }
    if (t->waited && t->f->parent)
        TRY(tx_do(s, tx, &set_parent, BIND(v_int(t->f->authority), v_int(t->f->parent))));
    TRY(t->waited ? found_add_certificate(s, tx, t->f, true, t->actor)
                  : found_register(s, tx, t->f, t->actor));
    TRY(carry_over(s, tx, t));
    return job_add(s, tx,
                   &(struct job_spec){
                       .kind = "ca.adopt",
                       .payload = arena_printf(s->arena, "{\"key\":%lld}", (long long)t->f->ca_key),
                   },
                   NULL);
}

static enum err
take(struct scope *s, struct taking *t)
{
    enum err e = db_write(s, t->office->o.db, take_in, t);

    if (e != OK) {
        found_undo(t->office, t->f);
        return e;
    }
    if (found_finish(s, t->office) != OK) {
        log_failure(s, LOG_ERROR, "a new authority is not complete yet; its jobs go on");
        scope_clear(s);
    }
    jobs_wake();
    return OK;
}

enum err
found_install(struct scope *s, struct ca_office *office, struct founding *f, struct bytes subject,
              const struct list *chain, const struct audit_actor *actor)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    struct taking t = { .office = office, .f = f, .snap = snap, .actor = actor, .waited = true };

    TRY(read_chain(s, chain, &t.chain));
    f->cert = *list_at(&t.chain, struct cert, 0);
    if (!bytes_eq(f->cert.key.spki, signer_public_key(f->signer)))
        problem(s, "certificate", CHY_BAD_CERT, "it is for another key than the one that waits");
    if (!name_same(s->arena, f->cert.subject.der, subject))
        problem(s, "certificate", CHY_BAD_CERT, "its subject %s is not the one asked for",
                f->cert.subject.text);
    check_authority(s, &f->cert);
    check_signatures(s, &t);
    TRY(problems_check(s));
    return take(s, &t);
}

static bool
signed_by(struct scope *s, const struct crl *crl, const struct pubkey *key)
{
    EVP_PKEY *public;

    return pubkey_import(s, key, &public) == OK &&
           key_verify(s, public, sig_alg_of_der(crl->sig_alg), crl->tbs, crl->signature) == OK;
}

/* The last list made elsewhere: whose it is, its number. */
static enum err
read_crl(struct scope *s, const struct ca_import *in, struct taking *t)
{
    struct crl *crl = arena_new_of(s->arena, struct crl);
    const struct cert *c = &t->f->cert;
    struct bytes number;

    if (!in->crl.len) {
        if (in->crl_number < 0)
            problem(s, "crl_number", CHY_MISSING,
                    "give the authority's last CRL, or its number (0: it never made one): numbers "
                    "never go back");
        t->f->crl_number = MAX(in->crl_number, 0);
        return OK;
    }
    if (crl_read(s, in->crl, crl) != OK || !bytes_eq(crl->issuer, c->subject.der) ||
        !signed_by(s, crl, &c->key)) {
        problem(s, "crl", CHY_BAD_VALUE, "it is no CRL of %s", c->subject.text);
        return OK;
    }
    number = crl->number;
    for (size_t i = 0; i < number.len && number.len <= 7; i++)
        t->f->crl_number = t->f->crl_number << 8 | number.data[i];
    if (number.len > 7)
        problem(s, "crl", CHY_BAD_VALUE, "its number is too long");
    t->crl = crl;
    return OK;
}

static enum err
take_key(struct scope *s, struct ca_office *office, const struct ca_import *in, struct founding *f)
{
    f->office = office;
    f->uri = in->key_uri;
    if (!in->key && text_empty(in->key_uri)) {
        problem(s, "key", CHY_MISSING, "there is no private key, and no key_uri that names one");
        return problems_check(s);
    }
    if (!text_empty(in->key_uri) && !text_starts(in->key_uri, "pkcs11:")) {
        problem(s, "key_uri", CHY_BAD_VALUE, "pkcs11:token=T;object=K");
        return problems_check(s);
    }
    if (in->key && !text_empty(in->key_uri)) {
        problem(s, "key_uri", CHY_BAD_VALUE, "a key that comes along is kept in a file of ours");
        return problems_check(s);
    }
    if (in->key) {
        f->uri = arena_printf(s->arena, "file:%s-1.key", f->slug);
        TRY(signer_keep(s, &office->env, f->uri, in->key));
        f->key_made = true;
    }
    TRY(signer_open_known(s, &office->env, f->uri, f->cert.key.spki, &f->signer));
    (void)arena_own(s->arena, f->signer, signer_close);
    f->key.signer = f->signer;
    f->key.sig_alg = signer_preferred(f->signer);
    return signer_health(s, f->signer); /* on a token, too, it must be the certificate's key */
}

enum err
ca_take_over(struct scope *s, struct ca_office *office, const struct ca_import *in,
             const struct audit_actor *actor, int64_t *id)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    struct founding f = { .generation = 1, .offers_enrollment = in->offers_enrollment };
    struct taking t = { .office = office, .f = &f, .snap = snap, .actor = actor };
    enum err e;

    TRY(read_chain(s, &in->chain, &t.chain));
    f.cert = *list_at(&t.chain, struct cert, 0);
    f.name = text_empty(in->name) ? name_get(&f.cert.subject, "CN") : in->name;
    if (text_empty(f.name) || text_code_points(f.name) > 64)
        problem(s, "name", CHY_BAD_VALUE, "a name of 1 to 64 characters is needed");
    check_authority(s, &f.cert);
    check_signatures(s, &t);
    TRY(read_crl(s, in, &t));
    TRY(problems_check(s));
    if (ca_find(snap, f.name))
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                         "there is a certificate authority \"%s\" already", f.name);
    f.slug = slug_of(s->arena, f.name);
    f.subject = f.cert.subject.der;
    f.crl_number += NUMBER_JUMP;
    e = take_key(s, office, in, &f);
    if (e != OK)
        found_undo(office, &f);
    TRY(e);
    TRY(take(s, &t));
    *id = f.authority;
    return OK;
}
