#include "base/test.h"

#include "catalog/audit_search.h"
#include "catalog/query.h"
#include "catalog/query_parse.h"
#include "catalog/search.h"

TEST(a_query_is_understood_by_precedence_and_spelling)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        { "", "" },
        { " \t\r\n", "" },
        { "a -eq 1", "[a] -eq \"1\"" },
        { "A -EQ 'x'", "[A] -eq \"x\"" },
        { "a -eq \"x\" OR b -ne 'y' and c -lt 3",
          "([a] -eq \"x\" OR ([b] -ne \"y\" AND [c] -lt \"3\"))" },
        { "(a -eq x or b -eq y)AND (c -ge z)",
          "(([a] -eq \"x\" OR [b] -eq \"y\") AND [c] -ge \"z\")" },
        { "(ClientMachine -eq \"a\" OR ClientMachine -eq \"b\")AND (CertStoreType -eq \"IISU\")",
          "(([ClientMachine] -eq \"a\" OR [ClientMachine] -eq \"b\") AND [CertStoreType] -eq "
          "\"IISU\")" },
        { "(A -eq \"x\")AND B -eq \"y\"", "([A] -eq \"x\" AND [B] -eq \"y\")" },
        { "a-eq 1", NULL },
        { "a -eq 1 AND b -eq 2 AND c -eq 3",
          "([a] -eq \"1\" AND [b] -eq \"2\" AND [c] -eq \"3\")" },
        { "NOT a -eq 1", "NOT [a] -eq \"1\"" },
        { "NOT(a -eq 1)OR NOT NOT b -eq 2", "(NOT [a] -eq \"1\" OR NOT NOT [b] -eq \"2\")" },
        { "not a -eq 1 and b -eq 2", "(NOT [a] -eq \"1\" AND [b] -eq \"2\")" },
        { "a -eq NULL", "[a] -eq NULL" },
        { "a -ne null", "[a] -ne NULL" },
        { "a -eq \"NULL\"", "[a] -eq \"NULL\"" },
        { "a -eq \"say \\\"hi\\\"\"", "[a] -eq \"say \"\"hi\"\"\"" },
        { "a -eq \"say \"\"hi\"\"\"", "[a] -eq \"say \"\"hi\"\"\"" },
        { "a -eq 'it''s'", "[a] -eq \"it's\"" },
        { "a -eq 'it\\'s'", "[a] -eq \"it's\"" },
        { "a -eq \"DOMAIN\\user\"", "[a] -eq \"DOMAIN\\user\"" },
        { "a -eq \"C:\\\\\"", "[a] -eq \"C:\\\\\"" },
        { "a -eq \"x\\\\\\\"y\"", "[a] -eq \"x\\\\\"\"y\"" },
        { "a -eq \"(x) AND (y)\"", "[a] -eq \"(x) AND (y)\"" },
        { "(a -eq x)", "[a] -eq \"x\"" },
        { "(a -eq f(x)", "[a] -eq \"f(x\"" },
        { "Metadata.Owner -contains team", "[Metadata.Owner] -contains \"team\"" },
        { "[Cost centre] -startswith 12", "[Cost centre] -startswith \"12\"" },
        { "a]b -eq x", "a]b -eq \"x\"" },
        { "[ NOT ] -endswith x", "[NOT] -endswith \"x\"" },
        { "a -notcontains \"\"", "[a] -notcontains \"\"" },
        { "a -eq\"x\"AND b-eq 1", NULL },
        { "a -eq\"x\"AND b -eq 1", "([a] -eq \"x\" AND [b] -eq \"1\")" },
        { "\xc3\xbc -eq \xc3\xa9", "[\xc3\xbc] -eq \"\xc3\xa9\"" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct query q, again;

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (!cases[i].shown) {
            assert_err(E_INVALID, query_parse(s, cases[i].text, &q));
            continue;
        }
        assert_ok(s, query_parse(s, cases[i].text, &q));
        assert_string_equal(query_show(s, &q), cases[i].shown);
        assert_ok(s, query_parse(s, cases[i].shown, &again)); /* what is shown says the same */
        assert_string_equal(query_show(s, &again), cases[i].shown);
    }
    assert_ok(s, query_parse(s, NULL, &q));
    assert_null(q.root);
}

