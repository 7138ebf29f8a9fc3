/* `chancery init`: the first run without a server, for packages and scripts; doing it twice changes
 * nothing. */
#include "server/server.h"

#include "access/password.h"
#include "access/principals.h"
#include "base/log.h"
#include "codec/json.h"
#include "seal/reference.h"
#include "server/advice.h"
#include "server/parts.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char server_init_usage[] =
    "Set up an installation: database, authorities, first user.\n"
    "\n"
    "Doing it again changes nothing, but for an administrator of another name, whom it adds.\n"
    "\n"
    "usage: chancery init --admin-user NAME --admin-password-file FILE --url URL\n"
    "                     [--config FILE] [--data-dir DIR] [--db URL] [--ca-name NAME] [--set "
    "KEY=VALUE]...\n"
    "                     [--ca embedded] [-o json]\n"
    "\n"
    "  --admin-user NAME           the first user, an administrator\n"
    "  --admin-password-file FILE  their password, in a file that nobody else may read\n"
    "  --ca-name NAME              makes \"NAME Root CA\" and \"NAME Issuing CA 1\"\n"
    "  --url URL                   the server's address; addresses in certificates begin with it,\n"
    "                              by http: http://pki.example.com\n"
    "  --ca embedded               which kind of authority; there is one\n"
    "  -o json                     the summary as JSON\n";

/** The first user's name and password, judged before anything is made. */
static enum err
first_login(struct scope *s, const struct options *o, struct secret **out)
{
    const char *domain, *login;

    if (!o->admin_user)
        return OK;
    account_judge(s, "--admin-user", o->admin_user, &domain, &login);
    TRY(problems_check(s));
    if (!o->admin_password_file)
        return fail_code(s, E_INVALID, CHY_USAGE, "--admin-user needs --admin-password-file");
    TRY(secret_resolve(s, NULL, arena_printf(s->arena, "file:%s", o->admin_password_file), out));
    password_judge(s, "--admin-password-file", (const char *)(*out)->data);
    return problems_check(s);
}

static enum err
set_up(struct scope *s, struct parts *p, const struct options *o)
{
    AUTO(secret_free) struct secret *password = NULL;
    const char *url = p->set->pki->base_url;

    if (text_empty(url) || (!text_starts(url, "http://") && !text_starts(url, "https://")))
        return fail_code(s, E_INVALID, CHY_USAGE,
                         "--url must say what addresses in certificates begin with: http://...");
    p->url = p->base_url = url;
    if (text_starts(url, "https://")) /* whoever checks revocation for TLS cannot use TLS for it */
        p->base_url = arena_printf(p->scope->arena, "http://%s", url + strlen("https://"));
    TRY(first_login(s, o, &password));
    TRY(parts_make_dirs(s, p));
    TRY(parts_open(s, p, o));
    TRY(parts_first_run(s, p));
    return password ? parts_first_user(s, p, o->admin_user, (const char *)password->data) : OK;
}

static void
summarise_json(const struct parts *p, const struct options *o)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(p->app.office);
    AUTO(buf_done) struct buf b;
    size_t n = 0;

    buf_init(&b, (size_t)1 << 20);
    buf_text(&b, "{\"authorities\":[");
    LIST_EACH(struct ca_authority *, a, &snap->authorities)
    {
        buf_text(&b, n++ ? "," : "");
        json_text(&b, (*a)->name);
    }
    buf_text(&b, "],\"user\":");
    json_text(&b, o->admin_user);
    buf_text(&b, ",\"data_dir\":");
    json_text(&b, p->set->data_dir);
    buf_text(&b, ",\"url\":");
    json_text(&b, p->base_url);
    buf_byte(&b, '}');
    (void)puts(buf_str(&b) ? buf_str(&b) : "{}");
}

static void
summarise(const struct parts *p, const struct options *o)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(p->app.office);

    LIST_EACH(struct ca_authority *, a, &snap->authorities)
    (void)printf("authority  %s\n", (*a)->name);
    if (o->admin_user)
        (void)printf("user       %s\n", o->admin_user);
    (void)printf("data       %s\n", p->set->data_dir);
}

int
server_init(int argc, char **argv)
{
    AUTO(scope_free) struct scope *s = scope_new("init");
    AUTO(settings_unref) struct settings *settings = NULL;
    struct parts *p;
    struct options o;
    enum err e;

    (void)umask(0077);
    log_setup(LOG_TEXT, LOG_WARN, STDERR_FILENO);
    if (options_read(s, argc, argv, &o) != OK) {
        (void)fprintf(stderr, "error: %s\n%s", s->error.text, server_init_usage);
        return 2;
    }
    if (o.help) {
        (void)fputs(server_init_usage, stdout);
        return 0;
    }
    if (options_load(s, &o, &settings) != OK) {
        (void)fprintf(stderr, "error: the settings cannot be used: %s\n", s->error.text);
        return 2;
    }
    p = mem_alloc(sizeof(*p));
    p->scope = scope_new("init");
    p->settings = settings;
    p->set = settings_root(settings);
    e = set_up(s, p, &o);
    if (e == OK && text_eq(o.output, "json")) {
        summarise_json(p, &o);
    } else if (e == OK) {
        summarise(p, &o);
    } else {
        (void)fprintf(stderr, "error: not set up: %s\n",
                      s->error.text ? s->error.text : err_name(e));
        advice_print(s);
    }
    parts_close(p);
    scope_free(p->scope);
    mem_free(p);
    return e == OK ? 0 : e == E_INVALID ? 2 : 1;
}
