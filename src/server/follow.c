/* Following what all servers do. */
#include "server/parts.h"

#include "base/log.h"
#include "catalog/catalog.h"
#include <pthread.h>

#define EVERY_MS 500

struct follower {
    struct parts *parts;
    struct outbox_reader *events;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

static enum err
take(struct scope *s, struct parts *p, const struct outbox_event *ev, bool *authorities,
     bool *templates)
{
    struct cert_row row;

    if (text_eq(ev->kind, EVENT_CERT_REVOKED) || text_eq(ev->kind, EVENT_CERT_ISSUED)) {
        TRY(catalog_get(s, p->app.db, ev->object, 0, &row));
        ocsp_forget(p->app.office, row.issuer_hash, row.serial);
    }
    *authorities = *authorities || text_eq(ev->kind, EVENT_AUTHORITY_CHANGED);
    *templates = *templates || text_eq(ev->kind, EVENT_TEMPLATE_CHANGED);
    if (text_eq(ev->kind, EVENT_ACCESS_CHANGED))
        access_forget(p->app.access, NULL);
    return OK;
}

static enum err
follow_once(struct scope *s, struct follower *f)
{
    bool authorities = false, templates = false;
    struct list events;

    scope_deadline_in(s, 4000);
    TRY(outbox_next(s, f->parts->app.db, f->events, &events));
    LIST_EACH(struct outbox_event, ev, &events)
    TRY(take(s, f->parts, ev, &authorities, &templates));
    if (authorities)
        TRY(ca_office_reload(s, f->parts->app.office));
    if (templates)
        TRY(templates_reload(s, f->parts->app.shelf));
    ocsp_fresh(f->parts->app.office);
    return own_certificate_renew(s, f->parts);
}

static bool
pause_or_stop(struct follower *f)
{
    struct timespec until;
    bool stop;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += EVERY_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&f->lock);
    if (!f->stopping)
        (void)pthread_cond_timedwait(&f->wake, &f->lock, &until);
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
            ocsp_forget_all(f->parts->app.office); /* something may have been missed */
            log_failure(s, LOG_WARN, "the event streams could not be followed");
        }
    } while (!pause_or_stop(f));
    return NULL;
}

enum err
follower_start(struct scope *s, struct parts *p, struct follower **out)
{
    struct follower *f = mem_alloc(sizeof(*f));
    enum err e = outbox_follow(s, p->app.db, &f->events);

    f->parts = p;
    if (e != OK) {
        mem_free(f);
        return e;
    }
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->wake, NULL);
    if (pthread_create(&f->thread, NULL, follow, f) != 0)
        return fail(s, E_INTERNAL, "cannot start a thread");
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
