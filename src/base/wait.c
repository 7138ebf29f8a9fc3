#include "base/wait.h"

#include <errno.h>
#include <time.h>

void
wait_init(pthread_cond_t *c)
{
    pthread_condattr_t monotonic;

    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

bool
wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ms)
{
    struct timespec t = { until_ms / 1000, until_ms % 1000 * 1000000 };

    return pthread_cond_timedwait(c, lock, &t) != ETIMEDOUT;
}
