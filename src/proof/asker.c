#include "proof/asker.h"

#include "base/list.h"
#include "base/wait.h"
#include "net/reach.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unbound-event.h>
#include <unistd.h>

#define LOOK_MS 250 /* between looks at whether the program stops */

/* One of the types that are asked for. */
struct part {
    struct question *question;
    int type, failure, rcode;
    uint8_t *packet;
    size_t packet_len;
    bool answered, secure, bogus;
    char *why_bogus;
    int64_t at_us;
};

/* A question under way. Who asks and the thread hold one reference each. */
struct question {
    struct question *next;          /* on the way to the thread */
    struct question *newer, *older; /* of all that the thread holds */
    struct asker *asker;
    struct ub_ctx *context;
    char *name;
    int references, left; /* LEFT: so many parts have no answer */
    pthread_cond_t told;
    struct part parts[ASKED_MOST];
    size_t count;
};

struct asker {
    struct event_base *base;
    struct event *on_wake;
    int wake_fd;
    pthread_t thread;
    bool started;
    struct arena *arena;
    struct list contexts; /* of struct ub_ctx * */
    int64_t wait_ms;

    pthread_mutex_t lock; /* guards what follows, and every question */
    struct question *first, **last;
    struct question *held; /* the newest */
    bool stopping;
};

/* The lock is held. */
static void
question_drop(struct question *q)
{
    if (--q->references > 0)
        return;
    for (size_t i = 0; i < q->count; i++) {
        mem_free(q->parts[i].packet);
        mem_free(q->parts[i].why_bogus);
    }
    (void)pthread_cond_destroy(&q->told);
    mem_free(q->name);
    mem_free(q);
}

static void
hold(struct asker *a, struct question *q)
{
    q->older = a->held;
    if (q->older)
        q->older->newer = q;
    a->held = q;
}

static void
let_go(struct question *q)
{
    *(q->newer ? &q->newer->older : &q->asker->held) = q->older;
    if (q->older)
        q->older->newer = q->newer;
    question_drop(q);
}

/* The thread. */

/* A part has its answer; the lock is held. */
static void
part_ends(struct part *p)
{
    struct question *q = p->question;

    p->answered = true;
    p->at_us = clock_mono_us();
    if (--q->left > 0)
        return;
    (void)pthread_cond_signal(&q->told);
    let_go(q);
}

static void /* NOLINTNEXTLINE(readability-function-size): as the library calls it */
on_answer(void *arg, int rcode, void *packet, int len, int security, char *why_bogus,
          UNUSED int limited)
{
    struct part *p = arg;
    struct asker *a = p->question->asker;

    (void)pthread_mutex_lock(&a->lock);
    p->rcode = rcode;
    if (rcode == 0 && packet && len > 0) {
        p->packet = mem_copy(packet, (size_t)len);
        p->packet_len = (size_t)len;
    }
    p->bogus = security == 1;
    p->secure = security == 2;
    p->why_bogus = why_bogus ? mem_text(why_bogus) : NULL;
    part_ends(p);
    (void)pthread_mutex_unlock(&a->lock);
}

/* The library may answer before it returns, and then the part is gone. */
static void
begin(struct part *p)
{
    struct question *q = p->question;
    struct asker *a = q->asker;
    int e = ub_resolve_event(q->context, q->name, p->type, 1, p, on_answer, NULL);

    if (!e)
        return;
    (void)pthread_mutex_lock(&a->lock);
    p->failure = e;
    part_ends(p);
    (void)pthread_mutex_unlock(&a->lock);
}

static void
on_wake(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
    struct asker *a = arg;
    struct question *q;
    uint64_t count;
    bool stopping;

    (void)!read(a->wake_fd, &count, sizeof(count));
    (void)pthread_mutex_lock(&a->lock);
    q = a->first;
    a->first = NULL;
    a->last = &a->first;
    for (struct question *each = q; each; each = each->next)
        hold(a, each);
    stopping = a->stopping;
    (void)pthread_mutex_unlock(&a->lock);
    while (q) {
        struct question *next = q->next;

        for (size_t i = 0, parts = q->count; i < parts; i++)
            begin(&q->parts[i]); /* the last one may take Q with it */
        q = next;
    }
    if (stopping)
        (void)event_base_loopbreak(a->base);
}

