/* The sources of settings, and the snapshot. */
#include "codec/settings.h"

#include "codec/settings_own.h"
#include "codec/value.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX "CHANCERY_"
#define KEY_PARTS_MAX 8

OWNED(FILE, fclose);
OWNED(DIR, closedir);

void
settings_problem(struct settings_loader *l, const char *origin, const char *key, enum code code,
                 const char *why)
{
    const char *path = *key ? arena_printf(l->s->arena, "%s: %s", origin, key) : origin;

    at_problem(l->s, &(struct at){ NULL, path, 0 }, &(struct wrong){ .code = code, .text = why });
}

/* A failure of the reader becomes one problem among others. */
static void
unreadable(struct settings_loader *l)
{
    struct error error = l->s->error;

    l->incomplete = true;
    l->s->error = (struct error){ 0 };
    at_problem(l->s, NULL, &(struct wrong){ .code = CHY_BAD_SETTINGS, .text = error.text });
}

static enum err
read_file(struct settings_loader *l, const char *path, struct bytes *out, bool *exposed)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for its writer */
    AUTO(fclose) FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    struct stat st;
    char *data;
    size_t len, room;

    if (!file)
        return fail_code(l->s, errno == ENOENT ? E_NOT_FOUND : E_INVALID, CHY_BAD_SETTINGS,
                         "%s: cannot be read: %s", path, strerror(errno));
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))
        return fail_code(l->s, E_INVALID, CHY_BAD_SETTINGS, "%s: is not a file", path);
    room = MIN((size_t)st.st_size, NODE_TEXT_MAX) + 1; /* one more shows that it is too large */
    data = arena_alloc(l->s->arena, room);
    len = fread(data, 1, room, file);
    if (ferror(file))
        return fail_code(l->s, E_INVALID, CHY_BAD_SETTINGS, "%s: cannot be read: %s", path,
                         strerror(errno));
    *out = (struct bytes){ (uint8_t *)data, len };
    *exposed = (st.st_mode & 077) != 0;
    return OK;
}

/* Depth is bounded by the reader. */
static void
mark_exposed(struct node *node)
{
    node->exposed = true;
    LIST_EACH(struct node *, item, &node->items)
    mark_exposed(*item);
    LIST_EACH(struct member, member, &node->members)
    mark_exposed(member->value);
}

static void
add_file(struct settings_loader *l, const char *path, struct node **tree)
{
    struct bytes text;
    struct node *file;
    bool exposed = true;

    if (read_file(l, path, &text, &exposed) != OK || node_read(l->s, path, text, &file) != OK) {
        unreadable(l);
        return;
    }
    if (file->kind == NODE_NULL)
        return;
    if (file->kind != NODE_MAP) {
        settings_problem(l, file->origin, "", CHY_BAD_SETTINGS, "must be sections and keys");
        return;
    }
    if (exposed)
        mark_exposed(file);
    if (l->from->aliases)
        file = settings_translate(l, file);
    *tree = node_merge(l->s->arena, *tree, file);
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_drop_ins(struct settings_loader *l, const char *path, struct node **tree)
{
    AUTO(closedir) DIR *dir = opendir(path);
    struct list names = { 0 };
    struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        const char *name = entry->d_name;

        if (*name != '.' &&
            (text_ends(name, ".yaml") || text_ends(name, ".yml") || text_ends(name, ".json")))
            list_add(l->s->arena, &names, const char *, arena_text(l->s->arena, name));
    }
    if (names.count)
        qsort(names.items, names.count, sizeof(char *), compare_names);
    LIST_EACH(const char *, name, &names)
    add_file(l, arena_printf(l->s->arena, "%s/%s", path, *name), tree);
}

/* The tree that has VALUE alone, below the names of PARTS. */
static struct node *
nest(struct arena *a, const char *const *parts, size_t count, struct node *value)
{
    while (count-- > 0) {
        struct node *map = arena_new_of(a, struct node);

        map->kind = NODE_MAP;
        map->origin = value->origin;
        list_add(a, &map->members, struct member,
                 ((struct member){ parts[count], value->origin, value }));
        value = map;
    }
    return value;
}

