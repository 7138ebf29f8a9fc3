#include "codec/value.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEMS_MAX 100

static void
path_into(struct buf *b, const struct at *at)
{
    if (at->up)
        path_into(b, at->up); /* as deep as the input: 64 */
    if (!at->name)
        buf_printf(b, "[%zu]", at->index);
    else
        buf_printf(b, "%s%s", b->len ? "." : "", at->name);
}

const char *
at_path(struct arena *a, const struct at *at)
{
    struct buf b;

    if (!at)
        return "";
    buf_init_in(&b, a, 4096);
    path_into(&b, at);
    return buf_str(&b) ? buf_str(&b) : "(a very long path)";
}

void
at_problem(struct scope *s, const struct at *at, const struct wrong *why)
{
    if (s->problems.count < PROBLEMS_MAX)
        problem(s, at_path(s->arena, at), why->code, "%s", why->text);
}

bool
wrong_because(struct arena *a, struct wrong *why, enum code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *why = (struct wrong){ .code = code, .text = arena_vprintf(a, format, args) };
    va_end(args);
    return false;
}

size_t
value_size(enum field_type type)
{
    static const size_t sizes[] = {
        [FT_BOOL] = sizeof(bool),
        [FT_INT] = sizeof(int64_t),
        [FT_REAL] = sizeof(double),
        [FT_TEXT] = sizeof(const char *),
        [FT_WHEN] = sizeof(struct when),
        [FT_BYTES] = sizeof(struct bytes),
        [FT_OPT_BOOL] = sizeof(struct opt_bool),
        [FT_OPT_INT] = sizeof(struct opt_int),
        [FT_RAW] = sizeof(struct raw),
        [FT_PAIRS] = sizeof(struct pairs),
        [FT_LIST] = sizeof(struct list),
        [FT_OBJECT] = sizeof(void *),
    };

    return sizes[type];
}

void
value_clear(const struct field *f, void *member)
{
    if (f->type == FT_WHEN)
        *(struct when *)member = WHEN_NONE;
    else
        memset(member, 0, value_size(f->type));
}

struct field
value_element(const struct field *f)
{
    struct field element = *f;

    element.type = f->model->is_scalar ? f->model->scalar : FT_OBJECT;
    element.min = element.max = 0;
    element.preset = NULL;
    return element;
}

bool
value_count_ok(struct arena *a, const struct field *f, size_t count, struct wrong *why)
{
    if (f->max > 0 && count > (uint64_t)f->max)
        return wrong_because(a, why, CHY_BAD_VALUE, "has %zu entries, more than %lld", count,
                             (long long)f->max);
    if (f->min > 0 && count < (uint64_t)f->min)
        return wrong_because(a, why, CHY_BAD_VALUE, "has %zu entries, fewer than %lld", count,
                             (long long)f->min);
    return true;
}

/* "must be one of: a, b, c", or just "is not one of N known values" when they are too many to name.
 */
static bool
not_a_choice(struct arena *a, const struct field *f, struct wrong *why)
{
    struct buf b;
    size_t n = 0;

    buf_init_in(&b, a, 1024);
    for (const struct choice *c = f->choices; c->name; c++, n++) {
        buf_text(&b, n ? ", " : "");
        if (f->type != FT_TEXT && !(f->flags & CHOICE_TEXT))
            buf_printf(&b, "%lld ", (long long)c->number);
        buf_text(&b, c->name);
    }
    if (!buf_str(&b))
        return wrong_because(a, why, CHY_BAD_VALUE, "is not one of the %zu known values", n);
    return wrong_because(a, why, CHY_BAD_VALUE, "must be one of: %s", buf_str(&b));
}

static const char *
int_text(struct arena *a, const struct field *f, int64_t v)
{
    if (f->flags & DURATION)
        return duration_text(a, v);
    if (f->flags & SIZE)
        return size_text(a, v);
    return arena_printf(a, "%lld", (long long)v);
}

static bool
in_range(struct arena *a, const struct field *f, int64_t v, struct wrong *why)
{
    if (v < 0 && (f->flags & SIZE))
        return wrong_because(a, why, CHY_BAD_VALUE, "must not be negative");
    if (f->min < f->max && (v < f->min || v > f->max))
        return wrong_because(a, why, CHY_BAD_VALUE, "must be between %s and %s",
                             int_text(a, f, f->min), int_text(a, f, f->max));
    return true;
}

