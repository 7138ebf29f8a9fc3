#include "base/test.h"
#include "db/engine.h"

#ifdef CHANCERY_FAULTS
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Each test here starts this program again, as a child that runs one "child_..." test in a
 * directory, with a crash point or a failure set; alone, the children do nothing.
 */
#define WRITERS 6
#define WRITES 150 /* of each writer, in a round */
#define ROUNDS 40
#define MET_BY_CARRIER 42 /* the failure met who carries the log over: no writer heard of it */

static const char note_table[] =
    "CREATE TABLE note (id @id, writer @int NOT NULL, number @int NOT NULL, body @bytes,"
    " UNIQUE (writer, number))";
static const char note_add[] = "INSERT INTO note (writer, number, body) VALUES ($1, $2, $3)";
static const char note_has[] = "SELECT COUNT(*) FROM note WHERE writer = $1 AND number = $2";
static const char note_count[] = "SELECT COUNT(*) FROM note";
static const char whole[] = "PRAGMA integrity_check";

/** The child's directory, or NULL in the parent. */
static const char *
child_dir(void)
{
    return getenv("CHANCERY_DB_CHILD");
}

static int
run_child(const char *test, const char *dir, const char *variable, const char *value)
{
    char out[300];
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        int fd;

        (void)snprintf(out, sizeof(out), "%s/out", dir);
        fd = open(out, O_WRONLY | O_CREAT | O_APPEND, 0600);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        (void)setenv("CHANCERY_DB_CHILD", dir, 1);
        (void)setenv(variable, value, 1);
        (void)execl("/proc/self/exe", "test-db", test, NULL);
        _exit(127);
    }
    (void)waitpid(pid, &status, 0);
    return status;
}

static void
open_db(struct scope *s, const char *dir, const char *vfs, struct db **out)
{
    struct db_options o = { .vfs = vfs, .no_migrate = true, .log_pages = 60 };

    assert_ok(s, db_open(s, arena_printf(s->arena, "sqlite:%s/db", dir), &o, out));
}

static enum err
table_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    struct rows rows;

    return tx_query(s, tx, note_table, BIND_NONE, &rows);
}

struct writer {
    pthread_t thread;
    struct db *db;
    int64_t number, from, at;
    int acks;    /* what was acknowledged is written here: the kernel keeps it when we die */
    int refused; /* writes that failed */
    int kept;
};

static enum err
note_in(struct scope *s, struct tx *tx, void *arg)
{
    static const uint8_t body[1500] = { 1 };
    struct writer *w = arg;
    struct bytes b = { body, sizeof(body) };
    struct rows rows;

    return tx_query(s, tx, note_add, BIND(v_int(w->number), v_int(w->at), v_bytes(b)), &rows);
}

static void *
write_notes(void *arg)
{
    struct writer *w = arg;

    for (w->at = w->from; w->at < w->from + WRITES; w->at++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        int64_t ack[2] = { w->number, w->at };

        if (db_write(s, w->db, note_in, w) != OK) {
            w->refused++;
            assert_int_equal(s->error.kind, E_UNAVAILABLE);
            continue;
        }
        w->kept++;
        if (write(w->acks, ack, sizeof(ack)) != sizeof(ack))
            abort();
    }
    return NULL;
}

/**
 * Many writers at once, each with the numbers of ROUND; returns how many writes were refused, and
 * in *KEPT the others.
 */
static int
write_all(struct scope *s, struct db *db, const char *dir, int round, int *kept)
{
    int acks = open(arena_printf(s->arena, "%s/acks", dir), O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct writer writers[WRITERS];
    int refused = 0;

    *kept = 0;
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .db = db, .number = i, .from = round * WRITES, .acks = acks };
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_notes, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        refused += writers[i].refused;
        *kept += writers[i].kept;
    }
    (void)close(acks);
    return refused;
}

/** It writes until it dies: how often the log is carried over beside the writers, nobody knows. */
TEST(child_writes_notes)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    int kept;

    if (!child_dir())
        return;
    open_db(s, child_dir(), "forget", &db);
    assert_ok(s, db_write(s, db, table_in, NULL));
    for (int round = 0; round < ROUNDS; round++)
        (void)write_all(s, db, child_dir(), round, &kept);
}

static void
check_whole(struct scope *s, struct db *db)
{
    struct rows rows;

    assert_ok(s, db_query(s, db, whole, BIND_NONE, &rows));
    assert_string_equal(row_text(&rows.at[0]), "ok");
}

