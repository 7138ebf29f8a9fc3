/* Settings for people: the values with their origins, and the reference of all keys. */
#include "codec/json.h"
#include "codec/settings_own.h"
#include "codec/value.h"
#include "codec/yaml.h"

#include <string.h>

struct show {
    struct buf *out;
    const struct settings *settings;
    enum settings_form form;
    bool origins;
    struct arena *a;
    size_t shown;
};

static void show_object(struct show *w, const struct model *m, const void *in, const char *key);

static const char *
join(struct arena *a, const char *prefix, const char *name)
{
    return *prefix ? arena_printf(a, "%s.%s", prefix, name) : name;
}

static void
show_text(struct show *w, const char *text)
{
    if (w->form == SETTINGS_JSON)
        json_text(w->out, text);
    else
        yaml_text(w->out, text);
}

static bool
hidden(const struct field *f, const void *member)
{
    const char *text = f->type == FT_TEXT ? *(const char *const *)member : NULL;

    if ((f->flags & KEEP_REF) && text && settings_is_reference(text))
        return false;
    if (f->type == FT_TEXT)
        return value_is_secret(f, text);
    return (f->flags & SECRET) && (f->type != FT_BYTES || ((const struct bytes *)member)->len > 0);
}

/* Single values as json_encode() has them, but choices always by their name. */
static void
show_scalar(struct show *w, const struct field *f, const char *key, const void *member)
{
    const char *reference = settings_note_of(w->settings, key)->reference;
    struct field by_name = *f;
    const struct model whole = { .fields = &by_name, .count = 1 };
    struct buf b;
    const char *text;

    if (reference) {
        show_text(w, reference);
        return;
    }
    if (hidden(f, member)) {
        show_text(w, "***");
        return;
    }
    if (f->type == FT_TEXT) {
        show_text(w, *(const char *const *)member);
        return;
    }
    by_name.wire = "";
    by_name.offset = 0;
    by_name.flags = (f->flags & ~(unsigned)OMIT_EMPTY) | CHOICE_TEXT | ALWAYS;
    buf_init_in(&b, w->a, 1 << 20);
    json_encode(&b, &whole, member);
    text = buf_str(&b); /* {"":VALUE} */
    if (text)
        buf_add(w->out, text + 4, strlen(text) - 5);
}

static void
show_list(struct show *w, const struct field *f, const char *key, const struct list *l)
{
    struct field element = value_element(f);
    enum settings_form form = w->form;

    w->form = SETTINGS_JSON; /* a flow list of JSON is YAML too */
    buf_byte(w->out, '[');
    for (size_t i = 0; i < l->count; i++) {
        const void *item = (const char *)l->items + i * f->model->size;
        const char *name = arena_printf(w->a, "%s[%zu]", key, i);

        buf_text(w->out, i ? ", " : "");
        if (element.type == FT_OBJECT)
            show_object(w, f->model, item, name);
        else
            show_scalar(w, &element, name, item);
    }
    buf_byte(w->out, ']');
    w->form = form;
}

static void
show_pairs(struct show *w, const struct field *f, const char *key, const struct pairs *pairs)
{
    const struct field text = { .type = FT_TEXT, .flags = f->flags };
    enum settings_form form = w->form;
    size_t n = 0;

    w->form = SETTINGS_JSON;
    buf_byte(w->out, '{');
    LIST_EACH(const struct pair, pair, &pairs->of)
    {
        buf_text(w->out, n++ ? ", " : "");
        json_text(w->out, pair->name);
        buf_text(w->out, ": ");
        show_scalar(w, &text, join(w->a, key, pair->name), &pair->value);
    }
    buf_byte(w->out, '}');
    w->form = form;
}

static void
show_value(struct show *w, const struct field *f, const char *key, const void *member)
{
    switch (f->type) {
    case FT_LIST:
        show_list(w, f, key, member);
        break;
    case FT_PAIRS:
        show_pairs(w, f, key, member);
        break;
    case FT_OBJECT:
        show_object(w, f->model, *(const void *const *)member, key);
        break;
    default:
        show_scalar(w, f, key, member);
    }
}

