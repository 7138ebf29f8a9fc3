#include "base/test.h"
#include "proof/identifier.h"

TEST(identifiers_have_one_form)
{
    static const struct {
        const char *type, *value, *want, *problem; /* WANT: the value, or a part of the reason */
    } cases[] = {
        { "dns", "www.example.com", "www.example.com", NULL },
        { "dns", "WWW.Example.COM", "www.example.com", NULL },
        { "dns", "*.example.com", "*.example.com", NULL },
        { "dns", "intranet", "intranet", NULL },
        { "dns", "xn--bcher-kva.example", "xn--bcher-kva.example", NULL },
        { "dns", "1.example.com", "1.example.com", NULL },
        { "dns", "", "empty", "malformed" },
        { "dns", NULL, "empty", "malformed" },
        { "dns", "*", "left-most", "malformed" },
        { "dns", "*.", "empty", "malformed" },
        { "dns", "*.*.example.com", "left-most", "malformed" },
        { "dns", "w*.example.com", "left-most", "malformed" },
        { "dns", "www.*.example.com", "left-most", "malformed" },
        { "dns", "www.example.com.", "dot", "malformed" },
        { "dns", ".example.com", "label 1 is empty", "malformed" },
        { "dns", "a..example.com", "empty", "malformed" },
        { "dns", "-a.example.com", "hyphen", "malformed" },
        { "dns", "a-.example.com", "hyphen", "malformed" },
        { "dns", "a_b.example.com", "'_'", "malformed" },
        { "dns", "ab--c.example.com", "positions 3 and 4", "malformed" },
        { "dns", "xn--a.example.com", "IDNA2008", "malformed" },
        { "dns",
          "b\xc3\xbc"
          "cher.example",
          "ASCII", "malformed" },
        { "dns", "a b.example.com", "character", "malformed" },
        { "dns", "192.0.2.1", "IP address", "malformed" },
        { "dns", "2001:db8::1", "IP address", "malformed" },
        { "dns", "example.123", "numeric", "malformed" },
        { "ip", "192.0.2.1", "192.0.2.1", NULL },
        { "ip", "2001:db8::1", "2001:db8::1", NULL },
        { "ip", "::1", "::1", NULL },
        { "ip", "192.0.2.01", "", "malformed" },
        { "ip", "192.0.2", "not an IP", "malformed" },
        { "ip", "3221225985", "not an IP", "malformed" },
        { "ip", "2001:DB8::1", "canonical form, which is 2001:db8::1", "malformed" },
        { "ip", "2001:db8:0:0:0:0:0:1", "canonical", "malformed" },
        { "ip", "2001:0db8::1", "canonical", "malformed" },
        { "ip", "2001:db8::0:1", "canonical", "malformed" },
        { "ip", "::ffff:192.0.2.1", "canonical", "malformed" },
        { "ip", "fe80::1%eth0", "zone", "malformed" },
        { "ip", "[::1]", "not an IP", "malformed" },
        { "ip", "www.example.com", "not an IP", "malformed" },
        { "email", "a@example.com", "not supported", "unsupportedIdentifier" },
        { NULL, "a", "not supported", "unsupportedIdentifier" },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct identifier id = { 0 };
        const char *problem,
            *why = identifier_read(a, cases[i].type, cases[i].value, &id, &problem);

        if (!why != !cases[i].problem)
            fail_msg("%s: %s", cases[i].value, why ? why : "read");
        if (why) {
            assert_string_equal(problem, cases[i].problem);
            if (!strstr(why, cases[i].want))
                fail_msg("%s: %s", cases[i].value, why);
        } else {
            assert_null(problem);
            assert_string_equal(identifier_text(a, &id), cases[i].want);
        }
    }
}

static const char *
refused(struct arena *a, const struct identifier_rules *rules, const char *value)
{
    struct identifier id;
    const char *problem;

    if (identifier_read(
            a, strspn(value, "0123456789.") == strlen(value) || strchr(value, ':') ? "ip" : "dns",
            value, &id, &problem))
        fail_msg("%s is malformed", value);
    return identifier_refused(a, rules, &id);
}