TEST(a_mistake_is_named_with_its_position_in_characters)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "a", "position 2: an operator" },
        { "a ", "position 3: an operator" },
        { "a -eq", "position 6: a value" },
        { "a -eq )", "position 7: a value" },
        { "a -is 1", "position 3: an operator" },
        { "a -eq5", "position 3: an operator" },
        { "-eq 5", "position 1: a field" },
        { "\"a\" -eq 5", "position 1: a field" },
        { "()", "position 2: a field" },
        { "(a -eq 1", "position 1: this parenthesis" },
        { "a -eq 1)", "position 8: this \")\"" },
        { "a -eq 1 b -eq 2", "position 9: AND, OR or the end" },
        { "(a -eq 1 b -eq 2)", "position 10: AND, OR or \")\"" },
        { "a -eq 1 AND", "position 12: a field" },
        { "a -eq 1 OR OR b -eq 1", "position 15: an operator" },
        { "AND a -eq 1", "position 5: an operator" },
        { "NOT", "position 4: a field" },
        { "a -eq \"x", "position 7: this quote" },
        { "a -eq \"x\\\"", "position 7: this quote" },
        { "a -eq \"x\"y", "position 10: AND" },
        { "[a -eq 1", "position 1: this bracket" },
        { "\xc3\xbc\xc3\xbc -eq \"\xc3\xbc\" x", "position 12: AND" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct query q;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_err(E_INVALID, query_parse(s, cases[i].text, &q));
        assert_says(s, cases[i].says);
        assert_int_equal(s->error.code, CHY_BAD_QUERY);
    }
}

/** COUNT times OPEN, a comparison, and COUNT times CLOSE. */
static const char *
nested(struct scope *s, const char *open, const char *close, size_t count)
{
    struct buf b;

    buf_init_in(&b, s->arena, 4 << 20);
    for (size_t i = 0; i < count; i++)
        buf_text(&b, open);
    buf_text(&b, "a -eq 1");
    for (size_t i = 0; i < count; i++)
        buf_text(&b, close);
    return buf_str(&b);
}

TEST(a_query_is_bounded_in_depth_length_and_comparisons)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct query q;

    assert_ok(s, query_parse(s, nested(s, "(", ")", QUERY_MAX_DEPTH), &q));
    assert_err(E_INVALID, query_parse(s, nested(s, "(", ")", QUERY_MAX_DEPTH + 1), &q));
    assert_says(s, "position 65: parentheses and NOTs may stand at most 64 deep");
    assert_err(E_INVALID, query_parse(s, nested(s, "(", ")", 10000), &q));
    assert_says(s, "position 65: parentheses");
    assert_err(E_INVALID, query_parse(s, nested(s, "(", "", 10000), &q));
    assert_err(E_INVALID, query_parse(s, nested(s, "", ")", 10000), &q));
    assert_says(s, "position 8: this \")\"");
    assert_ok(s, query_parse(s, nested(s, "NOT ", "", QUERY_MAX_DEPTH), &q));
    assert_err(E_INVALID, query_parse(s, nested(s, "NOT ", "", 10000), &q));
    assert_says(s, "position 257: parentheses and NOTs");
    assert_ok(s, query_parse(s, nested(s, "(a -eq 1)or ", "", QUERY_MAX_TERMS - 1), &q));
    assert_err(E_INVALID, query_parse(s, nested(s, "a -eq 1 or ", "", QUERY_MAX_TERMS), &q));
    assert_says(s, "position 11001: a query has at most 1000 comparisons");
    assert_ok(s, query_parse(s, nested(s, " ", "", QUERY_MAX_BYTES - 7), &q));
    assert_err(E_INVALID, query_parse(s, nested(s, " ", "", QUERY_MAX_BYTES - 6), &q));
    assert_says(s, "65537 bytes long, 65536 are allowed");
    assert_err(E_INVALID, query_parse(s, nested(s, "(", "", 1 << 20), &q));
    assert_int_equal(s->error.code, CHY_BAD_QUERY);
}

/* Lists in memory. */

static const struct choice colours[] = { { 1, "Red", NULL },
                                         { 2, "Blue", NULL },
                                         { 0, NULL, NULL } };
static const char *const aliases[] = { "ShortName", NULL };

