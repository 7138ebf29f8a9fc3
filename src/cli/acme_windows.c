/* When operators want certificates renewed (RFC 9773). */
#include "cli/acme_rows.h"
#include "cli/body.h"

#include "api/v1.h"
#include "cli/issue.h"
#include "cli/run.h"
#include <stdio.h>

/* What people type becomes the search language, as everywhere. */
static enum err
write_window(struct cli *c, struct buf *b)
{
    struct when start = cli_time(c, "start", clock_now());
    const char *query = NULL;

    buf_text(b, "{\"start\":");
    json_when(b, when_given(start) ? start : clock_now());
    body_time(b, "end", cli_time(c, "end", clock_now()));
    if (cli_text(c, "query"))
        TRY(query_of(c, cli_text(c, "query"), &query));
    body_text(b, "query", query);
    body_text(b, "collection", cli_text(c, "collection"));
    body_text(b, "authority", cli_text(c, "ca"));
    body_time(b, "issued_from", cli_time(c, "issued-from", clock_now()));
    body_time(b, "issued_until", cli_time(c, "issued-until", clock_now()));
    body_text(b, "explanation_url", cli_text(c, "url"));
    body_text(b, "reason", cli_text(c, "reason"));
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
    TRY(acme_reason_given(c));
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
    struct removal r = { .verb = "remove",
                         .what = "renewal window",
                         .path = REST_API "/acme/renewal-windows" };

    if (cli_text(c, "reason"))
        list_add(c->s->arena, &r.query, struct pair,
                 ((struct pair){ "reason", cli_text(c, "reason") }));
    return remove_named(c, &r);
}
