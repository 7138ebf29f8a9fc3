#include "access/turns.h"

#include "base/wait.h"

#define WAIT_MS (10 * SECOND_MS)

struct turns {
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct turn *held; /* as many as there are attempts under way: few */
};

struct turns *
turns_new(void)
{
    struct turns *t = mem_alloc(sizeof *t);

    (void)pthread_mutex_init(&t->lock, NULL);
    wait_init(&t->given);
    return t;
}

void
turns_free(struct turns *t)
{
    if (!t)
        return;
    (void)pthread_cond_destroy(&t->given);
    (void)pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

static bool
is_held(const struct turns *t, const char *name)
{
    for (const struct turn *i = t->held; i; i = i->next)
        if (text_eq(i->name, name))
            return true;
    return false;
}

enum err
turns_take(struct scope *s, struct turns *t, const char *name, struct turn *mine)
{
    int64_t until = clock_mono_ms() + MIN(WAIT_MS, scope_left_ms(s));
    bool held;

    pthread_mutex_lock(&t->lock);
    while ((held = is_held(t, name)) && wait_until(&t->given, &t->lock, until))
        ;
    if (!held) {
        *mine = (struct turn){ .of = t, .name = name, .next = t->held };
        t->held = mine;
    }
    pthread_mutex_unlock(&t->lock);
    return held ? fail(s, E_TIMEOUT, "too many passwords for this name are being checked") : OK;
}

void
turns_give(struct turn *mine)
{
    struct turns *t = mine->of;
    struct turn **at;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    for (at = &t->held; *at != mine; at = &(*at)->next)
        ;
    *at = mine->next;
    pthread_cond_broadcast(&t->given);
    pthread_mutex_unlock(&t->lock);
    *mine = (struct turn){ 0 };
}
