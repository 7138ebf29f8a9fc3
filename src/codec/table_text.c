/* Columns for people: aligned, cut in the middle, coloured. */
#include "codec/table_own.h"
#include "codec/value.h"

#include <string.h>

#define GAP 2
#define COLUMN_MIN 8

struct cell {
    const char *text;
    size_t width; /* columns of the terminal */
};

enum mood { MOOD_NONE, MOOD_GOOD, MOOD_WARN, MOOD_BAD };

static uint32_t
next_code_point(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    size_t more = *p < 0xc0 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
    uint32_t c = more ? *p & (0x3fu >> more) : *p;

    for (p++; more > 0 && (*p & 0xc0) == 0x80; more--)
        c = c << 6 | (*p++ & 0x3fu);
    *at = (const char *)p;
    return c;
}

/* Combining marks take none, the scripts of East Asia and most pictures take two. */
static size_t
columns_of(uint32_t c)
{
    static const uint32_t wide[][2] = { { 0x1100, 0x115f },  { 0x2e80, 0xa4cf },
                                        { 0xac00, 0xd7a3 },  { 0xf900, 0xfaff },
                                        { 0xfe30, 0xfe6f },  { 0xff00, 0xff60 },
                                        { 0xffe0, 0xffe6 },  { 0x1f300, 0x1faff },
                                        { 0x20000, 0x3fffd } };

    if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) || c == 0xfe0f)
        return 0;
    for (size_t i = 0; i < COUNT(wide); i++)
        if (c >= wide[i][0] && c <= wide[i][1])
            return 2;
    return 1;
}

static size_t
width_of(const char *text)
{
    size_t width = 0;

    while (*text)
        width += columns_of(next_code_point(&text));
    return width;
}

/* They would let a name rewrite the screen. */
static bool
is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

const char *
table_safe(struct arena *a, const char *text)
{
    struct buf b;

    buf_init_in(&b, a, 1 << 24);
    while (*text) {
        const char *start = text;
        uint32_t c = next_code_point(&text);

        if (c == '\n' || c == '\t' || c == '\r')
            buf_byte(&b, ' ');
        else if (is_unsafe(c))
            buf_byte(&b, '?');
        else
            buf_add(&b, start, (size_t)(text - start));
    }
    return buf_str(&b);
}

/* The first and last characters of TEXT around a mark, in WIDTH columns. */
static const char *
shortened(struct arena *a, const char *text, size_t width, bool ascii)
{
    const char *mark = ascii ? "~" : "\xe2\x80\xa6", *head = text, *tail = text;
    size_t keep = width - 1, left = (keep + 1) / 2, right = keep / 2, taken = 0;
    size_t all = width_of(text);

    while (*head) {
        const char *next = head;
        size_t w = columns_of(next_code_point(&next));

        if (taken + w > left)
            break;
        taken += w;
        head = next;
    }
    for (size_t skip = 0; *tail && all - skip > right;)
        skip += columns_of(next_code_point(&tail));
    return arena_printf(a, "%.*s%s%s", (int)(head - text), text, mark, tail);
}

static enum mood
mood_of(const char *status)
{
    static const struct {
        const char *word;
        enum mood mood;
    } words[] = {
        { "active", MOOD_GOOD },   { "ok", MOOD_GOOD },         { "issued", MOOD_GOOD },
        { "approved", MOOD_GOOD }, { "online", MOOD_GOOD },     { "enabled", MOOD_GOOD },
        { "pending", MOOD_WARN },  { "expiring", MOOD_WARN },   { "new", MOOD_WARN },
        { "disabled", MOOD_WARN }, { "unknown", MOOD_WARN },    { "expired", MOOD_BAD },
        { "revoked", MOOD_BAD },   { "failed", MOOD_BAD },      { "denied", MOOD_BAD },
        { "offline", MOOD_BAD },   { "disapproved", MOOD_BAD },
    };

    for (size_t i = 0; i < COUNT(words); i++)
        if (text_eq_fold(words[i].word, status))
            return words[i].mood;
    return MOOD_NONE;
}

/* The value as people read it: of a number that stands for a word, the word. */
static const char *
spoken(const struct sheet *sheet, const char *field, const struct json *row)
{
    const struct json *value = sheet_value(row, field);
    const struct field *f = sheet->t->model ? model_field(sheet->t->model, field, true) : NULL;
    const struct choice *choice;
    int64_t number;

    if (f && f->choices && json_int(value, &number)) {
        choice = choice_by_number(f->choices, number);
        if (choice)
            return choice->name;
    }
    return sheet_text(sheet->s->arena, value);
}

