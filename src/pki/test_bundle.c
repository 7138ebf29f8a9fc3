#include "pki/bundle.h"

#include "base/test.h"
#include "pki/cert.h"
#include "pki/jks.h"
#include "pki/pem.h"
#include "pki/pkcs12.h"
#include "pki/zip.h"

#include <unistd.h>

#define PASSWORD "Grüße, 123456"

static struct secret *
secret_of(const char *text)
{
    return secret_copy(bytes_of_text(text));
}

/* A certificate of NAME's KEY by ISSUER's (self-signed without one). */
static struct bytes
cert_of(struct scope *s, const char *name, EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key)
{
    AUTO(X509_free) X509 *cert = X509_new();
    bool hashless = EVP_PKEY_is_a(issuer_key, "ED25519");
    uint8_t *der = NULL;
    struct bytes out;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                               (const uint8_t *)name, -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8,
                               (const uint8_t *)issuer, -1, -1, 0);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, issuer_key, hashless ? NULL : EVP_sha256()) > 0);
    out.len = (size_t)i2d_X509(cert, &der);
    out.data = arena_copy(s->arena, der, out.len);
    OPENSSL_free(der);
    return out;
}

/* A leaf with a key of this kind, its issuer and the root. */
static struct bundle
bundle_of(struct scope *s, const char *spec_name)
{
    struct bundle b = { .name = "Web Server 1" };
    EVP_PKEY *root, *issuing;
    struct key_spec spec;

    assert_true(key_spec_parse(spec_name, &spec));
    assert_ok(s, key_generate(s, spec, &b.key));
    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &root));
    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &issuing));
    list_add(s->arena, &b.certs, struct bytes, cert_of(s, "web", b.key, "issuing", issuing));
    list_add(s->arena, &b.certs, struct bytes, cert_of(s, "issuing", issuing, "root", root));
    list_add(s->arena, &b.certs, struct bytes, cert_of(s, "root", root, "root", root));
    return b;
}

static void
assert_same(const struct bundle *a, const struct bundle *b)
{
    assert_int_equal(EVP_PKEY_eq(a->key, b->key), 1);
    assert_int_equal(a->certs.count, b->certs.count);
    for (size_t i = 0; i < a->certs.count; i++)
        assert_true(
            bytes_eq(*list_at(&a->certs, struct bytes, i), *list_at(&b->certs, struct bytes, i)));
}

static const char *const keys[] = { "rsa:2048", "ec:p256", "ec:p384", "ec:p521", "ed25519" };
static const enum bundle_form written_forms[] = { BUNDLE_PFX, BUNDLE_PFX_LEGACY, BUNDLE_JKS,
                                                  BUNDLE_PEM };

/* Deriving their keys takes tenths of a second. */
static bool
is_slow(enum bundle_form form)
{
    return form == BUNDLE_PFX || form == BUNDLE_PEM;
}

TEST(what_is_written_is_read_again_in_every_form_with_every_key)
{
    AUTO(secret_free) struct secret *password = secret_of(PASSWORD);
    AUTO(secret_free) struct secret *wrong = secret_of("another one");

    for (size_t k = 0; k < COUNT(keys); k++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct bundle b = bundle_of(s, keys[k]), back;
        struct bytes file;

        for (size_t i = 0; i < COUNT(written_forms); i++) {
            if (k > 0 && is_slow(written_forms[i]))
                continue;
            assert_ok(s, bundle_write(s, &b, written_forms[i], password, &file));
            assert_ok(s, bundle_read(s, file, password, &back));
            assert_same(&b, &back);
            if (written_forms[i] == BUNDLE_JKS)
                assert_string_equal(back.name, "web server 1");
            else if (written_forms[i] != BUNDLE_PEM)
                assert_string_equal(back.name, "Web Server 1");
            if (k > 0)
                continue;
            assert_err(E_FORBIDDEN, bundle_read(s, file, wrong, &back));
            assert_err(E_FORBIDDEN, bundle_read(s, file, NULL, &back));
        }
    }
}

