/* The table of commands. */
#include "cli/command.h"

#include "cli/access_rows.h"
#include "cli/acme_rows.h"
#include "cli/backup_rows.h"
#include "cli/certs_more.h"
#include "cli/check.h"
#include "cli/config_rows.h"
#include "cli/holds.h"
#include "cli/inspect_rows.h"
#include "cli/issue_rows.h"
#include "cli/keep.h"
#include "cli/keys.h"
#include "cli/oversight.h"
#include "cli/proof.h"
#include "cli/register.h"
#include "cli/requests.h"
#include "cli/run.h"
#include "cli/template_rows.h"
#include "server/server.h"
#include <string.h>

#define FLAGS(list) .flags = (list), .flag_count = COUNT(list)

const char *const output_words[] = { "table", "wide", "json", "jsonl",        "yaml",
                                     "csv",   "name", "env",  "template=...", NULL };
static const char *const color_words[] = { "auto", "always", "never", NULL };
static const char *const progress_words[] = { "auto", "bar", "plain", "json", "none", NULL };

const struct flag global_flags[] = {
    { "context", 0, FLAG_TEXT, "NAME", "saved server and identity", NULL, NULL,
      "CHANCERY_CONTEXT" },
    { "server", 0, FLAG_TEXT, "URL", "the server", NULL, NULL, "CHANCERY_SERVER" },
    { "config", 0, FLAG_TEXT, "FILE", "configuration file", NULL, NULL, "CHANCERY_CONFIG" },
    { "output", 'o', FLAG_OUTPUT, "FORM",
      "table, wide, json, jsonl, yaml, csv, name, env, template=...", NULL, NULL,
      "CHANCERY_OUTPUT" },
    { "fields", 0, FLAG_TEXT, "A,B", "these alone, in this order; `help` lists them", NULL, NULL,
      NULL },
    { "sort", 0, FLAG_TEXT, "F[:desc]", "order of lists", NULL, NULL, NULL },
    { "limit", 0, FLAG_NUMBER, "N", "rows of a list; default 100", NULL, NULL, NULL },
    { "all", 0, FLAG_SWITCH, NULL, "every row of a list", NULL, NULL, NULL },
    { "no-headers", 0, FLAG_SWITCH, NULL, "tables and csv without their first line", NULL, NULL,
      NULL },
    { "excel", 0, FLAG_SWITCH, NULL, "csv: cells that begin a formula get an apostrophe", NULL,
      NULL, NULL },
    { "bom", 0, FLAG_SWITCH, NULL, "csv: begin with a byte-order mark", NULL, NULL, NULL },
    { "quiet", 'q', FLAG_SWITCH, NULL, "only results", NULL, NULL, NULL },
    { "verbose", 'v', FLAG_SWITCH, NULL, "show requests; -vv: bodies too, secrets masked", NULL,
      "debug", NULL },
    { "color", 0, FLAG_WORD, "WHEN", "auto, always, never", color_words, NULL, NULL },
    { "progress", 0, FLAG_WORD, "FORM", "auto, bar, plain, json, none", progress_words, NULL,
      "CHANCERY_PROGRESS" },
    { "pager", 0, FLAG_SWITCH, NULL, "(--no-pager) output is never paged", NULL, NULL, NULL },
    { "yes", 'y', FLAG_SWITCH, NULL, "do not ask", NULL, NULL, NULL },
    { "no-input", 0, FLAG_SWITCH, NULL, "a question is an error", NULL, "no-prompt",
      "CHANCERY_NO_INPUT" },
    { "dry-run", 0, FLAG_SWITCH, NULL, "say what would be done", NULL, NULL, NULL },
    { "timeout", 0, FLAG_DURATION, "D", "of one request; default 60s", NULL, NULL,
      "CHANCERY_TIMEOUT" },
    { "cacert", 0, FLAG_TEXT, "FILE", "authorities that the server's certificate may come from",
      NULL, NULL, "CHANCERY_CACERT" },
    { "client-cert", 0, FLAG_TEXT, "FILE", "our own certificate, PEM", NULL, NULL,
      "CHANCERY_CLIENT_CERT" },
    { "client-key", 0, FLAG_TEXT, "REF", "its key: a file, or a reference", NULL, NULL,
      "CHANCERY_CLIENT_KEY" },
    { "show-api", 0, FLAG_SWITCH, NULL, "print the calls as curl commands on stderr", NULL, NULL,
      NULL },
    { "idempotency-key", 0, FLAG_TEXT, "K", "repeat a change safely", NULL, NULL, NULL },
    { "help", 'h', FLAG_SWITCH, NULL, "this text", NULL, NULL, NULL },
    { "version", 0, FLAG_SWITCH, NULL, "the version", NULL, NULL, NULL },
};
const size_t global_flag_count = COUNT(global_flags);

