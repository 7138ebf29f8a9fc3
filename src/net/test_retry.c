#include "base/test.h"
#include "net/retry.h"

TEST(each_failure_has_its_number_of_tries)
{
    static const struct {
        enum retry_end end;
        int status, tries;
        const char *error_type;
        bool slow;
    } cases[] = {
        { RETRY_NOT_SENT, 0, 3, "transient", false },
        { RETRY_TIMED_OUT, 0, 3, "timeout", false },
        { RETRY_CUT_OFF, 0, 3, "transient", false },
        { RETRY_UNTRUSTED, 0, 1, "config", false },
        { RETRY_UNREADABLE, 0, 1, "protocol", false },
        { RETRY_ANSWERED, 400, 1, "validation", false },
        { RETRY_ANSWERED, 401, 2, "auth", false },
        { RETRY_ANSWERED, 403, 1, "authz", false },
        { RETRY_ANSWERED, 404, 1, "not_found", false },
        { RETRY_ANSWERED, 408, 3, "transient", false },
        { RETRY_ANSWERED, 409, 1, "conflict", false },
        { RETRY_ANSWERED, 415, 1, "validation", false },
        { RETRY_ANSWERED, 429, 5, "rate_limited", false },
        { RETRY_ANSWERED, 500, 3, "transient", false },
        { RETRY_ANSWERED, 501, 1, "protocol", false },
        { RETRY_ANSWERED, 502, 5, "unavailable", true },
        { RETRY_ANSWERED, 503, 5, "unavailable", true },
        { RETRY_ANSWERED, 504, 5, "unavailable", true },
        { RETRY_ANSWERED, 505, 1, "protocol", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct retry_rule *rule = retry_rule(cases[i].end, cases[i].status);
        AUTO(retry_free) struct retry *r = retry_new(true, 1);
        int calls = 1;
        int64_t wait;

        assert_non_null(rule);
        assert_string_equal(rule->error_type, cases[i].error_type);
        assert_int_equal(rule->slow, cases[i].slow);
        while (retry_next(r, rule, 0, &wait))
            calls++;
        assert_int_equal(calls, cases[i].tries);
        assert_int_equal(retry_failures(r), cases[i].tries);
    }
    assert_null(retry_rule(RETRY_ANSWERED, 200));
    assert_null(retry_rule(RETRY_ANSWERED, 302));
}

/* seed S076 */
TEST(waits_double_with_jitter_up_to_a_minute)
{
    const struct retry_rule *brief = retry_rule(RETRY_ANSWERED, 500);
    const struct retry_rule *slow = retry_rule(RETRY_ANSWERED, 503);
    static const struct {
        int failures;
        uint32_t chance;
        int64_t brief, slow;
    } cases[] = {
        { 1, 0, 1000, 5000 },           { 1, 999999, 1999, 9999 },   { 2, 0, 2000, 10000 },
        { 2, 500000, 2500, 12500 },     { 3, 0, 4000, 20000 },       { 4, 0, 8000, 40000 },
        { 5, 0, 16000, 60000 },         { 6, 999999, 32999, 60000 }, { 7, 0, 60000, 60000 },
        { 1000, 999999, 60000, 60000 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(retry_wait_ms(brief, cases[i].failures, 0, cases[i].chance),
                         cases[i].brief);
        assert_int_equal(retry_wait_ms(slow, cases[i].failures, 0, cases[i].chance), cases[i].slow);
    }
}

TEST(a_peer_may_ask_for_longer_waits_but_not_for_more_than_five_minutes)
{
    const struct retry_rule *rule = retry_rule(RETRY_ANSWERED, 429);
    static const int64_t cases[][2] = { { 0, 1000 },           { 500, 1000 },
                                        { 7000, 7000 },        { 120000, 120000 },
                                        { 300000, 300000 },    { 300001, 300000 },
                                        { INT64_MAX, 300000 }, { -5, 1000 } };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(retry_wait_ms(rule, 1, cases[i][0], 0), cases[i][1]);
}

TEST(a_fixed_seed_gives_the_same_waits_again_and_each_lies_in_its_window)
{
    const struct retry_rule *rule = retry_rule(RETRY_ANSWERED, 429);
    int64_t first[4], again[4];

    for (int round = 0; round < 2; round++) {
        AUTO(retry_free) struct retry *r = retry_new(true, 42);

        for (int i = 0; i < 4; i++)
            assert_true(retry_next(r, rule, 0, round ? &again[i] : &first[i]));
    }
    assert_memory_equal(first, again, sizeof(first));
    for (int i = 0; i < 4; i++)
        assert_in_range(first[i], 1000 << i, (1000 << i) + 999);
    for (int i = 0; i < 100; i++) { /* and without a seed, too */
        AUTO(retry_free) struct retry *r = retry_new(true, 0);
        int64_t wait;

        assert_true(retry_next(r, rule, 0, &wait));
        assert_in_range(wait, 1000, 1999);
    }
}

TEST(what_may_have_been_done_is_repeated_only_when_that_does_no_harm)
{
    static const struct {
        enum retry_end end;
        int status;
        bool again;
    } cases[] = {
        { RETRY_NOT_SENT, 0, true },    { RETRY_TIMED_OUT, 0, false },
        { RETRY_CUT_OFF, 0, false },    { RETRY_ANSWERED, 401, true },
        { RETRY_ANSWERED, 408, false }, { RETRY_ANSWERED, 429, true },
        { RETRY_ANSWERED, 500, false }, { RETRY_ANSWERED, 502, false },
        { RETRY_ANSWERED, 503, true },  { RETRY_ANSWERED, 504, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(retry_free) struct retry *r = retry_new(false, 1);
        int64_t wait = -1;

        assert_int_equal(retry_next(r, retry_rule(cases[i].end, cases[i].status), 0, &wait),
                         cases[i].again);
        assert_int_equal(wait == -1, !cases[i].again); /* a refusal leaves its output alone */
    }
}

TEST(a_token_is_refreshed_once_and_at_once)
{
    AUTO(retry_free) struct retry *r = retry_new(true, 1);
    int64_t wait = -1;

    assert_true(retry_next(r, retry_rule(RETRY_ANSWERED, 401), 0, &wait));
    assert_int_equal(wait, 0);
    assert_false(retry_next(r, retry_rule(RETRY_ANSWERED, 401), 0, &wait));
}

TEST(failures_of_several_kinds_share_one_count)
{
    AUTO(retry_free) struct retry *r = retry_new(true, 1);
    int64_t wait;

    assert_true(retry_next(r, retry_rule(RETRY_ANSWERED, 503), 0, &wait));
    assert_true(retry_next(r, retry_rule(RETRY_TIMED_OUT, 0), 0, &wait));
    assert_false(retry_next(r, retry_rule(RETRY_ANSWERED, 500), 0, &wait)); /* the third call */
}

TEST(retry_after_is_seconds_or_a_date)
{
    const struct when now = { INT64_C(1700000000000) }; /* Tue, 14 Nov 2023 22:13:20 GMT */
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        { NULL, 0 },
        { "", 0 },
        { "0", 0 },
        { "7", 7000 },
        { "-7", 0 },
        { "soon", 0 },
        { "7.5", 0 },
        { "99999999999999999999", 0 },
        { "9223372036854775807", INT64_C(86400) * 365 * 1000 },
        { "Tue, 14 Nov 2023 22:14:20 GMT", 60000 },
        { "Tue, 14 Nov 2023 22:13:19 GMT", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(retry_after_ms(cases[i].text, now), cases[i].want);
}
