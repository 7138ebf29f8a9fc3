/* The threads: a clerk takes due jobs from the database, runners run them. */
#include "jobs/jobs.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/random.h"
#include "base/wait.h"
#include "jobs/agree.h"
#include "jobs/bell.h"
#include "jobs/lease.h"
#include "jobs/schedule.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define RUNNERS_MAX 64
#define SOON_MS 4 /* how long a commit usually takes to arrive */
#define RETRY_MAX_MS MINUTE_MS
#define SAMPLE_MS (15 * SECOND_MS)
#define END_TRIES 4 /* how often a verdict is written when the database fails */

COUNTER(jobs_total, "chancery_jobs_total", "Attempts of jobs that ended.", "type", "store_type",
        "result");
COUNTER(failures_total, "chancery_job_failures_total", "Attempts of jobs that failed.", "type",
        "store_type", "cause");
COUNTER(retries_total, "chancery_job_retries_total", "Jobs that wait for another attempt.", "type");
HISTOGRAM(seconds, "chancery_job_duration_seconds", "How long attempts took.", "type",
          "store_type");
GAUGE(queued_now, "chancery_jobs_queued", "Jobs that wait.", "type");
GAUGE(running_now, "chancery_jobs_running", "Jobs that run, on any server.", "type");
GAUGE(oldest_age, "chancery_job_oldest_queued_age_seconds",
      "How late the job is that is due longest.", "type");

/** A job on its way from the clerk to a runner, with the scope that it lives in. */
struct task {
    struct scope *s;
    struct job job;
};

struct jobs {
    struct arena *arena;
    struct lessee lessee;
    int64_t poll_ms;
    int runner_count;
    pthread_t clerk, runners[RUNNERS_MAX];

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work, idle;
    struct task tasks[RUNNERS_MAX]; /* taken, not begun */
    int task_count, running, reserved;
    bool closed;          /* the clerk and the runners end */
    atomic_bool stopping; /* nothing new is begun */
    atomic_bool hungry;   /* a job was due at the last look, and may wait for one that runs */

    int64_t renewed_ms, sampled_ms; /* the clerk's: when it last did so */
    int64_t soon_ms; /* the clerk's: the wait for a commit to come; 0: none is awaited */
    bool troubled;   /* the clerk's: the last look failed, and that was logged */
};

/* ---- the runners */

static bool
may_pass(enum err e)
{
    return e == E_TIMEOUT || e == E_UNAVAILABLE || e == E_CONFLICT || e == E_LIMIT ||
           e == E_INTERNAL;
}

/** When to try again: the first wait doubled with each attempt, a part of it by chance, or what the
 * peer asked for. */
static struct when
next_attempt(const struct job_kind *kind, const struct job *job, int64_t asked_s)
{
    int64_t wait = kind->retry_ms > 0 ? kind->retry_ms : SECOND_MS;

    for (int i = 1; i < job->attempt && wait < RETRY_MAX_MS; i++)
        wait *= 2;
    wait = MIN(wait, RETRY_MAX_MS);
    wait = wait / 2 + (int64_t)random_below((uint64_t)wait / 2 + 1);
    return when_add_ms(clock_now(), MAX(wait, asked_s * SECOND_MS));
}

static const char *
cause_of(const struct error *e)
{
    const struct code_info *info = e->code ? code_info((int)e->code) : NULL;

    return info ? info->name : err_name(e->kind);
}

static void
tell(struct scope *s, const struct verdict *v, int64_t micros)
{
    const char *kind = v->job->kind;
    const char *result = v->done ? "success" : v->gave_up || v->final ? "failure" : "warning";

    metric_add(&jobs_total, 1, kind, "", result);
    metric_observe(&seconds, (double)micros / 1e6, kind, "");
    if (v->late)
        log_warn(s, "job %lld (%s) ended after its lease had run out", (long long)v->job->id, kind);
    if (v->done) {
        log_event(s, LOG_DEBUG, "job.finished", "job finished", lf_int("job", v->job->id),
                  lf_text("type", kind), lf_int("duration_ms", micros / 1000));
        return;
    }
    metric_add(&failures_total, 1, kind, "", cause_of(&s->error));
    if (!v->gave_up)
        metric_add(&retries_total, 1, kind);
    log_event(s, v->gave_up ? LOG_ERROR : LOG_WARN, "job.finished",
              v->gave_up ? "job failed for good" : "job failed, it will be tried again",
              lf_int("job", v->job->id), lf_text("type", kind), lf_int("attempt", v->job->attempt),
              lf_int("duration_ms", micros / 1000), lf_text("error", v->why));
}

