#include "base/test.h"
#include "pki/alike.h"

#include "pki/der.h"
#include "pki/name.h"

TEST(name_text_survives_the_way_through_der)
{
    static const struct {
        const char *text, *want; /* NULL: the same */
    } cases[] = {
        { "", NULL },
        { "CN=web,OU=IT,O=Contoso,L=X,ST=Y,C=US", NULL },
        { "cn=web , o=Contoso", "CN=web,O=Contoso" },
        { "CN = web; O=\"Contoso, Inc.\"", "CN=web,O=Contoso\\, Inc." },
        { "E=a@b.test,CN=x", "emailAddress=a@b.test,CN=x" },
        { "CN=x,S=Bavaria,C=DE", "CN=x,ST=Bavaria,C=DE" },
        { "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h", NULL },
        { "CN=\\#hash", NULL },
        { "CN=caf\\C3\\A9", "CN=caf\xc3\xa9" },
        { "CN=a=b", NULL },
        { "OU=B+CN=x,O=y", "CN=x+OU=B,O=y" }, /* the order of DER */
        { "DC=www,DC=example,DC=test", NULL },
        { "1.2.3.4=odd,CN=x", NULL },
        { "OID.2.5.4.3=x", "CN=x" },
        { "serialNumber=123,CN=x", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        const char *want = cases[i].want ? cases[i].want : cases[i].text;
        struct bytes der;
        struct name n;

        assert_ok(s, name_from_text(s, cases[i].text, &der));
        assert_true(der_check(der));
        assert_ok(s, name_read(s, der, &n));
        assert_string_equal(n.text, want);
    }
}

TEST(name_text_that_is_malformed_is_refused_with_its_position)
{
    static const struct {
        const char *text, *says;
    } cases[] = { { "web", "position 1" },       { "CN", "no '='" },
                  { "CN=a,", "nothing after" },  { "CN=a,,O=b", "unknown attribute" },
                  { "nosuch=a", "position 1" },  { "CN=a\\", "bad escape" },
                  { "CN=a\\zb", "bad escape" },  { "CN=\"a", "no closing quote" },
                  { "CN=a<b", "backslash" },     { "CN=\"a\"b", "unexpected" },
                  { "CN=#0c0161", "hexadecim" }, { "CN=\\00", "NUL" },
                  { "CN=\\ff", "UTF-8" } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct list attrs;

        assert_err(E_INVALID, name_parse(s, cases[i].text, &attrs));
        assert_says(s, cases[i].says);
    }
}

TEST(name_values_are_held_to_their_rules)
{
    static const struct {
        const char *type, *value, *says; /* NULL: good */
    } cases[] = {
        { "C", "US", NULL },
        { "C", "us", "two capital" },
        { "C", "USA", "two capital" },
        { "C", "1A", "two capital" },
        { "CN", "", "empty" },
        { "CN", "   ", "empty" },
        { "CN", " x", "blank" },
        { "CN", "x ", "blank" },
        { "CN", "a\nb", "control" },
        { "CN",
          "a\xe2\x80\xae"
          "b",
          "control" }, /* right-to-left override */
        { "CN",
          "a\xe2\x80\x8b"
          "b",
          "nobody sees" }, /* zero-width space */
        { "O",
          "a\xc2\xad"
          "b",
          "nobody sees" }, /* soft hyphen */
        { "CN", "cafe\xcc\x81", "normalization" },
        { "CN", "caf\xc3\xa9", NULL },
        { "CN", "0123456789012345678901234567890123456789012345678901234567890123", NULL },
        { "CN", "01234567890123456789012345678901234567890123456789012345678901234",
          "longer than 64" },
        { "serialNumber", "1*2", "PrintableString" },
        { "DC",
          "b\xc3\xbc"
          "cher",
          "ASCII" },
        { "emailAddress", "a@b.test", NULL },
        { "1.2.3", "x", NULL },
        { "O", "n/a", "placeholder" },
        { "ST", "Some-State", "placeholder" },
        { "CN", "-", "placeholder" },
        { "CN", "None", NULL }, /* may be somebody's name */
        { "no.such", "x", "unknown" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct list attrs = { 0 };
        struct bytes der;

        list_add(s->arena, &attrs, struct name_attr,
                 ((struct name_attr){ .type = cases[i].type, .value = cases[i].value }));
        if (!cases[i].says) {
            assert_ok(s, name_build(s, &attrs, &der));
            continue;
        }
        assert_err(E_INVALID, name_build(s, &attrs, &der));
        assert_says(s, cases[i].says);
        assert_int_equal(s->error.code, CHY_BAD_NAME);
    }
}

TEST(name_every_problem_is_named)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes der;

    assert_err(E_INVALID, name_from_text(s, "C=germany,CN=\\ x,O=\\ ", &der));
    assert_int_equal(s->problems.count, 3);
    assert_string_equal(list_at(&s->problems, struct problem, 0)->path, "Subject.O");
    assert_string_equal(list_at(&s->problems, struct problem, 2)->path, "Subject.C");
}

TEST(name_string_types_are_read_and_compared)
{
    /* CN as PrintableString, UTF8String, TeletexString and BMPString */
    static const struct {
        const char *der;
        size_t len;
        const char *text; /* NULL: refused */
    } cases[] = {
        { "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02\x41\x42", 15, "CN=AB" },
        { "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03\x61\x20\x62", 16, "CN=a b" },
        { "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x14\x02\x41\xe9", 15, "CN=A\xc3\xa9" },
        { "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x1e\x04\x00\x41\x20\xac", 17,
          "CN=A\xe2\x82\xac" },
        { "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x03\x03\x06\x41\x40", 16,
          "CN=#0303064140" },
        { "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02\x41\x2a", 15, NULL },
        { "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x41\x00", 15,
          NULL }, /* NUL, 2009 */
        { "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x41\x0a", 15, NULL },
        { "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x04\x02\x41\x42", 15, NULL },
        { "\x30\x02\x31\x00", 4, NULL },
        { "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02\x41", 14, NULL },
        { "\x30\x1a\x31\x18\x30\x0a\x06\x03\x55\x04\x0b\x0c\x03\x61\x20\x62\x30\x0a\x06\x03\x55\x04"
          "\x03"
          "\x0c\x03\x61\x20\x62",
          28, NULL }, /* unsorted SET */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct bytes der = { (const uint8_t *)cases[i].der, cases[i].len };
        struct name n;
        enum err e = name_read(s, der, &n);

        if ((e == OK) != (cases[i].text != NULL) || (e == OK && !text_eq(n.text, cases[i].text)))
            fail_msg("case %zu: %s", i, e == OK ? n.text : s->error.text);
    }
}

TEST(name_same_ignores_case_blanks_and_string_type)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes utf8, other;
    const struct bytes printable =
        BYTES("\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x13\x04\x41\x20\x20\x42");

    assert_ok(s, name_from_text(s, "CN=a b", &utf8));
    assert_ok(s, name_from_text(s, "CN=ab", &other));
    assert_true(name_same(s->arena, utf8, printable));
    assert_false(name_same(s->arena, other, printable));
}

