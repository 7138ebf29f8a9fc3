/*
 * Certificates of tls-alpn-01. What passes, its signature apart, holds the digest as an OCTET
 * STRING and the name, and no certificate passes for another name or another key authorization.
 */
#include "fuzz.h"

#include "proof/alpn_cert.h"

#include <openssl/err.h>
#include <string.h>

OWNED(X509, X509_free);

/* The digest of the corpus: octets that count. */
static const uint8_t wrapped[] = { 0x04, 0x20, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                   10,   11,   12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                   22,   23,   24, 25, 26, 27, 28, 29, 30, 31 };

/* A bug of a kind that is easily made: a certificate that passes is taken to have version 3. */
static void
planted(const X509 *cert)
{
#ifdef PLANT_BUG
    PROMISE(X509_get_version(cert) == X509_VERSION_3);
#endif
    (void)cert;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *at = data;
    AUTO(X509_free) X509 *cert = d2i_X509(NULL, &at, (long)len);
    struct alpn_cert_rules rules = { .name = "a.test", .digest = { wrapped + 2, 32 } };

    ERR_clear_error();
    if (!cert)
        return 0;
    if (!alpn_cert_says_problem(&rules, cert)) {
        PROMISE(memmem(data, len, wrapped, sizeof(wrapped)) != NULL);
        planted(cert);
        rules.name = "b.test";
        PROMISE(alpn_cert_says_problem(&rules, cert) != NULL);
        rules.name = "a.test";
        rules.digest.data = wrapped;
        PROMISE(alpn_cert_says_problem(&rules, cert) != NULL);
    }
    rules = (struct alpn_cert_rules){ .ip = { wrapped + 2, 4 }, .digest = { wrapped + 2, 32 } };
    if (!alpn_cert_says_problem(&rules, cert)) {
        rules.name = "a.test";
        PROMISE(alpn_cert_says_problem(&rules, cert) != NULL);
    }
    return 0;
}
