#include "net/server_fixture.h"

#include <poll.h>
#include <pthread.h>

TEST(requests_on_one_connection_are_answered_in_turn)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(peer_close) struct peer c;

        peer_on(&f, &c, listeners[i]);
        for (int turn = 0; turn < 3; turn++) {
            peer_say(&c, GET("/echo?a=b"));
            assert_peer_hears(&f, &c, 200, "GET /echo?a=b 0:");
            peer_say(&c, "Put /work HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
            assert_peer_hears(&f, &c, 200, "X-Method: Put\r\n");
            peer_say(&c, "POST /work HTTP/1.1\r\n" HOST
                         "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
            assert_peer_hears(&f, &c, 200, "POST /work? 5:abcde");
            peer_say(&c, "GET /work HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nnull");
            assert_peer_hears(&f, &c, 200, "GET /work? 4:null");
        }
    }
}

TEST(pipelined_requests_are_answered_in_order)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(peer_close) struct peer c;

        peer_on(&f, &c, listeners[i]);
        for (int n = 0; n < 100; n++) {
            AUTO(arena_free) struct arena *a = arena_new();

            peer_say(&c,
                     arena_printf(a,
                                  "POST /work?%d HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
                                  "GET /echo?%d HTTP/1.1\r\n" HOST "\r\n",
                                  n, n));
        }
        for (int n = 0; n < 100; n++) {
            AUTO(arena_free) struct arena *a = arena_new();

            assert_peer_hears(&f, &c, 200, arena_printf(a, "POST /work?%d 2:ab", n));
            assert_peer_hears(&f, &c, 200, arena_printf(a, "GET /echo?%d 0:", n));
        }
    }
}

TEST(every_byte_may_come_alone)
{
    static const char text[] = "POST /work HTTP/1.1\r\n" HOST
                               "Transfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n";
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(peer_close) struct peer c;

        peer_on(&f, &c, listeners[i]);
        for (size_t at = 0; at < sizeof(text) - 1; at++)
            peer_send(&c, text + at, 1);
        assert_peer_hears(&f, &c, 200, "3:abc");
    }
}

TEST(ambiguous_requests_are_refused_once_and_the_connection_ends)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400 },
        { "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" GET("/echo"),
          400 },
        { "GET /echo HTTP/1.1\r\n\r\n" GET("/echo"), 400 },
        { "GET /echo HTTP/2.0\r\n" HOST "\r\n" GET("/echo"), 505 },
        { "G@T /echo HTTP/1.1\r\n" HOST "\r\n" GET("/echo"), 400 },
        { "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 999999999999\r\n\r\n", 413 },
        { "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffff\r\n", 413 },
    };
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < COUNT(listeners); k++) {
            AUTO(peer_close) struct peer c;

            peer_on(&f, &c, listeners[k]);
            peer_say(&c, GET("/echo"));
            peer_say(&c, cases[i].text);
            assert_peer_hears(&f, &c, 200, "GET /echo");
            assert_peer_hears(&f, &c, cases[i].want, "Connection: close\r\n");
            assert_peer_ended(&c);
        }
}

TEST(a_megabyte_of_head_is_refused_while_it_comes)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer c;
    char part[1024];

    fixture_open(&f, NULL);
    peer_open(&f, &c, ON_HTTP);
    memset(part, 'a', sizeof(part));
    peer_say(&c, "GET /echo HTTP/1.1\r\n" HOST "X: ");
    for (int i = 0; i < 1024; i++)
        peer_send(&c, part, sizeof(part));
    assert_peer_hears(&f, &c, 431, "too large");
    assert_peer_ended(&c);
}

TEST(head_has_no_body_and_close_is_heard)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer c;
    const char *answer = "";

    fixture_open(&f, NULL);
    peer_open(&f, &c, ON_HTTP);
    peer_say(&c, "HEAD /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(peer_answer(&c, f.s->arena, false, &answer), 200);
    assert_non_null(strstr(answer, "Content-Length: 14\r\n"));
    assert_non_null(strstr(answer, "Date: "));
    assert_non_null(strstr(answer, "X-Request-Id: 0"));
    peer_say(&c, "GET /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_peer_hears(&f, &c, 200, "Connection: close\r\n");
    assert_peer_ended(&c);
}

TEST(http_1_0_is_served_and_closed)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer c;

    fixture_open(&f, NULL);
    peer_open(&f, &c, ON_HTTP);
    peer_say(&c, "GET /work HTTP/1.0\r\n\r\n");
    assert_peer_hears(&f, &c, 200, "Connection: close\r\n");
    assert_peer_ended(&c);
}

