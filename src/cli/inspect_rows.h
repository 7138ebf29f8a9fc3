/** Inspect-rows: looking into what lies somewhere, as rows of the one table in commands.c. */
#ifndef CLI_INSPECT_ROWS_H
#define CLI_INSPECT_ROWS_H

#include "cli/subject_flags.h"

/** Write what a certificate says as a JSON object, behind a comma where something precedes; one
 * that is not signed yet has no thumbprints. */
enum err tell_certificate(struct cli *c, struct buf *b, struct bytes der, bool is_signed);

/** True for a file, "-", https://HOST and NAME@STORE: no number or name of the register. */
bool is_somewhere(const char *ref);
/** The certificates there, of struct bytes (DER); of a host the first alone, or what it shows. */
enum err certificates_at(struct cli *c, const char *ref, bool with_chain, struct list *certs);

/* The commands. */
enum err run_csr_create(struct cli *c);
enum err run_csr_show(struct cli *c);
enum err run_inspect(struct cli *c);

static const struct flag csr_create_flags[] = {
    SUBJECT_FLAGS,
    NAME_FLAGS,
    EKU_FLAG,
    SUBJECT_KEY_FLAG,
    { "key-from", 0, FLAG_TEXT, "FILE", "use this key", NULL, NULL, NULL },
    { "key-out", 0, FLAG_TEXT, "FILE", "write the new key there, mode 0600", NULL, NULL, NULL },
    { "out", 0, FLAG_TEXT, "FILE", "write the request there; default stdout", NULL, NULL, NULL },
};

/* clang-format off */
#define INSPECT_COMMANDS                                                                           \
    { "inspect", "FILE | https://HOST | NAME@STORE", 1, 1, NULL, 0, run_inspect,                   \
      "Show what certificates or a request say, without asking the server.",                       \
      "  chancery inspect web.pem\n  chancery inspect https://web.example.com -o json\n" },        \
    { "csr create", "", 0, 0, FLAGS(csr_create_flags), run_csr_create,                             \
      "Make a key, and a request for it.",                                                         \
      "  chancery csr create --dns web.example.com --key-out web.key --out web.csr\n" },           \
    { "csr show", "FILE", 1, 1, NULL, 0, run_csr_show,                                             \
      "Show what a request asks for, and whether it proves that its key is there.",                \
      "  chancery csr show web.csr\n" }
/* clang-format on */

#endif
