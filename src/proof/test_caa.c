#include "proof/caa.h"
#include "proof/persist.h"
#include "proof/test_fake_dns.h"

/* Records as FLAGS TAG VALUE; the judgement on them, of which WHY is a part. */
struct caa_case {
    struct {
        int flags;
        const char *tag, *value;
    } records[4];
    bool wildcard;
    const char *why; /* NULL: allowed */
};

static struct bytes
rdata_of(struct arena *a, int flags, const char *tag, const char *value)
{
    struct buf b;

    buf_init_in(&b, a, 8192);
    buf_byte(&b, (uint8_t)flags);
    buf_byte(&b, (uint8_t)strlen(tag));
    buf_text(&b, tag);
    buf_text(&b, value);
    return buf_bytes(&b);
}

#define ACCOUNT "https://ca.example.net/acme/acct/7"
#define LEGACY "https://old.example.net/acme/acct/7"

static const char *
judged(struct arena *a, const struct caa_case *c)
{
    static const char *const names[] = { "ca.example.net", "Pki.Example.NET" };
    static const char *const urls[] = { ACCOUNT, LEGACY };
    struct list records = { 0 }, identities = { 0 }, accounts = { 0 };
    struct caa_question q = { .wildcard = c->wildcard,
                              .method = "dns-01",
                              .accounts = &accounts,
                              .identities = &identities };

    for (size_t i = 0; i < 2; i++) {
        list_add(a, &identities, const char *, names[i]);
        list_add(a, &accounts, const char *, urls[i]);
    }
    for (size_t i = 0; i < COUNT(c->records) && c->records[i].tag; i++)
        list_add(a, &records, struct bytes,
                 rdata_of(a, c->records[i].flags, c->records[i].tag, c->records[i].value));
    return caa_judge(a, &records, &q);
}

TEST(caa_allows_whom_it_names_and_refuses_what_it_does_not_understand)
{
    static const struct caa_case cases[] = {
        { { { 0, "issue", "ca.example.net" } }, false, NULL },
        { { { 0, "issue", "CA.Example.net" } }, false, NULL },
        { { { 0, "issue", "pki.example.net" } }, false, NULL },
        { { { 0, "ISSUE", "  ca.example.net\t" } }, false, NULL },
        { { { 0, "issue", "ca.example.net;" } }, false, NULL },
        { { { 0, "issue", "ca.example.net ; \t" } }, false, NULL },
        { { { 0, "issue", "other.example" } }, false, "no issue property names us" },
        { { { 0, "issue", "ca.example.net.evil.example" } }, false, "names us" },
        { { { 0, "issue", ";" } }, false, "names us" },
        { { { 0, "issue", "" } }, false, "names us" },
        { { { 0, "issue", "%%%%%" } }, false, "malformed" },
        { { { 0, "issue", "ca.example.net bad" } }, false, "malformed" },
        { { { 0, "issue", "ca.example.net; x" } }, false, "malformed" },
        { { { 0, "issue", "ca.example.net; x=y;" } }, false, "malformed" },
        { { { 0, "issue", "-ca.example.net" } }, false, "malformed" },
        { { { 0, "issue", "ca..example.net" } }, false, "malformed" },
        { { { 0, "issue", "ca.example.net; x=y z" } }, false, "malformed" },
        { { { 0, "issue", "ca.example.net; x=y" } }, false, NULL },
        { { { 0, "issue", ";" }, { 0, "issue", "ca.example.net" } }, false, NULL },
        { { { 0, "issue", "other.example" }, { 0, "issue", "ca.example.net" } }, false, NULL },
        { { { 0, "issue", "%%%%%" }, { 0, "issue", "ca.example.net" } }, false, NULL },
        { { { 128, "tbs", "x" }, { 0, "issue", "ca.example.net" } }, false, "critical" },
        { { { 1, "tbs", "x" }, { 0, "issue", "ca.example.net" } }, false, "critical" },
        { { { 0, "tbs", "x" } }, false, NULL },
        { { { 128, "issue", "ca.example.net" } }, false, NULL },
        { { { 128, "iodef", "mailto:x@example.com" } }, false, NULL },
        { { { 128, "issuemail", ";" } }, false, NULL },
        { { { 128, "issuevmc", ";" } }, false, NULL },
        { { { 128, "contactemail", "x@example.com" } }, true, NULL },
        { { { 128, "contactphone", "1" } }, false, NULL },
        { { { 0, "t-bs", "x" } }, false, "malformed" },
        { { { 0, "", "x" } }, false, "malformed" },
        /* wildcards */
        { { { 0, "issuewild", "other.example" } }, false, NULL },
        { { { 0, "issuewild", "other.example" } }, true, "no issuewild property names us" },
        { { { 0, "issue", "ca.example.net" }, { 0, "issuewild", ";" } }, true, "issuewild" },
        { { { 0, "issue", ";" }, { 0, "issuewild", "ca.example.net" } }, true, NULL },
        { { { 0, "issue", ";" }, { 0, "issuewild", "ca.example.net" } }, false, "names us" },
        { { { 0, "issue", "ca.example.net" } }, true, NULL },
        { { { 0, "issue", ";" } }, true, "no issue property names us" },
        /* RFC 8657 */
        { { { 0, "issue", "ca.example.net; accounturi=" ACCOUNT } }, false, NULL },
        { { { 0, "issue", "ca.example.net; AccountURI=" LEGACY } }, false, NULL },
        { { { 0, "issue", "ca.example.net; accounturi=" ACCOUNT "/" } }, false, "another account" },
        { { { 0, "issue", "ca.example.net; accounturi=https://x/1" } }, false, "another account" },
        { { { 0, "issue", "ca.example.net; accounturi=" } }, false, "another account" },
        { { { 0, "issue", "ca.example.net; accounturi=" ACCOUNT "; accounturi=" ACCOUNT } },
          false,
          "another account" },
        { { { 0, "issue", "ca.example.net; validationmethods=dns-01" } }, false, NULL },
        { { { 0, "issue", "ca.example.net; validationmethods=http-01,dns-01" } }, false, NULL },
        { { { 0, "issue", "ca.example.net; validationmethods=http-01" } },
          false,
          "validationmethods does not allow dns-01" },
        { { { 0, "issue", "ca.example.net; validationmethods=" } }, false, "does not allow" },
        { { { 0, "issue", "ca.example.net; validationmethods=dns-01," } },
          false,
          "does not allow" },
        { { { 0, "issue", "ca.example.net; validationmethods=dns-01;validationmethods=dns-01" } },
          false,
          "does not allow" },
        { { { 0, "issue", "ca.example.net; accounturi=https://x/1; validationmethods=dns-01" } },
          false,
          "another account" },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *why = judged(a, &cases[i]);

        if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
            fail_msg("%s \"%s\"%s: %s, want %s", cases[i].records[0].tag, cases[i].records[0].value,
                     cases[i].wildcard ? " (wildcard)" : "", why ? why : "allowed",
                     cases[i].why ? cases[i].why : "allowed");
    }
}

