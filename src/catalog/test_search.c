#include "base/test.h"

#include "catalog/query.h"
#include "catalog/query_parse.h"
#include "catalog/search.h"
#include "catalog/search_parts.h"
#include "catalog/test_search_rows.h"

#define ROWS 400

/* Queries by chance. */

static const char *
quoted(struct arena *a, const char *text)
{
    char quote = known_dice(2) ? '"' : '\'', *to = arena_alloc(a, 2 * strlen(text) + 3), *out = to;

    *to++ = quote;
    for (; *text; text++) {
        size_t slashes = strspn(text, "\\");

        if (slashes && (!text[slashes] || text[slashes] == quote))
            *to++ = '\\';
        if (*text == quote)
            *to++ = known_dice(2) && text[-1] != '\\' ? '\\' : quote;
        *to++ = *text;
    }
    *to++ = quote;
    return out;
}

/** A part of the text that ends between characters, in some case. */
static const char *
part_of(struct arena *a, const char *text)
{
    size_t from = known_dice(2) ? 0 : known_dice((uint32_t)strlen(text) + 1);
    size_t to = known_dice(2) ? strlen(text) : known_dice((uint32_t)strlen(text) + 1);
    char *part;

    while (((uint8_t)text[from] & 0xc0) == 0x80)
        from++;
    while (((uint8_t)text[to] & 0xc0) == 0x80)
        to++;
    part = arena_text_n(a, text + from, to > from ? to - from : 0);
    return known_dice(3) == 0 ? text_upper(a, part) : known_dice(2) ? text_fold(a, part) : part;
}

static const char *
date_value(struct arena *a, struct when w)
{
    struct civil c = when_civil(when_given(w) ? w : KNOWN_NOW);

    switch (known_dice(5)) {
    case 0:
        return when_rfc3339(a, when_given(w) ? w : KNOWN_NOW);
    case 1:
        return when_rfc3339_ms(a, when_given(w) ? w : KNOWN_NOW);
    case 2:
        return arena_printf(a, "%d/%d/%d", c.month, c.day, c.year);
    case 3:
        return arena_printf(a, "%%TODAY%+d%%", (int)known_dice(10) - 5);
    default:
        return arena_printf(a, "%04d-%02d-%02d", c.year, c.month, c.day);
    }
}

/** A value for the field, mostly one that some certificate has. */
static const char *
value_for(struct arena *a, const struct field *f, const struct known *k)
{
    const void *member = (const uint8_t *)k + f->offset;
    const struct list *list = member;
    const char *text;
    int64_t number;

    if (known_dice(8) == 0)
        return f->type == FT_TEXT && known_dice(2) ? "\"\"" : "NULL";
    switch (f->type) {
    case FT_BOOL:
        return known_dice(2) ? "true" : "'False'";
    case FT_INT:
    case FT_OPT_INT:
        number =
            f->type == FT_INT ? *(const int64_t *)member : ((const struct opt_int *)member)->value;
        if (f->choices && known_dice(2) && choice_by_number(f->choices, number))
            return text_upper(a, choice_by_number(f->choices, number)->name);
        return arena_printf(a, known_dice(2) ? "%lld" : "\"%lld\"",
                            (long long)number + known_dice(3) / 2);
    case FT_WHEN:
        return quoted(a, date_value(a, *(const struct when *)member));
    case FT_LIST:
        text = list->count ? *list_at(list, const char *, known_dice((uint32_t)list->count))
                           : known_text(a);
        return quoted(a, part_of(a, text));
    default:
        text = *(const char *const *)member;
        return quoted(a, part_of(a, text ? text : known_text(a)));
    }
}

/** An operator that goes with the field; hexadecimal digits and lists have no order that matters.
 */
static const char *
op_for(const struct field *f)
{
    enum query_op op;

    do
        op = (enum query_op)known_dice(Q_ENDS + 1);
    while ((f->type == FT_LIST && op >= Q_LT && op <= Q_GE) ||
           (f->type == FT_BOOL && op != Q_EQ && op != Q_NE) ||
           (f->type != FT_LIST && f->type != FT_TEXT && op >= Q_CONTAINS));
    return query_op_text(op);
}

