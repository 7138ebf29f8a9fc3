#include "db/carry.h"
#include "db/sqlite.h"

#include "base/fault.h"
#include "base/log.h"
#include "db/wal.h"

#include <sys/stat.h>

#define BATCH_US INT64_C(20000)       /* a commit waits no longer for further writes to join */
#define IDLE_MS INT64_C(1000)         /* without writes, before the log is emptied */
#define SCOPE_MOST ((size_t)64 << 10) /* bytes of errors of the past */
#define LOG_TIMES \
    16 /* the log is so much larger than meant, as readers kept it: cut it when they are gone */
#define LOG_MOST \
    2 /* the log is so much larger than meant, as writers were faster than its carrier */
#define LOG_CALM \
    4 /* a part of the log: while so little is carried over, writes of many rows wait */
#define LOG_LAST 128 /* a part of the log that the lane carries over, when nobody can write */
#define CAREFUL 256  /* writes that get savepoints after one that had to be undone */

#define KEPT_LOG_LIMIT "PRAGMA journal_size_limit = 536870912" /* bytes */

struct batch {
    struct write *all[DB_BATCH_MAX];
    size_t count;
    struct write *failed[DB_BATCH_MAX]; /* behind others, whose work they saw */
    size_t failures;
    struct list sums; /* in the lane's scope */
    bool careful;     /* each write has a savepoint, so that it can be undone by itself */
};

static struct sqlite_conn *
conn_of(struct lane *lane)
{
    return (struct sqlite_conn *)lane->conn;
}

/** After a commit: when the log did not grow, it began anew. When all of it is in the file already,
 * it may have: then nothing is known. */
static int
count_frames(void *conn, sqlite3 *handle UNUSED, const char *name UNUSED, int frames)
{
    struct sqlite_conn *c = conn;

    if (frames <= c->log_frames) {
        c->log_done = 0;
        c->log_anew = true;
        c->log_due = c->head.db->log_pages;
    } else if (c->log_done >= c->log_frames) {
        c->log_done = 0;
    }
    c->log_frames = frames;
    atomic_store(&c->head.db->log_frames, frames);
    return SQLITE_OK;
}

static void
touch(void *db, int what, UNUSED const char *file, const char *table, UNUSED sqlite3_int64 row)
{
    if (what != SQLITE_INSERT)
        watches_touch(db, table);
}

/** Have a connection that works. */
static enum err
lane_connect(struct scope *s, struct lane *lane)
{
    struct sqlite_conn *c;

    if (lane->conn && lane->conn->broken) {
        lane->conn->engine->disconnect(lane->conn);
        lane->conn = NULL;
        lane->number = 0;
    }
    if (lane->conn)
        return OK;
    TRY(sqlite_engine.connect(s, lane->db, true, &lane->conn));
    c = conn_of(lane);
    (void)sqlite3_wal_hook(c->handle, count_frames, c);
    (void)sqlite3_update_hook(c->handle, touch, lane->db);
    c->log_frames = 1; /* unknown: look when idle */
    if (lane->db->keep_log)
        (void)sqlite3_exec(c->handle, KEPT_LOG_LIMIT, NULL, NULL, NULL);
    c->log_due = lane->db->log_pages;
    lane->number = 1;
    return OK;
}

/* One write, and many ----------------------------------------------------------------------- */

static bool
in_transaction(struct sqlite_conn *c)
{
    return sqlite3_get_autocommit(c->handle) == 0;
}

/** Undo the write that failed, behind its savepoint; the scope keeps its own error. */
static void
undo_one(struct sqlite_conn *c, struct scope *s)
{
    struct error own = s->error;

    if (!in_transaction(c) || sqlite_step(s, c, STEP_UNDO) != OK ||
        sqlite_step(s, c, STEP_RELEASE) != OK)
        c->head.broken = true; /* the whole transaction is lost */
    s->error = own;
}

static struct tx
tx_of(struct lane *lane)
{
    return (struct tx){ .db = lane->db, .conn = lane->conn, .lane = lane->number };
}

