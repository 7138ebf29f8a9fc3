#include "base/test.h"
#include "db/test_pg.h"
#include "db/watch.h"

SQL(watch_add, "INSERT INTO blocked_key (key_hash, source, created_at) VALUES ($1, 'test', 0)");
SQL(watch_edit, "UPDATE blocked_key SET created_at = created_at + 1 WHERE key_hash = $1");
SQL(watch_drop, "DELETE FROM blocked_key WHERE key_hash = $1");

struct doing {
    struct sql *sql;
    bool undone;
};

static enum err
do_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct doing *d = arg;

    TRY(tx_do(s, tx, d->sql, BIND(v_bytes(BYTES("0123456789012345")))));
    return d->undone ? fail(s, E_INVALID, "undone") : OK;
}

static uint64_t
after(struct scope *s, struct db *db, const struct watch *w, struct sql *sql)
{
    assert_ok(s, db_write(s, db, do_in, &(struct doing){ sql, false }));
    return watch_number(w);
}

TEST(who_remembers_rows_is_told_when_they_change)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *url = arena_printf(s->arena, "sqlite:%s/watch.db", test_dir());
    const struct watch *w, *other;
    struct db *db = NULL;
    uint64_t first, now;

    assert_ok(s, db_open(s, url, &(struct db_options){ 0 }, &db));
    w = db_watch(db, "blocked_key");
    other = db_watch(db, "certificate");
    first = watch_number(w);
    assert_int_equal(after(s, db, w, &watch_add), first); /* nobody remembers what was not there */
    now = after(s, db, w, &watch_edit);
    assert_int_not_equal(now, first);
    assert_int_equal(watch_number(w), now);
    assert_err(E_INVALID, db_write(s, db, do_in, &(struct doing){ &watch_edit, true }));
    first = watch_number(w);
    assert_int_not_equal(after(s, db, w, &watch_drop), first);
    first = watch_number(w);
    assert_int_equal(after(s, db, w, &watch_edit), first); /* there is none any more */
    assert_int_equal(watch_number(other), 0);
    db_close(db);
}

TEST(where_others_write_nobody_may_remember)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *url = test_pg_url();
    struct db *db = NULL;

    if (!url)
        skip();
    assert_ok(s, db_open(s, url, &(struct db_options){ 0 }, &db));
    assert_null(db_watch(db, "blocked_key"));
    db_close(db);
}
