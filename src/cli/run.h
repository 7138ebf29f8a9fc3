/**
 * Run: one command on its way: what was given, whom it talks to, what it answers. For the files of
 * this folder.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/command.h"
#include "codec/table.h"
#include "net/client.h"
#include "pki/key.h"
#include <stdio.h>

#define CLI_VERSION "0.1.0"
#define CLI_BODY_MAX ((size_t)64 << 20)

/** The exit codes of cli.md section 5. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_NOT_PERMITTED = 4,
    EXIT_CONFLICT = 5,
    EXIT_PENDING = 6,
    EXIT_PARTLY = 7,
    EXIT_UNREACHABLE = 8,
    EXIT_TIMED_OUT = 9,
    EXIT_POLICY = 10,
    EXIT_RATE_LIMITED = 11,
    EXIT_CHECK_FAILED = 12,
};

/** A flag as it was given. */
struct given {
    const struct flag *flag;
    const char *value; /* NULL: none followed */
    bool off;          /* its --no- form */
};

struct session;

struct cli {
    struct scope *s;
    const struct command *command; /* NULL: none was named */
    const struct group *group;     /* named instead of a command, or NULL */
    struct list given;             /* of struct given */
    struct list args;              /* of const char * */
    struct session *session;       /* once somebody asked for it */
    int status;                    /* what to exit with when nothing failed */
    int verbose;
    bool names_nothing;  /* an argument became an empty segment of a path */
    struct buf *capture; /* what is printed goes here instead; or NULL */
    FILE *to;            /* or here; or NULL */
    /* Of the last failure. */
    int http_status;
    const char *request_id, *host;
    const char *cause, *fix; /* lines of their own, or NULL */
    /* Of the last enrollment: the certificate that it made, and its request; 0: none. */
    int64_t made, asked;
};

/** Understand the arguments; E_INVALID says what is wrong with them. */
enum err cli_parse(struct cli *c, int argc, char **argv);

/** Give flag F of the command VALUE (NULL: none), as if it were an argument; E_INVALID. */
enum err cli_give(struct cli *c, const struct flag *f, const char *value);

/* What was given. NAME is a flag of the command or a global one. */
bool cli_has(const struct cli *c, const char *name); /* a switch is on, or a value was given */
bool cli_off(const struct cli *c, const char *name); /* its --no- form was given */
const char *cli_text(const struct cli *c, const char *name);  /* the last value, also of the
                                                                 environment; or NULL */
struct list cli_texts(const struct cli *c, const char *name); /* of const char *, in order */
int64_t cli_number(const struct cli *c, const char *name, int64_t otherwise);
int64_t cli_duration(const struct cli *c, const char *name, int64_t otherwise);
/** WHEN_NONE when it was not given; relative to NOW. */
struct when cli_time(const struct cli *c, const char *name, struct when now);
const char *cli_arg(const struct cli *c, size_t i); /* or NULL */
/** "2025-10-22", RFC 3339, "+90d", "-1h". */
bool time_parse(const char *text, struct when now, struct when *out);
/** "superseded", "key-compromise", "KeyCompromise", "4". */
bool reason_parse(const char *text, int64_t *out);

/* Output: stdout is data, stderr is the rest. */

/** What a command's data are. */
struct view {
    const char *kind, *key; /* "certificate", "Id" */
    const struct column *columns;
    size_t column_count;
    const struct model *model;
    const char *none; /* "No certificates match." */
};
/** Print an array, or one object, in the form asked for. */
enum err print_data(struct cli *c, const struct view *v, const struct json *data);
/** The same for JSON text of our own. */
enum err print_json(struct cli *c, const struct view *v, struct buf *text);
/** The answer of a raw call: JSON unless another form was asked for. */
enum err print_api(struct cli *c, const struct view *v, const struct json *data);
/** True when data go to people: a table, not one of the forms for programs. */
bool output_is_table(const struct cli *c);
enum table_form output_form(const struct cli *c);
/** True when `--fields help` was answered. */
bool fields_helped(struct cli *c, const struct view *v);
/** A line on stderr, unless --quiet. */
void say(const struct cli *c, const char *format, ...) LIKE_PRINTF(2, 3);
void caution(const struct cli *c, const char *format, ...) LIKE_PRINTF(2, 3);
/** Write all of DATA to stdout. */
enum err print_bytes(struct cli *c, struct bytes data);
/** The same for text that people read: by a pager where it is longer than the terminal. */
enum err print_long(struct cli *c, struct bytes text);

/* Files that commands write. */

/** What a command writes. */
enum out_kind {
    OUT_PUBLIC,
    OUT_KEY,     /* a private key with its certificates: mode 0600 */
    OUT_SUPPORT, /* a support bundle: mode 0600 */
    OUT_SECRET,  /* what else its owner alone may read: mode 0600 */
};

