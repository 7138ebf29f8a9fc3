#include "base/test.h"
#include "db/migrate.h"
#include "db/test_pg.h"
#include "db/test_sample.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 12
#define ROUNDS 40

SQL(sample_get, "SELECT i, r, t, b FROM sample WHERE id = $1");
SQL(sample_count, "SELECT COUNT(*), SUM(i), MAX(i) FROM sample");
SQL(sample_texts, "SELECT t FROM sample ORDER BY t NULLS LAST, id");
SQL(sample_put, "INSERT INTO sample (i, t) VALUES ($1, $2)");
SQL(sample_set, "UPDATE sample SET i = $1 WHERE id = $2");
SQL(sample_lock, "SELECT i FROM sample WHERE id = $1 @lock");
SQL(sample_find, "SELECT id FROM sample WHERE @contains(t, $1) ORDER BY id");

static void
check_sample(struct scope *s, struct db *db, const struct sample *x)
{
    struct row row;

    assert_ok(s, db_one(s, db, &sample_get, BIND(v_int(x->id)), &row));
    assert_int_equal(row_null(&row), x->null);
    assert_int_equal(row_int(&row), x->null ? 0 : x->i);
    assert_int_equal(row_null(&row), x->null);
    assert_true(row_real(&row) == (x->null ? 0 : x->r));
    assert_true(text_eq(row_text(&row), x->t));
    struct bytes b = row_bytes(&row);
    assert_int_equal(b.data == NULL, x->b.data == NULL);
    assert_true(bytes_eq(b, x->b));
}

static void
round_trip(struct scope *s, struct db *db)
{
    static const uint8_t all[] = { 0, 1, 39, 92, 127, 128, 255, 0 };
    struct sample samples[] = {
        { .null = true },
        { .i = 0, .r = 0, .t = "", .b = { all, 0 } },
        { .i = INT64_MAX,
          .r = 1e300,
          .t = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91'\"\\",
          .b = { all, sizeof(all) } },
        { .i = INT64_MIN, .r = -0.1, .t = "Z", .b = { all, 1 } },
        { .i = -1, .r = 5, .t = "a" },
    };
    static const char *const order[] = { "", "Z", "a", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91'\"\\",
                                         NULL };
    struct rows rows;

    for (size_t i = 0; i < COUNT(samples); i++) {
        assert_ok(s, db_write(s, db, add_in, &samples[i]));
        check_sample(s, db, &samples[i]);
    }
    assert_ok(s, db_all(s, db, &sample_texts, BIND_NONE, &rows));
    assert_int_equal(rows.count, COUNT(order));
    for (size_t i = 0; i < rows.count; i++)
        assert_true(text_eq(row_text(&rows.at[i]), order[i]));
    assert_ok(s, db_all(s, db, &sample_find, BIND(v_text("\xe2\x82\xac")), &rows));
    assert_int_equal(rows.count, 1);
}

TEST(values_of_all_types_come_back_as_they_were)
{
    on_both(round_trip);
}

static int64_t
count_of(struct scope *s, struct db *db)
{
    struct row row;

    assert_ok(s, db_one(s, db, &sample_count, BIND_NONE, &row));
    return row_int(&row);
}

static void
failing_write(struct scope *s, struct db *db)
{
    struct sample a = { .t = "a" }, b = { .t = "b", .fail = E_FORBIDDEN }, again = { .t = "a" };
    struct row row;
    enum err e;

    assert_ok(s, db_write(s, db, add_in, &a));
    assert_err(E_FORBIDDEN, db_write(s, db, add_in, &b));
    assert_says(s, "told to fail");
    assert_int_equal(count_of(s, db), 1);
    e = db_write(s, db, add_in, &again);
    assert_int_equal(e, E_CONFLICT);
    assert_true(db_is_unique_conflict(s, e));
    assert_int_equal(count_of(s, db), 1);
    assert_err(E_NOT_FOUND, db_one(s, db, &sample_get, BIND(v_int(99)), &row));
    assert_err(E_INTERNAL, db_one(s, db, &sample_get, BIND_NONE, &row));
    assert_ok(s, db_one(s, db, &sample_count, BIND_NONE, &row)); /* and nothing else is spoilt */
    assert_int_equal(row_int(&row), 1);
    assert_int_equal(row_int(&row), 0);
}

