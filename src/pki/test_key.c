#include "base/test.h"

#include "pki/der.h"
#include "pki/verifier.h"
#include <openssl/pem.h>

static const struct key_spec kinds[] = { { KEY_RSA, 2048 }, { KEY_EC, 256 },    { KEY_EC, 384 },
                                         { KEY_EC, 521 },   { KEY_ED25519, 0 }, { KEY_ED448, 0 } };

TEST(keys_of_every_kind_travel_and_sign)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(secret_free) struct secret *pkcs8 = NULL;
        EVP_PKEY *key, *again, *public;
        struct verifier *ready;
        struct bytes spki, spki2, signature;
        struct pubkey k;
        enum sig_alg alg = sig_alg_for(kinds[i].type, kinds[i].bits);

        assert_ok(s, key_generate(s, kinds[i], &key));
        assert_ok(s, key_spki(s, key, &spki));
        assert_ok(s, pubkey_read(s, spki, &k));
        assert_int_equal(k.type, kinds[i].type);
        if (kinds[i].bits)
            assert_int_equal(k.bits, kinds[i].bits);
        assert_ok(s, key_to_pkcs8(s, key, &pkcs8));
        assert_ok(s, key_from_pkcs8(s, secret_bytes(pkcs8), &again));
        assert_ok(s, key_spki(s, again, &spki2));
        assert_true(bytes_eq(spki, spki2));
        assert_ok(s, pubkey_import(s, &k, &public));
        assert_int_equal(EVP_PKEY_eq(public, key), 1);
        assert_ok(s, key_sign(s, again, alg, BYTES("message"), &signature));
        assert_ok(s, key_verify(s, public, alg, BYTES("message"), signature));
        assert_ok(s, pubkey_verify(s, &k, alg, BYTES("message"), signature));
        assert_err(E_INVALID, key_verify(s, public, alg, BYTES("massage"), signature));
        ready = arena_own(s->arena, verifier_new(public), verifier_unref);
        assert_int_equal(verifier_spec(ready).type, kinds[i].type);
        for (int turn = 0; turn < 2; turn++) {
            assert_ok(s, verifier_check(s, ready, alg, BYTES("message"), signature));
            assert_err(E_INVALID, verifier_check(s, ready, alg, BYTES("massage"), signature));
        }
        signature.len--;
        assert_err(E_INVALID, verifier_check(s, ready, alg, BYTES("message"), signature));
        assert_err(E_INVALID, key_verify(s, public, alg, BYTES("message"), signature));
        alg = kinds[i].type == KEY_RSA ? SIG_ECDSA_SHA256 : SIG_RSA_SHA256;
        assert_err(E_INVALID, key_verify(s, public, alg, BYTES("message"), signature));
        assert_err(E_INVALID, verifier_check(s, ready, alg, BYTES("message"), signature));
        assert_err(E_INVALID, key_sign(s, key, alg, BYTES("message"), &signature));
    }
}

TEST(signatures_are_verified_by_keys_in_turn)
{
    static const int bits[] = { 256, 384, 521 };

    for (size_t i = 0; i < COUNT(bits); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        enum sig_alg alg = sig_alg_for(KEY_EC, bits[i]);
        struct bytes spki, signatures[2];
        struct pubkey k[2], off;
        uint8_t *point;

        for (size_t j = 0; j < COUNT(k); j++) {
            EVP_PKEY *key;

            assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, bits[i] }, &key));
            assert_ok(s, key_spki(s, key, &spki));
            assert_ok(s, pubkey_read(s, spki, &k[j]));
            assert_ok(s, key_sign(s, key, alg, BYTES("message"), &signatures[j]));
        }
        off = k[0];
        off.key = bytes_copy(s->arena, off.key);
        point = (uint8_t *)(uintptr_t)off.key.data;
        point[off.key.len - 1] ^= 1;
        for (size_t j = 0; j < 4; j++) {
            const struct pubkey *mine = &k[j % 2];
            struct bytes signature = signatures[j % 2];

            assert_ok(s, pubkey_verify(s, mine, alg, BYTES("message"), signature));
            assert_err(E_INVALID, pubkey_verify(s, mine, alg, BYTES("massage"), signature));
            assert_int_not_equal(s->error.code, CHY_WEAK_KEY);
            assert_err(E_INVALID, pubkey_verify(s, &off, alg, BYTES("message"), signatures[0]));
            assert_int_equal(s->error.code, CHY_WEAK_KEY);
            assert_err(E_INVALID,
                       pubkey_verify(s, &k[(j + 1) % 2], alg, BYTES("message"), signature));
            assert_err(E_INVALID,
                       pubkey_verify(s, mine, SIG_RSA_SHA256, BYTES("message"), signature));
        }
    }
}

