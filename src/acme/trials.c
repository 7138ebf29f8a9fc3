#include "acme/trials.h"

#include "acme/pace.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/wait.h"
#include <stdlib.h>

#define ROWS 1024
#define WAITERS_MOST 2048
#define FORGET_MS (60 * SECOND_MS) /* a try that did not tell that it ended */

struct waiter {
    struct waiter *next, **at;    /* of those that wait for the same try */
    struct waiter *older, *newer; /* of all */
    int64_t until_ms;
    void (*go_on)(void *arg);
    void *arg;
};

struct trial {
    struct trial *next; /* of its row */
    const char *authz;
    int64_t forget_ms;
    struct waiter *waiters;
};

struct trials {
    int64_t hold_ms;
    struct pace *pace; /* or NULL */
    pthread_t thread;  /* lets those go on who have waited for long enough */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct trial *rows[ROWS];
    struct waiter *oldest, *newest;
    int waiting;
    bool ticking; /* the thread looks by itself, and need not be told */
    bool stopped, ended;
};

static struct trial **
row_of(struct trials *t, const char *authz)
{
    size_t hash = 5381;

    for (const char *c = authz; *c; c++)
        hash = hash * 33 ^ (uint8_t)*c;
    return &t->rows[hash % ROWS];
}

/* Where the trial is, or would be; the lock is held. */
static struct trial **
place_of(struct trials *t, const char *authz)
{
    struct trial **at = row_of(t, authz);

    while (*at && !text_eq((*at)->authz, authz))
        at = &(*at)->next;
    return at;
}

static struct trial *
find_any(struct trials *t, const struct list *authzs)
{
    LIST_EACH(const char *const, authz, authzs)
    {
        struct trial *found = *place_of(t, *authz);

        if (found)
            return found;
    }
    return NULL;
}

/* Take W out of the line of all. */
static void
unlink_waiter(struct trials *t, struct waiter *w)
{
    *(w->older ? &w->older->newer : &t->oldest) = w->newer;
    *(w->newer ? &w->newer->older : &t->newest) = w->older;
    t->waiting--;
}

/* Take the trial at this place out, and add those that wait for it to GONE. */
static void
drop(struct trials *t, struct trial **at, struct waiter **gone)
{
    struct trial *trial = *at;

    *at = trial->next;
    while (trial->waiters) {
        struct waiter *w = trial->waiters;

        trial->waiters = w->next;
        unlink_waiter(t, w);
        w->next = *gone;
        *gone = w;
    }
    mem_free(trial->authz);
    mem_free(trial);
    if (t->pace)
        pace_leave(t->pace);
}

/* They go on; the lock is not held. */
static void
release(struct waiter *gone)
{
    while (gone) {
        struct waiter *w = gone;

        gone = w->next;
        w->go_on(w->arg);
        mem_free(w);
    }
}

void
trials_begin(struct trials *t, const char *authz)
{
    struct trial **at;

    (void)pthread_mutex_lock(&t->lock);
    at = place_of(t, authz);
    if (!*at) {
        *at = mem_alloc(sizeof(**at));
        (*at)->authz = mem_text(authz);
        if (t->pace)
            pace_enter(t->pace);
    }
    (*at)->forget_ms = clock_mono_ms() + FORGET_MS;
    (void)pthread_mutex_unlock(&t->lock);
}

void
trials_end(struct trials *t, const char *authz)
{
    struct waiter *gone = NULL;
    struct trial **at;

    (void)pthread_mutex_lock(&t->lock);
    at = place_of(t, authz);
    if (*at)
        drop(t, at, &gone);
    (void)pthread_mutex_unlock(&t->lock);
    release(gone);
}

