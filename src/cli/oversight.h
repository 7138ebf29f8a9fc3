/** Oversight: what happens on the server, as rows of the one table in commands.c. */
#ifndef CLI_OVERSIGHT_H
#define CLI_OVERSIGHT_H

#include "cli/issue_rows.h"

/* The commands. */
enum err run_audit_tail(struct cli *c);
enum err run_metrics(struct cli *c);
enum err run_support_bundle(struct cli *c);

static const struct flag metrics_flags[] = {
    { "raw", 0, FLAG_SWITCH, NULL, "the text as monitoring reads it", NULL, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag support_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there; default chancery-support-TIME.zip", NULL, NULL,
      NULL },
};

/* clang-format off */
#define TAIL_FLAGS                                                                                 \
    { "follow", 'f', FLAG_SWITCH, NULL, "go on with what happens from now on", NULL, NULL, NULL }, \
    { "limit", 0, FLAG_NUMBER, "N", "so many of the past; default 10", NULL, NULL, NULL }

#define OVERSIGHT_COMMANDS                                                                         \
    { "audit tail", "", 0, 0, FLAGS(audit_tail_flags), run_audit_tail,                             \
      "Show what was done last, the latest at the end; with -f, go on.",                           \
      "  chancery audit tail -f\n  chancery audit tail --limit 50 --outcome denied -o jsonl\n" },  \
    { "metrics", "[NAME...]", 0, -1, FLAGS(metrics_flags), run_metrics,                            \
      "Show the server's metrics, or those whose names begin so.",                                 \
      "  chancery metrics chancery_ca chancery_crl\n  chancery metrics --raw\n" },                   \
    { "support-bundle", "", 0, 0, FLAGS(support_flags), run_support_bundle,                        \
      "Collect what somebody who helps needs to know, without secrets, in a zip.",                 \
      "  chancery support-bundle --dry-run\n  chancery support-bundle --out bundle.zip\n" }
/* clang-format on */

#endif
