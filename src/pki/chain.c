#include "pki/chain.h"

#include <openssl/x509v3.h>
#include <string.h>

#define DEVICE_LEVEL 2 /* OpenSSL's: 112 bits, so neither SHA-1 nor RSA below 2048 bits */

/* A certificate that is still to be placed. */
struct item {
    struct cert cert;
    bool used;
};

static bool
issued(struct scope *s, const struct cert *issuer, const struct cert *subject)
{
    struct scope quiet = { .arena = s->arena };

    if (!bytes_eq(issuer->subject.der, subject->issuer.der) &&
        !name_same(s->arena, issuer->subject.der, subject->issuer.der))
        return false;
    if (subject->exts.aki.len && issuer->exts.ski.len &&
        !bytes_eq(subject->exts.aki, issuer->exts.ski))
        return false;
    return cert_verify(&quiet, subject, &issuer->key) == OK;
}

static enum err
read_all(struct scope *s, struct bytes leaf, const struct list *certs, struct list *items)
{
    if (certs->count > 10 * CHAIN_MAX)
        return fail(s, E_LIMIT, "more than %d certificates for one chain", 10 * CHAIN_MAX);
    if (leaf.len)
        TRY(cert_read(s, leaf, &list_push(s->arena, items, struct item)->cert));
    LIST_EACH(struct bytes, der, certs)
    {
        bool known = false;

        LIST_EACH(struct item, other, items)
        {
            known |= bytes_eq(other->cert.der, *der);
        }
        if (!known)
            TRY(cert_read(s, *der, &list_push(s->arena, items, struct item)->cert));
    }
    if (items->count == 0)
        return fail_code(s, E_INVALID, CHY_BAD_CERT, "no certificate was given");
    return OK;
}

/* The one that issued none of the others. */
static struct item *
find_leaf(struct scope *s, struct list *items)
{
    LIST_EACH(struct item, one, items)
    {
        bool is_issuer = false;

        LIST_EACH(struct item, other, items)
        {
            is_issuer |= other != one && issued(s, &one->cert, &other->cert);
        }
        if (!is_issuer)
            return one;
    }
    return items->items; /* a ring: any will do */
}

enum err
chain_order(struct scope *s, struct bytes leaf, const struct list *certs, struct list *chain)
{
    struct list items = { 0 }, out = { 0 };
    struct item *at;

    TRY(read_all(s, leaf, certs, &items));
    at = leaf.len ? items.items : find_leaf(s, &items);
    while (at && out.count < CHAIN_MAX) {
        struct item *next = NULL;

        at->used = true;
        list_add(s->arena, &out, struct bytes, at->cert.der);
        if (at->cert.self_issued && issued(s, &at->cert, &at->cert))
            break;
        LIST_EACH(struct item, one, &items)
        {
            if (!next && !one->used && issued(s, &one->cert, &at->cert))
                next = one;
        }
        at = next;
    }
    *chain = out;
    return OK;
}

static void
stack_free(STACK_OF(X509) * stack)
{
    sk_X509_free(stack); /* its certificates belong to the arena */
}
OWNED(STACK_OF(X509), stack_free);

static enum err
setup(struct scope *s, X509_STORE *store, STACK_OF(X509) * others, const struct list *chain,
      const struct list *roots)
{
    X509 *x;

    LIST_EACH(struct bytes, der, roots)
    {
        TRY(cert_x509(s, *der, &x));
        if (!X509_STORE_add_cert(store, x))
            return fail_ssl(s, E_INTERNAL, "cannot trust a root");
    }
    for (size_t i = 1; i < chain->count; i++) {
        TRY(cert_x509(s, *list_at(chain, struct bytes, i), &x));
        if (!sk_X509_push(others, x))
            return fail_ssl(s, E_INTERNAL, "cannot build a chain");
    }
    return OK;
}

/** The last of the chain that was found. */
static enum err
take_anchor(struct scope *s, X509_STORE_CTX *ctx, struct bytes *anchor)
{
    STACK_OF(X509) *found = X509_STORE_CTX_get0_chain(ctx);
    const X509 *last = sk_X509_value(found, sk_X509_num(found) - 1);
    int len = last ? i2d_X509(last, NULL) : 0;
    uint8_t *der, *at;

    if (len <= 0)
        return fail_ssl(s, E_INTERNAL, "cannot say where a chain ends");
    at = der = arena_alloc(s->arena, (size_t)len);
    *anchor = (struct bytes){ der, (size_t)i2d_X509(last, &at) };
    return OK;
}

enum err
chain_verify(struct scope *s, const struct list *chain, const struct list *roots, struct when at,
             enum chain_use use)
{
    struct bytes anchor;

    return chain_verify_to(s, chain, roots, at, use, &anchor);
}

enum err
chain_verify_to(struct scope *s, const struct list *chain, const struct list *roots, struct when at,
                enum chain_use use, struct bytes *anchor)
{
    static const int purposes[] = { [CHAIN_ANY] = X509_PURPOSE_ANY,
                                    [CHAIN_SERVER] = X509_PURPOSE_SSL_SERVER,
                                    [CHAIN_CLIENT] = X509_PURPOSE_SSL_CLIENT,
                                    [CHAIN_OCSP] = X509_PURPOSE_OCSP_HELPER,
                                    [CHAIN_DEVICE] = X509_PURPOSE_ANY };
    AUTO(X509_STORE_free) X509_STORE *store = X509_STORE_new();
    AUTO(stack_free) STACK_OF(X509) *others = sk_X509_new_null();
    AUTO(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *leaf;

    if (chain->count == 0 || chain->count > CHAIN_MAX)
        return fail(s, E_INVALID, "a chain of %zu certificates", chain->count);
    if (!store || !others || !ctx)
        return fail_ssl(s, E_INTERNAL, "cannot verify a chain");
    TRY(cert_x509(s, *list_at(chain, struct bytes, 0), &leaf));
    TRY(setup(s, store, others, chain, roots));
    if (!X509_STORE_CTX_init(ctx, store, leaf, others))
        return fail_ssl(s, E_INTERNAL, "cannot verify a chain");
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN |
                                      (use == CHAIN_DEVICE ? 0ul : X509_V_FLAG_X509_STRICT));
    if (use == CHAIN_DEVICE)
        X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx), DEVICE_LEVEL);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)when_s(at));
    if (purposes[use] != X509_PURPOSE_ANY && !X509_STORE_CTX_set_purpose(ctx, purposes[use]))
        return fail_ssl(s, E_INTERNAL, "cannot verify for this purpose");
    if (X509_verify_cert(ctx) != 1)
        return fail_ssl_code(s, E_INVALID, CHY_BAD_CERT,
                             "the chain does not verify: %s at depth %d",
                             X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
                             X509_STORE_CTX_get_error_depth(ctx));
    return take_anchor(s, ctx, anchor);
}
