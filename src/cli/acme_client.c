/* What to tell an ACME client, so that it gets its certificates here. */
#include "cli/acme_recipes.h"
#include "cli/acme_rows.h"
#include "cli/run.h"

#include <string.h>

#define TEXT_MAX ((size_t)64 << 10)
#define DEFAULT_ROOT "/etc/ssl/certs/chancery-root.pem"
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static enum err
usage(struct cli *c, const char *what, const char *text)
{
    return fail_code(c->s, E_INVALID, CHY_USAGE, "%s: %s", what, text);
}

/* It stands in commands and settings: nothing in it may mean anything there. */
static bool
is_of(const char *text, const char *characters)
{
    return !text[strspn(text, characters)];
}

static enum err
read_domains(struct cli *c, struct recipe *w)
{
    w->domains = cli_texts(c, "domain");
    if (!w->domains.count)
        return usage(c, "-d", "what the certificate is for, such as app.example.com");
    LIST_EACH(const char *, domain, &w->domains)
    {
        const char *name = text_starts(*domain, "*.") ? *domain + 2 : *domain;

        if (text_empty(name) || !is_of(name, PLAIN ".-:"))
            return usage(c, *domain, "is no name of a host");
        if (name != *domain && w->way != BY_DNS)
            return usage(c, *domain, "a wildcard is proved by DNS: --challenge dns-01");
    }
    return OK;
}

static enum err
read_way(struct cli *c, struct recipe *w, const struct acme_client *client)
{
    static const char *const words[] = { "http-01", "dns-01", "tls-alpn-01", NULL };
    const char *word = cli_text(c, "challenge");
    size_t way = 0;

    while (word && words[way] && !text_eq(word, words[way]))
        way++;
    if (!words[way])
        return usage(c, word,
                     arena_printf(c->s->arena, "is none of %s", all_words(c->s->arena, words)));
    w->way = (enum way)way;
    if (!(client->ways & 1U << way))
        return usage(c, words[way],
                     arena_printf(c->s->arena, "%s does not know this challenge", client->name));
    return OK;
}

static enum err
read_rest(struct cli *c, struct recipe *w)
{
    const char *first = *list_at(&w->domains, const char *, 0);
    const char *root = cli_text(c, "root");

    w->root = root ? root : DEFAULT_ROOT;
    w->email = cli_text(c, "email");
    w->webroot = cli_text(c, "webroot");
    if (!w->email)
        w->email =
            arena_printf(c->s->arena, "hostmaster@%s", first + (text_starts(first, "*.") ? 2 : 0));
    if (!strchr(w->email, '@') || !is_of(w->email, PLAIN ".-_+@"))
        return usage(c, w->email, "is no mail address");
    if (!is_of(w->root, PLAIN "./-_"))
        return usage(c, w->root, "is no path without blanks and special characters");
    if (w->webroot && !is_of(w->webroot, PLAIN "./-_"))
        return usage(c, w->webroot, "is no path without blanks and special characters");
    return OK;
}

/* What the server says of its directory is what clients are told. */
static enum err
read_directory(struct cli *c, struct recipe *w)
{
    const char *profile = cli_text(c, "profile");
    struct scope *s = c->s;
    struct ask ask = { .nobody = true, .not_done = "the directory cannot be read" };
    const char *nonce;
    struct answer a;
    enum err e;

    ask.path = profile ? arena_printf(s->arena, "/acme/%s/directory", segment(c, profile))
                       : "/acme/directory";
    e = ask_server(c, &ask, &a);
    if (e == E_NOT_FOUND)
        return fail(s, E_NOT_FOUND, "%s%s", profile ? "there is no ACME profile " : "ACME is off",
                    profile ? profile : "");
    TRY(e);
    nonce = json_str(json_get(a.json, "newNonce"));
    if (!nonce || !text_ends(nonce, "/new-nonce") || !is_of(nonce, PLAIN ":/.-_[]%"))
        return fail(s, E_UNAVAILABLE, "the server sent no ACME directory");
    w->directory = arena_printf(s->arena, "%.*s/directory",
                                (int)(strlen(nonce) - strlen("/new-nonce")), nonce);
    (void)json_bool(json_get(json_get(a.json, "meta"), "externalAccountRequired"), &w->bound);
    return OK;
}

const char *const *
acme_client_words(struct arena *a)
{
    const char **words = arena_alloc(a, (acme_client_count + 1) * sizeof(*words));

    for (size_t i = 0; i < acme_client_count; i++)
        words[i] = acme_clients[i].name;
    words[acme_client_count] = NULL;
    return words;
}

static const struct acme_client *
client_named(const char *name)
{
    for (size_t i = 0; i < acme_client_count; i++)
        if (text_eq_fold(name, acme_clients[i].name))
            return &acme_clients[i];
    return NULL;
}

static enum err
unknown_client(struct cli *c, const char *name)
{
    const char *const *words = acme_client_words(c->s->arena);
    const char *near = nearest_word(name, words, acme_client_count);

    return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\" is none of %s%s%s%s", name,
                     all_words(c->s->arena, words), near ? "; did you mean " : "", near ? near : "",
                     near ? "?" : "");
}

enum err
run_acme_client(struct cli *c)
{
    const struct acme_client *client = client_named(cli_arg(c, 0));
    struct recipe w = { 0 };
    struct buf b;

    if (!client)
        return unknown_client(c, cli_arg(c, 0));
    buf_init_in(&b, c->s->arena, TEXT_MAX);
    w.out = &b;
    TRY(read_way(c, &w, client));
    TRY(read_domains(c, &w));
    TRY(read_rest(c, &w));
    TRY(read_directory(c, &w));
    client->tell(&w);
    if (w.bound)
        say(c, client->shell
                   ? "first: chancery acme eab create --uses 1 -o env, and export what it says"
                   : "first: chancery acme eab create --uses 1, and put in what it says");
    return b.failed ? fail(c->s, E_LIMIT, "so many names are too long")
                    : print_bytes(c, buf_bytes(&b));
}
