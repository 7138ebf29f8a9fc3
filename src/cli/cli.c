#include "cli/cli.h"

#include "base/log.h"
#include "cli/run.h"
#include "server/server.h"
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 20)

static void
put(struct cli *c, void (*write)(struct buf *))
{
    struct buf b;

    buf_init_in(&b, c->s->arena, TEXT_MAX);
    write(&b);
    (void)fputs(buf_str(&b) ? buf_str(&b) : "", stdout);
}

enum err
run_version(struct cli *c)
{
    static const struct view view = { .kind = "version", .key = "version" };
    struct buf b;

    if (output_is_table(c))
        return puts("chancery " CLI_VERSION) < 0 ? E_UNAVAILABLE : OK;
    buf_init_in(&b, c->s->arena, TEXT_MAX);
    buf_text(&b, "{\"version\":\"" CLI_VERSION "\"}");
    return print_json(c, &view, &b);
}

enum err
run_completion(struct cli *c)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, TEXT_MAX);
    if (!completion_script(&b, cli_arg(c, 0)))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "there is no completion for \"%s\": bash, zsh or fish", cli_arg(c, 0));
    return print_bytes(c, buf_bytes(&b));
}

/* What the words behind `help` ask for: a command first, then a group, a topic, a code. */
static bool
explain(struct cli *c, struct buf *out)
{
    const char *words = "";
    const struct command *k = NULL;
    const struct group *g;

    for (size_t i = 0; i < c->args.count; i++)
        words = arena_printf(c->s->arena, "%s%s%s", words, i ? " " : "", cli_arg(c, i));
    k = command_find(words);
    g = group_find(words);
    if (k)
        help_command(out, k);
    else if (g)
        help_group(out, g);
    else
        return help_topic(out, words) || help_code(out, words);
    return true;
}

enum err
run_help(struct cli *c)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, TEXT_MAX);
    if (!c->args.count)
        help_summary(&b);
    else if (!explain(c, &b))
        return fail(c->s, E_NOT_FOUND, "there is no help about \"%s\": see chancery help topics",
                    cli_arg(c, c->args.count - 1));
    return print_bytes(c, buf_bytes(&b));
}

static enum err
run_parsed(struct cli *c)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, TEXT_MAX);
    if (cli_has(c, "help") || (!c->command && c->group)) {
        if (c->command)
            help_command(&b, c->command);
        else if (c->group)
            help_group(&b, c->group);
        else
            help_summary(&b);
        TRY(print_bytes(c, buf_bytes(&b)));
        c->status = cli_has(c, "help") ? EXIT_DONE : EXIT_USAGE;
        return OK;
    }
    if (cli_has(c, "version"))
        return run_version(c);
    if (!c->command) {
        put(c, help_summary);
        return OK;
    }
    return c->command->run(c);
}

/* The commands that are the server's own read their arguments themselves. */
static bool
is_servers(const struct cli *c)
{
    return c->command && (c->command->traits & COMMAND_RAW);
}

static int
run_servers(struct cli *c)
{
    int count = (int)c->args.count;
    char **argv = c->args.items;

    return text_eq(c->command->path, "serve") ? server_serve(count, argv)
                                              : server_init(count, argv);
}

int
cli_main(int argc, char **argv)
{
    struct cli c = { .s = scope_new("cli") };
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
    enum err e;

    (void)setlocale(LC_CTYPE, "");
    e = cli_parse(&c, argc > 0 ? argc - 1 : 0, argv + 1);
    if (e == OK && is_servers(&c)) {
        status = run_servers(&c);
    } else {
        log_setup(LOG_TEXT, LOG_ERROR, c.verbose > 1 || quiet < 0 ? STDERR_FILENO : quiet);
        if (e == OK)
            e = run_parsed(&c);
        status = e == OK ? c.status : error_report(&c, e);
    }
    if (fflush(stdout) != 0 && status == 0)
        status = EXIT_FAILED;
    session_close(c.session);
    scope_free(c.s);
    if (quiet >= 0)
        (void)close(quiet);
    return status;
}
