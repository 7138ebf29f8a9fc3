/* Reading JSON text, strictly (RFC 8259): a tree in an arena. */
#include "codec/json_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define REAL_LONGEST 512 /* characters of a number that is not whole */
#define FEW 16           /* members whose names are compared one by one */
#define ROOM_FIRST 32

/** A text on its way into a tree. What containers hold is put on a pile, and moves into the arena
 * when they end. */
struct reader {
    struct scope *s;
    struct arena *arena;
    const uint8_t *text, *at, *end;
    enum json_twice twice;
    struct json *pile;
    size_t height, room;
    int depth;
    const char *wrong; /* what stands at AT */
};

static bool
fault(struct reader *r, const char *wrong)
{
    r->wrong = wrong;
    return false;
}

static void
skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/** The next character that is no blank; 0 at the end. */
static uint8_t
next(struct reader *r)
{
    skip_blanks(r);
    return r->at < r->end ? *r->at : 0;
}

/* Texts. */

/** The quote that ends the text which begins at AT; NULL: there is none. */
static const uint8_t *
find_quote(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *quote = at;

    while ((quote = memchr(quote, '"', (size_t)(end - quote)))) {
        const uint8_t *before = quote;

        while (before > at && before[-1] == '\\')
            before--;
        if ((quote - before) % 2 == 0)
            return quote;
        quote++;
    }
    return NULL;
}

/** True when there is a character below a blank; they are escaped in JSON. */
static bool
has_low(const uint8_t *at, size_t len)
{
    static const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t low = 0;
    size_t i;

    for (i = 0; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, at + i, sizeof(word));
        low |= (word - each * 0x20) & ~word & each * 0x80;
    }
    for (; i < len; i++)
        low |= at[i] < 0x20;
    return low != 0;
}

static bool
hex_four(const uint8_t *at, const uint8_t *end, uint32_t *out)
{
    uint32_t value = 0;

    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        uint8_t c = at[i];

        if (c >= '0' && c <= '9')
            c = (uint8_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            c = (uint8_t)((c | 0x20) - 'a' + 10);
        else
            return false;
        value = value << 4 | c;
    }
    *out = value;
    return true;
}

static char *
put_code(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/** \uXXXX, and its second half when it is one of two: RFC 8259 section 7. AT is behind the u. */
static bool
unicode_escape(struct reader *r, const uint8_t **at, const uint8_t *end, char **to)
{
    uint32_t code, low;

    if (!hex_four(*at, end, &code))
        return fault(r, "an escape is malformed");
    *at += 4;
    if (code == 0)
        return fault(r, "\\u0000 is not allowed");
    if (code >= 0xdc00 && code <= 0xdfff)
        return fault(r, "half of a character is escaped");
    if (code >= 0xd800 && code <= 0xdbff) {
        if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' || !hex_four(*at + 2, end, &low) ||
            low < 0xdc00 || low > 0xdfff)
            return fault(r, "half of a character is escaped");
        *at += 6;
        code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
    }
    *to = put_code(*to, code);
    return true;
}

static bool
escape(struct reader *r, const uint8_t **at, const uint8_t *end, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    uint8_t c = *(*at)++; /* there is one: a quote behind a backslash ends no text */
    const char *found;

    if (c == 'u')
        return unicode_escape(r, at, end, to);
    found = c ? strchr(from, c) : NULL;
    if (!found)
        return fault(r, "an escape is malformed");
    *(*to)++ = into[found - from];
    return true;
}

/** The text whose quote AT stands on; problems are told at its end. */
static bool
read_text(struct reader *r, const char **out)
{
    const uint8_t *from = r->at + 1, *end = find_quote(from, r->end);
    char *text, *to;

    r->at = end ? end : r->end;
    if (!end)
        return fault(r, "a text does not end");
    if (has_low(from, (size_t)(end - from)))
        return fault(r, "a text holds a control character that is not escaped");
    if (!text_is_utf8(from, (size_t)(end - from)))
        return fault(r, "a text is not UTF-8");
    to = text = arena_alloc(r->arena, (size_t)(end - from) + 1); /* no escape is longer undone */
    while (from < end) {
        const uint8_t *stop = memchr(from, '\\', (size_t)(end - from));
        size_t len = (size_t)((stop ? stop : end) - from);

        memcpy(to, from, len);
        to += len;
        from += len;
        if (stop) {
            from++;
            if (!escape(r, &from, end, &to))
                return false;
        }
    }
    *to = '\0';
    *out = text;
    r->at++;
    return true;
}

