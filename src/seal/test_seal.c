#include "base/test.h"
#include "seal/private_file.h"
#include "seal/seal.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLUMN "private_key.sealed"

/** A path in a directory of this test's own. */
static const char *
place(struct scope *s, const char *name)
{
    static int count;
    const char *dir = arena_printf(s->arena, "%s/seal-%d", test_dir(), count++);

    assert_int_equal(mkdir(dir, 0700), 0);
    return arena_printf(s->arena, "%s/%s", dir, name);
}

static struct seal *
seal_at(struct scope *s, const char *path)
{
    struct seal *seal = NULL;

    assert_ok(s, seal_open_master(s, arena_printf(s->arena, "file:%s", path), true, &seal));
    return seal;
}

static void
write_file(const char *path, const void *data, size_t len, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void
assert_opens(struct scope *s, struct seal *seal, struct bytes blob, const char *want)
{
    AUTO(secret_free) struct secret *got = NULL;

    assert_ok(s, seal_open(s, seal, COLUMN, 7, blob, &got));
    assert_string_equal((const char *)got->data, want);
    assert_int_equal(got->len, strlen(want));
}

TEST(the_first_run_makes_a_master_key_that_later_runs_find)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s, "master.key");
    AUTO(seal_close) struct seal *first = seal_at(s, path);
    AUTO(seal_close) struct seal *second = seal_at(s, path);
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, MASTER_KEY_BYTES);
    assert_string_equal(seal_key_id(s, first), seal_key_id(s, second));
    assert_int_equal(strlen(seal_key_id(s, first)), 16);
}

TEST(a_master_key_is_refused_unless_it_is_private_and_whole)
{
    static const struct {
        mode_t mode;
        size_t len;
        enum err want;
    } cases[] = {
        { 0600, 32, OK },          { 0400, 32, OK },          { 0640, 32, E_FORBIDDEN },
        { 0604, 32, E_FORBIDDEN }, { 0620, 32, E_FORBIDDEN }, { 0666, 32, E_FORBIDDEN },
        { 0600, 0, E_INVALID },    { 0600, 31, E_INVALID },   { 0600, 33, E_LIMIT },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    uint8_t key[33] = { 1 };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = place(s, "master.key");
        AUTO(seal_close) struct seal *seal = NULL;

        write_file(path, key, cases[i].len, cases[i].mode);
        assert_err(cases[i].want,
                   seal_open_master(s, arena_printf(s->arena, "file:%s", path), true, &seal));
        if (cases[i].want != OK)
            assert_int_equal(s->error.code, CHY_NO_MASTER_KEY);
    }
}

TEST(a_master_key_elsewhere_or_nowhere_is_an_error_that_says_so)
{
    static const struct {
        const char *ref;
        enum err want;
    } cases[] = {
        { "file:/nonexistent/master.key", E_NOT_FOUND },
        { "file:", E_INVALID },
        { "file:/", E_INVALID },
        { "pkcs11:token=x", E_UNSUPPORTED },
        { "/plain/path", E_UNSUPPORTED },
        { "", E_UNSUPPORTED },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct seal *seal = NULL;

        assert_err(cases[i].want, seal_open_master(s, cases[i].ref, false, &seal));
        assert_null(seal);
        assert_int_equal(s->error.code, CHY_NO_MASTER_KEY);
    }
}

TEST(what_was_sealed_opens_again_whatever_its_length)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(seal_close) struct seal *seal = seal_at(s, place(s, "k"));
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 4096, 1000000 };
    uint8_t *data = arena_alloc(s->arena, 1000000);

    for (size_t i = 0; i < 1000000; i++)
        data[i] = (uint8_t)(i * 31);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        AUTO(secret_free) struct secret *got = NULL;
        struct bytes plain = { data, lengths[i] }, one, two;

        assert_ok(s, seal_column(s, seal, COLUMN, INT64_MIN + 3, plain, &one));
        assert_ok(s, seal_column(s, seal, COLUMN, INT64_MIN + 3, plain, &two));
        assert_int_equal(one.len, plain.len + SEAL_OVERHEAD);
        assert_false(bytes_eq(one, two));
        assert_ok(s, seal_open(s, seal, COLUMN, INT64_MIN + 3, one, &got));
        assert_true(bytes_eq(secret_bytes(got), plain));
    }
    assert_err(E_LIMIT, seal_column(s, seal, COLUMN, 1, (struct bytes){ data, 17 << 20 },
                                    &(struct bytes){ 0 }));
}

