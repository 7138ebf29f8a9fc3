#include "db/engine.h"

#include "base/metric.h"
#include "base/wait.h"

GAUGE(connections, "chancery_db_connections", "Connections for questions.", "state");

/** Count a reader that goes from one state to another; NULL: it is new, or gone. */
static void
count(const char *from, const char *to)
{
    if (from)
        metric_add(&connections, -1, from);
    if (to)
        metric_add(&connections, 1, to);
}

void
pool_init(struct pool *p, int most)
{
    *p = (struct pool){ .most = most };
    pthread_mutex_init(&p->mutex, NULL);
    wait_init(&p->freed);
}

void
pool_done(struct pool *p)
{
    while (p->idle) {
        struct conn *c = p->idle;

        p->idle = c->next;
        c->engine->disconnect(c);
        count("idle", NULL);
    }
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->mutex);
}

/** Wait for an idle reader or the right to open one (NULL in *OUT); the mutex is held. */
static bool
wait_for_one(struct pool *p, int64_t wait_ms, struct conn **out)
{
    int64_t until = clock_mono_ms() + MIN(wait_ms, DAY_MS);

    while (!p->idle && p->open >= p->most && wait_until(&p->freed, &p->mutex, until))
        ;
    *out = p->idle;
    if (p->idle)
        p->idle = p->idle->next;
    else if (p->open < p->most)
        p->open++;
    else
        return false;
    p->busy++;
    return true;
}

static void
forget_one(struct pool *p)
{
    pthread_mutex_lock(&p->mutex);
    p->open--;
    p->busy--;
    pthread_mutex_unlock(&p->mutex);
    pthread_cond_signal(&p->freed);
}

/** Have *C, which is NULL when it is one to be opened. */
static enum err
make_ready(struct scope *s, struct db *db, struct conn **c)
{
    enum err e;

    count(*c ? "idle" : NULL, "busy");
    if (*c)
        return OK;
    e = db->engine->connect(s, db, false, c);
    if (e != OK) {
        count("busy", NULL);
        forget_one(&db->pool);
    }
    return e;
}

enum err
pool_take(struct scope *s, struct db *db, struct conn **out)
{
    struct pool *p = &db->pool;
    int64_t left = scope_left_ms(s);
    struct conn *c = NULL;
    bool found;

    if (left == 0)
        return fail(s, E_TIMEOUT, "no time is left to ask the database");
    pthread_mutex_lock(&p->mutex);
    found = wait_for_one(p, MIN(left, db->busy_ms), &c);
    pthread_mutex_unlock(&p->mutex);
    if (!found)
        return fail(s, E_TIMEOUT, "all %d connections to the database are busy", p->most);
    TRY(make_ready(s, db, &c));
    *out = c;
    return OK;
}

struct conn *
pool_take_spare(struct scope *s, struct db *db)
{
    struct pool *p = &db->pool;
    struct conn *c = NULL;
    bool found;

    pthread_mutex_lock(&p->mutex);
    found = 2 * (p->busy + 1) <= p->most && wait_for_one(p, 0, &c);
    pthread_mutex_unlock(&p->mutex);
    if (!found)
        return NULL;
    if (make_ready(s, db, &c) != OK) {
        scope_clear(s);
        return NULL;
    }
    return c;
}

void
pool_give(struct db *db, struct conn *c)
{
    struct pool *p = &db->pool;

    if (c->broken) {
        c->engine->disconnect(c);
        count("busy", NULL);
        forget_one(p);
        return;
    }
    count("busy", "idle");
    pthread_mutex_lock(&p->mutex);
    c->next = p->idle;
    p->idle = c;
    p->busy--;
    pthread_mutex_unlock(&p->mutex);
    pthread_cond_signal(&p->freed);
}
