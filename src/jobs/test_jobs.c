#include "base/test.h"
#include "db/test_pg.h"
#include "jobs/bell.h"
#include "jobs/jobs.h"
#include "jobs/lease.h"
#include "jobs/schedule.h"

#include <stdatomic.h>

/** What the handlers saw. */
static struct {
    atomic_int runs, now, most, given_up, hold;
} seen;

static enum err
count_run(struct scope *s, void *app, const struct job *job)
{
    int now = ++seen.now;

    (void)s;
    (void)app;
    (void)job;
    if (now > seen.most)
        seen.most = now;
    clock_nap(2);
    seen.now--;
    seen.runs++;
    return OK;
}

static enum err
flaky_run(struct scope *s, void *app, const struct job *job)
{
    (void)app;
    seen.runs++;
    return job->attempt < 3 ? fail(s, E_UNAVAILABLE, "not today") : OK;
}

static enum err
hopeless_run(struct scope *s, void *app, const struct job *job)
{
    (void)app;
    seen.runs++;
    return fail(s, text_eq(job->payload, "{\"final\":true}") ? E_INVALID : E_TIMEOUT, "never");
}

static enum err
hold_run(struct scope *s, void *app, const struct job *job)
{
    (void)s;
    (void)app;
    (void)job;
    seen.runs++;
    while (seen.hold)
        clock_nap(1);
    return OK;
}

static const struct job_kind count_kind = { .kind = "count", .run = count_run };
static const struct job_kind flaky_kind = { .kind = "flaky", .run = flaky_run, .retry_ms = 2 };
static const struct job_kind hopeless_kind = {
    .kind = "hopeless", .run = hopeless_run, .retry_ms = 2, .max_attempts = 3
};
static const struct job_kind hold_kind = { .kind = "hold", .run = hold_run };

static enum err
clean_run(struct scope *s, void *app, const struct job *job)
{
    (void)app;
    return job_cleanup(s, job, &(struct job_keep){ 7 * DAY_MS, 30 * DAY_MS });
}
static const struct job_kind clean_kind = { .kind = "jobs.cleanup", .run = clean_run };

static enum err
end_in_tx(struct scope *s, struct tx *tx, void *arg)
{
    return job_end(s, tx, arg);
}

/* Ends as part of its own change. */
static enum err
own_end_run(struct scope *s, void *app, const struct job *job)
{
    struct job copy = *job;

    (void)app;
    seen.runs++;
    TRY(db_write(s, jobs_db(job->jobs), end_in_tx, &copy));
    job_has_ended(job);
    return OK;
}
static const struct job_kind own_end_kind = { .kind = "own_end", .run = own_end_run };
static const struct job_kind *const kinds[] = { &count_kind, &flaky_kind, &hopeless_kind,
                                                &hold_kind,  &clean_kind, &own_end_kind,
                                                NULL };

static enum err
count_given_up(struct scope *s, struct tx *tx, void *app, const struct job *job, const char *why)
{
    (void)s;
    (void)tx;
    (void)app;
    (void)job;
    seen.given_up += why != NULL;
    return OK;
}

/** Run the claim on a fresh database of each engine. */
static void
on_both(void (*claim)(struct scope *s, struct db *db))
{
    static int number;

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(db_close) struct db *db = NULL;
        const char *url = kind == DB_POSTGRES
                              ? test_pg_ready()
                              : arena_printf(s->arena, "sqlite:%s/jobs%d.db", test_dir(), ++number);

        if (!url)
            continue;
        memset(&seen, 0, sizeof seen);
        assert_ok(s, db_open(s, url, NULL, &db));
        claim(s, db);
    }
}

static struct jobs *
start(struct scope *s, struct db *db, int64_t poll_ms)
{
    struct jobs_options o = {
        .kinds = kinds, .poll_ms = poll_ms, .given_up = count_given_up, .version = "test"
    };
    struct jobs *jobs = NULL;

    assert_ok(s, jobs_start(s, db, &o, &jobs));
    return jobs;
}

