/* The audit record. */
#include "cli/keystore.h"

#include "api/v1.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANCHOR_MAX ((size_t)4 * 1024 * 1024)
#define EXPORT_PAGE 1000

static const struct column columns[] = {
    { "at", "TIME", 0 },        { "action", NULL, 0 },         { "outcome", NULL, COL_STATUS },
    { "actor.name", "WHO", 0 }, { "target.type", "WHAT", 0 },  { "target.name", "NAME", 0 },
    { "target.id", "ID", 0 },   { "message", NULL, COL_WIDE }, { "id", "EVENT", COL_WIDE },
};
static const struct view events = { .kind = "audit",
                                    .key = "id",
                                    .columns = columns,
                                    .column_count = COUNT(columns),
                                    .none = "No events match." };

static void
add_time(struct cli *c, struct ask *ask, const char *flag, const char *name)
{
    struct when when = cli_time(c, flag, clock_now());

    if (when_given(when))
        ask_param(c, ask, name, when_rfc3339_ms(c->s->arena, when));
}

enum err
run_audit_list(struct cli *c)
{
    struct view described = { .model = v1_audit_get_op.reply };
    struct ask ask = { .path = REST_API "/audit" };

    if (fields_helped(c, &described))
        return OK;
    ask_param(c, &ask, "action", cli_text(c, "action"));
    ask_param(c, &ask, "actor", cli_text(c, "actor"));
    ask_param(c, &ask, "target_id", cli_text(c, "target"));
    ask_param(c, &ask, "category", cli_text(c, "category"));
    ask_param(c, &ask, "outcome", cli_text(c, "outcome"));
    add_time(c, &ask, "since", "from");
    add_time(c, &ask, "until", "until");
    return print_cursor(c, &ask, &events);
}

enum err
run_audit_anchor(struct cli *c)
{
    const char *out = cli_text(c, "out");
    struct answer a;
    struct buf b;

    TRY(ask_get(c, REST_API "/audit/anchor", &a));
    buf_init_in(&b, c->s->arena, ANCHOR_MAX);
    json_write(&b, a.json);
    buf_byte(&b, '\n');
    return write_out(c, out ? out : "-", buf_bytes(&b), OUT_PUBLIC);
}

/* The export of a page: its lines into FILE. AFTER becomes where the next one begins, or NULL. */
static enum err
export_page(struct cli *c, struct when until, const char **after, FILE *file)
{
    struct ask ask = { .path = REST_API "/audit/export" };
    const struct json *lines;
    struct answer a;

    ask_param(c, &ask, "limit", arena_printf(c->s->arena, "%d", EXPORT_PAGE));
    ask_param(c, &ask, "after", *after);
    ask_param(c, &ask, "chain", cli_text(c, "chain"));
    add_time(c, &ask, "since", "from");
    ask_param(c, &ask, "until", when_rfc3339_ms(c->s->arena, until));
    TRY(ask_server(c, &ask, &a));
    lines = json_get(a.json, "items");
    for (size_t i = 0; i < json_count(lines); i++) {
        const char *line = json_str(json_item(lines, i));

        if (!line || fputs(line, file) == EOF || fputc('\n', file) == EOF)
            return fail(c->s, E_INTERNAL, "cannot write the export: %s", strerror(errno));
    }
    *after = json_str(json_get(a.json, "next"));
    return OK;
}

/* Each page has a scope of its own, so that a long record fits into little memory; what failed
 * stays in the last one. */
static enum err
export_pages(struct cli *c, FILE *file)
{
    AUTO(mem_free) void *cursor = NULL;
    struct when until = cli_time(c, "until", clock_now());
    struct scope *outer = c->s;
    const char *next = NULL;

    if (!when_given(until))
        until = clock_now();
    TRY(export_page(c, until, &next, file)); /* the session is made in the outer scope */
    while (next) {
        mem_free(cursor);
        next = cursor = mem_text(next);
        if (c->s != outer)
            scope_free(c->s);
        c->s = scope_new("cli");
        TRY(export_page(c, until, &next, file));
    }
    if (c->s != outer)
        scope_free(c->s);
    c->s = outer;
    c->request_id = NULL;
    return OK;
}

enum err
run_audit_export(struct cli *c)
{
    const char *out = cli_text(c, "out");
    struct out_file f;

    if (!out || text_eq(out, "-"))
        return export_pages(c, stdout);
    TRY(out_ready(c, out, OUT_PUBLIC));
    TRY(out_begin(c, out, &f));
    return out_end(c, &f, export_pages(c, f.file));
}
