/* What to tell an ACME client, so that it gets its certificates here. */
#include "cli/acme_rows.h"

#include "cli/run.h"
#include <string.h>

#define TEXT_MAX ((size_t)64 << 10)
#define DEFAULT_ROOT "/etc/ssl/certs/chancery-root.pem"
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

enum way { BY_HTTP, BY_DNS, BY_TLS };

/** What stands in the text. */
struct wish {
    struct cli *c;
    struct buf *out;
    const char *directory, *root, *email, *webroot; /* webroot: NULL: the client listens itself */
    struct list domains;                            /* of const char * */
    enum way way;
    bool bound; /* accounts must be bound by a key */
};

/* Each name, with WORD before it. */
static void
add_domains(const struct wish *w, const char *word)
{
    LIST_EACH(const char *, domain, &w->domains)
    buf_printf(w->out, " %s%s%s%s", word, strchr(*domain, '*') ? "'" : "", *domain,
               strchr(*domain, '*') ? "'" : "");
}

static void
tell_certbot(const struct wish *w)
{
    buf_printf(w->out,
               "export REQUESTS_CA_BUNDLE=%s\n"
               "certbot certonly --non-interactive --server %s \\\n"
               "  --agree-tos -m %s --no-eff-email%s \\\n  ",
               w->root, w->directory, w->email,
               w->bound ? " --eab-kid \"$EAB_KID\" --eab-hmac-key \"$EAB_HMAC\"" : "");
    if (w->way == BY_DNS)
        buf_text(w->out, "--manual --preferred-challenges dns "
                         "--manual-auth-hook /usr/local/bin/set-txt");
    else if (w->webroot)
        buf_printf(w->out, "--webroot -w %s", w->webroot);
    else
        buf_text(w->out, "--standalone");
    add_domains(w, "-d ");
    buf_byte(w->out, '\n');
}

static void
tell_lego(const struct wish *w)
{
    buf_printf(w->out,
               "export LEGO_CA_CERTIFICATES=%s\n"
               "lego --accept-tos --email %s --server %s%s \\\n ",
               w->root, w->email, w->directory,
               w->bound ? " \\\n  --eab --kid \"$EAB_KID\" --hmac \"$EAB_HMAC\"" : "");
    add_domains(w, "--domains ");
    if (w->way == BY_DNS)
        buf_text(w->out, " --dns rfc2136");
    else
        buf_text(w->out, w->way == BY_TLS ? " --tls" : " --http");
    if (w->way == BY_HTTP && w->webroot)
        buf_printf(w->out, " --http.webroot %s", w->webroot);
    buf_text(w->out, " run\n");
}

static void
tell_acme_sh(const struct wish *w)
{
    if (w->bound)
        buf_printf(w->out,
                   "acme.sh --register-account --server %s --ca-bundle %s -m %s \\\n"
                   "  --eab-kid \"$EAB_KID\" --eab-hmac-key \"$EAB_HMAC\"\n",
                   w->directory, w->root, w->email);
    buf_printf(w->out, "acme.sh --issue --server %s --ca-bundle %s -m %s \\\n ", w->directory,
               w->root, w->email);
    add_domains(w, "-d ");
    if (w->way == BY_DNS)
        buf_text(w->out, " --dns dns_nsupdate\n");
    else if (w->way == BY_TLS)
        buf_text(w->out, " --alpn\n");
    else if (w->webroot)
        buf_printf(w->out, " -w %s\n", w->webroot);
    else
        buf_text(w->out, " --standalone\n");
}

static void
tell_uacme(const struct wish *w)
{
    buf_printf(
        w->out,
        "cp %s /usr/local/share/ca-certificates/chancery-root.crt && update-ca-certificates\n"
        "uacme -y -a %s%s new %s\n"
        "uacme -a %s -h /usr/share/uacme/uacme.sh issue",
        w->root, w->directory, w->bound ? " -e \"$EAB_KID:$EAB_HMAC\"" : "", w->email,
        w->directory);
    add_domains(w, "");
    buf_byte(w->out, '\n');
}

static void
tell_caddy(const struct wish *w)
{
    const char *comma = "";

    buf_printf(w->out,
               "{\n"
               "\temail %s\n"
               "\tacme_ca %s\n"
               "\tacme_ca_root %s\n",
               w->email, w->directory, w->root);
    if (w->bound)
        buf_text(w->out, "\tacme_eab {\n"
                         "\t\tkey_id {$EAB_KID}\n"
                         "\t\tmac_key {$EAB_HMAC}\n"
                         "\t}\n");
    if (w->way == BY_DNS)
        buf_text(w->out, "\tacme_dns rfc2136 # with the plug-in caddy-dns/rfc2136\n");
    buf_text(w->out, "}\n");
    LIST_EACH(const char *, domain, &w->domains)
    {
        buf_printf(w->out, "%s%s", comma, *domain);
        comma = ", ";
    }
    buf_text(w->out, " {\n\trespond \"hello\"\n}\n");
}