/** Write the verdict down; when the database does not let us, the lease runs out and the job runs
 * again. */
static void
settle(struct jobs *j, struct verdict *v)
{
    AUTO(scope_free) struct scope *s = scope_new("jobs");
    enum err e = OK;

    for (int i = 0; i < END_TRIES; i++) {
        scope_clear(s);
        e = lease_end(s, &j->lessee, v);
        if (e == OK)
            return;
        clock_nap(50 << i);
    }
    log_failure(s, LOG_ERROR, "cannot write what became of a job; it will run again");
}

static void
task_run(struct jobs *j, struct task *t)
{
    const struct job_kind *kind = lease_kind(&j->lessee, t->job.kind);
    struct verdict v = { .job = &t->job };
    bool ended = false;
    int64_t began = clock_mono_us();
    enum err e;

    crash_point("jobs.taken");
    t->job.jobs = j;
    t->job.ended = &ended;
    t->s->principal = arena_printf(t->s->arena, "job_%lld", (long long)t->job.id);
    scope_deadline_in(t->s, kind->limit_ms > 0 ? kind->limit_ms : 5 * MINUTE_MS);
    e = kind->run(t->s, j->lessee.app, &t->job);
    crash_point("jobs.ran");
    v.done = e == OK;
    if (!v.done) {
        v.why = t->s->error.text ? t->s->error.text : err_name(e);
        v.final = !may_pass(e);
        v.again = next_attempt(kind, &t->job, t->s->error.retry_after_s);
    }
    if (!v.done || !ended)
        settle(j, &v);
    crash_point("jobs.settled");
    tell(t->s, &v, clock_mono_us() - began);
}

