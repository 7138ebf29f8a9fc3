#include "codec/json.h"
#include "codec/value.h"

#include <math.h>
#include <string.h>

#define DEPTH_MAX 64
#define EXPECT_MOST ((size_t)1 << 20) /* octets that are taken beforehand */

struct encoder {
    struct buf *out;
    bool masked;
    int depth;
};

/* 1: written with an escape; 2: begins U+2028 and its neighbours. */
static const uint8_t special[256] = {
    [0] = 1,  [1] = 1,  [2] = 1,  [3] = 1,  [4] = 1,  [5] = 1,   [6] = 1,    [7] = 1,    [8] = 1,
    [9] = 1,  [10] = 1, [11] = 1, [12] = 1, [13] = 1, [14] = 1,  [15] = 1,   [16] = 1,   [17] = 1,
    [18] = 1, [19] = 1, [20] = 1, [21] = 1, [22] = 1, [23] = 1,  [24] = 1,   [25] = 1,   [26] = 1,
    [27] = 1, [28] = 1, [29] = 1, [30] = 1, [31] = 1, ['"'] = 1, ['\\'] = 1, [0xe2] = 2,
};

static void
escape(struct buf *out, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };
    char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    if (c >= 32 || short_form[c]) {
        text[1] = c >= 32 ? (char)c : short_form[c];
        buf_add(out, text, 2);
    } else {
        buf_add(out, text, 6);
    }
}

/* Eight letters of ASCII in one look: is none of them special? */
static bool
eight_plain(const uint8_t *p)
{
    uint64_t ones = UINT64_C(0x0101010101010101), letters;

    memcpy(&letters, p, sizeof(letters));
    return !((letters | (letters - ones * ' ') | ((letters ^ ones * '"') - ones) |
              ((letters ^ ones * '\\') - ones)) &
             ones << 7);
}

/* The first byte from P on, before END, that is written in another way. */
static const uint8_t *
find_special(const uint8_t *p, const uint8_t *end, bool separators)
{
    while (p < end) {
        const uint8_t *stop = end - p > 8 ? p + 8 : end;

        if (end - p >= 8 && eight_plain(p)) {
            p += 8;
            continue;
        }
        for (; p < stop; p++)
            if (special[*p] == 1 ||
                (special[*p] == 2 && separators && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)))
                return p;
    }
    return end;
}

static void
quoted(struct buf *out, const char *text, bool separators)
{
    const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);

    buf_byte(out, '"');
    while (p < end) {
        const uint8_t *next = find_special(p, end, separators);

        buf_add(out, p, (size_t)(next - p));
        p = next;
        if (p < end && special[*p] == 1) {
            escape(out, *p++);
        } else if (p < end) {
            buf_text(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
            p += 3;
        }
    }
    buf_byte(out, '"');
}

void
json_text(struct buf *out, const char *text)
{
    if (text)
        quoted(out, text, true);
    else
        buf_add(out, "null", 4);
}

void
json_text_canonical(struct buf *out, const char *text)
{
    quoted(out, text, false); /* RFC 8785 section 3.2.2.2 has no escape for U+2028 */
}

void
json_base64(struct buf *out, struct bytes data)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[256];
    size_t used = 0;

    buf_byte(out, '"');
    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i;
        uint32_t b = (uint32_t)data.data[i] << 16 |
                     (uint32_t)(left > 1 ? data.data[i + 1] : 0) << 8 |
                     (uint32_t)(left > 2 ? data.data[i + 2] : 0);

        text[used++] = letters[b >> 18];
        text[used++] = letters[b >> 12 & 63];
        text[used++] = left > 1 ? letters[b >> 6 & 63] : '=';
        text[used++] = left > 2 ? letters[b & 63] : '=';
        if (used == sizeof(text)) {
            buf_add(out, text, used);
            used = 0;
        }
    }
    buf_add(out, text, used);
    buf_byte(out, '"');
}

static char *
digits(char *p, int value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        p[i] = (char)('0' + value % 10);
    return p + count;
}

void
json_when(struct buf *out, struct when when)
{
    struct civil c = when_civil(when);
    char text[32], *p = text;

    *p++ = '"';
    p = digits(p, c.year, 4);
    *p++ = '-';
    p = digits(p, c.month, 2);
    *p++ = '-';
    p = digits(p, c.day, 2);
    *p++ = 'T';
    p = digits(p, c.hour, 2);
    *p++ = ':';
    p = digits(p, c.minute, 2);
    *p++ = ':';
    p = digits(p, c.second, 2);
    if (c.ms) {
        *p++ = '.';
        p = digits(p, c.ms, 3);
    }
    *p++ = 'Z';
    *p++ = '"';
    buf_add(out, text, (size_t)(p - text));
}

static void
encode_int(struct buf *out, const struct field *f, int64_t value)
{
    const struct choice *c = f->flags & CHOICE_TEXT ? choice_by_number(f->choices, value) : NULL;

    if (c) {
        json_text(out, c->name);
    } else if (f->flags & (DURATION | SIZE)) {
        AUTO(arena_free) struct arena *a = arena_new();

        json_text(out, f->flags & SIZE ? size_text(a, value) : duration_text(a, value));
    } else {
        buf_int(out, value);
    }
}

static void
encode_real(struct buf *out, double value)
{
    char text[REAL_TEXT_MAX] = "null"; /* JSON has no infinities */

    if (isfinite(value))
        real_text(value, false, text);
    buf_text(out, text);
}

