/** Certs-more: commands about single certificates, as rows of the one table in commands.c. */
#ifndef CLI_CERTS_MORE_H
#define CLI_CERTS_MORE_H

#include "cli/run.h"

/* The commands. */
enum err run_certs_import(struct cli *c);
enum err run_certs_history(struct cli *c);
enum err run_certs_explain(struct cli *c);
enum err run_certs_download(struct cli *c);
enum err run_download_cert(struct cli *c);

static const struct flag certs_import_flags[] = {
    { "meta", 0, FLAG_TEXTS, "NAME=VALUE", "note this about them; repeat", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the password of files with a key; - is stdin",
      NULL, NULL, NULL },
};
static const struct flag certs_one_flags[] = {
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
static const char *const download_words[] = { "pem", "chain", "fullchain", "der", "p7b",
                                              "pfx", "jks",   "zip",       NULL };
#define DOWNLOAD_FLAGS                                                                            \
    { "as",                                                                                       \
      0,                                                                                          \
      FLAG_WORD,                                                                                  \
      "FORM",                                                                                     \
      "pem, chain, fullchain, der, p7b; with the key pfx, jks, zip; default pem",                 \
      download_words,                                                                             \
      NULL,                                                                                       \
      NULL },                                                                                     \
        { "chain", 0, FLAG_SWITCH, NULL, "the same as --as fullchain", NULL, NULL, NULL },        \
        { "password-file",                                                                        \
          0,                                                                                      \
          FLAG_TEXT,                                                                              \
          "FILE",                                                                                 \
          "holds the password of a file with the key; - is stdin",                                \
          NULL,                                                                                   \
          NULL,                                                                                   \
          NULL },                                                                                 \
    {                                                                                             \
        "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL \
    }
static const struct flag download_flags[] = {
    { "out", 0, FLAG_TEXT, "PATH", "a file, or a directory for a file of each; default stdout",
      NULL, NULL, NULL },
    { "query", 0, FLAG_TEXT, "QUERY", "every certificate that it finds", NULL, "filter", NULL },
    DOWNLOAD_FLAGS,
};
static const struct flag download_cert_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there; default stdout", NULL, NULL, NULL },
    { "key", 0, FLAG_SWITCH, NULL, "of NAME@STORE: its key", NULL, NULL, NULL },
    { "pfx", 0, FLAG_SWITCH, NULL, "key and chain as PKCS#12", NULL, NULL, NULL },
    { "pfx-password", 0, FLAG_TEXT, "TEXT", "its password; better: --password-file", NULL, NULL,
      NULL },
    DOWNLOAD_FLAGS,
};

/* clang-format off */
#define CERTS_COMMANDS                                                                             \
    { "certs download", "REF...", 0, -1, FLAGS(download_flags), run_certs_download,                \
      "Write certificates, their chains, or both; or with their keys.",                            \
      "  chancery certs download 1234 --as fullchain --out web.pem\n"                              \
      "  chancery certs download --query 'template:WebServer' --out certs/\n" },                   \
    { "download-cert", "REF [FILE]", 1, 2, FLAGS(download_cert_flags), run_download_cert,          \
      "Write a certificate, its chain, or its key.",                                               \
      "  chancery download-cert device1@vault device1.pfx --pfx --password-file pw\n",             \
      COMMAND_HIDDEN },                                                                            \
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