static const struct flag watch_flags[] = { WATCH_FLAG };
static const struct flag recover_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there, mode 0600", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the file's password; - is stdin", NULL, NULL,
      NULL },
    { "as", 0, FLAG_WORD, "FORM", "pfx, pfx-legacy, jks, pem, zip; default pfx", key_file_words,
      NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
    { "request", 0, FLAG_SWITCH, NULL, "ask for a key that two people recover; take it later", NULL,
      NULL, NULL },
    { "reason", 0, FLAG_TEXT, "TEXT", "with --request: why; whoever decides is told", NULL,
      "comment", NULL },
};
static const struct flag renew_flags[] = {
    { "csr", 0, FLAG_TEXT, "FILE", "a request with a new key of your own", NULL, NULL, NULL },
    { "query", 0, FLAG_TEXT, "QUERY", "every certificate that it finds", NULL, "filter", NULL },
    { "out", 0, FLAG_TEXT, "FILE", "write the new certificate there, with a key of the server's",
      NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds that file's password; - is stdin", NULL, NULL,
      NULL },
    { "as", 0, FLAG_WORD, "FORM", "pfx, pfx-legacy, jks, pem, zip; default pfx", key_file_words,
      NULL, NULL },
    { "template", 0, FLAG_TEXT, "NAME", "instead of the present one", NULL, "profile", NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "instead of the present one", NULL, "issuer", NULL },
    WAIT_FLAG,
};
static const struct flag needs_renewal_flags[] = {
    { "expires-in", 0, FLAG_TEXT, "D",
      "it is time so long before the end, or after so much of its "
      "life: 30d, 66%; default 66%",
      NULL, NULL, NULL },
    { "bundle", 0, FLAG_SWITCH, NULL, "look at every certificate of the file", NULL, NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
static const struct flag list_flags[] = {
    { "filter", 0, FLAG_TEXT, "QUERY", "which: chancery help query", NULL, "query", NULL },
    { "include-revoked", 0, FLAG_SWITCH, NULL, "revoked ones too", NULL, NULL, NULL },
    { "include-expired", 0, FLAG_SWITCH, NULL, "expired ones too", NULL, NULL, NULL },
    { "count", 0, FLAG_SWITCH, NULL, "only how many", NULL, NULL, NULL },
    { "collection", 0, FLAG_TEXT, "NAME", "only what is in this collection", NULL, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag search_flags[] = {
    { "query", 'q', FLAG_TEXT, "QUERY", "in the query language", NULL, "filter", NULL },
    { "include-revoked", 0, FLAG_SWITCH, NULL, "revoked ones too", NULL, NULL, NULL },
    { "include-expired", 0, FLAG_SWITCH, NULL, "expired ones too", NULL, NULL, NULL },
    { "count", 0, FLAG_SWITCH, NULL, "only how many", NULL, NULL, NULL },
    { "explain", 0, FLAG_SWITCH, NULL, "print how it was understood", NULL, NULL, NULL },
    { "collection", 0, FLAG_TEXT, "NAME", "only what is in this collection", NULL, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag show_flags[] = {
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
static const struct flag revoke_flags[] = {
    { "reason", 0, FLAG_REASON, "WHY", "key-compromise, superseded, ..., or 0 to 10", NULL, NULL,
      NULL },
    { "comment", 0, FLAG_TEXT, "TEXT", "for the record", NULL, "comments", NULL },
    { "effective", 0, FLAG_TIME, "T", "since when", NULL, "date", NULL },
    { "replace-first", 0, FLAG_SWITCH, NULL,
      "renew each before, with a new key of the server's; what is not renewed stays", NULL, NULL,
      NULL },
    { "query", 0, FLAG_TEXT, "QUERY", "every certificate that it finds", NULL, "filter", NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
static const struct flag hold_flags[] = {
    { "comment", 0, FLAG_TEXT, "TEXT", "for the record", NULL, "comments", NULL },
    { "query", 0, FLAG_TEXT, "QUERY", "every certificate that it finds", NULL, "filter", NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
static const struct flag owner_flags[] = {
    { "none", 0, FLAG_SWITCH, NULL, "nobody's from now on", NULL, NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
static const struct flag removal_flags[] = {
    { "query", 0, FLAG_TEXT, "QUERY", "every certificate that it finds", NULL, "filter", NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
static const struct flag crl_flags[] = {
    { "out", 'o', FLAG_TEXT, "FILE", "write there; default stdout", NULL, NULL, NULL },
    { "pem", 0, FLAG_SWITCH, NULL, "PEM instead of DER", NULL, NULL, NULL },
    { "delta", 0, FLAG_SWITCH, NULL, "what has changed since the full list", NULL, NULL, NULL },
    { "shard", 0, FLAG_NUMBER, "N", "this part of the list", NULL, NULL, NULL },
    { "publish", 0, FLAG_SWITCH, NULL, "have a new list made and published first", NULL, NULL,
      NULL },
    { "validity", 0, FLAG_DURATION, "D", "how long the new list holds; default: as it is planned",
      NULL, NULL, NULL },
    { "crl-number", 0, FLAG_NUMBER, "N", "the new list's number, above all others; default: next",
      NULL, NULL, NULL },
};
static const char *const on_words[] = { "on", "off", NULL };
static const struct flag ca_set_flags[] = {
    { "crl-shards", 0, FLAG_COUNT, "N", "parts that new certificates are spread over; 0: none",
      NULL, NULL, NULL },
    { "crl-delta", 0, FLAG_TEXT, "D", "a delta list each 6h, and on revocations; off: none", NULL,
      NULL, NULL },
    { "ocsp-presign", 0, FLAG_WORD, "ON", "on or off: OCSP answers are signed before anybody asks",
      on_words, NULL, NULL },
};
#define KEY_TYPE_FLAG                                                                              \
    {                                                                                              \
        "key-type", 0, FLAG_TEXT, "ALG", "ec:p256, ec:p384, ec:p521, rsa:3072, rsa:4096, ed25519", \
            NULL, NULL, NULL                                                                       \
    }
#define KEY_URI_FLAG                                                                             \
    {                                                                                            \
        "key-uri", 0, FLAG_TEXT, "URI", "a key on a token: pkcs11:token=T;object=K", NULL, NULL, \
            NULL                                                                                 \
    }
#define LIFE_FLAG                                                              \
    {                                                                          \
        "duration", 0, FLAG_DURATION, "D", "its life: 3650d", NULL, NULL, NULL \
    }
#define OUT_FLAG                                                                     \
    {                                                                                \
        "out", 0, FLAG_TEXT, "FILE", "write there; default stdout", NULL, NULL, NULL \
    }
#define NAMES_FLAGS                                                                             \
    { "permitted-dns",                                                                          \
      0,                                                                                        \
      FLAG_NAMES,                                                                               \
      "NAME",                                                                                   \
      "the only names below it; networks, too",                                                 \
      NULL,                                                                                     \
      NULL,                                                                                     \
      NULL },                                                                                   \
    {                                                                                           \
        "excluded-dns", 0, FLAG_NAMES, "NAME", "names that may not stand below it", NULL, NULL, \
            NULL                                                                                \
    }
#define OFFLINE_FLAGS                                                                          \
    { "ca", 0, FLAG_TEXT, "FILE", "the offline authority's certificate", NULL, NULL, NULL },   \
        { "key", 0, FLAG_TEXT, "FILE", "its key", NULL, NULL, NULL },                          \
    {                                                                                          \
        "password-file", 0, FLAG_TEXT, "FILE", "holds the key's passphrase; - is stdin", NULL, \
            NULL, NULL                                                                         \
    }
static const struct flag ca_create_flags[] = {
    { "parent", 0, FLAG_TEXT, "NAME", "the authority that certifies it; none: a root", NULL,
      "issuer", NULL },
    { "outside", 0, FLAG_SWITCH, NULL, "another authority certifies it: ca csr, ca install", NULL,
      NULL, NULL },
    { "subject", 0, FLAG_TEXT, "DN", "default CN= and the name", NULL, NULL, NULL },
    KEY_TYPE_FLAG,
    KEY_URI_FLAG,
    LIFE_FLAG,
    { "path-len", 0, FLAG_COUNT, "N", "how many authorities may stand below it", NULL, NULL, NULL },
    { "only-authorities", 0, FLAG_SWITCH, NULL, "nobody enrolls with it", NULL, NULL, NULL },
    NAMES_FLAGS,
};
static const struct flag ca_import_flags[] = {
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the file's password; - is stdin", NULL, NULL,
      NULL },
    { "name", 0, FLAG_TEXT, "NAME", "default: the CN of its certificate", NULL, NULL, NULL },
    KEY_URI_FLAG,
    { "crl", 0, FLAG_TEXT, "FILE", "its last CRL: number and entries go on", NULL, NULL, NULL },
    { "crl-number", 0, FLAG_COUNT, "N", "its last CRL's number, without the CRL", NULL, NULL,
      NULL },
    { "only-authorities", 0, FLAG_SWITCH, NULL, "nobody enrolls with it", NULL, NULL, NULL },
};
static const struct flag ca_rollover_flags[] = {
    KEY_TYPE_FLAG,
    { "key-uri", 0, FLAG_TEXT, "URI",
      "where the new key is made: pkcs11:token=T;object=K, or file: (say so after one on a token)",
      NULL, NULL, NULL },
    LIFE_FLAG,
    { "outside", 0, FLAG_SWITCH, NULL, "another authority certifies the new key", NULL, NULL,
      NULL },
};
static const struct flag ca_cross_flags[] = {
    { "issuer", 0, FLAG_TEXT, "NAME", "the authority that certifies it, too", NULL, "ca", NULL },
    LIFE_FLAG,
    OUT_FLAG,
};
static const struct flag ca_revoke_flags[] = {
    { "reason", 0, FLAG_REASON, "WHY",
      "key-compromise, ca-compromise, affiliation-changed, superseded, cessation-of-operation",
      NULL, NULL, NULL },
    { "generation", 0, FLAG_NUMBER, "N", "the certificate of this key; default: the newest", NULL,
      NULL, NULL },
    { "serial", 0, FLAG_TEXT, "HEX", "this certificate of it: a cross-certificate", NULL, NULL,
      NULL },
    { "comment", 0, FLAG_TEXT, "TEXT", "for the record", NULL, "comments", NULL },
    { "effective", 0, FLAG_TIME, "T", "since when", NULL, "date", NULL },
};
static const struct flag ca_out_flags[] = { OUT_FLAG };
static const struct flag ca_trust_flags[] = {
    { "print", 0, FLAG_SWITCH, NULL, "print the commands; nothing is changed", NULL, NULL, NULL },
    { "platform", 0, FLAG_WORD, "P",
      "for one alone: debian, rhel, suse, arch, macos, windows, active-directory, java, nss, "
      "environment",
      platform_words, NULL, NULL },
    { "file", 0, FLAG_TEXT, "FILE", "of these certificates, PEM; no server is asked", NULL, NULL,
      NULL },
};
static const struct flag ca_delete_flags[] = {
    { "destroy-keys", 0, FLAG_SWITCH, NULL, "its keys too, for ever", NULL, NULL, NULL },
    { "confirm", 0, FLAG_TEXT, "NAME", "the authority's name, once more", NULL, NULL, NULL },
};
static const struct flag offline_init_flags[] = {
    KEY_TYPE_FLAG,
    LIFE_FLAG,
    { "path-len", 0, FLAG_COUNT, "N", "how many authorities may stand below it", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the key's new passphrase; - is stdin", NULL,
      NULL, NULL },
    { "key-out", 0, FLAG_TEXT, "FILE", "write the encrypted key there, mode 0600", NULL, NULL,
      NULL },
    OUT_FLAG,
};
static const struct flag offline_sign_flags[] = {
    OFFLINE_FLAGS,
    LIFE_FLAG,
    { "path-len", 0, FLAG_COUNT, "N", "how many authorities may stand below; default 0", NULL, NULL,
      NULL },
    NAMES_FLAGS,
    { "crl-url", 0, FLAG_TEXTS, "URL", "where the offline authority's CRL is", NULL, NULL, NULL },
    { "ca-issuers-url", 0, FLAG_TEXTS, "URL", "where its certificate is", NULL, NULL, NULL },
    OUT_FLAG,
};
static const struct flag offline_crl_flags[] = {
    OFFLINE_FLAGS,
    { "number", 0, FLAG_NUMBER, "N", "the list's number, above the last one's", NULL, "crl-number",
      NULL },
    { "revoked", 0, FLAG_NAMES, "HEX", "serial numbers; repeat, or with commas", NULL, NULL, NULL },
    LIFE_FLAG,
    OUT_FLAG,
};
static const struct flag help_flag_list[] = { { "man", 0, FLAG_SWITCH, NULL,
                                                "print the manual page, mdoc", NULL, NULL, NULL } };
static const struct flag query_flags[] = {
    { "filter", 0, FLAG_TEXT, "QUERY", "which", NULL, "query", NULL },
    WATCH_FLAG,
};
static const char *const outcome_words[] = { "success", "denied", "failure", "pending", NULL };
#define AUDIT_FILTERS                                                                              \
    { "action", 0, FLAG_TEXT, "NAME", "certificate.issue, login.failed, ...", NULL, NULL, NULL },  \
        { "actor", 0, FLAG_TEXT, "WHO", "who did it", NULL, NULL, NULL },                          \
        { "target", 0, FLAG_TEXT, "ID", "what it was done to", NULL, NULL, NULL },                 \
        { "category", 0, FLAG_TEXT, "NAME", "certificate, identity, ca, ...", NULL, NULL, NULL },  \
    {                                                                                              \
        "outcome", 0, FLAG_WORD, "WORD", "success, denied, failure, pending", outcome_words, NULL, \
            NULL                                                                                   \
    }
static const struct flag audit_flags[] = {
    AUDIT_FILTERS,
    { "since", 0, FLAG_TIME, "T", "from then on: a time, -24h", NULL, NULL, NULL },
    { "until", 0, FLAG_TIME, "T", "up to then", NULL, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag audit_tail_flags[] = { TAIL_FLAGS, AUDIT_FILTERS };
static const struct flag hold_list_flags[] = {
    { "certificate", 0, FLAG_TEXT, "ID", "of this certificate alone", NULL, NULL, NULL },
    { "all", 0, FLAG_SWITCH, NULL, "those that were lifted, too", NULL, NULL, NULL },
};
static const struct flag hold_place_flags[] = {
    { "reason", 0, FLAG_TEXT, "TEXT", "why: the number of the case", NULL, NULL, NULL },
    { "audit-from", 0, FLAG_TIME, "T", "hold the audit record from here on", NULL, NULL, NULL },
    { "audit-to", 0, FLAG_TIME, "T", "until here; default: all that comes", NULL, NULL, NULL },
};
static const struct flag hold_lift_flags[] = {
    { "reason", 0, FLAG_TEXT, "TEXT", "why it is not needed any more", NULL, NULL, NULL },
};
static const struct flag archive_flags[] = {
    { "older-than", 0, FLAG_DURATION, "D", "since they expired; default 730d", NULL, NULL, NULL },
    { "dry-run", 0, FLAG_SWITCH, NULL, "only say how many that would be", NULL, NULL, NULL },
};
static const struct flag anchor_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there; default stdout", NULL, NULL, NULL },
};
static const struct flag export_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there; default stdout", NULL, NULL, NULL },
    { "chain", 0, FLAG_NUMBER, "N", "this chain alone", NULL, NULL, NULL },
    { "since", 0, FLAG_TIME, "T", "from then on: a time, -24h", NULL, NULL, NULL },
    { "until", 0, FLAG_TIME, "T", "up to then", NULL, NULL, NULL },
};
static const struct flag verify_flags[] = {
    { "db", 0, FLAG_TEXT, "URL", "read this database, without a server", NULL, NULL, NULL },
    { "export", 0, FLAG_TEXTS, "FILE",
      "what was exported: it must be sound, and part of the record", NULL, NULL, NULL },
    { "offline", 0, FLAG_SWITCH, NULL, "look at the exported files alone", NULL, NULL, NULL },
    { "keys", 0, FLAG_TEXT, "FILE",
      "the keys of checkpoints (`chancery api get /api/v1/audit/keys`)", NULL, NULL, NULL },
    { "anchor", 0, FLAG_TEXT, "FILE", "an earlier `audit anchor` that must still hold", NULL, NULL,
      NULL },
    { "chain", 0, FLAG_NUMBER, "N", "this chain alone", NULL, NULL, NULL },
    { "from", 0, FLAG_NUMBER, "SEQ", "from the event of this number on", NULL, NULL, NULL },
    { "to", 0, FLAG_NUMBER, "SEQ", "up to that of this number", NULL, NULL, NULL },
};
static const struct flag user_flags[] = {
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the password; - is stdin", NULL, NULL, NULL },
    { "role", 0, FLAG_NAMES, "NAME", "roles; repeat, or with commas", NULL, NULL, NULL },
    { "email", 'e', FLAG_TEXT, "ADDR", "mail address", NULL, NULL, NULL },
    { "display-name", 0, FLAG_TEXT, "NAME", "the person's name", NULL, NULL, NULL },
};
static const struct flag password_flags[] = {
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the password; - is stdin", NULL, NULL, NULL },
};
static const struct flag provider_flags[] = {
    { "user", 'u', FLAG_TEXT, "NAME", "look for them and their groups", NULL, NULL, NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds their password, to be tried; - is stdin", NULL,
      NULL, NULL },
};
static const struct flag login_flags[] = {
    { "user", 'u', FLAG_TEXT, "NAME", "who you are", NULL, "username", NULL },
    { "password-file", 0, FLAG_TEXT, "FILE", "holds the password; - is stdin", NULL, NULL, NULL },
    { "name", 0, FLAG_TEXT, "NAME", "the context to make; default: the server's name", NULL, NULL,
      NULL },
    { "plain-file", 0, FLAG_SWITCH, NULL,
      "keep the token in the context file, mode 0600, not in the keyring", NULL, NULL, NULL },
};
static const struct flag context_flags[] = {
    { "token", 0, FLAG_TEXT, "REF", "env:NAME or file:PATH", NULL, NULL, NULL },
};
static const struct flag context_import_flags[] = {
    { "from", 0, FLAG_TEXT, "FILE", "default ~/.keyfactor/command_config.json", NULL, NULL, NULL },
    { "name", 0, FLAG_TEXT, "NAME", "the context to make of one server; default: as it is called",
      NULL, NULL, NULL },
    { "plain-file", 0, FLAG_SWITCH, NULL,
      "keep the secrets in the context file, mode 0600, not in the keyring", NULL, NULL, NULL },
};
static const struct flag api_flags[] = {
    { "input", 0, FLAG_TEXT, "FILE", "the body; - is stdin", NULL, NULL, NULL },
    { "header", 'H', FLAG_TEXTS, "NAME: VALUE", "a header", NULL, NULL, NULL },
    { "paginate", 0, FLAG_SWITCH, NULL, "every page, as one array", NULL, NULL, NULL },
    { "include", 'i', FLAG_SWITCH, NULL, "status and headers too, on stderr", NULL, NULL, NULL },
};
static const struct flag config_flags[] = {
    { "origin", 0, FLAG_SWITCH, NULL, "and where each value comes from", NULL, NULL, NULL },
    { "set", 0, FLAG_TEXTS, "KEY=VALUE", "as `serve --set` would", NULL, NULL, NULL },
};
static const struct flag doctor_flags[] = {
    { "strict", 0, FLAG_SWITCH, NULL, "a warning is a failure, too", NULL, NULL, NULL },
    { "fix", 0, FLAG_SWITCH, NULL, "first mend what can be mended safely, and say what", NULL, NULL,
      NULL },
    { "dry-run", 0, FLAG_SWITCH, NULL, "(--fix) only say what there is to mend", NULL, NULL, NULL },
    PLACE_FLAGS,
};
static const struct flag restore_flags[] = {
    { "from", 0, FLAG_TEXT, "PATH", "the backup, or the directory that has it", NULL, NULL, NULL },
    { "at", 0, FLAG_TEXT, "TIME", "nothing that is younger; default: latest", NULL, "until", NULL },
    { "ship", 0, FLAG_TEXT, "DIR",
      "where the copied log is; default: the setting backup.ship.dir, or that of the backup", NULL,
      NULL, NULL },
    { "to-dir", 0, FLAG_TEXT, "DIR", "the data directory, if not that of the settings", NULL,
      "data-dir", NULL },
    { "db", 0, FLAG_TEXT, "URL", "the database, if not that of the settings", NULL, NULL, NULL },
    { "master-key", 0, FLAG_TEXT, "FILE", "the master key, to be put into its place", NULL, NULL,
      NULL },
    { "identity", 0, FLAG_TEXT, "FILE", "what opens an encrypted backup: file of age-keygen", NULL,
      NULL, NULL },
    { "signed", 0, FLAG_TEXTS, "DIR", "a log of signatures; repeat for those of other servers",
      NULL, NULL, NULL },
    { "force", 0, FLAG_SWITCH, NULL, "replace what is there; files are moved aside", NULL, NULL,
      NULL },
    { "plan", 0, FLAG_SWITCH, NULL, "look at everything, change nothing", NULL, NULL, NULL },
    { "set", 0, FLAG_TEXTS, "KEY=VALUE", "as `serve --set` would", NULL, NULL, NULL },
};
static const struct flag describe_flags[] = {
    { "table", 0, FLAG_SWITCH, NULL, "as rows of a Markdown table", NULL, NULL, NULL },
};
static const struct flag seal_flags[] = {
    { "master-key", 0, FLAG_TEXT, "FILE", "default: that of the settings", NULL, NULL, NULL },
    { "set", 0, FLAG_TEXTS, "KEY=VALUE", "as `serve --set` would", NULL, NULL, NULL },
};

static const struct flag set_flags[] = {
    { "meta", 0, FLAG_TEXTS, "NAME=VALUE", "what to note; an empty value clears; repeat", NULL,
      NULL, NULL },
    { "query", 0, FLAG_TEXT, "QUERY", "every certificate that it finds", NULL, "filter", NULL },
    { "keep", 0, FLAG_SWITCH, NULL, "a value that is there stays", NULL, NULL, NULL },
    { "collection", 0, FLAG_TEXT, "NAME", "only what is in this collection", NULL, NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority that serial: belongs to", NULL, "issuer", NULL },
};
#define FIELD_FLAGS                                                                                 \
    { "type",                                                                                       \
      0,                                                                                            \
      FLAG_WORD,                                                                                    \
      "TYPE",                                                                                       \
      "text, number, date, bool, choice, bigtext, email",                                           \
      metadata_type_words,                                                                          \
      NULL,                                                                                         \
      NULL },                                                                                       \
        { "description", 0, FLAG_TEXT, "TEXT", "what it is for", NULL, NULL, NULL },                \
        { "enrollment",                                                                             \
          0,                                                                                        \
          FLAG_WORD,                                                                                \
          "WORD",                                                                                   \
          "optional, required or hidden in requests",                                               \
          metadata_enrollment_words,                                                                \
          NULL,                                                                                     \
          NULL },                                                                                   \
        { "options", 0, FLAG_TEXT, "A,B", "the choices", NULL, NULL, NULL },                        \
        { "default", 0, FLAG_TEXT, "VALUE", "when a request names none", NULL, NULL, NULL },        \
        { "validation", 0, FLAG_TEXT, "REGEX", "what texts have to match", NULL, NULL, NULL },      \
        { "message", 0, FLAG_TEXT, "TEXT", "what is said of those that do not", NULL, NULL, NULL }, \
        { "hint", 0, FLAG_TEXT, "TEXT", "shown where it is empty", NULL, NULL, NULL },              \
    {                                                                                               \
        "order", 0, FLAG_NUMBER, "N", "its place among the others", NULL, NULL, NULL                \
    }
static const struct flag field_flags[] = { FIELD_FLAGS };
static const struct flag field_edit_flags[] = {
    { "name", 0, FLAG_TEXT, "NAME", "its new name", NULL, NULL, NULL },
    FIELD_FLAGS,
};
static const struct flag force_flags[] = {
    { "force", 0, FLAG_SWITCH, NULL, "though certificates have values of it", NULL, NULL, NULL },
};
#define COLLECTION_FLAGS                                                                         \
    { "query", 0,        FLAG_TEXT, "QUERY", "which certificates: chancery help query",          \
      NULL,    "filter", NULL },                                                                 \
        { "description", 0, FLAG_TEXT, "TEXT", "what it is for", NULL, NULL, NULL },             \
    {                                                                                            \
        "newest", 0, FLAG_WORD, "OF", "of those that share cn, dn or upn only the newest; none", \
            collection_newest_words, NULL, NULL                                                  \
    }
static const struct flag collection_flags[] = { COLLECTION_FLAGS };
static const struct flag collection_edit_flags[] = {
    { "name", 0, FLAG_TEXT, "NAME", "its new name", NULL, NULL, NULL },
    COLLECTION_FLAGS,
};
static const struct flag grant_flags[] = {
    { "permission", 0, FLAG_NAMES, "NAME", "read, edit-metadata, recover, revoke, delete, modify",
      NULL, NULL, NULL },
};

static const char *const serve_text[] = { server_serve_usage };
static const char *const init_text[] = { server_init_usage };

#define REVOKE_DOC "Revoke certificates."
#define REVOKE_EXAMPLES                                                 \
    "  chancery revoke 1234 --reason superseded --comment CHG0012345\n" \
    "  chancery revoke --query 'CN -contains \"old\"' --reason superseded --yes\n"
#define SHOW_DOC "Show one certificate: by id, thumbprint, serial:HEX, file or NAME@STORE."
#define CRL_DOC "Download an authority's revocation list."

const struct command commands[] = {
    { "serve", "", 0, -1, NULL, 0, NULL, "Run the server.", NULL, COMMAND_RAW, serve_text },
    { "init", "", 0, -1, NULL, 0, NULL,
      "Set up an installation: database, authorities, first user.", NULL, COMMAND_RAW, init_text },
    ISSUE_COMMANDS,
    { "recover", "REF [FILE]", 1, 2, FLAGS(recover_flags), run_recover,
      "Get the private key of a certificate again, where the server keeps it.",
      "  chancery recover 1234 --out web.pfx --password-file pw\n"
      "  chancery recover 1234 --request --reason INC0012345\n" },
    { "renew", "REF...", 0, -1, FLAGS(renew_flags), run_renew,
      "Renew certificates: the same names, a new key.",
      "  chancery renew 1234 --yes --out web.pfx --password-file pw\n"
      "  chancery renew 1234 --csr new.csr --yes --out web.pem\n"
      "  chancery renew --query 'expires:<14d' --dry-run\n" },
    { "needs-renewal", "REF", 1, 1, FLAGS(needs_renewal_flags), run_needs_renewal,
      "Say whether it is time: exit 0 when it is, 1 when not, 2 when it cannot be found.",
      "  chancery needs-renewal web.pem && chancery renew web.pem --csr web.csr --yes\n"
      "  chancery needs-renewal 1234 --expires-in 30d\n" },
    { "certs list", "[QUERY]", 0, -1, FLAGS(list_flags), run_certs_list, "List certificates.",
      "  chancery certs list --filter 'CN -contains \"web\"' --sort NotAfter\n"
      "  chancery certs list --all -o csv --fields Id,IssuedCN,NotAfter\n" },
    { "certs show", "REF", 1, 1, FLAGS(show_flags), run_certs_show, SHOW_DOC,
      "  chancery certs show 1234\n  chancery certs show serial:1A2B3C -o json\n" },
    { "certs get", "REF", 1, 1, FLAGS(show_flags), run_certs_show, SHOW_DOC,
      "  chancery certs get 1234\n", COMMAND_HIDDEN },
    { "certs validate", "REF", 1, 1, FLAGS(show_flags), run_certs_validate,
      "Say whether a certificate is good now: chain, dates, state; exit 12 when not.",
      "  chancery certs validate 1234\n" },
    { "certs owner", "REF [ROLE]", 1, 2, FLAGS(owner_flags), run_certs_owner,
      "Show whose a certificate is, or give it to a role.",
      "  chancery certs owner 1234 Operator\n  chancery certs owner 1234 --none\n" },
    { "certs delete", "REF...", 0, -1, FLAGS(removal_flags), run_certs_delete,
      "Remove certificates from the register that nobody answers for any more.",
      "  chancery certs delete 1234\n"
      "  chancery certs delete --query 'NotAfter -lt \"%TODAY-730%\"' --dry-run\n" },
    { "certs revoke", "REF...", 0, -1, FLAGS(revoke_flags), run_revoke, REVOKE_DOC,
      REVOKE_EXAMPLES },
    { "revoke", "REF...", 0, -1, FLAGS(revoke_flags), run_revoke, REVOKE_DOC, REVOKE_EXAMPLES },
    { "hold", "REF...", 0, -1, FLAGS(hold_flags), run_revoke,
      "Put certificates on hold: revoked until a release.", "  chancery hold 1234\n" },
    { "release", "REF...", 0, -1, FLAGS(hold_flags), run_revoke,
      "Release certificates that are on hold.", "  chancery release 1234\n" },
    { "revoke-cert", "REF...", 0, -1, FLAGS(revoke_flags), run_revoke, REVOKE_DOC, REVOKE_EXAMPLES,
      COMMAND_HIDDEN },
    { "search", "[WORD...]", 0, -1, FLAGS(search_flags), run_search,
      "Find certificates by name, thumbprint, serial number, or a query.",
      "  chancery search web01\n  chancery search 'expires:<30d' -o wide\n"
      "  chancery search -q '(CN -contains \"web\") AND NotAfter -lt \"%TODAY+30%\"'\n" },
    CERTS_COMMANDS,
    { "certs set", "REF...", 0, -1, FLAGS(set_flags), run_certs_set,
      "Note something about certificates.",
      "  chancery certs set 1234 --meta Owner=web-team\n"
      "  chancery certs set --query 'CN -contains \"web\"' --meta automated=true --yes\n" },
    { "metadata list", "", 0, 0, FLAGS(query_flags), run_metadata_list, "List the metadata fields.",
      "  chancery metadata list -o wide\n" },
    { "metadata show", "NAME", 1, 1, NULL, 0, run_metadata_show, "Show one metadata field.",
      "  chancery metadata show Owner -o yaml\n" },
    { "metadata create", "NAME", 1, 1, FLAGS(field_flags), run_metadata_create,
      "Make a metadata field.",
      "  chancery metadata create Owner --description \"The team\" --enrollment required\n"
      "  chancery metadata create Stage --type choice --options \"dev, test, prod\"\n" },
    { "metadata edit", "NAME", 1, 1, FLAGS(field_edit_flags), run_metadata_edit,
      "Change a metadata field.", "  chancery metadata edit Owner --enrollment optional\n" },
    { "metadata delete", "NAME", 1, 1, FLAGS(force_flags), run_metadata_delete,
      "Remove a metadata field.", "  chancery metadata delete Owner --force --yes\n" },
    { "collections list", "", 0, 0, FLAGS(query_flags), run_collections_list,
      "List the collections.", "  chancery collections list\n" },
    { "collections show", "NAME", 1, 1, NULL, 0, run_collections_show, "Show one collection.",
      "  chancery collections show Web -o yaml\n" },
    { "collections create", "NAME", 1, 1, FLAGS(collection_flags), run_collections_create,
      "Make a collection.",
      "  chancery collections create Web --query 'CN -contains \"web\"' --newest cn\n" },
    { "collections edit", "NAME", 1, 1, FLAGS(collection_edit_flags), run_collections_edit,
      "Change a collection.", "  chancery collections edit Web --name \"Web servers\"\n" },
    { "collections copy", "NAME NEW", 2, 2, FLAGS(collection_flags), run_collections_copy,
      "Make a collection like another, with the permissions on it.",
      "  chancery collections copy Web \"Web too\"\n" },
    { "collections delete", "NAME", 1, 1, NULL, 0, run_collections_delete,
      "Remove a collection; its certificates stay.", "  chancery collections delete Web --yes\n" },
    { "collections grant", "NAME ROLE", 2, 2, FLAGS(grant_flags), run_collections_grant,
      "Say what a role may do in a collection, all of it.",
      "  chancery collections grant Web web-team --permission read,revoke\n" },
    { "ca list", "", 0, 0, FLAGS(watch_flags), run_ca_list, "List the certificate authorities.",
      "  chancery ca list\n" },
    { "ca show", "NAME", 1, 1, NULL, 0, run_ca_show, "Show one authority.",
      "  chancery ca show \"Example Issuing CA 1\"\n" },
    { "ca crl", "NAME", 1, 1, FLAGS(crl_flags), run_ca_crl, CRL_DOC,
      "  chancery ca crl \"Example Issuing CA 1\" -o issuing.crl\n"
      "  chancery ca crl \"Example Issuing CA 1\" --publish --validity 3d --pem\n" },
    { "generate-crl", "NAME", 1, 1, FLAGS(crl_flags), run_ca_crl,
      "Publish a new revocation list of an authority, and download it.",
      "  chancery generate-crl ca --validity 7d -o issuing.crl\n", COMMAND_HIDDEN },
    { "ca enable", "NAME", 1, 1, NULL, 0, run_ca_switch, "Switch an authority on.",
      "  chancery ca enable \"Example Issuing CA 1\"\n" },
    { "ca disable", "NAME", 1, 1, NULL, 0, run_ca_switch,
      "Switch an authority off: it issues nothing.",
      "  chancery ca disable \"Example Issuing CA 1\"\n" },
    { "ca set", "NAME", 1, 1, FLAGS(ca_set_flags), run_ca_set,
      "Say which revocation lists an authority has, and how OCSP is answered.",
      "  chancery ca set \"Example Issuing CA 1\" --crl-shards 16\n"
      "  chancery ca set \"Example Issuing CA 1\" --crl-delta 6h\n" },
    { "ca create", "NAME", 1, 1, FLAGS(ca_create_flags), run_ca_create,
      "Make a certificate authority.",
      "  chancery ca create \"Web CA\" --parent \"Example Root CA\" --key-type ec:p384\n"
      "  chancery ca create \"HSM CA\" --outside --key-uri 'pkcs11:token=ca;object=hsm'\n" },
    { "create-ca-cert", "NAME", 1, 1, FLAGS(ca_create_flags), run_ca_create,
      "Make a certificate authority.", "  chancery create-ca-cert \"Web Root\"\n", COMMAND_HIDDEN },
    { "ca import", "FILE", 1, 1, FLAGS(ca_import_flags), run_ca_import,
      "Take over an authority that worked elsewhere: PKCS#12, or PEM.",
      "  chancery ca import ca.p12 --password-file pw --crl last.crl\n"
      "  chancery ca import chain.pem --key-uri 'pkcs11:token=ca;object=k' --crl-number 41\n" },
    { "ca csr", "NAME", 1, 1, FLAGS(ca_out_flags), run_ca_csr,
      "Write the request of an authority whose certificate comes from outside.",
      "  chancery ca csr \"HSM CA\" --out hsm-ca.csr\n" },
    { "ca install", "NAME FILE", 2, 2, NULL, 0, run_ca_install,
      "Put in the certificate made of that request, with its issuers'.",
      "  chancery ca install \"HSM CA\" chain.pem\n" },
    { "ca rollover", "NAME", 1, 1, FLAGS(ca_rollover_flags), run_ca_rollover,
      "Give an authority a new key; the old one goes on for CRL and OCSP.",
      "  chancery ca rollover \"Example Issuing CA 1\" --yes\n"
      "  chancery ca rollover \"HSM CA\" --key-uri 'pkcs11:token=ca;object=hsm-2' --yes\n" },
    { "ca cross-sign", "NAME", 1, 1, FLAGS(ca_cross_flags), run_ca_cross_sign,
      "Have another authority certify an authority's key, too.",
      "  chancery ca cross-sign \"New Root\" --issuer \"Old Root\" --out cross.pem\n" },
    { "ca revoke", "NAME", 1, 1, FLAGS(ca_revoke_flags), run_ca_revoke,
      "Revoke an authority's own certificate: its issuer's CRL and OCSP tell of it.",
      "  chancery ca revoke \"Example Issuing CA 1\" --reason ca-compromise --yes\n"
      "  chancery ca revoke \"Example Issuing CA 1\" --generation 1 --reason superseded\n" },
    { "ca chain", "NAME", 1, 1, FLAGS(ca_out_flags), run_ca_chain,
      "Write an authority's certificate and its issuers', PEM.",
      "  chancery ca chain \"Example Issuing CA 1\"\n" },
    { "ca trust", "[NAME]", 0, 1, FLAGS(ca_trust_flags), run_ca_trust,
      "Print the commands by which machines trust the root, for each platform.",
      "  chancery ca trust --print\n"
      "  chancery ca trust --print --platform debian | sudo sh\n" },
    { "ca delete", "NAME", 1, 1, FLAGS(ca_delete_flags), run_ca_delete,
      "Retire an authority: CRL and OCSP go on for what it issued.",
      "  chancery ca delete \"Old CA\"\n"
      "  chancery ca delete \"Old CA\" --destroy-keys --confirm \"Old CA\"\n" },
    { "ca offline init", "SUBJECT", 1, 1, FLAGS(offline_init_flags), run_offline_init,
      "Make a root whose key stays in a file, without a server.",
      "  chancery ca offline init \"CN=Example Root,O=Example\" --key-out root.key --out "
      "root.pem\n" },
    { "ca offline sign", "CSR", 1, 1, FLAGS(offline_sign_flags), run_offline_sign,
      "Certify an authority's request with such a root.",
      "  chancery ca offline sign hsm-ca.csr --ca root.pem --key root.key --out hsm-ca.pem\n" },
    { "ca offline crl", "", 0, 0, FLAGS(offline_crl_flags), run_offline_crl,
      "Write such a root's revocation list.",
      "  chancery ca offline crl --ca root.pem --key root.key --number 7 --out root.crl\n" },
    { "templates list", "", 0, 0, FLAGS(query_flags), run_templates_list, "List the templates.",
      "  chancery templates list\n" },
    { "templates show", "NAME", 1, 1, NULL, 0, run_templates_show, "Show one template.",
      "  chancery templates show WebServer -o yaml\n" },
    TEMPLATE_COMMANDS,
    { "legal-holds list", "", 0, 0, FLAGS(hold_list_flags), run_holds_list,
      "List what must stay, whatever the retention says.",
      "  chancery legal-holds list\n  chancery legal-holds list --certificate 12345 --all\n" },
    { "legal-holds place", "[CERTIFICATE...]", 0, -1, FLAGS(hold_place_flags), run_holds_place,
      "Hold certificates with their keys, or the audit record of a time.",
      "  chancery legal-holds place 12345 --reason \"case 2026-118\"\n"
      "  chancery legal-holds place --audit-from 2026-01-01 --reason \"case 2026-118\"\n" },
    { "legal-holds lift", "ID...", 1, -1, FLAGS(hold_lift_flags), run_holds_lift,
      "Lift legal holds.", "  chancery legal-holds lift 7 --reason \"case closed\" --yes\n" },
    { "archive run", "", 0, 0, FLAGS(archive_flags), run_archive_run,
      "Move certificates that expired long ago to the archive.",
      "  chancery archive run --older-than 730d --dry-run\n"
      "  chancery search 'is:archived web01'\n" },
    { "audit list", "", 0, 0, FLAGS(audit_flags), run_audit_list,
      "List what was done, the latest first.",
      "  chancery audit list --action certificate.revoke --since -24h\n" },
    { "audit verify", "", 0, 0, FLAGS(verify_flags), run_audit_verify,
      "Check that nobody changed the audit record.",
      "  chancery audit verify\n  chancery audit verify --db "
      "sqlite:/var/lib/chancery/chancery.db\n" },
    { "audit export", "", 0, 0, FLAGS(export_flags), run_audit_export,
      "Write the audit record with its checkpoints, to be verified elsewhere.",
      "  chancery audit export --out audit-2026.jsonl --since 2026-01-01\n"
      "  chancery audit verify --export audit-2026.jsonl\n" },
    { "audit anchor", "", 0, 0, FLAGS(anchor_flags), run_audit_anchor,
      "Print where the audit chains stand, to be kept outside of the server.",
      "  chancery audit anchor --out /mnt/worm/anchor-2026-11-21.json\n"
      "  chancery audit verify --anchor /mnt/worm/anchor-2026-11-21.json\n" },
    BACKUP_COMMANDS,
    { "doctor", "", 0, 0, FLAGS(doctor_flags), run_doctor,
      "Look at the whole installation, with or without its server, and say what to do.",
      "  sudo -u chancery chancery doctor\n  chancery doctor --strict -o json\n"
      "  chancery doctor --fix --dry-run\n" },
    { "restore", "", 0, 0, FLAGS(restore_flags), run_restore,
      "Put an installation back from a backup, and what was signed since from its log.",
      "  chancery restore --from /mnt/backup --to-dir /var/lib/chancery --plan\n"
      "  chancery restore --from /mnt/backup --master-key /mnt/usb/master.key --signed "
      "/mnt/log\n" },
    REQUEST_COMMANDS,
    RECOVERY_COMMANDS,
    ACME_COMMANDS,
    ACCESS_COMMANDS,
    { "users list", "", 0, 0, FLAGS(watch_flags), run_users_list, "List the users.",
      "  chancery users list\n" },
    { "users show", "NAME", 1, 1, NULL, 0, run_users_show, "Show one user.",
      "  chancery users show alice\n" },
    { "users create", "NAME", 1, 1, FLAGS(user_flags), run_users_create, "Make a user.",
      "  chancery users create alice --role Administrator --password-file pw\n" },
    { "users set-password", "NAME", 1, 1, FLAGS(password_flags), run_users_password,
      "Set a user's password.", "  chancery users set-password alice --password-file -\n" },
    { "users enable", "NAME", 1, 1, NULL, 0, run_users_switch, "Let a user in again.",
      "  chancery users enable alice\n" },
    { "users disable", "NAME", 1, 1, NULL, 0, run_users_switch, "Let a user in no more.",
      "  chancery users disable alice\n" },
    { "users delete", "NAME", 1, 1, NULL, 0, run_users_delete, "Remove a user.",
      "  chancery users delete alice --yes\n" },
    { "providers list", "", 0, 0, FLAGS(watch_flags), run_providers_list,
      "List the identity providers and directories.", "  chancery providers list\n" },
    { "providers test", "NAME", 1, 1, FLAGS(provider_flags), run_providers_test,
      "Try a provider, and say step by step what worked.",
      "  chancery providers test contoso --user 'CONTOSO\\ana'\n" },
    { "login", "", 0, 0, FLAGS(login_flags), run_login, "Log in, and keep the server as a context.",
      "  chancery login --server https://pki.example.com --cacert root.pem --user alice\n" },
    { "logout", "", 0, 0, NULL, 0, run_logout, "Forget the token of the context.",
      "  chancery logout\n" },
    { "whoami", "", 0, 0, NULL, 0, run_whoami, "Show who the server takes you for.",
      "  chancery whoami\n" },
    { "context list", "", 0, 0, NULL, 0, run_context_list, "List the contexts.",
      "  chancery context list\n" },
    { "context use", "NAME", 1, 1, NULL, 0, run_context_use, "Make a context the current one.",
      "  chancery context use prod\n" },
    { "context set", "NAME", 1, 1, FLAGS(context_flags), run_context_set,
      "Make or change a context: --server, --cacert, --token, --output.",
      "  chancery context set ci --server https://pki.example.com --token env:CI_TOKEN\n" },
    { "context import", "[SERVER]", 0, 1, FLAGS(context_import_flags), run_context_import,
      "Make contexts of the servers in another client's file; their secrets go to the keyring.",
      "  chancery context import\n  chancery context import default --name prod\n" },
    { "context delete", "NAME", 1, 1, NULL, 0, run_context_delete, "Remove a context.",
      "  chancery context delete old\n" },
    { "config show", "", 0, 0, FLAGS(config_flags), run_config_show, "Print the server's settings.",
      "  chancery config show --origin\n" },
    CONFIG_COMMANDS,
    INSPECT_COMMANDS,
    PROOF_COMMANDS,
    CHECK_COMMANDS,
    OVERSIGHT_COMMANDS,
    { "config describe", "", 0, 0, FLAGS(describe_flags), run_config_describe,
      "Print every setting with its meaning, as an example file.",
      "  chancery config describe > chancery.yaml\n" },
    { "config check", "", 0, 0, FLAGS(config_flags), run_config_check,
      "Check the server's settings.", "  chancery config check --config new.yaml\n" },
    { "config seal", "", 0, 0, FLAGS(seal_flags), run_config_seal,
      "Seal a secret of stdin for a settings file.", "  chancery config seal < password\n" },
    { "config move-master-key", "PLACE", 1, 1, .flags = &seal_flags[1], .flag_count = 1,
      run_config_move_master_key, "Keep the master key in a file, or wrapped by a key on a token.",
      "  chancery config move-master-key 'pkcs11:token=ca;object=master'\n"
      "  chancery config move-master-key file:/etc/chancery/master.key\n" },
    { "api", "METHOD PATH", 2, 2, FLAGS(api_flags), run_api, "Make any call of the API.",
      "  chancery api GET '/KeyfactorAPI/Certificates?pq.returnLimit=5'\n"
      "  chancery api POST /KeyfactorAPI/Certificates/Revoke --input body.json\n" },
    { "status", "", 0, 0, FLAGS(watch_flags), run_status, "Show whether the server is well.",
      "  chancery status\n" },
    { "completion", "SHELL", 1, 1, NULL, 0, run_completion,
      "Print the script that completes commands in bash, zsh, fish or PowerShell.",
      "  chancery completion bash > /etc/bash_completion.d/chancery\n" },
    { "version", "", 0, 0, NULL, 0, run_version, "Print the version.",
      "  chancery version -o json\n" },
    { "help", "[COMMAND | TOPIC | CHY-nnnn]", 0, -1, FLAGS(help_flag_list), run_help,
      "Explain a command, a topic or an error code.",
      "  chancery help topics\n  chancery help CHY-2104\n" },
};
const size_t command_count = COUNT(commands);

const struct command *
command_find(const char *path)
{
    for (size_t i = 0; i < command_count; i++)
        if (!strcmp(commands[i].path, path))
            return &commands[i];
    return NULL;
}
