#include "base/test.h"

#include "pki/der.h"

#define B(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static const struct {
    struct bytes der;
    bool good;
} elements[] = {
    { B(""), false },
    { B("\x30"), false },
    { B("\x30\x00"), true },
    { B("\x30\x00\x00"), false },             /* something after it */
    { B("\x30\x80\x00\x00"), false },         /* indefinite length */
    { B("\x30\x81\x00"), false },             /* long form of a short length */
    { B("\x30\x81\x02\x05\x00"), false },     /* the same */
    { B("\x30\x82\x00\x02\x05\x00"), false }, /* leading zero */
    { B("\x30\x85\x00\x00\x00\x00\x02\x05\x00"), false },
    { B("\x30\x03\x05\x00"), false }, /* past the end */
    { B("\x1f\x01\x00"), false },     /* tag above 30 */
    { B("\x00\x00"), false },         /* end of contents */
    { B("\x01\x01\x00"), true },
    { B("\x01\x01\xff"), true },
    { B("\x01\x01\x01"), false },
    { B("\x01\x02\xff\xff"), false },
    { B("\x02\x01\x00"), true },
    { B("\x02\x00"), false },
    { B("\x02\x02\x00\x7f"), false }, /* not minimal */
    { B("\x02\x02\x00\x80"), true },
    { B("\x02\x02\xff\x80"), false },
    { B("\x02\x02\xff\x7f"), true },
    { B("\x03\x01\x00"), true },
    { B("\x03\x01\x01"), false }, /* unused bits of nothing */
    { B("\x03\x02\x08\x00"), false },
    { B("\x03\x02\x01\x01"), false }, /* padding that is not zero */
    { B("\x03\x02\x01\x02"), true },
    { B("\x03\x00"), false },
    { B("\x05\x00"), true },
    { B("\x05\x01\x00"), false },
    { B("\x06\x01\x2a"), true },
    { B("\x06\x00"), false },
    { B("\x06\x02\x80\x01"), false }, /* arc with leading zeros */
    { B("\x06\x01\x80"), false },     /* arc without end */
    { B("\x0c\x02\xc3\xa9"), true },
    { B("\x0c\x01\xe9"), false }, /* not UTF-8 */
    { B("\x0c\x01\x00"), false }, /* NUL */
    { B("\x13\x01\x41"), true },
    { B("\x13\x01\x2a"), false }, /* '*' is not printable */
    { B("\x13\x01\x40"), false },
    { B("\x16\x01\x80"), false },
    { B("\x1e\x02\x00\x41"), true },
    { B("\x1e\x01\x41"), false },
    { B("\x1e\x02\xd8\x00"), false }, /* a surrogate */
    { B("\x24\x02\x04\x00"), false }, /* constructed string */
    { B("\x10\x00"), false },         /* primitive SEQUENCE */
    { B("\x31\x06\x02\x01\x01\x02\x01\x02"), true },
    { B("\x31\x06\x02\x01\x02\x02\x01\x01"), false }, /* unsorted */
    { B("\x17\x0d"
        "250228235959Z"),
      true },
    { B("\x17\x0d"
        "250229000000Z"),
      false },
    { B("\x17\x0d"
        "240229000000Z"),
      true },
    { B("\x17\x0d"
        "251301000000Z"),
      false },
    { B("\x17\x0d"
        "250101240000Z"),
      false },
    { B("\x17\x0d"
        "250101000060Z"),
      false },
    { B("\x17\x0b"
        "2501010000Z"),
      false }, /* no seconds */
    { B("\x17\x11"
        "250101000000+0000"),
      false },
    { B("\x18\x0f"
        "20500101000000Z"),
      true },
    { B("\x18\x11"
        "20500101000000.5Z"),
      false },
};

TEST(der_check_takes_the_canonical_form_only)
{
    for (size_t i = 0; i < COUNT(elements); i++)
        if (der_check(elements[i].der) != elements[i].good)
            fail_msg("case %zu", i);
}

TEST(der_nesting_is_bounded)
{
    uint8_t deep[2 * 60];

    for (size_t depth = 1; depth <= 60; depth++) {
        for (size_t i = 0; i < depth; i++) {
            deep[2 * i] = 0x30;
            deep[2 * i + 1] = (uint8_t)(2 * (depth - i - 1));
        }
        assert_int_equal(der_check((struct bytes){ deep, 2 * depth }), depth < DER_DEPTH);
    }
}

TEST(der_integers_come_back_as_they_were_written)
{
    static const int64_t values[] = { 0,      1,      -1,        127,       128,
                                      -128,   -129,   255,       256,       65535,
                                      -32768, -32769, INT32_MAX, INT64_MAX, INT64_MIN };

    for (size_t i = 0; i < COUNT(values); i++) {
        AUTO(buf_done) struct buf b;
        struct span p;
        int64_t got = 0;

        buf_init(&b, 100);
        der_put_int(&b, values[i]);
        p = span_of(buf_bytes(&b));
        assert_true(der_int(&p, &got) && der_end(&p));
        assert_int_equal(got, values[i]);
    }
}

