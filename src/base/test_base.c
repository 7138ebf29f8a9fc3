#include "base/fault.h"
#include "base/file.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/metric.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int released;

static void
count_release(int *object)
{
    released += *object;
}
OWNED(int, count_release);

TEST(an_arena_gives_zeroed_memory_of_any_size_and_releases_newest_first)
{
    AUTO(arena_free) struct arena *a = arena_new();
    static int one = 1, ten = 10;

    for (size_t size = 0; size < 200000; size = size * 2 + 7) {
        uint8_t *p = arena_alloc(a, size);

        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xaa, size);
        assert_int_equal((uintptr_t)p % 16, 0);
    }
    released = 0;
    assert_ptr_equal(arena_own(a, &one, count_release), &one);
    (void)arena_own(a, &ten, count_release);
    arena_reset(a);
    assert_int_equal(released, 11);
    assert_int_equal(*(uint8_t *)arena_alloc(a, 1), 0);
    assert_string_equal(arena_printf(a, "%s-%0300d", "x", 7) + 295, "0000007");
}

static int
by_tens(const void *x, const void *y)
{
    return *(const int *)x / 10 - *(const int *)y / 10;
}

TEST(a_list_keeps_order_and_sorts_stably)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct list l = { 0 };

    for (int i = 0; i < 1000; i++)
        list_add(a, &l, int, (i * 7919) % 1000);
    list_sort(&l, by_tens);
    for (size_t i = 1; i < l.count; i++)
        assert_true(*list_at(&l, int, i - 1) / 10 <= *list_at(&l, int, i) / 10);
    assert_int_equal(l.count, 1000);
}

TEST(a_list_has_room_for_what_is_expected_and_for_more)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct list l = { 0 };
    void *at;

    list_expect(a, &l, int, 20);
    at = l.items;
    for (int i = 0; i < 50; i++) {
        list_add(a, &l, int, i);
        if (i == 19)
            assert_ptr_equal(l.items, at);
    }
    for (int i = 0; i < 50; i++)
        assert_int_equal(*list_at(&l, int, i), i);
}

TEST(a_list_of_texts_says_what_it_has)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct list l = { 0 };

    assert_false(list_has(&l, "a"));
    list_add(a, &l, const char *, "Ab");
    list_add(a, &l, const char *, "c");
    assert_true(list_has(&l, "c"));
    assert_false(list_has(&l, "ab"));
    assert_true(list_has_fold(&l, "aB"));
    assert_false(list_has_fold(&l, "a"));
    assert_false(list_has(&l, NULL));
}

TEST(a_map_finds_what_was_put_in_any_case_when_told)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct map *m = map_new(a, true);
    size_t at = 0, seen = 0;
    const char *key;
    void *value;

    assert_null(map_get(m, "x"));
    for (int i = 0; i < 500; i++)
        assert_null(map_put(m, arena_printf(a, "Key%d", i), arena_printf(a, "%d", i)));
    assert_string_equal(map_get(m, "kEY499"), "499");
    assert_null(map_get(m, "key500"));
    assert_string_equal(map_put(m, "KEY1", NULL), "1");
    while (map_next(m, &at, &key, &value))
        seen++;
    assert_int_equal(seen, 500);
}

TEST(a_scope_collects_problems_and_context)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_ok(s, problems_check(s));
    problem(s, "SANs.DNS[2]", CHY_BAD_NAME, "\"%s\" has a blank", "a b");
    problem(s, "", CHY_MISSING, "no CSR");
    assert_err(E_INVALID, note(s, problems_check(s), "reading"));
    assert_string_equal(s->error.text, "reading: SANs.DNS[2]: \"a b\" has a blank; no CSR");
    assert_int_equal(s->error.code, CHY_BAD_NAME);
    assert_int_equal(strlen(s->id), 26);
    assert_string_equal(code_info(412)->name, "VERSION_CHANGED");
    assert_null(code_info(9999));
}

TEST(strangers_do_not_read_where_a_file_lies)
{
    /* The place, the text, what strangers read. */
    static const char *const cases[][3] = {
        { "/d/k/a.key", "opening file:/d/k/a.key: no file /d/k/a.key",
          "opening file:[path in the server's log]: no file [path in the server's log]" },
        { "/d/k/a.key", "none of it", "none of it" },
        { "/", "a/b", "a/b" },
        { "", "a/b", "a/b" },
        { NULL, "a/b", "a/b" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_null(error_for_strangers(s));
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_err(E_NOT_FOUND, fail_place(s, E_NOT_FOUND, cases[i][0], "%s", cases[i][1]));
        assert_string_equal(error_for_strangers(s), cases[i][2]);
        assert_string_equal(s->error.text, cases[i][1]); /* the log has all of it */
    }
    assert_err(E_INVALID, note_place(s, fail_code(s, E_INVALID, CHY_NONE, "bad"), "/x/y",
                                     "reading %s", "/x/y"));
    assert_string_equal(error_for_strangers(s), "reading [path in the server's log]: bad");
    assert_err(E_INVALID, fail_code(s, E_INVALID, CHY_NONE, "another failure has no place"));
    assert_null(s->error.place);
}

TEST(a_deadline_only_comes_nearer)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_int_equal(scope_left_ms(s), INT64_MAX);
    scope_deadline_in(s, 50);
    scope_deadline_in(s, 5000);
    assert_true(scope_left_ms(s) <= 50);
    scope_deadline_in(s, -10);
    assert_int_equal(scope_left_ms(s), 0);
}

