/* Rate limits of ACME: what is left, numbers of single accounts, beginning anew. */
#include "cli/acme_rows.h"
#include "cli/body.h"

#include "api/v1.h"
#include "cli/issue.h"
#include "cli/run.h"
#include <stdio.h>

static const struct column bucket_columns[] = {
    { "limit", NULL, 0 },        { "profile", NULL, COL_WIDE }, { "key", NULL, 0 },
    { "most", NULL, COL_RIGHT }, { "left", NULL, COL_RIGHT },   { "full_at", "ALL THERE", COL_AGO },
};
static const struct column own_columns[] = {
    { "account", NULL, 0 },      { "profile", NULL, COL_WIDE },     { "limit", NULL, 0 },
    { "most", NULL, COL_RIGHT }, { "expires_at", "ENDS", COL_AGO }, { "reason", NULL, 0 },
    { "created_by", "BY", 0 },
};

static struct view
own_view(void)
{
    return (struct view){ .kind = "limit",
                          .key = "limit",
                          .columns = own_columns,
                          .column_count = COUNT(own_columns),
                          .model = v1_acme_own_limits_set_op.reply,
                          .none = "No account has limits of its own." };
}

enum err
run_acme_limits_list(struct cli *c)
{
    const char *name = cli_text(c, "name"), *account = cli_text(c, "account");
    bool own = cli_has(c, "own") || account;
    struct ask ask = { .path = own ? REST_API "/acme/limits/accounts" : REST_API "/acme/limits" };
    struct view v = { .kind = "limit",
                      .key = "key",
                      .columns = bucket_columns,
                      .column_count = COUNT(bucket_columns),
                      .none = "Nothing was taken from a limit." };

    if (own)
        v = own_view();
    if (name)
        ask_param(c, &ask, "name", name);
    if (account)
        ask_param(c, &ask, "account", account);
    return print_cursor(c, &ask, &v);
}

/* N, "any", or "default": then *GONE. */
static enum err
read_number(struct cli *c, int64_t *most, bool *gone)
{
    const char *text = cli_arg(c, 2);

    *gone = text_eq(text, "default");
    *most = 0;
    if (*gone || text_eq(text, "any"))
        return OK;
    return text_to_int(text, most) && *most > 0
               ? OK
               : fail_code(c->s, E_INVALID, CHY_USAGE,
                           "\"%.64s\" is no number from 1, and neither any nor default", text);
}

static const char *
path_of(struct cli *c)
{
    return arena_printf(c->s->arena, REST_API "/acme/accounts/%s/limits/%s",
                        segment(c, cli_arg(c, 0)), segment(c, cli_arg(c, 1)));
}

static enum err
take_away(struct cli *c)
{
    struct ask ask = { .method = "DELETE", .path = path_of(c) };
    struct answer a;

    ask_param(c, &ask, "reason", cli_text(c, "reason"));
    ask.not_done = "the limit is as it was";
    TRY(ask_server(c, &ask, &a));
    say(c, "%s of account %s is as others have it", cli_arg(c, 1), cli_arg(c, 0));
    return OK;
}

static enum err
give_own(struct cli *c, int64_t most)
{
    int64_t ttl = cli_duration(c, "ttl", 0);
    struct ask ask = { .method = "PUT", .path = path_of(c), .not_done = "the limit is as it was" };
    struct view v = own_view();
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"most\":%lld", (long long)most);
    if (ttl)
        body_time(&b, "expires_at", when_add_ms(clock_now(), ttl));
    body_text(&b, "reason", cli_text(c, "reason"));
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    say(c, "%s of account %s is %s", cli_arg(c, 1), json_str(json_get(a.json, "account")),
        most ? cli_arg(c, 2) : "any number");
    return OK;
}

enum err
run_acme_limits_set(struct cli *c)
{
    int64_t most;
    bool gone;

    TRY(read_number(c, &most, &gone));
    if (!cli_text(c, "reason"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--reason: why, for the audit record; such as the number of the case");
    if (gone && cli_text(c, "ttl"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--ttl: default does not end");
    if (cli_has(c, "dry-run")) {
        (void)printf("would set %s of account %s to %s\n", cli_arg(c, 1), cli_arg(c, 0),
                     cli_arg(c, 2));
        return OK;
    }
    return gone ? take_away(c) : give_own(c, most);
}

enum err
run_acme_limits_reset(struct cli *c)
{
    const char *limit = cli_arg(c, 0), *key = cli_arg(c, 1);
    const char *what = arena_printf(c->s->arena, "reset %s of %s", limit, key ? key : "everybody");
    struct ask ask = { .method = "POST",
                       .path = REST_API "/acme/limits/reset",
                       .not_done = "nothing was reset" };
    struct answer a;
    int64_t count = 0;
    struct buf b;

    if (cli_has(c, "dry-run")) {
        (void)printf("would %s\n", what);
        return OK;
    }
    if (!key)
        TRY(confirm(c, what));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"limit\":");
    json_text(&b, limit);
    body_text(&b, "key", key);
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    (void)json_int(json_get(a.json, "count"), &count);
    say(c, "%lld of %s began anew", (long long)count, limit);
    return OK;
}
