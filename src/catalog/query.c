#include "catalog/query.h"

#include "catalog/query_parse.h"
#include <string.h>

/* What a field is to the language. */
enum how { AS_TEXT, AS_INT, AS_REAL, AS_BOOL, AS_DATE, AS_ENUM, AS_NOTHING };

/** A comparison bound to a field of the model. */
struct bound {
    const struct query_term *term;
    const struct field *field;
    const char *pair; /* a member of an object of texts, when the field is one */
    struct query_leaf leaf;
};

struct evaluator {
    struct scope *s;
    const struct query *q;
    const struct model *m;
    struct bound *bound; /* in the order of the terms */
    size_t count, next;
};

static enum how
how_of(enum field_type type, const struct choice *choices)
{
    static const enum how hows[] = {
        [FT_BOOL] = AS_BOOL,     [FT_INT] = AS_INT,      [FT_REAL] = AS_REAL,
        [FT_TEXT] = AS_TEXT,     [FT_WHEN] = AS_DATE,    [FT_BYTES] = AS_NOTHING,
        [FT_OPT_BOOL] = AS_BOOL, [FT_OPT_INT] = AS_INT,  [FT_RAW] = AS_NOTHING,
        [FT_PAIRS] = AS_NOTHING, [FT_LIST] = AS_NOTHING, [FT_OBJECT] = AS_NOTHING,
    };

    return hows[type] == AS_INT && choices ? AS_ENUM : hows[type];
}

/** What the field F, or each element of it, is. */
static enum field_type
element_type(const struct field *f)
{
    if (f->type == FT_PAIRS)
        return FT_TEXT;
    return f->type == FT_LIST && f->model->is_scalar ? f->model->scalar : f->type;
}

/** The field that NAME means: `Name`, or `Metadata.Owner` in an object of texts. */
static const struct field *
find(struct scope *s, const struct model *m, const char *name, const char **pair)
{
    const char *dot = strchr(name, '.');
    const struct field *f = model_field(m, name, true);

    *pair = NULL;
    if (f && f->type != FT_PAIRS)
        return how_of(element_type(f), NULL) == AS_NOTHING ? NULL : f;
    if (!dot)
        return NULL;
    f = model_field(m, arena_text_n(s->arena, name, (size_t)(dot - name)), true);
    *pair = dot + 1;
    return f && f->type == FT_PAIRS ? f : NULL;
}

static enum err
bind_term(struct evaluator *e, const struct query_term *t)
{
    struct bound *b = &e->bound[e->count++];

    b->term = t;
    b->field = find(e->s, e->m, t->field, &b->pair);
    if (!b->field)
        return query_fail(e->s, e->q, t->field_at, CHY_QUERY_FIELD, "unknown field \"%.60s\"%s",
                          t->field, model_did_you_mean(e->s->arena, e->m, t->field));
    switch (how_of(element_type(b->field), b->field->choices)) {
    case AS_INT:
        return query_leaf_int(e->s, e->q, t, &b->leaf);
    case AS_REAL:
        return query_leaf_real(e->s, e->q, t, &b->leaf);
    case AS_BOOL:
        return query_leaf_bool(e->s, e->q, t, &b->leaf);
    case AS_DATE:
        return query_leaf_date(e->s, e->q, t, &b->leaf);
    case AS_ENUM:
        return query_leaf_enum(e->s, e->q, t, b->field->choices, &b->leaf);
    default:
        return query_leaf_text(e->s, e->q, t, &b->leaf);
    }
}

static enum err
bind_all(struct evaluator *e, const struct query_node *n)
{
    if (n->kind == Q_TERM)
        return bind_term(e, &n->term);
    LIST_EACH(struct query_node *, child, &n->children)
    TRY(bind_all(e, *child)); /* as deep as the parser lets it */
    return OK;
}

/* Comparison of one value. */

