/* The server's settings: what was set, how two differ, and setting one in its file. */
#include "cli/config_rows.h"

#include "cli/keystore.h"
#include "seal/private_file.h"
#include "server/options.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)4 << 20)
#define SECRET_SHOWN "***"

/* Every key with its value and its origin, in the order of the models; O NULL: the presets. */
static enum err
load(struct cli *c, const struct options *o, const struct json **out)
{
    static const struct settings_sources nothing = { 0 };
    AUTO(settings_unref) struct settings *settings = NULL;
    struct json *j;
    struct buf b;

    TRY(note(c->s,
             o ? options_load(c->s, o, &settings)
               : settings_load(c->s, &server_settings_model, &nothing, &settings),
             "the settings cannot be used"));
    buf_init_in(&b, c->s->arena, TEXT_MAX);
    settings_show(&b, settings, SETTINGS_JSON, true);
    TRY(json_parse(c->s, buf_bytes(&b), &j));
    *out = j;
    return OK;
}

static const char *
origin_of(const struct json *one)
{
    return json_str(json_get(one, "origin"));
}

static const char *
value_text(struct cli *c, const struct json *one)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, TEXT_MAX);
    json_write(&b, json_get(one, "value"));
    return buf_str(&b) ? buf_str(&b) : "null";
}

static bool
is_secret(const struct json *one)
{
    const struct json *value = json_get(one, "value"), *of_name;
    const char *name;
    size_t at = 0;

    while (json_is_object(value) && json_member(value, &at, &name, &of_name))
        if (text_eq(json_str(of_name), SECRET_SHOWN))
            return true;
    return text_eq(json_str(value), SECRET_SHOWN);
}

/* Export. */

/* How many sections of KEY those of BEFORE are. */
static size_t
shared_sections(const char *key, const char *before)
{
    size_t shared = 0;

    for (size_t i = 0; key[i] && key[i] == before[i]; i++)
        shared += key[i] == '.';
    return shared;
}

static void
export_one(struct cli *c, struct buf *b, const char *key, const char *before,
           const struct json *one)
{
    size_t shared = shared_sections(key, before), depth = 0;
    const char *at = key, *dot;

    for (; (dot = strchr(at, '.')); at = dot + 1, depth++)
        if (depth >= shared)
            buf_printf(b, "%*s%.*s:\n", (int)(2 * depth), "", (int)(dot - at), at);
    if (is_secret(one))
        buf_printf(b, "%*s# %s: a secret, left out\n", (int)(2 * depth), "", at);
    else
        buf_printf(b, "%*s%s: %s\n", (int)(2 * depth), "", at, value_text(c, one));
}

enum err
run_config_export(struct cli *c)
{
    const char *out = cli_text(c, "out"), *key, *before = "";
    const struct json *all, *one;
    struct options o;
    size_t at = 0;
    struct buf b;

    TRY(options_of(c, &o));
    TRY(load(c, &o, &all));
    buf_init_in(&b, c->s->arena, TEXT_MAX);
    while (json_member(all, &at, &key, &one)) {
        if (text_eq(origin_of(one), "preset"))
            continue;
        export_one(c, &b, key, before, one);
        before = key;
    }
    return write_out(c, out ? out : "-", buf_bytes(&b), OUT_PUBLIC);
}

/* Differences. */

static const struct column columns[] = {
    { "key", NULL, 0 }, { "from", NULL, 0 }, { "to", NULL, 0 }, { "origin", NULL, COL_WIDE }
};
static const struct view differences = { .kind = "setting",
                                         .key = "key",
                                         .columns = columns,
                                         .column_count = COUNT(columns),
                                         .none = "There is no difference." };

static void
add_difference(struct cli *c, struct buf *rows, const char *key, const struct json *from,
               const struct json *to, const char *origin)
{
    buf_text(rows, rows->len > 1 ? ",{\"key\":" : "{\"key\":");
    json_text(rows, key);
    buf_printf(rows, ",\"from\":%s,\"to\":%s,\"origin\":", value_text(c, from), value_text(c, to));
    json_text(rows, origin);
    buf_byte(rows, '}');
}

/* The rows that tell OTHER from NOW. */
static void
compare(struct cli *c, const struct json *now, const struct json *other, struct buf *rows)
{
    const struct json *one;
    const char *key;
    size_t at = 0;

    buf_init_in(rows, c->s->arena, TEXT_MAX);
    buf_byte(rows, '[');
    while (json_member(other, &at, &key, &one)) {
        const struct json *was = json_get(now, key);

        if (!text_eq(value_text(c, was), value_text(c, one)))
            add_difference(c, rows, key, was, one, origin_of(one));
    }
    buf_byte(rows, ']');
}