bool
value_from_int(struct arena *a, const struct field *f, int64_t number, void *member,
               struct wrong *why)
{
    switch (f->type) {
    case FT_INT:
    case FT_OPT_INT:
        if (f->choices && !choice_by_number(f->choices, number))
            return not_a_choice(a, f, why);
        if (!in_range(a, f, number, why))
            return false;
        if (f->type == FT_INT)
            *(int64_t *)member = number;
        else
            *(struct opt_int *)member = (struct opt_int){ true, number };
        return true;
    case FT_TEXT:
        if (f->choices) {
            const struct choice *c = choice_by_number(f->choices, number);

            if (!c)
                return not_a_choice(a, f, why);
            *(const char **)member = c->name;
            return true;
        }
        return wrong_because(a, why, CHY_BAD_TYPE, "must be text, not a number");
    case FT_REAL:
        return value_from_real(a, f, (double)number, member, why);
    case FT_BOOL:
    case FT_OPT_BOOL:
        if (number == 0 || number == 1)
            return value_from_bool(a, f, number == 1, member, why);
        return wrong_because(a, why, CHY_BAD_TYPE, "must be true or false");
    default:
        return wrong_because(a, why, CHY_BAD_TYPE, "must not be a number");
    }
}

bool
value_from_real(struct arena *a, const struct field *f, double number, void *member,
                struct wrong *why)
{
    if (f->type != FT_REAL) {
        /* -2^63 is a double, 2^63 - 1 is not: compare with the next one above */
        if (number >= -0x1p63 && number < 0x1p63 && floor(number) == number)
            return value_from_int(a, f, (int64_t)number, member, why);
        if (floor(number) == number)
            return wrong_because(a, why, CHY_BAD_VALUE, "is too large a number");
        return wrong_because(a, why, CHY_BAD_TYPE, "must be a whole number");
    }
    if (f->min < f->max && (number < (double)f->min || number > (double)f->max))
        return wrong_because(a, why, CHY_BAD_VALUE, "must be between %lld and %lld",
                             (long long)f->min, (long long)f->max);
    *(double *)member = number;
    return true;
}

bool
value_from_bool(struct arena *a, const struct field *f, bool yes, void *member, struct wrong *why)
{
    if (f->type == FT_BOOL)
        *(bool *)member = yes;
    else if (f->type == FT_OPT_BOOL)
        *(struct opt_bool *)member = (struct opt_bool){ true, yes };
    else
        return wrong_because(a, why, CHY_BAD_TYPE, "must not be true or false");
    return true;
}

static bool
real_parse(const char *text, double *out)
{
    char *end;

    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    *out = strtod(text, &end);
    return !*end && isfinite(*out);
}

static bool
bool_from_text(struct arena *a, const struct field *f, const char *text, bool loose, void *member,
               struct wrong *why)
{
    static const struct choice words[] = { { 1, "true", NULL }, { 0, "false", NULL },
                                           { 1, "yes", NULL },  { 0, "no", NULL },
                                           { 1, "on", NULL },   { 0, "off", NULL },
                                           { 1, "1", NULL },    { 0, "0", NULL },
                                           { 0, NULL, NULL } };
    const struct choice *word = choice_by_name(words, text);

    if (!word || (!loose && !text_eq(text, "true") && !text_eq(text, "false")))
        return wrong_because(a, why, CHY_BAD_TYPE, "must be true or false");
    return value_from_bool(a, f, word->number == 1, member, why);
}

static bool
int_from_text(struct arena *a, const struct field *f, const char *text, bool loose, void *member,
              struct wrong *why)
{
    const struct choice *c = choice_by_name(f->choices, text);
    int64_t number;
    double real;

    if (c && (loose || text_eq(c->name, text)))
        return value_from_int(a, f, c->number, member, why);
    if (f->flags & DURATION)
        return duration_parse(text, &number)
                   ? value_from_int(a, f, number, member, why)
                   : wrong_because(a, why, CHY_BAD_VALUE, "must be a duration such as 90d or 12h");
    if (f->flags & SIZE)
        return size_parse(text, &number)
                   ? value_from_int(a, f, number, member, why)
                   : wrong_because(a, why, CHY_BAD_VALUE, "must be a size such as 64KiB or 8MiB");
    if (text_to_int(text, &number))
        return value_from_int(a, f, number, member, why);
    if (loose && real_parse(text, &real))
        return value_from_real(a, f, real, member, why);
    if (f->choices)
        return not_a_choice(a, f, why);
    return wrong_because(a, why, CHY_BAD_TYPE, "must be a whole number of 64 bits");
}

