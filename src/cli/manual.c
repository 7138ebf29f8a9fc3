/* Manual: pages in mdoc, from the same table as the help. */
#include "cli/manual.h"

#include "cli/command.h"
#include "codec/settings.h"
#include "server/settings.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LINE_LEN 72
#define WRITTEN "November 21, 2026" /* the pages' date: the same program makes the same pages */

static const struct {
    const char *topic, *title;
} topic_pages[] = {
    { "query", "how certificates are searched for" },
    { "references", "how certificates, items and times are named" },
    { "formats", "forms of output" },
    { "environment", "variables that are read" },
    { "exit-codes", "what the exit status means" },
};

/* Text as roff has it. IS_LINE: it begins a line. */
static void
plain(struct buf *out, const char *text, bool is_line)
{
    if (is_line && (*text == '.' || *text == '\''))
        buf_text(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            buf_text(out, "\\e");
        else if (*text == '"')
            buf_text(out, "\\(dq");
        else if (*text == '-' && text[1] == '-')
            buf_text(out, "\\-");
        else
            buf_byte(out, (uint8_t)*text);
    }
}

/* An argument of a macro, never a macro itself. */
static void
argument(struct buf *out, const char *text)
{
    buf_text(out, " \"\\&");
    plain(out, text, false);
    buf_byte(out, '"');
}

/* Running text, in lines that are not long. */
static void
paragraph(struct buf *out, const char *text)
{
    while (*text) {
        size_t len = strlen(text);
        char line[LINE_LEN + 1];

        if (len > LINE_LEN) {
            for (len = LINE_LEN; len && text[len] != ' ';)
                len--;
            len = len ? len : LINE_LEN;
        }
        memcpy(line, text, len);
        line[len] = 0;
        plain(out, line, true);
        buf_byte(out, '\n');
        text += len + strspn(text + len, " ");
    }
}

/* Lines as they are. */
static void
literal(struct buf *out, const char *text)
{
    buf_text(out, ".Bd -literal\n");
    while (*text) {
        size_t len = strcspn(text, "\n");
        char line[512];
        size_t n = MIN(len, sizeof(line) - 1);

        memcpy(line, text, n);
        while (n && line[n - 1] == ' ')
            n--;
        line[n] = 0;
        plain(out, line, true);
        buf_byte(out, '\n');
        text += len + (text[len] == '\n');
    }
    buf_text(out, ".Ed\n");
}

static void
head(struct buf *out, const char *name, int section, const char *what)
{
    buf_text(out, ".Dd " WRITTEN "\n.Dt ");
    for (const char *p = name; *p; p++)
        buf_byte(out, (uint8_t)toupper((unsigned char)*p));
    buf_printf(out, " %d\n.Os\n.Sh NAME\n.Nm %s\n.Nd ", section, name);
    if (text_starts(what, "CA ") || isupper((unsigned char)what[1]))
        buf_byte(out, (uint8_t)*what);
    else
        buf_byte(out, (uint8_t)tolower((unsigned char)*what));
    for (what++; *what && !(*what == '.' && !what[1]); what++)
        buf_byte(out, (uint8_t)*what);
    buf_byte(out, '\n');
}

static void
see_also(struct buf *out)
{
    buf_text(out, ".Sh SEE ALSO\n.Xr chancery 1 ,\n.Xr chancery-environment 7 ,\n"
                  ".Xr chancery-exit-codes 7 ,\n.Xr chancery-formats 7 ,\n"
                  ".Xr chancery-references 7\n");
}

static void
flags(struct buf *out, const struct flag *all, size_t count)
{
    if (!count)
        return;
    buf_text(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < count; i++) {
        const struct flag *f = &all[i];

        buf_text(out, ".It");
        if (f->letter)
            buf_printf(out, " Fl %c ,", f->letter);
        buf_printf(out, " Fl \\-%s", f->name);
        if (f->value) {
            buf_text(out, " Ar");
            argument(out, f->value);
        }
        buf_byte(out, '\n');
        paragraph(out, f->doc);
        if (f->alias)
            buf_printf(out, ".Pq also Fl \\-%s\n", f->alias);
        if (f->variable && !text_starts(f->name, "no-"))
            buf_printf(out, ".Bq Ev %s\n", f->variable);
    }
    buf_text(out, ".El\n");
}

static void
command(struct buf *out, const struct command *k)
{
    paragraph(out, k->doc);
    flags(out, k->flags, k->flag_count);
    if (k->examples) {
        buf_text(out, ".Pp\nFor example:\n");
        literal(out, k->examples);
    }
}

static void
synopsis(struct buf *out, const struct command *k)
{
    buf_printf(out, ".Nm chancery\n.Cm %s\n", k->path);
    if (*k->args) {
        buf_text(out, ".Ar");
        argument(out, k->args);
        buf_byte(out, '\n');
    }
    buf_text(out, ".Op Ar flags\n");
}

static bool
is_of(const struct command *k, const char *group)
{
    size_t len = strlen(group);

    return !(k->traits & COMMAND_HIDDEN) && !strncmp(k->path, group, len) && k->path[len] == ' ';
}

static void
group_page(struct buf *out, const struct group *g)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "chancery-%s", g->name);
    head(out, name, 1, g->doc);
    buf_text(out, ".Sh SYNOPSIS\n");
    for (size_t i = 0; i < command_count; i++)
        if (is_of(&commands[i], g->name))
            synopsis(out, &commands[i]);
    buf_text(out, ".Sh DESCRIPTION\n");
    for (size_t i = 0; i < command_count; i++) {
        if (!is_of(&commands[i], g->name))
            continue;
        buf_printf(out, ".Ss %s\n", commands[i].path);
        command(out, &commands[i]);
    }
    see_also(out);
}