enum err
run_config_diff(struct cli *c)
{
    const char *file = cli_arg(c, 0);
    const struct json *now, *other;
    struct options o, other_o;
    struct buf rows;

    TRY(options_of(c, &o));
    TRY(load(c, &o, &now));
    if (!file) { /* against the presets: what was set */
        const struct json *one;
        const char *key;
        size_t at = 0;

        buf_init_in(&rows, c->s->arena, TEXT_MAX);
        buf_byte(&rows, '[');
        TRY(load(c, NULL, &other));
        while (json_member(now, &at, &key, &one)) {
            const struct json *preset = json_get(other, key);

            if (!text_eq(origin_of(one), "preset") &&
                !text_eq(value_text(c, preset), value_text(c, one)))
                add_difference(c, &rows, key, preset, one, origin_of(one));
        }
        buf_byte(&rows, ']');
        return print_json(c, &differences, &rows);
    }
    other_o = o;
    other_o.config = file;
    TRY(load(c, &other_o, &other));
    compare(c, now, other, &rows);
    return print_json(c, &differences, &rows);
}

/* Setting one. */

struct change {
    const char *path;    /* the file */
    const char *beside;  /* where what it is to be is tried */
    const char *current; /* the one of these that has .text */
    struct buf text;
    mode_t mode;
};

/* Where the value that begins at FROM ends: at its quotation mark, its bracket, or before what
 * follows a plain one. */
static size_t
value_end(const char *text, size_t from, bool inside)
{
    size_t i = from, depth = 0;
    char quote = 0;

    for (; text[i] && text[i] != '\n'; i++) {
        char ch = text[i];

        if (quote) {
            if (ch == '\\' && quote == '"' && text[i + 1])
                i++;
            else if (ch == quote)
                quote = 0;
            if (!quote && !depth)
                return i + 1;
        } else if (ch == '"' || (ch == '\'' && (i == from || depth))) {
            quote = ch;
        } else if (ch == '[' || ch == '{') {
            depth++;
        } else if ((ch == ']' || ch == '}') && depth) {
            if (--depth == 0)
                return i + 1;
        } else if (!depth && ((inside && strchr(",]}", ch)) ||
                              (ch == '#' && i > from && strchr(" \t", text[i - 1])))) {
            break;
        }
    }
    while (i > from && strchr(" \t\r", text[i - 1]))
        i--;
    return i;
}

/* "FILE:LINE:COLUMN": the place in TEXT, or false. */
static bool
find_place(struct cli *c, const char *origin, const char *path, const char *text, size_t *out)
{
    const char *at, *colon, *place = text;
    size_t len = strlen(path);
    int64_t line, column;

    if (!text_starts(origin, path) || origin[len] != ':')
        return false;
    at = origin + len + 1;
    colon = strchr(at, ':');
    if (!colon || !text_to_int(arena_text_n(c->s->arena, at, (size_t)(colon - at)), &line) ||
        !text_to_int(colon + 1, &column))
        return false;
    while (--line > 0 && place) {
        place = strchr(place, '\n');
        if (place)
            place++;
    }
    if (!place || column < 1 || (size_t)column - 1 > strlen(place))
        return false;
    *out = (size_t)(place - text) + (size_t)column - 1;
    return true;
}

/* Is the place inside brackets of its own line? */
static bool
is_inside(const char *text, size_t place)
{
    size_t from = place;

    while (from > 0 && text[from - 1] != '\n')
        from--;
    return memchr(text + from, '{', place - from) || memchr(text + from, '[', place - from) ||
           *text == '{';
}

/* KEY, which the file does not have: into its section, or into a new one at the end. */
static void
add_key(struct cli *c, struct buf *b, const char *text, const char *key, const char *value)
{
    const char *dot = strchr(key, '.'), *at = text;
    const char *section = arena_text_n(c->s->arena, key, dot ? (size_t)(dot - key) : 0);
    size_t len = strlen(section);
    int indent = 0;

    for (; dot && !strchr(dot + 1, '.') && at && *at;) {
        const char *end = strchr(at, '\n');

        if (!strncmp(at, section, len) && at[len] == ':' &&
            strspn(at + len + 1, " \t\r") + len + 1 == strcspn(at, "#\n")) {
            const char *next = end ? end + 1 : "";
            size_t blanks = strspn(next, " ");

            buf_add(b, text, (size_t)((end ? end + 1 : at + strlen(at)) - text));
            buf_printf(b, "%s%*s%s: %s\n", end ? "" : "\n", (int)(blanks ? blanks : 2), "", dot + 1,
                       value);
            buf_text(b, next);
            return;
        }
        at = end ? end + 1 : NULL;
    }
    buf_text(b, text);
    if (b->len && b->data[b->len - 1] != '\n')
        buf_byte(b, '\n');
    for (; dot; key = dot + 1, dot = strchr(key, '.'), indent += 2)
        buf_printf(b, "%*s%.*s:\n", indent, "", (int)(dot - key), key);
    buf_printf(b, "%*s%s: %s\n", indent, "", key, value);
}

