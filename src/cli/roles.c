/* Roles: what they may do, and who holds them. */
#include "cli/access_rows.h"

#include "api/v1.h"
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    { "name", NULL, 0 },        { "enabled", NULL, 0 },   { "built_in", "BUILT IN", 0 },
    { "description", NULL, 0 }, { "id", NULL, COL_WIDE },
};
static const struct view roles = { .kind = "role",
                                   .key = "name",
                                   .columns = columns,
                                   .column_count = COUNT(columns),
                                   .none = "There are no roles." };

static struct view
roles_view(void)
{
    struct view v = roles;

    v.model = v1_roles_get_op.reply;
    return v;
}

static const char *
role_path(struct cli *c, const char *below)
{
    return arena_printf(c->s->arena, REST_API "/roles/%s%s", segment(c, cli_arg(c, 0)), below);
}

enum err
run_roles_list(struct cli *c)
{
    struct view v = roles_view();

    return print_cursor(c, &(struct ask){ .path = REST_API "/roles" }, &v);
}

/** What a role may do, or who holds it, a line each. */
static void
print_lines(const struct json *rows, const char *title)
{
    (void)printf("\n%s\n", json_count(rows) ? title : "");
    for (size_t i = 0; i < json_count(rows); i++) {
        const struct json *row = json_item(rows, i);
        const char *object = json_str(json_get(row, "object"));
        const char *first = json_str(json_get(row, "permission"));

        if (first && object)
            (void)printf("  %s on %s %s\n", first, json_str(json_get(row, "scope")), object);
        else if (first)
            (void)printf("  %s\n", first);
        else
            (void)printf("  %s %s\n", json_str(json_get(row, "kind")),
                         json_str(json_get(row, "name")));
    }
}

enum err
run_roles_show(struct cli *c)
{
    struct view v = roles_view();
    struct answer a;

    if (fields_helped(c, &v))
        return OK;
    TRY(ask_get(c, role_path(c, ""), &a));
    TRY(print_data(c, &v, a.json));
    if (!output_is_table(c))
        return OK;
    print_lines(json_get(a.json, "grants"), "MAY");
    print_lines(json_get(a.json, "members"), "HELD BY");
    return OK;
}

/* Changes. */

enum err
on_given(struct cli *c, const char **scope, const char **object)
{
    const char *on = cli_text(c, "on"), *colon = on ? strchr(on, ':') : NULL;

    *scope = *object = NULL;
    if (!on)
        return OK;
    if (!colon || colon == on || !colon[1])
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--on: KIND:NAME, such as template:WebServer, not \"%s\"", on);
    *scope = arena_text_n(c->s->arena, on, (size_t)(colon - on));
    *object = colon + 1;
    return OK;
}

enum err
grant_write(struct cli *c, struct buf *b, const char *permission)
{
    const char *scope, *object;

    TRY(on_given(c, &scope, &object));
    buf_text(b, "{\"permission\":");
    json_text(b, permission);
    if (scope) {
        buf_text(b, ",\"scope\":");
        json_text(b, scope);
        buf_text(b, ",\"object\":");
        json_text(b, object);
    }
    buf_byte(b, '}');
    return OK;
}

enum err
run_roles_create(struct cli *c)
{
    struct list permissions = cli_texts(c, "permission");
    struct ask ask = { .method = "POST", .path = REST_API "/roles" };
    struct view v = roles_view();
    struct answer a;
    struct buf b;
    size_t i = 0;

    if (cli_has(c, "dry-run")) {
        (void)printf("would make role %s\n", cli_arg(c, 0));
        return OK;
    }
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"name\":");
    json_text(&b, cli_arg(c, 0));
    buf_text(&b, ",\"description\":");
    json_text(&b, cli_text(c, "description") ? cli_text(c, "description") : "");
    buf_text(&b, ",\"grants\":[");
    LIST_EACH(const char *, permission, &permissions)
    {
        buf_text(&b, i++ ? ",{\"permission\":" : "{\"permission\":");
        json_text(&b, *permission);
        buf_byte(&b, '}');
    }
    buf_text(&b, "]}");
    ask.body = buf_str(&b);
    ask.not_done = arena_printf(c->s->arena, "role %s not made", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    say(c, "role %s made", cli_arg(c, 0));
    return OK;
}