/** Every write that was acknowledged is in the database; returns how many those are. */
static int
check_acks(struct scope *s, const char *dir)
{
    AUTO(db_close) struct db *db = NULL;
    int fd = open(arena_printf(s->arena, "%s/acks", dir), O_RDONLY), count = 0;
    int64_t ack[2];

    open_db(s, dir, NULL, &db);
    check_whole(s, db);
    while (fd >= 0 && read(fd, ack, sizeof(ack)) == sizeof(ack)) {
        struct rows rows;

        assert_ok(s, db_query(s, db, note_has, BIND(v_int(ack[0]), v_int(ack[1])), &rows));
        assert_int_equal(row_int(&rows.at[0]), 1);
        count++;
    }
    (void)close(fd);
    return count;
}

TEST(what_was_acknowledged_survives_a_crash_at_every_point)
{
    static const struct {
        const char *point;
        int at[4];
    } cases[] = {
        { "db.before_commit", { 3, 10, 35 } },  { "db.after_commit_before_answer", { 3, 10, 35 } },
        { "db.after_wal_sync", { 3, 10, 35 } }, { "db.in_checkpoint", { 1, 7, 60 } },
        { "db.torn_sync", { 4, 40, 99 } },      { "db.carried_over", { 1, 2, 3 } },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int n = 0; n < 3; n++) {
            AUTO(scope_free) struct scope *s = scope_new("test");
            const char *dir = arena_printf(s->arena, "%s/crash%zu.%d", test_dir(), i, n);
            const char *at = arena_printf(s->arena, "%s:%d", cases[i].point, cases[i].at[n]);
            int status;

            assert_int_equal(mkdir(dir, 0700), 0);
            status = run_child("child_writes_notes", dir, "CHANCERY_CRASH_AT", at);
            if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                fail_msg("%s was not reached", at);
            print_message("%s: %d acknowledged\n", at, check_acks(s, dir));
        }
    }
}

TEST(child_writes_without_syncing)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    sqlite3 *careless;

    if (!child_dir())
        return;
    open_db(s, child_dir(), "forget", &db);
    assert_ok(s, db_write(s, db, table_in, NULL));
    assert_int_equal(sqlite3_open_v2(arena_printf(s->arena, "%s/db", child_dir()), &careless,
                                     SQLITE_OPEN_READWRITE, "forget"),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(careless,
                                  "PRAGMA synchronous = OFF;"
                                  "INSERT INTO note (writer, number) VALUES (1, 1)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    (void)kill(getpid(), SIGKILL);
}

TEST(the_forgetful_file_system_forgets_what_was_not_synced)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    const char *dir = arena_printf(s->arena, "%s/careless", test_dir());
    struct rows rows;

    assert_int_equal(mkdir(dir, 0700), 0);
    assert_true(WIFSIGNALED(run_child("child_writes_without_syncing", dir, "CHANCERY_NONE", "")));
    open_db(s, dir, NULL, &db);
    assert_ok(s, db_query(s, db, note_count, BIND_NONE, &rows));
    assert_int_equal(row_int(&rows.at[0]), 0);
}

TEST(child_meets_a_failing_disk)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    struct rows rows;
    const char *failure = getenv("CHANCERY_FAIL_AT");
    int refused, kept;

    if (!child_dir())
        return;
    open_db(s, child_dir(), "forget", &db);
    assert_ok(s, db_write(s, db, table_in, NULL));
    refused = write_all(s, db, child_dir(), 0, &kept);
    assert_true(refused <= WRITERS); /* those of one commit; then it goes on */
    assert_int_equal(refused + kept, WRITERS * WRITES);
    assert_ok(s, db_query(s, db, note_count, BIND_NONE, &rows));
    assert_int_equal(row_int(&rows.at[0]), kept);
    if (!refused && !(failure && strstr(failure, "checkpoint")))
        _exit(MET_BY_CARRIER);
}

TEST(a_full_or_failing_disk_costs_one_commit_at_most_and_no_data)
{
    static const struct {
        const char *what;
        int at;
    } failures[] = { { "db.disk_full", 90 },
                     { "db.io_error", 90 },
                     { "db.sync_error", 20 },
                     { "db.checkpoint_error", 30 } };

    for (size_t i = 0; i < COUNT(failures); i++) {
        int status = -1;

        for (int n = 0; n < 10 && status; n++) {
            AUTO(scope_free) struct scope *s = scope_new("test");
            const char *dir = arena_printf(s->arena, "%s/disk%zu.%d", test_dir(), i, n);
            const char *at =
                arena_printf(s->arena, "%s:%d", failures[i].what, failures[i].at + 7 * n);

            assert_int_equal(mkdir(dir, 0700), 0);
            status = run_child("child_meets_a_failing_disk", dir, "CHANCERY_FAIL_AT", at);
            if (status && !(WIFEXITED(status) && WEXITSTATUS(status) == MET_BY_CARRIER))
                fail_msg("%s: status %d", at, status);
            assert_true(check_acks(s, dir) > 0);
        }
        assert_int_equal(status, 0);
    }
}
#endif