static const char *
term(struct arena *a, const struct list *all, bool *revoked, bool *expired)
{
    const struct field *f = &known_model.fields[known_dice((uint32_t)known_model.count)];
    const char *op = op_for(f), *value;

    do /* NULL goes with few */
        value = value_for(a, f, list_at(all, struct known, known_dice((uint32_t)all->count)));
    while (text_eq(value, "NULL") && !text_eq(op, "-eq") && !text_eq(op, "-ne"));
    *revoked |= text_eq(f->wire, "CertState") || text_starts(f->wire, "Revocation");
    *expired |= text_eq(f->wire, "NotAfter") || text_eq(f->wire, "RevocationDate");
    return arena_printf(a, "%s %s %s", f->wire, op, value);
}

static const char *
tree(struct arena *a, const struct list *all, int depth, bool *revoked, bool *expired)
{
    const char *text;

    if (depth == 0 || known_dice(3) == 0)
        return term(a, all, revoked, expired);
    text = tree(a, all, depth - 1, revoked, expired);
    if (known_dice(3) == 0)
        text = arena_printf(a, "NOT(%s)", text);
    for (uint32_t more = known_dice(3); more > 0; more--)
        text =
            arena_printf(a, known_dice(2) ? "(%s)%s %s" : "%s %s (%s)", text,
                         known_dice(2) ? "AND" : "or", tree(a, all, depth - 1, revoked, expired));
    return text;
}

static void
check_page(struct scope *s, struct db *db, const struct cert_search *q, const struct list *want)
{
    size_t from = (size_t)((q->page - 1) * q->page_size + q->skip), at = from;
    struct cert_found found;

    assert_ok(s, catalog_search(s, db, q, &found));
    if (found.total != (int64_t)want->count ||
        found.rows.count != MIN((size_t)q->page_size, want->count - MIN(from, want->count)))
        fail_msg("%s: engine %d finds %zu of %lld, memory %zu", q->query, db_kind(db),
                 found.rows.count, (long long)found.total, want->count);
    LIST_EACH(struct cert_row, row, &found.rows)
    {
        const struct known *k = list_at(want, struct known, at++);

        if (row->id != k->id)
            fail_msg("%s sorted by %s: engine %d has %lld at %zu, memory %lld", q->query, q->sort,
                     db_kind(db), (long long)row->id, at, (long long)k->id);
        assert_string_equal(hex_upper(s->arena, row->der), k->thumbprint);
        assert_int_equal(row->names.count, k->sans.count);
        for (size_t i = 0; i < row->names.count; i++)
            assert_string_equal(list_at(&row->names, struct cert_san, i)->text,
                                *list_at(&k->sans, const char *, i));
    }
}

TEST(random_searches_find_the_same_rows_in_the_same_order_as_memory_does)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *sqlite = known_db(s, DB_SQLITE);
    AUTO(db_close) struct db *postgres = known_db(s, DB_POSTGRES);
    struct list all;
    size_t found = 0;

    if (postgres)
        known_rows(s, postgres, ROWS, KNOWN_NOW, &all);
    known_rows(s, sqlite, ROWS, KNOWN_NOW, &all);
    for (int i = 0; i < 700; i++) {
        AUTO(scope_free) struct scope *one = scope_new("test");
        bool revoked = false, expired = false;
        struct cert_search q = {
            .query = tree(one->arena, &all, (int)known_dice(4), &revoked, &expired),
            .include_revoked = known_dice(3) == 0,
            .include_expired = known_dice(3) == 0,
            .sort = known_model.fields[known_dice((uint32_t)known_model.count - 2)].wire,
            .descending = known_dice(2),
            .page = 1 + known_dice(3) / 2,
            .page_size = 1 + known_dice(40),
            .skip = known_dice(4) == 0 ? known_dice(5) : 0,
            .want_total = true,
            .with = WITH_DER | WITH_NAMES,
            .now = KNOWN_NOW,
        };
        struct list want = known_found(one, &q, &all, revoked, expired);

        if (i == 300) /* before, everything is looked through; from here on nothing */
            assert_ok(s, text_index_fill(s, sqlite, 100, NULL, NULL));
        parts_many(i % 3 ? 8000 : 3, i % 3 ? 1000 : 3);

        found += want.count > 0 && want.count < ROWS;
        check_page(one, sqlite, &q, &want);
        if (postgres)
            check_page(one, postgres, &q, &want);
    }
    parts_many(8000, 1000);
    assert_true(found > 400); /* most queries tell rows apart */
}

static enum err
add_texts(struct scope *s, struct tx *tx, void *arg)
{
    const char *const *texts = arg;
    int64_t id;

    for (; *texts; texts++)
        TRY(name_id(s, tx, *texts, &id));
    return OK;
}

