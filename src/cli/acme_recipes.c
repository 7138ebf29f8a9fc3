/* What ACME clients are told: for each of them its commands or settings. */
#include "cli/acme_recipes.h"

#include <string.h>

/* Each name, with WORD before it, for a shell. */
static void
add_words(const struct recipe *w, const char *word)
{
    LIST_EACH(const char *, domain, &w->domains)
    buf_printf(w->out, " %s%s%s%s", word, strchr(*domain, '*') ? "'" : "", *domain,
               strchr(*domain, '*') ? "'" : "");
}

/* What stands around a name, and between two. */
struct around {
    const char *before, *after, *between;
};

static void
add_domains(const struct recipe *w, struct around text)
{
    const char *between = "";

    LIST_EACH(const char *, domain, &w->domains)
    {
        buf_printf(w->out, "%s%s%s%s", between, text.before, *domain, text.after);
        between = text.between;
    }
}

static void
tell_certbot(const struct recipe *w)
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
    add_words(w, "-d ");
    buf_byte(w->out, '\n');
}

static void
tell_lego(const struct recipe *w)
{
    buf_printf(w->out,
               "export LEGO_CA_CERTIFICATES=%s\n"
               "lego --accept-tos --email %s --server %s%s \\\n ",
               w->root, w->email, w->directory,
               w->bound ? " \\\n  --eab --kid \"$EAB_KID\" --hmac \"$EAB_HMAC\"" : "");
    add_words(w, "--domains ");
    if (w->way == BY_DNS)
        buf_text(w->out, " --dns rfc2136");
    else
        buf_text(w->out, w->way == BY_TLS ? " --tls" : " --http");
    if (w->way == BY_HTTP && w->webroot)
        buf_printf(w->out, " --http.webroot %s", w->webroot);
    buf_text(w->out, " run\n");
}

static void
tell_acme_sh(const struct recipe *w)
{
    if (w->bound)
        buf_printf(w->out,
                   "acme.sh --register-account --server %s --ca-bundle %s -m %s \\\n"
                   "  --eab-kid \"$EAB_KID\" --eab-hmac-key \"$EAB_HMAC\"\n",
                   w->directory, w->root, w->email);
    buf_printf(w->out, "acme.sh --issue --server %s --ca-bundle %s -m %s \\\n ", w->directory,
               w->root, w->email);
    add_words(w, "-d ");
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
tell_uacme(const struct recipe *w)
{
    buf_printf(
        w->out,
        "cp %s /usr/local/share/ca-certificates/chancery-root.crt && update-ca-certificates\n"
        "uacme -y -a %s%s new %s\n"
        "uacme -a %s -h /usr/share/uacme/uacme.sh issue",
        w->root, w->directory, w->bound ? " -e \"$EAB_KID:$EAB_HMAC\"" : "", w->email,
        w->directory);
    add_words(w, "");
    buf_byte(w->out, '\n');
}

static void
tell_caddy(const struct recipe *w)
{
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
    add_domains(w, (struct around){ "", "", ", " });
    buf_text(w->out, " {\n\trespond \"hello\"\n}\n");
}

static void
tell_traefik(const struct recipe *w)
{
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
    add_domains(w, (struct around){ "Host(`", "`)", " || " });
    buf_text(w->out, "\"\n      service: app\n      tls: {certResolver: chancery}\n");
}

static void
tell_cert_manager(const struct recipe *w)
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
    add_domains(w, (struct around){ "    - \"", "\"\n", "" });
}

#define WAY(way) (1U << (way))
const struct acme_client acme_clients[] = {
    { "certbot", tell_certbot, WAY(BY_HTTP) | WAY(BY_DNS), true },
    { "lego", tell_lego, WAY(BY_HTTP) | WAY(BY_DNS) | WAY(BY_TLS), true },
    { "acme.sh", tell_acme_sh, WAY(BY_HTTP) | WAY(BY_DNS) | WAY(BY_TLS), true },
    { "caddy", tell_caddy, WAY(BY_HTTP) | WAY(BY_DNS) | WAY(BY_TLS), true },
    { "traefik", tell_traefik, WAY(BY_HTTP) | WAY(BY_DNS) | WAY(BY_TLS), false },
    { "cert-manager", tell_cert_manager, WAY(BY_HTTP) | WAY(BY_DNS), false },
    { "uacme", tell_uacme, WAY(BY_HTTP), true },
};
const size_t acme_client_count = COUNT(acme_clients);
