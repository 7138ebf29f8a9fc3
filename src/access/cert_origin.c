#include "access/cert_origin.h"

#include <string.h>

static const char *
glued(struct arena *a, const struct cert_bearer *b)
{
    return arena_printf(a, "%s:%s:%s", b->issuer, b->subject, b->upn);
}

static bool
any_colon(const struct cert_bearer *b)
{
    return strchr(b->issuer, ':') || strchr(b->subject, ':') || strchr(b->upn, ':');
}

static const char *
part(struct arena *a, const char *text)
{
    struct buf out;

    buf_init_in(&out, a, 3 * strlen(text) + 1);
    for (; *text; text++)
        if (*text == ':' || *text == '%')
            buf_printf(&out, "%%%02X", (unsigned)(unsigned char)*text);
        else
            buf_byte(&out, (uint8_t)*text);
    return buf_str(&out);
}

const char *
cert_origin(struct arena *a, const struct cert_bearer *b)
{
    if (!any_colon(b))
        return arena_printf(a, "cert:%s", glued(a, b));
    return arena_printf(a, "x509:%s:%s:%s", part(a, b->issuer), part(a, b->subject),
                        part(a, b->upn));
}

/** Could a distinguished name be TEXT, LEN octets long? What is none may pass, no name is refused.
 */
static bool
like_a_name(const char *text, size_t len)
{
    size_t type = 0;

    while (type < len && !strchr("=,+:", text[type]))
        type++;
    return type > 0 && type < len && text[type] == '=';
}

/** In how many ways TEXT can be cut into an issuer, a subject, which may be empty, and a UPN. */
static size_t
ways_to_cut(const char *text)
{
    size_t ways = 0;

    for (const char *i = strchr(text, ':'); i; i = strchr(i + 1, ':')) {
        if (!like_a_name(text, (size_t)(i - text)))
            continue;
        for (const char *j = strchr(i + 1, ':'); j; j = strchr(j + 1, ':'))
            ways += j == i + 1 || like_a_name(i + 1, (size_t)(j - i - 1));
    }
    return ways;
}

const char *
cert_origin_before(struct arena *a, const struct cert_bearer *b, bool *one)
{
    const char *text = glued(a, b);

    if (!any_colon(b))
        return NULL;
    *one = ways_to_cut(text) == 1;
    return arena_printf(a, "cert:%s", text);
}