static void
command_page(struct buf *out, const struct command *k)
{
    bool raw = k->usage != NULL; /* the server's own: what administrators run */
    char name[64];

    (void)snprintf(name, sizeof(name), "chancery-%s", k->path);
    head(out, name, raw ? 8 : 1, k->doc);
    buf_text(out, ".Sh SYNOPSIS\n");
    synopsis(out, k);
    buf_text(out, ".Sh DESCRIPTION\n");
    if (raw)
        literal(out, *k->usage);
    else
        command(out, k);
    see_also(out);
}

static void
topic_page(struct buf *out, const char *topic, const char *title)
{
    struct buf text;
    char name[64];

    (void)snprintf(name, sizeof(name), "chancery-%s", topic);
    head(out, name, 7, title);
    buf_text(out, ".Sh DESCRIPTION\n");
    buf_init(&text, (size_t)64 * 1024);
    (void)help_topic(&text, topic);
    literal(out, buf_str(&text));
    buf_done(&text);
    buf_text(out, ".Sh SEE ALSO\n.Xr chancery 1\n");
}

static void
settings_page(struct buf *out)
{
    struct buf text;

    head(out, "chancery.yaml", 5, "settings of the server");
    buf_text(out, ".Sh DESCRIPTION\n"
                  "YAML or JSON, by default\n.Pa /etc/chancery/chancery.yaml ,\n"
                  "with drop-ins in\n.Pa /etc/chancery/conf.d/*.yaml .\n"
                  "Each key with its meaning and what holds without it:\n");
    buf_init(&text, (size_t)1 << 20);
    settings_describe(&text, &server_settings_model);
    literal(out, buf_str(&text));
    buf_done(&text);
    buf_text(out, ".Sh SEE ALSO\n.Xr chancery-serve 8\n");
}

/* The page of the whole program. */
static void
summary_page(struct buf *out)
{
    head(out, "chancery", 1, "certificates from one program: server and command line");
    buf_text(out, ".Sh SYNOPSIS\n.Nm\n.Op Ar flags\n.Ar COMMAND\n.Op Ar arguments\n"
                  ".Op Ar flags\n.Sh DESCRIPTION\n.Ss Commands\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < command_count; i++) {
        const struct command *k = &commands[i];

        if (strchr(k->path, ' ') || (k->traits & COMMAND_HIDDEN))
            continue;
        buf_printf(out, ".It Xr chancery-%s %d\n", k->path, k->usage ? 8 : 1);
        paragraph(out, k->doc);
    }
    for (size_t i = 0; i < group_count; i++) {
        if (strchr(groups[i].name, ' '))
            continue;
        buf_printf(out, ".It Xr chancery-%s 1\n", groups[i].name);
        paragraph(out, groups[i].doc);
    }
    buf_text(out, ".El\n.Ss Flags that every command takes\n");
    flags(out, global_flags, global_flag_count);
    buf_text(out, ".Sh FILES\n.Bl -tag -width Ds\n.It Pa ~/.config/chancery/config.yaml\n"
                  "Servers and identities that are kept.\n"
                  ".It Pa /etc/chancery/chancery.yaml\nSettings of the server.\n.El\n");
    buf_text(out, ".Sh SEE ALSO\n.Xr chancery.yaml 5 ,\n.Xr chancery-environment 7 ,\n"
                  ".Xr chancery-exit-codes 7 ,\n.Xr chancery-formats 7 ,\n"
                  ".Xr chancery-query 7 ,\n.Xr chancery-references 7\n");
}

bool
manual_page(struct buf *out, const char *name)
{
    char first[64];
    const struct command *k;
    const struct group *g;

    (void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(name, " "), name);
    k = command_find(first);
    g = group_find(first);
    for (size_t i = 0; i < COUNT(topic_pages); i++)
        if (!strcmp(name, topic_pages[i].topic)) {
            topic_page(out, name, topic_pages[i].title);
            return true;
        }
    if (!*name)
        summary_page(out);
    else if (!strcmp(name, "chancery.yaml"))
        settings_page(out);
    else if (g)
        group_page(out, g);
    else if (k)
        command_page(out, k);
    else
        return false;
    return true;
}

static void
add(struct arena *a, struct list *out, const char *name, int section)
{
    const char *file = !*name                           ? "chancery"
                       : !strcmp(name, "chancery.yaml") ? name
                                                        : arena_printf(a, "chancery-%s", name);

    list_add(a, out, struct manual,
             ((struct manual){ name, arena_printf(a, "%s.%d", file, section), section }));
}

void
manual_pages(struct arena *a, struct list *out)
{
    *out = (struct list){ 0 };
    add(a, out, "", 1);
    add(a, out, "chancery.yaml", 5);
    for (size_t i = 0; i < command_count; i++)
        if (!strchr(commands[i].path, ' ') && !(commands[i].traits & COMMAND_HIDDEN))
            add(a, out, commands[i].path, commands[i].usage ? 8 : 1);
    for (size_t i = 0; i < group_count; i++)
        if (!strchr(groups[i].name, ' '))
            add(a, out, groups[i].name, 1);
    for (size_t i = 0; i < COUNT(topic_pages); i++)
        add(a, out, topic_pages[i].topic, 7);
}
