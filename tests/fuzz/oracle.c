#include "oracle.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

OWNED(GENERAL_NAMES, GENERAL_NAMES_free);
OWNED(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free);
OWNED(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);

static void
exts_free(STACK_OF(X509_EXTENSION) * exts)
{
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}
OWNED(STACK_OF(X509_EXTENSION), exts_free);

static struct bytes
bytes_of(const ASN1_STRING *text)
{
    return (struct bytes){ ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text) };
}

static bool
same_serial(const struct cert *c, const X509 *x)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    struct bytes want = bytes_of(serial);

    return (ASN1_STRING_type(serial) & V_ASN1_NEG) == 0 && bytes_eq(want, c->serial);
}

static bool
same_time(struct when ours, const ASN1_TIME *theirs)
{
    struct tm tm;

    return ASN1_TIME_to_tm(theirs, &tm) && (int64_t)timegm(&tm) == when_s(ours);
}

static bool
same_value(const struct name_attr *ours, const X509_NAME_ENTRY *theirs)
{
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(theirs));
    bool same =
        ours->value[0] == '#' || /* a value that is no string */
        (len >= 0 && bytes_eq((struct bytes){ text, (size_t)len }, bytes_of_text(ours->value)));

    OPENSSL_free(text);
    return same && X509_NAME_ENTRY_set(theirs) == ours->rdn;
}

static bool
same_name(const struct name *ours, const X509_NAME *theirs)
{
    const unsigned char *der;
    size_t len;

    if ((size_t)X509_NAME_entry_count(theirs) != ours->attrs.count ||
        !X509_NAME_get0_der(theirs, &der, &len) || !bytes_eq(ours->der, (struct bytes){ der, len }))
        return false;
    for (size_t i = 0; i < ours->attrs.count; i++)
        if (!same_value(list_at(&ours->attrs, struct name_attr, i),
                        X509_NAME_get_entry(theirs, (int)i)))
            return false;
    return true;
}

static bool
same_general_name(const struct general_name *ours, const GENERAL_NAME *theirs)
{
    switch (ours->kind) {
    case GN_DNS:
    case GN_EMAIL:
    case GN_URI:
        return theirs->type == (int)ours->kind &&
               bytes_eq(bytes_of_text(ours->text), bytes_of(theirs->d.ia5));
    case GN_IP:
        return theirs->type == GEN_IPADD && bytes_eq(ours->octets, bytes_of(theirs->d.iPAddress));
    case GN_UPN:
    case GN_OTHER:
        return theirs->type == GEN_OTHERNAME;
    default:
        return theirs->type == (int)ours->kind;
    }
}

static bool
same_san(const struct exts *e, STACK_OF(X509_EXTENSION) * exts)
{
    AUTO(GENERAL_NAMES_free)
    GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);

    if (!e->has_san || !names)
        return e->has_san == (names != NULL);
    if ((size_t)sk_GENERAL_NAME_num(names) != e->san.count)
        return false;
    for (size_t i = 0; i < e->san.count; i++)
        if (!same_general_name(list_at(&e->san, struct general_name, i),
                               sk_GENERAL_NAME_value(names, (int)i)))
            return false;
    return true;
}

static bool
same_key_usage(const struct exts *e, STACK_OF(X509_EXTENSION) * exts)
{
    ASN1_BIT_STRING *bits = X509V3_get_d2i(exts, NID_key_usage, NULL, NULL);
    unsigned usage = 0;

    for (int i = 0; bits && i < 9; i++)
        if (ASN1_BIT_STRING_get_bit(bits, i))
            usage |= i < 8 ? 0x80u >> i : (unsigned)KU_DECIPHER_ONLY;
    ASN1_BIT_STRING_free(bits);
    return e->has_key_usage == (bits != NULL) && usage == e->key_usage;
}

static bool
same_basic(const struct exts *e, STACK_OF(X509_EXTENSION) * exts)
{
    AUTO(BASIC_CONSTRAINTS_free)
    BASIC_CONSTRAINTS *basic = X509V3_get_d2i(exts, NID_basic_constraints, NULL, NULL);

    if (!e->has_basic || !basic)
        return e->has_basic == (basic != NULL);
    return e->is_ca == (basic->ca != 0) &&
           (basic->pathlen ? ASN1_INTEGER_get(basic->pathlen) : -1) == e->path_len;
}

static bool
same_eku(const struct exts *e, STACK_OF(X509_EXTENSION) * exts)
{
    AUTO(EXTENDED_KEY_USAGE_free)
    EXTENDED_KEY_USAGE *eku = X509V3_get_d2i(exts, NID_ext_key_usage, NULL, NULL);
    char text[512];

    if (!e->has_eku || !eku)
        return e->has_eku == (eku != NULL);
    if ((size_t)sk_ASN1_OBJECT_num(eku) != e->eku.count)
        return false;
    for (size_t i = 0; i < e->eku.count; i++) {
        const char *ours = *list_at(&e->eku, const char *, i);

        if (OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(eku, (int)i), 1) <= 0 ||
            (strlen(ours) < sizeof(text) - 1 && strcmp(text, ours) != 0))
            return false;
    }
    return true;
}

