#include "db/queue.h"

#include "base/wait.h"
#include "db/engine.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#define QUEUE_MOST 8192 /* more waiting writes than worker threads can bring */
#define BULK_LATE_US \
    INT64_C(200000) /* so long do writes of many rows let others go before them; then by turns */

static atomic_size_t depth;

void
queue_init(struct queue *q)
{
    *q = (struct queue){ 0 };
    pthread_mutex_init(&q->mutex, NULL);
    wait_init(&q->added);
}

void
queue_done(struct queue *q)
{
    pthread_cond_destroy(&q->added);
    pthread_mutex_destroy(&q->mutex);
}

static struct timespec
in_ms(int64_t ms)
{
    int64_t at = clock_mono_us() + ms * 1000;

    return (struct timespec){ .tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000 };
}

static struct line *
line_of(struct queue *q, const struct write *w)
{
    return w->bulk ? &q->bulk : &q->one;
}

/** Take W out; the mutex is held. */
static void
unlink_write(struct queue *q, struct write *w)
{
    struct line *line = line_of(q, w);

    *(w->prev ? &w->prev->next : &line->first) = w->next;
    *(w->next ? &w->next->prev : &line->last) = w->prev;
    q->depth--;
    atomic_fetch_sub_explicit(&depth, 1, memory_order_relaxed);
}

static enum err
put(struct queue *q, struct write *w)
{
    struct line *line = line_of(q, w);
    enum err e = OK;

    pthread_mutex_lock(&q->mutex);
    if (q->closed) {
        e = E_UNAVAILABLE;
    } else if (q->depth >= QUEUE_MOST) {
        e = E_LIMIT;
    } else {
        w->prev = line->last;
        w->next = NULL;
        *(line->last ? &line->last->next : &line->first) = w;
        line->last = w;
        q->depth++;
        atomic_fetch_add_explicit(&depth, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&q->mutex);
    if (e == E_UNAVAILABLE)
        return fail_code(w->scope, e, CHY_DB_UNAVAILABLE, "the database is being closed");
    if (e == E_LIMIT)
        return fail_code(w->scope, e, CHY_OVERLOADED, "%d writes are waiting", QUEUE_MOST);
    pthread_cond_signal(&q->added);
    return OK;
}

/** Leave the queue, unless a lane has taken W. */
static bool
leave(struct queue *q, struct write *w)
{
    bool left;

    pthread_mutex_lock(&q->mutex);
    left = !w->taken;
    if (left)
        unlink_write(q, w);
    pthread_mutex_unlock(&q->mutex);
    return left;
}

/** False when the time was over before the answer came. */
static bool
wait_for(struct write *w, int64_t left_ms)
{
    struct timespec end = in_ms(MIN(left_ms, DAY_MS));
    int r;

#ifdef __SANITIZE_THREAD__ /* gcc 12's thread sanitizer does not see sem_clockwait() */
    int64_t ns = MIN(left_ms, DAY_MS) * 1000000;

    clock_gettime(CLOCK_REALTIME, &end);
    ns += end.tv_nsec;
    end.tv_sec += ns / 1000000000;
    end.tv_nsec = ns % 1000000000;
#endif
    do {
#ifdef __SANITIZE_THREAD__
        r = left_ms == INT64_MAX ? sem_wait(&w->answered) : sem_timedwait(&w->answered, &end);
#else
        r = left_ms == INT64_MAX ? sem_wait(&w->answered)
                                 : sem_clockwait(&w->answered, CLOCK_MONOTONIC, &end);
#endif
    } while (r != 0 && errno == EINTR);
    return r == 0;
}

enum err
queue_pass(struct queue *q, struct write *w)
{
    int64_t left_ms = scope_left_ms(w->scope); /* from put() on the scope is the lane's */
    enum err e;

    w->since_us = clock_mono_us();
    w->taken = false;
    sem_init(&w->answered, 0, 0);
    e = put(q, w);
    if (e == OK && !wait_for(w, left_ms)) {
        if (leave(q, w))
            e = fail(w->scope, E_TIMEOUT, "the database had no time for this write");
        else
            while (sem_wait(&w->answered) !=
                   0) /* running: it ends soon, and then it is known how */
                ;
    }
    sem_destroy(&w->answered);
    return e == OK ? w->result : e;
}

/** Who is next, or NULL; the mutex is held. */
static struct write *
next_of(struct queue *q)
{
    struct write *one = q->one.first, *bulk = q->bulk_held && !q->closed ? NULL : q->bulk.first;

    q->bulk_was_late =
        one && bulk && !q->bulk_was_late && clock_mono_us() - bulk->since_us > BULK_LATE_US;
    return one && !q->bulk_was_late ? one : bulk;
}

struct write *
queue_take(struct queue *q, int64_t wait_ms)
{
    int64_t until = wait_ms > 0 ? clock_mono_ms() + wait_ms : 0;
    struct write *w;

    pthread_mutex_lock(&q->mutex);
    while (!(w = next_of(q)) && !q->closed && !q->nudged && until > 0 &&
           wait_until(&q->added, &q->mutex, until))
        ;
    if (until > 0)
        q->nudged = false;
    if (w) {
        unlink_write(q, w);
        w->taken = true;
    }
    pthread_mutex_unlock(&q->mutex);
    if (w)
        meter_taken(w);
    return w;
}

void
queue_answer(struct write *w, enum err result)
{
    w->result = result;
    sem_post(&w->answered);
}

void
queue_hold_bulk(struct queue *q, bool hold)
{
    pthread_mutex_lock(&q->mutex);
    q->bulk_held = hold;
    pthread_mutex_unlock(&q->mutex);
}

void
queue_nudge(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->nudged = true;
    pthread_mutex_unlock(&q->mutex);
    pthread_cond_signal(&q->added);
}

void
queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_mutex_unlock(&q->mutex);
    pthread_cond_broadcast(&q->added);
}

bool
queue_ended(struct queue *q)
{
    bool ended;

    pthread_mutex_lock(&q->mutex);
    ended = q->closed && q->depth == 0;
    pthread_mutex_unlock(&q->mutex);
    return ended;
}

double
queue_depth(void)
{
    return (double)atomic_load_explicit(&depth, memory_order_relaxed);
}
