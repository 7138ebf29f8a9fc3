/** Certs-more: commands about single certificates, as rows of the one table in commands.c. */
#ifndef CLI_CERTS_MORE_H
#define CLI_CERTS_MORE_H

#include "cli/run.h"

/* The commands. */
enum err run_certs_import(struct cli *c);
enum err run_certs_history(struct cli *c);
enum err run_certs_explain(struct cli *c);

static const struct flag certs_import_flags[] = {
    { "meta", 0, FLAG_TEXTS, "NAME=VALUE", "note this about them; repeat", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the password of files with a key; - is stdin",
      NULL, NULL, NULL },
};
static const struct flag certs_one_flags[] = {
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};

/* clang-format off */
#define CERTS_COMMANDS                                                                             \
    { "certs import", "FILE...", 1, -1, FLAGS(certs_import_flags), run_certs_import,               \
      "Enter certificates that others issued, with their keys or without.",                        \
      "  chancery certs import ca.issued/*.pem\n"                                                  \
      "  chancery certs import web.p12 --password-file pw\n" },                                    \
    { "certs history", "REF", 1, 1, FLAGS(certs_one_flags), run_certs_history,                     \
      "Show what was done with a certificate, the oldest first.",                                    \
      "  chancery certs history 1234\n" },                                                         \
    { "certs explain", "REF", 1, 1, FLAGS(certs_one_flags), run_certs_explain,                     \
      "Say how things stand with a certificate: its renewal, and what is in its way.",             \
      "  chancery certs explain 1234\n" }
/* clang-format on */

#endif
