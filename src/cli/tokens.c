/* Tokens for programs. */
#include "cli/access_rows.h"

#include "api/v1.h"
#include <stdio.h>

static const struct column columns[] = {
    { "id", NULL, COL_RIGHT },
    { "name", NULL, 0 },
    { "hint", NULL, 0 },
    { "owner", NULL, 0 },
    { "expires_at", "EXPIRES", COL_AGO },
    { "last_used_at", "LAST USED", COL_AGO },
    { "created_at", "CREATED", COL_WIDE | COL_AGO },
};
static const struct view tokens = { .kind = "token",
                                    .key = "id",
                                    .columns = columns,
                                    .column_count = COUNT(columns),
                                    .none = "There are no tokens." };

static struct view
tokens_view(void)
{
    struct view v = tokens;

    v.model = v1_tokens_get_op.reply;
    return v;
}

enum err
run_tokens_list(struct cli *c)
{
    struct ask ask = { .path = REST_API "/tokens" };
    struct view v = tokens_view();

    if (cli_has(c, "everybody"))
        ask_param(c, &ask, "all", "true");
    return print_cursor(c, &ask, &v);
}

static enum err
write_request(struct cli *c, struct buf *b)
{
    struct list permissions = cli_texts(c, "permission");
    struct when expires = cli_time(c, "expires", clock_now());
    size_t i = 0;

    if (permissions.count == 0)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--permission: what the token is for, such as certificates/read; '*' is "
                         "all that you may");
    buf_text(b, "{\"name\":");
    json_text(b, cli_arg(c, 0));
    if (when_given(expires)) {
        buf_text(b, ",\"expires_at\":");
        json_when(b, expires);
    }
    buf_text(b, ",\"grants\":[");
    LIST_EACH(const char *, permission, &permissions)
    {
        buf_text(b, i++ ? "," : "");
        TRY(grant_write(c, b, *permission));
    }
    buf_text(b, "]}");
    return OK;
}

enum err
run_tokens_create(struct cli *c)
{
    struct ask ask = { .method = "POST", .path = REST_API "/tokens" };
    struct view v = tokens_view();
    const char *token;
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    TRY(write_request(c, &b));
    if (cli_has(c, "dry-run")) {
        (void)printf("would make token %s\n", cli_arg(c, 0));
        return OK;
    }
    ask.body = buf_str(&b);
    ask.not_done = arena_printf(c->s->arena, "token %s not made", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    token = json_str(json_get(a.json, "token"));
    if (!token)
        return fail(c->s, E_UNAVAILABLE, "the server sent no token");
    (void)printf("%s\n", token);
    say(c, "token %s made; it is not shown again", cli_arg(c, 0));
    return OK;
}

enum err
run_tokens_revoke(struct cli *c)
{
    return remove_named(
        c, &(struct removal){ .verb = "revoke", .what = "token", .path = REST_API "/tokens" });
}
