/* `chancery api`: any call. */
#include "cli/run.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PAGE 500
static const struct view any = { .kind = "object", .key = "id" };

static enum err
add_headers(struct cli *c, struct ask *ask)
{
    struct list given = cli_texts(c, "header");

    LIST_EACH(const char *, text, &given)
    {
        size_t len = strcspn(*text, ":");

        if (!len || !(*text)[len])
            return fail_code(c->s, E_INVALID, CHY_USAGE, "--header: \"%s\" is not \"Name: value\"",
                             *text);
        if (!strncasecmp(*text, "Content-Type", len) && len == strlen("Content-Type"))
            ask->type = text_trim(c->s->arena, *text + len + 1);
        else
            list_add(c->s->arena, &ask->headers, struct header,
                     ((struct header){ arena_text_n(c->s->arena, *text, len),
                                       text_trim(c->s->arena, *text + len + 1) }));
    }
    return OK;
}

static enum err
pages_of_command(struct cli *c, struct ask *ask, const struct json **out)
{
    struct list arrays = { 0 };
    const char *limit = strcasestr(ask->path, "returnLimit=");
    int64_t size = PAGE, count;
    struct answer a;

    if (limit) {
        limit += strlen("returnLimit=");
        if (!text_to_int(arena_text_n(c->s->arena, limit, strcspn(limit, "&")), &size) || size < 1)
            size = PAGE;
    }
    for (int64_t page = 1;; page++) {
        struct ask one = { .method = ask->method, .path = ask->path };

        LIST_EACH(struct header, h, &ask->headers)
        list_add(c->s->arena, &one.headers, struct header, *h);
        ask_param(c, &one, "pq.pageReturned", arena_printf(c->s->arena, "%lld", (long long)page));
        if (!limit)
            ask_param(c, &one, "pq.returnLimit", arena_printf(c->s->arena, "%d", PAGE));
        TRY(ask_server(c, &one, &a));
        if (!json_is_array(a.json))
            return fail_code(c->s, E_INVALID, CHY_USAGE, "--paginate: %s answers with no list",
                             ask->path);
        list_add(c->s->arena, &arrays, const struct json *, a.json);
        count = (int64_t)json_count(a.json);
        if (count < size)
            return join_arrays(c, &arrays, out);
    }
}

static enum err
pages_of_rest(struct cli *c, struct ask *ask, const struct json **out)
{
    struct list arrays = { 0 };
    const char *after = NULL;
    struct answer a;

    do {
        struct ask one = { .method = ask->method, .path = ask->path };

        LIST_EACH(struct header, h, &ask->headers)
        list_add(c->s->arena, &one.headers, struct header, *h);
        ask_param(c, &one, "after", after);
        TRY(ask_server(c, &one, &a));
        if (!json_is_array(json_get(a.json, "items")))
            return fail_code(c->s, E_INVALID, CHY_USAGE, "--paginate: %s answers with no list",
                             ask->path);
        list_add(c->s->arena, &arrays, const struct json *, json_get(a.json, "items"));
        after = json_str(json_get(a.json, "next"));
    } while (after);
    return join_arrays(c, &arrays, out);
}

static void
show_head(struct cli *c, const struct answer *a)
{
    if (!cli_has(c, "include"))
        return;
    (void)fprintf(stderr, "HTTP %d\n", a->status);
    LIST_EACH(struct header, h, &a->reply.headers)
    (void)fprintf(stderr, "%s: %s\n", h->name, h->value);
}

enum err
run_api(struct cli *c)
{
    struct ask ask = { .method = text_upper(c->s->arena, cli_arg(c, 0)), .path = cli_arg(c, 1) };
    bool is_change = !text_eq(ask.method, "GET") && !text_eq(ask.method, "HEAD");
    const struct json *rows;
    struct answer a;

    for (const char *p = ask.method; *p; p++)
        if (!isupper((unsigned char)*p))
            return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\" is no method: GET, POST, ...",
                             cli_arg(c, 0));
    if (*ask.path != '/')
        return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\": a path begins with /", ask.path);
    TRY(add_headers(c, &ask));
    if (cli_text(c, "input"))
        TRY(read_input(c, cli_text(c, "input"), CLI_BODY_MAX, &ask.form));
    ask.type = ask.type ? ask.type : "application/json";
    if (cli_has(c, "dry-run") && is_change) {
        (void)printf("would call %s %s\n", ask.method, ask.path);
        return OK;
    }
    if (cli_has(c, "paginate")) {
        TRY(text_starts(ask.path, REST_API "/") ? pages_of_rest(c, &ask, &rows)
                                                : pages_of_command(c, &ask, &rows));
    } else {
        TRY(ask_server(c, &ask, &a));
        show_head(c, &a);
        rows = a.json;
        if (!rows)
            return print_bytes(c, a.body);
    }
    return print_api(c, &any, rows);
}

enum err
run_status(struct cli *c)
{
    static const struct view health = { .kind = "health" };
    static const struct column columns[] = {
        { "name", "COMPONENT", 0 },
        { "state", "STATUS", COL_STATUS },
        { "detail", NULL, 0 },
    };
    struct view parts = {
        .kind = "component", .key = "name", .columns = columns, .column_count = COUNT(columns)
    };
    struct answer a;

    TRY(ask_get(c, REST_API "/health", &a));
    if (output_is_table(c) && json_is_array(json_get(a.json, "components")))
        return print_data(c, &parts, json_get(a.json, "components"));
    return print_data(c, &health, a.json);
}
