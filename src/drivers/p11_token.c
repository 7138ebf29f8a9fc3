#include "drivers/p11_token.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/wait.h"
#include "pki/hash.h"
#include "seal/reference.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS 4
#define SESSIONS_MAX 64
#define TIMEOUT_MS 10000
#define WAITING_MAX 1000
#define SLOTS_MAX 256
#define ANEW_MS 1000 /* between two searches for a token that is not there */
#define PARTING_S 2  /* how long the end waits for the threads */

GAUGE(hsm_up, "chancery_hsm_up", "1 when the token answered the last time it was asked.", "token");
COUNTER(restarts, "chancery_hsm_restarts_total",
        "New initialisations of a PKCS#11 module because a token or its sessions were lost.",
        "token");
COUNTER(timeouts, "chancery_hsm_timeouts_total", "Questions that a token did not answer in time.",
        "token");

/* The thread that slept last is woken first, one at a time, and wakes the next when there is work
 * for it: short work is done by few, and the module's own locks are met by few. */
struct worker {
    struct p11_token *token;
    struct worker *next; /* in the token's list of those that sleep */
    pthread_t thread;
    struct p11_session session; /* its epoch is 0 while there is none */
    /* Under the token's lock: */
    pthread_cond_t wake;
    bool asleep;
    int64_t busy_since; /* clock_mono_ms(); 0: idle */
};

struct p11_token {
    struct p11_token *next;
    struct arena *arena;
    struct p11_module *module;
    struct p11_uri uri;
    const char *name, *pin; /* how it is called in logs and metrics; the PIN's reference */
    struct seal *seal;
    int users; /* under the registry's lock */
    int64_t timeout_ms;
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t ended; /* a thread ended */
    struct p11_task *first, **last;
    struct worker *idle;
    bool waking;          /* a thread was woken and did not look yet */
    int waiting, running; /* tasks; threads */
    bool stopping, away;  /* AWAY: it failed the last time */
    int64_t restarted_at; /* clock_mono_ms() */
    struct worker workers[SESSIONS_MAX];
    int worker_count;
};

/* A PIN that a token refused is not tried again: it locks itself after a few wrong ones. */
struct refusal {
    struct refusal *next;
    char *token;
    uint8_t pin[SHA256_LEN];
};

static struct {
    pthread_mutex_t lock;
    struct p11_token *first;
    struct refusal *refusals;
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

CK_RV
p11_say(struct p11_task *task, enum err kind, const char *format, ...)
{
    va_list args;

    task->kind = kind;
    va_start(args, format);
    (void)vsnprintf(task->why, sizeof(task->why), format, args);
    va_end(args);
    return CKR_FUNCTION_FAILED;
}

/* Finding the slot. */

static bool
field_is(const char *wanted, const unsigned char *field, size_t len)
{
    while (len && (field[len - 1] == ' ' || field[len - 1] == 0))
        len--;
    return !wanted || (strlen(wanted) == len && memcmp(wanted, field, len) == 0);
}

static CK_RV
find_slot(struct p11_token *t, CK_FUNCTION_LIST_PTR fn, CK_SLOT_ID *out, CK_TOKEN_INFO *info)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_RV rv = fn->C_GetSlotList(CK_TRUE, slots, &count);
    int found = 0;

    if (rv != CKR_OK)
        return rv;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO one;

        if (fn->C_GetTokenInfo(slots[i], &one) != CKR_OK || !(one.flags & CKF_TOKEN_INITIALIZED) ||
            !field_is(t->uri.token, one.label, sizeof(one.label)) ||
            !field_is(t->uri.serial, one.serialNumber, sizeof(one.serialNumber)) ||
            !field_is(t->uri.model, one.model, sizeof(one.model)) ||
            !field_is(t->uri.manufacturer, one.manufacturerID, sizeof(one.manufacturerID)))
            continue;
        *out = slots[i];
        *info = one;
        found++;
    }
    return found == 1 ? CKR_OK : found ? CKR_SLOT_ID_INVALID : CKR_TOKEN_NOT_PRESENT;
}

/* Logging in. */

