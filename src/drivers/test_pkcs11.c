#include "base/file.h"
#include "base/test.h"
#include "drivers/p11_kek.h"
#include "drivers/p11_token.h"
#include "drivers/p11_uri.h"
#include "drivers/signer.h"
#include "pki/key.h"
#include "pki/pem.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define PIN "5678"

#ifdef __SANITIZE_ADDRESS__
/*
 * SoftHSM 2.6 loses the name of the curve at each EdDSA signature. That is told apart from losses
 * of ours by whole stacks, and by the module staying where it was loaded until the end.
 */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *
__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}

const char *
__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2.so\n";
}

CONSTRUCTOR static void
keep_the_module(void)
{
    (void)dlopen(MODULE, RTLD_NOW | RTLD_NODELETE);
}
#endif

/* A token of SoftHSM's in a directory of its own. */
struct bench {
    struct scope *s;
    struct hsm_options hsm;
    struct signer_env env;
    const char *dir, *tokens;
};

static const char *
write_text(struct bench *b, const char *name, const char *text)
{
    const char *path = arena_printf(b->s->arena, "%s/%s", b->dir, name);
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
    return path;
}

static void
make_token(struct bench *b, const char *label)
{
    unsigned char padded[32];
    struct p11_module *module;
    CK_FUNCTION_LIST_PTR fn;
    CK_SESSION_HANDLE session;
    CK_SLOT_ID slots[16];
    CK_ULONG count = COUNT(slots);
    uint64_t epoch;

    memset(padded, ' ', sizeof(padded));
    memcpy(padded, label, strlen(label));
    assert_ok(b->s, p11_module_open(b->s, MODULE, &module));
    assert_int_equal(p11_enter(module, &epoch), CKR_OK);
    fn = p11_functions(module);
    assert_int_equal(fn->C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
    assert_int_equal(fn->C_InitToken(slots[count - 1], (unsigned char *)PIN, 4, padded), CKR_OK);
    p11_leave(module);
    assert_int_equal(p11_restart(module, epoch), CKR_OK);
    assert_int_equal(p11_enter(module, &epoch), CKR_OK);
    count = COUNT(slots);
    assert_int_equal(fn->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;

        assert_int_equal(fn->C_GetTokenInfo(slots[i], &info), CKR_OK);
        if (memcmp(info.label, padded, sizeof(padded)) != 0)
            continue;
        assert_int_equal(
            fn->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
            CKR_OK);
        assert_int_equal(fn->C_Login(session, CKU_SO, (unsigned char *)PIN, 4), CKR_OK);
        assert_int_equal(fn->C_InitPIN(session, (unsigned char *)PIN, 4), CKR_OK);
        assert_int_equal(fn->C_CloseSession(session), CKR_OK);
    }
    p11_leave(module);
    p11_module_close(module);
}

static void
bench_init(struct bench *b, const char *label)
{
    static int count;
    const char *pin, *conf;

    b->s = scope_new("test");
    b->dir = arena_printf(b->s->arena, "%s/p11-%d", test_dir(), count++);
    b->tokens = arena_printf(b->s->arena, "%s/tokens", b->dir);
    assert_int_equal(mkdir(b->dir, 0700), 0);
    assert_int_equal(mkdir(b->tokens, 0700), 0);
    conf = write_text(b, "softhsm2.conf",
                      arena_printf(b->s->arena,
                                   "directories.tokendir = %s\nobjectstore.backend = file\n"
                                   "log.level = ERROR\nslots.removable = false\n",
                                   b->tokens));
    assert_int_equal(setenv("SOFTHSM2_CONF", conf, 1), 0);
    pin = write_text(b, "pin", PIN "\n");
    make_token(b, label);
    b->hsm = (struct hsm_options){ .module = MODULE,
                                   .pin = arena_printf(b->s->arena, "file:%s", pin),
                                   .sessions = 3 };
    b->env.hsm = &b->hsm;
}

static void
bench_done(struct bench *b)
{
    scope_free(b->s);
}
OWNED_VALUE(struct bench, bench_done);

static void
assert_signs(struct scope *s, struct signer *signer, enum sig_alg alg)
{
    struct bytes message = BYTES("a to-be-signed certificate"), signature;
    struct pubkey public;
    EVP_PKEY *key;

    assert_ok(s, pubkey_read(s, signer_public_key(signer), &public));
    assert_ok(s, pubkey_import(s, &public, &key));
    assert_true(signer_can(signer, alg));
    for (int i = 0; i < 20; i++) { /* r and s come in all lengths */
        assert_ok(s, signer_sign(s, signer, alg, message, &signature));
        assert_ok(s, key_verify(s, key, alg, message, signature));
    }
}

TEST(a_pkcs11_uri_says_what_it_names)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct p11_uri u;

    assert_ok(s, p11_uri_parse(s,
                               "pkcs11:token=My%20CA;object=issuing;id=%01%00a;type=private;"
                               "serial=12;model=m;manufacturer=x"
                               "?module-path=/usr/lib/x.so&pin-source=/run/pin",
                               &u));
    assert_string_equal(u.token, "My CA");
    assert_string_equal(u.object, "issuing");
    assert_true(bytes_eq(u.id, BYTES("\x01\x00"
                                     "a")));
    assert_string_equal(u.serial, "12");
    assert_string_equal(u.model, "m");
    assert_string_equal(u.manufacturer, "x");
    assert_string_equal(u.module_path, "/usr/lib/x.so");
    assert_string_equal(u.pin_source, "file:/run/pin");
    assert_ok(s, p11_uri_parse(s, "pkcs11:token=t;object=o?pin-source=env:HSM_PIN", &u));
    assert_string_equal(u.pin_source, "env:HSM_PIN");
}

