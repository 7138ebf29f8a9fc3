/** Issue-rows: the commands that get certificates, as rows of the one table in commands.c. */
#ifndef CLI_ISSUE_ROWS_H
#define CLI_ISSUE_ROWS_H

#include "cli/certs_more.h"
#include "cli/keys.h"
#include "cli/subject_flags.h"

#define OPTIONAL_FLAG(n, text)                                             \
    {                                                                      \
        .name = (n), .kind = FLAG_OPTIONAL, .value = "[=D]", .doc = (text) \
    }
#define WAIT_FLAG OPTIONAL_FLAG("wait", "until it is approved, at most so long")
#define WATCH_FLAG OPTIONAL_FLAG("watch", "again and again; every 2s")
#define BULK_FLAGS                                                                                  \
    { "from", 0,    FLAG_TEXT, "LIST", "one for each row of this CSV: columns named as the flags",  \
      NULL,   NULL, NULL },                                                                         \
        { "jobs", 0, FLAG_NUMBER, "N", "with --from: rows at once; default 1", NULL, NULL, NULL },  \
        { "report", 0,    FLAG_TEXT, "FILE", "with --from: write there what came of each row, CSV", \
          NULL,     NULL, NULL },                                                                   \
    {                                                                                               \
        "resume", 0, FLAG_TEXT, "FILE",                                                             \
            "go on with this report: what is done in it is not done again", NULL, NULL, NULL        \
    }
static const struct flag issue_flags[] = {
    { "issuer", 0, FLAG_TEXT, "REF", "the authority: its name, or NAME@STORE", NULL, "ca", NULL },
    NAME_FLAGS,
    SUBJECT_FLAGS,
    { "duration", 0, FLAG_DURATION, "D", "validity: 90d, P90D, 90.00:00:00", NULL, NULL, NULL },
    { "not-before", 0, FLAG_TIME, "T", "its beginning", NULL, NULL, NULL },
    { "not-after", 0, FLAG_TIME, "T", "its end", NULL, NULL, NULL },
    { "template", 0, FLAG_TEXT, "NAME", "the policy to apply", NULL, "profile", NULL },
    SUBJECT_KEY_FLAG,
    { "key-from", 0, FLAG_TEXT, "FILE", "use this key", NULL, NULL, NULL },
    { "csr", 0, FLAG_TEXT, "FILE", "send this request; no key is made", NULL, NULL, NULL },
    { "store", 0, FLAG_TEXT, "STORE", "what NAME alone belongs to", NULL, "key-vault", NULL },
    { "out", 0, FLAG_TEXT, "FILE", "write certificate and chain there", NULL, NULL, NULL },
    { "key-out", 0, FLAG_TEXT, "FILE", "write the key there, mode 0600", NULL, NULL, NULL },
    { "meta", 0, FLAG_TEXTS, "NAME=VALUE", "note this about it; repeat", NULL, NULL, NULL },
    TAG_FLAG,
    { "pfx", 0, FLAG_TEXT, "FILE", "write key and chain there, PKCS#12", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds its password; - is stdin", NULL, NULL, NULL },
    EKU_FLAG,
    { "server-auth", 0, FLAG_SWITCH, NULL, "the same as --eku serverAuth", NULL, NULL, NULL },
    { "client-auth", 0, FLAG_SWITCH, NULL, "the same as --eku clientAuth", NULL, NULL, NULL },
    { "ocsp-signing", 0, FLAG_SWITCH, NULL, "the same as --eku OCSPSigning", NULL, NULL, NULL },
    { "offline", 0, FLAG_SWITCH, NULL,
      "sign here, by a key in a file; the issuer is NAME@STORE or a file", NULL, NULL, NULL },
    { "issuer-key", 0, FLAG_TEXT, "FILE", "offline: the key of an issuer that is a file", NULL,
      NULL, NULL },
    { "issuer-password-file", 0, FLAG_TEXT, "FILE",
      "offline: holds that key's passphrase; - is stdin", NULL, NULL, NULL },
    { "is-ca", 0, FLAG_SWITCH, NULL, "offline: a certificate of an authority", NULL, NULL, NULL },
    { "path-len", 0, FLAG_COUNT, "N", "offline: how many authorities may stand below it; default 0",
      NULL, NULL, NULL },
    { "ocsp-url", 0, FLAG_TEXTS, "URL", "offline: where its state is asked for", NULL, NULL, NULL },
    { "crl-url", 0, FLAG_TEXTS, "URL", "offline: where its issuer's CRL is", NULL, NULL, NULL },
    { "ca-issuers-url", 0, FLAG_TEXTS, "URL", "offline: where its issuer's certificate is", NULL,
      NULL, NULL },
    { "owner", 0, FLAG_TEXT, "ROLE", "the role that owns it", NULL, NULL, NULL },
    WAIT_FLAG,
};
static const struct flag enroll_flags[] = {
    { "ca", 0, FLAG_TEXT, "NAME", "the authority", NULL, "issuer", NULL },
    { "template", 0, FLAG_TEXT, "NAME", "the policy to apply", NULL, "profile", NULL },
    { "dns", 'd', FLAG_NAMES, "NAME", "names instead of the request's", NULL, NULL, NULL },
    { "ip", 0, FLAG_NAMES, "ADDR", "addresses instead of the request's", NULL, NULL, NULL },
    { "duration", 0, FLAG_DURATION, "D", "validity", NULL, NULL, NULL },
    { "not-after", 0, FLAG_TIME, "T", "its end", NULL, NULL, NULL },
    { "out", 0, FLAG_TEXT, "FILE", "write certificate and chain there; default stdout", NULL, NULL,
      NULL },
    { "meta", 0, FLAG_TEXTS, "NAME=VALUE", "note this about it; repeat", NULL, NULL, NULL },
    TAG_FLAG,
    { "owner", 0, FLAG_TEXT, "ROLE", "the role that owns it", NULL, NULL, NULL },
    BULK_FLAGS,
    WAIT_FLAG,
};
static const struct flag enroll_pfx_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write certificate and key there, mode 0600", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the file's password; - is stdin", NULL, NULL,
      NULL },
    { "as", 0, FLAG_WORD, "FORM", "pfx, pfx-legacy, jks, pem, zip; default pfx", key_file_words,
      NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority", NULL, "issuer", NULL },
    { "template", 0, FLAG_TEXT, "NAME", "the policy to apply", NULL, "profile", NULL },
    { "cn", 0, FLAG_TEXT, "NAME", "common name; default the first name", NULL, NULL, NULL },
    { "subject", 0, FLAG_TEXT, "DN", "the whole subject", NULL, NULL, NULL },
    NAME_FLAGS,
    { "key-type", 0, FLAG_KEY, "ALG",
      "rsa:2048, rsa:3072, rsa:4096, ec:p256, ec:p384, ec:p521, "
      "ed25519; default the template's",
      NULL, NULL, NULL },
    { "name", 0, FLAG_TEXT, "NAME", "friendly name, alias", NULL, NULL, NULL },
    { "renews", 0, FLAG_TEXT, "REF", "the certificate that it follows", NULL, NULL, NULL },
    { "no-chain", 0, FLAG_SWITCH, NULL, "without the issuers", NULL, NULL, NULL },
    { "owner", 0, FLAG_TEXT, "ROLE", "the role that owns it", NULL, NULL, NULL },
    { "meta", 0, FLAG_TEXTS, "NAME=VALUE", "note this about it; repeat", NULL, NULL, NULL },
    TAG_FLAG,
    BULK_FLAGS,
    WAIT_FLAG,
};

