/* What every new key of an authority goes through. */
#include "ca/found.h"

#include "audit/audit.h"
#include "base/log.h"
#include "base/random.h"
#include "ca/lists.h"
#include "catalog/catalog.h"
#include "db/seen.h"
#include "jobs/outbox.h"
#include "pki/tbs.h"

#define BACKDATE_S 3600

SQL(add_authority,
    "INSERT INTO authority (name, name_folded, slug, driver, parent, offers_enrollment, enabled, "
    "state, created_at, settings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id");
SQL(add_key,
    "INSERT INTO ca_key (authority, generation, algorithm, spki, key_hash, key_uri, state, "
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id");
SQL(add_ca_certificate,
    "INSERT INTO ca_certificate (ca_key, certificate, issuer_certificate, sha256, subject_hash, "
    "not_before, not_after, der, preferred, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id");
SQL(add_scope, "INSERT INTO crl_scope (ca_key, shard, number, file) VALUES ($1, 0, $2, $3)");
SQL(shards_wanted, "SELECT crl_shards FROM authority WHERE id = $1");
SQL(retire_older, "UPDATE ca_key SET state = 2 WHERE authority = $1 AND id <> $2 AND state = 1");
SQL(activate, "UPDATE authority SET state = 1, version = version + 1 WHERE id = $1");
SQL(known_certificate, "SELECT id FROM certificate WHERE sha256 = $1");

static const char *
number_text(struct scope *s, int64_t n)
{
    return arena_printf(s->arena, "%lld", (long long)n);
}

enum err
found_key(struct scope *s, struct ca_office *office, const char *kind, bool take_up,
          struct founding *f)
{
    struct key_spec spec;
    uint8_t mark[4];
    enum err e;

    bool ours = text_empty(f->uri);

    f->office = office;
    if (ours)
        f->uri = arena_printf(s->arena, "file:%s-%lld.key", f->slug, (long long)f->generation);
    if (!key_spec_parse(kind, &spec))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE, "\"%.64s\" is no kind of key", kind);
    e = signer_make(s, &office->env, f->uri, spec, &f->signer);
    if (e == E_CONFLICT && ours && !take_up) {
        /* A crash cut an order short. Or another is under way: then the register refuses one. */
        scope_clear(s);
        random_bytes(mark, sizeof(mark));
        f->uri = arena_printf(s->arena, "file:%s-%lld-%s.key", f->slug, (long long)f->generation,
                              hex_lower(s->arena, (struct bytes){ mark, sizeof(mark) }));
        e = signer_make(s, &office->env, f->uri, spec, &f->signer);
    }
    f->key_made = e == OK;
    if (e == E_CONFLICT && take_up)
        e = signer_open(s, &office->env, f->uri, &f->signer);
    TRY(note(s, e, "the key of %s", f->name));
    (void)arena_own(s->arena, f->signer, signer_close);
    f->key.signer = f->signer;
    f->key.sig_alg = signer_preferred(f->signer);
    return OK;
}

void
found_undo(struct ca_office *office, const struct founding *f)
{
    AUTO(scope_free) struct scope *s = scope_new("ca");

    if (f->key_made && signer_destroy(s, &office->env, f->uri) != OK)
        log_failure(s, LOG_WARN, "a key that was made for nothing stays");
}

static void
one(struct scope *s, struct list *l, const char *text)
{
    list_add(s->arena, l, const char *, text);
}

static void
point_to(struct scope *s, const struct ca_key *issuer, struct cert_plan *plan)
{
    struct list crl = { 0 }, ocsp = { 0 }, ca = { 0 };

    one(s, &crl, issuer->crl_url);
    one(s, &ocsp, issuer->ocsp_url);
    one(s, &ca, issuer->ca_url);
    ext_cdp(s, &plan->exts, &crl);
    ext_aia(s, &plan->exts, &ocsp, &ca);
}

/* When the first of the issuer and what stands above it ends. */
static struct when
end_of(const struct ca_key *issuer)
{
    struct when own = issuer->cert->not_after;
    bool is_sooner = issuer->chain_ends.ms && when_cmp(issuer->chain_ends, own) < 0;

    return is_sooner ? issuer->chain_ends : own; /* unknown of one that is being made */
}

/* Inside the life of the issuer, and of all that stands above it. */
static enum err
plan_life(struct scope *s, const struct ca_key *issuer, const struct found_terms *terms,
          struct cert_plan *plan)
{
    int64_t from = when_s(clock_now()) - BACKDATE_S, seconds = terms->life_ms / 1000;

    if (issuer) {
        int64_t end = when_s(end_of(issuer));

        from = MAX(from, when_s(issuer->cert->not_before));
        if (from + seconds - 1 > end && terms->exact) {
            problem(s, "life", CHY_BAD_VALUE, "the issuer %s%s ends before: %s",
                    issuer->cert->subject.text,
                    end < when_s(issuer->cert->not_after) ? ", or what stands above it," : "",
                    when_rfc3339(s->arena, end_of(issuer)));
            return problems_check(s);
        }
        seconds = MIN(seconds, end - from + 1);
    }
    if (seconds <= 0)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE, "the issuer is over");
    plan_validity(plan, WHEN_S(from), seconds);
    return OK;
}

