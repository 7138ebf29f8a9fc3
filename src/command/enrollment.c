#include "command/keys.h"

#include "pki/pem.h"
#include "pki/pkcs7.h"

enum err
certificate_texts(struct scope *s, enum cert_format format, struct bytes leaf,
                  const struct list *chain, struct list *out)
{
    struct list all = { 0 };
    struct bytes p7b;

    list_add(s->arena, &all, struct bytes, leaf);
    if (chain)
        LIST_EACH(struct bytes, one, chain)
    list_add(s->arena, &all, struct bytes, *one);
    if (format == CF_P7B) {
        TRY(pkcs7_of_certs(s, all.items, all.count, &p7b));
        list_add(s->arena, out, const char *, base64_encode(s->arena, p7b));
        return OK;
    }
    LIST_EACH(struct bytes, one, &all)
    list_add(s->arena, out, const char *,
             format == CF_PEM ? pem_text(s->arena, PEM_CERT, *one) : base64_encode(s->arena, *one));
    return OK;
}

/* A request without a CSR: the key is made here, where that is not switched off. */
static void
check_csr_given(struct request *rq, const struct enroll_csr_request *in)
{
    if (!text_empty(in->csr))
        return;
    if (!rq->app->keys.without_csr)
        problem(rq->scope, "CSR", CHY_NO_SERVER_KEYS, "is required: keys are not made here");
    else if (text_empty(in->subject) && !in->sans.json)
        problem(rq->scope, "CSR", CHY_MISSING,
                "is required, or Subject and SANs for a key that is made here");
}

/* The key that was made here, under a password that is made here too. */
static enum err
add_key(struct request *rq, const struct enrolled *got, struct enroll_info *info)
{
    const char *text = new_password(rq->scope);
    AUTO(secret_free) struct secret *password = secret_copy(bytes_of_text(text));
    struct pack pack = { .form = rq->app->keys.pfx_legacy ? BUNDLE_PFX_LEGACY : BUNDLE_PFX,
                         .password = password,
                         .include_chain = true };

    TRY(pack_enrolled(rq->scope, got, &pack, &info->pkcs12_blob));
    info->password = text;
    return OK;
}

enum err
enrollment_csr(struct request *rq)
{
    const struct enroll_csr_request *in = rq->body;
    struct scope *s = rq->scope;
    struct enroll enroll = { .caller = rq->caller,
                             .endpoint = "command",
                             .csr =
                                 text_empty(in->csr) ? (struct bytes){ 0 } : bytes_of_text(in->csr),
                             .make_key = text_empty(in->csr),
                             .template_name = in->tmpl,
                             .pattern_id = in->enrollment_pattern_id.value,
                             .authority = in->certificate_authority,
                             .subject = text_empty(in->subject) ? NULL : in->subject,
                             .not_before = WHEN_NONE,
                             .not_after = WHEN_NONE,
                             .metadata = in->metadata,
                             .renews = in->renewal_certificate_id.value };
    struct enroll_info info = { 0 };
    struct enroll_csr_reply out = { .information = &info };
    struct enrolled got;
    enum cert_format format;

    TRY(format_wanted(rq, NULL, CF_PEM, &format));
    check_csr_given(rq, in);
    TRY(owner_wanted(rq,
                     &(struct owner_wish){ in->owner_role_id.value, in->owner_role_name,
                                           "OwnerRoleId", "OwnerRoleName" },
                     &enroll.owner_role));
    command_sans(s, in->sans, &enroll);
    TRY(problems_check(s));
    TRY(flow_enroll(s, &rq->app->flow, &enroll, &got));
    out.metadata = got.metadata;
    info.keyfactor_id = got.certificate_id;
    info.keyfactor_request_id = got.request_id;
    info.request_disposition = disposition_name(got.disposition);
    info.disposition_message = got.message    ? got.message
                               : got.key_kept ? "The private key was successfully retained."
                                              : "The certificate was issued.";
    if (got.cert) {
        info.serial_number = got.cert->serial_hex;
        info.issuer_dn = got.cert->issuer.text;
        info.thumbprint = hex_upper(s->arena, (struct bytes){ got.cert->sha1, SHA1_LEN });
        TRY(certificate_texts(s, format, got.der, in->include_chain ? &got.chain : NULL,
                              &info.certificates));
        if (got.key)
            TRY(add_key(rq, &got, &info));
    }
    return reply(rq, 200, &out);
}

/* Which of the two names of one thing, when they agree. */
static enum err
one_template(struct scope *s, const struct seed_enroll_request *in, const char **out)
{
    bool has_first = !text_empty(in->tmpl), has_second = !text_empty(in->certificate_template);

    if (has_first && has_second && !text_eq_fold(in->tmpl, in->certificate_template))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "CertificateTemplate: \"%s\" is not Template: \"%s\"",
                         in->certificate_template, in->tmpl);
    *out = has_first ? in->tmpl : in->certificate_template;
    if (!has_first && !has_second)
        return fail_code(s, E_INVALID, CHY_MISSING, "Template: is required");
    return OK;
}

/* What S0 wants as 422: the CSR or its names, not the envelope around them. */
static bool
is_about_csr(enum code code)
{
    switch (code) {
    case CHY_BAD_DER:
    case CHY_BAD_CSR:
    case CHY_BAD_POP:
    case CHY_WEAK_KEY:
    case CHY_BLOCKED_KEY:
    case CHY_KEY_NOT_ALLOWED:
    case CHY_NAME_NOT_ALLOWED:
    case CHY_BAD_NAME:
    case CHY_TOO_MANY_NAMES:
    case CHY_EXTENSION_FORBIDDEN:
    case CHY_KEY_REUSED:
    case CHY_TOO_MANY_ACTIVE:
    case CHY_LINT_FAILED:
    case CHY_MISSING: /* a name or a part of the subject; the envelope was complete */
        return true;
    default:
        return false;
    }
}

enum err
certificates_enroll(struct request *rq)
{
    const struct seed_enroll_request *in = rq->body;
    struct scope *s = rq->scope;
    struct enroll enroll = { .caller = rq->caller,
                             .endpoint = "command",
                             .csr = bytes_of_text(in->csr),
                             .authority = in->certificate_authority,
                             .not_before = WHEN_NONE,
                             .not_after = WHEN_NONE,
                             .metadata = in->metadata };
    struct seed_enroll_reply out = { .not_before = WHEN_NONE, .not_after = WHEN_NONE };
    struct enrolled got;
    enum cert_format format;
    enum err e;

    TRY(format_wanted(rq, in->certificate_format, CF_PEM, &format));
    TRY(one_template(s, in, &enroll.template_name));
    command_sans(s, in->sans, &enroll);
    TRY(problems_check(s));
    e = flow_enroll(s, &rq->app->flow, &enroll, &got);
    if (e == E_INVALID && is_about_csr(s->error.code))
        rq->invalid_status = 422;
    TRY(e);
    out.certificate_id = got.certificate_id;
    if (got.cert) {
        out.thumbprint = hex_upper(s->arena, (struct bytes){ got.cert->sha1, SHA1_LEN });
        out.serial_number = got.cert->serial_hex;
        out.issued_dn = got.cert->subject.text;
        out.issuer_dn = got.cert->issuer.text;
        out.not_before = got.cert->not_before;
        out.not_after = got.cert->not_after;
        TRY(certificate_texts(s, format, got.der, in->include_chain ? &got.chain : NULL,
                              &out.certificates));
    } else {
        out.request_id = (struct opt_int){ true, got.request_id };
        out.request_disposition = disposition_name(got.disposition);
    }
    return reply(rq, 200, &out);
}
