/* Trace: what is sent and what comes back, without secrets. */
#include "cli/session.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX ((size_t)64 * 1024)

static bool
is_secret(const char *name)
{
    static const char *const parts[] = { "password",  "secret", "token", "private",
                                         "assertion", "pkcs12", "pfx" };

    for (size_t i = 0; i < COUNT(parts); i++)
        if (strcasestr(name, parts[i]))
            return true;
    return text_eq_fold(name, "key") || text_eq_fold(name, "pfx");
}

/* JSON with what is secret replaced; the parser has bounded its depth. */
static void
masked(struct buf *out, const struct json *j)
{
    const struct json *value;
    const char *name;
    size_t at = 0, n = 0;

    if (json_is_array(j)) {
        buf_byte(out, '[');
        for (size_t i = 0; i < json_count(j); i++) {
            buf_text(out, i ? "," : "");
            masked(out, json_item(j, i));
        }
        buf_byte(out, ']');
    } else if (json_is_object(j)) {
        buf_byte(out, '{');
        while (json_member(j, &at, &name, &value)) {
            buf_text(out, n++ ? "," : "");
            json_text(out, name);
            buf_byte(out, ':');
            if (is_secret(name) && json_kind(value) == JK_TEXT)
                buf_text(out, "\"***\"");
            else
                masked(out, value);
        }
        buf_byte(out, '}');
    } else {
        json_write(out, j);
    }
}

/* A body for people; one that is no JSON is told by its size. */
static const char *
shown(struct scope *s, struct bytes body)
{
    struct json *j;
    struct buf b;

    buf_init_in(&b, s->arena, SHOWN_MAX);
    if (json_parse(s, body, &j) != OK)
        return arena_printf(s->arena, "(%zu bytes)", body.len);
    masked(&b, j);
    return buf_str(&b) ? buf_str(&b) : arena_printf(s->arena, "(%zu bytes)", body.len);
}

static struct bytes
body_of(const struct ask *ask)
{
    return ask->body ? bytes_of_text(ask->body) : ask->form;
}

/* TEXT for a shell, in single quotes. */
static const char *
quoted(struct arena *a, const char *text)
{
    struct buf b;

    buf_init_in(&b, a, CLI_BODY_MAX);
    buf_byte(&b, '\'');
    for (; *text; text++)
        if (*text == '\'')
            buf_text(&b, "'\\''");
        else
            buf_byte(&b, (uint8_t)*text);
    buf_byte(&b, '\'');
    return buf_str(&b) ? buf_str(&b) : "''";
}

void
show_call(const struct cli *c, const struct ask *ask, const char *url)
{
    AUTO(scope_free) struct scope *s = scope_new("cli");
    const struct session *n = c->session;
    struct bytes body = body_of(ask);

    (void)fprintf(stderr, "curl");
    if (ask->method)
        (void)fprintf(stderr, " -X %s", ask->method);
    if (n->ca_path)
        (void)fprintf(stderr, " --cacert %s", quoted(s->arena, n->ca_path));
    if (!ask->nobody && n->token)
        (void)fprintf(stderr, " -H \"Authorization: Bearer $CHANCERY_TOKEN\"");
    else if (!ask->nobody && n->user)
        (void)fprintf(stderr, " -u \"$CHANCERY_USERNAME:$CHANCERY_PASSWORD\"");
    LIST_EACH(struct header, h, &ask->headers)
    (void)fprintf(stderr, " -H %s",
                  quoted(s->arena, arena_printf(s->arena, "%s: %s", h->name, h->value)));
    if (body.len)
        (void)fprintf(stderr, " -H 'Content-Type: %s' --data-binary %s",
                      ask->body   ? "application/json"
                      : ask->type ? ask->type
                                  : "application/json",
                      quoted(s->arena, shown(s, body)));
    (void)fprintf(stderr, " %s\n", quoted(s->arena, url));
}

void
trace_request(const struct cli *c, const struct ask *ask, const char *url)
{
    AUTO(scope_free) struct scope *s = scope_new("cli");
    struct bytes body = body_of(ask);

    if (c->verbose < 1)
        return;
    (void)fprintf(stderr, "> %s %s\n", ask->method ? ask->method : "GET", url);
    if (c->verbose > 1 && body.len)
        (void)fprintf(stderr, "> %s\n", shown(s, body));
}

void
trace_reply(const struct cli *c, const struct reply *reply, int64_t ms)
{
    AUTO(scope_free) struct scope *s = scope_new("cli");
    const char *id = reply_header(reply, "X-Request-Id");

    if (c->verbose < 1)
        return;
    (void)fprintf(stderr, "< %d, %zu bytes, %lld ms, request %s\n", reply->status, reply->body.len,
                  (long long)ms, id ? id : "-");
    if (c->verbose > 1 && reply->body.len)
        (void)fprintf(stderr, "< %s\n", shown(s, reply->body));
}
