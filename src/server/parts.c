#include "server/parts.h"

#include "access/principals.h"
#include "acme/acme.h"
#include "acme/judge.h"
#include "audit/checkpoint.h"
#include "backup/ship.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "catalog/metadata.h"
#include "net/reach.h"
#include "pki/key_pool.h"
#include "seal/keyring.h"
#include "seal/private_file.h"
#include "seal/reference.h"
#include "server/installation.h"
#include "server/master.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum err
make_dir(struct scope *s, const char *path)
{
    struct stat st;

    TRY(file_make_dir(s, path));
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return fail(s, E_INVALID, "%s is no directory", path);
    return OK;
}

static const char *
in_data(struct scope *s, const struct parts *p, const char *name)
{
    return installation_path(s->arena, p->set, name);
}

/** Where the file PATH really is; one that there is not yet is where it is said to be. */
static const char *
real_path(struct scope *s, const char *path)
{
    char *found = realpath(path, NULL);
    const char *out = found ? arena_text(s->arena, found) : path;

    free(found);
    return out;
}

enum err
directory_lock(struct scope *s, const char *path, int *out)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        (void)close(fd);
        return fail_code(s, E_CONFLICT, CHY_DB_UNAVAILABLE,
                         "another chancery works in %s; one at a time may", path);
    }
    *out = fd;
    return OK;
}

const char *
directory_of_database(struct scope *s, const char *url)
{
    const char *path = text_starts(url, "sqlite:") ? real_path(s, url + strlen("sqlite:")) : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;

    if (!path)
        return NULL;
    return slash ? arena_text_n(s->arena, path, (size_t)(slash - path) + 1) : ".";
}

/**
 * One process at a time on the directory of an SQLite database: its writer, and jobs whose lease
 * nobody else can hold. Gone with the process, however it ends.
 */
static enum err
lock_directory(struct scope *s, struct parts *p, const char *url)
{
    const char *dir = directory_of_database(s, url);
    int fd = -1;

    if (!dir || p->directory)
        return OK;
    TRY(directory_lock(s, dir, &fd));
    p->directory = MAX(fd, 0); /* what is wrong with it is told when the database is opened */
    return OK;
}

static enum err
open_stores(struct scope *s, struct parts *p)
{
    struct scope *own = p->scope;
    const struct server_settings *set = p->set;
    const char *url = installation_db(own->arena, set);
    struct db_options db = { .lanes = (int)set->db->lanes,
                             .readers = (int)set->db->readers,
                             .vfs = text_empty(set->db->vfs) ? NULL : set->db->vfs,
                             .keep_log = !text_empty(set->backup->ship->dir) };

    bool sealed;

    TRY(note(s, lock_directory(s, p, url), "the database"));
    TRY(note(s, db_open(s, url, &db, &p->app.db), "the database"));
    if (!p->restoring)
        TRY(installation_settled(s, p->app.db));
    TRY(keyring_any(s, p->app.db, &sealed)); /* a new master key beside old secrets helps nobody */
    return note(s, master_open(s, set, NULL, !sealed, &p->app.seal), "the master key");
}

static enum err
open_access(struct scope *s, struct parts *p)
{
    const struct access_settings *set = p->set->access;
    struct access_options access = { .issuer = p->url,
                                     .token_ms = set->token_life,
                                     .lock_after = (int)set->lock_after,
                                     .lock_ms = set->lock_time,
                                     .domain = text_empty(set->domain) ? NULL : set->domain };
    struct rate_options rate = { .per_principal = (int)set->rate_per_caller,
                                 .per_address = (int)set->rate_per_address };

    TRY(logins_take(s, p, set, &access));
    p->app.rate = rate_new(&rate);
    return access_open(s, p->app.db, p->app.seal, &access, &p->app.access);
}

/* Of so many threads that answer everything, anonymous requests never hold more than a quarter. */
static int
ocsp_waiting(int64_t workers)
{
    return workers ? (int)MIN(MAX(workers / 4, 1), OCSP_WAITING) : OCSP_WAITING;
}

