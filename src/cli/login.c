/* Logging in, and the contexts that this makes. */
#include "cli/keyring.h"
#include "cli/session.h"

#include "codec/settings.h"
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    { "current", " ", 0 }, { "name", NULL, 0 },  { "server", NULL, 0 },
    { "user", NULL, 0 },   { "token", NULL, 0 }, { "ca_file", "CA FILE", COL_WIDE },
};
static const struct view contexts_view = { .kind = "context",
                                           .key = "name",
                                           .columns = columns,
                                           .column_count = COUNT(columns),
                                           .none = "There are no contexts: chancery login." };

/* The name of the context: as told, as it is, or after the host. */
static const char *
name_of(struct cli *c, const struct session *n)
{
    const char *name = cli_text(c, "name");

    if (!name)
        name = cli_text(c, "context");
    if (!name && n->context)
        name = n->context->name;
    return name ? name : arena_text_n(c->s->arena, n->host, strcspn(n->host, "/"));
}

static const char *
absolute(struct cli *c, const char *path)
{
    char *real = path ? realpath(path, NULL) : NULL;
    const char *out = real ? arena_text(c->s->arena, real) : path;

    free(real);
    return out;
}

static enum err
get_token(struct cli *c, const char *user, const char **token, int64_t *life_s)
{
    struct ask ask = { .method = "POST",
                       .path = COMMAND_API "/Auth/Login",
                       .nobody = true,
                       .not_done = "not logged in" };
    AUTO(secret_free) struct secret *password = NULL;
    const char *variable = getenv("CHANCERY_PASSWORD");
    struct answer a;
    struct buf b;

    if (!text_empty(variable) && !cli_text(c, "password-file"))
        password = secret_copy(bytes_of_text(variable));
    else
        TRY(read_password(c, "password-file", "Password", &password));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"username\":");
    json_text(&b, user);
    buf_text(&b, ",\"password\":");
    json_text(&b, (const char *)password->data);
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    *token = json_str(json_get(a.json, "access_token"));
    *life_s = 0;
    (void)json_int(json_get(a.json, "expires_in"), life_s);
    return *token ? OK : fail(c->s, E_UNAVAILABLE, "the server sent no token");
}

enum err
keyring_ready(struct cli *c)
{
    static const char name[] = "chancery/.try";
    enum err e = keyring_put(c->s, name, "-", 1);

    keyring_drop(name);
    if (e == OK)
        return OK;
    c->cause = arena_text(c->s->arena, c->s->error.text);
    return fail_code(c->s, E_INVALID, CHY_USAGE,
                     "there is no keyring to keep the token in: --plain-file keeps it in the "
                     "context file, mode 0600; CHANCERY_TOKEN works without login");
}

static enum err
keep_token(struct cli *c, struct context *x, const char *token, int64_t life_s)
{
    context_forget(x);
    x->token = token;
    if (cli_has(c, "plain-file"))
        return OK;
    x->token = arena_printf(c->s->arena, "keyring:chancery/%s", x->name);
    return keyring_put(c->s, keyring_name(x->token), token, life_s);
}

enum err
run_login(struct cli *c)
{
    const char *user = cli_text(c, "user"), *token;
    struct session *n;
    struct context *x;
    int64_t life_s;

    if (!user)
        user = getenv("CHANCERY_USERNAME");
    if (text_empty(user))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--user is needed: who are you?");
    TRY(session_of(c, true, &n));
    if (!cli_has(c, "plain-file"))
        TRY(keyring_ready(c));
    TRY(get_token(c, user, &token, &life_s));
    x = context_make(c->s, &n->contexts, name_of(c, n));
    x->server = n->url;
    x->ca_file = absolute(c, n->ca_path);
    x->user = user;
    x->auth = "token";
    TRY(keep_token(c, x, token, life_s));
    n->contexts.current = x->name;
    TRY(contexts_save(c->s, &n->contexts));
    if (cli_has(c, "plain-file"))
        caution(c, "the token is kept in plain text in %s (mode 0600)", n->contexts.path);
    say(c, "logged in to %s as %s, context %s", n->host, user, x->name);
    return OK;
}

