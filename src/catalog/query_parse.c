#include "catalog/query_parse.h"

#include <stdarg.h>
#include <string.h>

static const char *const op_names[] = {
    [Q_EQ] = "-eq",
    [Q_NE] = "-ne",
    [Q_LT] = "-lt",
    [Q_LE] = "-le",
    [Q_GT] = "-gt",
    [Q_GE] = "-ge",
    [Q_CONTAINS] = "-contains",
    [Q_NOT_CONTAINS] = "-notcontains",
    [Q_STARTS] = "-startswith",
    [Q_ENDS] = "-endswith",
};

struct parser {
    struct scope *s;
    struct query *q;
    const char *at;
    size_t len;
    int depth;
};

const char *
query_op_text(enum query_op op)
{
    return op_names[op];
}

enum err
query_fail(struct scope *s, const struct query *q, size_t at, enum code code, const char *format,
           ...)
{
    size_t position = text_code_points(arena_text_n(s->arena, q->text, at)) + 1;
    va_list args;
    const char *why;

    va_start(args, format);
    why = arena_vprintf(s->arena, format, args);
    va_end(args);
    return fail_code(s, E_INVALID, code, "query, position %zu: %s", position, why);
}

static size_t
offset(const struct parser *p)
{
    return (size_t)(p->at - p->q->text);
}

#define bad(p, at, ...) query_fail((p)->s, (p)->q, (at), CHY_BAD_QUERY, __VA_ARGS__)

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_blanks(struct parser *p)
{
    while (is_blank(*p->at))
        p->at++;
}

/** How long the bare word at the parser's place is. */
static size_t
word_len(const struct parser *p)
{
    return strcspn(p->at, " \t\r\n()\"'");
}

/** Take WORD, when it is the next one, in any case. */
static bool
take_word(struct parser *p, const char *word)
{
    size_t len;

    skip_blanks(p);
    len = word_len(p);
    if (len != strlen(word) || !text_starts_fold(p->at, word))
        return false;
    p->at += len;
    return true;
}

/* Quoted text. The quote itself is written twice or behind a backslash; a backslash is nothing
 * special anywhere else, and before a quote two of them are one. */
static enum err
take_quoted(struct parser *p, const char **out)
{
    size_t start = offset(p);
    char quote = *p->at++;
    struct buf b;

    buf_init_in(&b, p->s->arena, QUERY_MAX_BYTES + 1);
    for (;;) {
        size_t slashes = strspn(p->at, "\\");

        if (slashes && p->at[slashes] == quote) {
            for (size_t i = 0; i < slashes / 2; i++)
                buf_byte(&b, '\\');
            p->at += slashes;
            if (slashes % 2 == 0)
                continue;
            buf_byte(&b, (uint8_t)*p->at++);
        } else if (slashes) {
            buf_add(&b, p->at, slashes);
            p->at += slashes;
        } else if (!*p->at) {
            return bad(p, start, "this quote is never closed");
        } else if (*p->at != quote) {
            buf_byte(&b, (uint8_t)*p->at++);
        } else if (p->at[1] == quote) {
            buf_byte(&b, (uint8_t)quote);
            p->at += 2;
        } else {
            p->at++;
            break;
        }
    }
    *out = buf_str(&b);
    return OK;
}

/* A name, or any text in brackets. */
static enum err
take_field(struct parser *p, struct query_term *t)
{
    size_t len;

    t->field_at = offset(p);
    if (!*p->at)
        return bad(p, t->field_at, "a field is expected here, not the end");
    if (*p->at == '[') {
        len = strcspn(p->at, "]");
        if (!p->at[len])
            return bad(p, t->field_at, "this bracket is never closed");
        t->field = text_trim(p->s->arena, arena_text_n(p->s->arena, p->at + 1, len - 1));
        p->at += len + 1;
        return OK;
    }
    len = word_len(p);
    if (!len || *p->at == '-')
        return bad(p, t->field_at, "a field is expected here, not \"%.*s\"",
                   MAX(MIN((int)len, 40), 1), p->at);
    t->field = arena_text_n(p->s->arena, p->at, len);
    p->at += len;
    return OK;
}

static enum err
take_op(struct parser *p, struct query_term *t)
{
    skip_blanks(p);
    t->op_at = offset(p);
    for (size_t i = 0; i < COUNT(op_names); i++) {
        if (!take_word(p, op_names[i]))
            continue;
        t->op = (enum query_op)i;
        return OK;
    }
    return bad(p, t->op_at,
               "an operator is expected behind \"%.40s\": -eq, -ne, -lt, -le, -gt, -ge, -contains, "
               "-notcontains, -startswith or -endswith",
               t->field);
}

static enum err
take_value(struct parser *p, struct query_term *t)
{
    size_t len;

    skip_blanks(p);
    t->value_at = offset(p);
    if (*p->at == '"' || *p->at == '\'') {
        t->quoted = true;
        return take_quoted(p, &t->value);
    }
    len = strcspn(p->at, " \t\r\n)");
    if (!len)
        return bad(p, t->value_at, "a value is expected behind %s", op_names[t->op]);
    t->value = arena_text_n(p->s->arena, p->at, len);
    p->at += len;
    return OK;
}