TEST(a_login_is_asked_for_before_the_body_and_the_connection_kept)
{
    static const char *const paths[] = { "/login", "/ask", "/asks-loop" };
    AUTO(fixture_close) struct fixture f;
    char *body;

    fixture_open(&f, NULL);
    body = arena_alloc(f.s->arena, 60001);
    memset(body, 'b', 60000);
    for (size_t i = 0; i < COUNT(paths); i++) {
        AUTO(peer_close) struct peer c;

        peer_on(&f, &c, listeners[i % 2]);
        peer_say(&c, arena_printf(f.s->arena,
                                  "POST %s HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n",
                                  paths[i]));
        assert_peer_hears(&f, &c, 401, "WWW-Authenticate: Basic");
        peer_say(&c, body); /* it comes after the answer, and is no request */
        peer_say(&c, arena_printf(f.s->arena,
                                  "POST %s HTTP/1.1\r\n" HOST
                                  "Authorization: x\r\nContent-Length: 60000\r\n\r\n",
                                  paths[i]));
        peer_say(&c, body);
        assert_peer_hears(&f, &c, 200, "60000:bbb");
        peer_say(&c, arena_printf(f.s->arena,
                                  "POST %s HTTP/1.1\r\n" HOST
                                  "Transfer-Encoding: chunked\r\n\r\n4\r\nbbbb\r\n",
                                  paths[i]));
        assert_peer_hears(&f, &c, 401, "who?");
        peer_say(&c, "0\r\n\r\n" GET("/echo"));
        assert_peer_hears(&f, &c, 200, "GET /echo");
    }
}

TEST(an_unwanted_body_that_is_large_ends_the_connection)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer c;

    fixture_open(&f, NULL);
    peer_open(&f, &c, ON_HTTP);
    peer_say(&c, "POST /login HTTP/1.1\r\n" HOST "Content-Length: 70000\r\n\r\n");
    assert_peer_hears(&f, &c, 401, "Connection: close\r\n");
    assert_peer_ended(&c);
}

TEST(a_chunked_body_that_nobody_wants_is_drained_only_so_far)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer c;
    char *chunk;

    fixture_open(&f, NULL);
    peer_open(&f, &c, ON_HTTP);
    chunk = arena_printf(f.s->arena, "2000\r\n%08192d\r\n", 0);
    peer_say(&c, "POST /login HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    assert_peer_hears(&f, &c, 401, "who?");
    for (int i = 0; i < 20; i++)
        peer_say(&c, chunk);
    assert_peer_ended(&c);
}

TEST(an_expectation_is_met_after_admission)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, NULL);
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(peer_close) struct peer c;
        const char *answer = "";

        peer_on(&f, &c, listeners[i]);
        peer_say(&c, "POST /ask HTTP/1.1\r\n" HOST "Authorization: x\r\nExpect: 100-continue\r\n"
                     "Content-Length: 5\r\n\r\n");
        assert_int_equal(peer_answer(&c, f.s->arena, false, &answer), 100);
        peer_say(&c, "hello");
        assert_peer_hears(&f, &c, 200, "5:hello");
        peer_say(&c, "POST /ask HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                     "Content-Length: 5\r\n\r\n");
        assert_peer_hears(&f, &c, 401, "Connection: close\r\n"); /* and no 100 before */
        assert_peer_ended(&c);
    }
}

TEST(a_body_may_be_large_but_not_larger_than_its_route_allows)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer c;
    char *body;

    fixture_open(&f, NULL);
    peer_tls(&f, &c);
    body = arena_alloc(f.s->arena, 5000001);
    memset(body, 'b', 5000000);
    peer_say(&c, "POST /work HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\n");
    peer_say(&c, body);
    assert_peer_hears(&f, &c, 200, "5000000:bbb");
    peer_say(&c, "POST /work HTTP/1.1\r\n" HOST "Content-Length: 9000000\r\n\r\n");
    assert_peer_hears(&f, &c, 413, "Connection: close\r\n");
    assert_peer_ended(&c);
}

TEST(unknown_paths_and_listeners_and_silent_handlers_have_answers)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer c;

    fixture_open(&f, NULL);
    peer_open(&f, &c, ON_HTTP);
    peer_say(&c, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    assert_peer_hears(&f, &c, 404, "nowhere");
    peer_say(&c, GET("/secure"));
    assert_peer_hears(&f, &c, 404, "CHY-0302");
    peer_say(&c, GET("/silent"));
    assert_peer_hears(&f, &c, 500, "internal error");
    peer_say(&c, GET("/twice"));
    assert_peer_hears(&f, &c, 200, "first");
    peer_say(&c, GET("/echo"));
    assert_peer_hears(&f, &c, 200, "GET /echo");
}

