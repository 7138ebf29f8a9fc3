#include "base/test.h"

#include "pki/csr.h"
#include "pki/der.h"
#include "pki/pem.h"
#include "pki/tbs.h"
#include <openssl/x509v3.h>

static EVP_PKEY *
make_key(struct scope *s)
{
    EVP_PKEY *key;

    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &key));
    return key;
}

static struct bytes
make_csr(struct scope *s, EVP_PKEY *key)
{
    struct csr_plan plan = { .challenge = "s3cret" };
    struct bytes der;

    assert_ok(s, name_from_text(s, "CN=web.example.com,O=Contoso,C=US", &plan.subject));
    list_add(s->arena, &plan.sans, struct general_name,
             ((struct general_name){ GN_DNS, "web.example.com" }));
    ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE);
    assert_ok(s, csr_build(s, &plan, key, SIG_NONE, &der));
    return der;
}

TEST(csr_reads_back_as_it_was_built)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    EVP_PKEY *key = make_key(s);
    struct bytes der = make_csr(s, key);
    const unsigned char *at = der.data;
    AUTO(X509_REQ_free) X509_REQ *theirs = d2i_X509_REQ(NULL, &at, (long)der.len);
    struct csr c;

    assert_ok(s, csr_read(s, der, &c));
    assert_int_equal(c.version, 0);
    assert_string_equal(c.subject.text, "CN=web.example.com,O=Contoso,C=US");
    assert_int_equal(c.exts.san.count, 1);
    assert_int_equal(c.exts.key_usage, KU_DIGITAL_SIGNATURE);
    assert_true(c.has_challenge);
    assert_string_equal(c.challenge, "s3cret");
    assert_ok(s, csr_verify(s, &c));
    assert_true(c.proved);
    assert_non_null(theirs);
    assert_int_equal(X509_REQ_verify(theirs, key), 1);
}

TEST(csr_is_taken_in_every_usual_wrapping)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes der = make_csr(s, make_key(s)), got;
    const char *pem = pem_text(s->arena, PEM_CSR, der);
    const char *forms[] = { pem,
                            pem_text(s->arena, "NEW CERTIFICATE REQUEST", der),
                            arena_printf(s->arena,
                                         "Certificate Request:\n  Data: x\n%s\ntrailing\n", pem),
                            base64_encode(s->arena, der),
                            base64_encode_lines(s->arena, der, 64),
                            arena_printf(s->arena,
                                         "-----BEGIN CERTIFICATE REQUEST-----%s-----END "
                                         "CERTIFICATE REQUEST-----",
                                         base64_encode(s->arena, der)) };
    const char *bad[] = {
        "",
        "hello",
        "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n",
        pem_text(s->arena, PEM_CERT, der),
        "-----BEGIN CERTIFICATE REQUEST-----\nM=A=\n-----END CERTIFICATE REQUEST-----\n",
        "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE-----\n"
    };

    for (size_t i = 0; i < COUNT(forms); i++) {
        assert_ok(s, csr_decode(s, bytes_of_text(forms[i]), &got));
        assert_true(bytes_eq(got, der));
    }
    assert_ok(s, csr_decode(s, der, &got));
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_err(E_INVALID, csr_decode(s, bytes_of_text(bad[i]), &got));
        assert_int_equal(s->error.code, CHY_BAD_CSR);
        assert_string_equal(s->error.tag, "badCSR");
    }
}

TEST(csr_too_long_is_refused_before_it_is_read)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    uint8_t *huge = arena_alloc(s->arena, 5 * CSR_MAX_LEN);
    struct bytes got;
    struct csr c;

    assert_err(E_LIMIT, csr_decode(s, (struct bytes){ huge, 5 * CSR_MAX_LEN }, &got));
    assert_err(E_LIMIT, csr_read(s, (struct bytes){ huge, CSR_MAX_LEN + 1 }, &c));
}

/* A request whose attributes are ATTRS as they stand, signed rightly. */
static struct bytes
with_attributes(struct scope *s, int64_t version, struct bytes attrs, enum sig_alg alg)
{
    EVP_PKEY *key = make_key(s);
    struct bytes spki, signature, der;
    struct buf b;
    size_t all;

    assert_ok(s, key_spki(s, key, &spki));
    buf_init_in(&b, s->arena, 4096);
    all = der_begin(&b, DER_SEQUENCE);
    der_put_int(&b, version);
    der_put(&b, DER_SEQUENCE, (struct bytes){ 0 });
    der_put_raw(&b, spki);
    der_put_raw(&b, attrs);
    der_close(&b, all);
    assert_ok(s, key_sign(s, key, SIG_ECDSA_SHA256, buf_bytes(&b), &signature));
    assert_ok(s, cert_assemble(s, buf_bytes(&b), alg, signature, &der));
    return der;
}

