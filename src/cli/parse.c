/* From arguments to a command with its flags. */
#include "cli/run.h"

#include "api/command.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 3

static size_t
distance(const char *a, const char *b)
{
    size_t row[64], len = strlen(b);

    if (len >= COUNT(row) || strlen(a) >= COUNT(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t above = row[j], best = MIN(row[j], row[j - 1]) + 1;

            row[j] = MIN(best, diagonal + (tolower(a[i - 1]) != tolower(b[j - 1])));
            diagonal = above;
        }
    }
    return row[len];
}

const char *
nearest_word(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t nearest = MIN(NEAR, strlen(word) / 2 + 1);

    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, words[i]);

        if (d < nearest || (d == nearest && !best)) {
            nearest = d;
            best = words[i];
        }
    }
    return best;
}

const char *
all_words(struct arena *a, const char *const *words)
{
    const char *all = "";

    for (; *words; words++)
        all = arena_printf(a, "%s%s%s", all, *all ? ", " : "", *words);
    return all;
}

static const char *
did_you_mean(struct cli *c, const char *word, const struct list *words, const char *before)
{
    const char *near = nearest_word(word, words->items, words->count);

    return near ? arena_printf(c->s->arena, "; did you mean \"%s%s\"?", before, near) : "";
}

bool
time_parse(const char *text, struct when now, struct when *out)
{
    int64_t ms;

    if (when_parse(text, out))
        return true;
    if ((*text != '+' && *text != '-') || !duration_parse(text + 1, &ms))
        return false;
    *out = when_add_ms(now, *text == '-' ? -ms : ms);
    return true;
}

bool
reason_parse(const char *text, int64_t *out)
{
    char plain[32];
    const struct choice *known;
    size_t len = 0;

    if (text_to_int(text, out))
        return *out >= 0 && *out <= 10 && *out != 7;
    for (; *text; text++) {
        if (*text == '-' || *text == '_' || *text == ' ')
            continue;
        if (len + 1 == sizeof(plain))
            return false;
        plain[len++] = *text;
    }
    plain[len] = 0;
    known =
        choice_by_name(revocation_reasons, text_eq_fold(plain, "hold") ? "CertificateHold" : plain);
    if (!known || known->number < 0 || known->number > 10)
        return false;
    *out = known->number;
    return true;
}

/* Values. */

static enum err
bad_value(struct cli *c, const struct flag *f, const char *value, const char *want)
{
    return fail_code(c->s, E_INVALID, CHY_USAGE, "--%s: \"%s\" is not %s", f->name, value, want);
}

static enum err
bad_word(struct cli *c, const struct flag *f, const char *value, const char *const *words)
{
    return bad_value(c, f, value,
                     arena_printf(c->s->arena, "one of %s", all_words(c->s->arena, words)));
}

static enum err
check_value(struct cli *c, const struct flag *f, const char *value)
{
    struct key_spec spec;
    struct table table;
    struct when when;
    int64_t n;

    switch (f->kind) {
    case FLAG_NUMBER:
        return text_to_int(value, &n) && n >= 1
                   ? OK
                   : bad_value(c, f, value, "a whole number, 1 or more");
    case FLAG_COUNT:
        return text_to_int(value, &n) && n >= 0
                   ? OK
                   : bad_value(c, f, value, "a whole number, 0 or more");
    case FLAG_OPTIONAL:
    case FLAG_DURATION:
        return duration_parse(value, &n) && n > 0
                   ? OK
                   : bad_value(c, f, value, "a duration such as 90d, 12h or P90D");
    case FLAG_TIME:
        return time_parse(value, WHEN_S(0), &when)
                   ? OK
                   : bad_value(c, f, value, "a time such as 2025-10-22, RFC 3339, or +90d");
    case FLAG_KEY:
        return key_spec_parse(value, &spec)
                   ? OK
                   : bad_value(c, f, value, "a kind of key such as ec:p256, rsa:3072 or ed25519");
    case FLAG_REASON:
        return reason_parse(value, &n)
                   ? OK
                   : bad_value(c, f, value,
                               "a reason: unspecified, key-compromise, ca-compromise, "
                               "affiliation-changed, superseded, "
                               "cessation-of-operation, hold, privilege-withdrawn");
    case FLAG_TEXTS:
        return *value ? OK : bad_value(c, f, value, "a value");
    case FLAG_NAMES: /* one that is not set in a script would mean what no flag at all does */
        return value[strspn(value, ", \t")] ? OK : bad_value(c, f, value, "a name");
    case FLAG_OUTPUT:
        return table_form_parse(value, &table) ? OK : bad_word(c, f, value, output_words);
    case FLAG_WORD:
        for (const char *const *w = f->words; *w; w++)
            if (text_eq(*w, value))
                return OK;
        return bad_word(c, f, value, f->words);
    default:
        return OK;
    }
}

static enum err
give(struct cli *c, const struct flag *f, const char *value, bool off)
{
    if (value && !text_is_utf8(value, strlen(value)))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--%s: the value is not UTF-8", f->name);
    if (value)
        TRY(check_value(c, f, value));
    if (text_eq(f->name, "verbose") && !off)
        c->verbose++;
    list_add(c->s->arena, &c->given, struct given, ((struct given){ f, value, off }));
    return OK;
}

