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
