/* `chancery audit tail`: the end of the audit record, and what is added to it. */
#include "cli/oversight.h"

#include "base/map.h"

#define DEFAULT_PAST 10
#define PAGE 500
#define EVERY_MS 1000
#define WINDOW_MS \
    60000 /* an event may be committed so long after the one that follows it in time */

/** What was seen of the last minute: an event that is not among it is new. */
struct seen {
    struct arena *arena; /* owns the map */
    struct map *ids;
    struct when newest;
};

static void
add_param(struct cli *c, struct ask *ask, const char *flag, const char *name)
{
    ask_param(c, ask, name, cli_text(c, flag));
}

static void
begin(struct cli *c, struct ask *ask)
{
    *ask = (struct ask){ .path = REST_API "/audit" };
    add_param(c, ask, "action", "action");
    add_param(c, ask, "actor", "actor");
    add_param(c, ask, "target", "target_id");
    add_param(c, ask, "category", "category");
    add_param(c, ask, "outcome", "outcome");
}

/* The latest MOST events since FROM, the latest first: of const struct json *. */
static enum err
latest(struct cli *c, struct when from, int64_t most, struct list *events)
{
    const char *after = NULL;

    do {
        const struct json *rows;
        struct answer a;
        struct ask ask;

        begin(c, &ask);
        if (when_given(from))
            ask_param(c, &ask, "from", when_rfc3339_ms(c->s->arena, from));
        ask_param(c, &ask, "limit",
                  arena_printf(c->s->arena, "%lld",
                               (long long)MIN(most - (int64_t)events->count, (int64_t)PAGE)));
        ask_param(c, &ask, "after", after);
        TRY(ask_server(c, &ask, &a));
        rows = json_get(a.json, "items");
        for (size_t i = 0; i < json_count(rows); i++)
            list_add(c->s->arena, events, const struct json *, json_item(rows, i));
        after = json_str(json_get(a.json, "next"));
    } while (after && (int64_t)events->count < most);
    return OK;
}

static const char *
text_of(const struct json *event, const char *group, const char *name)
{
    const char *text = json_str(json_get(group ? json_get(event, group) : event, name));

    return text_empty(text) ? "-" : text;
}

static enum err
print_event(struct cli *c, const struct json *event)
{
    const char *name = text_of(event, "target", "name");
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    if (output_is_table(c)) {
        buf_printf(&b, "%s  %-7s  %s  %s  %s %s", text_of(event, NULL, "at"),
                   text_of(event, NULL, "outcome"), text_of(event, NULL, "action"),
                   text_of(event, "actor", "name"), text_of(event, "target", "type"),
                   text_of(event, "target", "id"));
        if (!text_eq(name, "-"))
            buf_printf(&b, " (%s)", name);
    } else {
        json_write(&b, event);
    }
    buf_byte(&b, '\n');
    return print_bytes(c, buf_bytes(&b));
}

static void
seen_free(struct seen *seen)
{
    arena_free(seen->arena);
    *seen = (struct seen){ .newest = seen->newest };
}

/* Take the events for seen; those that were not yet are printed when TELL says so, the oldest
 * first. */
static enum err
take(struct cli *c, const struct list *events, struct seen *seen, bool tell)
{
    struct seen now = { .arena = arena_new(), .newest = seen->newest };
    enum err e = OK;

    now.ids = map_new(now.arena, false);
    for (size_t i = events->count; i-- > 0;) {
        const struct json *event = *list_at(events, const struct json *, i);
        const char *id = text_of(event, NULL, "id");
        struct when at = WHEN_NONE;

        if (when_parse(text_of(event, NULL, "at"), &at) && when_cmp(at, now.newest) > 0)
            now.newest = at;
        (void)map_put(now.ids, id, now.ids);
        if (e == OK && tell && !(seen->ids && map_get(seen->ids, id)))
            e = print_event(c, event);
    }
    seen_free(seen);
    *seen = now;
    return e;
}

/* One look at the last minute, with memory of its own. */
static enum err
look(struct cli *c, struct seen *seen, bool tell)
{
    AUTO(scope_free) struct scope *s = scope_new("cli");
    struct when from = when_given(seen->newest) ? when_add_ms(seen->newest, -WINDOW_MS) : WHEN_NONE;
    struct list events = { 0 };
    struct cli one = *c;
    enum err e;

    one.s = s;
    e = latest(&one, from, INT64_MAX, &events);
    if (e == OK)
        e = take(&one, &events, seen, tell);
    c->http_status = one.http_status;
    return e == OK ? OK
                   : fail_code(c->s, e, s->error.code, "%s", s->error.text ? s->error.text : "");
}

static enum err
follow(struct cli *c, struct seen *seen)
{
    bool told = false;

    for (;; clock_nap(EVERY_MS)) {
        enum err e = look(c, seen, true);

        if (e != OK && e != E_UNAVAILABLE && e != E_TIMEOUT)
            return e;
        if (e != OK && !told) /* it may come back */
            caution(c, "%s; it is tried again", c->s->error.text);
        told = e != OK;
        scope_clear(c->s);
    }
}

enum err
run_audit_tail(struct cli *c)
{
    struct seen seen = { .newest = WHEN_NONE };
    struct list past = { 0 };
    enum table_form form = output_form(c);
    enum err e;

    if (!output_is_table(c) && form != TABLE_JSONL && form != TABLE_JSON)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--output: audit tail has table and jsonl");
    TRY(latest(c, WHEN_NONE, cli_number(c, "limit", DEFAULT_PAST), &past));
    e = take(c, &past, &seen, true);
    if (e == OK && cli_has(c, "follow")) {
        if (!when_given(seen.newest))
            seen.newest = clock_now(); /* nothing has happened yet that matches */
        e = look(c, &seen, false);     /* what else the last minute holds is of the past */
        e = e == OK ? follow(c, &seen) : e;
    }
    seen_free(&seen);
    return e;
}
