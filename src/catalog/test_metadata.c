#include "base/test.h"

#include "catalog/metadata.h"
#include "catalog/search.h"
#include "db/test_pg.h"

static void
on_both(void (*claim)(struct scope *s, struct db *db))
{
    static int number;

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(db_close) struct db *db = NULL;
        const char *url = kind == DB_POSTGRES ? test_pg_ready()
                                              : arena_printf(s->arena, "sqlite:%s/metadata%d.db",
                                                             test_dir(), ++number);

        if (!url)
            continue;
        assert_ok(s, db_open(s, url, NULL, &db));
        claim(s, db);
    }
}

TEST(a_value_is_kept_in_the_one_form_of_its_type)
{
    static const struct {
        int64_t type;
        const char *rule; /* pattern or choices */
        const char *given, *kept;
    } rows[] = {
        { META_TEXT, "", "Team A", "Team A" },
        { META_TEXT, "", "", "" },
        { META_TEXT, "", "a\tb", NULL },
        { META_TEXT, "^[a-z]+$", "abc", "abc" },
        { META_TEXT, "^[a-z]+$", "aBc", NULL },
        { META_TEXT, "^\\d{3}-\\D$", "123-x", "123-x" },
        { META_TEXT, "^\\d{3}$", "ddd", NULL },
        { META_TEXT, "b", "abc", "abc" },
        { META_INT, "", " 12", "12" },
        { META_INT, "", "-007", "-7" },
        { META_INT, "", "1.5", NULL },
        { META_INT, "", "99999999999999999999", NULL },
        { META_DATE, "", "2025-10-22", "2025-10-22" },
        { META_DATE, "", "2025-10-22T23:59:59Z", "2025-10-22" },
        { META_DATE, "", "10/22/2025", "2025-10-22" },
        { META_DATE, "", "2025-02-30", NULL },
        { META_DATE, "", "tomorrow", NULL },
        { META_BOOL, "", "TRUE", "true" },
        { META_BOOL, "", "0", "false" },
        { META_BOOL, "", "maybe", NULL },
        { META_CHOICE, "Red, Green", "green", "Green" },
        { META_CHOICE, "Red, Green", "Blue", NULL },
        { META_BIG_TEXT, "", "a\nb", "a\nb" },
        { META_EMAIL, "", "ana@example.com", "ana@example.com" },
        { META_EMAIL, "", "ana", NULL },
        { META_EMAIL, "", "ana@x@example.com", NULL },
        { META_EMAIL, "", "ana@exa mple.com", NULL },
        { META_EMAIL, "", "@example.com", NULL },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct metadata_field f = { .id = 1,
                                    .name = "F",
                                    .type = rows[i].type,
                                    .validation = rows[i].type == META_TEXT ? rows[i].rule : "",
                                    .message = "",
                                    .options = rows[i].rule };
        struct metadata_value v = { 0 };
        const char *why = NULL;
        bool good = metadata_value_of(s, &f, rows[i].given, &v, &why);

        assert_int_equal(good, rows[i].kept != NULL);
        if (good)
            assert_string_equal(v.text, rows[i].kept);
        else
            assert_non_null(why);
    }
}

TEST(a_text_has_a_greatest_length_and_an_index_takes_the_beginning)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct metadata_field f = { .type = META_TEXT, .validation = "", .message = "", .options = "" };
    struct metadata_value v;
    const char *why = NULL;
    struct buf b;

    buf_init_in(&b, s->arena, 65536);
    for (int i = 0; i < METADATA_TEXT_MAX; i++)
        buf_text(&b, "\xc3\x84"); /* two octets, one character */
    assert_true(metadata_value_of(s, &f, buf_str(&b), &v, &why));
    buf_text(&b, "x");
    assert_false(metadata_value_of(s, &f, buf_str(&b), &v, &why));
    f.type = META_BIG_TEXT;
    assert_true(metadata_value_of(s, &f, buf_str(&b), &v, &why));
    assert_int_equal(text_code_points(v.folded), METADATA_TEXT_MAX);
    assert_int_equal(strlen(v.text), 2 * METADATA_TEXT_MAX + 1);
}

