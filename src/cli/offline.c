/* An authority that never meets a network: keys and certificates in files, no server. */
#include "cli/offline.h"

#include "pki/crl.h"
#include "pki/csr.h"
#include "pki/pem.h"
#include "seal/private_file.h"
#include <string.h>
#include <unistd.h>

#define FILE_MAX_LEN ((size_t)16 << 20)
#define LIFE_S (INT64_C(86400) * 365)
#define BACKDATE_S 3600

static enum err
need(struct cli *c, const char *flag, const char **out)
{
    *out = cli_text(c, flag);
    return *out ? OK : fail_code(c->s, E_INVALID, CHY_USAGE, "--%s is needed", flag);
}

enum err
offline_open(struct cli *c, struct bytes cert_der, struct bytes key_pem,
             const struct secret *password, const char *const names[2], struct offline *out)
{
    struct bytes spki;
    struct key_spec spec;

    TRY(note(c->s, cert_read(c->s, cert_der, &out->cert), "%s", names[0]));
    TRY(note(c->s, key_from_pem(c->s, key_pem, password, &out->key), "%s", names[1]));
    TRY(key_spki(c->s, out->key, &spki));
    if (!bytes_eq(spki, out->cert.key.spki))
        return fail(c->s, E_INVALID, "the key in %s is not that of the certificate in %s", names[1],
                    names[0]);
    spec = key_spec_of(out->key);
    out->alg = sig_alg_for(spec.type, spec.bits);
    return OK;
}

static enum err
read_offline(struct cli *c, struct offline *o)
{
    AUTO(secret_free) struct secret *password = NULL;
    const char *ca, *key;
    struct list certs = { 0 };
    struct bytes text;

    TRY(need(c, "ca", &ca));
    TRY(need(c, "key", &key));
    TRY(read_input(c, ca, FILE_MAX_LEN, &text));
    TRY(note(c->s, pem_read_certs(c->s, text, &certs), "%s", ca));
    if (!certs.count)
        return fail(c->s, E_INVALID, "%s holds no certificate", ca);
    TRY(read_password(c, "password-file", "Passphrase of the key", &password));
    TRY(read_input(c, key, FILE_MAX_LEN, &text));
    return offline_open(c, *list_at(&certs, struct bytes, 0), text, password,
                        (const char *const[]){ ca, key }, o);
}

/* A certificate or list takes the place of nothing that it is made of. */
static enum err
offline_out_ready(struct cli *c)
{
    TRY(places_differ(c, (const char *const[]){ "out", "key", "ca", "password-file", NULL }, 1));
    return out_ready(c, cli_text(c, "out"), OUT_PUBLIC);
}

static int64_t
life_of(struct cli *c, int64_t usual_s)
{
    return cli_duration(c, "duration", usual_s * 1000) / 1000;
}

static enum err
check_tbs(struct cli *c, struct bytes tbs, const struct offline *o, enum lint_kind kind,
          struct bytes spki)
{
    struct lint_context context = { .kind = kind,
                                    .sig_alg = sig_alg_info(o->alg)->der,
                                    .spki = spki,
                                    .now = clock_now(),
                                    .internal_names = true };
    struct list findings = { 0 };

    if (kind != LINT_ROOT)
        TRY(lint_issuer_read(c->s, c->s->arena, o->cert.der, &context.issuer));
    lint_tbs(c->s, tbs, &context, &findings);
    if (lint_worst(&findings) < LINT_ERROR)
        return OK;
    return fail_code(c->s, E_INVALID, CHY_LINT_FAILED, "the certificate would break a rule: %s",
                     lint_summary(c->s, &findings, LINT_ERROR));
}

enum err
offline_certify(struct cli *c, const struct offline *o, const struct cert_plan *plan,
                enum lint_kind kind, struct bytes *tbs_out, struct bytes *der)
{
    struct bytes tbs, signature;

    TRY(tbs_build(c->s, plan, &tbs));
    TRY(check_tbs(c, tbs, o, kind, plan->spki));
    if (tbs_out)
        *tbs_out = tbs;
    if (!der)
        return OK;
    TRY(key_sign(c->s, o->key, o->alg, tbs, &signature));
    TRY(key_verify(c->s, o->key, o->alg, tbs, signature));
    return cert_assemble(c->s, tbs, o->alg, signature, der);
}

