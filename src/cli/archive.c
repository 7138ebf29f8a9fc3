/* The archive of certificates. */
#include "cli/run.h"

#include <stdio.h>

static const struct view views = { .kind = "archive" };

enum err
run_archive_run(struct cli *c)
{
    bool dry_run = cli_has(c, "dry-run");
    int64_t ms = cli_duration(c, "older-than", 730 * DAY_MS), matching = 0, moved = 0;
    struct ask ask = { .method = "POST", .path = REST_API "/archive/run" };
    struct answer a;

    ask_param(c, &ask, "dry_run", dry_run ? "true" : "false");
    ask.body = arena_printf(c->s->arena, "{\"older_than_ms\":%lld}", (long long)ms);
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &views, a.json);
    (void)json_int(json_get(a.json, "matching"), &matching);
    (void)json_int(json_get(a.json, "moved"), &moved);
    if (dry_run)
        (void)printf("%lld certificates would be archived: they expired before %s\n",
                     (long long)matching, json_str(json_get(a.json, "before")));
    else
        (void)printf("%lld certificates were archived\n", (long long)moved);
    if (!dry_run && moved < matching)
        caution(c, "%lld are left: run it again", (long long)(matching - moved));
    return OK;
}
