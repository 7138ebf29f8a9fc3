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
address_of(struct cli *c, const char *host, const char **name)
{
    size_t len = strcspn(host, "/"), end = len;
    const char *address = arena_text_n(c->s->arena, host, len);
    const char *colon = strrchr(address, ':'), *bracket = strchr(address, ']');
    bool has_port = colon && (!bracket || colon > bracket);

    if (has_port)
        end = (size_t)(colon - address);
    *name = *address == '[' ? NULL : arena_text_n(c->s->arena, address, end);
    return has_port ? address : arena_printf(c->s->arena, "%s:443", address);
}

/* What a server shows: of struct bytes, DER; none when it cannot be seen. */
static void
look_at(struct cli *c, const char *host, struct list *shown)
{
    AUTO(SSL_CTX_free) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    AUTO(BIO_free_all) BIO *bio = NULL;
    const char *name, *address = address_of(c, host, &name);
    SSL *ssl = NULL;

    if (!ctx)
        return;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    bio = BIO_new_ssl_connect(ctx);
    if (bio && BIO_get_ssl(bio, &ssl) == 1 && ssl) {
        STACK_OF(X509) *chain = NULL;

        (void)BIO_set_conn_hostname(bio, address);
        (void)BIO_set_nbio(bio, 1);
        if (name)
            (void)SSL_set_tlsext_host_name(ssl, name);
        if (BIO_do_connect_retry(bio, CONNECT_S, LOOK_MS) == 1)
            chain = SSL_get_peer_cert_chain(ssl);
        for (int i = 0; chain && i < sk_X509_num(chain); i++) {
            unsigned char *der = NULL;
            int len = i2d_X509(sk_X509_value(chain, i), &der);

            if (len > 0)
                list_add(c->s->arena, shown, struct bytes,
                         bytes_copy(c->s->arena, (struct bytes){ der, (size_t)len }));
            OPENSSL_free(der);
        }
    }
    ERR_clear_error();
}

/** What is wrong with the time of CERT, as a sentence; NULL: nothing. */
static const char *
out_of_time(struct cli *c, const struct cert *cert, struct when now)
{
    if (when_cmp(now, cert->not_before) < 0)
        return arena_printf(c->s->arena, "that of \"%s\" begins at %s", cert->subject.text,
                            when_rfc3339(c->s->arena, cert->not_before));
    if (when_cmp(now, cert->not_after) > 0)
        return arena_printf(c->s->arena, "that of \"%s\" ended at %s", cert->subject.text,
                            when_rfc3339(c->s->arena, cert->not_after));
    return NULL;
}

const char *
untrusted_certificate(struct cli *c, const struct session *n, const char *why, const char **fix)
{
    const char *subject = "", *issuer = "", *late = NULL;
    struct when now = clock_now();
    struct list shown = { 0 };

    *fix =
        n->ca_path
            ? arena_printf(c->s->arena,
                           "--cacert FILE with the authority of this server; %s does not hold it",
                           n->ca_path)
            : "--cacert FILE with the root certificate of this server's authority";
    look_at(c, n->host, &shown);
    LIST_EACH(struct bytes, der, &shown)
    {
        struct cert cert;

        if (cert_read(c->s, *der, &cert) != OK)
            return NULL;
        if (der == shown.items)
            subject = cert.subject.text;
        issuer = cert.issuer.text;
        late = late ? late : out_of_time(c, &cert, now);
    }
    if (late) {
        *fix = arena_printf(c->s->arena, "look at the clocks; here it is %s",
                            when_rfc3339(c->s->arena, now));
        return late;
    }
    if (strstr(why, "match")) {
        *fix = "call it by a name that it has, or give it this one: listen.names";
        return "it is for other names than this one";
    }
    return shown.count
               ? arena_printf(c->s->arena,
                              "it is for \"%s\", and \"%s\", which issued %s, is unknown", subject,
                              issuer, text_eq(subject, issuer) ? "it" : "it or its chain")
               : NULL;
}

enum err
shown_chain(struct cli *c, const char *url, struct list *certs)
{
    look_at(c, url + strlen("https://"), certs);
    return certs->count ? OK : fail(c->s, E_UNAVAILABLE, "%s shows no certificate", url);
}

enum err
shown_certificate(struct cli *c, const char *url, struct bytes *der)
{
    struct list shown = { 0 };

    TRY(shown_chain(c, url, &shown));
    *der = *list_at(&shown, struct bytes, 0);
    return OK;
}
