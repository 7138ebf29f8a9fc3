#include "codec/node.h"

#include <string.h>
#include <yaml.h>

struct reader {
    struct scope *s;
    const char *name;
    yaml_parser_t parser;
    int depth;
    size_t count;
};

OWNED_VALUE(yaml_event_t, yaml_event_delete);

static const char *
place(const struct reader *r, const yaml_mark_t *mark)
{
    return arena_printf(r->s->arena, "%s:%zu:%zu", r->name, mark->line + 1, mark->column + 1);
}

static enum err
refuse(const struct reader *r, const yaml_mark_t *mark, enum err kind, const char *text)
{
    return fail_code(r->s, kind, CHY_BAD_SETTINGS, "%s: %s", place(r, mark), text);
}

static enum err
next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return OK;
    return refuse(r, r->parser.problem_mark.line ? &r->parser.problem_mark : &r->parser.mark,
                  E_INVALID, r->parser.problem ? r->parser.problem : "not YAML");
}

/* YAML 1.2 section 10.3.2: how a plain scalar says nothing. */
static bool
is_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || text_eq(text, "~") || text_eq_fold(text, "null"));
}

static enum err
check_event(struct reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;

    if (++r->count > NODE_COUNT_MAX)
        return refuse(r, &event->start_mark, E_LIMIT, "has too many values");
    if (event->type == YAML_ALIAS_EVENT)
        return refuse(r, &event->start_mark, E_INVALID, "aliases are not allowed");
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
            return refuse(r, &event->start_mark, E_INVALID, "text must not hold a NUL");
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    }
    if (anchor)
        return refuse(r, &event->start_mark, E_INVALID, "anchors are not allowed");
    if (tag)
        return refuse(r, &event->start_mark, E_INVALID, "tags are not allowed");
    return OK;
}

static enum err read_value(struct reader *r, const yaml_event_t *event, struct node **out);

static enum err
read_list(struct reader *r, struct node *list)
{
    for (;;) {
        AUTO(yaml_event_delete) yaml_event_t event = { 0 };
        struct node *item;

        TRY(next_event(r, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return OK;
        TRY(read_value(r, &event, &item));
        list_add(r->s->arena, &list->items, struct node *, item);
    }
}

static enum err
read_map(struct reader *r, struct node *map)
{
    for (;;) {
        AUTO(yaml_event_delete) yaml_event_t key = { 0 };
        AUTO(yaml_event_delete) yaml_event_t value = { 0 };
        struct member member;
        const struct member *before;

        TRY(next_event(r, &key));
        if (key.type == YAML_MAPPING_END_EVENT)
            return OK;
        TRY(check_event(r, &key));
        if (key.type != YAML_SCALAR_EVENT)
            return refuse(r, &key.start_mark, E_INVALID, "a name must be text");
        member = (struct member){
            .name = arena_text(r->s->arena, (const char *)key.data.scalar.value),
            .origin = place(r, &key.start_mark),
        };
        before = node_member(map, member.name);
        if (before)
            return refuse(r, &key.start_mark, E_INVALID,
                          arena_printf(r->s->arena, "\"%s\" is given twice, first at %s",
                                       member.name, before->origin));
        TRY(next_event(r, &value));
        TRY(read_value(r, &value, &member.value));
        list_add(r->s->arena, &map->members, struct member, member);
    }
}

static enum err
read_value(struct reader *r, const yaml_event_t *event, struct node **out)
{
    struct node *node = arena_new_of(r->s->arena, struct node);

    TRY(check_event(r, event));
    node->origin = place(r, &event->start_mark);
    *out = node;
    if (++r->depth > NODE_DEPTH_MAX)
        return refuse(r, &event->start_mark, E_LIMIT, "is nested too deep");
    if (event->type == YAML_SCALAR_EVENT) {
        node->kind = is_null(event) ? NODE_NULL : NODE_TEXT;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        node->text = arena_text(r->s->arena, (const char *)event->data.scalar.value);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        node->kind = NODE_LIST;
        TRY(read_list(r, node));
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        node->kind = NODE_MAP;
        TRY(read_map(r, node));
    } else {
        return refuse(r, &event->start_mark, E_INVALID, "a value is missing");
    }
    r->depth--;
    return OK;
}

static enum err
read_document(struct reader *r, struct node **out)
{
    AUTO(yaml_event_delete) yaml_event_t start = { 0 };
    AUTO(yaml_event_delete) yaml_event_t document = { 0 };
    AUTO(yaml_event_delete) yaml_event_t root = { 0 };
    AUTO(yaml_event_delete) yaml_event_t end = { 0 };
    AUTO(yaml_event_delete) yaml_event_t after = { 0 };

    TRY(next_event(r, &start));
    TRY(next_event(r, &document));
    if (document.type == YAML_STREAM_END_EVENT) { /* empty, or comments alone */
        *out = arena_new_of(r->s->arena, struct node);
        (*out)->origin = place(r, &document.start_mark);
        return OK;
    }
    TRY(next_event(r, &root));
    TRY(read_value(r, &root, out));
    TRY(next_event(r, &end));
    TRY(next_event(r, &after));
    if (after.type != YAML_STREAM_END_EVENT)
        return refuse(r, &after.start_mark, E_INVALID, "a second document is not allowed");
    return OK;
}

enum err
node_read(struct scope *s, const char *name, struct bytes text, struct node **out)
{
    struct reader r = { .s = s, .name = name };
    enum err e;

    if (text.len > NODE_TEXT_MAX)
        return fail_code(s, E_LIMIT, CHY_BAD_SETTINGS, "%s:1:1: is larger than %d bytes", name,
                         NODE_TEXT_MAX);
    if (!text_is_utf8(text.data, text.len))
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS, "%s:1:1: is not UTF-8", name);
    if (!yaml_parser_initialize(&r.parser))
        return fail(s, E_INTERNAL, "no YAML parser");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, text.len ? text.data : (const uint8_t *)"", text.len);
    e = read_document(&r, out);
    yaml_parser_delete(&r.parser);
    return e;
}

struct member *
node_member(const struct node *map, const char *name)
{
    LIST_EACH(struct member, m, &map->members)
    if (text_eq(m->name, name))
        return m;
    return NULL;
}

struct node *
node_merge(struct arena *a, struct node *under, struct node *over)
{
    if (!under || under->kind != NODE_MAP || over->kind != NODE_MAP)
        return over;
    LIST_EACH(struct member, m, &over->members)
    {
        struct member *old = node_member(under, m->name);

        if (old) {
            old->value = node_merge(a, old->value, m->value);
            old->origin = m->origin;
        } else {
            list_add(a, &under->members, struct member, *m);
        }
    }
    return under;
}