enum err
cli_give(struct cli *c, const struct flag *f, const char *value)
{
    return give(c, f, value, false);
}

/* Finding flags. */

static bool
is_named(const struct flag *f, const char *name, size_t len)
{
    return (strlen(f->name) == len && !strncmp(f->name, name, len)) ||
           (f->alias && strlen(f->alias) == len && !strncmp(f->alias, name, len));
}

/* The I-th flag that may stand here: those of the command first. */
static const struct flag *
flag_at(const struct cli *c, size_t i)
{
    size_t own = c->command ? c->command->flag_count : 0;

    if (i < own)
        return &c->command->flags[i];
    return i - own < global_flag_count ? &global_flags[i - own] : NULL;
}

static const struct flag *
flag_named(const struct cli *c, const char *name, size_t len)
{
    const struct flag *f;

    for (size_t i = 0; (f = flag_at(c, i)); i++)
        if (is_named(f, name, len))
            return f;
    return NULL;
}

static const struct flag *
flag_lettered(const struct cli *c, char letter)
{
    const struct flag *f;

    for (size_t i = 0; (f = flag_at(c, i)); i++)
        if (f->letter == letter)
            return f;
    return NULL;
}

static enum err
unknown_flag(struct cli *c, const char *arg, size_t len)
{
    struct list names = { 0 };
    const struct flag *f;
    const char *name = arena_text_n(c->s->arena, arg, len);

    for (size_t i = 0; (f = flag_at(c, i)); i++)
        list_add(c->s->arena, &names, const char *, f->name);
    return fail_code(c->s, E_INVALID, CHY_USAGE, "there is no flag --%s%s", name,
                     did_you_mean(c, name, &names, "--"));
}

static bool
takes_value(const struct flag *f)
{
    return f->kind != FLAG_SWITCH && f->kind != FLAG_OPTIONAL;
}

static enum err
long_flag(struct cli *c, const char *arg, const char *next, bool *used_next)
{
    size_t len = strcspn(arg, "=");
    const char *value = arg[len] ? arg + len + 1 : NULL;
    const struct flag *f = flag_named(c, arg, len);
    bool off = false;

    if (!f && len > 3 && !strncmp(arg, "no-", 3)) {
        f = flag_named(c, arg + 3, len - 3);
        off = f && f->kind == FLAG_SWITCH;
        f = off ? f : NULL;
    }
    if (!f)
        return unknown_flag(c, arg, len);
    if (f->kind == FLAG_SWITCH && value)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--%s takes no value", f->name);
    if (takes_value(f) && !value) {
        if (!next)
            return fail_code(c->s, E_INVALID, CHY_USAGE, "--%s needs a value: %s", f->name,
                             f->value);
        value = next;
        *used_next = true;
    }
    return give(c, f, value, off);
}

static enum err
short_flags(struct cli *c, const char *arg, const char *next, bool *used_next)
{
    for (; *arg; arg++) {
        const struct flag *f = flag_lettered(c, *arg);

        if (!f)
            return fail_code(c->s, E_INVALID, CHY_USAGE, "there is no flag -%c", *arg);
        if (!takes_value(f)) {
            TRY(give(c, f, NULL, false));
            continue;
        }
        if (arg[1])
            return give(c, f, arg + 1 + (arg[1] == '='), false);
        if (!next)
            return fail_code(c->s, E_INVALID, CHY_USAGE, "-%c needs a value: %s", *arg, f->value);
        *used_next = true;
        return give(c, f, next, false);
    }
    return OK;
}

/* Finding the command. */

static enum err
unknown_word(struct cli *c, const char *word)
{
    struct list words = { 0 };
    const char *group = c->group ? c->group->name : NULL;

    for (size_t i = 0; i < command_count; i++) {
        const char *path = commands[i].path, *next;

        if (group && text_starts(path, group) && path[strlen(group)] == ' ') {
            next = path + strlen(group) + 1; /* alone: the name of a group in it, perhaps */
            list_add(c->s->arena, &words, const char *,
                     arena_text_n(c->s->arena, next, strcspn(next, " ")));
        } else if (!group && !strchr(path, ' ')) {
            list_add(c->s->arena, &words, const char *, path);
        }
    }
    for (size_t i = 0; !group && i < group_count; i++)
        list_add(c->s->arena, &words, const char *, groups[i].name);
    return fail_code(c->s, E_INVALID, CHY_USAGE, "there is no command \"%s%s%s\"%s",
                     group ? group : "", group ? " " : "", word, did_you_mean(c, word, &words, ""));
}

static enum err
take_word(struct cli *c, const char *word)
{
    if (!text_is_utf8(word, strlen(word)))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "an argument is not UTF-8");
    if (c->command) {
        list_add(c->s->arena, &c->args, const char *, word);
        return OK;
    }
    c->command =
        command_find(c->group ? arena_printf(c->s->arena, "%s %s", c->group->name, word) : word);
    if (!c->command) {
        const struct group *outer = c->group;

        c->group = group_find(outer ? arena_printf(c->s->arena, "%s %s", outer->name, word) : word);
        if (!c->group) {
            c->group = outer;
            return unknown_word(c, word);
        }
    }
    return c->command || c->group ? OK : unknown_word(c, word);
}