/* Numbers. */

static size_t
skip_digits(struct reader *r)
{
    const uint8_t *from = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return (size_t)(r->at - from);
}

static bool
whole_number(struct reader *r, const uint8_t *from, struct json *out)
{
    bool minus = *from == '-';
    int64_t n = 0;

    for (const uint8_t *at = from + minus; at < r->at; at++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, *at - '0', &n)) /* below 0 there is one more */
            return fault(r, "an integer is too big");
    if (!minus && __builtin_sub_overflow(0, n, &n))
        return fault(r, "an integer is too big");
    out->kind = JK_INT;
    out->number = n;
    return true;
}

static bool
real_number(struct reader *r, const uint8_t *from, struct json *out)
{
    size_t len = (size_t)(r->at - from);
    char text[REAL_LONGEST + 1];

    if (len > REAL_LONGEST)
        return fault(r, "a number is too long");
    memcpy(text, from, len);
    text[len] = '\0';
    errno = 0;
    out->kind = JK_REAL;
    out->real = strtod(text, NULL);
    if (errno == ERANGE && (out->real > 1 || out->real < -1))
        return fault(r, "a number is too big");
    return true;
}

static bool
read_number(struct reader *r, struct json *out)
{
    const uint8_t *from = r->at;
    bool real = false;

    r->at += *r->at == '-';
    if (r->at < r->end && *r->at == '0')
        r->at++;
    else if (!skip_digits(r))
        return fault(r, "a number is malformed");
    if (r->at < r->end && *r->at == '.') {
        real = true;
        r->at++;
        if (!skip_digits(r))
            return fault(r, "a number is malformed");
    }
    if (r->at < r->end && (*r->at | 0x20) == 'e') {
        real = true;
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        if (!skip_digits(r))
            return fault(r, "a number is malformed");
    }
    return real ? real_number(r, from, out) : whole_number(r, from, out);
}

/* Containers. */

static bool read_value(struct reader *r, struct json *out);

static struct json *
push(struct reader *r)
{
    if (r->height == r->room) {
        r->room = MAX(2 * r->room, (size_t)ROOM_FIRST);
        r->pile = mem_grow(r->pile, r->room * sizeof(*r->pile));
    }
    r->pile[r->height] = (struct json){ 0 };
    return &r->pile[r->height++];
}

/** What lies on the pile above BASE is what OUT holds. */
static void
take_items(struct reader *r, size_t base, struct json *out)
{
    out->count = r->height - base;
    out->items = arena_copy(r->arena, r->pile + base, out->count * sizeof(*out->items));
    r->height = base;
}

static int
by_name(const void *a, const void *b)
{
    const struct json *x = *(struct json *const *)a, *y = *(struct json *const *)b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x > y) - (x < y);
}

/** The members by name, and those of one name as they came. */
static struct json **
sorted(struct reader *r, struct json *members, size_t count)
{
    struct json **all = arena_alloc(r->arena, count * sizeof(struct json *));

    for (size_t i = 0; i < count; i++)
        all[i] = &members[i];
    qsort(all, count, sizeof(struct json *), by_name);
    return all;
}

static bool
all_differ(const struct json *members, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(members[i].name, members[k].name) == 0)
                return false;
    return true;
}

