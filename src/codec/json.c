#include <jansson.h>
/* jansson has macros of these names; here they are ours. */
#undef JSON_STRICT
#undef json_is_object
#undef json_is_array

#include "codec/json.h"
#include "codec/json_quick.h"
#include "codec/value.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define EXACT_INT_MAX (INT64_C(1) << 53)

OWNED(json_t, json_decref);

static bool
is_a(const json_t *j, json_type type)
{
    return j && json_typeof(j) == type;
}

struct decoder {
    struct scope *s;
    enum json_mode mode;
};

/* Brackets outside strings: jansson would go 2,048 deep. */
static bool
too_deep(struct bytes text)
{
    bool in_string = false;
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MAX)
                return true;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

/* jansson's reason, without the piece of the text it quotes: that may be a password. */
static enum err
malformed(struct scope *s, const json_error_t *error)
{
    const char *why =
        strstr(error->text, "JSON_ALLOW_NUL") ? "\\u0000 is not allowed" : error->text;
    const char *near = strstr(why, " near ");
    int len = near ? (int)(near - why) : (int)strlen(why);

    return fail_code(s, E_INVALID, CHY_BAD_JSON, "malformed JSON at line %d, column %d: %.*s",
                     MAX(error->line, 1), MAX(error->column, 1), len, why);
}

static enum err
parse(struct scope *s, struct bytes text, size_t flags, json_t **out)
{
    json_error_t error;

    *out = json_quick(text);
    if (*out)
        return OK;
    if (too_deep(text))
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "JSON is nested deeper than %d", DEPTH_MAX);
    *out = json_loadb(text.len ? (const char *)text.data : "", text.len, flags | JSON_DECODE_ANY,
                      &error);
    if (!*out)
        return malformed(s, &error);
    if (text.len && memchr(text.data, 0, text.len)) { /* behind a number the library takes it */
        json_decref(*out);
        *out = NULL;
        return fail_code(s, E_INVALID, CHY_BAD_JSON, "malformed JSON: it holds a NUL");
    }
    return OK;
}

/* Writing jansson's tree back: for raw members and canonical text. */

struct writer {
    struct buf *out;
    bool canonical;
    bool inexact; /* a whole number beyond 2^53 was met */
    struct arena *scratch;
};

static void write_tree(struct writer *w, const json_t *j);

static uint32_t
code_point(const unsigned char *p)
{
    if (p[0] < 0x80)
        return p[0];
    if (p[0] < 0xe0)
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    if (p[0] < 0xf0)
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
}

/*
 * RFC 8785 section 3.2.3 orders names by UTF-16 code units. That is the order of UTF-8 but for
 * characters beyond the first plane, whose surrogates come before U+E000.
 */
static int
compare_names(const void *a, const void *b)
{
    const unsigned char *x = *(const unsigned char *const *)a,
                        *y = *(const unsigned char *const *)b;
    uint32_t cx, cy;

    while (*x && *x == *y)
        x++, y++;
    while ((*x & 0xc0) == 0x80) /* back to where the character begins; the bytes before are equal */
        x--, y--;
    while ((*y & 0xc0) == 0x80)
        x--, y--;
    cx = code_point(x);
    cy = code_point(y);
    if (cx >= 0x10000 && cy < 0x10000 && cy >= 0xe000)
        return -1;
    if (cy >= 0x10000 && cx < 0x10000 && cx >= 0xe000)
        return 1;
    return (cx > cy) - (cx < cy);
}

static void
write_string(struct writer *w, const char *text)
{
    if (w->canonical)
        json_text_canonical(w->out, text);
    else
        json_text(w->out, text);
}

static void
write_member(struct writer *w, const char *name, const json_t *value, bool first)
{
    if (!first)
        buf_byte(w->out, ',');
    write_string(w, name);
    buf_byte(w->out, ':');
    write_tree(w, value);
}