TEST(name_get_takes_the_most_specific)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes der;
    struct name n;

    assert_ok(s, name_from_text(s, "CN=first,CN=second,O=o", &der));
    assert_ok(s, name_read(s, der, &n));
    assert_string_equal(name_get(&n, "CN"), "first");
    assert_null(name_get(&n, "OU"));
}

TEST(general_names_are_read_strictly)
{
    static const struct {
        struct bytes der;
        const char *text; /* of the first; NULL: refused */
    } cases[] = {
#define B(text) { (const uint8_t *)(text), sizeof(text) - 1 }
        { B("\x30\x03\x82\x01\x61"), "a" },
        { B("\x30\x06\x87\x04\xc0\x00\x02\x01"), "192.0.2.1" },
        { B("\x30\x05\x87\x03\xc0\x00\x02"), NULL },
        { B("\x30\x12\x87\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"), "2001:db8::1" },
        { B("\x30\x05\x82\x03\x61\x00\x62"), NULL }, /* NUL */
        { B("\x30\x03\x82\x01\xe4"), NULL },         /* not IA5 */
        { B("\x30\x03\x82\x01\x0a"), NULL },         /* control */
        { B("\x30\x05\xa2\x03\x16\x01\x61"), NULL }, /* constructed */
        { B("\x30\x05\x88\x03\x2a\x03\x04"), "1.2.3.4" },
        { B("\x30\x03\x89\x01\x61"), NULL },
        { B("\x30\x00"), NULL },
        { B("\x30\x16\xa0\x14\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03\xa0\x06\x0c\x04u@vw"),
          "u@vw" },
        { B("\x30\x0c\xa0\x0a\x06\x02\x2a\x03\xa0\x04\x0c\x02hi"), "1.2.3:0c026869" },
        { B("\x30\x11\xa4\x0f\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02\x41\x42"),
          "CN=AB" },
        /* ediPartyName: the assigner may be absent, the party may not */
        { B("\x30\x07\xa5\x05\xa1\x03\x13\x01\x61"), "a505a103130161" },
        { B("\x30\x0c\xa5\x0a\xa0\x03\x0c\x01\x62\xa1\x03\x13\x01\x61"),
          "a50aa0030c0162a103130161" },
        { B("\x30\x07\xa5\x05\xa0\x03\x13\x01\x61"), NULL },
        { B("\x30\x07\xa5\x05\xa1\x03\x16\x01\x61"), NULL }, /* IA5String */
        { B("\x30\x11\xa5\x0f\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02\x41\x42"), NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct list names;
        enum err e = general_names_read(s, cases[i].der, &names);
        const char *got = e == OK ? list_at(&names, struct general_name, 0)->text : NULL;
        struct buf b;
        size_t mark;

        if (!text_eq(got, cases[i].text))
            fail_msg("case %zu: %s", i, got ? got : s->error.text);
        if (!got)
            continue;
        buf_init_in(&b, s->arena, 1000);
        mark = der_begin(&b, DER_SEQUENCE);
        general_name_write(&b, list_at(&names, struct general_name, 0));
        der_close(&b, mark);
        assert_true(bytes_eq(buf_bytes(&b), cases[i].der)); /* and writes back the same */
    }
}

TEST(general_name_kinds_have_names)
{
    static const char *const names[] = { "DNS", "dns",   "dNSName",         "IP",
                                         "IP6", "Email", "rfc822",          "URI",
                                         "url", "UPN",   "ntprincipalname", "DirName",
                                         "RID" };
    enum gn_kind kind;

    for (size_t i = 0; i < COUNT(names); i++)
        assert_true(gn_kind_parse(names[i], &kind));
    assert_false(gn_kind_parse("nothing", &kind));
    assert_string_equal(gn_kind_name(GN_UPN), "UPN");
}

TEST(names_that_are_the_same_are_alike)
{
    static const struct {
        const char *text, *alike;
    } cases[] = {
        { "", "" },
        { "CN=Ana,O=Foo Bar", "cn=ana,o=foo bar" },
        { "CN=Ana, O = Foo   Bar", "cn=ana,o=foo bar" },
        { "CN=\\ Ana\\ ,O=Foo\\  Bar", "cn=ana,o=foo bar" },
        { "CN=a\\, b", "cn=a\\, b" },
        { "CN=a = b", "cn=a = b" },
        { "CN=M\xc3\x9cLLER", "cn=m\xc3\xbcller" },
        { "O=Foo\xc2\xa0"
          "Bar",
          "o=foo bar" },
        { "CN=STRA\xc3\x9f"
          "E",
          "cn=strasse" },
        { "CN=\xce\xa3\xce\xbf\xcf\x82", "cn=\xcf\x83\xce\xbf\xcf\x83" },
        { "CN=\xef\xbc\xa1\xef\xbc\xa2", "cn=ab" },
        { "CN=\xe4\xb8\xad", "cn=\xe4\xb8\xad" },
        { "web.example.com", "web.example.com" },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(name_alike(a, cases[i].text), cases[i].alike);
}
