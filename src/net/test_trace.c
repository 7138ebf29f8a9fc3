#include "base/test.h"
#include "net/trace.h"

#include <string.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

TEST(a_trace_is_taken_with_a_span_of_our_own_and_given_on)
{
    static const struct {
        const char *field, *flags;
    } cases[] = {
        { "00-" TRACE "-" SPAN "-01", "01" }, { "00-" TRACE "-" SPAN "-00", "00" },
        { "00-" TRACE "-" SPAN "-fe", "00" }, /* flags that are not known are not given on */
        { "cc-" TRACE "-" SPAN "-01", "01" }, { "cc-" TRACE "-" SPAN "-01-what-comes-later", "01" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        assert_null(trace_give(s));
        trace_take(s, cases[i].field);
        assert_string_equal(s->trace_id, TRACE);
        assert_int_equal(strlen(s->span_id), 16);
        assert_string_not_equal(s->span_id, SPAN);
        assert_string_equal(trace_give(s), arena_printf(s->arena, "00-" TRACE "-%s-%s", s->span_id,
                                                        cases[i].flags));
    }
}

TEST(what_is_no_trace_is_as_if_it_had_not_been_sent)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-",
        "00-" TRACE "-" SPAN "-1",
        "00-" TRACE "-" SPAN "-0g",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01-more",
        "00-" TRACE "-" SPAN "-011",
        "cc-" TRACE "-" SPAN "-01.more",
        "ff-" TRACE "-" SPAN "-01",
        "0G-" TRACE "-" SPAN "-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-" TRACE "0-" SPAN "-01",
        " 00-" TRACE "-" SPAN "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\n-" SPAN "-01",
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        trace_take(s, bad[i]);
        assert_null(s->trace_id);
        assert_null(trace_give(s));
    }
}
