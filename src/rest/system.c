/* Who is calling, and the server's jobs. */
#include "catalog/archive.h"
#include "jobs/jobs.h"
#include "rest/rest.h"

static void
add_on_objects(struct request *rq, enum permission p, struct list *out)
{
    struct scope *s = rq->scope;

    for (int on = GRANT_COLLECTION; on < GRANT_ON_END; on++) {
        bool everywhere;
        struct list ids = { 0 };

        access_objects(s, rq->caller, p, (enum grant_on)on, &everywhere, &ids);
        if (ids.count)
            list_add(s->arena, out, struct v1_scoped_permission,
                     ((struct v1_scoped_permission){ permission_info(p)->name,
                                                     grant_on_name((enum grant_on)on), ids }));
    }
}

static enum err
whoami(struct request *rq)
{
    const struct caller *c = rq->caller;
    struct scope *s = rq->scope;
    struct v1_whoami out = { .id = c->id_text,
                             .kind = c->kind == CALLER_USER ? "user" : "client",
                             .name = c->name,
                             .auth = c->auth,
                             .scope = c->scope };
    size_t count;
    const struct permission_info *all = permission_all(&count);

    for (size_t i = 0; i < c->role_count; i++)
        list_add(s->arena, &out.roles, const char *, c->roles[i]);
    for (size_t i = 0; i < count; i++)
        if (access_may(c, all[i].permission, GRANT_GLOBAL, 0))
            list_add(s->arena, &out.permissions, const char *, all[i].name);
        else
            add_on_objects(rq, all[i].permission, &out.on_objects);
    return reply(rq, 200, &out);
}

static enum err
jobs_list(struct request *rq)
{
    const struct v1_job_query *in = rq->query;
    struct scope *s = rq->scope;
    struct job_query q = { .kind = text_empty(in->kind) ? NULL : in->kind,
                           .state = (int)in->state,
                           .limit = (int)in->limit };
    struct list rows, out = { 0 };
    const char *next = NULL;

    TRY(after_id(rq, in->after, &q.after));
    TRY(job_list(s, rq->app->db, &q, &rows));
    LIST_EACH(struct job_row, row, &rows)
    list_add(s->arena, &out, struct v1_job,
             ((struct v1_job){ .id = row->id,
                               .kind = row->kind,
                               .state = job_state_name(row->state),
                               .attempts = row->attempts,
                               .max_attempts = row->max_attempts,
                               .parent = { row->parent != 0, row->parent },
                               .added_at = row->added,
                               .run_at = row->run_at,
                               .started_at = row->started,
                               .ended_at = row->ended,
                               .deadline_at = row->deadline,
                               .error = row->error }));
    if (out.count && out.count == (size_t)in->limit)
        next = arena_printf(s->arena, "%lld", (long long)list_last(&out, struct v1_job)->id);
    return reply_items(rq, &out, next);
}

#define TWO_YEARS_MS (730 * DAY_MS)
#define LEAVE_MS (60 * SECOND_MS) /* of the deadline */

static enum err
archive_run(struct request *rq)
{
    const struct v1_archive_request *in = rq->body;
    struct scope *s = rq->scope;
    int64_t ms = in ? in->older_than_ms : TWO_YEARS_MS, moved = ARCHIVE_BATCH;
    struct v1_archive_reply out = { .before = when_add_ms(clock_now(), -ms) };
    bool dry_run;

    TRY(dry_run_of(rq, &dry_run));
    TRY(archive_count(s, rq->app->db, out.before, &out.matching));
    while (!dry_run && moved == ARCHIVE_BATCH && scope_left_ms(s) > LEAVE_MS) {
        TRY(archive_move(s, rq->app->db, rq->caller, out.before, &moved));
        out.moved += moved;
    }
    return reply(rq, 200, &out);
}

const struct binding rest_system[] = {
    { &v1_archive_run_op, archive_run },
    { &v1_whoami_op, whoami },
    { &v1_health_op, health_get },
    { &v1_jobs_list_op, jobs_list },
    { NULL, NULL },
};
