#include "base/file.h"
#include "base/test.h"
#include "pki/age.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The secret key of 32 octets 0x42. */
#define ONE "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 131071, 131072, 131073, 300000 };

static enum err
collect(struct scope *s UNUSED, void *to, struct bytes piece)
{
    buf_add(to, piece.data, piece.len);
    return OK;
}

static struct bytes
sample(struct scope *s, size_t len)
{
    uint8_t *data = arena_alloc(s->arena, len + 1);

    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    return (struct bytes){ data, len };
}

static const struct age_identities *
identities(struct scope *s, const char *text)
{
    struct age_identities *ids;

    assert_ok(s, age_identities_read(s, bytes_of_text(text), &ids));
    return arena_own(s->arena, ids, age_identities_free);
}

static struct bytes
sealed(struct scope *s, struct bytes plain, const struct list *recipients)
{
    AUTO(age_writer_free) struct age_writer *w = NULL;
    struct buf *out = arena_new_of(s->arena, struct buf);

    buf_init_in(out, s->arena, (size_t)1 << 20);
    assert_ok(s, age_writer_new(s, recipients, (struct age_out){ collect, out }, &w));
    for (size_t at = 0; at < plain.len; at += 10007)
        assert_ok(s,
                  age_writer_add(
                      s, w, (struct bytes){ plain.data + at, MIN(plain.len - at, (size_t)10007) }));
    assert_ok(s, age_writer_end(s, w));
    return buf_bytes(out);
}

static enum err
opened(struct scope *s, struct bytes file, const struct age_identities *ids, size_t step,
       struct bytes *out)
{
    struct buf *plain = arena_new_of(s->arena, struct buf);
    AUTO(age_reader_free) struct age_reader *r = NULL;

    buf_init_in(plain, s->arena, (size_t)1 << 20);
    r = age_reader_new(ids, (struct age_out){ collect, plain });
    for (size_t at = 0; at < file.len; at += step)
        TRY(age_reader_add(s, r, (struct bytes){ file.data + at, MIN(file.len - at, step) }));
    TRY(age_reader_end(s, r));
    *out = buf_bytes(plain);
    return OK;
}

TEST(what_is_sealed_to_a_recipient_is_opened_by_its_identity)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct age_identities *ids = identities(s, "# a comment\n\n" ONE "\n");
    struct list to = { 0 };

    list_add(s->arena, &to, const char *, age_identities_recipient(s, ids));
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t step = 1; step <= 1000000; step *= 1000) {
            struct bytes plain = sample(s, sizes[i]), again;

            if (step == 1 && i > 2)
                continue; /* one octet at a time takes long */
            assert_ok(s, opened(s, sealed(s, plain, &to), ids, step, &again));
            assert_true(bytes_eq(again.len ? again : plain, plain) && again.len == plain.len);
        }
}

TEST(a_changed_octet_and_a_missing_end_are_told)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct age_identities *ids = identities(s, ONE);
    struct list to = { 0 };
    struct bytes file, plain;

    list_add(s->arena, &to, const char *, age_identities_recipient(s, ids));
    file = sealed(s, sample(s, 65536 + 40), &to);
    for (size_t at = 0; at < file.len; at += at < 300 || at > file.len - 90 ? 1 : 997) {
        uint8_t *changed = (uint8_t *)(uintptr_t)file.data;
        enum err e;

        changed[at] ^= 1;
        e = opened(s, file, ids, 4096, &plain);
        changed[at] ^= 1;
        if (e != E_INVALID && e != E_FORBIDDEN)
            fail_msg("octet %zu: %s", at, err_name(e));
        e = opened(s, (struct bytes){ file.data, at }, ids, 4096, &plain);
        if (e != E_INVALID)
            fail_msg("cut at %zu: %s", at, err_name(e));
    }
    /* cut where a chunk ends, and with something behind the last */
    file = sealed(s, sample(s, 2 * 65536), &to);
    assert_err(E_INVALID,
               opened(s, (struct bytes){ file.data, file.len - 65536 - 16 }, ids, 4096, &plain));
    assert_err(E_INVALID, opened(s, (struct bytes){ file.data, file.len - 16 }, ids, 9, &plain));
    assert_err(E_INVALID, opened(s, BYTES("age-encryption"), ids, 4096, &plain));
}

TEST(recipients_and_identities_have_one_form)
{
    static const char *const bad[] = {
        "",
        "age1",
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q",  /* an end of another */
        "AGE1QL3Z7HJY54PW3HYWW5AYYFG7ZQGVC7W3J2ELW8ZMRJ2KG5SFN9AQMCAC8P",  /* capitals */
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p ", /* a blank */
        "ssh-ed25519 AAAA",
        ONE,
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct age_identities *ids;

    assert_ok(s, age_recipient_check(
                     s, "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"));
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_err(E_INVALID, age_recipient_check(s, bad[i]));
        assert_null(strstr(s->error.text, "GFPYYSJZ"));
    }
    assert_err(E_INVALID, age_identities_read(s, BYTES("# nothing\n"), &ids));
    assert_err(E_INVALID, age_identities_read(s, BYTES("AGE-SECRET-KEY-1QQQ\n"), &ids));
    assert_err(E_UNSUPPORTED, age_identities_read(s, BYTES("age-encryption.org/v1\n"), &ids));
    assert_err(E_UNSUPPORTED, age_identities_read(s, BYTES("AGE-PLUGIN-X-1QQQ\n"), &ids));
}

/* The program itself, where it is installed. */
static bool
run(struct scope *s, const char *dir, const char *command)
{
    return test_run(arena_printf(s->arena, "cd %s && %s 2>/dev/null", dir, command)) == 0;
}

static struct bytes
read_in(struct scope *s, const char *dir, const char *name)
{
    struct bytes out;

    assert_ok(s, file_read(s, arena_printf(s->arena, "%s/%s", dir, name), (size_t)1 << 20, &out));
    return out;
}

TEST(the_program_age_opens_what_is_sealed_here_and_the_reverse)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *dir = test_dir();
    const struct age_identities *ids;
    struct list to = { 0 };
    char *recipient;

    assert_true(run(
        s, dir, "(age-keygen -o one; age-keygen -o two) 2> /dev/null && age-keygen -y one > to"));
    ids = identities(s, (const char *)read_in(s, dir, "one").data);
    recipient = text_trim(s->arena, (const char *)read_in(s, dir, "to").data);
    assert_string_equal(age_identities_recipient(s, ids), recipient);
    list_add(s->arena, &to, const char *,
             age_identities_recipient(s, identities(s, (const char *)read_in(s, dir, "two").data)));
    list_add(s->arena, &to, const char *, recipient);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct bytes plain = sample(s, sizes[i]), again;

        assert_ok(
            s, file_write(s, arena_printf(s->arena, "%s/ours", dir), sealed(s, plain, &to), 0600));
        assert_true(run(s, dir, "age -d -i one ours > plain && age -d -i two ours | cmp - plain"));
        again = read_in(s, dir, "plain");
        assert_true(bytes_eq(again, plain));
        assert_true(run(s, dir, "age -e -R to -o theirs plain"));
        assert_ok(s, opened(s, read_in(s, dir, "theirs"), ids, 4096, &again));
        assert_true(bytes_eq(again, plain));
    }
    /* for others alone */
    assert_true(run(s, dir, "age -e -r $(age-keygen -y two) -o others plain"));
    {
        struct bytes plain;

        assert_err(E_FORBIDDEN, opened(s, read_in(s, dir, "others"), ids, 4096, &plain));
    }
}
