#include "pki/alike.h"

#include "base/text.h"

#include <idn2.h>
#include <string.h>

#define GROWTH 8 /* the small form of one character may be several */

/* The length of the character at AT, which is no ASCII. */
static size_t
character(const char *at)
{
    size_t len = 1;

    while (((uint8_t)at[len] & 0xc0) == 0x80)
        len++;
    return len;
}

/*
 * One character in its small form. The mapping is that of UTS #46, which libidn2 has: it folds
 * case, takes compatible characters for one (RFC 4518 section 2.3), and ss for the sharp s. What
 * has no place in a domain name stays as it is.
 */
static void
add_small(struct arena *a, struct buf *b, const char *at, size_t len)
{
    uint8_t *ascii = NULL;
    char *small = NULL;
    bool is_mapped = idn2_lookup_u8((const uint8_t *)arena_text_n(a, at, len), &ascii,
                                    IDN2_TRANSITIONAL) == IDN2_OK &&
                     idn2_to_unicode_8z8z((const char *)ascii, &small, 0) == IDN2_OK && *small;

    if (is_mapped)
        buf_text(b, small);
    else
        buf_add(b, at, len);
    idn2_free(ascii);
    idn2_free(small);
}

/* A character that ends a part, unless a backslash stands before it; the first = ends a type. */
static bool
separates(char c, bool *in_type)
{
    bool ends_type = c == '=' && *in_type, ends_part = c == ',' || c == '+';

    *in_type = (*in_type && !ends_type) || ends_part;
    return ends_type || ends_part;
}

char *
name_alike(struct arena *a, const char *text)
{
    bool in_type = true, begins = true, gap = false;
    struct buf b;
    size_t len;

    buf_init_in(&b, a, GROWTH * strlen(text) + 1);
    for (const char *at = text; *at; at += len) {
        bool escaped = *at == '\\' && at[1], separator;

        len = escaped && at[1] == ' ' ? 2 : text_blank(at);
        if (len) {
            gap = !begins;
            continue;
        }
        separator = !escaped && separates(*at, &in_type);
        if (gap && !separator)
            buf_byte(&b, ' ');
        gap = false;
        begins = separator;
        if (escaped)
            buf_byte(&b, '\\');
        at += escaped;
        len = (uint8_t)*at < 0x80 ? 1 : character(at);
        if (len == 1)
            buf_text(&b, text_fold(a, arena_text_n(a, at, 1)));
        else
            add_small(a, &b, at, len);
    }
    return b.failed ? text_fold(a, text) : arena_text(a, buf_str(&b));
}
