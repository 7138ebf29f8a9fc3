/** Key: public and private keys, the signature algorithms in one table, signing and verifying by
 * OpenSSL. */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include "base/secret.h"
#include "pki/hash.h"
#include "pki/ssl_err.h"

/** Kinds of key; the register keeps what it does not know as KEY_OTHER. */
enum key_type { KEY_OTHER, KEY_RSA, KEY_EC, KEY_ED25519, KEY_ED448, KEY_RSA_PSS, KEY_DSA };

/** A subjectPublicKeyInfo, taken apart; everything points into its DER. */
struct pubkey {
    enum key_type type;
    int bits; /* RSA modulus; EC field size: 256, 384, 521; 255 and 448 for Ed; 0 unknown */
    struct bytes spki;          /* whole DER */
    struct bytes alg;           /* AlgorithmIdentifier, whole */
    struct bytes key;           /* contents of the BIT STRING: what the SHA-1 key id is made of */
    struct bytes n, e;          /* RSA: magnitudes */
    const char *curve;          /* EC: "P-256"; or NULL */
    uint8_t sha256[SHA256_LEN]; /* of the SPKI */
};

/**
 * Take a subjectPublicKeyInfo apart, strictly: RSA with NULL parameters, EC with a named curve and
 * an uncompressed point of the right length, Ed25519 and Ed448 without parameters. Other algorithms
 * and curves give KEY_OTHER. No bignum work is done; see keycheck.h for the rules on good keys.
 *
 * @return E_INVALID: malformed, explicit curve parameters, compressed point
 */
enum err pubkey_read(struct scope *s, struct bytes spki, struct pubkey *out);
/** Make OpenSSL's form of it; s->arena owns the result. A point off its curve is E_INVALID. */
enum err pubkey_import(struct scope *s, const struct pubkey *k, EVP_PKEY **out);
/** "RSA", "EC", "Ed25519" ... as we show it. */
const char *key_type_name(enum key_type type);
/** "RSA-2048", "EC-P256", "Ed25519". */
char *pubkey_label(struct arena *a, const struct pubkey *k);
/** subjectKeyIdentifier: SHA-1 of the BIT STRING (RFC 5280 section 4.2.1.2, method 1). */
void pubkey_id(const struct pubkey *k, uint8_t out[SHA1_LEN]);

/** Signature algorithms. Those marked weak can be read but are never made. */
enum sig_alg {
    SIG_NONE, /* unknown */
    SIG_ECDSA_SHA256,
    SIG_ECDSA_SHA384,
    SIG_ECDSA_SHA512,
    SIG_RSA_SHA256,
    SIG_RSA_SHA384,
    SIG_RSA_SHA512,
    SIG_PSS_SHA256, /* salt as long as the digest, MGF1 with the same digest */
    SIG_PSS_SHA384,
    SIG_PSS_SHA512,
    SIG_ED25519,
    SIG_ED448,
    SIG_RSA_SHA1,
    SIG_RSA_MD5,
    SIG_ECDSA_SHA1,
    SIG_COUNT,
};
struct sig_alg_info {
    enum sig_alg alg;
    const char *name;   /* in settings and our API: "ecdsa-sha256", "rsa-pss-sha256", "ed25519" */
    const char *title;  /* as the Command API shows it: "SHA-256 With RSA Encryption" */
    const char *jose;   /* "ES256", or NULL */
    const char *digest; /* OpenSSL's name; NULL when the algorithm hashes for itself */
    enum key_type key;
    bool pss, weak;
    struct bytes der; /* AlgorithmIdentifier, whole */
};
/** The row of an algorithm; that of SIG_NONE has the title "Unknown". */
const struct sig_alg_info *sig_alg_info(enum sig_alg alg);
/** Exactly this AlgorithmIdentifier, byte for byte: NULL parameters for RSA, none for ECDSA and Ed;
 * else SIG_NONE. */
enum sig_alg sig_alg_of_der(struct bytes algorithm_identifier);
enum sig_alg sig_alg_of_name(const char *name);
/** What a key of this kind signs with unless told otherwise: SHA-256, on P-384 and P-521 SHA-384
 * and SHA-512. */
enum sig_alg sig_alg_for(enum key_type type, int bits);

/** Hash MESSAGE as an algorithm does it before it signs; returns the octets of OUT, 0 for one that
 * takes the whole message. */
size_t sig_alg_digest(const struct sig_alg_info *info, struct bytes message,
                      uint8_t out[SHA512_LEN]);

/** What key to make. */
struct key_spec {
    enum key_type type;
    int bits; /* RSA: 2048 to 8192; EC: 256, 384, 521; else 0 */
};
/** "rsa:3072", "RSA2048", "ec:P-256", "P-384", "ecdsa-p256", "ed25519"; case and punctuation do not
 * matter. */
bool key_spec_parse(const char *text, struct key_spec *out);
/** Make a key pair; s->arena owns the result. */
enum err key_generate(struct scope *s, struct key_spec spec, EVP_PKEY **out);
/** The public half as SPKI DER in s->arena. */
enum err key_spki(struct scope *s, EVP_PKEY *key, struct bytes *spki);
/** What kind of key this is. */
struct key_spec key_spec_of(EVP_PKEY *key);

/** The private key as PKCS#8 DER; the caller frees the secret. */
enum err key_to_pkcs8(struct scope *s, EVP_PKEY *key, struct secret **out);
/** @return E_INVALID: not an unencrypted PKCS#8 PrivateKeyInfo, or of a kind that we do not use */
enum err key_from_pkcs8(struct scope *s, struct bytes der, EVP_PKEY **out);
/** PKCS#8 in PEM; with a PASSWORD encrypted: PBES2, PBKDF2-HMAC-SHA-256 with 600,000 rounds,
 * AES-256-CBC. */
enum err key_to_pem(struct scope *s, EVP_PKEY *key, const struct secret *password,
                    struct secret **out);
/**
 * Read a PEM private key: PKCS#8 plain or encrypted, or the older RSA and EC forms.
 * @param password  NULL when there is none
 * @return E_FORBIDDEN: encrypted, and the password is missing or wrong; E_UNSUPPORTED, E_LIMIT: in
 * a way that is not offered, or that takes too long
 */
enum err key_from_pem(struct scope *s, struct bytes pem, const struct secret *password,
                      EVP_PKEY **out);

/** Sign MESSAGE; SIGNATURE (in s->arena) is as X.509 wants it. */
enum err key_sign(struct scope *s, EVP_PKEY *key, enum sig_alg alg, struct bytes message,
                  struct bytes *signature);
/** @return E_INVALID: the signature does not match, or the algorithm does not fit the key */
enum err key_verify(struct scope *s, EVP_PKEY *key, enum sig_alg alg, struct bytes message,
                    struct bytes signature);
/** key_verify() with a key that is wanted for nothing else, which spares making OpenSSL's form of
 * it.
 * @return E_INVALID, with CHY_WEAK_KEY: a point off its curve, or no such key; without: as
 * key_verify() */
enum err pubkey_verify(struct scope *s, const struct pubkey *k, enum sig_alg alg,
                       struct bytes message, struct bytes signature);

#endif
