/* What settings mean beyond their types: judged before anything is opened, so that `config check`,
 * the start and a reload refuse the same things. */
#include "server/settings.h"

#include "access/domains.h"
#include "access/names.h"
#include "base/file.h"
#include "codec/settings.h"
#include "drivers/p11_uri.h"
#include "face/face.h"
#include "net/client.h"
#include "net/directory.h"
#include "pki/age.h"
#include "pki/key.h"
#include "seal/private_file.h"
#include "server/options.h"
#include "server/parts.h"

#include <string.h>

/** Settings on the way through their judgement. */
struct judge {
    struct scope *s;
    const struct settings *settings;
};

static void
wrong(const struct judge *j, const char *key, const char *why)
{
    const char *origin = settings_origin(j->settings, key);

    problem(j->s, "", CHY_BAD_SETTINGS, "%s: %s: %s", origin ? origin : "default", key, why);
}

/** `host:port` or `[v6]:port` or `:port`; empty: no listener. */
static bool
is_address(const char *text)
{
    const char *colon = text ? strrchr(text, ':') : NULL;
    int64_t port;

    if (text_empty(text))
        return true;
    return colon && text_to_int(colon + 1, &port) && port >= 0 && port <= 65535 &&
           !strpbrk(text, " \t\r\n/");
}

static bool
is_version(const char *text)
{
    int dots = 0;

    for (const char *p = text; *p; p++) {
        bool digit = *p >= '0' && *p <= '9';

        if (!digit && (*p != '.' || p == text || p[-1] == '.' || p[1] == '\0'))
            return false;
        dots += *p == '.';
    }
    return dots == 3;
}

static void
judge_key(const struct judge *j, const char *key, const char *value)
{
    struct key_spec spec;

    if (!key_spec_parse(value, &spec))
        wrong(j, key, "is no kind of key; ec-p256, ec-p384, rsa-3072, rsa-4096 and ed25519 are");
}

/* What is said of a URI never repeats it: a PIN may stand in it, where it does not belong. */
static void
judge_master(const struct judge *j, const struct server_settings *set)
{
    AUTO(scope_free) struct scope *quiet = scope_new("settings");
    const char *ref = set->seal->master_key;
    struct p11_uri uri;

    if (text_empty(ref) || !text_starts(ref, "pkcs11:"))
        return;
    if (p11_uri_parse_secret(quiet, ref, &uri) != OK)
        wrong(j, "seal.master_key", quiet->error.text);
    else if (uri.module_path || uri.pin_source)
        wrong(j, "seal.master_key",
              "module-path and pin-source are not taken from it: hsm.module and hsm.pin say them");
    else if (text_empty(set->hsm->module))
        wrong(j, "seal.master_key", "a key on a token wants a PKCS#11 module: hsm.module");
}

/* Paths of ours are put behind these addresses. */
static void
judge_acme(const struct judge *j)
{
    const struct acme_settings *set =
        ((const struct server_settings *)settings_root(j->settings))->acme;

    if (!text_empty(set->base_url) && !url_is_plain(j->s, set->base_url))
        wrong(j, "acme.base_url",
              "is no address such as https://pki.example.com, without user, query and fragment");
    LIST_EACH(const char *, former, &set->legacy_base_urls)
    if (!url_is_plain(j->s, *former))
        wrong(j, "acme.legacy_base_urls",
              arena_printf(j->s->arena, "\"%s\" is no address without user, query and fragment",
                           *former));
}

/* Who else may log people in
 * ---------------------------------------------------------------- */

/** A name is one provider's alone, whatever its kind: claims are bound to it, and accounts are kept
 * by it, a colon, and whom it knows. */
static void
name_judge(struct scope *s, const char *path, const char *name, struct list *names)
{
    const char *at = arena_printf(s->arena, "%s.name", path);

    if (text_has_control(name) || text_has_unseen(name) || text_has_blank_end(name))
        problem(s, at, CHY_BAD_VALUE,
                "no control character, none that nobody sees, and no blank at an end is in a name");
    if (strchr(name, ':'))
        problem(s, at, CHY_BAD_VALUE,
                "no colon is in a name: nobody could tell whose accounts are whose");
    if (name_is_ours(name))
        problem(s, at, CHY_BAD_VALUE, "\"%s\" is what this server calls itself, or its own users",
                name);
    LIST_EACH(const char *, other, names)
    {
        if (text_eq_fold(*other, name))
            problem(s, at, CHY_BAD_VALUE, "there is a provider \"%s\" already", name);
    }
    list_add(s->arena, names, const char *, name);
}

