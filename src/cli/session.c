#include "cli/session.h"

#include "cli/keyring.h"
#include "seal/private_file.h"
#include "seal/reference.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CA_MAX ((size_t)4 << 20)
#define KEY_MAX ((size_t)64 * 1024)

static struct secret *
secret_of_text(const char *text)
{
    return text ? secret_copy(bytes_of_text(text)) : NULL;
}

bool
same_server(const char *url, const char *other)
{
    size_t a = url ? strlen(url) : 0, b = other ? strlen(other) : 0;

    while (a && url[a - 1] == '/')
        a--;
    while (b && other[b - 1] == '/')
        b--;
    return a && a == b && !strncasecmp(url, other, a);
}

enum err
session_contexts(struct cli *c, struct contexts *out)
{
    return contexts_load(c->s, out);
}

/* Which server. */

static const char *
server_of_habit(struct cli *c, const struct session *n)
{
    const char *host = habit(c, n, "HOSTNAME"), *port = variable("KEYFACTOR_PORT");

    return host && port && !strchr(host, ':') ? arena_printf(c->s->arena, "%s:%s", host, port)
                                              : host;
}

static enum err
choose_context(struct cli *c, struct session *n)
{
    const char *name = cli_text(c, "context");

    if (!name)
        name = n->contexts.current;
    if (name && text_starts(name, "kf:"))
        return OK;
    n->context = name ? context_find(&n->contexts, name) : NULL;
    if (cli_text(c, "context") && !n->context)
        return fail_code(c->s, E_NOT_FOUND, CHY_USAGE, "there is no context \"%s\"", name);
    return OK;
}

/* What the context prefers, when nobody says otherwise. */
static void
prefer(struct cli *c, const struct session *n)
{
    static const struct flag output = { .name = "output" }, color = { .name = "color" };
    const char *form = n->context ? n->context->output : NULL;
    struct table t;

    if (form && !cli_text(c, "output") && table_form_parse(form, &t))
        list_add(c->s->arena, &c->given, struct given, ((struct given){ &output, form, false }));
    if (n->contexts.color && !cli_text(c, "color"))
        list_add(c->s->arena, &c->given, struct given,
                 ((struct given){ &color, n->contexts.color, false }));
}

