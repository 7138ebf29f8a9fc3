#include "catalog/search_fields.h"

#include "catalog/metadata.h"

#include <string.h>

static const struct choice states[] = {
    { 0, "Unknown", NULL },
    { 1, "Active", NULL },
    { 2, "Revoked", NULL },
    { 3, "Denied", NULL },
    { 4, "Failed", NULL },
    { 5, "Pending", NULL },
    { 6, "CertificateAuthority", NULL },
    { 7, "ParentCertificateAuthority", NULL },
    { 8, "ExternalValidation", NULL },
    { 0, NULL, NULL },
};
static const struct choice key_types[] = {
    { 0, "Unknown", NULL }, { 1, "RSA", NULL },   { 2, "DSA", NULL },     { 3, "ECC", NULL },
    { 4, "DH", NULL },      { 5, "Ed448", NULL }, { 6, "Ed25519", NULL }, { 0, NULL, NULL },
};
static const struct choice reasons[] = {
    { 0, "Unspecified", NULL },     { 1, "KeyCompromise", NULL },
    { 2, "CACompromise", NULL },    { 3, "AffiliationChanged", NULL },
    { 4, "Superseded", NULL },      { 5, "CessationOfOperation", NULL },
    { 6, "CertificateHold", NULL }, { 8, "RemoveFromCRL", NULL },
    { 999, "Unknown", NULL },       { 0, NULL, NULL },
};

#define STATE                                                                                   \
    .kind = CF_ENUM, .expr = "c.state", .choices = states, .flags = LIFTS_REVOKED | NEVER_NULL, \
    .doc = "Its state, by number or name; naming it finds revoked certificates too."
#define KEY_TYPE                                                                      \
    .kind = CF_ENUM, .expr = "c.key_type", .choices = key_types, .flags = NEVER_NULL, \
    .doc = "The type of its key, by number or name."
#define DN(id) NAME(id), .flags = IS_DN
#define NAME(id) .kind = CF_REF, .expr = (id), .table = "name", .text = "n.folded"
#define TEMPLATE(name) .kind = CF_REF, .expr = "c.template", .table = "template", .text = (name)
#define CA                                                                                \
    .kind = CF_CA, .expr = "c.authority", .table = "authority",                           \
    .text = "lower(CASE WHEN n.host = '' THEN n.name ELSE n.host || '\\' || n.name END)", \
    .doc = "The authority that issued it: its name, or host and name with a backslash between."
#define LATER .kind = CF_NOTHING, .doc = "Nothing has a value here yet."