/** Run W behind those of B. */
static enum err
run_one(struct lane *lane, struct scope *s, struct write *w, struct batch *b)
{
    struct sqlite_conn *c = conn_of(lane);
    struct tx tx = tx_of(lane);
    enum err e;

    c->changed = false;
    if (b->careful)
        TRY(sqlite_step(w->scope, c, STEP_SAVE));
    e = tx_run(&tx, w);
    if (b->careful && e == OK)
        e = sqlite_step(w->scope, c, STEP_RELEASE);
    if (b->careful && e != OK)
        undo_one(c, w->scope);
    if (!in_transaction(c))
        c->head.broken = true; /* the whole transaction is lost */
    TRY(e);
    LIST_EACH(struct sum, sum, &tx.sums)
    sums_add(s->arena, &b->sums, *sum);
    b->all[b->count++] = w;
    return OK;
}

static void
answer_one(struct write *w, enum err e)
{
    meter_write(w);
    queue_answer(w, e);
}

/**
 * W failed with E. When others ran before it in this transaction it may be because of what they
 * did, which is not on disk yet: then it is answered with them.
 */
static void
refuse(struct write *w, enum err e, struct batch *b)
{
    if (b->count == 0) {
        answer_one(w, e);
        return;
    }
    w->result = e;
    b->failed[b->failures++] = w;
}

/**
 * Undo everything in the transaction, and run what had succeeded again: all of B. It is careful
 * from now on, as are the next ones, since failures seldom come alone.
 */
static void
run_again(struct lane *lane, struct scope *s, struct batch *b)
{
    struct sqlite_conn *c = conn_of(lane);
    struct batch before = *b;

    b->careful = before.count > 0;
    b->count = 0;
    b->sums = (struct list){ 0 };
    if (b->careful)
        c->careful = CAREFUL;
    if (c->head.broken || sqlite_step(s, c, STEP_ROLLBACK) != OK ||
        sqlite_step(s, c, STEP_BEGIN) != OK)
        c->head.broken = true;
    for (size_t i = 0; i < before.count; i++) {
        struct write *w = before.all[i];
        enum err e;

        if (c->head.broken) {
            b->all[b->count++] = w; /* to be answered as the commit is */
            continue;
        }
        write_forget(w);
        e = run_one(lane, s, w, b);
        if (e != OK)
            refuse(w, e, b);
    }
}

/** W failed with E: nothing of it stays. */
static void
give_up(struct lane *lane, struct scope *s, struct write *w, enum err e, struct batch *b)
{
    bool undo = !b->careful && conn_of(lane)->changed;

    refuse(w, e, b);
    if (undo && !lane->conn->broken)
        run_again(lane, s, b);
}

/**
 * Run W and whoever arrives meanwhile; those that fail first are answered at once, the others wait
 * for the commit. A savepoint would have SQLite copy each page that a write touches, so there is
 * none as long as nothing fails.
 */
static void
run_batch(struct lane *lane, struct scope *s, struct write *w, struct batch *b)
{
    int64_t end_us = clock_mono_us() + BATCH_US;
    struct sqlite_conn *c = conn_of(lane);

    b->careful = c->careful > 0;
    for (; w; w = queue_take(&lane->db->queue, 0)) {
        enum err e = run_one(lane, s, w, b);

        if (e != OK)
            give_up(lane, s, w, e, b);
        if (lane->conn->broken || b->count + b->failures >= lane->db->batch ||
            clock_mono_us() >= end_us)
            break;
    }
    c->careful = MAX(c->careful - (int)b->count, 0);
    if (lane->db->twice && !lane->conn->broken) {
        run_again(lane, s, b);
        c->careful = 0;
    }
}

static enum err
commit_batch(struct lane *lane, struct scope *s, const struct batch *b)
{
    struct tx tx = tx_of(lane);

    if (lane->conn->broken)
        return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE,
                         "another write of the same commit failed");
    TRY(sums_tell(s, &tx, &b->sums));
    crash_point("db.before_commit");
    return sqlite_step(s, conn_of(lane), STEP_COMMIT);
}

static bool
is_first(const struct batch *b, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (b->all[i]->then == b->all[at]->then)
            return false;
    return true;
}

