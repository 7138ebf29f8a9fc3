/** Proof: looking whether certificates and authorities hold, as rows of the one table in
 * commands.c. */
#ifndef CLI_PROOF_H
#define CLI_PROOF_H

#include "cli/run.h"

/** What a look at one thing came to. */
struct finding_row {
    const char *check;
    bool good;
    const char *detail;
};
/** Print them, for people or as KIND's JSON; the exit code is 12 when one is not good. */
enum err proof_print(struct cli *c, const char *subject, const struct list *rows);
/** One more, of struct finding_row. */
void proof_add(struct cli *c, struct list *rows, const char *check, bool good, const char *detail);
/** The same for what E came to: the scope's error is its detail, and is gone then. */
void proof_add_result(struct cli *c, struct list *rows, const char *check, enum err e,
                      const char *detail);

/** What a responder said. */
struct ocsp_said {
    const char *url, *status;                         /* "good", "revoked", "unknown" */
    struct when this_update, next_update, revoked_at; /* or WHEN_NONE */
    const char *reason;                               /* or NULL */
};
/**
 * Ask for the state of a certificate, and see that the answer is signed by its issuer or by whom
 * that one delegated.
 *
 * @param url  NULL: the one inside LEAF
 * @return E_INVALID: there is none, or the answer cannot be trusted; E_UNAVAILABLE
 */
enum err ocsp_ask(struct cli *c, struct bytes leaf, struct bytes issuer, const char *url,
                  struct ocsp_said *out);
/** Fetch from URL, plain HTTP, what says itself whether it is right. */
enum err fetch_public(struct cli *c, const char *url, struct bytes body, const char *type,
                      struct bytes *out);
/** "good, said at 2026-11-22T02:30:00Z" */
const char *ocsp_text(struct cli *c, const struct ocsp_said *said);

/* The commands. */
enum err run_verify(struct cli *c);
enum err run_certs_diff(struct cli *c);
enum err run_ca_ocsp(struct cli *c);
enum err run_ca_test(struct cli *c);

static const char *const purpose_words[] = { "any", "server", "client", NULL };
static const struct flag proof_flags[] = {
    { "roots", 0, FLAG_TEXT, "FILE", "what is trusted, PEM; default --cacert, else the system's",
      NULL, "root", NULL },
    { "host", 0, FLAG_TEXT, "NAME", "it must be for this name or address", NULL, NULL, NULL },
    { "purpose", 0, FLAG_WORD, "USE", "any, server, client; default any", purpose_words, NULL,
      NULL },
    { "at", 0, FLAG_TIME, "T", "at this time instead of now", NULL, NULL, NULL },
    { "ocsp", 0, FLAG_SWITCH, NULL, "ask its issuer's responder, too", NULL, "verify-ocsp", NULL },
};
static const struct flag ca_ocsp_flags[] = {
    { "url", 0, FLAG_TEXT, "URL", "the responder; default the one inside the certificate", NULL,
      NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};

/* clang-format off */
#define PROOF_COMMANDS                                                                             \
    { "verify", "FILE | https://HOST | NAME@STORE", 1, 1, FLAGS(proof_flags), run_verify,         \
      "Verify a certificate with its chain, without asking the register; exit 12 when not good.",  \
      "  chancery verify web.pem --roots root.pem --host web.example.com\n"                        \
      "  chancery verify https://web.example.com --roots root.pem --ocsp\n" },                     \
    { "certs diff", "REF REF", 2, 2, FLAGS(certs_one_flags), run_certs_diff,                       \
      "Show what two certificates do not have in common; exit 12 when there is something.",        \
      "  chancery certs diff 1234 1301\n  chancery certs diff 1234 https://web.example.com\n" },   \
    { "ca ocsp", "REF", 1, 1, FLAGS(ca_ocsp_flags), run_ca_ocsp,                                   \
      "Ask the OCSP responder about a certificate; exit 12 unless it is good.",                    \
      "  chancery ca ocsp 1234\n  chancery ca ocsp web.pem -o json\n" },                           \
    { "ca test", "NAME", 1, 1, NULL, 0, run_ca_test,                                               \
      "Try an authority: its key, and what its certificates' addresses answer; exit 12.",          \
      "  chancery ca test \"Example Issuing CA 1\"\n" }
/* clang-format on */

#endif
