#include "base/test.h"

#include "base/log.h"
#include "base/metric.h"
#include "net/client_guard.h"
#include "net/test_fake_peer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct fake_step ok_steps[] = { { .status = 200, .body = "hello" } };

/** Run one GET and give its answer. */
static struct reply
get(struct scope *s, struct peer *p, const char *url)
{
    struct call c = { .url = url };
    struct reply r = { 0 };

    assert_ok(s, peer_call(s, p, &c, &r));
    return r;
}

TEST(a_call_brings_status_headers_and_body)
{
    static const struct fake_step steps[] = { { .status = 201,
                                                .fields = "X-One: 1\r\nX-Empty:\r\nX-One: 2\r\n"
                                                          "X-Bad: \xff\r\nSpaced:   a b  \r\n",
                                                .body = "made" } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct call c = { .operation = "enroll", .content_type = "application/json" };
    struct reply r = { 0 };

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, NULL, (struct peer_options){ 0 });
    c.url = fake_url(s, &f, "/a/b%20c?q=1");
    c.body = BYTES("{\"x\":1}");
    list_add(s->arena, &c.headers, struct header, ((struct header){ "X-Mine", "yes" }));
    list_add(s->arena, &c.headers, struct header, ((struct header){ "X-None", "" }));
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_int_equal(r.status, 201);
    assert_int_equal(r.calls, 1);
    assert_string_equal((const char *)r.body.data, "made");
    assert_int_equal(r.body.len, 4);
    assert_string_equal(reply_header(&r, "x-ONE"), "1");
    assert_string_equal(reply_header(&r, "X-Empty"), "");
    assert_string_equal(reply_header(&r, "Spaced"), "a b");
    assert_null(reply_header(&r, "X-Bad"));
    assert_null(reply_header(&r, "X-Absent"));
    assert_true(fake_heard(&f, "POST /a/b%20c?q=1 HTTP/1.1\r\n"));
    assert_true(fake_heard(&f, "X-Mine: yes\r\n"));
    assert_true(fake_heard(&f, "X-None:\r\n"));
    assert_true(fake_heard(&f, "Content-Type: application/json\r\n"));
    assert_true(fake_heard(&f, "User-Agent: chancery/"));
    assert_true(fake_heard(&f, "\r\n\r\n{\"x\":1}"));
    assert_false(fake_heard(&f, "Expect"));
}

TEST(every_method_goes_out_as_it_is)
{
    static const char *const methods[] = { "GET",   "HEAD",    "POST", "PUT",
                                           "PATCH", "OPTIONS", "LIST", "DELETE" };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;

    static const struct fake_step bare[] = { { .status = 200 } };

    fake_start(&f, NULL, bare, COUNT(bare));
    p = fake_client(s, NULL, (struct peer_options){ 0 });
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct call c = { .method = methods[i], .url = fake_url(s, &f, "/x") };
        struct reply r = { 0 };

        assert_ok(s, peer_call(s, p, &c, &r));
        assert_true(fake_heard(&f, arena_printf(s->arena, "%s /x HTTP/1.1\r\n", methods[i])));
    }
}

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
    r = get(s, p, fake_url(s, &f, "/"));
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

    fake_start(&f, NULL, ok_steps, 1);
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
        (void)get(s, p, fake_url(s, &f, "/"));
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
    r = get(s, p, fake_url(s, &f, "/"));
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

