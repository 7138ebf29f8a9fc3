/* The encodings of text.h: hexadecimal, base 64 in its two alphabets, percent. */
#include "base/text.h"

#include <string.h>

static char *
hex(struct arena *a, struct bytes b, const char *digits)
{
    char *out = arena_alloc(a, 2 * b.len + 1);

    for (size_t i = 0; i < b.len; i++) {
        out[2 * i] = digits[b.data[i] >> 4];
        out[2 * i + 1] = digits[b.data[i] & 15];
    }
    return out;
}

char *
hex_lower(struct arena *a, struct bytes b)
{
    return hex(a, b, "0123456789abcdef");
}

char *
hex_upper(struct arena *a, struct bytes b)
{
    return hex(a, b, "0123456789ABCDEF");
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
hex_decode(struct arena *a, const char *text, struct bytes *out)
{
    size_t len = text ? strlen(text) : 1;
    uint8_t *data;

    if (len % 2)
        return false;
    data = arena_alloc(a, len / 2);
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        data[i / 2] = (uint8_t)(high << 4 | low);
    }
    *out = (struct bytes){ data, len / 2 };
    return true;
}

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *
encode(char *out, const uint8_t *at, size_t len, const char *alphabet, bool pad)
{
    for (; len >= 3; len -= 3, at += 3) {
        uint32_t v = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];

        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = alphabet[v >> 6 & 63];
        *out++ = alphabet[v & 63];
    }
    if (len) {
        uint32_t v = (uint32_t)at[0] << 16 | (len == 2 ? (uint32_t)at[1] << 8 : 0);

        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        if (len == 2)
            *out++ = alphabet[v >> 6 & 63];
        else if (pad)
            *out++ = '=';
        if (pad)
            *out++ = '=';
    }
    return out;
}

char *
base64_encode(struct arena *a, struct bytes b)
{
    char *out = arena_alloc(a, (b.len + 2) / 3 * 4 + 1);

    encode(out, b.data, b.len, standard, true);
    return out;
}

char *
base64_encode_lines(struct arena *a, struct bytes b, size_t width)
{
    size_t step = width / 4 * 3, lines = step ? (b.len + step - 1) / step : 0;
    char *out = arena_alloc(a, (b.len + 2) / 3 * 4 + lines + 1), *at = out;

    for (size_t i = 0; i < b.len; i += step) {
        at = encode(at, b.data + i, MIN(step, b.len - i), standard, true);
        *at++ = '\n';
    }
    return out;
}

char *
base64url_encode(struct arena *a, struct bytes b)
{
    char *out = arena_alloc(a, (b.len + 2) / 3 * 4 + 1);

    encode(out, b.data, b.len, for_urls, false);
    return out;
}

#define NO_DIGIT 255
#define BLANK 254
#define PAD 253

/* What each byte is in base64, plain and for URLs. */
static uint8_t kinds[2][256];

CONSTRUCTOR static void
fill_kinds(void)
{
    memset(kinds, NO_DIGIT, sizeof(kinds));
    for (uint8_t i = 0; i < 64; i++) {
        kinds[false][(uint8_t)standard[i]] = i;
        kinds[true][(uint8_t)for_urls[i]] = i;
    }
    for (const char *at = " \t\r\n"; *at; at++)
        kinds[false][(uint8_t)*at] = kinds[true][(uint8_t)*at] = BLANK;
    kinds[false]['='] = PAD;
}

static bool
decode64(struct arena *a, const char *text, size_t len, bool url, bool loose, struct bytes *out)
{
    uint8_t *data = arena_alloc(a, len / 4 * 3 + 3);
    size_t digits = 0, pads = 0, at = 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < len; i++) {
        uint8_t kind = kinds[url][(uint8_t)text[i]];

        if (kind == BLANK && loose)
            continue;
        if (kind == PAD) {
            pads++;
            continue;
        }
        if (kind >= 64 || pads)
            return false;
        bits = bits << 6 | kind;
        if (++digits % 4 == 0) {
            data[at++] = (uint8_t)(bits >> 16);
            data[at++] = (uint8_t)(bits >> 8);
            data[at++] = (uint8_t)bits;
            bits = 0;
        }
    }
    if (digits % 4 == 1 || pads > 2 || (!url && (digits + pads) % 4))
        return false;
    if (digits % 4 == 2) {
        if (bits & 15)
            return false; /* RFC 4648 section 3.5: the unused bits are zero */
        data[at++] = (uint8_t)(bits >> 4);
    } else if (digits % 4 == 3) {
        if (bits & 3)
            return false;
        data[at++] = (uint8_t)(bits >> 10);
        data[at++] = (uint8_t)(bits >> 2);
    }
    *out = (struct bytes){ data, at };
    return true;
}

bool
base64_decode(struct arena *a, const char *text, size_t len, bool loose, struct bytes *out)
{
    return text && decode64(a, text, len, false, loose, out);
}

bool
base64url_decode(struct arena *a, const char *text, size_t len, struct bytes *out)
{
    return text && decode64(a, text, len, true, false, out);
}

bool
percent_decode(struct arena *a, const char *text, size_t len, bool plus_is_space, char **out)
{
    char *decoded = arena_alloc(a, len + 1), *to = decoded;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%') {
            int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = len - i > 2 ? hex_digit(text[i + 2]) : -1;

            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return false;
            *to++ = (char)(high << 4 | low);
            i += 2;
        } else if (text[i] == '+' && plus_is_space) {
            *to++ = ' ';
        } else if (text[i] == 0) {
            return false;
        } else {
            *to++ = text[i];
        }
    }
    *to = 0;
    *out = decoded;
    return true;
}

char *
percent_encode(struct arena *a, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, 3 * strlen(text) + 1), *to = out;

    for (; *text; text++) {
        uint8_t c = (uint8_t)*text;

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            strchr("-._~", c)) {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        }
    }
    return out;
}
