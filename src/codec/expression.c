#include "codec/expression.h"

#include "base/text.h"
#include <regex.h>
#include <string.h>

#define DEPTH_MAX 32

struct expression {
    regex_t re;
};

/* The number of parts that the library makes of an expression: it writes repetitions out. */
struct counting {
    const char *at;
    const char *why;
    int depth;
};

/* Behind the last character of a bracket expression; at the end of the text when it has no end. */
static const char *
bracket_end(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    if (*at == ']') /* the first one stands for itself */
        at++;
    for (; *at && *at != ']'; at++)
        if (*at == '[' && at[1] && strchr(".:=", at[1])) {
            char kind = at[1];

            for (at += 2; *at && !(*at == kind && at[1] == ']'); at++)
                ;
            if (!*at++)
                return at - 1;
        }
    return *at ? at + 1 : at;
}

/* {2}, {2,}, {2,4}: how many times the part before it is written; 0: these braces are none. */
static int64_t
bounds(const char **at)
{
    const char *p = *at + 1;
    int64_t low = 0, high = 0;

    for (; *p >= '0' && *p <= '9'; p++)
        low = MIN(low * 10 + (*p - '0'), EXPRESSION_MAX + 1);
    if (*p == ',')
        for (p++; *p >= '0' && *p <= '9'; p++)
            high = MIN(high * 10 + (*p - '0'), EXPRESSION_MAX + 1);
    if (*p != '}')
        return 0;
    *at = p + 1;
    return MAX(MAX(low + 1, high), 1);
}

/* What stands behind a part of COST parts multiplies it. */
static int64_t
repeated(struct counting *c, int64_t cost)
{
    for (;;) {
        int64_t times = 1;

        if (*c->at == '*' || *c->at == '?')
            c->at++;
        else if (*c->at == '+') /* once, and then any number */
            times = 2, c->at++;
        else if (*c->at != '{' || !(times = bounds(&c->at)))
            return cost;
        cost = MIN(cost * times, EXPRESSION_MAX + 1);
    }
}

static int64_t
count_parts(struct counting *c)
{
    int64_t outer[DEPTH_MAX], total = 0;

    while (*c->at && total <= EXPRESSION_MAX) {
        int64_t cost = 1;

        if (*c->at == '(') {
            if (c->depth == DEPTH_MAX) {
                c->why = "has parentheses too deep in one another";
                return 0;
            }
            outer[c->depth++] = total;
            total = 0;
            c->at++;
            continue;
        }
        if (*c->at == ')' && c->depth) {
            cost = total + 1;
            total = outer[--c->depth];
            c->at++;
        } else if (*c->at == '[') {
            c->at = bracket_end(c->at);
        } else if (*c->at == '\\' && c->at[1]) {
            if (c->at[1] >= '1' && c->at[1] <= '9') {
                c->why = "refers back to a part of itself, which is not offered";
                return 0;
            }
            c->at += 2;
        } else {
            c->at++;
        }
        total += repeated(c, cost);
    }
    return total;
}

static bool
is_bearable(const char *text, const char **why)
{
    struct counting c = { .at = text };

    if (count_parts(&c) > EXPRESSION_MAX)
        c.why = "is too large once its repetitions are written out";
    *why = c.why;
    return !c.why;
}

static const struct expression *
compile(struct arena *a, const char *text, int flags, const char **why)
{
    struct expression *e = arena_new_of(a, struct expression);

    if (!is_bearable(text, why))
        return NULL;
    if (regcomp(&e->re, text, REG_EXTENDED | flags)) {
        *why = "is no extended regular expression";
        return NULL;
    }
    (void)arena_own(a, &e->re, regfree);
    return e;
}

const struct expression *
expression_read(struct arena *a, const char *text, const char **why)
{
    return compile(a, text, 0, why);
}

const struct expression *
expression_read_any_case(struct arena *a, const char *text, const char **why)
{
    return compile(a, text, REG_ICASE, why);
}

bool
expression_found(const struct expression *e, const char *text)
{
    return regexec(&e->re, text, 0, NULL, 0) == 0;
}

bool
expression_whole(const struct expression *e, const char *text)
{
    regmatch_t all;

    return regexec(&e->re, text, 1, &all, 0) == 0 && all.rm_so == 0 &&
           (size_t)all.rm_eo == strlen(text);
}
