#include "net/server_in.h"

/* A thread of a pool. The one that slept last is woken first: what it needs is still in the caches.
 */
struct worker {
    struct worker *next; /* in the pool's list of those that sleep */
    struct pool_state *pool;
    pthread_t id;
    sem_t wake;
};

/* One worker is woken at a time, and wakes the next if there is work for it: short work needs few
 * of them. Take out who is to be woken once the lock is free again. */
static struct worker *
next_to_wake(struct pool_state *p)
{
    struct worker *w = p->idle;

    if (p->waking || !w || !p->first)
        return NULL;
    p->idle = w->next;
    p->waking = true;
    return w;
}

static void
wake(struct worker *w)
{
    if (w)
        (void)sem_post(&w->wake);
}

/* Sleep until woken; the pool's lock is held before and after. */
static void
doze(struct pool_state *p, struct worker *w)
{
    w->next = p->idle;
    p->idle = w;
    (void)pthread_mutex_unlock(&p->lock);
    while (sem_wait(&w->wake) != 0) /* a signal */
        ;
    (void)pthread_mutex_lock(&p->lock);
    p->waking = false;
}

static struct http_conn *
pool_take(struct pool_state *p, struct worker *w)
{
    struct worker *next;
    struct http_conn *c;

    (void)pthread_mutex_lock(&p->lock);
    while (!p->first && !p->ended)
        doze(p, w);
    c = p->first;
    if (c) {
        p->first = c->queued;
        if (!p->first)
            p->last = &p->first;
        c->queued = NULL;
        p->count--;
    }
    next = next_to_wake(p);
    (void)pthread_mutex_unlock(&p->lock);
    wake(next);
    return c;
}

static void *
pool_run(void *arg)
{
    struct worker *w = arg;
    struct pool_state *p = w->pool;
    struct http_conn *c;

    while ((c = pool_take(p, w))) {
        stats_queue(p->name, -1);
        exchange_work(c);
        loop_return(c->loop, c);
    }
    return NULL;
}

enum err
pool_start(struct scope *s, struct pool_state *p, struct http_server *server, const char *name,
           int threads)
{
    *p = (struct pool_state){ .server = server, .name = name };
    p->last = &p->first;
    (void)pthread_mutex_init(&p->lock, NULL);
    p->workers = arena_alloc(server->arena, (size_t)threads * sizeof(*p->workers));
    stats_queue(name, 0);
    for (; p->threads < threads; p->threads++) {
        struct worker *w = &p->workers[p->threads];

        w->pool = p;
        (void)sem_init(&w->wake, 0, 0);
        if (pthread_create(&w->id, NULL, pool_run, w) != 0) {
            (void)sem_destroy(&w->wake);
            return fail(s, E_INTERNAL, "cannot start a worker thread");
        }
        (void)pthread_setname_np(w->id, name);
    }
    return OK;
}

bool
pool_push(struct pool_state *p, struct http_conn *c)
{
    struct worker *next;
    bool ok;

    (void)pthread_mutex_lock(&p->lock);
    ok = !p->ended && p->count < p->server->o.queue_max;
    if (ok) {
        c->queued = NULL;
        *p->last = c;
        p->last = &c->queued;
        p->count++;
    }
    next = next_to_wake(p);
    (void)pthread_mutex_unlock(&p->lock);
    wake(next);
    if (ok)
        stats_queue(p->name, 1);
    return ok;
}

void
pool_stop(struct pool_state *p)
{
    struct worker *sleeping;
    struct http_conn *left;

    if (!p->server)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->ended = true;
    left = p->first; /* nobody waits for these any more */
    p->first = NULL;
    p->last = &p->first;
    p->count = 0;
    sleeping = p->idle;
    p->idle = NULL;
    (void)pthread_mutex_unlock(&p->lock);
    while (sleeping) {
        struct worker *w = sleeping;

        sleeping = w->next;
        wake(w);
    }
    for (; left; left = left->queued)
        stats_queue(p->name, -1);
    for (int i = 0; i < p->threads; i++) {
        (void)pthread_join(p->workers[i].id, NULL);
        (void)sem_destroy(&p->workers[i].wake);
    }
    (void)pthread_mutex_destroy(&p->lock);
    p->server = NULL;
}