static void
tell_traefik(const struct wish *w)
{
    const char *comma = "";

    buf_printf(w->out,
               "# static configuration\n"
               "certificatesResolvers:\n"
               "  chancery:\n"
               "    acme:\n"
               "      email: %s\n"
               "      caServer: %s\n"
               "      caCertificates: [%s]\n"
               "      storage: /data/acme.json\n",
               w->email, w->directory, w->root);
    if (w->bound)
        buf_text(w->out, "      eab: {kid: \"EAB_KID\", hmacEncoded: \"EAB_HMAC\"}\n");
    if (w->way == BY_DNS)
        buf_text(w->out, "      dnsChallenge: {provider: rfc2136}\n");
    else
        buf_text(w->out, w->way == BY_TLS ? "      tlsChallenge: {}\n"
                                          : "      httpChallenge: {entryPoint: web}\n");
    buf_text(w->out, "# dynamic configuration\n"
                     "http:\n"
                     "  routers:\n"
                     "    app:\n"
                     "      rule: \"");
    LIST_EACH(const char *, domain, &w->domains)
    {
        buf_printf(w->out, "%sHost(`%s`)", comma, *domain);
        comma = " || ";
    }
    buf_text(w->out, "\"\n      service: app\n      tls: {certResolver: chancery}\n");
}

static void
tell_cert_manager(const struct wish *w)
{
    buf_printf(w->out,
               "apiVersion: cert-manager.io/v1\n"
               "kind: ClusterIssuer\n"
               "metadata: {name: chancery-acme}\n"
               "spec:\n"
               "  acme:\n"
               "    server: %s\n"
               "    email: %s\n"
               "    caBundle: BASE64 # of base64 -w0 %s\n",
               w->directory, w->email, w->root);
    if (w->bound)
        buf_text(w->out, "    externalAccountBinding:\n"
                         "      keyID: EAB_KID\n"
                         "      keySecretRef: {name: chancery-eab, key: secret}\n");
    buf_text(w->out, "    privateKeySecretRef: {name: chancery-acme-account}\n"
                     "    solvers:\n");
    buf_text(w->out, w->way == BY_DNS ? "      - dns01: {rfc2136: {nameserver: \"10.0.0.53\"}}\n"
                                      : "      - http01: {ingress: {ingressClassName: nginx}}\n");
    buf_text(w->out, "---\n"
                     "apiVersion: cert-manager.io/v1\n"
                     "kind: Certificate\n"
                     "metadata: {name: app}\n"
                     "spec:\n"
                     "  secretName: app-tls\n"
                     "  issuerRef: {name: chancery-acme, kind: ClusterIssuer}\n"
                     "  dnsNames:\n");
    LIST_EACH(const char *, domain, &w->domains)
    buf_printf(w->out, "    - \"%s\"\n", *domain);
}

static const struct client {
    const char *name;
    void (*tell)(const struct wish *w);
    unsigned ways; /* bits of enum way */
    bool shell;    /* commands, so the secret comes by the environment */
} clients[] = {
    { "certbot", tell_certbot, 1U << BY_HTTP | 1U << BY_DNS, true },
    { "lego", tell_lego, 1U << BY_HTTP | 1U << BY_DNS | 1U << BY_TLS, true },
    { "acme.sh", tell_acme_sh, 1U << BY_HTTP | 1U << BY_DNS | 1U << BY_TLS, true },
    { "caddy", tell_caddy, 1U << BY_HTTP | 1U << BY_DNS | 1U << BY_TLS, true },
    { "traefik", tell_traefik, 1U << BY_HTTP | 1U << BY_DNS | 1U << BY_TLS, false },
    { "cert-manager", tell_cert_manager, 1U << BY_HTTP | 1U << BY_DNS, false },
    { "uacme", tell_uacme, 1U << BY_HTTP, true },
};
const char *const acme_client_words[] = { "certbot", "lego",         "acme.sh", "caddy",
                                          "traefik", "cert-manager", "uacme",   NULL };

static enum err
usage(struct cli *c, const char *what, const char *text)
{
    return fail_code(c->s, E_INVALID, CHY_USAGE, "%s: %s", what, text);
}

/* It stands in commands and settings: nothing in it may mean anything there. */
static bool
is_plain(const char *text, const char *more)
{
    const char *letters = PLAIN;

    for (; *text; text++)
        if (!strchr(letters, *text) && !strchr(more, *text))
            return false;
    return true;
}

