/* The server's settings, read as the server would. */
#include "cli/keystore.h"

#include "seal/seal.h"
#include "server/master.h"
#include <stdio.h>
#include <string.h>

#define SECRET_MAX ((size_t)64 * 1024)

static void
caution_of(struct cli *c, const struct settings *settings)
{
    LIST_EACH(const char *, text, settings_warnings(settings))
    caution(c, "%s", *text);
}

enum err
run_config_show(struct cli *c)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    enum table_form form = output_form(c);
    struct buf b;

    TRY(note(c->s, settings_of(c, &settings), "the settings cannot be used"));
    caution_of(c, settings);
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    settings_show(&b, settings,
                  form == TABLE_JSON || form == TABLE_JSONL ? SETTINGS_JSON
                  : form == TABLE_NAME || form == TABLE_ENV ? SETTINGS_LINES
                                                            : SETTINGS_YAML,
                  cli_has(c, "origin"));
    return print_bytes(c, buf_bytes(&b));
}

enum err
run_config_describe(struct cli *c)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    if (cli_has(c, "table"))
        settings_table(&b, &server_settings_model);
    else
        settings_describe(&b, &server_settings_model);
    return print_bytes(c, buf_bytes(&b));
}

enum err
run_config_check(struct cli *c)
{
    AUTO(settings_unref) struct settings *settings = NULL;

    TRY(note(c->s, settings_of(c, &settings), "the settings cannot be used"));
    TRY(note(c->s, settings_judge_files(c->s, settings), "the settings cannot be used"));
    caution_of(c, settings);
    say(c, "the settings are good");
    return OK;
}

/* The master key of a file that is named, or that of the settings. */
static enum err
open_master(struct cli *c, struct seal **out)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    const char *path = cli_text(c, "master-key");

    if (path)
        return seal_open_master(
            c->s, text_starts(path, "file:") ? path : arena_printf(c->s->arena, "file:%s", path),
            false, out);
    TRY(note(c->s, settings_of(c, &settings), "the settings cannot be used"));
    return master_open(c->s, settings_root(settings), NULL, false, out);
}

enum err
run_config_seal(struct cli *c)
{
    AUTO(seal_close) struct seal *seal = NULL;
    AUTO(secret_free) struct secret *plain = NULL;
    const char *text;
    struct bytes input;

    TRY(note(c->s, open_master(c, &seal), "the master key"));
    TRY(read_input(c, "-", SECRET_MAX, &input));
    while (input.len && (input.data[input.len - 1] == '\n' || input.data[input.len - 1] == '\r'))
        input.len--;
    if (!input.len)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "there is nothing to seal on standard input");
    plain = secret_copy(input);
    TRY(seal_text(c->s, seal, secret_bytes(plain), &text));
    (void)printf("%s\n", text);
    return OK;
}

enum err
run_config_move_master_key(struct cli *c)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    const char *to = cli_arg(c, 0);
    struct master_moved moved = { 0 };

    TRY(note(c->s, settings_of(c, &settings), "the settings cannot be used"));
    TRY(master_move(c->s, settings_root(settings), to, &moved));
    say(c, "The master key %s is in %s now, too, and opens there.", moved.id, moved.file);
    say(c,
        "Put it into the settings of each server, and start them anew:\n  seal:\n    "
        "master_key: %s",
        to);
    if (!text_eq(moved.file, moved.old_file))
        say(c,
            "Then check with `chancery doctor`, and remove %s and its copies when nobody is to "
            "have them.",
            moved.old_file);
    return OK;
}
