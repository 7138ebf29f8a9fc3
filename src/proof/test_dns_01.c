#include "pki/hash.h"
#include "pki/name.h"
#include "proof/dns_label.h"
#include "proof/test_fake_dns.h"

#include <ctype.h>

#define KEY_AUTH "tok.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define ACCOUNT "https://example.com/acme/acct/ExampleAccount"
#define LABEL "ujmmovf2vn55tgye"

static const char *
digest_text(struct arena *a)
{
    uint8_t digest[SHA256_LEN];

    hash_sha256(bytes_of_text(KEY_AUTH), digest);
    return base64url_encode(a, (struct bytes){ digest, sizeof(digest) });
}

static void
answers(struct fake_dns_reply *r, const char *name, int type, UNUSED int times, void *arg)
{
    const char *good = arg;

    r->ttl = 120;
    if (type != DNS_TXT)
        return;
    if (strcmp(name, "_acme-challenge.good.test") == 0 ||
        strcmp(name, "_" LABEL "._acme-challenge.account.test") == 0)
        fake_dns_txt(r, good);
    else if (strcmp(name, "_acme-challenge.among.test") == 0) {
        for (int i = 0; i < 20; i++)
            fake_dns_txt(r, "another order's");
        fake_dns_txt(r, good);
    } else if (strcmp(name, "_acme-challenge.late.test") == 0) {
        r->truncated = !r->tcp;
        for (int i = 0; i < 200; i++)
            fake_dns_txt(r, "one of very many");
    } else if (strcmp(name, "_acme-challenge.other.test") == 0) {
        fake_dns_txt(r, "left over\x07");
        fake_dns_txt(r, "another");
        fake_dns_txt(r, "");
    } else if (strcmp(name, "_acme-challenge.blank.test") == 0) {
        fake_dns_txt(r, "");
    } else if (strcmp(name, "_acme-challenge.nx.test") == 0) {
        r->rcode = 3;
    } else if (strcmp(name, "_acme-challenge.broken.test") == 0) {
        r->rcode = 2;
    } else if (strcmp(name, "_acme-challenge.alias.test") == 0) {
        fake_dns_cname(r, "good.acme-dns.test");
    } else if (strcmp(name, "good.acme-dns.test") == 0) {
        fake_dns_txt(r, good);
    } else if (strcmp(name, "_acme-challenge.split.test") == 0) {
        char rdata[64];
        int len = snprintf(rdata, sizeof(rdata), "%c%.10s%c%s", 10, good, (int)strlen(good) - 10,
                           good + 10);

        fake_dns_rdata(r, DNS_TXT, rdata, (size_t)len);
    } else if (strcmp(name, "_validation-persist.stay.test") == 0) {
        fake_dns_txt(r, "v=spf1 -all");
        fake_dns_txt(r, "other.example; accounturi=https://x/1");
        fake_dns_txt(r, "ca.example.net; accounturi=" ACCOUNT);
    } else if (strcmp(name, "_validation-persist.stranger.test") == 0) {
        fake_dns_txt(r, "ca.example.net; accounturi=https://x/1");
    }
}

struct world {
    struct scope *s;
    struct fake_dns dns;
    struct prover *p;
};

static void
world_init(struct world *w)
{
    struct proof_settings o;

    *w = (struct world){ .s = scope_new("test") };
    fake_dns_start(&w->dns, answers, (char *)(uintptr_t)digest_text(w->s->arena));
    o = fake_settings(w->s, &w->dns, 80);
    assert_ok(w->s, prover_new(w->s, &o, NULL, &w->p));
}

static void
world_done(struct world *w)
{
    prover_free(w->p);
    fake_dns_stop(&w->dns);
    scope_free(w->s);
}
OWNED_VALUE(struct world, world_done);

static struct proof_report
prove(struct world *w, const char *challenge, const char *name, bool wildcard)
{
    struct proof_request q = { .type = "dns",
                               .value = name,
                               .wildcard = wildcard,
                               .challenge = challenge,
                               .token = "tok",
                               .key_authorization = KEY_AUTH };
    struct proof_report report = { 0 };

    list_add(w->s->arena, &q.accounts, const char *, "https://new.example/acct/1");
    list_add(w->s->arena, &q.accounts, const char *, ACCOUNT);
    list_add(w->s->arena, &q.issuers, const char *, "ca.example.net");
    assert_ok(w->s, proof_run(w->s, w->p, &q, &report));
    return report;
}

