#include "base/test.h"

#include "net/server.h"

static struct http_request
request(struct scope *s, const char *query)
{
    return (struct http_request){ .scope = s, .query = query, .body = bytes_of_text(query) };
}

TEST(query_parameters_are_decoded_and_the_last_one_wins)
{
    static const struct {
        const char *query, *name;
        bool fold;
        const char *want;
    } cases[] = {
        { "", "a", false, NULL },
        { "a=1", "a", false, "1" },
        { "a=1&a=2", "a", false, "2" },
        { "A=1", "a", false, NULL },
        { "A=1", "a", true, "1" },
        { "a", "a", false, "" },
        { "a=", "a", false, "" },
        { "&&a=1&&", "a", false, "1" },
        { "a=b=c", "a", false, "b=c" },
        { "a=x+y%20z", "a", false, "x y z" },
        { "pq.queryString=a%20-eq%20%22b%22", "pq.querystring", true, "a -eq \"b\"" },
        { "b=%zz&a=1", "a", false, "1" },
        { "a=%00", "a", false, NULL },
        { "a=%ff", "a", false, NULL },
        { "%61=1", "a", false, "1" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct http_request rq = request(s, cases[i].query);
        const char *got = http_query(&rq, cases[i].name, cases[i].fold);

        if (!text_eq(got, cases[i].want))
            fail_msg("%s: %s", cases[i].query, got ? got : "nothing");
    }
}

TEST(a_form_is_read_whole_or_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct http_request rq = request(s, "grant_type=client_credentials&scope=a+b&empty");
    struct list all = { 0 };

    assert_ok(s, http_form(&rq, &all));
    assert_int_equal(all.count, 3);
    assert_string_equal(list_at(&all, struct header, 1)->name, "scope");
    assert_string_equal(list_at(&all, struct header, 1)->value, "a b");
    rq.query = "a=%";
    assert_err(E_INVALID, http_query_all(&rq, &all));
    assert_int_equal(all.count, 3);
}

TEST(too_many_parameters_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct http_request rq;
    struct list all = { 0 };
    struct buf b;

    buf_init_in(&b, s->arena, 1 << 20);
    for (int i = 0; i < 1001; i++)
        buf_text(&b, "a=1&");
    rq = request(s, buf_str(&b));
    assert_err(E_LIMIT, http_query_all(&rq, &all));
}

TEST(headers_are_found_in_any_case)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct http_request rq = request(s, "");

    list_add(s->arena, &rq.headers, struct header, ((struct header){ "Content-TYPE", "a/b" }));
    assert_string_equal(http_header(&rq, "content-type"), "a/b");
    assert_null(http_header(&rq, "accept"));
}