TEST(the_root_comes_first_where_that_is_asked_for_and_the_order_is_found_again)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of(PASSWORD);
    struct bundle b = bundle_of(s, "ec:p256"), back;
    struct list blocks = { 0 };
    struct bytes file;

    b.root_first = true;
    assert_ok(s, bundle_write(s, &b, BUNDLE_PEM, password, &file));
    assert_ok(s, pem_read(s, file, &blocks));
    assert_string_equal(list_at(&blocks, struct pem_block, 0)->label, "ENCRYPTED PRIVATE KEY");
    assert_true(
        bytes_eq(list_at(&blocks, struct pem_block, 1)->data, *list_at(&b.certs, struct bytes, 2)));
    for (size_t i = 0; i < 2; i++) {
        assert_ok(s, bundle_write(s, &b, written_forms[i], password, &file));
        assert_ok(s, bundle_read(s, file, password, &back));
        assert_same(&b, &back);
    }
}

TEST(passwords_have_1_to_255_characters_of_utf8)
{
    static const struct {
        const char *start;
        size_t count;
        enum err want;
    } cases[] = { { "x", 0, E_INVALID },    { "x", 1, OK },   { "x", 255, OK },
                  { "x", 256, E_INVALID },  { "ü", 255, OK }, { "ü", 256, E_INVALID },
                  { "\xff", 1, E_INVALID }, { "😀", 3, OK } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bundle b = bundle_of(s, "ec:p256"), back;
    struct bytes file;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf text;

        buf_init_in(&text, s->arena, 4096);
        for (size_t n = 0; n < cases[i].count; n++)
            buf_text(&text, cases[i].start);
        for (size_t f = 0; f < COUNT(written_forms); f++) {
            AUTO(secret_free) struct secret *password = secret_copy(buf_bytes(&text));

            if (cases[i].want == OK && cases[i].count != 255 && is_slow(written_forms[f]))
                continue;

            assert_err(cases[i].want, bundle_write(s, &b, written_forms[f], password, &file));
            if (cases[i].want == OK)
                assert_ok(s, bundle_read(s, file, password, &back));
        }
    }
    assert_err(E_INVALID, bundle_write(s, &b, BUNDLE_PFX, NULL, &file));
}

TEST(names_of_forms_in_any_case)
{
    enum bundle_form form = BUNDLE_ZIP;

    assert_true(bundle_form_parse("pfx", &form) && form == BUNDLE_PFX);
    assert_true(bundle_form_parse("Pfx-Legacy", &form) && form == BUNDLE_PFX_LEGACY);
    assert_true(bundle_form_parse("jks", &form) && form == BUNDLE_JKS);
    assert_true(bundle_form_parse("Zip", &form) && form == BUNDLE_ZIP);
    assert_false(bundle_form_parse("STORE", &form) || bundle_form_parse("", &form));
    assert_string_equal(bundle_ending(BUNDLE_PFX_LEGACY), "pfx");
    assert_string_equal(bundle_ending(BUNDLE_JKS), "jks");
}

/* Damage: nothing but a clear refusal, and never another key. */
TEST(damaged_files_are_refused)
{
    AUTO(secret_free) struct secret *password = secret_of("secret1");

    for (size_t f = 0; f < COUNT(written_forms); f++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct bundle b = bundle_of(s, "ec:p256"), back;
        struct bytes file;
        uint8_t *copy;

        if (is_slow(written_forms[f]))
            continue;
        b.certs.count = 1;
        assert_ok(s, bundle_write(s, &b, written_forms[f], password, &file));
        for (size_t at = 0; at < file.len; at += 5) {
            AUTO(scope_free) struct scope *one = scope_new("test");
            enum err e;

            copy = arena_copy(one->arena, file.data, file.len);
            copy[at] ^= 0x41;
            e = bundle_read(one, (struct bytes){ copy, file.len }, password, &back);
            if (e == OK) /* outside of what the MAC covers */
                assert_int_equal(EVP_PKEY_eq(back.key, b.key), 1);
            assert_int_not_equal(e, E_INTERNAL);
            assert_int_not_equal(
                OK, bundle_read(one, (struct bytes){ file.data, at }, password, &back));
        }
    }
}

