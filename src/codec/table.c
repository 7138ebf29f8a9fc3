#include "codec/table.h"

#include "codec/table_own.h"
#include "codec/value.h"
#include "codec/yaml.h"

#include <ctype.h>
#include <string.h>

#define NARROW_COLUMNS 8

bool
table_form_parse(const char *word, struct table *out)
{
    static const struct choice forms[] = {
        { TABLE_TEXT, "table", NULL },  { TABLE_WIDE, "wide", NULL }, { TABLE_JSON, "json", NULL },
        { TABLE_JSONL, "jsonl", NULL }, { TABLE_YAML, "yaml", NULL }, { TABLE_CSV, "csv", NULL },
        { TABLE_NAME, "name", NULL },   { TABLE_ENV, "env", NULL },   { 0, NULL, NULL },
    };
    const struct choice *c = choice_by_name(forms, word);

    if (text_starts(word, "template=")) {
        out->form = TABLE_TEMPLATE;
        out->template = word + strlen("template=");
        return true;
    }
    if (c)
        out->form = (enum table_form)c->number;
    return c != NULL;
}

const char *
table_ago(struct arena *a, struct when when, struct when now)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = { { 365 * DAY_MS, "y" },
                  { DAY_MS, "d" },
                  { HOUR_MS, "h" },
                  { MINUTE_MS, "m" },
                  { SECOND_MS, "s" } };
    int64_t apart = when.ms - now.ms, size = apart < 0 ? -apart : apart;

    for (size_t i = 0; i < COUNT(units); i++) {
        /* two years are still told in days */
        if (size < units[i].ms * (i == 0 ? 2 : 1))
            continue;
        return arena_printf(a, apart < 0 ? "%lld%s ago" : "in %lld%s",
                            (long long)(size / units[i].ms), units[i].unit);
    }
    return "now";
}

size_t
sheet_rows(const struct sheet *sheet)
{
    return json_is_array(sheet->data) ? json_count(sheet->data) : 1;
}

const struct json *
sheet_row(const struct sheet *sheet, size_t i)
{
    return json_is_array(sheet->data) ? json_item(sheet->data, i) : sheet->data;
}

static const struct json *
member_fold(const struct json *row, const char *name, size_t len)
{
    const struct json *value;
    const char *have;
    size_t at = 0;

    while (json_member(row, &at, &have, &value))
        if (strlen(have) == len && strncasecmp(have, name, len) == 0)
            return value;
    return NULL;
}

const struct json *
sheet_value(const struct json *row, const char *field)
{
    const struct json *whole = json_get(row, field);

    if (whole)
        return whole;
    while (row && *field) {
        size_t len = strcspn(field, ".");

        row = member_fold(row, field, len);
        field += len + (field[len] == '.');
    }
    return row;
}

static void
add_text(struct buf *b, const struct json *value)
{
    if (json_kind(value) == JK_TEXT)
        buf_text(b, json_str(value));
    else
        json_write(b, value);
}

const char *
sheet_text(struct arena *a, const struct json *value)
{
    struct buf b;

    if (json_kind(value) == JK_NULL)
        return NULL;
    buf_init_in(&b, a, 1 << 24);
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_count(value); i++) {
            buf_text(&b, i ? "," : "");
            add_text(&b, json_item(value, i));
        }
    } else {
        add_text(&b, value);
    }
    return buf_str(&b) ? buf_str(&b) : "";
}

/* Which columns. */

static bool
is_simple(const struct field *f)
{
    return f->type != FT_OBJECT && f->type != FT_RAW && f->type != FT_PAIRS &&
           (f->type != FT_LIST || f->model->is_scalar);
}

static void
add_column(struct sheet *sheet, struct column column)
{
    list_add(sheet->s->arena, &sheet->columns, struct column, column);
}