static void
write_object(struct writer *w, const json_t *j)
{
    size_t count = json_object_size(j), n = 0;
    const char *name;
    json_t *value;
    const char **names;

    buf_byte(w->out, '{');
    if (!w->canonical) {
        json_object_foreach((json_t *)(uintptr_t)j, name, value)
        {
            write_member(w, name, value, n++ == 0);
        }
    } else if (count) {
        names = arena_alloc(w->scratch, count * sizeof(*names));
        json_object_foreach((json_t *)(uintptr_t)j, name, value)
        {
            names[n++] = name;
        }
        qsort(names, count, sizeof(*names), compare_names);
        for (size_t i = 0; i < count; i++)
            write_member(w, names[i], json_object_get(j, names[i]), i == 0);
    }
    buf_byte(w->out, '}');
}

static void
write_tree(struct writer *w, const json_t *j)
{
    char number[REAL_TEXT_MAX];

    switch (json_typeof(j)) {
    case JSON_OBJECT:
        write_object(w, j);
        break;
    case JSON_ARRAY:
        buf_byte(w->out, '[');
        for (size_t i = 0; i < json_array_size(j); i++) {
            if (i)
                buf_byte(w->out, ',');
            write_tree(w, json_array_get(j, i));
        }
        buf_byte(w->out, ']');
        break;
    case JSON_STRING:
        write_string(w, json_string_value(j));
        break;
    case JSON_INTEGER:
        if (json_integer_value(j) > EXACT_INT_MAX || json_integer_value(j) < -EXACT_INT_MAX)
            w->inexact = true;
        buf_int(w->out, json_integer_value(j));
        break;
    case JSON_REAL:
        real_text(json_real_value(j), w->canonical, number);
        buf_text(w->out, number);
        break;
    case JSON_TRUE:
        buf_text(w->out, "true");
        break;
    case JSON_FALSE:
        buf_text(w->out, "false");
        break;
    case JSON_NULL:
        buf_text(w->out, "null");
        break;
    }
}

/* Decoding by tables. */

static void decode_struct(const struct decoder *d, const struct model *m, const struct at *at,
                          const json_t *j, void *out);

static bool
decode_problem(const struct decoder *d, const struct at *at, enum code code, const char *text)
{
    at_problem(d->s, at, &(struct wrong){ .code = code, .text = text });
    return false;
}

static bool
decode_text(const struct decoder *d, const struct field *f, const json_t *j, void *member,
            struct wrong *why)
{
    const char *text = json_string_value(j);
    bool loose = d->mode == JSON_COMMAND;
    bool by_nature = f->type == FT_TEXT || f->type == FT_WHEN || f->type == FT_BYTES ||
                     f->choices || (f->flags & (DURATION | SIZE));

    if (!loose && !by_nature) {
        const char *want =
            f->type == FT_BOOL || f->type == FT_OPT_BOOL ? "true or false" : "a number";
        return wrong_because(d->s->arena, why, CHY_BAD_TYPE, "must be %s, not text", want);
    }
    return value_from_text(d->s->arena, f, text, loose, member, why);
}

static bool
decode_number(const struct decoder *d, const struct field *f, const json_t *j, void *member,
              struct wrong *why)
{
    struct arena *a = d->s->arena;

    if (d->mode == JSON_STRICT) {
        if (f->type != FT_INT && f->type != FT_OPT_INT && f->type != FT_REAL)
            return wrong_because(a, why, CHY_BAD_TYPE, "must be %s, not a number",
                                 f->type == FT_BOOL || f->type == FT_OPT_BOOL ? "true or false"
                                                                              : "text");
        if (json_is_real(j) && f->type != FT_REAL)
            return wrong_because(a, why, CHY_BAD_TYPE, "must be a whole number");
    }
    if (f->flags & DURATION)
        return wrong_because(a, why, CHY_BAD_TYPE, "must be a duration such as \"90d\"");
    if (json_is_real(j))
        return value_from_real(a, f, json_real_value(j), member, why);
    return value_from_int(a, f, json_integer_value(j), member, why);
}