TEST(dns_01_is_proved_by_one_record_among_any_others)
{
    static const struct {
        const char *name, *problem, *detail;
    } cases[] = {
        { "good.test", NULL, NULL },
        { "among.test", NULL, NULL },
        { "alias.test", NULL, NULL },
        { "split.test", NULL, NULL },
        { "other.test", "incorrectResponse", " and 2 more" },
        { "blank.test", "incorrectResponse",
          "no TXT record at _acme-challenge.blank.test is the expected one: \"\"" },
        { "late.test", "incorrectResponse", "\"one of very many\" and 99 more" },
        { "nx.test", "incorrectResponse", "no TXT record found at _acme-challenge.nx.test" },
        { "none.test", "incorrectResponse", "no TXT record found at _acme-challenge.none.test" },
        { "broken.test", "dns", "the resolver answered SERVFAIL" },
    };
    AUTO(world_done) struct world w;

    world_init(&w);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct proof_report report = prove(&w, "dns-01", cases[i].name, false);

        if (report.proved != !cases[i].problem)
            fail_msg("%s: %s", cases[i].name, report.detail ? report.detail : "proved");
        if (!cases[i].problem)
            continue;
        assert_string_equal(report.problem, cases[i].problem);
        if (!strstr(report.detail, cases[i].detail))
            fail_msg("%s: %s", cases[i].name, report.detail);
        assert_null(strchr(report.detail, '\x07'));
    }
    assert_true(prove(&w, "dns-01", "good.test", true).proved); /* *.good.test */
}

/* The record of cN.test is the N-th of them. */
static void
answers_loosely(struct fake_dns_reply *r, const char *name, int type, UNUSED int times, void *arg)
{
    const char *const *texts = arg;

    if (type == DNS_TXT)
        fake_dns_txt(r, texts[strtol(name + strlen("_acme-challenge.c"), NULL, 10)]);
}

static const char *
in_the_other_case(struct arena *a, const char *text)
{
    char *out = arena_printf(a, "%s", text);

    for (char *c = out; *c; c++)
        if (isalpha((unsigned char)*c))
            *c = (char)(*c ^ ' ');
    return out;
}

TEST(dns_01_is_proved_by_the_digest_to_the_octet)
{
    AUTO(arena_free) struct arena *a = arena_new();
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns dns = { 0 };
    const char *good = digest_text(a);
    uint8_t of_other[SHA256_LEN];
    const char *texts[] = {
        good,
        in_the_other_case(a, good),
        arena_printf(a, "x%s", good),
        arena_printf(a, "%sx", good),
        arena_printf(a, "%s ", good),
        arena_printf(a, " %s", good),
        arena_printf(a, "%s=", good),
        arena_printf(a, "\"%s\"", good),
        arena_printf(a, "%.*s", (int)strlen(good) - 1, good),
        arena_printf(a, "%s %s", good, good),
        KEY_AUTH,
        NULL, /* another account's of the same token */
    };

    hash_sha256(bytes_of_text("tok.LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"), of_other);
    texts[COUNT(texts) - 1] = base64url_encode(a, (struct bytes){ of_other, sizeof(of_other) });
    fake_dns_start(&dns, answers_loosely, (void *)texts);
    {
        struct proof_settings o = fake_settings(s, &dns, 80);
        struct world w = { .s = s };

        assert_ok(s, prover_new(s, &o, NULL, &w.p));
        for (size_t i = 0; i < COUNT(texts); i++) {
            struct proof_report report =
                prove(&w, "dns-01", arena_printf(a, "c%zu.test", i), false);

            if (report.proved != (i == 0))
                fail_msg("%s", texts[i]);
            if (i > 0)
                assert_string_equal(report.problem, "incorrectResponse");
        }
        prover_free(w.p);
    }
}

TEST(dns_account_01_looks_below_the_label_of_each_of_the_account_s_urls)
{
    AUTO(arena_free) struct arena *a = arena_new();
    AUTO(world_done) struct world w;
    struct proof_report report;

    assert_string_equal(dns_account_label(a, ACCOUNT), LABEL);
    world_init(&w);
    report = prove(&w, "dns-account-01", "account.test", true);
    assert_true(report.proved);
    assert_null(report.detail);
    report = prove(&w, "dns-account-01", "none.test", false);
    assert_string_equal(report.problem, "incorrectResponse");
    assert_non_null(strstr(report.detail, dns_account_label(a, "https://new.example/acct/1")));
}

TEST(dns_persist_01_is_proved_by_a_record_that_names_issuer_and_account)
{
    AUTO(world_done) struct world w;
    struct proof_report report;

    world_init(&w);
    report = prove(&w, "dns-persist-01", "stay.test", false);
    assert_true(report.proved);
    assert_int_equal(report.good_for_s, 120);
    report = prove(&w, "dns-persist-01", "stay.test", true);
    assert_false(report.proved);
    assert_non_null(strstr(report.detail, "policy=wildcard"));
    report = prove(&w, "dns-persist-01", "stranger.test", false);
    assert_non_null(strstr(report.detail, "another account"));
    report = prove(&w, "dns-persist-01", "none.test", false);
    assert_non_null(strstr(report.detail, "no TXT record found at _validation-persist.none.test"));
}

TEST(addresses_have_reverse_names)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct bytes ip;

    assert_true(ip_parse(a, "2001:db8::1", &ip));
    assert_string_equal(dns_reverse_name(a, ip),
                        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    assert_true(ip_parse(a, "192.0.2.5", &ip));
    assert_string_equal(dns_reverse_name(a, ip), "5.2.0.192.in-addr.arpa");
}
