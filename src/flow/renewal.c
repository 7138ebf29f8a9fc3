#include "flow/renewal.h"

#include "issue/pattern.h"
#include "issue/policy.h"

static const struct renewal *
judge(struct renewal *r, const struct caller *caller, const struct template *t,
      const struct pattern *p)
{
    bool may_key, may_csr;

    r->way = RENEWAL_NONE;
    if (r->row.state == CERT_REVOKED) {
        r->message = "The certificate is revoked: enroll for a new one.";
        return r;
    }
    if (!t || !t->enabled) {
        r->message = t ? "The template of the certificate is switched off."
                       : "The certificate was issued by no template of this server.";
        return r;
    }
    may_key = flow_may_use(caller, t, p, true);
    may_csr = flow_may_use(caller, t, p, false);
    if (!may_key && !may_csr) {
        r->message = "The caller may not enroll by the template of the certificate.";
        return r;
    }
    r->way = r->row.has_private_key && may_key ? RENEWAL_ONE_CLICK : RENEWAL_SEEDED;
    r->message = r->way == RENEWAL_ONE_CLICK ? "The certificate can be renewed with one call."
                 : !r->row.has_private_key   ? "The private key is not kept here: enroll anew, and "
                                               "name this certificate as the one that is renewed."
                                           : "A new key has to be brought: enroll with a request.";
    return r;
}

enum err
flow_renewal(struct scope *s, struct flow *f, const struct sight *sight, int64_t id,
             struct renewal *out)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(f->shelf);
    struct renewal r = { 0 };
    const struct pattern *p;

    TRY(certificate_for(s, f, sight, id, &r.row));
    p = pattern_by_id(all, r.row.enrollment_pattern);
    if (!p || p->template_id != r.row.template_id) /* it is gone */
        p = pattern_default(all, r.row.template_id);
    r.pattern_id = p ? p->id : 0;
    *out = *judge(&r, sight->caller,
                  r.row.template_id ? template_by_id(all, r.row.template_id) : NULL, p);
    return OK;
}

/* A key like the one before. */
static struct key_wish
same_kind(const struct pubkey *k)
{
    switch (k->type) {
    case KEY_RSA:
        return (struct key_wish){ .type = "RSA", .length = k->bits };
    case KEY_EC:
        return (struct key_wish){ .type = "ECC", .length = k->bits };
    case KEY_ED25519:
        return (struct key_wish){ .type = "Ed25519" };
    default:
        return (struct key_wish){ 0 };
    }
}

enum err
flow_renew(struct scope *s, struct flow *f, const struct renew *in, struct enrolled *out)
{
    struct enroll enroll = { .caller = in->caller,
                             .endpoint = "renewal",
                             .make_key = true,
                             .keep_key = true,
                             .authority = in->authority,
                             .not_before = WHEN_NONE,
                             .not_after = WHEN_NONE,
                             .renews = in->id,
                             .within = in->within };
    struct sight sight = { in->caller, PERM_CERTIFICATES_READ, in->within };
    struct renewal r;
    struct cert cert;

    TRY(flow_renewal(s, f, &sight, in->id, &r));
    if (r.way != RENEWAL_ONE_CLICK)
        return fail_code(s, E_INVALID, CHY_NOT_RENEWABLE, "certificate %lld: %s", (long long)in->id,
                         r.message);
    TRY(cert_read(s, r.row.der, &cert));
    enroll.key = same_kind(&cert.key);
    enroll.subject = cert.subject.text;
    enroll.sans = cert.exts.san;
    enroll.sans_given = cert.exts.san.count > 0;
    if (text_empty(in->template_name)) {
        enroll.template_id = r.row.template_id;
        enroll.pattern_id = r.pattern_id;
    } else
        enroll.template_name = in->template_name;
    if (text_empty(in->authority))
        enroll.authority = r.row.authority_name;
    return flow_enroll(s, f, &enroll, out);
}
