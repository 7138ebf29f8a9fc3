#include "server/upkeep.h"

#include "audit/retain.h"
#include "backup/ship.h"
#include "backup/shipped.h"
#include "base/log.h"
#include "catalog/archive.h"
#include "flow/recovery.h"
#include "server/installation.h"
#include "server/parts.h"
#include <time.h>

static enum err
retain_files(struct scope *s, struct parts *p, const struct job *job, const char *dir)
{
    struct audit_retention r = { when_add_ms(clock_now(), -p->set->audit->retention), dir };
    int64_t removed = 1;

    while (removed > 0 && !job_should_stop(job)) {
        AUTO(scope_free) struct scope *own = scope_new("audit"); /* a file may be large */
        enum err e = audit_retain(own, p->app.db, p->app.seal, &r, &removed);

        if (e != OK)
            return fail(s, e, "%s", own->error.text ? own->error.text : err_name(e));
        if (removed > 0)
            log_info(s, "%lld audit events were exported to %s and removed", (long long)removed,
                     dir);
    }
    return OK;
}

static enum err
retain_run(struct scope *s, void *app, const struct job *job)
{
    struct parts *p = app; /* its first member is what jobs get */
    const char *dir = p->set->audit->dir;

    if (p->set->audit->retention == 0)
        return OK;
    if (text_empty(dir))
        dir = arena_printf(s->arena, "%s/audit", p->set->data_dir);
    TRY(make_dir(s, dir));
    return retain_files(s, p, job, dir);
}

const struct job_kind audit_retain_kind = {
    .kind = "audit.retain",
    .run = retain_run,
    .doc = "Exports and removes audit events that were kept long enough.",
    .every = "cron 40 2 * * *",
    .limit_ms = 30 * MINUTE_MS,
};

/* Backups ---------------------------------------------------------------------------------------
 */

static enum err
prune_segments(struct scope *s, const struct parts *p)
{
    const struct backup_settings *set = p->set->backup;
    struct ship_state state;
    struct list have;
    int64_t gone;

    if (!p->ship)
        return OK;
    ship_state(s->arena, p->ship, &state);
    TRY(backup_list(s, set->dir, &have));
    TRY(shipped_prune(s, set->ship->dir, &have,
                      &(struct shipped_keep){ when_add_ms(clock_now(), -set->ship->keep),
                                              state.stream, state.signer },
                      &gone));
    if (gone)
        log_info(s, "%lld segments of the log were kept long enough and are removed",
                 (long long)gone);
    return OK;
}

static enum err
prune(struct scope *s, const struct parts *p)
{
    const struct backup_settings *set = p->set->backup;
    struct backup_keep keep = { set->daily, set->weekly, set->monthly, p->app.db };
    struct list gone = { 0 };
    struct when oldest;
    int64_t files;

    TRY(prune_segments(s, p));
    TRY(backup_prune(s, set->dir, &keep, false, &gone, &oldest));
    LIST_EACH(struct backup_entry, e, &gone)
    log_info(s, "the backup %s was kept long enough and is removed", e->name);
    if (!when_given(oldest))
        return OK;
    return signed_log_forget(s, installation_signed(s->arena, p->set), when_add_ms(oldest, -DAY_MS),
                             &files);
}

/** Whether the log that is copied continues one of the backups; true, too, where none is copied or
 * it cannot be. */
static bool
is_based(struct scope *s, const struct parts *p, const struct list *have)
{
    struct ship_state state;
    bool based;

    if (!p->ship)
        return true;
    ship_state(s->arena, p->ship, &state);
    based = shipped_has_base(s, have, state.stream);
    ship_based(p->ship, state.stream, based);
    return based || state.why || text_empty(state.stream);
}

static enum err
backup_run(struct scope *s, void *app, const struct job *job UNUSED)
{
    struct parts *p = app; /* its first member is what jobs get */
    struct installation in = { p->set, p->options, p->app.db, p->app.seal, p->ship };
    const char *dir = p->set->backup->dir;
    struct backup_made made;
    const struct backup_entry *newest;
    struct list have;

    if (text_empty(dir))
        return OK;
    TRY(backup_list(s, dir, &have));
    TRY(backup_newest(s, p->app.db, &have, &newest));
    if (newest) {
        backup_succeeded("full", newest->at);
        if (when_cmp(when_add_ms(newest->at, p->set->backup->every), clock_now()) > 0 &&
            is_based(s, p, &have))
            return OK;
    }
    TRY(installation_backup(s, &in, dir, NULL, &made));
    if (made.manifest.stream)
        ship_based(p->ship, made.manifest.stream->id, true);
    return prune(s, p);
}

const struct job_kind backup_kind = {
    .kind = BACKUP_JOB,
    .run = backup_run,
    .doc = "Makes a backup when the newest is old enough.",
    .every = "60s",
    .limit_ms = 6 * HOUR_MS,
    .max_attempts = 3, /* a server that dies meanwhile has tried, too */
};

