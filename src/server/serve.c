/* `chancery serve`: open everything, answer, and end in good order. */
#include "server/server.h"

#include "acme/acme.h"
#include "acme/rules.h"
#include "acme_face/acme_face.h"
#include "audit/checkpoint.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "catalog/text_index.h"
#include "command/command.h"
#include "face/document.h"
#include "flow/keys.h"
#include "net/notify.h"
#include "rest/rest.h"
#include "server/advice.h"
#include "server/installation.h"
#include "server/parts.h"
#include "server/upkeep.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A job of a server that died is taken up by then: a CRL must be there 10 s after a revocation. */
#define LEASE_MS (5 * SECOND_MS)

GAUGE(build_info, "chancery_build_info", "The program.", "version", "db_backend");
GAUGE(start_time, "chancery_start_timestamp_seconds",
      "When the server started, in seconds since 1970.");

const char server_serve_usage[] =
    "Run the server.\n"
    "\n"
    "usage: chancery serve [--config FILE] [--dev] [--data-dir DIR] [--listen A:P] [--http-listen "
    "A:P]\n"
    "                      [--db URL] [--url URL] [--set KEY=VALUE]... [--ready-file FILE] "
    "[--check]\n"
    "\n"
    "  --config FILE       settings, YAML or JSON (default /etc/chancery/chancery.yaml)\n"
    "  --dev               a throw-away server on loopback, with a CA and a first user of its own\n"
    "  --data-dir DIR      where its files are; with --dev kept, instead of thrown away\n"
    "  --listen A:P        the HTTPS listener; port 0: any free one\n"
    "  --http-listen A:P   the HTTP listener for CRL, OCSP and CA certificates\n"
    "  --db URL            sqlite:PATH or postgresql://...\n"
    "  --url URL           what addresses in certificates begin with\n"
    "  --set KEY=VALUE     any setting; see `chancery config show`\n"
    "  --ready-file FILE   gets one JSON object as soon as the server answers\n"
    "  --check             check the settings and end\n";

static void
apply_log(const struct server_settings *set)
{
    log_setup((enum log_form)set->log->form, (enum log_level)set->log->level, STDOUT_FILENO);
}

static char *
read_text(struct arena *a, const char *path)
{
    char *text = arena_alloc(a, 1024);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, 1023) : -1;

    if (fd >= 0)
        (void)close(fd);
    return got > 0 ? text : NULL;
}

/* A kept data directory reuses its ports, so that addresses inside certificates stay true. */
static const char *
kept_address(struct scope *s, const struct parts *p, const char *asked, const char *which)
{
    const char *path = arena_printf(s->arena, "%s/%s.address", p->set->data_dir, which);
    char *kept;

    if (!text_ends(asked, ":0"))
        return asked;
    kept = read_text(s->arena, path);
    return kept ? text_trim(s->arena, kept) : asked;
}

static enum err
keep_address(struct scope *s, const struct parts *p, const char *address, const char *which)
{
    const char *path = arena_printf(s->arena, "%s/%s.address", p->set->data_dir, which);

    return address ? file_write(s, path, bytes_of_text(address), 0600) : OK;
}

/** The authorities whose client certificates are welcome; NULL: none are asked for. */
static enum err
client_authorities(struct scope *s, const struct listen_settings *set, const char **pem)
{
    struct bytes text = { 0 };

    if (!text_empty(set->client_ca))
        TRY(note(s, file_read(s, set->client_ca, CA_FILE_MAX, &text), "listen.client_ca"));
    *pem = (const char *)text.data;
    return OK;
}

static enum err
bind_listeners(struct scope *s, struct parts *p)
{
    const struct listen_settings *set = p->set->listen;
    struct http_server_options o = {
        .https = text_empty(set->https) ? NULL : kept_address(s, p, set->https, "https"),
        .http = text_empty(set->http) ? NULL : kept_address(s, p, set->http, "http"),
        .route = server_route,
        .refuse = server_refuse,
        .app = p,
        .loops = (int)set->loops,
        .workers = { [POOL_MAIN] = (int)set->workers, [POOL_SLOW] = (int)set->slow_workers },
        .queue_max = (int)set->queue,
        .conns_max = (int)set->connections,
        .conns_per_address = (int)set->connections_per_address,
        .head_max = logins_head_max(p->set->access),
        .head_ms = set->head_ms,
        .body_ms = set->body_ms,
        .idle_ms = set->idle_ms,
        .handshake_ms = set->handshake_ms,
        .access_log = p->set->log->access,
        .access_log_every = 100,
    };
    struct arena *a = p->scope->arena;

    TRY(http_server_new(s, &o, &p->http));
    p->url = arena_printf(a, "https://%s", http_server_address(p->http, ON_HTTPS));
    p->http_url =
        o.http ? arena_printf(a, "http://%s", http_server_address(p->http, ON_HTTP)) : NULL;
    p->base_url = !text_empty(p->set->pki->base_url) ? p->set->pki->base_url : p->http_url;
    if (!p->base_url)
        return fail_code(
            s, E_INVALID, CHY_BAD_SETTINGS,
            "pki.base_url: is needed when there is no HTTP listener: certificates point to it");
    if (!text_starts(p->base_url, "http://"))
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS,
                         "pki.base_url: must begin with http://, because clients need revocation "
                         "to check https");
    return OK;
}

