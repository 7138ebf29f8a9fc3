/* The client: what is asked again, when, and what is not. */
#include "net/client_guard.h"
#include "net/test_fake_peer.h"

/* seed S076, S077 */
TEST(each_row_of_the_retry_matrix_makes_its_calls_and_waits)
{
    static const struct {
        struct fake_step step;
        int calls;
        int64_t first_ms; /* the least first wait; the others double it */
    } rows[] = {
        { { .delay_ms = 400, .status = 200 }, 3, 1000 }, /* a time-out: 150 ms are allowed */
        { { .status = 0 }, 3, 1000 },                    /* cut off */
        { { .status = 400 }, 1, 0 },
        { { .status = 403 }, 1, 0 },
        { { .status = 404 }, 1, 0 },
        { { .status = 408 }, 3, 1000 },
        { { .status = 409 }, 1, 0 },
        { { .status = 429 }, 5, 1000 },
        { { .status = 500 }, 3, 1000 },
        { { .status = 501 }, 1, 0 },
        { { .status = 502 }, 5, 5000 },
        { { .status = 503 }, 5, 5000 },
        { { .status = 504 }, 5, 5000 },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(fake_stop) struct fake_peer f = { 0 };
        AUTO(peer_free) struct peer *p = NULL;
        struct fake_clock clock = { 0 };
        struct call c = { .timeout_ms = rows[i].step.delay_ms ? 150 : 5000 };
        struct reply r = { 0 };

        fake_start(&f, NULL, &rows[i].step, 1);
        p = fake_client(s, &clock, (struct peer_options){ 0 });
        c.url = fake_url(s, &f, "/");
        if (rows[i].step.status == 0 || rows[i].step.delay_ms)
            assert_err(rows[i].step.delay_ms ? E_TIMEOUT : E_UNAVAILABLE, peer_call(s, p, &c, &r));
        else
            assert_ok(s, peer_call(s, p, &c, &r));
        assert_int_equal(fake_calls(&f), rows[i].calls);
        assert_int_equal(clock.count, rows[i].calls - 1);
        for (size_t w = 0; w < clock.count; w++) {
            int64_t least = MIN(rows[i].first_ms << w, 60000);

            assert_in_range(clock.waits[w], least, MIN(least + rows[i].first_ms, 60000));
        }
    }
}

TEST(a_peer_that_recovers_is_asked_until_it_does)
{
    static const struct fake_step steps[] = { { .status = 503 },
                                              { .status = 500 },
                                              { .status = 200, .body = "back" } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    struct reply r;

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, &clock, (struct peer_options){ 0 });
    r = fake_get(s, p, fake_url(s, &f, "/"));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.calls, 3);
    assert_in_range(clock.waits[0], 5000, 9999);
    assert_in_range(clock.waits[1], 2000, 2999);
}

TEST(nobody_at_the_address_is_asked_three_times)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_peer f = { 0 };
    struct fake_clock clock = { 0 };
    struct call c = { .method = "POST" };
    struct reply r;

    fake_start(&f, NULL, fake_ok, 1);
    c.url = fake_url(s, &f, "/");
    fake_stop(&f);
    p = fake_client(s, &clock, (struct peer_options){ 0 });
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_int_equal(s->error.code, CHY_PEER_FAILED);
    assert_null(s->error.tag); /* nothing was sent, so nothing was done */
    assert_int_equal(clock.count, 2);
    c.url = "http://does-not-exist.invalid/";
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_int_equal(clock.count, 4);
}