TEST(credentials_go_into_the_header_they_belong_to)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    AUTO(secret_free) struct secret *password = secret_copy(BYTES("open sesame"));
    AUTO(secret_free) struct secret *token = secret_copy(BYTES("a.b.c"));
    AUTO(secret_free) struct secret *bad = secret_copy(BYTES("a\r\nX: y"));
    struct call c = { .user = "Aladdin", .password = password };
    struct reply r;

    fake_start(&f, NULL, ok_steps, COUNT(ok_steps));
    p = fake_client(s, NULL, (struct peer_options){ 0 });
    c.url = fake_url(s, &f, "/");
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_true(fake_heard(&f, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
    c.user = "user:name";
    assert_err(E_INVALID, peer_call(s, p, &c, &r));
    c.user = NULL;
    c.bearer = token;
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_true(fake_heard(&f, "Authorization: Bearer a.b.c\r\n"));
    c.bearer = bad;
    assert_err(E_INVALID, peer_call(s, p, &c, &r));
}

TEST(a_malformed_call_is_refused_before_anything_is_sent)
{
    static const struct {
        struct call call;
        struct header header;
    } cases[] = {
        { .call = { .url = NULL } },
        { .call = { .url = "" } },
        { .call = { .url = "/path" } },
        { .call = { .url = "ftp://127.0.0.1/" } },
        { .call = { .url = "file:///etc/passwd" } },
        { .call = { .url = "http://user:pw@127.0.0.1/" } },
        { .call = { .url = "http://127.0.0.1:99999/" } },
        { .call = { .url = "http://127.0.0.1/", .method = "GET /" } },
        { .call = { .url = "http://127.0.0.1/", .method = "" } },
        { .call = { .url = "http://127.0.0.1/", .content_type = "a\r\nb" } },
        { .call = { .url = "http://127.0.0.1/" }, .header = { "A", "b\nC: d" } },
        { .call = { .url = "http://127.0.0.1/" }, .header = { "A:", "b" } },
        { .call = { .url = "http://127.0.0.1/" }, .header = { "", "b" } },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(peer_free) struct peer *p = fake_client(s, NULL, (struct peer_options){ 0 });
    struct peer *strict = NULL;
    struct reply r = { 0 };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct call c = cases[i].call;

        if (cases[i].header.name)
            list_add(s->arena, &c.headers, struct header, cases[i].header);
        assert_err(E_INVALID, peer_call(s, p, &c, &r));
    }
    assert_ok(s, peer_new(s, &(struct peer_options){ .integration = "strict" }, &strict));
    assert_err(E_INVALID, peer_call(s, strict, &(struct call){ .url = "http://127.0.0.1/" }, &r));
    peer_free(strict);
    assert_err(E_INVALID,
               peer_new(s, &(struct peer_options){ .client_cert_pem = BYTES("x") }, &strict));
}

TEST(an_answer_has_a_limit)
{
    static const struct fake_step steps[] = { { .status = 200, .body = "0123456789" } };
    static const struct {
        size_t max;
        enum err want;
    } cases[] = { { 11, OK }, { 10, OK }, { 9, E_LIMIT }, { 1, E_LIMIT } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, NULL, (struct peer_options){ 0 });
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct call c = { .url = fake_url(s, &f, "/"), .reply_max = cases[i].max };
        struct reply r;

        assert_err(cases[i].want, peer_call(s, p, &c, &r));
    }
    assert_int_equal(fake_calls(&f), 4); /* asking again would not make it shorter */
}

