#include "backup/archive.h"
#include "backup/tar.h"
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
place(struct scope *s)
{
    static int made;

    return arena_printf(s->arena, "%s/%d.tar", test_dir(), ++made);
}

static struct list
write_one(struct scope *s, const char *path, struct when at)
{
    static const char *const names[] = { "first", "dir/second", "empty" };
    AUTO(archive_free) struct archive_writer *w = NULL;
    struct list parts = { 0 };
    int64_t size;

    assert_ok(s, archive_new(s, path, at, &w));
    for (size_t i = 0; i < COUNT(names); i++)
        assert_ok(s,
                  archive_put(s, w, names[i], i < 2 ? bytes_of_text(names[i]) : (struct bytes){ 0 },
                              list_push(s->arena, &parts, struct archive_part)));
    assert_ok(s, archive_finish(s, w, BYTES("{\"x\":1}"), BYTES("sealed"), &size));
    return parts;
}

static enum err
collect(struct scope *s UNUSED, void *to, struct bytes piece)
{
    buf_add(to, piece.data, piece.len);
    return OK;
}

TEST(what_is_put_into_an_archive_comes_out_of_it)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s);
    struct when at = WHEN_S(1761140000);
    struct list parts = write_one(s, path, at), faults = { 0 };
    AUTO(archive_close) struct archive *a = NULL;
    struct archive_writer *again = NULL;
    struct stat st;
    struct buf b;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size % TAR_BLOCK, 0);
    assert_ok(s, archive_open(s, path, &a));
    assert_ok(s, archive_check(s, a, &parts, at, &faults));
    assert_int_equal(faults.count, 0);
    buf_init_in(&b, s->arena, 1024);
    assert_ok(s, archive_read(s, a, &parts, 1, collect, &b));
    assert_string_equal(buf_str(&b), "dir/second");
    buf_reset(&b);
    assert_ok(s, archive_read(s, a, &parts, 2, collect, &b));
    assert_int_equal(b.len, 0);
    assert_ok(s, archive_new(s, path, at, &again)); /* under another name: no harm yet */
    archive_free(again);
}

TEST(every_byte_of_an_archive_counts)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s);
    struct when at = WHEN_S(1761140000);
    struct list parts = write_one(s, path, at);
    struct stat st = { 0 };
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    for (off_t i = 0; i < st.st_size; i++) {
        AUTO(archive_close) struct archive *a = NULL;
        struct list faults = { 0 };
        uint8_t was, now;
        bool found;

        assert_int_equal(pread(fd, &was, 1, i), 1);
        now = was ^ 0x40;
        assert_int_equal(pwrite(fd, &now, 1, i), 1);
        /* manifest and seal themselves are held against one another elsewhere */
        found = archive_open(s, path, &a) != OK ||
                !bytes_eq(archive_manifest(a), BYTES("{\"x\":1}")) ||
                !bytes_eq(archive_seal(a), BYTES("sealed"));
        if (!found) {
            assert_ok(s, archive_check(s, a, &parts, at, &faults));
            found = faults.count > 0;
        }
        if (!found)
            fail_msg("byte %lld may be changed unseen", (long long)i);
        assert_int_equal(pwrite(fd, &was, 1, i), 1);
        scope_clear(s);
    }
    (void)close(fd);
}

TEST(a_part_brings_no_more_than_the_manifest_says)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s);
    struct when at = WHEN_S(1761140000);
    struct list parts = write_one(s, path, at), faults = { 0 };
    struct archive_part *second = list_at(&parts, struct archive_part, 1);
    AUTO(archive_close) struct archive *a = NULL;
    struct buf b;

    assert_ok(s, archive_open(s, path, &a));
    buf_init_in(&b, s->arena, 1024);
    second->size = 4;
    assert_err(E_INVALID, archive_read(s, a, &parts, 1, collect, &b));
    assert_says(s, "longer than the manifest says");
    assert_int_equal(b.len, 0);
    second->packed = INT64_MAX;
    assert_ok(s, archive_check(s, a, &parts, at, &faults));
    assert_int_equal(faults.count, 1);
}

TEST(an_archive_that_is_cut_off_tells_where)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = place(s);
    struct when at = WHEN_S(1761140000);
    AUTO(archive_close) struct archive *a = NULL;

    (void)write_one(s, path, at);
    assert_int_equal(truncate(path, 5 * TAR_BLOCK + 100), 0); /* three parts, the last of a block */
    assert_err(E_INVALID, archive_open(s, path, &a));
    assert_says(s, "cut off");
    assert_int_equal(truncate(path, 0), 0);
    assert_err(E_INVALID, archive_open(s, path, &a));
}

TEST(a_head_says_what_it_was_given)
{
    static const int64_t sizes[] = {
        0, 1, 511, 512, INT64_C(1) << 32, INT64_C(1) << 33, INT64_C(1) << 45
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    uint8_t block[TAR_BLOCK];
    struct tar_said said;

    for (size_t i = 0; i < COUNT(sizes); i++) {
        tar_head("table/certificate.zst", sizes[i], WHEN_S(1761140000), block);
        tar_read(s->arena, block, &said);
        assert_true(said.sound);
        assert_string_equal(said.name, "table/certificate.zst");
        assert_int_equal(said.size, sizes[i]);
        assert_int_equal((sizes[i] + (int64_t)tar_gap(sizes[i])) % TAR_BLOCK, 0);
    }
    memset(block, 0, sizeof(block));
    tar_read(s->arena, block, &said);
    assert_false(said.sound);

    /* a date in binary is not what was written, and too large to count in */
    tar_head("manifest.json", 1, WHEN_S(1761140000), block);
    memset(block + 136, 0xff, 12);
    tar_read(s->arena, block, &said);
    assert_false(said.sound);
    assert_int_equal(when_s(said.at), 0);
}
