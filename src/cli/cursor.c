/* Lists of our own API: `{"items": [...], "next": "..."}`. */
#include "cli/run.h"

#include <unistd.h>

#define PAGE 500
#define DEFAULT_LIMIT 100

static enum err
one_page(struct cli *c, const struct ask *base, const char *after, int64_t size, struct answer *out)
{
    struct ask ask = *base;

    ask.query = (struct list){ 0 };
    ask.headers = (struct list){ 0 };
    LIST_EACH(struct pair, p, &base->query)
    ask_param(c, &ask, p->name, p->value);
    ask_param(c, &ask, "limit", arena_printf(c->s->arena, "%lld", (long long)size));
    ask_param(c, &ask, "after", after);
    TRY(ask_server(c, &ask, out));
    return json_is_array(json_get(out->json, "items"))
               ? OK
               : fail(c->s, E_UNAVAILABLE, "the server sent no list");
}

enum err
print_cursor(struct cli *c, const struct ask *ask, const struct view *v)
{
    enum table_form form = output_form(c);
    bool streams = form == TABLE_JSONL || form == TABLE_CSV; /* for programs: all of it */
    bool all = cli_has(c, "all") || (streams && !cli_text(c, "limit") && !isatty(STDOUT_FILENO));
    int64_t most = all ? INT64_MAX : cli_number(c, "limit", DEFAULT_LIMIT), got = 0;
    const char *after = NULL;
    const struct json *rows;
    struct list arrays = { 0 };

    if (fields_helped(c, v))
        return OK;
    do {
        struct answer a;

        TRY(one_page(c, ask, after, MAX(MIN(most - got, PAGE), 1), &a));
        rows = json_get(a.json, "items");
        list_add(c->s->arena, &arrays, const struct json *, rows);
        got += (int64_t)json_count(rows);
        after = json_str(json_get(a.json, "next"));
    } while (after && got < most);
    TRY(join_arrays(c, &arrays, &rows));
    TRY(print_data(c, v, rows));
    if (after && !cli_text(c, "limit"))
        say(c, "the first %lld are shown; --all shows them all", (long long)got);
    return OK;
}
