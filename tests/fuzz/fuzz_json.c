/*
 * JSON bodies. Whatever decodes is written, and what is written decodes again to the same;
 * canonical text is its own canonical form. Text that does not decode leaves a reason.
 */
#include "fuzz.h"

#include "codec/json.h"

#include <string.h>

static const struct choice reasons[] = { { 0, "Unspecified", NULL },
                                         { 1, "KeyCompromise", NULL },
                                         { -1, "RemoveFromHold", NULL },
                                         { 0, NULL, NULL } };
static const char *const aliases[] = { "Nr", NULL };

struct tree {
    bool yes;
    int64_t id, reason, wait, room;
    double share;
    const char *text, *word;
    struct when at;
    struct bytes data;
    struct opt_bool maybe;
    struct opt_int number;
    struct raw any;
    struct pairs meta;
    struct list names, more; /* of const char *; of struct tree */
    struct tree *next;
};
static const struct model tree_model;
static const struct field tree_fields[] = {
    FIELD(tree, yes, "Yes"),
    FIELD(tree, id, "Id", .min = 1, .max = 100, .preset = "7", .aliases = aliases),
    FIELD(tree, reason, "Reason", .choices = reasons, .flags = CHOICE_TEXT),
    FIELD(tree, wait, "Wait", .flags = DURATION),
    FIELD(tree, room, "Room", .flags = SIZE),
    FIELD(tree, share, "Share"),
    FIELD(tree, text, "Text", .max = 40),
    FIELD(tree, word, "Word", .pattern = "dns", .flags = FOLD),
    FIELD(tree, at, "At"),
    FIELD(tree, data, "Data"),
    FIELD(tree, maybe, "Maybe"),
    FIELD(tree, number, "Number"),
    FIELD(tree, any, "Any"),
    FIELD(tree, meta, "Meta", .max = 8),
    FIELD(tree, names, "Names", .model = &text_model, .max = 8),
    FIELD(tree, more, "More", .model = &tree_model),
    FIELD(tree, next, "Next", .model = &tree_model),
};
static const struct model tree_model = MODEL(tree, tree_fields);

static void
check_round_trip(struct scope *s, const struct tree *tree)
{
    struct tree again = { 0 };
    struct buf first, second;

    buf_init_in(&first, s->arena, 1 << 24);
    json_encode(&first, &tree_model, tree);
    PROMISE(!first.failed);
    PROMISE(json_decode(s, &tree_model, JSON_STRICT, buf_bytes(&first), &again) == OK);
    buf_init_in(&second, s->arena, 1 << 24);
    json_encode(&second, &tree_model, &again);
    PROMISE(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
}

static void
check_canonical(struct scope *s, struct bytes text)
{
    struct buf first, second;

    buf_init_in(&first, s->arena, 1 << 24);
    if (json_canonical(s, text, &first) != OK) {
        PROMISE(s->error.text != NULL);
        return;
    }
    buf_init_in(&second, s->arena, 1 << 24);
    if (json_canonical(s, buf_bytes(&first), &second) != OK) {
        /* 1e20 is written with all its digits there, which is more than a whole number may have
         * here */
        PROMISE((strstr(s->error.text, "too big") && strstr(s->error.text, "integer")) ||
                strstr(s->error.text, "beyond 2^53"));
        return;
    }
    PROMISE(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
}

/* A bug of a kind that is easily made: three levels down, a name is taken to fit. */
static void
planted(const struct tree *tree)
{
#ifdef PLANT_BUG
    static char copy[8]; /* on the stack the compiler would drop it */

    LIST_EACH(struct tree, child, &tree->more)
    if (child->next && child->next->names.count == 2)
        strcpy(copy, *list_at(&child->next->names, const char *, 1));
    PROMISE(copy[7] == '\0');
#endif
    (void)tree;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct bytes text = { data, len };

    for (int mode = JSON_STRICT; mode <= JSON_COMMAND; mode++) {
        struct tree tree = { 0 };

        scope_clear(s);
        if (json_decode(s, &tree_model, (enum json_mode)mode, text, &tree) == OK) {
            planted(&tree);
            check_round_trip(s, &tree);
        } else {
            PROMISE(s->error.kind == E_INVALID || s->error.kind == E_LIMIT);
            PROMISE(s->error.text != NULL && *s->error.text != '\0');
        }
    }
    scope_clear(s);
    check_canonical(s, text);
    return 0;
}