TEST(caa_records_that_end_early_are_malformed)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct caa c;

    assert_false(caa_read(a, (struct bytes){ 0 }, &c));
    assert_false(caa_read(a, BYTES("\200"), &c));
    assert_false(caa_read(a, BYTES("\200\005issu"), &c));
    assert_true(caa_read(a, BYTES("\200\005issue"), &c));
    assert_string_equal(c.value, "");
    assert_true(caa_read(a, BYTES("\000\005issueca\000.net"), &c));
    assert_string_equal(c.value, "ca?.net");
}

TEST(persist_records_prove_for_their_issuer_account_and_time)
{
    static const struct {
        const char *text;
        bool wildcard;
        int want;        /* -1: malformed, 0: proves nothing, 1: proves */
        const char *why; /* a part; NULL: it is for another issuer */
    } cases[] = {
        { "ca.example.net; accounturi=" ACCOUNT, false, 1, NULL },
        { "CA.example.net;ACCOUNTURI=" LEGACY, false, 1, NULL },
        { "ca.example.net; accounturi=" ACCOUNT "; policy=WildCard", true, 1, NULL },
        { "ca.example.net; accounturi=" ACCOUNT "; policy=Wildcard", false, 1, NULL },
        { "ca.example.net; accounturi=" ACCOUNT "; policy=other", false, 1, NULL },
        { "ca.example.net; accounturi=" ACCOUNT "; policy=other", true, 0, "policy=wildcard" },
        { "ca.example.net; accounturi=" ACCOUNT, true, 0, "policy=wildcard" },
        { "ca.example.net; accounturi=" ACCOUNT "; x=y; persistUntil=2000", false, 1, NULL },
        { "ca.example.net; accounturi=" ACCOUNT "; persistUntil=1000", false, 1, NULL },
        { "ca.example.net; accounturi=" ACCOUNT "; persistUntil=999", false, 0, "has passed" },
        { "ca.example.net; accounturi=https://x/1", false, 0, "another account" },
        { "other.example; accounturi=" ACCOUNT, false, 0, NULL },
        { "ca.example.net", false, -1, NULL },
        { "; accounturi=" ACCOUNT, false, -1, NULL },
        { "ca.example.net; accounturi=a; accounturi=a", false, -1, NULL },
        { "ca.example.net; accounturi=a; policy=wildcard; policy=wildcard", false, -1, NULL },
        { "ca.example.net; accounturi=a; persistUntil=soon", false, -1, NULL },
        { "ca.example.net; accounturi=a; persistUntil=-1", false, -1, NULL },
        { "ca.example.net; accounturi=a; persistUntil=99999999999999999999", false, -1, NULL },
        { "ca.example.net; accounturi=a; persistUntil=1; persistuntil=1", false, -1, NULL },
        { "", false, -1, NULL },
        { "v=spf1 -all", false, -1, NULL },
    };
    AUTO(arena_free) struct arena *a = arena_new();
    struct list issuers = { 0 }, accounts = { 0 };
    struct persist_question q = { .accounts = &accounts, .issuers = &issuers };

    list_add(a, &issuers, const char *, "ca.example.net");
    list_add(a, &accounts, const char *, ACCOUNT);
    list_add(a, &accounts, const char *, LEGACY);
    q.now = WHEN_S(1000);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct persist p;
        const char *why = NULL;
        bool read = persist_read(a, bytes_of_text(cases[i].text), &p);

        q.wildcard = cases[i].wildcard;
        if (read != (cases[i].want >= 0))
            fail_msg("\"%s\" is%s read", cases[i].text, read ? "" : " not");
        if (!read)
            continue;
        if (persist_judge(&p, &q, &why) != (cases[i].want == 1))
            fail_msg("\"%s\": %s", cases[i].text, why ? why : "proves");
        if (cases[i].why)
            assert_non_null(strstr(why, cases[i].why));
        else
            assert_null(why);
    }
    assert_false(persist_read(a, BYTES("ca.example.net; accounturi=a\0b"), &(struct persist){ 0 }));
}