/** What tickets without a directory are bound to unless the settings say otherwise. */
static void
not_kerberos(struct scope *s, const char *path, const char *name)
{
    if (text_eq_fold(name, "kerberos"))
        problem(s, arena_printf(s->arena, "%s.name", path), CHY_BAD_VALUE,
                "\"%s\" stands for Kerberos tickets", name);
}

static void
providers_judge(struct scope *s, const struct list *providers, struct list *names)
{
    struct list issuers = { 0 };
    size_t n = 0;

    LIST_EACH(struct provider_settings, in, providers)
    {
        const char *path = arena_printf(s->arena, "access.providers[%zu]", n++);
        const char *issuer = arena_printf(s->arena, "%s.issuer", path);

        if (!text_starts_fold(in->issuer, "https://"))
            problem(s, issuer, CHY_BAD_VALUE, "an issuer is an https address");
        if (list_has(&issuers, in->issuer))
            problem(s, issuer, CHY_BAD_VALUE, "another provider is of this issuer already");
        list_add(s->arena, &issuers, const char *, in->issuer);
        if (!text_empty(in->jwks_url) && !text_starts_fold(in->jwks_url, "https://"))
            problem(s, arena_printf(s->arena, "%s.jwks_url", path), CHY_BAD_VALUE,
                    "keys are fetched by https");
        name_judge(s, path, in->name, names);
        not_kerberos(s, path, in->name);
    }
}

/** Each domain is one directory's. */
static void
domains_judge(struct scope *s, const char *path, const struct list *domains, struct list *known)
{
    size_t n = 0;

    LIST_EACH(const char *, domain, domains)
    {
        const char *at = arena_printf(s->arena, "%s.domains[%zu]", path, n++);

        if (text_empty(*domain) || strpbrk(*domain, "\\@ ") || text_has_control(*domain))
            problem(s, at, CHY_BAD_VALUE, "is no domain such as CONTOSO or contoso.com");
        LIST_EACH(const char *, other, known)
        if (text_eq_fold(*other, *domain))
            problem(s, at, CHY_BAD_VALUE, "the domain %s is named twice", *domain);
        list_add(s->arena, known, const char *, *domain);
    }
}

/** A template that never names the person would find somebody else. */
static void
template_judge(struct scope *s, const char *path, const char *name, const char *text,
               const char *word)
{
    if (!text_empty(text) && !strstr(text, word))
        problem(s, arena_printf(s->arena, "%s.%s", path, name), CHY_BAD_VALUE, "lacks %s", word);
}

/** A search filter (RFC 4515) is in brackets, and each that opens is closed. */
static void
filter_judge(struct scope *s, const char *path, const char *name, const char *text)
{
    const char *at = text;
    int depth = 0;

    if (text_empty(text))
        return;
    do
        depth += (*at == '(') - (*at == ')');
    while (*at++ && depth > 0);
    if (*text != '(' || depth != 0 || *at)
        problem(s, arena_printf(s->arena, "%s.%s", path, name), CHY_BAD_VALUE,
                "is no search filter in brackets such as (uid={login})");
}

static void
directory_judge(struct scope *s, const char *path, const struct directory_settings *in)
{
    struct directory_address to;
    size_t n = 0;

    LIST_EACH(const char *, url, &in->urls)
    {
        const char *at = arena_printf(s->arena, "%s.urls[%zu]", path, n++);

        if (strchr(*url, '[') && !strchr(*url, ']'))
            problem(s, at, CHY_BAD_VALUE, "the bracket of the address is not closed");
        else if (directory_url(s, *url, &to) != OK)
            problem(s, at, CHY_BAD_VALUE, "%s", arena_text(s->arena, s->error.text));
    }
    filter_judge(s, path, "user_filter", in->user_filter);
    filter_judge(s, path, "group_filter", in->group_filter);
    template_judge(s, path, "user_filter", in->user_filter, "{login}");
    template_judge(s, path, "user_bind", in->user_bind, "{login}");
    if (!text_empty(in->group_filter) && !strstr(in->group_filter, "{login}"))
        template_judge(s, path, "group_filter", in->group_filter, "{dn}");
    if (text_empty(in->bind_dn) != text_empty(in->bind_password))
        problem(s, arena_printf(s->arena, "%s.bind_password", path), CHY_BAD_VALUE,
                "bind_dn and bind_password come together");
    if (in->nested && text_empty(in->group_filter))
        problem(s, arena_printf(s->arena, "%s.nested", path), CHY_BAD_VALUE,
                "groups of groups are found by group_filter, which is empty");
}