TEST(a_write_that_fails_leaves_nothing_behind)
{
    on_both(failing_write);
}

static enum err
swallow_in(struct scope *s, struct tx *tx, void *arg)
{
    struct sample *x = arg;
    struct sample same = { .t = x->t };

    TRY(add_in(s, tx, x));
    if (add_in(s, tx, &same) == OK)
        return fail(s, E_INTERNAL, "added twice");
    return OK; /* which is wrong of it */
}

static void
swallowed(struct scope *s, struct db *db)
{
    struct sample x = { .t = "x" };

    assert_err(E_CONFLICT, db_write(s, db, swallow_in, &x));
    assert_int_equal(count_of(s, db), 0);
}

TEST(a_write_that_hides_a_failed_statement_fails_all_the_same)
{
    on_both(swallowed);
}

static enum err
many_in(struct scope *s, struct tx *tx, void *arg)
{
    int64_t clash = *(int64_t *)arg; /* the number that is given twice; 0: none */

    for (int64_t i = 1; i <= 100; i++) {
        int64_t n = i == 60 && clash ? clash : i;

        TRY(tx_do(s, tx, &sample_put,
                  BIND(v_int(n), v_text(arena_printf(s->arena, "%d", (int)n)))));
    }
    for (int i = 0; i < 60; i++) { /* more texts than a connection remembers */
        struct rows rows;

        TRY(tx_query(s, tx, arena_printf(s->arena, "SELECT %d + COUNT(*) FROM sample", i),
                     BIND_NONE, &rows));
        assert_int_equal(row_int(&rows.at[0]), i + 100);
    }
    return OK;
}

static void
many_statements(struct scope *s, struct db *db)
{
    int64_t clashes[] = { 59, 0 };
    enum err e = db_write(s, db, many_in, &clashes[0]);

    assert_true(db_is_unique_conflict(s, e));
    assert_int_equal(count_of(s, db), 0);
    assert_ok(s, db_write(s, db, many_in, &clashes[1]));
    assert_int_equal(count_of(s, db), 100);
}

TEST(a_write_of_many_statements_is_all_or_nothing)
{
    on_both(many_statements);
}

static enum err
last_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    return tx_do(s, tx, &sample_put, BIND(v_int(1), v_text("same")));
}

static void
last_statement(struct scope *s, struct db *db)
{
    enum err e;

    assert_ok(s, db_write(s, db, last_in, NULL));
    e = db_write(s, db, last_in, NULL);
    assert_true(db_is_unique_conflict(s, e)); /* though nothing waited for it */
    assert_int_equal(count_of(s, db), 1);
}

TEST(a_last_statement_that_fails_fails_the_write)
{
    on_both(last_statement);
}

struct worker {
    pthread_t thread;
    struct db *db;
    int number, added, told;
};

struct telling {
    struct sample x; /* what add_in() takes */
    struct worker *worker;
};

/** Once for each write that was committed, and before it is answered. */
static void
tell(struct scope *s, void *const *args, size_t count)
{
    assert_non_null(s->arena);
    for (size_t i = 0; i < count; i++) {
        const struct telling *t = args[i];

        assert_int_equal(t->x.fail, OK);
        t->worker->told++;
    }
}