/** For the next start, and for others who look for this server. */
static enum err
keep_addresses(struct scope *s, const struct parts *p)
{
    TRY(keep_address(s, p, http_server_address(p->http, ON_HTTPS), "https"));
    return keep_address(s, p, http_server_address(p->http, ON_HTTP), "http");
}

/* Jobs. */

static enum err
checkpoint_job(struct scope *s, void *app, const struct job *job UNUSED)
{
    struct app *a = app;

    return audit_checkpoint(s, a->db, a->seal, NULL);
}

static const struct job_kind checkpoint_kind = {
    .kind = AUDIT_CHECKPOINT_JOB,
    .run = checkpoint_job,
    .doc = "Sign what the audit chains have grown by.",
    .every = "60s",
};
static enum err
keys_job(struct scope *s, void *app, const struct job *job)
{
    struct app *a = app;
    int64_t count = 1;

    while (count > 0 && !job_should_stop(job))
        TRY(keys_expire(s, &a->flow, &count));
    return OK;
}

static const struct job_kind keys_cleanup_kind = {
    .kind = "keys.cleanup",
    .run = keys_job,
    .doc = "Destroy private keys that were kept as long as their templates say.",
    .every = "1h",
};
static const struct job_kind *const job_kinds[] = {
    &crl_publish_kind,   &crl_plan_kind,        &ocsp_rotate_kind,
    &ocsp_ahead_kind,    &ca_keys_kind,         &ca_adopt_kind,
    &checkpoint_kind,    &jobs_cleanup_kind,    &rest_cleanup_kind,
    &keys_cleanup_kind,  &acme_cleanup_kind,    &audit_retain_kind,
    &request_issue_kind, &requests_expire_kind, &archive_kind,
    &backup_kind,        &text_index_kind,      NULL
};

/* These wait for strangers, so they have runners of their own. */
#define ACME_RUNNERS 32
static const struct job_kind *const acme_job_kinds[] = { &acme_validate_kind, &acme_finalize_kind,
                                                         NULL };
/* The same of a server that leaves connections to others. */
static const struct job_kind *const acme_inner_kinds[] = { &acme_finalize_kind, NULL };

/* Somebody should know of a job that nobody will try again. */
static enum err
job_given_up(struct scope *s, struct tx *tx, void *app UNUSED, const struct job *job,
             const char *why)
{
    struct audit_change facts[] = { { "kind", NULL, job->kind, AUDIT_IS_TEXT },
                                    { "why", NULL, why, AUDIT_IS_TEXT } };

    log_error(s, "job %lld (%s) is given up: %s", (long long)job->id, job->kind, why ? why : "");
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_JOB_FAILED,
            .outcome = AUDIT_FAILURE,
            .target = { "job", arena_printf(s->arena, "%lld", (long long)job->id), job->kind },
            .changes = facts,
            .change_count = COUNT(facts),
        });
}

/* Starts and ends are evidence, too. */
struct milestone {
    enum audit_action action;
    const struct parts *parts;
};

static enum err
milestone_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct milestone *m = arg;

    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = m->action,
                         .target = { "server", m->parts->app.version, m->parts->url },
                     });
}

static enum err
record(struct scope *s, const struct parts *p, enum audit_action action)
{
    return db_write(s, p->app.db, milestone_in, &(struct milestone){ action, p });
}

static const char *
acme_directory(struct scope *s, const struct parts *p)
{
    const struct acme_endpoint *ep = acme_endpoint(s, p->app.acme, "");

    return ep ? acme_url(s->arena, ep, "directory", NULL) : NULL;
}

