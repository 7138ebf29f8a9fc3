/* The queue as everybody sees it: putting jobs in, looking at them, taking them out. */
#include "jobs/jobs.h"

#include "codec/json.h"
#include "jobs/bell.h"
#include "jobs/lease.h"

static const char *const state_names[] = { "queued", "running", "done", "failed", "cancelled" };

const char *
job_state_name(enum job_state state)
{
    return state_names[state];
}

/*
 * The waiting job is updated even where nothing changes: on PostgreSQL that locks its row until we
 * commit, so that nobody starts it before our change can be seen.
 */
SQL(job_insert,
    "INSERT INTO job (kind, payload, state, run_at, deadline_at, dedupe_key, serial_key, parent, "
    "max_attempts, created_at) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9) "
    "ON CONFLICT (dedupe_key) WHERE state = 0 AND dedupe_key IS NOT NULL DO UPDATE SET run_at = "
    "CASE WHEN excluded.run_at < job.run_at THEN excluded.run_at ELSE job.run_at END RETURNING id");

static struct when
given_or(struct when w, struct when other)
{
    return when_given(w) && w.ms ? w : other;
}

enum err
job_add(struct scope *s, struct tx *tx, const struct job_spec *spec, int64_t *id)
{
    struct when now = clock_now();
    struct row row;

    if (spec->runner)
        return note(s, lease_added(s, tx, spec, id), "adding a job %s", spec->kind);
    TRY(note(s,
             tx_one(s, tx, &job_insert,
                    BIND(v_text(spec->kind), v_text(spec->payload ? spec->payload : "{}"),
                         v_when(given_or(spec->run_at, now)),
                         v_when(given_or(spec->deadline, WHEN_NONE)), v_text(spec->dedupe),
                         v_text(spec->serial), v_id(spec->parent), v_int(spec->max_attempts),
                         v_when(now)),
                    &row),
             "adding a job %s", spec->kind));
    if (id)
        *id = row_int(&row);
    bell_ring(true);
    return OK;
}

SQL(job_ours, "SELECT fence FROM job WHERE id = $1 AND state = 1 AND fence = $2 @lock");

enum err
job_still_ours(struct scope *s, struct tx *tx, const struct job *job)
{
    struct row row;
    enum err e = tx_one(s, tx, &job_ours, BIND(v_int(job->id), v_int(job->fence)), &row);

    if (e == E_NOT_FOUND)
        return fail(s, E_CONFLICT, "job %lld was given to another server", (long long)job->id);
    return e;
}

void
job_has_ended(const struct job *job)
{
    if (job->ended)
        *job->ended = true;
}

SQL(job_take_out, "UPDATE job SET state = 4, finished_at = $2 WHERE id = $1 AND state = 0");

enum err
job_cancel(struct scope *s, struct tx *tx, int64_t id)
{
    int64_t changed;

    TRY(tx_count(s, tx, &job_take_out, BIND(v_int(id), v_when(clock_now())), &changed));
    if (changed == 0)
        return fail(s, E_CONFLICT, "job %lld does not wait any more", (long long)id);
    return OK;
}

#define COLUMNS                                                                               \
    "j.id, j.parent, j.kind, j.payload, j.dedupe_key, j.serial_key, j.state, j.attempts, "    \
    "j.max_attempts, j.created_at, j.run_at, (SELECT MAX(a.started_at) FROM attempt a WHERE " \
    "a.job = j.id), j.finished_at, j.deadline_at, j.result "

SQL(jobs_page, "SELECT " COLUMNS "FROM job j WHERE j.id < $1 AND (j.state = $2 OR $2 < 0) "
               "ORDER BY j.id DESC LIMIT $3");
SQL(jobs_page_of_kind, "SELECT " COLUMNS "FROM job j WHERE j.id < $1 AND (j.state = $2 OR $2 < 0) "
                       "AND j.kind = $4 ORDER BY j.id DESC LIMIT $3");
SQL(job_by_id, "SELECT " COLUMNS "FROM job j WHERE j.id = $1");

static void
job_read(struct row *row, struct job_row *out)
{
    out->id = row_int(row);
    out->parent = row_int(row);
    out->kind = row_text(row);
    out->payload = row_text(row);
    out->dedupe = row_text(row);
    out->serial = row_text(row);
    out->state = (enum job_state)row_int(row);
    out->attempts = (int)row_int(row);
    out->max_attempts = (int)row_int(row);
    out->added = row_when(row);
    out->run_at = row_when(row);
    out->started = row_when(row);
    out->ended = row_when(row);
    out->deadline = row_when(row);
    out->error = row_text(row);
}

enum err
job_list(struct scope *s, struct db *db, const struct job_query *q, struct list *out)
{
    struct value after = v_int(q->after > 0 ? q->after : INT64_MAX);
    struct value limit = v_int(q->limit <= 0 ? 50 : MIN(q->limit, 1000));
    struct list found = { 0 };
    struct rows rows;

    if (q->kind)
        TRY(db_all(s, db, &jobs_page_of_kind, BIND(after, v_int(q->state), limit, v_text(q->kind)),
                   &rows));
    else
        TRY(db_all(s, db, &jobs_page, BIND(after, v_int(q->state), limit), &rows));
    for (size_t i = 0; i < rows.count; i++)
        job_read(&rows.at[i], list_push(s->arena, &found, struct job_row));
    *out = found;
    return OK;
}

enum err
job_get(struct scope *s, struct db *db, int64_t id, struct job_row *out)
{
    struct row row;

    TRY(note(s, db_one(s, db, &job_by_id, BIND(v_int(id)), &row), "job %lld", (long long)id));
    job_read(&row, out);
    return OK;
}

SQL(unsettled, "SELECT COUNT(*) FROM job WHERE state = 1 OR (state = 0 AND run_at <= $1)");
SQL(unsettled_of_kind, "SELECT COUNT(*) FROM job WHERE (state = 1 OR (state = 0 AND run_at <= $1)) "
                       "AND kind = $2");

enum err
jobs_settle(struct scope *s, struct db *db, const char *kind)
{
    for (;;) {
        struct value now = v_when(clock_now());
        struct row row;

        if (kind)
            TRY(db_one(s, db, &unsettled_of_kind, BIND(now, v_text(kind)), &row));
        else
            TRY(db_one(s, db, &unsettled, BIND(now), &row));
        if (row_int(&row) == 0)
            return OK;
        if (scope_left_ms(s) == 0)
            return fail(s, E_TIMEOUT, "jobs are still waiting or running");
        clock_nap(5);
    }
}

enum err
job_number(struct scope *s, const struct job *job, const char *name, int64_t *out)
{
    struct json *payload;

    TRY(json_parse(s, bytes_of_text(job->payload), &payload));
    return json_int(json_get(payload, name), out) ? OK
                                                  : fail(s, E_INVALID, "the job names no %s", name);
}