static enum err
check_args(struct cli *c)
{
    const struct command *k = c->command;
    int count = (int)c->args.count;

    if (!k || cli_has(c, "help"))
        return OK;
    if (count < k->least)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s needs its argument %s", k->path, k->args);
    if (k->most >= 0 && count > k->most)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s does not take the argument \"%s\"",
                         k->path, cli_arg(c, (size_t)k->most));
    for (int i = 0; i < count; i++) /* a variable of a script that is not set names nothing */
        if ((i < k->least || (k->most < 0 && *k->args && *k->args != '[')) &&
            text_empty(cli_arg(c, (size_t)i)))
            return fail_code(c->s, E_INVALID, CHY_USAGE, "%s needs its argument %s, which is empty",
                             k->path, k->args);
    return OK;
}

/* What is wrong is told in the form that is asked for behind it, too. */
static enum err
refused(struct cli *c, enum err e, int argc, char **argv, int at)
{
    const struct flag *output = flag_named(c, "output", strlen("output"));

    for (; e != OK && output && at < argc; at++) {
        const char *value = at + 1 < argc ? argv[at + 1] : NULL;

        if (text_starts(argv[at], "--output="))
            value = argv[at] + strlen("--output=");
        else if (!text_eq(argv[at], "--output") && !text_eq(argv[at], "-o"))
            continue;
        if (value && text_is_utf8(value, strlen(value)))
            list_add(c->s->arena, &c->given, struct given,
                     ((struct given){ output, value, false }));
    }
    return e;
}

enum err
cli_parse(struct cli *c, int argc, char **argv)
{
    bool ended = false;

    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool used_next = false;

        if (c->command && (c->command->traits & COMMAND_RAW))
            list_add(c->s->arena, &c->args, const char *, arg);
        else if (!ended && text_eq(arg, "--"))
            ended = true;
        else if (!ended && text_starts(arg, "--"))
            TRY(long_flag(c, arg + 2, next, &used_next));
        else if (!ended && arg[0] == '-' && arg[1])
            TRY(short_flags(c, text_eq(arg, "-kv") ? "-" : arg + 1, next, &used_next));
        else
            TRY(refused(c, take_word(c, arg), argc, argv, i + 1));
        i += used_next;
    }
    return check_args(c);
}

/* What was given. */

static const struct given *
last_of(const struct cli *c, const char *name)
{
    const struct given *found = NULL;

    LIST_EACH(struct given, g, &c->given)
    if (text_eq(g->flag->name, name))
        found = g;
    return found;
}

static const char *
of_environment(const struct cli *c, const char *name)
{
    const struct flag *f = flag_named(c, name, strlen(name));
    const char *value = f && f->variable ? getenv(f->variable) : NULL;

    return value && *value && text_is_utf8(value, strlen(value)) ? value : NULL;
}

bool
cli_has(const struct cli *c, const char *name)
{
    const struct given *g = last_of(c, name);
    const char *value;

    if (g)
        return !g->off;
    value = of_environment(c, name);
    return value && !text_eq(value, "0") && !text_eq_fold(value, "false");
}

bool
cli_off(const struct cli *c, const char *name)
{
    const struct given *g = last_of(c, name);

    return g && g->off;
}

const char *
cli_text(const struct cli *c, const char *name)
{
    const struct given *g = last_of(c, name);

    return g ? g->value : of_environment(c, name);
}

struct list
cli_texts(const struct cli *c, const char *name)
{
    struct arena *a = c->s->arena;
    struct list out = { 0 };

    LIST_EACH(struct given, g, &c->given)
    {
        const char *at = g->value;

        if (!text_eq(g->flag->name, name) || !at)
            continue;
        if (g->flag->kind != FLAG_NAMES && g->flag->kind != FLAG_SET) {
            list_add(a, &out, const char *, at);
            continue;
        }
        while (*at) {
            size_t len = strcspn(at, ",");

            if (len)
                list_add(a, &out, const char *, text_trim(a, arena_text_n(a, at, len)));
            at += len + (at[len] == ',');
        }
    }
    return out;
}

int64_t
cli_number(const struct cli *c, const char *name, int64_t otherwise)
{
    const char *text = cli_text(c, name);
    int64_t n;

    return text && text_to_int(text, &n) ? n : otherwise;
}

int64_t
cli_duration(const struct cli *c, const char *name, int64_t otherwise)
{
    const char *text = cli_text(c, name);
    int64_t ms;

    return text && duration_parse(text, &ms) ? ms : otherwise;
}

struct when
cli_time(const struct cli *c, const char *name, struct when now)
{
    const char *text = cli_text(c, name);
    struct when when;

    return text && time_parse(text, now, &when) ? when : WHEN_NONE;
}

const char *
cli_arg(const struct cli *c, size_t i)
{
    return i < c->args.count ? *list_at(&c->args, const char *, i) : NULL;
}
