#include "server/upkeep.h"

#include "audit/retain.h"
#include "base/log.h"
#include "server/parts.h"

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
