#include "base/test.h"

#include "pki/dnsname.h"

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

/* A name, what is allowed, and its normal form, or NULL and a part of the reason. */
struct row {
    const char *name;
    unsigned flags;
    const char *normal, *reason;
};

static void
run(const struct row *rows, size_t count,
    const char *(*check)(struct arena *, const char *, unsigned, char **))
{
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < count; i++) {
        char *normal = NULL;
        const char *why = check(a, rows[i].name, rows[i].flags, &normal);

        if (rows[i].normal ? (why || strcmp(normal, rows[i].normal) != 0)
                           : (!why || !strstr(why, rows[i].reason)))
            fail_msg("row %zu \"%s\": %s", i, rows[i].name, why ? why : normal);
    }
}

TEST(dns_names_are_checked)
{
    static const struct row rows[] = {
        { "web.example.com", 0, "web.example.com", NULL },
        { "WEB.Example.COM", 0, "web.example.com", NULL },
        { "a1-b.example.com", 0, "a1-b.example.com", NULL },
        { "1.example.com", 0, "1.example.com", NULL },
        { "", 0, NULL, "empty" },
        { NULL, 0, NULL, "empty" },
        { "example.com.", 0, NULL, "ends with a dot" },
        { ".example.com", 0, NULL, "label 1 is empty" },
        { "a..example.com", 0, NULL, "label 2 is empty" },
        { "-a.example.com", 0, NULL, "hyphen" },
        { "a-.example.com", 0, NULL, "hyphen" },
        { "a_b.example.com", 0, NULL, "'_'" },
        { "a_b.example.com", NAMES_UNDERSCORE, "a_b.example.com", NULL },
        { "a b.example.com", 0, NULL, "not a letter" },
        { "http://example.com", 0, NULL, "not a letter" },
        { "example.com/x", 0, NULL, "not a letter" },
        { "example.com:443", 0, NULL, "not a letter" },
        { "192.0.2.1", 0, NULL, "IP address" },
        { "2001:db8::1", 0, NULL, "IP address" },
        { "1.2.3.999", 0, NULL, "numeric" },
        { "example.123", 0, NULL, "numeric" },
        { "0x7f000001", NAMES_INTERNAL, NULL, "numeric" },
        { "a.0X7f", 0, NULL, "numeric" },
        { "a.0x", 0, NULL, "numeric" },
        { "localhost", 0, NULL, "single label" },
        { "localhost", NAMES_INTERNAL, "localhost", NULL },
        { "localhost", NAMES_INTERNAL | NAMES_PUBLIC_SUFFIX, "localhost", NULL },
        { LABEL63 ".com", 0, LABEL63 ".com", NULL },
        { LABEL63 "x.com", 0, NULL, "longer than 63" },
        { LABEL63 "." LABEL63 "." LABEL63 "." LABEL63, 0, NULL, "longer than 253" },
        { "*.example.com", 0, NULL, "wildcards" },
        { "*.example.com", NAMES_WILDCARD, "*.example.com", NULL },
        { "*", NAMES_WILDCARD, NULL, "wildcard alone" },
        { "*.com", NAMES_WILDCARD, NULL, "top-level" },
        { "*.*.example.com", NAMES_WILDCARD, NULL, "left-most" },
        { "f*o.example.com", NAMES_WILDCARD, NULL, "left-most" },
        { "*a.example.com", NAMES_WILDCARD, NULL, "left-most" },
        { "a.*.example.com", NAMES_WILDCARD, NULL, "left-most" },
        { "*.co.uk", NAMES_WILDCARD, "*.co.uk", NULL },
        { "*.co.uk", NAMES_WILDCARD | NAMES_PUBLIC_SUFFIX, NULL, "public suffix" },
        { "*.example.co.uk", NAMES_WILDCARD | NAMES_PUBLIC_SUFFIX, "*.example.co.uk", NULL },
        { "co.uk", NAMES_PUBLIC_SUFFIX, NULL, "public suffix" },
        { "xn--bcher-kva.example.com", 0, "xn--bcher-kva.example.com", NULL },
        { "XN--BCHER-KVA.example.com", 0, "xn--bcher-kva.example.com", NULL },
        { "xn--zzzzzzzzzzzz.example.com", 0, NULL, "IDNA2008" },
        { "xn--a.example.com", 0, NULL, "IDNA2008" },
        { "xn--.example.com", 0, NULL, "hyphen" },
        { "ab--cd.example.com", 0, NULL, "positions 3 and 4" },
        { "b\xc3\xbc"
          "cher.example.com",
          0, NULL, "outside ASCII" },
        { "b\xc3\xbc"
          "cher.example.com",
          NAMES_UNICODE, "xn--bcher-kva.example.com", NULL },
        { "a\xe2\x80\xae.example.com", NAMES_UNICODE, NULL, "not a valid" },
        { "*.b\xc3\xbc"
          "cher.example",
          NAMES_UNICODE | NAMES_WILDCARD, "*.xn--bcher-kva.example", NULL },
    };

    run(rows, COUNT(rows), dns_check);
}

