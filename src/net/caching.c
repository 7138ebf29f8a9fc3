#include "net/caching.h"

#include "pki/hash.h"
#include <string.h>

#define LAST_MODIFIED "Last-Modified: "
#define TAG_LEN 16 /* of the hash: more than anybody finds twice */

char *
http_etag(struct arena *a, struct bytes body)
{
    uint8_t h[SHA256_LEN];

    hash_sha256(body, h);
    return arena_printf(a, "\"%s\"", hex_lower(a, (struct bytes){ h, TAG_LEN }));
}

char *
http_validators(struct arena *a, struct bytes body, struct when modified, struct when expires)
{
    bool dated = when_given(modified), ends = when_given(expires);

    return arena_printf(a, "%s%s%s%s%s%sETag: %s\r\n", dated ? LAST_MODIFIED : "",
                        dated ? when_http(a, modified) : "", dated ? "\r\n" : "",
                        ends ? "Expires: " : "", ends ? when_http(a, expires) : "",
                        ends ? "\r\n" : "", http_etag(a, body));
}

struct bytes
http_undated(struct bytes lines)
{
    static const size_t name_len = sizeof(LAST_MODIFIED) - 1;
    const uint8_t *end = lines.len > name_len ? memchr(lines.data, '\n', lines.len) : NULL;

    if (!end || memcmp(lines.data, LAST_MODIFIED, name_len) != 0)
        return lines;
    return (struct bytes){ end + 1, lines.len - (size_t)(end + 1 - lines.data) };
}

bool
http_has_it(struct arena *a, const struct http_known *known, struct bytes body,
            struct when modified)
{
    struct when w;

    if (known->match)
        return text_eq(known->match, "*") || strstr(known->match, http_etag(a, body));
    return known->since && when_given(modified) && when_parse_http(known->since, &w) &&
           when_s(modified) == when_s(w);
}
