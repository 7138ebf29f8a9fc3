/**
 * Metric: counters, gauges and histograms that /metrics prints. Each is declared once, at file
 * level, and registers itself. Any thread. Labels are low-cardinality names, never user input.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/text.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
#define METRIC_LABELS 4

struct metric {
    enum metric_kind kind;
    const char *name, *help;
    const char *labels[METRIC_LABELS + 1]; /* names, ended by NULL */
    double (*ask)(void);        /* a gauge without labels may be asked for its value instead */
    struct metric_state *state; /* the series; metric.c alone knows it */
    struct metric *next;
};

/** COUNTER(var, "chancery_x_total", "help", "label", ...); GAUGE and HISTOGRAM (in seconds)
 * likewise. */
#define METRIC_DECLARE(var, kind_, name_, help_, ...)                                \
    static struct metric var = {                                                     \
        .kind = (kind_), .name = (name_), .help = (help_), .labels = { __VA_ARGS__ } \
    };                                                                               \
    CONSTRUCTOR static void var##_register_(void)                                    \
    {                                                                                \
        metric_register(&var);                                                       \
    }                                                                                \
    struct metric_takes_a_semicolon
#define COUNTER(var, name, help, ...) METRIC_DECLARE(var, METRIC_COUNTER, name, help, __VA_ARGS__)
#define GAUGE(var, name, help, ...) METRIC_DECLARE(var, METRIC_GAUGE, name, help, __VA_ARGS__)
#define HISTOGRAM(var, name, help, ...) \
    METRIC_DECLARE(var, METRIC_HISTOGRAM, name, help, __VA_ARGS__)
void metric_register(struct metric *m);

/** Add BY to the series with these label values (as many as the metric has labels; NULL counts as
 * ""). */
#define metric_add(m, by, ...) \
    metric_add_at((m), (by), (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
#define metric_set(m, to, ...) \
    metric_set_at((m), (to), (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
/** Observe a value (seconds, for histograms of time). */
#define metric_observe(m, v, ...) \
    metric_observe_at((m), (v), (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
/** Make the series exist with 0, so that its first event shows as an increase. */
#define metric_touch(m, ...) \
    metric_add_at((m), 0, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
void metric_add_at(struct metric *m, double by, const char *const *values);
void metric_set_at(struct metric *m, double to, const char *const *values);
void metric_observe_at(struct metric *m, double value, const char *const *values);
/** The present value of a counter or gauge series; 0 when it does not exist. For tests and health
 * pages. */
#define metric_value(m, ...) \
    metric_value_at((m), (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
double metric_value_at(struct metric *m, const char *const *values);

/** One series, for places where even finding it would cost too much; made when missing, it lives
 * for ever. */
struct series;
#define metric_series(m, ...) \
    metric_series_at((m), (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
struct series *metric_series_at(struct metric *m, const char *const *values);
void series_add(struct series *se, double by);
void series_observe(struct series *se, double value);

/** What one thread has counted and not yet told: a series is shared, a tally is not. */
#define METRIC_BUCKETS 17
struct tally {
    struct series *series;
    double value;
    uint32_t buckets[METRIC_BUCKETS];
    bool observed; /* some bucket is not 0 */
};
void tally_add(struct tally *t, double by);
void tally_observe(struct tally *t, double value);
/** Tell the series, and begin again from 0. */
void tally_tell(struct tally *t);

/** Print all metrics in the Prometheus text format 0.0.4, or OpenMetrics 1.0.0 when OPEN. */
void metric_print(struct buf *out, bool open);

#endif
