#include <jansson.h>

#include "codec/json_quick.h"

#include <string.h>

#define DEPTH_MAX 16
#define DIGITS_MAX 15

struct quick {
    const uint8_t *at, *end;
};

static json_t *read_value(struct quick *q, int depth);

/* The next octet behind white space; 0 at the end, and nothing that is valid begins with that. */
static uint8_t
next(struct quick *q)
{
    while (q->at < q->end && (*q->at == ' ' || *q->at == '\n' || *q->at == '\r' || *q->at == '\t'))
        q->at++;
    return q->at < q->end ? *q->at : 0;
}

static bool
take(struct quick *q, uint8_t c)
{
    if (next(q) != c)
        return false;
    q->at++;
    return true;
}

/* The text between quotes, which stays where it is. */
static bool
take_text(struct quick *q, struct bytes *out)
{
    const uint8_t *from;

    if (!take(q, '"'))
        return false;
    from = q->at;
    while (q->at < q->end && *q->at >= ' ' && *q->at < 0x7f && *q->at != '"' && *q->at != '\\')
        q->at++;
    *out = (struct bytes){ from, (size_t)(q->at - from) };
    return q->at < q->end && *q->at++ == '"';
}

static json_t *
read_text(struct quick *q)
{
    struct bytes text;

    return take_text(q, &text) ? json_stringn_nocheck((const char *)text.data, text.len) : NULL;
}

static json_t *
read_number(struct quick *q)
{
    bool minus = *q->at == '-';
    const uint8_t *from = q->at += minus;
    json_int_t number = 0;

    while (q->at < q->end && *q->at >= '0' && *q->at <= '9' && q->at - from < DIGITS_MAX)
        number = number * 10 + (*q->at++ - '0');
    if (q->at == from || (*from == '0' && (minus || q->at - from > 1)))
        return NULL;
    if (q->at < q->end && (strchr(".eE", *q->at) || (*q->at >= '0' && *q->at <= '9')))
        return NULL;
    return json_integer(minus ? -number : number);
}

static json_t *
read_word(struct quick *q, const char *word, json_t *value)
{
    size_t len = strlen(word);

    if ((size_t)(q->end - q->at) < len || memcmp(q->at, word, len) != 0)
        return NULL;
    q->at += len;
    return value;
}

/* One member; a name that comes twice is for jansson to judge. */
static bool
read_member(struct quick *q, json_t *object, int depth)
{
    struct bytes name;
    const char *key;
    json_t *value;

    if (!take_text(q, &name) || !take(q, ':'))
        return false;
    key = (const char *)name.data;
    if (json_object_getn(object, key, name.len))
        return false;
    value = read_value(q, depth);
    return value && json_object_setn_new_nocheck(object, key, name.len, value) == 0;
}

static json_t *
read_object(struct quick *q, int depth)
{
    json_t *object = json_object();
    bool fine = true;

    q->at++;
    if (take(q, '}'))
        return object;
    do
        fine = read_member(q, object, depth);
    while (fine && take(q, ','));
    if (fine && take(q, '}'))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *
read_array(struct quick *q, int depth)
{
    json_t *array = json_array(), *value = NULL;

    q->at++;
    if (take(q, ']'))
        return array;
    do
        value = read_value(q, depth);
    while (value && json_array_append_new(array, value) == 0 && take(q, ','));
    if (value && take(q, ']'))
        return array;
    json_decref(array);
    return NULL;
}

static json_t *
read_value(struct quick *q, int depth)
{
    if (depth == DEPTH_MAX)
        return NULL;
    switch (next(q)) {
    case '{':
        return read_object(q, depth + 1);
    case '[':
        return read_array(q, depth + 1);
    case '"':
        return read_text(q);
    case 't':
        return read_word(q, "true", json_true());
    case 'f':
        return read_word(q, "false", json_false());
    case 'n':
        return read_word(q, "null", json_null());
    case '-':
    case '0' ... '9':
        return read_number(q);
    default:
        return NULL;
    }
}

struct json_t *
json_quick(struct bytes text)
{
    struct quick q = { text.data, text.data + text.len };
    json_t *out = text.len ? read_value(&q, 0) : NULL;

    if (!out)
        return NULL;
    (void)next(&q);
    if (q.at == q.end)
        return out;
    json_decref(out);
    return NULL;
}