TEST(parts_of_names_are_found_in_the_index_and_behind_it)
{
    static const char *const first[] = { "web01.example.com",
                                         "100%_\\sure",
                                         "say \"hi\" there",
                                         "d\xc3\xbcsseldorf",
                                         "\xe6\xbc\xa2\xe5\xad\x97\xe8\xaa\x9e",
                                         "ab",
                                         NULL };
    static const char *const then[] = { "web02.example.com", NULL };
    static const struct {
        const char *part;
        size_t before, after; /* how many have it, of FIRST and of all */
    } cases[] = {
        { "web0", 1, 2 },
        { "example.com", 1, 2 },
        { "web01.example.com", 1, 1 },
        { "0%_\\s", 1, 1 },
        { "%_", 1, 1 },
        { "\"hi\"", 1, 1 },
        { "y \"h", 1, 1 },
        { "d\xc3\xbcs", 1, 1 },
        { "\xe6\xbc\xa2\xe5\xad\x97\xe8\xaa\x9e", 1, 1 },
        { "\xe5\xad\x97", 1, 1 },
        { "ab", 1, 1 },
        { "WEB0", 0, 0 },
        { "web03", 0, 0 },
        { "ele", 0, 0 },
        { "b0", 1, 2 },
        { "AND", 0, 0 },
        { "*", 0, 0 },
        { "_", 1, 1 },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(db_close) struct db *db = known_db(s, (enum db_kind)kind);

        if (!db)
            continue;
        for (int round = 0; round < 4; round++) {
            if (round == 0)
                assert_ok(s, db_write(s, db, add_texts, (void *)(uintptr_t)first));
            if (round == 2)
                assert_ok(s, db_write(s, db, add_texts, (void *)(uintptr_t)then));
            if (round % 2)
                assert_ok(s, text_index_fill(s, db, 2, NULL, NULL));
            for (size_t i = 0; i < COUNT(cases); i++) {
                struct rows rows;
                size_t want = round < 2 ? cases[i].before : cases[i].after;

                assert_ok(s, text_index_find(
                                 s, db, &(struct text_part){ .part = cases[i].part, .count = 100 },
                                 NULL, &rows));
                if (rows.count != want)
                    fail_msg("engine %d, round %d: %s is in %zu", kind, round, cases[i].part,
                             rows.count);
                assert_ok(s, text_index_find(
                                 s, db, &(struct text_part){ .part = cases[i].part, .count = 1 },
                                 NULL, &rows));
                assert_int_equal(rows.count, MIN(want, (size_t)1));
            }
        }
    }
}

static enum err
add_many(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    int64_t id;

    for (int i = 0; i < 600; i++)
        TRY(name_id(s, tx,
                    arena_printf(s->arena, "%s-%d.%s", i < 250 ? "early" : "late", i,
                                 i % 4 ? "example.com" : "example.org"),
                    &id));
    return OK;
}

TEST(what_most_texts_have_is_told_without_fetching_them)
{
    static const struct {
        const char *part;
        bool common; /* in more than half, wherever they stand */
        size_t found;
    } cases[] = {
        { "example", true, 0 },   { ".com", true, 0 },    { "e", true, 0 },
        { "early-", false, 250 }, { ".org", false, 150 }, { "late-599", false, 1 },
        { "absent", false, 0 },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(db_close) struct db *db = known_db(s, (enum db_kind)kind);

        if (!db)
            continue;
        assert_ok(s, db_write(s, db, add_many, NULL));
        for (size_t i = 0; i < 2 * COUNT(cases); i++) {
            size_t n = i % COUNT(cases);
            struct text_part part = { .part = cases[n].part, .count = 1000 };
            struct rows rows;
            bool common;

            if (i == COUNT(cases))
                assert_ok(s, text_index_fill(s, db, 100, NULL, NULL));
            assert_ok(s, text_index_find(s, db, &part, &common, &rows));
            if (common != cases[n].common || rows.count != cases[n].found)
                fail_msg("engine %d: %s: %zu", kind, part.part, rows.count);
            assert_ok(s, text_index_find(s, db, &part, NULL, &rows));
            assert_true(rows.count >= cases[n].found && (!cases[n].common || rows.count > 300));
        }
    }
}

/* Single questions. */

SQL(set_one, "UPDATE certificate SET ext_key_usages = ' 1.3.6.1.5.5.7.3.1 1.3.6.1.5.5.7.3.2 ', "
             "key_usage = 160, dn = $2, requester_name = $3, state = 1, not_after = $4, "
             "not_before = $5, key_hash = $6, sha256 = $6, serial = $7 WHERE id = $1");