static void *
work(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < ROUNDS; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct telling t = { .x = { .i = 1, .t = arena_printf(s->arena, "%d/%d", w->number, i) },
                             .worker = w };

        t.x.fail = i % 5 == 4 ? E_FORBIDDEN : OK;
        if (db_write_then(s, w->db, add_in, &t, i % 3 ? tell : NULL) != t.x.fail)
            return NULL;
        w->added += t.x.fail == OK;
        if (i % 3 == 0)
            w->told += t.x.fail == OK;
        if (w->told != w->added)
            return NULL;
    }
    return w;
}

static void
many_threads(struct scope *s, struct db *db)
{
    struct worker workers[THREADS];
    struct row row;
    int added = 0;

    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .db = db, .number = i };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *done;

        assert_int_equal(pthread_join(workers[i].thread, &done), 0);
        assert_non_null(done);
        added += workers[i].added;
    }
    assert_int_equal(added, THREADS * ROUNDS * 4 / 5);
    assert_ok(s, db_one(s, db, &sample_count, BIND_NONE, &row));
    assert_int_equal(row_int(&row), added);
    assert_int_equal(row_int(&row), added); /* a sum is a number on both engines */
    assert_int_equal(row_int(&row), 1);
}

TEST(many_threads_write_and_the_failures_of_some_do_not_touch_the_others)
{
    on_both(many_threads);
}

static enum err
nothing_in(struct scope *s UNUSED, struct tx *tx UNUSED, void *arg UNUSED)
{
    return OK;
}

/* A write that has its lane until it is let go. */
struct held {
    struct db *db;
    pthread_barrier_t begun, over;
};

static enum err
held_in(struct scope *s UNUSED, struct tx *tx UNUSED, void *arg)
{
    struct held *held = arg;

    (void)pthread_barrier_wait(&held->begun);
    (void)pthread_barrier_wait(&held->over);
    return OK;
}

static void *
write_held(void *arg)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct held *held = arg;

    return db_write(s, held->db, held_in, held) == OK ? arg : NULL;
}

TEST(a_write_waits_for_its_lane_no_longer_than_its_deadline)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    struct held held = { 0 };
    pthread_t other;
    void *done;

    assert_ok(s, db_open(s, fresh_url(s, DB_SQLITE), NULL, &db));
    held.db = db;
    assert_int_equal(pthread_barrier_init(&held.begun, NULL, 2), 0);
    assert_int_equal(pthread_barrier_init(&held.over, NULL, 2), 0);
    assert_int_equal(pthread_create(&other, NULL, write_held, &held), 0);
    (void)pthread_barrier_wait(&held.begun);
    scope_deadline_in(s, 50);
    assert_err(E_TIMEOUT, db_write(s, db, nothing_in, NULL));
    (void)pthread_barrier_wait(&held.over);
    assert_int_equal(pthread_join(other, &done), 0);
    assert_non_null(done);
    (void)pthread_barrier_destroy(&held.begun);
    (void)pthread_barrier_destroy(&held.over);
}

/* Two writes that lock two rows in opposite order: one of them runs again. */
struct crossing {
    int64_t first, second;
    pthread_barrier_t *met; /* both have their first row; NULL: one lane, where they cannot meet */
    int runs;
};

static enum err
cross_in(struct scope *s, struct tx *tx, void *arg)
{
    struct crossing *x = arg;
    struct row row;

    x->runs++;
    TRY(tx_one(s, tx, &sample_lock, BIND(v_int(x->first)), &row));
    if (x->met && x->runs == 1)
        (void)pthread_barrier_wait(x->met);
    TRY(tx_one(s, tx, &sample_lock, BIND(v_int(x->second)), &row));
    return tx_do(s, tx, &sample_set, BIND(v_int(row_int(&row) + 1), v_int(x->second)));
}

struct crossing_thread {
    struct db *db;
    struct crossing x;
};

static void *
cross(void *arg)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct crossing_thread *c = arg;

    return db_write(s, c->db, cross_in, &c->x) == OK ? arg : NULL;
}

