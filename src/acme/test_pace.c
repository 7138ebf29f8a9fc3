#include "acme/pace.h"

#include "base/test.h"
#include "base/wait.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

OWNED(struct pace, pace_free);

/* Who went on, in this order. */
struct went {
    int who[8];
    int count;
};

static struct went all;

static void
went_on(void *arg)
{
    (void)pthread_mutex_lock(&lock);
    all.who[all.count++] = *(int *)arg;
    (void)pthread_cond_broadcast(&moved);
    (void)pthread_mutex_unlock(&lock);
}

static void
await_count(int count)
{
    (void)pthread_mutex_lock(&lock);
    while (all.count < count)
        (void)pthread_cond_wait(&moved, &lock);
    (void)pthread_mutex_unlock(&lock);
}

static struct pace *
begun(int most)
{
    all = (struct went){ 0 };
    return pace_new(most);
}

TEST(as_many_begin_at_once_as_may_be_on_their_way)
{
    AUTO(pace_free) struct pace *t = begun(3);

    for (int i = 0; i < 3; i++)
        assert_true(pace_take(t));
    assert_false(pace_take(t));
    pace_enter(t); /* one of the three is at its next step */
    assert_false(pace_take(t));
    pace_leave(t);
    assert_true(pace_take(t));
}

TEST(who_waits_begins_in_turn_when_another_has_come_further)
{
    static int who[] = { 0, 1, 2 };
    AUTO(pace_free) struct pace *t = begun(1);

    pace_enter(t);
    for (size_t i = 0; i < COUNT(who); i++) {
        assert_false(pace_take(t));
        assert_true(pace_await(t, went_on, &who[i]));
    }
    pace_leave(t);
    await_count(1);
    assert_false(pace_take(t)); /* others wait */
    await_count(3);             /* some begin all the time, though nobody came further */
    for (int i = 0; i < 3; i++)
        assert_int_equal(all.who[i], i);
}

TEST(who_has_begun_and_does_not_go_on_keeps_others_for_a_moment_only)
{
    int64_t began = clock_mono_ms();
    AUTO(pace_free) struct pace *t = begun(1);

    assert_true(pace_take(t));
    while (!pace_take(t) && clock_mono_ms() - began < 60 * SECOND_MS)
        clock_nap(5);
    assert_in_range(clock_mono_ms() - began, 90, 30 * SECOND_MS);
}

TEST(who_has_its_turn_already_does_not_wait)
{
    AUTO(pace_free) struct pace *t = begun(1);
    int who = 0;

    pace_enter(t);
    assert_false(pace_take(t));
    pace_leave(t); /* meanwhile */
    assert_false(pace_await(t, went_on, &who));
    assert_int_equal(all.count, 0);
}

TEST(at_the_end_everybody_begins_and_nobody_waits_any_more)
{
    static int who[] = { 0, 1 };
    AUTO(pace_free) struct pace *t = begun(1);

    for (int i = 0; i < 4; i++)
        pace_enter(t);
    for (size_t i = 0; i < COUNT(who); i++)
        assert_true(pace_await(t, went_on, &who[i]));
    pace_stop(t);
    assert_int_equal(all.count, 2);
    assert_true(pace_take(t));
    assert_false(pace_await(t, went_on, &who[0]));
    pace_stop(t);
    assert_int_equal(all.count, 2);
}
