/** Check: plug-ins for monitoring, as rows of the one table in commands.c. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/run.h"

/** True when the command is one of these: its exit codes are those of plug-ins. */
bool is_check(const struct cli *c);
/** Report that a check could not be made: a line on stdout; returns its exit code, 3. */
int check_unknown(struct cli *c);

/* The commands. */
enum err run_check_expiry(struct cli *c);
enum err run_check_ca(struct cli *c);
enum err run_check_jobs(struct cli *c);

static const struct flag check_expiry_flags[] = {
    { "warn", 0, FLAG_DURATION, "D", "a warning so long before the end; default 14d", NULL,
      "warning", NULL },
    { "crit", 0, FLAG_DURATION, "D", "critical so long before the end; default 7d", NULL,
      "critical", NULL },
    { "query", 0, FLAG_TEXT, "QUERY", "only what it finds", NULL, "filter", NULL },
    { "collection", 0, FLAG_TEXT, "NAME", "only what is in this collection", NULL, NULL, NULL },
};
static const struct flag check_ca_flags[] = {
    { "warn", 0, FLAG_DURATION, "D", "a warning so long before the end; default 90d", NULL,
      "warning", NULL },
    { "crit", 0, FLAG_DURATION, "D", "critical so long before the end; default 30d", NULL,
      "critical", NULL },
};
static const struct flag check_jobs_flags[] = {
    { "warn", 0, FLAG_DURATION, "D", "a warning when one waits so long; default 5m", NULL,
      "warning", NULL },
    { "crit", 0, FLAG_DURATION, "D", "critical when one waits so long; default 30m", NULL,
      "critical", NULL },
    { "since", 0, FLAG_DURATION, "D", "failures of this time; default 1h", NULL, NULL, NULL },
};

/* clang-format off */
#define CHECK_COMMANDS                                                                             \
    { "check expiry", "", 0, 0, FLAGS(check_expiry_flags), run_check_expiry,                       \
      "Say for monitoring whether certificates end soon that nothing has replaced.",               \
      "  chancery check expiry --warn 14d --crit 7d\n"                                             \
      "  chancery check expiry --query 'template:WebServer'\n" },                                  \
    { "check ca", "[NAME...]", 0, -1, FLAGS(check_ca_flags), run_check_ca,                         \
      "Say for monitoring whether authorities can sign, last, and publish their CRLs.",            \
      "  chancery check ca\n  chancery check ca \"Example Issuing CA 1\" --warn 365d\n" },         \
    { "check jobs", "", 0, 0, FLAGS(check_jobs_flags), run_check_jobs,                             \
      "Say for monitoring whether the server's jobs run, and run well.",                           \
      "  chancery check jobs --warn 5m --crit 30m\n" }
/* clang-format on */

#endif
