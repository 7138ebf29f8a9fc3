#include "pki/oid.h"

#include "pki/der.h"
#include <openssl/objects.h>
#include <string.h>

/* Dotted text, short name, title for people (NULL: the name). A name that two rows share finds the
 * first. */
static struct oid_info table[] = {
    /* attribute types: RFC 4519, RFC 5280 appendix A, RFC 2985 */
    { OID_CN, "CN", "Common Name" },
    { OID_SERIAL_NUMBER, "serialNumber", "Serial Number" },
    { OID_C, "C", "Country" },
    { OID_L, "L", "Locality" },
    { OID_ST, "ST", "State" },
    { OID_O, "O", "Organization" },
    { OID_OU, "OU", "Organizational Unit" },
    { OID_DC, "DC", "Domain Component" },
    { OID_UID, "UID", "User Id" },
    { OID_EMAIL, "emailAddress", "Email Address" },
    { "2.5.4.4", "SN", "Surname" },
    { "2.5.4.9", "STREET", "Street" },
    { "2.5.4.12", "title", "Title" },
    { "2.5.4.13", "description", "Description" },
    { "2.5.4.15", "businessCategory", "Business Category" },
    { "2.5.4.17", "postalCode", "Postal Code" },
    { "2.5.4.41", "name", "Name" },
    { "2.5.4.42", "GN", "Given Name" },
    { "2.5.4.43", "initials", "Initials" },
    { "2.5.4.44", "generationQualifier", "Generation Qualifier" },
    { "2.5.4.45", "x500UniqueIdentifier", "Unique Identifier" },
    { "2.5.4.46", "dnQualifier", "DN Qualifier" },
    { "2.5.4.65", "pseudonym", "Pseudonym" },
    { "2.5.4.97", "organizationIdentifier", "Organization Identifier" },
    { "1.2.840.113549.1.9.2", "unstructuredName", "Unstructured Name" },
    { "1.2.840.113549.1.9.8", "unstructuredAddress", "Unstructured Address" },
    { "1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL", "Jurisdiction Locality" },
    { "1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST", "Jurisdiction State" },
    { "1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC", "Jurisdiction Country" },
    /* extensions: RFC 5280 section 4.2 and 5.2 */
    { OID_SKI, "subjectKeyIdentifier", "Subject Key Identifier" },
    { OID_KEY_USAGE, "keyUsage", "Key Usage" },
    { "2.5.29.16", "privateKeyUsagePeriod", "Private Key Usage Period" },
    { OID_SAN, "subjectAltName", "Subject Alternative Name" },
    { OID_ISSUER_ALT_NAME, "issuerAltName", "Issuer Alternative Name" },
    { OID_BASIC_CONSTRAINTS, "basicConstraints", "Basic Constraints" },
    { OID_CRL_NUMBER, "cRLNumber", "CRL Number" },
    { OID_CRL_REASON, "cRLReason", "CRL Reason" },
    { OID_INVALIDITY_DATE, "invalidityDate", "Invalidity Date" },
    { OID_DELTA_CRL, "deltaCRLIndicator", "Delta CRL Indicator" },
    { OID_IDP, "issuingDistributionPoint", "Issuing Distribution Point" },
    { OID_CERT_ISSUER, "certificateIssuer", "Certificate Issuer" },
    { OID_NAME_CONSTRAINTS, "nameConstraints", "Name Constraints" },
    { OID_CDP, "cRLDistributionPoints", "CRL Distribution Points" },
    { OID_POLICIES, "certificatePolicies", "Certificate Policies" },
    { OID_POLICY_MAPPINGS, "policyMappings", "Policy Mappings" },
    { OID_AKI, "authorityKeyIdentifier", "Authority Key Identifier" },
    { OID_POLICY_CONSTRAINTS, "policyConstraints", "Policy Constraints" },
    { OID_EKU, "extKeyUsage", "Extended Key Usage" },
    { OID_FRESHEST_CRL, "freshestCRL", "Freshest CRL" },
    { OID_INHIBIT_ANY, "inhibitAnyPolicy", "Inhibit Any Policy" },
    { "2.5.29.9", "subjectDirectoryAttributes", "Subject Directory Attributes" },
    { OID_AIA, "authorityInfoAccess", "Authority Information Access" },
    { "1.3.6.1.5.5.7.1.3", "qcStatements", "Qualified Certificate Statements" },
    { "1.3.6.1.5.5.7.1.11", "subjectInfoAccess", "Subject Information Access" },
    { OID_TLS_FEATURE, "tlsFeature", "TLS Feature" },
    { OID_AD_OCSP, "OCSP", "OCSP" },
    { OID_AD_ISSUERS, "caIssuers", "CA Issuers" },
    { OID_OCSP_BASIC, "basicOCSPResponse", "Basic OCSP Response" },
    { OID_OCSP_NONCE, "ocspNonce", "OCSP Nonce" },
    { OID_OCSP_NOCHECK, "ocspNoCheck", "OCSP No Check" },
    { OID_CPS, "cps", "Certification Practice Statement" },
    { "1.3.6.1.5.5.7.2.2", "userNotice", "User Notice" },
    { "2.5.29.32.0", "anyPolicy", "Any Policy" },
    { "2.16.840.1.113730.1.1", "nsCertType", "Netscape Certificate Type" },
    { "2.16.840.1.113730.1.13", "nsComment", "Netscape Comment" },
    { "1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestamps", "CT Timestamps" },
    { "1.3.6.1.4.1.11129.2.4.3", "ctPoison", "CT Precertificate Poison" },
    /* key purposes: RFC 5280 section 4.2.1.12 and vendors' */
    { OID_EKU_ANY, "anyExtendedKeyUsage", "Any Purpose" },
    { OID_EKU_SERVER, "serverAuth", "Server Authentication" },
    { OID_EKU_CLIENT, "clientAuth", "Client Authentication" },
    { OID_EKU_CODE, "codeSigning", "Code Signing" },
    { OID_EKU_EMAIL, "emailProtection", "Secure Email" },
    { OID_EKU_TIME, "timeStamping", "Time Stamping" },
    { OID_EKU_OCSP, "OCSPSigning", "OCSP Signing" },
    { "1.3.6.1.5.5.7.3.5", "ipsecEndSystem", "IP Security End System" },
    { "1.3.6.1.5.5.7.3.6", "ipsecTunnel", "IP Security Tunnel Termination" },
    { "1.3.6.1.5.5.7.3.7", "ipsecUser", "IP Security User" },
    { "1.3.6.1.5.5.7.3.17", "ipsecIKE", "IP Security IKE" },
    { "1.3.6.1.5.5.8.2.2", "iKEIntermediate", "IP Security IKE Intermediate" },
    { "1.3.6.1.5.5.7.3.27", "cmcCA", "CMC Certificate Authority" },
    { "1.3.6.1.5.5.7.3.28", "cmcRA", "CMC Registration Authority" },
    { "1.3.6.1.5.2.3.4", "pkInitClient", "Kerberos Client Authentication" },
    { "1.3.6.1.5.2.3.5", "pkInitKDC", "KDC Authentication" },
    { "1.3.6.1.4.1.311.10.3.4", "msEFS", "Encrypting File System" },
    { "1.3.6.1.4.1.311.10.3.12", "msDocumentSigning", "Document Signing" },
    { "1.3.6.1.4.1.311.20.2.1", "msEnrollmentAgent", "Certificate Request Agent" },
    { "1.3.6.1.4.1.311.20.2.2", "msSmartcardLogin", "Smart Card Logon" },
    { "1.3.6.1.4.1.311.54.1.2", "msRemoteDesktop", "Remote Desktop Authentication" },
    /* requests */
    { OID_EXTENSION_REQUEST, "extensionRequest", "Extension Request" },
    { OID_CHALLENGE_PASSWORD, "challengePassword", "Challenge Password" },
    { OID_MS_EXTENSION_REQUEST, "msExtensionRequest", "Extension Request (Microsoft)" },
    { "1.3.6.1.4.1.311.13.2.1", "msNameValue", "Enrollment Name and Value" },
    { "1.3.6.1.4.1.311.13.2.2", "msCspInfo", "Cryptographic Provider" },
    { "1.3.6.1.4.1.311.13.2.3", "msOsVersion", "Operating System Version" },
    { "1.3.6.1.4.1.311.21.20", "msRequestClientInfo", "Client Information" },
    { "1.3.6.1.4.1.311.21.10", "msApplicationPolicies", "Application Policies" },
    { "1.3.6.1.4.1.311.21.1", "msCAVersion", "CA Version" },
    { "1.2.840.113549.1.9.15", "smimeCapabilities", "S/MIME Capabilities" },
    { OID_MS_TEMPLATE_NAME, "msTemplateName", "Certificate Template Name" },
    { OID_MS_TEMPLATE, "msTemplate", "Certificate Template Information" },
    { OID_MS_UPN, "msUPN", "User Principal Name" },
    /* names of devices, and what their makers say of them: RFC 4043, RFC 4108, TCG EK profile */
    { OID_PERMANENT_ID, "permanentIdentifier", "Permanent Identifier" },
    { OID_HARDWARE_MODULE, "hardwareModuleName", "Hardware Module Name" },
    { OID_TPM_MANUFACTURER, "tpmManufacturer", "TPM Manufacturer" },
    { OID_TPM_MODEL, "tpmModel", "TPM Model" },
    { OID_TPM_VERSION, "tpmVersion", "TPM Version" },
    { OID_EKU_TPM_AIK, "tcgAIKCertificate", "TPM Attestation Key" },
    { OID_YUBIKEY_SERIAL, "yubikeySerial", "YubiKey Serial Number" },
    { OID_STEP_DEVICE, "stepManagedDevice", "Managed Device" },
    { OID_APPLE_SERIAL, "appleSerial", "Apple Serial Number" },
    { OID_APPLE_UDID, "appleUDID", "Apple Device Identifier" },
    { OID_APPLE_NONCE, "appleNonce", "Apple Attestation Nonce" },
    { OID_MS_SID, "msSID", "Security Identifier" },
    { OID_SMTP_UTF8, "smtpUTF8Mailbox", "Internationalized Email Address" },
    /* keys, digests, content types */
    { OID_RSA, "rsaEncryption", "RSA" },
    { OID_RSA_PSS, "rsassaPss", "RSASSA-PSS" },
    { OID_EC, "ecPublicKey", "EC" },
    { OID_P256, "P-256", "NIST P-256" },
    { OID_P384, "P-384", "NIST P-384" },
    { OID_P521, "P-521", "NIST P-521" },
    { OID_ED25519, "Ed25519", NULL },
    { OID_ED448, "Ed448", NULL },
    { OID_DSA, "DSA", NULL },
    { OID_SHA1, "SHA-1", NULL },
    { OID_SHA256, "SHA-256", NULL },
    { OID_SHA384, "SHA-384", NULL },
    { OID_SHA512, "SHA-512", NULL },
    { OID_DATA, "data", NULL },
    { OID_SIGNED_DATA, "signedData", NULL },
};

