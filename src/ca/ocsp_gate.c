#include "ca/ocsp_gate.h"

#include "base/metric.h"

#include <pthread.h>

#define PAUSE_MS SECOND_MS /* between two trials of a key that does not sign */
#define TOLD_MS MINUTE_MS  /* between two lines of the log */

GAUGE(waiting_now, "chancery_ocsp_waiting", "OCSP answers that wait for a token.");
COUNTER(turned_away, "chancery_ocsp_turned_away_total",
        "OCSP requests that were answered tryLater without asking the token.", "reason");

struct one {
    struct one *next;
    const void *token;
    int within;
    bool failing;
    int64_t again_ms; /* of clock_mono_ms(): when a failing one is tried again */
};

struct ocsp_gate {
    pthread_mutex_t lock;
    struct one *all; /* as many as there are keys on tokens */
    int within, most;
    bool told;
    int64_t told_ms, silent;
};

CONSTRUCTOR static void
touch_series(void)
{
    metric_touch(&turned_away, "busy");
    metric_touch(&turned_away, "failing");
}

struct ocsp_gate *
ocsp_gate_new(int most)
{
    struct ocsp_gate *g = mem_alloc(sizeof(*g));

    *g = (struct ocsp_gate){ .most = most };
    (void)pthread_mutex_init(&g->lock, NULL);
    return g;
}

void
ocsp_gate_free(struct ocsp_gate *g)
{
    if (!g)
        return;
    while (g->all) {
        struct one *gone = g->all;

        g->all = gone->next;
        mem_free(gone);
    }
    (void)pthread_mutex_destroy(&g->lock);
    mem_free(g);
}

/* The lock is held. */
static struct one *
find(struct ocsp_gate *g, const void *token)
{
    struct one *o = g->all;

    while (o && o->token != token)
        o = o->next;
    if (o)
        return o;
    o = mem_alloc(sizeof(*o));
    *o = (struct one){ .next = g->all, .token = token };
    g->all = o;
    return o;
}

enum err
ocsp_gate_enter(struct scope *s, struct ocsp_gate *g, const void *token)
{
    int64_t now = clock_mono_ms();
    bool busy, failing;
    struct one *o;

    (void)pthread_mutex_lock(&g->lock);
    o = find(g, token);
    busy = g->within >= g->most;
    failing = o->failing && (o->within > 0 || now < o->again_ms);
    if (!busy && !failing) {
        o->within++;
        g->within++;
        metric_set(&waiting_now, g->within);
    }
    (void)pthread_mutex_unlock(&g->lock);
    if (!busy && !failing)
        return OK;
    metric_add(&turned_away, 1, failing ? "failing" : "busy");
    return fail_code(s, E_LIMIT, CHY_SIGNER_FAILED,
                     failing ? "the key that signs the answers could not be used a moment ago"
                             : "enough OCSP answers wait for a token already");
}

void
ocsp_gate_leave(struct ocsp_gate *g, const void *token, enum err e)
{
    struct one *o;

    (void)pthread_mutex_lock(&g->lock);
    o = find(g, token);
    o->within--;
    g->within--;
    metric_set(&waiting_now, g->within);
    o->failing = e == E_UNAVAILABLE || e == E_TIMEOUT || e == E_LIMIT;
    if (o->failing)
        o->again_ms = clock_mono_ms() + PAUSE_MS;
    (void)pthread_mutex_unlock(&g->lock);
}

bool
ocsp_gate_tells(struct ocsp_gate *g, int64_t *silent)
{
    int64_t now = clock_mono_ms();
    bool tells;

    (void)pthread_mutex_lock(&g->lock);
    tells = !g->told || now - g->told_ms >= TOLD_MS;
    *silent = g->silent;
    g->silent = tells ? 0 : g->silent + 1;
    if (tells) {
        g->told = true;
        g->told_ms = now;
    }
    (void)pthread_mutex_unlock(&g->lock);
    return tells;
}