/* [0] { attribute OID { SET { VALUE } } ... }, the same attribute TIMES times */
static struct bytes
attributes(struct scope *s, const char *oid, struct bytes value, int times)
{
    struct buf b;
    size_t all, one, set;

    buf_init_in(&b, s->arena, 4096);
    all = der_begin(&b, DER_CONSTRUCTED(0));
    for (int i = 0; i < times; i++) {
        one = der_begin(&b, DER_SEQUENCE);
        der_put_oid(&b, oid);
        set = der_begin(&b, DER_SET);
        der_put_raw(&b, value);
        der_close(&b, set);
        der_close(&b, one);
    }
    der_close(&b, all);
    return buf_bytes(&b);
}

static struct bytes
extensions(struct scope *s, const char *oid, bool critical, struct bytes value, int times)
{
    struct list exts = { 0 };
    struct buf b;

    for (int i = 0; i < times; i++)
        ext_add(s, &exts, oid, critical, value);
    buf_init_in(&b, s->arena, 4096);
    exts_write(&b, &exts);
    return buf_bytes(&b);
}

TEST(csr_attributes_are_limited)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct bytes san = BYTES("\x30\x03\x82\x01\x61"), text = BYTES("\x0c\x01x");
    const struct {
        struct bytes attrs;
        const char *says; /* NULL: taken */
    } cases[] = {
        { { NULL, 0 }, NULL },
        { BYTES("\xa0\x00"), NULL },
        { attributes(s, OID_CHALLENGE_PASSWORD, text, 1), NULL },
        { attributes(s, OID_CHALLENGE_PASSWORD, text, 2), "twice" },
        { attributes(s, OID_CHALLENGE_PASSWORD, BYTES("\x04\x01x"), 1), "challenge" },
        { attributes(s, "1.2.3.4", text, 1), "not taken" },
        { attributes(s, "1.3.6.1.4.1.311.13.2.3",
                     BYTES("\x16\x03"
                           "6.2"),
                     1),
          NULL },
        { attributes(s, OID_EXTENSION_REQUEST, extensions(s, OID_SAN, false, san, 1), 1), NULL },
        { attributes(s, OID_MS_EXTENSION_REQUEST, extensions(s, OID_SAN, false, san, 1), 1), NULL },
        { attributes(s, OID_EXTENSION_REQUEST, extensions(s, OID_SAN, false, san, 1), 2), "twice" },
        { attributes(s, OID_EXTENSION_REQUEST, extensions(s, OID_SAN, false, san, 2), 1), "twice" },
        { attributes(s, OID_EXTENSION_REQUEST, extensions(s, OID_SAN, false, text, 1), 1),
          "subjectAltName" },
        { attributes(s, OID_EXTENSION_REQUEST, text, 1), "malformed" },
        { BYTES("\xa1\x00"), "attributes" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct csr c;
        enum err e = csr_read(s, with_attributes(s, 0, cases[i].attrs, SIG_ECDSA_SHA256), &c);

        if (cases[i].says ? e != E_INVALID || !strstr(s->error.text, cases[i].says) : e != OK)
            fail_msg("case %zu: %s", i, e ? s->error.text : "taken");
        if (e == OK)
            assert_ok(s, csr_verify(s, &c));
    }
}

