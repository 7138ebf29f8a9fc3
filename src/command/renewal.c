#include "command/keys.h"

#include "flow/renewal.h"

static enum err
answer_available(struct request *rq, int64_t id)
{
    struct renewal r;

    TRY(flow_renewal(rq->scope, &rq->app->flow, rq->caller, id, &r));
    return reply(rq, 200, &(struct available_renewal_reply){ (int64_t)r.way, r.message });
}

enum err
available_renewal_id(struct request *rq)
{
    int64_t id;

    TRY(var_int(rq, "id", &id));
    return answer_available(rq, id);
}

enum err
available_renewal_thumbprint(struct request *rq)
{
    struct cert_wanted which = { .thumbprint = var_text(rq, "thumbprint") };
    int64_t id;

    TRY(certificate_wanted(rq, &which, PERM_CERTIFICATES_READ, &id));
    return answer_available(rq, id);
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
    TRY(certificate_wanted(rq, &which, PERM_CERTIFICATES_READ, &renew.id));
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
