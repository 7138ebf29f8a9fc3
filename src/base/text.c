#include "base/text.h"

#include <stdio.h>
#include <string.h>

struct bytes
bytes_of_text(const char *text)
{
    return text ? (struct bytes){ (const uint8_t *)text, strlen(text) } : (struct bytes){ NULL, 0 };
}

struct bytes
bytes_copy(struct arena *a, struct bytes b)
{
    if (!b.data)
        return b;
    return (struct bytes){ arena_copy(a, b.data, b.len), b.len };
}

struct bytes
bytes_join(struct arena *arena, struct bytes a, struct bytes b)
{
    uint8_t *all;

    if (b.len == 0)
        return a;
    all = arena_alloc(arena, a.len + b.len);
    if (a.len)
        memcpy(all, a.data, a.len);
    memcpy(all + a.len, b.data, b.len);
    return (struct bytes){ all, a.len + b.len };
}

bool
bytes_eq(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || !memcmp(a.data, b.data, a.len));
}

int
bytes_cmp(struct bytes a, struct bytes b)
{
    size_t least = MIN(a.len, b.len);
    int order = least ? memcmp(a.data, b.data, least) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool
bytes_eq_secret(struct bytes a, struct bytes b)
{
    volatile uint8_t differs = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differs = (uint8_t)(differs | (a.data[i] ^ b.data[i]));
    return differs == 0;
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char
upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

bool
text_eq(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool
same_fold(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

bool
text_eq_fold(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    for (; *a && lower(*a) == lower(*b); a++, b++)
        ;
    return lower(*a) == lower(*b);
}

bool
text_starts(const char *text, const char *start)
{
    return text && !strncmp(text, start, strlen(start));
}

bool
text_starts_fold(const char *text, const char *start)
{
    size_t len = strlen(start);

    return text && strnlen(text, len) == len && same_fold(text, start, len);
}

bool
text_ends(const char *text, const char *end)
{
    size_t len = text ? strlen(text) : 0, tail = strlen(end);

    return text && len >= tail && !memcmp(text + len - tail, end, tail);
}

bool
text_ends_fold(const char *text, const char *end)
{
    size_t len = text ? strlen(text) : 0, tail = strlen(end);

    return text && len >= tail && same_fold(text + len - tail, end, tail);
}

bool
text_empty(const char *text)
{
    return !text || !*text;
}

char *
text_fold(struct arena *a, const char *text)
{
    char *out = arena_text(a, text);

    for (char *at = out; at && *at; at++)
        *at = lower(*at);
    return out;
}

char *
text_upper(struct arena *a, const char *text)
{
    char *out = arena_text(a, text);

    for (char *at = out; at && *at; at++)
        *at = upper(*at);
    return out;
}

char *
text_trim(struct arena *a, const char *text)
{
    size_t len;

    if (!text)
        return NULL;
    text += strspn(text, " \t\r\n");
    len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    return arena_text_n(a, text, len);
}

/* One character at AT; returns its length in bytes, 0 when it is malformed, and its number in
 * *CODE. */
static size_t
utf8_one(const uint8_t *at, size_t left, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = at[0] < 0x80   ? 1
                 : at[0] < 0xc2 ? 0
                 : at[0] < 0xe0 ? 2
                 : at[0] < 0xf0 ? 3
                 : at[0] < 0xf5 ? 4
                                : 0;
    uint32_t value;

    if (len == 0 || len > left)
        return 0;
    value = len == 1 ? at[0] : at[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3fu);
    }
    if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return len;
}

/** Eight bytes of ASCII at once, none of them NUL: nearly all text is that. */
static bool
is_ascii_word(const uint8_t *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return ((word | (word - ones)) & tops) == 0;
}

bool
text_is_utf8(const void *data, size_t len)
{
    const uint8_t *at = data;
    uint32_t code;

    for (size_t i = 0; i < len;) {
        size_t one;

        if (len - i >= sizeof(uint64_t) && is_ascii_word(at + i)) {
            i += sizeof(uint64_t);
            continue;
        }
        one = utf8_one(at + i, len - i, &code);

        if (one == 0 || code == 0)
            return false;
        i += one;
    }
    return true;
}

char *
text_shown(struct arena *a, struct bytes data, size_t len)
{
    char *out = arena_text_n(a, data.len ? (const char *)data.data : "", MIN(data.len, len));

    for (size_t i = 0; i < MIN(data.len, len); i++)
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
    return out;
}

bool
text_has_control(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = text ? strlen(text) : 0;
    uint32_t code;

    while (left) {
        size_t one = utf8_one(at, left, &code);

        if (one == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
            code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
            (code >= 0x2066 && code <= 0x2069))
            return true;
        at += one;
        left -= one;
    }
    return false;
}

/** Characters of no width that stand for nothing by themselves (RFC 4518 section 2.2 maps them to
 * nothing), and letters that are drawn as nothing. */
static bool
is_unseen(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } unseen[] = {
        { 0xad, 0xad },     { 0x34f, 0x34f },   { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },
        { 0x180b, 0x180f }, { 0x200b, 0x200d }, { 0x2028, 0x2029 },   { 0x2060, 0x206f },
        { 0x2800, 0x2800 }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
        { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffc }, { 0xe0000, 0xe0fff },
    };

    for (size_t i = 0; i < COUNT(unseen); i++)
        if (c >= unseen[i].first && c <= unseen[i].last)
            return true;
    return false;
}

/** Blanks other than U+0020. */
static bool
is_odd_blank(uint32_t c)
{
    return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

bool
text_has_unseen(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = text ? strlen(text) : 0, one;
    uint32_t code = 0;

    for (; left && (one = utf8_one(at, left, &code)) != 0; at += one, left -= one)
        if (is_unseen(code))
            return true;
    return false;
}

size_t
text_blank(const char *at)
{
    uint32_t code = 0;
    size_t one = utf8_one((const uint8_t *)at, strnlen(at, 4), &code);

    return one && (code == ' ' || code == '\t' || is_odd_blank(code)) ? one : 0;
}

bool
text_has_blank_end(const char *text)
{
    size_t one = 0;

    for (const char *at = text; *at; at += one ? one : 1) {
        one = text_blank(at);
        if (one && (at == text || at[one] == '\0'))
            return true;
    }
    return false;
}

bool
text_is_ascii(const char *text)
{
    for (; *text; text++)
        if ((uint8_t)*text >= 0x80)
            return false;
    return true;
}

size_t
text_code_points(const char *text)
{
    size_t count = 0;

    for (; text && *text; text++)
        count += ((uint8_t)*text & 0xc0) != 0x80;
    return count;
}

bool
text_to_int(const char *text, int64_t *out)
{
    bool minus = text && *text == '-';
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + minus;

    if (!text)
        return false;
    text += minus;
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit = (unsigned)(*text - '0');

        if (digit > 9 || value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = minus ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

struct span
span_of(struct bytes b)
{
    return (struct span){ b.data, b.len ? b.data + b.len : b.data };
}

size_t
span_left(const struct span *p)
{
    return (size_t)(p->end - p->at);
}

bool
span_byte(struct span *p, uint8_t *out)
{
    if (p->at >= p->end)
        return false;
    *out = *p->at++;
    return true;
}

bool
span_take(struct span *p, size_t len, struct bytes *out)
{
    if (span_left(p) < len)
        return false;
    *out = (struct bytes){ p->at, len };
    p->at += len;
    return true;
}

void
buf_init(struct buf *b, size_t limit)
{
    *b = (struct buf){ .limit = limit };
}

void
buf_init_in(struct buf *b, struct arena *a, size_t limit)
{
    *b = (struct buf){ .limit = limit, .arena = a };
}

void
buf_init_room(struct buf *b, struct arena *a, size_t limit)
{
    *b = (struct buf){
        .data = arena_alloc(a, limit + 1), .cap = limit + 1, .limit = limit, .arena = a
    };
}

void
buf_done(struct buf *b)
{
    if (!b->arena)
        mem_free(b->data);
    *b = (struct buf){ .limit = b->limit, .arena = b->arena };
}

void
buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

static bool
buf_room(struct buf *b, size_t more)
{
    size_t cap;

    if (b->failed || more > b->limit || b->len > b->limit - more) {
        b->failed = true;
        return false;
    }
    if (b->cap - b->len > more)
        return true;
    cap = MAX(b->len + more + 1, MAX(2 * b->cap, (size_t)128));
    if (b->arena && b->cap && arena_extend(b->arena, b->data, b->cap, cap)) {
        b->cap = cap;
        return true;
    }
    if (b->arena) {
        uint8_t *data = arena_alloc(b->arena, cap);

        if (b->len)
            memcpy(data, b->data, b->len);
        b->data = data;
    } else {
        b->data = mem_grow(b->data, cap);
    }
    b->cap = cap;
    return true;
}

void
buf_expect(struct buf *b, size_t more)
{
    if (!b->failed && more <= b->limit && b->len <= b->limit - more)
        (void)buf_room(b, more);
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
    if (len == 0 || !buf_room(b, len))
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void
buf_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void
buf_byte(struct buf *b, uint8_t byte)
{
    if (buf_room(b, 1))
        b->data[b->len++] = byte;
}

void
buf_printf(struct buf *b, const char *format, ...)
{
    char small[512];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len < 0) {
        b->failed = true;
    } else if ((size_t)len < sizeof(small)) {
        buf_add(b, small, (size_t)len);
    } else if (buf_room(b, (size_t)len)) {
        va_start(args, format);
        (void)vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, args);
        va_end(args);
        b->len += (size_t)len;
    }
}

void
buf_int(struct buf *b, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

const char *
buf_str(struct buf *b)
{
    if (b->failed)
        return NULL;
    if (b->cap == b->len && !buf_room(b, 0))
        return NULL;
    if (b->cap == b->len) { /* nothing was ever added */
        buf_byte(b, 0);
        b->len--;
    }
    b->data[b->len] = 0;
    return (const char *)b->data;
}

struct bytes
buf_bytes(const struct buf *b)
{
    return b->failed ? (struct bytes){ NULL, 0 } : (struct bytes){ b->data, b->len };
}