/**
 * See, before anything is asked for, that PATH can be written later: NULL and "-" always can. What
 * the command could have written there itself is written over, and so are text, certificates,
 * lists and requests; nothing else is, for it may hold a key, and nothing of an installation. A
 * symbolic link is not followed.
 *
 * @return E_CONFLICT for such a file, E_INVALID for an empty name
 */
enum err out_ready(struct cli *c, const char *path, enum out_kind kind);
/** The same of a new private key; it takes the place of one that is there only when that is the
 * key of the certificate in CERT_PATH, which is replaced as well. NULL: of none. */
enum err key_ready(struct cli *c, const char *path, const char *cert_path);
/** See that the first WRITTEN of the FLAGS, which end with NULL, name files of their own: neither
 * that of another flag nor the first argument. */
enum err places_differ(struct cli *c, const char *const *flags, size_t written);
/** Whether PATH is there and no file, so that nothing may be put in its place: a pipe, a device. */
bool is_device(const char *path);
/** Write to PATH, "-" being stdout: a new file takes the place of what is there. What is no regular
 * file, a pipe or a device, is written to as it is. E_CONFLICT as out_ready() has it. */
enum err write_out(struct cli *c, const char *path, struct bytes data, enum out_kind kind);
/** A file that is written piece by piece, after out_ready(). */
struct out_file {
    const char *path,
        *temp; /* TEMP: what it is called until it is whole; NULL: PATH is written to */
    FILE *file;
};
enum err out_begin(struct cli *c, const char *path, struct out_file *f);
/** Give it its place, or remove it when E, or what was written, is no success; E, or why not. */
enum err out_end(struct cli *c, struct out_file *f, enum err e);
/** Write a private key, mode 0600, after key_ready(). */
enum err write_key(struct cli *c, const char *path, struct bytes pem);

/** Print the recorded error and return its exit code. */
int error_report(struct cli *c, enum err e);
int exit_code(enum err e, enum code code);

/* Input. */

/** Read a file, or stdin for "-"; E_INVALID when it cannot be read. */
enum err read_input(struct cli *c, const char *path, size_t max, struct bytes *out);
/** The secret in a file ("-": the first line of stdin), else asked for on the terminal. */
enum err read_password(struct cli *c, const char *file_flag, const char *prompt,
                       struct secret **out);
/** Ask before WHAT is done: OK after --yes or a "y"; E_INVALID says that --yes is needed. */
enum err confirm(struct cli *c, const char *what);

/* The server. */

struct ask {
    const char *method; /* NULL: GET */
    const char *path;   /* from the root: "/KeyfactorAPI/Certificates" */
    struct list query;  /* of struct pair */
    const char *body;   /* JSON, or NULL */
    struct bytes form;  /* another body, of type .type */
    const char *type;
    struct list headers;  /* of struct header */
    bool nobody;          /* without credentials */
    const char *not_done; /* for errors: "certificate not issued"; or NULL */
};
struct answer {
    int status;
    const struct json *json; /* NULL: the body is none */
    struct bytes body;
    struct reply reply;
};
#define COMMAND_API "/KeyfactorAPI"
#define REST_API "/api/v1"

/** Call the server; every status from 400 on is a failure. */
enum err ask_server(struct cli *c, struct ask *ask, struct answer *out);
/** How what the arguments name is removed; verbs end with an "e". */
struct removal {
    const char *verb, *what; /* "revoke", "token" */
    const char *path;        /* before the name */
    const char *more;        /* that is done with it, for people: " and ..."; or NULL */
    struct list query;       /* of struct pair */
};
/** Remove each of them, having asked whether it is meant; with --dry-run, say so only. */
enum err remove_named(struct cli *c, const struct removal *r);
/** A GET of PATH. */
enum err ask_get(struct cli *c, const char *path, struct answer *out);
void ask_param(struct cli *c, struct ask *ask, const char *name, const char *value);
/** A page of a list of the Command API, and how many there are in all (-1: unknown). */
enum err ask_page(struct cli *c, struct ask *ask, int64_t page, int64_t size, struct answer *out,
                  int64_t *total);
/** How many such a list has in all; E_TIMEOUT: nobody knows. */
enum err ask_count(struct cli *c, struct ask *ask, int64_t *count);
/** The rows of several arrays as one. */
enum err join_arrays(struct cli *c, const struct list *arrays, const struct json **out);
/** Print a list of the Command API, page by page, as --limit, --all and --sort say. */
enum err print_pages(struct cli *c, struct ask *ask, const struct view *v);
/** Print a list of our own API as --limit and --all say. */
enum err print_cursor(struct cli *c, const struct ask *ask, const struct view *v);
/** One segment of a path, percent-encoded. */
const char *segment(struct cli *c, const char *text);
void session_close(struct session *session);

/* References. */