static const char *
exts_differ(const struct exts *e, const STACK_OF(X509_EXTENSION) * exts)
{
    AUTO(exts_free)
    STACK_OF(X509_EXTENSION) *copy =
        exts ? sk_X509_EXTENSION_deep_copy(exts, X509_EXTENSION_dup, X509_EXTENSION_free)
             : sk_X509_EXTENSION_new_null();

    if ((size_t)sk_X509_EXTENSION_num(copy) != e->all.count)
        return "the number of extensions differs";
    for (size_t i = 0; i < e->all.count; i++) {
        X509_EXTENSION *theirs = sk_X509_EXTENSION_value(copy, (int)i);
        const struct ext *ours = list_at(&e->all, struct ext, i);

        if (ours->critical != (X509_EXTENSION_get_critical(theirs) != 0) ||
            !bytes_eq(ours->value, bytes_of(X509_EXTENSION_get_data(theirs))))
            return "an extension differs";
    }
    return !same_san(e, copy)         ? "subjectAltName differs"
           : !same_key_usage(e, copy) ? "keyUsage differs"
           : !same_basic(e, copy)     ? "basicConstraints differs"
           : !same_eku(e, copy)       ? "extKeyUsage differs"
                                      : NULL;
}

/* A key that OpenSSL refuses is left to pubkey_import() by us, which must refuse it too. */
static const char *
key_differs(struct scope *s, const struct pubkey *k, X509_PUBKEY *theirs)
{
    EVP_PKEY *ours, *key = X509_PUBKEY_get0(theirs);

    if (k->type == KEY_OTHER || k->type == KEY_DSA || k->type == KEY_RSA_PSS)
        return NULL;
    if (pubkey_import(s, k, &ours) != OK)
        return key ? "we cannot import a key that OpenSSL reads" : NULL;
    if (!key)
        return k->type == KEY_RSA ? NULL : "we import a key that OpenSSL refuses";
    return EVP_PKEY_eq(ours, key) == 1 ? NULL : "the keys differ";
}

static const char *
cert_fields_differ(const struct cert *c, X509 *x)
{
    const ASN1_BIT_STRING *signature;
    uint8_t sha256[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    X509_get0_signature(&signature, NULL, x);
    if (!same_serial(c, x))
        return "the serial number differs";
    if (c->version != X509_get_version(x) + 1)
        return "the version differs";
    if (!same_name(&c->issuer, X509_get_issuer_name(x)))
        return "the issuer differs";
    if (!same_name(&c->subject, X509_get_subject_name(x)))
        return "the subject differs";
    if (!same_time(c->not_before, X509_get0_notBefore(x)) ||
        !same_time(c->not_after, X509_get0_notAfter(x)))
        return "the validity differs";
    if (!bytes_eq(c->signature, bytes_of(signature)))
        return "the signature differs";
    if (!X509_digest(x, EVP_sha256(), sha256, &len) || memcmp(sha256, c->sha256, len) != 0)
        return "the thumbprint differs";
    return exts_differ(&c->exts, X509_get0_extensions(x));
}

const char *
cert_differs(struct scope *s, struct bytes der, bool *taken)
{
    const unsigned char *at = der.data;
    AUTO(X509_free) X509 *x = d2i_X509(NULL, &at, (long)der.len);
    bool theirs = x && at == der.data + der.len, ours;
    const char *why;
    struct cert c;

    ours = cert_read(s, der, &c) == OK;
    if (taken)
        *taken = ours;
    if (!ours) /* we are the stricter one, and every reason is a row of docs/der-oracle.md */
        return s->error.code == CHY_BAD_CERT ? NULL : "refused without a code";
    if (!theirs)
        return "we take what OpenSSL refuses";
    why = cert_fields_differ(&c, x);
    return why ? why : key_differs(s, &c.key, X509_get_X509_PUBKEY(x));
}

const char *
csr_differs(struct scope *s, struct bytes der, bool *taken)
{
    const unsigned char *at = der.data;
    AUTO(X509_REQ_free) X509_REQ *x = d2i_X509_REQ(NULL, &at, (long)der.len);
    bool theirs = x && at == der.data + der.len, ours;
    struct csr c;
    const char *why;

    ours = csr_read(s, der, &c) == OK;
    if (taken)
        *taken = ours;
    if (!ours)
        return s->error.code == CHY_BAD_CSR && text_eq(s->error.tag, "badCSR")
                   ? NULL
                   : "refused without a code";
    if (!theirs)
        return "we take what OpenSSL refuses";
    if (c.version != X509_REQ_get_version(x))
        return "the version differs";
    if (!same_name(&c.subject, X509_REQ_get_subject_name(x)))
        return "the subject differs";
    {
        AUTO(exts_free) STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(x);

        if ((why = exts_differ(&c.exts, exts)))
            return why;
    }
    if ((why = key_differs(s, &c.key, X509_REQ_get_X509_PUBKEY(x))))
        return why;
    if (c.key.type != KEY_RSA || c.key.bits <= 4096) {
        EVP_PKEY *key = X509_REQ_get0_pubkey(x);
        bool verified = csr_verify(s, &c) == OK;

        if (verified && (!key || X509_REQ_verify(x, key) != 1))
            return "we verify a signature that OpenSSL refuses";
    }
    return NULL;
}
