#include "jobs/bell.h"

#include "base/wait.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rung;
static uint64_t rings, soon_rings;

CONSTRUCTOR static void
bell_setup(void)
{
    wait_init(&rung);
}

void
bell_ring(bool soon)
{
    pthread_mutex_lock(&lock);
    rings++;
    if (soon)
        soon_rings = rings;
    pthread_cond_broadcast(&rung);
    pthread_mutex_unlock(&lock);
}

uint64_t
bell_mark(void)
{
    uint64_t mark;

    pthread_mutex_lock(&lock);
    mark = rings;
    pthread_mutex_unlock(&lock);
    return mark;
}

bool
bell_wait(uint64_t mark, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    bool soon;

    pthread_mutex_lock(&lock);
    while (rings == mark && wait_until(&rung, &lock, until))
        ;
    soon = soon_rings > mark;
    pthread_mutex_unlock(&lock);
    return soon;
}
