#include "base/test.h"

#include "pki/chain.h"
#include "pki/csr.h"
#include "pki/tbs.h"

struct ca {
    EVP_PKEY *key;
    struct bytes der;
    struct cert cert;
};

static void
common(struct scope *s, struct cert_plan *plan, EVP_PKEY *key, const char *subject,
       struct pubkey *pub)
{
    uint8_t id[SHA1_LEN];
    uint8_t serial[SERIAL_LEN];
    struct when from;

    serial_new(serial);
    plan->serial = bytes_copy(s->arena, (struct bytes){ serial, sizeof(serial) });
    assert_true(when_parse("2026-01-02T03:04:05Z", &from));
    plan_validity(plan, from, 90 * 86400);
    assert_ok(s, name_from_text(s, subject, &plan->subject));
    assert_ok(s, key_spki(s, key, &plan->spki));
    assert_ok(s, pubkey_read(s, plan->spki, pub));
    pubkey_id(pub, id);
    ext_ski(s, &plan->exts, bytes_copy(s->arena, (struct bytes){ id, sizeof(id) }));
}

static void
sign(struct scope *s, const struct cert_plan *plan, EVP_PKEY *key, struct bytes *der)
{
    struct bytes tbs, signature;

    assert_ok(s, tbs_build(s, plan, &tbs));
    assert_ok(s, key_sign(s, key, plan->alg, tbs, &signature));
    assert_ok(s, cert_assemble(s, tbs, plan->alg, signature, der));
}

static void
make_root(struct scope *s, struct key_spec spec, enum sig_alg alg, struct ca *out)
{
    struct cert_plan plan = { 0 };
    struct pubkey pub;

    assert_ok(s, key_generate(s, spec, &out->key));
    common(s, &plan, out->key, "CN=Test Root,O=Tests,C=DE", &pub);
    plan.alg = alg ? alg : sig_alg_for(spec.type, spec.bits);
    plan.issuer = plan.subject;
    ext_ca(s, &plan.exts, 0);
    ext_key_usage(s, &plan.exts, KU_CERT_SIGN | KU_CRL_SIGN);
    sign(s, &plan, out->key, &out->der);
    assert_ok(s, cert_read(s, out->der, &out->cert));
}

static void
add_text(struct scope *s, struct list *l, const char *text)
{
    list_add(s->arena, l, const char *, text);
}

static struct list
leaf_names(struct scope *s)
{
    struct list names = { 0 };

    list_add(s->arena, &names, struct general_name,
             ((struct general_name){ GN_DNS, "web.example.com" }));
    list_add(s->arena, &names, struct general_name, ((struct general_name){ GN_IP, "192.0.2.7" }));
    list_add(s->arena, &names, struct general_name,
             ((struct general_name){ GN_IP, "2001:db8::7" }));
    list_add(s->arena, &names, struct general_name,
             ((struct general_name){ GN_EMAIL, "a@example.com" }));
    list_add(s->arena, &names, struct general_name,
             ((struct general_name){ GN_URI, "spiffe://td/x" }));
    list_add(s->arena, &names, struct general_name,
             ((struct general_name){ GN_UPN, "joe@corp.test" }));
    list_add(s->arena, &names, struct general_name, ((struct general_name){ GN_RID, "1.2.3.4" }));
    return names;
}

static void
make_leaf(struct scope *s, const struct ca *ca, EVP_PKEY *key, enum sig_alg alg, struct bytes *der)
{
    struct cert_plan plan = { .alg = alg, .issuer = ca->cert.subject.der };
    struct list ekus = { 0 }, cdp = { 0 }, ocsp = { 0 }, issuers = { 0 }, policies = { 0 };
    struct list names = leaf_names(s);
    struct pubkey pub;

    common(s, &plan, key, "CN=web.example.com,OU=a\\, b+OU=A,O=Contoso,C=US", &pub);
    ext_aki(s, &plan.exts, ca->cert.exts.ski);
    ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    add_text(s, &ekus, OID_EKU_SERVER);
    add_text(s, &ekus, "1.2.3.4.5");
    ext_eku(s, &plan.exts, &ekus, false);
    ext_san(s, &plan.exts, &names, false);
    ext_not_ca(s, &plan.exts);
    add_text(s, &cdp, "http://pki.test/ca.crl");
    ext_cdp(s, &plan.exts, &cdp);
    add_text(s, &ocsp, "http://pki.test/ocsp");
    add_text(s, &issuers, "http://pki.test/ca.cer");
    ext_aia(s, &plan.exts, &ocsp, &issuers);
    add_text(s, &policies, "1.3.6.1.4.1.99999.1");
    ext_policies(s, &plan.exts, &policies);
    ext_must_staple(s, &plan.exts);
    ext_ocsp_nocheck(s, &plan.exts);
    sign(s, &plan, ca->key, der);
}