TEST(endpoints_say_which_names_they_take)
{
    static const struct {
        struct identifier_rules rules;
        const char *value, *why; /* NULL: taken */
    } cases[] = {
        { { true, true, true }, "*.example.com", NULL },
        { { true, true, true }, "*.internal.corp", NULL },
        { { true, true, true }, "intranet", NULL },
        { { true, true, true }, "nas.local", NULL },
        { { true, true, true }, "192.168.1.1", NULL },
        { { true, true, true }, "*.com", "a wildcard directly below a top-level domain" },
        { { true, true, true }, "*.corp", "a wildcard directly below a top-level domain" },
        { { true, true, true }, "*.co.uk", "a wildcard directly below a public suffix" },
        { { false, true, true }, "*.example.com", "wildcards are not allowed" },
        { { true, false, true }, "intranet", "single labels are not allowed" },
        { { true, true, false }, "nas.local", "no top-level domain of the Internet" },
        { { true, true, false }, "nas.home.arpa", "no top-level domain of the Internet" },
        { { true, true, false }, "db.corp", "no top-level domain of the Internet" },
        { { true, true, false }, "www.example.com", NULL },
        { { true, true, false }, "www.example.co.uk", NULL },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *why = refused(a, &cases[i].rules, cases[i].value);

        if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
            fail_msg("%s: %s", cases[i].value, why ? why : "taken");
    }
}

TEST(deny_beats_allow_and_the_forms_mean_what_they_say)
{
    static const struct {
        const char *allow, *deny, *value;
        bool taken;
    } cases[] = {
        { "www.example.com", NULL, "www.example.com", true },
        { "WWW.Example.com", NULL, "www.example.com", true },
        { "www.example.com", NULL, "a.www.example.com", false },
        { "example.com", NULL, "*.example.com", false },
        { ".example.com", NULL, "a.b.example.com", true },
        { "*.example.com", NULL, "a.b.example.com", true },
        { ".example.com", NULL, "example.com", false },
        { ".example.com", NULL, "badexample.com", false },
        { ".example.com", NULL, "*.example.com", true },
        { ".example.com", NULL, "*.a.example.com", true },
        { ".example.com", "secret.example.com", "secret.example.com", false },
        { ".example.com", "secret.example.com", "*.example.com", false },
        { ".example.com", "secret.example.com", "*.a.example.com", true },
        { ".example.com", ".secret.example.com", "a.secret.example.com", false },
        { ".example.com", ".secret.example.com", "*.secret.example.com", false },
        { NULL, ".zip", "a.zip", false },
        { "/web[0-9]+\\.example\\.com/", NULL, "web17.example.com", true },
        { "/web[0-9]+\\.example\\.com/", NULL, "web17.example.com.evil.com", false },
        { "/a|b.example.com/", NULL, "xb.example.com", false },
        { "10.0.0.0/8", NULL, "10.1.2.3", true },
        { "10.0.0.0/8", NULL, "11.1.2.3", false },
        { "10.0.0.0/8", "10.9.0.0/16", "10.9.0.1", false },
        { "10.1.2.3", NULL, "10.1.2.3", true },
        { "fd00::/8", NULL, "fd00::1", true },
        { ".example.com", NULL, "10.1.2.3", false },
        { "10.0.0.0/8", NULL, "www.example.com", false },
        { "type:dns", NULL, "www.example.com", true },
        { "type:dns", NULL, "10.1.2.3", false },
        { NULL, "type:ip", "10.1.2.3", false },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct identifier_rules rules = { true, true, true };

        if (cases[i].allow)
            list_add(s->arena, &rules.allow, const char *, cases[i].allow);
        if (cases[i].deny)
            list_add(s->arena, &rules.deny, const char *, cases[i].deny);
        assert_ok(s, identifier_rules_check(s, &rules));
        if (!refused(s->arena, &rules, cases[i].value) != cases[i].taken)
            fail_msg("allow %s, deny %s: %s", cases[i].allow ? cases[i].allow : "all",
                     cases[i].deny ? cases[i].deny : "none", cases[i].value);
    }
}

TEST(items_of_lists_are_checked)
{
    static const char *const bad[] = { "",
                                       ".",
                                       "*",
                                       "a_b.example.com",
                                       "/(/",
                                       "10.0.0.1/8",
                                       "type:email",
                                       "*.*.example.com",
                                       "http://example.com" };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct identifier_rules rules = { 0 };

        list_add(s->arena, &rules.deny, const char *, bad[i]);
        assert_err(E_INVALID, identifier_rules_check(s, &rules));
        assert_says(s, "deny: ");
    }
}
