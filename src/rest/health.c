/* How the server's parts are, each checked as it is asked. */
#include "base/log.h"
#include "ca/signed_log.h"
#include "jobs/agree.h"
#include "jobs/jobs.h"
#include "rest/rest.h"
#include <pthread.h>
#include <stdlib.h>

enum state { STATE_OK, STATE_DEGRADED, STATE_FAILING };
static const char *const state_names[] = { "ok", "degraded", "failing" };

/* Since when each component is as it is, as far as this server was asked. */
enum component { SERVER, DATABASE, SIGNING_KEYS, REVOCATION_LISTS, JOBS, BACKUP, COMPONENTS };
static struct {
    pthread_mutex_t lock;
    struct {
        enum state state;
        struct when since;
    } of[COMPONENTS];
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct when
since(const struct app *app, enum component c, enum state state)
{
    struct when when;

    (void)pthread_mutex_lock(&known.lock);
    if (!known.of[c].since.ms)
        known.of[c].since = state == STATE_OK ? app->started : clock_now();
    else if (known.of[c].state != state)
        known.of[c].since = clock_now();
    known.of[c].state = state;
    when = known.of[c].since;
    (void)pthread_mutex_unlock(&known.lock);
    return when;
}

/* A check tells its state, and in S's arena why it is not ok. */
typedef enum state (*check_fn)(struct scope *s, struct app *app, const char **detail);

static enum state
check_server(struct scope *s, struct app *app, const char **detail)
{
    struct buf failing;

    buf_init_in(&failing, s->arena, 1024);
    if (!app->ready || app->ready(s, app, &failing))
        return STATE_OK;
    *detail = arena_printf(s->arena, "not ready: %s", buf_str(&failing));
    return STATE_FAILING;
}

/* The database failed: what it said is for the log, which may tell hosts, accounts and paths. */
static enum state
not_asked(struct scope *s, const char **detail)
{
    *detail = s->error.kind == E_TIMEOUT ? "the database does not answer in time"
                                         : "the database cannot be asked; the log tells why";
    log_failure(s, LOG_WARN, "a part of the server was not well");
    return STATE_FAILING;
}

static enum state
check_database(struct scope *s, struct app *app, const char **detail)
{
    scope_deadline_in(s, 3000);
    if (db_check(s, app->db) == OK)
        return STATE_OK;
    return not_asked(s, detail);
}

static enum state
check_signing_keys(struct scope *s, struct app *app, const char **detail)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    enum state worst = STATE_OK;

    if (signed_log_fails()) {
        bool strict = ca_strict_journal(app->office);

        worst = strict ? STATE_FAILING : STATE_DEGRADED;
        *detail = strict ? "the log of signatures cannot be written: nothing is issued"
                         : "the log of signatures cannot be written: a restore would not know of "
                           "what is signed now";
    }
    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    {
        if (!(*ca)->enabled || (*ca)->state != 1 ||
            ((*ca)->key && signer_health(s, (*ca)->key->signer) == OK))
            continue;
        if ((*ca)->revoked) {
            if (worst == STATE_OK)
                *detail = arena_printf(s->arena,
                                       "the certificate of %s is revoked: it issues nothing before "
                                       "it has a new key",
                                       (*ca)->name);
            worst = MAX(worst, STATE_DEGRADED);
            continue;
        }
        *detail = arena_printf(s->arena, "the key of %s cannot be used", (*ca)->name);
        worst = STATE_FAILING;
    }
    return worst;
}

static enum state
check_revocation_lists(struct scope *s, struct app *app, const char **detail)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(app->office);
    struct when now = clock_now();
    enum state worst = STATE_OK;

    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    {
        struct when from, end;

        if (!ca_present_key(*ca))
            continue;
        if (crl_times(s, app->office, ca_present_key(*ca), &from, &end) != OK) {
            *detail = arena_printf(s->arena, "%s has no CRL", (*ca)->name);
            worst = STATE_FAILING;
        } else if (when_cmp(end, now) < 0) {
            *detail = arena_printf(s->arena, "the CRL of %s is out of date", (*ca)->name);
            worst = STATE_FAILING;
        } else if (when_cmp(from, now) > 0) {
            *detail = arena_printf(s->arena, "the CRL of %s does not hold yet: the clock went back",
                                   (*ca)->name);
            worst = STATE_FAILING;
        }
    }
    return worst;
}

static enum state
check_jobs(struct scope *s, struct app *app, const char **detail)
{
    struct job_query q = { .state = JOB_FAILED, .limit = 20 };
    struct when recent = when_add_ms(clock_now(), -HOUR_MS);
    struct list rows;
    int64_t apart = clock_disagrees_ms();
    size_t failed = 0;

    if (apart) {
        *detail = arena_printf(s->arena,
                               "this server takes no jobs: its clock is %lld s %s the database's",
                               llabs(apart) / 1000, apart > 0 ? "ahead of" : "behind");
        return STATE_DEGRADED;
    }
    if (job_list(s, app->db, &q, &rows) != OK) {
        return not_asked(s, detail);
    }
    LIST_EACH(struct job_row, row, &rows)
    failed += when_given(row->ended) && when_cmp(row->ended, recent) > 0;
    if (!failed)
        return STATE_OK;
    *detail = arena_printf(s->arena, "%zu jobs were given up within the last hour", failed);
    return STATE_DEGRADED;
}

static enum state
check_backup(struct scope *s, struct app *app, const char **detail)
{
    *detail = app->unsafe ? app->unsafe(s, app) : NULL;
    return *detail ? STATE_DEGRADED : STATE_OK;
}

static const struct {
    const char *name;
    check_fn check;
} checks[COMPONENTS] = {
    [SERVER] = { "server", check_server },
    [DATABASE] = { "database", check_database },
    [SIGNING_KEYS] = { "signing_keys", check_signing_keys },
    [REVOCATION_LISTS] = { "revocation_lists", check_revocation_lists },
    [JOBS] = { "jobs", check_jobs },
    [BACKUP] = { "backup", check_backup },
};

enum err
health_get(struct request *rq)
{
    struct app *app = rq->app;
    struct v1_health out = { .version = app->version,
                             .instance = app->instance,
                             .started_at = app->started };
    enum state worst = STATE_OK;

    for (size_t i = 0; i < COMPONENTS; i++) {
        AUTO(scope_free) struct scope *s = scope_new("health"); /* failures are findings here */
        const char *detail = NULL;
        int64_t begun = clock_mono_us();
        enum state state = checks[i].check(s, app, &detail);

        worst = MAX(worst, state);
        list_add(rq->scope->arena, &out.components, struct v1_component,
                 ((struct v1_component){ checks[i].name, state_names[state],
                                         since(app, (enum component)i, state),
                                         (double)(clock_mono_us() - begun) / 1000,
                                         arena_text(rq->scope->arena, detail) }));
    }
    out.state = state_names[worst];
    return reply(rq, 200, &out);
}
