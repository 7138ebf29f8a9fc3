#include "base/test.h"
#include "codec/form.h"

struct inner {
    int64_t depth;
};
static const struct field inner_fields[] = { FIELD(inner, depth, "Depth") };
static const struct model inner_model = MODEL(inner, inner_fields);

struct page {
    int64_t page, limit;
    bool ascending;
    const char *query;
    struct when since;
    struct list ids, names; /* of int64_t; of const char * */
    struct pairs meta;
    struct inner *inner;
    struct raw any;
};
static const struct field page_fields[] = {
    FIELD(page, page, "PageReturned", .preset = "1"),
    FIELD(page, limit, "ReturnLimit", .min = 1, .max = 1000, .preset = "50"),
    FIELD(page, ascending, "SortAscending"),
    FIELD(page, query, "QueryString", .max = 20),
    FIELD(page, since, "Since"),
    FIELD(page, ids, "Ids", .model = &int_model, .max = 3),
    FIELD(page, names, "Names", .model = &text_model),
    FIELD(page, meta, "Metadata", .max = 2),
    FIELD(page, inner, "Inner", .model = &inner_model),
    FIELD(page, any, "Any"),
};
static const struct model page_model = MODEL(page, page_fields);
static const char *const prefixes[] = { "pq.", "pagedQuery.", NULL };

/* Decode "a=b&c=d" (no escapes here) and say what came out, or the problems. */
static const char *
decoded(struct scope *s, enum json_mode mode, const char *text)
{
    struct list pairs = { 0 };
    struct page page = { 0 };
    struct buf b;

    scope_clear(s);
    while (*text) {
        size_t len = strcspn(text, "&"), name = strcspn(text, "=");

        list_add(s->arena, &pairs, struct pair,
                 ((struct pair){ arena_text_n(s->arena, text, name),
                                 arena_text_n(s->arena, text + name + 1, len - name - 1) }));
        text += len + (text[len] == '&');
    }
    if (form_decode(s, &page_model, mode, &pairs, prefixes, &page) != OK)
        return s->error.text;
    buf_init_in(&b, s->arena, 1 << 16);
    json_encode(&b, &page_model, &page);
    return buf_str(&b);
}

TEST(forms_are_decoded_by_their_model)
{
    static const struct {
        enum json_mode mode;
        const char *text, *has;
    } cases[] = {
        { JSON_COMMAND, "", "{\"PageReturned\":1,\"ReturnLimit\":50,\"SortAscending\":false" },
        { JSON_COMMAND, "pq.pagereturned=3&PAGEDQUERY.ReturnLimit=7&x=y",
          "\"PageReturned\":3,\"ReturnLimit\":7," },
        { JSON_COMMAND, "PageReturned=3&pagereturned=4", "\"PageReturned\":4," },
        { JSON_COMMAND, "pq.PageReturned=", "\"PageReturned\":1," },
        { JSON_COMMAND, "pq.SortAscending=1", "\"SortAscending\":true" },
        { JSON_COMMAND, "queryString=", "\"QueryString\":\"\"" },
        { JSON_COMMAND, "since=2025-10-22", "\"Since\":\"2025-10-22T00:00:00Z\"" },
        { JSON_COMMAND, "ids=1&ids=2,3", "\"Ids\":[1,2,3]" },
        { JSON_COMMAND, "ids[]=1&ids[1]=2", "\"Ids\":[1,2]" },
        { JSON_COMMAND, "ids=", "\"Ids\":[]" },
        { JSON_COMMAND, "names=a,b&names=c", "\"Names\":[\"a,b\",\"c\"]" },
        { JSON_COMMAND, "metadata.Owner=x&metadata.b.c=y",
          "\"Metadata\":{\"Owner\":\"x\",\"b.c\":\"y\"}" },
        { JSON_COMMAND, "inner.depth=4", "\"Inner\":{\"Depth\":4}" },
        { JSON_COMMAND, "any=\"x", "\"Any\":\"\\\"x\"" },
        { JSON_STRICT, "PageReturned=3", "\"PageReturned\":3" },
        { JSON_STRICT, "pagereturned=3&Other=1",
          "pagereturned: is not known; Other: is not known" },
        { JSON_STRICT, "PageReturned=3.0", "PageReturned: must be a whole number" },
        { JSON_COMMAND, "pq.ReturnLimit=0&pq.PageReturned=x",
          "pq.ReturnLimit: must be between 1 and 1000; pq.PageReturned: must be a whole number" },
        { JSON_COMMAND, "ids=1,2,3,4", "ids: has 4 entries, more than 3" },
        { JSON_COMMAND, "ids=1,x", "ids: must be a whole number" },
        { JSON_COMMAND, "metadata=x", "metadata: cannot be given as one text" },
        { JSON_COMMAND, "metadata.a=1&metadata.b=1&metadata.c=1", "metadata.c: has 3 entries" },
        { JSON_COMMAND, "querystring=\xff", "querystring: is not UTF-8" },
        { JSON_COMMAND, "QueryString=123456789012345678901", "QueryString: has 21 characters" },
        { JSON_STRICT, "Inner.Other=4", "Inner.Other: is not known" },
        { JSON_STRICT, "Inner.=4", "Inner.: is not known" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = decoded(s, cases[i].mode, cases[i].text);

        if (!strstr(got, cases[i].has))
            fail_msg("%s gives %s", cases[i].text, got);
    }
}

struct token {
    const char *grant;
};
static const struct field token_fields[] = { FIELD(token, grant, "grant_type", .flags = REQUIRED) };
static const struct model token_model = MODEL(token, token_fields);

TEST(what_a_form_must_have_is_missed)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list pairs = { 0 };
    struct token token = { 0 };

    assert_err(E_INVALID, form_decode(s, &token_model, JSON_COMMAND, &pairs, NULL, &token));
    assert_string_equal(s->error.text, "grant_type: is missing");
    scope_clear(s);
    list_add(s->arena, &pairs, struct pair, ((struct pair){ "grant_type", "" }));
    assert_err(E_INVALID, form_decode(s, &token_model, JSON_COMMAND, &pairs, NULL, &token));
    scope_clear(s);
    list_add(s->arena, &pairs, struct pair, ((struct pair){ "Grant_Type", "x" }));
    assert_ok(s, form_decode(s, &token_model, JSON_COMMAND, &pairs, NULL, &token));
    assert_string_equal(token.grant, "x");
}
