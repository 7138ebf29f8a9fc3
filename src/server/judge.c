/* What settings mean beyond their types: judged before anything is opened, so that `config check`,
 * the start and a reload refuse the same things. */
#include "server/settings.h"

#include "codec/settings.h"
#include "drivers/p11_uri.h"
#include "face/face.h"
#include "pki/age.h"
#include "pki/key.h"
#include "server/options.h"

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

/** What may stand before the path of an address inside a certificate: scheme, host, port, path. */
static bool
is_base_url(const char *text)
{
    const char *host = text_starts(text, "http://")    ? text + 7
                       : text_starts(text, "https://") ? text + 8
                                                       : NULL;

    if (!host || *host == '\0' || *host == '/' || *host == ':')
        return false;
    for (const char *p = host; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("@?#\"<>\\^`{|}", *p))
            return false;
    return true;
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

    if (!text_empty(set->base_url) && !is_base_url(set->base_url))
        wrong(j, "acme.base_url",
              "is no address such as https://pki.example.com, without user, query and fragment");
    LIST_EACH(const char *, former, &set->legacy_base_urls)
    if (!is_base_url(*former))
        wrong(j, "acme.legacy_base_urls",
              arena_printf(j->s->arena, "\"%s\" is no address without user, query and fragment",
                           *former));
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
    if (!text_empty(set->pki->base_url) && !is_base_url(set->pki->base_url))
        wrong(&j, "pki.base_url",
              "is no address such as http://pki.example.com, without user, query and fragment");
    if (!text_empty(set->pki->crl_url) &&
        (!is_base_url(set->pki->crl_url) || !text_ends_fold(set->pki->crl_url, ".crl") ||
         !strchr(strstr(set->pki->crl_url, "://") + 3, '/')))
        wrong(&j, "pki.crl_url", "is no address such as http://crl.example.com/ca.crl");
    if (!text_empty(set->pki->ocsp_url) && !is_base_url(set->pki->ocsp_url))
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
