/** Certificate of tls-alpn-01: is it the one that proves control? Pure; a stranger makes it. */
#ifndef PROOF_ALPN_CERT_H
#define PROOF_ALPN_CERT_H

#include "base/text.h"

#include <openssl/x509.h>

/** What the certificate must say. */
struct alpn_cert_rules {
    const char *name;    /* a DNS name; NULL: see IP */
    struct bytes ip;     /* 4 or 16 octets */
    struct bytes digest; /* SHA-256 of the key authorization */
};

/**
 * Judge the leaf. Dates, key usage and chain do not matter.
 *
 * @return NULL, or what is wrong, as a clause: "it is not self-signed"
 * @see RFC 8737 section 3, RFC 8738 section 6
 */
const char *alpn_cert_problem(const struct alpn_cert_rules *rules, X509 *cert);
/** The same without a look at the signature. */
const char *alpn_cert_says_problem(const struct alpn_cert_rules *rules, const X509 *cert);

#endif