/* Credentials, and what is asked for, travel over TLS; in clear text inside this machine alone. */
static enum err
check_scheme(struct cli *c, const char *label, const char *url)
{
    if (text_starts(url, "https://"))
        return OK;
    if (!text_starts(url, "http://"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s: \"%s\" is no https:// address", label,
                         url);
    if (url_is_loopback(c->s, url))
        return OK;
    c->fix = arena_printf(c->s->arena, "https://%s", url + strlen("http://"));
    return fail_code(c->s, E_INVALID, CHY_USAGE,
                     "%s: \"%s\" would show your credentials to everybody on the way: http:// goes "
                     "to this machine alone",
                     label, url);
}

static enum err
choose_server(struct cli *c, struct session *n)
{
    const char *url = cli_text(c, "server");
    struct buf b;

    if (!url && !cli_text(c, "context"))
        url = n->contexts.current ? NULL : server_of_habit(c, n);
    if (!url && n->context)
        url = n->context->server;
    if (!url) {
        TRY(habit_profile(c, n));
        url = server_of_habit(c, n);
    }
    if (text_empty(url)) {
        c->fix = "chancery login --server URL, or --server and CHANCERY_TOKEN";
        return fail(c->s, E_UNAUTHENTICATED,
                    "no server is named: use --server URL, or chancery login");
    }
    buf_init_in(&b, c->s->arena, 4096);
    buf_printf(&b, "%s%s", strstr(url, "://") ? "" : "https://", url);
    if (!buf_str(&b))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--server: the address is too long");
    while (b.len && b.data[b.len - 1] == '/')
        b.len--;
    n->url = arena_text(c->s->arena, buf_str(&b));
    TRY(check_scheme(c, "--server", n->url));
    n->host = strstr(n->url, "://") + 3;
    c->host = n->host;
    if (n->context && !same_server(n->context->server, n->url))
        n->context = NULL; /* its token is not for this server */
    return OK;
}

/* As whom. */

/* The context's WHAT, which is kept as REF; nothing when there is none. */
static enum err
secret_of_context(struct cli *c, struct session *n, const char *ref, const char *what,
                  struct secret **out)
{
    if (text_empty(ref))
        return OK;
    if (keyring_name(ref)) {
        c->fix = arena_printf(c->s->arena, "chancery login --context %s", n->context->name);
        return keyring_get(c->s, keyring_name(ref), out) == OK
                   ? OK
                   : fail(c->s, E_UNAUTHENTICATED, "not signed in to %s: the %s is gone", n->host,
                          what);
    }
    return note(c->s, secret_resolve(c->s, NULL, ref, out), "the %s of context %s", what,
                n->context->name);
}

static const char *
user_of_habit(struct cli *c, const struct session *n)
{
    const char *user = habit(c, n, "USERNAME"), *domain = habit(c, n, "DOMAIN");

    if (user && domain && !strchr(user, '\\') && !strchr(user, '@'))
        return arena_printf(c->s->arena, "%s\\%s", domain, user);
    return user;
}

static void
add_form(struct buf *b, struct arena *a, const char *name, const char *value)
{
    if (value)
        buf_printf(b, "%s%s=%s", b->len ? "&" : "", name, percent_encode(a, value));
}

/** An OAuth2 client, and what it asks for; texts may be NULL. */
struct client_login {
    const char *label, *url, *id, *secret, *scopes, *audience;
};

/* RFC 6749 section 4.4. */
static enum err
token_of_client(struct cli *c, struct session *n, const struct client_login *who)
{
    struct arena *a = c->s->arena;
    struct call call = { .method = "POST",
                         .url = who->url,
                         .operation = "token",
                         .content_type = "application/x-www-form-urlencoded",
                         .once = true };
    struct reply reply;
    struct json *body;
    struct buf b;

    TRY(check_scheme(c, who->label, who->url));
    buf_init_in(&b, a, KEY_MAX);
    add_form(&b, a, "grant_type", "client_credentials");
    add_form(&b, a, "client_id", who->id);
    add_form(&b, a, "client_secret", who->secret);
    add_form(&b, a, "scope", who->scopes);
    add_form(&b, a, "audience", who->audience);
    call.body = buf_bytes(&b);
    TRY(note(c->s, peer_call(c->s, n->peer, &call, &reply), "asking %s for a token", who->url));
    if (reply.status != 200)
        return fail_code(c->s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "%s gave no token: HTTP status %d",
                         who->url, reply.status);
    TRY(json_parse(c->s, reply.body, &body));
    n->token = secret_of_text(json_str(json_get(body, "access_token")));
    return n->token
               ? OK
               : fail_code(c->s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "%s gave no token", who->url);
}

/* By what the context has: a token, a client's secret, a password. */
static enum err
identity_of_context(struct cli *c, struct session *n)
{
    AUTO(secret_free) struct secret *secret = NULL;
    const struct context *x = n->context;

    if (!x)
        return OK;
    TRY(secret_of_context(c, n, x->token, "token", &n->token));
    if (n->token)
        return OK;
    if (x->client_id && x->token_url)
        TRY(secret_of_context(c, n, x->client_secret, "client's secret", &secret));
    if (secret)
        return token_of_client(c, n,
                               &(struct client_login){ "token_url", x->token_url, x->client_id,
                                                       (const char *)secret->data, x->scopes,
                                                       x->audience });
    TRY(secret_of_context(c, n, x->user ? x->password : NULL, "password", &n->password));
    if (n->password)
        n->user = x->user;
    return OK;
}

static enum err
choose_identity(struct cli *c, struct session *n)
{
    const char *token_url = habit(c, n, "AUTH_TOKEN_URL");

    if ((n->token = secret_of_text(variable("CHANCERY_TOKEN"))))
        return OK;
    if ((n->user = variable("CHANCERY_USERNAME"))) {
        n->password = secret_of_text(variable("CHANCERY_PASSWORD"));
        if (!n->password)
            return fail(c->s, E_UNAUTHENTICATED,
                        "CHANCERY_USERNAME is set without CHANCERY_PASSWORD");
        return OK;
    }
    TRY(identity_of_context(c, n));
    if (n->user || n->token || (n->token = secret_of_text(habit(c, n, "AUTH_ACCESS_TOKEN"))))
        return OK;
    if (habit(c, n, "AUTH_CLIENT_ID") && token_url)
        return token_of_client(c, n,
                               &(struct client_login){
                                   "KEYFACTOR_AUTH_TOKEN_URL", token_url,
                                   habit(c, n, "AUTH_CLIENT_ID"), habit(c, n, "AUTH_CLIENT_SECRET"),
                                   habit(c, n, "AUTH_SCOPES"), habit(c, n, "AUTH_AUDIENCE") });
    n->user = user_of_habit(c, n);
    n->password = n->user ? secret_of_text(habit(c, n, "PASSWORD")) : NULL;
    if (n->password || cli_text(c, "client-cert"))
        return OK;
    c->fix = arena_printf(c->s->arena, "chancery login --server %s", n->url);
    return fail(c->s, E_UNAUTHENTICATED, "not signed in to %s", n->host);
}

/* The connection. */

static enum err
choose_trust(struct cli *c, struct session *n, struct peer_options *o)
{
    static const char label[] = "CERTIFICATE-----";

    n->ca_path = cli_text(c, "cacert");
    if (!n->ca_path && n->context)
        n->ca_path = n->context->ca_file;
    if (!n->ca_path)
        n->ca_path = habit(c, n, "CA_CERT");
    if (!n->ca_path)
        n->ca_path = habit(c, n, "AUTH_CA_CERT");
    if (variable("KEYFACTOR_SKIP_VERIFY") && text_eq_fold(getenv("KEYFACTOR_SKIP_VERIFY"), "true"))
        caution(c, "KEYFACTOR_SKIP_VERIFY is not honoured: name the authority with --cacert");
    if (!n->ca_path)
        return OK;
    TRY(note(c->s, read_input(c, n->ca_path, CA_MAX, &o->ca_pem), "--cacert"));
    if (!memmem(o->ca_pem.data, o->ca_pem.len, label, strlen(label)))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--cacert: %s holds no certificate in PEM",
                         n->ca_path);
    return OK;
}

