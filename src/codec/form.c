#include "codec/form.h"
#include "codec/value.h"

#include <string.h>

struct form {
    struct scope *s;
    bool fold;
    const char *name; /* as it was sent */
};

static void
form_problem(const struct form *form, const char *name, const struct wrong *why)
{
    at_problem(form->s, &(struct at){ NULL, name, 0 }, why);
}

static const char *
without_prefix(const char *name, const char *const *prefixes)
{
    for (; prefixes && *prefixes; prefixes++)
        if (text_starts_fold(name, *prefixes))
            return name + strlen(*prefixes);
    return name;
}

/* `ids[]` and `ids[3]` are ids. */
static const char *
without_index(struct arena *a, const char *name)
{
    const char *bracket = strrchr(name, '[');

    if (!bracket || !text_ends(name, "]") ||
        strspn(bracket + 1, "0123456789") + 2 != strlen(bracket))
        return name;
    return arena_text_n(a, name, (size_t)(bracket - name));
}

static void
put_scalar(const struct form *form, const struct field *f, const char *text, void *member)
{
    struct wrong why = { 0 };

    if (!*text && f->type != FT_TEXT)
        return;
    if (!value_from_text(form->s->arena, f, text, form->fold, member, &why))
        form_problem(form, form->name, &why);
}

static void
put_item(const struct form *form, const struct field *f, const char *text, struct list *l)
{
    struct field element = value_element(f);
    struct wrong why = { 0 };

    if (element.type == FT_OBJECT) {
        wrong_because(form->s->arena, &why, CHY_BAD_TYPE, "cannot be given here");
        form_problem(form, form->name, &why);
    } else if (!value_count_ok(form->s->arena, &(struct field){ .max = f->max }, l->count + 1,
                               &why)) {
        form_problem(form, form->name, &why);
    } else {
        put_scalar(form, &element, text, list_grow(form->s->arena, l, f->model->size));
    }
}

static void
put_list(const struct form *form, const struct field *f, const char *text, struct list *l)
{
    bool has_commas = f->model->is_scalar && f->model->scalar != FT_TEXT;

    while (has_commas && strchr(text, ',')) {
        size_t len = strcspn(text, ",");

        put_item(form, f, arena_text_n(form->s->arena, text, len), l);
        text += len + 1;
    }
    if (*text || (f->model->is_scalar && f->model->scalar == FT_TEXT))
        put_item(form, f, text, l);
}

static void
put_raw(const struct form *form, const char *text, struct raw *out)
{
    struct buf b;

    buf_init_in(&b, form->s->arena, 8 * strlen(text) + 3);
    json_text(&b, text);
    out->json = buf_str(&b);
}

static bool put(const struct form *form, const struct model *m, const char *name, const char *text,
                void *out, uint64_t *seen);

/* The field's name ends at a dot: the rest is for what is inside. */
static bool
put_inside(const struct form *form, const struct field *f, const char *rest, const char *text,
           void *member)
{
    struct arena *a = form->s->arena;

    if (f->type == FT_PAIRS && *rest) {
        struct pairs *pairs = member;
        struct wrong why = { 0 };

        if (value_count_ok(a, &(struct field){ .max = f->max }, pairs->of.count + 1, &why))
            list_add(a, &pairs->of, struct pair,
                     ((struct pair){ arena_text(a, rest), arena_text(a, text) }));
        else
            form_problem(form, form->name, &why);
        return true;
    }
    if (f->type != FT_OBJECT || !*rest)
        return false;
    if (!*(void **)member) {
        *(void **)member = arena_alloc(a, f->model->size);
        model_init(a, f->model, *(void **)member);
    }
    return put(form, f->model, rest, text, *(void **)member, NULL);
}

static void
put_member(const struct form *form, const struct field *f, const char *text, void *member,
           bool first)
{
    struct wrong why = { 0 };

    switch (f->type) {
    case FT_LIST:
        if (first)
            value_clear(f, member); /* its preset */
        put_list(form, f, text, member);
        break;
    case FT_RAW:
        put_raw(form, text, member);
        break;
    case FT_PAIRS:
    case FT_OBJECT:
        wrong_because(form->s->arena, &why, CHY_BAD_TYPE, "cannot be given as one text");
        form_problem(form, form->name, &why);
        break;
    default:
        put_scalar(form, f, text, member);
    }
}

/* False when no field has this name. Names are as deep as the models they name. */
static bool
put(const struct form *form, const struct model *m, const char *name, const char *text, void *out,
    uint64_t *seen)
{
    struct arena *a = form->s->arena;
    const char *dot = strchr(name, '.');
    const struct field *f = model_field(m, without_index(a, name), form->fold);
    bool first = true;

    if (!f && dot) {
        f = model_field(m, arena_text_n(a, name, (size_t)(dot - name)), form->fold);
        return f && put_inside(form, f, dot + 1, text, (char *)out + f->offset);
    }
    if (!f)
        return false;
    if (f->flags & READ_ONLY)
        return true;
    if (seen) {
        uint64_t bit = UINT64_C(1) << (f - m->fields) % 64;

        first = !(seen[(f - m->fields) / 64] & bit);
        if (*text)
            seen[(f - m->fields) / 64] |= bit;
    }
    put_member(form, f, text, (char *)out + f->offset, first);
    return true;
}

enum err
form_decode(struct scope *s, const struct model *m, enum json_mode mode, const struct list *pairs,
            const char *const *prefixes, void *out)
{
    struct form form = { .s = s, .fold = mode == JSON_COMMAND };
    uint64_t seen[MODEL_FIELDS_MAX / 64] = { 0 };

    model_init(s->arena, m, out);
    LIST_EACH(const struct pair, pair, pairs)
    {
        struct wrong why = { .code = CHY_BAD_TEXT, .text = "is not UTF-8" };

        form.name = pair->name;
        if (!text_is_utf8(pair->name, strlen(pair->name))) {
            form_problem(&form, "", &why);
        } else if (!text_is_utf8(pair->value, strlen(pair->value))) {
            form_problem(&form, pair->name, &why);
        } else if (!put(&form, m, without_prefix(pair->name, prefixes), pair->value, out, seen) &&
                   mode == JSON_STRICT) {
            why = (struct wrong){ CHY_UNKNOWN_FIELD, "is not known" };
            form_problem(&form, pair->name, &why);
        }
    }
    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];

        if ((f->flags & REQUIRED) && !(seen[i / 64] & UINT64_C(1) << i % 64))
            form_problem(&form, f->wire, &(struct wrong){ CHY_MISSING, "is missing" });
    }
    return problems_check(s);
}
