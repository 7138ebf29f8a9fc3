/* Templates: a new version of one, and what one makes of a request. */
#include "cli/template_rows.h"

#include "cli/issue.h"
#include "codec/node.h"
#include "codec/yaml.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 20)

static const struct view template_view = { .kind = "template", .key = "name" };

/** One template on its way to its next version. */
struct edit {
    const char *name, *path, *etag;
    const struct json *policy; /* as the server has it */
    const char *kept;          /* the file that somebody edited; or NULL */
};

/* JSON from what people write: a scalar without quotes is a number or truth where it looks so. */
static bool
is_number(const char *text)
{
    size_t at = text[0] == '-';

    if (!isdigit((unsigned char)text[at]) || (text[at] == '0' && text[at + 1]))
        return false;
    return text[at + strspn(text + at, "0123456789")] == '\0' && strlen(text) < 19;
}

static void
write_node(struct buf *b, const struct node *n)
{
    size_t count = 0;

    switch (n->kind) {
    case NODE_NULL:
        buf_text(b, "null");
        break;
    case NODE_TEXT:
        if (!n->quoted &&
            (text_eq(n->text, "true") || text_eq(n->text, "false") || is_number(n->text)))
            buf_text(b, n->text);
        else
            json_text(b, n->text);
        break;
    case NODE_LIST:
        buf_byte(b, '[');
        LIST_EACH(struct node *, item, &n->items)
        {
            buf_text(b, count++ ? "," : "");
            write_node(b, *item);
        }
        buf_byte(b, ']');
        break;
    default:
        buf_byte(b, '{');
        LIST_EACH(struct member, m, &n->members)
        {
            buf_text(b, count++ ? "," : "");
            json_text(b, m->name);
            buf_byte(b, ':');
            write_node(b, m->value);
        }
        buf_byte(b, '}');
    }
}

static enum err
json_of(struct cli *c, const struct node *n, const struct json **out)
{
    struct json *j;
    struct buf b;

    buf_init_in(&b, c->s->arena, TEXT_MAX);
    write_node(&b, n);
    TRY(json_parse(c->s, buf_bytes(&b), &j));
    *out = j;
    return OK;
}

/* Reading. */

static enum err
load(struct cli *c, struct edit *e)
{
    struct answer a;

    e->name = cli_arg(c, 0);
    e->path = arena_printf(c->s->arena, REST_API "/templates/%s", segment(c, e->name));
    TRY(ask_get(c, e->path, &a));
    e->etag = reply_header(&a.reply, "ETag");
    e->policy = json_get(a.json, "policy");
    return e->policy ? OK : fail(c->s, E_UNAVAILABLE, "the server sent no policy");
}

/* A policy, or a whole template, as `templates show` of our own API has it. */
static enum err
policy_in(struct cli *c, const char *name, struct bytes text, const struct json **out)
{
    struct member *inside;
    struct node *n;

    TRY(node_read(c->s, name, text, &n));
    if (n->kind != NODE_MAP)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s: holds no policy: KEY: VALUE", name);
    inside = node_member(n, "policy");
    return json_of(c, inside ? inside->value : n, out);
}

/* KEY=VALUE among the arguments, laid upon the policy. */
static enum err
with_values(struct cli *c, const struct edit *e, const struct json **out)
{
    struct node *all;
    struct buf b;

    buf_init_in(&b, c->s->arena, TEXT_MAX);
    json_write(&b, e->policy);
    TRY(node_read(c->s, "the policy", buf_bytes(&b), &all));
    for (size_t i = 1; i < c->args.count; i++) {
        const char *arg = cli_arg(c, i), *is = strchr(arg, '=');
        struct node *over;
        struct buf line;

        if (!is || is == arg)
            return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\": is not of the form KEY=VALUE",
                             arg);
        buf_init_in(&line, c->s->arena, TEXT_MAX);
        json_text(&line, arena_text_n(c->s->arena, arg, (size_t)(is - arg)));
        buf_printf(&line, ": %s", is[1] ? is + 1 : "\"\"");
        if (node_read(c->s, arg, buf_bytes(&line), &over) != OK)
            return fail_code(c->s, E_INVALID, CHY_USAGE,
                             "%s: cannot be read as a value: text, [a, b] or {a: b}", arg);
        if (!node_member(all, list_at(&over->members, struct member, 0)->name))
            return fail_code(c->s, E_INVALID, CHY_UNKNOWN_FIELD,
                             "policy.%s: there is no such value: chancery api GET %s",
                             list_at(&over->members, struct member, 0)->name, e->path);
        all = node_merge(c->s->arena, all, over);
    }
    return json_of(c, all, out);
}

/* The editor. */

static enum err
write_draft(struct cli *c, const struct edit *e, const char **out)
{
    const char *dir = getenv("TMPDIR");
    char *path = arena_printf(c->s->arena, "%s/chancery-template-XXXXXX.yaml",
                              text_empty(dir) ? "/tmp" : dir);
    int fd = mkostemps(path, 5, O_CLOEXEC);
    struct buf b;
    bool done;

    if (fd < 0)
        return fail(c->s, E_INTERNAL, "cannot write %s: %s", path, strerror(errno));
    buf_init_in(&b, c->s->arena, TEXT_MAX);
    buf_printf(&b, "# The policy of template %s. What is left as it is, stays.\n", e->name);
    yaml_write(&b, e->policy);
    done = !b.failed && write(fd, b.data, b.len) == (ssize_t)b.len;
    (void)close(fd);
    *out = path;
    return done ? OK : fail(c->s, E_INTERNAL, "cannot write %s: %s", path, strerror(errno));
}