static bool
text_from_text(struct arena *a, const struct field *f, const char *text, bool loose, void *member,
               struct wrong *why)
{
    size_t length;

    if (f->choices) {
        const struct choice *c = choice_by_name(f->choices, text);
        int64_t number;

        if (!c && loose && text_to_int(text, &number))
            c = choice_by_number(f->choices, number);
        if (!c || (!loose && !(f->flags & FOLD) && !text_eq(c->name, text)))
            return not_a_choice(a, f, why);
        *(const char **)member = c->name;
        return true;
    }
    length = f->max > 0 || f->min > 0 ? text_code_points(text) : 0;
    if (f->max > 0 && length > (uint64_t)f->max)
        return wrong_because(a, why, CHY_BAD_VALUE, "has %zu characters, more than %lld", length,
                             (long long)f->max);
    if (f->min > 0 && length < (uint64_t)f->min)
        return wrong_because(a, why, CHY_BAD_VALUE, "has %zu characters, fewer than %lld", length,
                             (long long)f->min);
    if (f->pattern && *text && !value_pattern(f->pattern, text))
        return wrong_because(a, why, CHY_BAD_VALUE, "does not have the form \"%s\"", f->pattern);
    *(const char **)member = f->flags & FOLD ? text_fold(a, text) : arena_text(a, text);
    return true;
}

/* RFC 3339 section 5.6 asks for T and an offset. */
static bool
is_full_rfc3339(const char *text)
{
    size_t len = strlen(text);
    const char *end = text + len - 1;

    if (len < 20 || (text[10] != 'T' && text[10] != 't'))
        return false;
    return *end == 'Z' || *end == 'z' || (len >= 25 && (end[-5] == '+' || end[-5] == '-'));
}

/* A time of day alone, as schedules have it: the first day of 1970. */
static bool
time_of_day(const char *text, struct when *out)
{
    char date[32] = "1970-01-01T";

    if (strlen(text) != 8 || text[2] != ':')
        return false;
    memcpy(date + 11, text, 8);
    memcpy(date + 19, "Z", 2);
    return when_parse(date, out);
}

static bool
when_from_text(struct arena *a, const char *text, bool loose, void *member, struct wrong *why)
{
    struct when when = WHEN_NONE;

    if (loose && (!*text || time_of_day(text, &when))) {
        *(struct when *)member = when;
        return true;
    }
    if ((!loose && !is_full_rfc3339(text)) || !when_parse(text, &when))
        return wrong_because(a, why, CHY_BAD_VALUE,
                             "must be a time such as 2025-10-22T14:30:00Z (RFC 3339)");
    *(struct when *)member = when;
    return true;
}

static bool
bytes_from_text(struct arena *a, const struct field *f, const char *text, bool loose, void *member,
                struct wrong *why)
{
    struct bytes data;

    if (!base64_decode(a, text, strlen(text), loose, &data))
        return wrong_because(a, why, CHY_BAD_VALUE, "must be base64 (RFC 4648 section 4)");
    if (f->max > 0 && data.len > (uint64_t)f->max)
        return wrong_because(a, why, CHY_BAD_VALUE, "has %zu bytes, more than %lld", data.len,
                             (long long)f->max);
    if (f->min > 0 && data.len < (uint64_t)f->min)
        return wrong_because(a, why, CHY_BAD_VALUE, "has %zu bytes, fewer than %lld", data.len,
                             (long long)f->min);
    *(struct bytes *)member = data;
    return true;
}

bool
value_from_text(struct arena *a, const struct field *f, const char *text, bool loose, void *member,
                struct wrong *why)
{
    double real;

    switch (f->type) {
    case FT_BOOL:
    case FT_OPT_BOOL:
        return bool_from_text(a, f, text, loose, member, why);
    case FT_INT:
    case FT_OPT_INT:
        return int_from_text(a, f, text, loose, member, why);
    case FT_REAL:
        if (!real_parse(text, &real))
            return wrong_because(a, why, CHY_BAD_TYPE, "must be a number");
        return value_from_real(a, f, real, member, why);
    case FT_TEXT:
        return text_from_text(a, f, text, loose, member, why);
    case FT_WHEN:
        return when_from_text(a, text, loose, member, why);
    case FT_BYTES:
        return bytes_from_text(a, f, text, loose, member, why);
    case FT_RAW:
    case FT_PAIRS:
    case FT_LIST:
    case FT_OBJECT:
        break;
    }
    return wrong_because(a, why, CHY_BAD_TYPE, "must not be text");
}