/* The context of --context, or the current one. */
static enum err
this_context(struct cli *c, struct contexts *all, struct context **out)
{
    const char *name = cli_text(c, "context");

    TRY(contexts_load(c->s, all));
    if (!name)
        name = all->current;
    *out = name ? context_find(all, name) : NULL;
    return *out ? OK
                : fail_code(c->s, E_NOT_FOUND, CHY_USAGE, "there is no context%s%s",
                            name ? " " : "", name ? name : "");
}

enum err
run_logout(struct cli *c)
{
    struct contexts all;
    struct context *x;

    TRY(this_context(c, &all, &x));
    if (cli_has(c, "dry-run")) {
        say(c, "would forget the token of context %s", x->name);
        return OK;
    }
    context_forget(x);
    TRY(contexts_save(c->s, &all));
    say(c, "the token of context %s is forgotten", x->name);
    return OK;
}

static void
add_member(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, ",\"%s\":", name);
    json_text(b, value);
}

enum err
run_context_list(struct cli *c)
{
    struct contexts all;
    struct buf b;

    TRY(contexts_load(c->s, &all));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '[');
    LIST_EACH(struct context, x, &all.all)
    {
        const char *secret = x->token           ? x->token
                             : x->client_secret ? x->client_secret
                                                : x->password;

        buf_text(&b, x == all.all.items ? "{\"name\":" : ",{\"name\":");
        json_text(&b, x->name);
        add_member(&b, "current", text_eq(x->name, all.current) ? "*" : "");
        add_member(&b, "server", x->server);
        add_member(&b, "user", x->client_secret && !x->token ? x->client_id : x->user);
        add_member(&b, "ca_file", x->ca_file);
        add_member(&b, "token", context_is_plain(secret) ? "***" : secret);
        buf_byte(&b, '}');
    }
    buf_byte(&b, ']');
    return print_json(c, &contexts_view, &b);
}

enum err
run_context_use(struct cli *c)
{
    struct contexts all;
    struct context *x;

    TRY(contexts_load(c->s, &all));
    x = context_find(&all, cli_arg(c, 0));
    if (!x)
        return fail_code(c->s, E_NOT_FOUND, CHY_USAGE, "there is no context \"%s\"", cli_arg(c, 0));
    all.current = x->name;
    if (!cli_has(c, "dry-run"))
        TRY(contexts_save(c->s, &all));
    say(c, "context %s: %s", x->name, x->server ? x->server : "no server yet");
    return OK;
}

enum err
run_context_set(struct cli *c)
{
    const char *token = cli_text(c, "token");
    struct contexts all;
    struct context *x;

    TRY(contexts_load(c->s, &all));
    if (token && !settings_is_reference(token))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--token takes a reference: env:NAME or file:PATH");
    x = context_make(c->s, &all, cli_arg(c, 0));
    if (cli_text(c, "server")) {
        if (x->server && !same_server(x->server, cli_text(c, "server")))
            context_forget(x); /* they were for the other server */
        x->server = cli_text(c, "server");
    }
    if (text_empty(x->server))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--server is needed for a new context");
    if (cli_text(c, "cacert"))
        x->ca_file = absolute(c, cli_text(c, "cacert"));
    if (cli_text(c, "output"))
        x->output = cli_text(c, "output");
    x->token = token ? token : x->token;
    if (!all.current)
        all.current = x->name;
    if (!cli_has(c, "dry-run"))
        TRY(contexts_save(c->s, &all));
    say(c, "context %s: %s", x->name, x->server);
    return OK;
}

enum err
run_context_delete(struct cli *c)
{
    struct list kept = { 0 };
    struct contexts all, before;

    TRY(contexts_load(c->s, &all));
    if (!context_find(&all, cli_arg(c, 0)))
        return fail_code(c->s, E_NOT_FOUND, CHY_USAGE, "there is no context \"%s\"", cli_arg(c, 0));
    LIST_EACH(struct context, x, &all.all)
    if (!text_eq(x->name, cli_arg(c, 0)))
        list_add(c->s->arena, &kept, struct context, *x);
    before = all;
    all.all = kept;
    if (text_eq(all.current, cli_arg(c, 0)))
        all.current = NULL;
    if (cli_has(c, "dry-run")) {
        say(c, "would remove context %s", cli_arg(c, 0));
        return OK;
    }
    context_forget(context_find(&before, cli_arg(c, 0)));
    TRY(contexts_save(c->s, &all));
    say(c, "context %s removed", cli_arg(c, 0));
    return OK;
}