/* Sign, and write the certificate. */
static enum err
issue(struct cli *c, const struct offline *o, const struct cert_plan *plan, enum lint_kind kind,
      const char *out)
{
    struct bytes der;

    TRY(offline_certify(c, o, plan, kind, NULL, &der));
    return write_out(c, out, bytes_of_text(pem_text(c->s->arena, PEM_CERT, der)), OUT_PUBLIC);
}

void
offline_serial(struct cli *c, struct cert_plan *plan)
{
    uint8_t *serial = arena_alloc(c->s->arena, SERIAL_LEN);

    serial_new(serial);
    plan->serial = (struct bytes){ serial, SERIAL_LEN };
}

enum err
run_offline_init(struct cli *c)
{
    AUTO(secret_free) struct secret *password = NULL;
    AUTO(secret_free) struct secret *pem = NULL;
    const char *key_out, *out, *kind = cli_text(c, "key-type");
    uint8_t *key_id = arena_alloc(c->s->arena, SHA1_LEN);
    struct cert_plan plan = { 0 };
    struct offline o = { 0 };
    struct key_spec spec;
    struct pubkey pub;
    enum err e;

    TRY(need(c, "out", &out));
    TRY(need(c, "key-out", &key_out));
    TRY(places_differ(c, (const char *const[]){ "out", "key-out", "password-file", NULL }, 2));
    TRY(key_ready(c, key_out, NULL));
    TRY(out_ready(c, out, OUT_PUBLIC));
    if (!key_spec_parse(kind ? kind : "ec-p384", &spec))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\" is no kind of key", kind);
    if (strchr(cli_arg(c, 0), '='))
        TRY(name_from_text(c->s, cli_arg(c, 0), &plan.subject));
    else
        TRY(name_from_text(c->s, arena_printf(c->s->arena, "CN=%s", cli_arg(c, 0)), &plan.subject));
    TRY(read_password(c, "password-file", "New passphrase of the key", &password));
    TRY(key_generate(c->s, spec, &o.key));
    TRY(key_spki(c->s, o.key, &plan.spki));
    TRY(pubkey_read(c->s, plan.spki, &pub));
    pubkey_id(&pub, key_id);
    o.alg = plan.alg = sig_alg_for(spec.type, spec.bits);
    plan.issuer = plan.subject;
    offline_serial(c, &plan);
    plan_validity(&plan, WHEN_S(when_s(clock_now()) - BACKDATE_S), life_of(c, 20 * LIFE_S));
    ext_ski(c->s, &plan.exts, (struct bytes){ key_id, SHA1_LEN });
    ext_key_usage(c->s, &plan.exts, KU_CERT_SIGN | KU_CRL_SIGN);
    ext_ca(c->s, &plan.exts, (int)cli_number(c, "path-len", -1));
    TRY(key_to_pem(c->s, o.key, password, &pem));
    e = text_eq(key_out, "-") ? print_bytes(c, secret_bytes(pem))
                              : private_file_write(c->s, key_out, secret_bytes(pem), false);
    TRY(note(c->s, e, "the key of an authority takes no other file's place"));
    TRY(issue(c, &o, &plan, LINT_ROOT, out));
    say(c, "keep %s and its passphrase apart from each other, and off every network", key_out);
    return OK;
}

/* What narrows an authority is taken from its request; what gives it more, its operator says. */
static void
as_asked(struct cli *c, const struct exts *asked, const char *oid, struct list *exts)
{
    const struct ext *e = exts_get(asked, oid);

    if (e)
        ext_add(c->s, exts, oid, e->critical || text_eq(oid, OID_NAME_CONSTRAINTS), e->value);
}

