#include "base/test.h"
#include "codec/value.h"

TEST(named_forms_accept_and_refuse)
{
    static const struct {
        const char *form, *good[8], *bad[12];
    } cases[] = {
        { "dns",
          { "a", "a.b", "*.example.com", "xn--bcher-kva.example", "A1-b.c" },
          { "", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "*", "a.*.b", "b\xc3\xbc" } },
        { "host", { "a.b", "10.0.0.1", "::1" }, { "*.a", "[::1]", "a:1", "" } },
        { "ip", { "10.0.0.1", "2001:db8::1" }, { "10.0.0", "a", "", "10.0.0.256", "::g" } },
        { "network",
          { "10.0.0.0/8", "10.0.0.1", "::/0", "2001:db8::/128" },
          { "10.0.0.0/33", "::/129", "10.0.0.0/", "a/8", "10.0.0.0/-1", "10.0.0.0/8/8" } },
        { "address",
          { "127.0.0.1:8443", "[::1]:0", "localhost:65535" },
          { "127.0.0.1", ":80", "::1:80", "[::1]", "[a]:1", "a:65536", "a:-1", "a:", "[]:1" } },
        { "url",
          { "https://a.b", "HTTP://a.b:80/x?y=z#w", "https://[::1]:8443/", "http://10.0.0.1/%20" },
          { "a.b", "https://", "ftp://a.b", "https://a b", "https://a.b:x/", "https://u@a.b",
            "https://a.b/<", "https://a.b:99999", "https:///x" } },
        { "oid",
          { "1.2.3", "2.999", "1.3.6.1.4.1.311.21.8.99999999999999999999", "0.39" },
          { "1", "", "3.1", "1.40", "1..2", "1.2.", ".1", "01.2", "1.02", "1.a" } },
        { "guid",
          { "6f0d2c5e-2a4b-4a7e-9b51-2f8f5c1f9a10", "6F0D2C5E-2A4B-4A7E-9B51-2F8F5C1F9A10" },
          { "", "6f0d2c5e", "6f0d2c5e2a4b4a7e9b512f8f5c1f9a10",
            "6f0d2c5e-2a4b-4a7e-9b51-2f8f5c1f9a1", "6f0d2c5e-2a4b-4a7e-9b51-2f8f5c1f9a100",
            "6f0d2c5g-2a4b-4a7e-9b51-2f8f5c1f9a10", "{6f0d2c5e-2a4b-4a7e-9b51-2f8f5c1f9a1}" } },
        { "name", { "a", "a.b-c_d9" }, { "", "9a", "a b", "a/b", "\xc3\xa4" } },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t k = 0; k < 8 && cases[i].good[k]; k++)
            if (!value_pattern(cases[i].form, cases[i].good[k]))
                fail_msg("%s refuses %s", cases[i].form, cases[i].good[k]);
        for (size_t k = 0; k < 12 && cases[i].bad[k]; k++)
            if (value_pattern(cases[i].form, cases[i].bad[k]))
                fail_msg("%s accepts \"%s\"", cases[i].form, cases[i].bad[k]);
    }
}

TEST(a_label_has_63_letters_and_a_name_253)
{
    char name[260];

    memset(name, 'a', sizeof(name));
    name[63] = '\0';
    assert_true(value_pattern("dns", name));
    name[63] = 'a';
    name[64] = '\0';
    assert_false(value_pattern("dns", name));
    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 2 ? '.' : 'a';
    name[253] = '\0';
    assert_true(value_pattern("dns", name));
    name[253] = '.';
    name[254] = 'a';
    name[255] = '\0';
    assert_false(value_pattern("dns", name));
}

TEST(sizes_have_units)
{
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
        const char *back;
    } cases[] = {
        { "0", 0, "0" },
        { "64", 64, "64" },
        { "64KiB", 65536, "64KiB" },
        { "8 MiB", 8388608, "8MiB" },
        { "2gib", INT64_C(2) << 30, "2GiB" },
        { "10MB", 10000000, "10000000" },
        { "1024", 1024, "1KiB" },
        { "", -1, NULL },
        { "-1", -1, NULL },
        { "1.5MiB", -1, NULL },
        { "8 ", -1, NULL },
        { "MiB", -1, NULL },
        { "9000000TiB", -1, NULL },
        { "8XiB", -1, NULL },
        { "9999999999999999999", -1, NULL },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t bytes = -1;

        assert_int_equal(size_parse(cases[i].text, &bytes), cases[i].bytes >= 0);
        assert_int_equal(bytes, cases[i].bytes);
        if (cases[i].back)
            assert_string_equal(size_text(a, bytes), cases[i].back);
    }
}

struct pick {
    int64_t level;
    const char *color;
    struct when since;
    struct list tags; /* of const char * */
};
static const struct choice levels[] = { { 1, "low", NULL },
                                        { 2, "high", NULL },
                                        { 0, NULL, NULL } };
static const char *const color_aliases[] = { "colour", "tint", NULL };
static const struct field pick_fields[] = {
    FIELD(pick, level, "level", .choices = levels, .preset = "high"),
    FIELD(pick, color, "color", .aliases = color_aliases, .preset = "red"),
    FIELD(pick, since, "since"),
    FIELD(pick, tags, "tags", .model = &text_model, .preset = "one"),
};
static const struct model pick_model = MODEL(pick, pick_fields);

TEST(presets_fill_a_new_struct_and_names_are_found)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct pick pick = { 0 };

    model_init(a, &pick_model, &pick);
    assert_int_equal(pick.level, 2);
    assert_string_equal(pick.color, "red");
    assert_false(when_given(pick.since));
    assert_string_equal(*list_at(&pick.tags, const char *, 0), "one");
    assert_ptr_equal(model_field(&pick_model, "tint", false), &pick_fields[1]);
    assert_ptr_equal(model_field(&pick_model, "TINT", true), &pick_fields[1]);
    assert_null(model_field(&pick_model, "TINT", false));
    assert_null(model_field(&pick_model, "", true));
    assert_string_equal(choice_by_number(levels, 1)->name, "low");
    assert_int_equal(choice_by_name(levels, "HIGH")->number, 2);
    assert_null(choice_by_name(levels, "x"));
    assert_null(choice_by_name(NULL, "x"));
}