struct node *
settings_text_node(struct arena *a, const char *text, const char *origin)
{
    struct node *node = arena_new_of(a, struct node);

    node->kind = NODE_TEXT;
    node->text = text;
    node->origin = origin;
    return node;
}

static void
set_origin(struct node *node, const char *origin)
{
    node->origin = origin;
    LIST_EACH(struct node *, item, &node->items)
    set_origin(*item, origin);
    LIST_EACH(struct member, member, &node->members)
    {
        member->origin = origin;
        set_origin(member->value, origin);
    }
}

/* `a,b` for a list of single values; for all that holds more, YAML in brackets or braces. */
static struct node *
structured(struct settings_loader *l, const struct field *f, const char *text, const char *origin)
{
    struct arena *a = l->s->arena;
    struct node *node;

    if (*text == '[' || *text == '{') {
        if (node_read(l->s, origin, bytes_of_text(text), &node) != OK) {
            unreadable(l);
            return NULL;
        }
        set_origin(node, origin);
        return node;
    }
    if (f->type != FT_LIST || !f->model->is_scalar)
        return settings_text_node(a, text, origin);
    node = arena_new_of(a, struct node);
    node->kind = NODE_LIST;
    node->origin = origin;
    while (*text) {
        size_t len = strcspn(text, ",");
        const char *item = text_trim(a, arena_text_n(a, text, len));

        list_add(a, &node->items, struct node *, settings_text_node(a, item, origin));
        text += len + (text[len] == ',');
    }
    return node;
}

/*
 * Follow PARTS through the models, spelling them as the tables do. The field they end at, or NULL
 * with *STOP the part that no model knows. Below an object of texts any name goes.
 */
static const struct field *
follow(const struct model *m, const char **parts, size_t count, bool fold, size_t *stop,
       const struct model **where)
{
    const struct field *f = NULL;

    for (size_t i = 0; i < count; i++) {
        *stop = i;
        *where = m;
        if (f && f->type == FT_PAIRS)
            return i + 1 == count ? f : NULL;
        f = m ? model_field(m, parts[i], fold) : NULL;
        if (!f)
            return NULL;
        parts[i] = f->wire;
        m = f->type == FT_OBJECT ? f->model : NULL;
    }
    return f;
}

static size_t
split_key(struct arena *a, const char *key, const char *separator, const char **parts)
{
    size_t count = 0;

    for (;;) {
        const char *end = strstr(key, separator);

        if (count == KEY_PARTS_MAX)
            return 0;
        parts[count++] = end ? arena_text_n(a, key, (size_t)(end - key)) : key;
        if (!end)
            return count;
        key = end + strlen(separator);
    }
}

struct node *
settings_nested(struct arena *a, const char *key, struct node *value)
{
    const char *parts[KEY_PARTS_MAX];

    return nest(a, parts, split_key(a, key, ".", parts), value);
}

/* One key of environment or flags. */
struct one {
    const char *name; /* as it was given, for errors */
    const char *parts[KEY_PARTS_MAX];
    size_t count; /* 0: too many parts for any key */
    const char *value, *origin;
    bool fold;
};

static void
add_one(struct settings_loader *l, struct one *one, struct node **tree)
{
    struct arena *a = l->s->arena;
    const struct model *where = l->into->model;
    const struct field *f = NULL;
    const char *hint = "";
    struct node *node;
    size_t stop = 0;

    if (one->count)
        f = follow(l->into->model, one->parts, one->count, one->fold, &stop, &where);
    if (!f) {
        if (where && one->count)
            hint = model_did_you_mean(a, where, one->parts[stop]);
        settings_problem(l, one->origin, one->name, CHY_UNKNOWN_SETTING,
                         arena_printf(a, "there is no such setting%s", hint));
        return;
    }
    if (!text_is_utf8(one->value, strlen(one->value))) {
        settings_problem(l, one->origin, one->name, CHY_BAD_TEXT, "is not UTF-8");
        return;
    }
    if (f->type == FT_PAIRS && one->count > 1 && !text_eq(one->parts[one->count - 1], f->wire))
        node = settings_text_node(a, one->value, one->origin);
    else if (f->type == FT_LIST || f->type == FT_OBJECT || f->type == FT_PAIRS)
        node = structured(l, f, one->value, one->origin);
    else
        node = settings_text_node(a, one->value, one->origin);
    if (node)
        *tree = node_merge(a, *tree, nest(a, one->parts, one->count, node));
}

