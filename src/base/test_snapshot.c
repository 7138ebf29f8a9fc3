#include "base/test.h"

#include "base/snapshot.h"

#include <pthread.h>

struct fruit {
    struct snapshot head;
    const char *name;
    int64_t number;
};

struct plan {
    int64_t number;
    enum err e;
};

static enum err
pick(struct scope *s, void *arg, struct scope *own, void *out)
{
    const struct plan *plan = arg;
    struct fruit *f = out;

    f->number = plan->number;
    f->name = arena_printf(own->arena, "fruit %lld", (long long)plan->number);
    return plan->e == OK ? OK : fail(s, plan->e, "no fruit");
}

TEST(a_snapshot_outlives_its_place_and_its_successor)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct snapshot_place *place = snapshot_place_new(sizeof(struct fruit));
    const struct fruit *first, *second;
    struct plan plan = { 1, OK };

    assert_ok(s, snapshot_replace(s, place, pick, &plan));
    first = snapshot_ref(place);
    plan = (struct plan){ 2, E_UNAVAILABLE };
    assert_err(E_UNAVAILABLE, snapshot_replace(s, place, pick, &plan));
    second = snapshot_ref(place);
    assert_ptr_equal(first, second); /* a failure leaves the old one */
    snapshot_unref(second);
    plan = (struct plan){ 3, OK };
    assert_ok(s, snapshot_replace(s, place, pick, &plan));
    second = snapshot_ref(place);
    snapshot_place_free(place);
    assert_string_equal(first->name, "fruit 1");
    assert_string_equal(second->name, "fruit 3");
    snapshot_unref(first);
    snapshot_unref(second);
    snapshot_unref(NULL);
    snapshot_place_free(snapshot_place_new(sizeof(struct fruit))); /* none was ever put in */
}

static void *
look_often(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        const struct fruit *f = snapshot_ref(arg);
        char name[32];
        bool whole;

        (void)snprintf(name, sizeof(name), "fruit %lld", (long long)f->number);
        whole = text_eq(name, f->name);
        snapshot_unref(f);
        if (!whole)
            return arg;
    }
    return NULL;
}

TEST(readers_always_see_a_whole_snapshot)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(snapshot_place_free)
    struct snapshot_place *place = snapshot_place_new(sizeof(struct fruit));
    struct plan plan = { 1, OK };
    pthread_t threads[4];

    assert_ok(s, snapshot_replace(s, place, pick, &plan));
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_often, place), 0);
    for (; plan.number < 500; plan.number++)
        assert_ok(s, snapshot_replace(s, place, pick, &plan));
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *torn;

        assert_int_equal(pthread_join(threads[i], &torn), 0);
        assert_null(torn);
    }
}
