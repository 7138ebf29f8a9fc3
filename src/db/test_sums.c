#include "base/test.h"
#include "db/db.h"
#include "db/test_pg.h"

#include <pthread.h>

#define THREADS 8
#define ROUNDS 50

/* The id of a new row, and sums that are told once for all writes of a commit. */

SQL(sample_add,
    "INSERT INTO name (text, folded) VALUES ($1, $1) ON CONFLICT (text) DO NOTHING RETURNING id");
SQL(sample_find, "SELECT id FROM name WHERE text = $1");
SQL(total_up, "INSERT INTO counter (kind, key, lane, value) VALUES ($1, $2, $3, $4) "
              "ON CONFLICT (kind, key, lane) DO UPDATE SET value = counter.value + $4");
SQL(total_of, "SELECT COALESCE(SUM(value), 0) FROM counter WHERE kind = $1 AND key = $2");

static void
on_both(void (*claim)(struct scope *s, struct db *db))
{
    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct db_options o = { .readers = 4 };
        static int count;
        const char *url = kind == DB_POSTGRES
                              ? test_pg_url()
                              : arena_printf(s->arena, "sqlite:%s/sums%d.db", test_dir(), ++count);
        struct db *db = NULL;

        if (!url)
            continue;
        assert_ok(s, db_open(s, url, &o, &db));
        claim(s, db);
        db_close(db);
    }
}

static enum err
ids_in(struct scope *s, struct tx *tx, void *arg)
{
    int64_t *ids = arg;
    struct row row;

    TRY(tx_one(s, tx, &sample_add, BIND(v_text("a")), &row));
    ids[0] = row_int(&row);
    TRY(tx_one(s, tx, &sample_add, BIND(v_text("b")), &row));
    ids[1] = row_int(&row);
    assert_int_equal(tx_one(s, tx, &sample_add, BIND(v_text("a")), &row), E_NOT_FOUND);
    scope_clear(s);
    TRY(tx_do(s, tx, &sample_add, BIND(v_text("c"))));
    return OK;
}

static void
ids(struct scope *s, struct db *db)
{
    int64_t said[2];
    struct row row;

    assert_ok(s, db_write(s, db, ids_in, said));
    for (size_t i = 0; i < COUNT(said); i++) {
        assert_ok(s, db_one(s, db, &sample_find, BIND(v_text(i ? "b" : "a")), &row));
        assert_int_equal(row_int(&row), said[i]);
    }
    assert_int_not_equal(said[0], said[1]);
}

TEST(the_id_of_a_new_row_is_told_and_none_of_a_row_that_was_there)
{
    on_both(ids);
}

struct adder {
    pthread_t thread;
    struct db *db;
};

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    int64_t n = *(int64_t *)arg;

    TRY(tx_sum(s, tx, &total_up, "all", 0, 1));
    TRY(tx_sum(s, tx, &total_up, "of", n % 100, 2));
    TRY(tx_sum(s, tx, &total_up, "all", 0, 1));
    return n % 5 == 0 ? fail(s, E_FORBIDDEN, "told to fail") : OK;
}

static void *
add(void *arg)
{
    struct adder *a = arg;

    for (int64_t n = 0; n < ROUNDS; n++) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        assert_int_equal(db_write(s, a->db, add_in, &n), n % 5 == 0 ? E_FORBIDDEN : OK);
    }
    return NULL;
}

static int64_t
total(struct scope *s, struct db *db, const char *kind, int64_t key)
{
    struct row row;

    assert_ok(s, db_one(s, db, &total_of, BIND(v_text(kind), v_int(key)), &row));
    return row_int(&row);
}

static void
sums(struct scope *s, struct db *db)
{
    struct adder adders[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        adders[i].db = db;
        assert_int_equal(pthread_create(&adders[i].thread, NULL, add, &adders[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(adders[i].thread, NULL), 0);
    assert_int_equal(total(s, db, "all", 0), 2 * THREADS * ROUNDS * 4 / 5);
    for (int64_t n = 0; n < ROUNDS; n++)
        assert_int_equal(total(s, db, "of", n), n % 5 == 0 ? 0 : 2 * THREADS);
}

TEST(sums_of_writes_that_were_committed_are_told_and_no_others)
{
    on_both(sums);
}

static enum err
many_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    for (int64_t round = 0; round < 2; round++)
        for (int64_t n = 0; n < 300; n++)
            TRY(tx_sum(s, tx, &total_up, "many", n, n));
    return OK;
}

static void
many(struct scope *s, struct db *db)
{
    assert_ok(s, db_write(s, db, many_in, NULL));
    for (int64_t n = 0; n < 300; n++)
        assert_int_equal(total(s, db, "many", n), 2 * n);
}

TEST(one_write_may_have_many_sums)
{
    on_both(many);
}