static struct refusal *
refusal_of(const struct p11_token *t)
{
    struct refusal *r = known.refusals;

    while (r && !text_eq(r->token, t->name))
        r = r->next;
    return r;
}

static bool
was_refused(const struct p11_token *t, const uint8_t pin[SHA256_LEN])
{
    const struct refusal *r;
    bool refused;

    (void)pthread_mutex_lock(&known.lock);
    r = refusal_of(t);
    refused = r && memcmp(r->pin, pin, SHA256_LEN) == 0;
    (void)pthread_mutex_unlock(&known.lock);
    return refused;
}

static void
remember_refused(const struct p11_token *t, const uint8_t pin[SHA256_LEN])
{
    struct refusal *r;

    (void)pthread_mutex_lock(&known.lock);
    r = refusal_of(t);
    if (!r) {
        r = mem_alloc(sizeof(*r));
        r->token = mem_text(t->name);
        r->next = known.refusals;
        known.refusals = r;
    }
    memcpy(r->pin, pin, SHA256_LEN);
    (void)pthread_mutex_unlock(&known.lock);
    log_error(NULL, "the token %s refuses its PIN, which is not tried again: correct it", t->name);
}

static CK_RV
log_in_with(struct p11_token *t, const struct p11_session *se, const struct secret *pin,
            struct p11_task *task)
{
    uint8_t hash[SHA256_LEN];
    uint8_t *data = pin->data;
    CK_RV rv;

    hash_sha256(secret_bytes(pin), hash);
    if (was_refused(t, hash))
        return p11_say(task, E_UNAVAILABLE,
                       "its PIN was refused and is not tried again until it is corrected");
    rv = se->fn->C_Login(se->handle, CKU_USER, data, pin->len);
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID)
        remember_refused(t, hash);
    return rv;
}

static CK_RV
log_in(struct p11_token *t, const struct p11_session *se, const CK_TOKEN_INFO *info,
       struct p11_task *task)
{
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    AUTO(secret_free) struct secret *pin = NULL;
    CK_RV rv;

