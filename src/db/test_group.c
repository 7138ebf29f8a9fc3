#include "base/test.h"
#include "db/queue.h"

#include <pthread.h>
#include <unistd.h>

#define MOST 8 /* writes of a case */

/* SQLite's writes share a commit: what becomes of the others when one fails. */

SQL(group_add, "INSERT INTO name (text, folded) VALUES ($1, $1) RETURNING id");
SQL(group_find, "SELECT id FROM name WHERE text = $1");
SQL(group_all, "SELECT COUNT(*) FROM name");
SQL(group_same, "UPDATE name SET folded = folded WHERE text = $1");
SQL(group_total, "INSERT INTO counter (kind, key, lane, value) VALUES ($1, $2, $3, $4) "
                 "ON CONFLICT (kind, key, lane) DO UPDATE SET value = counter.value + $4");
SQL(group_total_of, "SELECT COALESCE(SUM(value), 0) FROM counter WHERE kind = 'group'");

/** What a write does. */
enum deed {
    ADDS,            /* a name of its own */
    FAILS,           /* having added it */
    FAILS_AGAIN,     /* when it is run a second time */
    FINDS_NOTHING,   /* and fails without having changed anything */
    CHANGES_NOTHING, /* by an UPDATE without rows, and fails */
    CLASHES,         /* adds a name that is there */
    ADDS_AND_CLASHES,
    CLASHES_WITH_1, /* with the name that the first one adds, and looks for it when it is told */
    TAKES_TIME,     /* and adds a name */
};

struct one {
    pthread_t thread;
    struct db *db;
    enum deed deed;
    int number, runs, told;
    int64_t id;
    enum err result;
    size_t problems;   /* that its scope has at the end */
    bool sees;         /* what it clashed with is on disk */
    bool says_of_past; /* its scope has an error, though it succeeded */
};

static const char *
name_of(struct scope *s, int number)
{
    return arena_printf(s->arena, "name %d", number);
}

static enum err
add_name(struct scope *s, struct tx *tx, struct one *one)
{
    struct row row;

    TRY(tx_one(s, tx, &group_add, BIND(v_text(name_of(s, one->number))), &row));
    one->id = row_int(&row);
    return tx_sum(s, tx, &group_total, "group", 1, 1);
}

static enum err
do_in(struct scope *s, struct tx *tx, void *arg)
{
    struct one *one = arg;
    struct row row;
    int64_t changed;

    one->runs++;
    problem(s, "field", CHY_NONE, "run %d", one->runs);
    switch (one->deed) {
    case ADDS:
        TRY(add_name(s, tx, one));
        return OK;
    case FAILS:
        TRY(add_name(s, tx, one));
        return fail(s, E_FORBIDDEN, "told to fail");
    case FAILS_AGAIN:
        TRY(add_name(s, tx, one));
        return one->runs > 1 ? fail(s, E_LIMIT, "told to fail") : OK;
    case FINDS_NOTHING:
        return tx_one(s, tx, &group_find, BIND(v_text("nobody")), &row);
    case CHANGES_NOTHING:
        TRY(tx_count(s, tx, &group_same, BIND(v_text("nobody")), &changed));
        return fail(s, E_CONFLICT, "%d", (int)changed);
    case ADDS_AND_CLASHES:
        TRY(add_name(s, tx, one));
        break;
    case CLASHES_WITH_1:
        return tx_do(s, tx, &group_add, BIND(v_text(name_of(s, 1))));
    case TAKES_TIME:
        (void)usleep(50000);
        return add_name(s, tx, one);
    case CLASHES:
        break;
    }
    return tx_do(s, tx, &group_add, BIND(v_text("there")));
}

static void
tell(struct scope *s UNUSED, void *const *args, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((struct one *)args[i])->told++;
}

