#include "pki/hash.h"
#include "proof/test_fake_dns.h"

#define KEY_AUTH "tok.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

/* Two name servers, the first of which is the resolver, too. */
struct world {
    struct scope *s;
    struct fake_dns dns[2];
    struct prover *p;
};

static void
first_answers(struct fake_dns_reply *r, const char *name, int type, UNUSED int times, void *arg)
{
    static const char *const zones[] = { "agree.test", "differ.test", "deaf.test", "wrong.test" };

    for (size_t i = 0; i < COUNT(zones); i++)
        if (type == DNS_NS && strcmp(name, zones[i]) == 0) {
            fake_dns_ns(r, "ns1.test");
            fake_dns_ns(r, "ns2.test");
        }
    if (type == DNS_NS && strcmp(name, "inside.test") == 0)
        fake_dns_ns(r, "far.test");
    if (type == DNS_NS && strcmp(name, "lost.test") == 0)
        fake_dns_ns(r, "nowhere.test");
    if (type == DNS_A && strcmp(name, "ns1.test") == 0)
        fake_dns_address(r, "127.0.0.1");
    if (type == DNS_A && strcmp(name, "ns2.test") == 0)
        fake_dns_address(r, "127.0.0.2");
    if (type == DNS_A && strcmp(name, "far.test") == 0)
        fake_dns_address(r, "10.1.2.3");
    if (type != DNS_TXT)
        return;
    if (strcmp(name, "_acme-challenge.alias.elsewhere.test") == 0)
        fake_dns_cname(r, "txt.differ.test");
    fake_dns_txt(r, arg);
}

static void
second_answers(struct fake_dns_reply *r, const char *name, int type, UNUSED int times, void *arg)
{
    if (type != DNS_TXT || strstr(name, "differ.test"))
        return;
    r->drop = strstr(name, "deaf.test") != NULL;
    fake_dns_txt(r, strstr(name, "wrong.test") ? "another" : arg);
}

static void
world_init(struct world *w, bool all)
{
    static fake_dns_fn *const answers[2] = { first_answers, second_answers };
    struct proof_settings o;
    uint8_t digest[SHA256_LEN];

    *w = (struct world){ .s = scope_new("test") };
    hash_sha256(bytes_of_text(KEY_AUTH), digest);
    fake_dns_start_pair(
        w->dns, answers,
        (char *)(uintptr_t)base64url_encode(w->s->arena, (struct bytes){ digest, sizeof(digest) }));
    o = fake_settings(w->s, &w->dns[0], 80);
    o.all_name_servers = all;
    o.dns_port = w->dns[0].port;
    o.dns_timeout = 700;
    assert_ok(w->s, prover_new(w->s, &o, NULL, &w->p));
}

static void
world_done(struct world *w)
{
    prover_free(w->p);
    for (size_t i = 0; i < COUNT(w->dns); i++)
        fake_dns_stop(&w->dns[i]);
    scope_free(w->s);
}
OWNED_VALUE(struct world, world_done);

static struct proof_report
prove(struct world *w, const char *name)
{
    struct proof_request q = { .type = "dns",
                               .value = name,
                               .challenge = "dns-01",
                               .token = "tok",
                               .key_authorization = KEY_AUTH };
    struct proof_report report = { 0 };

    assert_ok(w->s, proof_run(w->s, w->p, &q, &report));
    return report;
}

TEST(every_name_server_of_the_zone_must_have_the_record)
{
    static const struct {
        const char *name, *problem, *detail;
    } cases[] = {
        { "agree.test", NULL, NULL },
        { "deep.below.agree.test", NULL, NULL },
        { "differ.test", "incorrectResponse",
          "the name servers of differ.test differ: ns1.test (127.0.0.1) has the record; ns2.test "
          "(127.0.0.2): no TXT record found at _acme-challenge.differ.test" },
        { "alias.elsewhere.test", "incorrectResponse", "the name servers of differ.test differ" },
        { "wrong.test", "incorrectResponse",
          "ns2.test (127.0.0.2): no TXT record at _acme-challenge.wrong.test is the expected one: "
          "\"another\"" },
        { "deaf.test", "dns",
          "ns2.test (127.0.0.2): looking up TXT at _acme-challenge.deaf.test: " },
        { "nobodys.test", "dns", "the zone has no name servers" },
        { "inside.test", "connection", "the address 10.1.2.3 of far.test is not allowed" },
        { "lost.test", "dns", "nowhere.test has no address" },
    };
    AUTO(world_done) struct world w;

    world_init(&w, true);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct proof_report report = prove(&w, cases[i].name);

        if (report.proved != !cases[i].problem)
            fail_msg("%s: %s", cases[i].name, report.detail ? report.detail : "proved");
        if (!cases[i].problem) {
            assert_non_null(strstr(report.steps, "\"step\":\"name_server\",\"name\":\"ns2.test\""));
            continue;
        }
        assert_string_equal(report.problem, cases[i].problem);
        if (!strstr(report.detail, cases[i].detail))
            fail_msg("%s: %s", cases[i].name, report.detail);
    }
}

TEST(name_servers_are_not_asked_unless_that_is_wanted)
{
    AUTO(world_done) struct world w;

    world_init(&w, false);
    assert_true(prove(&w, "differ.test").proved);
    assert_int_equal(fake_dns_asked(&w.dns[1], "_acme-challenge.differ.test", DNS_TXT), 0);
}