enum err
run_offline_sign(struct cli *c)
{
    uint8_t *key_id = arena_alloc(c->s->arena, SHA1_LEN);
    struct list permitted = cli_texts(c, "permitted-dns"), excluded = cli_texts(c, "excluded-dns");
    struct list crl = cli_texts(c, "crl-url"), ca = cli_texts(c, "ca-issuers-url"), none = { 0 };
    const char *out = cli_text(c, "out");
    struct cert_plan plan = { 0 };
    struct offline o = { 0 };
    struct bytes text, der;
    struct csr csr;
    int64_t from;

    TRY(offline_out_ready(c));
    TRY(read_input(c, cli_arg(c, 0), FILE_MAX_LEN, &text));
    TRY(csr_decode(c->s, text, &der));
    TRY(csr_read(c->s, der, &csr));
    TRY(csr_verify(c->s, &csr));
    if (!csr.exts.is_ca)
        return fail(c->s, E_INVALID, "the request is not an authority's: see chancery ca csr");
    TRY(read_offline(c, &o));
    from = MAX(when_s(clock_now()) - BACKDATE_S, when_s(o.cert.not_before));
    plan.alg = o.alg;
    plan.issuer = o.cert.subject.der;
    plan.subject = csr.subject.der;
    plan.spki = csr.key.spki;
    offline_serial(c, &plan);
    plan_validity(&plan, WHEN_S(from),
                  MIN(life_of(c, 10 * LIFE_S), when_s(o.cert.not_after) - from + 1));
    pubkey_id(&csr.key, key_id);
    ext_aki(c->s, &plan.exts, o.cert.exts.ski);
    ext_ski(c->s, &plan.exts, (struct bytes){ key_id, SHA1_LEN });
    ext_key_usage(c->s, &plan.exts, KU_CERT_SIGN | KU_CRL_SIGN);
    ext_ca(c->s, &plan.exts, (int)cli_number(c, "path-len", 0));
    TRY(ext_name_constraints(c->s, &plan.exts, &permitted, &excluded));
    if (!permitted.count && !excluded.count)
        as_asked(c, &csr.exts, OID_NAME_CONSTRAINTS, &plan.exts);
    as_asked(c, &csr.exts, OID_EKU, &plan.exts);
    if (crl.count)
        ext_cdp(c->s, &plan.exts, &crl);
    ext_aia(c->s, &plan.exts, &none, &ca);
    return issue(c, &o, &plan, LINT_SUB_CA, out ? out : "-");
}

/* The file OUT may hold an earlier list of this authority, but none of the number or a higher one:
 * who has read that would take the new one for older. */
static enum err
check_number(struct cli *c, const char *out, const struct crl_plan *plan)
{
    struct list blocks = { 0 };
    struct bytes text;
    struct crl held;
    int64_t number = 0;

    if (!out || is_device(out) || access(out, R_OK) != 0 ||
        read_input(c, out, FILE_MAX_LEN, &text) != OK || pem_read(c->s, text, &blocks) != OK ||
        !blocks.count || crl_read(c->s, list_at(&blocks, struct pem_block, 0)->data, &held) != OK ||
        !bytes_eq(held.issuer, plan->issuer)) {
        scope_clear(c->s);
        return OK;
    }
    for (size_t i = 0; i < held.number.len; i++)
        number = held.number.len > 7 ? INT64_MAX : number << 8 | held.number.data[i];
    return number < plan->number
               ? OK
               : fail(c->s, E_CONFLICT,
                      "%s holds this authority's list %lld: --number must be higher", out,
                      (long long)number);
}

enum err
run_offline_crl(struct cli *c)
{
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(FILE_MAX_LEN);
    struct list serials = cli_texts(c, "revoked");
    const char *out = cli_text(c, "out"), *number;
    struct bytes tbs, signature, der;
    struct when now = clock_now();
    struct crl_plan plan = { .expired_since = WHEN_NONE };
    struct offline o = { 0 };

    TRY(need(c, "number", &number));
    TRY(offline_out_ready(c));
    TRY(read_offline(c, &o));
    LIST_EACH(const char *, serial, &serials)
    {
        struct crl_entry entry = { .revoked_at = now, .invalid_since = WHEN_NONE };

        if (!hex_decode(c->s->arena, *serial, &entry.serial))
            return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\" is no serial number in hex",
                             *serial);
        TRY(crl_builder_add(c->s, b, &entry));
    }
    plan.issuer = o.cert.subject.der;
    plan.key_id = o.cert.exts.ski;
    plan.sig_alg = sig_alg_info(o.alg)->der;
    plan.number = cli_number(c, "number", 0);
    TRY(check_number(c, out, &plan));
    plan.this_update = WHEN_S(MAX(when_s(now) - 300, when_s(o.cert.not_before)));
    plan.next_update = WHEN_S(when_s(now) + life_of(c, LIFE_S));
    TRY(crl_builder_tbs(c->s, b, &plan, &tbs));
    TRY(key_sign(c->s, o.key, o.alg, tbs, &signature));
    TRY(key_verify(c->s, o.key, o.alg, tbs, signature));
    TRY(crl_assemble(c->s, tbs, plan.sig_alg, signature, &der));
    return write_out(c, out ? out : "-", bytes_of_text(pem_text(c->s->arena, PEM_CRL, der)),
                     OUT_PUBLIC);
}