static enum err
change_one(struct scope *s, struct tx *tx, void *arg)
{
    static const uint8_t hash[32] = { 0xab, 0xcd }, serial[] = { 0x9a, 0x0b };
    int64_t dn;

    (void)arg;
    TRY(name_id(s, tx, "CN=one,OU=R\\+D+UID=x,OU=IT,O=Contoso", &dn));
    return tx_do(s, tx, &set_one,
                 BIND(v_int(1), v_int(dn), v_text("CONTOSO\\Ana"),
                      v_when(when_add_ms(KNOWN_NOW, 1)), v_when(WHEN_S(1760000000)),
                      v_bytes((struct bytes){ hash, 32 }), v_bytes((struct bytes){ serial, 2 })));
}

static const struct {
    const char *query;
    bool finds;
} meanings[] = {
    { "ExtKeyUsage -eq 1.3.6.1.5.5.7.3.1", true },
    { "ExtKeyUsage -eq 1.3.6.1.5.5.7.3", false },
    { "ExtKeyUsage -startswith 1.3.6.1.5.5.7.3", true },
    { "ExtKeyUsage -eq \"server authentication\"", true },
    { "ExtKeyUsage -contains client", true },
    { "ExtKeyUsage -contains signing", false },
    { "ExtKeyUsage -ne codeSigning", true },
    { "ExtKeyUsage -eq NULL", false },
    { "KeyUsage -eq 160", true },
    { "KeyUsage -contains signature", true },
    { "KeyUsage -contains crl", false },
    { "KeyUsage -notcontains crl", true },
    { "KeyUsage -contains \"\"", true },
    { "OU -eq it", true },
    { "IssuedOU -eq \"R+D\"", true },
    { "OU -eq R", false },
    { "OU -startswith r", true },
    { "OU -ne NULL", true },
    { "OU -eq contoso", false },
    { "Requester -eq %ME%", true },
    { "Requester -contains %me-an%", true },
    { "Requester -endswith \"\\ana\"", true },
    { "Requester -eq %ME-AN%", true }, /* ana without a domain is somebody else */
    { "Requester -eq ana", false },
    { "Revoker -contains %ME-AN%", false },
    { "SerialNumber -eq 9A0B", true },
    { "SerialNumber -eq \"9a:0b\"", true },
    { "SerialNumber -eq \"00 00 9a 0b\"", true },
    { "SerialNumber -startswith 0009a", true },
    { "SerialNumber -contains A0", true },
    { "SerialNumber -endswith 0B", true },
    { "SerialNumber -eq web", false },
    { "SerialNumber -ne web", true },
    { "Thumbprint -eq abcd", false },
    { "Thumbprint -eq abcd000000000000000000000000000000000000000000000000000000000000", true },
    { "ThumbprintSha256 -eq abcd000000000000000000000000000000000000000000000000000000000000",
      true },
    { "ThumbprintSha256 -startswith AB:CD", true },
    { "ThumbprintSha256 -startswith abcd0", true },
    { "ThumbprintSha256 -startswith abcd1", false },
    { "ThumbprintSha256 -startswith abcc", false },
    { "ThumbprintSha256 -startswith abcdf", false },
    { "ThumbprintSha256 -startswith ffff", false },
    { "ThumbprintSha256 -startswith "
      "abcd00000000000000000000000000000000000000000000000000000000000000",
      false },
    { "NOT ThumbprintSha256 -startswith ffff", true },
    { "ThumbprintSha256 -contains bcd", true },
    { "PublicKey -startswith ABCD00", true },
    { "PublicKey -eq NULL", false },
    { "NotBefore -eq 2025-10-09", true }, /* 08:53:20 */
    { "NotBefore -eq 10/9/2025", true },
    { "NotBefore -eq 10/09/2025", true },
    { "NotBefore -ne 2025-10-09", false },
    { "NotBefore -le 2025-10-09", false },
    { "NotBefore -gt \"2025-10-09\"", true },
    { "NotBefore -eq 2025-10-09T08:53:20Z", true },
    { "NotBefore -eq \"2025-10-09T10:53:20+02:00\"", true },
    { "NotBefore -eq \"2025-10-09 08:53:21\"", false },
    { "NotBefore -eq %TODAY-46%", true },
    { "NotBefore -ge %today-46% and NotBefore -lt %TODAY-45%", true },
    { "NotBefore -eq %TODAY%", false },
    { "Status -eq Active", true },
    { "(Status -eq \"Active\")", true },
    { "CertState -eq 1", true },
    { "CertStateString -ne \"revoked\"", true },
    { "SelfSigned -eq true OR SelfSigned -eq \"false\"", true },
    { "CertStorePath -contains x", false },
    { "CertStorePath -ne x", true },
    { "SSLDNSName -eq NULL", true },
    { "EnrollmentPatternId -eq 5", false },
};

