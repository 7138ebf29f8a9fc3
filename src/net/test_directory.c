#include "base/test.h"
#include "net/directory.h"

TEST(a_search_without_a_filter_is_none_of_everything)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct directory_query q = { .base = "dc=x", .limit = 1 };
    struct list found;
    bool more;

    assert_err(E_LIMIT, directory_search(s, NULL, &q, &found, &more));
    q.filter = "";
    assert_err(E_LIMIT, directory_search(s, NULL, &q, &found, &more));
}

TEST(a_value_in_a_filter_says_nothing_but_itself)
{
    static const char *const cases[][2] = {
        { "ana", "ana" },
        { "", "" },
        { "*", "\\2a" },
        { "a*)(uid=*", "a\\2a\\29\\28uid=\\2a" },
        { "CONTOSO\\ana", "CONTOSO\\5cana" },
        { "\\2a", "\\5c2a" },
        { "Jos\xc3\xa9 & |!", "Jos\xc3\xa9 & |!" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(directory_filter_value(s->arena, cases[i][0]), cases[i][1]);
}

TEST(a_value_in_a_name_says_nothing_but_itself)
{
    static const char *const cases[][2] = {
        { "ana", "ana" },
        { "", "" },
        { "ana,dc=evil", "ana\\,dc\\=evil" },
        { " ana ", "\\ ana\\ " },
        { " ", "\\ " },
        { "a b", "a b" },
        { "#ana#", "\\#ana#" },
        { "a+b\"c;d<e>f\\g", "a\\+b\\\"c\\;d\\<e\\>f\\\\g" },
        { "a\nb", "a\\0ab" },
        { "Jos\xc3\xa9", "Jos\xc3\xa9" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *escaped = directory_dn_value(s->arena, cases[i][0]);

        assert_string_equal(escaped, cases[i][1]);
        if (*escaped) /* and a reader of names reads what was written */
            assert_string_equal(
                directory_rdn(s->arena, arena_printf(s->arena, "cn=%s,dc=x", escaped), "CN"),
                cases[i][0]);
    }
}

TEST(the_first_part_of_a_name_is_read)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct arena *a = s->arena;

    assert_string_equal(directory_rdn(a, "CN=PKI\\, all,OU=x", "cn"), "PKI, all");
    assert_string_equal(directory_rdn(a, "ou=b+cn=a,dc=x", "cn"), "a");
    assert_null(directory_rdn(a, "OU=x,CN=PKI", "cn"));
    assert_null(directory_rdn(a, "no name", "cn"));
    assert_null(directory_rdn(a, "", "cn"));
}

TEST(a_name_is_below_another)
{
    static const struct {
        const char *dn, *base;
        bool below;
    } cases[] = {
        { "CN=a,OU=Groups,DC=x", "ou=groups, dc=X", true },
        { "ou=groups,dc=x", "ou=groups,dc=x", true },
        { "cn=a,ou=groups,dc=x", "", true },
        { "cn=a,ou=other,dc=x", "ou=groups,dc=x", false },
        { "ou=groups,dc=x", "cn=a,ou=groups,dc=x", false },
        { "cn=a,ou=mygroups,dc=x", "groups,dc=x", false }, /* no name at all */
        { "cn=a\\,ou=groups,dc=x", "ou=groups,dc=x", false },
        { "cn=a,xou=groups,dc=x", "ou=groups,dc=x", false },
        { "not a name", "dc=x", false },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++)
        if (directory_is_below(s->arena, cases[i].dn, cases[i].base) != cases[i].below)
            fail_msg("%s below %s", cases[i].dn, cases[i].base);
}

TEST(an_address_is_a_scheme_a_host_and_a_port)
{
    static const struct {
        const char *url, *host, *port;
        bool start_tls;
    } good[] = {
        { "ldaps://dc1.contoso.com", "dc1.contoso.com", "636", false },
        { "LDAP://dc1", "dc1", "389", true },
        { "ldaps://127.0.0.1:1636/", "127.0.0.1", "1636", false },
        { "ldap://[::1]:3389", "::1", "3389", true },
        { "ldaps://[::1]", "::1", "636", false },
    };
    static const char *const bad[] = {
        "",           "https://dc1",      "ldapi:///x",       "ldaps://",
        "dc1",        "ldaps://dc1:0",    "ldaps://dc1:x",    "ldaps://dc1:65536",
        "ldaps://:1", "ldaps://dc1/dc=x", "ldaps://u@dc1",    "ldaps://dc1?x",
        "ldaps://[",  "ldaps://a b",      "ldaps://dc1:636x", "ldaps://dc1:6 36",
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct directory_address to;

    for (size_t i = 0; i < COUNT(good); i++) {
        assert_ok(s, directory_url(s, good[i].url, &to));
        assert_string_equal(to.host, good[i].host);
        assert_string_equal(to.port, good[i].port);
        assert_int_equal(to.start_tls, good[i].start_tls);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        if (directory_url(s, bad[i], &to) != E_INVALID)
            fail_msg("taken for an address: %s", bad[i]);
}

TEST(what_active_directory_says_of_a_refusal_is_understood)
{
    assert_string_equal(directory_refusal("80090308: LdapErr: DSID-0C09044E, comment: "
                                          "AcceptSecurityContext error, data 532, v4563"),
                        "the password has expired");
    assert_null(directory_refusal("data 5321"));
    assert_null(directory_refusal(""));
    assert_null(directory_refusal(NULL));
}

TEST(authorities_that_are_none_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(SSL_CTX_free) SSL_CTX *ctx = NULL;

    assert_err(E_INVALID, directory_trust(s, BYTES("nothing"), &ctx));
    assert_ok(s, directory_trust(s, (struct bytes){ 0 }, &ctx));
}