static void
add_sets(struct settings_loader *l, const char *const *sets, const char *origin, struct node **tree)
{
    struct arena *a = l->s->arena;

    for (; sets && *sets; sets++) {
        const char *equals = strchr(*sets, '=');
        struct one one = { .origin = origin };

        if (!equals) {
            settings_problem(l, origin, *sets, CHY_BAD_SETTINGS, "must have the form key=value");
            continue;
        }
        one.name = arena_text_n(a, *sets, (size_t)(equals - *sets));
        one.value = equals + 1;
        one.count = split_key(a, one.name, ".", one.parts);
        if (text_eq(origin, "--set"))
            one.origin = arena_printf(a, "--set %s", one.name);
        add_one(l, &one, tree);
    }
}

/* A variable without "__" may be another program's or the command line's: it counts when it is a
 * known key. */
static void
add_environment(struct settings_loader *l, struct node **tree)
{
    struct arena *a = l->s->arena;

    for (const char *const *e = l->from->environment; e && *e; e++) {
        const char *equals = strchr(*e, '='), *variable;
        struct one one = { .fold = true };

        if (!text_starts(*e, PREFIX) || !equals)
            continue;
        variable = arena_text_n(a, *e, (size_t)(equals - *e));
        one.name = variable + strlen(PREFIX);
        one.value = equals + 1;
        one.origin = arena_printf(a, "environment %s", variable);
        one.count = split_key(a, text_fold(a, one.name), "__", one.parts);
        if (one.count != 1 || model_field(l->into->model, one.parts[0], true))
            add_one(l, &one, tree);
    }
}

enum err
settings_gather(struct settings_loader *l, struct node **out)
{
    const struct settings_sources *from = l->from;
    struct node *tree = arena_new_of(l->s->arena, struct node);
    struct stat st;

    tree->kind = NODE_MAP;
    tree->origin = "";
    add_sets(l, from->defaults, from->defaults_name ? from->defaults_name : "default", &tree);
    if (from->main_file) {
        bool missing = stat(from->main_file, &st) != 0 && errno == ENOENT;

        if (missing && !from->main_optional)
            return fail_code(l->s, E_NOT_FOUND, CHY_BAD_SETTINGS, "%s: there is no such file",
                             from->main_file);
        if (!missing)
            add_file(l, from->main_file, &tree);
    }
    if (from->drop_in_dir)
        add_drop_ins(l, from->drop_in_dir, &tree);
    add_environment(l, &tree);
    add_sets(l, from->sets, "--set", &tree);
    *out = tree;
    return OK;
}

enum err
settings_load(struct scope *s, const struct model *root, const struct settings_sources *from,
              struct settings **out)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    struct arena *arena = arena_new();
    struct settings_loader l = { .s = s, .from = from };
    struct node *tree;

    settings = arena_new_of(arena, struct settings);
    atomic_init(&settings->refs, 1);
    settings->arena = arena;
    settings->model = root;
    settings->root = arena_alloc(arena, root->size);
    settings->notes = map_new(arena, false);
    l.into = settings;
    settings_init(arena, root, settings->root, 0);
    TRY(settings_gather(&l, &tree));
    settings_decode(&l, tree);
    TRY(problems_check(s));
    *out = settings_ref(settings);
    return OK;
}

struct settings *
settings_ref(struct settings *settings)
{
    atomic_fetch_add(&settings->refs, 1);
    return settings;
}

void
settings_unref(struct settings *settings)
{
    if (settings && atomic_fetch_sub(&settings->refs, 1) == 1)
        arena_free(settings->arena);
}

const void *
settings_root(const struct settings *settings)
{
    return settings->root;
}

const struct settings_note *
settings_note_of(const struct settings *settings, const char *key)
{
    static const struct settings_note none = { .origin = "preset" };
    const struct settings_note *note = map_get(settings->notes, key);

    return note ? note : &none;
}

const char *
settings_origin(const struct settings *settings, const char *key)
{
    return settings_note_of(settings, key)->origin;
}

const struct list *
settings_warnings(const struct settings *settings)
{
    return &settings->warnings;
}
