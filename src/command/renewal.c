#include "command/keys.h"

#include "flow/renewal.h"

static enum err
answer_available(struct request *rq, const struct cert_wanted *which)
{
    struct sight sight = { .caller = rq->caller, .permission = PERM_CERTIFICATES_READ };
    struct renewal r;
    int64_t id;

    TRY(collection_wanted(rq, sight.permission, 0, &sight.within));
    TRY(certificate_wanted(rq, which, sight.permission, sight.within, &id));
    TRY(flow_renewal(rq->scope, &rq->app->flow, &sight, id, &r));
    return reply(rq, 200, &(struct available_renewal_reply){ (int64_t)r.way, r.message });
}

enum err
available_renewal_id(struct request *rq)
{
    struct cert_wanted which = { 0 };

    TRY(var_int(rq, "id", &which.cert_id));
    return answer_available(rq, &which);
}

enum err
available_renewal_thumbprint(struct request *rq)
{
    return answer_available(rq, &(struct cert_wanted){ .thumbprint = var_text(rq, "thumbprint") });
}

enum err
enrollment_renew(struct request *rq)
{
    const struct renewal_request *in = rq->body;
    struct cert_wanted which = { .cert_id = in->certificate_id, .thumbprint = in->thumbprint };
    struct renew renew = { .caller = rq->caller,
                           .authority = in->certificate_authority,
                           .template_name = in->tmpl };
    struct scope *s = rq->scope;
    struct renewal_reply out = { 0 };
    struct enrolled got;

    if (!in->certificate_id && text_empty(in->thumbprint))
        return fail_code(s, E_INVALID, CHY_MISSING,
                         "CertificateId: is required, or Thumbprint instead of it");
    TRY(collection_wanted(rq, PERM_CERTIFICATES_READ, 0, &renew.within));
    TRY(certificate_wanted(rq, &which, PERM_CERTIFICATES_READ, renew.within, &renew.id));
    TRY(flow_renew(s, &rq->app->flow, &renew, &got));
    out.keyfactor_id = got.certificate_id;
    out.keyfactor_request_id = got.request_id;
    out.request_disposition = disposition_name(got.disposition);
    out.disposition_message =
        got.message ? got.message : "The new key is kept here until it is recovered.";
    if (got.cert) {
        out.thumbprint = hex_upper(s->arena, (struct bytes){ got.cert->sha1, SHA1_LEN });
        out.serial_number = got.cert->serial_hex;
        out.issuer_dn = got.cert->issuer.text;
    }
    return reply(rq, 200, &out);
}
