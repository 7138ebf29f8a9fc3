#include "base/test.h"

TEST(text_compares_with_and_without_case)
{
    assert_true(text_eq(NULL, NULL));
    assert_false(text_eq("a", NULL));
    assert_true(text_eq_fold("aBc", "AbC"));
    assert_false(text_eq_fold("ab", "abc"));
    assert_true(text_starts_fold("Bearer x", "bearer "));
    assert_false(text_starts_fold("Bear", "bearer "));
    assert_true(text_ends_fold("a.PEM", ".pem"));
    assert_false(text_ends("m", "pem"));
}

TEST(utf8_is_strict)
{
    static const struct {
        const char *text;
        size_t len;
        bool good;
    } cases[] = {
        { "", 0, true },
        { "abc", 3, true },
        { "\xc3\xa9", 2, true },
        { "\xf0\x9f\x98\x80", 4, true },
        { "a\0b", 3, false },
        { "\xc0\xaf", 2, false },
        { "\xe0\x80\x80", 3, false },
        { "\xed\xa0\x80", 3, false },
        { "\xf4\x90\x80\x80", 4, false },
        { "\xc3", 1, false },
        { "\x80", 1, false },
        { "\xff", 1, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(text_is_utf8(cases[i].text, cases[i].len), cases[i].good);
    assert_true(text_has_control("a\x01"));
    assert_true(text_has_control("a\xe2\x80\xae"));
    assert_false(text_has_control("\xc3\xa9t\xc3\xa9"));
    assert_int_equal(text_code_points("\xc3\xa9t\xc3\xa9"), 3);
}

TEST(what_nobody_sees_in_a_text_is_found)
{
    static const char *const unseen[] = { "ad\xc2\xadmin",
                                          "admin\xe2\x80\x8b",
                                          "\xef\xbb\xbf"
                                          "admin",
                                          "a\xe2\x81\xa0",
                                          "a\xf3\xa0\x81\x81",
                                          "\xe3\x85\xa4" };
    static const char *const ends[] = { " a",
                                        "a ",
                                        "\ta",
                                        "a\xc2\xa0",
                                        "\xe3\x80\x80"
                                        "a",
                                        "a b\xe2\x80\x83",
                                        " " };
    static const char *const neither[] = { "",
                                           "a",
                                           "a b",
                                           "caf\xc3\xa9",
                                           "a\xc2\xa0"
                                           "b",
                                           "\xf0\x9f\x98\x80" };

    for (size_t i = 0; i < COUNT(unseen); i++)
        assert_true(text_has_unseen(unseen[i]));
    for (size_t i = 0; i < COUNT(ends); i++)
        assert_true(text_has_blank_end(ends[i]) && !text_has_unseen(ends[i]));
    for (size_t i = 0; i < COUNT(neither); i++)
        assert_false(text_has_unseen(neither[i]) || text_has_blank_end(neither[i]));
    assert_false(text_has_unseen(NULL));
    assert_int_equal(text_blank("\xc2\xa0"), 2);
    assert_int_equal(text_blank(""), 0);
}

TEST(whole_numbers_parse_exactly)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-5", true, -5 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "+5", false, 0 },
        { " 5", false, 0 },
        { "5x", false, 0 },
        { NULL, false, 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 77;

        assert_int_equal(text_to_int(cases[i].text, &value), cases[i].good);
        assert_true(value == (cases[i].good ? cases[i].value : 77));
    }
}

TEST(base64_decodes_only_its_own_form)
{
    static const struct {
        const char *text;
        bool loose, good;
        const char *value;
    } cases[] = {
        { "", false, true, "" },
        { "Zg==", false, true, "f" },
        { "Zm8=", false, true, "fo" },
        { "Zm9v", false, true, "foo" },
        { "Zm9v\nZg==\n", true, true, "foof" },
        { "Zm9v\n", false, false, NULL },
        { "Zg=", false, false, NULL },
        { "Zg", false, false, NULL },
        { "Zh==", false, false, NULL },
        { "Z===", false, false, NULL },
        { "Zg==Zg==", false, false, NULL },
        { "Zm-_", false, false, NULL },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes out = { 0 };

        assert_int_equal(
            base64_decode(a, cases[i].text, strlen(cases[i].text), cases[i].loose, &out),
            cases[i].good);
        if (cases[i].good)
            assert_true(bytes_eq(out, bytes_of_text(cases[i].value)));
    }
}

TEST(encodings_come_back_as_they_went)
{
    AUTO(arena_free) struct arena *a = arena_new();
    uint8_t data[300];
    struct bytes in = { data, 0 }, out;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 37);
    for (in.len = 0; in.len < sizeof(data); in.len++) {
        const char *text = base64_encode(a, in);

        assert_true(base64_decode(a, text, strlen(text), false, &out) && bytes_eq(in, out));
        text = base64_encode_lines(a, in, 64);
        assert_true(base64_decode(a, text, strlen(text), true, &out) && bytes_eq(in, out));
        text = base64url_encode(a, in);
        assert_true(base64url_decode(a, text, strlen(text), &out) && bytes_eq(in, out));
        assert_true(hex_decode(a, hex_lower(a, in), &out) && bytes_eq(in, out));
        assert_true(hex_decode(a, hex_upper(a, in), &out) && bytes_eq(in, out));
    }
    assert_false(hex_decode(a, "0", &out));
    assert_false(hex_decode(a, "0g", &out));
    assert_false(base64url_decode(a, "Zg==", 4, &out));
}