static const struct cert_field fields[] = {
    { "Id", CF_INT, "c.id", .flags = NEVER_NULL, .doc = "Its number in the register." },
    { "CertId", CF_INT, "c.id", .flags = NEVER_NULL, .doc = "The same." },
    { "CertificateKeyId", CF_INT, "c.id", .flags = NEVER_NULL, .doc = "The same." },
    { "IssuedCN", NAME("c.cn"), .doc = "The subject's common name." },
    { "CN", NAME("c.cn"), .doc = "The same." },
    { "IssuedDN", DN("c.dn"), .doc = "The subject's whole name." },
    { "DN", DN("c.dn"), .doc = "The same." },
    { "IssuedOU", CF_OU, "c.dn", .doc = "An organizational unit of the subject." },
    { "OU", CF_OU, "c.dn", .doc = "The same." },
    { "SubjectAltName", CF_SAN, "c.id", .doc = "Any subject alternative name." },
    { "SAN", CF_SAN, "c.id", .doc = "The same." },
    { "IssuerDN", DN("c.issuer_dn"), .doc = "The issuer's whole name." },
    { "SerialNumber", CF_SERIAL, "c.serial", .flags = NEVER_NULL,
      .doc = "The serial number in hexadecimal digits; zeros in front do not count." },
    { "Thumbprint", CF_HASH, "c.sha1", .flags = NEVER_NULL,
      .doc = "SHA-1 in hexadecimal digits; -eq and -ne take SHA-256 too." },
    { "ThumbprintSha256", CF_BYTES, "c.sha256", .flags = NEVER_NULL,
      .doc = "SHA-256 in hexadecimal digits." },
    { "NotBefore", CF_DATE, "c.not_before", .flags = NEVER_NULL, .doc = "Valid from." },
    { "IssuedDate", CF_DATE, "c.not_before", .flags = NEVER_NULL, .doc = "The same." },
    { "EffectiveDate", CF_DATE, "c.not_before", .flags = NEVER_NULL, .doc = "The same." },
    { "NotAfter", CF_DATE, "c.not_after", .flags = NEVER_NULL | LIFTS_EXPIRED,
      .doc = "Valid until; naming it finds expired certificates too." },
    { "ExpirationDate", CF_DATE, "c.not_after", .flags = NEVER_NULL | LIFTS_EXPIRED,
      .doc = "The same." },
    { "ImportDate", CF_DATE, "c.imported_at", .flags = NEVER_NULL,
      .doc = "When it entered the register." },
    { "RevocationDate", CF_DATE, "c.revoked_at", .flags = LIFTS_REVOKED | LIFTS_EXPIRED,
      .doc = "When it was revoked; naming it finds revoked and expired certificates too." },
    { "RevocationEffDate", CF_DATE, "c.revoked_at", .flags = LIFTS_REVOKED | LIFTS_EXPIRED,
      .doc = "The same." },
    { "CertState", STATE },
    { "CertStateString", STATE },
    { "Status", STATE },
    { "KeySizeInBits", CF_INT, "c.key_bits", .flags = NEVER_NULL, .doc = "Bits of its key." },
    { "KeySize", CF_INT, "c.key_bits", .flags = NEVER_NULL, .doc = "The same." },
    { "KeyType", KEY_TYPE },
    { "KeyTypeString", KEY_TYPE },
    { "KeyAlgorithm", KEY_TYPE },
    { "Curve", CF_TEXT, "lower(c.curve)", .doc = "The curve of its key." },
    { "SigningAlgorithm", CF_TEXT, "lower(c.signing_algorithm)",
      .doc = "How it is signed: SHA-256 With RSA Encryption." },
    { "KeyUsage", CF_USAGE, "c.key_usage", .flags = NEVER_NULL,
      .doc = "What its key is for, as bits; -contains takes names: DigitalSignature." },
    { "ExtKeyUsage", CF_EKU, "c.ext_key_usages",
      .doc = "Any extended key usage, by OID or name: Server Authentication." },
    { "TemplateName", TEMPLATE("lower(n.display_name)"), .doc = "The template as shown." },
    { "TemplateDisplayName", TEMPLATE("lower(n.display_name)"), .doc = "The same." },
    { "TemplateShortName", TEMPLATE("n.name_folded"), .doc = "The template's short name." },
    { "TemplateId", CF_INT, "c.template", .doc = "The template's number." },
    { "CertificateAuthorityName", CA },
    { "CA", CA },
    { "CertificateAuthorityId", CF_INT, "c.authority", .doc = "The authority's number." },
    { "RequesterName", CF_TEXT, "lower(c.requester_name)", .flags = NAMES_CALLER,
      .doc = "Who asked for it." },
    { "Requester", CF_TEXT, "lower(c.requester_name)", .flags = NAMES_CALLER, .doc = "The same." },
    { "NetBIOSRequester", CF_TEXT, "lower(c.requester_name)", .flags = NAMES_CALLER,
      .doc = "The same." },
    { "PrincipalName", CF_TEXT, "lower(c.principal_name)", .flags = NAMES_CALLER,
      .doc = "Whom it is for." },
    { "NetBIOSPrincipal", CF_TEXT, "lower(c.principal_name)", .flags = NAMES_CALLER,
      .doc = "The same." },
    { "CertRequestId", CF_INT, "c.request", .doc = "The number of its request." },
    { "CARequestId", CF_INT, "c.request", .doc = "The same." },
    { "RequestId", CF_INT, "c.request", .doc = "The same." },
    { "CARowIndex", CF_INT, "c.request", .doc = "The same." },
    { "CARecordId", CF_INT, "c.request", .doc = "The same." },
    { "HasPrivateKey", CF_BOOL, "c.has_private_key", .flags = NEVER_NULL,
      .doc = "Is its private key kept here?" },
    { "ArchivedKey", CF_BOOL, "c.has_private_key", .flags = NEVER_NULL, .doc = "The same." },
    { "KeyRecoverable", CF_BOOL, "c.has_private_key", .flags = NEVER_NULL, .doc = "The same." },
    { "SelfSigned", CF_BOOL, "c.self_signed", .flags = NEVER_NULL,
      .doc = "Are subject and issuer the same?" },
    { "RFC2818Compliant", CF_BOOL,
      "(CASE WHEN EXISTS (SELECT 1 FROM certificate_name d WHERE d.certificate = c.id AND d.kind = "
      "2) THEN 1 ELSE 0 END)",
      .flags = NEVER_NULL, .doc = "Has it a DNS name among its alternative names?" },
    { "RevocationReason", CF_ENUM, "c.revocation_reason", .choices = reasons,
      .flags = LIFTS_REVOKED,
      .doc = "Why it was revoked, by number or name; naming it finds revoked certificates." },
    { "RevocationComment", CF_TEXT, "lower(c.revocation_comment)", .flags = LIFTS_REVOKED,
      .doc = "The comment of its revocation; naming it finds revoked certificates." },
    { "Revoker", CF_TEXT, "lower(c.revoked_by)", .flags = LIFTS_REVOKED | NAMES_CALLER,
      .doc = "Who revoked it; naming it finds revoked certificates." },
    { "SupersededDate", CF_DATE, "c.superseded_at",
      .doc = "When another certificate took its place." },
    { "PublicKey", CF_BYTES, "c.key_hash", .flags = NEVER_NULL,
      .doc = "SHA-256 of its SubjectPublicKeyInfo in hexadecimal digits." },
    { "OwnerRoleName", .kind = CF_REF, .expr = "c.owner_role", .table = "role",
      .text = "n.name_folded", .doc = "The role that owns it." },
    { "OwnerRoleId", CF_INT, "c.owner_role", .doc = "The number of the role that owns it." },
    { "EnrollmentPatternId", CF_INT, "c.enrollment_pattern",
      .doc = "The number of the enrollment pattern that it was asked for by." },
    { "Archived", CF_ARCHIVED, "", .flags = NEVER_NULL | LIFTS_REVOKED | LIFTS_EXPIRED,
      .doc = "true: what expired long ago is searched instead of the register." },
    { "IssuedEmail", LATER },
    { "PrincipalId", LATER },
    { "RequesterId", LATER },
    { "CertStorePath", LATER },
    { "CertStoreFQDN", LATER },
    { "CertStoreContainer", LATER },
    { "StoreMachine", LATER },
    { "StorePath", LATER },
    { "SSLDNSName", LATER },
    { "SSLIPAddress", LATER },
    { "SSLPort", LATER },
    { "SSLNetworkName", LATER },
};