/** Jobs to add in one transaction. */
struct batch {
    struct job_spec spec;
    int count;
    int64_t id;
    enum err end;
};

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct batch *b = arg;

    for (int i = 0; i < b->count; i++)
        TRY(job_add(s, tx, &b->spec, &b->id));
    return b->end == OK ? OK : fail(s, b->end, "told to fail");
}

static int64_t
add(struct scope *s, struct db *db, struct job_spec spec, int count)
{
    struct batch b = { .spec = spec, .count = count };

    assert_ok(s, db_write(s, db, add_in, &b));
    return b.id;
}

/** Wait until CHECK holds, for ten seconds at most. */
#define wait_for(check)                                         \
    do {                                                        \
        int64_t wait_until_ = clock_mono_ms() + 10 * SECOND_MS; \
        while (!(check) && clock_mono_ms() < wait_until_)       \
            clock_nap(2);                                       \
        assert_true(check);                                     \
    } while (0)

static enum job_state
state_of(struct scope *s, struct db *db, int64_t id)
{
    struct job_row row;

    assert_ok(s, job_get(s, db, id, &row));
    return row.state;
}

static void
runs_promptly(struct scope *s, struct db *db)
{
    struct jobs *jobs = start(s, db, 60 * SECOND_MS);
    struct job_row row;
    int64_t id, began;

    clock_nap(50); /* the clerk has looked once and found nothing */
    began = clock_mono_ms();
    id = add(s, db, (struct job_spec){ .kind = "count" }, 1);
    wait_for(state_of(s, db, id) == JOB_DONE);
    assert_true(clock_mono_ms() - began < 5000);
    assert_int_equal(seen.runs, 1);
    assert_ok(s, job_get(s, db, id, &row));
    assert_int_equal(row.attempts, 1);
    assert_true(when_given(row.started) && when_given(row.ended));
    assert_true(jobs_stop(jobs, SECOND_MS));
}
TEST(a_job_runs_soon_after_its_commit_without_polling)
{
    on_both(runs_promptly);
}

static void
runs_on_its_runner(struct scope *s, struct db *db)
{
    struct jobs *jobs = start(s, db, 60 * SECOND_MS);
    struct job_spec spec = { .kind = "own_end", .payload = "{}", .serial = "k", .runner = jobs };
    struct batch b = { .spec = spec, .count = 1, .end = E_CONFLICT };
    struct job_row row;
    int64_t id;

    for (int i = 0; i < 4; i++)
        assert_true(jobs_reserve(jobs));
    assert_false(jobs_reserve(jobs)); /* there are four runners */
    for (int i = 0; i < 3; i++)
        jobs_release(jobs);
    id = add(s, db, spec, 1);
    assert_int_equal(state_of(s, db, id), JOB_RUNNING); /* nobody else takes it */
    jobs_begin(jobs, &spec, id);
    wait_for(state_of(s, db, id) == JOB_DONE);
    assert_int_equal(seen.runs, 1);
    assert_ok(s, job_get(s, db, id, &row));
    assert_int_equal(row.attempts, 1);
    assert_true(when_given(row.started) && when_given(row.ended));
    assert_true(jobs_reserve(jobs));
    assert_err(E_CONFLICT, db_write(s, db, add_in, &b));
    scope_clear(s);
    jobs_release(jobs);
    assert_true(jobs_stop(jobs, SECOND_MS));
    assert_int_equal(seen.runs, 1);
}
TEST(a_job_that_has_a_runner_begins_without_the_queue_and_ends_with_its_change)
{
    on_both(runs_on_its_runner);
}

static void
stops_with_a_reserved(struct scope *s, struct db *db)
{
    struct jobs *jobs = start(s, db, 60 * SECOND_MS);
    struct job_spec spec = { .kind = "count", .runner = jobs };
    int64_t id;

    assert_true(jobs_reserve(jobs));
    id = add(s, db, spec, 1);
    assert_false(jobs_stop(jobs, 0)); /* it waits for what is about to begin */
    assert_false(jobs_reserve(jobs));
    jobs_begin(jobs, &spec, id);
    assert_true(jobs_stop(jobs, 5 * SECOND_MS));
    assert_int_equal(seen.runs, 0);
    assert_int_equal(state_of(s, db, id), JOB_QUEUED);
}
TEST(a_server_that_stops_puts_back_a_job_that_was_about_to_begin)
{
    on_both(stops_with_a_reserved);
}