TEST(ip_addresses_are_checked)
{
    static const struct row rows[] = {
        { "8.8.8.8", 0, "8.8.8.8", NULL },
        { "10.0.0.1", 0, NULL, "reserved" },
        { "10.0.0.1", NAMES_RESERVED_IP, "10.0.0.1", NULL },
        { "127.0.0.1", 0, NULL, "reserved" },
        { "172.32.0.1", 0, "172.32.0.1", NULL },
        { "172.31.255.255", 0, NULL, "reserved" },
        { "2001:4860::8888", 0, "2001:4860::8888", NULL },
        { "2001:0DB8:0:0:0:0:0:1", NAMES_RESERVED_IP, "2001:db8::1", NULL },
        { "fe80::1%eth0", NAMES_RESERVED_IP, NULL, "zone" },
        { "::ffff:8.8.8.8", 0, "8.8.8.8", NULL },
        { "::ffff:10.0.0.1", 0, NULL, "reserved" },
        { "::1", 0, NULL, "reserved" },
        { "1.2.3", 0, NULL, "not an IP" },
        { "01.2.3.4", 0, NULL, "not an IP" },
        { "1.2.3.4 ", 0, NULL, "not an IP" },
        { "", 0, NULL, "empty" },
    };

    run(rows, COUNT(rows), ip_check);
}

TEST(mail_addresses_are_checked)
{
    static const struct row rows[] = {
        { "joe@example.com", 0, "joe@example.com", NULL },
        { "Joe.Doe+tag@EXAMPLE.com", 0, "Joe.Doe+tag@example.com", NULL },
        { "joe", 0, NULL, "not an e-mail" },
        { "@example.com", 0, NULL, "before '@'" },
        { "a..b@example.com", 0, NULL, "before '@'" },
        { ".a@example.com", 0, NULL, "before '@'" },
        { "a b@example.com", 0, NULL, "before '@'" },
        { "a@b@example.com", 0, NULL, "before '@'" },
        { "joe@*.example.com", 0, NULL, "domain" },
        { "joe@localhost", 0, NULL, "domain" },
        { "joe@localhost", NAMES_INTERNAL, "joe@localhost", NULL },
        { "j\xc3\xb6@example.com", 0, NULL, "ASCII" },
    };

    run(rows, COUNT(rows), email_check);
}

TEST(uris_are_checked)
{
    static const struct row rows[] = {
        { "https://example.com/x?y=z", 0, "https://example.com/x?y=z", NULL },
        { "HTTPS://example.com/X", 0, "https://example.com/X", NULL },
        { "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 0,
          "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", NULL },
        { "https:example.com", 0, NULL, "no host" },
        { "HTTP:/example.com", 0, NULL, "no host" },
        { "spiffe:example.com/x", 0, NULL, "no host" },
        { "ldaps:example.com?x=://fine.example", 0, NULL, "no host" },
        { "urn:uuid:1234", 0, "urn:uuid:1234", NULL },
        { "spiffe://prod.example/ns/a", 0, "spiffe://prod.example/ns/a", NULL },
        { "spiffe://Prod.example/ns", 0, NULL, "trust domain" },
        { "spiffe://prod.example:80/ns", 0, NULL, "trust domain" },
        { "spiffe://prod.example/ns?x=1", 0, NULL, "path" },
        { "spiffe://prod.example/../x", 0, NULL, "dot segments" },
        { "spiffe://prod.example/x/", 0, NULL, "segments" },
        { "/relative", 0, NULL, "absolute" },
        { "example.com", 0, NULL, "absolute" },
        { "1a:x", 0, NULL, "absolute" },
        { "http://", 0, NULL, "no host" },
        { "http:", 0, NULL, "nothing after" },
        { "http://a b/", 0, NULL, "may not hold" },
        { "http://a/%zz", 0, NULL, "percent" },
        { "http://user@host/", 0, NULL, "user information" },
        { "http://a/\xc3\xa9", 0, NULL, "may not hold" },
    };

    run(rows, COUNT(rows), uri_check);
}

TEST(upns_are_checked)
{
    static const struct row rows[] = {
        { "joe@CORP.test", 0, "joe@corp.test", NULL },
        { "joe@corp", 0, "joe@corp", NULL },
        { "joe", 0, NULL, "user@domain" },
        { "@corp", 0, NULL, "user@domain" },
        { "a@b@c", 0, NULL, "user@domain" },
        { "a b@corp.test", 0, NULL, "blanks" },
    };

    run(rows, COUNT(rows), upn_check);
}

TEST(general_names_are_normalized_in_place)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct general_name ip = { GN_IP, "2001:DB8::1" }, dns = { GN_DNS, "A.example.COM" };

    assert_null(general_name_check(a, &ip, NAMES_RESERVED_IP));
    assert_string_equal(ip.text, "2001:db8::1");
    assert_int_equal(ip.octets.len, 16);
    assert_null(general_name_check(a, &dns, 0));
    assert_string_equal(dns.text, "a.example.com");
    assert_true(looks_like_dns("a.example.com") && looks_like_dns("localhost"));
    assert_false(looks_like_dns("John Doe") || looks_like_dns("a@b.c") || looks_like_dns("host"));
}