TEST(what_is_no_bundle_says_so)
{
    static const struct {
        const char *text, *says;
        enum err want;
    } cases[] = {
        { "", "", E_INVALID },
        { "hello", "PEM", E_INVALID },
        { "\x30\x03\x02\x01\x03", "does not take the certificate", E_INVALID },
        { "\xce\xce\xce\xce aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "JCEKS", E_UNSUPPORTED },
        { "\xfe\xed\xfe\xed", "JKS: ends early", E_INVALID },
        { "\xff\xfe", "neither PKCS#12", E_INVALID },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");
    struct bundle back;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_err(cases[i].want, bundle_read(s, bytes_of_text(cases[i].text), password, &back));
        assert_says(s, cases[i].says);
    }
}

TEST(a_key_without_its_certificate_is_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");
    struct bundle b = bundle_of(s, "ec:p256"), other = bundle_of(s, "ec:p256"), back;
    struct bytes file;

    b.certs = other.certs;
    assert_ok(s, bundle_write(s, &b, BUNDLE_PEM, password, &file));
    assert_err(E_INVALID, bundle_read(s, file, password, &back));
    assert_says(s, "no certificate in it belongs to the private key");
}

TEST(a_file_that_would_be_computed_for_minutes_is_refused_at_once)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");
    struct bundle b = bundle_of(s, "ec:p256"), back;
    static const uint8_t rounds[] = { 2, 3, 0x01, 0x86, 0xa0 }, many[] = { 2, 3, 0x7f, 0xff, 0xff };
    struct bytes file;
    uint8_t *copy;
    int changed = 0;

    assert_ok(s, bundle_write(s, &b, BUNDLE_PFX, password, &file));
    copy = arena_copy(s->arena, file.data, file.len);
    for (size_t at = file.len - sizeof(rounds); at > 0; at--)
        if (memcmp(copy + at, rounds, sizeof(rounds)) == 0) {
            memcpy(copy + at, many, sizeof(many));
            changed++;
            break;
        }
    assert_int_equal(changed, 1);
    assert_err(E_LIMIT, bundle_read(s, (struct bytes){ copy, file.len }, password, &back));
    assert_says(s, "more than 1000000 rounds");
}

/* Other people's programs. */

static const char *
write_file(struct scope *s, const char *name, struct bytes data)
{
    const char *path = arena_printf(s->arena, "%s/%s", test_dir(), name);
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data.data, 1, data.len, f), data.len);
    assert_int_equal(fclose(f), 0);
    return path;
}

static struct bytes
read_file(struct scope *s, const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = arena_alloc(s->arena, BUNDLE_MAX_LEN);
    size_t len;

    assert_non_null(f);
    len = fread(data, 1, BUNDLE_MAX_LEN, f);
    (void)fclose(f);
    return (struct bytes){ data, len };
}

#define COMMAND(s, ...) test_run(arena_printf((s)->arena, __VA_ARGS__))
#define QUIET " >/dev/null 2>&1"

