#include "db/postgres.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/random.h"

#include <string.h>
#include <time.h>

#define TRIES 10              /* of one write that others conflict with */
#define WAIT_MS INT64_C(1000) /* between looks at the queue */
#define BACKOFF_MOST_MS INT64_C(5000)

static struct postgres_conn *
conn_of(struct lane *lane)
{
    return (struct postgres_conn *)lane->conn;
}

/* The connection and its number ------------------------------------------------------------ */

/** The lowest number that no other lane of the installation holds; ours while the session lasts. */
static enum err
take_number(struct scope *s, struct lane *lane)
{
    int64_t n = 0;

    TRY(postgres_ask(s, conn_of(lane),
                     arena_printf(s->arena,
                                  "SELECT n FROM generate_series(1, 10000) AS n"
                                  " WHERE pg_try_advisory_lock(%d, n) LIMIT 1",
                                  LOCK_LANE),
                     &n));
    if (n == 0)
        return fail(s, E_LIMIT, "too many servers on one database");
    lane->number = (int)n;
    if (!PQenterPipelineMode(conn_of(lane)->link))
        return postgres_lost(s, conn_of(lane), "entering the pipeline");
    conn_of(lane)->pipelined = true;
    return OK;
}

static void
lane_disconnect(struct lane *lane)
{
    if (lane->conn)
        lane->conn->engine->disconnect(lane->conn);
    lane->conn = NULL;
    lane->number = 0;
}

static enum err
lane_connect(struct scope *s, struct lane *lane)
{
    enum err e;

    if (lane->conn && lane->conn->broken)
        lane_disconnect(lane);
    if (lane->conn)
        return OK;
    e = postgres_engine.connect(s, lane->db, true, &lane->conn);
    if (e == OK)
        e = take_number(s, lane);
    if (e != OK)
        lane_disconnect(lane);
    meter_up(e == OK);
    return e;
}

/* One write ---------------------------------------------------------------------------------- */

static enum err
take_commit(struct scope *s, PGresult *r, void *arg UNUSED)
{
    return strcmp(PQcmdStatus(r), "COMMIT") == 0 ? OK : fail(s, E_INTERNAL, "the commit undid");
}

/** The commit; when the connection dies in it, nobody knows how it went. */
static enum err
commit(struct scope *s, struct lane *lane)
{
    int64_t deadline_ms = s->deadline_ms;
    enum err e;

    crash_point("db.before_commit");
    s->deadline_ms = INT64_MAX; /* soon over, and half of it helps nobody */
    e = postgres_send(s, conn_of(lane), "COMMIT");
    if (e == OK)
        e = postgres_sync(s, conn_of(lane), take_commit, NULL);
    s->deadline_ms = deadline_ms;
    if (e == E_UNAVAILABLE)
        s->error.tag = "unknown";
    return e;
}

static void
rollback(struct scope *s, struct lane *lane)
{
    struct error own = s->error;
    int64_t deadline_ms = s->deadline_ms;

    s->deadline_ms = clock_mono_ms() + lane->db->busy_ms;
    if (!lane->conn->broken)
        (void)postgres_sync(s, conn_of(lane), NULL, NULL); /* what failed is known */
    if (lane->conn->broken || postgres_send(s, conn_of(lane), "ROLLBACK") != OK ||
        postgres_sync(s, conn_of(lane), NULL, NULL) != OK)
        lane->conn->broken = true;
    s->deadline_ms = deadline_ms;
    s->error = own;
}

/** One try; *AGAIN says that another may do better. */
static enum err
try_write(struct lane *lane, struct write *w, bool *again)
{
    struct scope *s = w->scope;
    struct tx tx = { .db = lane->db };
    enum err e = lane_connect(s, lane);

    *again = false;
    if (e != OK)
        return e;
    tx.conn = lane->conn;
    tx.lane = lane->number;
    lane->conn->again = false;
    e = postgres_send(s, conn_of(lane), "BEGIN");
    if (e == OK)
        e = tx_run(&tx, w);
    if (e == OK)
        e = sums_tell(s, &tx, &tx.sums);
    if (e == OK) {
        e = commit(s, lane);
        if (e == OK || lane->conn->broken)
            return e;
    }
    rollback(s, lane);
    *again = tx.conn->again || (e == E_UNAVAILABLE && lane->conn->broken);
    return e;
}

static enum err
write_one(struct lane *lane, struct write *w)
{
    bool again = true;
    enum err e = OK;

    for (int i = 0; i < TRIES && again; i++) {
        if (i > 0) {
            if (scope_left_ms(w->scope) == 0)
                break;
            clock_nap((int64_t)random_below(UINT64_C(4) << i));
            write_forget(w);
        }
        e = try_write(lane, w, &again);
    }
    if (e == OK)
        meter_commit(1);
    return e;
}

/* The thread --------------------------------------------------------------------------------- */

/** While the server is away: try to come back, and tell those who wait that nobody knows when. */
static void
come_back(struct lane *lane, int64_t *backoff_ms)
{
    AUTO(scope_free) struct scope *s = scope_new("db");
    enum err e = lane_connect(s, lane);
    struct write *w;

    if (e == OK) {
        *backoff_ms = 0;
        return;
    }
    if (*backoff_ms == 0)
        log_failure(s, LOG_ERROR, "the database is away");
    *backoff_ms = MIN(MAX(2 * *backoff_ms, INT64_C(50)), BACKOFF_MOST_MS);
    w = queue_take(&lane->db->queue, (int64_t)random_below((uint64_t)*backoff_ms) + 1);
    if (w) {
        (void)fail_code(w->scope, e, s->error.code, "%s", s->error.text);
        meter_write(w);
        queue_answer(w, e);
    }
}

void *
postgres_lane(void *arg)
{
    struct lane *lane = arg;
    struct queue *q = &lane->db->queue;
    int64_t backoff_ms = 0;

    while (!queue_ended(q)) {
        struct write *w;

        if (!lane->conn || lane->conn->broken) {
            come_back(lane, &backoff_ms);
            continue;
        }
        w = queue_take(q, WAIT_MS);
        if (w) {
            enum err e = write_one(lane, w);

            crash_point("db.after_commit_before_answer");
            if (e == OK && w->then)
                w->then(w->scope, &w->arg, 1);
            meter_write(w);
            queue_answer(w, e);
        }
    }
    lane_disconnect(lane);
    return NULL;
}
