/* `ca ocsp` and `ca test`: what the addresses inside certificates answer. */
#include "cli/proof.h"

#include "cli/register.h"
#include "pki/cert.h"
#include "pki/pem.h"
#include "pki/ssl_err.h"
#include <openssl/x509.h>

/* One certificate. */

static enum err
issuer_of(struct cli *c, const struct json *row, struct bytes *leaf, struct bytes *issuer)
{
    struct list chain = { 0 };

    TRY(certificate_chain(c, row_id(row), &chain));
    if (chain.count < 2)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "certificate %lld has no issuer that is known here",
                         (long long)row_id(row));
    *leaf = *list_at(&chain, struct bytes, 0);
    *issuer = *list_at(&chain, struct bytes, 1);
    return OK;
}

static void
add_time(struct cli *c, struct buf *b, const char *name, struct when at)
{
    buf_printf(b, ",\"%s\":", name);
    json_text(b, when_given(at) ? when_rfc3339(c->s->arena, at) : NULL);
}

enum err
run_ca_ocsp(struct cli *c)
{
    static const struct view view = { .kind = "ocsp", .key = "status" };
    struct bytes leaf, issuer;
    const struct json *row;
    struct ocsp_said said;
    struct buf b;

    TRY(certificate_of(c, cli_arg(c, 0), &row));
    TRY(issuer_of(c, row, &leaf, &issuer));
    TRY(ocsp_ask(c, leaf, issuer, cli_text(c, "url"), &said));
    c->status = text_eq(said.status, "good") ? EXIT_DONE : EXIT_CHECK_FAILED;
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"status\":");
    json_text(&b, said.status);
    add_time(c, &b, "revoked_at", said.revoked_at);
    buf_text(&b, ",\"reason\":");
    json_text(&b, said.reason);
    add_time(c, &b, "this_update", said.this_update);
    add_time(c, &b, "next_update", said.next_update);
    buf_text(&b, ",\"responder\":");
    json_text(&b, said.url);
    buf_byte(&b, '}');
    return print_json(c, &view, &b);
}

/* An authority. */

static const char *
text_at(const struct json *ca, const char *name)
{
    return json_str(json_get(ca, name));
}

static void
try_state(struct cli *c, struct list *rows, const struct json *ca)
{
    bool on = false, usable = false;

    (void)json_bool(json_get(ca, "enabled"), &on);
    (void)json_bool(json_get(ca, "usable"), &usable);
    proof_add(c, rows, "state", on, on ? "switched on" : "switched off: it issues nothing");
    proof_add(c, rows, "key", usable,
              usable ? arena_printf(c->s->arena, "%s, %s, ready to sign", text_at(ca, "key_type"),
                                    text_at(ca, "key_backend"))
                     : "it cannot sign");
}

static enum err
try_crl(struct cli *c, const struct json *ca, struct bytes cert_der, const char **detail)
{
    AUTO(X509_CRL_free) X509_CRL *crl = NULL;
    AUTO(X509_free) X509 *cert = NULL;
    const char *url = text_at(ca, "crl_url");
    const unsigned char *at;
    struct bytes der;

    TRY(fetch_public(c, url, (struct bytes){ NULL, 0 }, NULL, &der));
    at = der.data;
    crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    at = cert_der.data;
    cert = d2i_X509(NULL, &at, (long)cert_der.len);
    if (!crl || !cert)
        return fail_ssl(c->s, E_INVALID, "%s gave no revocation list", url);
    if (X509_CRL_verify(crl, X509_get0_pubkey(cert)) != 1)
        return fail_ssl(c->s, E_INVALID, "the list of %s is not signed by this authority", url);
    if (!X509_CRL_get0_nextUpdate(crl) || X509_cmp_current_time(X509_CRL_get0_nextUpdate(crl)) < 0)
        return fail(c->s, E_INVALID, "the list of %s is out of date", url);
    *detail = arena_printf(c->s->arena, "%d entries at %s",
                           MAX(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 0), url);
    return OK;
}

static enum err
try_certificate(struct cli *c, const struct json *ca, struct bytes cert_der, const char **detail)
{
    const char *url = text_at(ca, "ca_url");
    struct bytes der;

    TRY(fetch_public(c, url, (struct bytes){ NULL, 0 }, NULL, &der));
    if (!bytes_eq(der, cert_der))
        return fail(c->s, E_INVALID, "%s gave another certificate than this authority's", url);
    *detail = url;
    return OK;
}

/* Of the newest certificate of this authority. */
static enum err
try_ocsp(struct cli *c, const struct json *ca, struct bytes cert_der, const char **detail)
{
    struct ask ask = { .path = COMMAND_API "/Certificates" };
    struct list leaf = { 0 };
    struct ocsp_said said;
    struct answer a;
    int64_t id = 0;

    (void)json_int(json_get(ca, "id"), &id);
    ask_param(c, &ask, "pq.queryString",
              arena_printf(c->s->arena, "CertificateAuthorityId -eq %lld AND SelfSigned -eq false",
                           (long long)id));
    ask_param(c, &ask, "pq.sortField", "Id");
    ask_param(c, &ask, "pq.sortAscending", "1");
    TRY(ask_page(c, &ask, 1, 1, &a, NULL));
    *detail = "it has issued nothing yet that could be asked about";
    if (!json_count(a.json))
        return OK;
    TRY(certificate_chain(c, row_id(json_item(a.json, 0)), &leaf));
    TRY(ocsp_ask(c, *list_at(&leaf, struct bytes, 0), cert_der, text_at(ca, "ocsp_url"), &said));
    *detail = arena_printf(c->s->arena, "certificate %lld is %s",
                           (long long)row_id(json_item(a.json, 0)), ocsp_text(c, &said));
    return OK;
}

enum err
run_ca_test(struct cli *c)
{
    const char *path, *pem, *detail = NULL;
    struct list rows = { 0 }, certs = { 0 };
    struct answer a;
    enum err e;

    TRY(authority_path(c, "", &path));
    TRY(ask_get(c, path, &a));
    try_state(c, &rows, a.json);
    pem = text_at(a.json, "certificate");
    if (text_empty(pem)) {
        proof_add(c, &rows, "chain", false, "it has no certificate yet: chancery ca install");
        return proof_print(c, text_at(a.json, "name"), &rows);
    }
    TRY(note(c->s, pem_read_certs(c->s, bytes_of_text(pem), &certs), "the server's answer"));
    e = try_crl(c, a.json, *list_at(&certs, struct bytes, 0), &detail);
    proof_add_result(c, &rows, "crl", e, detail);
    e = try_certificate(c, a.json, *list_at(&certs, struct bytes, 0), &detail);
    proof_add_result(c, &rows, "issuer", e, detail);
    e = try_ocsp(c, a.json, *list_at(&certs, struct bytes, 0), &detail);
    proof_add_result(c, &rows, "ocsp", e, detail);
    return proof_print(c, text_at(a.json, "name"), &rows);
}
