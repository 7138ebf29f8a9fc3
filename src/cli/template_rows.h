/** Template-rows: changing and trying templates, as rows of the one table in commands.c. */
#ifndef CLI_TEMPLATE_ROWS_H
#define CLI_TEMPLATE_ROWS_H

#include "cli/run.h"

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
    { "dns", 'd', FLAG_NAMES, "NAME", "DNS names; repeat, or with commas", NULL, NULL, NULL },
    { "ip", 0, FLAG_NAMES, "ADDR", "addresses", NULL, NULL, NULL },
    { "email", 'e', FLAG_NAMES, "ADDR", "mail addresses", NULL, NULL, NULL },
    { "upn", 'u', FLAG_NAMES, "NAME", "user principal names", NULL, NULL, NULL },
    { "uri", 0, FLAG_TEXTS, "URI", "URIs", NULL, NULL, NULL },
    { "subject", 0, FLAG_TEXT, "DN", "the subject; default CN= and the first name", NULL, NULL,
      NULL },
    { "cn", 0, FLAG_TEXT, "NAME", "its common name", NULL, NULL, NULL },
    { "key-type", 0, FLAG_KEY, "ALG", "ec:p256, ec:p384, ec:p521, rsa:2048...8192, ed25519", NULL,
      NULL, NULL },
    { "duration", 0, FLAG_DURATION, "D", "validity", NULL, NULL, NULL },
    { "eku", 0, FLAG_NAMES, "OID", "what it is for: an OID, serverAuth, clientAuth, ...", NULL,
      NULL, NULL },
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
