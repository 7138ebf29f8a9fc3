#include "codec/yaml.h"

#include <string.h>

static bool
is_word_of_yaml(const char *text)
{
    static const char *const words[] = {
        "true", "false", "yes", "no", "on", "off", "null", "y", "n"
    };

    for (size_t i = 0; i < COUNT(words); i++)
        if (text_eq_fold(words[i], text))
            return true;
    return false;
}

/* Letters first, then nothing that YAML gives a meaning; an inner blank or colon may stand between
 * others. */
static bool
is_plain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "0123456789_-./@+";
    bool inner = false; /* the last character may not end the text, nor be followed by its like */

    if (!*text || (!strchr(letters, *text) && *text != '/'))
        return false;
    for (const char *p = text; *p; p++) {
        if (strchr(letters, *p) || strchr(others, *p))
            inner = false;
        else if ((*p == ' ' || *p == ':') && !inner)
            inner = true;
        else
            return false;
    }
    return !inner && !is_word_of_yaml(text);
}

/* A JSON string is a YAML one, but YAML has no unescaped DEL and C1 controls (YAML 1.2
 * section 5.1). */
static void
write_quoted(struct buf *out, const char *text)
{
    buf_byte(out, '"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_printf(out, "\\%c", *p);
        else if (*p == '\n')
            buf_text(out, "\\n");
        else if (*p < ' ' || *p == 0x7f)
            buf_printf(out, "\\x%02x", *p);
        else if (*p == 0xc2 && p[1] < 0xa0)
            buf_printf(out, "\\x%02x", *++p);
        else if (*p == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) {
            buf_text(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
            p += 2;
        } else if (*p == 0xef && p[1] == 0xbb && p[2] == 0xbf) {
            buf_text(out, "\\ufeff");
            p += 2;
        } else {
            buf_byte(out, *p);
        }
    }
    buf_byte(out, '"');
}

void
yaml_text(struct buf *out, const char *text)
{
    if (!text)
        buf_text(out, "null");
    else if (is_plain(text))
        buf_text(out, text);
    else
        write_quoted(out, text);
}

static void
indent(struct buf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_text(out, "  ");
}

/* Lines of printable ASCII, as PEM has them, read best as they are. */
static bool
is_block(const char *text)
{
    if (*text == ' ' || *text == '\n' || !strchr(text, '\n') || strstr(text, "\n\n"))
        return false;
    for (const char *p = text; *p; p++)
        if (*p != '\n' && (*p < ' ' || *p > '~' || (*p == ' ' && (p[1] == '\n' || !p[1]))))
            return false;
    return true;
}

static void
write_block(struct buf *out, const char *text, int depth)
{
    size_t len = strlen(text);

    buf_text(out, text[len - 1] == '\n' ? "|\n" : "|-\n");
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");

        indent(out, depth);
        buf_add(out, line, n);
        buf_byte(out, '\n');
        line += n + (line[n] == '\n');
    }
}

static void write_value(struct buf *out, const struct json *j, int depth, bool after_dash);

static void
write_object(struct buf *out, const struct json *j, int depth, bool after_dash)
{
    const char *name;
    const struct json *value;
    size_t at = 0;

    for (bool first = true; json_member(j, &at, &name, &value); first = false) {
        if (!first || !after_dash)
            indent(out, depth);
        yaml_text(out, name);
        buf_byte(out, ':');
        write_value(out, value, depth + 1, false);
    }
}

static void
write_array(struct buf *out, const struct json *j, int depth, bool after_dash)
{
    for (size_t i = 0; i < json_count(j); i++) {
        if (i || !after_dash)
            indent(out, depth);
        buf_byte(out, '-');
        write_value(out, json_item(j, i), depth + 1, true);
    }
}

/* Depth is what json_parse() lets through. */
static void
write_value(struct buf *out, const struct json *j, int depth, bool after_dash)
{
    enum json_kind kind = json_kind(j);
    bool is_many = kind == JK_OBJECT || kind == JK_ARRAY;

    if (is_many && json_count(j) > 0) {
        buf_byte(out, after_dash ? ' ' : '\n');
        if (kind == JK_OBJECT)
            write_object(out, j, depth, after_dash);
        else
            write_array(out, j, depth, after_dash);
        return;
    }
    buf_byte(out, ' ');
    if (kind == JK_TEXT && is_block(json_str(j))) {
        write_block(out, json_str(j), depth);
        return;
    }
    if (kind == JK_TEXT)
        yaml_text(out, json_str(j));
    else
        json_write(out, j);
    buf_byte(out, '\n');
}

void
yaml_write(struct buf *out, const struct json *j)
{
    if (json_count(j) == 0) {
        if (json_kind(j) == JK_TEXT)
            yaml_text(out, json_str(j));
        else
            json_write(out, j);
        buf_byte(out, '\n');
    } else if (json_is_object(j)) {
        write_object(out, j, 0, false);
    } else {
        write_array(out, j, 0, false);
    }
}