TEST(a_pkcs11_uri_that_means_nothing_is_refused)
{
    static const struct {
        const char *uri, *says;
    } cases[] = {
        { "pkcs11:", "no token" },
        { "pkcs11:object=x", "no token" },
        { "pkcs11:token=x", "no key" },
        { "pkcs11:token=x;object=", "empty" },
        { "pkcs11:token=x;token=y;object=z", "twice" },
        { "pkcs11:token=x;id=%01;id=%02", "twice" },
        { "pkcs11:token=x;id=%0", "bad escape" },
        { "pkcs11:token=x;id=%zz", "bad escape" },
        { "pkcs11:token=x;id=", "1 to 256" },
        { "pkcs11:token=%ff;object=y", "bad escape" },
        { "pkcs11:token=x;object=y;type=public", "type=private" },
        { "pkcs11:token=x;object=y;slot-id=1", "unknown" },
        { "pkcs11:token=x;object", "without a value" },
        { "pkcs11:token=x;object=y?pin-value=1234", "does not belong" },
        { "pkcs11:token=x;object=y?pin-source=|cat pin", "command" },
        { "pkcs11:token=x;object=y?module-path=x.so", "absolute" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct p11_uri u;

    for (size_t i = 0; i < COUNT(cases); i++) {
        scope_clear(s);
        assert_err(E_INVALID, p11_uri_parse(s, cases[i].uri, &u));
        assert_says(s, cases[i].says);
        assert_null(strstr(s->error.text, "1234"));
    }
}

TEST(the_uri_of_a_key_that_wraps_names_a_secret_key)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct p11_uri u;

    assert_ok(s, p11_uri_parse_secret(s, "pkcs11:token=t;object=o;type=secret-key", &u));
    assert_ok(s, p11_uri_parse_secret(s, "pkcs11:token=t;id=%01", &u));
    assert_err(E_INVALID, p11_uri_parse_secret(s, "pkcs11:token=t;object=o;type=private", &u));
    assert_says(s, "type=secret-key");
    scope_clear(s);
    assert_err(E_INVALID, p11_uri_parse(s, "pkcs11:token=t;object=o;type=secret-key", &u));
    assert_says(s, "type=private");
}

TEST(keys_of_every_kind_are_made_on_a_token_and_sign_there)
{
    static const struct {
        struct key_spec spec;
        enum sig_alg preferred, also;
    } cases[] = {
        { { KEY_EC, 256 }, SIG_ECDSA_SHA256, SIG_ECDSA_SHA256 },
        { { KEY_EC, 384 }, SIG_ECDSA_SHA384, SIG_ECDSA_SHA384 },
        { { KEY_EC, 521 }, SIG_ECDSA_SHA512, SIG_ECDSA_SHA512 },
        { { KEY_RSA, 2048 }, SIG_RSA_SHA256, SIG_RSA_SHA384 },
        { { KEY_RSA, 2048 }, SIG_RSA_SHA512, SIG_PSS_SHA256 },
        { { KEY_RSA, 2048 }, SIG_PSS_SHA384, SIG_PSS_SHA512 },
        { { KEY_ED25519, 0 }, SIG_ED25519, SIG_ED25519 },
    };
    AUTO(bench_done) struct bench b = { 0 };

    bench_init(&b, "kinds");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *uri = arena_printf(b.s->arena, "pkcs11:token=kinds;object=k%zu", i);
        AUTO(signer_close) struct signer *made = NULL;
        AUTO(signer_close) struct signer *opened = NULL;
        AUTO(signer_close) struct signer *known = NULL;
        struct signer *twice = NULL;

        assert_ok(b.s, signer_make(b.s, &b.env, uri, cases[i].spec, &made));
        assert_err(E_CONFLICT, signer_make(b.s, &b.env, uri, cases[i].spec, &twice));
        assert_ok(b.s, signer_open(b.s, &b.env, uri, &opened));
        assert_true(bytes_eq(signer_public_key(made), signer_public_key(opened)));
        assert_ok(b.s, signer_open_known(b.s, &b.env, uri, signer_public_key(made), &known));
        assert_signs(b.s, made, cases[i].preferred);
        assert_signs(b.s, opened, cases[i].also);
        assert_signs(b.s, known, cases[i].also);
        assert_ok(b.s, signer_health(b.s, opened));
        assert_string_equal(signer_backend(opened), "pkcs11");
    }
}