static void *
asker_run(void *arg)
{
    struct asker *a = arg;

    (void)event_base_loop(a->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static void
wake(struct asker *a)
{
    static const uint64_t one = 1;

    (void)!write(a->wake_fd, &one, sizeof(one)); /* a full counter wakes as well */
}

/* Making one. */

enum err
asker_new(struct scope *s, int64_t wait_ms, struct asker **out)
{
    struct event_config *config = event_config_new();
    struct asker *a = mem_alloc(sizeof(*a));

    a->arena = arena_new();
    a->last = &a->first;
    a->wait_ms = wait_ms;
    (void)pthread_mutex_init(&a->lock, NULL);
    if (config) {
        (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        a->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    a->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (a->base && a->wake_fd >= 0)
        a->on_wake = event_new(a->base, a->wake_fd, EV_READ | EV_PERSIST, on_wake, a);
    if (!a->on_wake || event_add(a->on_wake, NULL) != 0) {
        asker_free(a);
        return fail(s, E_INTERNAL, "no event loop for the resolver: %s", strerror(errno));
    }
    *out = a;
    return OK;
}

enum err
asker_context(struct scope *s, struct asker *a, struct ub_ctx **out)
{
    struct ub_ctx *context = ub_ctx_create_event(a->base);

    if (!context)
        return fail(s, E_INTERNAL, "libunbound cannot start");
    list_add(a->arena, &a->contexts, struct ub_ctx *, context);
    *out = context;
    return OK;
}

enum err
asker_start(struct scope *s, struct asker *a)
{
    int e = pthread_create(&a->thread, NULL, asker_run, a);

    if (e)
        return fail(s, E_INTERNAL, "no thread for the resolver: %s", strerror(e));
    (void)pthread_setname_np(a->thread, "dns");
    a->started = true;
    return OK;
}

void
asker_free(struct asker *a)
{
    if (!a)
        return;
    if (a->started) {
        (void)pthread_mutex_lock(&a->lock);
        a->stopping = true;
        (void)pthread_mutex_unlock(&a->lock);
        wake(a);
        (void)pthread_join(a->thread, NULL);
    }
    LIST_EACH(struct ub_ctx *, context, &a->contexts)
    ub_ctx_delete(*context); /* which answers what it was still asked */
    (void)pthread_mutex_lock(&a->lock);
    while (a->held)
        let_go(a->held);
    (void)pthread_mutex_unlock(&a->lock);
    if (a->on_wake)
        event_free(a->on_wake);
    if (a->base)
        event_base_free(a->base);
    if (a->wake_fd >= 0)
        (void)close(a->wake_fd);
    (void)pthread_mutex_destroy(&a->lock);
    arena_free(a->arena);
    mem_free(a);
}

/* Asking. */

static struct question *
question_new(struct asker *a, struct ub_ctx *context, const char *name, const struct asked *asked,
             size_t count)
{
    struct question *q = mem_alloc(sizeof(*q));

    q->asker = a;
    q->context = context;
    q->name = mem_text(name);
    q->references = 2;
    q->count = MIN(count, (size_t)ASKED_MOST);
    q->left = (int)q->count;
    wait_init(&q->told);
    for (size_t i = 0; i < q->count; i++)
        q->parts[i] = (struct part){ .question = q, .type = asked[i].type };
    return q;
}

/* Hand it to the thread; the lock is held. True: the thread is to be woken. */
static bool
hand(struct asker *a, struct question *q)
{
    bool first = !a->first;

    *a->last = q;
    a->last = &q->next;
    return first;
}

/* What came of a part; the lock is held. */
static void
take(struct scope *s, const struct part *p, int64_t began_us, struct asked *out)
{
    out->answered = p->answered;
    out->took_us = (p->answered ? p->at_us : clock_mono_us()) - began_us;
    if (!p->answered)
        return;
    out->failure = p->failure;
    out->rcode = p->rcode;
    out->secure = p->secure;
    out->bogus = p->bogus;
    out->packet = bytes_copy(s->arena, (struct bytes){ p->packet, p->packet_len });
    out->why_bogus = p->why_bogus ? text_shown(s->arena, bytes_of_text(p->why_bogus), 300) : NULL;
}

void
asker_ask(struct scope *s, struct asker *a, struct ub_ctx *context, const char *name,
          struct asked *asked, size_t count)
{
    int64_t began_us = clock_mono_us(), now = began_us / 1000;
    int64_t until = now + MIN(a->wait_ms, scope_left_ms(s));
    struct question *q = question_new(a, context, name, asked, count);
    bool first;

    (void)pthread_mutex_lock(&a->lock);
    first = hand(a, q);
    (void)pthread_mutex_unlock(&a->lock);
    if (first)
        wake(a);
    (void)pthread_mutex_lock(&a->lock);
    while (q->left > 0 && !reach_stopping() && (now = clock_mono_ms()) < until)
        (void)wait_until(&q->told, &a->lock, MIN(until, now + LOOK_MS));
    for (size_t i = 0; i < q->count; i++)
        take(s, &q->parts[i], began_us, &asked[i]);
    question_drop(q);
    (void)pthread_mutex_unlock(&a->lock);
}
