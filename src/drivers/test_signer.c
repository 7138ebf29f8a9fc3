#include "base/test.h"
#include "drivers/signer.h"
#include "seal/private_file.h"
#include "seal/seal.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* A master key and a place for keys. */
struct bench {
    struct scope *s;
    struct signer_env env;
    const char *dir;
};

static void
bench_init(struct bench *b)
{
    static int count;

    b->s = scope_new("test");
    b->dir = arena_printf(b->s->arena, "%s/signer-%d", test_dir(), count++);
    assert_int_equal(mkdir(b->dir, 0700), 0);
    assert_ok(b->s, seal_open_master(b->s, arena_printf(b->s->arena, "file:%s/master", b->dir),
                                     true, &b->env.seal));
}

static void
bench_done(struct bench *b)
{
    seal_close(b->env.seal);
    scope_free(b->s);
}
OWNED_VALUE(struct bench, bench_done);

static const char *
uri_of(struct bench *b, const char *name)
{
    return arena_printf(b->s->arena, "file:%s/%s", b->dir, name);
}

static void
assert_signs(struct scope *s, struct signer *signer, enum sig_alg alg)
{
    struct bytes message = BYTES("a to-be-signed certificate"), signature;
    struct pubkey public;
    EVP_PKEY *key;

    assert_ok(s, pubkey_read(s, signer_public_key(signer), &public));
    assert_ok(s, pubkey_import(s, &public, &key));
    for (int i = 0; i < 3; i++) { /* the second time by a context that was used before */
        assert_ok(s, signer_sign(s, signer, alg, message, &signature));
        assert_ok(s, key_verify(s, key, alg, message, signature));
        assert_err(E_INVALID, key_verify(s, key, alg, BYTES("another"), signature));
    }
}