/* Spell FIELD as the models do; NULL when they have no such field. */
static const char *
spelled(struct sheet *sheet, const char *field)
{
    struct arena *a = sheet->s->arena;
    const struct model *m = sheet->t->model;
    const char *out = "";

    while (m && *field) {
        size_t len = strcspn(field, ".");
        const struct field *f = model_field(m, arena_text_n(a, field, len), true);

        if (!f)
            return NULL;
        out = arena_printf(a, "%s%s%s", out, *out ? "." : "", f->wire);
        field += len + (field[len] == '.');
        if (f->type == FT_PAIRS || f->type == FT_RAW)
            return arena_printf(a, "%s%s%s", out, *field ? "." : "", field);
        m = f->type == FT_OBJECT ? f->model : NULL;
    }
    return *field && *out ? NULL : *out ? out : field;
}

static enum err
add_asked_columns(struct sheet *sheet)
{
    struct arena *a = sheet->s->arena;
    const char *rest = sheet->t->fields;

    while (*rest) {
        size_t len = strcspn(rest, ",");
        const char *asked = text_trim(a, arena_text_n(a, rest, len)), *name = spelled(sheet, asked);
        const struct column *known = NULL;

        rest += len + (rest[len] == ',');
        if (!*asked)
            continue;
        if (!name)
            return fail_code(sheet->s, E_INVALID, CHY_UNKNOWN_FIELD, "there is no field \"%s\"%s",
                             asked, model_did_you_mean(a, sheet->t->model, asked));
        for (size_t i = 0; i < sheet->t->column_count; i++)
            if (text_eq_fold(sheet->t->columns[i].field, name))
                known = &sheet->t->columns[i];
        add_column(sheet, known ? *known : (struct column){ .field = name });
    }
    return OK;
}

static void
add_model_columns(struct sheet *sheet, size_t most)
{
    const struct model *m = sheet->t->model;

    for (size_t i = 0; i < m->count && sheet->columns.count < most; i++) {
        const struct field *f = &m->fields[i];
        bool is_number = f->type == FT_INT || f->type == FT_OPT_INT || f->type == FT_REAL;

        if (is_simple(f))
            add_column(sheet, (struct column){ f->wire, NULL, is_number ? COL_RIGHT : 0 });
    }
}

static void
add_found_columns(struct sheet *sheet, size_t most)
{
    const struct json *value;
    const char *name;
    size_t at = 0;

    if (sheet_rows(sheet) == 0)
        return;
    while (sheet->columns.count < most && json_member(sheet_row(sheet, 0), &at, &name, &value))
        add_column(sheet, (struct column){ .field = name });
}

static enum err
choose_columns(struct sheet *sheet)
{
    const struct table *t = sheet->t;
    bool narrow = t->form == TABLE_TEXT, many = json_is_array(sheet->data);
    size_t most = narrow && many ? NARROW_COLUMNS : SIZE_MAX;

    if (t->fields)
        return add_asked_columns(sheet);
    if (t->columns && many && (narrow || t->form == TABLE_WIDE)) {
        for (size_t i = 0; i < t->column_count; i++)
            if (!narrow || !(t->columns[i].flags & COL_WIDE))
                add_column(sheet, t->columns[i]);
    } else if (t->model) {
        add_model_columns(sheet, most);
    } else {
        add_found_columns(sheet, most);
    }
    return OK;
}

/* The forms for programs. */

static void
pretty(struct buf *out, const struct json *j, int depth)
{
    bool is_object = json_is_object(j);
    const struct json *value;
    const char *name;
    size_t at = 0, count = json_count(j);

    if (count == 0) {
        json_write(out, j);
        return;
    }
    buf_byte(out, is_object ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s\n%*s", i ? "," : "", 2 * (depth + 1), "");
        if (is_object && json_member(j, &at, &name, &value)) {
            json_text(out, name);
            buf_text(out, ": ");
            pretty(out, value, depth + 1);
        } else {
            pretty(out, json_item(j, i), depth + 1);
        }
    }
    buf_printf(out, "\n%*s%c", 2 * depth, "", is_object ? '}' : ']');
}