const struct cert_field *
cert_field(const char *name)
{
    for (size_t i = 0; i < COUNT(fields); i++)
        if (text_eq_fold(fields[i].name, name))
            return &fields[i];
    return NULL;
}

bool
metadata_is_number(int64_t type)
{
    return type == META_INT || type == META_DATE || type == META_BOOL;
}

enum err
search_field_of(struct scope *s, struct db *db, const char *name, const struct cert_field **out)
{
    static const char prefix[] = "Metadata.";
    struct metadata_field found;
    struct cert_field *f;
    enum err e;

    *out = text_starts_fold(name, prefix) ? NULL : cert_field(name);
    if (*out || !db)
        return OK;
    if (text_starts_fold(name, prefix))
        name += strlen(prefix);
    e = metadata_field_find(s, db, name, &found);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    f = arena_new_of(s->arena, struct cert_field);
    *f = (struct cert_field){
        .name = found.name, .kind = CF_METADATA, .expr = "", .field = found.id, .type = found.type
    };
    *out = f;
    return OK;
}

/** The names once more as a model, which knows how to look for a near one. */
const char *
cert_field_did_you_mean(struct arena *a, const char *name)
{
    struct field names[COUNT(fields)] = { 0 };
    const struct model m = { .name = "search", .fields = names, .count = COUNT(names) };

    for (size_t i = 0; i < COUNT(names); i++)
        names[i].wire = fields[i].name;
    return model_did_you_mean(a, &m, name);
}

static const char *
type_of(enum cert_field_kind kind)
{
    switch (kind) {
    case CF_INT:
        return "int";
    case CF_ENUM:
        return "enum";
    case CF_BOOL:
    case CF_ARCHIVED:
        return "bool";
    case CF_DATE:
        return "date";
    case CF_SAN:
    case CF_EKU:
    case CF_USAGE:
    case CF_NOTHING:
        return "list";
    default:
        return "text";
    }
}

static struct search_field shown[COUNT(fields)];

CONSTRUCTOR static void
show_fields(void)
{
    for (size_t i = 0; i < COUNT(shown); i++)
        shown[i] = (struct search_field){ fields[i].name, type_of(fields[i].kind), fields[i].doc };
}

const struct search_field *
search_fields(size_t *count)
{
    *count = COUNT(shown);
    return shown;
}
