/** ACME on the command line: rows of the one table in commands.c. */
#ifndef CLI_ACME_ROWS_H
#define CLI_ACME_ROWS_H

#include "cli/issue_rows.h"

/* The commands. */
enum err run_acme_list(struct cli *c); /* accounts, orders, authorizations, keys: by the path */
enum err run_acme_show(struct cli *c); /* one of them */
enum err run_acme_turn(struct cli *c); /* suspend, restore, deactivate, revoke */
enum err run_acme_eab_create(struct cli *c);
enum err run_acme_eab_edit(struct cli *c);
enum err run_acme_eab_revoke(struct cli *c);
enum err run_acme_client(struct cli *c);
enum err run_acme_window_set(struct cli *c);
enum err run_acme_profiles_show(struct cli *c); /* all, or the one that is named */
enum err run_acme_profiles_create(struct cli *c);
enum err run_acme_profiles_edit(struct cli *c);
enum err run_acme_profiles_delete(struct cli *c);
enum err run_acme_limits_list(struct cli *c);
enum err run_acme_limits_set(struct cli *c);
enum err run_acme_limits_reset(struct cli *c);
enum err run_acme_window_remove(struct cli *c);

/** The clients that `acme client` knows, ended by NULL. */
const char *const *acme_client_words(struct arena *a);

/** E_INVALID: what needs a reason was given none. */
enum err acme_reason_given(struct cli *c);

/** Tell people of an order: each challenge, and what the validator saw. */
enum err acme_order_tell(struct cli *c, const struct json *order);

static const char *const acme_account_words[] = { "valid", "deactivated", "revoked", NULL };
static const char *const acme_order_words[] = { "pending", "ready",   "processing",
                                                "valid",   "invalid", NULL };
static const char *const acme_authz_words[] = { "pending", "valid",   "invalid", "deactivated",
                                                "expired", "revoked", NULL };