TEST(retry_after_is_obeyed_up_to_five_minutes)
{
    static const struct {
        struct fake_step step;
        int64_t least, most;
    } cases[] = {
        { { .status = 429, .fields = "Retry-After: 7\r\n" }, 7000, 7000 },
        { { .status = 503, .fields = "Retry-After: 120\r\n" }, 120000, 120000 },
        { { .status = 429, .fields = "Retry-After: 86400\r\n" }, 300000, 300000 },
        { { .status = 429, .fields = "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n" },
          300000,
          300000 },
        { { .status = 429, .fields = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n" },
          1000,
          1999 },
        { { .status = 429, .fields = "Retry-After: later\r\n" }, 1000, 1999 },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct fake_step steps[] = { cases[i].step, { .status = 200 } };
        AUTO(fake_stop) struct fake_peer f = { 0 };
        AUTO(peer_free) struct peer *p = NULL;
        struct fake_clock clock = { 0 };

        fake_start(&f, NULL, steps, COUNT(steps));
        p = fake_client(s, &clock, (struct peer_options){ 0 });
        (void)fake_get(s, p, fake_url(s, &f, "/"));
        assert_int_equal(clock.count, 1);
        assert_in_range(clock.waits[0], cases[i].least, cases[i].most);
    }
}

TEST(a_wait_longer_than_the_deadline_is_not_begun)
{
    static const struct fake_step steps[] = { { .status = 429, .fields = "Retry-After: 90\r\n" } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    struct call c = { 0 };
    struct reply r;

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, &clock, (struct peer_options){ 0 });
    scope_deadline_in(s, 60000);
    r = fake_get(s, p, fake_url(s, &f, "/"));
    assert_int_equal(r.status, 429);
    assert_err(E_LIMIT, reply_check(s, p, &r));
    assert_int_equal(s->error.retry_after_s, 90);
    /* and the next call, from whomever, leaves the peer alone for as long as it asked */
    c.url = fake_url(s, &f, "/");
    assert_err(E_LIMIT, peer_call(s, p, &c, &r));
    assert_int_equal(s->error.retry_after_s, 90);
    assert_int_equal(clock.count, 0);
    assert_int_equal(fake_calls(&f), 1);
}

TEST(what_may_have_been_done_is_not_asked_for_twice)
{
    static const struct {
        struct fake_step step;
        int calls;
        bool fails, unknown;
    } cases[] = {
        { { .status = 0 }, 1, true, true },
        { { .status = 200, .delay_ms = 400 }, 1, true, true },
        { { .status = 500 }, 1, false, false },
        { { .status = 502 }, 1, false, false },
        { { .status = 504 }, 1, false, false },
        { { .status = 503 }, 5, false, false },
        { { .status = 429 }, 5, false, false },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(fake_stop) struct fake_peer f = { 0 };
        AUTO(peer_free) struct peer *p = NULL;
        struct fake_clock clock = { 0 };
        struct call c = { .body = BYTES("csr"), .timeout_ms = cases[i].step.delay_ms ? 150 : 5000 };
        struct reply r = { 0 };
        enum err e;

        fake_start(&f, NULL, &cases[i].step, 1);
        p = fake_client(s, &clock, (struct peer_options){ 0 });
        c.url = fake_url(s, &f, "/");
        s->error.tag = NULL;
        e = peer_call(s, p, &c, &r);
        assert_int_equal(e != OK, cases[i].fails);
        if (cases[i].unknown)
            assert_string_equal(s->error.tag, "unknown");
        assert_int_equal(fake_calls(&f), cases[i].calls);
    }
}

TEST(a_caller_may_say_that_repetition_is_harmless_or_that_one_try_is_enough)
{
    static const struct fake_step steps[] = { { .status = 500 } };
    static const struct {
        const char *method;
        enum repeat repeat;
        bool once;
        int calls;
    } cases[] = {
        { "POST", REPEAT_YES, false, 3 },        { "GET", REPEAT_NO, false, 1 },
        { "PUT", REPEAT_BY_METHOD, false, 3 },   { "GET", REPEAT_YES, true, 1 },
        { "PATCH", REPEAT_BY_METHOD, false, 1 },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };

    fake_start(&f, NULL, steps, COUNT(steps));
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(peer_free) struct peer *p = NULL;
        struct fake_clock clock = { 0 };
        struct call c = { .method = cases[i].method,
                          .url = fake_url(s, &f, "/"),
                          .repeat = cases[i].repeat,
                          .once = cases[i].once };
        struct reply r;

        p = fake_client(s, &clock, (struct peer_options){ 0 });
        fake_script(&f, steps, COUNT(steps));
        assert_ok(s, peer_call(s, p, &c, &r));
        assert_int_equal(fake_calls(&f), cases[i].calls);
        assert_int_equal(r.calls, cases[i].calls);
    }
}

TEST(an_expected_status_is_an_answer_like_any_other)
{
    static const struct fake_step steps[] = { { .status = 503, .body = "sealed" } };
    static const int expected[] = { 472, 503, 0 };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    struct call c = { .expected = expected };
    struct reply r;

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, &clock, (struct peer_options){ 0 });
    c.url = fake_url(s, &f, "/");
    for (int i = 0; i < 2 * GUARD_FAILURES; i++)
        assert_ok(s, peer_call(s, p, &c, &r));
    assert_int_equal(r.calls, 1);
    assert_false(peer_is_open(p));
}

/* A token that is new each time it is asked to be. */
static enum err
next_token(struct scope *s, void *arg, bool refresh, struct secret **token)
{
    int *count = arg;

    if (refresh)
        ++*count;
    if (*count > 7)
        return fail(s, E_UNAVAILABLE, "no more tokens");
    *token = secret_copy(bytes_of_text(arena_printf(s->arena, "token-%d", *count)));
    return OK;
}

TEST(a_refused_token_is_refreshed_once)
{
    static const struct fake_step heals[] = { { .status = 401 }, { .status = 200 } };
    static const struct fake_step never[] = { { .status = 401 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    AUTO(peer_free) struct peer *tokenless = NULL;
    struct fake_clock clock = { 0 };
    int count = 0;
    struct call c = { .body = BYTES("x") };
    struct reply r;

    fake_start(&f, NULL, heals, COUNT(heals));
    c.url = fake_url(s, &f, "/");
    p = fake_client(s, &clock, (struct peer_options){ .token = next_token, .token_arg = &count });
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.calls, 2);
    assert_int_equal(count, 1);
    assert_true(fake_heard(&f, "Authorization: Bearer token-1\r\n"));

    fake_script(&f, never, COUNT(never));
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_int_equal(r.status, 401);
    assert_int_equal(r.calls, 2);
    assert_err(E_UNAVAILABLE, reply_check(s, p, &r)); /* not our caller's fault */
    assert_int_equal(clock.count, 0);

    tokenless = fake_client(s, &clock, (struct peer_options){ 0 });
    assert_ok(s, peer_call(s, tokenless, &c, &r)); /* the same password again would be no better */
    assert_int_equal(r.calls, 1);

    count = 8;
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_says(s, "no more tokens");
}