static enum err
open_office(struct scope *s, struct parts *p)
{
    const struct pki_settings *set = p->set->pki;
    struct ca_options o = {
        .db = p->app.db,
        .seal = p->app.seal,
        .key_dir = in_data(p->scope, p, "keys"),
        .base_url = p->base_url,
        .crl_url = set->crl_url,
        .ocsp_url = set->ocsp_url,
        .name = set->name,
        .root_key = set->root_key,
        .issuing_key = set->issuing_key,
        .root_key_uri = set->root_key_uri,
        .issuing_key_uri = set->issuing_key_uri,
        .hsm = &p->hsm,
        .root_life_ms = set->root_life,
        .issuing_life_ms = set->issuing_life,
        .crl_interval_ms = set->crl_interval,
        .crl_delay_ms = set->crl_delay,
        .ocsp_life_ms = set->ocsp_life,
        .ocsp_cache_bytes = set->ocsp_cache,
        .ocsp_waiting = ocsp_waiting(p->set->listen->workers),
        .ocsp_itself = set->ocsp_signer == 1,
        .strict_journal = text_eq_fold(set->signing_journal, "strict"),
        .signed_dir = installation_signed(p->scope->arena, p->set),
    };

    p->hsm = installation_hsm(p->set);
    p->blocked = blocklist_new();
    LIST_EACH(const char *, path, &set->blocked_keys)
    TRY(note(s, blocklist_add_file(s, p->blocked, *path), "pki.blocked_keys"));
    return ca_office_open(s, &o, &p->app.office);
}

enum err
parts_make_dirs(struct scope *s, struct parts *p)
{
    TRY(make_dir(s, p->set->data_dir));
    TRY(installation_whole(s, p->set));
    return make_dir(s, in_data(p->scope, p, "keys"));
}

/* Our own listeners: no proof may end up there. */
static void
add_own(struct scope *s, struct parts *p, int listener, struct list *out)
{
    const char *address = http_server_address(p->http, listener);
    const char *colon = address ? strrchr(address, ':') : NULL;
    struct endpoint *own;
    int64_t port;
    size_t len;

    if (!colon || !text_to_int(colon + 1, &port))
        return;
    own = list_push(s->arena, out, struct endpoint);
    len = (size_t)(colon - address);
    if (*address == '[') {
        address++;
        len -= 2;
    }
    own->port = (int)port;
    if (network_read(s, arena_text_n(s->arena, address, len), &own->address) != OK)
        out->count--;
}

static enum err
open_acme(struct scope *s, struct parts *p)
{
    struct list own = { 0 };
    struct acme_options o = { .db = p->app.db,
                              .seal = p->app.seal,
                              .flow = &p->app.flow,
                              .set = p->set->acme,
                              .own = &own,
                              .https_url = p->url ? p->url : "https://127.0.0.1",
                              .alone = db_kind(p->app.db) == DB_SQLITE };

    if (p->http) {
        add_own(s, p, ON_HTTPS, &own);
        add_own(s, p, ON_HTTP, &own);
    }
    TRY(note(s, acme_open(s, &o, &p->app.acme), "ACME"));
    p->app.flow.judge_again = acme_request_judge;
    p->app.flow.judge_arg = p->app.acme;
    return OK;
}

enum err
parts_open(struct scope *s, struct parts *p, const struct options *o)
{
    p->options = o;
    p->app.version = PROGRAM_VERSION;
    p->app.product_version = p->set->command->product_version;
    p->app.started = clock_now();
    p->app.ready = server_ready;
    TRY(open_stores(s, p));
    TRY(open_access(s, p));
    TRY(open_office(s, p));
    TRY(template_built_in(s, p->app.db));
    TRY(template_shelf_open(s, p->app.db, &p->app.shelf));
    p->app.keys = (struct made_keys){ .without_csr = p->set->keys->without_csr,
                                      .pfx_legacy = p->set->keys->pfx_legacy,
                                      .password_min = p->set->keys->password_min };
    p->key_pool = key_pool_new((int)p->set->keys->ahead);
    p->app.flow = (struct flow){ .db = p->app.db,
                                 .seal = p->app.seal,
                                 .key_pool = p->key_pool,
                                 .office = p->app.office,
                                 .shelf = p->app.shelf,
                                 .access = p->app.access,
                                 .metadata_make = p->set->metadata->unknown == METADATA_CREATE,
                                 .blocked = p->blocked,
                                 .recovery = { .approval = p->set->keys->recovery_approval,
                                               .wait_ms = p->set->keys->recovery_wait,
                                               .take_ms = p->set->keys->recovery_take } };
    TRY(metadata_shelf_open(s, p->app.db, &p->app.flow.fields));
    return open_acme(s, p);
}

