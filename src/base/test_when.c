#include "base/test.h"
#include "base/wait.h"

TEST(times_parse_in_every_form_that_clients_send)
{
    static const struct {
        const char *text;
        bool good;
        const char *same;
    } cases[] = {
        { "2025-10-22T14:30:00Z", true, "2025-10-22T14:30:00.000Z" },
        { "2025-10-22T14:30:00.1234567Z", true, "2025-10-22T14:30:00.123Z" },
        { "2025-10-22T14:30:00.123456789+02:00", true, "2025-10-22T12:30:00.123Z" },
        { "2025-10-22T14:30:00-0130", true, "2025-10-22T16:00:00.000Z" },
        { "2025-10-22 14:30:00", true, "2025-10-22T14:30:00.000Z" },
        { "2025-10-22T14:30", true, "2025-10-22T14:30:00.000Z" },
        { "2024-02-29", true, "2024-02-29T00:00:00.000Z" },
        { "0001-01-01", true, "0001-01-01T00:00:00.000Z" },
        { "9999-12-31T23:59:59Z", true, "9999-12-31T23:59:59.000Z" },
        { "2025-02-29", false, NULL },
        { "2025-13-01", false, NULL },
        { "2025-10-22T24:00:00Z", false, NULL },
        { "2025-10-22T14:30:00.Z", false, NULL },
        { "2025-10-22T14:30:00Zx", false, NULL },
        { "22/10/2025", false, NULL },
        { "", false, NULL },
        { NULL, false, NULL },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct when w = WHEN_NONE;

        assert_int_equal(when_parse(cases[i].text, &w), cases[i].good);
        if (cases[i].good)
            assert_string_equal(when_rfc3339_ms(a, w), cases[i].same);
        else
            assert_false(when_given(w));
    }
}

TEST(calendar_and_seconds_agree_for_four_hundred_years)
{
    for (int64_t day = -80000; day < 80000; day++) {
        struct when w = { day * DAY_MS + 12345678 }, back;
        struct civil c = when_civil(w);

        assert_true(civil_when(&c, &back));
        assert_true(back.ms == w.ms);
    }
}

TEST(http_dates_go_both_ways)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct when w = WHEN_S(784111777), back;

    assert_string_equal(when_http(a, w), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(when_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &back));
    assert_true(back.ms == w.ms);
    assert_false(when_parse_http("Sun Nov  6 08:49:37 1994", &back));
    assert_int_equal(when_s((struct when){ -1 }), -1);
}

TEST(durations_parse_in_every_form_and_bare_numbers_are_refused)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
        const char *same;
    } cases[] = {
        { "90d", 90 * DAY_MS, "90d" },
        { "1d12h", 36 * HOUR_MS, "1d12h" },
        { "6w", 42 * DAY_MS, "42d" },
        { "1y", 365 * DAY_MS, "365d" },
        { "250ms", 250, "250ms" },
        { "P90D", 90 * DAY_MS, "90d" },
        { "PT12H", 12 * HOUR_MS, "12h" },
        { "P1DT30M", DAY_MS + 30 * MINUTE_MS, "1d30m" },
        { "90.00:00:00", 90 * DAY_MS, "90d" },
        { "01:30:00", 90 * MINUTE_MS, "1h30m" },
        { "0s", 0, "0s" },
        { "90", -1, NULL },
        { "", -1, NULL },
        { "d", -1, NULL },
        { "-5d", -1, NULL },
        { "5x", -1, NULL },
        { "P", -1, NULL },
        { "PT", -1, NULL },
        { "99999999999999y", -1, NULL },
        { "25:00:00", -1, NULL },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -1;

        if (duration_parse(cases[i].text, &ms) != (cases[i].ms >= 0))
            fail_msg("%s", cases[i].text);
        assert_true(ms == cases[i].ms);
        if (ms >= 0)
            assert_string_equal(duration_text(a, ms), cases[i].same);
    }
}

TEST(a_wait_ends_at_its_moment)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never;
    int64_t until = clock_mono_ms() + 30;

    wait_init(&never);
    assert_int_equal(pthread_mutex_lock(&lock), 0);
    while (wait_until(&never, &lock, until))
        ;
    assert_true(clock_mono_ms() >= until);
    assert_false(wait_until(&never, &lock, 0));
    assert_int_equal(pthread_mutex_unlock(&lock), 0);
    pthread_cond_destroy(&never);
}
