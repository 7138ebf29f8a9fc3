#include "base/test.h"
#include "db/sql.h"

TEST(words_are_spelled_for_each_engine)
{
    static const struct {
        const char *text, *sqlite, *postgres;
    } cases[] = {
        { "SELECT 1", "SELECT 1", "SELECT 1" },
        { "a = $1 AND b = $12", "a = ?1 AND b = ?12", "a = $1 AND b = $12" },
        { "x '$1 @int' \"@id\" -- @no $1\n$2", "x '$1 @int' \"@id\" -- @no $1\n?2",
          "x '$1 @int' \"@id\" -- @no $1\n$2" },
        { "'it''s $1' $1", "'it''s $1' ?1", "'it''s $1' $1" },
        { "SELECT a FROM b @lock", "SELECT a FROM b ", "SELECT a FROM b FOR UPDATE" },
        { "x @lock_skip", "x ", "x FOR UPDATE SKIP LOCKED" },
        { "@contains(n.folded, $1)", "0 < instr(n.folded, ?1)", "0 < strpos(n.folded, $1)" },
        { "SELECT @anchor($1)", "SELECT +(?1)", "SELECT pg_advisory_xact_lock($1)" },
        { "SELECT @now_ms", "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
          "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)" },
        { "c @int, d @text NOT NULL", "c INTEGER, d TEXT COLLATE BINARY NOT NULL",
          "c bigint, d text COLLATE \"C\" NOT NULL" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *out;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_ok(s, sql_spell(s, DB_SQLITE, cases[i].text, &out));
        assert_string_equal(out, cases[i].sqlite);
        assert_ok(s, sql_spell(s, DB_POSTGRES, cases[i].text, &out));
        assert_string_equal(out, cases[i].postgres);
    }
    assert_err(E_INTERNAL, sql_spell(s, DB_SQLITE, "a @locked", &out));
    assert_says(s, "@locked");
}

TEST(a_migration_is_split_at_line_ends)
{
    static const char text[] = "-- it's a comment;\n"
                               "CREATE TABLE a ( -- the client's;\n"
                               "    id @id,   -- one;\n"
                               "    b @text DEFAULT '-- ;'\n"
                               ");\n"
                               "@sqlite CREATE TABLE f (x @int) @clustered;\n"
                               "@postgres CREATE INDEX g ON a USING gin (b);\n"
                               "UPDATE a SET b = 'x;y'; \n"
                               ";\n";
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list sqlite = { 0 }, postgres = { 0 };

    assert_ok(s, sql_split(s, DB_SQLITE, text, &sqlite));
    assert_int_equal(sqlite.count, 3);
    assert_string_equal(*list_at(&sqlite, const char *, 0),
                        "CREATE TABLE a (\n    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                        "    b TEXT COLLATE BINARY DEFAULT '-- ;'\n) STRICT");
    assert_string_equal(*list_at(&sqlite, const char *, 1),
                        "CREATE TABLE f (x INTEGER) WITHOUT ROWID, STRICT");
    assert_ok(s, sql_split(s, DB_POSTGRES, text, &postgres));
    assert_int_equal(postgres.count, 3);
    assert_string_equal(*list_at(&postgres, const char *, 1), "CREATE INDEX g ON a USING gin (b)");
    assert_string_equal(*list_at(&postgres, const char *, 2), "UPDATE a SET b = 'x;y'");
    assert_err(E_INTERNAL, sql_split(s, DB_SQLITE, "SELECT 1", &sqlite));
}
