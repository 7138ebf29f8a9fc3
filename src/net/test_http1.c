#include "base/test.h"

#include "net/http1.h"

#define HOST "Host: a.example\r\n"
#define FIELDS_10 "X: 1\r\nX: 2\r\nX: 3\r\nX: 4\r\nX: 5\r\nX: 6\r\nX: 7\r\nX: 8\r\nX: 9\r\nX: 0\r\n"
#define FIELDS_50 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10

static const struct http1_limits limits = { .head_max = 16 * 1024,
                                            .target_max = 9 * 1024,
                                            .fields_max = 100 };

/* Read LEN bytes in pieces of STEP and write down all that is found, so that two readings can be
 * compared. */
static void
transcript(struct arena *a, const uint8_t *data, size_t len, size_t step, struct buf *out)
{
    struct http1 p;
    size_t at = 0, used;
    bool done = false;

    http1_init(&p, a, &limits);
    while (!done) {
        size_t piece = MIN(step, len - at);
        enum http1_event ev = http1_feed(&p, data + at, piece, &used);

        assert_true(used <= piece);
        at += used;
        if (ev == HTTP1_HEAD) {
            buf_printf(out, "%s %s %s|%s|%s|%d %lld%s%s\n", p.head.method, p.head.method_sent,
                       p.head.path, p.head.query, p.head.host, p.head.minor,
                       (long long)p.head.length, p.head.close ? " close" : "",
                       p.head.expects_continue ? " expect" : "");
            LIST_EACH(struct header, h, &p.head.headers)
            buf_printf(out, "%s=%s\n", h->name, h->value);
            http1_body_limit(&p, 100000);
        } else if (ev == HTTP1_BODY) {
            buf_add(out, p.piece.data, p.piece.len);
        } else if (ev == HTTP1_END) {
            buf_printf(out, "\nend");
            done = true;
        } else if (ev == HTTP1_BAD) {
            buf_printf(out, "\n%d %s", p.status, p.reason);
            done = true;
        } else if (at == len) {
            buf_printf(out, "\nmore");
            done = true;
        }
    }
}

/* The status a request is refused with, or 0 when it is complete, or 1 when it is not. */
static int
verdict(const char *data, size_t len)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct buf out;
    const char *text, *last;

    buf_init_in(&out, a, 1 << 20);
    transcript(a, (const uint8_t *)data, len, len ? len : 1, &out);
    text = buf_str(&out);
    assert_non_null(text);
    last = strrchr(text, '\n') + 1;
    return !strcmp(last, "end") ? 0 : !strcmp(last, "more") ? 1 : (int)strtol(last, NULL, 10);
}

/* However the bytes are cut, the reader finds the same. */
static void
assert_cuts_alike(const char *data, size_t len)
{
    static const size_t steps[] = { 1, 2, 3, 7, 64 };
    AUTO(arena_free) struct arena *a = arena_new();
    struct buf whole;

    buf_init_in(&whole, a, 1 << 20);
    transcript(a, (const uint8_t *)data, len, len ? len : 1, &whole);
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct buf cut;

        buf_init_in(&cut, a, 1 << 20);
        transcript(a, (const uint8_t *)data, len, steps[i], &cut);
        assert_string_equal(buf_str(&cut), buf_str(&whole));
    }
}

struct sample {
    const char *name, *data;
    size_t len;
    int want;
};
#define CASE(name, data, want)             \
    {                                      \
        name, data, sizeof(data) - 1, want \
    }
#define GET(fields) "GET / HTTP/1.1\r\n" fields "\r\n"
#define POST(fields, body) "POST /x HTTP/1.1\r\n" HOST fields "\r\n" body
#define CHUNKS(body) POST("Transfer-Encoding: chunked\r\n", body)

