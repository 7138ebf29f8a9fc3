/** Lint rules: the table, and what the files of the lints share. Inside pki only. */
#ifndef PKI_LINT_RULES_H
#define PKI_LINT_RULES_H

#include "pki/der.h"
#include "pki/extwalk.h"
#include "pki/lint.h"
#include "pki/oid.h"

#define RFC5280 "RFC 5280 section "

/*
 * RULE(id, severity, "what is wrong", "reference"). Ids are names of exceptions in templates: they
 * are never renamed.
 */
#define LINT_RULES                                                                                 \
    /* structure */                                                                                \
    RULE(tbs_malformed, ERROR, "is not a TBSCertificate in DER", RFC5280 "4.1")                    \
    RULE(tbs_not_der, ERROR, "is not strict DER down to the last element", "X.690 section 10")     \
    RULE(version_not_3, ERROR, "version is not 3", RFC5280 "4.1.2.1")                              \
    RULE(unique_id, ERROR, "unique identifiers are never used", RFC5280 "4.1.2.8")                 \
    /* serial number */                                                                            \
    RULE(serial_not_positive, ERROR, "serial number is not positive", RFC5280 "4.1.2.2")           \
    RULE(serial_too_long, ERROR, "serial number has more than 20 octets", RFC5280 "4.1.2.2")       \
    RULE(serial_too_short, ERROR, "serial number has too few octets to hold 64 random bits",       \
         "CA/B BR section 7.1")                                                                    \
    /* signature algorithm */                                                                      \
    RULE(algorithm_differs, ERROR, "inner and outer signature algorithm are not the same octets",  \
         RFC5280 "4.1.1.2")                                                                        \
    RULE(algorithm_unknown, ERROR,                                                                 \
         "signature algorithm is none of ours, or its parameters are wrong", "RFC 4055, RFC 5758") \
    RULE(algorithm_weak, ERROR, "signature algorithm uses a broken hash", "RFC 6194")              \
    RULE(algorithm_not_issuers, ERROR, "issuer's key cannot make such a signature",                \
         RFC5280 "4.1.1.2")                                                                        \
    /* issuer and its relation */                                                                  \
    RULE(issuer_empty, ERROR, "issuer name is empty", RFC5280 "4.1.2.4")                           \
    RULE(issuer_differs, ERROR, "issuer is not the octets of the CA certificate's subject",        \
         RFC5280 "4.1.2.4")                                                                        \
    RULE(issuer_not_ca, ERROR, "issuer is no CA, or may not sign certificates", RFC5280 "6.1.4")   \
    RULE(root_not_self_issued, ERROR, "a root's subject and issuer differ", RFC5280 "3.2")         \
    RULE(path_length_exceeded, ERROR, "issuer's path length allows no such CA below it",           \
         RFC5280 "4.2.1.9")                                                                        \
    RULE(eku_not_in_issuer, ERROR, "issuer's extended key usages do not hold this one",            \
         "CA/B BR section 7.1.2.10.6")                                                             \
    RULE(name_constrained, ERROR, "a name lies outside of the issuers' name constraints",          \
         RFC5280 "4.2.1.10")                                                                       \
    /* validity */                                                                                 \
    RULE(time_encoding, ERROR, "UTCTime through 2049, GeneralizedTime from 2050, seconds and Z",   \
         RFC5280 "4.1.2.5")                                                                        \
    RULE(validity_reversed, ERROR, "ends before it begins", RFC5280 "4.1.2.5")                     \
    RULE(validity_too_long, ERROR, "lives longer than allowed", "CA/B BR section 6.3.2")           \
    RULE(validity_outside_issuer, ERROR, "validity is not within the issuer's", RFC5280 "6.1.3")   \
    RULE(backdated, ERROR, "notBefore lies too far in the past", "CA/B BR section 7.1.2.7")        \
    /* subject */                                                                                  \
    RULE(subject_malformed, ERROR, "subject is not a well-formed name", RFC5280 "4.1.2.4")         \
    RULE(subject_empty, ERROR, "a CA has an empty subject", RFC5280 "4.1.2.6")                     \
    RULE(subject_is_issuers, ERROR, "the CA's own name is given to another", RFC5280 "4.1.2.6")    \
    RULE(attribute_encoding, ERROR, "attribute has the wrong string type", RFC5280 "A.1")          \
    RULE(attribute_text, ERROR, "attribute holds what its string type or a name may not hold",     \
         RFC5280 "A.1")                                                                            \
    RULE(attribute_too_long, ERROR, "attribute is longer than its upper bound", RFC5280 "A.1")     \
    RULE(attribute_blank, ERROR, "attribute is empty, or begins or ends with a blank",             \
         "X.520 section 6")                                                                        \
    RULE(attribute_junk, ERROR, "attribute holds a placeholder and no value",                      \
         "CA/B BR section 7.1.4.2")                                                                \
    RULE(attribute_twice, WARN, "attribute is there more than once", "CA/B BR section 7.1.4.2")    \
    RULE(country_form, ERROR, "country is not two upper-case letters", "ISO 3166-1")               \
    RULE(country_unknown, WARN, "country is no code of ISO 3166-1", "ISO 3166-1")                  \
    /* public key */                                                                               \
    RULE(key_encoding, ERROR,                                                                      \
         "public key is not RSA with NULL, EC on a named curve uncompressed, or Edwards",          \
         "RFC 3279 section 2.3, RFC 5480, RFC 8410")                                               \
    RULE(key_weak, ERROR, "public key is too small or of an odd size", "NIST SP 800-131A")         \
    RULE(key_differs, ERROR, "public key is not the one that was asked for", "RFC 2986")           \
    RULE(key_is_issuers, ERROR, "the CA's own key is given to another", RFC5280 "4.1.2.7")         \
    /* extensions as such */                                                                       \
    RULE(extension_malformed, ERROR, "extension is not in DER, or not what its OID says",          \
         RFC5280 "4.2")                                                                            \
    RULE(extension_twice, ERROR, "extension is there more than once", RFC5280 "4.2")               \
    RULE(extension_default, ERROR, "a DEFAULT value is spelled out", "X.690 section 11.5")         \
    RULE(extension_unknown_critical, WARN, "critical extension that clients may not know",         \
         RFC5280 "4.2")                                                                            \
    RULE(extension_critical, ERROR, "extension must not be critical", RFC5280 "4.2")               \
    RULE(extension_not_critical, ERROR, "extension must be critical", RFC5280 "4.2")               \
    RULE(extension_not_on_leaf, ERROR, "extension belongs into CA certificates only",              \
         RFC5280 "4.2.1")                                                                          \
    /* key identifiers */                                                                          \
    RULE(aki_missing, ERROR, "authorityKeyIdentifier is missing", RFC5280 "4.2.1.1")               \
    RULE(aki_not_key_id_only, ERROR, "authorityKeyIdentifier is not a key id alone",               \
         RFC5280 "4.2.1.1")                                                                        \
    RULE(aki_differs, ERROR, "authorityKeyIdentifier is not the issuer's key identifier",          \
         RFC5280 "4.2.1.1")                                                                        \
    RULE(ski_missing_on_ca, ERROR, "a CA has no subjectKeyIdentifier", RFC5280 "4.2.1.2")          \
    RULE(ski_missing, NOTICE, "subjectKeyIdentifier is missing", RFC5280 "4.2.1.2")                \
    RULE(ski_is_issuers, ERROR, "subjectKeyIdentifier is the issuer's", RFC5280 "4.2.1.2")         \
    /* key usage */                                                                                \
    RULE(ku_missing_on_ca, ERROR, "a CA has no keyUsage", RFC5280 "4.2.1.3")                       \
    RULE(ku_missing, WARN, "keyUsage is missing", RFC5280 "4.2.1.3")                               \
    RULE(ku_not_critical, ERROR, "a CA's keyUsage is not critical", RFC5280 "4.2.1.3")             \
    RULE(ku_not_minimal, ERROR, "keyUsage is not encoded minimally", "X.690 section 11.2.2")       \
    RULE(ku_empty, ERROR, "keyUsage holds no bit", RFC5280 "4.2.1.3")                              \
    RULE(ku_sign_on_leaf, ERROR, "keyCertSign or cRLSign in an end entity", RFC5280 "4.2.1.3")     \
    RULE(ku_no_cert_sign, ERROR, "a CA's keyUsage lacks keyCertSign", RFC5280 "4.2.1.3")           \
    RULE(ku_no_crl_sign, WARN, "a CA's keyUsage lacks cRLSign", RFC5280 "4.2.1.3")                 \
    RULE(ku_not_for_key, ERROR, "keyUsage has a bit that this type of key cannot do",              \
         "RFC 5480 section 3, RFC 8410 section 5, RFC 8813")                                       \
    RULE(ku_not_for_use, ERROR, "keyUsage lacks what the extended key usage needs",                \
         RFC5280 "4.2.1.12")                                                                       \
    /* extended key usage */                                                                       \
    RULE(eku_missing, ERROR, "an end entity has no extKeyUsage", "CA/B BR section 7.1.2.7.10")     \
    RULE(eku_missing_on_ca, NOTICE, "a subordinate CA is not limited by extKeyUsage",              \
         "CA/B BR section 7.1.2.10.6")                                                             \
    RULE(eku_any, ERROR, "anyExtendedKeyUsage is never used", RFC5280 "4.2.1.12")                  \
    RULE(eku_twice, ERROR, "an extended key usage is there more than once", RFC5280 "4.2.1.12")    \
    RULE(eku_ocsp_not_alone, ERROR, "OCSPSigning stands beside other usages",                      \
         "RFC 6960 section 4.2.2.2")                                                               \
    RULE(eku_ocsp_misplaced, ERROR, "OCSPSigning outside of an OCSP responder's certificate",      \
         "RFC 6960 section 4.2.2.2")                                                               \
    RULE(responder_eku, ERROR, "a responder's extKeyUsage is not OCSPSigning",                     \
         "RFC 6960 section 4.2.2.2")                                                               \
    RULE(responder_no_nocheck, ERROR, "a responder lacks id-pkix-ocsp-nocheck",                    \
         "RFC 6960 section 4.2.2.2.1")                                                             \
    RULE(responder_aia_ocsp, ERROR, "a responder names an OCSP address",                           \
         "RFC 6960 section 4.2.2.2.1")                                                             \
    RULE(nocheck_misplaced, ERROR, "id-pkix-ocsp-nocheck outside of a responder's certificate",    \
         "RFC 6960 section 4.2.2.2.1")                                                             \
    /* subject alternative names */                                                                \
    RULE(san_missing, ERROR, "a server or an empty subject has no subjectAltName",                 \
         RFC5280 "4.1.2.6, RFC 6125")                                                              \
    RULE(san_criticality, ERROR, "subjectAltName is critical if and only if the subject is empty", \
         RFC5280 "4.2.1.6")                                                                        \
    RULE(san_dns_form, ERROR, "DNS name is not in the preferred form",                             \
         RFC5280 "4.2.1.6, RFC 1123")                                                              \
    RULE(san_dns_internal, ERROR, "DNS name is an internal one", "CA/B BR section 4.2.2")          \
    RULE(san_ip_form, ERROR, "IP address has neither 4 nor 16 octets", RFC5280 "4.2.1.6")          \
    RULE(san_email_form, ERROR, "e-mail address is malformed", RFC5280 "4.2.1.6")                  \
    RULE(san_uri_form, ERROR, "URI is not absolute", RFC5280 "4.2.1.6")                            \
    RULE(san_kind, ERROR, "kind of name that nobody uses", RFC5280 "4.2.1.6")                      \
    RULE(san_twice, WARN, "name is there more than once", "CA/B BR section 7.1.2.7.12")            \
    RULE(san_too_many, ERROR, "more than 100 names, or over 16 KiB of them", "our own limit")      \
    RULE(cn_not_in_san, ERROR, "common name is a host that subjectAltName does not hold",          \
         "CA/B BR section 7.1.4.3")                                                                \
    /* basic and other constraints */                                                              \
    RULE(bc_missing_on_ca, ERROR, "a CA has no basicConstraints", RFC5280 "4.2.1.9")               \
    RULE(bc_not_ca, ERROR, "a CA's basicConstraints do not say so", RFC5280 "4.2.1.9")             \
    RULE(bc_ca_on_leaf, ERROR, "an end entity is marked as a CA", RFC5280 "4.2.1.9")               \
    RULE(bc_path_length_on_leaf, ERROR, "path length in an end entity", RFC5280 "4.2.1.9")         \
    RULE(nc_form, ERROR, "name constraints are empty, or a subtree is malformed",                  \
         RFC5280 "4.2.1.10")                                                                       \
    /* policies, addresses, features */                                                            \
    RULE(policy_twice, ERROR, "certificate policy is there more than once", RFC5280 "4.2.1.4")     \
    RULE(policy_notice, WARN, "userNotice is best avoided", RFC5280 "4.2.1.4")                     \
    RULE(policy_cps, ERROR, "cPSuri is no http or https address", RFC5280 "4.2.1.4")               \
    RULE(cdp_form, ERROR, "CRL distribution point is not a full name of URIs alone",               \
         RFC5280 "4.2.1.13")                                                                       \
    RULE(cdp_many, NOTICE, "more than one CRL distribution point", RFC5280 "4.2.1.13")             \
    RULE(cdp_not_http, ERROR, "CRL address is not plain http", RFC5280 "8")                        \
    RULE(aia_not_http, ERROR, "address in authorityInfoAccess is not plain http", RFC5280 "8")     \
    RULE(aia_method, WARN, "access method that clients do not know", RFC5280 "4.2.2.1")            \
    RULE(aia_order, NOTICE, "an OCSP address follows an issuer's address", "our own convention")   \
    RULE(url_query, WARN, "address has a query or a fragment", "our own convention")               \
    RULE(tls_feature, ERROR, "TLS feature is anything else than status_request alone",             \
         "RFC 7633 section 4")                                                                     \
    /* revocation lists */                                                                         \
    RULE(crl_malformed, ERROR, "is not a version 2 CRL in DER", RFC5280 "5.1")                     \
    RULE(crl_algorithm, ERROR, "signature algorithm is unknown, weak, or not the same twice",      \
         RFC5280 "5.1.1.2")                                                                        \
    RULE(crl_issuer, ERROR, "issuer is not the octets of the CA certificate's subject",            \
         RFC5280 "5.1.2.3")                                                                        \
    RULE(crl_key_id, ERROR, "authorityKeyIdentifier is missing or another's", RFC5280 "5.2.1")     \
    RULE(crl_number_missing, ERROR, "cRLNumber is missing", RFC5280 "5.2.3")                       \
    RULE(crl_number_not_above, ERROR, "cRLNumber is not above the previous one", RFC5280 "5.2.3")  \
    RULE(crl_this_update, ERROR, "thisUpdate is in the future, or before the previous one",        \
         RFC5280 "5.1.2.4")                                                                        \
    RULE(crl_next_update, ERROR, "nextUpdate is missing or in the past", RFC5280 "5.1.2.5")        \
    RULE(crl_list_empty, ERROR, "revokedCertificates is an empty SEQUENCE", RFC5280 "5.1.2.6")     \
    RULE(crl_serial, ERROR, "an entry's serial number is zero", RFC5280 "5.1.2.6")                 \
    RULE(crl_serial_twice, ERROR, "a serial number is there twice", RFC5280 "5.1.2.6")             \
    RULE(crl_not_sorted, NOTICE, "entries are not in the order of their serials",                  \
         "our own convention")                                                                     \
    RULE(crl_reason_critical, ERROR, "reasonCode is critical", RFC5280 "5.3.1")                    \
    RULE(crl_reason_unspecified, ERROR, "reasonCode 0 is spelled out", RFC5280 "5.3.1")            \
    RULE(crl_reason_remove, ERROR, "removeFromCRL in a full CRL", RFC5280 "5.3.1")                 \
    RULE(crl_entry_gone, ERROR, "an entry of the previous list is gone before its time",           \
         RFC5280 "3.3")                                                                            \
    RULE(crl_scope, ERROR, "issuingDistributionPoint is not what the certificates say",            \
         RFC5280 "5.2.5")                                                                          \
    RULE(crl_kind, ERROR, "a delta for a full list or the reverse, or an indirect or limited one", \
         RFC5280 "5.2")                                                                            \
    RULE(crl_delta_base, ERROR,                                                                    \
         "deltaCRLIndicator is not critical, or not the number of the published base",             \
         RFC5280 "5.2.4")                                                                          \
    RULE(crl_delta_scope, ERROR, "a delta's issuer, key id or scope is not its base's",            \
         RFC5280 "5.2.4")                                                                          \
    RULE(crl_freshest, ERROR, "freshestCRL is not where the deltas are, or in a delta",            \
         RFC5280 "5.2.6")                                                                          \
    RULE(crl_too_large, ERROR, "list is larger than allowed", "our own limit")

