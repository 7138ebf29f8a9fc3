/* Sections of another program's file: its keys come to ours, or are refused by name. */
#include "codec/settings_own.h"

#include <string.h>

struct translation {
    struct settings_loader *l;
    const struct node *file;
    struct node *tree;    /* what it comes to */
    struct node *items;   /* the list of ALIAS_ITEM; NULL: none came yet */
    const char *items_to; /* its key */
};

/* What FILE has at KEY, or NULL. */
static const struct member *
member_at(struct arena *a, const struct node *file, const char *key)
{
    for (;;) {
        size_t len = strcspn(key, ".");
        const struct member *m =
            file->kind == NODE_MAP ? node_member(file, arena_text_n(a, key, len)) : NULL;

        if (!m || !key[len])
            return m;
        file = m->value;
        key += len + 1;
    }
}

static bool
is_flag(const struct translation *t, const struct settings_alias *alias, const struct member *m,
        bool *value)
{
    const struct node *n = m->value;

    if (n->kind == NODE_TEXT && !n->quoted &&
        (text_eq(n->text, "true") || text_eq(n->text, "false"))) {
        *value = text_eq(n->text, "true");
        return true;
    }
    settings_problem(t->l, n->origin, alias->key, CHY_BAD_TYPE, "must be true or false");
    return false;
}

static void
put(struct translation *t, const char *key, struct node *value)
{
    struct arena *a = t->l->s->arena;

    t->tree = node_merge(a, t->tree, settings_nested(a, key, value));
}

static struct node *
new_list(struct arena *a, const char *origin)
{
    struct node *list = arena_new_of(a, struct node);

    list->kind = NODE_LIST;
    list->origin = origin;
    return list;
}

/* The list is there as soon as the section is, for an empty one says something, too. */
static void
put_item(struct translation *t, const struct settings_alias *alias, bool wanted, const char *origin)
{
    struct arena *a = t->l->s->arena;

    if (!t->items) {
        t->items = new_list(a, origin);
        t->items_to = alias->to;
    }
    if (wanted)
        list_add(a, &t->items->items, struct node *, settings_text_node(a, alias->yes, origin));
}

static void
put_host(struct translation *t, const struct settings_alias *alias, const char *origin)
{
    struct arena *a = t->l->s->arena;
    const struct member *url = member_at(a, t->file, alias->yes);
    const char *text = url && url->value->kind == NODE_TEXT ? url->value->text : "",
               *host = strstr(text, "://");
    struct node *list = new_list(a, origin);

    if (!host || !host[3]) {
        settings_problem(t->l, origin, alias->key, CHY_BAD_SETTINGS,
                         arena_printf(a, "needs %s, whose host it is about", alias->yes));
        return;
    }
    host = arena_text_n(a, host + 3, strcspn(host + 3, ":/"));
    list_add(a, &list->items, struct node *, settings_text_node(a, host, origin));
    put(t, alias->to, list);
}

static void
apply(struct translation *t, const struct settings_alias *alias)
{
    struct arena *a = t->l->s->arena;
    const struct member *m = member_at(a, t->file, alias->key),
                        *section = member_at(a, t->file,
                                             arena_text_n(a, alias->key, strcspn(alias->key, ".")));
    bool value;

    if (alias->kind == ALIAS_ITEM && section && !m)
        put_item(t, alias, alias->no == NULL, section->origin);
    if (!m || m->value->kind == NODE_NULL)
        return;
    if (alias->kind == ALIAS_REFUSED)
        settings_problem(t->l, m->origin, alias->key, CHY_BAD_SETTINGS, alias->yes);
    else if (alias->kind == ALIAS_AS_IS)
        put(t, alias->to, m->value);
    else if (alias->kind == ALIAS_SECTION)
        put(t, alias->to, settings_text_node(a, alias->yes, m->origin));
    else if (!is_flag(t, alias, m, &value))
        return;
    else if (alias->kind == ALIAS_ITEM)
        put_item(t, alias, value, m->origin);
    else if (alias->kind == ALIAS_FLAG)
        put(t, alias->to, settings_text_node(a, value ? alias->yes : alias->no, m->origin));
    else if (value)
        put_host(t, alias, m->origin);
}

static bool
is_key(const struct settings_alias *aliases, const char *key)
{
    for (; aliases->kind != ALIAS_END; aliases++)
        if (aliases->kind != ALIAS_SECTION && text_eq(aliases->key, key))
            return true;
    return false;
}

static bool
is_section(const struct settings_alias *aliases, const char *key)
{
    size_t len = strlen(key);

    for (; aliases->kind != ALIAS_END; aliases++)
        if (text_starts(aliases->key, key) && aliases->key[len] == '.')
            return true;
    return false;
}

static void
report_unknown(struct settings_loader *l, const char *key, const struct member *m)
{
    if (is_key(l->from->aliases, key) || m->value->kind == NODE_NULL)
        return;
    if (!is_section(l->from->aliases, key))
        settings_problem(l, m->origin, key, CHY_UNKNOWN_SETTING, "there is no such setting");
    else if (m->value->kind != NODE_MAP)
        settings_problem(l, m->origin, key, CHY_BAD_TYPE, "must be a section with keys");
    LIST_EACH(const struct member, below, &m->value->members)
    report_unknown(l, arena_printf(l->s->arena, "%s.%s", key, below->name), below);
}

struct node *
settings_translate(struct settings_loader *l, struct node *file)
{
    struct arena *a = l->s->arena;
    struct node *ours = arena_new_of(a, struct node), *none = arena_new_of(a, struct node);
    struct translation t = { .l = l, .file = file, .tree = none };

    *none = (struct node){ .kind = NODE_MAP, .origin = file->origin };
    *ours = *none;
    ours->exposed = file->exposed;
    LIST_EACH(const struct member, m, &file->members)
    {
        if (is_section(l->from->aliases, m->name))
            report_unknown(l, m->name, m);
        else
            list_add(a, &ours->members, struct member, *m);
    }
    for (const struct settings_alias *alias = l->from->aliases; alias->kind != ALIAS_END; alias++)
        apply(&t, alias);
    if (t.items)
        put(&t, t.items_to, t.items);
    return node_merge(a, t.tree, ours);
}
