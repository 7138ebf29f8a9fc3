/* The client: what it says about its calls, and how it spares a peer that fails or is slow. */
#include "base/log.h"
#include "base/metric.h"
#include "net/client_guard.h"
#include "net/test_fake_peer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/** The log lines that were written while it looked on; ends with log_given_back(). */
static int log_file = -1;
static void
log_taken(void)
{
    log_file = memfd_create("log", MFD_CLOEXEC);
    assert_true(log_file >= 0);
    log_setup(LOG_JSON, LOG_INFO, log_file);
}
static const char *
log_given_back(struct scope *s)
{
    char *text = arena_alloc(s->arena, 65536);

    assert_true(pread(log_file, text, 65535, 0) >= 0);
    (void)close(log_file);
    log_setup(LOG_JSON, LOG_INFO, STDOUT_FILENO);
    return text;
}

TEST(a_failed_call_leaves_one_structured_line_without_secrets)
{
    static const struct fake_step steps[] = { { .status = 403, .body = "secret body" } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    AUTO(peer_free) struct peer *hook = NULL;
    AUTO(secret_free) struct secret *token = secret_copy(BYTES("secret-token"));
    struct call c = { .operation = "import", .bearer = token };
    struct reply r;
    const char *line;
    static const char *const parts[] = {
        "\"level\":\"error\"",
        "\"module\":\"integration.azure_key_vault\"",
        "\"integration\":\"azure_key_vault\"",
        "\"error_type\":\"authz\"",
        "\"timestamp\":\"2",
        "\"details\":{\"method\":\"GET\"",
        "\"operation\":\"import\"",
        "\"status\":403",
        "\"attempt\":1",
        "/certificates/web\"",
        "\"event\":\"integration.failed\"",
    };

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, NULL, (struct peer_options){ .integration = "azure_key_vault" });
    hook = fake_client(s, NULL,
                       (struct peer_options){ .integration = "hook", .path_is_secret = true });
    c.url = fake_url(s, &f, "/certificates/web?sig=secret-query");
    log_taken();
    assert_ok(s, peer_call(s, p, &c, &r));
    line = log_given_back(s);
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (!strstr(line, parts[i]))
            fail_msg("no %s in %s", parts[i], line);
    }
    assert_null(strstr(line, "secret"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1); /* one line */

    log_taken();
    assert_ok(s, peer_call(s, hook, &c, &r));
    line = log_given_back(s);
    assert_null(strstr(line, "certificates"));
    assert_string_equal(s->module, "test"); /* the scope is as it was */
}