TEST(answers_that_are_no_http_or_begin_with_others_are_told_apart)
{
    static const struct fake_step garbage[] = { { .raw = "220 mail.example.com ESMTP\r\n" } };
    static const struct fake_step early[] = {
        { .raw = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nhi" }
    };
    static const struct fake_step half[] = {
        { .raw = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi" }
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    struct call c = { 0 };
    struct reply r;

    fake_start(&f, NULL, garbage, 1);
    p = fake_client(s, &clock, (struct peer_options){ 0 });
    c.url = fake_url(s, &f, "/");
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_int_equal(fake_calls(&f), 1);
    fake_script(&f, early, 1);
    r = get(s, p, c.url);
    assert_int_equal(r.status, 200);
    assert_null(reply_header(&r, "Link"));
    assert_string_equal(reply_header(&r, "X"), "y");
    fake_script(&f, half, 1);
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_int_equal(fake_calls(&f), 3);
}

TEST(redirects_are_followed_only_when_allowed_and_never_to_another_place)
{
    static const struct fake_step relative[] = {
        { .status = 302, .fields = "Location: /next?x=1\r\n" }, { .status = 200, .body = "there" }
    };
    static const struct fake_step away[] = { { .status = 301,
                                               .fields = "Location: http://127.0.0.1:1/\r\n" } };
    static const struct fake_step loop[] = { { .status = 307, .fields = "Location: /\r\n" } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *stays = NULL;
    AUTO(peer_free) struct peer *follows = NULL;
    struct call post = { .body = BYTES("x") };
    struct reply r;

    fake_start(&f, NULL, relative, COUNT(relative));
    post.url = fake_url(s, &f, "/");
    stays = fake_client(s, NULL, (struct peer_options){ 0 });
    follows = fake_client(s, NULL, (struct peer_options){ .redirects = 3 });
    assert_int_equal(get(s, stays, post.url).status, 302);
    fake_script(&f, relative, COUNT(relative));
    assert_int_equal(get(s, follows, post.url).status, 200);
    assert_true(fake_heard(&f, "GET /next?x=1 HTTP/1.1"));
    fake_script(&f, relative, COUNT(relative));
    assert_ok(s, peer_call(s, follows, &post, &r));
    assert_int_equal(r.status, 302);
    fake_script(&f, away, COUNT(away));
    assert_int_equal(get(s, follows, post.url).status, 301);
    fake_script(&f, loop, COUNT(loop));
    assert_int_equal(get(s, follows, post.url).status, 307);
    assert_int_equal(fake_calls(&f), 4);
}

TEST(connections_are_kept_for_what_can_be_repeated)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct call post = { .body = BYTES("x") };
    struct reply r;

    fake_start(&f, NULL, ok_steps, COUNT(ok_steps));
    p = fake_client(s, NULL, (struct peer_options){ 0 });
    post.url = fake_url(s, &f, "/");
    for (int i = 0; i < 10; i++)
        (void)get(s, p, post.url);
    assert_int_equal(f.connections, 1);
    assert_ok(
        s, peer_call(s, p, &post, &r)); /* a dead connection must not repeat it behind our back */
    assert_int_equal(f.connections, 2);
}

TEST(an_address_can_be_forbidden_at_the_last_moment)
{
    extern bool refuse_all(const struct sockaddr *, void *);
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    int asked = 0;
    struct call c = { 0 };
    struct reply r;

    fake_start(&f, NULL, ok_steps, COUNT(ok_steps));
    p = fake_client(s, &clock,
                    (struct peer_options){ .address_allowed = refuse_all, .address_arg = &asked });
    c.url = fake_url(s, &f, "/");
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_says(s, "may not be connected to");
    assert_int_equal(asked, 1);
    assert_int_equal(clock.count, 0);
    assert_int_equal(f.connections, 0);
}

bool refuse_all(const struct sockaddr *address, void *arg);
bool
refuse_all(const struct sockaddr *address, void *arg)
{
    ++*(int *)arg;
    return address->sa_family != AF_INET;
}

TEST(a_proxy_is_used_when_configured_but_not_for_this_host)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer proxy = { 0 };
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;

    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0); /* does not count */
    fake_start(&proxy, NULL, ok_steps, COUNT(ok_steps));
    fake_start(&f, NULL, ok_steps, COUNT(ok_steps));
    p = fake_client(
        s, NULL,
        (struct peer_options){ .proxy = fake_url(s, &proxy, ""), .no_proxy = "internal.example" });
    (void)get(s, p, "http://ca.example.invalid/x");
    assert_true(fake_heard(&proxy, "GET http://ca.example.invalid/x HTTP/1.1\r\n"));
    (void)get(s, p, fake_url(s, &f, "/direct"));
    assert_true(fake_heard(&f, "GET /direct HTTP/1.1\r\n"));
    assert_int_equal(unsetenv("http_proxy"), 0);
}

/** The log lines that were written while it looked on; ends with log_given_back(). */
static int log_file = -1;
static void
log_taken(void)
{
    log_file = memfd_create("log", MFD_CLOEXEC);
    assert_true(log_file >= 0);
    log_setup(LOG_JSON, LOG_INFO, log_file);
}
static const char *
log_given_back(struct scope *s)
{
    char *text = arena_alloc(s->arena, 65536);

    assert_true(pread(log_file, text, 65535, 0) >= 0);
    (void)close(log_file);
    log_setup(LOG_JSON, LOG_INFO, STDOUT_FILENO);
    return text;
}

TEST(a_failed_call_leaves_one_structured_line_without_secrets)
{
    static const struct fake_step steps[] = { { .status = 403, .body = "secret body" } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    AUTO(peer_free) struct peer *hook = NULL;
    AUTO(secret_free) struct secret *token = secret_copy(BYTES("secret-token"));
    struct call c = { .operation = "import", .bearer = token };
    struct reply r;
    const char *line;
    static const char *const parts[] = {
        "\"level\":\"error\"",
        "\"module\":\"integration.azure_key_vault\"",
        "\"integration\":\"azure_key_vault\"",
        "\"error_type\":\"authz\"",
        "\"timestamp\":\"2",
        "\"details\":{\"method\":\"GET\"",
        "\"operation\":\"import\"",
        "\"status\":403",
        "\"attempt\":1",
        "/certificates/web\"",
        "\"event\":\"integration.failed\"",
    };

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, NULL, (struct peer_options){ .integration = "azure_key_vault" });
    hook = fake_client(s, NULL,
                       (struct peer_options){ .integration = "hook", .path_is_secret = true });
    c.url = fake_url(s, &f, "/certificates/web?sig=secret-query");
    log_taken();
    assert_ok(s, peer_call(s, p, &c, &r));
    line = log_given_back(s);
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (!strstr(line, parts[i]))
            fail_msg("no %s in %s", parts[i], line);
    }
    assert_null(strstr(line, "secret"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1); /* one line */

    log_taken();
    assert_ok(s, peer_call(s, hook, &c, &r));
    line = log_given_back(s);
    assert_null(strstr(line, "certificates"));
    assert_string_equal(s->module, "test"); /* the scope is as it was */
}

TEST(each_further_try_leaves_a_line_with_its_wait)
{
    static const struct fake_step steps[] = { { .status = 500 }, { .status = 200 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    const char *line;

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, &clock, (struct peer_options){ 0 });
    log_taken();
    (void)get(s, p, fake_url(s, &f, "/"));
    line = log_given_back(s);
    assert_non_null(strstr(line, "\"event\":\"integration.retry\""));
    assert_non_null(strstr(line, "\"retry_in_s\":1."));
    assert_non_null(strstr(line, "\"level\":\"warn\""));
    assert_null(strstr(line, "integration.failed"));
}

TEST(calls_are_counted_by_how_they_ended)
{
    static const struct fake_step steps[] = { { .status = 503 }, { .status = 200 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    AUTO(buf_done) struct buf text = { 0 };
    struct fake_clock clock = { 0 };
    const char *all;

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, &clock, (struct peer_options){ .integration = "counted" });
    (void)get(s, p, fake_url(s, &f, "/"));
    buf_init(&text, 1 << 20);
    metric_print(&text, false);
    all = buf_str(&text);
    assert_non_null(strstr(
        all, "chancery_outbound_requests_total{integration=\"counted\",outcome=\"ok\"} 1\n"));
    assert_non_null(strstr(
        all,
        "chancery_outbound_requests_total{integration=\"counted\",outcome=\"unavailable\"} 1\n"));
    assert_non_null(strstr(
        all, "chancery_outbound_requests_total{integration=\"counted\",outcome=\"timeout\"} 0\n"));
    assert_non_null(strstr(all, "chancery_outbound_retries_total{integration=\"counted\"} 1\n"));
    assert_non_null(strstr(all, "chancery_outbound_breaker_open{integration=\"counted\"} 0\n"));
    assert_non_null(strstr(
        all, "chancery_outbound_request_duration_seconds_count{integration=\"counted\"} 2\n"));
}

TEST(a_peer_that_keeps_failing_is_left_alone_and_then_probed)
{
    static const struct fake_step bad[] = { { .status = 500 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    struct call c = { .once = true };
    struct reply r;

    fake_start(&f, NULL, bad, 1);
    p = fake_client(s, &clock, (struct peer_options){ .integration = "failing" });
    c.url = fake_url(s, &f, "/");
    log_taken();
    for (int i = 0; i < GUARD_FAILURES; i++)
        assert_ok(s, peer_call(s, p, &c, &r));
    assert_non_null(strstr(log_given_back(s), "integration.breaker.open"));
    assert_true(peer_is_open(p));
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_int_equal(s->error.retry_after_s, 60);
    assert_int_equal(fake_calls(&f), GUARD_FAILURES);

    clock.now_ms += 60000; /* half open: one call finds out */
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_int_equal(s->error.retry_after_s, 120);

    clock.now_ms += 120000;
    fake_script(&f, ok_steps, 1);
    log_taken();
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_non_null(strstr(log_given_back(s), "integration.breaker.closed"));
    assert_false(peer_is_open(p));
}

TEST(the_breaker_opens_after_five_and_waits_up_to_a_quarter_of_an_hour)
{
    struct guard g;
    int64_t now = 1000, until = 0, open = GUARD_OPEN_MS;

    guard_init(&g, 0);
    for (int i = 1; i < GUARD_FAILURES; i++) {
        assert_true(guard_admit(&g, now, &until));
        assert_false(guard_report(&g, now, GUARD_BAD));
    }
    assert_false(guard_report(&g, now, GUARD_GOOD)); /* in a row, or it does not count */
    for (int i = 1; i < GUARD_FAILURES; i++)
        assert_false(guard_report(&g, now, GUARD_BAD));
    assert_true(guard_report(&g, now, GUARD_BAD));
    assert_false(guard_report(&g, now, GUARD_BAD)); /* of a call that was on its way already */
    for (int i = 0; i < 8; i++) {
        assert_false(guard_admit(&g, now + open - 1, &until));
        assert_int_equal(until, MAX(now + open, now + open - 1 + 1000));
        now += open;
        assert_true(guard_admit(&g, now, &until));
        assert_false(guard_admit(&g, now, &until)); /* one probe at a time */
        assert_false(guard_report(&g, now, GUARD_BAD));
        open = MIN(2 * open, GUARD_OPEN_MAX_MS);
    }
    now += open;
    assert_true(guard_admit(&g, now, &until));
    assert_false(
        guard_report(&g, now, GUARD_NEITHER)); /* it told us nothing: the next one probes */
    assert_true(guard_admit(&g, now, &until));
    assert_true(guard_report(&g, now, GUARD_GOOD));
    assert_true(guard_admit(&g, now, &until));
    assert_true(guard_admit(&g, now, &until));
}

TEST(the_pace_allows_a_burst_and_then_its_rate)
{
    struct guard g;
    int64_t now = 5000, wait;
    int at_once = 0, in_a_minute = 0;

    guard_init(&g, 60);
    while (guard_pace(&g, now) == 0)
        at_once++;
    assert_int_equal(at_once, 10);
    wait = guard_pace(&g, now);
    assert_int_equal(wait, 1000);
    assert_true(guard_pace(&g, now + wait - 1) > 0);
    assert_int_equal(guard_pace(&g, now + wait), 0);
    for (now += 10000; now < 75000; now++)
        in_a_minute += guard_pace(&g, now) == 0;
    assert_in_range(in_a_minute, 59, 71);

    guard_init(&g, 1);
    assert_int_equal(guard_pace(&g, now), 0);
    assert_int_equal(guard_pace(&g, now), 60000);
    guard_init(&g, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(guard_pace(&g, now), 0);
}

TEST(a_peer_that_said_too_many_is_called_less_often_for_a_while)
{
    struct guard g;

    guard_init(&g, 6); /* one in 10 s, none ahead */
    assert_int_equal(guard_pace(&g, 0), 0);
    guard_slow_down(&g, 0, 3000);
    assert_int_equal(guard_pace(&g, 0), 3000);
    assert_int_equal(guard_pace(&g, 3000), 7000);
    assert_int_equal(guard_pace(&g, 10000), 0);
    assert_int_equal(guard_pace(&g, 10000), 20000);
    for (int i = 0; i < 5; i++)
        guard_slow_down(&g, 10000, 0);
    assert_int_equal(g.slow, 8);
    assert_int_equal(guard_pace(&g, 30000), 0);
    assert_int_equal(guard_pace(&g, 30000), 80000);
    assert_int_equal(guard_pace(&g, 110000), 0); /* the while is over */
    assert_int_equal(guard_pace(&g, 110000), 10000);
}

TEST(a_pace_that_leaves_no_room_before_the_deadline_is_a_limit)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    struct call c = { 0 };
    struct reply r;

    fake_start(&f, NULL, ok_steps, 1);
    p = fake_client(s, &clock, (struct peer_options){ .per_minute = 6 });
    c.url = fake_url(s, &f, "/");
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_int_equal(clock.count, 1);
    assert_int_equal(clock.waits[0], 10000);
    scope_deadline_in(s, 5000);
    assert_err(E_LIMIT, peer_call(s, p, &c, &r));
    assert_int_equal(s->error.retry_after_s, 10);
    assert_int_equal(fake_calls(&f), 2);
}

/* Many threads on one peer. */
struct crowd {
    struct peer *p;
    const char *url;
    int failed;
};

static void *
call_often(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = 0; i < 20; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct call c = { .url = crowd->url };
        struct reply r;

        if (peer_call(s, crowd->p, &c, &r) != OK || r.status != 200)
            return crowd;
    }
    return NULL;
}

TEST(many_threads_share_a_peer_and_keep_to_its_number)
{
    static const struct fake_step slow[] = { { .status = 200, .delay_ms = 1 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct crowd crowd = { 0 };
    pthread_t threads[8];

    fake_start(&f, NULL, slow, 1);
    p = fake_client(s, NULL, (struct peer_options){ .concurrency = 3 });
    crowd = (struct crowd){ .p = p, .url = fake_url(s, &f, "/") };
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &crowd), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(fake_calls(&f), 160);
    assert_in_range(f.most_at_once, 1, 3);
    assert_in_range(f.connections, 1, 3);
}

TEST(a_stopping_program_ends_its_waits)
{
    static const struct fake_step steps[] = { { .status = 500 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct call c = { 0 };
    struct reply r = { 0 };
    int status = -1;
    pid_t child;

    fake_start(&f, NULL, steps, 1);
    c.url = fake_url(s, &f, "/");
    p = fake_client(s, NULL, (struct peer_options){ 0 });
    child = fork(); /* stopping is for ever */
    if (child == 0) {
        int64_t began = clock_mono_ms();
        enum err e;

        peer_stop_all();
        e = peer_call(s, p, &c, &r);
        _exit(e == E_UNAVAILABLE && clock_mono_ms() - began < 900 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(fake_calls(&f), 0);
}