static void
rollback_adds_nothing(struct scope *s, struct db *db)
{
    struct batch b = { .spec = { .kind = "count" }, .count = 3, .end = E_CONFLICT };
    struct job_query all = { .state = -1 };
    struct list found;

    assert_err(E_CONFLICT, db_write(s, db, add_in, &b));
    assert_ok(s, job_list(s, db, &all, &found));
    assert_int_equal(found.count, 0);
}
TEST(a_job_of_a_change_that_failed_does_not_exist)
{
    on_both(rollback_adds_nothing);
}

static void
dedupe_joins(struct scope *s, struct db *db)
{
    struct when later = when_add_ms(clock_now(), HOUR_MS), sooner = when_add_ms(later, -MINUTE_MS);
    struct job_spec spec = { .kind = "hold", .dedupe = "crl:1", .run_at = later };
    int64_t first = add(s, db, spec, 1), second;
    struct job_row row;
    struct jobs *jobs;

    spec.run_at = sooner;
    assert_int_equal(add(s, db, spec, 2), first);
    spec.run_at = later;
    assert_int_equal(add(s, db, spec, 1), first);
    assert_ok(s, job_get(s, db, first, &row));
    assert_int_equal(row.run_at.ms, sooner.ms);
    spec.run_at = WHEN_NONE;
    assert_int_equal(add(s, db, spec, 1), first);
    seen.hold = 1;
    jobs = start(s, db, 20);
    wait_for(seen.runs == 1);
    second =
        add(s, db, spec, 2); /* the first runs already: it may have missed what this one is for */
    assert_int_not_equal(second, first);
    seen.hold = 0;
    wait_for(state_of(s, db, second) == JOB_DONE);
    assert_int_equal(seen.runs, 2);
    assert_true(jobs_stop(jobs, SECOND_MS));
}
TEST(jobs_of_one_dedupe_key_wait_as_one_and_a_running_one_does_not_count)
{
    on_both(dedupe_joins);
}

static void
two_servers(struct scope *s, struct db *db)
{
    struct jobs *one = start(s, db, 20), *two = start(s, db, 20);

    add(s, db, (struct job_spec){ .kind = "count" }, 60);
    scope_deadline_in(s, 30 * SECOND_MS);
    assert_ok(s, jobs_settle(s, db, "count"));
    assert_int_equal(seen.runs, 60);
    assert_true(seen.most > 1);
    assert_true(jobs_stop(one, SECOND_MS));
    assert_true(jobs_stop(two, SECOND_MS));
}
TEST(two_servers_share_the_work_and_run_each_job_once)
{
    on_both(two_servers);
}

static void
serial_alone(struct scope *s, struct db *db)
{
    struct jobs *one = start(s, db, 20), *two = start(s, db, 20);

    add(s, db, (struct job_spec){ .kind = "count", .serial = "ca:1" }, 15);
    scope_deadline_in(s, 30 * SECOND_MS);
    assert_ok(s, jobs_settle(s, db, "count"));
    assert_int_equal(seen.runs, 15);
    assert_int_equal(seen.most, 1);
    assert_true(jobs_stop(one, SECOND_MS));
    assert_true(jobs_stop(two, SECOND_MS));
}
TEST(jobs_of_one_serial_key_never_run_at_the_same_time)
{
    on_both(serial_alone);
}

static void
fails_and_recovers(struct scope *s, struct db *db)
{
    struct jobs *jobs = start(s, db, 5);
    int64_t flaky = add(s, db, (struct job_spec){ .kind = "flaky" }, 1), hopeless, final;
    struct job_row row;

    wait_for(state_of(s, db, flaky) == JOB_DONE);
    assert_int_equal(seen.runs, 3);
    seen.runs = 0;
    hopeless = add(s, db, (struct job_spec){ .kind = "hopeless" }, 1);
    wait_for(state_of(s, db, hopeless) == JOB_FAILED);
    assert_int_equal(seen.runs, 3);
    seen.runs = 0;
    final = add(s, db, (struct job_spec){ .kind = "hopeless", .payload = "{\"final\":true}" }, 1);
    wait_for(state_of(s, db, final) == JOB_FAILED);
    assert_int_equal(seen.runs, 1);
    assert_int_equal(seen.given_up, 2);
    assert_ok(s, job_get(s, db, final, &row));
    assert_string_equal(row.error, "never");
    assert_true(jobs_stop(jobs, SECOND_MS));
}
TEST(a_failure_that_may_pass_is_tried_again_until_the_last_attempt)
{
    on_both(fails_and_recovers);
}

