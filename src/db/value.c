#include "db/engine.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct value
v_null(void)
{
    return (struct value){ .type = V_NULL };
}

struct value
v_int(int64_t i)
{
    return (struct value){ .type = V_INT, .number = i };
}

struct value
v_bool(bool b)
{
    return v_int(b);
}

struct value
v_real(double d)
{
    return (struct value){ .type = V_REAL, .real = d };
}

struct value
v_text(const char *text)
{
    return text ? (struct value){ .type = V_TEXT, .text = text } : v_null();
}

struct value
v_bytes(struct bytes b)
{
    return b.data ? (struct value){ .type = V_BYTES, .bytes = b } : v_null();
}

struct value
v_when(struct when w)
{
    return when_given(w) ? v_int(w.ms) : v_null();
}

struct value
v_id(int64_t id)
{
    return id != 0 ? v_int(id) : v_null();
}

struct value
v_among(struct arena *a, enum db_kind kind, const struct list *numbers)
{
    struct buf b;

    buf_init_in(&b, a, 32 * (numbers->count + 1));
    buf_byte(&b, kind == DB_POSTGRES ? '{' : '[');
    LIST_EACH(const int64_t, n, numbers)
    buf_printf(&b, "%s%lld", b.len > 1 ? "," : "", (long long)*n);
    buf_byte(&b, kind == DB_POSTGRES ? '}' : ']');
    return v_text(buf_str(&b));
}

static const struct value *
next_column(struct row *row)
{
    assert(row->at < row->count); /* the statement names fewer columns than are read */
    return &row->columns[row->at++];
}

int64_t
row_int(struct row *row)
{
    const struct value *v = next_column(row);

    if (v->type == V_REAL)
        return (int64_t)v->real;
    assert(v->type == V_INT || v->type == V_NULL);
    return v->type == V_INT ? v->number : 0;
}

bool
row_bool(struct row *row)
{
    return row_int(row) != 0;
}

double
row_real(struct row *row)
{
    const struct value *v = next_column(row);

    if (v->type == V_INT)
        return (double)v->number;
    assert(v->type == V_REAL || v->type == V_NULL);
    return v->type == V_REAL ? v->real : 0;
}

const char *
row_text(struct row *row)
{
    const struct value *v = next_column(row);

    assert(v->type == V_TEXT || v->type == V_NULL);
    return v->type == V_TEXT ? v->text : NULL;
}

struct bytes
row_bytes(struct row *row)
{
    const struct value *v = next_column(row);

    assert(v->type == V_BYTES || v->type == V_NULL);
    return v->type == V_BYTES ? v->bytes : (struct bytes){ NULL, 0 };
}

struct when
row_when(struct row *row)
{
    return row_null(row) ? (row->at++, WHEN_NONE) : (struct when){ row_int(row) };
}

bool
row_null(const struct row *row)
{
    assert(row->at < row->count);
    return row->columns[row->at].type == V_NULL;
}

bool
rows_cut(struct rows *rows, int64_t most)
{
    bool more = rows->count > (size_t)most;

    if (more)
        rows->count = (size_t)most;
    return more;
}

/** A value that lives in the scope's arena. */
static struct value
keep(struct scope *s, const struct value *v)
{
    struct value kept = *v;

    if (v->type == V_TEXT) /* its length is in .bytes too */
        kept.text = arena_text_n(s->arena, v->text, v->bytes.len);
    if (v->type == V_BYTES)
        kept.bytes.data = arena_copy(s->arena, v->bytes.data, v->bytes.len);
    if (v->type == V_TEXT)
        kept.bytes = (struct bytes){ NULL, 0 };
    return kept;
}

static struct row
keep_row(struct scope *s, const struct value *cells, size_t count)
{
    struct value *kept = arena_alloc(s->arena, MAX(count, 1) * sizeof(*kept));

    for (size_t i = 0; i < count; i++)
        kept[i] = keep(s, &cells[i]);
    return (struct row){ .columns = kept, .count = count };
}

enum err
answer_row(struct scope *s, struct answer *a, const struct value *cells, size_t count)
{
    struct row row = { .columns = cells, .count = count };

    for (size_t i = 0; i < count; i++)
        if (cells[i].type == V_TEXT && !text_is_utf8(cells[i].text, cells[i].bytes.len))
            return fail(s, E_INTERNAL, "column %zu holds text that is not UTF-8", i + 1);
    a->seen++;
    if (a->take == TAKE_EACH)
        return a->each(s, &row, a->arg);
    if (a->take == TAKE_ONE && a->seen == 1)
        a->one = keep_row(s, cells, count);
    if (a->take == TAKE_ALL)
        list_add(s->arena, &a->rows, struct row, keep_row(s, cells, count));
    return OK;
}

bool
answer_full(const struct answer *a)
{
    return a->take == TAKE_NONE || (a->take == TAKE_ONE && a->seen > 0);
}
