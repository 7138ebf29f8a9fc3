/** Spent: where the server's CPU time went: its threads by their names, and of its workers' time
 * its own count by step. */
#ifndef BENCH_SPENT_H
#define BENCH_SPENT_H

#include "target.h"

#define SPENT_LINES_MAX 16

/** One line of what is told. */
struct spent_line {
    const char *title;
    const char *steps[4]; /* of chancery_step_cpu_seconds_total, added up */
    const char *thread;   /* instead: those of this name; or NULL */
};

/** What was counted so far. */
struct spent {
    double lines[SPENT_LINES_MAX], writes, commits;
};

/** Count LINES, which a line without a title ends. */
void spent_read(struct scope *s, const struct target *t, const struct spent_line *lines,
                struct spent *out);
/** What was spent from BEFORE to AFTER. */
struct spent spent_between(const struct spent *before, const struct spent *after);
/** How many writes the server put into a commit. */
int spent_batch(const struct spent *between);
/** Print what each of COUNT pieces of work spent, and what is over of CPU_US; KEY is how the names
 * of these results begin. */
void spent_print(struct scope *s, const char *key, const struct spent_line *lines,
                 const struct spent *between, int64_t count, double cpu_us);

/** What every certificate costs, whatever way it is asked for. */
#define SPENT_ISSUING                                                                           \
    { "policy and lint", .steps = { "policy", "plan", "lint" } },                               \
        { "reading the CSR", .steps = { "read" } }, { "CSR verification", .steps = { "CSR" } }, \
        { "signing", .steps = { "sign" } }, { "database, asking", .steps = { "history" } },     \
        { "database, handing over", .steps = { "database" } },                                  \
        { "database, writing", .thread = "lane" },                                              \
    {                                                                                           \
        "reply", .steps = { "reply" }                                                           \
    }

#endif
