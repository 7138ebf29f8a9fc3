/**
 * Step: where the CPU time of a request goes, for the benches. In a build with -Dbench=true the
 * counter chancery_step_cpu_seconds_total tells it by step, from one request in sixteen, so that
 * the looking does not show; in any other nothing of this is left. Any thread.
 */
#ifndef BASE_STEP_H
#define BASE_STEP_H

#ifdef CHANCERY_STEPS
/** This thread begins something new: what it did before counts for no step. */
void step_begin(void);
/** What this thread did since the last call was STEP, a literal. */
void step_end(const char *step);
#else
static inline void
step_begin(void)
{
}
static inline void
step_end(const char *step)
{
    (void)step;
}
#endif

#endif