#define ISSUE_DOC "Make a key, get a certificate for it and store both; again to renew."
#define ISSUE_EXAMPLES                                                                         \
    "  chancery issue --issuer \"Example Issuing CA 1\" --dns web.example.com --duration 90d " \
    "\\\n      --out web.pem --key-out web.key\n"                                              \
    "  chancery issue-cert --issuer ca@vault --dns device1.example.com device1@vault\n"

/* clang-format off */
#define ISSUE_COMMANDS                                                                             \
    { "issue", "[ISSUER] [NAME[@STORE]]", 0, 2, FLAGS(issue_flags), run_issue, ISSUE_DOC,          \
      ISSUE_EXAMPLES },                                                                            \
    { "issue-cert", "[ISSUER] [NAME[@STORE]]", 0, 2, FLAGS(issue_flags), run_issue, ISSUE_DOC,     \
      ISSUE_EXAMPLES, COMMAND_HIDDEN },                                                            \
    { "issue-intermediate-cert", "[ISSUER] [NAME[@STORE]]", 0, 2, FLAGS(issue_flags), run_issue,   \
      "Make a key and certify it as an authority's, by a key in a file.",                          \
      "  chancery issue-intermediate-cert root@vault sub@vault --offline --cn \"Web CA\"\n",       \
      COMMAND_HIDDEN },                                                            \
    { "enroll csr", "[FILE]", 0, 1, FLAGS(enroll_flags), run_enroll_csr,                           \
      "Get a certificate for a request of your own, or for each of a list.",                       \
      "  chancery enroll csr web.csr --template WebServer --out web.pem\n"                         \
      "  chancery enroll csr - --template WebServer < web.csr > web.pem\n"                         \
      "  chancery enroll csr --from list.csv --jobs 8 --report result.csv\n"                       \
      "  chancery enroll csr --from list.csv --resume result.csv\n" },                             \
    { "enroll pfx", "", 0, 0, FLAGS(enroll_pfx_flags), run_enroll_pfx,                             \
      "Get a certificate with a key that the server makes, or one for each row of a list.",        \
      "  chancery enroll pfx --template WebServer --dns web.example.com --out web.pfx "            \
      "--password-file pw\n"                                                                       \
      "  chancery enroll pfx --dns web.example.com --as jks --key-type rsa:3072 --out web.jks\n"   \
      "  chancery enroll pfx --from names.csv --password-file pw --out keys/ --report r.csv\n" }
/* clang-format on */

#endif
