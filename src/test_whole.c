#include "base/test.h"
#include "db/db.h"
#include "db/test_pg.h"

TEST(every_statement_of_the_program_can_be_prepared_on_both_engines)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *urls[] = { arena_printf(s->arena, "sqlite:%s/whole.db", test_dir()),
                           test_pg_url() };

    for (size_t i = 0; i < COUNT(urls); i++) {
        AUTO(db_close) struct db *db = NULL;

        if (!urls[i])
            continue;
        assert_ok(s, db_open(s, urls[i], NULL, &db));
        assert_ok(s, db_prepare_all(s, db));
    }
}