static void
crossing(struct scope *s, struct db *db)
{
    struct sample a = { .i = 10, .t = "a" }, b = { .i = 20, .t = "b" };
    bool lanes = db_kind(db) == DB_POSTGRES;
    struct crossing_thread one, two;
    pthread_barrier_t met;
    pthread_t thread;
    struct row row;
    void *done;

    assert_ok(s, db_write(s, db, add_in, &a));
    assert_ok(s, db_write(s, db, add_in, &b));
    assert_int_equal(pthread_barrier_init(&met, NULL, 2), 0);
    one = (struct crossing_thread){ db, { a.id, b.id, lanes ? &met : NULL, 0 } };
    two = (struct crossing_thread){ db, { b.id, a.id, lanes ? &met : NULL, 0 } };
    assert_int_equal(pthread_create(&thread, NULL, cross, &one), 0);
    assert_non_null(cross(&two));
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_non_null(done);
    (void)pthread_barrier_destroy(&met);
    if (lanes) /* the database ends one of them, at worst both */
        assert_in_range(one.x.runs + two.x.runs, 3, 6);
    else
        assert_int_equal(one.x.runs + two.x.runs, 2);
    assert_ok(s, db_one(s, db, &sample_count, BIND_NONE, &row));
    assert_int_equal((row_int(&row), row_int(&row)), 32);
}

TEST(writes_that_lock_each_other_out_run_again)
{
    on_both(crossing);
}

static enum err
lane_in(struct scope *s UNUSED, struct tx *tx, void *arg)
{
    *(int *)arg = tx_lane(tx);
    return OK;
}

TEST(lanes_of_two_servers_have_numbers_of_their_own)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *one = NULL, *two = NULL;
    struct db_options o = { .lanes = 1 };
    const char *url = fresh_url(s, DB_POSTGRES);
    int first = 0, second = 0;

    if (!url)
        skip();
    assert_ok(s, db_open(s, url, &o, &one));
    assert_ok(s, db_write(s, one, lane_in, &first));
    assert_ok(s, db_open(s, url, &o, &two));
    assert_ok(s, db_write(s, two, lane_in, &second));
    assert_int_equal(first, 1);
    assert_int_equal(second, 2);
}

TEST(a_server_that_was_away_is_found_again)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    const char *url = fresh_url(s, DB_POSTGRES);
    struct row row;
    enum err e = OK;

    if (!url)
        skip();
    assert_ok(s, db_open(s, url, NULL, &db));
    assert_ok(s, db_check(s, db));
    test_pg_kill();
    assert_err(E_UNAVAILABLE, db_check(s, db));
    assert_int_equal(s->error.code, CHY_DB_UNAVAILABLE);
    assert_err(E_UNAVAILABLE, db_one(s, db, &sample_count, BIND_NONE, &row));
    test_pg_start();
    for (int i = 0; i < 100 && (i == 0 || e != OK); i++) {
        e = db_check(s, db);
        (void)usleep(100000);
    }
    assert_int_equal(e, OK);
}

static void
schema(struct scope *s, enum db_kind kind)
{
    const char *url = fresh_url(s, kind);
    AUTO(db_close) struct db *db = NULL, *again = NULL, *older = NULL;
    static const struct migration later[] = { { "900_later.sql",
                                                "-- oldest_program: 900\n"
                                                "CREATE TABLE later (id @id);\n" } };
    static const struct migration between[] = {
        { "899_between.sql", "CREATE TABLE between_them (id @id);\n" },
        { "900_later.sql", "CREATE TABLE later (id @id);\n" }
    };
    struct conn *c = NULL;

    if (!url)
        return;
    assert_ok(s, db_open(s, url, NULL, &db));
    assert_ok(s, db_check(s, db));
    assert_ok(s, db_open(s, url, NULL, &again));
    assert_ok(s, db_check(s, again));
    assert_ok(s, db->engine->connect(s, db, true, &c));
    assert_ok(s, migrate(s, c, later, 1));
    assert_ok(s, migrate(s, c, later, 1));   /* once is enough */
    assert_ok(s, migrate(s, c, between, 2)); /* a number that was left out comes after it */
    assert_ok(s, migrate(s, c, between, 2));
    c->engine->disconnect(c);
    assert_err(E_CONFLICT, db_open(s, url, NULL, &older));
    assert_int_equal(s->error.code, CHY_DB_NEWER);
}