    if (!t->pin && !(info->flags & CKF_LOGIN_REQUIRED))
        return CKR_OK;
    if (t->pin && secret_resolve(s, t->seal, t->pin, &pin) != OK) {
        log_failure(s, LOG_WARN, "the PIN of a token cannot be read");
        return p11_say(task, E_UNAVAILABLE, "its PIN cannot be read: %s", error_for_strangers(s));
    }
    if (!pin && !(info->flags & CKF_PROTECTED_AUTHENTICATION_PATH))
        return p11_say(task, E_UNAVAILABLE, "it wants a PIN, and none is configured: hsm.pin");
    rv = pin ? log_in_with(t, se, pin, task) : se->fn->C_Login(se->handle, CKU_USER, NULL, 0);
    return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

/* A session of the present epoch. */
static CK_RV
ready_session(struct worker *w, uint64_t epoch, struct p11_task *task)
{
    struct p11_token *t = w->token;
    CK_TOKEN_INFO info;
    CK_RV rv;

    if (w->session.epoch == epoch)
        return CKR_OK;
    w->session = (struct p11_session){ .fn = p11_functions(t->module) };
    rv = find_slot(t, w->session.fn, &w->session.slot, &info);
    if (rv != CKR_OK)
        return rv;
    rv = w->session.fn->C_OpenSession(w->session.slot, CKF_SERIAL_SESSION, NULL, NULL,
                                      &w->session.handle);
    if (rv != CKR_OK)
        return rv;
    rv = log_in(t, &w->session, &info, task);
    if (rv != CKR_OK) {
        (void)w->session.fn->C_CloseSession(w->session.handle);
        return rv;
    }
    w->session.epoch = epoch;
    return CKR_OK;
}

/* Answers after which the module is initialised anew. */
static bool
is_lost(CK_RV rv)
{
    static const CK_RV lost[] = {
        CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
        CKR_DEVICE_REMOVED,         CKR_DEVICE_ERROR,
        CKR_TOKEN_NOT_PRESENT,      CKR_TOKEN_NOT_RECOGNIZED,
        CKR_USER_NOT_LOGGED_IN,     CKR_CRYPTOKI_NOT_INITIALIZED,
        CKR_KEY_HANDLE_INVALID,     CKR_OBJECT_HANDLE_INVALID,
        CKR_GENERAL_ERROR,          CKR_FUNCTION_FAILED,
        CKR_SLOT_ID_INVALID,        CKR_DEVICE_MEMORY,
    };

    for (size_t i = 0; i < COUNT(lost); i++)
        if (lost[i] == rv)
            return true;
    return false;
}

static CK_RV
try_once(struct worker *w, struct p11_task *task, uint64_t *epoch)
{
    CK_RV rv;

    task->kind = OK;
    task->why[0] = 0;
    rv = p11_enter(w->token->module, epoch);
    if (rv != CKR_OK)
        return rv;
    rv = ready_session(w, *epoch, task);
    if (rv == CKR_OK)
        rv = task->run(&w->session, task);
    if (rv != CKR_OK && task->kind == OK && w->session.epoch) { /* an operation may be open in it */
        (void)w->session.fn->C_CloseSession(w->session.handle);
        w->session.epoch = 0;
    }
    p11_leave(w->token->module);
    return rv;
}

/* True when the module was initialised anew and the task may be tried again. */
static bool
come_back(struct p11_token *t, uint64_t epoch)
{
    int64_t now = clock_mono_ms();
    bool due;

    (void)pthread_mutex_lock(&t->lock);
    due = !t->restarted_at || now - t->restarted_at >= ANEW_MS;
    if (due)
        t->restarted_at = now;
    (void)pthread_mutex_unlock(&t->lock);
    if (!due)
        return false;
    metric_add(&restarts, 1, t->name);
    return p11_restart(t->module, epoch) == CKR_OK;
}

static void
tell_state(struct p11_token *t, const struct p11_task *task)
{
    bool up = task->rv == CKR_OK || (task->kind != OK && task->kind != E_UNAVAILABLE);
    bool changed;

    (void)pthread_mutex_lock(&t->lock);
    changed = t->away == up;
    t->away = !up;
    (void)pthread_mutex_unlock(&t->lock);
    metric_set(&hsm_up, up ? 1 : 0, t->name);
    if (changed && up)
        log_info(NULL, "the token %s is back", t->name);
    else if (changed)
        log_error(NULL, "the token %s fails: %s", t->name,
                  task->why[0] ? task->why : p11_rv_name(task->rv));
}

static void
perform(struct worker *w, struct p11_task *task)
{
    uint64_t epoch = 0;

    task->rv = try_once(w, task, &epoch);
    if (task->kind == OK && is_lost(task->rv) && come_back(w->token, epoch))
        task->rv = try_once(w, task, &epoch);
    tell_state(w->token, task);
}

/* The threads. Those that work and those that ask each wait for something of their own: a signature
 * takes less time than it takes to wake all who wait for one. */

/* The lock is held. True when that was the last holder. */
static bool
let_go(struct p11_task *task)
{
    return --task->holders == 0;
}

static void
task_release(struct p11_task *task)
{
    (void)pthread_cond_destroy(&task->finished);
    task->release(task);
}

/* The lock is held. */
static void
wake_one(struct p11_token *t)
{
    struct worker *w = t->idle;

    if (t->waking || !w || !t->first)
        return;
    t->idle = w->next;
    t->waking = true;
    w->asleep = false;
    (void)pthread_cond_signal(&w->wake);
}

/* Sleep until woken; the lock is held before and after. */
static void
doze(struct p11_token *t, struct worker *w)
{
    w->next = t->idle;
    t->idle = w;
    w->asleep = true;
    while (w->asleep)
        (void)pthread_cond_wait(&w->wake, &t->lock);
    t->waking = false;
}

/* The next task, when there is one; the lock is held. */
static struct p11_task *
take(struct p11_token *t)
{
    struct p11_task *task = t->first;

    if (!task)
        return NULL;
    t->first = task->next;
    if (!t->first)
        t->last = &t->first;
    t->waiting--;
    wake_one(t);
    return task;
}

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct p11_token *t = w->token;

