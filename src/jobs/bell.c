#include "jobs/bell.h"

#include "base/when.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rung;
static uint64_t rings, soon_rings;

CONSTRUCTOR static void
bell_setup(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&rung, &attributes);
    pthread_condattr_destroy(&attributes);
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
    struct timespec until;
    bool soon;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&lock);
    while (rings == mark && pthread_cond_timedwait(&rung, &lock, &until) != ETIMEDOUT)
        ;
    soon = soon_rings > mark;
    pthread_mutex_unlock(&lock);
    return soon;
}
