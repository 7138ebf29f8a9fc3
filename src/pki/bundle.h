/**
 * Bundle: a private key with its certificates, in the containers that people carry them in:
 * PKCS#12, Java's JKS, PEM with an encrypted key, a zip of that.
 */
#ifndef PKI_BUNDLE_H
#define PKI_BUNDLE_H

#include "pki/key.h"

#define BUNDLE_MAX_LEN (1024 * 1024)
#define BUNDLE_MAX_CERTS 100
#define BUNDLE_PASSWORD_MAX 255 /* characters */

/** A key and its certificates. */
struct bundle {
    EVP_PKEY *key;     /* NULL only where one was read that has none */
    struct list certs; /* of struct bytes: DER, the key's own first, then its issuers */
    bool root_first;   /* when writing PKCS#12 and PEM: the other way round */
    const char *name;  /* friendly name, alias, file name; NULL: none */
};

/** How it is carried. */
enum bundle_form {
    BUNDLE_PFX,        /* PKCS#12: PBES2 with AES-256, HMAC-SHA-256 */
    BUNDLE_PFX_LEGACY, /* PKCS#12 for old readers: 3DES and HMAC-SHA-1 */
    BUNDLE_JKS,
    BUNDLE_PEM, /* ENCRYPTED PRIVATE KEY, then the certificates */
    BUNDLE_ZIP, /* a zip of that */
};
/** "PFX", "P12", "PFX-LEGACY", "JKS", "PEM", "ZIP" in any case. */
bool bundle_form_parse(const char *text, enum bundle_form *out);
/** As bundle_form_parse() takes it: "pfx-legacy". */
const char *bundle_form_name(enum bundle_form form);
/** The ending of its files: "pfx". */
const char *bundle_ending(enum bundle_form form);

/**
 * Write a bundle; the key in it is always encrypted, so the result is no secret by itself.
 *
 * @param password  UTF-8, 1 to 255 characters
 * @param out       in s->arena
 * @return E_INVALID: the password, the name, or no certificate; E_INTERNAL
 */
enum err bundle_write(struct scope *s, const struct bundle *b, enum bundle_form form,
                      const struct secret *password, struct bytes *out);

/**
 * Read what others wrote: PKCS#12, JKS, PEM, or one certificate in DER. A key's certificate comes
 * first; one that is there without its certificate is refused.
 *
 * @param password  NULL: none was given
 * @return E_INVALID: malformed, several keys, or a key without its certificate; E_FORBIDDEN: the
 * password is missing or wrong; E_UNSUPPORTED: an encryption that is not offered; E_LIMIT
 */
enum err bundle_read(struct scope *s, struct bytes data, const struct secret *password,
                     struct bundle *out);

#endif
