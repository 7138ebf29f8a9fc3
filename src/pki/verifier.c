#include "pki/verifier.h"

#include <stdatomic.h>

struct verifier {
    atomic_int refs;
    EVP_PKEY *key;
    struct key_spec spec;
    EVP_PKEY_CTX *ecdsa; /* ready to verify, and only copied; NULL: another kind of key */
};

struct verifier *
verifier_new(EVP_PKEY *key)
{
    struct verifier *v = mem_alloc(sizeof(*v));

    atomic_init(&v->refs, 1);
    (void)EVP_PKEY_up_ref(key);
    v->key = key;
    v->spec = key_spec_of(key);
    if (v->spec.type == KEY_EC)
        v->ecdsa = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (v->ecdsa && EVP_PKEY_verify_init(v->ecdsa) <= 0) {
        EVP_PKEY_CTX_free(v->ecdsa);
        v->ecdsa = NULL;
    }
    return v;
}

struct verifier *
verifier_ref(struct verifier *v)
{
    (void)atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void
verifier_unref(struct verifier *v)
{
    if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) > 1)
        return;
    EVP_PKEY_CTX_free(v->ecdsa);
    EVP_PKEY_free(v->key);
    mem_free(v);
}

EVP_PKEY *
verifier_key(const struct verifier *v)
{
    return v->key;
}

struct key_spec
verifier_spec(const struct verifier *v)
{
    return v->spec;
}

enum err
verifier_check(struct scope *s, const struct verifier *v, enum sig_alg alg, struct bytes message,
               struct bytes signature)
{
    const struct sig_alg_info *info = sig_alg_info(alg);
    AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
    uint8_t hash[SHA512_LEN];
    size_t len;

    if (!v->ecdsa || info->key != KEY_EC)
        return key_verify(s, v->key, alg, message, signature);
    ctx = EVP_PKEY_CTX_dup(v->ecdsa);
    if (!ctx)
        return fail_ssl(s, E_INTERNAL, "cannot verify %s", info->name);
    len = sig_alg_digest(info, message, hash);
    if (EVP_PKEY_verify(ctx, signature.data, signature.len, hash, len) != 1)
        return fail_ssl(s, E_INVALID, "the %s signature does not match", info->name);
    return OK;
}