    (void)pthread_mutex_lock(&t->lock);
    while (!t->stopping) {
        struct p11_task *task = take(t);
        bool last;

        if (!task) {
            doze(t, w);
            continue;
        }
        w->busy_since = clock_mono_ms();
        last = task->holders == 1; /* nobody waits for it any more */
        (void)pthread_mutex_unlock(&t->lock);
        if (!last)
            perform(w, task);
        (void)pthread_mutex_lock(&t->lock);
        w->busy_since = 0;
        task->done = true;
        last = let_go(task);
        if (last)
            task_release(task);
        else
            (void)pthread_cond_signal(&task->finished);
    }
    t->running--;
    (void)pthread_cond_broadcast(&t->ended);
    (void)pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* Every thread is with the module for longer than an answer may take. */
static bool
hangs(const struct p11_token *t, int64_t now)
{
    for (int i = 0; i < t->worker_count; i++)
        if (!t->workers[i].busy_since || now - t->workers[i].busy_since < t->timeout_ms)
            return false;
    return true;
}

static enum err
result_of(struct scope *s, const struct p11_token *t, const struct p11_task *task)
{
    if (task->rv == CKR_OK)
        return OK;
    if (task->kind != OK)
        return fail_code(s, task->kind, task->kind == E_UNAVAILABLE ? CHY_SIGNER_FAILED : CHY_NONE,
                         "the token %s: %s", t->name, task->why);
    if (task->rv == CKR_TOKEN_NOT_PRESENT)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED, "the token %s is not there", t->name);
    if (task->rv == CKR_PIN_INCORRECT)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED, "the token %s refuses the PIN",
                         t->name);
    return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED, "the token %s answers %s (0x%lx)",
                     t->name, p11_rv_name(task->rv), task->rv);
}

/* The lock is held. */
static enum err
wait_for(struct scope *s, struct p11_token *t, struct p11_task *task, int64_t until)
{
    while (!task->done)
        if (!wait_until(&task->finished, &t->lock, until) && !task->done)
            return E_TIMEOUT;
    return result_of(s, t, task);
}

enum err
p11_token_do(struct scope *s, struct p11_token *t, struct p11_task *task)
{
    int64_t now = clock_mono_ms(), wait = MIN(t->timeout_ms, scope_left_ms(s));
    enum err e;

    task->holders = 1;
    wait_init(&task->finished);
    (void)pthread_mutex_lock(&t->lock);
    if (t->waiting >= WAITING_MAX || hangs(t, now)) {
        bool full = t->waiting >= WAITING_MAX;

        (void)pthread_mutex_unlock(&t->lock);
        return full ? fail_code(s, E_LIMIT, CHY_SIGNER_FAILED,
                                "too many requests wait for the token %s", t->name)
                    : fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED, "the token %s does not answer",
                                t->name);
    }
    task->holders = 2;
    *t->last = task;
    t->last = &task->next;
    t->waiting++;
    wake_one(t);
    e = wait_for(s, t, task, now + wait);
    (void)pthread_mutex_unlock(&t->lock);
    if (e != E_TIMEOUT || s->error.kind != OK)
        return e;
    metric_add(&timeouts, 1, t->name);
    metric_set(&hsm_up, 0, t->name);
    return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                     "the token %s did not answer within %lld ms", t->name, (long long)wait);
}

void
p11_task_end(struct p11_token *t, struct p11_task *task)
{
    bool last;

    (void)pthread_mutex_lock(&t->lock);
    last = let_go(task);
    (void)pthread_mutex_unlock(&t->lock);
    if (last)
        task_release(task);
}

/* Opening and closing. */

static bool
same(const struct p11_token *t, const struct p11_options *o, const struct p11_uri *u)
{
    return text_eq(p11_module_path(t->module), o->module) && text_eq(t->uri.token, u->token) &&
           text_eq(t->uri.serial, u->serial) && text_eq(t->uri.model, u->model) &&
           text_eq(t->uri.manufacturer, u->manufacturer) && text_eq(t->pin, o->pin);
}