TEST(keys_in_pem_need_their_password)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *pem = NULL;
    AUTO(secret_free) struct secret *plain = NULL;
    AUTO(secret_free) struct secret *password = secret_copy(BYTES("correct horse"));
    AUTO(secret_free) struct secret *wrong = secret_copy(BYTES("battery"));
    EVP_PKEY *key, *again;

    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &key));
    assert_ok(s, key_to_pem(s, key, password, &pem));
    assert_non_null(strstr((const char *)pem->data, "BEGIN ENCRYPTED PRIVATE KEY"));
    assert_err(E_FORBIDDEN, key_from_pem(s, secret_bytes(pem), NULL, &again));
    assert_err(E_FORBIDDEN, key_from_pem(s, secret_bytes(pem), wrong, &again));
    assert_ok(s, key_from_pem(s, secret_bytes(pem), password, &again));
    assert_int_equal(EVP_PKEY_eq(key, again), 1);
    assert_ok(s, key_to_pem(s, key, NULL, &plain));
    assert_ok(s, key_from_pem(s, secret_bytes(plain), NULL, &again));
    assert_err(E_INVALID, key_from_pem(s, BYTES("nothing"), NULL, &again));
    assert_err(E_INVALID, key_from_pkcs8(s, BYTES("\x30\x00"), &again));
}

/* A key in PEM under a password whose derivation is written by hand. */
static enum err
read_sealed(struct scope *s, X509_ALGOR *alg)
{
    AUTO(secret_free) struct secret *password = secret_copy(BYTES("correct horse"));
    AUTO(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;
    AUTO(X509_SIG_free) X509_SIG *sealed = NULL;
    AUTO(BIO_free) BIO *to = BIO_new(BIO_s_mem());
    EVP_PKEY *key;
    char *text;
    long len;

    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &key));
    assert_non_null(alg);
    info = EVP_PKEY2PKCS8(key);
    sealed = PKCS8_set0_pbe((const char *)password->data, (int)password->len, info, alg);
    assert_non_null(sealed);
    assert_int_equal(PEM_write_bio_PKCS8(to, sealed), 1);
    len = BIO_get_mem_data(to, &text);
    scope_clear(s);
    return key_from_pem(s, (struct bytes){ (const uint8_t *)text, (size_t)len }, password, &key);
}

TEST(a_password_that_takes_long_is_not_computed)
{
    static const struct {
        uint64_t n, r, p;
        enum err want;
    } scrypts[] = { { 16384, 8, 1, OK }, { 16, 1, 65537, E_LIMIT }, { 16384, 8, 9, E_LIMIT } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    const EVP_CIPHER *aes = EVP_aes_256_cbc();

    assert_ok(s, read_sealed(s, PKCS5_pbe2_set(aes, 10000, NULL, 0)));
    assert_err(E_LIMIT, read_sealed(s, PKCS5_pbe2_set(aes, 1000001, NULL, 0)));
    assert_says(s, "more than 1000000 rounds");
    assert_ok(s,
              read_sealed(s, PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 2048, NULL, 0)));
    assert_err(E_LIMIT, read_sealed(s, PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
                                                     1000001, NULL, 0)));
    for (size_t i = 0; i < COUNT(scrypts); i++)
        assert_int_equal(read_sealed(s, PKCS5_pbe2_set_scrypt(aes, NULL, 0, NULL, scrypts[i].n,
                                                              scrypts[i].r, scrypts[i].p)),
                         scrypts[i].want);
}

