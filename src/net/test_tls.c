#include "net/server_fixture.h"

#include <openssl/err.h>
#include <openssl/pem.h>

TEST(a_new_certificate_serves_new_connections)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer before;
    AUTO(peer_close) struct peer after;
    char name[64];

    fixture_open(&f, NULL);
    peer_tls(&f, &before);
    fixture_cert(&f, "two.example");
    assert_ok(f.s, http_server_tls(f.s, f.server, f.cert_pem, f.key, NULL));
    peer_tls(&f, &after);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(after.ssl)),
                                    NID_commonName, name, sizeof(name));
    assert_string_equal(name, "two.example");
    peer_say(&before, GET("/echo"));
    assert_peer_hears(&f, &before, 200, "GET /echo");
    peer_say(&after, GET("/echo"));
    assert_peer_hears(&f, &after, 200, "GET /echo");
}

TEST(a_key_of_another_certificate_is_refused)
{
    AUTO(fixture_close) struct fixture f;
    struct bytes key;

    fixture_open(&f, NULL);
    key = f.key;
    fixture_cert(&f, "two.example");
    assert_err(E_INVALID, http_server_tls(f.s, f.server, f.cert_pem, key, NULL));
    assert_err(E_INVALID, http_server_tls(f.s, f.server, "no PEM", f.key, NULL));
    assert_err(E_INVALID, http_server_tls(f.s, f.server, f.cert_pem, BYTES("no key"), NULL));
}

TEST(tls_1_1_and_old_ciphers_find_no_ear)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer c;

    fixture_open(&f, NULL);
    SSL_CTX_set_security_level(f.client, 0);
    (void)SSL_CTX_set_min_proto_version(f.client, TLS1_VERSION);
    (void)SSL_CTX_set_max_proto_version(f.client, TLS1_1_VERSION);
    peer_open(&f, &c, ON_HTTPS);
    c.ssl = SSL_new(f.client);
    (void)SSL_set_fd(c.ssl, c.fd);
    assert_int_not_equal(SSL_connect(c.ssl), 1);
    ERR_clear_error();
}

TEST(sessions_resume_and_outlive_a_new_certificate)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer first;
    AUTO(peer_close) struct peer second;
    SSL_SESSION *session;

    fixture_open(&f, NULL);
    (void)SSL_CTX_set_max_proto_version(f.client, TLS1_2_VERSION);
    peer_tls(&f, &first);
    session = SSL_get1_session(first.ssl);
    fixture_cert(&f, "two.example");
    assert_ok(f.s, http_server_tls(f.s, f.server, f.cert_pem, f.key, NULL));
    peer_open(&f, &second, ON_HTTPS);
    second.ssl = SSL_new(f.client);
    (void)SSL_set_fd(second.ssl, second.fd);
    (void)SSL_set_session(second.ssl, session);
    assert_int_equal(SSL_connect(second.ssl), 1);
    assert_int_equal(SSL_session_reused(second.ssl), 1);
    SSL_SESSION_free(session);
    peer_say(&second, GET("/echo"));
    assert_peer_hears(&f, &second, 200, "GET /echo");
}

/* Show the fixture's certificate from now on. */
static void
show_cert(struct fixture *f)
{
    BIO *in = BIO_new_mem_buf(f->cert_pem, -1);
    X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
    const unsigned char *at = f->key.data;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)f->key.len);

    assert_int_equal(SSL_CTX_use_certificate(f->client, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(f->client, key), 1);
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(in);
}

TEST(a_client_certificate_is_welcome_but_not_demanded)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer without;
    AUTO(peer_close) struct peer with;
    AUTO(peer_close) struct peer foreign;
    const char *answer = "";

    fixture_open(&f, NULL);
    assert_ok(f.s, http_server_tls(f.s, f.server, f.cert_pem, f.key, f.cert_pem));
    peer_tls(&f, &without);
    peer_say(&without, GET("/echo"));
    assert_int_equal(peer_answer(&without, f.s->arena, true, &answer), 200);
    assert_null(strstr(answer, "X-Client-Cert"));
    show_cert(&f);
    peer_tls(&f, &with);
    for (int turn = 0; turn < 2; turn++) {
        peer_say(&with, GET("/echo"));
        assert_peer_hears(&f, &with, 200, "X-Client-Cert: ours\r\n");
    }
    fixture_cert(&f, "foreign.example");
    show_cert(&f);
    (void)SSL_CTX_set_max_proto_version(f.client, TLS1_2_VERSION); /* fails in the handshake */
    peer_open(&f, &foreign, ON_HTTPS);
    foreign.ssl = SSL_new(f.client);
    (void)SSL_set_fd(foreign.ssl, foreign.fd);
    assert_int_not_equal(SSL_connect(foreign.ssl), 1);
    ERR_clear_error();
}

/* The answer to one more request of C. */
static const char *
heard(struct fixture *f, struct peer *c)
{
    const char *answer = "";

    peer_say(c, GET("/echo"));
    assert_int_equal(peer_answer(c, f->s->arena, true, &answer), 200);
    return answer;
}

TEST(a_client_certificate_counts_as_long_as_its_authority_is_ours)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer with;
    AUTO(peer_close) struct peer again;
    const char *own, *both;
    SSL_SESSION *session;
    struct bytes key;

    fixture_open(&f, NULL);
    own = f.cert_pem;
    key = f.key;
    assert_ok(f.s, http_server_tls(f.s, f.server, own, key, own));
    show_cert(&f);
    (void)SSL_CTX_set_max_proto_version(f.client, TLS1_2_VERSION);
    peer_tls(&f, &with);
    session = SSL_get1_session(with.ssl);
    assert_non_null(strstr(heard(&f, &with), "X-Client-Cert: ours\r\n"));
    fixture_cert(&f, "two.example");
    both = arena_printf(f.s->arena, "%s%s", f.cert_pem, own);
    assert_ok(f.s, http_server_tls(f.s, f.server, own, key, both));
    assert_non_null(strstr(heard(&f, &with), "X-Client-Cert: "));
    assert_err(E_INVALID, http_server_tls(f.s, f.server, own, key, "no PEM"));
    assert_non_null(strstr(heard(&f, &with), "X-Client-Cert: ")); /* what was in force stays */
    assert_ok(f.s, http_server_tls(f.s, f.server, own, key, f.cert_pem)); /* another's alone */
    assert_null(strstr(heard(&f, &with), "X-Client-Cert"));
    assert_null(strstr(heard(&f, &with), "X-Client-Cert"));
    SSL_CTX_free(f.client); /* it comes back with its session, and without its certificate */
    f.client = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(f.client, TLS1_2_VERSION);
    peer_open(&f, &again, ON_HTTPS);
    again.ssl = SSL_new(f.client);
    (void)SSL_set_fd(again.ssl, again.fd);
    (void)SSL_set_session(again.ssl, session);
    assert_int_equal(SSL_connect(again.ssl), 1);
    assert_int_equal(SSL_session_reused(again.ssl), 0);
    SSL_SESSION_free(session);
    assert_null(strstr(heard(&f, &again), "X-Client-Cert"));
}
