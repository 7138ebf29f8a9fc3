#include "pki/jks.h"

#include "base/test.h"
#include "pki/bundle.h"

static const char *
path_of(struct scope *s, const char *name)
{
    return arena_printf(s->arena, "%s/%s", test_dir(), name);
}

static struct bytes
read_file(struct scope *s, const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = arena_alloc(s->arena, 65536);
    size_t len;

    assert_non_null(f);
    len = fread(data, 1, 65536, f);
    (void)fclose(f);
    return (struct bytes){ data, len };
}

static void
write_file(const char *path, struct bytes data)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data.data, 1, data.len, f), data.len);
    assert_int_equal(fclose(f), 0);
}

static struct bytes
self_signed(struct scope *s, EVP_PKEY *key)
{
    AUTO(X509_free) X509 *cert = X509_new();
    uint8_t *der = NULL;
    struct bytes out;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 9);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                               (const uint8_t *)"java", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    out.len = (size_t)i2d_X509(cert, &der);
    out.data = arena_copy(s->arena, der, out.len);
    OPENSSL_free(der);
    return out;
}

TEST(aliases_are_those_that_java_finds)
{
    static const char *const cases[][2] = {
        { "Web Server", "web server" },
        { NULL, "key" },
        { "", "key" },
        { "Ü1", "__1" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(jks_alias(s->arena, cases[i][0]), cases[i][1]);
}

/* One start of Java for each direction: it is slow to start. Its importing opens every key and
 * checks every chain. */
TEST(keytool_opens_what_we_write_and_we_open_what_it_writes)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_copy(BYTES("secret1"));
    const char *ours = path_of(s, "ours.jks"), *p12 = path_of(s, "java.p12"),
               *theirs = path_of(s, "theirs.jks"), *modern = path_of(s, "modern.p12");
    struct list entries = { 0 }, back;
    struct bundle bundle;
    struct jks_entry *e;
    struct bytes file;

    for (int i = 0; i < 3; i++) {
        e = list_push(s->arena, &entries, struct jks_entry);
        e->alias = arena_printf(s->arena, "entry%d", i);
        e->created = WHEN_S(1700000000);
        assert_ok(s, key_generate(s,
                                  i ? (struct key_spec){ KEY_EC, 256 }
                                    : (struct key_spec){ KEY_RSA, 2048 },
                                  &e->key));
        list_add(s->arena, &e->certs, struct bytes, self_signed(s, e->key));
    }
    e->key = NULL; /* the last one is trusted only */
    assert_ok(s, jks_write(s, &entries, password, &file));
    write_file(ours, file);
    assert_int_equal(
        test_run(arena_printf(s->arena,
                              "keytool -importkeystore -noprompt -srckeystore %s "
                              "-srcstoretype JKS -srcstorepass secret1 -destkeystore %s "
                              "-deststoretype PKCS12 -deststorepass secret1 >%s 2>&1",
                              ours, p12, path_of(s, "log"))),
        0);
    assert_int_equal(test_run(arena_printf(s->arena, "grep -q '3 entries successfully imported' %s",
                                           path_of(s, "log"))),
                     0);
    assert_err(E_INVALID, bundle_read(s, read_file(s, p12), password, &bundle)); /* two keys */
    assert_says(s, "more than one private key");
    assert_int_equal(
        test_run(arena_printf(s->arena,
                              "keytool -importkeystore -noprompt -srckeystore %s "
                              "-srcstorepass secret1 -srcalias entry0 -destkeystore %s "
                              "-deststoretype PKCS12 -deststorepass secret1 >/dev/null 2>&1",
                              p12, modern)),
        0);
    assert_ok(s, bundle_read(s, read_file(s, modern), password, &bundle));
    e = list_at(&entries, struct jks_entry, 0);
    assert_int_equal(EVP_PKEY_eq(bundle.key, e->key), 1);
    assert_int_equal(
        test_run(arena_printf(s->arena,
                              "keytool -importkeystore -noprompt -srckeystore %s "
                              "-srcstorepass secret1 -destkeystore %s "
                              "-deststoretype JKS -deststorepass secret1 >/dev/null 2>&1",
                              p12, theirs)),
        0);
    assert_ok(s, jks_read(s, read_file(s, theirs), password, &back));
    assert_int_equal(back.count, 3);
    LIST_EACH(struct jks_entry, got, &back)
    {
        bool found = false;

        LIST_EACH(struct jks_entry, want, &entries)
        {
            if (!text_eq(want->alias, got->alias))
                continue;
            found = true;
            assert_true(!want->key == !got->key);
            assert_true(!want->key || EVP_PKEY_eq(want->key, got->key) == 1);
            assert_true(bytes_eq(*list_at(&want->certs, struct bytes, 0),
                                 *list_at(&got->certs, struct bytes, 0)));
        }
        assert_true(found);
    }
}

TEST(a_changed_octet_a_cut_or_a_wrong_password_is_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(secret_free) struct secret *password = secret_copy(BYTES("secret1"));
    AUTO(secret_free) struct secret *wrong = secret_copy(BYTES("secret2"));
    struct list entries = { 0 }, back;
    struct jks_entry *e = list_push(s->arena, &entries, struct jks_entry);
    struct bytes file;
    uint8_t *copy;

    e->alias = "one";
    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &e->key));
    list_add(s->arena, &e->certs, struct bytes, self_signed(s, e->key));
    assert_ok(s, jks_write(s, &entries, password, &file));
    assert_ok(s, jks_read(s, file, password, &back));
    assert_err(E_FORBIDDEN, jks_read(s, file, wrong, &back));
    assert_err(E_FORBIDDEN, jks_read(s, file, NULL, &back));
    copy = arena_copy(s->arena, file.data, file.len);
    for (size_t at = 0; at < file.len; at++) {
        copy[at] ^= 0x80;
        assert_int_not_equal(jks_read(s, (struct bytes){ copy, file.len }, password, &back), OK);
        assert_int_not_equal(jks_read(s, (struct bytes){ file.data, at }, password, &back), OK);
        copy[at] ^= 0x80;
    }
}
