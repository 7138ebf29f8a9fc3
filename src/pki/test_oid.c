#include "base/test.h"

#include "pki/der.h"
#include "pki/oid.h"

TEST(oids_travel_between_text_and_der)
{
    AUTO(arena_free) struct arena *a = arena_new();
    static const char *const good[] = { "0.0",
                                        "1.39",
                                        "2.0",
                                        "2.5.4.3",
                                        "2.999.1",
                                        "1.2.840.113549",
                                        "1.3.6.1.4.1.311.21.8.1234567.9223372036",
                                        "2.40",
                                        "2.100000.3",
                                        "2.16.840.1.101.3.4.2.1" };
    static const char *const bad[] = { "",
                                       "1",
                                       "1.",
                                       ".1",
                                       "3.1",
                                       "1.40",
                                       "0.40",
                                       "1.2..3",
                                       "1.2.03",
                                       "1.2.a",
                                       "1.2.3 ",
                                       "-1.2",
                                       "1.2.99999999999999999999999",
                                       "1.2." };

    for (size_t i = 0; i < COUNT(good); i++) {
        struct bytes der;

        assert_true(oid_parse(a, good[i], &der));
        assert_true(der_oid_valid(der));
        assert_string_equal(oid_text(a, der), good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct bytes der;

        if (oid_parse(a, bad[i], &der))
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

TEST(oids_with_huge_arcs_are_shown)
{
    AUTO(arena_free) struct arena *a = arena_new();
    /* 2.25.329800735698586629295641978511506172918: a UUID */
    static const uint8_t der[] = { 0x69, 0x83, 0xf8, 0x9d, 0x9e, 0xdf, 0x94, 0x99, 0xfd, 0xea,
                                   0xa3, 0xd6, 0xa2, 0xba, 0xcd, 0xce, 0xd3, 0xf5, 0xc9, 0x76 };
    const char *text = oid_text(a, (struct bytes){ der, sizeof(der) });

    assert_true(text_starts(text, "2.25."));
    assert_true(strlen(text) > 30);
}

TEST(oids_are_found_by_name_in_any_case)
{
    AUTO(arena_free) struct arena *a = arena_new();

    assert_string_equal(oid_of_name("cn")->text, OID_CN);
    assert_string_equal(oid_of_name("SERVERAUTH")->text, OID_EKU_SERVER);
    assert_string_equal(oid_resolve(a, "clientAuth"), OID_EKU_CLIENT);
    assert_string_equal(oid_resolve(a, "1.2.3.4"), "1.2.3.4");
    assert_null(oid_resolve(a, "no such thing"));
    assert_string_equal(oid_of_text(OID_SAN)->title, "Subject Alternative Name");
    assert_true(oid_is(oid_of_text(OID_SAN)->der, OID_SAN));
    assert_false(oid_is(oid_of_text(OID_SAN)->der, OID_EKU));
}