static void
decode_scalar(const struct decoder *d, const struct field *f, const struct at *at, const json_t *j,
              void *member)
{
    struct wrong why = { 0 };
    bool fine;

    if (json_is_string(j))
        fine = decode_text(d, f, j, member, &why);
    else if (json_is_number(j))
        fine = decode_number(d, f, j, member, &why);
    else if (json_is_boolean(j))
        fine = value_from_bool(d->s->arena, f, json_is_true(j), member, &why);
    else if (json_is_null(j))
        fine = wrong_because(d->s->arena, &why, CHY_BAD_TYPE, "must not be null");
    else
        fine = wrong_because(d->s->arena, &why, CHY_BAD_TYPE, "must be a single value");
    if (!fine)
        at_problem(d->s, at, &why);
}

static void
decode_raw(const struct decoder *d, const json_t *j, struct raw *out)
{
    struct buf b;
    struct writer w = { .out = &b };

    buf_init_in(&b, d->s->arena, SIZE_MAX / 2);
    write_tree(&w, j);
    out->json = buf_str(&b);
}

/* A value of an object of texts; under JSON_COMMAND numbers and bools are spelled out and null is
 * none. */
static bool
decode_pair(const struct decoder *d, const json_t *j, const char **out)
{
    char number[REAL_TEXT_MAX];

    if (json_is_string(j)) {
        *out = arena_text(d->s->arena, json_string_value(j));
        return true;
    }
    *out = NULL;
    if (json_is_null(j))
        return true;
    if (d->mode == JSON_STRICT)
        return false;
    if (json_is_integer(j)) {
        *out = arena_printf(d->s->arena, "%lld", (long long)json_integer_value(j));
    } else if (json_is_real(j)) {
        real_text(json_real_value(j), false, number);
        *out = arena_text(d->s->arena, number);
    } else if (json_is_boolean(j)) {
        *out = json_is_true(j) ? "true" : "false";
    } else {
        return false;
    }
    return true;
}

static void
decode_pairs(const struct decoder *d, const struct field *f, const struct at *at, const json_t *j,
             struct pairs *out)
{
    struct wrong why;
    const char *name;
    json_t *value;

    if (!is_a(j, JSON_OBJECT)) {
        decode_problem(d, at, CHY_BAD_TYPE, "must be an object of texts");
        return;
    }
    if (!value_count_ok(d->s->arena, f, json_object_size(j), &why)) {
        at_problem(d->s, at, &why);
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)j, name, value)
    {
        struct pair pair = { .name = arena_text(d->s->arena, name) };

        if (decode_pair(d, value, &pair.value))
            list_add(d->s->arena, &out->of, struct pair, pair);
        else
            decode_problem(d, &(struct at){ at, name, 0 }, CHY_BAD_TYPE, "must be text");
    }
}

static void
decode_list(const struct decoder *d, const struct field *f, const struct at *at, const json_t *j,
            struct list *out)
{
    struct field element = value_element(f);
    struct wrong why;

    if (!is_a(j, JSON_ARRAY)) {
        decode_problem(d, at, CHY_BAD_TYPE, "must be an array");
        return;
    }
    if (!value_count_ok(d->s->arena, f, json_array_size(j), &why)) {
        at_problem(d->s, at, &why);
        return;
    }
    for (size_t i = 0; i < json_array_size(j); i++) {
        const struct at here = { at, NULL, i };
        const json_t *value = json_array_get(j, i);
        void *to = list_grow(d->s->arena, out, f->model->size);

        if (element.type == FT_OBJECT)
            decode_struct(d, f->model, &here, value, to);
        else if (element.type == FT_RAW)
            decode_raw(d, value, to);
        else
            decode_scalar(d, &element, &here, value, to);
    }
}

static void
decode_member(const struct decoder *d, const struct field *f, const struct at *at, const json_t *j,
              void *member)
{
    switch (f->type) {
    case FT_RAW:
        decode_raw(d, j, member);
        break;
    case FT_PAIRS:
        decode_pairs(d, f, at, j, member);
        break;
    case FT_LIST:
        decode_list(d, f, at, j, member);
        break;
    case FT_OBJECT:
        *(void **)member = arena_alloc(d->s->arena, f->model->size);
        decode_struct(d, f->model, at, j, *(void **)member);
        break;
    default:
        decode_scalar(d, f, at, j, member);
    }
}