static enum err
run_editor(struct cli *c, const char *path)
{
    const char *editor = getenv("VISUAL");
    pid_t child;
    int status;

    if (text_empty(editor))
        editor = getenv("EDITOR");
    if (text_empty(editor))
        editor = "vi";
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        (void)execl("/bin/sh", "sh", "-c", arena_printf(c->s->arena, "%s \"$1\"", editor), "sh",
                    path, (char *)NULL);
        _exit(127);
    }
    if (child < 0)
        return fail(c->s, E_INTERNAL, "cannot start %s: %s", editor, strerror(errno));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? OK
               : fail(c->s, E_INVALID, "nothing was changed: %s did not end well", editor);
}

static enum err
edited(struct cli *c, struct edit *e, const struct json **out)
{
    struct bytes text;
    enum err done;

    if (cli_has(c, "no-input") || !isatty(STDIN_FILENO))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "templates edit needs KEY=VALUE, --from FILE, or a terminal for $EDITOR");
    TRY(write_draft(c, e, &e->kept));
    done = run_editor(c, e->kept);
    if (done != OK) {
        (void)remove(e->kept);
        e->kept = NULL;
        return done;
    }
    TRY(read_input(c, e->kept, TEXT_MAX, &text));
    return policy_in(c, e->kept, text, out);
}

static enum err
next_policy(struct cli *c, struct edit *e, const struct json **out)
{
    const char *from = cli_text(c, "from");
    struct bytes text;

    if (from && c->args.count > 1)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--from has the whole policy: no KEY=VALUE");
    if (c->args.count > 1)
        return with_values(c, e, out);
    if (from) {
        TRY(read_input(c, from, TEXT_MAX, &text));
        return policy_in(c, from, text, out);
    }
    if (cli_text(c, "display-name")) {
        *out = e->policy;
        return OK;
    }
    return edited(c, e, out);
}

/* Differences. */

static const char *
text_of(struct cli *c, const struct json *j)
{
    struct buf b;

    if (!j)
        return "-";
    buf_init_in(&b, c->s->arena, TEXT_MAX);
    json_write(&b, j);
    return buf_str(&b) ? buf_str(&b) : "?";
}

/* What is not in NOW takes its preset: the server knows that. */
static size_t
tell_changes(struct cli *c, const struct json *was, const struct json *now)
{
    const struct json *value;
    const char *name;
    size_t at = 0, count = 0;

    while (json_member(now, &at, &name, &value))
        if (!text_eq(text_of(c, json_get(was, name)), text_of(c, value))) {
            say(c, "%s: %s -> %s", name, text_of(c, json_get(was, name)), text_of(c, value));
            count++;
        }
    for (at = 0; json_member(was, &at, &name, &value);)
        if (!json_get(now, name)) {
            say(c, "%s: %s -> preset", name, text_of(c, value));
            count++;
        }
    return count;
}

static enum err
save(struct cli *c, const struct edit *e, const struct json *policy, struct answer *a)
{
    struct ask ask = { .method = "PUT",
                       .path = e->path,
                       .not_done = arena_printf(c->s->arena, "template %s is as it was", e->name) };
    struct buf b;

    if (e->etag)
        list_add(c->s->arena, &ask.headers, struct header,
                 ((struct header){ "If-Match", e->etag }));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '{');
    if (cli_text(c, "display-name")) {
        buf_text(&b, "\"display_name\":");
        json_text(&b, cli_text(c, "display-name"));
        buf_byte(&b, ',');
    }
    buf_text(&b, "\"policy\":");
    json_write(&b, policy);
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    return ask_server(c, &ask, a);
}

/* What somebody wrote is not lost when it is refused. */
static enum err
kept(struct cli *c, const struct edit *e, enum err done)
{
    if (done != OK && e->kept)
        c->fix =
            arena_printf(c->s->arena, "your text is kept: chancery templates edit %s --from %s",
                         e->name, e->kept);
    return done;
}

enum err
run_templates_edit(struct cli *c)
{
    const struct json *policy;
    struct edit e = { 0 };
    int64_t number = 0;
    struct answer a;

    TRY(load(c, &e));
    TRY(kept(c, &e, next_policy(c, &e, &policy)));
    if (tell_changes(c, e.policy, policy) == 0 && !cli_text(c, "display-name")) {
        say(c, "nothing is changed");
        if (e.kept)
            (void)remove(e.kept);
        return OK;
    }
    if (cli_has(c, "dry-run"))
        return OK;
    TRY(kept(c, &e, save(c, &e, policy, &a)));
    if (e.kept)
        (void)remove(e.kept);
    (void)json_int(json_get(a.json, "number"), &number);
    if (output_is_table(c)) {
        say(c, "template %s has version %lld", e.name, (long long)number);
        return OK;
    }
    return print_data(c, &template_view, a.json);
}

enum err
run_templates_test(struct cli *c)
{
    static const struct flag plan = { .name = "dry-run", .kind = FLAG_SWITCH };
    static const struct flag tmpl = { .name = "template", .kind = FLAG_TEXT };
    static const struct flag issuer = { .name = "issuer", .kind = FLAG_TEXT };

    TRY(cli_give(c, &plan, NULL));
    TRY(cli_give(c, &tmpl, cli_arg(c, 0)));
    if (!cli_text(c, "issuer"))
        TRY(cli_give(c, &issuer, "ca"));
    c->args.count = 0;
    return run_issue(c);
}
