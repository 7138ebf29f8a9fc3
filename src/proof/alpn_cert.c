#include "proof/alpn_cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

OWNED(GENERAL_NAMES, GENERAL_NAMES_free);
#define DIGEST_LEN 32

/* 1.3.6.1.5.5.7.1.31, id-pe-acmeIdentifier */
static const uint8_t acme_identifier[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f };

static bool
is_acme_identifier(const X509_EXTENSION *ext)
{
    const ASN1_OBJECT *oid = X509_EXTENSION_get_object((X509_EXTENSION *)(uintptr_t)ext);

    return OBJ_length(oid) == sizeof(acme_identifier) &&
           memcmp(OBJ_get0_data(oid), acme_identifier, sizeof(acme_identifier)) == 0;
}

static bool
has_twins(const X509 *cert)
{
    int count = X509_get_ext_count(cert);

    for (int i = 0; i < count; i++) {
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(X509_get_ext(cert, i));

        if (X509_get_ext_by_OBJ(cert, oid, i) >= 0)
            return true;
    }
    return false;
}

/** An OCTET STRING of exactly 32 octets, the digest, and nothing behind it. */
static bool
holds_digest(X509_EXTENSION *ext, struct bytes digest)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);
    const uint8_t *at = ASN1_STRING_get0_data(value);

    return ASN1_STRING_length(value) == DIGEST_LEN + 2 && at[0] == 0x04 && at[1] == DIGEST_LEN &&
           bytes_eq((struct bytes){ at + 2, DIGEST_LEN }, digest);
}

static const char *
identifier_problem(const struct alpn_cert_rules *rules, const X509 *cert)
{
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        X509_EXTENSION *ext = X509_get_ext(cert, i);

        if (!is_acme_identifier(ext))
            continue;
        if (!X509_EXTENSION_get_critical(ext))
            return "its acmeIdentifier is not critical";
        return holds_digest(ext, rules->digest)
                   ? NULL
                   : "its acmeIdentifier is not the digest of the key authorization";
    }
    return "it has no acmeIdentifier";
}

static bool
is_name(const struct alpn_cert_rules *rules, const GENERAL_NAME *name)
{
    const ASN1_STRING *text;
    size_t len;

    if (rules->name ? name->type != GEN_DNS : name->type != GEN_IPADD)
        return false;
    text = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    len = (size_t)ASN1_STRING_length(text);
    if (!rules->name)
        return bytes_eq((struct bytes){ ASN1_STRING_get0_data(text), len }, rules->ip);
    return len == strlen(rules->name) &&
           strncasecmp((const char *)ASN1_STRING_get0_data(text), rules->name, len) == 0;
}

static const char *
names_problem(const struct alpn_cert_rules *rules, const X509 *cert)
{
    AUTO(GENERAL_NAMES_free)
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    if (!names)
        return "it has no readable subjectAltName";
    if (sk_GENERAL_NAME_num(names) != 1)
        return "its subjectAltName holds more than the one name";
    return is_name(rules, sk_GENERAL_NAME_value(names, 0))
               ? NULL
               : "its subjectAltName is not the name that is validated";
}

const char *
alpn_cert_says_problem(const struct alpn_cert_rules *rules, const X509 *cert)
{
    const char *why;

    if (has_twins(cert))
        return "an extension stands in it twice";
    why = names_problem(rules, cert);
    ERR_clear_error();
    return why ? why : identifier_problem(rules, cert);
}

const char *
alpn_cert_problem(const struct alpn_cert_rules *rules, X509 *cert)
{
    const char *why = alpn_cert_says_problem(rules, cert);
    EVP_PKEY *key;

    if (why)
        return why;
    key = X509_get0_pubkey(cert);
    if (X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) != 0 || !key ||
        X509_verify(cert, key) != 1)
        why = "it is not self-signed";
    ERR_clear_error();
    return why;
}
