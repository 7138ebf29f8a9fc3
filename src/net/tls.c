#include "net/tls.h"

#include "base/random.h"
#include "base/secret.h"
#include "pki/hash.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#define TICKET_KEY_MS \
    (6 * HOUR_MS) /* a key makes tickets this long, and reads them as long again */
#define NAME_BYTES 16

OWNED(BIO, BIO_free);
OWNED(X509, X509_free);
OWNED(EVP_PKEY, EVP_PKEY_free);

struct ticket_key {
    uint8_t name[NAME_BYTES], mac[32], cipher[32];
    int64_t made_ms;
};

struct tls_tickets {
    pthread_mutex_t lock;
    struct ticket_key now, before; /* `before` still reads */
};

static void
key_make(struct ticket_key *key)
{
    random_bytes(key->name, sizeof(key->name));
    random_bytes(key->mac, sizeof(key->mac));
    random_bytes(key->cipher, sizeof(key->cipher));
    key->made_ms = clock_mono_ms();
}

struct tls_tickets *
tls_tickets_new(void)
{
    struct tls_tickets *t = mem_alloc(sizeof(*t));

    (void)pthread_mutex_init(&t->lock, NULL);
    key_make(&t->now);
    return t;
}

void
tls_tickets_free(struct tls_tickets *t)
{
    if (!t)
        return;
    (void)pthread_mutex_destroy(&t->lock);
    wipe(t, sizeof(*t));
    mem_free(t);
}

/* The key to make tickets with, or the one of that NAME; false when it is gone. */
static bool
key_take(struct tls_tickets *t, const uint8_t *name, struct ticket_key *out, bool *old)
{
    bool found = true;

    (void)pthread_mutex_lock(&t->lock);
    if (clock_mono_ms() - t->now.made_ms > TICKET_KEY_MS) {
        t->before = t->now;
        key_make(&t->now);
    }
    *old = name && memcmp(name, t->now.name, NAME_BYTES) != 0;
    *out = *old ? t->before : t->now;
    if (*old && (t->before.made_ms == 0 || memcmp(name, t->before.name, NAME_BYTES) != 0 ||
                 clock_mono_ms() - t->before.made_ms > 2 * TICKET_KEY_MS))
        found = false;
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

static int
ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
           EVP_MAC_CTX *mac, int make)
{
    struct tls_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    char digest[] = "SHA256";
    struct ticket_key key;
    OSSL_PARAM params[3];
    bool old;
    int ok;

    if (!key_take(t, make ? NULL : name, &key, &old))
        return 0; /* an unknown ticket: a full handshake */
    if (make) {
        memcpy(name, key.name, NAME_BYTES);
        random_bytes(iv, 16);
    }
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac, sizeof(key.mac));
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    params[2] = OSSL_PARAM_construct_end();
    ok = EVP_MAC_CTX_set_params(mac, params) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv, make) == 1;
    wipe(&key, sizeof(key));
    if (!ok)
        return -1;
    return old ? 2 : 1; /* 2: and give a new ticket */
}

/* RFC 7301: HTTP/1.1 is what we speak; a client that offers only others is told nothing, and copes.
 */
static int
choose_protocol(UNUSED SSL *ssl, const unsigned char **out, unsigned char *out_len,
                const unsigned char *in, unsigned int in_len, UNUSED void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;

    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static enum err
tls_fail(struct scope *s, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);

    ERR_clear_error();
    return fail(s, E_INVALID, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
}

static enum err
use_chain(struct scope *s, SSL_CTX *ctx, const char *chain_pem)
{
    AUTO(BIO_free) BIO *in = BIO_new_mem_buf(chain_pem, -1);
    AUTO(X509_free) X509 *leaf = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    X509 *next;

    if (!leaf || SSL_CTX_use_certificate(ctx, leaf) != 1)
        return tls_fail(s, "the server's certificate cannot be used");
    while ((next = PEM_read_bio_X509(in, NULL, NULL, NULL)))
        if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
            X509_free(next);
            return tls_fail(s, "the server's certificate chain cannot be used");
        }
    ERR_clear_error(); /* the end of the PEM text counts as an error there */
    return OK;
}

static enum err
use_key(struct scope *s, SSL_CTX *ctx, struct bytes der)
{
    const unsigned char *at = der.data;
    AUTO(EVP_PKEY_free) EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)der.len);

    if (!key || SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return tls_fail(s, "the server's private key cannot be used with its certificate");
    return OK;
}

static enum err
use_client_ca(struct scope *s, SSL_CTX *ctx, const char *pem)
{
    AUTO(BIO_free) BIO *in = BIO_new_mem_buf(pem, -1);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    X509 *raw;
    int count = 0;

    while (in && (raw = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        AUTO(X509_free) X509 *cert = raw;

        if (X509_STORE_add_cert(store, cert) != 1 || SSL_CTX_add_client_CA(ctx, cert) != 1)
            return tls_fail(s, "an authority for client certificates cannot be used");
        count++;
    }
    ERR_clear_error();
    if (count == 0)
        return fail(s, E_INVALID,
                    "the authorities for client certificates hold no PEM certificate");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(ctx, 8);
    return OK;
}

static bool
set_up(SSL_CTX *ctx, struct tls_tickets *tickets)
{
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold the sessions */
    SSL_CTX_set_read_ahead(ctx, 1);                                /* one read for a record */
    (void)SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_app_data(ctx, tickets);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key) == 1;
}

enum err
tls_server_context(struct scope *s, const char *chain_pem, struct bytes key_der,
                   const char *client_ca, struct tls_tickets *tickets, SSL_CTX **out)
{
    AUTO(SSL_CTX_free) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    uint8_t id[SHA256_LEN];

    if (!ctx || !set_up(ctx, tickets))
        return tls_fail(s, "TLS cannot be set up");
    TRY(use_chain(s, ctx, chain_pem));
    TRY(use_key(s, ctx, key_der));
    if (client_ca)
        TRY(use_client_ca(s, ctx, client_ca));
    /* a session is resumed only under the authorities that verified its client */
    hash_sha256(bytes_of_text(client_ca ? client_ca : ""), id);
    if (SSL_CTX_set_session_id_context(ctx, id, sizeof(id)) != 1)
        return tls_fail(s, "TLS cannot be set up");
    *out = ctx;
    ctx = NULL;
    return OK;
}