static const char *
cell_text(const struct sheet *sheet, const struct column *c, const struct json *row)
{
    struct arena *a = sheet->s->arena;
    const struct json *value = sheet_value(row, c->field);
    const char *text = spoken(sheet, c->field, row);
    enum mood mood;
    struct when when;
    bool yes;

    if (text_empty(text))
        return "-";
    if (json_bool(value, &yes))
        return yes ? "yes" : "no";
    if ((c->flags & COL_AGO) && when_parse(text, &when))
        return table_ago(a, when, sheet->t->now);
    text = table_safe(a, text);
    mood = c->flags & COL_STATUS ? mood_of(text) : MOOD_NONE;
    if (mood == MOOD_BAD)
        return arena_printf(a, "%s %s", sheet->t->ascii ? "x" : "\xe2\x9c\x96", text);
    if (mood == MOOD_WARN)
        return arena_printf(a, "%s %s", sheet->t->ascii ? "!" : "\xe2\x96\xb2", text);
    return text;
}

static const char *
title_of(struct arena *a, const struct column *c)
{
    const char *last = strrchr(c->field, '.');

    return c->title ? c->title : text_upper(a, last ? last + 1 : c->field);
}

/* Take from the widest column until all fit, or none has more than COLUMN_MIN. */
static void
fit(size_t *widths, size_t count, size_t room)
{
    for (;;) {
        size_t total = count ? GAP * (count - 1) : 0, widest = 0;

        for (size_t i = 0; i < count; i++) {
            total += widths[i];
            if (widths[i] > widths[widest])
                widest = i;
        }
        if (total <= room || count == 0 || widths[widest] <= COLUMN_MIN)
            return;
        widths[widest] = MAX(COLUMN_MIN, widths[widest] - MIN(total - room, 8));
    }
}

static void
color(const struct sheet *sheet, const struct column *c, const struct json *row, bool on)
{
    static const char *const codes[] = { "", "\033[32m", "\033[33m", "\033[31m" };
    const char *text;
    enum mood mood;

    if (!sheet->t->color || !(c->flags & COL_STATUS) || !row)
        return;
    text = spoken(sheet, c->field, row);
    mood = mood_of(text ? text : "");
    if (mood != MOOD_NONE)
        buf_text(sheet->out, on ? codes[mood] : "\033[0m");
}

static void
print_row(struct sheet *sheet, const struct cell *cells, const size_t *widths,
          const struct json *row)
{
    size_t count = sheet->columns.count;

    for (size_t i = 0; i < count; i++) {
        const struct column *c = list_at(&sheet->columns, struct column, i);
        const char *text = cells[i].text;
        size_t width = cells[i].width, blanks;

        if (width > widths[i]) {
            text = shortened(sheet->s->arena, text, widths[i], sheet->t->ascii);
            width = width_of(text);
        }
        blanks = widths[i] > width ? widths[i] - width : 0;
        if (i)
            buf_text(sheet->out, "  ");
        if (c->flags & COL_RIGHT)
            buf_printf(sheet->out, "%*s", (int)blanks, "");
        color(sheet, c, row, true);
        buf_text(sheet->out, text);
        color(sheet, c, row, false);
        if (!(c->flags & COL_RIGHT) && i + 1 < count)
            buf_printf(sheet->out, "%*s", (int)blanks, "");
    }
    buf_byte(sheet->out, '\n');
}

static void
print_rows(struct sheet *sheet)
{
    size_t count = sheet->columns.count, rows = sheet_rows(sheet);
    size_t *widths = arena_alloc(sheet->s->arena, (count + 1) * sizeof(size_t));
    struct cell *cells = arena_alloc(sheet->s->arena, (rows + 1) * (count + 1) * sizeof(*cells));

    for (size_t r = 0; r <= rows; r++) {
        for (size_t i = 0; i < count; i++) {
            const struct column *c = list_at(&sheet->columns, struct column, i);
            struct cell *cell = &cells[r * count + i];

            cell->text = r == 0 ? title_of(sheet->s->arena, c)
                                : cell_text(sheet, c, sheet_row(sheet, r - 1));
            cell->width = width_of(cell->text);
            if (r > 0 || !sheet->t->no_headers)
                widths[i] = MAX(widths[i], cell->width);
        }
    }
    if (sheet->t->form == TABLE_TEXT && sheet->t->width > 0)
        fit(widths, count, (size_t)sheet->t->width);
    for (size_t r = sheet->t->no_headers || rows == 0 ? 1 : 0; r <= rows; r++)
        print_row(sheet, &cells[r * count], widths, r ? sheet_row(sheet, r - 1) : NULL);
}

/* One object: its fields below each other, those without a value left out. */
static void
print_fields(struct sheet *sheet)
{
    size_t width = 0;

    LIST_EACH(struct column, c, &sheet->columns)
    width = MAX(width, width_of(c->field));
    LIST_EACH(struct column, c, &sheet->columns)
    {
        const char *text = cell_text(sheet, c, sheet->data);

        if (text_eq(text, "-"))
            continue;
        buf_printf(sheet->out, "%s:%*s ", c->field, (int)(width - width_of(c->field)), "");
        color(sheet, c, sheet->data, true);
        buf_text(sheet->out, text);
        color(sheet, c, sheet->data, false);
        buf_byte(sheet->out, '\n');
    }
}

void
sheet_print_columns(struct sheet *sheet)
{
    if (json_is_array(sheet->data))
        print_rows(sheet);
    else
        print_fields(sheet);
}