static void *
runner_main(void *arg)
{
    struct jobs *j = arg;

    pthread_mutex_lock(&j->lock);
    for (;;) {
        struct task t;

        while (!j->closed && (j->task_count == 0 || j->stopping))
            pthread_cond_wait(&j->work, &j->lock);
        if (j->closed)
            break;
        t = j->tasks[0];
        j->task_count--;
        for (int i = 0; i < j->task_count; i++)
            j->tasks[i] = j->tasks[i + 1];
        j->running++;
        pthread_mutex_unlock(&j->lock);
        task_run(j, &t);
        scope_free(t.s);
        pthread_mutex_lock(&j->lock);
        j->running--;
        pthread_cond_broadcast(&j->idle);
        if (j->hungry)
            bell_ring(false);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

/* ---- the clerk */

SQL(instance_add, "INSERT INTO instance (id, name, version, started_at, heartbeat_at) "
                  "VALUES ($1, $2, $3, $4, $4)");
SQL(instance_beat, "UPDATE instance SET heartbeat_at = $2 WHERE id = $1");
SQL(instance_drop, "DELETE FROM instance WHERE id = $1");

static enum err
beat_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct lessee *l = arg;

    return tx_do(s, tx, &instance_beat, BIND(v_text(l->instance), v_when(clock_now())));
}

/** Say that we live, and keep our leases. */
static enum err
renew(struct scope *s, struct jobs *j)
{
    int64_t now = clock_mono_ms();
    bool busy;

    if (now - j->renewed_ms < j->lessee.lease_ms / 3)
        return OK;
    pthread_mutex_lock(&j->lock);
    busy = j->running + j->task_count + j->reserved > 0;
    pthread_mutex_unlock(&j->lock);
    if (busy)
        TRY(lease_renew(s, &j->lessee));
    TRY(db_write(s, j->lessee.db, beat_in, &j->lessee));
    j->renewed_ms = now;
    return OK;
}

SQL(sample, "SELECT kind, state, COUNT(*), MIN(run_at) FROM job WHERE state IN (0, 1) "
            "GROUP BY kind, state ORDER BY kind, state");

static enum err
sample_gauges(struct scope *s, struct jobs *j)
{
    struct when now = clock_now();
    struct rows rows;

    if (clock_mono_ms() - j->sampled_ms < SAMPLE_MS)
        return OK;
    j->sampled_ms = clock_mono_ms();
    TRY(db_all(s, j->lessee.db, &sample, BIND_NONE, &rows));
    for (const struct job_kind *const *k = j->lessee.kinds; *k; k++) {
        metric_set(&queued_now, 0, (*k)->kind);
        metric_set(&running_now, 0, (*k)->kind);
        metric_set(&oldest_age, 0, (*k)->kind);
    }
    for (size_t i = 0; i < rows.count; i++) {
        const char *kind = row_text(&rows.at[i]);
        bool runs = row_int(&rows.at[i]) == JOB_RUNNING;
        int64_t count = row_int(&rows.at[i]);
        int64_t late = now.ms - row_int(&rows.at[i]);

        metric_set(runs ? &running_now : &queued_now, (double)count, kind);
        if (!runs)
            metric_set(&oldest_age, (double)MAX(late, 0) / 1000, kind);
    }
    return OK;
}

/** Hand a job to the runners, in a scope of its own. */
static void
hand_one(struct jobs *j, const struct job *job, int reserved)
{
    struct task t = { .s = scope_new("jobs"), .job = *job };

    t.job.kind = arena_text(t.s->arena, job->kind);
    t.job.payload = arena_text(t.s->arena, job->payload);
    pthread_mutex_lock(&j->lock);
    j->reserved -= reserved;
    j->tasks[j->task_count++] = t; /* no more are taken than there are free runners */
    pthread_cond_signal(&j->work);
    if (reserved)
        pthread_cond_broadcast(&j->idle);
    pthread_mutex_unlock(&j->lock);
}

static void
hand_out(struct jobs *j, const struct list *jobs)
{
    LIST_EACH(struct job, job, jobs)
    hand_one(j, job, 0);
}

bool
jobs_reserve(struct jobs *j)
{
    bool is_free;

    pthread_mutex_lock(&j->lock);
    is_free = !j->stopping && !clock_disagrees_ms() &&
              j->running + j->task_count + j->reserved < j->runner_count;
    j->reserved += is_free;
    pthread_mutex_unlock(&j->lock);
    return is_free;
}

void
jobs_begin(struct jobs *j, const struct job_spec *spec, int64_t id)
{
    struct job job;

    lease_job_added(&j->lessee, spec, id, &job);
    hand_one(j, &job, 1);
}

void
jobs_release(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    j->reserved--;
    pthread_cond_broadcast(&j->idle);
    pthread_mutex_unlock(&j->lock);
    bell_ring(false);
}

const struct lessee *
jobs_lessee(const struct jobs *j)
{
    return &j->lessee;
}

static enum err
take(struct scope *s, struct jobs *j, size_t *taken)
{
    struct list jobs = { 0 };
    int free_runners;
    enum err e;

    *taken = 0;
    pthread_mutex_lock(&j->lock);
    free_runners = j->runner_count - j->running - j->task_count - j->reserved;
    pthread_mutex_unlock(&j->lock);
    if (free_runners <= 0 || j->stopping)
        return OK;
    e = lease_take(s, &j->lessee, free_runners, &jobs);
    if (e == E_CONFLICT) { /* another server took one of the same serial key: look again later */
        scope_clear(s);
        return OK;
    }
    TRY(e);
    hand_out(j, &jobs);
    *taken = jobs.count;
    return OK;
}

static bool
is_past(struct when w, struct when now)
{
    return when_given(w) && w.ms <= now.ms;
}

static void
come_sooner(int64_t *wait_ms, struct when w, struct when now)
{
    if (when_given(w) && w.ms > now.ms)
        *wait_ms = MIN(*wait_ms, w.ms - now.ms);
}

/** One look at the queue; *WAIT_MS receives how long nothing will happen unless the bell rings. */
static enum err
look(struct scope *s, struct jobs *j, int64_t *wait_ms)
{
    struct when now = clock_now();
    struct outlook outlook;
    int64_t changed = 0;
    size_t taken = 0;

    *wait_ms = j->poll_ms;
    TRY(clock_watch(s, j->lessee.db));
    TRY(renew(s, j));
    TRY(sample_gauges(s, j));
    if (clock_disagrees_ms()) /* whose lease ran out, and what is due, cannot be told */
        return OK;
    TRY(lease_outlook(s, &j->lessee, &outlook));
    j->hungry = is_past(outlook.due, now);
    if (is_past(outlook.expiry, now))
        TRY(lease_reclaim(s, &j->lessee, &changed));
    if (is_past(outlook.schedule, now) && !j->stopping)
        TRY(schedule_run_due(s, j->lessee.db, now, &changed));
    if (is_past(outlook.due, now) || changed > 0)
        TRY(take(s, j, &taken));
    if (taken > 0)
        *wait_ms = 0;
    come_sooner(wait_ms, outlook.due, now);
    come_sooner(wait_ms, outlook.schedule, now);
    return OK;
}

/** Wait for the bell or for WAIT_MS, and less than that while a commit is awaited. */
static void
rest(struct jobs *j, uint64_t mark, int64_t wait_ms)
{
    if (j->soon_ms > 0)
        wait_ms = MIN(wait_ms, j->soon_ms);
    if (wait_ms > 0 && bell_wait(mark, wait_ms)) {
        j->soon_ms = SOON_MS;
        clock_nap(SOON_MS / 2); /* many additions, one look */
    } else if (j->soon_ms > 0) {
        j->soon_ms = j->soon_ms * 2 < j->poll_ms ? j->soon_ms * 2 : 0;
    }
}

static void *
clerk_main(void *arg)
{
    struct jobs *j = arg;
    bool closed = false;

    while (!closed) {
        AUTO(scope_free) struct scope *s = scope_new("jobs");
        uint64_t mark = bell_mark();
        int64_t wait_ms;

        if (look(s, j, &wait_ms) != OK) {
            if (!j->troubled)
                log_failure(s, LOG_ERROR, "cannot look at the job queue");
            j->troubled = true;
        } else if (j->troubled) {
            log_info(s, "the job queue can be reached again");
            j->troubled = false;
        }
        pthread_mutex_lock(&j->lock);
        closed = j->closed;
        pthread_mutex_unlock(&j->lock);
        if (!closed)
            rest(j, mark, wait_ms);
    }
    return NULL;
}

/* ---- beginning and end */

/** What the first transaction of a server needs. */
struct arrival {
    struct jobs *j;
    const char *name, *version;
    bool alone;
};

SQL(leases_left, "UPDATE job SET leased_until = 0 WHERE state = 1");

static enum err
arrive_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct arrival *a = arg;

    if (a->alone)
        TRY(tx_do(s, tx, &leases_left, BIND_NONE));
    TRY(tx_do(s, tx, &instance_add,
              BIND(v_text(a->j->lessee.instance), v_text(a->name), v_text(a->version),
                   v_when(clock_now()))));
    for (const struct job_kind *const *k = a->j->lessee.kinds; *k; k++) {
        struct schedule schedule = { .name = (*k)->kind,
                                     .kind = (*k)->kind,
                                     .rule = (*k)->every,
                                     .serial = (*k)->serial ? (*k)->serial : (*k)->kind,
                                     .enabled = true };

        if ((*k)->every)
            TRY(schedule_ensure(s, tx, &schedule));
    }
    return OK;
}