unsigned
ca_key_usage(const struct ca_office *office)
{
    return KU_CERT_SIGN | KU_CRL_SIGN | (office->o.ocsp_itself ? KU_DIGITAL_SIGNATURE : 0);
}

enum err
found_certify(struct scope *s, struct ca_office *office, struct founding *f,
              const struct found_terms *terms)
{
    uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN), *key_id = arena_alloc(s->arena, SHA1_LEN);
    const struct ca_key *issuer = f->issuer;
    bool link = issuer && bytes_eq(f->subject, issuer->cert->subject.der);
    struct lint_context lint = { .kind = link     ? LINT_LINK
                                         : issuer ? LINT_SUB_CA
                                                  : LINT_ROOT,
                                 .now = clock_now(),
                                 .internal_names = true };
    struct cert_plan plan = { .alg = issuer ? issuer->sig_alg : f->key.sig_alg,
                              .spki = signer_public_key(f->signer),
                              .subject = f->subject };
    struct bytes tbs, der;
    struct pubkey pub;
    EVP_PKEY *public;

    serial_new(serial);
    plan.serial = (struct bytes){ serial, SERIAL_LEN };
    TRY(pubkey_read(s, plan.spki, &pub));
    TRY(pubkey_import(s, &pub, &public));
    f->key.verifier = arena_own(s->arena, verifier_new(public), verifier_unref);
    pubkey_id(&pub, key_id);
    plan.issuer = issuer ? issuer->cert->subject.der : plan.subject;
    TRY(plan_life(s, issuer, terms, &plan));
    if (issuer)
        ext_aki(s, &plan.exts, issuer->cert->exts.ski);
    ext_ski(s, &plan.exts, (struct bytes){ key_id, SHA1_LEN });
    ext_key_usage(s, &plan.exts, ca_key_usage(office));
    ext_ca(s, &plan.exts, terms->path_len);
    if (terms->like)
        ext_like(s, &plan.exts, terms->like);
    else if (terms->permitted && terms->excluded)
        TRY(ext_name_constraints(s, &plan.exts, terms->permitted, terms->excluded));
    if (issuer)
        point_to(s, issuer, &plan);
    TRY(tbs_build(s, &plan, &tbs));
    lint.spki = plan.spki;
    TRY(ca_sign_certificate(s, issuer ? issuer : &f->key, tbs, &lint, &der, &f->cert));
    f->key.cert = &f->cert;
    f->key.ski = f->cert.exts.ski;
    return lint_issuer_read(s, s->arena, der, &f->key.lint);
}

static enum err
add_to_register(struct scope *s, struct tx *tx, struct founding *f)
{
    struct cert_origin origin = { .protocol = "internal",
                                  .requester = AUDIT_PROGRAM,
                                  .imported_at = clock_now(),
                                  .state = CERT_CA };
    struct row row;
    enum err e = tx_one(s, tx, &known_certificate,
                        BIND(v_bytes((struct bytes){ f->cert.sha256, SHA256_LEN })), &row);

    if (e == OK)
        f->certificate = row_int(&row); /* found before, by whomever */
    if (e != E_NOT_FOUND)
        return e;
    origin.authority = f->issuer ? f->issuer->authority : f->authority;
    origin.ca_key = f->issuer ? f->issuer->id : f->cert.self_issued ? f->ca_key : 0;
    return catalog_add(s, tx, &f->cert, &origin, &f->certificate);
}

enum err
found_add_certificate(struct scope *s, struct tx *tx, struct founding *f, bool preferred,
                      const struct audit_actor *actor)
{
    uint8_t subject_hash[SHA256_LEN];
    struct row row;

    hash_sha256(f->cert.subject.der, subject_hash);
    TRY(add_to_register(s, tx, f));
    TRY(tx_one(s, tx, &add_ca_certificate,
               BIND(v_int(f->ca_key), v_int(f->certificate), v_id(f->issuer_row),
                    v_bytes((struct bytes){ f->cert.sha256, SHA256_LEN }),
                    v_bytes((struct bytes){ subject_hash, SHA256_LEN }), v_when(f->cert.not_before),
                    v_when(f->cert.not_after), v_bytes(f->cert.der), v_bool(preferred),
                    v_when(clock_now())),
               &row));
    f->cert_row = row_int(&row);
    TRY(audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CA_CERTIFICATE_ISSUE,
            .actor = actor,
            .target = { "certificate", number_text(s, f->certificate), f->cert.subject.text },
            .message = arena_printf(s->arena, "for %s", f->name),
        }));
    if (!preferred)
        return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, f->authority, NULL);
    TRY(tx_do(s, tx, &retire_older, BIND(v_int(f->authority), v_int(f->ca_key))));
    TRY(tx_do(s, tx, &activate, BIND(v_int(f->authority))));
    return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, f->authority, NULL);
}

