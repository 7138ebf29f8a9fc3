#include "net/caching.h"

#include "pki/hash.h"

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
    bool ends = when_given(expires);

    return arena_printf(a, "Last-Modified: %s\r\n%s%s%sETag: %s\r\n", when_http(a, modified),
                        ends ? "Expires: " : "", ends ? when_http(a, expires) : "",
                        ends ? "\r\n" : "", http_etag(a, body));
}
