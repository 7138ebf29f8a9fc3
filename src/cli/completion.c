/* Completion: scripts for shells, from the table of commands. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static bool
is_shown(const struct command *k)
{
    return !(k->traits & COMMAND_HIDDEN);
}

/* The second words of a group. */
static void
add_seconds(struct buf *out, const struct group *g)
{
    size_t len = strlen(g->name);

    for (size_t i = 0; i < command_count; i++)
        if (is_shown(&commands[i]) && !strncmp(commands[i].path, g->name, len) &&
            commands[i].path[len] == ' ' && !strchr(commands[i].path + len + 1, ' '))
            buf_printf(out, "%s ", commands[i].path + len + 1);
    for (size_t i = 0; i < group_count; i++) /* a group within it */
        if (!strncmp(groups[i].name, g->name, len) && groups[i].name[len] == ' ')
            buf_printf(out, "%s ", groups[i].name + len + 1);
}

static void
add_firsts(struct buf *out)
{
    for (size_t i = 0; i < command_count; i++)
        if (is_shown(&commands[i]) && !strchr(commands[i].path, ' '))
            buf_printf(out, "%s ", commands[i].path);
    for (size_t i = 0; i < group_count; i++)
        if (!strchr(groups[i].name, ' '))
            buf_printf(out, "%s ", groups[i].name);
}

static void
add_flags(struct buf *out, const struct flag *flags, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "--%s ", flags[i].name);
}

/* The part that bash and zsh (through bashcompinit) share. */
static void
bash_function(struct buf *out)
{
    buf_text(out, "_chancery()\n{\n"
                  "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" first= second= word words= i\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        word=\"${COMP_WORDS[i]}\"\n"
                  "        [[ $word == -* ]] && continue\n"
                  "        if [[ -z $first ]]; then first=$word\n"
                  "        elif [[ -z $second ]]; then second=$word; fi\n"
                  "    done\n"
                  "    case \"$first\" in\n    '') words='");
    add_firsts(out);
    buf_text(out, "' ;;\n");
    for (size_t i = 0; i < group_count; i++) {
        if (strchr(groups[i].name, ' '))
            continue;
        buf_printf(out, "    %s) [[ -z $second ]] && words='", groups[i].name);
        add_seconds(out, &groups[i]);
        buf_text(out, "' ;;\n");
    }
    buf_text(out, "    completion) words='bash zsh fish' ;;\n    esac\n"
                  "    if [[ $cur == -* ]]; then\n        words='");
    add_flags(out, global_flags, global_flag_count);
    buf_text(out, "'\n        case \"$first $second\" in\n");
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i].flag_count)
            continue;
        buf_printf(out, "        '%s'%s) words+='", commands[i].path,
                   strchr(commands[i].path, ' ') ? "" : "\\ *");
        add_flags(out, commands[i].flags, commands[i].flag_count);
        buf_text(out, "' ;;\n");
    }
    buf_text(out, "        esac\n    fi\n"
                  "    if [[ -n $words ]]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                  "    else COMPREPLY=($(compgen -f -- \"$cur\")); fi\n}\n"
                  "complete -o filenames -F _chancery chancery chy\n");
}

/* Text between single quotes of fish. */
static void
fish_text(struct buf *out, const char *text)
{
    buf_byte(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buf_byte(out, '\\');
        buf_byte(out, (uint8_t)*text);
    }
    buf_byte(out, '\'');
}

static void
fish_flag(struct buf *out, const char *when, const struct flag *f)
{
    buf_printf(out, "complete -c chancery%s -l %s", when, f->name);
    if (f->letter)
        buf_printf(out, " -s %c", f->letter);
    buf_text(out, f->kind == FLAG_SWITCH || f->kind == FLAG_OPTIONAL ? " -d " : " -r -d ");
    fish_text(out, f->doc);
    buf_byte(out, '\n');
}

static void
fish_command(struct buf *out, const struct command *k)
{
    const char *second = strrchr(k->path, ' ');
    char when[160];

    if (second)
        (void)snprintf(when, sizeof(when), "__fish_seen_subcommand_from %.*s",
                       (int)(second - k->path), k->path);
    else
        (void)snprintf(when, sizeof(when), "__fish_use_subcommand");
    buf_printf(out, "complete -c chancery -f -n '%s' -a %s -d ", when,
               second ? second + 1 : k->path);
    fish_text(out, k->doc);
    buf_byte(out, '\n');
    if (second)
        (void)snprintf(when, sizeof(when),
                       " -n '__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s'",
                       (int)(second - k->path), k->path, second + 1);
    else
        (void)snprintf(when, sizeof(when), " -n '__fish_seen_subcommand_from %s'", k->path);
    for (size_t i = 0; i < k->flag_count; i++)
        fish_flag(out, when, &k->flags[i]);
}

static void
fish_script(struct buf *out)
{
    for (size_t i = 0; i < global_flag_count; i++)
        fish_flag(out, "", &global_flags[i]);
    for (size_t i = 0; i < group_count; i++) {
        const char *inner = strchr(groups[i].name, ' ');

        if (inner)
            buf_printf(out,
                       "complete -c chancery -f -n '__fish_seen_subcommand_from %.*s' -a %s -d ",
                       (int)(inner - groups[i].name), groups[i].name, inner + 1);
        else
            buf_printf(out, "complete -c chancery -f -n __fish_use_subcommand -a %s -d ",
                       groups[i].name);
        fish_text(out, groups[i].doc);
        buf_byte(out, '\n');
    }
    for (size_t i = 0; i < command_count; i++)
        if (is_shown(&commands[i]))
            fish_command(out, &commands[i]);
    buf_text(out, "complete -c chancery -f -n '__fish_seen_subcommand_from completion' "
                  "-a 'bash zsh fish'\n");
}

bool
completion_script(struct buf *out, const char *shell)
{
    if (!strcmp(shell, "bash")) {
        bash_function(out);
    } else if (!strcmp(shell, "zsh")) {
        buf_text(out, "#compdef chancery chy\nautoload -U bashcompinit && bashcompinit\n");
        bash_function(out);
    } else if (!strcmp(shell, "fish")) {
        fish_script(out);
    } else {
        return false;
    }
    return true;
}
