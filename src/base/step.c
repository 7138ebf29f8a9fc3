#include "base/step.h"

#ifdef CHANCERY_STEPS

#include "base/metric.h"
#include <stdatomic.h>
#include <time.h>

COUNTER(cpu_seconds, "chancery_step_cpu_seconds_total", "CPU time of requests, by step.", "step");

#define ONE_IN 16 /* of the requests is looked at: the clock of a thread is a system call */

static atomic_uint turn;
static _Thread_local bool looking;
static _Thread_local double since;

static double
thread_cpu_s(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
step_begin(void)
{
    looking = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % ONE_IN == 0;
    if (looking)
        since = thread_cpu_s();
}

void
step_end(const char *step)
{
    double now;

    if (!looking)
        return;
    now = thread_cpu_s();
    metric_add(&cpu_seconds, ONE_IN * (now - since), step);
    since = now;
}

#endif
