/* From the tree of settings to structs: types, ranges, unknown keys, references to secrets. */
#include "codec/json.h"
#include "codec/settings_own.h"
#include "codec/value.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTION_DEPTH_MAX 8

void
settings_init(struct arena *a, const struct model *m, void *out, int depth)
{
    assert(depth < SECTION_DEPTH_MAX && "a model of settings must not contain itself");
    model_init(a, m, out);
    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];
        void **section = (void **)((char *)out + f->offset);

        if (f->type != FT_OBJECT)
            continue;
        *section = arena_alloc(a, f->model->size);
        settings_init(a, f->model, *section, depth + 1);
    }
}

bool
settings_is_reference(const char *text)
{
    static const char *const words[] = { "env:", "file:", "vault:", "akv:", "pam:", "seal:" };

    for (size_t i = 0; i < COUNT(words); i++)
        if (text_starts(text, words[i]))
            return true;
    return text_eq(text, "from-environment") || text_starts(text, "from-environment:") ||
           text_eq(text, "from-azure-keyvault") || text_starts(text, "from-azure-keyvault:");
}

static void
bad_value(struct settings_loader *l, const struct node *node, const char *key, enum code code,
          const char *why)
{
    settings_problem(l, node->origin, key, code, why);
}

static struct settings_note *
remember(struct settings_loader *l, const char *key, const struct node *node)
{
    struct arena *a = l->into->arena;
    struct settings_note *note = arena_new_of(a, struct settings_note);

    note->origin = arena_text(a, node->origin);
    map_put(l->into->notes, key, note);
    return note;
}

/* A secret may stand in the environment, or in a file that its owner alone can read. */
static bool
may_be_plain(struct settings_loader *l, const struct node *node, const char *key)
{
    const char *warning;

    if (node->exposed) {
        bad_value(l, node, key, CHY_BAD_VALUE,
                  "is a secret in a file that others can read: give the file mode 0600, or name "
                  "the secret by a reference such as file:/path");
        return false;
    }
    if (!text_starts(node->origin, "environment ")) {
        warning = arena_printf(l->into->arena,
                               "%s: %s: is a secret in plain text; a reference "
                               "such as file:/path is safer",
                               node->origin, key);
        list_add(l->into->arena, &l->into->warnings, const char *, warning);
    }
    return true;
}

/* What the text of NODE stands for; *CHECKED false: a reference nobody resolves now, to be taken as
 * it is. */
static bool
text_of(struct settings_loader *l, const struct field *f, const char *key, const struct node *node,
        const char **out, bool *checked)
{
    const char *text = node->text;
    enum err e;

    *checked = true;
    *out = text;
    if (f->flags & KEEP_REF) {
        if (settings_is_reference(text))
            return true;
    } else if (text_starts(text, "literal:")) {
        *out = text + strlen("literal:");
    } else if (settings_is_reference(text)) {
        remember(l, key, node)->reference = arena_text(l->into->arena, text);
        *checked = l->from->resolve != NULL;
        if (!*checked)
            return true;
        e = l->from->resolve(l->s, l->from->resolve_arg, key, text, out);
        if (e != OK)
            bad_value(l, node, key, CHY_BAD_SECRET_REF,
                      l->s->error.text ? l->s->error.text : "cannot be resolved");
        return e == OK;
    }
    return !value_is_secret(f, *out) || may_be_plain(l, node, key);
}

static bool
is_number_or_bool(const struct field *f)
{
    return !f->choices && !(f->flags & (DURATION | SIZE)) &&
           (f->type == FT_BOOL || f->type == FT_INT || f->type == FT_REAL ||
            f->type == FT_OPT_BOOL || f->type == FT_OPT_INT);
}

static void
decode_scalar(struct settings_loader *l, const struct field *f, const char *key,
              const struct node *node, void *member)
{
    struct wrong why = { 0 };
    const char *text;
    bool checked;

    if (node->kind != NODE_TEXT) {
        bad_value(l, node, key, CHY_BAD_TYPE, "must be a single value");
        return;
    }
    if (!text_of(l, f, key, node, &text, &checked))
        return;
    if (!checked && f->type == FT_TEXT)
        *(const char **)member = arena_text(l->into->arena, text);
    if (!checked)
        return;
    if (node->quoted && is_number_or_bool(f))
        bad_value(l, node, key, CHY_BAD_TYPE,
                  f->type == FT_BOOL || f->type == FT_OPT_BOOL
                      ? "must be true or false, not text in quotes"
                      : "must be a number, not text in quotes");
    else if (!value_from_text(l->into->arena, f, text, true, member, &why))
        bad_value(l, node, key, why.code, why.text);
}

static void decode_section(struct settings_loader *l, const struct model *m, const char *prefix,
                           const struct node *node, void *out);

static void
decode_list(struct settings_loader *l, const struct field *f, const char *key,
            const struct node *node, struct list *out)
{
    struct field element = value_element(f);
    struct arena *a = l->into->arena;
    struct wrong why = { 0 };
    size_t i = 0;

    *out = (struct list){ 0 };
    if (node->kind != NODE_LIST) {
        bad_value(l, node, key, CHY_BAD_TYPE, "must be a list");
        return;
    }
    if (!value_count_ok(a, f, node->items.count, &why)) {
        bad_value(l, node, key, why.code, why.text);
        return;
    }
    LIST_EACH(struct node *, item, &node->items)
    {
        const char *name = arena_printf(a, "%s[%zu]", key, i++);
        void *to = list_grow(a, out, f->model->size);

        if (element.type == FT_OBJECT) {
            settings_init(a, f->model, to, 0);
            decode_section(l, f->model, name, *item, to);
        } else {
            decode_scalar(l, &element, name, *item, to);
        }
    }
}