bool
trials_any(struct trials *t, const struct list *authzs)
{
    bool found;

    (void)pthread_mutex_lock(&t->lock);
    found = find_any(t, authzs) != NULL;
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

static void
add(struct trials *t, struct trial *trial, struct waiter *w)
{
    w->next = trial->waiters;
    w->at = &trial->waiters;
    if (w->next)
        w->next->at = &w->next;
    trial->waiters = w;
    w->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = w;
    t->newest = w;
    t->waiting++;
    if (!t->ticking) {
        t->ticking = true;
        (void)pthread_cond_signal(&t->moved);
    }
}

bool
trials_await(struct trials *t, const struct list *authzs, void (*go_on)(void *arg), void *arg)
{
    struct trial *trial;

    (void)pthread_mutex_lock(&t->lock);
    trial = t->stopped || t->waiting >= WAITERS_MOST ? NULL : find_any(t, authzs);
    if (trial)
        add(t, trial,
            mem_copy(&(struct waiter){ .until_ms = clock_mono_ms() + t->hold_ms,
                                       .go_on = go_on,
                                       .arg = arg },
                     sizeof(struct waiter)));
    (void)pthread_mutex_unlock(&t->lock);
    return trial != NULL;
}

/* Those who have waited for long enough; the lock is held. */
static void
take_late(struct trials *t, int64_t now, struct waiter **gone)
{
    while (t->oldest && (t->stopped || t->oldest->until_ms <= now)) {
        struct waiter *w = t->oldest;

        *w->at = w->next;
        if (w->next)
            w->next->at = w->at;
        unlink_waiter(t, w);
        w->next = *gone;
        *gone = w;
    }
}

/* True when a trial is left. */
static bool
forget_old(struct trials *t, int64_t now, struct waiter **gone)
{
    bool left = false;

    for (size_t i = 0; i < ROWS; i++)
        for (struct trial **at = &t->rows[i]; *at;)
            if ((*at)->forget_ms <= now) {
                drop(t, at, gone);
            } else {
                left = true;
                at = &(*at)->next;
            }
    return left;
}

static void *
tick(void *arg)
{
    struct trials *t = arg;

    (void)pthread_mutex_lock(&t->lock);
    while (!t->ended) {
        int64_t now = clock_mono_ms();
        struct waiter *gone = NULL;

        take_late(t, now, &gone);
        t->ticking = forget_old(t, now, &gone) || t->oldest;
        if (gone) {
            (void)pthread_mutex_unlock(&t->lock);
            release(gone);
            (void)pthread_mutex_lock(&t->lock);
        } else if (t->ticking) {
            (void)wait_until(&t->moved, &t->lock, now + t->hold_ms / 4);
        } else {
            (void)pthread_cond_wait(&t->moved, &t->lock);
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    return NULL;
}

struct trials *
trials_new(int64_t hold_ms, struct pace *pace)
{
    struct trials *t = mem_alloc(sizeof(*t));

    t->hold_ms = hold_ms;
    t->pace = pace;
    (void)pthread_mutex_init(&t->lock, NULL);
    wait_init(&t->moved);
    if (pthread_create(&t->thread, NULL, tick, t) != 0)
        abort();
    (void)pthread_setname_np(t->thread, "trials");
    return t;
}

void
trials_stop(struct trials *t)
{
    struct waiter *gone = NULL;

    (void)pthread_mutex_lock(&t->lock);
    t->stopped = true;
    take_late(t, 0, &gone);
    (void)pthread_mutex_unlock(&t->lock);
    release(gone);
}

void
trials_free(struct trials *t)
{
    struct waiter *gone = NULL;

    if (!t)
        return;
    trials_stop(t);
    (void)pthread_mutex_lock(&t->lock);
    t->ended = true;
    (void)pthread_cond_signal(&t->moved);
    (void)pthread_mutex_unlock(&t->lock);
    (void)pthread_join(t->thread, NULL);
    (void)forget_old(t, INT64_MAX, &gone); /* nobody waits */
    (void)pthread_cond_destroy(&t->moved);
    (void)pthread_mutex_destroy(&t->lock);
    mem_free(t);
}