static enum err
make(struct scope *s, const struct p11_options *o, const struct p11_uri *u, struct p11_token **out)
{
    int sessions = o->sessions > 0 ? MIN(o->sessions, SESSIONS_MAX) : SESSIONS;
    struct p11_module *module;
    struct p11_token *t;

    TRY(p11_module_open(s, o->module, &module));
    t = mem_alloc(sizeof(*t));
    t->arena = arena_new();
    t->module = module;
    t->uri = (struct p11_uri){ .token = arena_text(t->arena, u->token),
                               .serial = arena_text(t->arena, u->serial),
                               .model = arena_text(t->arena, u->model),
                               .manufacturer = arena_text(t->arena, u->manufacturer) };
    t->name = t->uri.token ? t->uri.token : t->uri.serial;
    t->pin = arena_text(t->arena, o->pin);
    t->seal = o->seal;
    t->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    t->last = &t->first;
    (void)pthread_mutex_init(&t->lock, NULL);
    wait_init(&t->ended);
    metric_touch(&restarts, t->name);
    metric_touch(&timeouts, t->name);
    (void)pthread_mutex_lock(&t->lock);
    for (int i = 0; i < sessions; i++) {
        t->workers[i].token = t;
        wait_init(&t->workers[i].wake);
        if (pthread_create(&t->workers[i].thread, NULL, work, &t->workers[i]) != 0)
            break;
        (void)pthread_detach(t->workers[i].thread);
        t->worker_count++;
        t->running++;
    }
    (void)pthread_mutex_unlock(&t->lock);
    *out = t;
    return OK;
}

enum err
p11_token_open(struct scope *s, const struct p11_options *o, const struct p11_uri *uri,
               struct p11_token **out)
{
    struct p11_token *t;
    enum err e = OK;

    (void)pthread_mutex_lock(&known.lock);
    t = known.first;
    while (t && !same(t, o, uri))
        t = t->next;
    if (!t) {
        e = make(s, o, uri, &t);
        if (e == OK) {
            t->next = known.first;
            known.first = t;
        }
    }
    if (e == OK) {
        t->users++;
        *out = t;
    }
    (void)pthread_mutex_unlock(&known.lock);
    return e;
}

/* False when a thread is still with the module: then its token stays, too. */
static bool
stop(struct p11_token *t)
{
    int64_t until = clock_mono_ms() + PARTING_S * SECOND_MS;
    bool ended;

    (void)pthread_mutex_lock(&t->lock);
    t->stopping = true;
    for (; t->idle; t->idle = t->idle->next) {
        t->idle->asleep = false;
        (void)pthread_cond_signal(&t->idle->wake);
    }
    while (t->running && wait_until(&t->ended, &t->lock, until))
        ;
    ended = t->running == 0;
    (void)pthread_mutex_unlock(&t->lock);
    return ended;
}

static void
close_sessions(struct p11_token *t)
{
    uint64_t epoch;

    if (p11_enter(t->module, &epoch) != CKR_OK)
        return;
    for (int i = 0; i < t->worker_count; i++)
        if (t->workers[i].session.epoch == epoch)
            (void)t->workers[i].session.fn->C_CloseSession(t->workers[i].session.handle);
    p11_leave(t->module);
}

void
p11_token_close(struct p11_token *t)
{
    struct p11_token **at = &known.first;
    bool last;

    if (!t)
        return;
    (void)pthread_mutex_lock(&known.lock);
    last = --t->users == 0;
    while (last && *at != t)
        at = &(*at)->next;
    if (last)
        *at = t->next;
    (void)pthread_mutex_unlock(&known.lock);
    if (!last || !stop(t))
        return;
    close_sessions(t);
    p11_module_close(t->module);
    (void)pthread_mutex_destroy(&t->lock);
    (void)pthread_cond_destroy(&t->ended);
    for (int i = 0; i < t->worker_count; i++)
        (void)pthread_cond_destroy(&t->workers[i].wake);
    arena_free(t->arena);
    mem_free(t);
}
