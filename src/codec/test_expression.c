#include "base/test.h"
#include "codec/expression.h"

#include <string.h>

TEST(an_expression_finds_what_posix_says)
{
    static const struct {
        const char *expression, *text;
        bool found, whole;
    } rows[] = {
        { "", "a", true, false },
        { "a", "banana", true, false },
        { "^[a-z]+$", "abc", true, true },
        { "a|ab", "ab", true, true }, /* the longest counts */
        { "(a|b){2,3}", "aba", true, true },
        { "(a|b){2,3}", "a", false, false },
        { "[]a]+", "]a", true, true },
        { "[^]a]", "]", false, false },
        { "[[:digit:]]{4}", "2026", true, true },
        { "a\\{2}", "a{2}", true, true },
        { "(((a)*)+)?", "aaa", true, true },
        { "a)", "a)", true, true }, /* alone, it stands for itself */
        { "([a-z]{1,20}\\.){1,20}com", "www.example.com", true, true },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *why = NULL;
        const struct expression *e = expression_read(a, rows[i].expression, &why);

        if (!e)
            fail_msg("%s: %s", rows[i].expression, why);
        if (expression_found(e, rows[i].text) != rows[i].found ||
            expression_whole(e, rows[i].text) != rows[i].whole)
            fail_msg("%s on %s", rows[i].expression, rows[i].text);
    }
}

static void
refuses(struct arena *a, const char *text, const char *says)
{
    const char *why = NULL;

    if (expression_read(a, text, &why))
        fail_msg("%.60s is taken", text);
    if (!why || !strstr(why, says))
        fail_msg("%.60s: %s", text, why ? why : "no reason");
}

/* TIMES the same text, in the arena. */
static const char *
times(struct arena *a, const char *text, size_t times)
{
    struct buf b;

    buf_init_in(&b, a, 65536);
    for (size_t i = 0; i < times; i++)
        buf_text(&b, text);
    return buf_str(&b);
}

TEST(an_expression_that_would_take_the_machine_is_refused_before_it_is_read)
{
    static const char *const large[] = {
        "a{1,255}{1,255}{1,255}",
        "((a{1,99}){1,99}){1,99}",
        "a{32000}",
        "a{,2000}",
        "a{1001,}",
        "[a]]{1,40}{1,40}",
        "(([[:alpha:]]{30}){40})",
        "a{9999999999999999999999}",
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(large); i++)
        refuses(a, large[i], "too large");
    refuses(a, times(a, "a+", 2000), "too large");
    refuses(a, arena_printf(a, "a%s", times(a, "+", 30)), "too large");
    refuses(a, times(a, "a|", 1000), "too large");
    refuses(a, times(a, "(", 30000), "too deep");
    refuses(a, "([a-z]*)\\1x", "refers back");
    refuses(a, "(", "no extended");
    refuses(a, "[[:alpha", "no extended");
    refuses(a, "a{2,1}", "no extended");
}

TEST(letters_match_in_any_case_where_that_is_asked_for)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *why;
    const struct expression *exact = expression_read(s->arena, "^web[a-c]$", &why);
    const struct expression *any = expression_read_any_case(s->arena, "^web[a-c]$", &why);

    assert_true(expression_found(exact, "webb") && expression_found(any, "webb"));
    assert_false(expression_found(exact, "WebB"));
    assert_true(expression_found(any, "WebB"));
    assert_null(expression_read_any_case(s->arena, "(a{1,200}){1,200}", &why));
}