/* The data with the chosen fields alone. */
static enum err
only_fields(struct sheet *sheet)
{
    struct json *chosen;
    struct buf b;

    buf_init_in(&b, sheet->s->arena, SIZE_MAX / 2);
    buf_text(&b, json_is_array(sheet->data) ? "[" : "");
    for (size_t i = 0; i < sheet_rows(sheet); i++) {
        size_t n = 0;

        buf_text(&b, i ? ",{" : "{");
        LIST_EACH(struct column, c, &sheet->columns)
        {
            buf_text(&b, n++ ? "," : "");
            json_text(&b, c->field);
            buf_byte(&b, ':');
            json_write(&b, sheet_value(sheet_row(sheet, i), c->field));
        }
        buf_byte(&b, '}');
    }
    buf_text(&b, json_is_array(sheet->data) ? "]" : "");
    TRY(json_parse(sheet->s, buf_bytes(&b), &chosen));
    sheet->data = chosen;
    return OK;
}

static enum err
print_document(struct sheet *sheet)
{
    if (sheet->t->fields)
        TRY(only_fields(sheet));
    if (sheet->t->form == TABLE_YAML) {
        yaml_write(sheet->out, sheet->data);
    } else if (sheet->t->form == TABLE_JSON) {
        pretty(sheet->out, sheet->data, 0);
        buf_byte(sheet->out, '\n');
    } else {
        for (size_t i = 0; i < sheet_rows(sheet); i++) {
            json_write(sheet->out, sheet_row(sheet, i));
            buf_byte(sheet->out, '\n');
        }
    }
    return OK;
}

void
table_csv_cell(struct buf *out, const char *text, bool first, bool excel)
{
    bool formula = excel && *text && strchr("=+-@\t\r", *text);

    buf_text(out, first ? "" : ",");
    if (!formula && !text[strcspn(text, ",\"\r\n")] && *text != ' ' && !text_ends(text, " ")) {
        buf_text(out, text);
        return;
    }
    buf_text(out, formula ? "\"'" : "\"");
    for (; *text; text++) {
        if (*text == '"')
            buf_byte(out, '"');
        buf_byte(out, (uint8_t)*text);
    }
    buf_byte(out, '"');
}

static void
print_csv(struct sheet *sheet)
{
    bool first = true;

    buf_text(sheet->out, sheet->t->bom ? "\xef\xbb\xbf" : "");
    if (!sheet->t->no_headers) {
        LIST_EACH(struct column, c, &sheet->columns)
        {
            table_csv_cell(sheet->out, c->field, first, sheet->t->excel);
            first = false;
        }
        buf_text(sheet->out, "\r\n");
    }
    for (size_t i = 0; i < sheet_rows(sheet); i++) {
        first = true;
        LIST_EACH(struct column, c, &sheet->columns)
        {
            const char *text =
                sheet_text(sheet->s->arena, sheet_value(sheet_row(sheet, i), c->field));

            table_csv_cell(sheet->out, text ? text : "", first, sheet->t->excel);
            first = false;
        }
        buf_text(sheet->out, "\r\n");
    }
}

static void
print_names(struct sheet *sheet)
{
    const char *kind = sheet->t->kind ? sheet->t->kind : "item";

    for (size_t i = 0; i < sheet_rows(sheet); i++) {
        const char *key =
            sheet_text(sheet->s->arena,
                       sheet_value(sheet_row(sheet, i), sheet->t->key ? sheet->t->key : "Id"));

        buf_printf(sheet->out, "%s/%s\n", kind, key ? key : "");
    }
}

/* ClientId, client_id and Client.Id are CLIENT_ID; characters that a shell's name cannot have are
 * "_". */
static void
variable_name(struct buf *out, const char *field)
{
    for (const char *p = field; *p; p++) {
        bool is_hump = p > field && isupper((unsigned char)*p) &&
                       (islower((unsigned char)p[-1]) ||
                        (isupper((unsigned char)p[-1]) && islower((unsigned char)p[1])));

        buf_text(out, is_hump ? "_" : "");
        buf_byte(out, isalnum((unsigned char)*p) ? (uint8_t)toupper((unsigned char)*p) : '_');
    }
}