TEST(a_large_answer_arrives_whole_and_a_reader_that_sleeps_is_cut_off)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, &(struct http_server_options){ .write_ms = 300 });
    for (size_t i = 0; i < COUNT(listeners); i++) {
        AUTO(peer_close) struct peer c;
        AUTO(peer_close) struct peer sleeper;
        size_t total = 0;

        peer_on(&f, &sleeper, listeners[i]);
        peer_say(&sleeper, GET("/large"));
        peer_on(&f, &c, listeners[i]);
        peer_say(&c, GET("/large"));
        while (total < (8 << 20) && peer_hear(&c)) {
            total += c.len;
            c.len = 0;
        }
        assert_true(total > (8 << 20));
        total = 0;
        (void)poll(NULL, 0, 1000);
        while (peer_hear(&sleeper)) {
            total += sleeper.len;
            sleeper.len = 0;
        }
        assert_true(total < (8 << 20));
    }
}

TEST(slow_heads_bodies_and_handshakes_have_an_end)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer head;
    AUTO(peer_close) struct peer body;
    AUTO(peer_close) struct peer idle;
    AUTO(peer_close) struct peer shake;

    fixture_open(&f, &(struct http_server_options){
                         .head_ms = 200, .body_ms = 200, .idle_ms = 200, .handshake_ms = 200 });
    peer_open(&f, &head, ON_HTTP);
    peer_say(&head, "GET /echo HTTP/1.1\r\nHo");
    peer_open(&f, &body, ON_HTTP);
    peer_say(&body, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhe");
    peer_open(&f, &idle, ON_HTTP);
    peer_say(&idle, GET("/echo"));
    peer_open(&f, &shake, ON_HTTPS);
    peer_send(&shake, "\x16\x03\x01", 3);
    assert_peer_hears(&f, &head, 408, "in time");
    assert_peer_ended(&head);
    assert_peer_hears(&f, &body, 408, "in time");
    assert_peer_ended(&body);
    assert_peer_hears(&f, &idle, 200, "GET /echo");
    assert_peer_ended(&idle);
    assert_peer_ended(&shake);
}

TEST(a_full_queue_answers_503_and_other_pools_go_on)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer served;
    AUTO(peer_close) struct peer queued;
    AUTO(peer_close) struct peer over;

    fixture_open(&f, &(struct http_server_options){ .workers = { [POOL_MAIN] = 1, [POOL_SLOW] = 1 },
                                                    .queue_max = 1 });
    peer_open(&f, &served, ON_HTTP);
    peer_open(&f, &queued, ON_HTTP);
    peer_open(&f, &over, ON_HTTP);
    peer_say(&served, GET("/gate"));
    gate_await(1);
    peer_say(&queued, GET("/gate"));
    peer_say(&over, GET("/echo")); /* after its answer the loop has seen what came before */
    assert_peer_hears(&f, &over, 200, "GET /echo");
    peer_say(&over, GET("/work"));
    assert_peer_hears(&f, &over, 503, "Retry-After: 1\r\n");
    peer_say(&over, GET("/slow"));
    gate_await(2);
    gate_set(true);
    assert_peer_hears(&f, &over, 200, "GET /slow");
    assert_peer_hears(&f, &served, 200, "GET /gate");
    assert_peer_hears(&f, &queued, 200, "GET /gate");
    peer_say(&over, GET("/work"));
    assert_peer_hears(&f, &over, 200, "GET /work");
}

/* Its turn among those that asked. */
static int
turn_of(struct fixture *f, struct peer *c)
{
    const char *answer = "";

    assert_int_equal(peer_answer(c, f->s->arena, true, &answer), 200);
    return (int)strtol(strstr(answer, "turn ") + 5, NULL, 10);
}

/* Ask what a worker must answer, which has no time, so that the loop has seen it on return. */
static void
stand_in_line(struct fixture *f, struct peer *c, struct peer *other, const char *request)
{
    peer_open(f, c, ON_HTTP);
    peer_say(c, GET("/echo")); /* the connection is accepted */
    assert_peer_hears(f, c, 200, "GET /echo");
    peer_say(c, request);
    peer_say(other, GET("/echo")); /* after its answer the loop has seen what came before */
    assert_peer_hears(f, other, 200, "GET /echo");
}

