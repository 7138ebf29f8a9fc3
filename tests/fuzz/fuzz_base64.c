/*
 * base64 and base64url, as JWS and JSON bodies hold them. What base64url is taken has one spelling,
 * that which we write, and is refused for a reason that RFC 4648 gives and for none else; plain
 * base64 is taken when it is that with other digits and its padding.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/text.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A bug of a kind that is easily made: the end of a text is taken to be a whole group. */
static void
planted(size_t len)
{
#ifdef PLANT_BUG
    PROMISE(len % 4 == 0);
#endif
    (void)len;
}

/** Is it base64url of section 5 without padding? By other means than the decoder's. */
static bool
is_base64url(const char *text, size_t len)
{
    const char *last = len ? memchr(digits, text[len - 1], 64) : NULL;

    for (size_t i = 0; i < len; i++)
        if (!memchr(digits, text[i], 64))
            return false;
    return len % 4 == 0 || (len % 4 == 2 && (last - digits) % 16 == 0) ||
           (len % 4 == 3 && (last - digits) % 4 == 0);
}

/** The same in plain base64. */
static const char *
as_plain(struct arena *a, const char *text, size_t len)
{
    char *out = arena_alloc(a, len + 5);

    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    for (; len % 4; len++)
        out[len] = '=';
    return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(arena_free) struct arena *a = arena_new();
    const char *text = arena_text_n(a, (const char *)data, strnlen((const char *)data, len)),
               *plain;
    struct bytes octets, same;
    bool taken;

    len = strlen(text);
    taken = base64url_decode(a, text, len, &octets);
    PROMISE(taken == is_base64url(text, len));
    if (taken) {
        PROMISE(octets.len == len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0));
        PROMISE(text_eq(base64url_encode(a, octets), text));
        plain = as_plain(a, text, len);
        PROMISE(base64_decode(a, plain, strlen(plain), false, &same) && bytes_eq(octets, same));
        planted(len);
    }
    if (base64_decode(a, text, len, false, &octets))
        PROMISE(text_eq(base64_encode(a, octets), text));
    else
        PROMISE(!base64_decode(a, text, len, true, &same) || strpbrk(text, " \t\r\n"));
    return 0;
}