TEST(the_schema_is_made_once_and_an_older_program_refuses_a_newer_one)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    schema(s, DB_SQLITE);
    schema(s, DB_POSTGRES);
}

static void
all_statements(struct scope *s, struct db *db)
{
    assert_err(E_INVALID, db_prepare_all(s, db)); /* this one lacks the tables of the product */
}

TEST(statements_are_checked_against_the_schema)
{
    on_both(all_statements);
    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(db_close) struct db *db = NULL;
        const char *url = fresh_url(s, (enum db_kind)kind);

        if (!url)
            continue;
        assert_ok(s, db_open(s, url, NULL, &db));
        assert_ok(s, db_write(s, db, make_sample, NULL));
        assert_ok(s, db_prepare_all(s, db));
    }
}

TEST(addresses_that_name_no_database_are_refused)
{
    static const struct {
        const char *url;
        enum err want;
    } cases[] = {
        { "mysql://x", E_INVALID },
        { "sqlite:", E_INVALID },
        { "sqlite::memory:", E_INVALID },
        { "", E_INVALID },
        { "sqlite:/nonexistent/dir/x.db", E_UNAVAILABLE },
        { "postgresql://127.0.0.1:1/x", E_UNAVAILABLE },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct db *db = NULL;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_err(cases[i].want, db_open(s, cases[i].url, NULL, &db));
        assert_null(db);
    }
}

