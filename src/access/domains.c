#include "access/domain_in.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/random.h"
#include "base/wait.h"

#include <string.h>

COUNTER(requests_total, "chancery_directory_requests_total",
        "What directories were asked: a login, a look-up, a test.", "provider", "operation",
        "result");
HISTOGRAM(request_seconds, "chancery_directory_request_duration_seconds",
          "Time that an answer of a directory took.", "provider");

#define TIMEOUT_MS (5 * SECOND_MS)
#define SLOT_MS (2 * SECOND_MS) /* how long one of more than that waits for its turn */
#define BUSY_MAX 8 /* logins at one directory at the same time: it must not take every worker */

struct domains {
    struct arena *arena;
    struct domain *all;
    size_t count;
};

/* ---- configuration */

static void
copy_texts(struct arena *a, const struct list *from, struct list *to)
{
    *to = (struct list){ 0 };
    LIST_EACH(const char *, text, from)
    list_add(a, to, const char *, arena_text(a, *text));
}

static const char *
or_none(struct arena *a, const char *text)
{
    return text_empty(text) ? NULL : arena_text(a, text);
}

static enum err
domain_init(struct scope *s, struct arena *a, const struct domain_options *in, struct domain *d)
{
    pthread_mutex_init(&d->lock, NULL);
    wait_init(&d->slot_free);
    guard_init(&d->guard, 0);
    d->o = (struct domain_options){
        .name = arena_text(a, in->name),
        .bind_dn = or_none(a, in->bind_dn),
        .user_bind = or_none(a, in->user_bind),
        .base = arena_text(a, in->base),
        .user_filter = arena_text(a, in->user_filter),
        .member_of = or_none(a, in->member_of),
        .group_base = arena_text(a, text_empty(in->group_base) ? in->base : in->group_base),
        .group_filter = or_none(a, in->group_filter),
        .nested = in->nested,
        .timeout_ms = in->timeout_ms > 0 ? in->timeout_ms : TIMEOUT_MS,
    };
    copy_texts(a, &in->domains, &d->o.domains);
    copy_texts(a, &in->urls, &d->o.urls);
    if (in->bind_password)
        d->password = secret_copy(secret_bytes(in->bind_password));
    return note(s, directory_trust(s, in->ca_pem, &d->trust), "directory %s", in->name);
}

enum err
domains_open(struct scope *s, const struct list *directories, struct domains **out)
{
    struct arena *a = arena_new();
    struct domains *all = arena_new_of(a, struct domains);
    enum err e = OK;

    all->arena = a;
    all->all = arena_alloc(a, (directories->count + 1) * sizeof *all->all);
    LIST_EACH(struct domain_options, in, directories)
    {
        if (e == OK)
            e = domain_init(s, a, in, &all->all[all->count++]);
    }
    if (e != OK) {
        domains_close(all);
        return e;
    }
    *out = all;
    return OK;
}

void
domains_close(struct domains *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->count; i++) {
        secret_free(d->all[i].password);
        SSL_CTX_free(d->all[i].trust);
        pthread_cond_destroy(&d->all[i].slot_free);
        pthread_mutex_destroy(&d->all[i].lock);
    }
    arena_free(d->arena);
}

struct domain *
domains_find(const struct domains *all, const char *domain)
{
    for (size_t i = 0; i < all->count; i++)
        LIST_EACH(const char *, name, &all->all[i].o.domains)
    if (text_eq_fold(*name, domain))
        return &all->all[i];
    return NULL;
}

struct domain *
domains_named(const struct domains *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (text_eq_fold(all->all[i].o.name, name))
            return &all->all[i];
    return NULL;
}

const char *
domain_name(const struct domain *d)
{
    return d->o.name;
}

const struct list *
domain_urls(const struct domain *d)
{
    return &d->o.urls;
}

const struct list *
domain_domains(const struct domain *d)
{
    return &d->o.domains;
}

struct domain *
domains_at(const struct domains *all, size_t i)
{
    return i < all->count ? &all->all[i] : NULL;
}

/* ---- connections */

enum err
domain_bind_own(struct scope *s, const struct domain *d, struct directory *c, struct list *steps)
{
    int64_t from_ms = clock_mono_ms();
    enum err e;

    if (!d->o.bind_dn)
        return OK;
    e = directory_bind(s, c, d->o.bind_dn, d->password ? (const char *)d->password->data : NULL);
    if (e == E_UNAUTHENTICATED || e == E_NOT_FOUND) /* it is our name that is wrong, not theirs */
        e = fail(s, E_UNAVAILABLE, "the directory refuses %s, by which it is searched: %s",
                 d->o.bind_dn, arena_text(s->arena, s->error.text));
    return directory_step_add(s, steps, "bind", e, from_ms,
                              arena_printf(s->arena, "as %s", d->o.bind_dn));
}

