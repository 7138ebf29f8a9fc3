#include "base/test.h"
#include "db/wal.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A database of SQLite's own making, and a copy that gets nothing but what the log tells. */
struct pair {
    struct scope *s;
    const char *path, *copy;
    sqlite3 *handle;
    struct wal_place place;
};

static void
sql(struct pair *p, const char *text)
{
    assert_int_equal(sqlite3_exec(p->handle, text, NULL, NULL, NULL), SQLITE_OK);
}

static void
begin(struct pair *p, struct scope *s, const char *name)
{
    *p = (struct pair){ .s = s,
                        .path = arena_printf(s->arena, "%s/%s.db", test_dir(), name),
                        .copy = arena_printf(s->arena, "%s/%s-copy.db", test_dir(), name) };
    assert_int_equal(sqlite3_open(p->path, &p->handle), SQLITE_OK);
    sql(p, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
           "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)");
}

/** Bring the copy as far as the log reaches; how many pages that took. */
static size_t
follow(struct pair *p, int64_t most)
{
    int log, fd = open(p->copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    size_t count = 0;
    struct wal_piece piece;

    assert_ok(p->s, wal_open(p->s, p->path, &log));
    assert_true(log >= 0 && fd >= 0);
    do {
        if (wal_since(p->s, log, &p->place, most, &piece) == E_CONFLICT) {
            scope_clear(p->s);
            p->place = piece.to;
            assert_ok(p->s, wal_since(p->s, log, &p->place, most, &piece));
        }
        LIST_EACH(struct wal_page, page, &piece.pages)
        {
            uint8_t *data = arena_alloc(p->s->arena, piece.page_size);

            assert_ok(p->s, wal_page(p->s, log, &piece, page, data));
            assert_true(pwrite(fd, data, piece.page_size,
                               (off_t)(page->number - 1) * piece.page_size) == piece.page_size);
        }
        if (piece.db_pages)
            assert_int_equal(ftruncate(fd, (off_t)piece.db_pages * piece.page_size), 0);
        count += piece.pages.count;
        p->place = piece.to;
    } while (piece.more || piece.pages.count);
    (void)close(fd);
    (void)close(log);
    return count;
}

static int
take_text(void *out, int count, char **texts, char **names UNUSED)
{
    (void)snprintf(out, 100, "%s", count && texts[0] ? texts[0] : "");
    return 0;
}

static void
assert_same(struct pair *p)
{
    static const char *const questions[] = { "PRAGMA integrity_check",
                                             "SELECT count(*) || '/' || total(length(body)) "
                                             "FROM note" };
    sqlite3 *copy;

    for (size_t i = 0; i < COUNT(questions); i++) {
        char one[100] = "", two[100] = "";

        assert_int_equal(sqlite3_exec(p->handle, questions[i], take_text, one, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_open(p->copy, &copy), SQLITE_OK);
        assert_int_equal(sqlite3_exec(copy, questions[i], take_text, two, NULL), SQLITE_OK);
        (void)sqlite3_exec(copy, "PRAGMA wal_checkpoint", NULL, NULL, NULL);
        assert_int_equal(sqlite3_close(copy), SQLITE_OK);
        assert_string_equal(one, two);
    }
}

static void
fill(struct pair *p, int rows)
{
    for (int i = 0; i < rows; i++)
        sql(p, "INSERT INTO note (body) VALUES (hex(randomblob(700)))");
}

TEST(a_copy_that_follows_the_log_is_the_database)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair p;

    begin(&p, s, "followed");
    fill(&p, 30);
    assert_true(follow(&p, 1000000) > 0);
    assert_same(&p);
    assert_int_equal(follow(&p, 1000000), 0);
    fill(&p, 50);
    sql(&p, "DELETE FROM note WHERE id % 3 = 0; UPDATE note SET body = 'x' WHERE id % 5 = 0");
    assert_true(follow(&p, 7) > 0); /* in many pieces */
    assert_same(&p);

    /* what is not committed is not there, though pages of it may be in the log */
    sql(&p, "PRAGMA cache_size = 10; BEGIN");
    fill(&p, 400);
    assert_int_equal(follow(&p, 1000000), 0);
    sql(&p, "ROLLBACK");
    fill(&p, 3);
    assert_true(follow(&p, 1000000) > 0);
    assert_same(&p);

    /* the log begins anew */
    sql(&p, "PRAGMA wal_checkpoint(RESTART)");
    fill(&p, 5);
    {
        struct wal_place was = p.place;

        assert_true(follow(&p, 1000000) > 0);
        assert_int_equal(p.place.salt1, was.salt1 + 1);
    }
    assert_same(&p);
    sql(&p, "DELETE FROM note WHERE id > 10; VACUUM");
    assert_true(follow(&p, 1000000) > 0);
    assert_same(&p);
    assert_int_equal(sqlite3_close(p.handle), SQLITE_OK);
}

TEST(another_log_is_not_taken_for_the_same)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct wal_piece piece;
    struct wal_place good;
    struct pair p;
    int log;

    begin(&p, s, "other");
    fill(&p, 9);
    (void)follow(&p, 1000000);
    good = p.place;
    assert_ok(s, wal_open(s, p.path, &log));
    for (int i = 0; i < 5; i++) {
        struct wal_place bad = good;
        int64_t *const fields[] = { &bad.salt1, &bad.salt2, &bad.sum1, &bad.sum2, &bad.frame };

        *fields[i] ^= 1;
        assert_err(E_CONFLICT, wal_since(s, log, &bad, 10, &piece));
    }
    /* a frame that was changed ends what is read */
    fill(&p, 2);
    {
        const char *path = arena_printf(s->arena, "%s" WAL_SUFFIX, p.path);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        uint8_t byte;

        assert_int_equal(pread(fd, &byte, 1, 32 + good.frame * (24 + 4096) + 2000), 1);
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, 32 + good.frame * (24 + 4096) + 2000), 1);
        (void)close(fd);
    }
    assert_ok(s, wal_since(s, log, &good, 10, &piece));
    assert_int_equal(piece.pages.count, 0);
    (void)close(log);
    (void)sqlite3_close(p.handle);
}
