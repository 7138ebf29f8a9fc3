#include "net/server_in.h"

/* One worker is woken at a time, and wakes the next if there is work for it: short work needs few
 * of them. */
static bool
wakes(struct pool_state *p)
{
    if (p->waking || p->idle == 0 || !p->first)
        return false;
    p->waking = true;
    return true;
}

static struct http_conn *
pool_take(struct pool_state *p)
{
    struct http_conn *c;
    bool wake;

    (void)pthread_mutex_lock(&p->lock);
    while (!p->first && !p->ended) {
        p->idle++;
        (void)pthread_cond_wait(&p->wake, &p->lock);
        p->idle--;
        p->waking = false;
    }
    c = p->first;
    if (c) {
        p->first = c->queued;
        if (!p->first)
            p->last = &p->first;
        c->queued = NULL;
        p->count--;
    }
    wake = wakes(p);
    (void)pthread_mutex_unlock(&p->lock);
    if (wake)
        (void)pthread_cond_signal(&p->wake);
    return c;
}

static void *
pool_run(void *arg)
{
    struct pool_state *p = arg;
    struct http_conn *c;

    while ((c = pool_take(p))) {
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
    (void)pthread_cond_init(&p->wake, NULL);
    p->ids = arena_alloc(server->arena, (size_t)threads * sizeof(*p->ids));
    stats_queue(name, 0);
    for (; p->threads < threads; p->threads++) {
        if (pthread_create(&p->ids[p->threads], NULL, pool_run, p) != 0)
            return fail(s, E_INTERNAL, "cannot start a worker thread");
        (void)pthread_setname_np(p->ids[p->threads], name);
    }
    return OK;
}

bool
pool_push(struct pool_state *p, struct http_conn *c)
{
    bool ok, wake;

    (void)pthread_mutex_lock(&p->lock);
    ok = !p->ended && p->count < p->server->o.queue_max;
    if (ok) {
        c->queued = NULL;
        *p->last = c;
        p->last = &c->queued;
        p->count++;
    }
    wake = wakes(p);
    (void)pthread_mutex_unlock(&p->lock);
    if (wake)
        (void)pthread_cond_signal(&p->wake);
    if (ok)
        stats_queue(p->name, 1);
    return ok;
}

void
pool_stop(struct pool_state *p)
{
    struct http_conn *left;

    if (!p->server)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->ended = true;
    left = p->first; /* nobody waits for these any more */
    p->first = NULL;
    p->last = &p->first;
    p->count = 0;
    (void)pthread_cond_broadcast(&p->wake);
    (void)pthread_mutex_unlock(&p->lock);
    for (; left; left = left->queued)
        stats_queue(p->name, -1);
    for (int i = 0; i < p->threads; i++)
        (void)pthread_join(p->ids[i], NULL);
    (void)pthread_cond_destroy(&p->wake);
    (void)pthread_mutex_destroy(&p->lock);
    p->server = NULL;
}
