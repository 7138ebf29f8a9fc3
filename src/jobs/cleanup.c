/* The job that keeps the queue short. */
#include "base/metric.h"
#include "jobs/jobs.h"

#define BATCH 500
#define EVENTS_MS (7 * DAY_MS) /* whoever follows is seconds behind */
#define INSTANCE_MS HOUR_MS

#define OLD                                                                               \
    "(SELECT id FROM job WHERE (state IN (2, 4) AND finished_at < $1) OR (state = 3 AND " \
    "finished_at < $2) ORDER BY id LIMIT $3)"

SQL(attempts_purge, "DELETE FROM attempt WHERE job IN " OLD);
SQL(jobs_purge, "DELETE FROM job WHERE id IN " OLD);
SQL(instances_purge, "DELETE FROM instance WHERE heartbeat_at < $1");

/* The stream of a lane begins with its oldest event: the time of the one so many behind tells. */
SQL(streams, "SELECT lane FROM event_stream ORDER BY lane");
SQL(event_at, "SELECT seq FROM (SELECT seq, ts FROM event WHERE lane = $1 ORDER BY seq LIMIT 1 "
              "OFFSET $2) e WHERE ts < $3");
SQL(events_purge, "DELETE FROM event WHERE lane = $1 AND seq <= $2");

COUNTER(purged_total, "chancery_purged_rows_total",
        "Rows that were removed since their time was over.", "of");

/** What to remove, and how many jobs that was. */
struct purge {
    const struct job_keep *keep;
    int64_t jobs;
};

static enum err
purge_in(struct scope *s, struct tx *tx, void *arg)
{
    struct purge *p = arg;
    struct when now = clock_now();
    struct value done = v_when(when_add_ms(now, -p->keep->done_ms));
    struct value failed = v_when(when_add_ms(now, -p->keep->failed_ms));

    TRY(tx_do(s, tx, &instances_purge, BIND(v_when(when_add_ms(now, -INSTANCE_MS)))));
    TRY(tx_do(s, tx, &attempts_purge, BIND(done, failed, v_int(BATCH))));
    return tx_count(s, tx, &jobs_purge, BIND(done, failed, v_int(BATCH)), &p->jobs);
}

/** A batch of a lane's events. */
struct events {
    int64_t lane, up_to;
};

static enum err
events_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct events *e = arg;

    return tx_do(s, tx, &events_purge, BIND(v_int(e->lane), v_int(e->up_to)));
}

static enum err
events_clean(struct scope *s, struct db *db, const struct job *job, int64_t lane)
{
    struct value old = v_when(when_add_ms(clock_now(), -EVENTS_MS));
    struct events e = { .lane = lane };
    struct rows rows;

    while (!job_should_stop(job)) {
        TRY(db_all(s, db, &event_at, BIND(v_int(lane), v_int(BATCH - 1), old), &rows));
        if (!rows.count)
            break;
        e.up_to = row_int(&rows.at[0]);
        TRY(db_write(s, db, events_in, &e));
        metric_add(&purged_total, BATCH, "events");
    }
    return OK;
}

enum err
job_cleanup(struct scope *s, const struct job *job, const struct job_keep *keep)
{
    struct purge p = { .keep = keep, .jobs = BATCH };
    struct db *db = jobs_db(job->jobs);
    struct rows lanes;

    while (p.jobs == BATCH && !job_should_stop(job)) {
        TRY(db_write(s, db, purge_in, &p));
        metric_add(&purged_total, (double)p.jobs, "jobs");
    }
    TRY(db_all(s, db, &streams, BIND_NONE, &lanes));
    for (size_t i = 0; i < lanes.count; i++)
        TRY(events_clean(s, db, job, row_int(&lanes.at[i])));
    return OK;
}
