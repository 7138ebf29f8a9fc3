#include "base/metric.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SERIES_MAX 1000 /* of one metric; what would be more is counted under "other" */

/* Upper bounds in seconds; the last bucket is +Inf. */
static const double bounds[] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                 0.25,   0.5,   1,      2.5,   5,    10,    30,   60 };
#define BUCKETS METRIC_BUCKETS
_Static_assert(BUCKETS == COUNT(bounds) + 1, "a bucket for each bound, and one for what is above");

struct series {
    _Atomic(struct series *) next;
    const char *values[METRIC_LABELS];
    _Atomic double value; /* a histogram's sum */
    _Atomic uint64_t buckets[BUCKETS];
};

struct metric_state {
    _Atomic(struct series *) first;
    size_t count;
    pthread_mutex_t lock; /* held to add a series; reading needs none */
};

static struct metric *all;

void
metric_register(struct metric *m)
{
    struct metric **at = &all;

    m->state = mem_alloc(sizeof(*m->state));
    (void)pthread_mutex_init(&m->state->lock, NULL);
    while (*at && strcmp((*at)->name, m->name) < 0)
        at = &(*at)->next;
    m->next = *at;
    *at = m;
}

static size_t
label_count(const struct metric *m)
{
    size_t n = 0;

    while (m->labels[n])
        n++;
    return n;
}

/* Most texts differ in their first letter already. */
static bool
same(const char *a, const char *b)
{
    return a == b || (*a == *b && strcmp(a, b) == 0);
}

static struct series *
find(const struct metric *m, size_t labels, const char *const *values)
{
    struct series *se = atomic_load_explicit(&m->state->first, memory_order_acquire);

    for (; se; se = atomic_load_explicit(&se->next, memory_order_acquire)) {
        size_t i = 0;

        while (i < labels && same(se->values[i], values[i]))
            i++;
        if (i == labels)
            return se;
    }
    return NULL;
}

/* The series with these label values; made when CREATE, else NULL when there is none. */
static struct series *
series_of(struct metric *m, const char *const *given, bool create)
{
    size_t labels = label_count(m);
    const char *values[METRIC_LABELS] = { "", "", "", "" };
    struct series *se;

    for (size_t i = 0; i < labels && given[i]; i++)
        values[i] = given[i];
    se = find(m, labels, values);
    if (se || !create)
        return se;
    (void)pthread_mutex_lock(&m->state->lock);
    if (m->state->count >= SERIES_MAX)
        for (size_t i = 0; i < labels; i++)
            values[i] = "other";
    se = find(m, labels, values);
    if (!se) {
        se = mem_alloc(sizeof(*se));
        for (size_t i = 0; i < labels; i++)
            se->values[i] = mem_text(values[i]);
        atomic_store(&se->next, atomic_load(&m->state->first));
        atomic_store_explicit(&m->state->first, se, memory_order_release);
        m->state->count++;
    }
    (void)pthread_mutex_unlock(&m->state->lock);
    return se;
}