static void
too_late(struct scope *s, struct db *db)
{
    struct job_spec spec = { .kind = "count", .deadline = when_add_ms(clock_now(), -1) };
    int64_t id = add(s, db, spec, 1);
    struct jobs *jobs = start(s, db, 5);
    struct job_row row;

    wait_for(state_of(s, db, id) == JOB_FAILED);
    assert_ok(s, job_get(s, db, id, &row));
    assert_string_equal(row.error, "its deadline passed");
    assert_int_equal(seen.runs, 0);
    assert_true(jobs_stop(jobs, SECOND_MS));
}
TEST(a_job_is_not_begun_after_its_deadline)
{
    on_both(too_late);
}

static enum err
still_ours_in(struct scope *s, struct tx *tx, void *arg)
{
    return job_still_ours(s, tx, arg);
}

static void
server_dies(struct scope *s, struct db *db)
{
    struct lessee dead = { .db = db, .instance = "dead", .kinds = kinds, .lease_ms = 5 };
    int64_t id = add(s, db, (struct job_spec){ .kind = "count", .dedupe = "d", .serial = "x" }, 1);
    struct verdict v = { .done = true };
    struct list taken;
    struct jobs *jobs;
    struct job_row row;

    lease_prepare(s->arena, &dead);
    assert_ok(s, lease_take(s, &dead, 4, &taken));
    assert_int_equal(taken.count, 1);
    v.job = list_at(&taken, struct job, 0);
    assert_ok(s, db_write(s, db, still_ours_in, list_at(&taken, struct job, 0)));
    clock_nap(10); /* it says nothing more */
    jobs = start(s, db, 5);
    wait_for(state_of(s, db, id) == JOB_DONE);
    assert_int_equal(seen.runs, 1);
    assert_ok(s, job_get(s, db, id, &row));
    assert_int_equal(row.attempts, 2);
    assert_err(E_CONFLICT, db_write(s, db, still_ours_in, list_at(&taken, struct job, 0)));
    scope_clear(s);
    assert_err(E_CONFLICT, db_write(s, db, end_in_tx, list_at(&taken, struct job, 0)));
    scope_clear(s);
    assert_ok(s, lease_end(s, &dead, &v)); /* back from the dead, and too late */
    assert_true(v.late);
    assert_true(jobs_stop(jobs, SECOND_MS));
}
TEST(the_job_of_a_server_that_died_runs_elsewhere_and_its_late_word_counts_nothing)
{
    on_both(server_dies);
}

static void
lost_with_twin(struct scope *s, struct db *db)
{
    struct lessee dead = { .db = db, .instance = "dead", .kinds = kinds, .lease_ms = 5 };
    struct job_spec spec = { .kind = "count", .dedupe = "d" };
    int64_t first = add(s, db, spec, 1), second, reclaimed;
    struct list taken;

    lease_prepare(s->arena, &dead);
    assert_ok(s, lease_take(s, &dead, 4, &taken));
    second = add(s, db, spec, 1);
    assert_int_not_equal(first, second);
    clock_nap(10);
    assert_ok(s, lease_reclaim(s, &dead, &reclaimed));
    assert_int_equal(reclaimed, 1);
    assert_int_equal(state_of(s, db, first), JOB_CANCELLED);
    assert_int_equal(state_of(s, db, second), JOB_QUEUED);
    assert_ok(s, lease_reclaim(s, &dead, &reclaimed));
    assert_int_equal(reclaimed, 0);
}
TEST(a_lost_job_leaves_its_work_to_the_waiting_one_of_its_dedupe_key)
{
    on_both(lost_with_twin);
}

