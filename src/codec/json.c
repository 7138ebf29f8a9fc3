#include "codec/json_tree.h"
#include "codec/value.h"

#include <stdlib.h>
#include <string.h>

#define EXACT_INT_MAX (INT64_C(1) << 53)

struct decoder {
    struct scope *s;
    enum json_mode mode;
};

/* Writing a tree back: for raw members and canonical text. */

struct writer {
    struct buf *out;
    bool canonical;
    bool inexact; /* a whole number beyond 2^53 was met */
    struct arena *scratch;
};

static void write_tree(struct writer *w, const struct json *j);

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
compare_names(const char *a, const char *b)
{
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
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
write_member(struct writer *w, const struct json *member, bool first)
{
    if (!first)
        buf_byte(w->out, ',');
    write_string(w, member->name);
    buf_byte(w->out, ':');
    write_tree(w, member);
}

static int
compare_members(const void *a, const void *b)
{
    const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;

    return compare_names(x->name, y->name);
}

static void
write_object(struct writer *w, const struct json *j)
{
    const struct json **members;

    buf_byte(w->out, '{');
    if (!w->canonical) {
        for (size_t i = 0; i < j->count; i++)
            write_member(w, &j->items[i], i == 0);
    } else if (j->count) {
        members = arena_alloc(w->scratch, j->count * sizeof(*members));
        for (size_t i = 0; i < j->count; i++)
            members[i] = &j->items[i];
        qsort(members, j->count, sizeof(*members), compare_members);
        for (size_t i = 0; i < j->count; i++)
            write_member(w, members[i], i == 0);
    }
    buf_byte(w->out, '}');
}

static void
write_tree(struct writer *w, const struct json *j)
{
    char number[REAL_TEXT_MAX];

    switch (j->kind) {
    case JK_OBJECT:
        write_object(w, j);
        break;
    case JK_ARRAY:
        buf_byte(w->out, '[');
        for (size_t i = 0; i < j->count; i++) {
            if (i)
                buf_byte(w->out, ',');
            write_tree(w, &j->items[i]);
        }
        buf_byte(w->out, ']');
        break;
    case JK_TEXT:
        write_string(w, j->text);
        break;
    case JK_INT:
        if (j->number > EXACT_INT_MAX || j->number < -EXACT_INT_MAX)
            w->inexact = true;
        buf_int(w->out, j->number);
        break;
    case JK_REAL:
        real_text(j->real, w->canonical, number);
        buf_text(w->out, number);
        break;
    case JK_BOOL:
        buf_text(w->out, j->yes ? "true" : "false");
        break;
    case JK_NULL:
        buf_text(w->out, "null");
        break;
    }
}

/* Decoding by tables. */

static void decode_struct(const struct decoder *d, const struct model *m, const struct at *at,
                          const struct json *j, void *out);

static bool
decode_problem(const struct decoder *d, const struct at *at, enum code code, const char *text)
{
    at_problem(d->s, at, &(struct wrong){ .code = code, .text = text });
    return false;
}

static bool
decode_text(const struct decoder *d, const struct field *f, const struct json *j, void *member,
            struct wrong *why)
{
    const char *text = j->text;
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
decode_number(const struct decoder *d, const struct field *f, const struct json *j, void *member,
              struct wrong *why)
{
    struct arena *a = d->s->arena;

    if (d->mode == JSON_STRICT) {
        if (f->type != FT_INT && f->type != FT_OPT_INT && f->type != FT_REAL)
            return wrong_because(a, why, CHY_BAD_TYPE, "must be %s, not a number",
                                 f->type == FT_BOOL || f->type == FT_OPT_BOOL ? "true or false"
                                                                              : "text");
        if (j->kind == JK_REAL && f->type != FT_REAL)
            return wrong_because(a, why, CHY_BAD_TYPE, "must be a whole number");
    }
    if (f->flags & DURATION)
        return wrong_because(a, why, CHY_BAD_TYPE, "must be a duration such as \"90d\"");
    if (j->kind == JK_REAL)
        return value_from_real(a, f, j->real, member, why);
    return value_from_int(a, f, j->number, member, why);
}

static void
decode_scalar(const struct decoder *d, const struct field *f, const struct at *at,
              const struct json *j, void *member)
{
    struct wrong why = { 0 };
    bool fine;

    if (j->kind == JK_TEXT)
        fine = decode_text(d, f, j, member, &why);
    else if (j->kind == JK_INT || j->kind == JK_REAL)
        fine = decode_number(d, f, j, member, &why);
    else if (j->kind == JK_BOOL)
        fine = value_from_bool(d->s->arena, f, j->yes, member, &why);
    else if (j->kind == JK_NULL)
        fine = wrong_because(d->s->arena, &why, CHY_BAD_TYPE, "must not be null");
    else
        fine = wrong_because(d->s->arena, &why, CHY_BAD_TYPE, "must be a single value");
    if (!fine)
        at_problem(d->s, at, &why);
}

static void
decode_raw(const struct decoder *d, const struct json *j, struct raw *out)
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
decode_pair(const struct decoder *d, const struct json *j, const char **out)
{
    char number[REAL_TEXT_MAX];

    if (j->kind == JK_TEXT) {
        *out = arena_text(d->s->arena, j->text);
        return true;
    }
    *out = NULL;
    if (j->kind == JK_NULL)
        return true;
    if (d->mode == JSON_STRICT)
        return false;
    if (j->kind == JK_INT) {
        *out = arena_printf(d->s->arena, "%lld", (long long)j->number);
    } else if (j->kind == JK_REAL) {
        real_text(j->real, false, number);
        *out = arena_text(d->s->arena, number);
    } else if (j->kind == JK_BOOL) {
        *out = j->yes ? "true" : "false";
    } else {
        return false;
    }
    return true;
}

static void
decode_pairs(const struct decoder *d, const struct field *f, const struct at *at,
             const struct json *j, struct pairs *out)
{
    struct wrong why;

    if (j->kind != JK_OBJECT) {
        decode_problem(d, at, CHY_BAD_TYPE, "must be an object of texts");
        return;
    }
    if (!value_count_ok(d->s->arena, f, j->count, &why)) {
        at_problem(d->s, at, &why);
        return;
    }
    for (size_t i = 0; i < j->count; i++) {
        const char *name = j->items[i].name;
        struct pair pair = { .name = name };

        if (decode_pair(d, &j->items[i], &pair.value))
            list_add(d->s->arena, &out->of, struct pair, pair);
        else
            decode_problem(d, &(struct at){ at, name, 0 }, CHY_BAD_TYPE, "must be text");
    }
}

static void
decode_list(const struct decoder *d, const struct field *f, const struct at *at,
            const struct json *j, struct list *out)
{
    struct field element = value_element(f);
    struct wrong why;

    if (j->kind != JK_ARRAY) {
        decode_problem(d, at, CHY_BAD_TYPE, "must be an array");
        return;
    }
    if (!value_count_ok(d->s->arena, f, j->count, &why)) {
        at_problem(d->s, at, &why);
        return;
    }
    for (size_t i = 0; i < j->count; i++) {
        const struct at here = { at, NULL, i };
        const struct json *value = &j->items[i];
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
decode_member(const struct decoder *d, const struct field *f, const struct at *at,
              const struct json *j, void *member)
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
decode_field(const struct decoder *d, const struct field *f, const struct at *at,
             const struct json *j, bool again, char *out)
{
    if (again && d->mode == JSON_STRICT) { /* under its name and an alias */
        decode_problem(d, at, CHY_BAD_VALUE, "is given twice");
        return;
    }
    if (again)
        value_clear(f, out + f->offset);
    else if (f->preset && f->type == FT_LIST && !j->kind == JK_NULL)
        value_clear(f, out + f->offset);
    decode_member(d, f, at, j, out + f->offset);
}

static void
decode_struct(const struct decoder *d, const struct model *m, const struct at *at,
              const struct json *j, void *out)
{
    struct seen seen = { 0 };
    size_t next = 0;

    model_init(d->s->arena, m, out);
    if (j->kind != JK_OBJECT) {
        decode_problem(d, at, CHY_BAD_TYPE, "must be an object");
        return;
    }
    for (size_t i = 0; i < j->count; i++) {
        const struct json *value = &j->items[i];
        const struct field *f = find_field(d, m, value->name, &next);
        struct at here = { at, f ? f->wire : value->name, 0 };

        if (!f) {
            if (d->mode == JSON_STRICT || m->closed)
                decode_problem(d, &here, CHY_UNKNOWN_FIELD, "is not known");
            continue;
        }
        if (f->flags & READ_ONLY)
            continue;
        if (value->kind == JK_NULL && f->type != FT_RAW)
            continue; /* absent, or missing when it is required */
        decode_field(d, f, &here, value, see(&seen, (size_t)(f - m->fields)), out);
    }
    report_missing(d, m, at, &seen);
}

static enum err
load(struct scope *s, enum json_mode mode, struct bytes text, struct json **out)
{
    static const struct bytes mark = { (const uint8_t *)"\xef\xbb\xbf", 3 };

    if (mode == JSON_STRICT)
        return json_tree_read(s, s->arena, text, TWICE_REFUSED, out);
    if (text.len >= 3 && !memcmp(text.data, mark.data, mark.len)) /* RFC 8259 section 8.1 */
        text = (struct bytes){ text.data + 3, text.len - 3 };
    return json_tree_read(s, s->arena, text, TWICE_LAST, out);
}

enum err
json_decode(struct scope *s, const struct model *m, enum json_mode mode, struct bytes text,
            void *out)
{
    static const struct json nothing = { .kind = JK_OBJECT };
    const struct decoder d = { s, mode };
    const struct field whole = { .wire = "", .type = m->scalar, .model = m };
    struct json *root = NULL;

    TRY(load(s, mode, text, &root));
    if (m->is_scalar)
        decode_member(&d, &whole, NULL, root, out);
    else
        decode_struct(&d, m, NULL, mode == JSON_COMMAND && root->kind == JK_NULL ? &nothing : root,
                      out);
    return problems_check(s);
}

enum err
json_decode_list(struct scope *s, const struct model *m, enum json_mode mode, struct bytes text,
                 struct list *out)
{
    const struct decoder d = { s, mode };
    const struct field whole = { .wire = "", .type = FT_LIST, .model = m };
    struct json *root = NULL;

    TRY(load(s, mode, text, &root));
    if (mode == JSON_STRICT || root->kind != JK_NULL)
        decode_list(&d, &whole, NULL, root, out);
    return problems_check(s);
}

/* The small reader. */

enum err
json_parse(struct scope *s, struct bytes text, struct json **out)
{
    return json_tree_read(s, s->arena, text, TWICE_REFUSED, out);
}

enum json_kind
json_kind(const struct json *j)
{
    return j ? j->kind : JK_NULL;
}

const struct json *
json_get(const struct json *j, const char *name)
{
    for (size_t i = 0; json_is_object(j) && i < j->count; i++)
        if (strcmp(j->items[i].name, name) == 0)
            return &j->items[i];
    return NULL;
}

const char *
json_str(const struct json *j)
{
    return json_kind(j) == JK_TEXT ? j->text : NULL;
}

bool
json_int(const struct json *j, int64_t *out)
{
    if (json_kind(j) != JK_INT)
        return false;
    *out = j->number;
    return true;
}

bool
json_number(const struct json *j, double *out)
{
    if (json_kind(j) != JK_INT && json_kind(j) != JK_REAL)
        return false;
    *out = j->kind == JK_INT ? (double)j->number : j->real;
    return true;
}

bool
json_bool(const struct json *j, bool *out)
{
    if (json_kind(j) != JK_BOOL)
        return false;
    *out = j->yes;
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
    return json_is_object(j) || json_is_array(j) ? j->count : 0;
}

const struct json *
json_item(const struct json *j, size_t i)
{
    return json_is_array(j) && i < j->count ? &j->items[i] : NULL;
}

bool
json_member(const struct json *j, size_t *at, const char **name, const struct json **value)
{
    if (!json_is_object(j) || *at >= j->count)
        return false;
    *value = &j->items[(*at)++];
    *name = (*value)->name;
    return true;
}

void
json_write(struct buf *out, const struct json *j)
{
    struct writer w = { .out = out };

    if (j)
        write_tree(&w, j);
    else
        buf_text(out, "null");
}

enum err
json_canonical(struct scope *s, struct bytes text, struct buf *out)
{
    AUTO(arena_free) struct arena *scratch = arena_new();
    struct writer w = { .out = out, .canonical = true, .scratch = scratch };
    struct json *root = NULL;

    TRY(json_tree_read(s, scratch, text, TWICE_REFUSED, &root));
    write_tree(&w, root);
    if (w.inexact)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "a whole number is beyond 2^53: canonical JSON cannot hold it");
    return out->failed ? fail(s, E_LIMIT, "the canonical form is too long") : OK;
}
