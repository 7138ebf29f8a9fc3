#include "cli/cli.h"

#include "base/log.h"
#include "cli/check.h"
#include "cli/complete.h"
#include "cli/manual.h"
#include "cli/run.h"
#include "server/server.h"
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
                         "there is no completion for \"%s\": bash, zsh, fish or powershell",
                         cli_arg(c, 0));
    return print_bytes(c, buf_bytes(&b));
}

static const char *
words_of(struct cli *c)
{
    const char *words = "";

    for (size_t i = 0; i < c->args.count; i++)
        words = arena_printf(c->s->arena, "%s%s%s", words, i ? " " : "", cli_arg(c, i));
    return words;
}

/* What the words behind `help` ask for: a command first, then a group, a topic, a code. */
static bool
explain(const char *words, struct buf *out)
{
    const struct command *k = command_find(words);
    const struct group *g = group_find(words);

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
    if (cli_has(c, "man") ? !manual_page(&b, words_of(c))
                          : c->args.count && !explain(words_of(c), &b))
        return fail(c->s, E_NOT_FOUND, "there is no %s about \"%s\": see chancery help topics",
                    cli_has(c, "man") ? "manual" : "help", words_of(c));
    if (!b.len)
        help_summary(&b);
    return print_long(c, buf_bytes(&b));
}

/* `__manuals DIR`: every page, as its file in a directory for each section. */
static enum err
write_manuals(struct cli *c, const char *dir)
{
    struct list pages;

    manual_pages(c->s->arena, &pages);
    LIST_EACH(struct manual, page, &pages)
    {
        const char *section = arena_printf(c->s->arena, "%s/man%d", dir, page->section);
        struct buf b;

        if (mkdir(section, 0755) != 0 && errno != EEXIST)
            return fail(c->s, E_INVALID, "cannot make %s: %s", section, strerror(errno));
        buf_init_in(&b, c->s->arena, TEXT_MAX);
        (void)manual_page(&b, page->name);
        TRY(write_out(c, arena_printf(c->s->arena, "%s/%s", section, page->file), buf_bytes(&b),
                      OUT_PUBLIC));
    }
    return OK;
}

/* What scripts alone say: no line of the table. */
static bool
run_for_scripts(struct cli *c, int argc, char **argv, enum err *e)
{
    struct bytes words = { 0 };

    *e = OK;
    if (argc > 1 && text_eq(argv[1], "__complete")) {
        *e = complete_words(c, argv + 2, argc - 2, &words);
        if (*e == OK)
            *e = print_bytes(c, words);
        return true;
    }
    if (argc == 3 && text_eq(argv[1], "__manuals")) {
        *e = write_manuals(c, argv[2]);
        return true;
    }
    return false;
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
        TRY(print_long(c, buf_bytes(&b)));
        c->status = cli_has(c, "help") ? EXIT_DONE : EXIT_USAGE;
        return OK;
    }
    if (cli_has(c, "version"))
        return run_version(c);
    if (!c->command) {
        put(c, help_summary);
        return OK;
    }
    return cli_has(c, "watch") ? run_watched(c) : c->command->run(c);
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

/* CHANCERY_LOG, where no flag says so. */
static void
verbose_by_environment(struct cli *c)
{
    static const struct flag quiet = { .name = "quiet" };
    const char *word = getenv("CHANCERY_LOG");

    if (c->verbose || cli_has(c, "quiet") || !word)
        return;
    if (text_eq_fold(word, "quiet") || text_eq_fold(word, "error"))
        list_add(c->s->arena, &c->given, struct given, ((struct given){ &quiet, NULL, false }));
    else
        c->verbose = text_eq_fold(word, "debug") || text_eq_fold(word, "trace") ? 2
                     : text_eq_fold(word, "info")                               ? 1
                                                                                : 0;
}

int
cli_main(int argc, char **argv)
{
    struct cli c = { .s = scope_new("cli") };
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
    enum err e;

    (void)setlocale(LC_CTYPE, "");
    log_setup(LOG_TEXT, LOG_ERROR, quiet < 0 ? STDERR_FILENO : quiet);
    if (run_for_scripts(&c, argc, argv, &e)) {
        status = e == OK ? EXIT_DONE : error_report(&c, e);
        session_close(c.session);
        scope_free(c.s);
        return status;
    }
    e = cli_parse(&c, argc > 0 ? argc - 1 : 0, argv + 1);
    verbose_by_environment(&c);
    if (e == OK && is_servers(&c)) {
        status = run_servers(&c);
    } else {
        log_setup(LOG_TEXT, LOG_ERROR, c.verbose > 1 || quiet < 0 ? STDERR_FILENO : quiet);
        if (e == OK)
            e = run_parsed(&c);
        status = e == OK ? c.status : is_check(&c) ? check_unknown(&c) : error_report(&c, e);
        if (fflush(stdout) != 0 && status == EXIT_DONE) {
            (void)fprintf(stderr, "error: cannot write to standard output: %s\n", strerror(errno));
            status = EXIT_FAILED;
        }
    }
    session_close(c.session);
    scope_free(c.s);
    if (quiet >= 0)
        (void)close(quiet);
    return status;
}