/** The row of the register that REF names. */
enum err certificate_of(struct cli *c, const char *ref, const struct json **row);
/** The path of the authority that the first argument names, with REST behind it. */
enum err authority_path(struct cli *c, const char *rest, const char **out);
/** The expansion of `@file` among the arguments from FIRST on: of const char *. */
enum err references_of(struct cli *c, size_t first, struct list *out);
/**
 * A search in the Command API's language, from words that people type.
 *
 * @param out  receives it; NULL for no words
 * @return E_INVALID for a term that is one but for its value: "is:lost"
 */
enum err query_of(struct cli *c, const char *words, const char **out);
/** Each certificate that QUERY, in words that people type, finds; EACH ends it by not answering OK.
 */
enum err each_certificate(struct cli *c, const char *query,
                          enum err (*each)(struct cli *c, const struct json *row, void *arg),
                          void *arg);
/** Each certificate that the arguments name, then each that --query finds; one of the two must be
 * given. */
enum err each_chosen(struct cli *c,
                     enum err (*each)(struct cli *c, const struct json *row, void *arg), void *arg);
int64_t row_id(const struct json *row);

/** Run the command again and again, as --watch says; ends with a failure only. */
enum err run_watched(struct cli *c);
/**
 * Wait, as --wait says, until REQUEST has its certificate.
 *
 * @param id  receives the certificate's; 0: nobody asked to wait
 * @return E_TIMEOUT: it still waits; E_FORBIDDEN (CHY_REQUEST_DENIED)
 */
enum err request_wait(struct cli *c, int64_t request, int64_t *id);
/** DER of the certificate ID, then of its issuers. */
enum err certificate_chain(struct cli *c, int64_t id, struct list *certs);

/** See that the server can make a certificate in place of this row's, with a new key. */
enum err can_replace(struct cli *c, const struct json *row);
/** Have it made. @param by  receives its id; 0: it waits for an approval, as was told */
enum err replace(struct cli *c, int64_t id, int64_t *by);

/* The commands. */
enum err run_api(struct cli *c);
enum err run_archive_run(struct cli *c);
enum err run_audit_export(struct cli *c);
enum err run_audit_list(struct cli *c);
enum err run_audit_verify(struct cli *c);
enum err run_ca_chain(struct cli *c);
enum err run_ca_trust(struct cli *c);
extern const char *const platform_words[];
enum err run_ca_create(struct cli *c);
enum err run_ca_cross_sign(struct cli *c);
enum err run_ca_revoke(struct cli *c);
enum err run_ca_csr(struct cli *c);
enum err run_ca_delete(struct cli *c);
enum err run_ca_import(struct cli *c);
enum err run_ca_install(struct cli *c);
enum err run_audit_anchor(struct cli *c);
enum err run_ca_list(struct cli *c);
enum err run_ca_rollover(struct cli *c);
enum err run_ca_show(struct cli *c);
enum err run_ca_crl(struct cli *c);
enum err run_ca_set(struct cli *c);
enum err run_ca_switch(struct cli *c);
enum err run_certs_delete(struct cli *c);
enum err run_certs_owner(struct cli *c);
enum err run_certs_validate(struct cli *c);
enum err run_certs_list(struct cli *c);
enum err run_certs_show(struct cli *c);
enum err run_completion(struct cli *c);
enum err run_config_check(struct cli *c);
enum err run_config_describe(struct cli *c);
enum err run_config_seal(struct cli *c);
enum err run_config_move_master_key(struct cli *c);
enum err run_config_show(struct cli *c);
enum err run_context_delete(struct cli *c);
enum err run_context_import(struct cli *c);
enum err run_context_list(struct cli *c);
enum err run_context_set(struct cli *c);
enum err run_context_use(struct cli *c);
enum err run_enroll_csr(struct cli *c);
enum err run_enroll_pfx(struct cli *c);
enum err run_help(struct cli *c);
enum err run_issue(struct cli *c);
enum err run_login(struct cli *c);
enum err run_logout(struct cli *c);
enum err run_needs_renewal(struct cli *c);
enum err run_offline_crl(struct cli *c);
enum err run_offline_init(struct cli *c);
enum err run_offline_sign(struct cli *c);
enum err run_recover(struct cli *c);
enum err run_renew(struct cli *c);
enum err run_revoke(struct cli *c);
enum err run_search(struct cli *c);
enum err run_status(struct cli *c);
enum err run_templates_list(struct cli *c);
enum err run_templates_show(struct cli *c);
enum err run_providers_list(struct cli *c);
enum err run_providers_test(struct cli *c);
enum err run_users_create(struct cli *c);
enum err run_users_delete(struct cli *c);
enum err run_users_list(struct cli *c);
enum err run_users_password(struct cli *c);
enum err run_users_show(struct cli *c);
enum err run_users_switch(struct cli *c);
enum err run_version(struct cli *c);
enum err run_whoami(struct cli *c);

#endif