/** Is a value that compares as ORDER with the one asked for what is asked? */
static bool
ordered(enum query_ask ask, int order)
{
    switch (ask) {
    case QL_EQ:
        return order == 0;
    case QL_LT:
        return order < 0;
    case QL_LE:
        return order <= 0;
    case QL_GT:
        return order > 0;
    case QL_GE:
        return order >= 0;
    default:
        return false;
    }
}

static bool
text_is(const char *text, const struct query_leaf *leaf, struct arena *a)
{
    const char *folded;

    if (text_empty(text) || leaf->ask == QL_NULL)
        return text_empty(text) && leaf->ask == QL_NULL;
    folded = text_fold(a, text);
    if (leaf->ask == QL_CONTAINS)
        return strstr(folded, leaf->text) != NULL;
    if (leaf->ask == QL_STARTS)
        return text_starts(folded, leaf->text);
    if (leaf->ask == QL_ENDS)
        return text_ends(folded, leaf->text);
    return ordered(leaf->ask, strcmp(folded, leaf->text));
}

static bool
int_is(bool given, int64_t value, const struct query_leaf *leaf)
{
    if (!given || leaf->ask == QL_NULL)
        return !given && leaf->ask == QL_NULL;
    return ordered(leaf->ask, (value > leaf->number) - (value < leaf->number));
}

static bool
date_is(struct when w, const struct query_leaf *leaf)
{
    if (!when_given(w) || leaf->ask == QL_NULL)
        return !when_given(w) && leaf->ask == QL_NULL;
    if (leaf->ask == QL_EQ)
        return when_cmp(w, leaf->from) >= 0 && when_cmp(w, leaf->to) < 0;
    return ordered(leaf->ask, when_cmp(w, leaf->from));
}

static bool
scalar_is(enum field_type type, const void *member, const struct query_leaf *leaf, struct arena *a)
{
    double real;

    switch (type) {
    case FT_BOOL:
        return int_is(true, *(const bool *)member, leaf);
    case FT_INT:
        return int_is(true, *(const int64_t *)member, leaf);
    case FT_OPT_BOOL:
        return int_is(((const struct opt_bool *)member)->given,
                      ((const struct opt_bool *)member)->value, leaf);
    case FT_OPT_INT:
        return int_is(((const struct opt_int *)member)->given,
                      ((const struct opt_int *)member)->value, leaf);
    case FT_REAL:
        real = *(const double *)member;
        return leaf->ask != QL_NULL &&
               ordered(leaf->ask, (real > leaf->real) - (real < leaf->real));
    case FT_WHEN:
        return date_is(*(const struct when *)member, leaf);
    default:
        return text_is(*(const char *const *)member, leaf, a);
    }
}

static bool
list_is(const struct field *f, const struct list *l, const struct query_leaf *leaf, struct arena *a)
{
    if (leaf->ask == QL_NULL)
        return l->count == 0;
    for (size_t i = 0; i < l->count; i++)
        if (scalar_is(f->model->scalar, (const uint8_t *)l->items + i * l->size, leaf, a))
            return true;
    return false;
}

static bool
term_is(const struct bound *b, const void *object, struct arena *a)
{
    const void *member = (const uint8_t *)object + b->field->offset;
    bool is;

    if (b->field->type == FT_PAIRS)
        is = text_is(pairs_get(member, b->pair), &b->leaf, a);
    else if (b->field->type == FT_LIST)
        is = list_is(b->field, member, &b->leaf, a);
    else
        is = scalar_is(b->field->type, member, &b->leaf, a);
    return is != b->leaf.negated;
}

/** Every term is looked at, so that the bound ones come in their order. */
static bool
node_is(struct evaluator *e, const struct query_node *n, const void *object, struct arena *a)
{
    bool all = true, any = false;

    if (n->kind == Q_TERM)
        return term_is(&e->bound[e->next++], object, a);
    LIST_EACH(struct query_node *, child, &n->children)
    {
        bool is = node_is(e, *child, object, a);

        all = all && is;
        any = any || is;
    }
    return n->kind == Q_AND ? all : n->kind == Q_OR ? any : !any;
}

