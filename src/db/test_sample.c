#include "base/test.h"

#include "db/test_pg.h"
#include "db/test_sample.h"

static const char sample_make[] =
    "CREATE TABLE sample (id @id, i @int, r @real, t @text UNIQUE, b @bytes)";
SQL(sample_add, "INSERT INTO sample (i, r, t, b) VALUES ($1, $2, $3, $4) RETURNING id, i, r, t, b");

enum err
make_sample(struct scope *s, struct tx *tx, void *arg)
{
    struct rows rows;

    (void)arg;
    return tx_query(s, tx, sample_make, BIND_NONE, &rows);
}

const char *
fresh_url(struct scope *s, enum db_kind kind)
{
    static int count;

    return kind == DB_POSTGRES ? test_pg_url()
                               : arena_printf(s->arena, "sqlite:%s/test%d.db", test_dir(), ++count);
}

void
on_both(void (*claim)(struct scope *s, struct db *db))
{
    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct db_options o = { .no_migrate = true, .readers = 4 };
        const char *url = fresh_url(s, (enum db_kind)kind);
        struct db *db = NULL;

        if (!url)
            continue;
        assert_ok(s, db_open(s, url, &o, &db));
        assert_ok(s, db_write(s, db, make_sample, NULL));
        claim(s, db);
        db_close(db);
    }
}

enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct sample *x = arg;
    struct row row;

    TRY(tx_one(s, tx, &sample_add,
               BIND(x->null ? v_null() : v_int(x->i), x->null ? v_null() : v_real(x->r),
                    v_text(x->t), v_bytes(x->b)),
               &row));
    x->id = row_int(&row);
    assert_int_equal(row.count, 5);
    return x->fail == OK ? OK : fail(s, x->fail, "told to fail");
}
