/* CBOR: the shortest form of everything, and nothing else. */
#include "base/test.h"

#include "codec/cbor.h"

#include <string.h>

static enum err
read(struct scope *s, const char *hex, const struct cbor_value **out)
{
    struct bytes doc;

    if (!hex_decode(s->arena, hex, &doc))
        fail_msg("%s is no hexadecimal", hex);
    return cbor_document(s, doc, out);
}

TEST(numbers_are_read_in_their_shortest_form)
{
    static const struct {
        const char *hex;
        int64_t number;
    } cases[] = {
        { "00", 0 },
        { "17", 23 },
        { "1818", 24 },
        { "18ff", 255 },
        { "190100", 256 },
        { "19ffff", 65535 },
        { "1a00010000", 65536 },
        { "1b0000000100000000", INT64_C(4294967296) },
        { "1b7fffffffffffffff", INT64_MAX },
        { "20", -1 },
        { "26", -7 },
        { "390100", -257 },
        { "3b7fffffffffffffff", INT64_MIN },
        { "f4", 0 },
        { "f5", 1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        const struct cbor_value *v = NULL;

        if (read(s, cases[i].hex, &v) != OK || v->number != cases[i].number)
            fail_msg("%s: %s %lld", cases[i].hex, s->error.text ? s->error.text : "",
                     v ? (long long)v->number : 0);
    }
}

TEST(what_a_signed_document_must_not_have_is_refused)
{
    static const struct {
        const char *hex, *why;
    } cases[] = {
        { "", "ends too early" },
        { "18", "ends too early" },
        { "42ff", "ends too early" },
        { "8201", "ends too early" },
        { "a16161", "ends too early" },
        { "9b0000000100000000", "ends too early" },
        { "bb7fffffffffffffff", "ends too early" },
        { "5b7fffffffffffffff", "ends too early" },
        { "1800", "shorter form" },
        { "1817", "shorter form" },
        { "190001", "shorter form" },
        { "1a0000ffff", "shorter form" },
        { "1b00000000ffffffff", "shorter form" },
        { "580161", "shorter form" },
        { "980101", "shorter form" },
        { "b8016161f6", "shorter form" },
        { "1b8000000000000000", "too large" },
        { "9fff", "unknown length" },
        { "bfff", "unknown length" },
        { "5f4101ff", "unknown length" },
        { "7f6161ff", "unknown length" },
        { "ff", "never began" },
        { "c001", "a tag" },
        { "f93c00", "floating" },
        { "fa3f800000", "floating" },
        { "fb3ff0000000000000", "floating" },
        { "f7", "undefined" },
        { "f0", "no item" },
        { "1c", "no item" },
        { "61ff", "not UTF-8" },
        { "6100", "not UTF-8" },
        { "a10101", "no text" },
        { "a1416101", "no text" },
        { "a2616101616102", "twice" },
        { "0000", "follows the end" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        const struct cbor_value *v = NULL;

        if (read(s, cases[i].hex, &v) != E_INVALID || v || !strstr(s->error.text, cases[i].why))
            fail_msg("%s: %s", cases[i].hex, s->error.text ? s->error.text : "taken");
    }
}

static enum err
read_many(struct scope *s, const char *begin, uint8_t of, size_t count)
{
    const struct cbor_value *v;
    struct bytes head;
    struct buf b;

    buf_init_in(&b, s->arena, 2 * CBOR_MAX_LEN);
    assert_true(hex_decode(s->arena, begin, &head));
    buf_add(&b, head.data, head.len);
    for (size_t i = 0; i < count; i++)
        buf_byte(&b, of);
    return cbor_document(s, buf_bytes(&b), &v);
}

TEST(depth_items_and_length_have_limits)
{
    static const struct {
        const char *begin;
        uint8_t of;
        size_t count;
        enum err e;
    } cases[] = {
        { "8181818181818181", 0x00, 1, OK }, { "818181818181818181", 0x00, 1, E_LIMIT },
        { "", 0x81, CBOR_MAX_LEN, E_LIMIT }, { "9903e7", 0x00, 999, OK },
        { "9903e8", 0x00, 1000, E_LIMIT },   { "59ffff", 0x00, 65535, E_LIMIT },
        { "59fffd", 0x00, 65533, OK },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        enum err e = read_many(s, cases[i].begin, cases[i].of, cases[i].count);

        if (e != cases[i].e)
            fail_msg("%zu: %s", i, s->error.text ? s->error.text : "taken");
    }
}

TEST(members_are_found_by_key_and_kind)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct cbor_value *v, *list;

    /* {"fmt": "step", "sig": h'0102', "x5c": [h'03', h'']} */
    assert_int_equal(read(s, "a363666d746473746570637369674201026378356382410340", &v), OK);
    assert_string_equal(cbor_of_kind(v, "fmt", CBOR_TEXT)->text, "step");
    assert_int_equal(cbor_of_kind(v, "sig", CBOR_BYTES)->bytes.len, 2);
    assert_null(cbor_of_kind(v, "sig", CBOR_TEXT));
    assert_null(cbor_member(v, "alg"));
    assert_null(cbor_member(NULL, "alg"));
    list = cbor_of_kind(v, "x5c", CBOR_ARRAY);
    assert_int_equal(list->items.count, 2);
    assert_null(cbor_member(list, "fmt"));
}