TEST(a_blob_with_any_byte_changed_does_not_open)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(seal_close) struct seal *seal = seal_at(s, place(s, "k"));
    struct bytes blob;

    assert_ok(s, seal_column(s, seal, COLUMN, 7, BYTES("the password"), &blob));
    for (size_t i = 0; i < blob.len; i++) {
        for (int bit = 1; bit < 256; bit <<= 7) {
            uint8_t *changed = arena_copy(s->arena, blob.data, blob.len);
            struct secret *got = NULL;

            changed[i] ^= (uint8_t)bit;
            /* bytes 1 to 8 name a master key that is not here */
            assert_err(i >= 1 && i <= 8 ? E_NOT_FOUND : E_INVALID,
                       seal_open(s, seal, COLUMN, 7, (struct bytes){ changed, blob.len }, &got));
            assert_null(got);
            assert_null(strstr(s->error.text, "the password"));
        }
    }
    assert_opens(s, seal, blob, "the password");
}

TEST(a_blob_of_another_length_does_not_open)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(seal_close) struct seal *seal = seal_at(s, place(s, "k"));
    struct bytes blob;

    assert_ok(s, seal_column(s, seal, COLUMN, 7, BYTES("the password"), &blob));
    for (size_t len = 0; len <= blob.len + 1; len++) {
        uint8_t *other = arena_alloc(s->arena, blob.len + 1);
        struct secret *got = NULL;

        memcpy(other, blob.data, MIN(len, blob.len));
        if (len != blob.len)
            assert_err(E_INVALID,
                       seal_open(s, seal, COLUMN, 7, (struct bytes){ other, len }, &got));
        assert_null(got);
    }
    assert_err(E_INVALID,
               seal_open(s, seal, COLUMN, 7, (struct bytes){ 0 }, &(struct secret *){ 0 }));
}

TEST(a_blob_moved_to_another_place_or_master_key_does_not_open)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(seal_close) struct seal *seal = seal_at(s, place(s, "k"));
    AUTO(seal_close) struct seal *stranger = seal_at(s, place(s, "k"));
    struct secret *got = NULL;
    struct bytes blob;

    assert_ok(s, seal_column(s, seal, COLUMN, 7, BYTES("x"), &blob));
    assert_err(E_INVALID, seal_open(s, seal, COLUMN, 8, blob, &got));
    assert_err(E_INVALID, seal_open(s, seal, COLUMN, -7, blob, &got));
    assert_err(E_INVALID, seal_open(s, seal, "private_key.seale", 7, blob, &got));
    assert_err(E_INVALID, seal_open(s, seal, "store.password", 7, blob, &got));
    assert_err(E_NOT_FOUND, seal_open(s, stranger, COLUMN, 7, blob, &got));
    assert_says(s, seal_key_id(s, seal));
    assert_null(got);
}

TEST(rotation_keeps_old_blobs_readable_and_rewraps_them)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s, "master.key"), *old_id;
    AUTO(seal_close) struct seal *seal = seal_at(s, path);
    AUTO(seal_close) struct seal *other_server = seal_at(s, path);
    struct bytes before, after, again;
    struct stat st;

    assert_ok(s, seal_column(s, seal, COLUMN, 7, BYTES("kept"), &before));
    assert_true(seal_is_current(seal, before));
    old_id = seal_key_id(s, seal);
    assert_ok(s, seal_rotate(s, seal));
    assert_string_not_equal(old_id, seal_key_id(s, seal));
    assert_int_equal(stat(arena_printf(s->arena, "%s.%s", path, old_id), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    assert_false(seal_is_current(seal, before));
    assert_opens(s, seal, before, "kept");
    assert_err(E_INVALID, seal_rewrap(s, seal, COLUMN, 8, before, &after));
    assert_ok(s, seal_rewrap(s, seal, COLUMN, 7, before, &after));
    assert_true(seal_is_current(seal, after));
    assert_memory_equal(after.data + 69, before.data + 69, before.len - 69); /* not sealed anew */
    assert_opens(s, seal, after, "kept");

    assert_opens(s, other_server, after, "kept"); /* it finds the new file by itself */
    assert_string_equal(seal_key_id(s, other_server), old_id);
    assert_ok(s, seal_reload(s, other_server));
    assert_string_equal(seal_key_id(s, other_server), seal_key_id(s, seal));

    { /* a process that starts now has only the new key, and finds the old one */
        AUTO(seal_close) struct seal *later = seal_at(s, path);

        assert_opens(s, later, before, "kept");
        assert_opens(s, later, after, "kept");
        assert_ok(s, seal_rewrap(s, later, COLUMN, 7, before, &again));
        assert_true(seal_is_current(seal, again));
    }
}

TEST(servers_that_rotate_in_turn_lose_no_key)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s, "master.key");
    AUTO(seal_close) struct seal *a = seal_at(s, path);
    AUTO(seal_close) struct seal *b = seal_at(s, path);
    struct bytes first, second, third;

    assert_ok(s, seal_column(s, a, COLUMN, 7, BYTES("1"), &first));
    assert_ok(s, seal_rotate(s, a));
    assert_ok(s, seal_column(s, a, COLUMN, 7, BYTES("2"), &second));
    assert_ok(s, seal_rotate(s, b)); /* knows only the first key until it reads the file */
    assert_ok(s, seal_column(s, b, COLUMN, 7, BYTES("3"), &third));
    {
        AUTO(seal_close) struct seal *c = seal_at(s, path);

        assert_opens(s, c, first, "1");
        assert_opens(s, c, second, "2");
        assert_opens(s, c, third, "3");
    }
    assert_opens(s, a, third, "3");
    assert_opens(s, b, second, "2");
}