static void *
write_one(void *arg)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct one *one = arg;

    one->result = db_write_then(s, one->db, do_in, one, tell);
    one->problems = s->problems.count;
    one->says_of_past = one->result == OK && s->error.kind != OK;
    if (one->deed == CLASHES_WITH_1) {
        AUTO(scope_free) struct scope *now = scope_new("test");
        struct row row;

        one->sees = db_one(now, one->db, &group_find, BIND(v_text(name_of(now, 1))), &row) == OK;
    }
    return NULL;
}

static void
wait_for_depth(double depth)
{
    for (int i = 0; i < 20000 && queue_depth() < depth; i++)
        (void)usleep(500);
    assert_true(queue_depth() >= depth);
}

struct gate {
    struct db *db;
    pthread_barrier_t begun, open;
    bool opened;
};

/** Holds the lane until everybody is in the queue. */
static enum err
gate_in(struct scope *s, struct tx *tx, void *arg)
{
    struct gate *gate = arg;

    if (!gate->opened) {
        (void)pthread_barrier_wait(&gate->begun);
        (void)pthread_barrier_wait(&gate->open);
    }
    gate->opened = true;
    return tx_do(s, tx, &group_same, BIND(v_text("there")));
}

static void *
hold(void *arg)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct gate *gate = arg;

    return db_write(s, gate->db, gate_in, gate) == OK ? gate : NULL;
}

/** Have all of ONES in the queue, in their order, before the lane takes the first. */
static void
write_all(struct db *db, struct one *ones, int count)
{
    struct gate gate = { .db = db };
    pthread_t holder;
    void *held;

    assert_int_equal(pthread_barrier_init(&gate.begun, NULL, 2), 0);
    assert_int_equal(pthread_barrier_init(&gate.open, NULL, 2), 0);
    assert_int_equal(pthread_create(&holder, NULL, hold, &gate), 0);
    (void)pthread_barrier_wait(&gate.begun);
    (void)usleep(30000); /* longer than a commit waits for others: the gate has one of its own */
    for (int i = 0; i < count; i++) {
        ones[i].db = db;
        if (!ones[i].number)
            ones[i].number = i + 1;
        assert_int_equal(pthread_create(&ones[i].thread, NULL, write_one, &ones[i]), 0);
        wait_for_depth(i + 1);
    }
    (void)pthread_barrier_wait(&gate.open);
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_join(ones[i].thread, NULL), 0);
    assert_int_equal(pthread_join(holder, &held), 0);
    assert_non_null(held);
    (void)pthread_barrier_destroy(&gate.begun);
    (void)pthread_barrier_destroy(&gate.open);
}

static void
check_one(struct scope *s, struct db *db, const struct one *one, enum err want, int runs)
{
    struct row row;

    assert_int_equal(one->result, want);
    assert_int_equal(one->runs, runs);
    assert_int_equal(one->told, want == OK);
    assert_int_equal(one->problems, 1); /* of the last run */
    assert_false(one->says_of_past);
    if (want != OK) {
        assert_err(E_NOT_FOUND,
                   db_one(s, db, &group_find, BIND(v_text(name_of(s, one->number))), &row));
        return;
    }
    assert_ok(s, db_one(s, db, &group_find, BIND(v_text(name_of(s, one->number))), &row));
    assert_int_equal(row_int(&row), one->id);
}

static enum err
first_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    return tx_do(s, tx, &group_add, BIND(v_text("there")));
}