struct thing {
    int64_t id, colour;
    const char *name;
    struct opt_bool sold;
    struct opt_int room;
    double weight;
    struct when made;
    struct list tags, sizes; /* of const char *, int64_t */
    struct pairs meta;
    struct bytes data;
};
static const struct field thing_fields[] = {
    FIELD(thing, id, "Id"),
    FIELD(thing, colour, "Colour", .choices = colours),
    FIELD(thing, name, "Name", .aliases = aliases),
    FIELD(thing, sold, "Sold"),
    FIELD(thing, room, "Room"),
    FIELD(thing, weight, "Weight"),
    FIELD(thing, made, "Made"),
    FIELD(thing, tags, "Tags", .model = &text_model),
    FIELD(thing, sizes, "Sizes", .model = &int_model),
    FIELD(thing, meta, "Metadata"),
    FIELD(thing, data, "Data"),
};
static const struct model thing_model = MODEL(thing, thing_fields);

static struct list
things(struct scope *s)
{
    static const char *const words[] = { "new", "Old", "broken" };
    struct list l = { 0 };
    struct thing *t;

    t = list_push(s->arena, &l, struct thing);
    *t =
        (struct thing){ .id = 1, .colour = 1, .name = "Web", .weight = 1.5, .made = WHEN_S(86400) };
    list_add(s->arena, &t->tags, const char *, words[0]);
    list_add(s->arena, &t->tags, const char *, words[1]);
    list_add(s->arena, &t->sizes, int64_t, 40);
    list_add(s->arena, &t->meta.of, struct pair, ((struct pair){ "Owner", "Team A" }));
    t = list_push(s->arena, &l, struct thing);
    *t = (struct thing){ .id = 2,
                         .colour = 2,
                         .name = "",
                         .sold = { true, true },
                         .weight = -2,
                         .room = { true, 7 },
                         .made = WHEN_NONE };
    list_add(s->arena, &t->tags, const char *, words[2]);
    t = list_push(s->arena, &l, struct thing);
    *t = (struct thing){ .id = 3,
                         .name = "mail",
                         .sold = { true, false },
                         .room = { true, 0 },
                         .made = WHEN_S(86400 * 2) };
    return l;
}

static const char *
ids(struct scope *s, const struct list *l)
{
    const char *text = "";

    LIST_EACH(struct thing, t, l)
    text = arena_printf(s->arena, "%s%lld", text, (long long)t->id);
    return text;
}