TEST(percent_decodes_once_and_refuses_nul)
{
    static const struct {
        const char *text, *plain, *form;
    } cases[] = {
        { "a%20b+c", "a b+c", "a b c" }, { "%3F%3f", "??", "??" }, { "%2541", "%41", "%41" },
        { "%00", NULL, NULL },           { "%4", NULL, NULL },     { "%", NULL, NULL },
        { "%g0", NULL, NULL },           { "", "", "" },           { "x%41", "xA", "xA" },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *out = NULL;
        bool good = percent_decode(a, cases[i].text, strlen(cases[i].text), false, &out);

        assert_int_equal(good, cases[i].plain != NULL);
        if (good)
            assert_string_equal(out, cases[i].plain);
        if (percent_decode(a, cases[i].text, strlen(cases[i].text), true, &out))
            assert_string_equal(out, cases[i].form);
    }
    assert_string_equal(percent_encode(a, "a b/\xc3\xa9~"), "a%20b%2F%C3%A9~");
}

TEST(bytes_compare_in_memcmp_order)
{
    assert_true(bytes_cmp(BYTES("a"), BYTES("ab")) < 0);
    assert_true(bytes_cmp(BYTES("b"), BYTES("ab")) > 0);
    assert_true(bytes_cmp(BYTES(""), BYTES("")) == 0);
    assert_true(bytes_eq_secret(BYTES("abc"), BYTES("abc")));
    assert_false(bytes_eq_secret(BYTES("abc"), BYTES("abd")));
    assert_false(bytes_eq_secret(BYTES("abc"), BYTES("ab")));
}

TEST(a_span_never_passes_the_end)
{
    struct span p = span_of(BYTES("abc"));
    struct bytes two;
    uint8_t byte;

    assert_true(span_take(&p, 2, &two));
    assert_false(span_take(&p, 2, &two));
    assert_true(span_byte(&p, &byte));
    assert_false(span_byte(&p, &byte));
    assert_int_equal(byte, 'c');
}

TEST(pieces_are_joined)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct bytes one = BYTES("one"), none = { NULL, 0 };

    assert_true(bytes_eq(bytes_join(a, one, BYTES("\0two")), BYTES("one\0two")));
    assert_true(bytes_eq(bytes_join(a, none, one), one));
    assert_ptr_equal(bytes_join(a, one, none).data, one.data);
    assert_int_equal(bytes_join(a, none, none).len, 0);
}

TEST(foreign_data_is_shown_as_printable_ascii)
{
    AUTO(arena_free) struct arena *a = arena_new();

    assert_string_equal(text_shown(a, BYTES("a\n\0~\x7f\xc3\xa4 b"), 100), "a??~??? b");
    assert_string_equal(text_shown(a, BYTES("abc"), 2), "ab");
    assert_string_equal(text_shown(a, (struct bytes){ 0 }, 2), "");
}