TEST(a_pattern_that_would_be_misread_is_refused)
{
    static const struct {
        const char *given, *taken;
    } rows[] = {
        { "^a+$", "^a+$" }, { "\\d+", "[0-9]+" },
        { "\\.x", "\\.x" }, { "[^]a]\\d", "[^]a][0-9]" },
        { "[\\d]", NULL },  { "(?i)a", NULL },
        { "(", NULL },      { "[", NULL },
        { "(a)\\1", NULL }, { "a{1,99}{1,99}", NULL },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *why = NULL, *got = metadata_pattern(s->arena, rows[i].given, &why);

        if (rows[i].taken) {
            assert_non_null(got);
            assert_string_equal(got, rows[i].taken);
        } else {
            assert_null(got);
            assert_non_null(why);
        }
    }
}

static void
keeps_fields(struct scope *s, struct db *db)
{
    struct metadata_field f, in = { .name = "Owner", .description = "Who", .type = META_TEXT };
    AUTO(metadata_shelf_free) struct metadata_shelf *shelf = NULL;
    struct list all, kept;
    bool used;

    assert_ok(s, metadata_shelf_open(s, db, &shelf));
    assert_ok(s, metadata_present(s, shelf, &kept));
    assert_int_equal(kept.count, 0);
    assert_ok(s, metadata_field_add(s, shelf, &caller_system, &in, &f));
    assert_true(f.id > 0);
    assert_ok(s, metadata_present(s, shelf, &kept));
    assert_int_equal(kept.count, 1);
    in.name = "OWNER";
    assert_err(E_INVALID, metadata_field_add(s, shelf, &caller_system, &in, &f));
    scope_clear(s);
    assert_ok(s, metadata_field_find(s, db, "oWNER", &f));
    assert_string_equal(f.name, "Owner");
    in = (struct metadata_field){ .id = f.id, .hint = "a team", .display_order = { true, 3 } };
    assert_ok(s, metadata_field_edit(s, shelf, &caller_system, &in, &f));
    assert_string_equal(f.description, "Who");
    assert_string_equal(f.hint, "a team");
    assert_string_equal(list_at(&kept, struct metadata_field, 0)->hint, ""); /* as it was asked */
    assert_ok(s, metadata_present(s, shelf, &kept));
    assert_string_equal(list_at(&kept, struct metadata_field, 0)->hint, "a team");
    in = (struct metadata_field){ .name = "First", .description = "", .type = META_INT };
    assert_ok(s, metadata_field_add(s, shelf, &caller_system, &in, &f));
    assert_ok(s, metadata_fields(s, db, &all));
    assert_int_equal(all.count, 2);
    assert_string_equal(list_at(&all, struct metadata_field, 0)->name, "First");
    assert_ok(s, metadata_field_in_use(s, db, f.id, &used));
    assert_false(used);
    assert_ok(s, metadata_field_delete(s, shelf, &caller_system, f.id, false));
    assert_err(E_NOT_FOUND, metadata_field_delete(s, shelf, &caller_system, f.id, false));
    scope_clear(s);
    assert_err(E_NOT_FOUND, metadata_field_in_use(s, db, f.id, &used));
    assert_ok(s, metadata_present(s, shelf, &kept));
    assert_int_equal(kept.count, 1);
}

TEST(fields_are_made_changed_and_removed)
{
    on_both(keeps_fields);
}

