/** OID: object identifiers between their DER contents, dotted text and the names people use. */
#ifndef PKI_OID_H
#define PKI_OID_H

#include "base/text.h"

/* The object identifiers that our code names; the table in oid.c gives their names. */
#define OID_CN "2.5.4.3"
#define OID_SERIAL_NUMBER "2.5.4.5"
#define OID_C "2.5.4.6"
#define OID_L "2.5.4.7"
#define OID_ST "2.5.4.8"
#define OID_O "2.5.4.10"
#define OID_OU "2.5.4.11"
#define OID_DC "0.9.2342.19200300.100.1.25"
#define OID_UID "0.9.2342.19200300.100.1.1"
#define OID_EMAIL "1.2.840.113549.1.9.1"

#define OID_SKI "2.5.29.14"
#define OID_KEY_USAGE "2.5.29.15"
#define OID_SAN "2.5.29.17"
#define OID_ISSUER_ALT_NAME "2.5.29.18"
#define OID_BASIC_CONSTRAINTS "2.5.29.19"
#define OID_CRL_NUMBER "2.5.29.20"
#define OID_CRL_REASON "2.5.29.21"
#define OID_INVALIDITY_DATE "2.5.29.24"
#define OID_DELTA_CRL "2.5.29.27"
#define OID_IDP "2.5.29.28"
#define OID_CERT_ISSUER "2.5.29.29"
#define OID_NAME_CONSTRAINTS "2.5.29.30"
#define OID_CDP "2.5.29.31"
#define OID_POLICIES "2.5.29.32"
#define OID_POLICY_MAPPINGS "2.5.29.33"
#define OID_AKI "2.5.29.35"
#define OID_POLICY_CONSTRAINTS "2.5.29.36"
#define OID_EKU "2.5.29.37"
#define OID_FRESHEST_CRL "2.5.29.46"
#define OID_INHIBIT_ANY "2.5.29.54"
#define OID_AIA "1.3.6.1.5.5.7.1.1"
#define OID_TLS_FEATURE "1.3.6.1.5.5.7.1.24"
#define OID_AD_OCSP "1.3.6.1.5.5.7.48.1"
#define OID_AD_ISSUERS "1.3.6.1.5.5.7.48.2"
#define OID_OCSP_BASIC "1.3.6.1.5.5.7.48.1.1"
#define OID_OCSP_NONCE "1.3.6.1.5.5.7.48.1.2"
#define OID_OCSP_NOCHECK "1.3.6.1.5.5.7.48.1.5"
#define OID_CPS "1.3.6.1.5.5.7.2.1"

#define OID_EKU_ANY "2.5.29.37.0"
#define OID_EKU_SERVER "1.3.6.1.5.5.7.3.1"
#define OID_EKU_CLIENT "1.3.6.1.5.5.7.3.2"
#define OID_EKU_CODE "1.3.6.1.5.5.7.3.3"
#define OID_EKU_EMAIL "1.3.6.1.5.5.7.3.4"
#define OID_EKU_TIME "1.3.6.1.5.5.7.3.8"
#define OID_EKU_OCSP "1.3.6.1.5.5.7.3.9"

#define OID_EXTENSION_REQUEST "1.2.840.113549.1.9.14"
#define OID_CHALLENGE_PASSWORD "1.2.840.113549.1.9.7"
#define OID_MS_EXTENSION_REQUEST "1.3.6.1.4.1.311.2.1.14"
#define OID_MS_TEMPLATE_NAME "1.3.6.1.4.1.311.20.2"
#define OID_MS_TEMPLATE "1.3.6.1.4.1.311.21.7"
#define OID_MS_UPN "1.3.6.1.4.1.311.20.2.3"
#define OID_MS_SID "1.3.6.1.4.1.311.25.2"
#define OID_SMTP_UTF8 "1.3.6.1.5.5.7.8.9"
#define OID_PERMANENT_ID "1.3.6.1.5.5.7.8.3"
#define OID_HARDWARE_MODULE "1.3.6.1.5.5.7.8.4"

#define OID_TPM_MANUFACTURER "2.23.133.2.1"
#define OID_TPM_MODEL "2.23.133.2.2"
#define OID_TPM_VERSION "2.23.133.2.3"
#define OID_EKU_TPM_AIK "2.23.133.8.3"
#define OID_YUBIKEY_SERIAL "1.3.6.1.4.1.41482.3.7"
#define OID_STEP_DEVICE "1.3.6.1.4.1.37476.9000.64.4"
#define OID_APPLE_SERIAL "1.2.840.113635.100.8.9.1"
#define OID_APPLE_UDID "1.2.840.113635.100.8.9.2"
#define OID_APPLE_NONCE "1.2.840.113635.100.8.11.1"

#define OID_RSA "1.2.840.113549.1.1.1"
#define OID_RSA_PSS "1.2.840.113549.1.1.10"
#define OID_EC "1.2.840.10045.2.1"
#define OID_P256 "1.2.840.10045.3.1.7"
#define OID_P384 "1.3.132.0.34"
#define OID_P521 "1.3.132.0.35"
#define OID_ED25519 "1.3.101.112"
#define OID_ED448 "1.3.101.113"
#define OID_DSA "1.2.840.10040.4.1"
#define OID_SHA1 "1.3.14.3.2.26"
#define OID_SHA256 "2.16.840.1.101.3.4.2.1"
#define OID_SHA384 "2.16.840.1.101.3.4.2.2"
#define OID_SHA512 "2.16.840.1.101.3.4.2.3"

#define OID_DATA "1.2.840.113549.1.7.1"
#define OID_SIGNED_DATA "1.2.840.113549.1.7.2"

/** What an object identifier is called. */
struct oid_info {
    const char *text;  /* dotted */
    const char *name;  /* short: "CN", "serverAuth", "subjectAltName" */
    const char *title; /* for people: "Server Authentication"; the name when there is no other */
    struct bytes der;  /* contents */
};

/** Dotted text of well-formed contents, from the table or in arena A. */
const char *oid_text(struct arena *a, struct bytes contents);
/** Contents of dotted text; false on anything malformed: first arc over 2, leading zeros, arcs over
 * 64 bits. */
bool oid_parse(struct arena *a, const char *text, struct bytes *contents);
/** The table's row, or NULL. */
const struct oid_info *oid_of_der(struct bytes contents);
const struct oid_info *oid_of_text(const char *text);
/** By short name in any case ("cn", "ServerAuth"), or NULL. */
const struct oid_info *oid_of_name(const char *name);
/** Contents are those of this dotted text, which must be in the table. */
bool oid_is(struct bytes contents, const char *text);
/** Text or short name to dotted text (from the table, or the text itself when well formed); NULL
 * when neither. */
const char *oid_resolve(struct arena *a, const char *text_or_name);

#endif
