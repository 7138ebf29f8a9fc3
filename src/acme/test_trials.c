#include "acme/trials.h"

#include "base/test.h"
#include "base/wait.h"

#define LONG_MS (60 * SECOND_MS)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

OWNED(struct trials, trials_free);

static void
count(void *arg)
{
    (void)pthread_mutex_lock(&lock);
    ++*(int *)arg;
    (void)pthread_cond_broadcast(&moved);
    (void)pthread_mutex_unlock(&lock);
}

static int
counted(const int *times)
{
    int now;

    (void)pthread_mutex_lock(&lock);
    now = *times;
    (void)pthread_mutex_unlock(&lock);
    return now;
}

static void
await_one(const int *times)
{
    (void)pthread_mutex_lock(&lock);
    while (*times < 1)
        (void)pthread_cond_wait(&moved, &lock);
    (void)pthread_mutex_unlock(&lock);
}

static struct list *
texts(struct scope *s, const char *a, const char *b)
{
    struct list *out = arena_new_of(s->arena, struct list);

    list_add(s->arena, out, const char *, a);
    if (b)
        list_add(s->arena, out, const char *, b);
    return out;
}

TEST(nobody_waits_for_what_is_not_tried)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(trials_free) struct trials *t = trials_new(LONG_MS, NULL);
    int called = 0;

    assert_false(trials_any(t, texts(s, "a", "b")));
    assert_false(trials_await(t, texts(s, "a", "b"), count, &called));
    trials_begin(t, "c");
    assert_false(trials_await(t, texts(s, "a", "b"), count, &called));
    trials_begin(t, "a");
    trials_end(t, "a");
    assert_false(trials_await(t, texts(s, "a", "b"), count, &called));
    assert_false(trials_await(t, &(struct list){ 0 }, count, &called));
    trials_end(t, "unheard of");
    assert_int_equal(counted(&called), 0);
}

TEST(who_waits_goes_on_once_when_the_try_has_ended)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(trials_free) struct trials *t = trials_new(LONG_MS, NULL);
    int one = 0, two = 0, other = 0;

    trials_begin(t, "b");
    trials_begin(t, "b"); /* the same once more */
    trials_begin(t, "c");
    assert_true(trials_any(t, texts(s, "a", "b")));
    assert_true(trials_await(t, texts(s, "a", "b"), count, &one));
    assert_true(trials_await(t, texts(s, "b", NULL), count, &two));
    assert_true(trials_await(t, texts(s, "c", NULL), count, &other));
    trials_end(t, "b");
    assert_int_equal(counted(&one), 1);
    assert_int_equal(counted(&two), 1);
    assert_int_equal(counted(&other), 0);
    trials_end(t, "b");
    trials_end(t, "c");
    assert_int_equal(counted(&one), 1);
    assert_int_equal(counted(&other), 1);
}

TEST(nobody_waits_for_longer_than_told)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(trials_free) struct trials *t = trials_new(20, NULL);
    int one = 0, two = 0;

    trials_begin(t, "a");
    assert_true(trials_await(t, texts(s, "a", NULL), count, &one));
    await_one(&one);
    assert_true(trials_any(t, texts(s, "a", NULL))); /* it is not known yet */
    assert_true(trials_await(t, texts(s, "a", NULL), count, &two));
    await_one(&two);
    trials_end(t, "a");
    assert_int_equal(counted(&one), 1);
    assert_int_equal(counted(&two), 1);
}

TEST(at_the_end_everybody_goes_on_and_nobody_waits_any_more)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(trials_free) struct trials *t = trials_new(LONG_MS, NULL);
    int one = 0, two = 0;

    trials_begin(t, "a");
    assert_true(trials_await(t, texts(s, "a", NULL), count, &one));
    trials_stop(t);
    assert_int_equal(counted(&one), 1);
    assert_false(trials_await(t, texts(s, "a", NULL), count, &two));
    trials_stop(t);
    assert_int_equal(counted(&two), 0);
}