TEST(a_key_that_is_not_its_certificates_never_signs)
{
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(signer_close) struct signer *one = NULL;
    AUTO(signer_close) struct signer *other = NULL;
    AUTO(signer_close) struct signer *wrong = NULL;
    struct bytes signature;

    bench_init(&b, "swapped");
    assert_ok(b.s, signer_make(b.s, &b.env, "pkcs11:token=swapped;object=one",
                               (struct key_spec){ KEY_EC, 256 }, &one));
    assert_ok(b.s, signer_make(b.s, &b.env, "pkcs11:token=swapped;object=other",
                               (struct key_spec){ KEY_EC, 256 }, &other));
    assert_ok(b.s, signer_open_known(b.s, &b.env, "pkcs11:token=swapped;object=other",
                                     signer_public_key(one), &wrong));
    assert_err(E_UNAVAILABLE, signer_sign(b.s, wrong, SIG_NONE, BYTES("x"), &signature));
    assert_says(b.s, "another one");
    assert_err(E_UNAVAILABLE, signer_health(b.s, wrong));
}

TEST(a_wrong_pin_is_tried_once_and_the_right_one_after_it)
{
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(signer_close) struct signer *signer = NULL;
    const char *uri = "pkcs11:token=pins;object=k";
    struct key_spec spec = { KEY_EC, 256 };

    bench_init(&b, "pins");
    (void)write_text(&b, "pin", "9999");
    assert_err(E_UNAVAILABLE, signer_make(b.s, &b.env, uri, spec, &signer));
    assert_says(b.s, "refuses the PIN");
    assert_null(strstr(b.s->error.text, "9999"));
    for (int i = 0; i < 20; i++) { /* a token would be locked by now */
        assert_err(E_UNAVAILABLE, signer_make(b.s, &b.env, uri, spec, &signer));
        assert_says(b.s, "not tried again");
    }
    (void)write_text(&b, "pin", PIN);
    assert_ok(b.s, signer_make(b.s, &b.env, uri, spec, &signer));
    assert_signs(b.s, signer, SIG_ECDSA_SHA256);
}