/* The log ---------------------------------------------------------------------------------------
 */

static enum err
want_backup_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    return job_add(s, tx,
                   &(struct job_spec){
                       .kind = BACKUP_JOB, .dedupe = BACKUP_JOB ".stream", .serial = BACKUP_JOB },
                   NULL);
}

static void
want_backup(void *arg)
{
    struct parts *p = arg;
    AUTO(scope_free) struct scope *s = scope_new("ship");

    if (db_write(s, p->app.db, want_backup_in, NULL) != OK)
        log_failure(s, LOG_WARN, "the log's backup waits for the next minute");
    jobs_wake();
}

/** For health: a copy that is late, or that nothing stands below. */
static const char *
unsafe(struct scope *s, struct app *app)
{
    const struct parts *p = (const struct parts *)app; /* its first member */
    struct ship_state state;

    ship_state(s->arena, p->ship, &state);
    if (state.why)
        return arena_printf(s->arena, "the database's log is not copied: %s", state.why);
    if (state.behind_ms)
        return arena_printf(s->arena, "the copy of the database's log is %lld s behind",
                            (long long)(state.behind_ms / SECOND_MS));
    return state.based ? NULL : "the copy of the database's log continues no backup yet";
}

enum err
upkeep_ship(struct scope *s, struct parts *p)
{
    const struct ship_settings *set = p->set->backup->ship;
    struct ship_options o = { .db = p->app.db,
                              .seal = p->app.seal,
                              .dir = set->dir,
                              .key_dir = installation_path(s->arena, p->set, "keys"),
                              .program = PROGRAM_VERSION,
                              .recipients = p->set->backup->recipients,
                              .every_ms = set->every,
                              .want_base = want_backup,
                              .arg = p };

    if (text_empty(set->dir) || db_kind(p->app.db) != DB_SQLITE)
        return OK;
    TRY(note(s, ship_start(s, &o, &p->ship), "copying the database's log"));
    p->app.unsafe = unsafe;
    return OK;
}

#define PAUSE_MS 100 /* between two batches: others write, too */

static enum err
archive_run(struct scope *s, void *app, const struct job *job)
{
    struct parts *p = app;
    struct when before = when_add_ms(clock_now(), -p->set->archive->after);
    int64_t moved = ARCHIVE_BATCH, all = 0;

    if (p->set->archive->after == 0)
        return OK;
    while (moved == ARCHIVE_BATCH && !job_should_stop(job)) {
        TRY(archive_move(s, p->app.db, &caller_system, before, &moved));
        all += moved;
        if (moved == ARCHIVE_BATCH)
            clock_nap(PAUSE_MS);
    }
    if (all)
        log_info(s, "%lld certificates were moved to the archive", (long long)all);
    return OK;
}

const struct job_kind archive_kind = {
    .kind = "catalog.archive",
    .run = archive_run,
    .doc = "Moves certificates that expired long ago to the archive.",
    .every = "cron 10 3 * * *",
    .limit_ms = 2 * HOUR_MS,
};

/* Requests that wait ----------------------------------------------------------------------------
 */

static enum err
request_issue_run(struct scope *s, void *app, const struct job *job)
{
    struct parts *p = app;
    int64_t id;

    TRY(job_number(s, job, "request", &id));
    return flow_resume(s, &p->app.flow, id);
}

const struct job_kind request_issue_kind = {
    .kind = REQUEST_ISSUE_JOB,
    .run = request_issue_run,
    .doc = "Issues what was approved when its authority could not sign, or the server ended.",
    .max_attempts = 10000, /* a week: an authority may be away for long */
};

static enum err
requests_expire_run(struct scope *s, void *app, const struct job *job)
{
    struct parts *p = app;
    struct when before = when_add_ms(clock_now(), -p->set->requests->wait);
    int64_t count = 1;

    while (count > 0 && !job_should_stop(job)) {
        TRY(flow_requests_expire(s, &p->app.flow, before, &count));
        if (count)
            log_info(s, "%lld requests waited too long and are denied", (long long)count);
    }
    for (count = 1; count > 0 && !job_should_stop(job);)
        TRY(recoveries_expire(s, &p->app.flow, &count));
    return OK;
}

const struct job_kind requests_expire_kind = {
    .kind = "requests.expire",
    .run = requests_expire_run,
    .doc = "Denies requests, and ends recoveries of keys, that nobody decided about in time.",
    .every = "10m",
};

static enum err
cleanup_run(struct scope *s, void *app, const struct job *job)
{
    const struct jobs_settings *set = ((struct parts *)app)->set->jobs;

    return job_cleanup(s, job, &(struct job_keep){ set->keep_done, set->keep_failed });
}

const struct job_kind jobs_cleanup_kind = {
    .kind = "jobs.cleanup",
    .run = cleanup_run,
    .every = "1h",
    .doc = "Removes jobs that ended long ago, servers that are gone, and old events.",
};
