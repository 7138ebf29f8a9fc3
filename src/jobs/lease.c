#include "jobs/lease.h"

const struct job_kind *
lease_kind(const struct lessee *l, const char *kind)
{
    for (const struct job_kind *const *k = l->kinds; *k; k++)
        if (text_eq((*k)->kind, kind))
            return *k;
    return NULL;
}

/*
 * Which jobs to take: due, of a kind that this server knows, and none whose serial key is held by a
 * running one. Two servers that take two jobs of one serial key at the same moment are told apart
 * by the unique index on running jobs.
 */
void
lease_prepare(struct arena *arena, struct lessee *l)
{
    struct buf text;

    buf_init_in(&text, arena, (size_t)64 * 1024);
    buf_text(&text,
             "SELECT j.id, j.kind, j.payload, j.attempts, j.max_attempts, j.fence, j.parent, "
             "j.deadline_at, j.serial_key FROM job j WHERE j.state = 0 AND j.run_at <= $1 AND "
             "(j.serial_key IS NULL OR NOT EXISTS (SELECT 1 FROM job r WHERE r.state = 1 AND "
             "r.serial_key = j.serial_key AND r.serial_key IS NOT NULL)) AND j.kind IN (");
    for (size_t i = 0; l->kinds[i]; i++)
        buf_printf(&text, "%s'%s'", i > 0 ? ", " : "", l->kinds[i]->kind); /* constants of ours */
    buf_text(&text, l->kinds[0] ? ") " : "'') ");
    buf_text(&text, "ORDER BY j.run_at, j.id LIMIT $2 @lock_skip");
    l->take_sql = buf_str(&text);
}

/* When a lease that is taken now ends at the latest. */
static struct when
longest_lease(const struct lessee *l)
{
    return when_add_ms(clock_now(), l->lease_ms + CLOCK_SLACK_MS);
}

/* A lease that is longer than leases are ($1), and a turn that is to come yet ($2): by a clock that
 * was ahead. */
SQL(outlook, "SELECT (SELECT MIN(run_at) FROM job WHERE state = 0), "
             "(SELECT MIN(CASE WHEN leased_until > $1 THEN 0 ELSE leased_until END) FROM job "
             "WHERE state = 1), "
             "(SELECT MIN(CASE WHEN last_at > $2 THEN 0 ELSE next_at END) FROM schedule "
             "WHERE enabled = 1)");

enum err
lease_outlook(struct scope *s, const struct lessee *l, struct outlook *out)
{
    struct row row;

    TRY(db_one(s, l->db, &outlook,
               BIND(v_when(longest_lease(l)), v_when(when_add_ms(clock_now(), CLOCK_SLACK_MS))),
               &row));
    out->due = row_when(&row);
    out->expiry = row_when(&row);
    out->schedule = row_when(&row);
    return OK;
}

SQL(job_lease,
    "UPDATE job SET state = 1, attempts = attempts + 1, fence = fence + 1, leased_by = $2, "
    "leased_until = $3 WHERE id = $1");
SQL(attempt_begin,
    "INSERT INTO attempt (job, number, instance, started_at) VALUES ($1, $2, $3, $4)");
SQL(attempt_end, "UPDATE attempt SET ended_at = $3, error = $4 WHERE job = $1 AND number = $2");
SQL(job_close, "UPDATE job SET state = $3, result = $4, finished_at = $5, leased_by = NULL, "
               "leased_until = NULL WHERE id = $1 AND fence = $2 AND state IN (0, 1)");
SQL(job_done, "UPDATE job SET state = 2, result = NULL, finished_at = $3, leased_by = NULL, "
              "leased_until = NULL WHERE id = $1 AND fence = $2 AND state = 1");
SQL(job_again, "UPDATE job SET state = 0, result = $3, run_at = $4, leased_by = NULL, "
               "leased_until = NULL WHERE id = $1 AND fence = $2 AND state = 1");
SQL(job_twin,
    "SELECT w.id FROM job j JOIN job w ON w.dedupe_key = j.dedupe_key AND w.state = 0 AND "
    "w.dedupe_key IS NOT NULL WHERE j.id = $1");

static int
most_attempts(const struct lessee *l, const char *name, int said)
{
    const struct job_kind *kind = lease_kind(l, name);

    return said > 0 ? said : kind && kind->max_attempts > 0 ? kind->max_attempts : 10;
}

static void
job_read(const struct lessee *l, struct row *row, struct job *out, const char **serial)
{
    out->id = row_int(row);
    out->kind = row_text(row);
    out->payload = row_text(row);
    out->attempt = (int)row_int(row) + 1;
    out->max_attempts = (int)row_int(row);
    out->fence = row_int(row) + 1;
    out->parent = row_int(row);
    out->deadline = row_when(row);
    *serial = row_text(row);
    out->max_attempts = most_attempts(l, out->kind, out->max_attempts);
}