static void *
seal_and_open_often(void *arg)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct seal *seal = arg;

    for (int64_t i = 0; i < 200; i++) {
        struct bytes blob;
        struct secret *got = NULL;

        if (seal_column(s, seal, COLUMN, i, BYTES("x"), &blob) != OK ||
            seal_open(s, seal, COLUMN, i, blob, &got) != OK)
            return s;
        secret_free(got);
    }
    return NULL;
}

TEST(many_threads_seal_while_the_master_key_rotates)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(seal_close) struct seal *seal = seal_at(s, place(s, "k"));
    pthread_t threads[4];

    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, seal_and_open_often, seal), 0);
    for (int i = 0; i < 10; i++)
        assert_ok(s, seal_rotate(s, seal));
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

TEST(a_private_file_is_written_whole_and_never_by_accident_over_another)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s, "f");
    struct stat st;

    assert_ok(s, private_file_write(s, path, BYTES("one"), false));
    assert_err(E_CONFLICT, private_file_write(s, path, BYTES("two"), false));
    for (int i = 0; i < 2; i++) {
        AUTO(secret_free) struct secret *got = NULL;

        assert_ok(s, private_file_read(s, path, 3, PRIVATE_OWNER, &got));
        assert_string_equal((const char *)got->data, i ? "two" : "one");
        assert_ok(s, private_file_write(s, path, BYTES("two"), true));
    }
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_err(E_UNAVAILABLE, private_file_write(s, "/nonexistent/f", BYTES("x"), false));
    assert_err(E_LIMIT, private_file_read(s, path, 2, PRIVATE_OWNER, &(struct secret *){ 0 }));
    assert_err(E_INVALID,
               private_file_read(s, test_dir(), 9, PRIVATE_OWNER, &(struct secret *){ 0 }));
}

/* A key elsewhere that wraps master keys; it turns bytes around, and can be away. */
struct elsewhere {
    bool away, prepared, released;
    int unwrapped;
};

static enum err
elsewhere_prepare(struct scope *s, void *arg)
{
    struct elsewhere *w = arg;

    if (w->away)
        return fail(s, E_UNAVAILABLE, "it is away");
    w->prepared = true;
    return OK;
}

static enum err
elsewhere_wrap(struct scope *s, void *arg, struct bytes about, const struct secret *key,
               struct bytes *blob)
{
    const struct elsewhere *w = arg;
    uint8_t *out = arena_alloc(s->arena, about.len + key->len);

    if (w->away)
        return fail(s, E_UNAVAILABLE, "it is away");
    memcpy(out, about.data, about.len);
    for (size_t i = 0; i < key->len; i++)
        out[about.len + i] = (uint8_t)~key->data[i];
    *blob = (struct bytes){ out, about.len + key->len };
    return OK;
}

static enum err
elsewhere_unwrap(struct scope *s, void *arg, struct bytes about, struct bytes blob,
                 struct secret **out)
{
    struct elsewhere *w = arg;

    if (w->away)
        return fail(s, E_UNAVAILABLE, "it is away");
    w->unwrapped++;
    if (blob.len < about.len || memcmp(blob.data, about.data, about.len) != 0)
        return fail(s, E_INVALID, "it was changed");
    *out = secret_new(blob.len - about.len);
    for (size_t i = about.len; i < blob.len; i++)
        (*out)->data[i - about.len] = (uint8_t)~blob.data[i];
    return OK;
}

static void
elsewhere_release(void *arg)
{
    ((struct elsewhere *)arg)->released = true;
}

static struct master_wrap
wrap_by(struct elsewhere *w)
{
    return (struct master_wrap){ .prepare = elsewhere_prepare,
                                 .wrap = elsewhere_wrap,
                                 .unwrap = elsewhere_unwrap,
                                 .release = elsewhere_release,
                                 .arg = w };
}