TEST(what_a_query_means_for_one_certificate)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list all;

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(db_close) struct db *db = known_db(s, (enum db_kind)kind);

        if (!db)
            continue;
        known_rows(s, db, 3, KNOWN_NOW, &all);
        assert_ok(s, db_write(s, db, change_one, NULL));
        for (size_t i = 0; i < COUNT(meanings); i++) {
            struct cert_found found;
            const struct cert_search q = { .query = arena_printf(s->arena, "(%s)AND Id -eq 1",
                                                                 meanings[i].query),
                                           .page_size = 5,
                                           .me = "contoso\\ana",
                                           .now = KNOWN_NOW };

            assert_ok(s, catalog_search(s, db, &q, &found));
            if ((found.rows.count == 1) != meanings[i].finds)
                fail_msg("%s: engine %d finds %zu", meanings[i].query, kind, found.rows.count);
        }
    }
}

TEST(a_query_that_cannot_be_is_refused_and_says_where)
{
    static const struct {
        const char *query, *says;
        enum code code;
    } cases[] = {
        { "Nam -eq 1", "position 1: unknown field \"Nam\"", CHY_QUERY_FIELD },
        { "Id -eq 1 AND Thumprint -eq 5", "position 14: unknown field \"Thumprint\"; did you mean",
          CHY_QUERY_FIELD },
        { "Metadata.Owner -eq x", "position 1: unknown field", CHY_QUERY_FIELD },
        { "Id -eq x", "position 8: \"Id\" needs a whole number", CHY_BAD_QUERY },
        { "Id -eq 99999999999999999999", "position 8", CHY_BAD_QUERY },
        { "Id -contains 5", "position 4: -contains does not go with", CHY_BAD_QUERY },
        { "SelfSigned -lt true", "position 12", CHY_BAD_QUERY },
        { "SelfSigned -eq 2", "position 16", CHY_BAD_QUERY },
        { "NotAfter -eq 2025-13-01", "position 14: \"NotAfter\" needs a date", CHY_BAD_QUERY },
        { "NotAfter -eq 13/1/2025", "position 14", CHY_BAD_QUERY },
        { "NotAfter -eq %TODAY+%", "position 14", CHY_BAD_QUERY },
        { "NotAfter -eq %TODAY+1234567%", "position 14", CHY_BAD_QUERY },
        { "NotAfter -startswith 2025", "position 10", CHY_BAD_QUERY },
        { "Status -eq Actve", "position 12: \"Status\" is a number or one of Unknown, Active",
          CHY_BAD_QUERY },
        { "CN -lt NULL", "position 8: NULL", CHY_BAD_QUERY },
        { "CN -eq %ME%", "position 8: nobody", CHY_BAD_QUERY },
        { "OU -contains x", "position 4", CHY_BAD_QUERY },
        { "ExtKeyUsage -lt 1", "position 13", CHY_BAD_QUERY },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = known_db(s, DB_SQLITE);
    struct cert_found found;
    const char *plan;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_err(E_INVALID, catalog_search(s, db,
                                             &(const struct cert_search){ .query = cases[i].query,
                                                                          .now = KNOWN_NOW },
                                             &found));
        assert_says(s, cases[i].says);
        assert_int_equal(s->error.code, cases[i].code);
    }
    assert_err(E_INVALID,
               catalog_search(s, db, &(const struct cert_search){ .sort = "thumprint" }, &found));
    assert_says(s, "did you mean \"Thumbprint\"?");
    assert_err(E_INVALID,
               catalog_search(s, db, &(const struct cert_search){ .sort = "OU" }, &found));
    assert_ok(s, search_check(s, NULL, "cn -eq x AND NOT Requester -eq %ME%", &plan));
    assert_string_equal(plan, "([cn] -eq \"x\" AND NOT [Requester] -eq \"%ME%\")");
    assert_err(E_INVALID, search_check(s, NULL, "cn -eq x AND y -eq 1", NULL));
}

