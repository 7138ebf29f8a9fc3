/* What the values of a query mean for fields of each type. */
#include "catalog/query_parse.h"

#include <stdlib.h>
#include <string.h>

#define bad_value(s, q, t, ...) query_fail((s), (q), (t)->value_at, CHY_BAD_QUERY, __VA_ARGS__)

static bool
is_null(const struct query_term *t)
{
    return !t->quoted && text_eq_fold(t->value, "NULL");
}

/**
 * Read the operator. An empty value is no value, as NULL is; every value that is there begins with,
 * ends with and contains the empty text.
 */
static enum err
leaf_op(struct scope *s, const struct query *q, const struct query_term *t, struct query_leaf *out)
{
    static const struct {
        enum query_ask ask;
        bool negated;
    } asks[] = {
        [Q_EQ] = { QL_EQ, false },
        [Q_NE] = { QL_EQ, true },
        [Q_LT] = { QL_LT, false },
        [Q_LE] = { QL_LE, false },
        [Q_GT] = { QL_GT, false },
        [Q_GE] = { QL_GE, false },
        [Q_CONTAINS] = { QL_CONTAINS, false },
        [Q_NOT_CONTAINS] = { QL_CONTAINS, true },
        [Q_STARTS] = { QL_STARTS, false },
        [Q_ENDS] = { QL_ENDS, false },
    };
    bool equality = t->op == Q_EQ || t->op == Q_NE;

    *out =
        (struct query_leaf){ asks[t->op].ask, asks[t->op].negated, "", 0, 0, WHEN_NONE, WHEN_NONE };
    if (is_null(t) && !equality)
        return bad_value(s, q, t, "NULL goes with -eq and -ne only, not with %s",
                         query_op_text(t->op));
    if (is_null(t) || (equality && !*t->value)) {
        out->ask = QL_NULL;
    } else if (!*t->value && out->ask >= QL_CONTAINS) {
        out->ask = QL_NULL;
        out->negated = !out->negated;
    }
    return OK;
}

/** The same for types that have no text in them. */
static enum err
leaf_plain(struct scope *s, const struct query *q, const struct query_term *t, const char *what,
           bool ordered, struct query_leaf *out)
{
    if (t->op >= Q_CONTAINS || (!ordered && t->op != Q_EQ && t->op != Q_NE))
        return query_fail(s, q, t->op_at, CHY_BAD_QUERY,
                          "%s does not go with \"%.60s\", which is %s", query_op_text(t->op),
                          t->field, what);
    return leaf_op(s, q, t, out);
}

/** The caller's name: whole, or the account without its domain. */
static enum err
me(struct scope *s, const struct query *q, const struct query_term *t, bool account,
   const char **out)
{
    const char *slash;

    if (text_empty(q->me))
        return bad_value(s, q, t, "nobody is known here that %s could mean", t->value);
    *out = q->me;
    slash = strrchr(q->me, '\\');
    if (account)
        *out = slash ? slash + 1 : arena_text_n(s->arena, q->me, strcspn(q->me, "@"));
    return OK;
}

static enum err
leaf_text(struct scope *s, const struct query *q, const struct query_term *t, bool account,
          struct query_leaf *out)
{
    const char *text = t->value;

    TRY(leaf_op(s, q, t, out));
    if (text_eq_fold(text, "%ME%"))
        TRY(me(s, q, t, false, &text));
    else if (text_eq_fold(text, "%ME-AN%"))
        TRY(me(s, q, t, account, &text));
    out->text = text_fold(s->arena, text);
    return OK;
}

enum err
query_leaf_text(struct scope *s, const struct query *q, const struct query_term *t,
                struct query_leaf *out)
{
    return leaf_text(s, q, t, true, out);
}

/* Without its domain a name would be that of somebody else. */
enum err
query_leaf_caller(struct scope *s, const struct query *q, const struct query_term *t,
                  struct query_leaf *out)
{
    return leaf_text(s, q, t, false, out);
}

enum err
query_leaf_int(struct scope *s, const struct query *q, const struct query_term *t,
               struct query_leaf *out)
{
    TRY(leaf_plain(s, q, t, "a number", true, out));
    if (out->ask != QL_NULL && !text_to_int(text_trim(s->arena, t->value), &out->number))
        return bad_value(s, q, t, "\"%.60s\" needs a whole number, not \"%.60s\"", t->field,
                         t->value);
    return OK;
}

enum err
query_leaf_real(struct scope *s, const struct query *q, const struct query_term *t,
                struct query_leaf *out)
{
    const char *v = text_trim(s->arena, t->value);
    char *end = NULL;