static void
logins_judge(struct scope *s, const struct access_settings *set)
{
    struct list names = { 0 }, domains = { 0 };
    size_t n = 0;

    providers_judge(s, &set->providers, &names);
    LIST_EACH(struct directory_settings, in, &set->directories)
    {
        const char *path = arena_printf(s->arena, "access.directories[%zu]", n++);

        name_judge(s, path, in->name, &names);
        not_kerberos(s, path, in->name);
        domains_judge(s, path, &in->domains, &domains);
        directory_judge(s, path, in);
    }
    if (!text_empty(set->kerberos->keytab))
        name_judge(s, "access.kerberos", set->kerberos->name, &names);
}

/* All of them -----------------------------------------------------------------------------------
 */

static enum err
readable(struct scope *s, const char *path)
{
    struct bytes pem;

    return text_empty(path) ? OK : file_read(s, path, CA_FILE_MAX, &pem);
}

enum err
settings_judge_files(struct scope *s, const struct settings *settings)
{
    const struct access_settings *set =
        ((const struct server_settings *)settings_root(settings))->access;

    LIST_EACH(struct provider_settings, in, &set->providers)
    TRY(note(s, readable(s, in->ca), "access.providers, ca of %s", in->name));
    LIST_EACH(struct directory_settings, in, &set->directories)
    TRY(note(s, readable(s, in->ca), "access.directories, ca of %s", in->name));
    if (text_empty(set->kerberos->keytab))
        return OK;
    return note(s, private_file_check(s, set->kerberos->keytab, PRIVATE_GROUP),
                "access.kerberos.keytab");
}

enum err
settings_judge(struct scope *s, const struct settings *settings)
{
    const struct judge j = { s, settings };
    const struct server_settings *set = settings_root(settings);
    const char *url = set->db->url;

    if (!is_address(set->listen->https))
        wrong(&j, "listen.https", "is no address such as 0.0.0.0:8443");
    if (!is_address(set->listen->http))
        wrong(&j, "listen.http", "is no address such as 0.0.0.0:8080");
    if (!text_empty(url) && !text_starts(url, "sqlite:") && !text_starts(url, "postgresql://") &&
        !text_starts(url, "postgres://"))
        wrong(&j, "db.url", "is neither sqlite:PATH nor postgresql://...");
    if (!text_empty(set->pki->base_url) && !url_is_plain(j.s, set->pki->base_url))
        wrong(&j, "pki.base_url",
              "is no address such as http://pki.example.com, without user, query and fragment");
    if (!text_empty(set->pki->crl_url) &&
        (!url_is_plain(j.s, set->pki->crl_url) || !text_ends_fold(set->pki->crl_url, ".crl") ||
         !strchr(strstr(set->pki->crl_url, "://") + 3, '/')))
        wrong(&j, "pki.crl_url", "is no address such as http://crl.example.com/ca.crl");
    if (!text_empty(set->pki->ocsp_url) && !url_is_plain(j.s, set->pki->ocsp_url))
        wrong(&j, "pki.ocsp_url", "is no address such as http://ocsp.example.com");
    judge_acme(&j);
    LIST_EACH(const char *, recipient, &set->backup->recipients)
    if (age_recipient_check(s, *recipient) != OK) {
        const char *why = s->error.text;

        wrong(&j, "backup.recipients", why);
    }
    if (!text_empty(set->backup->ship->dir) && text_empty(set->backup->dir))
        wrong(&j, "backup.ship.dir", "continues backups: set backup.dir, too");
    if (!text_empty(set->backup->ship->dir) && text_starts(url ? url : "", "postgres"))
        wrong(&j, "backup.ship.dir",
              "is for SQLite; PostgreSQL copies its log by itself (archive_command)");
    if (!set->acme->validates && !text_starts(url ? url : "", "postgres"))
        wrong(&j, "acme.validates",
              "must be true on SQLite: no other server is on its database that could look");
    judge_master(&j, set);
    logins_judge(s, set->access);
    judge_key(&j, "pki.root_key", set->pki->root_key);
    judge_key(&j, "pki.issuing_key", set->pki->issuing_key);
    if (!is_version(set->command->product_version))
        wrong(&j, "command.product_version", "is not four numbers with dots between");
    LIST_EACH(const char *, network, &set->metrics->allow)
    if (!network_valid(*network))
        wrong(&j, "metrics.allow",
              arena_printf(s->arena, "\"%s\" is no network such as 10.0.0.0/8", *network));
    return problems_check(s);
}
