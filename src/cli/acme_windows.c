/* When operators want certificates renewed (RFC 9773). */
#include "cli/acme_rows.h"

#include "api/v1.h"
#include "cli/run.h"
#include <stdio.h>

static void
add_text(struct cli *c, struct buf *b, const char *flag, const char *name)
{
    if (!cli_text(c, flag))
        return;
    buf_printf(b, ",\"%s\":", name);
    json_text(b, cli_text(c, flag));
}

static void
add_time(struct cli *c, struct buf *b, const char *flag, const char *name)
{
    struct when at = cli_time(c, flag, clock_now());

    if (!when_given(at))
        return;
    buf_printf(b, ",\"%s\":", name);
    json_when(b, at);
}

/* What people type becomes the search language, as everywhere. */
static enum err
write_window(struct cli *c, struct buf *b)
{
    struct when start = cli_time(c, "start", clock_now());
    const char *query = NULL;

    buf_text(b, "{\"start\":");
    json_when(b, when_given(start) ? start : clock_now());
    add_time(c, b, "end", "end");
    if (cli_text(c, "query"))
        TRY(query_of(c, cli_text(c, "query"), &query));
    if (query) {
        buf_text(b, ",\"query\":");
        json_text(b, query);
    }
    add_text(c, b, "collection", "collection");
    add_text(c, b, "ca", "authority");
    add_time(c, b, "issued-from", "issued_from");
    add_time(c, b, "issued-until", "issued_until");
    add_text(c, b, "url", "explanation_url");
    add_text(c, b, "reason", "reason");
    buf_byte(b, '}');
    return OK;
}

enum err
run_acme_window_set(struct cli *c)
{
    struct ask ask = { .method = "POST",
                       .path = REST_API "/acme/renewal-windows",
                       .not_done = "the renewal window was not set" };
    struct view v = { .kind = "window", .key = "id", .model = v1_renewal_windows_get_op.reply };
    int64_t id = 0, matches = 0;
    struct answer a;
    struct buf b;

    if (!cli_text(c, "end"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--end: until when they shall be renewed");
    if (!cli_text(c, "reason"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--reason: why, for the audit record; such as the number of the case");
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    TRY(write_window(c, &b));
    if (cli_has(c, "dry-run")) {
        (void)printf("would set a renewal window\n");
        return OK;
    }
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    (void)json_int(json_get(a.json, "id"), &id);
    (void)json_int(json_get(a.json, "matches"), &matches);
    (void)printf("%lld\n", (long long)id);
    say(c, "renewal window %lld is for %lld certificate%s", (long long)id, (long long)matches,
        matches == 1 ? "" : "s");
    return OK;
}

enum err
run_acme_window_remove(struct cli *c)
{
    for (size_t i = 0; cli_arg(c, i); i++) {
        const char *id = cli_arg(c, i);
        struct ask ask = { .method = "DELETE" };
        struct answer a;

        if (cli_has(c, "dry-run")) {
            (void)printf("would remove renewal window %s\n", id);
            continue;
        }
        TRY(confirm(c, arena_printf(c->s->arena, "remove renewal window %s", id)));
        ask.path = arena_printf(c->s->arena, REST_API "/acme/renewal-windows/%s", segment(c, id));
        if (cli_text(c, "reason"))
            ask_param(c, &ask, "reason", cli_text(c, "reason"));
        ask.not_done = arena_printf(c->s->arena, "renewal window %s not removed", id);
        TRY(ask_server(c, &ask, &a));
        say(c, "renewal window %s removed", id);
    }
    return OK;
}
