#include "base/file.h"
#include "base/test.h"
#include "db/engine.h"
#include "db/wal.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* SQLite's log is carried over beside the lane. Here is a disk that takes as long as a test wants:
 * the carrier's writes to the database's file wait behind a gate. */

#define LOG_PAGES 100
#define ON 40 /* writes while the carrier stands at the gate */

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool closed;
    int waiting, passed;
};

static struct gate gate = { .mutex = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER };
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods gated_methods;
static sqlite3_vfs *real_vfs, gated_vfs;

/** Pass the gate, if this is the carrier. */
static void
pass_gate(void)
{
    char name[16] = "";

    (void)pthread_getname_np(pthread_self(), name, sizeof(name));
    if (strcmp(name, "carry") != 0)
        return;
    pthread_mutex_lock(&gate.mutex);
    gate.waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (gate.closed)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.waiting--;
    gate.passed++;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static void
set_gate(bool closed)
{
    pthread_mutex_lock(&gate.mutex);
    gate.closed = closed;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static bool
at_gate(void)
{
    bool is;

    pthread_mutex_lock(&gate.mutex);
    is = gate.waiting > 0;
    pthread_mutex_unlock(&gate.mutex);
    return is;
}

static int
gated_sync(sqlite3_file *file, int flags)
{
    pass_gate();
    return real_methods->xSync(file, flags);
}

static int
gated_open(sqlite3_vfs *vfs UNUSED, sqlite3_filename path, sqlite3_file *file, int flags, int *out)
{
    int rc = real_vfs->xOpen(real_vfs, path, file, flags, out);

    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB)) {
        if (!real_methods) {
            gated_methods = *file->pMethods;
            gated_methods.xSync = gated_sync;
            real_methods = file->pMethods;
        }
        file->pMethods = &gated_methods;
    }
    return rc;
}

static void
make_vfs(void)
{
    if (real_vfs)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    gated_vfs = *real_vfs;
    gated_vfs.pNext = NULL;
    gated_vfs.zName = "gated";
    gated_vfs.xOpen = gated_open;
    (void)sqlite3_vfs_register(&gated_vfs, 0);
}

/* ---------------------------------------------------------------------------------------------- */

static const char note_table[] = "CREATE TABLE note (id @id, body @bytes)";
static const char note_add[] = "INSERT INTO note (body) VALUES ($1)";
static const char note_count[] = "SELECT COUNT(*) FROM note";
static const char whole[] = "PRAGMA integrity_check";

struct yard {
    struct scope *s;
    const char *path;
    struct db *db;
    int64_t written;
};

static enum err
table_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    struct rows rows;

    return tx_query(s, tx, note_table, BIND_NONE, &rows);
}

static enum err
note_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    static const uint8_t body[9000] = { 1 };
    struct rows rows;

    return tx_query(s, tx, note_add, BIND(v_bytes((struct bytes){ body, sizeof(body) })), &rows);
}

static void
write_one(struct yard *y)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_ok(s, db_write(s, y->db, note_in, NULL));
    y->written++;
}

static void
begin(struct yard *y, const char *name, bool keep)
{
    struct db_options o = {
        .vfs = "gated", .no_migrate = true, .log_pages = LOG_PAGES, .keep_log = keep
    };

    make_vfs();
    *y = (struct yard){ .s = scope_new("test") };
    y->path = arena_printf(y->s->arena, "%s/%s", test_dir(), name);
    assert_ok(y->s, db_open(y->s, arena_printf(y->s->arena, "sqlite:%s", y->path), &o, &y->db));
    assert_ok(y->s, db_write(y->s, y->db, table_in, NULL));
}

static void
check_whole(struct yard *y)
{
    struct rows rows;

    assert_ok(y->s, db_query(y->s, y->db, whole, BIND_NONE, &rows));
    assert_string_equal(row_text(&rows.at[0]), "ok");
    assert_ok(y->s, db_query(y->s, y->db, note_count, BIND_NONE, &rows));
    assert_int_equal(row_int(&rows.at[0]), y->written);
}

static void
end(struct yard *y)
{
    check_whole(y);
    db_close(y->db);
    scope_free(y->s);
}

/** Write until the carrier stands at the gate; it has a log of LOG_PAGES to carry. */
static void
bring_to_gate(struct yard *y)
{
    while (!at_gate())
        write_one(y);
}

