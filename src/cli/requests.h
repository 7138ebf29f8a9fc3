/** Requests that wait for somebody, on the command line: rows of the one table in commands.c. */
#ifndef CLI_REQUESTS_H
#define CLI_REQUESTS_H

#include "cli/issue_rows.h"
#include "cli/keys.h"

/* The commands. */
enum err run_requests_list(struct cli *c);
enum err run_requests_show(struct cli *c);
enum err run_requests_decide(struct cli *c); /* approve, deny, withdraw: by the command's name */
enum err run_requests_collect(struct cli *c);
enum err run_recoveries_list(struct cli *c);
enum err run_recoveries_show(struct cli *c);
enum err run_recoveries_collect(struct cli *c); /* decisions: run_requests_decide() */

/** Ask for the key of CERTIFICATE, which two people recover, as --as and --reason say. */
enum err recovery_begin(struct cli *c, int64_t certificate);

/** Say that REQUEST waits, for whom, and how to go on; the command exits with EXIT_PENDING. */
void request_waits(struct cli *c, int64_t request, const char *message);
/** Certificate and key of REQUEST, where the server made the key, into the file OUT. */
enum err request_collect(struct cli *c, int64_t request, const char *form, const char *out,
                         const struct secret *password);
/** The same with the password that --password-file, or somebody who is asked, says. */
enum err request_collect_to(struct cli *c, int64_t request, const char *form, const char *out);

static const struct flag request_list_flags[] = {
    { "denied", 0, FLAG_SWITCH, NULL, "those that were denied, or failed", NULL, NULL, NULL },
    { "mine", 0, FLAG_SWITCH, NULL, "only one's own", NULL, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag decide_flags[] = {
    { "comment", 0, FLAG_TEXT, "TEXT", "why; whoever asked is told", NULL, "reason", NULL },
};
static const struct flag collect_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there; a key with mode 0600", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the password of a file with a key; - is stdin",
      NULL, NULL, NULL },
    { "as", 0, FLAG_WORD, "FORM", "with a key: pfx, pfx-legacy, jks, pem, zip; default pfx",
      key_file_words, NULL, NULL },
};

static const struct flag recovery_list_flags[] = {
    { "all", 0, FLAG_SWITCH, NULL, "those that are over, too", NULL, NULL, NULL },
    { "mine", 0, FLAG_SWITCH, NULL, "only one's own", NULL, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag recovery_collect_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there, mode 0600", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the file's password; - is stdin", NULL, NULL,
      NULL },
};

/* clang-format off */
#define RECOVERY_COMMANDS                                                                          \
    { "recoveries list", "", 0, 0, FLAGS(recovery_list_flags), run_recoveries_list,                \
      "List the recoveries of private keys that wait for a second person, or to be taken.",        \
      "  chancery recoveries list\n  chancery recoveries list --mine --all\n" },                   \
    { "recoveries show", "ID", 1, 1, FLAGS(watch_flags), run_recoveries_show,                      \
      "Show a recovery, and what became of it.",                                                   \
      "  chancery recoveries show 5\n  chancery recoveries show 5 --watch\n" },                    \
    { "recoveries approve", "ID...", 1, -1, FLAGS(decide_flags), run_requests_decide,              \
      "Agree to recoveries that others asked for.",                                                \
      "  chancery recoveries approve 5 --comment INC0012345\n" },                                  \
    { "recoveries deny", "ID...", 1, -1, FLAGS(decide_flags), run_requests_decide,                 \
      "Deny recoveries, also approved ones whose key was not taken.",                              \
      "  chancery recoveries deny 5 --comment 'nobody knows of an incident'\n" },                  \
    { "recoveries withdraw", "ID...", 1, -1, FLAGS(decide_flags), run_requests_decide,             \
      "Take recoveries of one's own back.", "  chancery recoveries withdraw 5\n" },                \
    { "recoveries collect", "ID [FILE]", 1, 2, FLAGS(recovery_collect_flags),                      \
      run_recoveries_collect,                                                                      \
      "Take the private key of one's own recovery that was approved: once.",                       \
      "  chancery recoveries collect 5 --out web.pfx --password-file pw\n" }
#define REQUEST_COMMANDS                                                                           \
    { "requests list", "", 0, 0, FLAGS(request_list_flags), run_requests_list,                     \
      "List the requests that wait.",                                                              \
      "  chancery requests list\n  chancery requests list --mine --denied\n" },                    \
    { "requests show", "ID", 1, 1, FLAGS(watch_flags), run_requests_show,                          \
      "Show a request, and what became of it.",                                                    \
      "  chancery requests show 31\n  chancery requests show 31 --watch\n" },                      \
    { "requests approve", "ID...", 1, -1, FLAGS(decide_flags), run_requests_decide,                \
      "Approve requests of others: their certificates are issued.",                                \
      "  chancery requests approve 31 --comment CHG0012345\n" },                                   \
    { "requests deny", "ID...", 1, -1, FLAGS(decide_flags), run_requests_decide,                   \
      "Deny requests, for good.",                                                                  \
      "  chancery requests deny 31 --comment 'not our domain'\n" },                                \
    { "requests withdraw", "ID...", 1, -1, FLAGS(decide_flags), run_requests_decide,               \
      "Take requests of one's own back.", "  chancery requests withdraw 31\n" },                   \
    { "requests collect", "ID [FILE]", 1, 2, FLAGS(collect_flags), run_requests_collect,           \
      "Fetch the certificate of a request of one's own, with its key where the server made it.",   \
      "  chancery requests collect 31 --out web.pfx --password-file pw\n" }
/* clang-format on */

#endif