static struct query_node *
node_new(struct parser *p, enum query_kind kind)
{
    struct query_node *n = arena_new_of(p->s->arena, struct query_node);

    n->kind = kind;
    return n;
}

static enum err take_or(struct parser *p, struct query_node **out);

static enum err
deeper(struct parser *p, size_t at)
{
    if (++p->depth <= QUERY_MAX_DEPTH)
        return OK;
    return bad(p, at, "parentheses and NOTs may stand at most %d deep", QUERY_MAX_DEPTH);
}

static enum err
take_group(struct parser *p, struct query_node **out)
{
    size_t start = offset(p);

    TRY(deeper(p, start));
    p->at++;
    TRY(take_or(p, out));
    skip_blanks(p);
    if (*p->at != ')')
        return *p->at ? bad(p, offset(p), "AND, OR or \")\" is expected here")
                      : bad(p, start, "this parenthesis is never closed");
    p->at++;
    p->depth--;
    return OK;
}

static enum err
take_atom(struct parser *p, struct query_node **out)
{
    skip_blanks(p);
    if (*p->at == '(')
        return take_group(p, out);
    if (p->q->terms++ == QUERY_MAX_TERMS)
        return bad(p, offset(p), "a query has at most %d comparisons", QUERY_MAX_TERMS);
    *out = node_new(p, Q_TERM);
    TRY(take_field(p, &(*out)->term));
    TRY(take_op(p, &(*out)->term));
    return take_value(p, &(*out)->term);
}

static enum err
take_not(struct parser *p, struct query_node **out)
{
    size_t start;
    struct query_node *n;

    skip_blanks(p);
    start = offset(p);
    if (!take_word(p, "NOT"))
        return take_atom(p, out);
    TRY(deeper(p, start));
    n = node_new(p, Q_NOT);
    TRY(take_not(p, list_push(p->s->arena, &n->children, struct query_node *)));
    p->depth--;
    *out = n;
    return OK;
}

/** One or more of what NEXT takes, with WORD between them. */
static enum err
take_chain(struct parser *p, enum query_kind kind, const char *word,
           enum err (*next)(struct parser *, struct query_node **), struct query_node **out)
{
    struct query_node *one = NULL, *all = NULL;

    TRY(next(p, &one));
    while (take_word(p, word)) {
        if (!all) {
            all = node_new(p, kind);
            list_add(p->s->arena, &all->children, struct query_node *, one);
        }
        TRY(next(p, &one));
        list_add(p->s->arena, &all->children, struct query_node *, one);
    }
    *out = all ? all : one;
    return OK;
}

static enum err
take_and(struct parser *p, struct query_node **out)
{
    return take_chain(p, Q_AND, "AND", take_not, out);
}

static enum err
take_or(struct parser *p, struct query_node **out)
{
    return take_chain(p, Q_OR, "OR", take_and, out);
}

enum err
query_parse(struct scope *s, const char *text, struct query *out)
{
    struct query q = { .text = text ? text : "" };
    struct parser p = { .s = s, .q = &q, .at = q.text };

    p.len = strlen(q.text);
    if (p.len > QUERY_MAX_BYTES)
        return fail_code(s, E_INVALID, CHY_BAD_QUERY,
                         "query: it is %zu bytes long, %zu are allowed", p.len, QUERY_MAX_BYTES);
    skip_blanks(&p);
    if (*p.at) {
        TRY(take_or(&p, &q.root));
        skip_blanks(&p);
        if (*p.at)
            return bad(&p, offset(&p), "%s",
                       *p.at == ')' ? "this \")\" closes nothing"
                                    : "AND, OR or the end is expected here");
    }
    *out = q;
    return OK;
}

static void
show(struct buf *b, const struct query_node *n)
{
    static const char *const words[] = { [Q_AND] = " AND ", [Q_OR] = " OR ", [Q_NOT] = "" };

    if (n->kind == Q_TERM) {
        buf_printf(b, strchr(n->term.field, ']') ? "%s %s " : "[%s] %s ", n->term.field,
                   op_names[n->term.op]);
        if (!n->term.quoted && text_eq_fold(n->term.value, "NULL")) {
            buf_text(b, "NULL");
            return;
        }
        buf_byte(b, '"');
        for (const char *c = n->term.value; *c; c++) {
            size_t slashes = strspn(c, "\\");

            if (slashes && (!c[slashes] || c[slashes] == '"'))
                buf_byte(b, '\\'); /* each of them before a quote */
            if (*c == '"')
                buf_byte(b, '"');
            buf_byte(b, (uint8_t)*c);
        }
        buf_byte(b, '"');
        return;
    }
    if (n->kind == Q_NOT)
        buf_text(b, "NOT ");
    else
        buf_byte(b, '(');
    for (size_t i = 0; i < n->children.count; i++) {
        if (i > 0)
            buf_text(b, words[n->kind]);
        show(b, *list_at(&n->children, struct query_node *, i)); /* as deep as the parser lets it */
    }
    if (n->kind != Q_NOT)
        buf_byte(b, ')');
}

const char *
query_show(struct scope *s, const struct query *q)
{
    struct buf b;

    buf_init_in(&b, s->arena, 4 * QUERY_MAX_BYTES);
    if (q->root)
        show(&b, q->root);
    return buf_str(&b) ? buf_str(&b) : "";
}
