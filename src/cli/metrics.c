/* `chancery metrics`: what the server counts. */
#include "cli/oversight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = { { "name", NULL, 0 },
                                         { "labels", NULL, 0 },
                                         { "value", NULL, COL_RIGHT } };
static const struct view view = { .kind = "metric",
                                  .key = "name",
                                  .columns = columns,
                                  .column_count = COUNT(columns),
                                  .none = "No metrics match." };

/** A line of the exposition format. */
struct sample {
    const char *name;
    struct list labels; /* of struct pair */
    const char *value;
};

static bool
is_asked_for(struct cli *c, const char *name)
{
    bool asked = !c->args.count;

    for (size_t i = 0; i < c->args.count && !asked; i++)
        asked = text_starts(name, cli_arg(c, i));
    return asked;
}

/* The value of a label, from behind its quote on; *AT moves behind the closing one. */
static const char *
label_value(struct cli *c, const char **at)
{
    char *out = arena_text(c->s->arena, *at), *to = out;
    const char *from = *at;

    for (; *from && *from != '"'; from++) {
        if (*from == '\\' && from[1])
            *to++ = *++from == 'n' ? '\n' : *from;
        else
            *to++ = *from;
    }
    *to = '\0';
    *at = *from ? from + 1 : from;
    return out;
}

/* `name{a="b",c="d"} value`; false for what is none. */
static bool
read_sample(struct cli *c, const char *line, struct sample *out)
{
    size_t len = strcspn(line, "{ ");
    const char *at = line + len;

    *out = (struct sample){ .name = arena_text_n(c->s->arena, line, len) };
    if (!len || *line == '#')
        return false;
    if (*at == '{') {
        at++;
        while (*at && *at != '}') {
            size_t key = strcspn(at, "=");
            const char *name = arena_text_n(c->s->arena, at, key);

            at += key;
            if (at[0] != '=' || at[1] != '"')
                return false;
            at += 2;
            list_add(c->s->arena, &out->labels, struct pair,
                     ((struct pair){ name, label_value(c, &at) }));
            at += *at == ',';
        }
        at += *at == '}';
    }
    at += strspn(at, " ");
    out->value = at;
    return *at != '\0';
}

static void
add_labels(struct cli *c, struct buf *b, const struct sample *s)
{
    const char *text = "";

    if (!output_is_table(c)) {
        buf_byte(b, '{');
        LIST_EACH(struct pair, p, &s->labels)
        {
            buf_text(b, b->data[b->len - 1] == '{' ? "" : ",");
            json_text(b, p->name);
            buf_byte(b, ':');
            json_text(b, p->value);
        }
        buf_byte(b, '}');
        return;
    }
    LIST_EACH(struct pair, p, &s->labels)
    text = arena_printf(c->s->arena, "%s%s%s=%s", text, *text ? " " : "", p->name, p->value);
    json_text(b, text);
}

static void
add_sample(struct cli *c, struct buf *b, const struct sample *s)
{
    double value = strtod(s->value, NULL);

    buf_text(b, b->len > 1 ? ",{\"name\":" : "{\"name\":");
    json_text(b, s->name);
    buf_text(b, ",\"labels\":");
    add_labels(c, b, s);
    buf_printf(b, ",\"value\":%s}", isfinite(value) ? s->value : "null");
}

enum err
run_metrics(struct cli *c)
{
    bool buckets = !output_is_table(c) || cli_has(c, "all") || c->args.count;
    char *text, *rest;
    struct answer a;
    struct buf b;

    if (cli_has(c, "raw") && c->args.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--raw is the whole text, without names");
    TRY(ask_get(c, "/metrics", &a));
    if (cli_has(c, "raw"))
        return print_bytes(c, a.body);
    text = arena_text_n(c->s->arena, (const char *)a.body.data, a.body.len);
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '[');
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct sample s;

        if (read_sample(c, line, &s) && is_asked_for(c, s.name) &&
            (buckets || !text_ends(s.name, "_bucket")))
            add_sample(c, &b, &s);
    }
    buf_byte(&b, ']');
    return print_json(c, &view, &b);
}
