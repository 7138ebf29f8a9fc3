#include "pki/cert.h"

#include "pki/der.h"
#include <string.h>

static enum err
bad(struct scope *s, const char *why)
{
    return fail_code(s, E_INVALID, CHY_BAD_CERT, "certificate: %s", why);
}

static enum err
read_version(struct scope *s, struct span *p, struct cert *c)
{
    struct span inside;
    int64_t version;

    c->version = 1;
    if (der_tag(p) != DER_CONSTRUCTED(0))
        return OK;
    if (!der_enter(p, DER_CONSTRUCTED(0), &inside) || !der_int(&inside, &version) ||
        !der_end(&inside) || version < 1 || version > 2) /* v1 is the default: DER leaves it out */
        return bad(s, "malformed version");
    c->version = (int)version + 1;
    return OK;
}

/* issuerUniqueID and subjectUniqueID: checked, not kept. */
static enum err
read_unique_ids(struct scope *s, struct span *p, const struct cert *c)
{
    for (unsigned i = 1; i <= 2; i++) {
        struct bytes id;

        if (der_tag(p) != DER_CONTEXT(i))
            continue;
        if (c->version < 2 || !der_take(p, (uint8_t)DER_CONTEXT(i), &id) || id.len == 0 ||
            id.data[0] > 7)
            return bad(s, "malformed unique identifier");
    }
    return OK;
}

static enum err
read_extensions(struct scope *s, struct span *p, struct cert *c)
{
    struct span inside;
    struct bytes all;

    c->exts.path_len = -1;
    if (der_end(p))
        return OK;
    if (c->version != 3 || !der_enter(p, DER_CONSTRUCTED(3), &inside) ||
        !der_take_whole(&inside, DER_SEQUENCE, &all) || !der_end(&inside) || !der_end(p) ||
        all.len == 2)
        return bad(s, "malformed extensions, or extensions in a certificate that is not version 3");
    return exts_read(s, all, CHY_BAD_CERT, &c->exts);
}

static enum err
read_names(struct scope *s, struct bytes issuer, struct bytes subject, struct cert *c)
{
    c->self_issued = bytes_eq(issuer, subject);
    TRY(name_read(s, issuer, &c->issuer));
    if (name_empty(&c->issuer))
        return bad(s, "the issuer's name is empty");
    if (c->self_issued)
        c->subject = c->issuer;
    else
        TRY(name_read(s, subject, &c->subject));
    return OK;
}

static enum err
read_tbs(struct scope *s, struct cert *c)
{
    struct span p, validity;
    struct bytes inner, issuer, subject, spki;

    if (!der_only(c->tbs, DER_SEQUENCE, &p))
        return bad(s, "malformed TBSCertificate");
    TRY(read_version(s, &p, c));
    if (!der_uint_bytes(&p, &c->serial) || c->serial.len > 20)
        return bad(s, "the serial number is negative, malformed or longer than 20 octets");
    c->serial_hex = hex_upper(s->arena, c->serial);
    if (!der_take_whole(&p, DER_SEQUENCE, &inner) || !bytes_eq(inner, c->sig_alg_der))
        return bad(s, "the two signature algorithms differ (RFC 5280 section 4.1.1.2)");
    if (!der_take_whole(&p, DER_SEQUENCE, &issuer) || !der_enter(&p, DER_SEQUENCE, &validity) ||
        !der_take_whole(&p, DER_SEQUENCE, &subject) || !der_take_whole(&p, DER_SEQUENCE, &spki))
        return bad(s, "malformed TBSCertificate");
    if (!der_time(&validity, &c->not_before) || !der_time(&validity, &c->not_after) ||
        !der_end(&validity))
        return bad(s, "malformed validity (RFC 5280 section 4.1.2.5)");
    TRY(read_names(s, issuer, subject, c));
    TRY(pubkey_read(s, spki, &c->key));
    TRY(read_unique_ids(s, &p, c));
    return read_extensions(s, &p, c);
}

static enum err
read_cert(struct scope *s, struct bytes der, struct cert *c)
{
    struct span p, alg;

    if (!der_only(der, DER_SEQUENCE, &p) || !der_take_whole(&p, DER_SEQUENCE, &c->tbs) ||
        !der_take_whole(&p, DER_SEQUENCE, &c->sig_alg_der) || !der_bit_bytes(&p, &c->signature) ||
        !der_end(&p))
        return bad(s, "not one SEQUENCE of three in strict DER");
    c->sig_alg = sig_alg_of_der(c->sig_alg_der);
    if (!der_only(c->sig_alg_der, DER_SEQUENCE, &alg) || !der_oid(&alg, &c->sig_oid) ||
        (c->sig_alg == SIG_NONE && !der_check(c->sig_alg_der)))
        return bad(s, "malformed signature algorithm");
    TRY(read_tbs(s, c));
    hash_sha1(der, c->sha1);
    hash_sha256(der, c->sha256);
    return OK;
}

enum err
cert_read(struct scope *s, struct bytes der, struct cert *out)
{
    struct cert c = { .der = der };
    enum err e;

    if (der.len > CERT_MAX_LEN)
        return fail_code(s, E_LIMIT, CHY_BAD_CERT, "certificate: longer than %d octets",
                         CERT_MAX_LEN);
    e = read_cert(s, der, &c);
    if (e != OK) {
        s->error.code = CHY_BAD_CERT;
        return e;
    }
    *out = c;
    return OK;
}

char *
serial_hex(struct arena *a, struct bytes serial)
{
    while (serial.len > 1 && serial.data[0] == 0) {
        serial.data++;
        serial.len--;
    }
    return hex_upper(a, serial);
}

enum err
cert_verify(struct scope *s, const struct cert *c, const struct pubkey *issuer)
{
    EVP_PKEY *key;

    if (c->sig_alg == SIG_NONE)
        return fail_code(s, E_UNSUPPORTED, CHY_BAD_CERT, "unknown signature algorithm %s",
                         oid_text(s->arena, c->sig_oid));
    TRY(pubkey_import(s, issuer, &key));
    return key_verify(s, key, c->sig_alg, c->tbs, c->signature);
}

bool
cert_is_root(struct scope *s, const struct cert *c)
{
    enum err e = c->self_issued ? cert_verify(s, c, &c->key) : E_INVALID;

    if (c->self_issued && e != OK)
        scope_clear(s);
    return e == OK;
}

enum err
cert_x509(struct scope *s, struct bytes der, X509 **out)
{
    const unsigned char *at = der.data;
    X509 *x = der.len <= CERT_MAX_LEN ? d2i_X509(NULL, &at, (long)der.len) : NULL;

    if (!x || at != der.data + der.len) {
        X509_free(x);
        return fail_ssl_code(s, E_INVALID, CHY_BAD_CERT, "OpenSSL does not take the certificate");
    }
    *out = arena_own(s->arena, x, X509_free);
    return OK;
}
