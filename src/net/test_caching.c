#include "base/test.h"
#include "net/caching.h"

#include <string.h>

TEST(validators_are_finished_lines_that_follow_the_body)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct when made = WHEN_S(1763740799), ends = WHEN_S(1763740800);

    assert_string_equal(http_validators(a, BYTES("abc"), made, ends),
                        "Last-Modified: Fri, 21 Nov 2025 15:59:59 GMT\r\n"
                        "Expires: Fri, 21 Nov 2025 16:00:00 GMT\r\n"
                        "ETag: \"ba7816bf8f01cfea414140de5dae2223\"\r\n"); /* FIPS 180-4 */
    assert_string_equal(http_validators(a, BYTES(""), made, WHEN_NONE),
                        "Last-Modified: Fri, 21 Nov 2025 15:59:59 GMT\r\n"
                        "ETag: \"e3b0c44298fc1c149afbf4c8996fb924\"\r\n");
    assert_string_equal(http_etag(a, BYTES("abc")), "\"ba7816bf8f01cfea414140de5dae2223\"");
    assert_string_not_equal(http_etag(a, BYTES("abd")), http_etag(a, BYTES("abc")));
}

TEST(a_body_without_a_date_has_no_such_line)
{
    AUTO(arena_free) struct arena *a = arena_new();
    static const char *const ends[] = { NULL, "Fri, 21 Nov 2025 16:00:00 GMT" };
    struct when made = WHEN_S(1763740799);

    for (size_t i = 0; i < COUNT(ends); i++) {
        struct when until = ends[i] ? WHEN_S(1763740800) : WHEN_NONE;
        const char *text = http_validators(a, BYTES("abc"), WHEN_NONE, until);
        struct bytes bare = bytes_of_text(text);

        assert_null(strstr(text, "Last-Modified"));
        assert_true(bytes_eq(
            bare, http_undated(bytes_of_text(http_validators(a, BYTES("abc"), made, until)))));
        assert_true(bytes_eq(bare, http_undated(bare)));
    }
}

TEST(only_who_has_the_very_body_is_told_so)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct when made = WHEN_S(1763740799);
    const char *tag = http_etag(a, BYTES("abc")), *other = http_etag(a, BYTES("abd"));
    const char *date = "Fri, 21 Nov 2025 15:59:59 GMT";
    const struct {
        struct http_known known;
        struct when made;
        bool has;
    } cases[] = {
        { { NULL, NULL }, made, false },
        { { tag, NULL }, made, true },
        { { tag, NULL }, WHEN_NONE, true },
        { { arena_printf(a, "%s, W/%s", other, tag), NULL }, made, true },
        { { "*", NULL }, made, true },
        { { other, NULL }, made, false },
        { { other, date }, made, false }, /* the tag decides: RFC 9110 section 13.1.3 */
        { { tag, "Fri, 21 Nov 2025 15:59:58 GMT" }, made, true },
        { { NULL, date }, made, true },
        { { NULL, date }, WHEN_NONE, false }, /* another body may have that date */
        { { NULL, "Fri, 21 Nov 2025 15:59:58 GMT" }, made, false },
        { { NULL, "Fri, 21 Nov 2025 16:04:00 GMT" }, made, false }, /* it may be dated back */
        { { NULL, "yesterday" }, made, false },
        { { NULL, "" }, made, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(http_has_it(a, &cases[i].known, BYTES("abc"), cases[i].made),
                         cases[i].has);
}
