/* The job that keeps the queue short. */
#include "jobs/jobs.h"

#define BATCH 500
#define DONE_MS (7 * DAY_MS)
#define FAILED_MS (30 * DAY_MS)
#define INSTANCE_MS HOUR_MS

#define OLD                                                                               \
    "(SELECT id FROM job WHERE (state IN (2, 4) AND finished_at < $1) OR (state = 3 AND " \
    "finished_at < $2) ORDER BY id LIMIT $3)"

SQL(attempts_purge, "DELETE FROM attempt WHERE job IN " OLD);
SQL(jobs_purge, "DELETE FROM job WHERE id IN " OLD);
SQL(instances_purge, "DELETE FROM instance WHERE heartbeat_at < $1");

static enum err
purge_in(struct scope *s, struct tx *tx, void *arg)
{
    struct when now = clock_now();
    struct value done = v_when(when_add_ms(now, -DONE_MS));
    struct value failed = v_when(when_add_ms(now, -FAILED_MS));

    TRY(tx_do(s, tx, &instances_purge, BIND(v_when(when_add_ms(now, -INSTANCE_MS)))));
    TRY(tx_do(s, tx, &attempts_purge, BIND(done, failed, v_int(BATCH))));
    return tx_count(s, tx, &jobs_purge, BIND(done, failed, v_int(BATCH)), arg);
}

static enum err
cleanup_run(struct scope *s, void *app, const struct job *job)
{
    int64_t removed = BATCH;

    (void)app;
    while (removed == BATCH && !job_should_stop(job))
        TRY(db_write(s, jobs_db(job->jobs), purge_in, &removed));
    return OK;
}

const struct job_kind job_cleanup_kind = {
    .kind = "jobs.cleanup",
    .run = cleanup_run,
    .every = "1h",
    .doc = "Removes jobs that ended long ago, and servers that are gone.",
};