TEST(tbs_a_certificate_reads_back_as_it_was_planned)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct ca ca;
    struct bytes der;
    struct cert c;
    EVP_PKEY *key;
    struct when end;

    make_root(s, (struct key_spec){ KEY_EC, 256 }, SIG_NONE, &ca);
    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 384 }, &key));
    make_leaf(s, &ca, key, SIG_ECDSA_SHA256, &der);
    assert_ok(s, cert_read(s, der, &c));
    assert_int_equal(c.version, 3);
    assert_int_equal(c.serial.len, 16);
    assert_int_equal(strlen(c.serial_hex), 32);
    assert_string_equal(c.subject.text, "CN=web.example.com,OU=A+OU=a\\, b,O=Contoso,C=US");
    assert_string_equal(c.issuer.text, "CN=Test Root,O=Tests,C=DE");
    assert_string_equal(name_get(&c.subject, "CN"), "web.example.com");
    assert_true(when_parse("2026-04-02T03:04:04Z", &end)); /* 90 days, both ends counted */
    assert_int_equal(c.not_after.ms, end.ms);
    assert_int_equal(c.exts.key_usage, 0xa0);
    assert_int_equal(c.exts.san.count, 7);
    assert_string_equal(list_at(&c.exts.san, struct general_name, 2)->text, "2001:db8::7");
    assert_int_equal(list_at(&c.exts.san, struct general_name, 5)->kind, GN_UPN);
    assert_string_equal(list_at(&c.exts.san, struct general_name, 5)->text, "joe@corp.test");
    assert_string_equal(*list_at(&c.exts.eku, const char *, 1), "1.2.3.4.5");
    assert_string_equal(*list_at(&c.exts.cdp, const char *, 0), "http://pki.test/ca.crl");
    assert_string_equal(*list_at(&c.exts.aia_ocsp, const char *, 0), "http://pki.test/ocsp");
    assert_string_equal(*list_at(&c.exts.aia_issuers, const char *, 0), "http://pki.test/ca.cer");
    assert_string_equal(*list_at(&c.exts.policies, const char *, 0), "1.3.6.1.4.1.99999.1");
    assert_true(c.exts.must_staple && c.exts.ocsp_nocheck && c.exts.has_basic && !c.exts.is_ca);
    assert_true(bytes_eq(c.exts.aki, ca.cert.exts.ski));
    assert_true(bytes_eq(c.issuer.der, ca.cert.subject.der));
    assert_int_equal(c.key.type, KEY_EC);
    assert_string_equal(pubkey_label(s->arena, &c.key), "EC-P384");
    assert_ok(s, cert_verify(s, &c, &ca.cert.key));
    assert_err(E_INVALID, cert_verify(s, &c, &c.key));
}

TEST(tbs_every_algorithm_makes_chains_that_openssl_verifies)
{
    static const struct {
        struct key_spec key;
        enum sig_alg alg;
    } cases[] = { { { KEY_EC, 256 }, SIG_ECDSA_SHA256 }, { { KEY_EC, 384 }, SIG_ECDSA_SHA384 },
                  { { KEY_EC, 521 }, SIG_ECDSA_SHA512 }, { { KEY_RSA, 2048 }, SIG_RSA_SHA256 },
                  { { KEY_RSA, 2048 }, SIG_RSA_SHA384 }, { { KEY_RSA, 2048 }, SIG_RSA_SHA512 },
                  { { KEY_RSA, 2048 }, SIG_PSS_SHA256 }, { { KEY_RSA, 2048 }, SIG_PSS_SHA384 },
                  { { KEY_RSA, 2048 }, SIG_PSS_SHA512 }, { { KEY_ED25519, 0 }, SIG_ED25519 },
                  { { KEY_ED448, 0 }, SIG_ED448 } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct list chain = { 0 }, roots = { 0 };
        struct ca ca;
        struct bytes der;
        struct when at;
        EVP_PKEY *key;

        make_root(s, cases[i].key, cases[i].alg, &ca);
        assert_ok(s, key_generate(s, cases[i].key, &key));
        make_leaf(s, &ca, key, cases[i].alg, &der);
        list_add(s->arena, &chain, struct bytes, der);
        list_add(s->arena, &chain, struct bytes, ca.der);
        list_add(s->arena, &roots, struct bytes, ca.der);
        assert_true(when_parse("2026-02-01T00:00:00Z", &at));
        assert_ok(s, chain_verify(s, &chain, &roots, at, CHAIN_SERVER));
        assert_err(E_INVALID, chain_verify(s, &chain, &roots, at, CHAIN_CLIENT));
        assert_true(when_parse("2026-04-02T03:04:03Z", &at)); /* OpenSSL counts the end out */
        assert_ok(s, chain_verify(s, &chain, &roots, at, CHAIN_ANY));
        assert_true(when_parse("2026-04-02T03:04:06Z", &at));
        assert_err(E_INVALID, chain_verify(s, &chain, &roots, at, CHAIN_ANY));
        assert_says(s, "expired");
    }
}