/* Templates are edited while servers run: one that is closed to ACME keeps none from starting. */
static void
warn_of_acme_template(struct scope *s, const struct parts *p)
{
    const struct acme_endpoint *ep = acme_endpoint(s, p->app.acme, "");

    if (ep && acme_rules_template(s, p->app.acme, ep) != OK) {
        log_warn(s, "acme.template: %s", s->error.text);
        scope_clear(s);
    }
}

/* What the server says once it answers. */
static enum err
write_ready_file(struct scope *s, const struct parts *p)
{
    const char *path = p->options->ready_file;
    struct {
        const char *name, *value;
    } texts[] = {
        { "url", p->url },
        { "http_url", p->http_url },
        { "ca", p->root_pem_path },
        { "user", p->admin_user },
        { "password", p->admin_password },
        { "client_id", p->client_id },
        { "client_secret", p->client_secret },
        { "data_dir", p->set->data_dir },
        { "acme_directory", acme_directory(s, p) },
    };
    struct buf b;

    if (!path)
        return OK;
    buf_init_in(&b, s->arena, 65536);
    buf_printf(&b, "{\"pid\":%d", (int)getpid());
    for (size_t i = 0; i < COUNT(texts); i++)
        if (texts[i].value) {
            buf_printf(&b, ",\"%s\":", texts[i].name);
            json_text(&b, texts[i].value);
        }
    buf_text(&b, "}\n");
    return file_write(s, path, buf_bytes(&b), 0600);
}

static void
greet(const struct parts *p)
{
    if (!p->options->dev || (p->options->ready_file && !isatty(STDERR_FILENO)))
        return; /* a program that reads the ready file needs no greeting */
    (void)fprintf(stderr,
                  "\nChancery is running.\n"
                  "  address    %s\n"
                  "  CRL, OCSP  %s\n"
                  "  user       %s\n"
                  "  password   %s\n"
                  "  root CA    %s\n"
                  "  data       %s%s\n\n"
                  "A first certificate, in another terminal:\n"
                  "  export CHANCERY_SERVER=%s CHANCERY_CACERT=%s\n"
                  "  export CHANCERY_USERNAME=%s CHANCERY_PASSWORD='%s'\n"
                  "  build/chancery issue --issuer ca --dns localhost --out localhost.pem "
                  "--key-out localhost.key\n\n",
                  p->url, p->http_url ? p->http_url : "-", p->admin_user, p->admin_password,
                  p->root_pem_path, p->set->data_dir,
                  p->options->temporary ? " (removed at the end)" : "", p->url, p->root_pem_path,
                  p->admin_user, p->admin_password);
}

static void
allow_metrics(struct parts *p)
{
    struct list all = { 0 };

    LIST_EACH(const char *, network, &p->set->metrics->allow)
    list_add(p->scope->arena, &all, const char *, arena_text(p->scope->arena, *network));
    list_add(p->scope->arena, &all, const char *, NULL);
    p->app.metrics_allow = all.items;
}

static enum err
start_faces(struct parts *p)
{
    const struct openapi about = {
        .title = "Chancery",
        .version = "0.1.0",
        .doc = "The Command API under /KeyfactorAPI, our own under /api/v1.",
        .base = "",
        .error = &command_error_model
    };
    const struct face *faces[2];

    p->app.command = p->command = face_open(&command_face, &p->app);
    p->app.rest = p->rest = face_open(&rest_face, &p->app);
    faces[0] = p->command;
    faces[1] = p->rest;
    TRY(face_document(p->scope, faces, COUNT(faces), &about, &p->openapi));
    p->openapi_command = p->openapi_rest = p->openapi;
    return OK;
}

/* Started in this order: listeners are bound before the first certificate is made, and answer last.
 */