TEST(each_further_try_leaves_a_line_with_its_wait)
{
    static const struct fake_step steps[] = { { .status = 500 }, { .status = 200 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    const char *line;

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, &clock, (struct peer_options){ 0 });
    log_taken();
    (void)fake_get(s, p, fake_url(s, &f, "/"));
    line = log_given_back(s);
    assert_non_null(strstr(line, "\"event\":\"integration.retry\""));
    assert_non_null(strstr(line, "\"retry_in_s\":1."));
    assert_non_null(strstr(line, "\"level\":\"warn\""));
    assert_null(strstr(line, "integration.failed"));
}

TEST(calls_are_counted_by_how_they_ended)
{
    static const struct fake_step steps[] = { { .status = 503 }, { .status = 200 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    AUTO(buf_done) struct buf text = { 0 };
    struct fake_clock clock = { 0 };
    const char *all;

    fake_start(&f, NULL, steps, COUNT(steps));
    p = fake_client(s, &clock, (struct peer_options){ .integration = "counted" });
    (void)fake_get(s, p, fake_url(s, &f, "/"));
    buf_init(&text, 1 << 20);
    metric_print(&text, false);
    all = buf_str(&text);
    assert_non_null(strstr(
        all, "chancery_outbound_requests_total{integration=\"counted\",outcome=\"ok\"} 1\n"));
    assert_non_null(strstr(
        all,
        "chancery_outbound_requests_total{integration=\"counted\",outcome=\"unavailable\"} 1\n"));
    assert_non_null(strstr(
        all, "chancery_outbound_requests_total{integration=\"counted\",outcome=\"timeout\"} 0\n"));
    assert_non_null(strstr(all, "chancery_outbound_retries_total{integration=\"counted\"} 1\n"));
    assert_non_null(strstr(all, "chancery_outbound_breaker_open{integration=\"counted\"} 0\n"));
    assert_non_null(strstr(
        all, "chancery_outbound_request_duration_seconds_count{integration=\"counted\"} 2\n"));
}

TEST(a_peer_that_keeps_failing_is_left_alone_and_then_probed)
{
    static const struct fake_step bad[] = { { .status = 500 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    struct call c = { .once = true };
    struct reply r;

    fake_start(&f, NULL, bad, 1);
    p = fake_client(s, &clock, (struct peer_options){ .integration = "failing" });
    c.url = fake_url(s, &f, "/");
    log_taken();
    for (int i = 0; i < GUARD_FAILURES; i++)
        assert_ok(s, peer_call(s, p, &c, &r));
    assert_non_null(strstr(log_given_back(s), "integration.breaker.open"));
    assert_true(peer_is_open(p));
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_int_equal(s->error.retry_after_s, 60);
    assert_int_equal(fake_calls(&f), GUARD_FAILURES);

    clock.now_ms += 60000; /* half open: one call finds out */
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_err(E_UNAVAILABLE, peer_call(s, p, &c, &r));
    assert_int_equal(s->error.retry_after_s, 120);

    clock.now_ms += 120000;
    fake_script(&f, fake_ok, 1);
    log_taken();
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_non_null(strstr(log_given_back(s), "integration.breaker.closed"));
    assert_false(peer_is_open(p));
}

TEST(the_breaker_opens_after_five_and_waits_up_to_a_quarter_of_an_hour)
{
    struct guard g;
    int64_t now = 1000, until = 0, open = GUARD_OPEN_MS;

    guard_init(&g, 0);
    for (int i = 1; i < GUARD_FAILURES; i++) {
        assert_true(guard_admit(&g, now, &until));
        assert_false(guard_report(&g, now, GUARD_BAD));
    }
    assert_false(guard_report(&g, now, GUARD_GOOD)); /* in a row, or it does not count */
    for (int i = 1; i < GUARD_FAILURES; i++)
        assert_false(guard_report(&g, now, GUARD_BAD));
    assert_true(guard_report(&g, now, GUARD_BAD));
    assert_false(guard_report(&g, now, GUARD_BAD)); /* of a call that was on its way already */
    for (int i = 0; i < 8; i++) {
        assert_false(guard_admit(&g, now + open - 1, &until));
        assert_int_equal(until, MAX(now + open, now + open - 1 + 1000));
        now += open;
        assert_true(guard_admit(&g, now, &until));
        assert_false(guard_admit(&g, now, &until)); /* one probe at a time */
        assert_false(guard_report(&g, now, GUARD_BAD));
        open = MIN(2 * open, GUARD_OPEN_MAX_MS);
    }
    now += open;
    assert_true(guard_admit(&g, now, &until));
    assert_false(
        guard_report(&g, now, GUARD_NEITHER)); /* it told us nothing: the next one probes */
    assert_true(guard_admit(&g, now, &until));
    assert_true(guard_report(&g, now, GUARD_GOOD));
    assert_true(guard_admit(&g, now, &until));
    assert_true(guard_admit(&g, now, &until));
}

TEST(the_pace_allows_a_burst_and_then_its_rate)
{
    struct guard g;
    int64_t now = 5000, wait;
    int at_once = 0, in_a_minute = 0;

    guard_init(&g, 60);
    while (guard_pace(&g, now) == 0)
        at_once++;
    assert_int_equal(at_once, 10);
    wait = guard_pace(&g, now);
    assert_int_equal(wait, 1000);
    assert_true(guard_pace(&g, now + wait - 1) > 0);
    assert_int_equal(guard_pace(&g, now + wait), 0);
    for (now += 10000; now < 75000; now++)
        in_a_minute += guard_pace(&g, now) == 0;
    assert_in_range(in_a_minute, 59, 71);

    guard_init(&g, 1);
    assert_int_equal(guard_pace(&g, now), 0);
    assert_int_equal(guard_pace(&g, now), 60000);
    guard_init(&g, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(guard_pace(&g, now), 0);
}

TEST(a_peer_that_said_too_many_is_called_less_often_for_a_while)
{
    struct guard g;

    guard_init(&g, 6); /* one in 10 s, none ahead */
    assert_int_equal(guard_pace(&g, 0), 0);
    guard_slow_down(&g, 0, 3000);
    assert_int_equal(guard_pace(&g, 0), 3000);
    assert_int_equal(guard_pace(&g, 3000), 7000);
    assert_int_equal(guard_pace(&g, 10000), 0);
    assert_int_equal(guard_pace(&g, 10000), 20000);
    for (int i = 0; i < 5; i++)
        guard_slow_down(&g, 10000, 0);
    assert_int_equal(g.slow, 8);
    assert_int_equal(guard_pace(&g, 30000), 0);
    assert_int_equal(guard_pace(&g, 30000), 80000);
    assert_int_equal(guard_pace(&g, 110000), 0); /* the while is over */
    assert_int_equal(guard_pace(&g, 110000), 10000);
}

TEST(a_pace_that_leaves_no_room_before_the_deadline_is_a_limit)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct fake_clock clock = { 0 };
    struct call c = { 0 };
    struct reply r;

    fake_start(&f, NULL, fake_ok, 1);
    p = fake_client(s, &clock, (struct peer_options){ .per_minute = 6 });
    c.url = fake_url(s, &f, "/");
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_ok(s, peer_call(s, p, &c, &r));
    assert_int_equal(clock.count, 1);
    assert_int_equal(clock.waits[0], 10000);
    scope_deadline_in(s, 5000);
    assert_err(E_LIMIT, peer_call(s, p, &c, &r));
    assert_int_equal(s->error.retry_after_s, 10);
    assert_int_equal(fake_calls(&f), 2);
}

/* Many threads on one peer. */
struct crowd {
    struct peer *p;
    const char *url;
    int failed;
};

static void *
call_often(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = 0; i < 20; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct call c = { .url = crowd->url };
        struct reply r;

        if (peer_call(s, crowd->p, &c, &r) != OK || r.status != 200)
            return crowd;
    }
    return NULL;
}

TEST(many_threads_share_a_peer_and_keep_to_its_number)
{
    static const struct fake_step slow[] = { { .status = 200, .delay_ms = 1 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct crowd crowd = { 0 };
    pthread_t threads[8];

    fake_start(&f, NULL, slow, 1);
    p = fake_client(s, NULL, (struct peer_options){ .concurrency = 3 });
    crowd = (struct crowd){ .p = p, .url = fake_url(s, &f, "/") };
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &crowd), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(fake_calls(&f), 160);
    assert_in_range(f.most_at_once, 1, 3);
    assert_in_range(f.connections, 1, 3);
}

TEST(a_stopping_program_ends_its_waits)
{
    static const struct fake_step steps[] = { { .status = 500 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_stop) struct fake_peer f = { 0 };
    AUTO(peer_free) struct peer *p = NULL;
    struct call c = { 0 };
    struct reply r = { 0 };
    int status = -1;
    pid_t child;

    fake_start(&f, NULL, steps, 1);
    c.url = fake_url(s, &f, "/");
    p = fake_client(s, NULL, (struct peer_options){ 0 });
    child = fork(); /* stopping is for ever */
    if (child == 0) {
        int64_t began = clock_mono_ms();
        enum err e;

        peer_stop_all();
        e = peer_call(s, p, &c, &r);
        _exit(e == E_UNAVAILABLE && clock_mono_ms() - began < 900 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(fake_calls(&f), 0);
}