enum lint_id {
#define RULE(id, severity, message, reference) L_##id,
    LINT_RULES
#undef RULE
        L_COUNT,
};

#define LINT_EXTS_MAX 64

/* Kinds of key, as far as the rules tell them apart. */
enum lint_key { LK_UNKNOWN, LK_RSA, LK_EC, LK_ED };

/* Key usage bits in the order of the BIT STRING. */
enum {
    K_DIGITAL_SIGNATURE = 1 << 0,
    K_KEY_ENCIPHERMENT = 1 << 2,
    K_DATA_ENCIPHERMENT = 1 << 3,
    K_KEY_AGREEMENT = 1 << 4,
    K_CERT_SIGN = 1 << 5,
    K_CRL_SIGN = 1 << 6,
    K_ENCIPHER_ONLY = 1 << 7,
    K_DECIPHER_ONLY = 1 << 8,
};

/* A TBSCertificate taken apart, and what the extensions said; bytes point into it. */
struct lint_work {
    struct scope *s;
    const struct lint_context *c;
    struct list *findings;
    struct bytes whole;                              /* the TBS */
    struct bytes serial, alg, issuer, subject, spki; /* the first: contents, the others whole */
    struct when not_before, not_after;
    bool times; /* both could be read */
    enum lint_key key;
    size_t ext_count;
    struct ext exts[LINT_EXTS_MAX];
    bool has_bc, is_ca, has_ku, has_eku, eku_server, eku_client, eku_ocsp, eku_any, has_nocheck;
    bool has_san, san_critical, has_dns, aia_ocsp;
    int64_t path_len; /* -1: none */
    uint32_t ku;
    size_t eku_count;
    struct bytes ski, aki; /* key ids */
    struct bytes eku, san; /* extension values */
    struct bytes nc;
};