static void
show_object(struct show *w, const struct model *m, const void *in, const char *key)
{
    buf_byte(w->out, '{');
    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];

        buf_text(w->out, i ? ", " : "");
        json_text(w->out, f->wire);
        buf_text(w->out, ": ");
        show_value(w, f, join(w->a, key, f->wire), (const char *)in + f->offset);
    }
    buf_byte(w->out, '}');
}

static void
indent(struct buf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_text(out, "  ");
}

static void
show_leaf(struct show *w, const struct field *f, const char *key, const void *member, int depth)
{
    const char *origin = settings_origin(w->settings, key);

    if (w->form == SETTINGS_JSON) {
        buf_text(w->out, w->shown++ ? ",\n  " : "\n  ");
        json_text(w->out, key);
        buf_text(w->out, ": {\"value\": ");
        show_value(w, f, key, member);
        buf_text(w->out, ", \"origin\": ");
        json_text(w->out, origin);
        buf_byte(w->out, '}');
        return;
    }
    indent(w->out, w->form == SETTINGS_YAML ? depth : 0);
    buf_printf(w->out, w->form == SETTINGS_YAML ? "%s: " : "%s = ",
               w->form == SETTINGS_YAML ? f->wire : key);
    show_value(w, f, key, member);
    if (w->origins)
        buf_printf(w->out, "  # %s", origin);
    buf_byte(w->out, '\n');
}

static void
show_section(struct show *w, const struct model *m, const void *in, const char *prefix, int depth)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];
        const char *key = join(w->a, prefix, f->wire);
        const void *member = (const char *)in + f->offset;

        if (f->type != FT_OBJECT) {
            show_leaf(w, f, key, member, depth);
            continue;
        }
        if (w->form == SETTINGS_YAML) {
            indent(w->out, depth);
            buf_printf(w->out, "%s:\n", f->wire);
        }
        show_section(w, f->model, *(const void *const *)member, key, depth + 1);
    }
}

void
settings_show(struct buf *out, const struct settings *settings, enum settings_form form,
              bool origins)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct show w = { out, settings, form, origins, a, 0 };

    if (form == SETTINGS_JSON && !origins) {
        show_object(&w, settings->model, settings->root, "");
        buf_byte(out, '\n');
        return;
    }
    buf_text(out, form == SETTINGS_JSON ? "{" : "");
    show_section(&w, settings->model, settings->root, "", 0);
    buf_text(out, form == SETTINGS_JSON ? "\n}\n" : "");
}

/* The reference. */

static const char *
type_words(const struct field *f)
{
    static const char *const words[] = {
        [FT_BOOL] = "true or false",
        [FT_INT] = "number",
        [FT_REAL] = "number",
        [FT_TEXT] = "text",
        [FT_WHEN] = "time",
        [FT_BYTES] = "base64",
        [FT_OPT_BOOL] = "true or false",
        [FT_OPT_INT] = "number",
        [FT_RAW] = "any value",
        [FT_PAIRS] = "names with texts",
        [FT_LIST] = "list",
        [FT_OBJECT] = "section",
    };

    if (f->choices)
        return "one of";
    if (f->flags & DURATION)
        return "duration, such as 90d or 12h";
    if (f->flags & SIZE)
        return "size, such as 64KiB or 8MiB";
    if (f->flags & SECRET)
        return f->type == FT_PAIRS ? "names with secrets, or references to them"
                                   : "secret, or a reference to one";
    return words[f->type];
}

static void
describe_limits(struct buf *out, struct arena *a, const struct field *f)
{
    bool numeric = f->type == FT_INT || f->type == FT_OPT_INT || f->type == FT_REAL;

    if (numeric && f->min < f->max && (f->flags & DURATION))
        buf_printf(out, ", %s to %s", duration_text(a, f->min), duration_text(a, f->max));
    else if (numeric && f->min < f->max && (f->flags & SIZE))
        buf_printf(out, ", %s to %s", size_text(a, f->min), size_text(a, f->max));
    else if (numeric && f->min < f->max)
        buf_printf(out, ", %lld to %lld", (long long)f->min, (long long)f->max);
    for (const struct choice *c = f->choices; c && c->name; c++)
        buf_printf(out, "%s%s", c == f->choices ? ": " : ", ", c->name);
    if (f->flags & REQUIRED)
        buf_text(out, "; required");
}

