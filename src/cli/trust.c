/* Trust: whose certificate it was that is not trusted. Nothing is sent to that server. */
#include "cli/session.h"

#include "pki/cert.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#define CONNECT_S 5
#define LOOK_MS 50

OWNED(SSL_CTX, SSL_CTX_free);
OWNED(BIO, BIO_free_all);

/* "host:port" for a connection, and the name alone for SNI. */
static const char *
address_of(struct cli *c, const struct session *n, const char **name)
{
    size_t len = strcspn(n->host, "/"), end = len;
    const char *address = arena_text_n(c->s->arena, n->host, len);
    const char *colon = strrchr(address, ':'), *bracket = strchr(address, ']');
    bool has_port = colon && (!bracket || colon > bracket);

    if (has_port)
        end = (size_t)(colon - address);
    *name = *address == '[' ? NULL : arena_text_n(c->s->arena, address, end);
    return has_port ? address : arena_printf(c->s->arena, "%s:443", address);
}

/* The subject of the server's certificate, and who issued the last one that it sent. */
static bool
read_names(struct cli *c, SSL *ssl, const char **subject, const char **issuer)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    int count = chain ? sk_X509_num(chain) : 0;

    for (int i = 0; i < count; i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(chain, i), &der);
        struct cert cert;
        enum err e =
            len > 0 ? cert_read(c->s, bytes_copy(c->s->arena, (struct bytes){ der, (size_t)len }),
                                &cert)
                    : E_INVALID;

        OPENSSL_free(der);
        if (e != OK)
            return false;
        if (i == 0)
            *subject = cert.subject.text;
        *issuer = cert.issuer.text;
    }
    return count > 0;
}

const char *
untrusted_certificate(struct cli *c, const struct session *n)
{
    AUTO(SSL_CTX_free) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    AUTO(BIO_free_all) BIO *bio = NULL;
    const char *name, *address = address_of(c, n, &name), *subject = "", *issuer = "";
    const char *out = NULL;
    SSL *ssl = NULL;

    if (!ctx)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    bio = BIO_new_ssl_connect(ctx);
    if (bio && BIO_get_ssl(bio, &ssl) == 1 && ssl) {
        (void)BIO_set_conn_hostname(bio, address);
        (void)BIO_set_nbio(bio, 1);
        if (name)
            (void)SSL_set_tlsext_host_name(ssl, name);
        if (BIO_do_connect_retry(bio, CONNECT_S, LOOK_MS) == 1 &&
            read_names(c, ssl, &subject, &issuer))
            out = arena_printf(c->s->arena,
                               "it is for \"%s\", and \"%s\", which issued %s, is unknown", subject,
                               issuer, text_eq(subject, issuer) ? "it" : "it or its chain");
    }
    ERR_clear_error();
    return out;
}
