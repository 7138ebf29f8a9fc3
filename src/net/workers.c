#include "net/server_in.h"

#define PASS_MOST 31 /* others are taken before one that begins */
#define BEGIN_PART 4 /* of the threads: so many begin something, while there are others */
#define LATELY_MS SECOND_MS

/* A thread of a pool. The one that slept last is woken first: what it needs is still in the caches.
 */
struct worker {
    struct worker *next; /* in the pool's list of those that sleep */
    struct pool_state *pool;
    pthread_t id;
    sem_t wake;
    bool begins; /* what it works on */
};

/* Lines. */

static void
line_clear(struct pool_line *line)
{
    line->first = NULL;
    line->last = &line->first;
}

static void
line_add(struct pool_line *line, struct http_conn *c)
{
    c->queued = NULL;
    *line->last = c;
    line->last = &c->queued;
}

/* The first of a line that has one. */
static struct http_conn *
line_take(struct pool_line *line)
{
    struct http_conn *c = line->first;

    line->first = c->queued;
    if (!line->first)
        line->last = &line->first;
    c->queued = NULL;
    return c;
}

/* May one begin now? No more begin at once than leaves room for others, where there are such: else
 * all would wait for what many began at the same time. */
static bool
may_begin(const struct pool_state *p)
{
    return p->begins.first && (p->beginning < MAX(p->threads / BEGIN_PART, 1) ||
                               clock_mono_ms() - p->other_ms > LATELY_MS);
}

static bool
has_turn(const struct pool_state *p)
{
    return p->others.first || may_begin(p);
}

/* Whose turn is it? What goes on is near its end, and somebody has waited for that for long; but
 * nothing is kept from beginning for ever. NULL: nobody's. */
static struct http_conn *
turn(struct pool_state *p, bool *begins)
{
    bool waits = may_begin(p);

    *begins = waits && (!p->others.first || p->passed >= PASS_MOST);
    if (*begins) {
        p->passed = 0;
        p->beginning++;
        p->count--;
        return line_take(&p->begins);
    }
    if (!p->others.first)
        return NULL;
    p->passed += waits;
    p->other_ms = clock_mono_ms();
    p->count--;
    return line_take(&p->others);
}

/* Threads. */

/* One worker is woken at a time, and wakes the next if there is work for it: short work needs few
 * of them. Take out who is to be woken once the lock is free again. */
static struct worker *
next_to_wake(struct pool_state *p)
{
    struct worker *w = p->idle;

    if (p->waking || !w || !has_turn(p))
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
    p->beginning -= w->begins;
    w->begins = false;
    while (!has_turn(p) && !p->ended)
        doze(p, w);
    c = turn(p, &w->begins);
    next = next_to_wake(p);
    (void)pthread_mutex_unlock(&p->lock);
    wake(next);
    return c;
}

/* True: it is not ours any more, and somebody brings it back. */
static bool
is_parked(struct http_conn *c)
{
    bool (*park)(struct http_request * rq);

    while ((park = c->rq.park)) {
        c->rq.park = NULL;
        if (park(&c->rq))
            return true;
        exchange_work(c);
    }
    return false;
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
        if (!is_parked(c))
            loop_return(c->loop, c);
    }
    return NULL;
}

enum err
pool_start(struct scope *s, struct pool_state *p, struct http_server *server, const char *name,
           int threads)
{
    *p = (struct pool_state){ .server = server, .name = name };
    line_clear(&p->begins);
    line_clear(&p->others);
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

/* Nobody waits for what comes behind the end; what was let in before is let in again. */
static bool
push(struct pool_state *p, struct http_conn *c, bool again)
{
    struct worker *next;
    bool ok;

    (void)pthread_mutex_lock(&p->lock);
    ok = !p->ended && (again || p->count < p->server->o.queue_max);
    if (ok) {
        line_add(c->rq.route->begins && !again ? &p->begins : &p->others, c);
        p->count++;
    }
    next = next_to_wake(p);
    (void)pthread_mutex_unlock(&p->lock);
    wake(next);
    if (ok)
        stats_queue(p->name, 1);
    return ok;
}

bool
pool_push(struct pool_state *p, struct http_conn *c)
{
    return push(p, c, false);
}

void
http_park(struct http_request *rq, bool (*park)(struct http_request *rq))
{
    rq->park = park;
}

void
http_go_on(void *arg)
{
    struct http_request *rq = arg;
    struct http_conn *c = rq->conn;
    enum pool pool = rq->route->pool == POOL_LOOP ? POOL_MAIN : rq->route->pool;

    (void)push(&c->loop->server->pools[pool], c, true);
}

void
pool_stop(struct pool_state *p)
{
    struct worker *sleeping;
    int left;

    if (!p->server)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->ended = true;
    left = p->count; /* nobody waits for these any more */
    line_clear(&p->begins);
    line_clear(&p->others);
    p->count = 0;
    sleeping = p->idle;
    p->idle = NULL;
    (void)pthread_mutex_unlock(&p->lock);
    while (sleeping) {
        struct worker *w = sleeping;

        sleeping = w->next;
        wake(w);
    }
    stats_queue(p->name, -left);
    for (int i = 0; i < p->threads; i++) {
        (void)pthread_join(p->workers[i].id, NULL);
        (void)sem_destroy(&p->workers[i].wake);
    }
    (void)pthread_mutex_destroy(&p->lock);
    p->server = NULL;
}
