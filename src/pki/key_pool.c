#include "pki/key_pool.h"

#include "base/log.h"
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#define AHEAD_MAX 16

static const int sizes[] = { 2048, 3072, 4096 };

struct key_pool {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wanted;
    pthread_t maker;
    bool running, stopping;
    int ahead;
    struct shelf {
        bool asked; /* only what was asked for once is made ahead */
        int count;
        EVP_PKEY *keys[AHEAD_MAX];
    } shelves[COUNT(sizes)];
};

struct key_pool *
key_pool_new(int ahead)
{
    struct key_pool *pool = mem_alloc(sizeof(*pool));

    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wanted, NULL);
    pool->ahead = MAX(0, MIN(ahead, AHEAD_MAX));
    return pool;
}

void
key_pool_free(struct key_pool *pool)
{
    bool running;

    if (!pool)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    running = pool->running;
    (void)pthread_cond_signal(&pool->wanted);
    (void)pthread_mutex_unlock(&pool->lock);
    if (running)
        (void)pthread_join(pool->maker, NULL);
    for (size_t i = 0; i < COUNT(sizes); i++)
        while (pool->shelves[i].count > 0)
            EVP_PKEY_free(pool->shelves[i].keys[--pool->shelves[i].count]);
    (void)pthread_cond_destroy(&pool->wanted);
    (void)pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

/* A shelf that is not full; the lock is held. */
static struct shelf *
next_shelf(struct key_pool *pool)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        if (pool->shelves[i].asked && pool->shelves[i].count < pool->ahead)
            return &pool->shelves[i];
    return NULL;
}

static EVP_PKEY *
make_one(int bits)
{
    AUTO(scope_free) struct scope *s = scope_new("keys");
    EVP_PKEY *key;

    if (key_generate(s, (struct key_spec){ KEY_RSA, bits }, &key) != OK) {
        log_warn(s, "no key could be made ahead: %s", s->error.text);
        return NULL;
    }
    return EVP_PKEY_up_ref(key) == 1 ? key : NULL;
}

static void *
maker_run(void *arg)
{
    struct key_pool *pool = arg;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        struct shelf *shelf = next_shelf(pool);
        EVP_PKEY *key;

        if (!shelf) {
            (void)pthread_cond_wait(&pool->wanted, &pool->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&pool->lock);
        key = make_one(sizes[shelf - pool->shelves]);
        (void)pthread_mutex_lock(&pool->lock);
        if (key)
            shelf->keys[shelf->count++] = key;
        else
            shelf->asked = false; /* the next who asks makes their own, and sees why not */
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static struct shelf *
shelf_of(struct key_pool *pool, struct key_spec spec)
{
    if (pool && pool->ahead && spec.type == KEY_RSA)
        for (size_t i = 0; i < COUNT(sizes); i++)
            if (sizes[i] == spec.bits)
                return &pool->shelves[i];
    return NULL;
}

enum err
key_pool_take(struct scope *s, struct key_pool *pool, struct key_spec spec, EVP_PKEY **out)
{
    struct shelf *shelf = shelf_of(pool, spec);
    EVP_PKEY *key = NULL;

    if (!shelf)
        return key_generate(s, spec, out);
    (void)pthread_mutex_lock(&pool->lock);
    if (shelf->count > 0)
        key = shelf->keys[--shelf->count];
    shelf->asked = true;
    if (!pool->running && !pool->stopping)
        pool->running = pthread_create(&pool->maker, NULL, maker_run, pool) == 0;
    (void)pthread_cond_signal(&pool->wanted);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!key)
        return key_generate(s, spec, out);
    *out = arena_own(s->arena, key, EVP_PKEY_free);
    return OK;
}

int
key_pool_ready(struct key_pool *pool, struct key_spec spec)
{
    struct shelf *shelf = shelf_of(pool, spec);
    int count = 0;

    if (!shelf)
        return 0;
    (void)pthread_mutex_lock(&pool->lock);
    count = shelf->count;
    (void)pthread_mutex_unlock(&pool->lock);
    return count;
}
