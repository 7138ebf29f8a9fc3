/** SSL errors: a failure with what OpenSSL has to say about it, and how its objects are let go. */
#ifndef PKI_SSL_ERR_H
#define PKI_SSL_ERR_H

#include "base/scope.h"
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

OWNED(BIO, BIO_free);
OWNED(BIGNUM, BN_free);
OWNED(BN_CTX, BN_CTX_free);
OWNED(EVP_PKEY, EVP_PKEY_free);
OWNED(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
OWNED(EVP_MD, EVP_MD_free);
OWNED(EVP_MD_CTX, EVP_MD_CTX_free);
OWNED(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);
OWNED(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free);
OWNED(OSSL_PARAM, OSSL_PARAM_free);
OWNED(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free);
OWNED(X509, X509_free);
OWNED(X509_ALGOR, X509_ALGOR_free);
OWNED(X509_CRL, X509_CRL_free);
OWNED(X509_REQ, X509_REQ_free);
OWNED(X509_NAME, X509_NAME_free);
OWNED(X509_SIG, X509_SIG_free);
OWNED(X509_STORE, X509_STORE_free);
OWNED(X509_STORE_CTX, X509_STORE_CTX_free);

/** Record a failure as fail() does, with the newest entries of this thread's OpenSSL error queue,
 * and empty it. */
#define fail_ssl(s, kind, ...) fail_ssl_at((s), (kind), CHY_NONE, __FILE__, __LINE__, __VA_ARGS__)
#define fail_ssl_code(s, kind, code, ...) \
    fail_ssl_at((s), (kind), (code), __FILE__, __LINE__, __VA_ARGS__)
enum err fail_ssl_at(struct scope *s, enum err kind, enum code code, const char *file, int line,
                     const char *format, ...) LIKE_PRINTF(6, 7);

#endif
