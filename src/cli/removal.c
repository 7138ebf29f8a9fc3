/* What arguments name is removed or revoked, one after the other. */
#include "cli/run.h"

#include <stdio.h>

enum err
remove_named(struct cli *c, const struct removal *r)
{
    const char *more = r->more ? r->more : "";

    for (size_t i = 0; cli_arg(c, i); i++) {
        const char *name = cli_arg(c, i);
        struct ask ask = { .method = "DELETE", .query = r->query };
        struct answer a;

        if (cli_has(c, "dry-run")) {
            (void)printf("would %s %s %s%s%s\n", r->verb, r->what, name, *more ? "," : "", more);
            continue;
        }
        TRY(confirm(c, arena_printf(c->s->arena, "%s %s %s%s", r->verb, r->what, name, more)));
        ask.path = arena_printf(c->s->arena, "%s/%s", r->path, segment(c, name));
        ask.not_done = arena_printf(c->s->arena, "%s %s not %sd", r->what, name, r->verb);
        TRY(ask_server(c, &ask, &a));
        say(c, "%s %s %sd", r->what, name, r->verb);
    }
    return OK;
}
