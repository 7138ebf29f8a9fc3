#include "catalog/search_parts.h"

/* As many are sooner met than fetched. */
static size_t names_many = 8000, values_many = 1000;
#define COUNTED 8 /* times as many names are fetched for a total: each of them has to be met */

void
parts_many(size_t names, size_t values)
{
    names_many = names;
    values_many = values;
}

enum err
parts_find(struct scope *s, const struct search_sql *b, enum text_index of, int64_t field,
           const struct query_leaf *leaf, struct parts *out)
{
    size_t many = of == INDEX_NAMES ? names_many * (b->page ? 1 : COUNTED) : values_many;

    bool common = false;

    TRY(text_index_find(s, b->db, &(struct text_part){ of, field, leaf->text, (int64_t)many },
                        of == INDEX_NAMES ? &common : NULL, &out->rows));
    out->many = common || out->rows.count >= many;
    return OK;
}

bool
parts_indexed(const struct search_sql *b, const char *table, const struct query_leaf *leaf)
{
    return b->db && leaf->ask == QL_CONTAINS && *leaf->text && text_eq(table, "name");
}

/** Write that EXPR is an id of ROWS: all of them are one value. */
static void
put_ids(struct scope *s, struct search_sql *b, const char *expr, const struct rows *rows)
{
    struct list ids = { 0 };

    for (size_t i = 0; i < rows->count; i++) {
        struct row row = rows->at[i];

        list_add(s->arena, &ids, int64_t, row_int(&row));
    }
    buf_printf(&b->text, "%s @among ", expr);
    search_bind(s, b, v_among(s->arena, db_kind(b->db), &ids));
    buf_text(&b->text, " @among_end");
}

/* As many as a power of two, so that engines see few different statements. */
void
parts_texts(struct scope *s, struct search_sql *b, const struct rows *rows)
{
    size_t width = 1;

    while (width < rows->count)
        width *= 2;
    for (size_t i = 0; i < width; i++) {
        struct row row = rows->at[MIN(i, rows->count - 1)];

        (void)row_int(&row);
        buf_text(&b->text, i ? ", " : "(");
        search_bind(s, b, v_text(row_text(&row)));
    }
    buf_byte(&b->text, ')');
}

enum err
parts_ref(struct scope *s, struct search_sql *b, const struct cert_field *f,
          const struct query_leaf *leaf)
{
    struct parts found;

    TRY(parts_find(s, b, INDEX_NAMES, 0, leaf, &found));
    if (!found.many && !found.rows.count) {
        buf_text(&b->text, "1 = 0");
    } else if (found.many) {
        buf_printf(&b->text, "@contains((SELECT n.folded FROM name n WHERE n.id = %s), ", f->expr);
        search_bind(s, b, v_text(leaf->text));
        buf_byte(&b->text, ')');
    } else {
        put_ids(s, b, f->expr, &found.rows);
    }
    return OK;
}

enum err
parts_san(struct scope *s, struct search_sql *b, const struct query_leaf *leaf)
{
    struct parts found;

    TRY(parts_find(s, b, INDEX_NAMES, 0, leaf, &found));
    if (!found.many && !found.rows.count) {
        buf_text(&b->text, "1 = 0");
    } else if (found.many) { /* counted, so that no engine turns it round */
        buf_text(&b->text, "0 < (SELECT COUNT(*) FROM certificate_name d JOIN name n ON n.id = "
                           "d.name WHERE d.certificate = c.id AND @contains(n.folded, ");
        search_bind(s, b, v_text(leaf->text));
        buf_text(&b->text, "))");
    } else {
        buf_text(&b->text, "c.id IN (SELECT d.certificate FROM certificate_name d WHERE ");
        put_ids(s, b, "d.name", &found.rows);
        buf_byte(&b->text, ')');
    }
    return OK;
}
