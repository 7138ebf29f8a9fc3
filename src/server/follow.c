/* Following what all servers do. */
#include "server/parts.h"

#include "access/app_settings.h"
#include "acme/profile.h"
#include "base/log.h"
#include "base/wait.h"
#include "catalog/catalog.h"

#define EVERY_MS 500

struct follower {
    struct parts *parts;
    struct outbox_reader *events;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    bool missed;  /* events may be lost: read everything anew */
    bool learned; /* which keys there are */
};

static enum err
take(struct scope *s, struct parts *p, const struct outbox_event *ev, bool *authorities,
     bool *templates)
{
    struct cert_row row;

    if (text_eq(ev->kind, EVENT_CERT_REVOKED)) { /* of one issued now nothing was kept */
        TRY(catalog_get(s, p->app.db, ev->object, 0, &row));
        ocsp_forget(p->app.office, row.issuer_hash, row.serial);
        access_forget_certificate(p->app.access, row.sha256);
    }
    *authorities = *authorities || text_eq(ev->kind, EVENT_AUTHORITY_CHANGED);
    *templates = *templates || text_eq(ev->kind, EVENT_TEMPLATE_CHANGED);
    if (text_eq(ev->kind, EVENT_ACCESS_CHANGED))
        access_forget(p->app.access, ev->detail);
    if (text_eq(ev->kind, EVENT_ACME_CHANGED))
        TRY(acme_profiles_reload(s, p->app.acme));
    if (text_eq(ev->kind, EVENT_SETTINGS_CHANGED))
        TRY(app_settings_reload(s, p->app.access));
    return OK;
}

static enum err
follow_once(struct scope *s, struct follower *f)
{
    bool authorities = f->missed, templates = f->missed;
    struct list events;
    int64_t from = clock_mono_ms();

    scope_deadline_in(s, 4000);
    if (f->missed) {
        access_forget(f->parts->app.access, NULL);
        TRY(app_settings_reload(s, f->parts->app.access));
        TRY(acme_profiles_reload(s, f->parts->app.acme));
    }
    TRY(outbox_next(s, f->parts->app.db, f->events, &events));
    LIST_EACH(struct outbox_event, ev, &events)
    TRY(take(s, f->parts, ev, &authorities, &templates));
    if (authorities) {
        TRY(ca_office_reload(s, f->parts->app.office));
        ocsp_forget_all(f->parts->app.office); /* a responder may have been revoked */
    }
    if (templates)
        TRY(templates_reload(s, f->parts->app.shelf));
    f->missed = false;
    ocsp_fresh(f->parts->app.office, from);
    return OK;
}

static void
renew(struct scope *s, struct follower *f)
{
    if (own_certificate_renew(s, f->parts) == OK)
        return;
    log_failure(s, LOG_ERROR, "this server's TLS certificate could not be renewed");
}

/* What cannot be learned now is learned later; until then the database is asked. */
static void
learn(struct scope *s, struct follower *f)
{
    if (f->learned || flow_learn(s, &f->parts->app.flow, &f->learned) == OK)
        return;
    log_failure(s, LOG_WARN, "the keys of the register could not be read");
    scope_clear(s);
}

static bool
pause_or_stop(struct follower *f)
{
    bool stop;

    (void)pthread_mutex_lock(&f->lock);
    if (!f->stopping)
        (void)wait_until(&f->wake, &f->lock, clock_mono_ms() + EVERY_MS);
    stop = f->stopping;
    (void)pthread_mutex_unlock(&f->lock);
    return stop;
}

static void *
follow(void *arg)
{
    struct follower *f = arg;

    do {
        AUTO(scope_free) struct scope *s = scope_new("events");

        if (follow_once(s, f) != OK) {
            f->missed = true;
            ocsp_forget_all(f->parts->app.office);
            log_failure(s, LOG_WARN, "the event streams could not be followed");
        }
        scope_clear(s);
        learn(s, f);
        renew(s, f);
    } while (!pause_or_stop(f));
    return NULL;
}

enum err
follower_start(struct scope *s, struct parts *p, struct follower **out)
{
    struct follower *f = mem_alloc(sizeof(*f));
    enum err e = outbox_follow(s, p->app.db, &f->events);

    f->parts = p;
    f->missed = true; /* since the parts were opened */
    if (e != OK) {
        mem_free(f);
        return e;
    }
    (void)pthread_mutex_init(&f->lock, NULL);
    wait_init(&f->wake);
    if (pthread_create(&f->thread, NULL, follow, f) != 0) {
        outbox_reader_free(f->events);
        mem_free(f);
        return fail(s, E_INTERNAL, "cannot start a thread");
    }
    *out = f;
    return OK;
}

void
follower_stop(struct follower *f)
{
    if (!f)
        return;
    (void)pthread_mutex_lock(&f->lock);
    f->stopping = true;
    (void)pthread_cond_signal(&f->wake);
    (void)pthread_mutex_unlock(&f->lock);
    (void)pthread_join(f->thread, NULL);
    outbox_reader_free(f->events);
    mem_free(f);
}
