/** Certs-more: commands about single certificates, as rows of the one table in commands.c. */
#ifndef CLI_CERTS_MORE_H
#define CLI_CERTS_MORE_H

#include "cli/run.h"

/* The commands. */
enum err run_certs_import(struct cli *c);
enum err run_certs_history(struct cli *c);
enum err run_certs_explain(struct cli *c);
enum err run_certs_download(struct cli *c);
enum err run_certs_export(struct cli *c);
enum err run_certs_tag(struct cli *c);
enum err run_download_cert(struct cli *c);

static const struct flag certs_import_flags[] = {
    { "meta", 0, FLAG_TEXTS, "NAME=VALUE", "note this about them; repeat", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the password of files with a key; - is stdin",
      NULL, NULL, NULL },
};
static const struct flag certs_one_flags[] = {
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
static const struct flag certs_export_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there; default stdout", NULL, NULL, NULL },
    { "filter", 0, FLAG_TEXT, "QUERY", "which: chancery help query", NULL, "query", NULL },
    { "include-revoked", 0, FLAG_SWITCH, NULL, "revoked ones too", NULL, NULL, NULL },
    { "include-expired", 0, FLAG_SWITCH, NULL, "expired ones too", NULL, NULL, NULL },
    { "collection", 0, FLAG_TEXT, "NAME", "only what is in this collection", NULL, NULL, NULL },
};
#define TAG_FLAG                                                                       \
    {                                                                                  \
        "tag", 0, FLAG_NAMES, "WORD", "tags; repeat, or with commas", NULL, NULL, NULL \
    }
static const struct flag certs_tag_flags[] = {
    TAG_FLAG,
    { "remove", 0, FLAG_NAMES, "WORD", "tags that go; repeat, or with commas", NULL, NULL, NULL },
    { "query", 0, FLAG_TEXT, "QUERY", "every certificate that it finds", NULL, "filter", NULL },
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
    { "certs export", "[QUERY]", 0, -1, FLAGS(certs_export_flags), run_certs_export,               \
      "Write every row that is found, with all columns, as CSV or by -o.",                         \
      "  chancery certs export --out certificates.csv\n"                                           \
      "  chancery certs export 'expires:<90d' -o jsonl --out soon.jsonl\n" },                      \
    { "certs tag", "REF...", 0, -1, FLAGS(certs_tag_flags), run_certs_tag,                         \
      "Show the tags of certificates, or change them.",                                            \
      "  chancery certs tag 1234 --tag lab,2026 --remove prod\n"                                   \
      "  chancery certs tag --query 'template:WebServer' --tag web --yes\n" },                     \
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
