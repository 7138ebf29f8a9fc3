#include "base/test.h"
#include "jobs/jobs.h"
#include "jobs/schedule.h"

TEST(a_rule_names_the_next_moment_after_now)
{
    static const struct {
        const char *rule, *now, *next; /* next NULL: no rule */
    } cases[] = {
        { "60s", "2026-03-01T10:00:30Z", "2026-03-01T10:01:00Z" },
        { "60s", "2026-03-01T10:01:00Z", "2026-03-01T10:02:00Z" },
        { "1d", "2026-03-01T10:00:30Z", "2026-03-02T00:00:00Z" },
        { "500ms", "2026-03-01T10:00:30Z", NULL },
        { "400d", "2026-03-01T10:00:30Z", NULL },
        { "often", "2026-03-01T10:00:30Z", NULL },
        { "", "2026-03-01T10:00:30Z", NULL },
        { "cron 5 4 * * *", "2026-03-01T04:04:59Z", "2026-03-01T04:05:00Z" },
        { "cron 5 4 * * *", "2026-03-01T04:05:00Z", "2026-03-02T04:05:00Z" },
        { "cron */15 * * * *", "2026-03-01T04:46:00Z", "2026-03-01T05:00:00Z" },
        { "cron 0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z" },
        { "cron 0 0 31 12 *", "2026-12-31T00:00:00Z", "2027-12-31T00:00:00Z" },
        { "cron 30 8 * * 1-5", "2026-11-20T08:30:00Z", "2026-11-23T08:30:00Z" }, /* Friday */
        { "cron 30 8 * * 7", "2026-11-20T08:30:00Z", "2026-11-22T08:30:00Z" },
        { "cron 0 0 13 * 5", "2026-11-14T00:00:00Z", "2026-11-20T00:00:00Z" }, /* either day */
        { "cron 0,30 1-3/2 * * *", "2026-11-14T01:30:00Z", "2026-11-14T03:00:00Z" },
        { "cron 10/20 * * * *", "2026-11-14T01:30:00Z", "2026-11-14T01:50:00Z" },
        { "cron 0 0 30 2 *", "2026-11-14T00:00:00Z", NULL },
        { "cron 60 * * * *", "2026-11-14T00:00:00Z", NULL },
        { "cron * 24 * * *", "2026-11-14T00:00:00Z", NULL },
        { "cron * * 0 * *", "2026-11-14T00:00:00Z", NULL },
        { "cron * * * 13 *", "2026-11-14T00:00:00Z", NULL },
        { "cron * * * * 8", "2026-11-14T00:00:00Z", NULL },
        { "cron */0 * * * *", "2026-11-14T00:00:00Z", NULL },
        { "cron 5-1 * * * *", "2026-11-14T00:00:00Z", NULL },
        { "cron 1, * * * *", "2026-11-14T00:00:00Z", NULL },
        { "cron * * * *", "2026-11-14T00:00:00Z", NULL },
        { "cron * * * * * *", "2026-11-14T00:00:00Z", NULL },
        { "cron @daily", "2026-11-14T00:00:00Z", NULL },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct when now, next, want;

        assert_true(when_parse(cases[i].now, &now));
        if (!cases[i].next) {
            if (schedule_next(s, cases[i].rule, now, &next) != E_INVALID)
                fail_msg("\"%s\" was taken for a rule", cases[i].rule);
            continue;
        }
        assert_true(when_parse(cases[i].next, &want));
        assert_ok(s, schedule_next(s, cases[i].rule, now, &next));
        if (next.ms != want.ms)
            fail_msg("%s after %s: got %s", cases[i].rule, cases[i].now,
                     when_rfc3339(s->arena, next));
    }
}

static enum err
ensure_in(struct scope *s, struct tx *tx, void *arg)
{
    return schedule_ensure(s, tx, arg);
}

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    return schedule_edit(s, tx, arg);
}

TEST(a_schedule_adds_one_job_a_turn_and_makes_up_for_many_missed_ones_once)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    struct schedule hourly = { .name = "x", .kind = "x", .rule = "1h", .enabled = true };
    struct job_query all = { .state = -1 };
    struct when now = clock_now();
    struct list found;
    int64_t added = -1;

    assert_ok(s,
              db_open(s, arena_printf(s->arena, "sqlite:%s/schedule.db", test_dir()), NULL, &db));
    assert_ok(s, db_write(s, db, ensure_in, &hourly));
    assert_ok(s, db_write(s, db, ensure_in, &hourly)); /* the second server */
    assert_ok(s, schedule_run_due(s, db, now, &added));
    assert_int_equal(added, 0);
    assert_ok(s, schedule_run_due(s, db, when_add_ms(now, 10 * HOUR_MS), &added));
    assert_int_equal(added, 1);
    assert_ok(s, schedule_run_due(s, db, when_add_ms(now, 10 * HOUR_MS), &added));
    assert_int_equal(added, 0);
    assert_ok(s, schedule_run_due(s, db, when_add_ms(now, 12 * HOUR_MS), &added));
    assert_ok(s, schedule_run_due(s, db, now, &added)); /* that clock was ahead */
    assert_int_equal(added, 1);
    assert_ok(s, schedule_run_due(s, db, now, &added));
    assert_int_equal(added, 0);
    assert_ok(s, job_list(s, db, &all, &found));
    assert_int_equal(found.count, 1); /* the first still waits: the second joins it */
    assert_ok(s, schedule_list(s, db, &found));
    assert_int_equal(found.count, 1);
    hourly.version = list_at(&found, struct schedule, 0)->version;
    hourly.rule = "cron 0 3 * * *";
    assert_ok(s, db_write(s, db, edit_in, &hourly));
    assert_err(E_CONFLICT, db_write(s, db, edit_in, &hourly)); /* read before that edit */
    scope_clear(s);
    hourly.version = 0;
    hourly.rule = "now and then";
    assert_err(E_INVALID, db_write(s, db, edit_in, &hourly));
}