TEST(a_write_that_fails_takes_none_of_its_commit_with_it)
{
    static const struct {
        struct {
            enum deed deed;
            enum err want;
            int runs;
        } writes[MOST];
        int count;
    } cases[] = {
        { { { ADDS, OK, 1 }, { ADDS, OK, 1 } }, 2 },
        { { { FAILS, E_FORBIDDEN, 1 } }, 1 }, /* there is nobody else */
        { { { FAILS, E_FORBIDDEN, 1 }, { ADDS, OK, 1 }, { ADDS, OK, 1 } }, 3 },
        { { { ADDS, OK, 2 }, { ADDS, OK, 2 }, { FAILS, E_FORBIDDEN, 1 }, { ADDS, OK, 1 } }, 4 },
        { { { ADDS, OK, 2 }, { ADDS_AND_CLASHES, E_CONFLICT, 1 }, { ADDS, OK, 1 } }, 3 },
        /* what changed nothing costs the others nothing */
        { { { ADDS, OK, 1 },
            { FINDS_NOTHING, E_NOT_FOUND, 1 },
            { CHANGES_NOTHING, E_CONFLICT, 1 },
            { CLASHES, E_CONFLICT, 1 },
            { ADDS, OK, 1 } },
          5 },
        /* after the first, each can be undone by itself */
        { { { ADDS, OK, 2 },
            { FAILS, E_FORBIDDEN, 1 },
            { ADDS, OK, 1 },
            { FAILS, E_FORBIDDEN, 1 },
            { ADDS_AND_CLASHES, E_CONFLICT, 1 },
            { ADDS, OK, 1 } },
          6 },
        { { { ADDS, OK, 2 },
            { FAILS_AGAIN, E_LIMIT, 2 },
            { ADDS, OK, 2 },
            { FAILS, E_FORBIDDEN, 1 } },
          4 },
        { { { FAILS_AGAIN, E_LIMIT, 2 }, { FAILS, E_FORBIDDEN, 1 } }, 2 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(db_close) struct db *db = NULL;
        const char *url = arena_printf(s->arena, "sqlite:%s/group%zu.db", test_dir(), i);
        struct one ones[MOST] = { { .runs = 0 } };
        int added = 0;
        struct row row;

        assert_ok(s, db_open(s, url, &(struct db_options){ .readers = 2 }, &db));
        assert_ok(s, db_write(s, db, first_in, NULL));
        for (int k = 0; k < cases[i].count; k++)
            ones[k].deed = cases[i].writes[k].deed;
        write_all(db, ones, cases[i].count);
        for (int k = 0; k < cases[i].count; k++) {
            check_one(s, db, &ones[k], cases[i].writes[k].want, cases[i].writes[k].runs);
            added += cases[i].writes[k].want == OK;
        }
        assert_ok(s, db_one(s, db, &group_all, BIND_NONE, &row));
        assert_int_equal(row_int(&row), 1 + added);
        assert_ok(s, db_one(s, db, &group_total_of, BIND_NONE, &row));
        assert_int_equal(row_int(&row), added);
    }
}

TEST(while_writes_fail_each_is_undone_by_itself)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    const char *url = arena_printf(s->arena, "sqlite:%s/careful.db", test_dir());
    struct one first[] = { { .deed = ADDS }, { .deed = FAILS } };
    struct one later[] = { { .deed = ADDS, .number = 11 },
                           { .deed = FAILS, .number = 12 },
                           { .deed = ADDS, .number = 13 } };

    assert_ok(s, db_open(s, url, &(struct db_options){ .readers = 2 }, &db));
    assert_ok(s, db_write(s, db, first_in, NULL));
    write_all(db, first, COUNT(first));
    assert_int_equal(first[0].runs, 2);
    write_all(db, later, COUNT(later)); /* another commit */
    for (size_t i = 0; i < COUNT(later); i++)
        check_one(s, db, &later[i], i == 1 ? E_FORBIDDEN : OK, 1);
}

TEST(who_fails_because_of_another_is_told_when_that_one_is_on_disk)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    const char *url = arena_printf(s->arena, "sqlite:%s/because.db", test_dir());
    struct one ones[] = { { .deed = ADDS }, { .deed = CLASHES_WITH_1 }, { .deed = TAKES_TIME } };

    assert_ok(s, db_open(s, url, &(struct db_options){ .readers = 2 }, &db));
    assert_ok(s, db_write(s, db, first_in, NULL));
    write_all(db, ones, COUNT(ones));
    assert_int_equal(ones[0].result, OK);
    assert_int_equal(ones[1].result, E_CONFLICT);
    assert_true(ones[1].sees);
}
