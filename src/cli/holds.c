/* Legal holds. */
#include "cli/body.h"
#include "cli/issue.h"
#include "cli/run.h"

#include "api/v1.h"
#include "cli/holds.h"
#include <stdio.h>

static const struct column columns[] = {
    { "id", NULL, COL_RIGHT },
    { "certificate", NULL, COL_RIGHT },
    { "audit_from", "AUDIT FROM", 0 },
    { "audit_to", "AUDIT TO", 0 },
    { "reason", NULL, 0 },
    { "placed_by", "PLACED BY", 0 },
    { "placed_at", "PLACED", COL_AGO },
    { "lifted_at", "LIFTED", COL_AGO },
};

static struct view
holds_view(void)
{
    return (struct view){ .kind = "legal hold",
                          .key = "id",
                          .columns = columns,
                          .column_count = COUNT(columns),
                          .model = v1_holds_get_op.reply,
                          .none = "There are no legal holds." };
}

enum err
run_holds_list(struct cli *c)
{
    struct ask ask = { .path = REST_API "/legal-holds" };
    struct view v = holds_view();

    if (cli_text(c, "certificate"))
        ask_param(c, &ask, "certificate", cli_text(c, "certificate"));
    if (cli_has(c, "all"))
        ask_param(c, &ask, "all", "true");
    return print_cursor(c, &ask, &v);
}

/** Place one, on CERTIFICATE or, when that is NULL, on the audit record. */
static enum err
place(struct cli *c, const char *certificate)
{
    struct ask ask = { .method = "POST", .path = REST_API "/legal-holds" };
    struct view v = holds_view();
    int64_t id = 0, made = 0;
    struct answer a;
    struct buf b;

    if (certificate && (!text_to_int(certificate, &id) || id <= 0))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s is no id of a certificate", certificate);
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"reason\":");
    json_text(&b, cli_text(c, "reason"));
    if (certificate)
        buf_printf(&b, ",\"certificate\":%lld", (long long)id);
    body_time(&b, "audit_from", cli_time(c, "audit-from", clock_now()));
    body_time(&b, "audit_to", cli_time(c, "audit-to", clock_now()));
    buf_byte(&b, '}');
    if (cli_has(c, "dry-run")) {
        (void)printf("would hold %s\n", certificate ? certificate : "the audit record");
        return OK;
    }
    ask.body = buf_str(&b);
    ask.not_done = "the legal hold was not placed";
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    (void)json_int(json_get(a.json, "id"), &made);
    (void)printf("%lld\n", (long long)made);
    say(c, "legal hold %lld placed on %s", (long long)made,
        certificate ? certificate : "the audit record");
    return OK;
}

enum err
run_holds_place(struct cli *c)
{
    if (!cli_text(c, "reason"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--reason: such as the number of the case");
    if (!cli_arg(c, 0))
        return place(c, NULL);
    for (size_t i = 0; cli_arg(c, i); i++)
        TRY(place(c, cli_arg(c, i)));
    return OK;
}

enum err
run_holds_lift(struct cli *c)
{
    struct buf b;

    if (!cli_text(c, "reason"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--reason: why it is not needed any more");
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"reason\":");
    json_text(&b, cli_text(c, "reason"));
    buf_byte(&b, '}');
    for (size_t i = 0; cli_arg(c, i); i++) {
        const char *id = cli_arg(c, i);
        struct ask ask = { .method = "POST", .body = buf_str(&b) };
        struct answer a;

        if (cli_has(c, "dry-run")) {
            (void)printf("would lift legal hold %s\n", id);
            continue;
        }
        TRY(confirm(c, arena_printf(c->s->arena, "lift legal hold %s", id)));
        ask.path = arena_printf(c->s->arena, REST_API "/legal-holds/%s/lift", segment(c, id));
        ask.not_done = arena_printf(c->s->arena, "legal hold %s not lifted", id);
        TRY(ask_server(c, &ask, &a));
        say(c, "legal hold %s lifted", id);
    }
    return OK;
}
