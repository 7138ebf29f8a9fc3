/* Users, and who one is. */
#include "cli/body.h"

#include "api/v1.h"
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    { "name", NULL, 0 },
    { "display_name", "PERSON", 0 },
    { "enabled", NULL, 0 },
    { "roles", NULL, 0 },
    { "last_login_at", "LAST LOGIN", COL_AGO },
    { "created_at", "CREATED", COL_WIDE | COL_AGO },
    { "email", NULL, COL_WIDE },
    { "id", NULL, COL_WIDE },
};
static const struct view users = { .kind = "user",
                                   .key = "name",
                                   .columns = columns,
                                   .column_count = COUNT(columns),
                                   .none = "There are no users." };

static struct view
users_view(void)
{
    struct view v = users;

    v.model = v1_users_get_op.reply;
    return v;
}

static const char *
user_path(struct cli *c)
{
    return arena_printf(c->s->arena, REST_API "/users/%s", segment(c, cli_arg(c, 0)));
}

enum err
run_users_list(struct cli *c)
{
    struct view v = users_view();

    return print_cursor(c, &(struct ask){ .path = REST_API "/users" }, &v);
}

enum err
run_users_show(struct cli *c)
{
    struct view v = users_view();
    struct answer a;

    if (fields_helped(c, &v))
        return OK;
    TRY(ask_get(c, user_path(c), &a));
    return print_data(c, &v, a.json);
}

static enum err
would(struct cli *c, const char *what)
{
    (void)printf("would %s user %s\n", what, cli_arg(c, 0));
    return OK;
}

enum err
run_users_create(struct cli *c)
{
    struct ask ask = { .method = "POST", .path = REST_API "/users" };
    AUTO(secret_free) struct secret *password = NULL;
    struct answer a;
    struct buf b;

    if (cli_has(c, "dry-run"))
        return would(c, "make");
    TRY(read_password(c, "password-file", "Password of the new user", &password));
    body_begin(c, &b);
    body_text(&b, "name", cli_arg(c, 0));
    body_text(&b, "password", (const char *)password->data);
    body_text(&b, "email", cli_text(c, "email"));
    body_text(&b, "display_name", cli_text(c, "display-name"));
    body_texts(&b, "roles", cli_texts(c, "role"));
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    ask.not_done = arena_printf(c->s->arena, "user %s not made", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    if (output_is_table(c)) {
        say(c, "user %s made", cli_arg(c, 0));
        return OK;
    }
    return print_data(c, &users, a.json);
}

/* Read the user's version, so that a change in between is noticed. */
static enum err
version_of(struct cli *c, struct ask *ask)
{
    struct answer a;
    const char *etag;

    TRY(ask_get(c, ask->path, &a));
    etag = reply_header(&a.reply, "ETag");
    if (etag)
        list_add(c->s->arena, &ask->headers, struct header, ((struct header){ "If-Match", etag }));
    return OK;
}

enum err
run_users_password(struct cli *c)
{
    struct ask ask = { .method = "POST" };
    AUTO(secret_free) struct secret *password = NULL;
    struct answer a;
    struct buf b;

    if (cli_has(c, "dry-run"))
        return would(c, "set the password of");
    TRY(read_password(c, "password-file", "New password", &password));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"password\":");
    json_text(&b, (const char *)password->data);
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    ask.path = user_path(c);
    TRY(version_of(c, &ask));
    ask.path = arena_printf(c->s->arena, "%s/password", ask.path);
    ask.not_done = arena_printf(c->s->arena, "password of user %s not set", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    say(c, "password of user %s set", cli_arg(c, 0));
    return OK;
}

enum err
run_users_switch(struct cli *c)
{
    bool on = text_ends(c->command->path, "enable");
    struct ask ask = { .method = "PATCH", .path = user_path(c) };
    struct answer a;

    if (cli_has(c, "dry-run"))
        return would(c, on ? "enable" : "disable");
    TRY(version_of(c, &ask));
    ask.body = on ? "{\"enabled\":true}" : "{\"enabled\":false}";
    ask.not_done = arena_printf(c->s->arena, "user %s not changed", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    say(c, "user %s %s", cli_arg(c, 0), on ? "enabled" : "disabled");
    return OK;
}

enum err
run_users_delete(struct cli *c)
{
    struct ask ask = { .method = "DELETE", .path = user_path(c) };
    struct answer a;

    if (cli_has(c, "dry-run"))
        return would(c, "remove");
    TRY(confirm(c, arena_printf(c->s->arena, "remove user %s", cli_arg(c, 0))));
    TRY(version_of(c, &ask));
    ask.not_done = arena_printf(c->s->arena, "user %s not removed", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    say(c, "user %s removed", cli_arg(c, 0));
    return OK;
}

enum err
run_whoami(struct cli *c)
{
    static const struct view me = { .kind = "user", .key = "name" };
    struct answer a;

    TRY(ask_get(c, REST_API "/whoami", &a));
    return print_data(c, &me, a.json);
}
