/* Totals of searches. */
#include "base/test.h"

#include "catalog/search.h"
#include "catalog/test_search_rows.h"

TEST(a_total_that_takes_too_long_is_none_for_whom_that_is_better)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(db_close) struct db *db = known_db(s, (enum db_kind)kind);
        struct cert_search q = {
            .query = "Id -gt 0", .page_size = 1, .want_total = true, .now = KNOWN_NOW
        };
        struct cert_found exact, soon;
        struct list all;

        if (!db)
            continue;
        known_rows(s, db, 60, KNOWN_NOW, &all);
        assert_ok(s, catalog_search(s, db, &q, &exact));
        assert_true(exact.total > 1);
        q.total_soon = true;
        assert_ok(s, catalog_search(s, db, &q, &soon));
        assert_int_equal(soon.total, exact.total);
        search_total_within(0);
        assert_ok(s, catalog_search(s, db, &q, &soon));
        assert_int_equal(soon.total, TOTAL_UNKNOWN);
        assert_int_equal(soon.rows.count, 1);
        q.total_soon = false;
        assert_ok(s, catalog_search(s, db, &q, &exact));
        assert_true(exact.total > 1);
        search_total_within(20 * SECOND_MS);
    }
}

/** TEXT with WITH for each `#`. */
static const char *
replaced(struct arena *a, const char *text, const char *with)
{
    struct buf b;

    buf_init_in(&b, a, 4096);
    for (; *text; text++)
        if (*text == '#')
            buf_text(&b, with);
        else
            buf_byte(&b, (uint8_t)*text);
    return buf_str(&b);
}

/** How many of ALL memory finds, and a page of one row tells as its total. */
static void
check_total(struct scope *s, struct db *db, const char *query, bool revoked, const struct list *all)
{
    struct cert_search q = { .query = query,
                             .include_revoked = revoked,
                             .page_size = 1,
                             .want_total = true,
                             .now = KNOWN_NOW };
    struct list want = known_found(s, &q, all, false, true);
    struct cert_found found;

    assert_ok(s, catalog_search(s, db, &q, &found));
    if (found.total != (int64_t)want.count)
        fail_msg("%s: engine %d counts %lld, memory %zu", query, db_kind(db),
                 (long long)found.total, want.count);
}

TEST(totals_by_the_end_alone_are_exact_to_the_millisecond)
{
    static const char *const forms[] = {
        "NotAfter -ge #",
        "NotAfter -gt #",
        "NotAfter -lt #",
        "NotAfter -le #",
        "NotAfter -eq #",
        "NotAfter -ne #",
        "NOT (NotAfter -lt #)",
        "NotAfter -ge %TODAY-2% AND NotAfter -lt #",
        "NotAfter -gt # AND NotAfter -le %TODAY+3%",
        "NotAfter -ge # AND NotAfter -lt #",
        "NotAfter -lt # OR NotAfter -gt %TODAY+1%",
    };
    static const char *const others[] = { "NotAfter -ge 1960-01-01",
                                          "NotAfter -lt 1960-01-01 AND NotAfter -lt 2040-01-01",
                                          "NotAfter -eq NULL", "NotAfter -lt 9999-12-31" };

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(db_close) struct db *db = known_db(s, (enum db_kind)kind);
        struct list all;

        if (!db)
            continue;
        known_rows(s, db, 80, KNOWN_NOW, &all);
        for (size_t i = 0; i < 20; i++) {
            struct when at = list_at(&all, struct known, i)->not_after;

            for (size_t n = 0; n < COUNT(forms); n++) {
                AUTO(scope_free) struct scope *one = scope_new("test");
                struct when ms = when_add_ms(at, i % 4 == 3 ? 0 : (int64_t)(i % 4) - 1);

                check_total(
                    one, db,
                    replaced(one->arena, forms[n],
                             i % 5 ? when_rfc3339_ms(one->arena, ms)
                                   : arena_text_n(one->arena, when_rfc3339(one->arena, at), 10)),
                    i % 2, &all);
            }
        }
        for (size_t n = 0; n < COUNT(others); n++)
            check_total(s, db, others[n], n % 2, &all);
    }
}