TEST(the_longest_query_runs_on_both_engines)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct buf b;

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(db_close) struct db *db = known_db(s, (enum db_kind)kind);
        struct cert_found found;

        for (int round = 0; db && round < 2; round++) {
            buf_init_in(&b, s->arena, 1 << 20);
            for (int i = 0; i < QUERY_MAX_TERMS; i++)
                buf_printf(&b, "%s%s",
                           i == 0           ? ""
                           : i % 3 && round ? " AND "
                                            : " OR ",
                           i % 2 ? "ExtKeyUsage -ne e" : "CA -startswith w");
            assert_ok(s, catalog_search(s, db,
                                        &(const struct cert_search){ .query = buf_str(&b),
                                                                     .want_total = true,
                                                                     .now = KNOWN_NOW },
                                        &found));
        }
    }
}

TEST(pages_neither_repeat_nor_skip_and_end)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = known_db(s, DB_SQLITE);
    struct cert_search q = { .include_revoked = true, .include_expired = true, .page_size = 7 };
    static const int64_t far[] = { 10, INT32_MAX, (int64_t)INT32_MAX + 1, INT64_MAX };
    struct cert_found found;
    struct list all;
    int64_t seen = 0, last = 0;

    known_rows(s, db, 60, KNOWN_NOW, &all);
    for (q.page = 0; q.page < 20; q.page++) { /* page 0 is page 1 */
        q.want_total = q.page % 2;
        assert_ok(s, catalog_search(s, db, &q, &found));
        assert_int_equal(found.total, q.want_total ? 60 : 0);
        if (q.page == 0)
            continue;
        LIST_EACH(struct cert_row, row, &found.rows)
        {
            assert_true(row->id > last);
            last = row->id;
            seen++;
        }
    }
    assert_int_equal(seen, 60);
    q.want_total = true;
    for (size_t i = 0; i < COUNT(far); i++) {
        q.page = far[i];
        q.skip = i == 3 ? INT64_MAX : 0;
        assert_ok(s, catalog_search(s, db, &q, &found));
        assert_int_equal(found.rows.count, 0);
        assert_int_equal(found.total, 60);
    }
    for (int down = 0; down < 2; down++) { /* by key, whatever page and sort say */
        q = (struct cert_search){ .include_revoked = true,
                                  .include_expired = true,
                                  .page = 3,
                                  .page_size = 7,
                                  .sort = "IssuedCN",
                                  .descending = down,
                                  .after = down ? 61 : -1 };
        seen = 0;
        do {
            assert_ok(s, catalog_search(s, db, &q, &found));
            LIST_EACH(struct cert_row, row, &found.rows)
            {
                assert_true(down ? row->id < q.after : row->id > q.after);
                q.after = row->id;
                seen++;
            }
        } while (found.rows.count);
        assert_int_equal(seen, 60);
    }
}

TEST(revoked_and_expired_ones_are_left_out_unless_asked_for)
{
    static const struct {
        const char *query;
        bool revoked, expired; /* may be among what is found */
    } cases[] = {
        { "", false, false },
        { "Id -gt 0", false, false },
        { "NotBefore -gt 2000-01-01", false, false },
        { "(Status -eq \"Active\") OR Id -gt 0", true, false },
        { "CertState -ge 0", true, false },
        { "NOT CertStateString -eq 99", true, false },
        { "RevocationReason -eq NULL OR Id -gt 0", true, false },
        { "ExpirationDate -gt 2000-01-01", false, true },
        { "NotAfter -gt 2000-01-01", false, true },
        { "RevocationDate -eq NULL OR Id -gt 0", true, true },
        { "NotAfter -gt 2000-01-01 AND Status -ge 0", true, true },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = known_db(s, DB_SQLITE);
    struct list all;

    known_rows(s, db, 100, KNOWN_NOW, &all);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cert_found found;
        bool revoked = false, expired = false;

        assert_ok(s, catalog_search(s, db,
                                    &(const struct cert_search){ .query = cases[i].query,
                                                                 .page_size = 100,
                                                                 .want_total = true,
                                                                 .now = KNOWN_NOW },
                                    &found));
        LIST_EACH(struct cert_row, row, &found.rows)
        {
            revoked |= row->state == CERT_REVOKED;
            expired |= when_cmp(row->not_after, KNOWN_NOW) < 0;
        }
        assert_int_equal(revoked, cases[i].revoked);
        assert_int_equal(expired, cases[i].expired);
        assert_int_equal(found.total, found.rows.count);
    }
}
