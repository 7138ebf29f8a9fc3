/* Who else logs people in, and whether they answer. */
#include "cli/run.h"

#include <stdio.h>

static const struct column list_columns[] = {
    { "name", NULL, 0 },
    { "kind", NULL, 0 },
    { "addresses", NULL, 0 },
    { "domains", NULL, 0 },
};
static const struct view providers = { .kind = "provider",
                                       .key = "name",
                                       .columns = list_columns,
                                       .column_count = COUNT(list_columns),
                                       .none = "No provider is configured." };

static const struct column step_columns[] = {
    { "name", "STEP", 0 },
    { "ok", NULL, 0 },
    { "detail", NULL, 0 },
    { "duration_ms", "MS", COL_RIGHT },
};
static const struct view steps = {
    .kind = "step", .key = "name", .columns = step_columns, .column_count = COUNT(step_columns)
};

enum err
run_providers_list(struct cli *c)
{
    struct answer a;

    TRY(ask_get(c, REST_API "/providers", &a));
    return print_data(c, &providers, json_get(a.json, "items"));
}

/** Whom to look for, as JSON; their password only from a file or a terminal. */
static enum err
trial_body(struct cli *c, const char **out)
{
    AUTO(secret_free) struct secret *password = NULL;
    const char *user = cli_text(c, "user");
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{");
    if (user) {
        buf_text(&b, "\"user\":");
        json_text(&b, user);
    }
    if (cli_text(c, "password-file")) {
        TRY(read_password(c, "password-file", "Their password", &password));
        buf_text(&b, user ? ",\"password\":" : "\"password\":");
        json_text(&b, (const char *)password->data);
    }
    buf_text(&b, "}");
    *out = buf_str(&b);
    return OK;
}

enum err
run_providers_test(struct cli *c)
{
    struct ask ask = { .method = "POST" };
    struct answer a;
    bool ok = false;

    if (cli_has(c, "dry-run")) {
        (void)printf("would try provider %s\n", cli_arg(c, 0));
        return OK;
    }
    TRY(trial_body(c, &ask.body));
    ask.path = arena_printf(c->s->arena, REST_API "/providers/%s/test", segment(c, cli_arg(c, 0)));
    ask.not_done = arena_printf(c->s->arena, "provider %s not tried", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    (void)json_bool(json_get(a.json, "ok"), &ok);
    c->status = ok ? EXIT_DONE : EXIT_CHECK_FAILED;
    if (!output_is_table(c))
        return print_data(c, &steps, a.json);
    TRY(print_data(c, &steps, json_get(a.json, "steps")));
    say(c, ok ? "provider %s: every step went well" : "provider %s: a step failed", cli_arg(c, 0));
    return OK;
}