TEST(a_token_that_went_is_missed_and_works_again_once_it_is_back)
{
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(signer_close) struct signer *signer = NULL;
    AUTO(signer_close) struct signer *late = NULL;
    const char *uri = "pkcs11:token=away;object=k", *aside;
    struct bytes signature, spki;
    bool back = false;

    bench_init(&b, "away");
    assert_ok(b.s, signer_make(b.s, &b.env, uri, (struct key_spec){ KEY_EC, 256 }, &signer));
    assert_signs(b.s, signer, SIG_ECDSA_SHA256);
    assert_true(signer_seems_well(signer));
    aside = arena_printf(b.s->arena, "%s.away", b.tokens);
    assert_int_equal(rename(b.tokens, aside), 0);
    assert_int_equal(mkdir(b.tokens, 0700), 0);
    for (int i = 0; i < 3; i++) {
        assert_err(E_UNAVAILABLE, signer_sign(b.s, signer, SIG_NONE, BYTES("x"), &signature));
        assert_err(E_UNAVAILABLE, signer_open(b.s, &b.env, uri, &late));
    }
    assert_false(signer_seems_well(signer));
    spki = bytes_copy(b.s->arena, signer_public_key(signer));
    signer_close(signer);
    signer = NULL;
    assert_ok(b.s, signer_open_known(b.s, &b.env, uri, spki, &signer));
    assert_err(E_UNAVAILABLE, signer_health(b.s, signer));
    assert_false(signer_seems_well(signer));
    assert_int_equal(rmdir(b.tokens), 0);
    assert_int_equal(rename(aside, b.tokens), 0);
    for (int i = 0; i < 300 && !back; i++) { /* the token is looked for once a second */
        scope_clear(b.s);
        back = signer_health(b.s, signer) == OK;
        if (!back)
            (void)usleep(10000);
    }
    assert_true(back && signer_seems_well(signer));
    assert_signs(b.s, signer, SIG_ECDSA_SHA256);
}

TEST(a_destroyed_key_is_gone_and_its_neighbour_stays)
{
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(signer_close) struct signer *stays = NULL;
    struct signer *gone = NULL;
    struct bytes signature;

    bench_init(&b, "destroy");
    assert_ok(b.s, signer_make(b.s, &b.env, "pkcs11:token=destroy;object=gone",
                               (struct key_spec){ KEY_RSA, 2048 }, &gone));
    assert_ok(b.s, signer_make(b.s, &b.env, "pkcs11:token=destroy;object=stays;id=%07",
                               (struct key_spec){ KEY_EC, 384 }, &stays));
    signer_close(gone);
    assert_ok(b.s, signer_destroy(b.s, &b.env, "pkcs11:token=destroy;object=gone"));
    assert_err(E_NOT_FOUND, signer_destroy(b.s, &b.env, "pkcs11:token=destroy;object=gone"));
    assert_err(E_NOT_FOUND, signer_open(b.s, &b.env, "pkcs11:token=destroy;object=gone", &gone));
    assert_ok(b.s, signer_sign(b.s, stays, SIG_NONE, BYTES("x"), &signature));
}

TEST(modules_are_not_taken_from_uris_that_others_write)
{
    AUTO(bench_done) struct bench b = { 0 };
    struct signer *signer = NULL;

    bench_init(&b, "strangers");
    assert_err(
        E_FORBIDDEN,
        signer_open(b.s, &b.env, "pkcs11:token=x;object=y?module-path=/tmp/evil.so", &signer));
    assert_err(E_FORBIDDEN,
               signer_open(b.s, &b.env, "pkcs11:token=x;object=y?pin-source=/etc/shadow", &signer));
    b.hsm.module = "/nowhere/x.so";
    assert_err(E_NOT_FOUND, signer_open(b.s, &b.env, "pkcs11:token=x;object=y", &signer));
    b.hsm.module = "/usr/lib/x86_64-linux-gnu/libm.so.6";
    assert_err(E_INVALID, signer_open(b.s, &b.env, "pkcs11:token=x;object=y", &signer));
    b.env.hsm = NULL;
    assert_err(E_UNSUPPORTED, signer_open(b.s, &b.env, "pkcs11:token=x;object=y", &signer));
    assert_null(signer);
}

