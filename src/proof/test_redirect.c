#include "base/test.h"
#include "proof/redirect.h"

static const struct place_rules rules = { .http_port = 80, .https_port = 443 };

TEST(redirects_lead_to_http_and_https_on_their_own_ports_and_nowhere_else)
{
    static const struct {
        const char *location, *url, *why; /* one of the two */
    } cases[] = {
        { "http://b.example/x", "http://b.example/x", NULL },
        { "https://b.example/x", "https://b.example/x", NULL },
        { "https://b.example:443/x?y=1#z", "https://b.example/x?y=1", NULL },
        { "http://b.example:80/", "http://b.example/", NULL },
        { "HTTP://B.Example/X", "http://b.example/X", NULL },
        { "/other?q=1", "http://a.example/other?q=1", NULL },
        { "other", "http://a.example/.well-known/acme-challenge/other", NULL },
        { "http://b.example./x", "http://b.example/x", NULL },
        { "http://b.example:22/", NULL, "it names the port 22" },
        { "http://b.example:443/", NULL, "it names the port 443" },
        { "https://b.example:80/", NULL, "it names the port 80" },
        { "https://b.example:8443/", NULL, "it names the port 8443" },
        { "file:///etc/passwd", NULL, "it names no host" },
        { "file://localhost/etc/passwd", NULL, "it leads to the scheme file" },
        { "file:/etc/passwd", NULL, "" },
        { "ftp://b.example/", NULL, "it leads to the scheme ftp" },
        { "gopher://b.example:80/x", NULL, "it leads to the scheme gopher" },
        { "javascript:alert(1)", NULL, "" },
        { "//b.example/x", NULL, "its Location has a host but no scheme" },
        { "http:\\\\b.example\\x", NULL, "its Location holds characters that no URL may hold" },
        { "http://b.example/ x", NULL, "its Location holds characters that no URL may hold" },
        { "http://b.example/\xc3\xa4", NULL, "its Location holds characters that no URL may hold" },
        { "http://u@b.example/", NULL, "its Location holds a user" },
        { "http://u:p@b.example/", NULL, "its Location holds a user" },
        { "http://@b.example/", NULL, "its Location holds a user" },
        { "http:///x", NULL, "it names no host" },
        { "http://10.0.0.1/", NULL, "it leads to an IP address" },
        { "http://[::1]/", NULL, "it leads to an IP address" },
        { "http://2130706433/", NULL, "it leads to an IP address" },
        { "http://0x7f.1/", NULL, "it leads to an IP address" },
        { "http://b.example.well-known/acme-challenge/x", NULL,
          "its host ends in .well-known: is there a slash missing in the redirect?" },
        { "http://-b.example/", NULL,
          "its host is malformed: label 1 begins or ends with a hyphen" },
        { "", NULL, "it has no Location" },
        { NULL, NULL, "it has no Location" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct place place = { 0 };
        const char *why =
            redirect_read(s, &rules, "http://a.example/.well-known/acme-challenge/tok",
                          cases[i].location, &place);

        if (cases[i].url) {
            if (why)
                fail_msg("%s: %s", cases[i].location, why);
            assert_string_equal(place.url, cases[i].url);
        } else {
            if (!why)
                fail_msg("%s is followed", cases[i].location);
            if (*cases[i].why)
                assert_string_equal(why, cases[i].why);
            assert_null(place.url);
        }
    }
}

TEST(a_redirect_to_an_address_is_followed_where_that_is_allowed)
{
    static const struct place_rules to_address = { 5002, 5003, true };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct place place;

    assert_null(
        redirect_read(s, &to_address, "http://a.example:5002/", "http://[FD00::1]:5002/x", &place));
    assert_string_equal(place.url, "http://[fd00::1]:5002/x");
    assert_string_equal(place.host, "fd00::1");
    assert_int_equal(place.port, 5002);
    assert_null(
        redirect_read(s, &to_address, "http://a.example:5002/", "https://10.0.0.1/", &place));
    assert_true(place.tls);
    assert_int_equal(place.port, 5003);
    assert_non_null(
        redirect_read(s, &to_address, "http://a.example:5002/", "https://x.example:443/", &place));
}

TEST(the_path_of_a_redirect_has_a_limit)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    char *path = arena_alloc(s->arena, REDIRECT_PATH_MAX + 400);
    struct place place;

    path[0] = '/';
    memset(path + 1, 'a', REDIRECT_PATH_MAX - 1);
    assert_null(redirect_read(s, &rules, "http://a.example/", path, &place));
    memset(path + 1, 'a', REDIRECT_PATH_MAX);
    assert_string_equal(redirect_read(s, &rules, "http://a.example/", path, &place),
                        "its path is longer than 2000 octets");
    memset(path + 1, 'a', REDIRECT_PATH_MAX + 398);
    assert_string_equal(redirect_read(s, &rules, "http://a.example/", path, &place),
                        "its Location is too long");
}