static enum err
cancel_in(struct scope *s, struct tx *tx, void *arg)
{
    return job_cancel(s, tx, *(const int64_t *)arg);
}

static void
cancels(struct scope *s, struct db *db)
{
    int64_t id = add(s, db, (struct job_spec){ .kind = "count" }, 1);
    struct job_query of_kind = { .kind = "count", .state = JOB_CANCELLED };
    struct list found;

    assert_ok(s, db_write(s, db, cancel_in, &id));
    assert_ok(s, job_list(s, db, &of_kind, &found));
    assert_int_equal(found.count, 1);
    assert_err(E_CONFLICT, db_write(s, db, cancel_in, &id));
}
TEST(a_waiting_job_can_be_cancelled_once)
{
    on_both(cancels);
}

static void
unknown_waits(struct scope *s, struct db *db)
{
    int64_t id = add(s, db, (struct job_spec){ .kind = "of another version" }, 1), known;
    struct jobs *jobs = start(s, db, 5);

    known = add(s, db, (struct job_spec){ .kind = "count" }, 1);
    wait_for(state_of(s, db, known) == JOB_DONE);
    assert_int_equal(state_of(s, db, id), JOB_QUEUED);
    assert_true(jobs_stop(jobs, SECOND_MS));
}
TEST(a_job_of_an_unknown_kind_waits_for_a_server_that_knows_it)
{
    on_both(unknown_waits);
}

static void
stops_well(struct scope *s, struct db *db)
{
    struct jobs *jobs = start(s, db, 5);
    struct job_query running = { .kind = "hold", .state = JOB_RUNNING };
    struct list found;

    seen.hold = 1;
    add(s, db, (struct job_spec){ .kind = "hold" }, 9);
    wait_for(seen.runs == 4); /* as many as there are runners */
    assert_false(jobs_stop(jobs, 0));
    seen.hold = 0;
    assert_true(jobs_stop(jobs, 5 * SECOND_MS));
    assert_int_equal(seen.runs, 4);
    assert_ok(s, job_list(s, db, &running, &found));
    assert_int_equal(found.count, 0);
}
TEST(a_server_that_stops_finishes_what_runs_and_begins_nothing)
{
    on_both(stops_well);
}

SQL(test_age, "UPDATE job SET finished_at = finished_at - $1");
SQL(test_attempts, "SELECT COUNT(*) FROM attempt");

static enum err
age_in(struct scope *s, struct tx *tx, void *arg)
{
    (void)arg;
    return tx_do(s, tx, &test_age, BIND(v_int(8 * DAY_MS)));
}

static void
cleans_up(struct scope *s, struct db *db)
{
    struct jobs *jobs = start(s, db, 5);
    int64_t old = add(s, db, (struct job_spec){ .kind = "count" }, 5), id;
    struct job_query all = { .state = -1 };
    struct list found;
    struct row row;

    wait_for(state_of(s, db, old) == JOB_DONE);
    scope_deadline_in(s, 10 * SECOND_MS);
    assert_ok(s, jobs_settle(s, db, NULL));
    assert_ok(s, db_write(s, db, age_in, NULL));
    id = add(s, db, (struct job_spec){ .kind = "jobs.cleanup" }, 1);
    wait_for(state_of(s, db, id) == JOB_DONE);
    assert_ok(s, job_list(s, db, &all, &found));
    assert_int_equal(found.count, 1);
    assert_ok(s, db_one(s, db, &test_attempts, BIND_NONE, &row));
    assert_int_equal(row_int(&row), 1);
    assert_true(jobs_stop(jobs, SECOND_MS));
}
TEST(jobs_that_ended_long_ago_are_removed)
{
    on_both(cleans_up);
}

TEST(a_job_says_for_what_it_is)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct job job = { .payload = "{\"order\":7,\"name\":\"x\"}" };
    int64_t number = 0;

    assert_ok(s, job_number(s, &job, "order", &number));
    assert_int_equal(number, 7);
    assert_err(E_INVALID, job_number(s, &job, "name", &number));
    assert_string_equal(s->error.text, "the job names no name");
    job.payload = "{";
    assert_err(E_INVALID, job_number(s, &job, "order", &number));
    assert_int_equal(number, 7);
}
