/* The client: what goes out, what comes back, and where it may go. */
#include "net/test_fake_peer.h"
#include "net/trace.h"

#include <sys/socket.h>

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

TEST(a_call_goes_out_in_the_trace_that_led_to_it)
{
    static const struct fake_step steps[] = { { .status = 200 } };

    for (int traced = 0; traced <= 1; traced++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(fake_stop) struct fake_peer f = { 0 };
        AUTO(peer_free) struct peer *p = NULL;
        struct call c = { 0 };
        struct reply r = { 0 };

        if (traced)
            trace_take(s, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        fake_start(&f, NULL, steps, COUNT(steps));
        p = fake_client(s, NULL, (struct peer_options){ 0 });
        c.url = fake_url(s, &f, "/");
        assert_ok(s, peer_call(s, p, &c, &r));
        assert_int_equal(fake_heard(&f, "traceparent:"), traced);
        if (traced)
            assert_true(fake_heard(&f, arena_printf(s->arena,
                                                    "traceparent: 00-4bf92f3577b34da6a3ce"
                                                    "929d0e0e4736-%s-01\r\n",
                                                    s->span_id)));
    }
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

    fake_start(&f, NULL, fake_ok, 1);
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
    r = fake_get(s, p, c.url);
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
    assert_int_equal(fake_get(s, stays, post.url).status, 302);
    fake_script(&f, relative, COUNT(relative));
    assert_int_equal(fake_get(s, follows, post.url).status, 200);
    assert_true(fake_heard(&f, "GET /next?x=1 HTTP/1.1"));
    fake_script(&f, relative, COUNT(relative));
    assert_ok(s, peer_call(s, follows, &post, &r));
    assert_int_equal(r.status, 302);
    fake_script(&f, away, COUNT(away));
    assert_int_equal(fake_get(s, follows, post.url).status, 301);
    fake_script(&f, loop, COUNT(loop));
    assert_int_equal(fake_get(s, follows, post.url).status, 307);
    assert_int_equal(fake_calls(&f), 4);
}

TEST(connections_are_kept_for_what_can_be_repeated)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct call post = { .body = BYTES("x") };
    struct reply r;

    fake_start(&f, NULL, fake_ok, 1);
    p = fake_client(s, NULL, (struct peer_options){ 0 });
    post.url = fake_url(s, &f, "/");
    for (int i = 0; i < 10; i++)
        (void)fake_get(s, p, post.url);
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

    fake_start(&f, NULL, fake_ok, 1);
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
    fake_start(&proxy, NULL, fake_ok, 1);
    fake_start(&f, NULL, fake_ok, 1);
    p = fake_client(
        s, NULL,
        (struct peer_options){ .proxy = fake_url(s, &proxy, ""), .no_proxy = "internal.example" });
    (void)fake_get(s, p, "http://ca.example.invalid/x");
    assert_true(fake_heard(&proxy, "GET http://ca.example.invalid/x HTTP/1.1\r\n"));
    (void)fake_get(s, p, fake_url(s, &f, "/direct"));
    assert_true(fake_heard(&f, "GET /direct HTTP/1.1\r\n"));
    assert_int_equal(unsetenv("http_proxy"), 0);
}
