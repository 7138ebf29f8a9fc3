#include "cli/sheet.h"

#include <string.h>

#define WRONG_MAX 20 /* of which are told */

struct reader {
    struct cli *c;
    const char *name;
    const char *at, *end;
    size_t line;
    const char *wrong; /* the complaints, a line each; or NULL */
    size_t wrong_count;
};

static void
complain(struct reader *r, size_t line, const char *what)
{
    if (r->wrong_count++ < WRONG_MAX)
        r->wrong = arena_printf(r->c->s->arena, "%s%s%s:%zu: %s", r->wrong ? r->wrong : "",
                                r->wrong ? "\n" : "", r->name, line, what);
}

/* A cell in quotation marks; AT stands behind the first of them. */
static const char *
read_quoted(struct reader *r)
{
    size_t begun = r->line;
    struct buf b;

    buf_init_in(&b, r->c->s->arena, SIZE_MAX);
    for (; r->at < r->end; r->at++) {
        if (*r->at == '"' && r->at + 1 < r->end && r->at[1] == '"')
            r->at++;
        else if (*r->at == '"')
            break;
        r->line += *r->at == '\n';
        buf_byte(&b, (uint8_t)*r->at);
    }
    if (r->at == r->end)
        complain(r, begun, "a quotation does not end");
    else
        r->at++;
    if (r->at < r->end && !strchr(",\r\n", *r->at)) {
        complain(r, r->line, "something stands behind the end of a quotation");
        while (r->at < r->end && !strchr(",\n", *r->at))
            r->at++;
    }
    return buf_str(&b) ? buf_str(&b) : "";
}

static const char *
read_cell(struct reader *r)
{
    const char *from = r->at;
    size_t blanks = strspn(from, " \t");

    if (from + blanks < r->end && from[blanks] == '"') {
        r->at = from + blanks + 1;
        return read_quoted(r);
    }
    while (r->at < r->end && !strchr(",\n", *r->at))
        r->at++;
    return text_trim(r->c->s->arena, arena_text_n(r->c->s->arena, from, (size_t)(r->at - from)));
}

static void
read_row(struct reader *r, struct list *rows)
{
    struct sheet_row row = { .line = r->line };
    bool more;

    do {
        list_add(r->c->s->arena, &row.cells, const char *, read_cell(r));
        while (r->at < r->end && *r->at == '\r')
            r->at++;
        more = r->at < r->end && *r->at == ',';
        r->at += more;
    } while (more);
    r->line += r->at < r->end;
    r->at += r->at < r->end; /* the line break */
    if (row.cells.count == 1 && !**list_at(&row.cells, const char *, 0))
        return;
    *list_push(r->c->s->arena, rows, struct sheet_row) = row;
}

enum err
sheet_read(struct cli *c, const char *name, struct bytes text, struct list *rows)
{
    static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };
    struct reader r = { .c = c, .name = name, .line = 1 };

    if (text.len >= sizeof(mark) && !memcmp(text.data, mark, sizeof(mark)))
        text = (struct bytes){ text.data + sizeof(mark), text.len - sizeof(mark) };
    if (!text_is_utf8(text.data, text.len))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s is not UTF-8", name);
    r.at = arena_text_n(c->s->arena, (const char *)text.data, text.len);
    r.end = r.at + text.len;
    while (r.at < r.end) {
        if (*r.at != '#') {
            read_row(&r, rows);
            continue;
        }
        r.at += strcspn(r.at, "\n");
        r.line += r.at < r.end;
        r.at += r.at < r.end;
    }
    if (r.wrong_count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s", r.wrong);
    return OK;
}

void
sheet_write(struct buf *b, const struct list *cells)
{
    LIST_EACH(const char *, cell, cells)
    {
        if (cell != cells->items)
            buf_byte(b, ',');
        if (!strpbrk(*cell, "\",\r\n") && **cell != '#' && **cell != ' ') {
            buf_text(b, *cell);
            continue;
        }
        buf_byte(b, '"');
        for (const char *p = *cell; *p; p++) {
            if (*p == '"')
                buf_byte(b, '"');
            buf_byte(b, (uint8_t)*p);
        }
        buf_byte(b, '"');
    }
    buf_text(b, "\r\n");
}