static enum err
read_domains(struct wish *w)
{
    w->domains = cli_texts(w->c, "domain");
    if (!w->domains.count)
        return usage(w->c, "-d", "what the certificate is for, such as app.example.com");
    LIST_EACH(const char *, domain, &w->domains)
    {
        const char *name = text_starts(*domain, "*.") ? *domain + 2 : *domain;

        if (text_empty(name) || !is_plain(name, ".-:"))
            return usage(w->c, *domain, "is no name of a host");
        if (name != *domain && w->way != BY_DNS)
            return usage(w->c, *domain, "a wildcard is proved by DNS: --challenge dns-01");
    }
    return OK;
}

static enum err
read_way(struct wish *w, const struct client *client)
{
    static const char *const words[] = { "http-01", "dns-01", "tls-alpn-01" };
    const char *word = cli_text(w->c, "challenge");

    for (size_t i = 0; word && i < COUNT(words); i++)
        if (text_eq(word, words[i]))
            w->way = (enum way)i;
    if (word && !text_eq(word, words[w->way]))
        return usage(w->c, word, "is none of http-01, dns-01, tls-alpn-01");
    return client->ways & 1U << w->way
               ? OK
               : usage(
                     w->c, words[w->way],
                     arena_printf(w->c->s->arena, "%s does not know this challenge", client->name));
}

static enum err
read_rest(struct wish *w)
{
    const char *first = *list_at(&w->domains, const char *, 0);
    const char *root = cli_text(w->c, "root");

    w->root = root ? root : DEFAULT_ROOT;
    w->email = cli_text(w->c, "email");
    w->webroot = cli_text(w->c, "webroot");
    if (!w->email)
        w->email = arena_printf(w->c->s->arena, "hostmaster@%s",
                                first + (text_starts(first, "*.") ? 2 : 0));
    if (!strchr(w->email, '@') || !is_plain(w->email, ".-_+@"))
        return usage(w->c, w->email, "is no mail address");
    if (!is_plain(w->root, "./-_"))
        return usage(w->c, w->root, "is no path without blanks and special characters");
    if (w->webroot && !is_plain(w->webroot, "./-_"))
        return usage(w->c, w->webroot, "is no path without blanks and special characters");
    return OK;
}

/* What the server says of its directory is what clients are told. */
static enum err
read_directory(struct wish *w)
{
    const char *profile = cli_text(w->c, "profile");
    struct scope *s = w->c->s;
    struct ask ask = { .nobody = true, .not_done = "the directory cannot be read" };
    const char *nonce;
    struct answer a;
    enum err e;

    ask.path = profile ? arena_printf(s->arena, "/acme/%s/directory", segment(w->c, profile))
                       : "/acme/directory";
    e = ask_server(w->c, &ask, &a);
    if (e == E_NOT_FOUND)
        return fail(s, E_NOT_FOUND, "%s%s", profile ? "there is no ACME profile " : "ACME is off",
                    profile ? profile : "");
    TRY(e);
    nonce = json_str(json_get(a.json, "newNonce"));
    if (!nonce || !text_ends(nonce, "/new-nonce") || !is_plain(nonce, ":/.-_[]%"))
        return fail(s, E_UNAVAILABLE, "the server sent no ACME directory");
    w->directory = arena_printf(s->arena, "%.*s/directory",
                                (int)(strlen(nonce) - strlen("/new-nonce")), nonce);
    (void)json_bool(json_get(json_get(a.json, "meta"), "externalAccountRequired"), &w->bound);
    return OK;
}

enum err
run_acme_client(struct cli *c)
{
    const char *name = cli_arg(c, 0),
               *near = nearest_word(name, acme_client_words, COUNT(acme_client_words) - 1);
    struct wish w = { .c = c };
    struct buf b;

    for (size_t i = 0; i < COUNT(clients); i++) {
        if (!text_eq_fold(name, clients[i].name))
            continue;
        buf_init_in(&b, c->s->arena, TEXT_MAX);
        w.out = &b;
        TRY(read_way(&w, &clients[i]));
        TRY(read_domains(&w));
        TRY(read_rest(&w));
        TRY(read_directory(&w));
        clients[i].tell(&w);
        if (w.bound)
            say(c, clients[i].shell
                       ? "first: chancery acme eab create --uses 1 -o env, and export what it says"
                       : "first: chancery acme eab create --uses 1, and put in what it says");
        return b.failed ? fail(c->s, E_LIMIT, "so many names are too long")
                        : print_bytes(c, buf_bytes(&b));
    }
    return fail_code(c->s, E_INVALID, CHY_USAGE,
                     "\"%s\" is none of certbot, lego, acme.sh, caddy, traefik, cert-manager, "
                     "uacme%s%s%s",
                     name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}
