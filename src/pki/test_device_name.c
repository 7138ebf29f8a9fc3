/* Names of devices: their text, their DER, and there and back. */
#include "base/test.h"

#include "pki/device_name.h"
#include "pki/dnsname.h"

TEST(the_text_of_a_device_name_is_judged)
{
    static const struct {
        const char *type, *text;
        bool good;
    } cases[] = {
        { DEVICE_PERMANENT, "ABCDEF123456", true },
        { DEVICE_PERMANENT, "ABCDEF123456/1.2.3.4", true },
        { DEVICE_PERMANENT, "*.example.com", true },
        { DEVICE_PERMANENT, "a b", true },
        { DEVICE_PERMANENT, "gerät", true },
        { DEVICE_PERMANENT, "", false },
        { DEVICE_PERMANENT, "/1.2.3.4", false },
        { DEVICE_PERMANENT, "A/", false },
        { DEVICE_PERMANENT, "A/1.2/3", false },
        { DEVICE_PERMANENT, "A/3.2", false },
        { DEVICE_PERMANENT, "A/1.40", false },
        { DEVICE_PERMANENT, "A/1.02", false },
        { DEVICE_PERMANENT, "A/1", false },
        { DEVICE_PERMANENT, "A\n", false },
        { DEVICE_MODULE, "ABCD/1.2.3.4", true },
        { DEVICE_MODULE, "ABCD", false },
        { DEVICE_MODULE, "/1.2.3.4", false },
        { "dns", "ABCD", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(arena_free) struct arena *a = arena_new();

        if (!device_name_fault(a, cases[i].type, cases[i].text) != cases[i].good)
            fail_msg("%s %s", cases[i].type, cases[i].text);
    }
}

TEST(a_device_name_is_written_as_the_standards_have_it_and_read_again)
{
    static const struct {
        const char *type, *text, *der;
    } cases[] = {
        { DEVICE_PERMANENT, "ABC", "30050c03414243" },
        { DEVICE_PERMANENT, "ABC/1.2.3.4", "300a0c0341424306032a0304" },
        { DEVICE_MODULE, "ABC/1.2.3.4", "300a06032a03040403414243" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct general_name n = device_name_make(s->arena, cases[i].type, cases[i].text), again;
        struct span p;
        struct buf b;

        assert_string_equal(hex_lower(s->arena, n.octets), cases[i].der);
        buf_init_in(&b, s->arena, 1000);
        general_name_write(&b, &n);
        p = span_of(buf_bytes(&b));
        assert_int_equal(general_name_next(s, &p, &again), OK);
        assert_string_equal(device_name_type(&again), cases[i].type);
        assert_string_equal(device_name_text(&again), cases[i].text);
        assert_string_equal(again.text, n.text);
        assert_null(general_name_check(s->arena, &again, 0));
    }
}

TEST(what_only_looks_like_a_device_name_stays_an_other_name)
{
    static const char *const values[] = {
        "3000",                 /* no identifier: it is in the subject's serialNumber */
        "300506032a0304",       /* an assigner alone */
        "30050c03412f43",       /* a slash */
        "30050c03410043",       /* a NUL */
        "300513034142430000",   /* more */
        "30051303414243",       /* PrintableString */
        "30080c03414243020101", /* an INTEGER behind it */
        "0c03414243",
    };

    for (size_t i = 0; i < COUNT(values); i++) {
        AUTO(arena_free) struct arena *a = arena_new();
        struct general_name n = { .kind = GN_OTHER, .text = "1.3.6.1.5.5.7.8.3:" };

        n.oid = oid_of_text(OID_PERMANENT_ID)->der;
        assert_true(hex_decode(a, values[i], &n.octets));
        if (device_name_read(a, &n) || device_name_is(&n) || !general_name_check(a, &n, 0))
            fail_msg("%s: %s", values[i], n.text);
    }
}
