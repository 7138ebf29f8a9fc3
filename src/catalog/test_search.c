#include "base/test.h"

#include "catalog/query_parse.h"
#include "catalog/search.h"
#include "db/test_pg.h"

static struct db *
open_db(struct scope *s, enum db_kind kind)
{
    static int number;
    const char *url = kind == DB_POSTGRES
                          ? test_pg_url()
                          : arena_printf(s->arena, "sqlite:%s/search%d.db", test_dir(), ++number);
    struct db *db = NULL;

    if (url)
        assert_ok(s, db_open(s, url, &(const struct db_options){ 0 }, &db));
    return db;
}

TEST(every_field_with_every_operator_runs_on_both_engines)
{
    static const char *const values[] = { "5",         "\"\"",           "NULL",
                                          "Active",    "true",           "2025-10-22",
                                          "\"ab:cd\"", "\"\xc3\xbc%'\"", "%ME%" };
    AUTO(scope_free) struct scope *s = scope_new("test");
    size_t count, ran = 0;
    const struct search_field *fields = search_fields(&count);

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(db_close) struct db *db = open_db(s, (enum db_kind)kind);

        for (size_t i = 0; db && i < count * (Q_ENDS + 1) * COUNT(values); i++) {
            const struct search_field *f = &fields[i % count];
            enum query_op op = (enum query_op)(i / count % (Q_ENDS + 1));
            AUTO(scope_free) struct scope *one = scope_new("test");
            struct cert_found found;
            struct cert_search q = {
                .query = arena_printf(one->arena, "NOT %s %s %s", f->name, query_op_text(op),
                                      values[i / count / (Q_ENDS + 1)]),
                .sort = text_eq_fold(f->name, "OU") || text_eq_fold(f->name, "IssuedOU") ? NULL
                                                                                         : f->name,
                .descending = i % 2,
                .page = 1,
                .page_size = 10,
                .want_total = true,
                .with = WITH_DER | WITH_NAMES,
                .me = "CONTOSO\\ana",
                .now = WHEN_S(1764000000),
            };
            enum err e = catalog_search(one, db, &q, &found);

            if (e == E_INVALID) {
                assert_says(one, "position ");
                continue;
            }
            assert_ok(one, e);
            assert_int_equal(found.rows.count, 0);
            assert_int_equal(found.total, 0);
            ran++;
        }
    }
    assert_true(ran > 2000);
}
