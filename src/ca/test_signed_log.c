#include "base/test.h"
#include "ca/signed_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct seen {
    int64_t count, numbers;
    int64_t fail_at; /* 0: never */
};

static enum err
see(struct scope *s, void *arg, const struct signed_record *r)
{
    struct seen *seen = arg;

    seen->count++;
    seen->numbers += r->number;
    assert_true(when_given(r->at));
    if (text_eq(r->kind, SIGNED_CERTIFICATE)) {
        assert_string_equal(r->serial, "0AFF");
        assert_int_equal(r->der.len, 3);
        assert_false(when_given(r->revoked_at));
    }
    return seen->count == seen->fail_at ? fail(s, E_INVALID, "enough") : OK;
}

/* A log is of one day: no test begins in a day's last minute. */
static const char *
fresh(struct scope *s)
{
    static int count;
    int64_t left = DAY_MS - clock_now().ms % DAY_MS;

    if (left < MINUTE_MS)
        clock_tell_offset_ms(MINUTE_MS);

    return arena_printf(s->arena, "%s/log%d", test_dir(), ++count);
}

static const char *
file_in(struct scope *s, const char *dir)
{
    struct civil c = when_civil(clock_now());

    return arena_printf(s->arena, "%s/signed-%04d%02d%02d.log", dir, c.year, c.month, c.day);
}

static void
write_three(struct scope *s, const char *dir, bool strict)
{
    AUTO(signed_log_close) struct signed_log *log = NULL;
    struct signed_record cert = { .kind = SIGNED_CERTIFICATE,
                                  .issuer = "ab",
                                  .serial = "0AFF",
                                  .der = BYTES("abc"),
                                  .revoked_at = WHEN_NONE };
    struct signed_record crl = {
        .kind = SIGNED_CRL, .key = "cd", .number = 7, .revoked_at = WHEN_NONE
    };
    struct signed_record gone = {
        .kind = SIGNED_REVOKED, .serial = "0AFF", .reason = -1, .revoked_at = WHEN_S(1761140000)
    };

    assert_ok(s, signed_log_open(s, dir, strict, &log));
    assert_ok(s, signed_log_add(s, log, &cert));
    assert_ok(s, signed_log_add(s, log, &crl));
    assert_ok(s, signed_log_add(s, log, &gone));
    assert_ok(s, signed_log_add(s, NULL, &gone)); /* there is no log */
}

TEST(what_is_written_into_the_log_of_signatures_is_read_from_it)
{
    for (int strict = 0; strict < 2; strict++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        const char *dir = fresh(s);
        struct signed_found found = { 0 };
        struct seen seen = { 0 };
        struct stat st;

        write_three(s, dir, strict);
        write_three(s, dir, strict); /* a later run goes on in the same file */
        assert_int_equal(stat(file_in(s, dir), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_ok(s, signed_log_read(s, dir, WHEN_S(0), see, &seen, &found));
        assert_int_equal(seen.count, 6);
        assert_int_equal(seen.numbers, 14);
        assert_int_equal(found.records, 6);
        assert_int_equal(found.bad.count, 0);
        assert_ok(
            s, signed_log_read(s, dir, when_add_ms(clock_now(), 2 * DAY_MS), see, &seen, &found));
        assert_int_equal(seen.count, 6); /* the file is of an earlier day */
        seen.fail_at = 7;
        assert_err(E_INVALID, signed_log_read(s, dir, WHEN_S(0), see, &seen, &found));
        assert_says(s, ".log:1: enough");
    }
}

TEST(damaged_lines_of_the_log_of_signatures_are_told)
{
    static const char *const damages[] = { "", "x", "0123456789abcdef {}\n", "\n", "a b c\n" };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(damages); i++) {
        const char *dir = fresh(s);
        struct signed_found found = { 0 };
        struct seen seen = { 0 };
        FILE *file;

        write_three(s, dir, false);
        file = fopen(file_in(s, dir), "ae");
        assert_non_null(file);
        assert_true(fputs(damages[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_ok(s, signed_log_read(s, dir, WHEN_S(0), see, &seen, &found));
        assert_int_equal(seen.count, 3);
        assert_int_equal(found.bad.count, i > 0);
    }
}

TEST(every_changed_byte_of_a_line_is_found)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *dir = fresh(s);
    struct stat st = { 0 };
    int fd;

    write_three(s, dir, false);
    fd = open(file_in(s, dir), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t i = 0; i < st.st_size; i += 3) {
        struct signed_found found = { 0 };
        struct seen seen = { 0 };
        uint8_t was, now;

        assert_int_equal(pread(fd, &was, 1, i), 1);
        now = was ^ 1;
        assert_int_equal(pwrite(fd, &now, 1, i), 1);
        assert_ok(s, signed_log_read(s, dir, WHEN_S(0), see, &seen, &found));
        assert_true(seen.count < 3 && found.bad.count > 0);
        assert_int_equal(pwrite(fd, &was, 1, i), 1);
    }
    (void)close(fd);
}

TEST(old_files_of_the_log_of_signatures_are_forgotten)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *dir = fresh(s), *old = arena_printf(s->arena, "%s/signed-20200101.log", dir);
    const char *other = arena_printf(s->arena, "%s/signed-2020.log", dir);
    int64_t removed;
    FILE *file;

    write_three(s, dir, false);
    file = fopen(old, "we");
    assert_non_null(file);
    (void)fclose(file);
    file = fopen(other, "we");
    assert_non_null(file);
    (void)fclose(file);
    assert_ok(s, signed_log_forget(s, dir, clock_now(), &removed));
    assert_int_equal(removed, 1);
    assert_int_equal(access(old, F_OK), -1);
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(access(file_in(s, dir), F_OK), 0);
    assert_ok(s, signed_log_forget(s, "/nonexistent", clock_now(), &removed));
}

TEST(a_log_of_signatures_wants_a_directory_that_it_may_write)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct signed_log *log;

    assert_err(E_UNAVAILABLE, signed_log_open(s, "/nonexistent/below", false, &log));
    assert_says(s, "cannot make the directory");
}
