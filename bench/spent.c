#include "spent.h"
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value in METRICS behind NAME, which stands at the beginning of a line. */
static double
value_of(struct scope *s, const char *metrics, const char *name)
{
    const char *at = strstr(metrics, arena_printf(s->arena, "\n%s ", name));

    return at ? strtod(at + strlen(name) + 2, NULL) : 0;
}

static double
line_s(struct scope *s, const struct spent_line *line, int pid, const char *metrics)
{
    double sum = 0;

    if (line->thread)
        return threads_cpu_s(pid, line->thread);
    for (size_t i = 0; i < COUNT(line->steps) && line->steps[i]; i++)
        sum += value_of(
            s, metrics,
            arena_printf(s->arena, "chancery_step_cpu_seconds_total{step=\"%s\"}", line->steps[i]));
    return sum;
}

void
spent_read(struct scope *s, const struct target *t, const struct spent_line *lines,
           struct spent *out)
{
    struct load l = { .host = "127.0.0.1", .port = t->port, .tls = true };
    const char *metrics = load_get(&l, s->arena, "/metrics", t->auth);

    for (size_t i = 0; lines[i].title; i++)
        out->lines[i] = line_s(s, &lines[i], t->pid, metrics);
    out->writes = value_of(s, metrics, "chancery_db_writes_total");
    out->commits = value_of(s, metrics, "chancery_db_commits_total");
}

struct spent
spent_between(const struct spent *before, const struct spent *after)
{
    struct spent out = { .writes = after->writes - before->writes,
                         .commits = after->commits - before->commits };

    for (size_t i = 0; i < SPENT_LINES_MAX; i++)
        out.lines[i] = after->lines[i] - before->lines[i];
    return out;
}

int
spent_batch(const struct spent *between)
{
    return between->commits > 0 ? (int)(between->writes / between->commits + 0.5) : 1;
}

void
spent_print(struct scope *s, const char *key, const struct spent_line *lines,
            const struct spent *between, int64_t count, double cpu_us)
{
    for (size_t i = 0; lines[i].title; i++) {
        double us = between->lines[i] * 1e6 / (double)count;

        printf("  %-24s %5.0f us\n", lines[i].title, us);
        result(arena_printf(s->arena, "%s%s", key, lines[i].title), us);
        cpu_us -= us;
    }
    printf("  %-24s %5.0f us\n", "the rest", cpu_us);
    result(arena_printf(s->arena, "%sthe rest", key), cpu_us);
}