static bool
is_none(const struct field *f, const void *member)
{
    switch (f->type) {
    case FT_BOOL:
        return !*(const bool *)member;
    case FT_INT:
        return !*(const int64_t *)member;
    case FT_REAL:
        return *(const double *)member == 0;
    case FT_TEXT:
        return text_empty(*(const char *const *)member);
    case FT_WHEN:
        return !when_given(*(const struct when *)member);
    case FT_BYTES:
        return !((const struct bytes *)member)->data;
    case FT_OPT_BOOL:
        return !((const struct opt_bool *)member)->given;
    case FT_OPT_INT:
        return !((const struct opt_int *)member)->given;
    case FT_RAW:
        return !((const struct raw *)member)->json;
    case FT_PAIRS:
        return !((const struct pairs *)member)->of.count;
    case FT_LIST:
        return !((const struct list *)member)->count;
    case FT_OBJECT:
        return !*(const void *const *)member;
    }
    return true;
}

static bool
left_out(const struct field *f, const void *member)
{
    bool by_nature = f->type == FT_WHEN || f->type == FT_OBJECT || f->type == FT_RAW;

    if (!(f->flags & OMIT_EMPTY) && (!by_nature || (f->flags & ALWAYS)))
        return false;
    return is_none(f, member);
}

static void encode_struct(struct encoder *e, const struct model *m, const void *in);
static void encode_list(struct encoder *e, const struct field *f, const struct list *l);

static void
encode_pairs(struct encoder *e, const struct pairs *pairs)
{
    bool first = true;

    buf_byte(e->out, '{');
    LIST_EACH(const struct pair, pair, &pairs->of)
    {
        if (!first)
            buf_byte(e->out, ',');
        first = false;
        json_text(e->out, pair->name);
        buf_byte(e->out, ':');
        json_text(e->out, pair->value);
    }
    buf_byte(e->out, '}');
}

/* Values that are null when there is none; lists and pairs have a form of their own. */
static bool
encode_null(struct encoder *e, const struct field *f, const void *member)
{
    bool may_be_null = f->type != FT_BOOL && f->type != FT_INT && f->type != FT_REAL &&
                       f->type != FT_LIST && f->type != FT_PAIRS;

    if (f->type == FT_TEXT ? *(const char *const *)member != NULL
                           : !may_be_null || !is_none(f, member))
        return false;
    buf_add(e->out, "null", 4);
    return true;
}

static void
encode_member(struct encoder *e, const struct field *f, const void *member)
{
    if (encode_null(e, f, member))
        return;
    if (e->masked && (f->flags & SECRET)) {
        buf_text(e->out, "\"***\"");
        return;
    }
    switch (f->type) {
    case FT_BOOL:
        buf_text(e->out, *(const bool *)member ? "true" : "false");
        break;
    case FT_INT:
        encode_int(e->out, f, *(const int64_t *)member);
        break;
    case FT_REAL:
        encode_real(e->out, *(const double *)member);
        break;
    case FT_TEXT:
        quoted(e->out, *(const char *const *)member, true);
        break;
    case FT_WHEN:
        json_when(e->out, *(const struct when *)member);
        break;
    case FT_BYTES:
        json_base64(e->out, *(const struct bytes *)member);
        break;
    case FT_OPT_BOOL:
        buf_text(e->out, ((const struct opt_bool *)member)->value ? "true" : "false");
        break;
    case FT_OPT_INT:
        encode_int(e->out, f, ((const struct opt_int *)member)->value);
        break;
    case FT_RAW:
        buf_text(e->out, ((const struct raw *)member)->json);
        break;
    case FT_PAIRS:
        encode_pairs(e, member);
        break;
    case FT_LIST:
        encode_list(e, f, member);
        break;
    case FT_OBJECT:
        encode_struct(e, f->model, *(const void *const *)member);
        break;
    }
}

static void
encode_list(struct encoder *e, const struct field *f, const struct list *l)
{
    const struct model *m = f->model;
    struct field element = value_element(f);
    size_t from;

    buf_byte(e->out, '[');
    from = e->out->len;
    for (size_t i = 0; i < l->count; i++) {
        const char *item = (const char *)l->items + i * m->size;

        if (i == 1) /* the others are about as long as the first */
            buf_expect(e->out, MIN((e->out->len - from) * 9 / 8 * (l->count - 1), EXPECT_MOST));
        if (i)
            buf_byte(e->out, ',');
        if (m->is_scalar)
            encode_member(e, &element, item);
        else
            encode_struct(e, m, item);
    }
    buf_byte(e->out, ']');
}

static void
encode_struct(struct encoder *e, const struct model *m, const void *in)
{
    bool first = true;

    if (++e->depth > DEPTH_MAX)
        e->out->failed = true; /* a struct that contains itself is our own mistake */
    buf_byte(e->out, '{');
    for (size_t i = 0; i < m->count && !e->out->failed; i++) {
        const struct field *f = &m->fields[i];
        const char *member = (const char *)in + f->offset;

        if (left_out(f, member))
            continue;
        buf_text(e->out, first ? "\"" : ",\"");
        first = false;
        buf_text(e->out, f->wire);
        buf_add(e->out, "\":", 2);
        encode_member(e, f, member);
    }
    buf_byte(e->out, '}');
    e->depth--;
}

static void
encode_whole(struct encoder *e, const struct model *m, const void *in)
{
    const struct field whole = { .wire = "", .type = m->scalar };

    if (m->is_scalar)
        encode_member(e, &whole, in);
    else
        encode_struct(e, m, in);
}

void
json_encode(struct buf *out, const struct model *m, const void *in)
{
    encode_whole(&(struct encoder){ .out = out }, m, in);
}

void
json_encode_masked(struct buf *out, const struct model *m, const void *in)
{
    encode_whole(&(struct encoder){ .out = out, .masked = true }, m, in);
}

void
json_encode_list(struct buf *out, const struct model *m, const struct list *in)
{
    const struct field whole = { .wire = "", .type = FT_LIST, .model = m };

    encode_list(&(struct encoder){ .out = out }, &whole, in);
}
