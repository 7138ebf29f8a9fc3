#include "base/step.h"

#ifdef CHANCERY_STEPS

#include "base/metric.h"
#include <time.h>

COUNTER(cpu_seconds, "chancery_step_cpu_seconds_total", "CPU time of requests, by step.", "step");

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
    since = thread_cpu_s();
}

void
step_end(const char *step)
{
    double now = thread_cpu_s();

    metric_add(&cpu_seconds, now - since, step);
    since = now;
}

#endif