TEST(a_list_in_memory_is_searched_by_the_same_language)
{
    static const struct {
        const char *query, *finds;
    } cases[] = {
        { NULL, "123" },
        { " ", "123" },
        { "id -eq 2", "2" },
        { "ID -ge \"2\"", "23" },
        { "shortname -eq WEB", "1" },
        { "Name -eq NULL", "2" },
        { "Name -ne \"web\"", "23" },
        { "NOT Name -eq web", "23" },
        { "Name -lt n", "3" },
        { "Name -contains \"\"", "13" },
        { "Colour -eq blue", "2" },
        { "Colour -ne 1", "23" },
        { "Sold -eq true", "2" },
        { "Sold -eq NULL", "1" },
        { "Sold -ne true", "13" },
        { "Room -lt 5", "3" },
        { "Room -eq NULL", "1" },
        { "Weight -gt -2.5 AND Weight -lt 1", "23" },
        { "Weight -eq 1.50", "1" },
        { "Made -eq 1970-01-02", "1" },
        { "Made -ne NULL", "13" },
        { "Tags -contains OL", "1" },
        { "Tags -eq new", "1" },
        { "Tags -notcontains e", "3" },
        { "Tags -eq NULL", "3" },
        { "Sizes -gt 30", "1" },
        { "Metadata.owner -eq \"team a\"", "1" },
        { "[Metadata.Cost] -eq NULL", "123" },
        { "(Id -eq 1 OR Id -eq 2)AND NOT(Id -eq 1)", "2" },
        { "Made -lt %TODAY%", "13" },
    };
    static const struct {
        const char *query, *says;
    } wrong[] = {
        { "Nam -eq 1", "position 1: unknown field \"Nam\"; did you mean \"Name\"?" },
        { "Data -eq 1", "position 1: unknown field" },
        { "Metadata -eq 1", "position 1: unknown field" },
        { "Weight -eq 1,5", "position 12: \"Weight\" needs a number" },
        { "Weight -eq .", "position 12" },
        { "Name -eq %ME%", "position 10: nobody" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list l;

    for (size_t i = 0; i < COUNT(cases); i++) {
        l = things(s);
        assert_ok(s, query_filter(s, cases[i].query, &thing_model, WHEN_S(1764000000), &l));
        if (strcmp(ids(s, &l), cases[i].finds) != 0)
            fail_msg("%s finds %s", cases[i].query, ids(s, &l));
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        l = things(s);
        assert_err(E_INVALID, query_filter(s, wrong[i].query, &thing_model, WHEN_S(0), &l));
        assert_says(s, wrong[i].says);
        assert_int_equal(l.count, 3);
    }
    l = (struct list){ 0 };
    assert_ok(s, query_filter(s, "Id -eq 1", &thing_model, WHEN_S(0), &l));
}

TEST(a_list_in_memory_is_sorted_by_any_field_and_stays_stable)
{
    static const struct {
        const char *field;
        bool descending;
        const char *order;
    } cases[] = {
        { NULL, false, "123" },       { "id", true, "321" },    { "Name", false, "231" },
        { "SHORTNAME", true, "132" }, { "Sold", false, "132" }, { "Room", false, "132" },
        { "Weight", false, "231" },   { "Made", true, "312" },  { "Colour", false, "312" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list l;

    for (size_t i = 0; i < COUNT(cases); i++) {
        l = things(s);
        assert_ok(s, query_sort(s, cases[i].field, cases[i].descending, &thing_model, &l));
        if (strcmp(ids(s, &l), cases[i].order) != 0)
            fail_msg("by %s: %s", cases[i].field, ids(s, &l));
    }
    l = things(s);
    list_at(&l, struct thing, 0)->weight = list_at(&l, struct thing, 1)->weight = 0;
    assert_ok(s, query_sort(s, "Weight", false, &thing_model, &l));
    assert_string_equal(ids(s, &l), "123");
    assert_err(E_INVALID, query_sort(s, "Tags", false, &thing_model, &l));
    assert_err(E_INVALID, query_sort(s, "Nam", false, &thing_model, &l));
    assert_says(s, "unknown field \"Nam\"; did you mean");
}

TEST(the_page_about_queries_names_every_field)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    char *page = arena_alloc(s->arena, 1 << 16);
    FILE *file = fopen(test_source("docs/query.md"), "r");
    size_t count;
    const struct search_field *fields = search_fields(&count);

    assert_non_null(file);
    assert_true(fread(page, 1, (1 << 16) - 1, file) > 0);
    (void)fclose(file);
    for (size_t i = 0; i < count; i++)
        if (!strstr(page, arena_printf(s->arena, "`%s`", fields[i].name)))
            fail_msg("docs/query.md does not name %s", fields[i].name);
}

TEST(numbers_of_audit_events_are_unique_and_read_back)
{
    static const int64_t at[][3] = { { 1, 1, 1 },
                                     { 1, 2, 17 },
                                     { 16, 1, 16 },
                                     { 3, 134217728, 2147483635 },
                                     { 17, 1, INT64_C(1099511627777) } };
    int64_t lane, seq;

    for (size_t i = 0; i < COUNT(at); i++) {
        assert_int_equal(audit_number(at[i][0], at[i][1]), at[i][2]);
        assert_true(audit_number_read(at[i][2], &lane, &seq));
        assert_int_equal(lane, at[i][0]);
        assert_int_equal(seq, at[i][1]);
    }
    assert_true(audit_number_read(audit_number(10000, 5), &lane, &seq));
    assert_int_equal(lane, 10000);
    assert_int_equal(seq, 5);
    assert_false(audit_number_read(0, &lane, &seq));
    assert_false(audit_number_read(-7, &lane, &seq));
}

TEST(every_audit_action_has_a_category_and_an_operation_of_the_command_api)
{
    size_t count;
    const struct audit_action_info *all = audit_action_all(&count);

    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(audit_category_number(all[i].category), 0);
        assert_in_range((uintmax_t)audit_operation_number(all[i].name), 1, 25);
    }
    assert_int_equal(audit_operation_number("certificate.key.recover"), 12);
    assert_int_equal(audit_operation_number("nothing.known"), 10);
    assert_int_equal(audit_category_number("certificate"), 2001);
    assert_int_equal(audit_category_number("unheard of"), 9000);
    assert_int_equal(audit_level_number("failure"), 2);
}