TEST(a_key_is_made_once_and_signs_the_same_after_it_is_opened_again)
{
    static const struct {
        struct key_spec spec;
        enum sig_alg preferred, also;
    } cases[] = {
        { { KEY_EC, 256 }, SIG_ECDSA_SHA256, SIG_ECDSA_SHA256 },
        { { KEY_EC, 384 }, SIG_ECDSA_SHA384, SIG_ECDSA_SHA384 },
        { { KEY_EC, 521 }, SIG_ECDSA_SHA512, SIG_ECDSA_SHA512 },
        { { KEY_RSA, 2048 }, SIG_RSA_SHA256, SIG_RSA_SHA384 },
        { { KEY_RSA, 3072 }, SIG_RSA_SHA256, SIG_PSS_SHA512 },
        { { KEY_ED25519, 0 }, SIG_ED25519, SIG_ED25519 },
    };
    AUTO(bench_done) struct bench b = { 0 };

    bench_init(&b);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *uri = uri_of(&b, arena_printf(b.s->arena, "%zu.key", i));
        AUTO(signer_close) struct signer *made = NULL;
        AUTO(signer_close) struct signer *opened = NULL;
        struct signer *twice = NULL;
        struct stat st;

        assert_ok(b.s, signer_make(b.s, &b.env, uri, cases[i].spec, &made));
        assert_err(E_CONFLICT, signer_make(b.s, &b.env, uri, cases[i].spec, &twice));
        assert_null(twice);
        assert_ok(b.s, signer_open(b.s, &b.env, uri, &opened));
        assert_true(bytes_eq(signer_public_key(made), signer_public_key(opened)));
        assert_int_equal(signer_preferred(opened), cases[i].preferred);
        assert_signs(b.s, made, cases[i].preferred);
        assert_signs(b.s, opened, cases[i].also);
        assert_ok(b.s, signer_health(b.s, opened));
        assert_string_equal(signer_backend(opened), "file");
        assert_string_equal(signer_uri(opened), uri);
        assert_int_equal(stat(uri + 5, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

TEST(a_key_signs_only_with_algorithms_that_suit_it)
{
    static const struct {
        struct key_spec spec;
        enum sig_alg refused[4];
    } cases[] = {
        { { KEY_EC, 256 }, { SIG_ECDSA_SHA384, SIG_ECDSA_SHA1, SIG_RSA_SHA256, SIG_ED25519 } },
        { { KEY_RSA, 2048 }, { SIG_RSA_SHA1, SIG_RSA_MD5, SIG_ECDSA_SHA256, SIG_ED25519 } },
        { { KEY_ED25519, 0 }, { SIG_ED448, SIG_RSA_SHA256, SIG_ECDSA_SHA256, SIG_PSS_SHA256 } },
    };
    AUTO(bench_done) struct bench b = { 0 };

    bench_init(&b);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *uri = uri_of(&b, arena_printf(b.s->arena, "%zu.key", i));
        AUTO(signer_close) struct signer *signer = NULL;
        struct bytes signature;

        assert_ok(b.s, signer_make(b.s, &b.env, uri, cases[i].spec, &signer));
        for (size_t j = 0; j < COUNT(cases[i].refused); j++) {
            assert_false(signer_can(signer, cases[i].refused[j]));
            assert_err(E_UNSUPPORTED,
                       signer_sign(b.s, signer, cases[i].refused[j], BYTES("x"), &signature));
        }
        assert_ok(b.s, signer_sign(b.s, signer, SIG_NONE, BYTES("x"), &signature));
        assert_ok(b.s, signer_sign(b.s, signer, SIG_NONE, (struct bytes){ 0 }, &signature));
    }
}

TEST(a_key_that_cannot_be_made_leaves_no_file)
{
    AUTO(bench_done) struct bench b = { 0 };
    static const struct {
        struct key_spec spec;
        enum err want;
    } cases[] = {
        { { KEY_RSA, 1024 }, E_INVALID },
        { { KEY_RSA, 8192 }, E_INVALID },
        { { KEY_EC, 192 }, E_INVALID },
        { { KEY_DSA, 2048 }, E_UNSUPPORTED },
    };
    struct signer *signer = NULL;

    bench_init(&b);
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum err e = signer_make(b.s, &b.env, uri_of(&b, "k"), cases[i].spec, &signer);

        assert_true(e == E_INVALID || e == E_UNSUPPORTED);
        assert_int_equal(access(arena_printf(b.s->arena, "%s/k", b.dir), F_OK), -1);
    }
}

TEST(uris_that_name_no_key_are_told_apart)
{
    static const struct {
        const char *uri;
        enum err want;
    } cases[] = {
        { NULL, E_INVALID },
        { "", E_INVALID },
        { "/path/without/scheme", E_INVALID },
        { ":x", E_INVALID },
        { "file:", E_INVALID },
        { "file:///nonexistent/x", E_NOT_FOUND },
        { "pkcs11:token=a;object=b", E_UNSUPPORTED },
        { "azure:https://v.vault.azure.net/keys/n/1", E_UNSUPPORTED },
    };
    AUTO(bench_done) struct bench b = { 0 };
    struct signer *signer = NULL;

    bench_init(&b);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_err(cases[i].want, signer_open(b.s, &b.env, cases[i].uri, &signer));
    b.env.seal = (seal_close(b.env.seal), NULL);
    assert_err(E_UNAVAILABLE, signer_open(b.s, &b.env, uri_of(&b, "x"), &signer));
    assert_null(signer);
}

/** The text of a key file. */
static char *
slurp(struct bench *b, const char *path)
{
    AUTO(secret_free) struct secret *text = NULL;

    assert_ok(b->s, private_file_read(b->s, path, 65536, PRIVATE_OWNER, &text));
    return arena_text(b->s->arena, (const char *)text->data);
}

TEST(a_key_file_is_refused_when_others_may_read_it_or_its_parts_were_exchanged)
{
    AUTO(bench_done) struct bench b = { 0 };
    const char *one, *two, *at;
    struct signer *signer = NULL;
    char *first, *second;

    bench_init(&b);
    one = uri_of(&b, "one");
    two = uri_of(&b, "two");
    assert_ok(b.s, signer_make(b.s, &b.env, one, (struct key_spec){ KEY_EC, 256 }, &signer));
    signer_close(signer);
    assert_ok(b.s, signer_make(b.s, &b.env, two, (struct key_spec){ KEY_EC, 256 }, &signer));
    signer_close(signer);
    signer = NULL;
    first = slurp(&b, one + 5);
    second = slurp(&b, two + 5);
    assert_null(strstr(first, "BEGIN PRIVATE KEY"));

    assert_int_equal(chmod(one + 5, 0640), 0);
    assert_err(E_FORBIDDEN, signer_open(b.s, &b.env, one, &signer));
    assert_int_equal(chmod(one + 5, 0600), 0);

    at = strstr(second, "-----BEGIN CHANCERY");
    assert_non_null(at);
    first = arena_printf(b.s->arena, "%.*s%s", (int)(strstr(first, "-----BEGIN CHANCERY") - first),
                         first, at);
    assert_ok(b.s, private_file_write(b.s, one + 5, bytes_of_text(first), true));
    assert_err(E_INVALID, signer_open(b.s, &b.env, one, &signer));

    assert_ok(b.s, private_file_write(b.s, one + 5, BYTES("not PEM"), true));
    assert_err(E_INVALID, signer_open(b.s, &b.env, one, &signer));
    assert_ok(b.s, private_file_write(b.s, one + 5, bytes_of_text(at), true));
    assert_err(E_INVALID, signer_open(b.s, &b.env, one, &signer));
    assert_null(signer);
}

TEST(a_key_survives_the_rotation_of_the_master_key)
{
    AUTO(bench_done) struct bench b = { 0 };
    struct signer *signer = NULL;
    const char *uri;
    char *before;

    bench_init(&b);
    uri = uri_of(&b, "ca.key");
    assert_ok(b.s, signer_make(b.s, &b.env, uri, (struct key_spec){ KEY_EC, 256 }, &signer));
    signer_close(signer);
    before = slurp(&b, uri + 5);
    assert_ok(b.s, signer_rewrap(b.s, &b.env, uri));
    assert_string_equal(slurp(&b, uri + 5), before); /* current already: not touched */
    assert_ok(b.s, seal_rotate(b.s, b.env.seal));
    assert_ok(b.s, signer_open(b.s, &b.env, uri, &signer));
    signer_close(signer);
    assert_ok(b.s, signer_rewrap(b.s, &b.env, uri));
    assert_string_not_equal(slurp(&b, uri + 5), before);
    assert_ok(b.s, signer_open(b.s, &b.env, uri, &signer));
    assert_signs(b.s, signer, SIG_ECDSA_SHA256);
    signer_close(signer);
}

TEST(an_existing_key_can_be_kept_and_is_the_same_key)
{
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    AUTO(secret_free) struct secret *junk = secret_copy(BYTES("junk"));
    AUTO(signer_close) struct signer *signer = NULL;
    struct bytes spki;
    EVP_PKEY *key;

    bench_init(&b);
    assert_ok(b.s, key_generate(b.s, (struct key_spec){ KEY_EC, 384 }, &key));
    assert_ok(b.s, key_to_pkcs8(b.s, key, &pkcs8));
    assert_ok(b.s, key_spki(b.s, key, &spki));
    assert_err(E_INVALID, signer_keep(b.s, &b.env, uri_of(&b, "k"), junk));
    assert_ok(b.s, signer_keep(b.s, &b.env, uri_of(&b, "k"), pkcs8));
    assert_err(E_CONFLICT, signer_keep(b.s, &b.env, uri_of(&b, "k"), pkcs8));
    assert_ok(b.s, signer_open(b.s, &b.env, uri_of(&b, "k"), &signer));
    assert_true(bytes_eq(signer_public_key(signer), spki));
}

static void *
sign_often(void *arg)
{
    struct signer *signer = arg;

    for (int i = 0; i < 100; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct bytes signature, message = { (const uint8_t *)&i, sizeof(i) };
        struct pubkey public;
        EVP_PKEY *key;

        if (signer_sign(s, signer, SIG_NONE, message, &signature) != OK ||
            pubkey_read(s, signer_public_key(signer), &public) != OK ||
            pubkey_import(s, &public, &key) != OK ||
            key_verify(s, key, signer_preferred(signer), message, signature) != OK)
            return signer;
    }
    return NULL;
}

TEST(many_threads_sign_at_once)
{
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(signer_close) struct signer *signer = NULL;
    pthread_t threads[20]; /* more than the contexts that are kept */

    bench_init(&b);
    assert_ok(b.s,
              signer_make(b.s, &b.env, uri_of(&b, "k"), (struct key_spec){ KEY_EC, 256 }, &signer));
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, signer), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

/* A back end of another kind: it can be opened, and refuses all else. */
static int fake_closed;
static enum err
fake_open(struct scope *s, UNUSED const struct signer_env *env, UNUSED const char *uri,
          void **state)
{
    struct bytes *spki = mem_alloc(sizeof(*spki));
    EVP_PKEY *key;

    TRY(key_generate(s, (struct key_spec){ KEY_RSA, 2048 }, &key));
    TRY(key_spki(s, key, spki));
    spki->data = mem_copy(spki->data, spki->len);
    *state = spki;
    return OK;
}
static void
fake_close(void *state)
{
    mem_free(((struct bytes *)state)->data);
    mem_free(state);
    fake_closed++;
}
static struct bytes
fake_public_key(const void *state)
{
    return *(const struct bytes *)state;
}
static bool
fake_can(UNUSED const void *state, enum sig_alg alg)
{
    return alg == SIG_RSA_SHA256;
}
static enum err
fake_sign(struct scope *s, UNUSED void *state, UNUSED enum sig_alg alg, UNUSED struct bytes message,
          UNUSED struct bytes *signature)
{
    return fail(s, E_UNAVAILABLE, "the token was pulled out");
}
static enum err
fake_health(struct scope *s, UNUSED void *state)
{
    return fail(s, E_UNAVAILABLE, "the token was pulled out");
}

TEST(other_back_ends_plug_in_and_what_they_lack_is_refused)
{
    static const struct signer_driver fake = { .name = "fake",
                                               .open = fake_open,
                                               .close = fake_close,
                                               .public_key = fake_public_key,
                                               .can = fake_can,
                                               .sign = fake_sign,
                                               .health = fake_health };
    static const struct signer_driver *const drivers[] = { &file_signer, &fake, NULL };
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(secret_free) struct secret *junk = secret_copy(BYTES("junk"));
    struct signer *signer = NULL, *none = NULL;
    struct bytes signature;

    bench_init(&b);
    b.env.drivers = drivers;
    assert_err(E_UNSUPPORTED,
               signer_make(b.s, &b.env, "fake:1", (struct key_spec){ KEY_EC, 256 }, &none));
    assert_err(E_UNSUPPORTED, signer_keep(b.s, &b.env, "fake:1", junk));
    assert_ok(b.s, signer_rewrap(b.s, &b.env, "fake:1"));
    assert_ok(b.s, signer_open(b.s, &b.env, "fake:1", &signer));
    assert_true(signer_can(signer, SIG_RSA_SHA256));
    assert_false(signer_can(signer, SIG_RSA_SHA512));
    assert_err(E_UNAVAILABLE, signer_sign(b.s, signer, SIG_NONE, BYTES("x"), &signature));
    assert_int_equal(b.s->error.code, CHY_SIGNER_FAILED);
    assert_says(b.s, "pulled out");
    assert_err(E_UNAVAILABLE, signer_health(b.s, signer));
    signer_close(signer);
    assert_int_equal(fake_closed, 1);
}
