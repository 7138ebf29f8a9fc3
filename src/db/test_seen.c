#include "base/test.h"
#include "db/seen.h"
#include "db/test_pg.h"

#include "base/random.h"
#include <pthread.h>
#include <stdatomic.h>

#define MANY 25000 /* more than are asked for at once */

SQL(seen_add, "INSERT INTO blocked_key (key_hash, source, created_at) VALUES ($1, 'test', 0)");
SQL(seen_there, "SELECT key_hash FROM blocked_key WHERE key_hash > $1 ORDER BY key_hash LIMIT $2");
SQL(seen_empty, "SELECT key_hash FROM ca_key WHERE key_hash > $1 ORDER BY key_hash LIMIT $2");

static struct sql *const from[] = { &seen_empty, &seen_there };

struct hash {
    uint8_t data[32];
};

static struct bytes
bytes_in(struct hash *h)
{
    return (struct bytes){ h->data, sizeof(h->data) };
}

static struct hash
new_hash(void)
{
    struct hash h;

    random_bytes(h.data, sizeof(h.data));
    return h;
}

struct adding {
    struct hash *all;
    size_t count;
    bool told, undone;
};

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct adding *a = arg;

    for (size_t i = 0; i < a->count; i++) {
        if (a->told)
            tx_seen(tx, bytes_in(&a->all[i]));
        TRY(tx_do(s, tx, &seen_add, BIND(v_bytes(bytes_in(&a->all[i])))));
    }
    return a->undone ? fail(s, E_INVALID, "undone") : OK;
}

static struct db *
open_db(struct scope *s)
{
    static int count;
    struct db *db = NULL;

    assert_ok(s, db_open(s, arena_printf(s->arena, "sqlite:%s/seen%d.db", test_dir(), ++count),
                         NULL, &db));
    return db;
}

static void
learn_all(struct scope *s, struct db *db)
{
    bool done = false;

    for (int i = 0; !done; i++) {
        assert_true(i < 1000);
        assert_ok(s, db_learn(s, db, from, COUNT(from), 0, &done));
    }
}

TEST(what_is_there_and_what_comes_is_never_new)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct db *db = open_db(s);
    struct hash *before = arena_alloc(s->arena, MANY * sizeof(*before)), later = new_hash(),
                undone = new_hash();
    struct adding many = { .all = before, .count = MANY };
    size_t fresh = 0;

    for (size_t i = 0; i < MANY; i++)
        before[i] = new_hash();
    assert_ok(s, db_write(s, db, add_in, &many));
    assert_false(db_unseen(db, bytes_in(&later))); /* nothing is known yet */
    learn_all(s, db);
    for (size_t i = 0; i < MANY; i++)
        assert_false(db_unseen(db, bytes_in(&before[i])));
    assert_true(db_unseen(db, bytes_in(&later)));
    assert_ok(s,
              db_write(s, db, add_in, &(struct adding){ .all = &later, .count = 1, .told = true }));
    assert_false(db_unseen(db, bytes_in(&later)));
    assert_err(E_INVALID, db_write(s, db, add_in,
                                   &(struct adding){
                                       .all = &undone, .count = 1, .told = true, .undone = true }));
    assert_false(db_unseen(db, bytes_in(&undone))); /* which costs a question, no more */
    assert_false(db_unseen(db, BYTES("short")));
    for (size_t i = 0; i < 1000; i++) {
        struct hash h = new_hash();

        fresh += db_unseen(db, bytes_in(&h));
    }
    assert_true(fresh > 950);
    db_close(db);
}

struct crowd {
    struct db *db;
    struct hash all[300];
    atomic_size_t count; /* that are committed */
    atomic_bool stop;
};

static void *
write_on(void *arg)
{
    struct crowd *c = arg;

    while (!atomic_load(&c->stop) && c->count < COUNT(c->all)) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        size_t at = atomic_load(&c->count);

        c->all[at] = new_hash();
        assert_ok(s, db_write(s, c->db, add_in,
                              &(struct adding){ .all = &c->all[at], .count = 1, .told = true }));
        atomic_fetch_add(&c->count, 1);
    }
    return NULL;
}

TEST(what_is_written_while_the_rest_is_learned_is_never_new)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (int round = 0; round < 5; round++) {
        struct crowd *c = arena_new_of(s->arena, struct crowd);
        pthread_t writer;

        c->db = open_db(s);
        assert_int_equal(pthread_create(&writer, NULL, write_on, c), 0);
        while (atomic_load(&c->count) < (size_t)round * 10)
            ;
        learn_all(s, c->db);
        for (size_t i = 0, count = atomic_load(&c->count); i < count; i++)
            assert_false(db_unseen(c->db, bytes_in(&c->all[i])));
        atomic_store(&c->stop, true);
        pthread_join(writer, NULL);
        for (size_t i = 0; i < c->count; i++)
            assert_false(db_unseen(c->db, bytes_in(&c->all[i])));
        db_close(c->db);
    }
}

TEST(where_others_write_too_nothing_is_known_to_be_new)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *url = test_pg_url();
    struct hash h = new_hash();
    struct db *db = NULL;

    if (!url)
        return;
    assert_ok(s, db_open(s, url, NULL, &db));
    learn_all(s, db);
    assert_false(db_unseen(db, bytes_in(&h)));
    db_close(db);
}