static enum err
start(struct scope *s, struct parts *p, const struct options *o)
{
    struct jobs_options jobs = { .kinds = job_kinds,
                                 .app = &p->app,
                                 .version = p->app.version,
                                 .lease_ms = LEASE_MS,
                                 .given_up = job_given_up };

    p->options = o;
    TRY(parts_make_dirs(s, p));
    TRY(bind_listeners(s, p));
    TRY(parts_open(s, p, o));
    TRY(keep_addresses(s, p)); /* nobody else works here */
    TRY(parts_first_run(s, p));
    TRY(client_authorities(s, p->set->listen, &p->client_ca));
    p->client_ca = arena_text(p->scope->arena, p->client_ca);
    TRY(own_certificate_make(s, p));
    allow_metrics(p);
    TRY(note(s, start_faces(p), "the APIs"));
    jobs.alone = db_kind(p->app.db) == DB_SQLITE; /* its directory is locked */
    TRY(upkeep_ship(s, p));
    TRY(jobs_start(s, p->app.db, &jobs, &p->jobs));
    jobs.alone = false; /* what is leased now is ours */
    jobs.kinds = p->set->acme->validates ? acme_job_kinds : acme_inner_kinds;
    jobs.runners = ACME_RUNNERS;
    TRY(jobs_start(s, p->app.db, &jobs, &p->acme_jobs));
    if (p->set->acme->validates)
        acme_use_jobs(p->app.acme, p->acme_jobs);
    warn_of_acme_template(s, p);
    TRY(follower_start(s, p, &p->follower));
    TRY(record(s, p, AUDIT_SYSTEM_START));
    TRY(http_server_start(s, p->http));
    atomic_store(&p->started, true);
    metric_set(&build_info, 1, p->app.version,
               db_kind(p->app.db) == DB_SQLITE ? "sqlite" : "postgresql");
    metric_set(&start_time, (double)when_s(p->app.started));
    TRY(write_ready_file(s, p));
    notify_ready();
    log_event(s, LOG_INFO, "server.started", "the server answers", lf_text("url", p->url),
              lf_text("http_url", p->http_url), lf_text("version", p->app.version));
    greet(p);
    return OK;
}

static void
warn_of_settings(struct scope *s, const struct settings *settings)
{
    LIST_EACH(const char *, warning, settings_warnings(settings))
    log_warn(s, "%s", *warning);
}

/** Whether a reload puts KEY into force. */
static bool
is_reloaded(const char *key)
{
    static const char *const keys[] = { "log.",
                                        "metrics.",
                                        "access.rate_per_caller",
                                        "access.rate_per_address",
                                        "access.providers",
                                        "access.directories",
                                        "access.kerberos",
                                        "command.product_version",
                                        "audit.",
                                        "archive.",
                                        "requests.",
                                        "jobs.",
                                        "listen.certificate",
                                        "listen.client_ca",
                                        "listen.key" };

    for (size_t i = 0; i < COUNT(keys); i++)
        if (text_starts(key, keys[i]))
            return true;
    return false;
}

/** Say which changed settings wait for the next start. */
static void
warn_of_restart(struct scope *s, const struct settings *old, const struct settings *fresh)
{
    struct buf before, after;
    const char *was;
    char *line, *rest;

    buf_init_in(&before, s->arena, SETTINGS_TEXT_MAX);
    buf_init_in(&after, s->arena, SETTINGS_TEXT_MAX);
    buf_byte(&before, '\n');
    settings_show(&before, old, SETTINGS_LINES, false);
    settings_show(&after, fresh, SETTINGS_LINES, false);
    was = buf_str(&before);
    if (!was || !buf_str(&after))
        return;
    for (line = strtok_r((char *)after.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *whole = arena_printf(s->arena, "\n%s\n", line);

        if (strstr(was, whole))
            continue;
        line[strcspn(line, " =")] = '\0';
        if (!is_reloaded(line))
            log_warn(s, "%s changed: that takes effect at the next start", line);
    }
}

/* Another certificate, or one of our own again; other authorities of clients. What is in force
 * stays where they cannot be used. */
static enum err
reload_tls(struct scope *s, struct parts *p, bool given, const char *client_ca)
{
    const char *was = p->client_ca;
    enum err e;

    if (!given && text_empty(p->set->listen->certificate) && text_eq(was, client_ca))
        return OK;
    p->client_ca = arena_text(p->scope->arena, client_ca);
    e = own_certificate_make(s, p);
    if (e != OK)
        p->client_ca = was;
    return e;
}

/* SIGHUP: settings that can change at run time, and certificate files. */
static enum err
reload(struct scope *s, struct parts *p)
{
    bool given = !text_empty(p->set->listen->certificate);
    struct settings *fresh = NULL;
    const struct server_settings *set;
    struct rate_options rate;
    struct access_options logins = { 0 };
    const char *client_ca;

    TRY(options_load(s, p->options, &fresh));
    (void)arena_own(p->scope->arena, fresh,
                    settings_unref); /* threads may still read the old one */
    set = settings_root(fresh);
    TRY(logins_take(s, p, set->access, &logins)); /* first what may be wrong */
    TRY(client_authorities(s, set->listen, &client_ca));
    apply_log(set);
    warn_of_settings(s, fresh);
    warn_of_restart(s, p->settings, fresh);
    rate = (struct rate_options){ .per_principal = (int)set->access->rate_per_caller,
                                  .per_address = (int)set->access->rate_per_address };
    rate_set(p->app.rate, &rate);
    p->set = set;
    p->app.product_version = set->command->product_version;
    allow_metrics(p);
    TRY(note(s, seal_reload(s, p->app.seal), "the master key"));
    TRY(access_trust(s, p->app.access, &logins));
    http_server_head_max(p->http, logins_head_max(set->access));
    TRY(reload_tls(s, p, given, client_ca));
    TRY(ca_office_reload(s, p->app.office));
    TRY(templates_reload(s, p->app.shelf));
    log_event(s, LOG_INFO, "server.reloaded", "settings and certificates were read anew");
    return OK;
}

static void
reload_once(struct parts *p)
{
    AUTO(scope_free) struct scope *s = scope_new("server");

    notify_reloading();
    if (reload(s, p) != OK)
        log_failure(s, LOG_ERROR, "the reload failed; what was in force stays");
    notify_ready();
}

static void
wait_for_the_end(struct parts *p, const sigset_t *signals)
{
    int64_t beat = notify_watchdog_ms();
    int64_t wait_ms = beat ? MIN(beat, INT64_C(10000)) : 10000;
    struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000 };

    for (;;) {
        int sig = sigtimedwait(signals, NULL, &wait);

        notify_alive();
        if (sig == SIGHUP)
            reload_once(p);
        else if (sig == SIGTERM || sig == SIGINT)
            return;
    }
}

