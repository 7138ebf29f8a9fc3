#include "net/test_fake_peer.h"
#include "pki/key.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* A small authority, a server of its and a client of its. */
struct trust {
    EVP_PKEY *ca_key, *key;
    X509 *ca, *server, *client;
};

static void
add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

/** A certificate; ISSUER NULL makes a self-signed authority. ALT NULL: for a client. */
static X509 *
make_cert(struct scope *s, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *alt)
{
    static long serial = 1;
    X509 *cert = arena_own(s->arena, X509_new(), X509_free);
    X509_NAME *name = X509_get_subject_name(cert);
    const char *cn = issuer ? "leaf" : "Test Authority";

    (void)X509_set_version(cert, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0);
    (void)X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
    (void)X509_set_pubkey(cert, key);
    add_ext(cert, issuer ? issuer : cert, NID_basic_constraints,
            issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (alt)
        add_ext(cert, issuer, NID_subject_alt_name, alt);
    assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
    return cert;
}

static void
trust_make(struct scope *s, struct trust *t, const char *alt)
{
    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &t->ca_key));
    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &t->key));
    t->ca = make_cert(s, t->ca_key, NULL, t->ca_key, NULL);
    t->server = make_cert(s, t->key, t->ca, t->ca_key, alt);
    t->client = make_cert(s, t->key, t->ca, t->ca_key, NULL);
}

static struct bytes
pem_of(struct scope *s, X509 *cert)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *data;
    long len;
    struct bytes out;

    assert_int_equal(PEM_write_bio_X509(b, cert), 1);
    len = BIO_get_mem_data(b, &data);
    out = bytes_copy(s->arena, (struct bytes){ (uint8_t *)data, (size_t)len });
    (void)BIO_free(b);
    return out;
}

static SSL_CTX *
server_ctx(const struct trust *t, bool ask_client)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    assert_int_equal(SSL_CTX_use_certificate(ctx, t->server), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, t->key), 1);
    if (ask_client) {
        assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), t->ca), 1);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}
OWNED(SSL_CTX, SSL_CTX_free);

static const struct fake_step ok_steps[] = { { .status = 200, .body = "safe" } };

/** Start a server of T, call it with O; how it ended, and how many connections reached a request.
 */
static enum err
call_tls(struct scope *s, SSL_CTX *ctx, struct peer_options o, struct fake_clock *clock,
         int *answered)
{
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct call c = { 0 };
    struct reply r = { 0 };
    enum err e;

    fake_start(&f, ctx, ok_steps, 1);
    o.clock = fake_clock_of(clock);
    o.integration = "tls";
    assert_ok(s, peer_new(s, &o, &p));
    c.url = fake_url(s, &f, "/");
    e = peer_call(s, p, &c, &r);
    *answered = fake_calls(&f);
    return e;
}

TEST(a_server_is_trusted_by_its_authority_and_its_name)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trust good = { 0 }, stranger = { 0 }, misnamed = { 0 };
    struct fake_clock clock = { 0 };
    struct bytes good_ca;
    int answered;

    trust_make(s, &good, "IP:127.0.0.1");
    trust_make(s, &stranger, "IP:127.0.0.1");
    trust_make(s, &misnamed, "DNS:elsewhere.example");
    good_ca = pem_of(s, good.ca);
    const struct {
        const struct trust *server;
        struct bytes ca;
        enum err want;
    } cases[] = {
        { &good, good_ca, OK },
        { &stranger, good_ca, E_UNAVAILABLE },
        { &misnamed, pem_of(s, misnamed.ca), E_UNAVAILABLE },
        { &good, { NULL, 0 }, E_UNAVAILABLE }, /* the system's authorities do not know it */
        { &good, BYTES("junk"), E_UNAVAILABLE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(SSL_CTX_free) SSL_CTX *ctx = server_ctx(cases[i].server, false);

        assert_err(cases[i].want, call_tls(s, ctx, (struct peer_options){ .ca_pem = cases[i].ca },
                                           &clock, &answered));
        assert_int_equal(answered, cases[i].want == OK);
        assert_int_equal(clock.count, 0); /* asking again would not make it trustworthy */
    }
}

TEST(a_server_that_knows_only_old_tls_is_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trust t = { 0 };
    struct fake_clock clock = { 0 };
    static const struct {
        int version;
        enum err want;
    } cases[] = { { TLS1_3_VERSION, OK },
                  { TLS1_2_VERSION, OK },
                  { TLS1_1_VERSION, E_UNAVAILABLE } };
    int answered;

    trust_make(s, &t, "IP:127.0.0.1");
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(SSL_CTX_free) SSL_CTX *ctx = server_ctx(&t, false);

        SSL_CTX_set_security_level(ctx, 0);
        (void)SSL_CTX_set_min_proto_version(ctx, cases[i].version);
        (void)SSL_CTX_set_max_proto_version(ctx, cases[i].version);
        assert_err(cases[i].want,
                   call_tls(s, ctx, (struct peer_options){ .ca_pem = pem_of(s, t.ca) }, &clock,
                            &answered));
    }
}

TEST(a_client_certificate_is_shown_and_its_refusal_is_final)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *key = NULL;
    AUTO(secret_free) struct secret *junk = secret_copy(BYTES("junk"));
    struct trust t = { 0 }, stranger = { 0 };
    struct fake_clock clock = { 0 };
    int answered;

    trust_make(s, &t, "IP:127.0.0.1");
    trust_make(s, &stranger, "IP:127.0.0.1");
    assert_ok(s, key_to_pem(s, t.key, NULL, &key));
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        AUTO(SSL_CTX_free) SSL_CTX *ctx = server_ctx(&t, true);
        struct peer_options o = { .ca_pem = pem_of(s, t.ca) };

        (void)SSL_CTX_set_max_proto_version(ctx, version);
        assert_err(E_UNAVAILABLE, call_tls(s, ctx, o, &clock, &answered)); /* it shows none */
        o.client_cert_pem = pem_of(s, t.client);
        o.client_key_pem = key;
        assert_ok(s, call_tls(s, ctx, o, &clock, &answered));
        assert_int_equal(answered, 1);
        o.client_key_pem = junk;
        assert_err(E_UNAVAILABLE, call_tls(s, ctx, o, &clock, &answered));
        assert_int_equal(answered, 0);
    }
    assert_int_equal(clock.count, 0);
}
