/* Reading canonical JSON: strict, in one pass, without building anything. */
#include "audit/canonical.h"

#include <string.h>

#define DEPTH_MAX 8

struct reader {
    const uint8_t *at, *end;
    const char *fault;
    struct canonical_view *view;
    struct bytes top; /* the name of the top member that we are in */
};

static bool
bad(struct reader *r, const char *why)
{
    r->fault = why;
    return false;
}

static bool
take(struct reader *r, uint8_t c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/** Pass an escape: only the shortest form of what needs one. */
static bool
pass_escape(struct reader *r)
{
    uint8_t value = 0;

    if (r->end - r->at < 1)
        return bad(r, "a string is cut off");
    if (*r->at && strchr("btnfr\"\\", *r->at)) {
        r->at++;
        return true;
    }
    if (r->end - r->at < 5 || memcmp(r->at, "u00", 3) != 0)
        return bad(r, "an escape is not canonical");
    for (int i = 3; i < 5; i++) {
        uint8_t c = r->at[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return bad(r, "an escape is not canonical");
        value = (uint8_t)(value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10));
    }
    if (value >= 0x20 || (value && strchr("\b\t\n\f\r", value)))
        return bad(r, "an escape is not canonical");
    r->at += 5;
    return true;
}

static bool
pass_string(struct reader *r, struct bytes *out)
{
    const uint8_t *from;

    if (!take(r, '"'))
        return bad(r, "a string is missing");
    from = r->at;
    while (r->at < r->end && *r->at != '"') {
        uint8_t c = *r->at++;

        if (c < 0x20)
            return bad(r, "a string holds a raw control character");
        if (c == '\\' && !pass_escape(r))
            return false;
    }
    if (r->at == r->end)
        return bad(r, "a string is cut off");
    *out = (struct bytes){ from, (size_t)(r->at - from) };
    r->at++;
    return true;
}

/** Pass a whole number: the only numbers that events hold. */
static bool
pass_number(struct reader *r, int64_t *out)
{
    const uint8_t *from = r->at;
    bool minus = take(r, '-');
    const uint8_t *digits = r->at;
    int64_t value = 0;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - digits < 17)
        value = value * 10 + (*r->at++ - '0');
    if (r->at == digits || (*digits == '0' && (r->at - digits > 1 || minus)))
        return bad(r, "a number is not canonical");
    if (r->at - digits > 16 || value > (INT64_C(1) << 53))
        return bad(r, "a number is too large");
    *out = minus ? -value : value;
    return r->at > from;
}

static bool
pass_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return bad(r, "a value is missing");
    r->at += len;
    return true;
}

static bool
is(struct bytes name, struct bytes text)
{
    return name.len == text.len && (text.len == 0 || memcmp(name.data, text.data, text.len) == 0);
}

/** A string of the first two levels that the view wants. */
#define WANT(top, inner, member)                             \
    {                                                        \
        { (const uint8_t *)(top), sizeof(top) - 1 },         \
            { (const uint8_t *)(inner), sizeof(inner) - 1 }, \
            offsetof(struct canonical_view, member)          \
    }
static const struct {
    struct bytes top, inner; /* INNER is "" for a top member itself */
    size_t offset;
} wanted[] = {
    WANT("action", "", action),
    WANT("actor", "id", actor_id),
    WANT("actor", "name", actor_name),
    WANT("actor", "type", actor_type),
    WANT("category", "", category),
    WANT("id", "", id),
    WANT("level", "", level),
    WANT("message", "", message),
    WANT("outcome", "", outcome),
    WANT("prev", "", prev),
    WANT("target", "id", target_id),
    WANT("target", "name", target_name),
    WANT("target", "type", target_type),
    WANT("ts", "", ts),
};

static void
note_string(struct reader *r, struct bytes inner, struct bytes value)
{
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (is(r->top, wanted[i].top) && is(inner, wanted[i].inner)) {
            *(struct bytes *)(void *)((char *)r->view + wanted[i].offset) = value;
            return;
        }
}

static void
note_number(struct reader *r, int64_t value)
{
    if (is(r->top, BYTES("seq")))
        r->view->seq = value;
    else if (is(r->top, BYTES("v")))
        r->view->v = value;
    else if (is(r->top, BYTES("chain")))
        r->view->lane = value;
}

static bool pass_value(struct reader *r, int depth, struct bytes inner);

