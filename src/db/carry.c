#include "db/carry.h"

#include "base/fault.h"
#include "base/log.h"
#include "db/sqlite.h"

#include <sqlite3.h>

/* A checkpoint goes no further than the oldest reader is, and a log with a reader in it does not
 * begin anew: that is how a copied log waits for its keeper. */
#define HOLD "BEGIN; PRAGMA schema_version"
#define LET_GO "ROLLBACK"

enum state { RESTING, WANTED, AT_IT, OVER };

struct carry {
    struct db *db;
    pthread_t thread;
    sqlite3 *handle, *holder; /* the thread's own */

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    enum state state;
    bool stop, large;
    struct carried got;
};

/* Rounds: on the thread ------------------------------------------------------------------------ */

static void
disconnect(struct carry *c)
{
    (void)sqlite3_close_v2(c->handle);
    (void)sqlite3_close_v2(c->holder);
    c->handle = c->holder = NULL;
}

static enum err
failure(struct scope *s, sqlite3 *handle, int rc)
{
    meter_error("io");
    return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE, "carrying the log over: %s (%d)",
                     handle ? sqlite3_errmsg(handle) : sqlite3_errstr(rc), rc);
}

/** It takes no part in what happens when the last connection closes. */
static enum err
connect(struct scope *s, struct carry *c, sqlite3 **out)
{
    int rc;

    if (*out)
        return OK;
    rc =
        sqlite3_open_v2(c->db->place, out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, c->db->vfs);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(*out, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return rc == SQLITE_OK ? OK : failure(s, *out, rc);
}

static enum err
run(struct scope *s, sqlite3 *handle, const char *text)
{
    int rc = sqlite3_exec(handle, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? OK : failure(s, handle, rc);
}

static enum err
carry_over(struct scope *s, struct carry *c, const struct db_keeper *keeper, struct carried *got)
{
    int frames = 0, done = 0, rc;

    if (!c->handle) {
        TRY(connect(s, c, &c->handle));
        TRY(run(s, c->handle, "PRAGMA synchronous = FULL"));
    }
    rc = sqlite3_wal_checkpoint_v2(c->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &done);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        return failure(s, c->handle, rc);
    crash_point("db.carried_over");
    got->done = MAX(done, 0);
    if (keeper && rc == SQLITE_OK)
        keeper->after(keeper->arg, frames, done);
    return OK;
}

/**
 * The holder keeps what is written from now on out of the file, and the log from beginning anew
 * before its keeper heard how far this went.
 */
static enum err
carry_kept(struct scope *s, struct carry *c, const struct db_keeper *keeper, bool large,
           struct carried *got)
{
    enum err e;

    TRY(connect(s, c, &c->holder));
    TRY(run(s, c->holder, HOLD));
    e = keeper->before(s, keeper->arg);
    if (e != OK && !large) {
        scope_clear(s); /* the keeper tells of it */
        got->failed = true;
        return run(s, c->holder, LET_GO);
    }
    scope_clear(s);
    e = carry_over(s, c, keeper, got);
    (void)sqlite3_exec(c->holder, LET_GO, NULL, NULL, NULL);
    return e;
}

static struct carried
round_of(struct carry *c, bool large)
{
    AUTO(scope_free) struct scope *s = scope_new("db");
    const struct db_keeper *keeper = atomic_load(&c->db->keeper);
    struct carried got = { 0 };

    if ((keeper ? carry_kept(s, c, keeper, large, &got) : carry_over(s, c, NULL, &got)) != OK) {
        log_failure(s, LOG_ERROR, "the database's log grows");
        got.failed = true;
        disconnect(c);
    }
    return got;
}

static void *
work(void *arg)
{
    struct carry *c = arg;

    (void)pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        bool large = c->large;

        if (c->state != WANTED) {
            (void)pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        c->state = AT_IT;
        (void)pthread_mutex_unlock(&c->lock);
        {
            struct carried got = round_of(c, large);

            (void)pthread_mutex_lock(&c->lock);
            c->got = got;
        }
        c->state = OVER;
        queue_nudge(&c->db->queue);
    }
    (void)pthread_mutex_unlock(&c->lock);
    disconnect(c);
    return NULL;
}

/* The lane's side ------------------------------------------------------------------------------ */

struct carry *
carry_new(struct db *db)
{
    struct carry *c = mem_alloc(sizeof(*c));

    *c = (struct carry){ .db = db };
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    if (pthread_create(&c->thread, NULL, work, c) == 0) {
        (void)pthread_setname_np(c->thread, "carry");
        return c;
    }
    log_error(NULL, "cannot start a thread for the database's log");
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
    mem_free(c);
    return NULL;
}

void
carry_free(struct carry *c)
{
    if (!c)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->stop = true;
    (void)pthread_cond_signal(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

void
carry_begin(struct carry *c, bool large)
{
    (void)pthread_mutex_lock(&c->lock);
    if (c->state == RESTING) {
        c->state = WANTED;
        c->large = large;
        (void)pthread_cond_signal(&c->changed);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

bool
carry_ended(struct carry *c, struct carried *out)
{
    bool over;

    (void)pthread_mutex_lock(&c->lock);
    over = c->state == OVER;
    if (over) {
        *out = c->got;
        c->state = RESTING;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return over;
}

bool
carry_busy(struct carry *c)
{
    bool busy;

    (void)pthread_mutex_lock(&c->lock);
    busy = c->state != RESTING;
    (void)pthread_mutex_unlock(&c->lock);
    return busy;
}
