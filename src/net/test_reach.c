#include "base/test.h"
#include "net/reach.h"
#include "pki/name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/** The octets of a text; 16 for a mapped address too, which ip_parse() would unwrap. */
static struct bytes
octets_of(struct scope *s, const char *text)
{
    uint8_t *v6 = arena_alloc(s->arena, 16);
    struct bytes ip = { v6, 16 };

    if (strchr(text, ':'))
        assert_int_equal(inet_pton(AF_INET6, text, v6), 1);
    else
        assert_true(ip_parse(s->arena, text, &ip));
    return ip;
}

static struct reach_rules
rules_of(struct scope *s, const char *allowed, const char *denied)
{
    struct reach_rules rules = { 0 };

    if (allowed)
        assert_ok(s, network_read(s, allowed, list_push(s->arena, &rules.allowed, struct network)));
    if (denied)
        assert_ok(s, network_read(s, denied, list_push(s->arena, &rules.denied, struct network)));
    return rules;
}

TEST(every_special_network_is_refused_at_both_its_ends_and_what_lies_beside_it_is_not)
{
    static const struct {
        const char *first, *last, *before, *after; /* beside: NULL where another one begins */
    } cases[] = {
        { "0.0.0.0", "0.255.255.255", NULL, "1.0.0.0" },
        { "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0" },
        { "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0" },
        { "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0" },
        { "169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0" },
        { "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0" },
        { "192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0" },
        { "192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0" },
        { "192.31.196.0", "192.31.196.255", "192.31.195.255", "192.31.197.0" },
        { "192.52.193.0", "192.52.193.255", "192.52.192.255", "192.52.194.0" },
        { "192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0" },
        { "192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0" },
        { "192.175.48.0", "192.175.48.255", "192.175.47.255", "192.175.49.0" },
        { "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0" },
        { "198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0" },
        { "203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0" },
        { "224.0.0.0", "239.255.255.255", "223.255.255.255", NULL },
        { "240.0.0.0", "255.255.255.255", NULL, NULL },
        { "::", "::1", NULL, NULL },
        { "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", NULL, NULL },
        { "100::", "100::ffff:ffff:ffff:ffff", NULL, NULL },
        { "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", NULL, NULL },
        { "2001::", "2001:1ff:ffff::", "2000:ffff::", "2001:200::" },
        { "2001:db8::", "2001:db8:ffff:ffff::", "2001:db7:ffff::", "2001:db9::" },
        { "2620:4f:8000::", "2620:4f:8000:ffff::1", "2620:4f:7fff::", "2620:4f:8001::" },
        { "3fff::", "3fff:fff:ffff::", "3ffe:ffff::", "3fff:1000::" },
        { "5f00::", "5f00:ffff::", NULL, NULL },
        { "fc00::", "fdff:ffff::", NULL, NULL },
        { "fe80::", "febf:ffff::", NULL, NULL },
        { "fec0::", "feff:ffff::", NULL, NULL },
        { "ff00::", "ffff:ffff::", NULL, NULL },
        /* IPv6 that was never given out */
        { "64:ff9b:2::", "1fff:ffff::", NULL, "2000:ffff::" },
        { "4000::", "fbff:ffff::", "3ffe:ffff::", NULL },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct reach_rules none = { 0 };

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(reach_judge(&none, octets_of(s, cases[i].first), 80), REACH_REFUSED);
        assert_int_equal(reach_judge(&none, octets_of(s, cases[i].last), 80), REACH_REFUSED);
        if (cases[i].before)
            assert_int_equal(reach_judge(&none, octets_of(s, cases[i].before), 80), REACH_OPEN);
        if (cases[i].after)
            assert_int_equal(reach_judge(&none, octets_of(s, cases[i].after), 80), REACH_OPEN);
    }
}

TEST(an_ipv4_address_in_an_ipv6_one_is_judged_as_itself)
{
    static const char *const wrappers[] = { "::ffff:%s", "::ffff:0:%s", "::%s", "64:ff9b::%s" };
    static const struct {
        const char *ip, *hex;
        enum reach_verdict want;
    } cases[] = { { "10.1.2.3", "0a01:0203", REACH_REFUSED },
                  { "127.0.0.1", "7f00:0001", REACH_REFUSED },
                  { "169.254.169.254", "a9fe:a9fe", REACH_REFUSED },
                  { "168.63.129.16", "a83f:8110", REACH_REFUSED },
                  { "8.8.8.8", "0808:0808", REACH_OPEN } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct reach_rules none = { 0 }, own_ranges = rules_of(s, "10.0.0.0/8", NULL),
                       wide = rules_of(s, "::ffff:0:0/96", NULL);
    char text[64];

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes six_to_four = octets_of(s, arena_printf(s->arena, "2002:%s::1", cases[i].hex));

        assert_int_equal(reach_judge(&none, six_to_four, 80), cases[i].want);
        for (size_t j = 0; j < COUNT(wrappers); j++) {
            (void)snprintf(text, sizeof(text), "%.*s%s", (int)strcspn(wrappers[j], "%"),
                           wrappers[j], cases[i].ip);
            assert_int_equal(reach_judge(&none, octets_of(s, text), 80), cases[i].want);
        }
    }
    assert_int_equal(reach_judge(&own_ranges, octets_of(s, "::ffff:10.1.2.3"), 80), REACH_ALLOWED);
    /* an allowed wrapper opens nothing that it holds */
    assert_int_equal(reach_judge(&wide, octets_of(s, "::ffff:10.1.2.3"), 80), REACH_REFUSED);
}