TEST(writers_go_on_while_the_log_is_carried_over)
{
    struct yard y;
    int64_t most = 0;

    begin(&y, "beside", false);
    for (int round = 0; round < 5; round++) {
        int64_t before;

        set_gate(true);
        bring_to_gate(&y);
        before = db_log_frames(y.db);
        for (int i = 0; i < ON; i++)
            write_one(&y); /* for ever, if they had to wait for the carrier */
        assert_true(at_gate());
        assert_true(db_log_frames(y.db) >= before + ON); /* nothing of it is lost meanwhile */
        check_whole(&y);
        set_gate(false);
        do { /* and it begins anew in the end, though nobody rests */
            most = MAX(most, db_log_frames(y.db));
            write_one(&y);
        } while (db_log_frames(y.db) > most / 2);
    }
    assert_true(most < 100 * LOG_PAGES);
    end(&y);
}

TEST(a_log_that_is_carried_over_when_the_database_closes_is_whole)
{
    struct db_options o = { .vfs = "gated", .no_migrate = true };
    struct yard y;
    pthread_t closer;

    begin(&y, "closing", false);
    set_gate(true);
    bring_to_gate(&y);
    assert_int_equal(
        pthread_create(&closer, NULL, (void *(*)(void *))(void (*)(void))db_close, y.db), 0);
    set_gate(false);
    assert_int_equal(pthread_join(closer, NULL), 0);
    assert_ok(y.s, db_open(y.s, arena_printf(y.s->arena, "sqlite:%s", y.path), &o, &y.db));
    end(&y);
}

/* A keeper that takes its time, and whose copy must have all that the log had when it began anew.
 */
struct slow_keeper {
    struct db_keeper keeper;
    struct yard *y;
    pthread_mutex_t mutex;
    struct wal_place place;
    bool may_begin_anew, busy;
    int copies;
    atomic_int anew; /* these two are looked at from outside, too */
    _Atomic(int64_t) done_most;
};

/** Read on from where it was; a log that began anew must have been copied to its end. */
static enum err
keep_before(struct scope *s, void *arg)
{
    struct slow_keeper *k = arg;
    struct wal_piece piece;
    AUTO(fd_close) int fd = -1;

    pthread_mutex_lock(&k->mutex);
    assert_false(k->busy);
    k->busy = true;
    pthread_mutex_unlock(&k->mutex);
    assert_ok(s, wal_open(s, k->y->path, &fd));
    if (wal_since(s, fd, &k->place, INT64_MAX, &piece) == E_CONFLICT) {
        scope_clear(s);
        assert_true(k->copies == 0 || k->may_begin_anew);
        k->anew++;
        k->place = piece.to;
        assert_ok(s, wal_since(s, fd, &k->place, INT64_MAX, &piece));
    }
    if (piece.pages.count)
        k->may_begin_anew = false;
    k->place = piece.to;
    k->copies++;
    pass_gate();
    return OK;
}

static void
keep_after(void *arg, int64_t frames, int64_t done)
{
    struct slow_keeper *k = arg;

    assert_true(done <= k->place.frame); /* what is in the file was copied */
    k->may_begin_anew = frames > 0 && frames == done && frames == k->place.frame;
    if (done > k->done_most)
        k->done_most = done;
    pthread_mutex_lock(&k->mutex);
    k->busy = false;
    pthread_mutex_unlock(&k->mutex);
}

TEST(a_copied_log_is_carried_over_as_far_as_it_was_copied)
{
    struct slow_keeper k = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    struct yard y;

#ifdef __SANITIZE_THREAD__
    skip(); /* its keeper sums up each page again, and never comes after what is written there */
#endif
    begin(&y, "kept", true);
    k.y = &y;
    k.keeper = (struct db_keeper){ keep_before, keep_after, &k };
    db_keep(y.db, &k.keeper);
    for (int round = 0; round < 5; round++) {
        int anew = k.anew;

        set_gate(true);
        bring_to_gate(&y); /* in keep_before() */
        for (int i = 0; i < ON; i++)
            write_one(&y);
        assert_true(at_gate());
        set_gate(false);
        while (k.anew ==
               anew) { /* not faster than it copies, however slow a sanitizer makes that */
            write_one(&y);
            (void)usleep(10000);
        }
    }
    assert_true(k.done_most >= LOG_PAGES);
    end(&y);
}