TEST(openssl_and_gnutls_open_what_we_write)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");

    for (size_t k = 0; k < COUNT(keys); k++) {
        struct bundle b = bundle_of(s, keys[k]);

        for (int legacy = k > 1; legacy < 2; legacy++) {
            struct bytes file;
            const char *path;

            assert_ok(
                s, bundle_write(s, &b, legacy ? BUNDLE_PFX_LEGACY : BUNDLE_PFX, password, &file));
            path = write_file(s, "ours.p12", file);
            assert_int_equal(COMMAND(s,
                                     "openssl pkcs12 -in %s -passin pass:secret1 -nodes -info "
                                     "2>&1 | grep -q 'Iteration %d'",
                                     path, legacy ? 2048 : 100000),
                             0);
            assert_int_equal(COMMAND(s,
                                     "openssl pkcs12 -in %s -passin pass:secret1 -nodes "
                                     "2>/dev/null | grep -q 'friendlyName: Web Server 1'",
                                     path),
                             0);
            assert_int_equal(
                COMMAND(s, "certtool --p12-info --inder --infile %s --password secret1" QUIET,
                        path),
                0);
            if (legacy)
                assert_int_not_equal(
                    COMMAND(s, "openssl pkcs12 -in %s -passin pass:wrong -nodes" QUIET, path), 0);
        }
    }
}

TEST(we_open_what_openssl_and_gnutls_write)
{
    static const char *const makers[] = {
        "openssl pkcs12 -export -inkey %s -in %s -name theirs -passout pass:secret1 -out %s",
        "openssl pkcs12 -export -inkey %s -in %s -name theirs -passout pass:secret1 -out %s "
        "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
        "openssl pkcs12 -export -inkey %s -in %s -name theirs -passout pass:secret1 -out %s "
        "-certpbe NONE",
        "openssl pkcs12 -export -legacy -inkey %s -in %s -name theirs -passout pass:secret1 "
        "-out %s",
        "certtool --to-p12 --load-privkey %s --load-certificate %s --p12-name theirs "
        "--password secret1 --outder --outfile %s",
        "certtool --to-p12 --load-privkey %s --load-certificate %s --p12-name theirs "
        "--password secret1 --outder --pkcs-cipher 3des-pkcs12 --outfile %s",
        "openssl pkcs12 -export -inkey %s -in %s -name 'Ωeb €' -passout pass:secret1 -out %s",
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");
    AUTO(secret_free) struct secret *wrong = secret_of("secret2");

    for (size_t k = 0; k < COUNT(keys); k++) {
        AUTO(secret_free) struct secret *key = NULL;
        struct bundle b = bundle_of(s, keys[k]), back;
        const char *key_path, *cert_path, *out = arena_printf(s->arena, "%s/t.p12", test_dir());

        b.certs.count = 1;
        assert_ok(s, key_to_pem(s, b.key, NULL, &key));
        key_path = write_file(s, "k.pem", secret_bytes(key));
        cert_path = write_file(
            s, "c.pem",
            bytes_of_text(pem_text(s->arena, PEM_CERT, *list_at(&b.certs, struct bytes, 0))));
        for (size_t m = 0; m < COUNT(makers); m++) {
            if (k > 1 && text_starts(makers[m], "certtool")) /* it computes 600,000 rounds */
                continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            assert_int_equal(
                test_run(arena_printf(s->arena, "%s" QUIET,
                                      arena_printf(s->arena, makers[m], key_path, cert_path, out))),
                0);
#pragma GCC diagnostic pop
            assert_ok(s, bundle_read(s, read_file(s, out), password, &back));
            assert_same(&b, &back);
            assert_non_null(back.name);
            assert_string_equal(back.name, strstr(makers[m], "theirs") ? "theirs" : "Ωeb €");
            assert_err(E_FORBIDDEN, bundle_read(s, read_file(s, out), wrong, &back));
        }
    }
}

/* Java writes what lies beyond the first plane in two halves, as UTF-16 does. */
TEST(we_read_the_names_that_java_writes)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");
    const char *out = arena_printf(s->arena, "%s/named.p12", test_dir());
    struct bundle back;

    assert_int_equal(COMMAND(s,
                             "LC_ALL=C.UTF-8 keytool -genkeypair -keyalg EC -groupname secp256r1 "
                             "-dname CN=x -storetype PKCS12 -alias 'web € 😀' -storepass secret1 "
                             "-keystore %s" QUIET,
                             out),
                     0);
    assert_ok(s, bundle_read(s, read_file(s, out), password, &back));
    assert_non_null(back.name);
    assert_string_equal(back.name, "web € 😀");
}

