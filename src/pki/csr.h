/** CSR: PKCS#10 certification requests, read strictly and written. */
#ifndef PKI_CSR_H
#define PKI_CSR_H

#include "pki/cert.h"

#define CSR_MAX_LEN (64 * 1024)

/** A request; bytes point into its DER, the rest lives in the scope's arena. */
struct csr {
    struct bytes der, info; /* whole; what the signature covers */
    int version;            /* 0 or 1 */
    struct name subject;
    struct pubkey key;
    bool proved;      /* by csr_verify(): the key is one, and whoever asks has its private half */
    struct exts exts; /* requested extensions, each at most once */
    enum sig_alg sig_alg;
    struct bytes signature;
    bool has_challenge;      /* a challengePassword attribute is there */
    const char *challenge;   /* its text; NULL when absent. Secret: never log it */
    const char *ms_template; /* Microsoft template name or OID asked for, or NULL */
};

/**
 * Bring what a user sent into DER: PEM (CERTIFICATE REQUEST or NEW CERTIFICATE REQUEST, text around
 * it is let pass), bare base64 with or without line breaks, or DER as it is. The result lives in
 * s->arena or is TEXT itself.
 *
 * @return E_INVALID (CHY_BAD_CSR); E_LIMIT: over CSR_MAX_LEN when decoded
 */
enum err csr_decode(struct scope *s, struct bytes text, struct bytes *der);

/**
 * Read a request. Attributes: extensionRequest (PKCS#9 or Microsoft's), challengePassword and
 * Microsoft's well-known ones; another attribute, a repeated one, or a repeated extension is
 * refused. The signature is not checked yet.
 *
 * @return E_INVALID (CHY_BAD_CSR) with tag "badCSR"; E_LIMIT
 * @see RFC 2986 section 4
 */
enum err csr_read(struct scope *s, struct bytes der, struct csr *out);

/**
 * Proof of possession: the signature matches the key inside; weak hashes (MD5, SHA-1) are refused.
 * Keys that are costly to verify with (RSA over 8192 bits, exponents over 256 bits) are refused
 * before any cryptography.
 *
 * @return E_INVALID (CHY_BAD_POP, or CHY_WEAK_KEY for such a key or one that is no key) with tag
 * "badCSR"
 */
enum err csr_verify(struct scope *s, struct csr *c);

/** What a request asks for. */
struct csr_plan {
    struct bytes subject;  /* DER; {NULL, 0} for an empty name */
    struct list sans;      /* of struct general_name */
    struct list exts;      /* of struct ext: further extensions to ask for */
    const char *challenge; /* or NULL */
};
/** The CertificationRequestInfo that is to be signed, in s->arena: for keys that are not here. */
enum err csr_info(struct scope *s, const struct csr_plan *plan, struct bytes spki,
                  struct bytes *info);
/** Write and sign a request. @param alg  SIG_NONE: what fits the key */
enum err csr_build(struct scope *s, const struct csr_plan *plan, EVP_PKEY *key, enum sig_alg alg,
                   struct bytes *der);

#endif
