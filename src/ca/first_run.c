/* The first run: a root, an issuing authority below it, their CRLs and responders. */
#include "ca/office_in.h"

#include "audit/audit.h"
#include "base/fault.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "jobs/outbox.h"
#include "pki/tbs.h"

#define ROOT_LIFE_MS (20 * 365 * DAY_MS)
#define ISSUING_LIFE_MS (10 * 365 * DAY_MS)
#define BACKDATE_S 3600

SQL(count_authorities, "SELECT COUNT(*) FROM authority");
SQL(claim_first_run,
    "INSERT INTO setting (name, value) VALUES ('first_run', $1) ON CONFLICT (name) DO NOTHING "
    "RETURNING name");
SQL(add_authority, "INSERT INTO authority (name, name_folded, slug, driver, parent, "
                   "offers_enrollment, created_at) "
                   "VALUES ($1, $2, $3, 'embedded', $4, $5, $6) RETURNING id");
SQL(add_key,
    "INSERT INTO ca_key (authority, generation, algorithm, spki, key_hash, key_uri, created_at) "
    "VALUES ($1, 1, $2, $3, $4, $5, $6) RETURNING id");
SQL(add_ca_certificate,
    "INSERT INTO ca_certificate (ca_key, certificate, issuer_certificate, sha256, subject_hash, "
    "not_before, not_after, der, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
    "RETURNING id");
SQL(add_scope, "INSERT INTO crl_scope (ca_key, shard) VALUES ($1, 0)");

/* One authority being made. */
struct founding {
    const char *name, *slug, *uri;
    struct signer *signer;
    struct ca_key key; /* as far as signing needs it */
    struct cert cert;
    bool is_root;
    int64_t authority, ca_key, certificate, cert_row;
};

struct first_run {
    struct founding root, issuing;
    const struct audit_actor *actor;
    bool done_by_another;
};

/* A key file that an interrupted first run left behind is taken up. */
static enum err
make_key(struct scope *s, struct ca_office *office, const char *spec, const char *uri,
         struct founding *f)
{
    struct key_spec kind;
    enum err e;

    f->slug = slug_of(s->arena, f->name);
    f->uri = text_empty(uri) ? arena_printf(s->arena, "file:%s-1.key", f->slug) : uri;
    if (!key_spec_parse(spec, &kind))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE, "\"%s\" is no kind of key", spec);
    e = signer_make(s, &office->env, f->uri, kind, &f->signer);
    if (e == E_CONFLICT)
        e = signer_open(s, &office->env, f->uri, &f->signer);
    TRY(note(s, e, "the key of %s", f->name));
    (void)arena_own(s->arena, f->signer, signer_close);
    f->key.signer = f->signer;
    f->key.sig_alg = signer_preferred(f->signer);
    return OK;
}

static void
one(struct scope *s, struct list *l, const char *text)
{
    list_add(s->arena, l, const char *, text);
}

static void
point_to_parent(struct scope *s, struct ca_office *office, const struct founding *parent,
                struct cert_plan *plan)
{
    struct list crl = { 0 }, ocsp = { 0 }, ca = { 0 };

    one(s, &crl, arena_printf(s->arena, "%s/crl/%s-1.crl", office->o.base_url, parent->slug));
    one(s, &ocsp, arena_printf(s->arena, "%s/ocsp/%s", office->o.base_url, parent->slug));
    one(s, &ca, arena_printf(s->arena, "%s/ca/%s-1.cer", office->o.base_url, parent->slug));
    ext_cdp(s, &plan->exts, &crl);
    ext_aia(s, &plan->exts, &ocsp, &ca);
}

static enum err
certify(struct scope *s, struct ca_office *office, struct founding *f, struct founding *parent,
        int64_t life_ms)
{
    uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN), *key_id = arena_alloc(s->arena, SHA1_LEN);
    struct founding *issuer = parent ? parent : f;
    struct lint_context lint = { .kind = parent ? LINT_SUB_CA : LINT_ROOT,
                                 .now = clock_now(),
                                 .internal_names = true };
    struct cert_plan plan = { .alg = issuer->key.sig_alg, .spki = signer_public_key(f->signer) };
    int64_t from = when_s(clock_now()) - BACKDATE_S;
    struct pubkey pub;
    struct bytes tbs, der;

    serial_new(serial);
    plan.serial = (struct bytes){ serial, SERIAL_LEN };
    TRY(pubkey_read(s, plan.spki, &pub));
    TRY(pubkey_import(s, &pub, &f->key.public_key));
    pubkey_id(&pub, key_id);
    TRY(cn_name(s, f->name, &plan.subject));
    plan.issuer = parent ? parent->cert.subject.der : plan.subject;
    if (parent)
        from = MAX(from, when_s(parent->cert.not_before));
    plan_validity(&plan, WHEN_S(from), life_ms / 1000);
    if (parent)
        ext_aki(s, &plan.exts, parent->cert.exts.ski);
    ext_ski(s, &plan.exts, (struct bytes){ key_id, SHA1_LEN });
    ext_key_usage(s, &plan.exts, KU_CERT_SIGN | KU_CRL_SIGN);
    ext_ca(s, &plan.exts, parent ? 0 : -1);
    if (parent)
        point_to_parent(s, office, parent, &plan);
    TRY(tbs_build(s, &plan, &tbs));
    lint.spki = plan.spki;
    TRY(ca_sign_certificate(s, &issuer->key, tbs, &lint, &der, &f->cert));
    f->key.cert = &f->cert;
    return lint_issuer_read(s, s->arena, der, &f->key.lint);
}