/* Members mostly come in the table's order, so the one after the last is tried first. */
static const struct field *
find_field(const struct decoder *d, const struct model *m, const char *name, size_t *next)
{
    bool fold = d->mode == JSON_COMMAND;
    const struct field *f;

    if (*next < m->count) {
        f = &m->fields[*next];
        if (fold ? text_eq_fold(f->wire, name) : text_eq(f->wire, name)) {
            ++*next;
            return f;
        }
    }
    f = model_field(m, name, fold);
    if (f)
        *next = (size_t)(f - m->fields) + 1;
    return f;
}

struct seen {
    uint64_t bits[MODEL_FIELDS_MAX / 64];
};

static bool
see(struct seen *seen, size_t i)
{
    uint64_t bit = UINT64_C(1) << (i % 64);
    bool before = seen->bits[i / 64] & bit;

    seen->bits[i / 64] |= bit;
    return before;
}

static void
report_missing(const struct decoder *d, const struct model *m, const struct at *at,
               struct seen *seen)
{
    for (size_t i = 0; i < m->count; i++)
        if ((m->fields[i].flags & REQUIRED) && !see(seen, i))
            decode_problem(d, &(struct at){ at, m->fields[i].wire, 0 }, CHY_MISSING, "is missing");
}

static void
decode_field(const struct decoder *d, const struct field *f, const struct at *at, const json_t *j,
             bool again, char *out)
{
    if (again && d->mode == JSON_STRICT) { /* under its name and an alias */
        decode_problem(d, at, CHY_BAD_VALUE, "is given twice");
        return;
    }
    if (again)
        value_clear(f, out + f->offset);
    else if (f->preset && f->type == FT_LIST && !json_is_null(j))
        value_clear(f, out + f->offset);
    decode_member(d, f, at, j, out + f->offset);
}

static void
decode_struct(const struct decoder *d, const struct model *m, const struct at *at, const json_t *j,
              void *out)
{
    struct seen seen = { 0 };
    size_t next = 0;
    const char *name;
    json_t *value;

    model_init(d->s->arena, m, out);
    if (!is_a(j, JSON_OBJECT)) {
        decode_problem(d, at, CHY_BAD_TYPE,
                       at ? "must be an object" : "the JSON document must be an object");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)j, name, value)
    {
        const struct field *f = find_field(d, m, name, &next);
        struct at here = { at, f ? f->wire : name, 0 };

        if (!f) {
            if (d->mode == JSON_STRICT || m->closed)
                decode_problem(d, &here, CHY_UNKNOWN_FIELD, "is not known");
            continue;
        }
        if (f->flags & READ_ONLY)
            continue;
        if (json_is_null(value) && f->type != FT_RAW)
            continue; /* absent, or missing when it is required */
        decode_field(d, f, &here, value, see(&seen, (size_t)(f - m->fields)), out);
    }
    report_missing(d, m, at, &seen);
}

static enum err
load(struct scope *s, enum json_mode mode, struct bytes text, json_t **out)
{
    static const struct bytes mark = { (const uint8_t *)"\xef\xbb\xbf", 3 };

    if (mode == JSON_STRICT)
        return parse(s, text, JSON_REJECT_DUPLICATES, out);
    if (text.len >= 3 && !memcmp(text.data, mark.data, mark.len)) /* RFC 8259 section 8.1 */
        text = (struct bytes){ text.data + 3, text.len - 3 };
    return parse(s, text, 0, out);
}

enum err
json_decode(struct scope *s, const struct model *m, enum json_mode mode, struct bytes text,
            void *out)
{
    const struct decoder d = { s, mode };
    const struct field whole = { .wire = "", .type = m->scalar, .model = m };
    AUTO(json_decref) json_t *root = NULL;
    AUTO(json_decref) json_t *nothing = NULL;

    TRY(load(s, mode, text, &root));
    if (m->is_scalar) {
        decode_member(&d, &whole, NULL, root, out);
    } else {
        if (mode == JSON_COMMAND && json_is_null(root))
            nothing = json_object();
        decode_struct(&d, m, NULL, nothing ? nothing : root, out);
    }
    return problems_check(s);
}