enum err
run_roles_delete(struct cli *c)
{
    struct ask ask = { .method = "DELETE", .path = role_path(c, "") };
    struct answer a;

    if (cli_has(c, "dry-run")) {
        (void)printf("would remove role %s\n", cli_arg(c, 0));
        return OK;
    }
    TRY(confirm(c, arena_printf(c->s->arena, "remove role %s", cli_arg(c, 0))));
    ask.not_done = arena_printf(c->s->arena, "role %s not removed", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    say(c, "role %s removed", cli_arg(c, 0));
    return OK;
}

static enum err
grant_one(struct cli *c, const char *permission, bool more)
{
    struct ask ask = { .method = more ? "POST" : "DELETE", .path = role_path(c, "/grants") };
    const char *scope, *object;
    struct answer a;
    struct buf b;

    TRY(on_given(c, &scope, &object));
    if (more) {
        buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
        TRY(grant_write(c, &b, permission));
        ask.body = buf_str(&b);
    } else {
        ask_param(c, &ask, "permission", permission);
        ask_param(c, &ask, "scope", scope);
        ask_param(c, &ask, "object", object);
    }
    ask.not_done = arena_printf(c->s->arena, "%s not %s", permission, more ? "granted" : "taken");
    TRY(ask_server(c, &ask, &a));
    say(c, "role %s may %s %s%s%s", cli_arg(c, 0), more ? "now do" : "no longer do", permission,
        object ? " on " : "", object ? cli_text(c, "on") : "");
    return OK;
}

enum err
run_roles_grant(struct cli *c)
{
    bool more = text_ends(c->command->path, "grant");

    if (cli_has(c, "dry-run")) {
        (void)printf("would change what role %s may do\n", cli_arg(c, 0));
        return OK;
    }
    for (size_t i = 1; cli_arg(c, i); i++)
        TRY(grant_one(c, cli_arg(c, i), more));
    return OK;
}

static enum err
member_one(struct cli *c, const char *who, bool more)
{
    const char *kind = text_starts(who, "client:")  ? "client"
                       : text_starts(who, "claim:") ? "claim"
                                                    : "user";
    const char *name =
        text_starts(who, "client:") || text_starts(who, "claim:") || text_starts(who, "user:")
            ? strchr(who, ':') + 1
            : who;
    struct ask ask = { .method = more ? "POST" : "DELETE" };
    struct answer a;
    struct buf b;

    if (more) {
        buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
        buf_printf(&b, "{\"kind\":\"%s\",\"name\":", kind);
        json_text(&b, name);
        buf_byte(&b, '}');
        ask.body = buf_str(&b);
        ask.path = role_path(c, "/members");
    } else {
        ask.path =
            role_path(c, arena_printf(c->s->arena, "/members/%s/%s", kind, segment(c, name)));
    }
    ask.not_done = arena_printf(c->s->arena, "%s: nothing changed", who);
    TRY(ask_server(c, &ask, &a));
    say(c, "%s %s %s", who, more ? "holds the role" : "does not hold the role", cli_arg(c, 0));
    return OK;
}

enum err
run_roles_member(struct cli *c)
{
    bool more = text_ends(c->command->path, "add");

    if (cli_has(c, "dry-run")) {
        (void)printf("would change who holds role %s\n", cli_arg(c, 0));
        return OK;
    }
    for (size_t i = 1; cli_arg(c, i); i++)
        TRY(member_one(c, cli_arg(c, i), more));
    return OK;
}

enum err
run_roles_permissions(struct cli *c)
{
    static const struct column shown[] = {
        { "name", NULL, 0 },
        { "description", NULL, 0 },
        { "command_name", "COMMAND API", 0 },
        { "path", NULL, COL_WIDE },
    };
    struct view v = {
        .kind = "permission", .key = "name", .columns = shown, .column_count = COUNT(shown)
    };
    struct answer a;

    TRY(ask_get(c, REST_API "/permissions", &a));
    return print_data(c, &v, json_get(a.json, "items"));
}
