/* Perspectives: what one view of DNS has proved must be seen by others, too. */
#include "base/metric.h"
#include "proof/run.h"

#include <pthread.h>

COUNTER(perspective_total, "chancery_acme_perspective_total",
        "Proofs repeated from another perspective, by how they ended.", "perspective", "outcome");

/* One who looks, on a thread and with a scope of its own. */
struct witness {
    const struct perspective *from;
    enum err (*one)(struct run *r);
    struct scope *s;
    struct run run;
    struct proof_report report;
    enum err result;
    pthread_t thread;
    bool started;
};

static void *
look(void *arg)
{
    struct witness *w = arg;

    w->result = w->one(&w->run);
    return NULL;
}

static void
witness_start(struct run *r, struct witness *w, const struct perspective *from,
              enum err (*one)(struct run *r))
{
    *w = (struct witness){ .from = from, .one = one, .s = scope_new("proof") };
    w->run = (struct run){ .s = w->s,
                           .p = r->p,
                           .resolver = from->resolver,
                           .q = r->q,
                           .out = &w->report,
                           .until_ms = r->until_ms };
    w->s->deadline_ms = r->s->deadline_ms;
    w->report.good_for_s = r->out->good_for_s;
    buf_init_in(&w->run.steps, w->s->arena, 64 * 1024);
    w->started = pthread_create(&w->thread, NULL, look, w) == 0;
    if (!w->started)
        w->result = E_UNAVAILABLE;
}

/** What it saw, written down. True when it saw the proof. */
static bool
witness_end(struct run *r, struct witness *w, const char **detail)
{
    bool proved = w->result == OK && !w->report.problem;
    const char *said = w->result != OK ? "it could not look" : w->report.detail;

    run_step_begin(r, "perspective");
    run_step_text(r, "name", w->from->name);
    run_step_text(r, "outcome", proved ? "valid" : w->report.problem ? w->report.problem : "error");
    run_step_text(r, "detail", proved ? NULL : said);
    run_step_text(r, "address", w->report.address);
    run_step_end(r);
    metric_add(&perspective_total, 1, w->from->name, proved ? "valid" : "invalid");
    if (proved)
        r->out->good_for_s = MIN(r->out->good_for_s, w->report.good_for_s);
    else if (!*detail)
        *detail = arena_text(r->s->arena, said);
    return proved;
}

/** How many of so many may disagree (Baseline Requirements section 3.2.2.9). */
static size_t
may_disagree(size_t count)
{
    return count < 2 ? 0 : count < 6 ? 1 : 2;
}

enum err
run_confirm(struct run *r, enum err (*one)(struct run *r))
{
    const struct list *all = &r->p->perspectives;
    struct witness witnesses[PERSPECTIVES_MAX];
    const char *problem = NULL, *detail = NULL;
    size_t agree = 0;

    if (all->count == 0)
        return OK;
    for (size_t i = 0; i < all->count; i++)
        witness_start(r, &witnesses[i], list_at(all, struct perspective, i), one);
    for (size_t i = 0; i < all->count; i++) {
        struct witness *w = &witnesses[i];

        if (w->started)
            (void)pthread_join(w->thread, NULL);
        agree += witness_end(r, w, &detail);
        if (!problem && w->report.problem)
            problem = w->report.problem; /* constant text */
        scope_free(w->s);
    }
    run_step_begin(r, "quorum");
    run_step_text(r, "agree", arena_printf(r->s->arena, "%zu/%zu", agree, all->count));
    run_step_end(r);
    if (reach_stopping())
        return fail(r->s, E_UNAVAILABLE, "the program is stopping");
    if (all->count - agree > may_disagree(all->count))
        return run_refuse(r, problem ? problem : "serverInternal",
                          "During secondary validation: %s", detail);
    return OK;
}
