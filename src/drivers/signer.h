/**
 * Signer: a key that signs, wherever it lives. The rest of the program names it by a URI
 * (`file:/path/ca.key`), sees its public half and gets signatures; only a back end ever touches the
 * private half. Any thread, many at once.
 */
#ifndef DRIVERS_SIGNER_H
#define DRIVERS_SIGNER_H

#include "pki/key.h"

struct pairs;
struct seal;
struct signer;

/** The PKCS#11 module and how its tokens are used. */
struct hsm_options {
    const char *module;       /* path of the library; NULL or "": none */
    const char *pin;          /* reference (seal/reference.h) to the PIN of every token; or NULL */
    const struct pairs *pins; /* token's label: reference to its own PIN; or NULL */
    int64_t sessions;         /* of each token; 0: 4 */
    int64_t timeout_ms;       /* the longest wait for an answer; 0: 10 seconds */
    bool trusts_uris; /* module-path and pin-source of a key's URI count: whoever writes it may
                         have this process load a library */
};

/** What the program lends to back ends; it outlives every signer. */
struct signer_env {
    struct seal *seal;                          /* the master key, for keys in files */
    const struct signer_driver *const *drivers; /* ended by NULL; NULL: all that there are */
    const struct hsm_options *hsm;              /* NULL: no PKCS#11 module */
    const char *key_dir; /* where `file:NAME` without a slash lies; NULL: such names are refused */
};

/** A back end. Its functions may wait and may be called by many threads at once; STATE is what its
 * open() made. */
struct signer_driver {
    const char *name; /* the scheme of its URIs: "file" */
    const char *doc;
    /** Open the key that URI names. E_NOT_FOUND: no such key. */
    enum err (*open)(struct scope *s, const struct signer_env *env, const char *uri, void **state);
    /** Take up a key whose public half is known to be SPKI, also while it cannot be reached; it is
     * compared before the first signature. NULL: it is opened and compared at once. */
    enum err (*open_known)(struct scope *s, const struct signer_env *env, const char *uri,
                           struct bytes spki, void **state);
    void (*close)(void *state);
    /** The public key: a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) that lives as long as
     * STATE. */
    struct bytes (*public_key)(const void *state);
    /** True when the back end can sign with ALG, which fits the key. NULL: with any that does. */
    bool (*can)(const void *state, enum sig_alg alg);
    /** Sign the whole MESSAGE with ALG, which was asked about before; see signer_sign(). */
    enum err (*sign)(struct scope *s, void *state, enum sig_alg alg, struct bytes message,
                     struct bytes *signature);
    /** E_UNAVAILABLE when the key cannot be used now. */
    enum err (*health)(struct scope *s, void *state);
    /** Make a key where URI says. E_CONFLICT: there is one already. NULL: not offered. */
    enum err (*make)(struct scope *s, const struct signer_env *env, const char *uri,
                     struct key_spec spec);
    /** Keep an existing key (DER PrivateKeyInfo, RFC 5958) where URI says. NULL: not offered. */
    enum err (*keep)(struct scope *s, const struct signer_env *env, const char *uri,
                     const struct secret *pkcs8);
    /** Protect a key at rest with the present master key, after a rotation. NULL: the back end
     * needs none. */
    enum err (*rewrap)(struct scope *s, const struct signer_env *env, const char *uri);
    /** Destroy the key for ever. E_NOT_FOUND: there is none. NULL: not offered. */
    enum err (*destroy)(struct scope *s, const struct signer_env *env, const char *uri);
};

/** Keys in files, sealed under the master key. */
extern const struct signer_driver file_signer;
/** Keys on tokens, through a PKCS#11 module: `pkcs11:token=ca;object=issuing` (RFC 7512). */
extern const struct signer_driver pkcs11_signer;

/**
 * Open a key by its URI.
 *
 * @return E_INVALID for a malformed URI, E_UNSUPPORTED for a scheme without a back end, E_NOT_FOUND
 * when there is no such key, E_FORBIDDEN when its file is readable by others, E_UNAVAILABLE when it
 * cannot be reached
 */
enum err signer_open(struct scope *s, const struct signer_env *env, const char *uri,
                     struct signer **out);
/**
 * Take up a key whose public half SPKI is known, from its certificate. On a token that is away it
 * is taken up all the same: it signs once the token is back.
 *
 * @return as signer_open(); E_INVALID: the key there is another one
 */
enum err signer_open_known(struct scope *s, const struct signer_env *env, const char *uri,
                           struct bytes spki, struct signer **out);
/** Let go of a signer that no thread uses any more. NULL is allowed. */
void signer_close(struct signer *signer);
OWNED(struct signer, signer_close);

/** Make a key where URI says and open it. E_CONFLICT when there is one already. */
enum err signer_make(struct scope *s, const struct signer_env *env, const char *uri,
                     struct key_spec spec, struct signer **out);
/** Put an existing private key (DER PrivateKeyInfo) where URI says. E_CONFLICT when there is one
 * already. */
enum err signer_keep(struct scope *s, const struct signer_env *env, const char *uri,
                     const struct secret *pkcs8);
/** Protect the key with the present master key, after a rotation. */
enum err signer_rewrap(struct scope *s, const struct signer_env *env, const char *uri);

/** Destroy the key that URI names, for ever; no signer of it is open. E_NOT_FOUND; E_UNSUPPORTED:
 * this back end does not. */
enum err signer_destroy(struct scope *s, const struct signer_env *env, const char *uri);

/* An open signer. */
const char *signer_uri(const struct signer *signer);
const char *signer_backend(const struct signer *signer); /* for metrics: "file" */
/** The public key as DER SubjectPublicKeyInfo; it lives as long as the signer. */
struct bytes signer_public_key(const struct signer *signer);
/** True when signer_sign() would accept ALG. */
bool signer_can(const struct signer *signer, enum sig_alg alg);
/** The algorithm to use when nobody chose: sig_alg_for() the key. */
enum sig_alg signer_preferred(const struct signer *signer);

/**
 * Sign the whole MESSAGE.
 *
 * @param alg        SIG_NONE for signer_preferred()
 * @param signature  receives, in s->arena, the content of an X.509 BIT STRING: for ECDSA the DER
 * SEQUENCE of r and s (RFC 5480), for RSA as many bytes as the modulus, for Ed25519 64 bytes (RFC
 * 8410)
 * @return E_UNSUPPORTED when the key cannot sign so, E_UNAVAILABLE when the back end cannot be
 * reached
 */
enum err signer_sign(struct scope *s, struct signer *signer, enum sig_alg alg, struct bytes message,
                     struct bytes *signature);
/** E_UNAVAILABLE when the key cannot be used now; the reason is in the scope. */
enum err signer_health(struct scope *s, struct signer *signer);
/** Whether the key could be reached when it was last used or asked after; nobody is asked. */
bool signer_seems_well(const struct signer *signer);

#endif
