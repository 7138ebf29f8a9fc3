/* Contexts of the servers in the file of a client that people have; the file stays as it is. */
#include "cli/keyring.h"
#include "cli/session.h"

#include <string.h>

/** A server there, and the context that it becomes. */
struct import {
    const char *name; /* of the context */
    const struct json *from;
    struct context to; /* its secrets in clear */
};

static const char *
member(const struct import *i, const char *name)
{
    const char *text = json_str(json_get(i->from, name));

    return text_empty(text) ? NULL : text;
}

/* Scopes are one text, or several. */
static const char *
scopes_of(struct cli *c, const struct import *i)
{
    const struct json *list = json_get(i->from, "scopes");
    const char *out = member(i, "scopes");

    for (size_t k = 0; json_is_array(list) && k < json_count(list); k++) {
        const char *one = json_str(json_item(list, k));

        if (!text_empty(one))
            out = out ? arena_printf(c->s->arena, "%s %s", out, one) : one;
    }
    return out;
}

static enum err
read_server(struct cli *c, struct import *i)
{
    const char *host = member(i, "host"), *user = member(i, "username");
    const char *domain = member(i, "domain"), *path = member(i, "api_path");
    struct context *x = &i->to;
    bool skips;

    if (!host)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "the server %s has no host", i->name);
    if (user && domain && !strchr(user, '\\') && !strchr(user, '@'))
        user = arena_printf(c->s->arena, "%s\\%s", domain, user);
    *x = (struct context){
        .name = i->name,
        .server = strstr(host, "://") ? host : arena_printf(c->s->arena, "https://%s", host),
        .ca_file = member(i, "ca_cert_path"),
        .user = user,
        .token = member(i, "access_token"),
        .password = user ? member(i, "password") : NULL,
        .client_id = member(i, "client_id"),
        .client_secret = member(i, "client_secret"),
        .token_url = member(i, "token_url"),
        .scopes = scopes_of(c, i),
        .audience = member(i, "audience"),
    };
    x->auth = x->client_secret && x->token_url ? "oidc"
              : x->token || !x->password       ? "token"
                                               : "basic";
    if (path && !text_eq_fold(path + strspn(path, "/"), &COMMAND_API[1]))
        caution(c, "%s: its api_path, %s, is left out", i->name, path);
    if (json_get(i->from, "auth_provider"))
        caution(c, "%s: its auth_provider is left out: log in, or give the context a token",
                i->name);
    if (json_bool(json_get(i->from, "skip_tls_verify"), &skips) && skips)
        caution(c, "%s: certificates are always verified", i->name);
    return OK;
}

static enum err
keep(struct cli *c, const struct import *i, const char *what, const char **secret)
{
    const char *key;

    if (!*secret || cli_has(c, "plain-file"))
        return OK;
    key = arena_printf(c->s->arena, "chancery/%s%s%s", i->name, *what ? "/" : "", what);
    TRY(keyring_put(c->s, key, *secret, 0));
    *secret = arena_printf(c->s->arena, "keyring:%s", key);
    return OK;
}

static enum err
import_one(struct cli *c, struct contexts *all, struct import *i)
{
    struct context *x = context_find(all, i->name);
    bool secret;

    TRY(read_server(c, i));
    secret = i->to.token || i->to.password || i->to.client_secret;
    if (x && x->server && !same_server(x->server, i->to.server))
        return fail_code(c->s, E_CONFLICT, CHY_USAGE,
                         "there is a context %s already, of %s: name another by --name", i->name,
                         x->server);
    if (cli_has(c, "dry-run")) {
        say(c, "would make context %s: %s", i->name, i->to.server);
        return OK;
    }
    x = context_make(c->s, all, i->name);
    context_forget(x);
    i->to.output = x->output;
    *x = i->to;
    TRY(keep(c, i, "", &x->token));
    TRY(keep(c, i, "password", &x->password));
    TRY(keep(c, i, "client_secret", &x->client_secret));
    if (!all->current)
        all->current = x->name;
    say(c, "context %s: %s%s", x->name, x->server, secret ? "" : ", without credentials");
    return OK;
}

/* The servers that are asked for: of struct import. */
static enum err
choose(struct cli *c, const char *path, struct list *out)
{
    const char *asked = cli_arg(c, 0), *as = cli_text(c, "name"), *name;
    const struct json *servers, *one;
    size_t at = 0;

    TRY(habit_servers(c, path, &servers));
    while (json_member(servers, &at, &name, &one))
        if (!asked || text_eq(name, asked))
            list_add(c->s->arena, out, struct import,
                     ((struct import){ .name = as ? as : name, .from = one }));
    if (!out->count)
        return fail_code(c->s, E_NOT_FOUND, CHY_USAGE, "%s has no server%s%s%s", path,
                         asked ? " \"" : "", asked ? asked : "", asked ? "\"" : "");
    return as && out->count > 1
               ? fail_code(c->s, E_INVALID, CHY_USAGE,
                           "%s has %zu servers: say which one --name is for", path, out->count)
               : OK;
}

enum err
run_context_import(struct cli *c)
{
    const char *path = cli_text(c, "from") ? cli_text(c, "from") : habit_path(c);
    struct list chosen = { 0 };
    struct contexts all;

    if (!path)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "HOME is unset: --from FILE");
    TRY(choose(c, path, &chosen));
    TRY(session_contexts(c, &all));
    if (!cli_has(c, "plain-file") && !cli_has(c, "dry-run"))
        TRY(keyring_ready(c));
    LIST_EACH(struct import, i, &chosen)
    TRY(import_one(c, &all, i));
    if (cli_has(c, "dry-run"))
        return OK;
    TRY(contexts_save(c->s, &all));
    if (cli_has(c, "plain-file"))
        caution(c, "secrets are kept in plain text in %s (mode 0600)", all.path);
    return OK;
}