TEST(rules_open_networks_but_neither_metadata_services_nor_what_is_denied)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct reach_rules all = rules_of(s, "0.0.0.0/0", "10.9.0.0/16"),
                       link = rules_of(s, "169.254.0.0/16", NULL),
                       one = rules_of(s, "169.254.169.254", NULL),
                       six = rules_of(s, "fd00::/8", NULL),
                       mapped = rules_of(s, NULL, "8.8.8.0/24");

    assert_int_equal(reach_judge(&all, octets_of(s, "10.1.0.1"), 80), REACH_ALLOWED);
    assert_int_equal(reach_judge(&all, octets_of(s, "10.9.0.1"), 80), REACH_REFUSED);
    assert_int_equal(reach_judge(&all, octets_of(s, "9.9.9.9"), 80), REACH_OPEN);
    assert_int_equal(reach_judge(&all, octets_of(s, "168.63.129.16"), 80), REACH_REFUSED);
    assert_int_equal(reach_judge(&link, octets_of(s, "169.254.1.1"), 80), REACH_ALLOWED);
    assert_int_equal(reach_judge(&link, octets_of(s, "169.254.169.254"), 80), REACH_REFUSED);
    assert_int_equal(reach_judge(&one, octets_of(s, "169.254.169.254"), 80), REACH_ALLOWED);
    assert_int_equal(reach_judge(&six, octets_of(s, "fd00::1"), 80), REACH_ALLOWED);
    assert_int_equal(reach_judge(&six, octets_of(s, "fd00:ec2::254"), 80), REACH_REFUSED);
    assert_int_equal(reach_judge(&mapped, octets_of(s, "::ffff:8.8.8.8"), 80), REACH_REFUSED);
    assert_true(reach_refuses_name("metadata.google.internal"));
    assert_true(reach_refuses_name("Metadata.Azure.Internal"));
    assert_false(reach_refuses_name("example.com"));
}

TEST(our_own_endpoints_are_refused_whatever_is_allowed)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct reach_rules rules = rules_of(s, "127.0.0.0/8", NULL);
    struct endpoint *e = list_push(s->arena, &rules.own, struct endpoint);

    assert_ok(s, network_read(s, "127.0.0.1", &e->address));
    e->port = 8443;
    assert_int_equal(reach_judge(&rules, octets_of(s, "127.0.0.1"), 80), REACH_ALLOWED);
    assert_int_equal(reach_judge(&rules, octets_of(s, "127.0.0.1"), 8443), REACH_REFUSED);
    assert_int_equal(reach_judge(&rules, octets_of(s, "::ffff:127.0.0.1"), 8443), REACH_REFUSED);
    assert_int_equal(reach_judge(&rules, octets_of(s, "127.0.0.2"), 8443), REACH_ALLOWED);
    /* one that listens everywhere is meant by every address of this machine, and by no other */
    assert_ok(s, network_read(s, "0.0.0.0", &e->address));
    assert_int_equal(reach_judge(&rules, octets_of(s, "127.0.0.2"), 8443), REACH_REFUSED);
    assert_int_equal(reach_judge(&rules, octets_of(s, "9.9.9.9"), 8443), REACH_OPEN);
}

TEST(networks_are_read_strictly)
{
    static const char *const bad[] = {
        "",           "10.0.0.0/33", "10.0.0.1/8",  "10.0.0.0/-1", "10.0.0.0/",
        "fd00::/129", "fd00::1/64",  "example.com", "10.0.0.0/8x", "10.0.0/8"
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct network n;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_err(E_INVALID, network_read(s, bad[i], &n));
    assert_ok(s, network_read(s, "0.0.0.0/0", &n));
    assert_true(network_holds(&n, octets_of(s, "203.0.113.9")));
    assert_false(network_holds(&n, octets_of(s, "2001:db8::1")));
}

TEST(a_connection_comes_about_or_says_why_not)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(at);
    struct bytes ip = octets_of(s, "127.0.0.1");
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = -1;

    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    assert_err(E_UNAVAILABLE, reach_connect(s, ip, ntohs(at.sin_port), 1000, &fd));
    assert_says(s, "refused");
    assert_int_equal(fd, -1);
    assert_int_equal(listen(listener, 1), 0);
    assert_ok(s, reach_connect(s, ip, ntohs(at.sin_port), 1000, &fd));
    assert_true(fd >= 0);
    (void)close(fd);
    (void)close(listener);
}

TEST(an_address_has_four_places_and_waits_for_one_that_comes_free)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes one = octets_of(s, "192.0.2.1"), other = octets_of(s, "192.0.2.2");

    for (int i = 0; i < REACH_AT_ONCE_EACH; i++)
        assert_true(reach_take(s, one, 0));
    assert_false(reach_take(s, one, 10));
    assert_true(reach_take(s, other, 0));
    reach_give(one);
    assert_true(reach_take(s, one, 0));
    for (int i = 0; i < REACH_AT_ONCE_EACH; i++)
        reach_give(one);
    reach_give(other);
}

TEST(all_addresses_together_have_256_places)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (int i = 0; i < REACH_AT_ONCE; i++)
        assert_true(reach_take(s, octets_of(s, arena_printf(s->arena, "192.0.2.%d", i)), 0));
    assert_false(reach_take(s, octets_of(s, "198.51.100.1"), 0));
    for (int i = 0; i < REACH_AT_ONCE; i++)
        reach_give(octets_of(s, arena_printf(s->arena, "192.0.2.%d", i)));
    assert_true(reach_take(s, octets_of(s, "198.51.100.1"), 0));
    reach_give(octets_of(s, "198.51.100.1"));
}
