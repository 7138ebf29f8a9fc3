/**
 * Jobs: the durable queue of everything that happens later or elsewhere. A job is a row, added in
 * the transaction of the change that wants it; a server that dies loses none, and two servers never
 * run one at the same time. A handler may run again after a crash, so it is idempotent.
 *
 * job_add() and its like may be called by any thread; a struct jobs belongs to the program that
 * started it.
 */
#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H

#include "base/scope.h"
#include "db/db.h"

struct jobs;

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

/** What to do, when, and how it goes together with other jobs. Zero is a sensible answer everywhere
 * but for kind. */
struct job_spec {
    const char *kind;    /* "crl.publish": the name of a handler */
    const char *payload; /* JSON for the handler; NULL: "{}" */
    struct when run_at;  /* {0} or WHEN_NONE: at once */
    const char *dedupe;  /* while a job with this key waits, adding another only moves it forward */
    const char *serial;  /* jobs with the same key never run at the same time */
    struct when deadline; /* given up when it has not succeeded by then; {0} or WHEN_NONE: none */
    int64_t parent;       /* the job that this one is part of; 0: none */
    int max_attempts;     /* 0: the handler's */
    struct jobs *runner; /* they keep a runner for it, by jobs_reserve(); NULL: whoever looks at the
                            queue takes it */
};

/**
 * Put a job into the queue as part of TX.
 *
 * @param id  receives the job's id, or that of the waiting one that stands for it; may be NULL
 */
enum err job_add(struct scope *s, struct tx *tx, const struct job_spec *spec, int64_t *id);

/**
 * Keep a free runner for a job that a transaction is about to add, so that it need not be taken
 * from the queue: job_add() with .runner enters it as taken, and once that is committed
 * jobs_begin() runs it. When the transaction failed, or added none, jobs_release() gives the runner
 * back. Its serial key must be one that no running job has.
 *
 * @return false: no runner is free; the job goes through the queue
 */
bool jobs_reserve(struct jobs *jobs);
void jobs_begin(struct jobs *jobs, const struct job_spec *spec, int64_t id);
void jobs_release(struct jobs *jobs);

/** A job as its handler sees it; all text lives in the scope's arena. */
struct job {
    int64_t id;
    const char *kind, *payload;
    int attempt; /* from 1 */
    int max_attempts;
    int64_t fence; /* higher each time the job is given to somebody */
    int64_t parent;
    struct when deadline;
    struct jobs *jobs;
    bool *ended; /* set by job_has_ended() */
};

/** A whole number of the payload, by its name. E_INVALID: it names none. */
enum err job_number(struct scope *s, const struct job *job, const char *name, int64_t *out);

/**
 * Make sure, inside a handler's transaction, that the job is still ours; when a lease ran out and
 * somebody else took the job over, the transaction fails.
 *
 * @return E_CONFLICT: it is not
 */
enum err job_still_ours(struct scope *s, struct tx *tx, const struct job *job);

/** As part of the handler's last transaction: the job is done with it. E_CONFLICT: it is not ours
 * any more. Behind the commit, the handler says job_has_ended(), and returns OK. */
enum err job_end(struct scope *s, struct tx *tx, const struct job *job);
void job_has_ended(const struct job *job);

/**
 * What runs a kind of job. A failure that may pass (E_TIMEOUT, E_UNAVAILABLE, E_CONFLICT, E_LIMIT,
 * E_INTERNAL) is tried again after a growing wait, or after s->error.retry_after_s; any other is
 * final.
 */
struct job_kind {
    const char *kind;
    enum err (*run)(struct scope *s, void *app, const struct job *job);
    const char *doc;
    int64_t limit_ms;   /* the scope's deadline; 0: 5 min */
    int max_attempts;   /* 0: 10 */
    int64_t retry_ms;   /* the first wait; 0: 1 s; doubles up to a minute, with jitter */
    const char *every;  /* a schedule of this name is made at start: "60s", "1d", "cron 5 4 * * *";
                           NULL: none */
    const char *serial; /* for the schedule's jobs; NULL: the kind's name */
};

struct jobs_options {
    const struct job_kind *const *kinds; /* ended by NULL; must outlive the jobs */
    void *app;                           /* given to the handlers */
    int runners;                         /* threads; 0: 4 */
    int64_t poll_ms;                     /* 0: 1 s */
    int64_t lease_ms;                    /* 0: 30 s; renewed while the handler runs */
    const char *name;                    /* of this server, for people; NULL: the host's */
    const char *version;                 /* of the program */
    bool alone; /* no other server is on this database: what is leased was left by one that died */
    /** Called in the transaction that gives a job up, such as to audit it; may be NULL. */
    enum err (*given_up)(struct scope *s, struct tx *tx, void *app, const struct job *job,
                         const char *why);
};

/** Register this server, make the kinds' schedules, and start to run jobs. Returns at once. */
enum err jobs_start(struct scope *s, struct db *db, const struct jobs_options *o,
                    struct jobs **out);
/**
 * Start nothing more, wait up to DRAIN_MS for what runs, put the rest back, and leave. NULL is
 * allowed.
 *
 * @return false: a handler still runs, so what it uses must not be closed; the program ends without
 * it
 */
bool jobs_stop(struct jobs *jobs, int64_t drain_ms);
/** True once jobs_stop() was called: a long handler ends early, with E_UNAVAILABLE, and runs again
 * later. */
bool job_should_stop(const struct job *job);
struct db *jobs_db(const struct jobs *jobs);
/** Look now, not at the next poll: after the commit of a transaction that added a job. Any thread,
 * any time. */
void jobs_wake(void);
/** Wait until no job of this KIND (NULL: any) is due or runs. E_TIMEOUT by the scope's deadline.
 * For tests, CLI. */
enum err jobs_settle(struct scope *s, struct db *db, const char *kind);

/** The id of this server's row in `instance`. */
const char *jobs_instance(const struct jobs *jobs);

/** A job as lists show it. */
struct job_row {
    int64_t id, parent;
    const char *kind, *payload, *dedupe, *serial;
    enum job_state state;
    int attempts, max_attempts;
    struct when added, run_at, started, ended, deadline;
    const char *error; /* of the last attempt, or NULL */
};
struct job_query {
    const char *kind;
    int state;     /* -1: any */
    int64_t after; /* an id: go on behind it (older ones follow) */
    int limit;     /* 0: 50; at most 1000 */
};
/** Jobs, the newest first: a list of struct job_row. */
enum err job_list(struct scope *s, struct db *db, const struct job_query *q, struct list *out);
enum err job_get(struct scope *s, struct db *db, int64_t id, struct job_row *out);
/** Take a waiting job out of the queue, as part of TX. E_CONFLICT: it runs already or has ended. */
enum err job_cancel(struct scope *s, struct tx *tx, int64_t id);
const char *job_state_name(enum job_state state);

/** How long ended jobs stay. */
struct job_keep {
    int64_t done_ms, failed_ms; /* done also: cancelled */
};
/** What a handler of kind "jobs.cleanup" does: removes jobs that ended longer ago, stale instances,
 * and events that all who follow have seen. */
enum err job_cleanup(struct scope *s, const struct job *job, const struct job_keep *keep);

#endif