static void
add_to(_Atomic double *value, double by)
{
    double old = atomic_load_explicit(value, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(value, &old, old + by, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void
metric_add_at(struct metric *m, double by, const char *const *values)
{
    add_to(&series_of(m, values, true)->value, by);
}

void
metric_set_at(struct metric *m, double to, const char *const *values)
{
    atomic_store(&series_of(m, values, true)->value, to);
}

struct series *
metric_series_at(struct metric *m, const char *const *values)
{
    return series_of(m, values, true);
}

void
series_add(struct series *se, double by)
{
    add_to(&se->value, by);
}

void
metric_observe_at(struct metric *m, double value, const char *const *values)
{
    series_observe(series_of(m, values, true), value);
}

static size_t
bucket_of(double value)
{
    size_t bucket = 0;

    while (bucket < COUNT(bounds) && value > bounds[bucket])
        bucket++;
    return bucket;
}

void
series_observe(struct series *se, double value)
{
    (void)atomic_fetch_add_explicit(&se->buckets[bucket_of(value)], 1, memory_order_relaxed);
    add_to(&se->value, value);
}

void
tally_add(struct tally *t, double by)
{
    t->value += by;
}

void
tally_observe(struct tally *t, double value)
{
    t->buckets[bucket_of(value)]++;
    t->value += value;
    t->observed = true;
}

void
tally_tell(struct tally *t)
{
    for (size_t i = 0; t->observed && i < BUCKETS; i++)
        if (t->buckets[i])
            (void)atomic_fetch_add_explicit(&t->series->buckets[i], t->buckets[i],
                                            memory_order_relaxed);
    if (t->value != 0)
        add_to(&t->series->value, t->value);
    *t = (struct tally){ .series = t->series };
}

double
metric_value_at(struct metric *m, const char *const *values)
{
    struct series *se = series_of(m, values, false);

    return se ? atomic_load(&se->value) : 0;
}

static void
print_number(struct buf *out, double v)
{
    if (v >= -9e15 && v <= 9e15 && v == (double)(int64_t)v)
        buf_int(out, (int64_t)v);
    else
        buf_printf(out, "%.9g", v);
}

static void
print_labels(struct buf *out, const struct metric *m, const struct series *se, const char *le)
{
    const char *between = "{";

    for (size_t i = 0; m->labels[i]; i++) {
        buf_printf(out, "%s%s=\"", between, m->labels[i]);
        for (const char *at = se->values[i]; *at; at++) {
            if (*at == '\n')
                buf_text(out, "\\n");
            else if (*at == '"' || *at == '\\')
                buf_printf(out, "\\%c", *at);
            else
                buf_byte(out, (uint8_t)*at);
        }
        buf_byte(out, '"');
        between = ",";
    }
    if (le)
        buf_printf(out, "%sle=\"%s\"", between, le);
    if (le || m->labels[0])
        buf_byte(out, '}');
    buf_byte(out, ' ');
}

static void
print_histogram(struct buf *out, const struct metric *m, struct series *se)
{
    uint64_t total = 0;
    char le[32];

    for (size_t i = 0; i < BUCKETS; i++) {
        total += atomic_load(&se->buckets[i]);
        if (i < COUNT(bounds))
            (void)snprintf(le, sizeof(le), "%g", bounds[i]);
        else
            (void)snprintf(le, sizeof(le), "+Inf");
        buf_printf(out, "%s_bucket", m->name);
        print_labels(out, m, se, le);
        buf_printf(out, "%llu\n", (unsigned long long)total);
    }
    buf_printf(out, "%s_sum", m->name);
    print_labels(out, m, se, NULL);
    print_number(out, atomic_load(&se->value));
    buf_printf(out, "\n%s_count", m->name);
    print_labels(out, m, se, NULL);
    buf_printf(out, "%llu\n", (unsigned long long)total);
}

static void
print_one(struct buf *out, struct metric *m, bool open)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    struct series *se = atomic_load(&m->state->first);
    size_t len = strlen(m->name);
    bool cut = open && m->kind == METRIC_COUNTER && text_ends(m->name, "_total");

    buf_printf(out, "# HELP %.*s %s\n", (int)(cut ? len - 6 : len), m->name, m->help);
    buf_printf(out, "# TYPE %.*s %s\n", (int)(cut ? len - 6 : len), m->name, kinds[m->kind]);
    if (m->ask || (!se && !m->labels[0] && m->kind != METRIC_HISTOGRAM)) {
        buf_printf(out, "%s ", m->name);
        print_number(out, m->ask ? m->ask() : 0);
        buf_byte(out, '\n');
        return;
    }
    for (; se; se = atomic_load(&se->next)) {
        if (m->kind == METRIC_HISTOGRAM) {
            print_histogram(out, m, se);
            continue;
        }
        buf_text(out, m->name);
        print_labels(out, m, se, NULL);
        print_number(out, atomic_load(&se->value));
        buf_byte(out, '\n');
    }
}

void
metric_print(struct buf *out, bool open)
{
    for (struct metric *m = all; m; m = m->next)
        print_one(out, m, open);
    if (open)
        buf_text(out, "# EOF\n");
}
