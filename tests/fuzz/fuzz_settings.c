/* Settings files: YAML to a tree. What is read is within the limits and made of clean text. */
#include "fuzz.h"

#include "codec/node.h"

#include <string.h>

static void
check(const struct node *node, int depth)
{
    PROMISE(depth <= NODE_DEPTH_MAX);
    PROMISE(node->origin != NULL);
    PROMISE(node->kind != NODE_TEXT || text_is_utf8(node->text, strlen(node->text)));
    LIST_EACH(struct node *, item, &node->items)
    check(*item, depth + 1);
    LIST_EACH(struct member, m, &node->members)
    {
        PROMISE(node_member(node, m->name) == m);
        check(m->value, depth + 1);
    }
}

/* A bug of a kind that is easily made: a list is taken to have a first item. */
static void
planted(const struct node *node)
{
#ifdef PLANT_BUG
    const struct member *m = node_member(node, "list");

    if (m && m->value->kind == NODE_LIST)
        PROMISE((*list_at(&m->value->items, struct node *, 0))->kind <= NODE_MAP);
#endif
    (void)node;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct node *node;

    if (node_read(s, "input", (struct bytes){ data, len }, &node) == OK) {
        check(node, 1);
        planted(node);
    } else {
        PROMISE(s->error.kind == E_INVALID || s->error.kind == E_LIMIT);
        PROMISE(s->error.text != NULL && !strncmp(s->error.text, "input:", 6));
    }
    return 0;
}