/** What those that were committed want to be done now, once for all that want the same. */
static void
go_on(const struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        void *args[DB_BATCH_MAX];
        size_t count = 0;

        if (!b->all[i]->then || !is_first(b, i))
            continue;
        for (size_t k = i; k < b->count; k++)
            if (b->all[k]->then == b->all[i]->then)
                args[count++] = b->all[k]->arg;
        b->all[i]->then(b->all[i]->scope, args, count);
    }
}

/** The commit ended with E, and S has its error; else W has what it was told itself. */
static void
answer_with(struct write *w, struct scope *s, enum err e)
{
    if (e != OK)
        w->result = fail_code(w->scope, e, s->error.code, "%s", s->error.text);
    answer_one(w, w->result);
}

static void
answer_batch(struct batch *b, struct scope *s, enum err e)
{
    if (e == OK)
        go_on(b);
    for (size_t i = 0; i < b->count; i++) {
        b->all[i]->result = OK;
        answer_with(b->all[i], s, e);
    }
    for (size_t i = 0; i < b->failures; i++)
        answer_with(b->failed[i], s, e);
}

/** One commit, beginning with W. */
static void
write_batch(struct lane *lane, struct scope *s, struct write *w)
{
    struct batch b = { .count = 0 };
    enum err e = lane_connect(s, lane);

    if (e == OK)
        e = sqlite_step(s, conn_of(lane), STEP_BEGIN);
    if (e != OK) {
        b.all[b.count++] = w;
    } else {
        run_batch(lane, s, w, &b);
        e = b.count > 0 || lane->conn->broken ? commit_batch(lane, s, &b)
                                              : sqlite_step(s, conn_of(lane), STEP_ROLLBACK);
        if (e != OK && in_transaction(conn_of(lane)))
            lane->conn->broken = true;
    }
    if (e == OK)
        meter_commit(b.count);
    else
        log_failure(s, LOG_ERROR, "cannot write to the database");
    meter_up(e == OK);
    watches_tell(lane->db);
    crash_point("db.after_commit_before_answer");
    answer_batch(&b, s, e);
}

/* The log -------------------------------------------------------------------------------------- */

static double
size_of(struct scope *s, const char *path, const char *suffix)
{
    struct stat st;

    return stat(arena_printf(s->arena, "%s%s", path, suffix), &st) == 0 ? (double)st.st_size : 0;
}

/** A log that is copied is never cut: what another program adds in that moment would be lost to
 * the copy. SQLite cuts it by itself when it begins anew. */
static bool
is_kept(const struct lane *lane)
{
    return lane->db->keep_log || atomic_load(&lane->db->keeper);
}

static bool
is_large(struct lane *lane)
{
    return conn_of(lane)->log_frames >= LOG_TIMES * lane->db->log_pages;
}

/** Look at the log again when it has grown by as much as is meant for it. */
static void
look_later(struct lane *lane)
{
    conn_of(lane)->log_due = conn_of(lane)->log_frames + lane->db->log_pages;
}

/** Whether the log may be emptied now: it may have to be copied first. */
static bool
may_empty(struct lane *lane, struct scope *s)
{
    const struct db_keeper *keeper = atomic_load(&lane->db->keeper);

    if (!keeper || keeper->before(s, keeper->arg) == OK || is_large(lane))
        return true;
    scope_clear(s); /* the keeper tells of it */
    look_later(lane);
    return false;
}

static void
meter_log(struct lane *lane, struct scope *s)
{
    meter_sizes(size_of(s, lane->db->place, ""), size_of(s, lane->db->place, WAL_SUFFIX));
}

/** Carry the log over into the database file. */
static void
empty_log(struct lane *lane, struct scope *s, bool cut)
{
    const struct db_keeper *keeper = atomic_load(&lane->db->keeper);
    struct sqlite_conn *c = conn_of(lane);
    int mode = cut ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    int frames = 0, done = 0, rc;

    if (cut) /* not now when a reader is in the way: writes are more urgent */
        (void)sqlite3_busy_timeout(c->handle, 0);
    rc = sqlite3_wal_checkpoint_v2(c->handle, NULL, mode, &frames, &done);
    (void)sqlite3_busy_timeout(c->handle, (int)MIN(lane->db->busy_ms, INT32_MAX));
    if (rc == SQLITE_OK) {
        c->log_frames = frames;
        c->log_done = done;
    } else if (rc != SQLITE_BUSY) {
        enum err e = sqlite_failure(s, c, rc, "emptying the log");

        if (e != OK)
            log_failure(s, LOG_ERROR, "the database's log grows");
    }
    look_later(lane);
    if (keeper && rc == SQLITE_OK)
        keeper->after(keeper->arg, frames, done);
    meter_log(lane, s);
}