/* False when a job still runs: what it uses stays, and the process ends around it. */
static bool
stop(struct scope *s, struct parts *p)
{
    bool was_up = atomic_load(&p->started), quiet;

    atomic_store(&p->draining, true);
    notify_stopping();
    follower_stop(p->follower); /* it renews the listener's certificate */
    if (p->app.acme)
        acme_stop_waiting(p->app.acme);
    if (p->http)
        http_server_stop(p->http, p->set->listen->drain_ms);
    quiet = jobs_stop(p->acme_jobs, p->set->listen->drain_ms);
    quiet = jobs_stop(p->jobs, p->set->listen->drain_ms) && quiet;
    if (was_up && record(s, p, AUDIT_SYSTEM_STOP) != OK)
        log_failure(s, LOG_WARN, "the end could not be recorded");
    if (!quiet) {
        log_warn(s, "a job did not end in time; it runs again at the next start");
        return false;
    }
    face_close(p->command);
    face_close(p->rest);
    parts_close(p);
    return true;
}

static int
run(struct scope *s, const struct options *o, struct settings *settings)
{
    struct parts *p = mem_alloc(sizeof(*p));
    sigset_t signals;
    bool quiet;
    enum err e;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error of the write, not our end */
    p->scope = scope_new("server");
    p->settings = settings;
    p->set = settings_root(settings);
    warn_of_settings(s, settings);
    e = start(s, p, o);
    if (e == OK)
        wait_for_the_end(p, &signals);
    else
        log_failure(s, LOG_ERROR, "the server cannot start");
    quiet = stop(s, p);
    if (e == OK)
        log_event(s, LOG_INFO, "server.stopped", "the server ended");
    if (!quiet) {
        installation_remove(o->temporary);
        _exit(e == OK ? 0 : 1);
    }
    scope_free(p->scope);
    mem_free(p);
    return e == OK ? 0 : 1;
}

static int
load_and_run(struct scope *s, const struct options *o)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    int code;

    if (options_load(s, o, &settings) != OK) {
        (void)fprintf(stderr, "error: the settings cannot be used: %s\n", s->error.text);
        advice_print(s);
        return 2;
    }
    apply_log(settings_root(settings));
    if (o->check) {
        (void)puts("the settings are good");
        return 0;
    }
    code = run(s, o, settings);
    if (code) {
        (void)fprintf(stderr, "error: the server cannot start: %s\n",
                      s->error.text ? s->error.text : "");
        advice_print(s);
    }
    return code;
}

/** What a request took stays for the next one, up to 2 MiB for each of the allocator's arenas: a
 * page of a hundred certificates takes about one, and the kernel clears what it gives anew, page by
 * page. */
static void
keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 2 << 20);
}

int
server_serve(int argc, char **argv)
{
    AUTO(scope_free) struct scope *s = scope_new("server");
    struct options o;
    int code;

    (void)umask(0077);
    keep_memory();
    (void)notify_start();
    if (options_read(s, argc, argv, &o) != OK) {
        (void)fprintf(stderr, "error: %s\n%s", s->error.text, server_serve_usage);
        return 2;
    }
    if (o.help) {
        (void)fputs(server_serve_usage, stdout);
        return 0;
    }
    code = load_and_run(s, &o);
    installation_remove(o.temporary);
    return code;
}