static enum err
write_beside(struct cli *c, const struct change *ch)
{
    struct stat st;
    int fd;

    TRY(private_file_write(c->s, ch->beside, buf_bytes(&ch->text), true));
    fd = open(ch->beside, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "cannot open %s: %s", ch->beside,
                         strerror(errno));
    if (stat(ch->path, &st) == 0)
        (void)!fchown(fd, st.st_uid, st.st_gid);
    (void)fchmod(fd, ch->mode);
    (void)close(fd);
    return OK;
}

static enum err
read_change(struct cli *c, struct change *ch)
{
    struct stat st;
    struct bytes text = { 0 };

    ch->mode = 0600;
    buf_init_in(&ch->text, c->s->arena, TEXT_MAX);
    ch->current = ch->path;
    if (stat(ch->path, &st) != 0) {
        buf_text(&ch->text, "# Settings of chancery serve: chancery config describe.\n");
        ch->current = ch->beside;
        return write_beside(c, ch);
    }
    ch->mode = st.st_mode & 0777;
    TRY(read_input(c, ch->path, TEXT_MAX, &text));
    buf_add(&ch->text, text.data, text.len);
    if (memchr(text.data, 0, text.len) || !text_is_utf8(text.data, text.len))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s is not UTF-8", ch->path);
    return OK;
}

/* VALUE as it stands in a file: as the settings themselves understand it. */
static enum err
canonical(struct cli *c, const struct options *o, const char *key, const char *given,
          const char **out)
{
    struct options with = *o;
    const struct json *all;

    with.sets = (struct list){ 0 };
    LIST_EACH(const char *, one, &o->sets)
    list_add(c->s->arena, &with.sets, const char *, *one);
    list_add(c->s->arena, &with.sets, const char *, arena_printf(c->s->arena, "%s=%s", key, given));
    TRY(load(c, &with, &all));
    if (!json_get(all, key))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "%s is no setting of one value: edit the file by hand", key);
    if (is_secret(json_get(all, key))) {
        struct buf b;

        caution(c, "a secret in an argument is seen by others: chancery config seal < secret");
        buf_init_in(&b, c->s->arena, TEXT_MAX);
        json_text(&b, given);
        *out = buf_str(&b);
        return OK;
    }
    *out = value_text(c, json_get(all, key));
    return OK;
}

static enum err
by_hand(struct cli *c, const struct change *ch, const char *key)
{
    return fail_code(c->s, E_CONFLICT, CHY_USAGE,
                     "%s: %s cannot be changed without touching something else: edit it by hand",
                     ch->path, key);
}

/* Files alone can be written; what wins over them has to be changed where it is. */
static enum err
check_origin(struct cli *c, const struct change *ch, const struct options *o, const char *key)
{
    const struct json *all;
    const char *origin;
    size_t len = strlen(ch->path);

    TRY(load(c, o, &all));
    origin = origin_of(json_get(all, key));
    if (text_eq(origin, "preset") || (text_starts(origin, ch->path) && origin[len] == ':'))
        return OK;
    return fail_code(c->s, E_CONFLICT, CHY_USAGE,
                     "%s comes from %s, which wins over %s: change it there", key, origin,
                     ch->path);
}

/* The text with KEY changed. */
static enum err
change_text(struct cli *c, struct change *ch, const struct json *now, const char *key,
            const char *value)
{
    const char *text = buf_str(&ch->text) ? buf_str(&ch->text) : "";
    const char *origin = origin_of(json_get(now, key));
    struct buf b;
    size_t place;

    buf_init_in(&b, c->s->arena, TEXT_MAX);
    if (text_eq(origin, "preset")) {
        add_key(c, &b, text, key, value);
    } else if (find_place(c, origin, ch->current, text, &place)) {
        buf_add(&b, text, place);
        buf_text(&b, value);
        buf_text(&b, text + value_end(text, place, is_inside(text, place)));
    } else {
        return by_hand(c, ch, key);
    }
    ch->text = b;
    return OK;
}

