/* Help: the texts that the table of commands gives. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static bool
is_of_group(const struct command *k, const struct group *g)
{
    size_t len = strlen(g->name);

    return !strncmp(k->path, g->name, len) && k->path[len] == ' ' && !(k->traits & COMMAND_HIDDEN);
}

/* What everybody knows from elsewhere: their names are enough for a summary of one screen. */
static bool
is_minor(const struct command *k)
{
    static const char *const names[] = { "login",        "logout",  "whoami",     "api",
                                         "status",       "metrics", "completion", "version",
                                         "help",         "hold",    "release",    "support-bundle",
                                         "needs-renewal" };

    for (size_t i = 0; i < COUNT(names); i++)
        if (!strcmp(k->path, names[i]))
            return true;
    return false;
}

void
help_summary(struct buf *out)
{
    buf_text(out, "Certificates from one program: server and command line.\n"
                  "Usage: chancery [flags] COMMAND [arguments] [flags]\n\n");
    for (size_t i = 0; i < command_count; i++)
        if (!strchr(commands[i].path, ' ') && !(commands[i].traits & COMMAND_HIDDEN) &&
            !is_minor(&commands[i]))
            buf_printf(out, "  %-11s %s\n", commands[i].path, commands[i].doc);
    buf_text(out, "Also:");
    for (size_t i = 0; i < command_count; i++)
        if (is_minor(&commands[i]))
            buf_printf(out, " %s", commands[i].path);
    buf_text(out, "\n\nGroups:\n");
    for (size_t i = 0; i < group_count; i++)
        if (!strchr(groups[i].name, ' ')) /* those are in the help of theirs */
            buf_printf(out, "  %-11s %s\n", groups[i].name, groups[i].doc);
    buf_text(out, "\nTo begin: `chancery serve --dev`, then `chancery login` and `chancery issue`. "
                  "More: `chancery help topics`.\n");
}

static void
add_flag(struct buf *out, const struct flag *f)
{
    char left[80];
    bool dashed = text_starts(f->name, "no-");

    (void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", f->letter ? '-' : ' ',
                   f->letter ? f->letter : ' ', f->letter ? ", " : "  ", f->name,
                   f->value ? " " : "", f->value ? f->value : "");
    buf_printf(out, "  %-28s %s", left, f->doc);
    if (f->alias)
        buf_printf(out, " (also --%s)", f->alias);
    if (f->variable && !dashed)
        buf_printf(out, " [%s]", f->variable);
    buf_byte(out, '\n');
}

void
help_flags(struct buf *out)
{
    buf_text(out, "Flags that every command takes.\n\n");
    for (size_t i = 0; i < global_flag_count; i++)
        add_flag(out, &global_flags[i]);
}

void
help_command(struct buf *out, const struct command *k)
{
    if (k->usage) {
        buf_text(out, *k->usage);
        return;
    }
    buf_printf(out, "%s\n\nUsage: chancery %s%s%s [flags]\n", k->doc, k->path, *k->args ? " " : "",
               k->args);
    if (k->examples)
        buf_printf(out, "\nExamples:\n%s", k->examples);
    if (k->flag_count)
        buf_text(out, "\nFlags:\n");
    for (size_t i = 0; i < k->flag_count; i++)
        add_flag(out, &k->flags[i]);
    buf_text(out, "\nGlobal flags: chancery help flags. Exit codes: chancery help exit-codes.\n");
}

void
help_group(struct buf *out, const struct group *g)
{
    buf_printf(out, "%s\n\nUsage: chancery %s COMMAND [flags]\n\n", g->doc, g->name);
    for (size_t i = 0; i < command_count; i++)
        if (is_of_group(&commands[i], g))
            buf_printf(out, "  %-14s %s\n", commands[i].path + strlen(g->name) + 1,
                       commands[i].doc);
    buf_printf(out, "\nMore: chancery help %s COMMAND\n", g->name);
}