static const struct sample samples[] = {
    /* served */
    CASE("plain", GET(HOST), 0),
    CASE("no bytes", "", 1),
    CASE("half a head", "GET / HTTP/1.1\r\nHost: a", 1),
    CASE("an empty line before", "\r\n" GET(HOST), 0),
    CASE("a method in small letters", "put / HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("absolute form", "GET http://b.example:81/p?q HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("absolute form, no path", "GET HTTPS://b.example?q HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 0),
    CASE("a value that is empty", GET(HOST "X:\r\nY: \t \r\n"), 0),
    CASE("a value in UTF-8", GET(HOST "X: \xc3\xa4\r\n"), 0),
    CASE("a value in ISO 8859-1", GET(HOST "X: \xe4\xff\r\n"), 0),
    CASE("the largest length", POST("Content-Length: 9223372036854775807\r\n", ""), 1),
    CASE("a hundred fields",
         GET(HOST "A: 1\r\n" FIELDS_50 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10
                  "B:\r\nB:\r\nB:\r\nB:\r\nB:\r\nB:\r\nB:\r\nB:\r\n"),
         0),
    CASE("a body", POST("Content-Length: 5\r\n", "hello"), 0),
    CASE("an empty body", POST("Content-Length: 0\r\n", ""), 0),
    CASE("a body that is short", POST("Content-Length: 5\r\n", "hell"), 1),
    CASE("GET with a body", "GET / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nnull", 0),
    CASE("chunks", CHUNKS("5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n"), 0),
    CASE("chunks with extensions", CHUNKS("5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n"), 0),
    CASE("chunks with trailers", CHUNKS("1\r\nx\r\n0\r\nChecksum: 1\r\nNote:\r\n\r\n"), 0),
    CASE("IPv6 host", GET("Host: [2001:db8::1]:8443\r\n"), 0),
    CASE("what follows is left alone", GET(HOST) "\0\0\0", 0),

    /* lengths */
    CASE("differing lengths", POST("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400),
    CASE("equal lengths", POST("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400),
    CASE("listed lengths", POST("Content-Length: 5, 5\r\n", "hello"), 400),
    CASE("signed length", POST("Content-Length: +5\r\n", "hello"), 400),
    CASE("negative length", POST("Content-Length: -5\r\n", "hello"), 400),
    CASE("empty length", POST("Content-Length:\r\n", "hello"), 400),
    CASE("hex length", POST("Content-Length: 0x5\r\n", "hello"), 400),
    CASE("length with a blank", POST("Content-Length: 5 5\r\n", "hello"), 400),
    CASE("length beyond 64 bits", POST("Content-Length: 99999999999999999999\r\n", ""), 400),
    CASE("length and chunks", POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", ""), 400),
    CASE("chunks and length", POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", ""), 400),

    /* transfer codings */
    CASE("unknown coding", POST("Transfer-Encoding: gzip\r\n", ""), 400),
    CASE("stacked codings", POST("Transfer-Encoding: gzip, chunked\r\n", ""), 400),
    CASE("chunked twice", POST("Transfer-Encoding: chunked, chunked\r\n", ""), 400),
    CASE("two coding fields",
         POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""), 400),
    CASE("empty coding", POST("Transfer-Encoding:\r\n", ""), 400),
    CASE("identity", POST("Transfer-Encoding: identity\r\n", ""), 400),
    CASE("quoted coding", POST("Transfer-Encoding: \"chunked\"\r\n", ""), 400),
    CASE("coding with a vertical tab", POST("Transfer-Encoding: \vchunked\r\n", ""), 400),
    CASE("coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400),

    /* chunks */
    CASE("chunk size missing", CHUNKS("\r\nhello\r\n"), 400),
    CASE("chunk size signed", CHUNKS("+5\r\nhello\r\n"), 400),
    CASE("chunk size with 0x", CHUNKS("0x5\r\nhello\r\n"), 400),
    CASE("chunk size no hex", CHUNKS("g\r\n"), 400),
    CASE("chunk size with a blank", CHUNKS("5 \r\nhello\r\n"), 400),
    CASE("chunk size of nine digits", CHUNKS("000000005\r\nhello\r\n"), 400),
    CASE("chunk size beyond the limit", CHUNKS("ffffffff\r\n"), 413),
    CASE("chunks beyond the limit",
         CHUNKS("1\r\nx\r\n1869f\r\n"
                "x"),
         1),
    CASE("chunks one beyond the limit", CHUNKS("1\r\nx\r\n186a0\r\n"), 413),
    CASE("chunk line with a bare LF", CHUNKS("5\nhello\r\n"), 400),
    CASE("chunk line with a bare CR", CHUNKS("5\rhello\r\n"), 400),
    CASE("chunk longer than its size", CHUNKS("4\r\nhello\r\n0\r\n\r\n"), 400),
    CASE("chunk end with a bare LF", CHUNKS("5\r\nhello\n0\r\n\r\n"), 400),
    CASE("chunk end with a bare CR", CHUNKS("5\r\nhello\r0\r\n\r\n"), 400),
    CASE("NUL in an extension", CHUNKS("5;a=\0\r\nhello\r\n"), 400),
    CASE("LF in an extension", CHUNKS("5;a=\n\r\nhello\r\n"), 400),
    CASE("trailer that frames", CHUNKS("0\r\nContent-Length: 5\r\n\r\n"), 400),
    CASE("trailer that logs in", CHUNKS("0\r\nauthorization: x\r\n\r\n"), 400),
    CASE("folded trailer", CHUNKS("0\r\nA: b\r\n c\r\n\r\n"), 400),
    CASE("trailer without colon", CHUNKS("0\r\nA\r\n\r\n"), 400),
    CASE("trailer with a bare LF", CHUNKS("0\r\nA: b\n\r\n"), 400),
    CASE("too many trailers", CHUNKS("0\r\n" FIELDS_50 FIELDS_50 "Z: 1\r\n\r\n"), 431),

    /* Host */
    CASE("no Host", GET(""), 400),
    CASE("two Hosts", GET(HOST HOST), 400),
    CASE("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400),
    CASE("empty Host", GET("Host:\r\n"), 400),
    CASE("Host with a path", GET("Host: a/b\r\n"), 400),
    CASE("Host with a user", GET("Host: u@a\r\n"), 400),
    CASE("Host list", GET("Host: a, b\r\n"), 400),
    CASE("Host with blanks", GET("Host: a b\r\n"), 400),
    CASE("Host with a bad port", GET("Host: a:99999\r\n"), 400),
    CASE("Host with an empty port", GET("Host: a:\r\n"), 400),
    CASE("Host with half a bracket", GET("Host: [::1\r\n"), 400),
    CASE("absolute form without Host", "GET http://b/ HTTP/1.1\r\n\r\n", 400),
    CASE("absolute form with a user", "GET http://u@b/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("absolute form without a host", "GET http:///x HTTP/1.1\r\n" HOST "\r\n", 400),

    /* lines and characters */
    CASE("space before the colon", GET(HOST "X : 1\r\n"), 400),
    CASE("tab before the colon", GET(HOST "X\t: 1\r\n"), 400),
    CASE("no name", GET(HOST ": 1\r\n"), 400),
    CASE("no colon", GET(HOST "X\r\n"), 400),
    CASE("folded line", GET(HOST "X: 1\r\n 2\r\n"), 400),
    CASE("folded line by tab", GET(HOST "X: 1\r\n\t2\r\n"), 400),
    CASE("blank before the first field", "GET / HTTP/1.1\r\n " HOST "\r\n", 400),
    CASE("NUL in a value", GET(HOST "X: a\0b\r\n"), 400),
    CASE("NUL in a name", GET(HOST "X\0: a\r\n"), 400),
    CASE("NUL in the target", "GET /\0 HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("bare CR in a value", GET(HOST "X: a\rb\r\n"), 400),
    CASE("bare LF in a value", GET(HOST "X: a\nY: b\r\n"), 400),
    CASE("bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", 400),
    CASE("bare LF at the end", "GET / HTTP/1.1\r\n" HOST "\n", 400),
    CASE("CR CR LF", GET(HOST "X: 1\r\r\n"), 400),
    CASE("a control character", GET(HOST "X: \x01\r\n"), 400),
    CASE("DEL", GET(HOST "X: \x7f\r\n"), 400),
    CASE("a name beyond ASCII", GET(HOST "\xc3\xa4: 1\r\n"), 400),
    CASE("two empty lines before", "\r\n\r\n" GET(HOST), 400),
    CASE("a bare LF before", "\n" GET(HOST), 400),
    CASE("a blank before", " " GET(HOST), 400),

    /* the request line */
    CASE("no method", " / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("junk method", "G@T / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("method in brackets", "<GET> / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("TLS on a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    CASE("long method", "GETGETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("two blanks", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a tab", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("four words", "GET / x HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a blank at the end", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
    CASE("no target", "GET HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a relative target", "GET x HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a fragment", "GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a target beyond ASCII", "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("another scheme", "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("GET *", "GET * HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("CONNECT", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 501),
    CASE("HTTP/0.9", "GET /\r\n", 400),
    CASE("HTTP/1", "GET / HTTP/1\r\n" HOST "\r\n", 400),
    CASE("HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 505),
    CASE("HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505),
    CASE("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    CASE("HTTP/01.1", "GET / HTTP/01.1\r\n" HOST "\r\n", 400),
    CASE("HTTP/1.10", "GET / HTTP/1.10\r\n" HOST "\r\n", 400),
    CASE("http/1.1", "GET / http/1.1\r\n" HOST "\r\n", 400),
    CASE("HTTPS/1.1", "GET / HTTPS/1.1\r\n" HOST "\r\n", 400),

    /* fields */
    CASE("too many fields", GET(HOST FIELDS_50 FIELDS_50), 431),
    CASE("two logins", GET(HOST "Authorization: a\r\nAuthorization: b\r\n"), 400),
    CASE("two types", GET(HOST "Content-Type: a/b\r\nContent-Type: a/c\r\n"), 400),
    CASE("an unknown expectation", POST("Expect: 200-ok\r\n", ""), 417),
};

TEST(requests_are_served_or_refused_as_the_table_says)
{
    for (size_t i = 0; i < COUNT(samples); i++) {
        int got = verdict(samples[i].data, samples[i].len);

        if (got != samples[i].want)
            fail_msg("%s: %d, not %d", samples[i].name, got, samples[i].want);
    }
}

TEST(how_the_bytes_are_cut_makes_no_difference)
{
    for (size_t i = 0; i < COUNT(samples); i++)
        assert_cuts_alike(samples[i].data, samples[i].len);
}

/* A request that is START, then N times FILL, then END. */
static int
long_verdict(const char *start, char fill, size_t n, const char *end)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct buf b;
    int got;

    buf_init_in(&b, a, 4 << 20);
    buf_text(&b, start);
    for (size_t i = 0; i < n; i++)
        buf_byte(&b, (uint8_t)fill);
    buf_text(&b, end);
    got = verdict((const char *)b.data, b.len);
    assert_cuts_alike((const char *)b.data, MIN(b.len, (size_t)40000));
    return got;
}

TEST(sizes_have_limits)
{
    static const struct {
        const char *name, *start;
        char fill;
        size_t n;
        const char *end;
        int want;
    } cases[] = {
        { "target at the limit", "GET /", 'a', 9215, " HTTP/1.1\r\n" HOST "\r\n", 0 },
        { "target past it", "GET /", 'a', 9216, " HTTP/1.1\r\n" HOST "\r\n", 414 },
        { "target without end", "GET /", 'a', 1 << 20, "", 414 },
        { "head at the limit", "GET / HTTP/1.1\r\n" HOST "X: ", 'a', 16384 - 16 - 17 - 3 - 4,
          "\r\n\r\n", 0 },
        { "head past it", "GET / HTTP/1.1\r\n" HOST "X: ", 'a', 16384 - 16 - 17 - 3 - 3, "\r\n\r\n",
          431 },
        { "20 KB in a value", "GET / HTTP/1.1\r\n" HOST "X: ", 'a', 20000, "\r\n\r\n", 431 },
        { "1 MB in a value", "GET / HTTP/1.1\r\n" HOST "X: ", 'a', 1 << 20, "\r\n\r\n", 431 },
        { "1 MB in a name", "GET / HTTP/1.1\r\n" HOST, 'a', 1 << 20, "", 431 },
        { "1 MB of blanks", "GET / HTTP/1.1\r\n" HOST "X:", ' ', 1 << 20, "", 431 },
        { "1 MB of method", "", 'G', 1 << 20, "", 400 },
        { "extension at the limit", CHUNKS("0"), ';', 1025, "\r\n\r\n", 0 },
        { "extension past it", CHUNKS("0"), ';', 1026, "\r\n\r\n", 400 },
        { "trailers past it", CHUNKS("0\r\nX: "), 'a', 4096, "\r\n\r\n", 431 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int got = long_verdict(cases[i].start, cases[i].fill, cases[i].n, cases[i].end);

        if (got != cases[i].want)
            fail_msg("%s: %d, not %d", cases[i].name, got, cases[i].want);
    }
}

/* Feed all of TEXT; the head must be complete. */
static void
read_head(struct http1 *p, struct arena *a, const char *text)
{
    size_t used;

    http1_init(p, a, &limits);
    assert_int_equal(http1_feed(p, (const uint8_t *)text, strlen(text), &used), HTTP1_HEAD);
}

TEST(a_head_says_what_was_asked)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct http1 p;

    read_head(&p, a,
              "Put http://b.example:81/p/q?x=1?y HTTP/1.1\r\nHost: a\r\nX: \t one two \t\r\n"
              "CONNECTION: foo, Close\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n");
    assert_string_equal(p.head.method, "PUT");
    assert_string_equal(p.head.method_sent, "Put");
    assert_string_equal(p.head.target, "/p/q?x=1?y");
    assert_string_equal(p.head.path, "/p/q");
    assert_string_equal(p.head.query, "x=1?y");
    assert_string_equal(p.head.host, "b.example:81");
    assert_string_equal(list_at(&p.head.headers, struct header, 1)->value, "one two");
    assert_int_equal(p.head.headers.count, 5);
    assert_true(p.head.close && p.head.expects_continue);
    assert_int_equal(p.head.length, 3);
}

TEST(an_absolute_target_without_a_path_asks_for_the_root)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct http1 p;

    read_head(&p, a, "GET http://b?x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(p.head.target, "/?x");
    assert_string_equal(p.head.path, "/");
    assert_string_equal(p.head.query, "x");
    read_head(&p, a, "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(p.head.target, "/");
}

TEST(values_that_are_not_utf8_become_it)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct http1 p;

    read_head(&p, a, "GET / HTTP/1.1\r\nHost: a\r\nA: a\xe4z\r\nB: \xc3\xa4\r\n\r\n");
    assert_string_equal(list_at(&p.head.headers, struct header, 1)->value, "a\xc3\xa4z");
    assert_string_equal(list_at(&p.head.headers, struct header, 2)->value, "\xc3\xa4");
}

TEST(http_1_0_closes_and_expects_nothing)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct http1 p;

    read_head(&p, a,
              "POST / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n"
              "Content-Length: 1\r\n\r\n");
    assert_true(p.head.close);
    assert_false(p.head.expects_continue);
    assert_string_equal(p.head.host, "");
}

TEST(a_reader_that_refused_refuses_for_ever)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct http1 p;
    size_t used;

    http1_init(&p, a, &limits);
    assert_int_equal(http1_feed(&p, (const uint8_t *)"\0", 1, &used), HTTP1_BAD);
    assert_int_equal(http1_feed(&p, (const uint8_t *)GET(HOST), strlen(GET(HOST)), &used),
                     HTTP1_BAD);
    assert_int_equal(used, 0);
}

TEST(what_follows_a_request_is_not_used)
{
    AUTO(arena_free) struct arena *a = arena_new();
    static const char two[] = POST("Content-Length: 2\r\n", "ab") GET(HOST);
    const uint8_t *data = (const uint8_t *)two;
    size_t len = sizeof(two) - 1, used, at;
    struct http1 p;

    http1_init(&p, a, &limits);
    assert_int_equal(http1_feed(&p, data, len, &used), HTTP1_HEAD);
    at = used;
    assert_int_equal(http1_feed(&p, data + at, len - at, &used), HTTP1_BODY);
    assert_int_equal(p.piece.len, 2);
    assert_memory_equal(p.piece.data, "ab", 2);
    at += used;
    assert_int_equal(http1_feed(&p, data + at, len - at, &used), HTTP1_END);
    assert_int_equal(used, 0);
    assert_int_equal(len - at, strlen(GET(HOST)));
}
