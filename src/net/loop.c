#include "net/server_in.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TIMER_LEAST_MS 10

static void
wake(struct loop *l)
{
    static const uint64_t one = 1;

    (void)!write(l->wake_fd, &one, sizeof(one)); /* a full counter wakes as well */
}

void
loop_return(struct loop *l, struct http_conn *c)
{
    bool first;

    (void)pthread_mutex_lock(&l->lock);
    first = !l->inbox;
    c->queued = NULL;
    *l->inbox_end = c;
    l->inbox_end = &c->queued;
    (void)pthread_mutex_unlock(&l->lock);
    if (first)
        wake(l);
}

void
loop_hand(struct loop *l, struct handed *h)
{
    (void)pthread_mutex_lock(&l->lock);
    h->next = l->handed;
    l->handed = h;
    (void)pthread_mutex_unlock(&l->lock);
    wake(l);
}

void
loop_tell(struct loop *l, int what)
{
    (void)pthread_mutex_lock(&l->lock);
    l->told = what;
    (void)pthread_mutex_unlock(&l->lock);
    wake(l);
}

void
loop_bury(struct loop *l)
{
    while (l->dead) {
        struct http_conn *gone = l->dead;

        l->dead = gone->next;
        conn_free(gone);
    }
}

static void
stop(struct loop *l)
{
    struct http_conn *next;

    l->stopping = true;
    if (l == l->server->loops)
        for (size_t i = 0; i < COUNT(l->server->listeners); i++)
            listener_close(&l->server->listeners[i]);
    for (struct http_conn *c = l->conns; c; c = next) {
        next = c->next;
        conn_stop(c);
    }
    (void)pthread_mutex_lock(&l->server->empty_lock);
    l->server->stopped++;
    (void)pthread_cond_broadcast(&l->server->empty);
    (void)pthread_mutex_unlock(&l->server->empty_lock);
}

static void
end(struct loop *l)
{
    while (l->conns)
        conn_close(l->conns);
    (void)event_base_loopbreak(l->base);
}

static void
on_wake(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
    struct loop *l = arg;
    struct http_conn *c;
    struct handed *h;
    uint64_t count;
    int told;

    (void)!read(l->wake_fd, &count, sizeof(count));
    l->now_ms = clock_mono_ms();
    (void)pthread_mutex_lock(&l->lock);
    c = l->inbox;
    l->inbox = NULL;
    l->inbox_end = &l->inbox;
    h = l->handed;
    l->handed = NULL;
    told = l->told;
    (void)pthread_mutex_unlock(&l->lock);
    while (c) {
        struct http_conn *next = c->queued;

        conn_returned(c);
        c = next;
    }
    while (h) {
        struct handed *next = h->next;

        conn_new(l, h->fd, h->listener, h->peer, h->address_key);
        mem_free(h);
        h = next;
    }
    if (told == LOOP_END)
        end(l);
    else if (told == LOOP_STOP && !l->stopping)
        stop(l);
    loop_bury(l);
}

static void
arm(struct loop *l, int64_t until_ms)
{
    int64_t least = TIMER_LEAST_MS + (int64_t)l->conn_count / 100;
    int64_t ms = MAX(until_ms - l->now_ms, least);
    struct timeval wait = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

    l->timer_ms = l->now_ms + ms;
    (void)event_add(&l->on_timer, &wait);
}

void
loop_watch(struct loop *l, int64_t until_ms)
{
    if (until_ms < l->timer_ms)
        arm(l, until_ms);
}

/* Deadlines mostly move away before they come, so one timer looks at all when the soonest may have
 * come. */
static void
on_timer(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
    struct loop *l = arg;
    struct http_conn *next;
    int64_t soonest = INT64_MAX;

    l->now_ms = clock_mono_ms();
    l->timer_ms = 0; /* nobody need arm it meanwhile */
    for (struct http_conn *c = l->conns; c; c = next) {
        next = c->next;
        if (c->until_ms <= l->now_ms)
            conn_expired(c);
        if (c->state != CONN_DEAD)
            soonest = MIN(soonest, c->until_ms);
    }
    l->timer_ms = INT64_MAX;
    if (soonest != INT64_MAX)
        arm(l, soonest);
    loop_bury(l);
}

enum err
loop_init(struct scope *s, struct loop *l, struct http_server *server)
{
    struct event_config *config = event_config_new();

    *l = (struct loop){ .server = server, .wake_fd = -1, .timer_ms = INT64_MAX };
    l->inbox_end = &l->inbox;
    (void)pthread_mutex_init(&l->lock, NULL);
    if (config) {
        (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        l->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!l->base || l->wake_fd < 0)
        return fail(s, E_INTERNAL, "cannot make an event loop: %s", strerror(errno));
    l->buffer = mem_alloc(READ_SIZE);
    stats_init(l);
    (void)event_assign(&l->on_wake, l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    (void)event_assign(&l->on_timer, l->base, -1, 0, on_timer, l);
    (void)event_add(&l->on_wake, NULL);
    return OK;
}

static void *
run(void *arg)
{
    struct loop *l = arg;

    (void)event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
    loop_bury(l);
    return NULL;
}

enum err
loop_start(struct scope *s, struct loop *l)
{
    l->now_ms = clock_mono_ms();
    if (pthread_create(&l->thread, NULL, run, l) != 0)
        return fail(s, E_INTERNAL, "cannot start a loop thread");
    (void)pthread_setname_np(l->thread, "loop");
    l->started = true;
    return OK;
}

void
loop_join(struct loop *l)
{
    if (l->started)
        (void)pthread_join(l->thread, NULL);
    l->started = false;
}

void
loop_done(struct loop *l)
{
    while (l->handed) { /* accepted, and never seen by its loop */
        struct handed *h = l->handed;

        l->handed = h->next;
        (void)close(h->fd);
        mem_free(h);
    }
    if (l->base)
        event_base_free(l->base);
    if (l->wake_fd >= 0)
        (void)close(l->wake_fd);
    for (size_t i = 0; i < l->arena_count; i++)
        arena_free(l->arenas[i]);
    stats_done(l);
    mem_free(l->buffer);
    (void)pthread_mutex_destroy(&l->lock);
}

struct arena *
loop_arena(struct loop *l)
{
    return l->arena_count ? l->arenas[--l->arena_count] : arena_new();
}

void
loop_arena_back(struct loop *l, struct arena *a)
{
    arena_reset(a);
    if (l->arena_count < COUNT(l->arenas))
        l->arenas[l->arena_count++] = a;
    else
        arena_free(a);
}