static void
decode_pairs(struct settings_loader *l, const struct field *f, const char *key,
             const struct node *node, struct pairs *out)
{
    const struct field text = { .wire = f->wire, .type = FT_TEXT, .flags = f->flags };
    struct arena *a = l->into->arena;
    struct wrong why = { 0 };

    *out = (struct pairs){ 0 };
    if (node->kind != NODE_MAP) {
        bad_value(l, node, key, CHY_BAD_TYPE, "must be names with texts");
        return;
    }
    if (!value_count_ok(a, f, node->members.count, &why)) {
        bad_value(l, node, key, why.code, why.text);
        return;
    }
    LIST_EACH(struct member, m, &node->members)
    {
        const char *name = arena_printf(a, "%s.%s", key, m->name);
        struct pair *pair;

        if (m->value->kind == NODE_NULL)
            continue;
        pair = list_push(a, &out->of, struct pair);
        pair->name = arena_text(a, m->name);
        decode_scalar(l, &text, name, m->value, &pair->value);
        if (!settings_note_of(l->into, name)->reference)
            remember(l, name, m->value);
    }
}

/* A plain scalar is what JSON would say with the same characters, or else text. */
static void
write_raw(struct buf *out, const struct node *node)
{
    size_t n = 0;

    switch (node->kind) {
    case NODE_NULL:
        buf_text(out, "null");
        break;
    case NODE_TEXT:
        if (!node->quoted && (text_eq(node->text, "true") || text_eq(node->text, "false")))
            buf_text(out, node->text);
        else if (!node->quoted && value_is_json_number(node->text))
            buf_text(out, node->text);
        else
            json_text(out, node->text);
        break;
    case NODE_LIST:
        buf_byte(out, '[');
        LIST_EACH(struct node *, item, &node->items)
        {
            buf_text(out, n++ ? "," : "");
            write_raw(out, *item);
        }
        buf_byte(out, ']');
        break;
    case NODE_MAP:
        buf_byte(out, '{');
        LIST_EACH(struct member, m, &node->members)
        {
            buf_text(out, n++ ? "," : "");
            json_text(out, m->name);
            buf_byte(out, ':');
            write_raw(out, m->value);
        }
        buf_byte(out, '}');
        break;
    }
}

static void
decode_raw(struct settings_loader *l, const struct node *node, struct raw *out)
{
    struct buf b;

    buf_init_in(&b, l->into->arena, 4 * NODE_TEXT_MAX);
    write_raw(&b, node);
    out->json = buf_str(&b);
}

static void
decode_member(struct settings_loader *l, const struct field *f, const char *key,
              const struct node *node, void *member)
{
    switch (f->type) {
    case FT_OBJECT:
        decode_section(l, f->model, key, node, *(void **)member);
        return; /* its members have notes of their own */
    case FT_LIST:
        decode_list(l, f, key, node, member);
        break;
    case FT_PAIRS:
        decode_pairs(l, f, key, node, member);
        break;
    case FT_RAW:
        decode_raw(l, node, member);
        break;
    default:
        decode_scalar(l, f, key, node, member);
    }
    if (!settings_note_of(l->into, key)->reference)
        remember(l, key, node);
}

static const char *
join(struct arena *a, const char *prefix, const char *name)
{
    return *prefix ? arena_printf(a, "%s.%s", prefix, name) : name;
}

/* Sections that must be there are looked into even when they are not, for what they miss. */
static void
report_missing(struct settings_loader *l, const struct model *m, const char *prefix,
               const struct node *node, const bool *seen, void *out)
{
    static const struct node nothing = { .kind = NODE_MAP, .origin = "settings" };

    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];
        const char *key = join(l->into->arena, prefix, f->wire);

        if (seen[i] || !(f->flags & REQUIRED))
            continue;
        if (f->type == FT_OBJECT)
            decode_section(l, f->model, key, &nothing, *(void **)((char *)out + f->offset));
        else if (!l->incomplete)
            bad_value(l, *node->origin ? node : &nothing, key, CHY_MISSING, "is missing");
    }
}

static void
decode_section(struct settings_loader *l, const struct model *m, const char *prefix,
               const struct node *node, void *out)
{
    struct arena *a = l->into->arena;
    bool seen[MODEL_FIELDS_MAX] = { false };

    assert(m->count <= MODEL_FIELDS_MAX);
    if (node->kind == NODE_NULL)
        return;
    if (node->kind != NODE_MAP) {
        bad_value(l, node, prefix, CHY_BAD_TYPE, "must be a section with keys");
        return;
    }
    LIST_EACH(struct member, member, &node->members)
    {
        const struct field *f = model_field(m, member->name, false);
        const char *key = join(a, prefix, f ? f->wire : member->name);

        if (!f) {
            settings_problem(l, member->origin, key, CHY_UNKNOWN_SETTING,
                             arena_printf(a, "there is no such setting%s",
                                          model_did_you_mean(a, m, member->name)));
            continue;
        }
        if (member->value->kind == NODE_NULL)
            continue; /* as if it were not there */
        seen[f - m->fields] = true;
        decode_member(l, f, key, member->value, (char *)out + f->offset);
    }
    report_missing(l, m, prefix, node, seen, out);
}

void
settings_decode(struct settings_loader *l, const struct node *tree)
{
    decode_section(l, l->into->model, "", tree, l->into->root);
}