/* An issuer: a few facts of its certificate. */
struct lint_issuer {
    struct bytes subject, spki, ski, eku; /* eku: the extension's value, or {NULL, 0} */
    struct when not_before, not_after;
    bool is_ca, may_sign;
    int64_t path_len;
    enum lint_key key;
    void *constraints; /* NAME_CONSTRAINTS, or NULL */
};

/* Record that a rule is broken; DETAIL is constant text, or lives in the scope's arena, or is NULL.
 */
void lint_add(struct lint_work *w, enum lint_id id, const char *detail);
/* The same with bytes of the certificate, shown as text as far as they are printable. */
void lint_add_bytes(struct lint_work *w, enum lint_id id, struct bytes detail);

/* The parts, a file each. */
void lint_subject(struct lint_work *w); /* lint_subject.c */
void lint_names(struct lint_work *w);   /* lint_san.c: subjectAltName, and the common name in it */
bool lint_dns_ok(struct bytes name, bool underscores);
void lint_extensions(struct lint_work *w); /* lint_exts.c */
void lint_relations(struct lint_work *w);  /* lint_issuer.c */
/* Take a TBS apart; false when it is none. DETAIL receives where it ends. */
bool lint_walk(struct lint_work *w, struct bytes tbs, const char **detail);
/* What kind of key, and whether it is encoded and as large as it must be. */
void lint_key(struct lint_work *w);
bool lint_name_empty(struct bytes name);

#endif