/** The URL that is asked as number I: the one that answered last comes first. */
static size_t
turn_of(struct domain *d, size_t i)
{
    size_t first;

    pthread_mutex_lock(&d->lock);
    first = d->first;
    pthread_mutex_unlock(&d->lock);
    return (first + i) % d->o.urls.count;
}

/** Connect to the first server that answers; no password was sent before, so another may be asked.
 */
static enum err
connect_any(struct scope *s, struct domain *d, struct directory **out)
{
    enum err e = OK;

    for (size_t i = 0; i < d->o.urls.count; i++) {
        size_t at = turn_of(d, i);
        struct directory_options o = { .url = *list_at(&d->o.urls, const char *, at),
                                       .trust = d->trust,
                                       .timeout_ms = d->o.timeout_ms };

        if (i > 0)
            scope_clear(s);
        e = note(s, directory_open(s, &o, out), "%s", o.url);
        if (e != OK)
            continue;
        pthread_mutex_lock(&d->lock);
        d->first = at;
        pthread_mutex_unlock(&d->lock);
        return OK;
    }
    return e;
}

/** Wait, under the lock, until fewer than BUSY_MAX are asking; false: it took too long. */
static bool
await_slot(const struct scope *s, struct domain *d)
{
    int64_t until = clock_mono_ms() + MIN(scope_left_ms(s), SLOT_MS);

    while (d->busy >= BUSY_MAX && wait_until(&d->slot_free, &d->lock, until))
        ;
    return d->busy < BUSY_MAX;
}

/** May the directory be asked now? E_UNAVAILABLE with retry_after_s: it failed too often, or too
 * many are asking. A good answer is ended with leave(). */
static enum err
enter(struct scope *s, struct domain *d)
{
    int64_t now, until_ms = 0;
    bool free;
    enum err e;

    pthread_mutex_lock(&d->lock);
    free = await_slot(s, d);
    now = clock_mono_ms();
    free = free && guard_admit(&d->guard, now, &until_ms);
    d->busy += free;
    pthread_mutex_unlock(&d->lock);
    if (free)
        return OK;
    e = fail(s, E_UNAVAILABLE, "it is not asked at the moment: it failed or is busy");
    s->error.retry_after_s = MAX((until_ms - now + SECOND_MS - 1) / SECOND_MS, 1);
    return e;
}

static void
leave(struct domain *d, enum err e)
{
    bool bad = e == E_UNAVAILABLE || e == E_TIMEOUT;

    pthread_mutex_lock(&d->lock);
    d->busy--;
    pthread_cond_signal(&d->slot_free);
    (void)guard_report(&d->guard, clock_mono_ms(), bad ? GUARD_BAD : GUARD_GOOD);
    pthread_mutex_unlock(&d->lock);
}

static void
log_failed(struct scope *s, const struct domain *d, const char *operation, enum err e)
{
    struct scope as = *s;

    as.module = arena_printf(s->arena, "integration.%s", d->o.name);
    log_event(&as, LOG_WARN, "integration.failed", "a directory did not answer as it should",
              lf_text("integration", d->o.name), lf_text("operation", operation),
              lf_text("error_type", err_name(e)), lf_text("error", s->error.text));
}

/**
 * Count and log how an operation ended. What callers are told of a directory that fails is its name
 * alone; the log knows more.
 */
static enum err
ended(struct scope *s, struct domain *d, const char *operation, int64_t from_us, enum err e)
{
    bool judged = e == OK || e == E_UNAUTHENTICATED;
    int64_t retry_after_s = s->error.retry_after_s;

    metric_add(&requests_total, 1, d->o.name, operation,
               e == OK                  ? "ok"
               : e == E_UNAUTHENTICATED ? "refused"
                                        : "error");
    metric_observe(&request_seconds, (double)(clock_mono_us() - from_us) / 1e6, d->o.name);
    if (judged)
        return e;
    log_failed(s, d, operation, e);
    e = fail(s, e == E_TIMEOUT ? E_TIMEOUT : E_UNAVAILABLE,
             "the directory %s cannot be asked at the moment", d->o.name);
    s->error.retry_after_s = retry_after_s;
    return e;
}

/* ---- people */

/** A name that is nobody's: it costs what a wrong password costs, so that names cannot be told from
 * one another by time. */
static void
bind_nobody(struct scope *s, const struct domain *d, struct directory *c, const char *password)
{
    struct error before = s->error;
    uint8_t random[16];

    random_bytes(random, sizeof random);
    (void)!directory_bind(s, c,
                          arena_printf(s->arena, "cn=%s,%s",
                                       hex_lower(s->arena, (struct bytes){ random, sizeof random }),
                                       d->o.base),
                          password);
    s->error = before;
}

