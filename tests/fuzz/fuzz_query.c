/*
 * The query language. What parses is shown, and what is shown says the same; a query and its NOT
 * share every list between them; of the text nothing but bound values reaches the SQL. What does
 * not parse leaves a reason and a position.
 */
#include "fuzz.h"

#include "catalog/query.h"
#include "catalog/query_parse.h"
#include "catalog/search_sql.h"

#include <string.h>

#define NOW WHEN_S(1764000000)

struct thing {
    int64_t id;
    const char *name;
    struct opt_bool sold;
    double weight;
    struct when made;
    struct list tags; /* of const char * */
    struct pairs meta;
};
static const struct field thing_fields[] = {
    FIELD(thing, id, "Id"),           FIELD(thing, name, "CN"),
    FIELD(thing, sold, "SelfSigned"), FIELD(thing, weight, "W"),
    FIELD(thing, made, "NotAfter"),   FIELD(thing, tags, "SAN", .model = &text_model),
    FIELD(thing, meta, "M"),
};
static const struct model thing_model = MODEL(thing, thing_fields);

static struct list
things(struct scope *s)
{
    struct list l = { 0 };
    struct thing *t = list_push(s->arena, &l, struct thing);

    *t = (struct thing){ 1, "Web", { true, true }, 1.5, NOW, { 0 }, { { 0 } } };
    list_add(s->arena, &t->tags, const char *, "a.b");
    list_add(s->arena, &t->meta.of, struct pair, ((struct pair){ "o", "x" }));
    list_push(s->arena, &l, struct thing)->made = WHEN_NONE;
    return l;
}

static void
check_refused(const struct scope *s)
{
    PROMISE(s->error.kind == E_INVALID);
    PROMISE(s->error.code == CHY_BAD_QUERY || s->error.code == CHY_QUERY_FIELD);
    PROMISE(text_starts(s->error.text, "query"));
}

static void
check_shown(struct scope *s, const struct query *q)
{
    const char *shown = query_show(s, q);
    struct query again;

    if (query_parse(s, shown, &again) == OK) {
        PROMISE(again.terms == q->terms);
        PROMISE(text_eq(query_show(s, &again), shown));
    } else { /* every AND and OR has its parentheses there */
        PROMISE(strstr(s->error.text, " deep") || strstr(s->error.text, " long"));
    }
}

static void
check_filter(struct scope *s, const char *text)
{
    struct list all = things(s), some = all, rest = things(s);

    if (query_filter(s, text, &thing_model, NOW, &some) != OK) {
        check_refused(s);
        return;
    }
    if (query_filter(s, arena_printf(s->arena, "NOT(%s)", text), &thing_model, NOW, &rest) != OK)
        return;
    PROMISE(some.count + rest.count == all.count);
    for (size_t i = 0; i < some.count; i++)
        for (size_t j = 0; j < rest.count; j++)
            PROMISE(list_at(&some, struct thing, i)->id != list_at(&rest, struct thing, j)->id);
}

static void
check_sql(struct scope *s, const struct query *q)
{
    struct search_sql b;
    const char *sql;
    size_t quotes = 0, parameters = 0;

    search_sql_init(&b, NULL, s->arena);
    if (search_condition(s, q, &b) != OK) {
        check_refused(s);
        return;
    }
    PROMISE(search_text(s, &b, &sql) == OK);
    for (const char *c = sql; *c; c++) {
        PROMISE(*c >= ' ' && *c < 0x7f && *c != '"' && *c != ';' && *c != '?');
        quotes += *c == '\'';
        parameters += *c == '$';
    }
    PROMISE(quotes % 2 == 0);
    PROMISE(parameters == b.values.count);
}

/* A bug of a kind that is easily made: behind a NOT, a value is taken to be short. */
static void
planted(const struct query_node *n)
{
#ifdef PLANT_BUG
    static char copy[8]; /* on the stack the compiler would drop it */

    if (n->kind == Q_OR && n->children.count == 2) {
        n = *list_at(&n->children, struct query_node *, 1);
        if (n->kind == Q_NOT)
            n = *list_at(&n->children, struct query_node *, 0);
        if (n->kind == Q_TERM && n->term.op == Q_ENDS)
            strcpy(copy, n->term.value);
    }
    PROMISE(copy[7] == '\0');
#endif
    (void)n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    const char *text = arena_text_n(s->arena, (const char *)data, len);
    struct query q;

    if (!text_is_utf8(data, len)) /* the doors refuse it */
        return 0;
    if (query_parse(s, text, &q) != OK) {
        check_refused(s);
        return 0;
    }
    q.now = NOW;
    q.me = "CONTOSO\\ana";
    check_shown(s, &q);
    if (q.root) {
        planted(q.root);
        check_filter(s, text);
        check_sql(s, &q);
    }
    return 0;
}