struct crowd {
    struct signer *signer;
    EVP_PKEY *key;
    _Atomic int good;
};

static void *
sign_many(void *arg)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct crowd *c = arg;

    for (int i = 0; i < 100; i++) {
        struct bytes message = bytes_of_text(arena_printf(s->arena, "%d", i)), signature;

        if (signer_sign(s, c->signer, SIG_NONE, message, &signature) == OK &&
            key_verify(s, c->key, SIG_ECDSA_SHA256, message, signature) == OK)
            c->good++;
    }
    return NULL;
}

TEST(many_threads_share_the_sessions_of_a_token)
{
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(signer_close) struct signer *signer = NULL;
    struct crowd crowd = { 0 };
    struct pubkey public;
    pthread_t threads[8];

    bench_init(&b, "crowd");
    assert_ok(b.s, signer_make(b.s, &b.env, "pkcs11:token=crowd;object=k",
                               (struct key_spec){ KEY_EC, 256 }, &signer));
    crowd.signer = signer;
    assert_ok(b.s, pubkey_read(b.s, signer_public_key(signer), &public));
    assert_ok(b.s, pubkey_import(b.s, &public, &crowd.key));
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &crowd), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(crowd.good, 800);
}

static enum err
open_master(struct bench *b, const char *uri, bool make, struct seal **out)
{
    const char *path = arena_printf(b->s->arena, "%s/master.wrapped", b->dir);
    struct master_wrap wrap;

    scope_clear(b->s);
    TRY(p11_kek(b->s, &b->hsm, uri, &wrap));
    return seal_open_wrapped(b->s, path, &wrap, make, out);
}

TEST(a_key_on_a_token_wraps_the_master_key)
{
    static const char uri[] = "pkcs11:token=kek;object=master";
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(seal_close) struct seal *first = NULL, *second = NULL;
    AUTO(secret_free) struct secret *got = NULL;
    struct seal *none = NULL;
    struct bytes blob;

    bench_init(&b, "kek");
    assert_ok(b.s, open_master(&b, uri, true, &first));
    assert_ok(b.s, open_master(&b, uri, true, &second));
    assert_string_equal(seal_key_id(b.s, first), seal_key_id(b.s, second));
    assert_ok(b.s, seal_column(b.s, first, "t.c", 1, BYTES("sealed"), &blob));
    assert_ok(b.s, seal_open(b.s, second, "t.c", 1, blob, &got));
    assert_string_equal((const char *)got->data, "sealed");
    assert_ok(b.s, seal_rotate(b.s, second));
    assert_ok(b.s, seal_reload(b.s, first));
    assert_string_equal(seal_key_id(b.s, first), seal_key_id(b.s, second));
    /* another key does not open it, and none is made for what is there already */
    assert_err(E_NOT_FOUND, open_master(&b, "pkcs11:token=kek;object=other", true, &none));
    assert_says(b.s, "no such secret key");
    {
        struct master_wrap other;

        scope_clear(b.s);
        assert_ok(b.s, p11_kek(b.s, &b.hsm, "pkcs11:token=kek;object=other", &other));
        assert_ok(b.s, other.prepare(b.s, other.arg));
        other.release(other.arg);
    }
    assert_err(E_INVALID, open_master(&b, "pkcs11:token=kek;object=other", true, &none));
    assert_says(b.s, "another key wrapped it");
    assert_err(E_UNAVAILABLE,
               open_master(&b, "pkcs11:token=elsewhere;object=master", false, &none));
    assert_says(b.s, "is not there");
    assert_null(none);
}