TEST(keys_on_foreign_curves_are_not_taken_in)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(EVP_PKEY_free) EVP_PKEY *foreign = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    struct bytes spki;
    struct pubkey k;
    EVP_PKEY *key;

    assert_non_null(foreign);
    assert_ok(s, key_to_pkcs8(s, foreign, &pkcs8));
    assert_err(E_INVALID, key_from_pkcs8(s, secret_bytes(pkcs8), &key));
    assert_ok(s, key_spki(s, foreign, &spki));
    assert_ok(s, pubkey_read(s, spki, &k)); /* the register keeps it */
    assert_int_equal(k.type, KEY_OTHER);
    assert_err(E_UNSUPPORTED, pubkey_import(s, &k, &key));
}

/* An SPKI of an algorithm and key bits, both as they are. */
static struct bytes
spki_of(struct scope *s, struct bytes alg, struct bytes key)
{
    struct buf b;
    size_t all;

    buf_init_in(&b, s->arena, 4096);
    all = der_begin(&b, DER_SEQUENCE);
    der_put_raw(&b, alg);
    der_put_bits(&b, key);
    der_close(&b, all);
    return buf_bytes(&b);
}

TEST(public_keys_are_read_strictly)
{
#define B(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define P256 "\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define X32 "0123456789abcdef0123456789abcdef"
    static const struct {
        struct bytes alg, key;
        const char *says; /* NULL: read */
    } cases[] = {
        { B(P256), B("\x04" X32 X32), NULL },
        { B(P256), B("\x02" X32), "compressed" },
        { B(P256), B("\x03" X32), "compressed" },
        { B(P256), B("\x06" X32 X32), "hybrid" },
        { B(P256), B("\x07" X32 X32), "hybrid" },
        { B(P256), B("\x00"), "infinity" },
        { B(P256), B("\x04" X32), "length" },
        { B("\x30\x0d\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x30\x02\x05\x00"), B("\x04" X32 X32),
          "named curve" },
        { B("\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"), B("\x04" X32 X32), "named curve" },
        { B("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"),
          B("\x30\x06\x02\x01\x03\x02\x01\x03"), "NULL" },
        { B("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"),
          B("\x30\x06\x02\x01\x03\x02\x01\x03"), NULL },
        { B("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"),
          B("\x30\x06\x02\x01\x83\x02\x01\x03"), "malformed" },
        { B("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"),
          B("\x30\x06\x02\x01\x00\x02\x01\x03"), "zero" },
        { B("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"),
          B("\x30\x07\x02\x02\x00\x03\x02\x01\x03"), "malformed" },
        { B("\x30\x05\x06\x03\x2b\x65\x70"), B(X32), NULL },
        { B("\x30\x05\x06\x03\x2b\x65\x70"), B(X32 "x"), "length" },
        { B("\x30\x07\x06\x03\x2b\x65\x70\x05\x00"), B(X32), "parameters" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct pubkey k;
        enum err e = pubkey_read(s, spki_of(s, cases[i].alg, cases[i].key), &k);

        if (cases[i].says ? e != E_INVALID || !strstr(s->error.text, cases[i].says) : e != OK)
            fail_msg("case %zu: %s", i, e ? s->error.text : "read");
    }
}

TEST(key_specs_are_read_in_many_spellings)
{
    static const struct {
        const char *text;
        struct key_spec spec;
    } good[] = { { "RSA2048", { KEY_RSA, 2048 } },  { "rsa:4096", { KEY_RSA, 4096 } },
                 { "RSA 3072", { KEY_RSA, 3072 } }, { "ec:P-256", { KEY_EC, 256 } },
                 { "P-384", { KEY_EC, 384 } },      { "ecdsa-p521", { KEY_EC, 521 } },
                 { "EC256", { KEY_EC, 256 } },      { "ECC-P384", { KEY_EC, 384 } },
                 { "secp256r1", { KEY_EC, 256 } },  { "Ed25519", { KEY_ED25519, 0 } },
                 { "ec", { KEY_EC, 256 } },         { "rsa", { KEY_RSA, 2048 } } };
    static const char *const bad[] = {
        "",        "256", "rsa1024", "p192", "dsa", "rsa:2049", "averyveryverylongnameofakeytype",
        "ec:p-255"
    };
    struct key_spec spec;

    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(key_spec_parse(good[i].text, &spec));
        assert_int_equal(spec.type, good[i].spec.type);
        assert_int_equal(spec.bits, good[i].spec.bits);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(key_spec_parse(bad[i], &spec));
}

TEST(signature_algorithms_are_those_that_openssl_writes)
{
    static const struct {
        const char *type;
        struct key_spec spec;
        const char *digest;
        bool pss;
        enum sig_alg want;
    } cases[] = { { "RSA", { KEY_RSA, 2048 }, "SHA256", false, SIG_RSA_SHA256 },
                  { "RSA", { KEY_RSA, 2048 }, "SHA384", false, SIG_RSA_SHA384 },
                  { "RSA", { KEY_RSA, 2048 }, "SHA512", false, SIG_RSA_SHA512 },
                  { "RSA", { KEY_RSA, 2048 }, "SHA1", false, SIG_RSA_SHA1 },
                  { "RSA", { KEY_RSA, 2048 }, "MD5", false, SIG_RSA_MD5 },
                  { "RSA", { KEY_RSA, 2048 }, "SHA256", true, SIG_PSS_SHA256 },
                  { "RSA", { KEY_RSA, 2048 }, "SHA384", true, SIG_PSS_SHA384 },
                  { "RSA", { KEY_RSA, 2048 }, "SHA512", true, SIG_PSS_SHA512 },
                  { "EC", { KEY_EC, 256 }, "SHA256", false, SIG_ECDSA_SHA256 },
                  { "EC", { KEY_EC, 256 }, "SHA384", false, SIG_ECDSA_SHA384 },
                  { "EC", { KEY_EC, 256 }, "SHA512", false, SIG_ECDSA_SHA512 },
                  { "EC", { KEY_EC, 256 }, "SHA1", false, SIG_ECDSA_SHA1 },
                  { "ED25519", { KEY_ED25519, 0 }, NULL, false, SIG_ED25519 },
                  { "ED448", { KEY_ED448, 0 }, NULL, false, SIG_ED448 } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(X509_REQ_free) X509_REQ *req = X509_REQ_new();
        AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        unsigned char *der = NULL;
        const X509_ALGOR *alg;
        EVP_PKEY_CTX *of_key;
        EVP_PKEY *key;
        int len;

        assert_ok(s, key_generate(s, cases[i].spec, &key));
        X509_REQ_set_pubkey(req, key);
        assert_int_equal(
            EVP_DigestSignInit_ex(ctx, &of_key, cases[i].digest, NULL, NULL, key, NULL), 1);
        if (cases[i].pss) {
            EVP_PKEY_CTX_set_rsa_padding(of_key, 6); /* RSA_PKCS1_PSS_PADDING */
            EVP_PKEY_CTX_ctrl_str(of_key, "rsa_pss_saltlen", "digest");
        }
        assert_true(X509_REQ_sign_ctx(req, ctx) > 0);
        X509_REQ_get0_signature(req, NULL, &alg);
        len = i2d_X509_ALGOR((X509_ALGOR *)(uintptr_t)alg, &der);
        assert_int_equal(sig_alg_of_der((struct bytes){ der, (size_t)len }), cases[i].want);
        assert_int_equal(sig_alg_of_name(sig_alg_info(cases[i].want)->name), cases[i].want);
        OPENSSL_free(der);
    }
    assert_string_equal(sig_alg_info(SIG_RSA_SHA256)->title, "SHA-256 With RSA Encryption");
    assert_string_equal(sig_alg_info(SIG_NONE)->title, "Unknown");
}

TEST(ecdsa_signatures_with_leading_zeros_verify)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    bool shorter = false;
    EVP_PKEY *key;

    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 521 }, &key));
    for (int i = 0; i < 2000 && !shorter; i++) {
        struct bytes signature;

        assert_ok(s, key_sign(s, key, SIG_ECDSA_SHA512, BYTES("x"), &signature));
        assert_true(der_check(signature));
        assert_ok(s, key_verify(s, key, SIG_ECDSA_SHA512, BYTES("x"), signature));
        shorter = signature.len < 138; /* r and s lost octets */
    }
    assert_true(shorter);
}
