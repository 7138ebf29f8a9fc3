/* The one road to an authority's key. */
#include "ca/office_in.h"

#include "base/fault.h"
#include "base/metric.h"
#include "base/step.h"
#include "pki/tbs.h"

COUNTER(signatures, "chancery_signatures_total", "Uses of authorities' keys.", "algorithm",
        "backend", "result");
HISTOGRAM(sign_seconds, "chancery_ca_sign_seconds", "Time of one signature.", "backend");
COUNTER(lint_findings, "chancery_lint_findings_total",
        "Rules that a certificate would have broken.", "lint");

static enum err
check_lint(struct scope *s, const struct ca_key *key, struct bytes tbs,
           const struct lint_context *context)
{
    struct lint_context full = *context;
    struct list findings = { 0 };

    full.issuer = key->lint;
    full.https_addresses = key->https_addresses;
    full.above = key->above;
    full.sig_alg = sig_alg_info(key->sig_alg)->der;
    lint_tbs(s, tbs, &full, &findings);
    LIST_EACH(struct lint_finding, f, &findings)
    metric_add(&lint_findings, 1, f->rule->id);
    if (lint_worst(&findings) < LINT_ERROR)
        return OK;
    return fail_code(s, E_INVALID, CHY_LINT_FAILED, "the certificate would break a rule: %s",
                     lint_summary(s, &findings, LINT_ERROR));
}

/* What left the key is what went in, by a key that we know: ca-core section 2, step 12. */
static enum err
check_result(struct scope *s, const struct ca_key *key, struct bytes tbs, struct bytes signature,
             struct cert *cert)
{
    if (verifier_check(s, key->verifier, key->sig_alg, tbs, signature) != OK)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "the signature made by the authority's key does not verify");
    if (!bytes_eq(cert->tbs, tbs))
        return fail(s, E_INTERNAL, "the certificate read back differs from what was signed");
    return OK;
}

/* From here on it may be in the world. */
static enum err
note_signed(struct scope *s, const struct ca_key *key, const struct cert *cert, struct bytes der)
{
    struct signed_record r = { .kind = SIGNED_CERTIFICATE,
                               .serial = hex_upper(s->arena, cert->serial),
                               .revoked_at = WHEN_NONE,
                               .der = der };

    if (!key->log)
        return OK;
    r.issuer = hex_lower(s->arena, key->subject_hash);
    return note(s, signed_log_add(s, key->log, &r), "the certificate was not issued");
}

static enum err
sign(struct scope *s, const struct ca_key *key, struct bytes data, struct bytes *signature)
{
    int64_t start = clock_mono_us();
    enum err e = signer_sign(s, key->signer, key->sig_alg, data, signature);

    metric_add(&signatures, 1, sig_alg_info(key->sig_alg)->name, signer_backend(key->signer),
               e == OK ? "ok" : "failed");
    TRY(e);
    metric_observe(&sign_seconds, (double)(clock_mono_us() - start) / 1e6,
                   signer_backend(key->signer));
    return OK;
}

enum err
ca_sign_data(struct scope *s, const struct ca_key *key, struct bytes data, struct bytes *signature)
{
    TRY(sign(s, key, data, signature));
    if (verifier_check(s, key->verifier, key->sig_alg, data, *signature) != OK)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "the signature of a list or an answer does not verify");
    return OK;
}

enum err
ca_sign_certificate(struct scope *s, const struct ca_key *key, struct bytes tbs,
                    const struct lint_context *context, struct bytes *der, struct cert *cert)
{
    struct bytes signature, whole;

    if (!key->signer || fault_fails("ca.sign"))
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "the authority's key cannot be used now");
    TRY(check_lint(s, key, tbs, context));
    step_end("lint");
    TRY(sign(s, key, tbs, &signature));
    TRY(cert_assemble(s, tbs, key->sig_alg, signature, &whole));
    if (cert_read(s, whole, cert) != OK)
        return fail(s, E_INTERNAL, "a certificate of ours cannot be read back: %s", s->error.text);
    TRY(check_result(s, key, tbs, signature, cert));
    TRY(note_signed(s, key, cert, whole));
    *der = whole;
    return OK;
}
