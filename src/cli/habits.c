/* Habits: the variables and the file of a client that people have scripts for. */
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE_MAX ((size_t)1 << 20)

static const struct {
    const char *name, *member;
} members[] = {
    { "HOSTNAME", "host" },
    { "USERNAME", "username" },
    { "PASSWORD", "password" },
    { "DOMAIN", "domain" },
    { "API_PATH", "api_path" },
    { "CA_CERT", "ca_cert_path" },
    { "AUTH_CLIENT_ID", "client_id" },
    { "AUTH_CLIENT_SECRET", "client_secret" },
    { "AUTH_TOKEN_URL", "token_url" },
    { "AUTH_AUDIENCE", "audience" },
    { "AUTH_ACCESS_TOKEN", "access_token" },
};

const char *
variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value && text_is_utf8(value, strlen(value)) ? value : NULL;
}

const char *
habit(struct cli *c, const struct session *n, const char *name)
{
    const char *value = variable(arena_printf(c->s->arena, "KEYFACTOR_%s", name));

    for (size_t i = 0; i < COUNT(members) && !value; i++)
        if (text_eq(members[i].name, name))
            value = json_str(json_get(n->profile, members[i].member));
    return text_empty(value) ? NULL : value;
}

const char *
habit_path(struct cli *c)
{
    const char *path = variable("KEYFACTOR_AUTH_CONFIG_FILE"), *home = variable("HOME");

    if (!path && home)
        path = arena_printf(c->s->arena, "%s/.keyfactor/command_config.json", home);
    return path;
}

enum err
habit_servers(struct cli *c, const char *path, const struct json **servers)
{
    struct bytes text;
    struct json *file;

    TRY(read_input(c, path, FILE_SIZE_MAX, &text));
    TRY(note(c->s, json_parse(c->s, text, &file), "%s", path));
    *servers = json_get(file, "servers");
    return OK;
}

enum err
habit_profile(struct cli *c, struct session *n)
{
    const char *path = habit_path(c);
    const char *name = variable("KEYFACTOR_AUTH_CONFIG_PROFILE"), *asked = cli_text(c, "context");
    bool is_asked = asked && text_starts(asked, "kf:");
    const struct json *servers;

    if (is_asked)
        name = asked + strlen("kf:");
    if (!path || (!is_asked && access(path, R_OK) != 0))
        return OK;
    TRY(habit_servers(c, path, &servers));
    n->profile = json_get(servers, name ? name : "default");
    return n->profile || !is_asked
               ? OK
               : fail_code(c->s, E_NOT_FOUND, CHY_USAGE, "%s has no server \"%s\"", path, name);
}
