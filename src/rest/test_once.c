/* Idempotency-Key: what is asked for twice is made once. Replays go over the wire: tests/e2e. */
#include "base/test.h"

#include "base/log.h"
#include "db/test_pg.h"
#include "rest/rest.h"

static int made;
static bool failing;

static const struct op make_op = {
    .method = "POST", .path = "/things", .reply = &v1_problem_model, .status = 201
};

static enum err
make(struct request *rq)
{
    struct v1_problem out = { .title = "made", .status = ++made };

    if (failing)
        return fail(rq->scope, E_INVALID, "it cannot be made");
    keep_answer(rq, &out);
    return OK;
}

/* One call with this key and body. */
static enum err
call(struct scope *s, struct db *db, const char *caller_id, const char *key, const char *body)
{
    struct caller caller = caller_system;
    struct app app = { .db = db };
    struct http_request http = { .scope = s,
                                 .method = "POST",
                                 .target = "/api/v1/things",
                                 .query = "",
                                 .body = bytes_of_text(body) };
    struct request rq = {
        .scope = s, .app = &app, .caller = &caller, .op = &make_op, .http = &http
    };

    scope_clear(s);
    caller.id_text = caller_id;
    if (key)
        list_add(s->arena, &http.headers, struct header,
                 ((struct header){ "Idempotency-Key", key }));
    return make_once(&rq, make);
}

static int64_t
number_of(struct scope *s, struct db *db, const char *sql)
{
    struct rows rows;

    assert_ok(s, db_query(s, db, sql, BIND_NONE, &rows));
    return row_int(&rows.at[0]);
}

static enum err
forget_answer(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    struct rows rows;

    return tx_query(s, tx, "UPDATE idempotency SET status = 0", BIND_NONE, &rows);
}

static void
once(struct scope *s, struct db *db)
{
    made = 0;
    failing = false;
    assert_ok(s, call(s, db, "u_1", NULL, "{}"));
    assert_ok(s, call(s, db, "u_1", NULL, "{}"));
    assert_int_equal(made, 2); /* who sends no key asks twice */
    assert_err(E_INVALID, call(s, db, "u_1", "", "{}"));
    assert_err(E_INVALID, call(s, db, "u_1", arena_printf(s->arena, "%0256d", 7), "{}"));
    assert_int_equal(made, 2);

    assert_ok(s, call(s, db, "u_1", "k", "{}"));
    assert_int_equal(made, 3);
    assert_err(E_CONFLICT, call(s, db, "u_1", "k", "{ }")); /* another request */
    assert_int_equal(s->error.code, CHY_KEY_USED);
    assert_ok(s, call(s, db, "u_2", "k", "{ }")); /* another caller's key */
    assert_int_equal(made, 4);
    assert_int_equal(number_of(s, db, "SELECT MIN(status) FROM idempotency"), 201);

    failing = true; /* what failed made nothing: the key is free again */
    assert_err(E_INVALID, call(s, db, "u_1", "f", "{}"));
    assert_says(s, "it cannot be made");
    failing = false;
    assert_ok(s, call(s, db, "u_1", "f", "{\"now\":\"right\"}"));

    assert_ok(s, db_write(s, db, forget_answer, NULL)); /* as if the server had died in between */
    made = 0;
    assert_err(E_CONFLICT, call(s, db, "u_1", "k", "{}"));
    assert_int_equal(s->error.code, CHY_STILL_RUNNING);
    clock_tell_offset_ms(2 * MINUTE_MS + SECOND_MS);
    assert_err(E_CONFLICT, call(s, db, "u_1", "k", "{ }")); /* still another request's */
    assert_int_equal(s->error.code, CHY_KEY_USED);
    assert_int_equal(made, 0);
    assert_ok(s, call(s, db, "u_1", "k", "{}"));
    assert_int_equal(made, 1);
    clock_tell_offset_ms(0);
}

TEST(a_key_makes_once_for_each_caller_and_request)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *urls[] = { arena_printf(s->arena, "sqlite:%s/once", test_dir()), test_pg_url() };

    log_level_set(LOG_ERROR);
    for (size_t i = 0; i < COUNT(urls); i++) {
        AUTO(db_close) struct db *db = NULL;

        if (!urls[i])
            continue;
        assert_ok(s, db_open(s, urls[i], NULL, &db));
        once(s, db);
    }
}