/** A refusal by the directory, in words for the record. */
static enum err
refusal(struct scope *s, enum err e)
{
    const char *why;

    if (e == E_NOT_FOUND)
        return fail(s, E_UNAUTHENTICATED, "the directory does not know the entry any more");
    if (e != E_UNAUTHENTICATED)
        return e;
    why = directory_refusal(s->error.text);
    return why ? fail(s, e, "%s", why) : e;
}

/** The entry of WHO, found by the account that searches. */
static enum err
find(struct scope *s, const struct domain *d, struct directory *c, const struct domain_login *who,
     struct directory_entry *person)
{
    enum err e = domain_find_person(s, d, c, who, person);

    if (e == E_NOT_FOUND || e == E_INVALID) /* the configuration's fault */
        e = fail(s, E_UNAVAILABLE, "searching %s: %s", d->o.base,
                 arena_text(s->arena, s->error.text));
    return e;
}

enum err
domain_bind_found(struct scope *s, struct directory *c, const struct directory_entry *person,
                  const char *password)
{
    enum err e = directory_bind(s, c, person->dn, password);

    if (e != E_UNAUTHENTICATED && e != E_NOT_FOUND)
        return e;
    return fail(s, E_UNAUTHENTICATED,
                "the entry that was found, %s, is not the one that user_bind proved: %s",
                person->dn, arena_text(s->arena, s->error.text));
}

/** They bind as what the configuration says, search themselves, and bind as what was found: the
 * name of the first may be another's by the second. */
static enum err
check_direct(struct scope *s, const struct domain *d, struct directory *c,
             const struct domain_login *who, const char *password, struct directory_entry *person)
{
    TRY(refusal(s, directory_bind(s, c, domain_bind_name(s, d, who), password)));
    TRY(find(s, d, c, who, person));
    return domain_bind_found(s, c, person, password);
}

/** The account that searches finds them, they bind as what was found, and it goes on. */
static enum err
check_found(struct scope *s, const struct domain *d, struct directory *c,
            const struct domain_login *who, const char *password, struct directory_entry *person)
{
    enum err e;

    TRY(domain_bind_own(s, d, c, NULL));
    e = find(s, d, c, who, person);
    if (e == E_UNAUTHENTICATED)
        bind_nobody(s, d, c, password);
    TRY(e);
    TRY(refusal(s, directory_bind(s, c, person->dn, password)));
    return domain_bind_own(s, d, c, NULL);
}

/** What a connection is asked: whose password, or, when PASSWORD is NULL, who somebody is. */
static enum err
ask(struct scope *s, struct domain *d, const struct domain_login *who, const char *password,
    struct outsider *out)
{
    AUTO(directory_close) struct directory *c = NULL;
    struct directory_entry person = { 0 };
    struct list groups = { 0 };
    enum err e;

    TRY(connect_any(s, d, &c));
    if (!password) {
        TRY(domain_bind_own(s, d, c, NULL));
        TRY(find(s, d, c, who, &person));
        if (who->exact && !domain_bears(s, &person, who->login))
            return fail(s, E_UNAUTHENTICATED, "%s, which was found, is not called so to the letter",
                        person.dn);
    } else {
        e = d->o.user_bind ? check_direct(s, d, c, who, password, &person)
                           : check_found(s, d, c, who, password, &person);
        if (person.dn)
            out->origin = domain_origin(s, d, &person);
        TRY(e);
    }
    TRY(domain_groups(s, d, c, who, &person, &groups));
    domain_outsider(s, d, who, &person, &groups, out);
    return OK;
}

static enum err
ask_once(struct scope *s, struct domain *d, const char *operation, const struct domain_login *who,
         const char *password, struct outsider *out)
{
    int64_t from_us = clock_mono_us();
    enum err e = enter(s, d);

    if (e == OK) {
        e = ask(s, d, who, password, out);
        leave(d, e);
    }
    return ended(s, d, operation, from_us, e);
}

enum err
domain_check(struct scope *s, struct domain *d, const struct domain_login *who,
             const char *password, struct outsider *out)
{
    *out = (struct outsider){ 0 };
    if (text_empty(password)) /* RFC 4513 section 5.1.2: it would prove nothing and succeed */
        return fail(s, E_UNAUTHENTICATED, "the password is empty");
    return ask_once(s, d, "login", who, password, out);
}

enum err
domain_look_up(struct scope *s, struct domain *d, const struct domain_login *who,
               struct outsider *out)
{
    return ask_once(s, d, "lookup", who, NULL, out);
}
