#include "codec/model.h"

#include "codec/value.h"

#include <assert.h>
#include <string.h>

#define NAME_MAX_LEN 64

#define SCALAR(var, name_, type, of)                                             \
    const struct model var = {                                                   \
        .name = (name_), .size = sizeof(type), .scalar = (of), .is_scalar = true \
    }
SCALAR(int_model, "int", int64_t, FT_INT);
SCALAR(text_model, "text", const char *, FT_TEXT);
SCALAR(when_model, "when", struct when, FT_WHEN);
SCALAR(bytes_model, "bytes", struct bytes, FT_BYTES);
SCALAR(bool_model, "bool", bool, FT_BOOL);
SCALAR(real_model, "real", double, FT_REAL);
SCALAR(raw_model, "raw", struct raw, FT_RAW);

/** The texts between the commas of a list's preset, each an element. */
static bool
preset_list(struct arena *a, const struct field *f, struct list *list)
{
    struct field element = value_element(f);
    struct wrong why = { 0 };
    const char *at = f->preset;

    for (;;) {
        size_t len = strcspn(at, ",");

        if (!value_from_text(a, &element, arena_text_n(a, at, len), false,
                             list_grow(a, list, f->model->size), &why))
            return false;
        if (at[len] == '\0')
            return true;
        at += len + 1;
    }
}

static void
preset_into(struct arena *a, const struct field *f, void *member)
{
    struct wrong why = { 0 };
    bool fits = f->type == FT_LIST ? preset_list(a, f, member)
                                   : value_from_text(a, f, f->preset, false, member, &why);

    assert(fits && "a preset must be a value that its field allows");
    (void)fits;
}

void
model_init(struct arena *a, const struct model *m, void *out)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];
        void *member = (char *)out + f->offset;

        if (f->type == FT_WHEN)
            value_clear(f, member);
        if (f->preset)
            preset_into(a, f, member);
    }
}

static bool
called(const struct field *f, const char *wire, bool fold)
{
    bool (*same)(const char *, const char *) = fold ? text_eq_fold : text_eq;

    if (same(f->wire, wire))
        return true;
    for (const char *const *alias = f->aliases; alias && *alias; alias++)
        if (same(*alias, wire))
            return true;
    return false;
}

const struct field *
model_field(const struct model *m, const char *wire, bool fold)
{
    for (size_t i = 0; i < m->count; i++)
        if (called(&m->fields[i], wire, fold))
            return &m->fields[i];
    return NULL;
}

const struct choice *
choice_by_number(const struct choice *c, int64_t number)
{
    for (; c && c->name; c++)
        if (c->number == number)
            return c;
    return NULL;
}

const struct choice *
choice_by_name(const struct choice *c, const char *name)
{
    for (; c && c->name; c++)
        if (text_eq_fold(c->name, name))
            return c;
    return NULL;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
    return MIN(a, MIN(b, c));
}

/* Levenshtein's distance, in any case of letters. */
static size_t
distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1], len = strlen(b);

    if (len > NAME_MAX_LEN || strlen(a) > NAME_MAX_LEN)
        return SIZE_MAX;
    for (size_t k = 0; k <= len; k++)
        row[k] = k;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0]++;

        for (size_t k = 1; k <= len; k++) {
            size_t above = row[k];

            row[k] = min3(row[k] + 1, row[k - 1] + 1, diagonal + ((a[i] | 32) != (b[k - 1] | 32)));
            diagonal = above;
        }
    }
    return row[len];
}

const char *
model_did_you_mean(struct arena *a, const struct model *m, const char *name)
{
    size_t best = strlen(name) < 4 ? 2 : MAX(strlen(name) / 3, 2) + 1;
    const char *found = NULL;

    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];
        size_t d = distance(name, f->wire);

        if (d < best) {
            best = d;
            found = f->wire;
        }
        if (!found && f->type == FT_OBJECT && model_field(f->model, name, true))
            found = arena_printf(a, "%s.%s", f->wire, model_field(f->model, name, true)->wire);
    }
    return found ? arena_printf(a, "; did you mean \"%s\"?", found) : "";
}

const char *
pairs_get(const struct pairs *pairs, const char *name)
{
    LIST_EACH(struct pair, p, &pairs->of)
    if (text_eq_fold(p->name, name))
        return p->value;
    return NULL;
}