/** Begin a round of the carrier; while it is CALM, little is written. */
static void
begin_round(struct lane *lane, bool calm)
{
    struct sqlite_conn *c = conn_of(lane);

    c->log_round = c->log_frames;
    c->log_anew = false;
    c->log_calm = calm;
    queue_hold_bulk(&lane->db->queue, calm);
    carry_begin(lane->carry, is_large(lane));
}

/**
 * A round of the carrier ended. What was written meanwhile is for the next one, until so little is
 * left that all can wait for the lane to carry it over: then the log begins anew.
 */
static void
after_round(struct lane *lane, struct scope *s, const struct carried *got)
{
    struct sqlite_conn *c = conn_of(lane);
    int left, pages = lane->db->log_pages;
    bool calm = c->log_calm;

    c->log_calm = false;
    meter_log(lane, s);
    if (c->log_anew)
        return;
    look_later(lane);
    if (got->failed)
        return;
    c->log_done = (int)MIN(got->done, c->log_frames);
    left = c->log_frames - c->log_done;
    if (left == 0 || c->log_done < c->log_round) /* or a reader is in the way */
        return;
    if (left > pages / LOG_CALM && c->log_frames < LOG_MOST * pages)
        begin_round(lane, false);
    else if (left > pages / LOG_LAST && !calm)
        begin_round(lane, true);
    else if (may_empty(lane, s))
        empty_log(lane, s, false);
}

/** See to the log: after each commit, and when IDLE. */
static void
tend_log(struct lane *lane, struct scope *s, bool idle)
{
    struct sqlite_conn *c = conn_of(lane);
    struct carried got;

    bool ended = lane->carry && carry_ended(lane->carry, &got);

    if (ended)
        queue_hold_bulk(&lane->db->queue, false);
    if (!c || c->head.broken || lane->db->guest) /* another program's */
        return;
    if (ended)
        after_round(lane, s, &got);
    if (c->head.broken || (lane->carry && carry_busy(lane->carry)))
        return;
    if (idle && c->log_done >= c->log_frames && is_large(lane) && !is_kept(lane)) {
        empty_log(lane, s, true);
        return;
    }
    if (c->log_frames < (idle ? c->log_done + 1 : c->log_due) ||
        (lane->db->keep_log && !atomic_load(&lane->db->keeper) && !is_large(lane)))
        return;
    if (!lane->carry) {
        if (may_empty(lane, s))
            empty_log(lane, s, false);
        return;
    }
    begin_round(lane, false);
}

/** What is in the log at the end is copied, too, and stays there for the next start. */
static void
last_copy(struct lane *lane, struct scope *s)
{
    const struct db_keeper *keeper = atomic_load(&lane->db->keeper);

    if (keeper && keeper->before(s, keeper->arg) != OK)
        scope_clear(s); /* it tells itself */
}

void *
sqlite_lane(void *arg)
{
    struct lane *lane = arg;
    struct queue *q = &lane->db->queue;

    int64_t last_ms = clock_mono_ms();
    struct scope *s = scope_new("db");

    lane->carry = lane->db->guest ? NULL : carry_new(lane->db);
    while (!queue_ended(q)) {
        struct write *w = queue_take(q, IDLE_MS);

        if (w)
            write_batch(lane, s, w);
        if (w)
            last_ms = clock_mono_ms();
        tend_log(lane, s, clock_mono_ms() - last_ms >= IDLE_MS);
        if (arena_used(s->arena) > SCOPE_MOST) {
            scope_free(s);
            s = scope_new("db");
        }
    }
    carry_free(lane->carry);
    lane->carry = NULL;
    last_copy(lane, s);
    scope_free(s);
    if (lane->conn)
        lane->conn->engine->disconnect(lane->conn);
    lane->conn = NULL;
    return NULL;
}