/** Names that come again: refused, or the last value goes where the name came first. */
static bool
settle_names(struct reader *r, size_t base)
{
    struct json *members = r->pile + base, **all;
    size_t count = r->height - base, kept = 0;
    bool twice = false;

    if (count <= FEW && all_differ(members, count))
        return true;
    all = sorted(r, members, count);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (strcmp(all[first]->name, all[i]->name) != 0) {
            first = i;
            continue;
        }
        if (r->twice == TWICE_REFUSED)
            return fault(r, "a duplicate name");
        twice = true;
        *all[first] = *all[i];
        all[i]->name = NULL;
    }
    for (size_t i = 0; twice && i < count; i++)
        if (members[i].name)
            members[kept++] = members[i];
    if (twice)
        r->height = base + kept;
    return true;
}

/** The name and the colon. */
static bool
read_name(struct reader *r, const char **name)
{
    if (next(r) != '"')
        return fault(r, "a name in quotes is expected");
    if (!read_text(r, name))
        return false;
    if (next(r) != ':')
        return fault(r, "':' is expected");
    r->at++;
    return true;
}

static bool
read_items(struct reader *r, bool named, uint8_t close)
{
    if (next(r) == close)
        return true;
    for (;;) {
        struct json one = { 0 };

        if ((named && !read_name(r, &one.name)) || !read_value(r, &one))
            return false;
        *push(r) = one;
        if (next(r) == close)
            return true;
        if (r->at == r->end || *r->at != ',')
            return fault(r, named ? "',' or '}' is expected" : "',' or ']' is expected");
        r->at++;
    }
}

static bool
read_container(struct reader *r, struct json *out)
{
    bool named = *r->at == '{';
    size_t base = r->height;

    if (++r->depth > DEPTH_MAX)
        return fault(r, NULL);
    r->at++;
    if (!read_items(r, named, named ? '}' : ']') || (named && !settle_names(r, base)))
        return false;
    r->at++;
    r->depth--;
    out->kind = named ? JK_OBJECT : JK_ARRAY;
    take_items(r, base, out);
    return true;
}

static bool
read_word(struct reader *r, const char *word, struct json *out)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return fault(r, "a value is expected");
    r->at += len;
    out->kind = *word == 'n' ? JK_NULL : JK_BOOL;
    out->yes = *word == 't';
    return true;
}

/** A value; OUT keeps its name. */
static bool
read_value(struct reader *r, struct json *out)
{
    uint8_t c = next(r);

    switch (c) {
    case '{':
    case '[':
        return read_container(r, out);
    case '"':
        out->kind = JK_TEXT;
        return read_text(r, &out->text);
    case 't':
        return read_word(r, "true", out);
    case 'f':
        return read_word(r, "false", out);
    case 'n':
        return read_word(r, "null", out);
    default:
        if (c == '-' || (c >= '0' && c <= '9'))
            return read_number(r, out);
        return fault(r, r->at == r->end ? "the text ends early" : "a value is expected");
    }
}

/** Where AT is: lines, and characters of the line, from 1 on. */
static enum err
malformed(const struct reader *r)
{
    int line = 1, column = 1;

    for (const uint8_t *at = r->text; at < r->at; at++) {
        if (*at == '\n') {
            line++;
            column = 1;
        } else if ((*at & 0xc0) != 0x80) {
            column++;
        }
    }
    return fail_code(r->s, E_INVALID, CHY_BAD_JSON, "malformed JSON at line %d, column %d: %s",
                     line, column, r->wrong);
}

enum err
json_tree_read(struct scope *s, struct arena *a, struct bytes text, enum json_twice twice,
               struct json **out)
{
    const uint8_t *from = text.len ? text.data : (const uint8_t *)"";
    struct reader r = {
        .s = s, .arena = a, .text = from, .at = from, .end = from + text.len, .twice = twice
    };
    struct json root = { 0 };
    bool good = read_value(&r, &root);

    if (good)
        skip_blanks(&r);
    if (good && r.at < r.end)
        good = fault(&r, "something stands behind the value");
    mem_free(r.pile);
    if (good)
        *out = arena_copy(a, &root, sizeof(root));
    else if (!r.wrong)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "JSON is nested deeper than %d", DEPTH_MAX);
    return good ? OK : malformed(&r);
}