static bool
is_bare(const struct field *f)
{
    return f->type != FT_TEXT && !f->choices && !(f->flags & (DURATION | SIZE));
}

/* `a,b` as `[a, b]`, each quoted where YAML wants it. */
static void
yaml_preset_list(struct buf *out, struct arena *a, const char *preset)
{
    buf_byte(out, '[');
    while (*preset) {
        size_t len = strcspn(preset, ",");

        yaml_text(out, arena_text_n(a, preset, len));
        preset += len;
        if (*preset) {
            buf_text(out, ", ");
            preset++;
        }
    }
    buf_byte(out, ']');
}

static void
describe_key(struct buf *out, struct arena *a, const struct field *f, const char *key, int depth)
{
    struct buf name;

    buf_init_in(&name, a, 1024);
    for (const char *p = text_upper(a, key); *p; p++)
        buf_text(&name, *p == '.' ? "__" : (char[]){ *p, '\0' });
    buf_byte(out, '\n');
    if (f->doc) {
        indent(out, depth);
        buf_printf(out, "# %s\n", f->doc);
    }
    indent(out, depth);
    buf_printf(out, "# (%s", type_words(f));
    describe_limits(out, a, f);
    buf_printf(out, "; CHANCERY_%s)\n", buf_str(&name));
    indent(out, depth);
    buf_printf(out, "#%s: ", f->wire);
    if (f->preset && f->type == FT_LIST)
        yaml_preset_list(out, a, f->preset);
    else if (f->preset && is_bare(f)) /* in quotes it would be a text */
        buf_text(out, f->preset);
    else if (f->preset)
        yaml_text(out, f->preset);
    buf_byte(out, '\n');
}

static void
describe_section(struct buf *out, struct arena *a, const struct model *m, const char *prefix,
                 int depth)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];
        const char *key = join(a, prefix, f->wire);

        if (f->type != FT_OBJECT) {
            describe_key(out, a, f, key, depth);
            continue;
        }
        buf_byte(out, '\n');
        if (f->doc) {
            indent(out, depth);
            buf_printf(out, "# %s\n", f->doc);
        }
        indent(out, depth);
        buf_printf(out, "%s:\n", f->wire);
        describe_section(out, a, f->model, key, depth + 1);
    }
}

void
settings_describe(struct buf *out, const struct model *root)
{
    AUTO(arena_free) struct arena *a = arena_new();

    describe_section(out, a, root, "", 0);
}

/* One cell: no line breaks, and bars escaped. */
static void
cell(struct buf *out, const char *text, bool code)
{
    const char *mark = code && *text ? "`" : "";

    buf_printf(out, " %s", mark);
    for (; *text; text++) {
        if (*text == '|')
            buf_byte(out, '\\');
        buf_byte(out, *text);
    }
    buf_printf(out, "%s |", mark);
}

static void
table_section(struct buf *out, struct arena *a, const struct model *m, const char *prefix)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];
        const char *key = join(a, prefix, f->wire);
        struct buf type;

        if (f->type == FT_OBJECT) {
            table_section(out, a, f->model, key);
            continue;
        }
        buf_init_in(&type, a, 4096);
        buf_text(&type, type_words(f));
        describe_limits(&type, a, f);
        buf_byte(out, '|');
        cell(out, key, true);
        cell(out, buf_str(&type), false);
        cell(out, f->preset ? f->preset : "", true);
        cell(out, f->doc ? f->doc : "", false);
        buf_byte(out, '\n');
        if (f->type == FT_LIST && !f->model->is_scalar)
            table_section(out, a, f->model, arena_printf(a, "%s[]", key));
    }
}

void
settings_table(struct buf *out, const struct model *root)
{
    AUTO(arena_free) struct arena *a = arena_new();

    buf_text(out, "| key | value | without it | what for |\n|---|---|---|---|\n");
    table_section(out, a, root, "");
}
