#include "base/test.h"
#include "db/dump.h"
#include "db/test_pg.h"

#include <string.h>

SQL(put_setting, "INSERT INTO setting (name, value) VALUES ($1, $2)");
SQL(put_ca, "INSERT INTO authority (name, name_folded, slug, driver, parent, created_at) "
            "VALUES ($1, $1, $1, 'embedded', $2, 1) RETURNING id");
SQL(set_parent, "UPDATE authority SET parent = $2 WHERE id = $1");
SQL(count_settings, "SELECT COUNT(*) FROM setting");
SQL(get_setting, "SELECT value FROM setting WHERE name = $1");
SQL(get_parent, "SELECT parent FROM authority WHERE id = $1");
SQL(versions, "SELECT version FROM schema_version ORDER BY version");

/* A dump in memory. */
struct kept {
    struct scope *s;
    struct list parts; /* of struct db_part */
    struct list data;  /* of struct buf */
    struct list schema;
    struct db *db;
    const char *scratch;
};

static enum err
begin(struct scope *s UNUSED, void *arg, const struct db_part *part)
{
    struct kept *k = arg;
    struct db_part own = { .name = arena_text(k->s->arena, part->name),
                           .columns = arena_text(k->s->arena, part->columns) };

    list_add(k->s->arena, &k->parts, struct db_part, own);
    buf_init_in(list_push(k->s->arena, &k->data, struct buf), k->s->arena, (size_t)64 << 20);
    return OK;
}

static enum err
piece(struct scope *s UNUSED, void *arg, struct bytes bytes)
{
    struct kept *k = arg;

    buf_add(list_last(&k->data, struct buf), bytes.data, bytes.len);
    return OK;
}

static enum err
end(struct scope *s UNUSED, void *arg, const struct db_part *part)
{
    list_last(&((struct kept *)arg)->parts, struct db_part)->rows = part->rows;
    return OK;
}

static enum err
give(struct scope *s, void *arg, const struct db_part *part,
     enum err (*to)(struct scope *s, void *arg, struct bytes piece), void *to_arg)
{
    struct kept *k = arg;

    for (size_t i = 0; i < k->parts.count; i++)
        if (text_eq(list_at(&k->parts, struct db_part, i)->name, part->name))
            return to(s, to_arg, buf_bytes(list_at(&k->data, struct buf, i)));
    return E_INTERNAL;
}

struct setting {
    const char *name, *value;
};

static enum err
put_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct setting *x = arg;

    return tx_do(s, tx, &put_setting, BIND(v_text(x->name), v_text(x->value)));
}

static enum err
family_in(struct scope *s, struct tx *tx, void *arg)
{
    int64_t *child = arg, parent;
    struct row row;

    TRY(tx_one(s, tx, &put_ca, BIND(v_text("child"), v_id(0)), &row));
    *child = row_int(&row);
    TRY(tx_one(s, tx, &put_ca, BIND(v_text("parent"), v_id(0)), &row));
    parent = row_int(&row);
    return tx_do(s, tx, &set_parent, BIND(v_int(*child), v_int(parent)));
}