static enum err
register_one(struct scope *s, struct tx *tx, struct founding *f, const struct founding *parent,
             const struct audit_actor *actor)
{
    struct when now = clock_now();
    struct cert_origin origin = {
        .protocol = "internal", .requester = "chancery", .imported_at = now, .state = CERT_CA
    };
    uint8_t subject_hash[SHA256_LEN];
    struct row row;

    hash_sha256(f->cert.subject.der, subject_hash);
    TRY(tx_one(s, tx, &add_authority,
               BIND(v_text(f->name), v_text(text_fold(s->arena, f->name)), v_text(f->slug),
                    v_id(parent ? parent->authority : 0), v_bool(!f->is_root), v_when(now)),
               &row));
    f->authority = row_int(&row);
    TRY(tx_one(s, tx, &add_key,
               BIND(v_int(f->authority), v_text(sig_alg_info(f->key.sig_alg)->name),
                    v_bytes(f->cert.key.spki),
                    v_bytes((struct bytes){ f->cert.key.sha256, SHA256_LEN }), v_text(f->uri),
                    v_when(now)),
               &row));
    f->ca_key = row_int(&row);
    origin.authority = parent ? parent->authority : f->authority;
    origin.ca_key = parent ? parent->ca_key : f->ca_key;
    TRY(catalog_add(s, tx, &f->cert, &origin, &f->certificate));
    TRY(tx_one(s, tx, &add_ca_certificate,
               BIND(v_int(f->ca_key), v_int(f->certificate), v_id(parent ? parent->cert_row : 0),
                    v_bytes((struct bytes){ f->cert.sha256, SHA256_LEN }),
                    v_bytes((struct bytes){ subject_hash, SHA256_LEN }), v_when(f->cert.not_before),
                    v_when(f->cert.not_after), v_bytes(f->cert.der), v_when(now)),
               &row));
    f->cert_row = row_int(&row);
    TRY(tx_do(s, tx, &add_scope, BIND(v_int(f->ca_key))));
    TRY(audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CA_CREATE,
            .actor = actor,
            .target = { "ca", arena_printf(s->arena, "%lld", (long long)f->authority), f->name },
        }));
    return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, f->authority, NULL);
}

static enum err
register_in(struct scope *s, struct tx *tx, void *arg)
{
    struct first_run *run = arg;
    struct row row;
    enum err e =
        tx_one(s, tx, &claim_first_run, BIND(v_text(when_rfc3339(s->arena, clock_now()))), &row);

    run->done_by_another = e == E_NOT_FOUND;
    if (run->done_by_another)
        return OK;
    TRY(e);
    TRY(register_one(s, tx, &run->root, NULL, run->actor));
    return register_one(s, tx, &run->issuing, &run->root, run->actor);
}

static enum err
found(struct scope *s, struct ca_office *office, const struct audit_actor *actor)
{
    const char *name = office->o.name ? office->o.name : "Chancery";
    struct first_run run = { .actor = actor };

    if (text_code_points(name) > 40)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "the authorities' name is longer than 40 characters");
    run.root.is_root = true;
    run.root.name = arena_printf(s->arena, "%s Root CA", name);
    run.issuing.name = arena_printf(s->arena, "%s Issuing CA 1", name);
    TRY(make_key(s, office, office->o.root_key ? office->o.root_key : "ec-p384",
                 office->o.root_key_uri, &run.root));
    TRY(make_key(s, office, office->o.issuing_key ? office->o.issuing_key : "ec-p256",
                 office->o.issuing_key_uri, &run.issuing));
    crash_point("ca.first_run.keys");
    TRY(certify(s, office, &run.root, NULL,
                office->o.root_life_ms ? office->o.root_life_ms : ROOT_LIFE_MS));
    TRY(certify(s, office, &run.issuing, &run.root,
                office->o.issuing_life_ms ? office->o.issuing_life_ms : ISSUING_LIFE_MS));
    TRY(db_write(s, office->o.db, register_in, &run));
    TRY(ca_office_reload(s, office));
    if (!run.done_by_another)
        log_info(s, "made %s and %s", run.root.name, run.issuing.name);
    return OK;
}

/* The first CRLs: at once, so that addresses in certificates are never without one. */
static enum err
first_crls(struct scope *s, struct ca_office *office)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);

    LIST_EACH(struct ca_key *, k, &snap->keys)
    {
        struct crl_published have;
        enum err e;

        if (!(*k)->signer)
            continue;
        e = crl_current(s, office, *k, &have);
        if (e == E_NOT_FOUND)
            e = crl_publish(s, office, (*k)->crl_scope);
        if (e != OK && e != E_CONFLICT) /* conflict: another server published it */
            return e;
        scope_clear(s);
    }
    return OK;
}

enum err
ca_first_run(struct scope *s, struct ca_office *office, const struct audit_actor *actor)
{
    struct row row;

    TRY(db_one(s, office->o.db, &count_authorities, BIND_NONE, &row));
    if (row_int(&row) == 0) {
        TRY(found(s, office, actor));
        TRY(ocsp_rotate(s, office));
        return first_crls(s, office);
    }
    if (first_crls(s, office) != OK) { /* "crl.plan" goes on trying */
        log_failure(s, LOG_ERROR, "a first CRL could not be published");
        scope_clear(s);
    }
    return OK;
}
