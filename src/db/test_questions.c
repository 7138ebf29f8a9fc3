/* Questions: several that belong together, taken row by row, and their deadline. */
#include "base/test.h"
#include "db/test_sample.h"

#include <pthread.h>
#include <string.h>

#define THREADS 12
#define ROUNDS 40

SQL(view_get, "SELECT i FROM sample WHERE id = $1");
SQL(view_set, "UPDATE sample SET i = $1 WHERE id = $2");

static enum err
take_three(struct scope *s, struct row *row, void *arg)
{
    int *left = arg;

    if (row_int(row) < 0)
        return fail(s, E_INTERNAL, "negative");
    return --*left == 0 ? fail(s, E_LIMIT, "enough") : OK;
}

static const char a_million[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                "WHERE i < 1000000) SELECT i FROM n";

static void
row_by_row(struct scope *s, struct db *db)
{
    int left = 3;
    struct rows rows;

    assert_err(E_LIMIT, db_each(s, db, a_million, BIND_NONE, take_three, &left));
    assert_int_equal(left, 0);
    assert_ok(s, db_query(s, db, "SELECT CAST($1 AS @int) + 1", BIND(v_int(41)), &rows));
    assert_int_equal(row_int(&rows.at[0]), 42);
}

TEST(rows_can_be_taken_one_by_one_until_enough)
{
    on_both(row_by_row);
}

/* What one question said, and another one after somebody wrote between them. */
struct viewing {
    struct db *db;
    int64_t id, before, after;
    enum err then; /* what the view ends with */
};

static enum err
read_i(struct scope *s, const struct viewing *v, int64_t *out)
{
    struct row row;

    TRY(db_one(s, v->db, &view_get, BIND(v_int(v->id)), &row));
    *out = row_int(&row);
    return OK;
}

struct setting {
    int64_t id, to;
};

static enum err
set_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct setting *set = arg;

    return tx_do(s, tx, &view_set, BIND(v_int(set->to), v_int(set->id)));
}

static void *
set_elsewhere(void *arg)
{
    const struct viewing *v = arg;
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct setting set = { v->id, v->before + 1 };

    assert_ok(s, db_write(s, v->db, set_in, &set));
    return NULL;
}

static enum err
look_twice(struct scope *s, void *arg)
{
    struct viewing *v = arg;
    pthread_t thread;

    TRY(read_i(s, v, &v->before));
    assert_int_equal(pthread_create(&thread, NULL, set_elsewhere, v), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    TRY(read_i(s, v, &v->after));
    return v->then ? fail(s, v->then, "as told") : OK;
}

static enum err
look_inside(struct scope *s, void *arg)
{
    struct viewing *v = arg;

    return db_together(s, v->db, look_twice, v);
}

static void
check_views(struct scope *s, struct db *db)
{
    int64_t seen_later = db_kind(db) == DB_POSTGRES;
    struct viewing v = { .db = db };
    struct sample x = { .i = 7, .t = "a" };
    int64_t now = -1;

    assert_ok(s, db_write(s, db, add_in, &x));
    v.id = x.id;
    for (int i = 0; i < 10; i++) { /* more than there are readers */
        v.then = i % 3 == 2 ? E_CONFLICT : OK;
        if (v.then) {
            assert_err(E_CONFLICT, db_together(s, db, look_twice, &v));
            scope_clear(s);
        } else {
            assert_ok(s, db_together(s, db, i % 2 ? look_inside : look_twice, &v));
        }
        assert_int_equal(v.after, v.before + seen_later);
        assert_ok(s, read_i(s, &v, &now));
        assert_int_equal(now, v.before + 1);
    }
}

TEST(questions_of_one_view_see_the_same_state_on_sqlite)
{
    on_both(check_views);
}

#define MANY 5

static void
ask_many(struct scope *s, struct db *db, int64_t from)
{
    struct db_question all[MANY] = { 0 };
    struct value values[MANY];

    for (int64_t i = 0; i < MANY; i++) {
        values[i] = v_int(from + i);
        all[i].text = i % 2 ? "SELECT CAST($1 AS @int) + 1" : "SELECT CAST($1 AS @int)";
        all[i].values = (struct values){ &values[i], 1 };
    }
    assert_ok(s, db_query_many(s, db, all, MANY));
    for (int64_t i = 0; i < MANY; i++) {
        assert_int_equal(all[i].rows.count, 1);
        assert_int_equal(row_int(&all[i].rows.at[0]), from + i + i % 2);
    }
    assert_ok(s, db_query_many(s, db, all, 1));
    assert_ok(s, db_query_many(s, db, all, 0));
}

static void *
ask_many_often(void *db)
{
    for (int64_t i = 0; i < ROUNDS; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        ask_many(s, db, i);
    }
    return NULL;
}

static void
many_questions(struct scope *s, struct db *db)
{
    struct db_question bad[] = { { .text = "SELECT 1" },
                                 { .text = "SELECT one FROM nowhere" },
                                 { .text = "SELECT 3" },
                                 { .text = "SELECT one FROM elsewhere" } };
    pthread_t threads[THREADS];

    ask_many(s, db, 0);
    assert_err(E_INTERNAL, db_query_many(s, db, bad, COUNT(bad)));
    assert_non_null(strstr(s->error.text, "nowhere"));
    scope_clear(s);
    ask_many(s, db, 100);                /* no connection has an answer left that nobody read */
    for (size_t i = 0; i < THREADS; i++) /* three times as many as there are connections */
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many_often, db), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

TEST(questions_asked_together_are_answered_each_and_the_first_failure_is_told)
{
    on_both(many_questions);
}

static void
together(struct scope *s, struct db *db)
{
    struct db_question slow[] = { { .text = "SELECT pg_sleep(0.5)" },
                                  { .text = "SELECT pg_sleep(0.5)" } };
    int64_t since = clock_mono_ms();

    if (db_kind(db) != DB_POSTGRES)
        return;
    assert_ok(s, db_query(s, db, "SELECT pg_sleep(0)", BIND_NONE, &slow[0].rows));
    assert_ok(s, db_query_many(s, db, slow, COUNT(slow)));
    since = clock_mono_ms() - since;
    assert_true(since >= 500 && since < 950);
}

TEST(postgresql_works_on_them_at_the_same_time)
{
    on_both(together);
}

static void
deadline(struct scope *s, struct db *db)
{
    AUTO(scope_free) struct scope *hurried = scope_new("test");
    int64_t since = clock_mono_ms();
    struct sample x = { .t = "late" };
    struct rows rows;

    scope_deadline_in(hurried, 50);
    assert_err(E_TIMEOUT,
               db_query(hurried, db,
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                        "SELECT COUNT(*) FROM n",
                        BIND_NONE, &rows));
    assert_true(clock_mono_ms() - since < 5000);
    assert_err(E_TIMEOUT, db_query(hurried, db, "SELECT 1", BIND_NONE, &rows));
    (void)x;
    assert_ok(s, db_query(s, db, "SELECT 1", BIND_NONE, &rows));
}

TEST(a_question_ends_with_its_deadline)
{
    on_both(deadline);
}