static enum err
dump(struct scope *s, struct db_view *view, void *arg)
{
    struct kept *k = arg;
    struct db_sink sink = { begin, piece, end, k };
    struct setting late = { "late", "x" };
    struct rows rows;
    struct row row;

    TRY(view_all(s, view, &versions, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++)
        list_add(k->s->arena, &k->schema, int64_t, row_int(&rows.at[i]));
    TRY(db_write(s, k->db, put_in, &late)); /* others go on, and are not seen */
    TRY(view_one(s, view, &count_settings, BIND_NONE, &row));
    assert_int_equal(row_int(&row), 2);
    return view_dump(s, view, k->scratch, &sink);
}

static const char *
fresh_url(struct scope *s, enum db_kind kind)
{
    static int count;

    return kind == DB_POSTGRES ? test_pg_url()
                               : arena_printf(s->arena, "sqlite:%s/dump%d.db", test_dir(), ++count);
}

static void
check_copy(struct scope *s, const char *url, int64_t child)
{
    AUTO(db_close) struct db *db = NULL;
    struct row row;
    struct setting more = { "more", "y" };

    assert_ok(s, db_open(s, url, NULL, &db));
    assert_ok(s, db_one(s, db, &count_settings, BIND_NONE, &row));
    assert_int_equal(row_int(&row), 2);
    assert_ok(s, db_one(s, db, &get_setting, BIND(v_text("odd")), &row));
    assert_string_equal(row_text(&row), "tab\t line\n \\N \\. ü '");
    assert_ok(s, db_one(s, db, &get_parent, BIND(v_int(child)), &row));
    assert_int_equal(row_int(&row), child + 1);
    assert_ok(s, db_write(s, db, put_in, &more));
    more.name = "odd";
    assert_err(E_CONFLICT, db_write(s, db, put_in, &more)); /* constraints are there again */
}

/* A file that somebody else wrote runs nothing. */
static void
check_columns(struct scope *s, const char *other, const struct db_source *from)
{
    static const char *const bad[] = {
        "",     "name,",          ",name",           "name,,value",
        "Name", "name;",          "name) FROM '/x'", "name\"",
        "\"",   "\"name,\"value", "\"na\"\"me\"",    "name,value) FROM PROGRAM 'true' --",
    };

    LIST_EACH(struct db_part, part, from->parts)
    {
        const char *kept = part->columns;

        if (!text_ends(part->name, "/setting"))
            continue;
        for (size_t i = 0; i < COUNT(bad); i++) {
            part->columns = bad[i];
            assert_err(E_INVALID, db_load(s, other, from));
            assert_says(s, "are no names");
            scope_clear(s);
        }
        part->columns = "\"name\",value";
        assert_ok(s, db_load(s, other, from));
        part->columns = kept;
    }
}

static void
dump_and_load(struct scope *s, enum db_kind kind)
{
    const char *url = fresh_url(s, kind), *other = url ? fresh_url(s, kind) : NULL;
    struct setting one = { "plain", "x" }, odd = { "odd", "tab\t line\n \\N \\. ü '" };
    struct kept k = { .s = s, .scratch = arena_printf(s->arena, "%s/scratch", test_dir()) };
    struct db_source from = { &k.parts, &k.schema, give, &k };
    AUTO(db_close) struct db *db = NULL;
    struct db_place place;
    int64_t child = 0;

    if (!url)
        return;
    assert_ok(s, db_look(s, other, &place));
    assert_false(place.used || place.busy);
    assert_ok(s, db_open(s, url, NULL, &db));
    k.db = db;
    assert_ok(s, db_write(s, db, put_in, &one));
    assert_ok(s, db_write(s, db, put_in, &odd));
    assert_ok(s, db_write(s, db, family_in, &child));
    assert_ok(s, db_view(s, db, dump, &k));
    assert_ok(s, db_load(s, other, &from));
    assert_ok(s, db_look(s, other, &place));
    assert_true(place.used);
    check_copy(s, other, child);

    assert_ok(s, db_load(s, other, &from)); /* once more, over what is there */
    check_copy(s, other, child);

    if (kind == DB_POSTGRES)
        check_columns(s, other, &from);
    list_add(s->arena, &k.schema, int64_t, 9999);
    if (kind == DB_POSTGRES) {
        assert_err(E_CONFLICT, db_load(s, other, &from));
        assert_says(s, "a newer one");
        scope_clear(s);
        list_at(&k.parts, struct db_part, 0)->rows++;
        k.schema.count--;
        assert_err(E_INVALID, db_load(s, other, &from)); /* not all rows came: nothing is left */
        assert_ok(s, db_look(s, other, &place));
        assert_true(place.used);
    }
}

TEST(a_dump_is_of_one_moment_and_can_be_put_back)
{
    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        dump_and_load(s, (enum db_kind)kind);
    }
}

TEST(a_dump_goes_back_into_its_own_kind_of_database)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct kept k = { .s = s };
    struct db_source from = { &k.parts, &k.schema, give, &k };
    struct db_part table = { .name = DB_TABLE_PARTS "setting", .columns = "name,value" };

    list_add(s->arena, &k.parts, struct db_part, table);
    assert_err(E_INVALID, db_load(s, fresh_url(s, DB_SQLITE), &from));
    assert_says(s, "the dump is of PostgreSQL, and the database is SQLite");
}