static void
make_kek(struct bench *b, const char *uri)
{
    struct master_wrap wrap;

    scope_clear(b->s);
    assert_ok(b->s, p11_kek(b->s, &b->hsm, uri, &wrap));
    assert_ok(b->s, wrap.prepare(b->s, wrap.arg));
    wrap.release(wrap.arg);
}

/* As it was written before the id of the key stood in it. */
static void
forget_id(struct bench *b)
{
    const char *path = arena_printf(b->s->arena, "%s/master.wrapped", b->dir);
    const struct pem_block *block;
    struct list blocks = { 0 };
    struct bytes file;
    struct buf text;

    assert_ok(b->s, file_read(b->s, path, 4096, &file));
    assert_ok(b->s, pem_read(b->s, file, &blocks));
    block = list_at(&blocks, struct pem_block, 0);
    assert_int_equal(block->data.len, 9 + 60 + 16 + 1);
    buf_init_in(&text, b->s->arena, 4096);
    pem_add(&text, block->label, (struct bytes){ block->data.data, 9 + 60 });
    (void)write_text(b, "master.wrapped", buf_str(&text));
}

TEST(of_several_keys_of_one_name_the_one_that_wrapped_opens)
{
    static const char uri[] = "pkcs11:token=twice;object=master";
    AUTO(bench_done) struct bench b = { 0 };
    AUTO(seal_close) struct seal *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;
    struct seal *none = NULL;

    bench_init(&b, "twice");
    assert_ok(b.s, open_master(&b, uri, true, &first));
    make_kek(&b, "pkcs11:token=twice;object=master;id=%FF%FF");
    make_kek(&b, "pkcs11:token=twice;object=master;id=%00"); /* the smallest */
    assert_ok(b.s, open_master(&b, uri, true, &second));
    assert_string_equal(seal_key_id(b.s, first), seal_key_id(b.s, second));
    forget_id(&b);
    assert_ok(b.s, open_master(&b, uri, false, &third));
    assert_string_equal(seal_key_id(b.s, first), seal_key_id(b.s, third));
    assert_ok(b.s, seal_rotate(b.s, third)); /* by the smallest, as everybody's next */
    assert_ok(b.s, open_master(&b, "pkcs11:token=twice;id=%00", false, &fourth));
    assert_string_equal(seal_key_id(b.s, third), seal_key_id(b.s, fourth));
    assert_err(E_INVALID, open_master(&b, "pkcs11:token=twice;id=%FF%FF", false, &none));
    assert_says(b.s, "another key wrapped it");
    make_kek(&b, "pkcs11:token=twice;object=other;id=%0A");
    make_kek(&b, "pkcs11:token=twice;object=other;id=%0B%0C");
    assert_err(E_INVALID, open_master(&b, "pkcs11:token=twice;object=other", false, &none));
    assert_says(b.s, "none of its 2 keys of that name opens it, id=%0A, id=%0B%0C");
    assert_null(none);
}

TEST(several_private_keys_of_one_name_are_told_by_their_ids)
{
    AUTO(bench_done) struct bench b = { 0 };
    struct signer *signer;

    bench_init(&b, "both");
    for (int i = 1; i <= 2; i++) {
        const char *uri = arena_printf(b.s->arena, "pkcs11:token=both;object=k;id=%%0%d", i);

        assert_ok(b.s, signer_make(b.s, &b.env, uri, (struct key_spec){ KEY_EC, 256 }, &signer));
        signer_close(signer);
    }
    assert_err(E_INVALID, signer_open(b.s, &b.env, "pkcs11:token=both;object=k", &signer));
    assert_says(b.s, "2 private keys of that name: add the id, id=%01, id=%02");
}

TEST(the_pin_of_the_master_keys_token_is_not_sealed_by_it)
{
    AUTO(bench_done) struct bench b = { 0 };
    struct master_wrap wrap;

    bench_init(&b, "round");
    b.hsm.pin = "seal:AQID";
    assert_err(E_INVALID, p11_kek(b.s, &b.hsm, "pkcs11:token=round;object=master", &wrap));
    assert_says(b.s, "cannot be sealed by it");
    assert_null(strstr(b.s->error.text, "AQID"));
}