TEST(what_is_wrong_with_an_address_is_said_without_its_password)
{
    static const char *const addresses[] = {
        "postgresql://u:pA5%zz@127.0.0.1:1/x",     /* no such escape */
        "postgresql://u:pA5/5@127.0.0.1:1/x",      /* the path would begin in the password */
        "postgresql://u:5@pA5@127.0.0.1:1/x",      /* the host */
        "postgresql://u:1/5@pA5@127.0.0.1/x",      /* the name */
        "postgresql://u:pA5/x",                    /* the port */
        "postgresql://u:5@127.0.0.1:1/x?secre=pA5" /* a word that libpq does not know */
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct db *db = NULL;

    for (size_t i = 0; i < COUNT(addresses); i++) {
        assert_err(E_INVALID, db_open(s, addresses[i], NULL, &db));
        assert_says(s, "USER:PASSWORD@HOST");
        assert_null(strstr(s->error.text, "pA5"));
    }
    assert_err(E_UNAVAILABLE,
               db_open(s, "postgresql://u:pA5%40?@127.0.0.1:1,[::1]:1/x", NULL, &db));
    assert_null(strstr(s->error.text, "pA5"));
}

TEST(a_database_file_is_for_its_owner_alone)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    const char *url = fresh_url(s, DB_SQLITE), *path = url + strlen("sqlite:");
    static const char *const suffixes[] = { "", "-wal" };
    struct stat st;

    assert_ok(s, db_open(s, url, NULL, &db));
    assert_ok(s, db_check(s, db));
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        assert_int_equal(stat(arena_printf(s->arena, "%s%s", path, suffixes[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

/* Another program, such as `chancery init` beside a server: write one row and go. */
static int
write_and_go(const char *url, int wait_fd)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct db_options o = { .no_migrate = true };
    struct sample x = { .t = "from outside" };
    struct db *db = NULL;
    char go;

    if (read(wait_fd, &go, 1) != 1 || db_open(s, url, &o, &db) != OK ||
        db_write(s, db, add_in, &x) != OK)
        return 1;
    db_close(db);
    return 0;
}

TEST(a_program_that_comes_and_goes_takes_no_log_away)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *url = fresh_url(s, DB_SQLITE);
    struct db_options o = { .no_migrate = true };
    struct sample x = { .t = "from inside" };
    int ends[2], status = -1;
    struct db *db = NULL;
    struct row row;
    struct rows rows;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork(); /* before there is a thread or a connection */
    if (child == 0)
        _exit(write_and_go(url, ends[0]));
    assert_ok(s, db_open(s, url, &o, &db));
    assert_ok(s, db_write(s, db, make_sample, NULL));
    db_close(db);
    assert_ok(s, db_open(s, url, &o, &db)); /* as at every later start: who reads comes first */
    assert_ok(s, db_one(s, db, &sample_count, BIND_NONE, &row));
    assert_ok(s, db_write(s, db, add_in, &x));
    assert_int_equal(write(ends[1], "g", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    x.t = "from inside again";
    assert_ok(s, db_write(s, db, add_in, &x));
    db_close(db);
    assert_ok(s, db_open(s, url, &o, &db));
    assert_ok(s, db_one(s, db, &sample_count, BIND_NONE, &row));
    assert_int_equal(row_int(&row), 3);
    assert_ok(s, db_query(s, db, "PRAGMA integrity_check", BIND_NONE, &rows));
    assert_string_equal(row_text(&rows.at[0]), "ok");
    db_close(db);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static enum err
grow_in(struct scope *s, struct tx *tx, void *arg)
{
    struct rows rows;

    return tx_query(s, tx,
                    "INSERT INTO sample (i, t) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT "
                    "i + 1 FROM n WHERE i < 500) SELECT $1, $1 || hex(randomblob(400)) FROM n",
                    BIND(v_int(*(int64_t *)arg)), &rows);
}

/** What a reader sees: so many rows, the last of them made in ROUND. */
static void
check_grown(struct scope *s, struct db *db, int64_t count, int64_t round)
{
    struct row row;
    struct rows rows;

    assert_ok(s, db_one(s, db, &sample_count, BIND_NONE, &row));
    assert_int_equal(row_int(&row), count);
    assert_ok(s, db_query(s, db, "SELECT COUNT(*), MAX(t) >= $1 FROM sample WHERE i = $2",
                          BIND(v_text(""), v_int(round)), &rows));
    assert_int_equal(row_int(&rows.at[0]), 500);
    assert_ok(s, db_query(s, db, "PRAGMA integrity_check", BIND_NONE, &rows));
    assert_string_equal(row_text(&rows.at[0]), "ok");
}

TEST(a_readers_map_of_the_file_follows_what_others_write_and_cut)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct db_options o = { .no_migrate = true, .readers = 1, .log_pages = 50 };
    const char *url = fresh_url(s, DB_SQLITE);
    struct db *db = NULL;
    sqlite3 *other;

    assert_ok(s, db_open(s, url, &o, &db));
    assert_ok(s, db_write(s, db, make_sample, NULL));
    for (int64_t round = 1; round <= 12; round++) { /* carried over into the file at each */
        assert_ok(s, db_write(s, db, grow_in, &round));
        check_grown(s, db, 500 * round, round);
    }
    assert_int_equal(sqlite3_open(url + strlen("sqlite:"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other,
                                  "PRAGMA busy_timeout = 10000; DELETE FROM sample WHERE i < 12;"
                                  "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    check_grown(s, db, 500, 12);
    assert_int_equal(sqlite3_exec(other, "UPDATE sample SET t = 'z' || t", NULL, NULL, NULL),
                     SQLITE_OK);
    (void)sqlite3_close(other);
    check_grown(s, db, 500, 12);
    for (int64_t round = 13; round <= 16; round++) {
        assert_ok(s, db_write(s, db, grow_in, &round));
        check_grown(s, db, 500 * (round - 11), round);
    }
    db_close(db);
}
