/**
 * Certificate: a strict reader of X.509 certificates into a plain struct. What it refuses and
 * OpenSSL takes, and the reverse, is listed in docs/der-oracle.md.
 */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include "pki/key.h"
#include "pki/name.h"

#define CERT_MAX_LEN (64 * 1024)
#define CERT_MAX_EXTS 64
#define CERT_MAX_NAMES 10000

/* Key usages, numbered as the Command API and .NET do: the BIT STRING's octets. */
#define KU_DIGITAL_SIGNATURE 0x0080
#define KU_NON_REPUDIATION 0x0040
#define KU_KEY_ENCIPHERMENT 0x0020
#define KU_DATA_ENCIPHERMENT 0x0010
#define KU_KEY_AGREEMENT 0x0008
#define KU_CERT_SIGN 0x0004
#define KU_CRL_SIGN 0x0002
#define KU_ENCIPHER_ONLY 0x0001
#define KU_DECIPHER_ONLY 0x8000

/** One extension, as it stands. */
struct ext {
    struct bytes oid; /* contents */
    bool critical;
    struct bytes value; /* contents of its OCTET STRING: DER */
};

/** Extensions taken apart; what is absent is zero. Requests have them too. */
struct exts {
    struct list all;         /* of struct ext, in order */
    struct list san;         /* of struct general_name */
    struct list eku;         /* of const char *: dotted text */
    struct list cdp;         /* of const char *: URLs */
    struct list aia_ocsp;    /* of const char *: URLs */
    struct list aia_issuers; /* of const char *: URLs */
    struct list policies;    /* of const char *: dotted text */
    struct bytes ski, aki;   /* key ids */
    unsigned key_usage;      /* KU_ bits */
    int path_len;            /* -1: no limit */
    bool has_key_usage, has_basic, is_ca, has_san, san_critical, has_eku;
    bool ocsp_nocheck, must_staple;
    bool unknown_critical; /* a critical extension that is not decoded here (name and policy
                              constraints count as known) */
};

/** A certificate; bytes point into its DER, lists and text live in the scope's arena. */
struct cert {
    struct bytes der, tbs;  /* whole */
    int version;            /* 1 to 3 */
    struct bytes serial;    /* magnitude: at most 20 octets, no leading zeros */
    const char *serial_hex; /* upper case, even length */
    enum sig_alg sig_alg;   /* SIG_NONE when not in our table: see sig_oid */
    struct bytes sig_alg_der, sig_oid, signature;
    struct name issuer, subject;
    struct when not_before, not_after; /* not_after is the last second of validity */
    struct pubkey key;
    struct exts exts;
    uint8_t sha1[SHA1_LEN], sha256[SHA256_LEN]; /* of the DER: the thumbprints */
    bool self_issued; /* subject and issuer are the same bytes; the signature is not checked here */
};

/**
 * Read one certificate.
 *
 * @param der  exactly one certificate; must live as long as OUT
 * @return E_INVALID (CHY_BAD_CERT): malformed, and where; E_LIMIT: over CERT_MAX_LEN
 * @see RFC 5280 section 4.1
 */
enum err cert_read(struct scope *s, struct bytes der, struct cert *out);

/**
 * Read Extensions (the SEQUENCE OF, whole), as in certificates and requests. Duplicates are
 * refused. CODE is what a failure carries.
 */
enum err exts_read(struct scope *s, struct bytes der, enum code code, struct exts *out);
/** The extension with this OID (dotted, of the table in oid.h), or NULL. */
const struct ext *exts_get(const struct exts *e, const char *oid);

/** Does the certificate's signature match ISSUER's key? @return E_INVALID: no; E_UNSUPPORTED:
 * unknown algorithm */
enum err cert_verify(struct scope *s, const struct cert *c, const struct pubkey *issuer);
/** Whether it is signed with its own key: a root. One that a former key of the same name certified
 * is none. */
bool cert_is_root(struct scope *s, const struct cert *c);
/** OpenSSL's form of it, owned by s->arena; slow (139 microseconds), for chain building and TLS
 * only. */
enum err cert_x509(struct scope *s, struct bytes der, X509 **out);
/** Upper-case hex of a serial without its sign octet. */
char *serial_hex(struct arena *a, struct bytes serial);

#endif