TEST(each_wrong_member_of_a_field_is_named)
{
    static const struct {
        struct metadata_field f;
        const char *path;
    } rows[] = {
        { { .name = "", .type = 1 }, "Name" },
        { { .name = "a b", .type = 1 }, "Name" },
        { { .name = "F", .type = 9 }, "DataType" },
        { { .name = "F", .type = 7 }, "DataType" },
        { { .name = "F", .type = 1, .enrollment = { true, 3 } }, "Enrollment" },
        { { .name = "F", .type = 1, .validation = "(" }, "Validation" },
        { { .name = "F", .type = 2, .validation = "1" }, "Validation" },
        { { .name = "F", .type = 5 }, "Options" },
        { { .name = "F", .type = 5, .options = "a,,b" }, "Options" },
        { { .name = "F", .type = 5, .options = "a,A" }, "Options" },
        { { .name = "F", .type = 5, .options = "a,b", .default_value = "c" }, "DefaultValue" },
        { { .name = "F", .type = 3, .default_value = "soon" }, "DefaultValue" },
        { { .name = "F", .type = 1, .hint = "a\nb" }, "Hint" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct metadata_field out;

    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_err(E_INVALID, metadata_field_add(s, NULL, &caller_system, &rows[i].f, &out));
        assert_int_equal(s->problems.count, 1);
        assert_string_equal(list_at(&s->problems, struct problem, 0)->path, rows[i].path);
        scope_clear(s);
    }
}

/* Values that many have, and few. */

#define MANY 10040

SQL(many_field, "INSERT INTO metadata_field (id, name, name_folded, description, data_type, "
                "created_at) VALUES (1, 'Tag', 'tag', '', $1, 0)");
SQL(many_name, "INSERT INTO name (id, text, folded) VALUES (1, 'CN=x', 'cn=x')");
SQL(many_certificate,
    "INSERT INTO certificate (id, sha256, sha1, issuer_hash, serial, subject_hash, key_hash, dn, "
    "issuer_dn, not_before, not_after, imported_at, state, key_type, key_bits, signing_algorithm) "
    "VALUES ($1, $2, $2, $2, $2, $2, $2, 1, 1, 0, 4000000000000, 0, 1, 3, 256, '')");
SQL(many_value, "INSERT INTO certificate_metadata (certificate, field, value, folded) "
                "VALUES ($1, 1, $2, $2)");

static enum err
many_in(struct scope *s, struct tx *tx, void *arg)
{
    (void)arg;
    TRY(tx_do(s, tx, &many_field, BIND(v_int(META_TEXT))));
    TRY(tx_do(s, tx, &many_name, BIND_NONE));
    for (int64_t i = 1; i <= MANY; i++) {
        struct bytes b = { (const uint8_t *)&i, sizeof(i) };

        TRY(tx_do(s, tx, &many_certificate, BIND(v_int(i), v_bytes(bytes_copy(s->arena, b)))));
        if (i % 1000 != 0)
            TRY(tx_do(s, tx, &many_value, BIND(v_int(i), v_text(i % 5000 == 1 ? "few" : "many"))));
    }
    return OK;
}

static void
finds_both(struct scope *s, struct db *db)
{
    static const struct {
        const char *query;
        int64_t total, first, last; /* of the first five */
    } rows[] = {
        { "Tag -eq many", MANY - 13, 2, 6 },
        { "Tag -eq few", 3, 1, 10001 },
        { "Tag -ne many", 13, 1, 4000 },
        { "Tag -ne few", MANY - 3, 2, 6 },
        { "Tag -startswith m AND Id -gt 5000", 5040 - 7, 5002, 5006 },
        { "Tag -eq NULL", 10, 1000, 5000 },
        { "NOT (Tag -eq many OR Tag -eq few)", 10, 1000, 5000 },
    };

    assert_ok(s, db_write(s, db, many_in, NULL));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cert_search q = {
            .query = rows[i].query, .page_size = 5, .want_total = true, .now = WHEN_S(1764000000)
        };
        struct cert_found found;

        assert_ok(s, catalog_search(s, db, &q, &found));
        assert_int_equal(found.total, rows[i].total);
        assert_int_equal(list_at(&found.rows, struct cert_row, 0)->id, rows[i].first);
        assert_int_equal(list_last(&found.rows, struct cert_row)->id, rows[i].last);
    }
}

TEST(a_value_that_many_have_is_found_as_one_that_few_have)
{
    on_both(finds_both);
}