/** Give JOB up, as part of TX; FENCE is the row's present one. */
static enum err
give_up(struct scope *s, struct tx *tx, const struct lessee *l, const struct job *job,
        int64_t fence, const char *why)
{
    int64_t changed;

    TRY(tx_count(
        s, tx, &job_close,
        BIND(v_int(job->id), v_int(fence), v_int(JOB_FAILED), v_text(why), v_when(clock_now())),
        &changed));
    if (changed == 0)
        return fail(s, E_CONFLICT, "job %lld was given to another server", (long long)job->id);
    return l->given_up ? l->given_up(s, tx, l->app, job, why) : OK;
}

/** What taking jobs needs and finds. */
struct taking {
    const struct lessee *l;
    int most;
    struct list jobs; /* of struct job */
};

static enum err
take_in(struct scope *s, struct tx *tx, void *arg)
{
    struct taking *t = arg;
    struct when now = clock_now(), until = when_add_ms(now, t->l->lease_ms);
    struct list serials = { 0 }, jobs = { 0 };
    struct rows rows;

    TRY(tx_query(s, tx, t->l->take_sql, BIND(v_when(now), v_int(t->most)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct job job = { 0 };
        const char *serial;

        job_read(t->l, &rows.at[i], &job, &serial);
        if (when_given(job.deadline) && when_cmp(job.deadline, now) <= 0) {
            TRY(give_up(s, tx, t->l, &job, job.fence - 1, "its deadline passed"));
            continue;
        }
        if (serial && list_has(&serials, serial))
            continue;
        if (serial)
            list_add(s->arena, &serials, const char *, serial);
        TRY(tx_do(s, tx, &job_lease, BIND(v_int(job.id), v_text(t->l->instance), v_when(until))));
        TRY(tx_do(s, tx, &attempt_begin,
                  BIND(v_int(job.id), v_int(job.attempt), v_text(t->l->instance), v_when(now))));
        list_add(s->arena, &jobs, struct job, job);
    }
    t->jobs = jobs;
    return OK;
}

enum err
lease_take(struct scope *s, const struct lessee *l, int most, struct list *out)
{
    struct taking t = { .l = l, .most = most };

    TRY(db_write(s, l->db, take_in, &t));
    *out = t.jobs;
    return OK;
}

SQL(job_insert_taken,
    "INSERT INTO job (kind, payload, state, run_at, deadline_at, serial_key, parent, max_attempts, "
    "created_at, attempts, fence, leased_by, leased_until) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, "
    "$3, 1, 1, $8, $9) RETURNING id");

enum err
lease_added(struct scope *s, struct tx *tx, const struct job_spec *spec, int64_t *id)
{
    const struct lessee *l = jobs_lessee(spec->runner);
    struct when now = clock_now();
    struct row row;

    TRY(tx_one(s, tx, &job_insert_taken,
               BIND(v_text(spec->kind), v_text(spec->payload ? spec->payload : "{}"), v_when(now),
                    spec->deadline.ms ? v_when(spec->deadline) : v_null(), v_text(spec->serial),
                    v_id(spec->parent), v_int(spec->max_attempts), v_text(l->instance),
                    v_when(when_add_ms(now, l->lease_ms))),
               &row));
    *id = row_int(&row);
    return tx_do(s, tx, &attempt_begin,
                 BIND(v_int(*id), v_int(1), v_text(l->instance), v_when(now)));
}

void
lease_job_added(const struct lessee *l, const struct job_spec *spec, int64_t id, struct job *out)
{
    *out = (struct job){ .id = id,
                         .kind = spec->kind,
                         .payload = spec->payload ? spec->payload : "{}",
                         .attempt = 1,
                         .max_attempts = most_attempts(l, spec->kind, spec->max_attempts),
                         .fence = 1,
                         .parent = spec->parent,
                         .deadline = spec->deadline.ms ? spec->deadline : WHEN_NONE };
}

SQL(leases_renew, "UPDATE job SET leased_until = $2 WHERE leased_by = $1 AND state = 1");

static enum err
renew_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct lessee *l = arg;

    return tx_do(s, tx, &leases_renew,
                 BIND(v_text(l->instance), v_when(when_add_ms(clock_now(), l->lease_ms))));
}

enum err
lease_renew(struct scope *s, const struct lessee *l)
{
    struct lessee copy = *l;

    return db_write(s, l->db, renew_in, &copy);
}

/** Make JOB wait again until AT, or, when another job with its dedupe key waits already, leave the
 * work to that. */
static enum err
wait_again(struct scope *s, struct tx *tx, const struct job *job, struct when at, const char *why,
           int64_t *changed)
{
    struct row row;
    enum err e = tx_one(s, tx, &job_twin, BIND(v_int(job->id)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return tx_count(s, tx, &job_again,
                        BIND(v_int(job->id), v_int(job->fence), v_text(why), v_when(at)), changed);
    }
    TRY(e);
    return tx_count(s, tx, &job_close,
                    BIND(v_int(job->id), v_int(job->fence), v_int(JOB_CANCELLED),
                         v_text(arena_printf(s->arena, "job %lld does its work: %s",
                                             (long long)row_int(&row), why)),
                         v_when(clock_now())),
                    changed);
}

SQL(leases_expired, "SELECT id, kind, payload, attempts, max_attempts, fence, parent, deadline_at, "
                    "serial_key FROM job WHERE state = 1 AND "
                    "(leased_until < $1 OR leased_until > $2) ORDER BY id LIMIT 100 @lock_skip");

/** What reclaiming needs and finds. */
struct reclaiming {
    const struct lessee *l;
    int64_t count;
};

static enum err
reclaim_in(struct scope *s, struct tx *tx, void *arg)
{
    static const char why[] = "the server that ran it stopped";
    struct reclaiming *r = arg;
    struct when now = clock_now();
    struct rows rows;

    r->count = 0;
    TRY(tx_all(s, tx, &leases_expired, BIND(v_when(now), v_when(longest_lease(r->l))), &rows));
    for (size_t i = 0; i < rows.count; i++, r->count++) {
        struct job job = { 0 };
        const char *serial;
        int64_t changed;

        job_read(r->l, &rows.at[i], &job, &serial);
        job.attempt--; /* as the row stands: the attempt that was lost */
        job.fence--;
        TRY(tx_do(s, tx, &attempt_end,
                  BIND(v_int(job.id), v_int(job.attempt), v_when(now), v_text(why))));
        if (job.attempt >= job.max_attempts)
            TRY(give_up(s, tx, r->l, &job, job.fence, why));
        else
            TRY(wait_again(s, tx, &job, now, why, &changed));
    }
    return OK;
}

enum err
lease_reclaim(struct scope *s, const struct lessee *l, int64_t *reclaimed)
{
    struct reclaiming r = { .l = l };

    TRY(db_write(s, l->db, reclaim_in, &r));
    *reclaimed = r.count;
    return OK;
}

SQL(job_return, "UPDATE job SET state = 0, attempts = attempts - 1, leased_by = NULL, "
                "leased_until = NULL WHERE id = $1 AND fence = $2 AND state = 1");
SQL(attempt_drop, "DELETE FROM attempt WHERE job = $1 AND number = $2");

static enum err
return_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct job *job = arg;

    TRY(tx_do(s, tx, &attempt_drop, BIND(v_int(job->id), v_int(job->attempt))));
    return tx_do(s, tx, &job_return, BIND(v_int(job->id), v_int(job->fence)));
}

enum err
lease_return(struct scope *s, const struct lessee *l, const struct job *job)
{
    struct job copy = *job;

    return db_write(s, l->db, return_in, &copy);
}

enum err
job_end(struct scope *s, struct tx *tx, const struct job *job)
{
    struct when now = clock_now();
    int64_t changed;

    TRY(tx_count(s, tx, &job_done, BIND(v_int(job->id), v_int(job->fence), v_when(now)), &changed));
    if (changed == 0)
        return fail(s, E_CONFLICT, "job %lld was given to another server", (long long)job->id);
    return tx_do(s, tx, &attempt_end,
                 BIND(v_int(job->id), v_int(job->attempt), v_when(now), v_null()));
}

/** A verdict on its way into the database. */
struct ending {
    const struct lessee *l;
    struct verdict *v;
};

static enum err
end_in(struct scope *s, struct tx *tx, void *arg)
{
    struct ending *e = arg;
    struct verdict *v = e->v;
    const struct job *job = v->job;
    struct when now = clock_now();
    int64_t changed = 1;
    enum err held = job_still_ours(s, tx, job);

    v->gave_up =
        !v->done && (v->final || job->attempt >= job->max_attempts ||
                     (when_given(job->deadline) && when_cmp(v->again, job->deadline) >= 0));
    v->late = held == E_CONFLICT;
    if (v->late) {
        scope_clear(s);
        return OK;
    }
    TRY(held);
    TRY(tx_do(s, tx, &attempt_end,
              BIND(v_int(job->id), v_int(job->attempt), v_when(now), v_text(v->why))));
    if (v->done)
        return tx_do(
            s, tx, &job_close,
            BIND(v_int(job->id), v_int(job->fence), v_int(JOB_DONE), v_null(), v_when(now)));
    if (v->gave_up)
        return give_up(s, tx, e->l, job, job->fence, v->why);
    return wait_again(s, tx, job, v->again, v->why, &changed);
}

enum err
lease_end(struct scope *s, const struct lessee *l, struct verdict *v)
{
    struct ending e = { .l = l, .v = v };

    return db_write(s, l->db, end_in, &e);
}
