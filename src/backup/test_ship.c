#include "backup/ship.h"
#include "backup/shipped.h"
#include "base/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITERS 4
#define SMALL_LOG 40 /* pages: it is emptied again and again */

SQL(put_setting, "INSERT INTO setting (name, value) VALUES ($1, $2) "
                 "ON CONFLICT (name) DO UPDATE SET value = excluded.value");

/* An installation that copies its log, and whoever writes to it. */
struct yard {
    struct scope *s;
    const char *dir;
    struct db *db;
    struct seal *seal;
    struct ship *ship;
    _Atomic int wanted; /* backups */
    _Atomic bool done;
    _Atomic int64_t written;
};

static const char *
in(struct yard *y, const char *name)
{
    return arena_printf(y->s->arena, "%s/%s", y->dir, name);
}

static void
want_base(void *arg)
{
    ((struct yard *)arg)->wanted++;
}

static void
open_yard(struct yard *y)
{
    struct db_options how = { .keep_log = true, .log_pages = SMALL_LOG };
    struct ship_options o = { .dir = in(y, "ship"),
                              .key_dir = in(y, "keys"),
                              .program = "1",
                              .every_ms = 50,
                              .want_base = want_base,
                              .arg = y };

    assert_ok(y->s,
              db_open(y->s, arena_printf(y->s->arena, "sqlite:%s", in(y, "one.db")), &how, &y->db));
    assert_ok(y->s, seal_open_master(y->s, arena_printf(y->s->arena, "file:%s", in(y, "master")),
                                     true, &y->seal));
    o.db = y->db;
    o.seal = y->seal;
    assert_ok(y->s, ship_start(y->s, &o, &y->ship));
}

static void
close_yard(struct yard *y)
{
    ship_stop(y->ship);
    db_close(y->db);
    ship_free(y->ship);
    seal_close(y->seal);
}

static void
begin_yard(struct yard *y)
{
    static int yards;

    *y = (struct yard){ .s = scope_new("test") };
    y->dir = arena_printf(y->s->arena, "%s/ship%d", test_dir(), ++yards);
    assert_int_equal(mkdir(y->dir, 0700), 0);
    assert_int_equal(mkdir(in(y, "keys"), 0700), 0);
    open_yard(y);
}

static void
end_yard(struct yard *y)
{
    scope_free(y->s);
}

static enum err
write_in(struct scope *s, struct tx *tx, void *arg)
{
    int64_t n = *(int64_t *)arg;

    return tx_do(s, tx, &put_setting,
                 BIND(v_text(arena_printf(s->arena, "key%lld", (long long)(n % 500))),
                      v_text(arena_printf(s->arena, "%0900lld", (long long)n))));
}

static void
write_one(struct yard *y, struct scope *s)
{
    int64_t n = y->written++;

    assert_ok(s, db_write(s, y->db, write_in, &n));
}

static void *
write_on(void *arg)
{
    struct yard *y = arg;

    while (!y->done) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        write_one(y, s);
    }
    return NULL;
}

static struct backup_made
make_base(struct yard *y, const char *dir)
{
    struct list none = { 0 };
    struct backup_wish wish = { .db = y->db,
                                .seal = y->seal,
                                .dir = in(y, dir),
                                .files = &none,
                                .program = "1",
                                .ship = y->ship };
    struct backup_made made;

    assert_ok(y->s, backup_make(y->s, &wish, &made));
    assert_non_null(made.manifest.stream);
    return made;
}

static enum err
collect(struct scope *s UNUSED, void *to, struct bytes piece)
{
    return write(*(int *)to, piece.data, piece.len) == (ssize_t)piece.len ? OK : E_UNAVAILABLE;
}

/** Backup and segments as a database; how many segments that took. */
static int64_t
put_back(struct yard *y, const struct backup_made *made, const char *path)
{
    AUTO(archive_close) struct archive *a = NULL;
    struct shipped on;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_ok(y->s, archive_open(y->s, made->path, &a));
    assert_ok(y->s, archive_read(y->s, a, &made->manifest.parts, 0, collect, &fd));
    assert_ok(y->s, backup_shipped(y->s, made->path, in(y, "ship"), WHEN_NONE, true, &on));
    LIST_EACH(const char *, fault, &on.faults)
    fail_msg("%s", *fault);
    assert_ok(y->s, shipped_apply(y->s, &on, fd, path));
    (void)close(fd);
    return on.to - on.from + 1;
}

