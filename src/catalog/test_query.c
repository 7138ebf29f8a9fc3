#include "base/test.h"

#include "catalog/query.h"
#include "catalog/query_parse.h"

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