TEST(der_lengths_are_minimal_at_every_border)
{
    static const size_t sizes[] = { 0, 1, 126, 127, 128, 129, 255, 256, 257, 65535, 65536, 70000 };
    AUTO(arena_free) struct arena *a = arena_new();
    uint8_t *data = arena_alloc(a, 70000);

    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct buf b;
        struct bytes value;
        struct span p, in;
        size_t mark;

        buf_init_in(&b, a, 1 << 20);
        mark = der_begin(&b, DER_SEQUENCE);
        der_put_octets(&b, (struct bytes){ data, sizes[i] });
        der_close(&b, mark);
        assert_true(der_only(buf_bytes(&b), DER_SEQUENCE, &in));
        assert_true(der_octets(&in, &value) && der_end(&in));
        assert_int_equal(value.len, sizes[i]);
        p = span_of((struct bytes){ b.data, b.len - 1 });
        assert_false(der_enter(&p, DER_SEQUENCE, &in)); /* one octet short */
    }
}

TEST(der_times_change_form_between_2049_and_2050)
{
    static const struct {
        const char *rfc3339, *der;
    } cases[] = { { "1950-01-01T00:00:00Z", "\x17\x0d"
                                            "500101000000Z" },
                  { "1999-12-31T23:59:59Z", "\x17\x0d"
                                            "991231235959Z" },
                  { "2000-02-29T12:00:00Z", "\x17\x0d"
                                            "000229120000Z" },
                  { "2049-12-31T23:59:59Z", "\x17\x0d"
                                            "491231235959Z" },
                  { "2050-01-01T00:00:00Z", "\x18\x0f"
                                            "20500101000000Z" },
                  { "9999-12-31T23:59:59Z", "\x18\x0f"
                                            "99991231235959Z" } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(buf_done) struct buf b;
        struct when w, got;
        struct span p;

        buf_init(&b, 100);
        assert_true(when_parse(cases[i].rfc3339, &w));
        der_put_time(&b, w);
        assert_string_equal(buf_str(&b), cases[i].der);
        p = span_of(buf_bytes(&b));
        assert_true(der_time(&p, &got));
        assert_int_equal(got.ms, w.ms);
    }
}

TEST(der_time_refuses_generalized_time_before_2050)
{
    struct span p = span_of(BYTES("\x18\x0f"
                                  "20491231235959Z"));
    struct when w;

    assert_false(der_time(&p, &w));
    assert_true(der_general_time(&p, &w));
}

TEST(der_named_bits_are_minimal)
{
    static const struct {
        uint32_t bits;
        const char *der;
        size_t len;
    } cases[] = { { 0, "\x03\x01\x00", 3 },
                  { 0x1, "\x03\x02\x07\x80", 4 },
                  { 0x5, "\x03\x02\x05\xa0", 4 },
                  { 0x60, "\x03\x02\x01\x06", 4 },
                  { 0x100, "\x03\x03\x07\x00\x80", 5 } };
    struct span p = span_of(BYTES("\x03\x02\x00\xa0")); /* trailing zero bits */
    uint32_t got;

    assert_false(der_named_bits(&p, &got));
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(buf_done) struct buf b;

        buf_init(&b, 100);
        der_put_named_bits(&b, cases[i].bits);
        assert_int_equal(b.len, cases[i].len);
        assert_memory_equal(b.data, cases[i].der, b.len);
        p = span_of(buf_bytes(&b));
        assert_true(der_named_bits(&p, &got));
        assert_int_equal(got, cases[i].bits);
    }
}

TEST(der_a_builder_past_its_limit_fails_once_and_for_all)
{
    AUTO(buf_done) struct buf b;
    size_t mark;

    buf_init(&b, 130);
    mark = der_begin(&b, DER_SEQUENCE);
    for (int i = 0; i < 40; i++)
        der_put_null(&b);                                                        /* 80 */
    der_put_octets(&b, BYTES("0123456789012345678901234567890123456789012345")); /* 130 */
    der_close(&b, mark); /* no room for the longer length */
    assert_true(b.failed);
    der_sort_set(&b, mark);
    assert_null(buf_bytes(&b).data);
}

TEST(der_sets_are_sorted_on_demand)
{
    AUTO(buf_done) struct buf b;
    size_t mark;

    buf_init(&b, 100);
    mark = der_begin(&b, DER_SET);
    der_put_int(&b, 300);
    der_put_int(&b, 2);
    der_put_int(&b, 1);
    der_sort_set(&b, mark);
    der_close(&b, mark);
    assert_true(der_check(buf_bytes(&b)));
}

TEST(der_text_becomes_utf8)
{
    AUTO(arena_free) struct arena *a = arena_new();
    static const struct {
        uint8_t tag;
        struct bytes in;
        const char *want; /* NULL: refused */
    } cases[] = { { DER_TELETEX, B("caf\xe9"), "caf\xc3\xa9" },
                  { DER_BMP, B("\x00\x41\x20\xac"), "A\xe2\x82\xac" },
                  { DER_UNIVERSAL, B("\x00\x01\xf6\x00"), "\xf0\x9f\x98\x80" },
                  { DER_PRINTABLE, B("Contoso (1) '+,-./:=?"), "Contoso (1) '+,-./:=?" },
                  { DER_PRINTABLE, B("a_b"), NULL },
                  { DER_UTF8, B("a\0b"), NULL },
                  { DER_IA5, B("a\0b"), NULL },
                  { DER_BMP, B("\x00\x00"), NULL },
                  { DER_NUMERIC, B("12 3"), "12 3" },
                  { DER_NUMERIC, B("12a"), NULL },
                  { DER_OCTETS, B("abc"), NULL } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = der_text(a, cases[i].tag, cases[i].in);

        if (!text_eq(got, cases[i].want))
            fail_msg("case %zu: %s", i, got ? got : "refused");
    }
}
