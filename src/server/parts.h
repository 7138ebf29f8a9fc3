/** Parts: what a server is made of, opened in order and closed in reverse; for the files of this
 * folder. */
#ifndef SERVER_PARTS_H
#define SERVER_PARTS_H

#include "face/face.h"
#include "jobs/jobs.h"
#include "jobs/outbox.h"
#include "server/options.h"

#define SETTINGS_TEXT_MAX ((size_t)1024 * 1024)
#define CA_FILE_MAX ((size_t)1024 * 1024) /* of authorities of TLS peers, PEM */

struct follower;
struct ship;

struct own_certificate {
    const char *chain_pem;      /* in its scope's arena */
    struct secret *key;         /* PKCS#8 */
    struct when from, renew_at; /* outside of them a new one is made */
    struct when until;          /* its end */
    int64_t ask_at_ms;          /* of clock_mono_ms(): until then no other is asked for */
    bool self_signed;           /* for want of an authority: root.pem holds it, too */
};

struct parts {
    struct app app; /* first: what handlers and jobs get */
    const struct options *options;
    struct settings *settings;
    const struct server_settings *set;
    struct scope *scope; /* owns texts that live as long as the server */
    struct http_server *http;
    struct jobs *jobs, *acme_jobs;
    struct follower *follower;
    struct ship *ship; /* NULL: the log is not copied */
    struct blocklist *blocked;
    struct hsm_options hsm;
    struct key_pool *key_pool;
    struct face *command, *rest;
    const char *url, *http_url, *base_url, *root_pem_path;
    const char *admin_user, *admin_password, *client_id,
        *client_secret; /* of a fresh --dev installation */
    struct bytes openapi, openapi_command, openapi_rest;
    struct own_certificate own;
    const char
        *client_ca; /* PEM: whose client certificates are welcome; NULL: none are asked for */
    _Atomic bool started, draining;
    bool restoring; /* what is there is being restored by this very process */
    int directory;  /* of an SQLite database, locked, maybe before parts_open(); 0: none */
};

/** The data directory and those in it, mode 0700; before anything else. */
enum err parts_make_dirs(struct scope *s, struct parts *p);
/** One directory, mode 0700, unless it is there. @return E_INVALID: it is no directory */
enum err make_dir(struct scope *s, const char *path);
/** Have the directory PATH alone, until OUT is closed and for no longer than this process lives;
 * OUT is -1 when it cannot be opened. @return E_CONFLICT: another process has it */
enum err directory_lock(struct scope *s, const char *path, int *out);
/** The directory that the SQLite database of URL is in; NULL: it is none. */
const char *directory_of_database(struct scope *s, const char *url);
/** Master key, database, users, authorities, templates: everything but the network. */
enum err parts_open(struct scope *s, struct parts *p, const struct options *o);
void parts_close(struct parts *p);
/** Who else may log people in by SET, as access_open() and access_trust() take it; what is wrong is
 * told with its place. */
enum err logins_take(struct scope *s, struct parts *p, const struct access_settings *set,
                     struct access_options *out);
/** How long the head of a request may be: a Kerberos ticket may list many groups. */
size_t logins_head_max(const struct access_settings *set);
/** First run: authorities, built-in templates; with DEV also a user and a client. */
enum err parts_first_run(struct scope *s, struct parts *p);
/** The first user, when there is none: NAME with PASSWORD, Administrator. */
enum err parts_first_user(struct scope *s, struct parts *p, const char *name, const char *password);

/** The route of every request of this server. */
const struct http_route *server_route(struct http_request *http);
/** What belongs to the reply to a request that has no route, such as a malformed one. */
void server_refuse(struct http_request *http, int status);
/** Is the server ready? FAILING receives the names of failing checks as JSON texts with commas
 * between. */
bool server_ready(struct scope *s, struct app *app, struct buf *failing);

/** Load the configured certificate, or make one of our own CA for the names this server has. */
enum err own_certificate_make(struct scope *s, struct parts *p);
/** Make a new one when it is time. */
enum err own_certificate_renew(struct scope *s, struct parts *p);

/** Bring the register's totals into the metrics. */
enum err gauges_refresh(struct scope *s, struct db *db);

/** Follow the events of all servers until stop: forget OCSP answers, read authorities and templates
 * anew. */
enum err follower_start(struct scope *s, struct parts *p, struct follower **out);
void follower_stop(struct follower *f);

#endif