TEST(random_values_differ_and_keep_their_form)
{
    AUTO(arena_free) struct arena *a = arena_new();
    const char *first = uuid_new(a), *second = uuid_new(a);
    unsigned seen = 0;

    assert_string_not_equal(first, second);
    assert_int_equal(strlen(first), 36);
    assert_int_equal(first[14], '4');
    assert_string_not_equal(ulid_new(a), ulid_new(a));
    for (int i = 0; i < 1000; i++)
        seen |= 1u << random_below(7);
    assert_int_equal(seen, 0x7f);
}

TEST(a_secret_holds_its_bytes)
{
    AUTO(secret_free) struct secret *secret = secret_copy(BYTES("hush"));

    assert_int_equal(secret_bytes(secret).len, 4);
    assert_string_equal((const char *)secret->data, "hush");
}

/* What LOG_CALL prints, as one text. */
static const char *
logged(struct arena *a, enum log_form form, void (*call)(struct scope *s))
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    char *text = arena_alloc(a, 40000);
    int ends[2];
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    log_setup(form, LOG_INFO, ends[1]);
    s->id = "01ID";
    s->principal = "u_1";
    call(s);
    log_setup(LOG_JSON, LOG_INFO, STDOUT_FILENO);
    close(ends[1]);
    got = read(ends[0], text, 39999);
    close(ends[0]);
    return got > 0 ? text : "";
}

static void
log_something(struct scope *s)
{
    log_debug(s, "not wanted");
    log_event(s, LOG_WARN, "x.y", "a \"b\"\n", lf_text("path", "c d"), lf_int("n", -5),
              lf_text("none", NULL));
}

static void
log_much(struct scope *s)
{
    char *big = arena_alloc(s->arena, 30001);

    memset(big, 'x', 30000);
    log_event(s, LOG_WARN, NULL, "m", lf_text("a", big), lf_text("b", big), lf_int("c", 1));
}

TEST(log_lines_are_json_or_logfmt_and_bounded)
{
    AUTO(arena_free) struct arena *a = arena_new();
    const char *json = logged(a, LOG_JSON, log_something);

    assert_non_null(strstr(json,
                           ",\"level\":\"warn\",\"msg\":\"a \\\"b\\\"\\u000a\",\"module\":\"test\","
                           "\"event\":\"x.y\",\"request_id\":\"01ID\",\"actor\":\"u_1\","
                           "\"path\":\"c d\",\"n\":-5}\n"));
    assert_null(strstr(json, "not wanted"));
    assert_non_null(strstr(logged(a, LOG_LOGFMT, log_something), " path=\"c d\" n=-5\n"));
    json = logged(a, LOG_JSON, log_much);
    assert_true(strlen(json) <= 16 * 1024);
    assert_true(text_ends(json, "\"c\":1}\n"));
}

COUNTER(calls, "chancery_test_calls_total", "Calls.", "method", "code");
HISTOGRAM(seconds, "chancery_test_seconds", "Time.");
GAUGE(level, "chancery_test_level", "Level.");

TEST(metrics_print_in_both_formats)
{
    AUTO(buf_done) struct buf out;
    const char *text;

    buf_init(&out, 1 << 20);
    metric_touch(&calls, "GET", "500");
    metric_add(&calls, 2, "GET", "2\"00");
    metric_observe(&seconds, 0.003);
    metric_set(&level, 1.5);
    assert_true(metric_value(&calls, "GET", "2\"00") == 2);
    metric_print(&out, false);
    text = buf_str(&out);
    assert_non_null(strstr(text, "# TYPE chancery_test_calls_total counter\n"));
    assert_non_null(strstr(text, "chancery_test_calls_total{method=\"GET\",code=\"2\\\"00\"} 2\n"));
    assert_non_null(strstr(text, "chancery_test_calls_total{method=\"GET\",code=\"500\"} 0\n"));
    assert_non_null(strstr(text, "chancery_test_seconds_bucket{le=\"0.0025\"} 0\n"));
    assert_non_null(strstr(text, "chancery_test_seconds_bucket{le=\"0.005\"} 1\n"));
    assert_non_null(strstr(text, "chancery_test_seconds_count 1\n"));
    assert_non_null(strstr(text, "chancery_test_level 1.5\n"));
    buf_reset(&out);
    metric_print(&out, true);
    assert_non_null(strstr(buf_str(&out), "# TYPE chancery_test_calls counter\n"));
    assert_true(text_ends(buf_str(&out), "# EOF\n"));
}

TEST(a_builder_stops_at_its_limit)
{
    AUTO(buf_done) struct buf b;

    buf_init(&b, 10);
    assert_string_equal(buf_str(&b), "");
    buf_text(&b, "12345");
    buf_int(&b, -678);
    assert_string_equal(buf_str(&b), "12345-678");
    buf_text(&b, "9a");
    assert_null(buf_str(&b));
    assert_int_equal(buf_bytes(&b).len, 0);
    buf_reset(&b);
    buf_expect(&b, 11); /* more than there may be: no failure yet */
    buf_expect(&b, 10);
    assert_int_equal(b.cap > 10 && b.len == 0, 1);
    buf_int(&b, INT64_MIN / 1000000000000);
    assert_string_equal(buf_str(&b), "-9223372");
}

TEST(a_pipe_is_written_into_and_stays_one)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *pipe = arena_printf(s->arena, "%s/pipe", test_dir());
    AUTO(fd_close) int reader = -1;
    char got[8] = "";
    struct stat st;

    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_err(E_UNAVAILABLE, file_write(s, pipe, BYTES("hello"), 0600)); /* nobody reads */
    reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_ok(s, file_write(s, pipe, BYTES("hello"), 0600));
    assert_int_equal(read(reader, got, sizeof(got)), 5);
    assert_string_equal(got, "hello");
    assert_int_equal(stat(pipe, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
}
