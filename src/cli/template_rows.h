/** Template-rows: changing and trying templates, as rows of the one table in commands.c. */
#ifndef CLI_TEMPLATE_ROWS_H
#define CLI_TEMPLATE_ROWS_H

#include "cli/subject_flags.h"

/* The commands. */
enum err run_templates_edit(struct cli *c);
enum err run_templates_test(struct cli *c);

static const struct flag template_edit_flags[] = {
    { "from", 0, FLAG_TEXT, "FILE", "the whole policy, YAML or JSON; - is stdin", NULL, NULL,
      NULL },
    { "display-name", 0, FLAG_TEXT, "TEXT", "what people see it called", NULL, NULL, NULL },
};
static const struct flag template_test_flags[] = {
    { "csr", 0, FLAG_TEXT, "FILE", "this request", NULL, NULL, NULL },
    NAME_FLAGS,
    SUBJECT_FLAGS,
    SUBJECT_KEY_FLAG,
    { "duration", 0, FLAG_DURATION, "D", "validity", NULL, NULL, NULL },
    EKU_FLAG,
    { "meta", 0, FLAG_TEXTS, "NAME=VALUE", "what would be noted about it; repeat", NULL, NULL,
      NULL },
    { "owner", 0, FLAG_TEXT, "ROLE", "the role that would own it", NULL, NULL, NULL },
    { "issuer", 0, FLAG_TEXT, "REF", "the authority; default the one that issues", NULL, "ca",
      NULL },
};

/* clang-format off */
#define TEMPLATE_COMMANDS                                                                          \
    { "templates edit", "NAME [KEY=VALUE...]", 1, -1, FLAGS(template_edit_flags),                  \
      run_templates_edit,                                                                          \
      "Change a template: some values, a file, or in $EDITOR; it gets a new version.",             \
      "  chancery templates edit WebServer validity=60d san_ip=forbidden --dry-run\n"              \
      "  chancery templates edit WebServer 'key_types=[ec:p256, ec:p384]'\n"                       \
      "  chancery templates edit WebServer --from policy.yaml\n" },                                \
    { "templates test", "NAME", 1, 1, FLAGS(template_test_flags), run_templates_test,              \
      "Say what a template would make of a request; nothing is issued.",                           \
      "  chancery templates test WebServer --dns web.example.com --duration 90d\n"                 \
      "  chancery templates test WebServer --csr web.csr\n" }
/* clang-format on */

#endif