static bool
pass_members(struct reader *r, int depth)
{
    struct bytes last = { NULL, 0 }, name;

    if (take(r, '}'))
        return true;
    do {
        const uint8_t *from = r->at;

        if (!pass_string(r, &name))
            return false;
        if (last.data && bytes_cmp(last, name) >= 0)
            return bad(r, "the members are not in order");
        last = name;
        if (!take(r, ':'))
            return bad(r, "a colon is missing");
        if (depth == 1)
            r->top = name;
        const uint8_t *value = r->at;
        if (!pass_value(r, depth, depth == 2 ? name : (struct bytes){ NULL, 0 }))
            return false;
        if (depth == 1 && is(name, BYTES("after")))
            r->view->after = (struct bytes){ value, (size_t)(r->at - value) };
        if (depth == 1 && (is(name, BYTES("chain")) || is(name, BYTES("hash"))))
            *(name.data[0] == 'c' ? &r->view->chain : &r->view->hash) =
                (struct bytes){ from, (size_t)(r->at - from) };
    } while (take(r, ','));
    return take(r, '}') || bad(r, "an object is not closed");
}

static bool
pass_items(struct reader *r, int depth)
{
    if (take(r, ']'))
        return true;
    do
        if (!pass_value(r, depth, (struct bytes){ NULL, 0 }))
            return false;
    while (take(r, ','));
    return take(r, ']') || bad(r, "an array is not closed");
}

/** Pass any value; INNER is its name when it is a member of a top member. At most DEPTH_MAX deep.
 */
static bool
pass_value(struct reader *r, int depth, struct bytes inner)
{
    struct bytes text;
    int64_t number;

    if (depth >= DEPTH_MAX)
        return bad(r, "it is nested too deep");
    switch (r->at < r->end ? *r->at : 0) {
    case '{':
        r->at++;
        return pass_members(r, depth + 1);
    case '[':
        r->at++;
        return pass_items(r, depth + 2); /* what lists hold is no member of ours */
    case '"':
        if (!pass_string(r, &text))
            return false;
        if (depth == 1 || inner.data)
            note_string(r, inner, text);
        return true;
    case 't':
        return pass_word(r, "true");
    case 'f':
        return pass_word(r, "false");
    case 'n':
        return pass_word(r, "null");
    default:
        if (!pass_number(r, &number))
            return false;
        if (depth == 1)
            note_number(r, number);
        return true;
    }
}

bool
canonical_read(struct bytes text, struct canonical_view *out, const char **fault)
{
    struct canonical_view view = { 0 };
    struct reader r = { .at = text.data, .end = text.data + text.len, .view = &view };
    bool good;

    if (text.len == 0 || text.data[0] != '{')
        good = bad(&r, "it is no JSON object");
    else if (!text_is_utf8(text.data, text.len))
        good = bad(&r, "it is not UTF-8");
    else
        good = pass_value(&r, 0, (struct bytes){ NULL, 0 }) &&
               (r.at == r.end || bad(&r, "something follows the object"));
    if (!good) {
        *fault = r.fault;
        return false;
    }
    *out = view;
    return true;
}

/** One byte of a string as it stands between its quotes, unescaped. */
static uint8_t
plain_byte(const uint8_t **at)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    const uint8_t *p = *at;
    uint8_t c;

    if (*p != '\\') {
        *at = p + 1;
        return *p;
    }
    if (p[1] != 'u') {
        *at = p + 2;
        return (uint8_t)to[strchr(from, p[1]) - from];
    }
    c = (uint8_t)((p[4] - '0') * 16 + (p[5] <= '9' ? p[5] - '0' : p[5] - 'a' + 10));
    *at = p + 6;
    return c;
}

bool
canonical_is(struct bytes raw, const char *plain)
{
    const uint8_t *at = raw.data, *end = raw.data + raw.len;

    if (!plain)
        plain = "";
    while (at < end)
        if (plain_byte(&at) != (uint8_t)*plain++)
            return false;
    return *plain == '\0';
}

char *
canonical_plain(struct arena *a, struct bytes raw)
{
    char *text = arena_alloc(a, raw.len + 1);
    const uint8_t *at = raw.data, *end = raw.data + raw.len;

    for (size_t i = 0; at < end; i++)
        text[i] = (char)plain_byte(&at);
    return text;
}