void
parts_close(struct parts *p)
{
    acme_close(p->app.acme);
    key_pool_free(p->key_pool);
    metadata_shelf_free(p->app.flow.fields);
    template_shelf_close(p->app.shelf);
    ca_office_close(p->app.office);
    blocklist_free(p->blocked);
    access_close(p->app.access);
    rate_free(p->app.rate);
    ship_stop(p->ship);
    db_close(p->app.db);
    ship_free(p->ship);
    seal_close(p->app.seal);
    secret_free(p->own.key);
    if (p->directory)
        (void)close(p->directory);
}

enum err
parts_first_user(struct scope *s, struct parts *p, const char *name, const char *password)
{
    struct user user = { .account = name, .enabled = { true, true }, .roles_given = true };
    struct user have;
    enum err e = user_find(s, p->app.access, name, &have);

    if (e != E_NOT_FOUND)
        return e;
    list_add(s->arena, &user.roles, const char *, ROLE_ADMINISTRATOR);
    return user_add(s, p->app.access, &caller_system, &user, password, NULL);
}

/* Twenty letters and digits that are not mistaken for one another: about 114 bits. */
static const char *
password_new(struct arena *a)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    char *out = arena_alloc(a, 21);

    for (int i = 0; i < 20; i++)
        out[i] = letters[random_below(sizeof(letters) - 1)];
    return out;
}

SQL(dev_user, "UPDATE app_user SET rate_exempt = 1 WHERE login = $1");
SQL(dev_client, "UPDATE oauth_client SET rate_exempt = 1 WHERE client_id = $1");

/* Whoever tries things on a throw-away server need not wait for a minute. */
static enum err
exempt_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct parts *p = arg;

    TRY(tx_do(s, tx, &dev_user, BIND(v_text(text_fold(s->arena, p->admin_user)))));
    return tx_do(s, tx, &dev_client, BIND(v_text(p->client_id)));
}

/* A --dev installation on a kept directory remembers its own first login there. */
static enum err
dev_login(struct scope *s, struct parts *p)
{
    struct arena *a = p->scope->arena;
    struct oauth_client have,
        client = { .client_id = "dev", .enabled = { true, true }, .roles_given = true };
    const char *path = in_data(p->scope, p, "dev-login");
    AUTO(secret_free) struct secret *kept = NULL;
    const char *made, *sealed;
    char text[2048] = { 0 };
    struct json *j;
    struct buf b;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        ssize_t got = read(fd, text, sizeof(text) - 1);

        (void)close(fd);
        if (got <= 0)
            return fail(s, E_INVALID, "%s is empty", path);
        TRY(note(s, secret_resolve(s, p->app.seal, text_trim(s->arena, text), &kept), "%s", path));
        TRY(json_parse(s, secret_bytes(kept), &j));
        p->admin_user = arena_text(a, json_str(json_get(j, "user")));
        p->admin_password = arena_text(a, json_str(json_get(j, "password")));
        p->client_id = arena_text(a, json_str(json_get(j, "client_id")));
        p->client_secret = arena_text(a, json_str(json_get(j, "client_secret")));
    } else {
        p->admin_user = "admin";
        p->admin_password = password_new(a);
        p->client_id = "dev";
        p->client_secret = arena_printf(a, "%s%s", password_new(a), password_new(a));
        buf_init_in(&b, s->arena, sizeof(text));
        buf_printf(
            &b,
            "{\"user\":\"%s\",\"password\":\"%s\",\"client_id\":\"%s\",\"client_secret\":\"%s\"}",
            p->admin_user, p->admin_password, p->client_id, p->client_secret);
        TRY(seal_text(s, p->app.seal, buf_bytes(&b), &sealed));
        TRY(private_file_write(s, path, bytes_of_text(sealed), false));
    }
    TRY(parts_first_user(s, p, p->admin_user, p->admin_password));
    list_add(s->arena, &client.roles, const char *, ROLE_ADMINISTRATOR);
    client.client_id = p->client_id;
    if (client_find(s, p->app.access, p->client_id, &have) != OK)
        TRY(client_add(s, p->app.access, &caller_system, &client, p->client_secret, NULL, &made));
    return db_write(s, p->app.db, exempt_in, p);
}

enum err
parts_first_run(struct scope *s, struct parts *p)
{
    TRY(ca_first_run(s, p->app.office, NULL));
    if (ocsp_rotate(s, p->app.office) != OK) /* its job goes on trying, and the rest can work */
        scope_clear(s);
    TRY(ca_keys_watch(s, p->app.office));
    if (ca_strict_journal(p->app.office))
        TRY(journal_burn(s, p->app.office));
    return p->options->dev ? dev_login(s, p) : OK;
}
