#include "proof/answer.h"

#include "base/test.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

/* Read TEXT, in pieces of so many octets; CLOSED: then nothing comes any more. */
static struct answer
read_in(struct scope *s, struct bytes text, size_t piece, bool closed)
{
    struct answer a;

    answer_init(&a, s->arena);
    for (size_t at = 0; at < text.len; at += piece)
        (void)answer_feed(&a, (struct bytes){ text.data + at, MIN(piece, text.len - at) });
    if (closed)
        (void)answer_close(&a);
    return a;
}

/* What TEXT says, whatever the pieces in which it comes. */
static struct answer
whole(struct scope *s, struct bytes text, bool closed)
{
    struct answer a = read_in(s, text, text.len ? text.len : 1, closed);

    for (size_t piece = 1; piece < 4; piece++) {
        struct answer again = read_in(s, text, piece, closed);

        assert_int_equal(a.state, again.state);
        assert_int_equal(a.status, again.status);
        assert_int_equal(a.locations, again.locations);
        assert_true(!a.location || text_eq(a.location, again.location));
        if (a.state == ANSWER_COMPLETE)
            assert_true(bytes_eq(buf_bytes(&a.body), buf_bytes(&again.body)));
    }
    return a;
}

TEST(an_answer_ends_where_it_says_or_where_the_connection_does)
{
    static const struct {
        const char *text;
        bool closed;
        enum answer_state state;
        int status;
        const char *body;
    } cases[] = {
        { OK_HEAD "Content-Length: 3\r\n\r\nabc", false, ANSWER_COMPLETE, 200, "abc" },
        { OK_HEAD "content-length:3\r\ncontent-length: 3\r\n\r\nabcdef", false, ANSWER_COMPLETE,
          200, "abc" },
        { OK_HEAD "Content-Length: 3\r\n\r\nab", true, ANSWER_COMING, 200, "ab" },
        { OK_HEAD "Content-Length: 0\r\n\r\n", false, ANSWER_COMPLETE, 200, "" },
        { OK_HEAD "\r\nabc", false, ANSWER_COMING, 200, "abc" },
        { OK_HEAD "\r\nabc", true, ANSWER_COMPLETE, 200, "abc" },
        { "HTTP/1.0 200\n\nabc", true, ANSWER_COMPLETE, 200, "abc" },
        { OK_HEAD "Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: x\r\n\r\n",
          false, ANSWER_COMPLETE, 200, "abc" },
        { OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
          false, ANSWER_COMPLETE, 200, "abc" },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true, ANSWER_COMING, 200,
          "abc" },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n00000A\r\n0123456789\r\n0\r\n\r\n", false,
          ANSWER_COMPLETE, 200, "0123456789" },
        { OK_HEAD "Transfer-Encoding: identity\r\n\r\nabc", true, ANSWER_COMPLETE, 200, "abc" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: x\r\n\r\n" OK_HEAD
          "Content-Length: 1\r\n\r\na",
          false, ANSWER_COMPLETE, 200, "a" },
        { "HTTP/1.1 204 \r\nContent-Length: 3\r\n\r\n", false, ANSWER_COMPLETE, 204, "" },
        { "HTTP/1.1 304 Not\r\n\r\n", false, ANSWER_COMPLETE, 304, "" },
        { "HTTP/1.1 101 Other\r\n\r\n", false, ANSWER_COMPLETE, 101, "" },
        { "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", false, ANSWER_COMPLETE, 404, "no" },
        { OK_HEAD "Server: x", true, ANSWER_COMING, 200, "" },
        { "", true, ANSWER_COMING, 0, "" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answer a = whole(s, bytes_of_text(cases[i].text), cases[i].closed);

        if (a.state != cases[i].state || a.status != cases[i].status ||
            !bytes_eq(buf_bytes(&a.body), bytes_of_text(cases[i].body)))
            fail_msg("%zu: state %d, status %d, %zu octets", i, (int)a.state, a.status, a.body.len);
    }
}

TEST(what_is_no_answer_is_malformed)
{
    static const char *const cases[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "X",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 020 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "\r\n" OK_HEAD "\r\n",
        OK_HEAD "no colon\r\n\r\n",
        OK_HEAD ": no name\r\n\r\n",
        OK_HEAD "A: b\r\n folded\r\n\r\n",
        OK_HEAD "Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
        OK_HEAD "Content-Length: +3\r\n\r\n",
        OK_HEAD "Content-Length:\r\n\r\n",
        OK_HEAD "Content-Length: 3, 3\r\n\r\n",
        OK_HEAD "Content-Length: 99999999999999999999\r\n\r\n",
        OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n\x11\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1x\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n80000000\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answer a = whole(s, bytes_of_text(cases[i]), true);

        if (a.state != ANSWER_MALFORMED)
            fail_msg("%zu: state %d, status %d", i, (int)a.state, a.status);
    }
    assert_int_equal(whole(s, BYTES(OK_HEAD "Server: a\0b\r\n\r\n"), true).state, ANSWER_MALFORMED);
}

TEST(only_the_last_head_says_where_to_go_and_how_often)
{
    static const char text[] =
        "HTTP/1.1 103 Early\r\nLocation: http://a.test/\r\n\r\n"
        "HTTP/1.1 302 Found\r\nLOCATION: \t http://b.test/ \r\n"
        "Location:http://c.test/\r\nX-Location: d\r\nContent-Length: 0\r\n\r\n";
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct answer a = whole(s, bytes_of_text(text), false);

    assert_int_equal(a.state, ANSWER_COMPLETE);
    assert_int_equal(a.status, 302);
    assert_int_equal(a.locations, 2);
    assert_string_equal(a.location, "http://c.test/");
    a = whole(s, BYTES("HTTP/1.1 302 Found\r\nLocation: http://a.test/\0b\r\n\r\n"), true);
    assert_string_equal(a.location, "\t"); /* which no Location may hold */
}

/* HEAD, and so many octets behind it, with the connection closed. */
static struct answer
with_more(struct scope *s, const char *head, size_t count)
{
    struct buf text;

    buf_init_in(&text, s->arena, 64 * 1024);
    buf_text(&text, head);
    for (size_t i = 0; i < count; i++)
        buf_byte(&text, 'x');
    return whole(s, buf_bytes(&text), true);
}

TEST(there_is_an_end_to_what_is_read)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct answer a = with_more(s, OK_HEAD "\r\n", ANSWER_BODY_MAX);

    assert_int_equal(a.state, ANSWER_COMPLETE);
    assert_int_equal(a.body.len, ANSWER_BODY_MAX);
    assert_int_equal(with_more(s, OK_HEAD "\r\n", ANSWER_BODY_MAX + 1).state, ANSWER_BODY_TOO_LONG);
    a = with_more(s, "HTTP/1.1 302 Found\r\n\r\n", ANSWER_BODY_SHOWN + 1);
    assert_int_equal(a.state, ANSWER_COMPLETE);
    assert_true(a.enough);
    assert_int_equal(a.body.len, ANSWER_BODY_SHOWN);
    assert_int_equal(with_more(s, OK_HEAD "X: ", ANSWER_HEAD_MAX).state, ANSWER_HEAD_TOO_LONG);
    assert_int_equal(with_more(s, "HTTP/1.1 ", ANSWER_HEAD_MAX).state, ANSWER_HEAD_TOO_LONG);
    assert_int_equal(
        with_more(s, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1;", ANSWER_HEAD_MAX).state,
        ANSWER_HEAD_TOO_LONG);
}
