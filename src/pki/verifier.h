/** Verifier: a public key made ready for many signatures, so that not each of them pays for what
 * depends on the key alone. Any thread may use it at any time. */
#ifndef PKI_VERIFIER_H
#define PKI_VERIFIER_H

#include "pki/key.h"

struct verifier;
/** Make KEY ready, of which a reference is kept. */
struct verifier *verifier_new(EVP_PKEY *key);
struct verifier *verifier_ref(struct verifier *v);
/** Takes NULL. */
void verifier_unref(struct verifier *v);
OWNED(struct verifier, verifier_unref);

/** The key itself; lives as long as V. */
EVP_PKEY *verifier_key(const struct verifier *v);
/** What kind of key it is. */
struct key_spec verifier_spec(const struct verifier *v);
/** As key_verify() with the key. */
enum err verifier_check(struct scope *s, const struct verifier *v, enum sig_alg alg,
                        struct bytes message, struct bytes signature);

#endif