enum err
json_decode_list(struct scope *s, const struct model *m, enum json_mode mode, struct bytes text,
                 struct list *out)
{
    const struct decoder d = { s, mode };
    const struct field whole = { .wire = "", .type = FT_LIST, .model = m };
    AUTO(json_decref) json_t *root = NULL;

    TRY(load(s, mode, text, &root));
    if (mode == JSON_STRICT || !json_is_null(root))
        decode_list(&d, &whole, NULL, root, out);
    return problems_check(s);
}

/* The small reader: struct json is jansson's value by another name. */

static const json_t *
tree(const struct json *j)
{
    return (const json_t *)j;
}

static void
release_tree(void *root)
{
    json_decref(root);
}

enum err
json_parse(struct scope *s, struct bytes text, struct json **out)
{
    json_t *root;

    TRY(parse(s, text, JSON_REJECT_DUPLICATES, &root));
    *out = arena_defer(s->arena, root, release_tree);
    return OK;
}

enum json_kind
json_kind(const struct json *j)
{
    static const enum json_kind kinds[] = {
        [JSON_OBJECT] = JK_OBJECT, [JSON_ARRAY] = JK_ARRAY, [JSON_STRING] = JK_TEXT,
        [JSON_INTEGER] = JK_INT,   [JSON_REAL] = JK_REAL,   [JSON_TRUE] = JK_BOOL,
        [JSON_FALSE] = JK_BOOL,    [JSON_NULL] = JK_NULL,
    };

    return j ? kinds[json_typeof(tree(j))] : JK_NULL;
}

const struct json *
json_get(const struct json *j, const char *name)
{
    return (const struct json *)json_object_get(tree(j), name);
}

const char *
json_str(const struct json *j)
{
    return json_string_value(tree(j));
}

bool
json_int(const struct json *j, int64_t *out)
{
    if (!json_is_integer(tree(j)))
        return false;
    *out = json_integer_value(tree(j));
    return true;
}

bool
json_number(const struct json *j, double *out)
{
    if (!json_is_number(tree(j)))
        return false;
    *out = json_number_value(tree(j));
    return true;
}

bool
json_bool(const struct json *j, bool *out)
{
    if (!json_is_boolean(tree(j)))
        return false;
    *out = json_is_true(tree(j));
    return true;
}

bool
json_is_object(const struct json *j)
{
    return json_kind(j) == JK_OBJECT;
}

bool
json_is_array(const struct json *j)
{
    return json_kind(j) == JK_ARRAY;
}

size_t
json_count(const struct json *j)
{
    return json_is_object(j) ? json_object_size(tree(j)) : json_array_size(tree(j));
}

const struct json *
json_item(const struct json *j, size_t i)
{
    return (const struct json *)json_array_get(tree(j), i);
}

/* *AT is jansson's iterator of the next member; 1, which no pointer is, once there is none. */
bool
json_member(const struct json *j, size_t *at, const char **name, const struct json **value)
{
    json_t *object = (json_t *)(uintptr_t)j;
    void *iter = *at ? (void *)*at : json_object_iter(object);

    if (!iter || *at == 1)
        return false;
    *name = json_object_iter_key(iter);
    *value = (const struct json *)json_object_iter_value(iter);
    iter = json_object_iter_next(object, iter);
    *at = iter ? (size_t)iter : 1;
    return true;
}

void
json_write(struct buf *out, const struct json *j)
{
    struct writer w = { .out = out };

    if (j)
        write_tree(&w, tree(j));
    else
        buf_text(out, "null");
}

enum err
json_canonical(struct scope *s, struct bytes text, struct buf *out)
{
    AUTO(arena_free) struct arena *scratch = arena_new();
    struct writer w = { .out = out, .canonical = true, .scratch = scratch };
    AUTO(json_decref) json_t *root = NULL;

    TRY(parse(s, text, JSON_REJECT_DUPLICATES, &root));
    write_tree(&w, root);
    if (w.inexact)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "a whole number is beyond 2^53: canonical JSON cannot hold it");
    return out->failed ? fail(s, E_LIMIT, "the canonical form is too long") : OK;
}
