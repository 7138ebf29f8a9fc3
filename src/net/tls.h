/**
 * TLS for servers: contexts that speak TLS 1.2 with ECDHE and AEAD, or TLS 1.3, and the keys of
 * session tickets, which change by themselves and outlive a change of certificate.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/scope.h"
#include <openssl/ssl.h>

OWNED(SSL_CTX, SSL_CTX_free);
struct tls_tickets;

/** Fresh ticket keys; any thread may use them through the contexts made with them. */
struct tls_tickets *tls_tickets_new(void);
void tls_tickets_free(struct tls_tickets *t);
OWNED(struct tls_tickets, tls_tickets_free);

/**
 * A context for a server.
 *
 * @param chain_pem  the certificate, then those that lead to the root
 * @param key_der    its private key, PKCS#8 or a key type's own form
 * @param client_ca  PEM of the authorities whose client certificates are asked for and verified;
 * NULL: none
 * @param tickets    must live longer than the context
 * @return E_INVALID when the parts cannot be read or do not belong together
 */
enum err tls_server_context(struct scope *s, const char *chain_pem, struct bytes key_der,
                            const char *client_ca, struct tls_tickets *tickets, SSL_CTX **out);

#endif