/* Two indexes into the table by open addressing: 0 is empty, else the row's number plus one. */
#define SLOTS 512u
static uint8_t by_der[SLOTS], by_text[SLOTS];
static uint8_t contents_pool[4096];

static unsigned
slot_of(const void *data, size_t len)
{
    const uint8_t *d = data;
    uint32_t h = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        h = (h ^ d[i]) * 16777619u;
    return (h ^ h >> 15) % SLOTS;
}

static void
index_row(uint8_t *index, unsigned slot, size_t row)
{
    while (index[slot])
        slot = (slot + 1) % SLOTS;
    index[slot] = (uint8_t)(row + 1);
}

CONSTRUCTOR static void
table_setup(void)
{
    size_t used = 0;

    _Static_assert(COUNT(table) < 255, "rows are numbered in a byte");
    for (size_t i = 0; i < COUNT(table); i++) {
        struct buf b = { .data = contents_pool + used };
        struct oid_info *row = &table[i];

        b.cap = sizeof(contents_pool) - used;
        b.limit = b.cap - 1; /* so that it never tries to grow */
        der_put_oid(&b, row->text);
        row->der = (struct bytes){ b.data + 2, b.len - 2 };
        used += b.len;
        if (!row->title)
            row->title = row->name;
        index_row(by_der, slot_of(row->der.data, row->der.len), i);
        index_row(by_text, slot_of(row->text, strlen(row->text)), i);
    }
}

