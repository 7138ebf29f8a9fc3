#include "net/test_fake_peer.h"
#include "pki/hash.h"
#include "pki/name.h"
#include "proof/alpn_cert.h"
#include "proof/test_fake_dns.h"

#include <openssl/x509v3.h>

#define KEY_AUTH "tok.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

OWNED(X509, X509_free);
OWNED(EVP_PKEY, EVP_PKEY_free);
OWNED(SSL_CTX, SSL_CTX_free);

/* How a certificate is made; what is left out is right for a.test. */
struct recipe {
    const char *san;   /* OpenSSL's spelling; NULL: DNS:a.test */
    const char *value; /* of acmeIdentifier, DER in hex with %s for the digest; "": no extension */
    bool not_critical, twice, not_self_signed, twin_san, extra;
    const char *problem; /* a part; NULL: good */
};

static void
add_extension(X509 *cert, const char *oid, const char *config, bool critical)
{
    char line[400];
    X509_EXTENSION *ext;

    (void)snprintf(line, sizeof(line), "%s%s", critical ? "critical," : "", config);
    ext = X509V3_EXT_conf(NULL, NULL, oid, line);
    assert_non_null(ext);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

static X509 *
make_cert(const struct recipe *m, EVP_PKEY *key)
{
    AUTO(arena_free) struct arena *a = arena_new();
    uint8_t digest[SHA256_LEN];
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    const char *value = m->value ? m->value : "DER:0420%s";

    hash_sha256(bytes_of_text(KEY_AUTH), digest);
    assert_int_equal(X509_set_version(cert, 2), 1);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -86400 * 30); /* long past: no matter */
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), -86400);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"alpn", -1, -1, 0);
    if (m->not_self_signed)
        (void)X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC,
                                         (const uint8_t *)"other", -1, -1, 0);
    else
        assert_int_equal(X509_set_issuer_name(cert, name), 1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    if (!m->san || *m->san)
        add_extension(cert, "subjectAltName", m->san ? m->san : "DNS:a.test", false);
    if (m->twin_san)
        add_extension(cert, "subjectAltName", "DNS:a.test", false);
    for (int i = 0; *value && i < (m->twice ? 2 : 1); i++) {
        const char *percent = strchr(value, '%'), *text = value;

        if (percent)
            text = arena_printf(a, "%.*s%s%s", (int)(percent - value), value,
                                hex_lower(a, (struct bytes){ digest, 32 }), percent + 2);
        add_extension(cert, "1.3.6.1.5.5.7.1.31", text, !m->not_critical);
    }
    if (m->extra)
        add_extension(cert, "basicConstraints", "CA:TRUE", true);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static const struct recipe recipes[] = {
    { 0 },
    { .san = "DNS:A.Test" },
    { .extra = true },
    { .san = "", .problem = "no readable subjectAltName" },
    { .san = "DNS:b.test", .problem = "not the name that is validated" },
    { .san = "DNS:a.test.", .problem = "not the name that is validated" },
    { .san = "DNS:a.test,DNS:b.test", .problem = "more than the one name" },
    { .san = "DNS:a.test,IP:127.0.0.1", .problem = "more than the one name" },
    { .san = "IP:127.0.0.1", .problem = "not the name that is validated" },
    { .san = "email:a.test", .problem = "not the name that is validated" },
    { .value = "", .problem = "it has no acmeIdentifier" },
    { .not_critical = true, .problem = "not critical" },
    { .twice = true, .problem = "stands in it twice" },
    { .twin_san = true, .problem = "stands in it twice" },
    { .value = "DER:0420%s00", .problem = "not the digest" },
    { .value = "DER:0421%s00", .problem = "not the digest" },
    { .value = "DER:042000", .problem = "not the digest" },
    { .value = "DER:0c20%s", .problem = "not the digest" },
    { .value = "DER:048120%s", .problem = "not the digest" },
    { .value = "DER:%s", .problem = "not the digest" },
    { .value = "DER:0420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      .problem = "not the digest" },
    { .not_self_signed = true, .problem = "not self-signed" },
};

TEST(the_certificate_of_tls_alpn_01_says_exactly_what_it_should)
{
    AUTO(EVP_PKEY_free) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    AUTO(EVP_PKEY_free) EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    AUTO(X509_free) X509 *forged = make_cert(&recipes[0], key);
    uint8_t digest[SHA256_LEN];
    struct alpn_cert_rules rules = { .name = "a.test", .digest = { digest, sizeof(digest) } };
    static const struct recipe address = { .san = "IP:127.0.0.1" };
    AUTO(X509_free) X509 *of_address = make_cert(&address, key);

    hash_sha256(bytes_of_text(KEY_AUTH), digest);
    for (size_t i = 0; i < COUNT(recipes); i++) {
        AUTO(X509_free) X509 *cert = make_cert(&recipes[i], key);
        const char *why = alpn_cert_problem(&rules, cert);

        if (!why != !recipes[i].problem || (why && !strstr(why, recipes[i].problem)))
            fail_msg("%zu: %s, want %s", i, why ? why : "good",
                     recipes[i].problem ? recipes[i].problem : "good");
    }
    /* its own names, but another's signature */
    assert_true(X509_sign(forged, other, EVP_sha256()) > 0);
    assert_string_equal(alpn_cert_problem(&rules, forged), "it is not self-signed");
    rules.name = NULL;
    rules.ip = BYTES("\177\0\0\1");
    assert_null(alpn_cert_problem(&rules, of_address));
    rules.ip = BYTES("\177\0\0\2");
    assert_non_null(alpn_cert_problem(&rules, of_address));
}

/* The handshake. */

/* What the server heard, and whether it speaks another protocol. */
struct ear {
    pthread_mutex_t lock;
    char heard[64];
    bool other;
};

static int
choose(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
       unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\012acme-tls/1", http[] = "\010http/1.1";
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct ear *ear = arg;
    const unsigned char *chosen;

    (void)pthread_mutex_lock(&ear->lock);
    (void)snprintf(ear->heard, sizeof(ear->heard), "%s|%.*s", name ? name : "", (int)in_len,
                   (const char *)in);
    chosen = ear->other ? http : ours;
    (void)pthread_mutex_unlock(&ear->lock);
    *out = chosen + 1;
    *len = chosen[0];
    return SSL_TLSEXT_ERR_OK;
}

static void
assert_heard(struct ear *ear, const char *what)
{
    (void)pthread_mutex_lock(&ear->lock);
    assert_string_equal(ear->heard, what);
    (void)pthread_mutex_unlock(&ear->lock);
}

static void
speak_other(struct ear *ear, bool other)
{
    (void)pthread_mutex_lock(&ear->lock);
    ear->other = other;
    (void)pthread_mutex_unlock(&ear->lock);
}

static SSL_CTX *
server_context(EVP_PKEY *key, X509 *cert, struct ear *ear)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    if (ear)
        SSL_CTX_set_alpn_select_cb(ctx, choose, ear);
    return ctx;
}

static void
answers(struct fake_dns_reply *r, UNUSED const char *name, int type, UNUSED int times,
        UNUSED void *arg)
{
    if (type == DNS_A)
        fake_dns_address(r, "127.0.0.1");
}

static struct proof_report
prove(struct scope *s, struct fake_dns *dns, const struct fake_peer *peer, const char *type,
      const char *value)
{
    AUTO(prover_free) struct prover *p = NULL;
    struct proof_settings o = fake_settings(s, dns, peer->port);
    struct proof_request q = { .type = type,
                               .value = value,
                               .challenge = "tls-alpn-01",
                               .token = "tok",
                               .key_authorization = KEY_AUTH };
    struct proof_report report = { 0 };

    o.tls_timeout = 1000;
    assert_ok(s, prover_new(s, &o, NULL, &p));
    assert_ok(s, proof_run(s, p, &q, &report));
    return report;
}

TEST(tls_alpn_01_is_proved_by_a_handshake)
{
    static const struct recipe address = { .san = "IP:127.0.0.1" };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(EVP_PKEY_free) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    AUTO(X509_free) X509 *cert = make_cert(&recipes[0], key);
    AUTO(X509_free) X509 *for_address = make_cert(&address, key);
    AUTO(fake_dns_stop) struct fake_dns dns = { 0 };
    struct ear ear = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct proof_report report;

    fake_dns_start(&dns, answers, NULL);
    {
        AUTO(SSL_CTX_free) SSL_CTX *ctx = server_context(key, cert, &ear);
        AUTO(fake_stop) struct fake_peer peer = { 0 };

        fake_start(&peer, ctx, fake_ok, 1);
        report = prove(s, &dns, &peer, "dns", "a.test");
        if (!report.proved)
            fail_msg("%s", report.detail);
        assert_heard(&ear, "a.test|\012acme-tls/1");
        assert_non_null(strstr(report.steps, "\"step\":\"tls\",\"server_name\":\"a.test\""));
        report = prove(s, &dns, &peer, "dns", "b.test");
        assert_string_equal(report.problem, "incorrectResponse");
        assert_string_equal(report.detail, "the certificate: its subjectAltName is not the name "
                                           "that is validated");
        speak_other(&ear, true);
        report = prove(s, &dns, &peer, "dns", "a.test");
        assert_false(report.proved);
        assert_string_equal(report.problem, "tls");
    }
    {
        AUTO(SSL_CTX_free) SSL_CTX *ctx = server_context(key, for_address, &ear);
        AUTO(fake_stop) struct fake_peer peer = { 0 };

        speak_other(&ear, false);
        fake_start(&peer, ctx, fake_ok, 1);
        report = prove(s, &dns, &peer, "ip", "127.0.0.1");
        if (!report.proved)
            fail_msg("%s", report.detail);
        assert_heard(&ear, "1.0.0.127.in-addr.arpa|\012acme-tls/1");
    }
}

TEST(tls_alpn_01_tells_apart_how_it_fails)
{
    static const struct fake_step silent[] = { { .status = 200, .delay_ms = 1 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(EVP_PKEY_free) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    AUTO(X509_free) X509 *cert = make_cert(&recipes[0], key);
    AUTO(fake_dns_stop) struct fake_dns dns = { 0 };
    struct proof_report report;
    struct fake_peer nobody = { 0 };

    fake_dns_start(&dns, answers, NULL);
    {
        AUTO(SSL_CTX_free) SSL_CTX *ctx = server_context(key, cert, NULL);
        AUTO(fake_stop) struct fake_peer peer = { 0 };

        fake_start(&peer, ctx, fake_ok, 1); /* a server without ALPN */
        report = prove(s, &dns, &peer, "dns", "a.test");
        assert_string_equal(report.problem, "incorrectResponse");
        assert_string_equal(report.detail, "the server did not choose the protocol acme-tls/1");
        assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION), 1);
        SSL_CTX_set_security_level(ctx, 0);
        report = prove(s, &dns, &peer, "dns", "a.test");
        assert_string_equal(report.problem, "tls");
    }
    {
        AUTO(fake_stop) struct fake_peer peer = { 0 };

        fake_start(&peer, NULL, silent, 1); /* no TLS: it waits for a request that never comes */
        report = prove(s, &dns, &peer, "dns", "a.test");
        assert_string_equal(report.problem, "connection");
        assert_non_null(strstr(report.detail, "no complete handshake in time"));
        nobody.port = peer.port;
    }
    report = prove(s, &dns, &nobody, "dns", "a.test");
    assert_string_equal(report.problem, "connection");
    assert_non_null(strstr(report.detail, "refused"));
}