static enum err
register_authority(struct scope *s, struct tx *tx, struct founding *f,
                   const struct audit_actor *actor)
{
    bool offline = text_eq(f->driver, "offline");
    struct row row;
    enum err e;

    f->authority = f->existing;
    if (f->existing)
        return OK;
    e = tx_one(s, tx, &add_authority,
               BIND(v_text(f->name), v_text(text_fold(s->arena, f->name)), v_text(f->slug),
                    v_text(f->driver ? f->driver : "embedded"), v_id(f->parent),
                    v_bool(f->offers_enrollment), v_bool(!offline), v_int(f->cert.der.len ? 1 : 0),
                    v_when(clock_now()), v_text("{}")),
               &row);
    if (db_is_unique_conflict(s, e)) {
        scope_clear(s);
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                         "there is a certificate authority \"%s\" already, or one whose addresses "
                         "would be the same",
                         f->name);
    }
    TRY(e);
    f->authority = row_int(&row);
    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = AUDIT_CA_CREATE,
                         .actor = actor,
                         .target = { "ca", number_text(s, f->authority), f->name },
                     });
}

/* The lists that the new key will have: the whole one, and the parts that the authority wants. */
static enum err
add_scopes(struct scope *s, struct tx *tx, struct founding *f)
{
    struct ca_key key = { .id = f->ca_key, .generation = f->generation };
    struct row row;
    int64_t shards, ignored;
    enum err e;

    ca_key_addresses(s->arena, f->office, f->slug, &key);
    e = tx_do(s, tx, &add_scope,
              BIND(v_int(f->ca_key), v_int(f->crl_number), v_text(key.crl_file)));
    if (db_is_unique_conflict(s, e)) {
        scope_clear(s);
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                         "the address %s is that of another authority's list", key.crl_file);
    }
    TRY(e);
    TRY(tx_one(s, tx, &shards_wanted, BIND(v_int(f->authority)), &row));
    shards = row_int(&row);
    for (int64_t shard = 1; shard <= shards; shard++)
        TRY(ca_shard_scope(s, tx, &key, shard, NULL, &ignored));
    return OK;
}

enum err
found_register(struct scope *s, struct tx *tx, struct founding *f, const struct audit_actor *actor)
{
    bool offline = text_eq(f->driver, "offline");
    struct pubkey pub;
    struct row row;
    enum err e;

    TRY(register_authority(s, tx, f, actor));
    TRY(pubkey_read(s, f->signer ? signer_public_key(f->signer) : f->cert.key.spki, &pub));
    tx_seen(tx, (struct bytes){ pub.sha256, SHA256_LEN });
    e = tx_one(s, tx, &add_key,
               BIND(v_int(f->authority), v_int(f->generation),
                    v_text(f->signer ? sig_alg_info(f->key.sig_alg)->name : ""), v_bytes(pub.spki),
                    v_bytes((struct bytes){ pub.sha256, SHA256_LEN }), v_text(f->uri ? f->uri : ""),
                    v_int(offline ? KEY_OVER : KEY_ACTIVE), v_when(clock_now())),
               &row);
    if (db_is_unique_conflict(s, e)) {
        scope_clear(s);
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                         "this key belongs to a certificate authority already");
    }
    TRY(e);
    f->ca_key = row_int(&row);
    if (!offline)
        TRY(add_scopes(s, tx, f));
    TRY(audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CA_KEY_CREATE,
            .actor = actor,
            .target = { "ca", number_text(s, f->authority), f->name },
            .message = arena_printf(s->arena, "generation %lld: %s", (long long)f->generation,
                                    f->uri ? f->uri : "outside"),
        }));
    if (f->cert.der.len)
        return found_add_certificate(s, tx, f, true, actor);
    return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, f->authority, NULL);
}

static enum err
first_crl(struct scope *s, struct ca_office *office, int64_t scope_id)
{
    enum err e = crl_publish(s, office, scope_id);

    if (e == E_CONFLICT) { /* another server published it */
        scope_clear(s);
        return OK;
    }
    return e;
}

/* The first CRLs: at once, so that addresses in certificates are never without one. */
static enum err
first_crls(struct scope *s, struct ca_office *office)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);

    bool parts = false;

    LIST_EACH(struct ca_key *, k, &snap->keys)
    {
        struct crl_published have;
        enum err e;

        if (!(*k)->signer || !(*k)->crl_scope)
            continue;
        e = crl_current(s, office, *k, &have);
        TRY(e == E_NOT_FOUND ? first_crl(s, office, (*k)->crl_scope) : e);
        LIST_EACH(struct ca_shard, shard, &(*k)->shards)
        if (!shard->published) {
            TRY(first_crl(s, office, shard->scope));
            parts = true;
        }
    }
    return parts ? ca_office_reload(s, office) : OK; /* from now on certificates name them */
}

enum err
found_finish(struct scope *s, struct ca_office *office)
{
    enum err e = ca_office_reload(s, office);

    if (e == OK)
        e = ocsp_rotate(s, office);
    if (e == OK)
        e = first_crls(s, office);
    return e;
}