TEST(what_goes_on_overtakes_what_begins_but_not_for_ever)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer served;
    AUTO(peer_close) struct peer other;
    struct peer first, second, onward[40];

    fixture_open(&f, &(struct http_server_options){ .workers = { [POOL_MAIN] = 1 } });
    peer_open(&f, &served, ON_HTTP);
    peer_open(&f, &other, ON_HTTP);
    peer_say(&served, GET("/gate"));
    gate_await(1);
    stand_in_line(&f, &first, &other, GET("/begin"));
    stand_in_line(&f, &second, &other, GET("/begin"));
    for (size_t k = 0; k < COUNT(onward); k++)
        stand_in_line(&f, &onward[k], &other, GET("/go-on"));
    gate_set(true);
    assert_peer_hears(&f, &served, 200, "GET /gate");
    assert_int_equal(turn_of(&f, &first), 32);
    assert_int_equal(turn_of(&f, &second), 42);
    for (size_t i = 0; i < COUNT(onward); i++) {
        assert_int_equal(turn_of(&f, &onward[i]), (int)i + (i < 31 ? 1 : 2));
        peer_close(&onward[i]);
    }
    peer_close(&first);
    peer_close(&second);
}

TEST(a_parked_request_keeps_no_worker_and_is_answered_later)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer parked;
    AUTO(peer_close) struct peer other;

    fixture_open(&f, &(struct http_server_options){ .workers = { [POOL_MAIN] = 1 } });
    peer_tls(&f, &parked);
    peer_open(&f, &other, ON_HTTP);
    peer_say(&parked, GET("/park"));
    gate_await(1);
    peer_say(&other, GET("/work")); /* by the only worker */
    assert_peer_hears(&f, &other, 200, "GET /work");
    gate_set(true);
    assert_peer_hears(&f, &parked, 200, "parked");
    peer_say(&parked, GET("/work"));
    assert_peer_hears(&f, &parked, 200, "GET /work");
}

static void *
stop_server(void *arg)
{
    http_server_stop(arg, 5000);
    return NULL;
}

TEST(stopping_finishes_what_was_accepted_and_takes_nothing_new)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer busy;
    AUTO(peer_close) struct peer idle;
    AUTO(peer_close) struct peer half;
    pthread_t stopper;

    fixture_open(&f, NULL);
    peer_tls(&f, &busy);
    peer_open(&f, &idle, ON_HTTP);
    peer_open(&f, &half, ON_HTTP);
    peer_say(&idle, GET("/echo"));
    assert_peer_hears(&f, &idle, 200, "GET /echo");
    peer_say(&half, GET("/echo") "GET /work HTTP/1.1\r\nHost:");
    assert_peer_hears(&f, &half, 200, "GET /echo");
    peer_say(&busy, GET("/gate"));
    gate_await(1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, f.server), 0);
    assert_peer_ended(&idle);
    peer_say(&half, " a\r\n\r\n");
    assert_peer_hears(&f, &half, 200, "Connection: close\r\n");
    assert_peer_ended(&half);
    gate_set(true);
    assert_peer_hears(&f, &busy, 200, "Connection: close\r\n");
    assert_peer_ended(&busy);
    (void)pthread_join(stopper, NULL);
    f.server = NULL;
}

TEST(stopping_waits_no_longer_than_told)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer half;

    fixture_open(&f, NULL);
    peer_open(&f, &half, ON_HTTP);
    peer_say(&half, GET("/echo") "GET /echo HTTP/1.1\r\n");
    assert_peer_hears(&f, &half, 200, "GET /echo");
    http_server_stop(f.server, 50);
    f.server = NULL;
    assert_peer_ended(&half);
}

TEST(connections_of_one_address_have_a_limit)
{
    AUTO(fixture_close) struct fixture f;
    AUTO(peer_close) struct peer one;
    AUTO(peer_close) struct peer two;
    AUTO(peer_close) struct peer three;

    fixture_open(&f, &(struct http_server_options){ .conns_per_address = 2 });
    peer_open(&f, &one, ON_HTTP);
    peer_open(&f, &two, ON_HTTP);
    peer_open(&f, &three, ON_HTTP);
    assert_peer_ended(&three);
    peer_say(&one, GET("/echo"));
    assert_peer_hears(&f, &one, 200, "GET /echo");
    peer_say(&two, GET("/echo"));
    assert_peer_hears(&f, &two, 200, "GET /echo");
}

TEST(several_loops_share_the_connections)
{
    AUTO(fixture_close) struct fixture f;

    fixture_open(&f, &(struct http_server_options){ .loops = 3 });
    for (size_t i = 0; i < 12; i++) {
        AUTO(peer_close) struct peer c;

        peer_on(&f, &c, listeners[i % 2]);
        peer_say(&c, GET("/work"));
        assert_peer_hears(&f, &c, 200, "GET /work");
    }
}