/* One key=value: the new text is tried beside the file, and may change nothing but the key. */
static enum err
change_one(struct cli *c, struct change *ch, const struct options *o, const char *pair)
{
    const char *eq = strchr(pair, '='), *value = NULL, *key, *name;
    const struct json *now, *then, *one;
    size_t at = 0;

    if (!eq || eq == pair)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\": write it as key=value", pair);
    key = arena_text_n(c->s->arena, pair, (size_t)(eq - pair));
    TRY(canonical(c, o, key, eq + 1, &value));
    TRY(check_origin(c, ch, o, key));
    TRY(load(c, &(struct options){ .config = ch->current }, &now));
    TRY(change_text(c, ch, now, key, value));
    TRY(write_beside(c, ch));
    if (load(c, &(struct options){ .config = ch->beside }, &then) != OK)
        return by_hand(c, ch, key);
    while (json_member(then, &at, &name, &one)) {
        const char *want = text_eq(name, key) && !is_secret(one)
                               ? value
                               : value_text(c, json_get(text_eq(name, key) ? then : now, name));

        if (!text_eq(value_text(c, one), want))
            return by_hand(c, ch, key);
    }
    ch->current = ch->beside;
    return OK;
}

static enum err
change_all(struct cli *c, struct change *ch, const struct options *o)
{
    const struct json *now, *then;
    struct buf rows;

    TRY(load(c, &(struct options){ .config = ch->current }, &now));
    if (c->args.count == 2 && !strchr(cli_arg(c, 0), '=')) {
        TRY(change_one(c, ch, o, arena_printf(c->s->arena, "%s=%s", cli_arg(c, 0), cli_arg(c, 1))));
    } else {
        LIST_EACH(const char *, pair, &c->args)
        TRY(change_one(c, ch, o, *pair));
    }
    TRY(load(c, &(struct options){ .config = ch->beside }, &then));
    compare(c, now, then, &rows);
    if (!cli_has(c, "dry-run") && rename(ch->beside, ch->path) != 0)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "cannot write %s: %s", ch->path,
                         strerror(errno));
    TRY(print_json(c, &differences, &rows));
    if (!cli_has(c, "dry-run"))
        say(c, "written to %s; a server takes it up when it is told to (SIGHUP) or started anew",
            ch->path);
    return OK;
}

enum err
run_config_set(struct cli *c)
{
    struct change ch = { 0 };
    struct options o;
    enum err e;

    TRY(options_of(c, &o));
    ch.path = options_main_file(&o);
    if (access(ch.path, F_OK) != 0)
        o.config = NULL; /* it is about to be made */
    ch.beside = arena_printf(c->s->arena, "%s.%lld.yaml", ch.path, (long long)getpid());
    e = read_change(c, &ch);
    if (e == OK)
        e = change_all(c, &ch, &o);
    (void)unlink(ch.beside);
    return e;
}

/* Applying a whole file. */

static enum err
put_in_place(struct cli *c, const struct change *ch)
{
    if (rename(ch->beside, ch->path) != 0)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "cannot write %s: %s", ch->path,
                         strerror(errno));
    say(c, "written to %s; a server takes it up when it is told to (SIGHUP) or started anew",
        ch->path);
    return OK;
}

static enum err
apply(struct cli *c, struct change *ch, struct bytes text)
{
    const struct json *now, *then;
    const char *file = cli_arg(c, 0);
    struct buf rows;

    TRY(load(c, &(struct options){ .config = file }, &then)); /* its errors name the file */
    TRY(access(ch->path, F_OK) == 0 ? load(c, &(struct options){ .config = ch->path }, &now)
                                    : load(c, NULL, &now));
    if (text_eq(ch->current, ch->path) && bytes_eq(buf_bytes(&ch->text), text)) {
        say(c, "%s is that already", ch->path);
        return OK;
    }
    compare(c, now, then, &rows);
    TRY(print_json(c, &differences, &rows));
    if (cli_has(c, "dry-run"))
        return OK;
    TRY(confirm(c, arena_printf(c->s->arena, "put %s in the place of %s", file, ch->path)));
    buf_init_in(&ch->text, c->s->arena, TEXT_MAX);
    buf_add(&ch->text, text.data, text.len);
    TRY(write_beside(c, ch));
    return put_in_place(c, ch);
}

enum err
run_config_apply(struct cli *c)
{
    struct change ch = { 0 };
    struct options o;
    struct bytes text;
    enum err e;

    TRY(options_of(c, &o));
    if (text_eq(cli_arg(c, 0), "-"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "config apply needs a file");
    TRY(read_input(c, cli_arg(c, 0), TEXT_MAX, &text));
    ch.path = options_main_file(&o);
    ch.beside = arena_printf(c->s->arena, "%s.%lld.yaml", ch.path, (long long)getpid());
    e = read_change(c, &ch);
    if (e == OK)
        e = apply(c, &ch, text);
    (void)unlink(ch.beside);
    return e;
}