static const struct flag acme_account_flags[] = {
    { "contains", 0, FLAG_TEXT, "TEXT",
      "part of a contact; or an id, a key's thumbprint, the address it was made from", NULL, NULL,
      NULL },
    { "eab-key", 0, FLAG_TEXT, "KID", "bound by this key", NULL, NULL, NULL },
    { "status", 0, FLAG_WORD, "WORD", "valid, deactivated, revoked (suspended)", acme_account_words,
      NULL, NULL },
    WATCH_FLAG,
};
static const struct flag acme_order_flags[] = {
    { "account", 0, FLAG_TEXT, "ID", "of this account; the beginning of its id is enough", NULL,
      NULL, NULL },
    { "name", 0, FLAG_TEXT, "NAME", "with this name or address", NULL, NULL, NULL },
    { "status", 0, FLAG_WORD, "WORD", "pending, ready, processing, valid, invalid",
      acme_order_words, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag acme_authz_flags[] = {
    { "account", 0, FLAG_TEXT, "ID", "of this account; the beginning of its id is enough", NULL,
      NULL, NULL },
    { "name", 0, FLAG_TEXT, "NAME", "of this name or address", NULL, NULL, NULL },
    { "status", 0, FLAG_WORD, "WORD", "pending, valid, invalid, deactivated, expired, revoked",
      acme_authz_words, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag acme_turn_flags[] = {
    { "reason", 0, FLAG_TEXT, "TEXT", "why, for the record", NULL, "comment", NULL },
};
static const struct flag acme_eab_flags[] = {
    { "profile", 0, FLAG_TEXT, "NAME", "for accounts of this profile's directory", NULL, NULL,
      NULL },
    { "ttl", 0, FLAG_DURATION, "D", "it binds for so long: 24h; default: until it is revoked", NULL,
      NULL, NULL },
    { "uses", 0, FLAG_NUMBER, "N", "accounts that it binds; default: any number", NULL, "max-uses",
      NULL },
    { "owner", 0, FLAG_TEXT, "TEXT", "whose it is", NULL, NULL, NULL },
    { "allow", 0, FLAG_NAMES, "NAME", "what they may ask for: *.team.example.com, 10.0.0.0/8", NULL,
      NULL, NULL },
    { "deny", 0, FLAG_NAMES, "NAME", "what they may not", NULL, NULL, NULL },
    { "type", 0, FLAG_NAMES, "TYPE", "of names: dns, ip", NULL, NULL, NULL },
    { "challenge", 0, FLAG_NAMES, "TYPE", "by which they may prove names: http-01 ...", NULL, NULL,
      NULL },
    { "order-profile", 0, FLAG_NAMES, "NAME", "the profiles that their orders may name", NULL, NULL,
      NULL },
    { "orders-per-day", 0, FLAG_COUNT, "N",
      "new orders of an account in a day, instead of the directory's; 0: any number", NULL, NULL,
      NULL },
    { "orders-per-hour", 0, FLAG_COUNT, "N", "the same in an hour", NULL, NULL, NULL },
    { "count", 0, FLAG_NUMBER, "N", "so many keys, called PREFIX-1 ...", NULL, NULL, NULL },
    { "prefix", 0, FLAG_TEXT, "PREFIX", "of their names, with --count", NULL, NULL, NULL },
    { "out", 0, FLAG_TEXT, "FILE", "write there, mode 0600; default stdout", NULL, NULL, NULL },
};
static const struct flag acme_eab_edit_flags[] = {
    { "ttl", 0, FLAG_TEXT, "D", "it binds for so long from now on: 24h; never: it does not end",
      NULL, NULL, NULL },
    { "uses", 0, FLAG_TEXT, "N", "accounts that it binds in all; any: any number", NULL, "max-uses",
      NULL },
    { "owner", 0, FLAG_TEXT, "TEXT", "whose it is", NULL, NULL, NULL },
    { "allow", 0, FLAG_SET, "NAME",
      "what its accounts may ask for; \"\", as for all lists: no restriction", NULL, NULL, NULL },
    { "deny", 0, FLAG_SET, "NAME", "what they may not", NULL, NULL, NULL },
    { "type", 0, FLAG_SET, "TYPE", "of names: dns, ip", NULL, NULL, NULL },
    { "challenge", 0, FLAG_SET, "TYPE", "by which they may prove names: http-01 ...", NULL, NULL,
      NULL },
    { "order-profile", 0, FLAG_SET, "NAME", "the profiles that their orders may name", NULL, NULL,
      NULL },
    { "orders-per-day", 0, FLAG_TEXT, "N",
      "new orders of an account in a day; 0: any number; default: as the directory has it", NULL,
      NULL, NULL },
    { "orders-per-hour", 0, FLAG_TEXT, "N", "the same in an hour", NULL, NULL, NULL },
};
static const struct flag acme_eab_revoke_flags[] = {
    { "suspend-accounts", 0, FLAG_SWITCH, NULL, "the accounts that it bound, too", NULL, NULL,
      NULL },
};
static const struct flag acme_client_flags[] = {
    { "profile", 0, FLAG_TEXT, "NAME",
      "by this profile's directory; default: the one without a "
      "name",
      NULL, NULL, NULL },
    { "domain", 'd', FLAG_NAMES, "NAME", "what the certificate is for", NULL, "dns", NULL },
    { "email", 'm', FLAG_TEXT, "ADDRESS", "the account's contact", NULL, NULL, NULL },
    { "challenge", 0, FLAG_TEXT, "TYPE", "http-01, dns-01, tls-alpn-01; default http-01", NULL,
      NULL, NULL },
    { "webroot", 0, FLAG_TEXT, "DIR",
      "of a web server that runs already; default: the client's own", NULL, NULL, NULL },
    { "root", 0, FLAG_TEXT, "FILE",
      "where the client finds the root certificate; default "
      "/etc/ssl/certs/chancery-root.pem",
      NULL, NULL, NULL },
};

static const char *const acme_eab_words[] = { "off", "optional", "required", NULL };
static const char *const acme_eab_edit_words[] = { "off", "optional", "required", "default", NULL };
static const char *const acme_switch_words[] = { "on", "off", NULL };
static const char *const acme_switch_edit_words[] = { "on", "off", "default", NULL };
static const struct flag acme_profile_flags[] = {
    { "template", 0, FLAG_TEXT, "NAME", "by which orders are issued", NULL, NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority; default: one that offers the template", NULL,
      "issuer", NULL },
    { "allow", 0, FLAG_NAMES, "NAME", "what may be asked for: *.contoso.com, 10.0.0.0/8", NULL,
      NULL, NULL },
    { "deny", 0, FLAG_NAMES, "NAME", "what may not", NULL, NULL, NULL },
    { "challenge", 0, FLAG_NAMES, "TYPE", "how names may be proved: dns-01 ...", NULL, NULL, NULL },
    { "validity", 0, FLAG_DURATION, "D", "of certificates: 90d; default: the template's", NULL,
      NULL, NULL },
    { "auto-renew", 0, FLAG_SWITCH, NULL, "clients are told to renew 30 days before the end", NULL,
      NULL, NULL },
    { "eab", 0, FLAG_WORD, "MODE", "off, optional, required", acme_eab_words, NULL, NULL },
    { "offered", 0, FLAG_SWITCH, NULL, "orders of the default directory may name it", NULL, NULL,
      NULL },
    { "pre-authorization", 0, FLAG_WORD, "MODE",
      "on, off: names may be proved before they are ordered; default: as the settings have it",
      acme_switch_words, NULL, NULL },
    { "description", 0, FLAG_TEXT, "TEXT", "what clients are told of it", NULL, NULL, NULL },
};
static const struct flag acme_profile_edit_flags[] = {
    { "template", 0, FLAG_TEXT, "NAME", "by which orders are issued", NULL, NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "the authority; \"\": one that offers the template", NULL,
      "issuer", NULL },
    { "allow", 0, FLAG_SET, "NAME",
      "what may be asked for: *.contoso.com, 10.0.0.0/8; \"\": as the settings have it", NULL, NULL,
      NULL },
    { "deny", 0, FLAG_SET, "NAME", "what may not; \"\": nothing more", NULL, NULL, NULL },
    { "challenge", 0, FLAG_SET, "TYPE",
      "how names may be proved: dns-01 ...; \"\": as the settings have it", NULL, NULL, NULL },
    { "validity", 0, FLAG_TEXT, "D", "of certificates: 90d; default: the template's", NULL, NULL,
      NULL },
    { "auto-renew", 0, FLAG_SWITCH, NULL,
      "clients are told to renew 30 days before the end; or --no-auto-renew", NULL, NULL, NULL },
    { "eab", 0, FLAG_WORD, "MODE", "off, optional, required; default: as the settings have it",
      acme_eab_edit_words, NULL, NULL },
    { "offered", 0, FLAG_SWITCH, NULL,
      "orders of the default directory may name it; or --no-offered", NULL, NULL, NULL },
    { "pre-authorization", 0, FLAG_WORD, "MODE",
      "on, off: names may be proved before they are ordered; default: as the settings have it",
      acme_switch_edit_words, NULL, NULL },
    { "description", 0, FLAG_TEXT, "TEXT", "what clients are told of it", NULL, NULL, NULL },
    { "enabled", 0, FLAG_SWITCH, NULL, "its directory answers; or --no-enabled", NULL, NULL, NULL },
};
static const struct flag acme_limits_flags[] = {
    { "name", 0, FLAG_TEXT, "LIMIT", "only this one: orders_per_hour", NULL, NULL, NULL },
    { "own", 0, FLAG_SWITCH, NULL, "numbers that single accounts have instead", NULL, NULL, NULL },
    { "account", 0, FLAG_TEXT, "ID", "those of this account; the beginning of its id is enough",
      NULL, NULL, NULL },
    WATCH_FLAG,
};
static const struct flag acme_limits_set_flags[] = {
    { "ttl", 0, FLAG_DURATION, "D", "for so long: 24h; default: until it is taken away", NULL, NULL,
      NULL },
    { "reason", 0, FLAG_TEXT, "TEXT", "why, for the record", NULL, "comment", NULL },
};
static const struct flag acme_window_flags[] = {
    { "query", 0, FLAG_TEXT, "QUERY", "certificates that it finds: chancery help query", NULL,
      "filter", NULL },
    { "collection", 0, FLAG_TEXT, "NAME", "that are in this collection", NULL, NULL, NULL },
    { "ca", 0, FLAG_TEXT, "NAME", "that this authority issued", NULL, "issuer", NULL },
    { "issued-from", 0, FLAG_TIME, "T", "that are valid from then on, or later", NULL, NULL, NULL },
    { "issued-until", 0, FLAG_TIME, "T", "that were valid before", NULL, NULL, NULL },
    { "start", 0, FLAG_TIME, "T", "they shall be renewed from here on; default now", NULL, NULL,
      NULL },
    { "end", 0, FLAG_TIME, "T", "until here", NULL, NULL, NULL },
    { "url", 0, FLAG_TEXT, "URL", "where it is explained; clients show it", NULL, NULL, NULL },
    { "reason", 0, FLAG_TEXT, "TEXT", "why, for the record", NULL, "comment", NULL },
};

/* clang-format off */
#define ACME_COMMANDS                                                                              \
    { "acme accounts list", "", 0, 0, FLAGS(acme_account_flags), run_acme_list,                    \
      "List the accounts of ACME clients, the newest first.",                                      \
      "  chancery acme accounts list --contains ana@example.com\n" },                              \
    { "acme accounts show", "ID", 1, 1, NULL, 0, run_acme_show,                                    \
      "Show an account with its newest orders.", "  chancery acme accounts show 7Jx2\n" },         \
    { "acme accounts suspend", "ID...", 1, -1, FLAGS(acme_turn_flags), run_acme_turn,              \
      "Refuse accounts, and end their orders that are not done; certificates stay.",               \
      "  chancery acme accounts suspend 7Jx2 --reason 'INC 118'\n" },                              \
    { "acme accounts restore", "ID...", 1, -1, FLAGS(acme_turn_flags), run_acme_turn,              \
      "Let accounts go on that were suspended.",                                                   \
      "  chancery acme accounts restore 7Jx2 --reason 'found again'\n" },                          \
    { "acme accounts deactivate", "ID...", 1, -1, FLAGS(acme_turn_flags), run_acme_turn,           \
      "End accounts for good; certificates stay.",                                                 \
      "  chancery acme accounts deactivate 7Jx2 --reason 'machine gone' --yes\n" },                \
    { "acme orders list", "", 0, 0, FLAGS(acme_order_flags), run_acme_list,                        \
      "List the orders of ACME clients, the newest first.",                                        \
      "  chancery acme orders list --name www.example.com\n"                                       \
      "  chancery acme orders list --status invalid --watch\n" },                                  \
    { "acme orders show", "ID", 1, 1, FLAGS(watch_flags), run_acme_show,                           \
      "Show an order, each challenge, and what the validator saw.",                                \
      "  chancery acme orders show 9f3a\n" },                                                      \
    { "acme authorizations list", "", 0, 0, FLAGS(acme_authz_flags), run_acme_list,                \
      "List who proved which names.",                                                              \
      "  chancery acme authorizations list --name www.example.com --status valid\n" },             \
    { "acme authorizations show", "ID", 1, 1, NULL, 0, run_acme_show,                              \
      "Show one proof of a name.", "  chancery acme authorizations show 4Qmd -o yaml\n" },         \
    { "acme authorizations revoke", "ID...", 1, -1, FLAGS(acme_turn_flags), run_acme_turn,         \
      "Let proofs count no more; certificates stay.",                                              \
      "  chancery acme authorizations revoke 4Qmd --reason 'name sold' --yes\n" },                 \
    { "acme eab list", "", 0, 0, FLAGS(watch_flags), run_acme_list,                                \
      "List the keys by which accounts are bound.", "  chancery acme eab list\n" },                \
    { "acme eab show", "KID", 1, 1, NULL, 0, run_acme_show, "Show one key, without its secret.",   \
      "  chancery acme eab show printers\n" },                                                     \
    { "acme eab create", "[KID]", 0, 1, FLAGS(acme_eab_flags), run_acme_eab_create,                \
      "Make a key for somebody's ACME client; its secret is told once.",                           \
      "  chancery acme eab create --ttl 24h --uses 1 -o env\n"                                     \
      "  chancery acme eab create printers --allow '*.print.example.com'\n"                        \
      "  chancery acme eab create --count 50 --prefix device --out keys.csv -o csv\n" },           \
    { "acme eab edit", "KID", 1, 1, FLAGS(acme_eab_edit_flags), run_acme_eab_edit,                 \
      "Change what is given of a key; the accounts that it bound go by it at once.",               \
      "  chancery acme eab edit printers --allow '*.print.example.com' --uses 10\n"                \
      "  chancery acme eab edit printers --ttl never --allow ''\n" },                              \
    { "acme eab revoke", "KID...", 1, -1, FLAGS(acme_eab_revoke_flags), run_acme_eab_revoke,       \
      "Bind no more accounts by keys.",                                                            \
      "  chancery acme eab revoke printers --suspend-accounts --yes\n" },                          \
    { "acme limits list", "", 0, 0, FLAGS(acme_limits_flags), run_acme_limits_list,                \
      "List the rate limits that something was taken from, or the numbers of single accounts.",    \
      "  chancery acme limits list --name orders_per_hour\n"                                       \
      "  chancery acme limits list --own\n" },                                                     \
    { "acme limits set", "ACCOUNT LIMIT N", 3, 3, FLAGS(acme_limits_set_flags),                    \
      run_acme_limits_set,                                                                         \
      "Give one account another number than others have: N, any, or again the default.",           \
      "  chancery acme limits set 7Jx2 orders_per_hour 500 --ttl 24h --reason 'INC 118'\n"         \
      "  chancery acme limits set 7Jx2 certificates_per_domain any --reason 'the hub'\n"           \
      "  chancery acme limits set 7Jx2 orders_per_hour default --reason done\n" },                 \
    { "acme limits reset", "LIMIT [KEY]", 1, 2, NULL, 0, run_acme_limits_reset,                    \
      "Let somebody, or everybody, begin anew with a rate limit.",                                 \
      "  chancery acme limits reset certificates_per_domain example.com\n"                         \
      "  chancery acme limits reset orders_per_hour --yes\n" },                                    \
    { "acme windows list", "", 0, 0, FLAGS(watch_flags), run_acme_list,                            \
      "List when certificates shall be renewed, whatever their life says.",                        \
      "  chancery acme windows list\n" },                                                          \
    { "acme windows show", "ID", 1, 1, NULL, 0, run_acme_show, "Show one renewal window.",         \
      "  chancery acme windows show 3 -o yaml\n" },                                                \
    { "acme windows set", "", 0, 0, FLAGS(acme_window_flags), run_acme_window_set,                 \
      "Tell clients when to renew some certificates: those for which all that is given holds.",    \
      "  chancery acme windows set --ca 'Old CA' --end +24h --reason 'INC 118'\n"                  \
      "  chancery acme windows set --query 'cn:example.com' --start +1d --end +3d --reason move\n" }, \
    { "acme windows remove", "ID...", 1, -1, FLAGS(acme_turn_flags), run_acme_window_remove,       \
      "Take renewal windows away.",                                                                \
      "  chancery acme windows remove 3 --reason 'all renewed' --yes\n" },                         \
    { "acme profiles list", "", 0, 0, FLAGS(watch_flags), run_acme_profiles_show,                  \
      "List the ACME profiles: directories of their own.", "  chancery acme profiles list\n" },    \
    { "acme profiles show", "NAME", 1, 1, NULL, 0, run_acme_profiles_show, "Show one profile.",    \
      "  chancery acme profiles show web -o yaml\n" },                                             \
    { "acme profiles create", "NAME", 1, 1, FLAGS(acme_profile_flags), run_acme_profiles_create,   \
      "Make an ACME profile, and print what clients are told: its directory.",                     \
      "  chancery acme profiles create web --template WebServer --allow '*.contoso.com' "          \
      "--challenge dns-01 --validity 90d\n" },                                                     \
    { "acme profiles edit", "NAME", 1, 1, FLAGS(acme_profile_edit_flags), run_acme_profiles_edit,  \
      "Change an ACME profile: what is given, and no more.",                                       \
      "  chancery acme profiles edit web --validity 30d --allow '*.contoso.com,*.fabrikam.com'\n"  \
      "  chancery acme profiles edit web --no-enabled\n" },                                        \
    { "acme profiles delete", "NAME...", 1, -1, NULL, 0, run_acme_profiles_delete,                 \
      "Remove ACME profiles; certificates stay.", "  chancery acme profiles delete web --yes\n" }, \
    { "acme client", "CLIENT", 1, 1, FLAGS(acme_client_flags), run_acme_client,                    \
      "Print the commands or settings by which an ACME client gets certificates here.",            \
      "  chancery acme client certbot -d app.example.com\n"                                        \
      "  chancery acme client caddy --profile web -d app.example.com > Caddyfile\n" }
/* clang-format on */

#endif