static enum err
leave_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct jobs *j = arg;

    return tx_do(s, tx, &instance_drop, BIND(v_text(j->lessee.instance)));
}

static void
threads_start(struct jobs *j)
{
    sigset_t all, before;

    sigfillset(&all); /* signals are for the program's own thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < j->runner_count; i++) {
        pthread_create(&j->runners[i], NULL, runner_main, j);
        (void)pthread_setname_np(j->runners[i], "runner");
    }
    pthread_create(&j->clerk, NULL, clerk_main, j);
    (void)pthread_setname_np(j->clerk, "clerk");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
jobs_free(struct jobs *j)
{
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->idle);
    pthread_mutex_destroy(&j->lock);
    arena_free(j->arena);
}

enum err
jobs_start(struct scope *s, struct db *db, const struct jobs_options *o, struct jobs **out)
{
    struct arena *arena = arena_new();
    struct jobs *j = arena_new_of(arena, struct jobs);
    char host[256] = "localhost";
    struct arrival arrival = { .j = j, .version = o->version ? o->version : "", .alone = o->alone };
    enum err e;

    gethostname(host, sizeof host - 1);
    arrival.name = o->name ? o->name : host;
    j->arena = arena;
    j->lessee = (struct lessee){ .db = db,
                                 .kinds = o->kinds,
                                 .app = o->app,
                                 .given_up = o->given_up,
                                 .instance = ulid_new(arena),
                                 .lease_ms = o->lease_ms > 0 ? o->lease_ms : 30 * SECOND_MS };
    lease_prepare(arena, &j->lessee);
    j->poll_ms = o->poll_ms > 0 ? o->poll_ms : SECOND_MS;
    j->runner_count = o->runners > 0 ? MIN(o->runners, RUNNERS_MAX) : 4;
    j->renewed_ms = clock_mono_ms();
    j->sampled_ms = clock_mono_ms() - SAMPLE_MS;
    pthread_mutex_init(&j->lock, NULL);
    wait_init(&j->work);
    wait_init(&j->idle);
    e = clock_watch(s, db);
    if (e == OK)
        e = note(s, db_write(s, db, arrive_in, &arrival), "registering this server");
    if (e != OK) {
        jobs_free(j);
        return e;
    }
    threads_start(j);
    *out = j;
    return OK;
}

/** Wait until no handler runs, and none is about to. */
static bool
drain(struct jobs *j, int64_t drain_ms)
{
    int64_t until = clock_mono_ms() + drain_ms + SECOND_MS;
    bool empty;

    pthread_mutex_lock(&j->lock);
    while (j->running + j->reserved > 0 && wait_until(&j->idle, &j->lock, until))
        ;
    empty = j->running + j->reserved == 0;
    j->closed = empty;
    pthread_cond_broadcast(&j->work);
    pthread_mutex_unlock(&j->lock);
    return empty;
}

/** Put back what no runner has begun. */
static void
put_back(struct scope *s, struct jobs *j)
{
    struct task tasks[RUNNERS_MAX];
    int count;

    pthread_mutex_lock(&j->lock);
    count = j->task_count;
    for (int i = 0; i < count; i++)
        tasks[i] = j->tasks[i];
    j->task_count = 0;
    pthread_mutex_unlock(&j->lock);
    for (int i = 0; i < count; i++) {
        if (lease_return(s, &j->lessee, &tasks[i].job) != OK)
            log_failure(s, LOG_WARN, "cannot put a job back; it will run when its lease ends");
        scope_clear(s);
        scope_free(tasks[i].s);
    }
}

bool
jobs_stop(struct jobs *j, int64_t drain_ms)
{
    AUTO(scope_free) struct scope *s = scope_new("jobs");

    if (!j)
        return true;
    j->stopping = true;
    bell_ring(false);
    put_back(s, j);
    if (!drain(j, drain_ms))
        return false;
    bell_ring(false);
    pthread_join(j->clerk, NULL);
    for (int i = 0; i < j->runner_count; i++)
        pthread_join(j->runners[i], NULL);
    put_back(s, j); /* what the clerk took in the moment that we stopped */
    if (db_write(s, j->lessee.db, leave_in, j) != OK)
        log_failure(s, LOG_WARN, "cannot sign off");
    jobs_free(j);
    return true;
}

void
jobs_wake(void)
{
    bell_ring(true);
}

bool
job_should_stop(const struct job *job)
{
    return job->jobs && job->jobs->stopping;
}

struct db *
jobs_db(const struct jobs *j)
{
    return j->lessee.db;
}

const char *
jobs_instance(const struct jobs *j)
{
    return j->lessee.instance;
}