/* The check, with its climb. */

static void
answers(struct fake_dns_reply *r, const char *name, int type, UNUSED int times, UNUSED void *arg)
{
    r->ttl = 600;
    if (type != DNS_CAA)
        return;
    if (strcmp(name, "alias.example.test") == 0) {
        fake_dns_cname(r, "www.elsewhere.test");
        return;
    }
    if (strcmp(name, "alias2.example.test") == 0) {
        fake_dns_cname(r, "ours.test");
        fake_dns_caa(r, 0, "issue", "ca.example.net");
        return;
    }
    if (strcmp(name, "ours.test") == 0)
        fake_dns_caa(r, 0, "issue", "ca.example.net");
    if (strcmp(name, "example.test") == 0 || strcmp(name, "elsewhere.test") == 0)
        fake_dns_caa(r, 0, "issue", "other.example");
    if (strcmp(name, "broken.test") == 0)
        r->rcode = 2;
    if (strcmp(name, "nx.nowhere.test") == 0)
        r->rcode = 3;
    if (strcmp(name, "many.test") == 0) {
        r->truncated = !r->tcp;
        for (int i = 0; i < 101; i++)
            fake_dns_caa(r, 0, "issue", "ca.example.net");
    }
    if (strcmp(name, "tree.here") == 0)
        fake_dns_caa(r, 0, "issue", ";");
}

TEST(caa_is_looked_for_from_the_name_up_to_its_top_level_domain)
{
    static const struct {
        const char *name, *problem, *detail;
        const char *asked, *not_asked;
    } cases[] = {
        { "a.b.free.test", NULL, NULL, "test", NULL },
        { "ours.test", NULL, NULL, "ours.test", "test" },
        { "deep.down.ours.test", NULL, NULL, "down.ours.test", NULL },
        { "www.example.test", "caa", "CAA at example.test forbids this", "www.example.test", NULL },
        { "x.broken.test", "dns", "looking up CAA at broken.test: the resolver answered SERVFAIL",
          "x.broken.test", NULL },
        { "nx.nowhere.test", NULL, NULL, "nowhere.test", NULL },
        /* the tree of an alias' target is not climbed, that of the name is */
        { "alias.example.test", "caa", "CAA at example.test", "example.test", "elsewhere.test" },
        { "alias2.example.test", NULL, NULL, "alias2.example.test", NULL },
        { "many.test", "caa", "more than 100 records", "many.test", NULL },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(prover_free) struct prover *p = NULL;
    struct proof_request q = { .type = "dns", .challenge = "http-01" };
    struct proof_report report;
    struct proof_settings o;

    fake_dns_start(&f, answers, NULL);
    o = fake_settings(s, &f, 80);
    assert_ok(s, prover_new(s, &o, NULL, &p));
    q.value = "www.example.test";
    assert_ok(s, proof_caa(s, p, &q, &report)); /* we have no names: CAA is not consulted */
    assert_true(report.proved);
    assert_int_equal(fake_dns_asked(&f, q.value, DNS_CAA), 0);
    list_add(s->arena, &q.issuers, const char *, "ca.example.net");
    for (size_t i = 0; i < COUNT(cases); i++) {
        int before = cases[i].not_asked ? fake_dns_asked(&f, cases[i].not_asked, DNS_CAA) : 0;

        q.value = cases[i].name;
        assert_ok(s, proof_caa(s, p, &q, &report));
        if (report.proved != !cases[i].problem)
            fail_msg("%s: %s", q.value, report.detail ? report.detail : "allowed");
        if (cases[i].problem) {
            assert_string_equal(report.problem, cases[i].problem);
            assert_non_null(strstr(report.detail, cases[i].detail));
        }
        assert_true(fake_dns_asked(&f, cases[i].asked, DNS_CAA) > 0);
        if (cases[i].not_asked)
            assert_int_equal(fake_dns_asked(&f, cases[i].not_asked, DNS_CAA), before);
        assert_true(report.good_for_s <= 8 * 3600);
    }
    q.value = "ours.test";
    assert_ok(s, proof_caa(s, p, &q, &report));
    assert_int_equal(report.good_for_s, 600);
    q.type = "ip";
    q.value = "192.0.2.1";
    assert_ok(s, proof_caa(s, p, &q, &report));
    assert_true(report.proved);
}
