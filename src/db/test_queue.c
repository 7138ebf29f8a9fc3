#include "base/test.h"
#include "db/queue.h"

#include <pthread.h>

#define MOST 8

/* Who waits in a queue, and the order in which they are taken. */
struct waiting {
    pthread_t thread;
    struct queue *q;
    struct write w;
};

static void *
wait_in(void *arg)
{
    struct waiting *one = arg;
    AUTO(scope_free) struct scope *s = scope_new("test");

    one->w.scope = s;
    assert_ok(s, queue_pass(one->q, &one->w));
    return NULL;
}

static size_t
depth_of(struct queue *q)
{
    size_t depth;

    pthread_mutex_lock(&q->mutex);
    depth = q->depth;
    pthread_mutex_unlock(&q->mutex);
    return depth;
}

/** WHO by order of arrival: 'm' is a write of many rows. */
static void
arrive(struct queue *q, struct waiting *all, const char *who)
{
    for (size_t i = 0; who[i]; i++) {
        all[i] = (struct waiting){ .q = q, .w = { .bulk = who[i] == 'm' } };
        assert_int_equal(pthread_create(&all[i].thread, NULL, wait_in, &all[i]), 0);
        while (depth_of(q) != i + 1)
            sched_yield();
    }
}

/** Take all that can be; TOLD is the order, by numbers from 0. */
static void
take(struct queue *q, struct waiting *all, size_t count, char *told)
{
    struct write *w;
    size_t n = 0;

    while ((w = queue_take(q, 0))) {
        size_t at = 0;

        while (at < count && &all[at].w != w)
            at++;
        told[n++] = (char)('0' + at);
        queue_answer(w, OK);
        assert_int_equal(pthread_join(all[at].thread, NULL), 0);
    }
    told[n] = '\0';
}

TEST(writes_of_many_rows_let_others_go_first)
{
    struct waiting all[MOST];
    char told[MOST + 1];
    struct queue q;

    queue_init(&q);
    arrive(&q, all, "mmfmff");
    take(&q, all, 6, told);
    assert_string_equal(told, "245013");
    queue_done(&q);
}

TEST(but_not_forever_and_then_by_turns)
{
    struct waiting all[MOST];
    char told[MOST + 1];
    struct queue q;

    queue_init(&q);
    arrive(&q, all, "mmmfff");
    for (int i = 0; i < 2; i++)
        all[i].w.since_us -= INT64_C(3600000000); /* those came an hour ago */
    take(&q, all, 6, told);
    assert_string_equal(told, "031452");
    queue_done(&q);
}

TEST(writes_of_many_rows_can_be_held_until_the_queue_closes)
{
    struct waiting all[MOST];
    char told[MOST + 1];
    struct queue q;

    queue_init(&q);
    queue_hold_bulk(&q, true);
    arrive(&q, all, "mf");
    take(&q, all, 2, told);
    assert_string_equal(told, "1");
    assert_false(queue_ended(&q));
    queue_close(&q);
    assert_false(queue_ended(&q));
    take(&q, all, 2, told);
    assert_string_equal(told, "0");
    assert_true(queue_ended(&q));
    queue_done(&q);
}

TEST(who_waits_for_a_write_can_be_nudged)
{
    struct queue q;

    queue_init(&q);
    queue_nudge(&q);
    assert_null(queue_take(&q, DAY_MS)); /* at once */
    assert_null(queue_take(&q, 1));
    queue_done(&q);
}