TEST(csr_wishes_are_visible_to_policy)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct bytes ca = BYTES("\x30\x03\x01\x01\xff"), opaque = BYTES("\x05\x00");
    struct csr c;

    assert_ok(s, csr_read(s,
                          with_attributes(
                              s, 1,
                              attributes(s, OID_EXTENSION_REQUEST,
                                         extensions(s, OID_BASIC_CONSTRAINTS, true, ca, 1), 1),
                              SIG_ECDSA_SHA256),
                          &c));
    assert_int_equal(c.version, 1);
    assert_true(c.exts.is_ca);
    assert_false(c.exts.unknown_critical);
    assert_ok(s, csr_read(s,
                          with_attributes(s, 0,
                                          attributes(s, OID_EXTENSION_REQUEST,
                                                     extensions(s, "1.2.3.4", true, opaque, 1), 1),
                                          SIG_ECDSA_SHA256),
                          &c));
    assert_true(c.exts.unknown_critical);
    assert_ok(s, csr_read(s,
                          with_attributes(s, 0,
                                          attributes(s, OID_EXTENSION_REQUEST,
                                                     extensions(s, OID_MS_TEMPLATE_NAME, false,
                                                                BYTES("\x1e\x06\x00W\x00"
                                                                      "e\x00"
                                                                      "b"),
                                                                1),
                                                     1),
                                          SIG_ECDSA_SHA256),
                          &c));
    assert_string_equal(c.ms_template, "Web");
}

TEST(csr_proof_of_possession_is_checked)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes der = make_csr(s, make_key(s)), tampered = bytes_copy(s->arena, der);
    const uint8_t *name = memmem(tampered.data, tampered.len, "web", 3);
    struct csr c;

    ((uint8_t *)(uintptr_t)name)[1] = 'x';
    assert_ok(s, csr_read(s, tampered, &c));
    assert_err(E_INVALID, csr_verify(s, &c));
    assert_int_equal(s->error.code, CHY_BAD_POP);
    assert_ok(s, csr_read(s, with_attributes(s, 0, BYTES("\xa0\x00"), SIG_ECDSA_SHA384), &c));
    assert_err(E_INVALID, csr_verify(s, &c)); /* another algorithm than it was made by */
    assert_ok(s, csr_read(s, with_attributes(s, 0, BYTES("\xa0\x00"), SIG_ECDSA_SHA1), &c));
    assert_err(E_INVALID, csr_verify(s, &c));
    assert_says(s, "too weak");
    assert_err(E_INVALID,
               csr_read(s, with_attributes(s, 2, BYTES("\xa0\x00"), SIG_ECDSA_SHA256), &c));
}

TEST(csr_of_openssl_is_read)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(X509_REQ_free) X509_REQ *req = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
    X509_NAME *subject = X509_NAME_new();
    EVP_PKEY *key = make_key(s);
    unsigned char *der = NULL;
    struct csr c;
    int len;

    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)"a.test", -1, -1, 0);
    X509_REQ_set_subject_name(req, subject);
    X509_REQ_set_pubkey(req, key);
    sk_X509_EXTENSION_push(exts,
                           X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                                               "DNS:a.test,IP:10.0.0.1,otherName:1.2.3;UTF8:x"));
    sk_X509_EXTENSION_push(exts, X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, "serverAuth"));
    X509_REQ_add_extensions(req, exts);
    X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, MBSTRING_ASC, (const uint8_t *)"pw",
                              2);
    assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
    len = i2d_X509_REQ(req, &der);
    assert_ok(s, csr_read(s, (struct bytes){ der, (size_t)len }, &c));
    assert_ok(s, csr_verify(s, &c));
    assert_int_equal(c.exts.san.count, 3);
    assert_string_equal(*list_at(&c.exts.eku, const char *, 0), OID_EKU_SERVER);
    assert_string_equal(c.challenge, "pw");
    OPENSSL_free(der);
    X509_NAME_free(subject);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

TEST(pem_is_read_block_by_block)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *two =
        arena_printf(s->arena, "noise\n%s%s", pem_text(s->arena, PEM_CERT, BYTES("\x30\x00")),
                     pem_text(s->arena, "X509 CRL", BYTES("\x30\x01\x05")));
    struct list blocks, certs;

    assert_ok(s, pem_read(s, bytes_of_text(two), &blocks));
    assert_int_equal(blocks.count, 2);
    assert_string_equal(list_at(&blocks, struct pem_block, 1)->label, "X509 CRL");
    assert_ok(s, pem_read_certs(s, bytes_of_text(two), &certs));
    assert_int_equal(certs.count, 1);
    assert_ok(s, pem_read_certs(s, BYTES("\x30\x00"), &certs));
    assert_err(E_INVALID, pem_read(s, BYTES(""), &blocks));
    assert_err(E_INVALID, pem_read(s, BYTES("-----BEGIN X-----\nMA"), &blocks));
    assert_err(E_INVALID,
               pem_read(s, BYTES("-----BEGIN X-----\nA: b\n\nMAA=\n-----END X-----\n"), &blocks));
    assert_says(s, "headers");
}
