/**
 * Lease: the database's side of running jobs: who holds which, since when, until when. All of it
 * bears being done twice, and by several servers at once.
 */
#ifndef JOBS_LEASE_H
#define JOBS_LEASE_H

#include "jobs/jobs.h"

/** Who takes jobs, and which. */
struct lessee {
    struct db *db;
    const char *instance;
    const struct job_kind *const *kinds;
    int64_t lease_ms;
    const char *take_sql; /* made by lease_prepare() */
    void *app;
    enum err (*given_up)(struct scope *s, struct tx *tx, void *app, const struct job *job,
                         const char *why);
};

/** When there will be something to do. */
struct outlook {
    struct when due, expiry, schedule; /* WHEN_NONE: nothing of the kind */
};

const struct job_kind *lease_kind(const struct lessee *l, const char *kind);
/** Compile the question for jobs of our kinds into ARENA. */
void lease_prepare(struct arena *arena, struct lessee *l);
enum err lease_outlook(struct scope *s, const struct lessee *l, struct outlook *out);
/** Take up to MOST due jobs; OUT receives a list of struct job. E_CONFLICT: others were quicker,
 * look again. */
enum err lease_take(struct scope *s, const struct lessee *l, int most, struct list *out);
/** Add a job that is taken already, by the jobs that keep a runner for it. */
enum err lease_added(struct scope *s, struct tx *tx, const struct job_spec *spec, int64_t *id);
/** The lessee of these jobs. */
const struct lessee *jobs_lessee(const struct jobs *jobs);
/** The job of SPEC as lease_added() entered it. */
void lease_job_added(const struct lessee *l, const struct job_spec *spec, int64_t id,
                     struct job *out);
/** Prolong all leases of this instance. */
enum err lease_renew(struct scope *s, const struct lessee *l);
/** Put back what servers that stopped held, or give it up when that was its last attempt. */
enum err lease_reclaim(struct scope *s, const struct lessee *l, int64_t *reclaimed);
/** Put a job back that was taken but not begun. */
enum err lease_return(struct scope *s, const struct lessee *l, const struct job *job);

/** What became of an attempt. */
struct verdict {
    const struct job *job;
    bool done;         /* it succeeded */
    bool final;        /* it failed, and no further attempt would help */
    const char *why;   /* the failure's text, or NULL */
    struct when again; /* the next attempt, when there is one */
    bool gave_up;      /* answer: it failed for good */
    bool late;         /* answer: the job was not ours any more */
};
/** Write it down: done, to be tried again, or failed for good. */
enum err lease_end(struct scope *s, const struct lessee *l, struct verdict *v);

#endif