static void
print_env(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet_rows(sheet); i++) {
        LIST_EACH(struct column, c, &sheet->columns)
        {
            const char *text =
                sheet_text(sheet->s->arena, sheet_value(sheet_row(sheet, i), c->field));

            variable_name(sheet->out, c->field);
            buf_text(sheet->out, "='");
            for (const char *p = text ? text : ""; *p; p++)
                if (*p == '\'')
                    buf_text(sheet->out, "'\\''");
                else
                    buf_byte(sheet->out, (uint8_t)*p);
            buf_text(sheet->out, "'\n");
        }
    }
}

static enum err
template_field(struct sheet *sheet, const struct json *row, const char *name)
{
    const char *known = spelled(sheet, name), *text;

    if (!known || (!sheet->t->model && !sheet_value(row, known)))
        return fail_code(
            sheet->s, E_INVALID, CHY_UNKNOWN_FIELD, "there is no field \"%s\"%s", name,
            sheet->t->model ? model_did_you_mean(sheet->s->arena, sheet->t->model, name) : "");
    text = sheet_text(sheet->s->arena, sheet_value(row, known));
    buf_text(sheet->out, text ? text : "");
    return OK;
}

static enum err
print_template(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet_rows(sheet); i++) {
        for (const char *p = sheet->t->template; *p;) {
            const char *open = strstr(p, "{{"), *close = open ? strstr(open, "}}") : NULL;

            if (!close) {
                buf_text(sheet->out, p);
                break;
            }
            buf_add(sheet->out, p, (size_t)(open - p));
            TRY(template_field(
                sheet, sheet_row(sheet, i),
                text_trim(sheet->s->arena,
                          arena_text_n(sheet->s->arena, open + 2, (size_t)(close - open - 2)))));
            p = close + 2;
        }
        buf_byte(sheet->out, '\n');
    }
    return OK;
}

enum err
table_print(struct scope *s, const struct table *t, const struct json *data, struct buf *out)
{
    struct sheet sheet = { .s = s, .t = t, .data = data, .out = out };

    TRY(choose_columns(&sheet));
    switch (t->form) {
    case TABLE_TEXT:
    case TABLE_WIDE:
        sheet_print_columns(&sheet);
        break;
    case TABLE_JSON:
    case TABLE_JSONL:
    case TABLE_YAML:
        TRY(print_document(&sheet));
        break;
    case TABLE_CSV:
        print_csv(&sheet);
        break;
    case TABLE_NAME:
        print_names(&sheet);
        break;
    case TABLE_ENV:
        print_env(&sheet);
        break;
    case TABLE_TEMPLATE:
        TRY(print_template(&sheet));
        break;
    }
    return out->failed ? fail(s, E_LIMIT, "the answer is too long to print") : OK;
}

void
table_fields(struct buf *out, const struct model *m)
{
    static const char *const types[] = {
        [FT_BOOL] = "bool", [FT_INT] = "number",   [FT_REAL] = "number",   [FT_TEXT] = "text",
        [FT_WHEN] = "time", [FT_BYTES] = "base64", [FT_OPT_BOOL] = "bool", [FT_OPT_INT] = "number",
        [FT_RAW] = "any",   [FT_PAIRS] = "texts",  [FT_LIST] = "list",     [FT_OBJECT] = "object",
    };
    int width = 0;

    for (size_t i = 0; i < m->count; i++)
        width = MAX(width, (int)strlen(m->fields[i].wire));
    for (size_t i = 0; i < m->count; i++) {
        const struct field *f = &m->fields[i];

        buf_printf(out, "%-*s  %s", width, f->wire, types[f->type]);
        if (f->doc)
            buf_printf(out, "%*s  %s", 6 - (int)strlen(types[f->type]), "", f->doc);
        buf_byte(out, '\n');
    }
}
