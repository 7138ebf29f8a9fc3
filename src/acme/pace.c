#include "acme/pace.h"

#include "base/arena.h"
#include "base/wait.h"
#include <stdlib.h>

#define FRESH_MS 100 /* who has begun is expected at its next step within this time */
#define FRESH_MOST 1024
#define LEAST_MS 10 /* one begins in this time, however many are on their way */
#define WAITERS_MOST 4096

struct waiter {
    struct waiter *next;
    void (*go_on)(void *arg);
    void *arg;
};

struct pace {
    int most;
    pthread_t thread; /* lets one begin now and then */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int under_way;
    int64_t fresh[FRESH_MOST]; /* when they began who did so lately: a ring */
    size_t fresh_first, fresh_count;
    struct waiter *first, **last;
    int waiting;
    int64_t began_ms; /* when one began last */
    bool stopped, ended;
};

/* Those who began too long ago are not waited for; the lock is held. */
static void
forget_old(struct pace *t, int64_t now_ms)
{
    while (t->fresh_count && t->fresh[t->fresh_first] + FRESH_MS < now_ms) {
        t->fresh_first = (t->fresh_first + 1) % FRESH_MOST;
        t->fresh_count--;
    }
}

static bool
has_room(struct pace *t, int64_t now_ms)
{
    forget_old(t, now_ms);
    return t->stopped || t->under_way + (int)t->fresh_count < t->most;
}

static void
begin(struct pace *t, int64_t now_ms)
{
    t->began_ms = now_ms;
    if (t->fresh_count < FRESH_MOST)
        t->fresh[(t->fresh_first + t->fresh_count++) % FRESH_MOST] = now_ms;
}

/* Take out those whose turn it is; LATE: one of them in any case. The lock is held. */
static struct waiter *
take_next(struct pace *t, int64_t now_ms, bool late)
{
    struct waiter *out = NULL, **end = &out;

    while (t->first && (late || has_room(t, now_ms))) {
        late = false;
        *end = t->first;
        end = &t->first->next;
        t->first = t->first->next;
        t->waiting--;
        begin(t, now_ms);
    }
    *end = NULL;
    if (!t->first)
        t->last = &t->first;
    return out;
}

/* They begin; the lock is not held. */
static void
release(struct waiter *w)
{
    while (w) {
        struct waiter *next = w->next;

        w->go_on(w->arg);
        mem_free(w);
        w = next;
    }
}

void
pace_enter(struct pace *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->under_way++;
    if (t->fresh_count) { /* one of those is this far */
        t->fresh_first = (t->fresh_first + 1) % FRESH_MOST;
        t->fresh_count--;
    }
    (void)pthread_mutex_unlock(&t->lock);
}

void
pace_leave(struct pace *t)
{
    struct waiter *next;

    (void)pthread_mutex_lock(&t->lock);
    t->under_way--;
    next = t->first ? take_next(t, clock_mono_ms(), false) : NULL;
    (void)pthread_mutex_unlock(&t->lock);
    release(next);
}

bool
pace_take(struct pace *t)
{
    int64_t now_ms = clock_mono_ms();
    bool mine;

    (void)pthread_mutex_lock(&t->lock);
    mine = !t->first && has_room(t, now_ms);
    if (mine)
        begin(t, now_ms);
    (void)pthread_mutex_unlock(&t->lock);
    return mine;
}

bool
pace_await(struct pace *t, void (*go_on)(void *arg), void *arg)
{
    int64_t now_ms = clock_mono_ms();
    bool waits;

    (void)pthread_mutex_lock(&t->lock);
    waits = t->waiting < WAITERS_MOST && (t->first || !has_room(t, now_ms));
    if (waits) {
        struct waiter *w =
            mem_copy(&(struct waiter){ .go_on = go_on, .arg = arg }, sizeof(struct waiter));

        if (!t->first)
            (void)pthread_cond_signal(&t->moved);
        *t->last = w;
        t->last = &w->next;
        t->waiting++;
    } else {
        begin(t, now_ms);
    }
    (void)pthread_mutex_unlock(&t->lock);
    return waits;
}

static void *
tick(void *arg)
{
    struct pace *t = arg;

    (void)pthread_mutex_lock(&t->lock);
    while (!t->ended) {
        int64_t now_ms = clock_mono_ms();
        struct waiter *next = take_next(t, now_ms, now_ms - t->began_ms >= LEAST_MS);

        if (next) {
            (void)pthread_mutex_unlock(&t->lock);
            release(next);
            (void)pthread_mutex_lock(&t->lock);
        } else if (t->first) {
            (void)wait_until(&t->moved, &t->lock, now_ms + LEAST_MS);
        } else {
            (void)pthread_cond_wait(&t->moved, &t->lock);
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    return NULL;
}

struct pace *
pace_new(int most)
{
    struct pace *t = mem_alloc(sizeof(*t));

    t->most = most;
    t->last = &t->first;
    (void)pthread_mutex_init(&t->lock, NULL);
    wait_init(&t->moved);
    if (pthread_create(&t->thread, NULL, tick, t) != 0)
        abort();
    (void)pthread_setname_np(t->thread, "pace");
    return t;
}

void
pace_stop(struct pace *t)
{
    struct waiter *gone;

    (void)pthread_mutex_lock(&t->lock);
    t->stopped = true;
    gone = take_next(t, clock_mono_ms(), false);
    (void)pthread_mutex_unlock(&t->lock);
    release(gone);
}

void
pace_free(struct pace *t)
{
    if (!t)
        return;
    pace_stop(t);
    (void)pthread_mutex_lock(&t->lock);
    t->ended = true;
    (void)pthread_cond_signal(&t->moved);
    (void)pthread_mutex_unlock(&t->lock);
    (void)pthread_join(t->thread, NULL);
    (void)pthread_cond_destroy(&t->moved);
    (void)pthread_mutex_destroy(&t->lock);
    mem_free(t);
}