static int
take_text(void *out, int count, char **texts, char **names UNUSED)
{
    (void)snprintf(out, 100, "%s", count && texts[0] ? texts[0] : "");
    return 0;
}

static void
assert_same(struct yard *y, const char *copy)
{
    static const char *const questions[] = {
        "PRAGMA integrity_check", "SELECT count(*) || max(value) FROM setting",
        "SELECT total(rowid * length(value)) || group_concat(value) FROM setting"
    };

    for (size_t i = 0; i < COUNT(questions); i++) {
        char said[2][100] = { "", "" };
        const char *paths[] = { in(y, "one.db"), copy };

        for (int k = 0; k < 2; k++) {
            sqlite3 *handle;

            assert_int_equal(sqlite3_open(paths[k], &handle), SQLITE_OK);
            assert_int_equal(sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL),
                             SQLITE_OK);
            assert_int_equal(sqlite3_exec(handle, questions[i], take_text, said[k], NULL),
                             SQLITE_OK);
            (void)sqlite3_close(handle);
        }
        assert_string_equal(said[0], said[1]);
        assert_true(i > 0 || strcmp(said[0], "ok") == 0);
    }
}

TEST(a_base_made_under_load_and_its_segments_are_the_database)
{
    pthread_t writers[WRITERS];
    struct backup_made made;
    struct yard y;

    begin_yard(&y);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_on, &y), 0);
    while (y.written < 300)
        clock_nap(5);
    made = make_base(&y, "backup");
    while (y.written < 2500)
        clock_nap(5);
    y.done = true;
    for (int i = 0; i < WRITERS; i++)
        (void)pthread_join(writers[i], NULL);
    close_yard(&y);
    assert_true(put_back(&y, &made, in(&y, "copy.db")) > 2);
    assert_same(&y, in(&y, "copy.db"));
    assert_int_equal(y.wanted, 1); /* one stream: nothing was lost in between */
    end_yard(&y);
}

TEST(a_stream_goes_on_after_a_restart_and_ends_where_the_log_was_lost)
{
    struct backup_made made;
    struct ship_state state;
    const char *stream;
    struct yard y;

    begin_yard(&y);
    write_one(&y, y.s);
    made = make_base(&y, "backup");
    stream = made.manifest.stream->id;
    for (int turn = 0; turn < 3; turn++) {
        close_yard(&y);
        open_yard(&y);
        for (int i = 0; i < 20; i++)
            write_one(&y, y.s);
    }
    close_yard(&y);
    assert_true(put_back(&y, &made, in(&y, "copy.db")) >= 3);
    assert_same(&y, in(&y, "copy.db"));

    /* another program empties the log: what it held may have been seen by nobody */
    {
        sqlite3 *handle;

        assert_int_equal(sqlite3_open(in(&y, "one.db"), &handle), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle,
                                      "INSERT INTO setting VALUES ('x', 'y');"
                                      "PRAGMA wal_checkpoint(TRUNCATE)",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    }
    y.wanted = 0;
    open_yard(&y);
    write_one(&y, y.s);
    while (!y.wanted)
        clock_nap(5);
    ship_state(y.s->arena, y.ship, &state);
    assert_string_not_equal(state.stream, stream);
    assert_false(state.based);
    made = make_base(&y, "backup2");
    write_one(&y, y.s);
    close_yard(&y);
    assert_true(put_back(&y, &made, in(&y, "copy2.db")) > 0);
    assert_same(&y, in(&y, "copy2.db"));

    end_yard(&y);
}

TEST(while_the_directory_is_away_the_log_is_kept)
{
    struct backup_made made;
    struct ship_state state;
    struct yard y;

    begin_yard(&y);
    write_one(&y, y.s);
    made = make_base(&y, "backup");
    assert_int_equal(rename(in(&y, "ship"), in(&y, "away")), 0);
    for (int i = 0; i < 3 * SMALL_LOG; i++)
        write_one(&y, y.s);
    do {
        clock_nap(5);
        ship_state(y.s->arena, y.ship, &state);
    } while (!state.why);
    assert_int_equal(rename(in(&y, "away"), in(&y, "ship")), 0);
    do {
        clock_nap(5);
        ship_state(y.s->arena, y.ship, &state);
    } while (state.why);
    assert_string_equal(state.stream, made.manifest.stream->id);
    close_yard(&y);
    assert_true(put_back(&y, &made, in(&y, "copy.db")) > 0);
    assert_same(&y, in(&y, "copy.db"));
    end_yard(&y);
}