const struct oid_info *
oid_of_der(struct bytes contents)
{
    for (unsigned s = slot_of(contents.data, contents.len); by_der[s]; s = (s + 1) % SLOTS)
        if (bytes_eq(table[by_der[s] - 1].der, contents))
            return &table[by_der[s] - 1];
    return NULL;
}

const struct oid_info *
oid_of_text(const char *text)
{
    for (unsigned s = slot_of(text, strlen(text)); by_text[s]; s = (s + 1) % SLOTS)
        if (strcmp(table[by_text[s] - 1].text, text) == 0)
            return &table[by_text[s] - 1];
    return NULL;
}

const struct oid_info *
oid_of_name(const char *name)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (text_eq_fold(table[i].name, name))
            return &table[i];
    return NULL;
}

/* Arcs that need more than 63 bits, such as those below 2.25. */
static const char *
oid_text_big(struct arena *a, struct bytes contents)
{
    ASN1_OBJECT *object;
    struct buf b;
    const uint8_t *at;
    char *text = NULL;
    int len;

    buf_init_in(&b, a, contents.len + 16);
    der_put_oid_bytes(&b, contents);
    at = b.data;
    object = d2i_ASN1_OBJECT(NULL, &at, (long)b.len);
    if (object && (len = OBJ_obj2txt(NULL, 0, object, 1)) > 0) {
        text = arena_alloc(a, (size_t)len + 1);
        (void)OBJ_obj2txt(text, len + 1, object, 1);
    }
    ASN1_OBJECT_free(object);
    return text ? text : "";
}