TEST(tbs_refuses_plans_that_break_the_rules)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct cert_plan plan = { .alg = SIG_ECDSA_SHA256 };
    struct list bad_names = { 0 };
    struct bytes tbs;
    struct pubkey pub;
    EVP_PKEY *key;

    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &key));
    common(s, &plan, key, "CN=x", &pub);
    plan.issuer = plan.subject;
    assert_ok(s, tbs_build(s, &plan, &tbs));
    plan.serial.len = 0;
    assert_err(E_INTERNAL, tbs_build(s, &plan, &tbs));
    plan.serial.len = 16;
    plan.not_after = when_add_ms(plan.not_before, -1000);
    assert_err(E_INTERNAL, tbs_build(s, &plan, &tbs));
    plan.not_after = plan.not_before;
    plan.alg = SIG_RSA_SHA1;
    assert_err(E_INTERNAL, tbs_build(s, &plan, &tbs));
    plan.alg = SIG_ECDSA_SHA256;
    ext_ski(s, &plan.exts, BYTES("again"));
    assert_err(E_INTERNAL, tbs_build(s, &plan, &tbs));
    plan.exts.count--;
    list_add(s->arena, &bad_names, struct general_name,
             ((struct general_name){ GN_IP, "no address" }));
    ext_san(s, &plan.exts, &bad_names, false);
    assert_err(E_INTERNAL, tbs_build(s, &plan, &tbs));
}

TEST(tbs_serials_are_sixteen_random_octets)
{
    enum { ROUNDS = 10000 };
    unsigned ones[128] = { 0 };

    for (int i = 0; i < ROUNDS; i++) {
        uint8_t serial[SERIAL_LEN];

        serial_new(serial);
        for (size_t bit = 0; bit < 128; bit++)
            ones[bit] += serial[bit / 8] >> (7 - bit % 8) & 1;
    }
    assert_int_equal(ones[0], 0);
    assert_int_equal(ones[1], ROUNDS);
    for (size_t bit = 2; bit < 128; bit++)
        assert_in_range(ones[bit], ROUNDS / 2 - 350, ROUNDS / 2 + 350); /* seven deviations */
}

TEST(chain_is_ordered_from_any_heap)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list heap = { 0 }, chain;
    struct ca ca, stranger;
    struct bytes der;
    EVP_PKEY *key;

    make_root(s, (struct key_spec){ KEY_EC, 256 }, SIG_NONE, &ca);
    make_root(s, (struct key_spec){ KEY_EC, 256 }, SIG_NONE, &stranger);
    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &key));
    make_leaf(s, &ca, key, SIG_ECDSA_SHA256, &der);
    list_add(s->arena, &heap, struct bytes, ca.der);
    list_add(s->arena, &heap, struct bytes, ca.der);
    list_add(s->arena, &heap, struct bytes, stranger.der);
    list_add(s->arena, &heap, struct bytes, der);
    assert_ok(s, chain_order(s, der, &heap, &chain));
    assert_int_equal(chain.count, 2);
    assert_true(bytes_eq(*list_at(&chain, struct bytes, 0), der));
    assert_true(bytes_eq(*list_at(&chain, struct bytes, 1), ca.der));
    heap.count = 2;
    list_add(s->arena, &heap, struct bytes, der);
    assert_ok(s, chain_order(s, (struct bytes){ 0 }, &heap, &chain));
    assert_int_equal(chain.count, 2);
    assert_true(bytes_eq(*list_at(&chain, struct bytes, 0), der));
}
