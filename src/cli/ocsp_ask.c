/* Asking an OCSP responder, as a client that trusts nobody but the issuer. */
#include "cli/proof.h"

#include "net/client.h"
#include "pki/cert.h"
#include "pki/ssl_err.h"
#include <openssl/ocsp.h>

#define ANSWER_MAX ((size_t)1 << 20)
#define SKEW_S 300

OWNED(OCSP_REQUEST, OCSP_REQUEST_free);
OWNED(OCSP_RESPONSE, OCSP_RESPONSE_free);
OWNED(OCSP_BASICRESP, OCSP_BASICRESP_free);
OWNED(OCSP_CERTID, OCSP_CERTID_free);

enum err
fetch_public(struct cli *c, const char *url, struct bytes body, const char *type, struct bytes *out)
{
    struct peer_options o = { .integration = "chancery", .plain_http = true };
    struct call call = { .url = url,
                         .operation = "fetch",
                         .once = true,
                         .body = body,
                         .content_type = type,
                         .reply_max = CLI_BODY_MAX };
    AUTO(peer_free) struct peer *peer = NULL;
    struct reply reply;

    TRY(peer_new(c->s, &o, &peer));
    TRY(note(c->s, peer_call(c->s, peer, &call, &reply), "asking %s", url));
    if (reply.status != 200)
        return fail(c->s, reply.status == 404 ? E_NOT_FOUND : E_UNAVAILABLE,
                    "%s answered with status %d", url, reply.status);
    *out = reply.body;
    return OK;
}

static X509 *
x509_of(struct bytes der)
{
    const unsigned char *at = der.data;

    return d2i_X509(NULL, &at, (long)der.len);
}

static struct when
when_of(const ASN1_GENERALIZEDTIME *time)
{
    struct tm tm;
    struct civil civil;
    struct when at = WHEN_NONE;

    if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
        return WHEN_NONE;
    civil = (struct civil){ tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                            tm.tm_min,         tm.tm_sec,     0 };
    return civil_when(&civil, &at) ? at : WHEN_NONE;
}

/* The request, and what it asks about. */
static enum err
make_request(struct cli *c, X509 *cert, X509 *issuer, OCSP_CERTID **id, struct bytes *der)
{
    AUTO(OCSP_REQUEST_free) OCSP_REQUEST *rq = OCSP_REQUEST_new();
    OCSP_CERTID *asked = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
    unsigned char *raw = NULL;
    int len;

    *id = asked ? OCSP_CERTID_dup(asked) : NULL;
    if (!rq || !asked || !*id || !OCSP_request_add0_id(rq, asked))
        return fail_ssl(c->s, E_INTERNAL, "cannot make an OCSP request");
    len = i2d_OCSP_REQUEST(rq, &raw);
    if (len <= 0)
        return fail_ssl(c->s, E_INTERNAL, "cannot write an OCSP request");
    *der = bytes_copy(c->s->arena, (struct bytes){ raw, (size_t)len });
    OPENSSL_free(raw);
    return OK;
}

/* Is it signed by ISSUER, or by whom it delegated? */
static enum err
check_signer(struct cli *c, OCSP_BASICRESP *basic, X509 *issuer)
{
    AUTO(X509_STORE_free) X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *certs = sk_X509_new_null();
    int good;

    if (!store || !certs || !X509_STORE_add_cert(store, issuer) || !sk_X509_push(certs, issuer)) {
        sk_X509_free(certs);
        return fail_ssl(c->s, E_INTERNAL, "cannot verify an OCSP answer");
    }
    (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    good = OCSP_basic_verify(basic, certs, store, 0);
    sk_X509_free(certs);
    return good == 1 ? OK
                     : fail_ssl(c->s, E_INVALID, "the OCSP answer is not signed for that issuer");
}

static enum err
read_single(struct cli *c, OCSP_BASICRESP *basic, OCSP_CERTID *id, struct ocsp_said *out)
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *this = NULL, *next = NULL;
    int status, reason = -1;

    if (OCSP_resp_find_status(basic, id, &status, &reason, &revoked, &this, &next) != 1)
        return fail(c->s, E_INVALID, "the OCSP answer is about another certificate");
    if (OCSP_check_validity(this, next, SKEW_S, -1) != 1)
        return fail_ssl(c->s, E_INVALID, "the OCSP answer is not of now");
    out->status = OCSP_cert_status_str(status);
    out->this_update = when_of(this);
    out->next_update = when_of(next);
    out->revoked_at = when_of(revoked);
    out->reason = reason >= 0 ? OCSP_crl_reason_str(reason) : NULL;
    return OK;
}

enum err
ocsp_ask(struct cli *c, struct bytes leaf, struct bytes issuer, const char *url,
         struct ocsp_said *out)
{
    AUTO(X509_free) X509 *cert = x509_of(leaf), *above = x509_of(issuer);
    AUTO(OCSP_CERTID_free) OCSP_CERTID *id = NULL;
    AUTO(OCSP_RESPONSE_free) OCSP_RESPONSE *response = NULL;
    AUTO(OCSP_BASICRESP_free) OCSP_BASICRESP *basic = NULL;
    struct bytes request, answer;
    const unsigned char *at;
    struct cert read;

    TRY(cert_read(c->s, leaf, &read));
    if (!url && read.exts.aia_ocsp.count)
        url = *list_at(&read.exts.aia_ocsp, const char *, 0);
    if (!url)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "the certificate names no OCSP responder");
    if (!cert || !above)
        return fail_ssl(c->s, E_INVALID, "the certificate cannot be read");
    *out = (struct ocsp_said){ .url = url };
    TRY(make_request(c, cert, above, &id, &request));
    TRY(fetch_public(c, url, request, "application/ocsp-request", &answer));
    at = answer.data;
    response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.len);
    if (!response)
        return fail_ssl(c->s, E_INVALID, "%s gave no OCSP answer", url);
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return fail(c->s, E_UNAVAILABLE, "%s answered \"%s\"", url,
                    OCSP_response_status_str(OCSP_response_status(response)));
    basic = OCSP_response_get1_basic(response);
    if (!basic)
        return fail_ssl(c->s, E_INVALID, "%s gave no OCSP answer", url);
    TRY(check_signer(c, basic, above));
    return read_single(c, basic, id, out);
}

const char *
ocsp_text(struct cli *c, const struct ocsp_said *said)
{
    if (when_given(said->revoked_at))
        return arena_printf(c->s->arena, "%s at %s%s%s", said->status,
                            when_rfc3339(c->s->arena, said->revoked_at), said->reason ? ", " : "",
                            said->reason ? said->reason : "");
    return arena_printf(c->s->arena, "%s, known at %s", said->status,
                        when_rfc3339(c->s->arena, said->this_update));
}