const char *
oid_text(struct arena *a, struct bytes c)
{
    const struct oid_info *row = oid_of_der(c);
    struct buf b;
    uint64_t arc = 0;
    bool first = true;

    if (row)
        return row->text;
    buf_init_in(&b, a, c.len * 4 + 16);
    for (size_t i = 0; i < c.len; i++) {
        if (arc >> 56)
            return oid_text_big(a, c);
        arc = arc << 7 | (c.data[i] & 0x7f);
        if (c.data[i] >= 0x80)
            continue;
        if (first) {
            uint64_t root = MIN(arc / 40, 2);

            buf_int(&b, (int64_t)root);
            arc -= root * 40;
        }
        first = false;
        buf_byte(&b, '.');
        buf_int(&b, (int64_t)arc);
        arc = 0;
    }
    return buf_str(&b) ? buf_str(&b) : "";
}

bool
oid_parse(struct arena *a, const char *text, struct bytes *contents)
{
    const struct oid_info *row = oid_of_text(text);
    struct span p;
    struct buf b;

    if (row) {
        *contents = row->der;
        return true;
    }
    if (strlen(text) > 512)
        return false;
    buf_init_in(&b, a, 1024);
    der_put_oid(&b, text);
    p = span_of(buf_bytes(&b));
    return !b.failed && der_oid(&p, contents);
}

bool
oid_is(struct bytes contents, const char *text)
{
    const struct oid_info *row = oid_of_text(text);

    return row && bytes_eq(row->der, contents);
}

const char *
oid_resolve(struct arena *a, const char *text_or_name)
{
    const struct oid_info *row = oid_of_name(text_or_name);
    struct bytes contents;

    if (row)
        return row->text;
    return oid_parse(a, text_or_name, &contents) ? text_or_name : NULL;
}