    TRY(leaf_plain(s, q, t, "a number", true, out));
    if (out->ask == QL_NULL)
        return OK;
    out->real = strtod(v, &end); /* no hexadecimal ones, no infinity */
    if (end == v || *end || strspn(v, "0123456789+-.eE") != strlen(v))
        return bad_value(s, q, t, "\"%.60s\" needs a number, not \"%.60s\"", t->field, t->value);
    return OK;
}

enum err
query_leaf_bool(struct scope *s, const struct query *q, const struct query_term *t,
                struct query_leaf *out)
{
    static const char *const words[] = { "false", "true", "0", "1", "no", "yes" };

    TRY(leaf_plain(s, q, t, "true or false", false, out));
    if (out->ask == QL_NULL)
        return OK;
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!text_eq_fold(t->value, words[i]))
            continue;
        out->number = i % 2;
        return OK;
    }
    return bad_value(s, q, t, "\"%.60s\" is true or false, not \"%.60s\"", t->field, t->value);
}

static const char *
choice_names(struct scope *s, const struct choice *choices)
{
    struct buf b;

    buf_init_in(&b, s->arena, 4096);
    for (const struct choice *c = choices; c->name; c++)
        buf_printf(&b, "%s%s", c == choices ? "" : ", ", c->name);
    return buf_str(&b) ? buf_str(&b) : "";
}

enum err
query_leaf_enum(struct scope *s, const struct query *q, const struct query_term *t,
                const struct choice *choices, struct query_leaf *out)
{
    const struct choice *c = choice_by_name(choices, t->value);

    TRY(leaf_plain(s, q, t, "one of a few words", true, out));
    if (out->ask == QL_NULL)
        return OK;
    if (c)
        out->number = c->number;
    else if (!text_to_int(t->value, &out->number))
        return bad_value(s, q, t, "\"%.60s\" is a number or one of %s, not \"%.60s\"", t->field,
                         choice_names(s, choices), t->value);
    return OK;
}

/* %TODAY%, %TODAY+30%, %TODAY-30%: midnight UTC. */
static bool
today(const struct query *q, const char *text, struct when *out)
{
    const char *at = text + strlen("%TODAY");
    size_t digits;
    int64_t days = 0;

    if (!text_starts_fold(text, "%TODAY"))
        return false;
    if (*at == '+' || *at == '-') {
        char sign = *at++;

        digits = strspn(at, "0123456789");
        if (!digits || digits > 6)
            return false;
        for (size_t i = 0; i < digits; i++)
            days = 10 * days + (*at++ - '0');
        days = sign == '-' ? -days : days;
    }
    if (strcmp(at, "%") != 0)
        return false;
    out->ms = (q->now.ms - ((q->now.ms % DAY_MS) + DAY_MS) % DAY_MS) + days * DAY_MS;
    return true;
}

/* Month, day and year: 10/22/2025. */
bool
query_slashed(const char *text, struct when *out)
{
    struct civil c = { 0 };
    int *const parts[] = { &c.month, &c.day, &c.year };

    for (size_t i = 0; i < COUNT(parts); i++) {
        size_t digits = strspn(text, "0123456789");

        if (i == 2 ? digits != 4 : digits < 1 || digits > 2)
            return false;
        for (; digits; digits--)
            *parts[i] = 10 * *parts[i] + (*text++ - '0');
        if (*text != (i == 2 ? '\0' : '/'))
            return false;
        text++;
    }
    return civil_when(&c, out);
}

enum err
query_leaf_date(struct scope *s, const struct query *q, const struct query_term *t,
                struct query_leaf *out)
{
    const char *v = text_trim(s->arena, t->value);
    int64_t span = DAY_MS; /* a day alone means the whole of it */

    TRY(leaf_plain(s, q, t, "a date", true, out));
    if (out->ask == QL_NULL)
        return OK;
    if (!today(q, v, &out->from) && !query_slashed(v, &out->from)) {
        if (!when_parse(v, &out->from))
            return bad_value(s, q, t,
                             "\"%.60s\" needs a date such as 2025-10-22, 2025-10-22T14:30:00Z, "
                             "10/22/2025 or %%TODAY-30%%, not \"%.60s\"",
                             t->field, t->value);
        if (strlen(v) > strlen("2025-10-22")) /* and a time without a fraction its second */
            span = strchr(v, '.') ? 1 : SECOND_MS;
    }
    out->to = when_add_ms(out->from, span);
    return OK;
}