static enum err
open_peer(struct cli *c, struct session *n)
{
    const char *cert = cli_text(c, "client-cert"), *key = cli_text(c, "client-key");
    AUTO(secret_free) struct secret *key_pem = NULL;
    struct peer_options o = { .integration = n->host,
                              .agent = "chancery/" CLI_VERSION,
                              .plain_http = true }; /* check_scheme() */

    TRY(choose_trust(c, n, &o));
    if (cert)
        TRY(note(c->s, read_input(c, cert, CA_MAX, &o.client_cert_pem), "--client-cert"));
    if (key && secret_kind(key) == SECRET_PLAIN)
        TRY(note(c->s, private_file_read(c->s, key, KEY_MAX, PRIVATE_OWNER, &key_pem),
                 "--client-key"));
    else if (key)
        TRY(note(c->s, secret_resolve(c->s, NULL, key, &key_pem), "--client-key"));
    o.client_key_pem = key_pem;
    return peer_new(c->s, &o, &n->peer);
}

static const char *
command_api_of(struct cli *c, const struct session *n)
{
    const char *base = habit(c, n, "API_PATH");

    return !base || cli_text(c, "server") ? COMMAND_API
                                          : arena_printf(c->s->arena, "/%s", base + (*base == '/'));
}

enum err
session_of(struct cli *c, bool nobody, struct session **out)
{
    struct session *n = c->session;

    if (!n) {
        n = c->session = arena_new_of(c->s->arena, struct session);
        TRY(session_contexts(c, &n->contexts));
        TRY(choose_context(c, n));
        TRY(choose_server(c, n));
        prefer(c, n);
        n->command_api = command_api_of(c, n);
        TRY(open_peer(c, n));
    }
    if (!nobody && !n->token && !n->user)
        TRY(choose_identity(c, n));
    *out = n;
    return OK;
}

void
session_close(struct session *n)
{
    if (!n)
        return;
    peer_free(n->peer);
    secret_free(n->password);
    secret_free(n->token);
}