enum err
query_filter(struct scope *s, const char *query, const struct model *m, struct when now,
             struct list *list)
{
    AUTO(arena_free) struct arena *scratch = arena_new();
    struct query q;
    struct evaluator e = { .s = s, .q = &q, .m = m };
    size_t kept = 0;

    TRY(query_parse(s, query, &q));
    if (!q.root)
        return OK;
    q.now = now;
    e.bound = arena_alloc(s->arena, q.terms * sizeof(*e.bound));
    TRY(bind_all(&e, q.root));
    for (size_t i = 0; i < list->count; i++) {
        uint8_t *at = (uint8_t *)list->items + i * m->size;

        e.next = 0;
        if (node_is(&e, q.root, at, scratch)) {
            if (kept != i)
                memcpy((uint8_t *)list->items + kept * m->size, at, m->size);
            kept++;
        }
        arena_reset(scratch);
    }
    list->count = kept;
    return OK;
}

/* Sorting. */

/** An element and what it is sorted by. */
struct sort_key {
    const void *object;
    bool given;
    int64_t number;
    double real;
    const char *text;
};

static int
compare_keys(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;

    if (x->given != y->given) /* what has no value comes first */
        return x->given - y->given;
    if (x->text && y->text)
        return strcmp(x->text, y->text);
    if (x->real < y->real || x->real > y->real)
        return x->real < y->real ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int
compare_keys_down(const void *a, const void *b)
{
    return compare_keys(b, a);
}

static struct sort_key
key_of(struct arena *a, const struct field *f, const void *object)
{
    const void *member = (const uint8_t *)object + f->offset;
    struct sort_key key = { .object = object, .given = true };
    const struct opt_bool *opt_bool = member;
    const struct opt_int *opt_int = member;

    switch (f->type) {
    case FT_BOOL:
        key.number = *(const bool *)member;
        break;
    case FT_INT:
        key.number = *(const int64_t *)member;
        break;
    case FT_REAL:
        key.real = *(const double *)member;
        break;
    case FT_WHEN:
        key.number = ((const struct when *)member)->ms;
        key.given = when_given(*(const struct when *)member);
        break;
    case FT_OPT_BOOL:
        key.given = opt_bool->given;
        key.number = key.given && opt_bool->value;
        break;
    case FT_OPT_INT:
        key.given = opt_int->given;
        key.number = key.given ? opt_int->value : 0;
        break;
    default:
        key.given = !text_empty(*(const char *const *)member);
        key.text = key.given ? text_fold(a, *(const char *const *)member) : NULL;
    }
    return key;
}

enum err
query_sort(struct scope *s, const char *field, bool descending, const struct model *m,
           struct list *list)
{
    const struct field *f = field ? model_field(m, field, true) : NULL;
    struct list keys = { 0 };
    uint8_t *items;

    if (!field)
        return OK;
    if (!f || how_of(f->type, NULL) == AS_NOTHING)
        return fail_code(s, E_INVALID, CHY_NO_ORDER, "unknown field \"%.60s\"%s", field,
                         f ? "" : model_did_you_mean(s->arena, m, field));
    for (size_t i = 0; i < list->count; i++)
        list_add(s->arena, &keys, struct sort_key,
                 key_of(s->arena, f, (const uint8_t *)list->items + i * m->size));
    if (list->count < 2)
        return OK;
    list_sort(&keys, descending ? compare_keys_down : compare_keys);
    items = arena_alloc(s->arena, list->count * m->size);
    for (size_t i = 0; i < list->count; i++)
        memcpy(items + i * m->size, list_at(&keys, struct sort_key, i)->object, m->size);
    list->items = items;
    list->cap = list->count;
    return OK;
}