/* A file of PARTS certificates, each in a part of its own under ROUNDS. */
static struct bytes
many_parts(struct scope *s, struct bytes cert, int parts, int rounds)
{
    STACK_OF(PKCS7) *safes = NULL;
    uint8_t *der = NULL;
    struct bytes out;
    PKCS12 *file;
    X509 *x509;

    assert_ok(s, cert_x509(s, cert, &x509));
    for (int i = 0; i < parts; i++) {
        STACK_OF(PKCS12_SAFEBAG) *bags = NULL;

        assert_non_null(PKCS12_add_cert(&bags, x509));
        assert_int_equal(PKCS12_add_safe(&safes, bags, NID_aes_256_cbc, rounds, "secret1"), 1);
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    file = PKCS12_add_safes(safes, 0);
    assert_int_equal(PKCS12_set_mac(file, "secret1", -1, NULL, 0, 1, EVP_sha256()), 1);
    out.len = (size_t)i2d_PKCS12(file, &der);
    out.data = arena_copy(s->arena, der, out.len);
    OPENSSL_free(der);
    PKCS12_free(file);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return out;
}

TEST(a_name_is_written_as_far_as_it_can_be)
{
    static const struct {
        const char *given, *pkcs12;
    } rows[] = {
        { "näme 😀", "näme _" }, { "😀😀", "__" },   { "Ωeb €", "Ωeb €" },
        { "", NULL },           { "a_b", "a_b" },
    };
    static const enum bundle_form forms[] = { BUNDLE_PFX_LEGACY, BUNDLE_JKS, BUNDLE_PEM,
                                              BUNDLE_ZIP };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");
    struct bundle b = bundle_of(s, "ec:p256"), back;
    struct bytes file;

    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t f = 0; f < COUNT(forms); f++) {
            b.name = rows[i].given;
            assert_ok(s, bundle_write(s, &b, forms[f], password, &file));
            if (forms[f] != BUNDLE_PFX_LEGACY)
                continue;
            assert_ok(s, bundle_read(s, file, password, &back));
            assert_int_equal(back.name != NULL, rows[i].pkcs12 != NULL);
            if (rows[i].pkcs12)
                assert_string_equal(back.name, rows[i].pkcs12);
        }
}

TEST(all_parts_of_a_file_share_what_may_be_computed)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");
    struct bundle b = bundle_of(s, "ec:p256"), back;
    struct bytes cert = *list_at(&b.certs, struct bytes, 0);

    assert_ok(s, bundle_read(s, many_parts(s, cert, 12, 10000), password, &back));
    assert_int_equal(back.certs.count, 12);
    assert_err(E_LIMIT, bundle_read(s, many_parts(s, cert, 4, 1000000), password, &back));
    assert_says(s, "3000000 rounds in all");
}

TEST(an_archive_is_one_that_others_unpack)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_of("secret1");
    struct bundle b = bundle_of(s, "ec:p256");
    struct bytes zip;
    const char *path;

    b.name = "../web ä";
    assert_ok(s, bundle_write(s, &b, BUNDLE_ZIP, password, &zip));
    path = write_file(s, "b.zip", zip);
    assert_int_equal(COMMAND(s,
                             "/usr/bin/python3 -c 'import sys,zipfile; z=zipfile.ZipFile(\"%s\");"
                             "assert z.testzip() is None;"
                             "assert z.namelist()==[\"_._web___.pem\"], z.namelist();"
                             "assert z.read(z.namelist()[0]).startswith(b\"-----BEGIN ENCR\")'",
                             path),
                     0);
}