static enum err
open_wrapped(struct scope *s, const char *path, struct elsewhere *w, bool make, struct seal **out)
{
    struct master_wrap wrap = wrap_by(w);

    return seal_open_wrapped(s, path, &wrap, make, out);
}

TEST(a_wrapped_master_key_opens_by_what_wraps_it_alone)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s, "master.wrapped");
    AUTO(secret_free) struct secret *file = NULL;
    struct elsewhere w = { 0 };
    struct bytes blob;
    struct seal *none = NULL;

    assert_err(E_NOT_FOUND, open_wrapped(s, path, &w, false, &none));
    assert_true(w.released && !w.prepared);
    {
        AUTO(seal_close) struct seal *first = NULL, *second = NULL;

        scope_clear(s);
        assert_ok(s, open_wrapped(s, path, &w, true, &first));
        assert_true(w.prepared);
        assert_ok(s, seal_column(s, first, COLUMN, 7, BYTES("kept"), &blob));
        w.prepared = false;
        assert_ok(s, open_wrapped(s, path, &w, true, &second)); /* the second run */
        assert_false(w.prepared);
        assert_opens(s, second, blob, "kept");
    }
    assert_ok(s, private_file_read(s, path, 4096, PRIVATE_OWNER, &file));
    assert_non_null(strstr((const char *)file->data, "CHANCERY WRAPPED MASTER KEY"));
    w.away = true;
    w.released = false;
    assert_err(E_UNAVAILABLE, open_wrapped(s, path, &w, true, &none));
    assert_says(s, "it is away");
    assert_true(w.released);
    assert_null(none);
    scope_clear(s);
    assert_err(E_LIMIT, seal_open_master(s, arena_printf(s->arena, "file:%s", path), false, &none));
}

TEST(a_wrapped_master_key_that_was_changed_is_refused)
{
    static const char *const texts[] = {
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----\n",
        "-----BEGIN CHANCERY WRAPPED MASTER KEY-----\nAQ==\n"
        "-----END CHANCERY WRAPPED MASTER KEY-----\n", /* too short */
        "-----BEGIN CHANCERY WRAPPED MASTER KEY-----\nAgECAwQFBgcICQ==\n"
        "-----END CHANCERY WRAPPED MASTER KEY-----\n", /* version 2 */
        /* right by its form, but its id is not that of its key */
        "-----BEGIN CHANCERY WRAPPED MASTER KEY-----\n"
        "AQAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAA=\n"
        "-----END CHANCERY WRAPPED MASTER KEY-----\n",
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *path = place(s, "master.wrapped");
        struct elsewhere w = { 0 };
        struct seal *seal = NULL;

        write_file(path, texts[i], strlen(texts[i]), 0600);
        scope_clear(s);
        assert_err(E_INVALID, open_wrapped(s, path, &w, true, &seal));
        assert_says(s, "is no wrapped master key");
        assert_int_equal(s->error.code, CHY_NO_MASTER_KEY);
        assert_null(seal);
        assert_int_equal(w.unwrapped, i == COUNT(texts) - 1 ? 1 : 0);
    }
}

TEST(a_master_key_moves_between_its_places_and_rotates_in_each)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *plain = place(s, "master.key"), *wrapped = place(s, "master.wrapped");
    AUTO(seal_close) struct seal *in_file = seal_at(s, plain);
    AUTO(seal_close) struct seal *outside = NULL, *back = NULL;
    const char *again = place(s, "master.key");
    struct elsewhere w = { 0 };
    struct master_wrap wrap = wrap_by(&w);
    struct bytes blob, later;

    assert_ok(s, seal_column(s, in_file, COLUMN, 7, BYTES("first"), &blob));
    assert_ok(s, seal_copy_master(s, in_file, wrapped, &wrap, false));
    assert_err(E_CONFLICT, seal_copy_master(s, in_file, wrapped, &wrap, false));
    scope_clear(s);
    assert_ok(s, open_wrapped(s, wrapped, &w, false, &outside));
    assert_string_equal(seal_key_id(s, outside), seal_key_id(s, in_file));
    assert_opens(s, outside, blob, "first");
    assert_ok(s, seal_rotate(s, outside));
    assert_string_not_equal(seal_key_id(s, outside), seal_key_id(s, in_file));
    assert_opens(s, outside, blob, "first"); /* the old one is kept, wrapped */
    assert_ok(s, seal_rewrap(s, outside, COLUMN, 7, blob, &later));
    assert_ok(s, seal_reload(s, outside));
    assert_ok(s, seal_copy_master(s, outside, again, NULL, false));
    assert_ok(s, seal_open_master(s, arena_printf(s->arena, "file:%s", again), false, &back));
    assert_opens(s, back, later, "first");
}
