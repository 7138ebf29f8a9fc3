#include "proof/test_fake_dns.h"

#include <stdatomic.h>

/* A name server, which sees the right record or a thief's. */
struct view {
    atomic_bool sees;
};

static void
answers(struct fake_dns_reply *r, const char *name, int type, UNUSED int times, void *arg)
{
    const struct view *v = arg;
    bool sees = atomic_load(&v->sees);

    r->ttl = sees ? 100 : 300;
    if (type == DNS_TXT && strcmp(name, "_validation-persist.a.test") == 0)
        fake_dns_txt(r, sees ? "ca.example.net; accounturi=https://x/1"
                             : "ca.example.net; accounturi=https://thief/1");
}

static struct proof_report
prove(struct scope *s, struct fake_dns *views, size_t count)
{
    AUTO(prover_free) struct prover *p = NULL;
    struct proof_settings o = fake_settings(s, &views[0], 80);
    struct proof_request q = { .type = "dns", .value = "a.test", .challenge = "dns-persist-01" };
    struct proof_report report = { 0 };

    list_add(s->arena, &q.accounts, const char *, "https://x/1");
    list_add(s->arena, &q.issuers, const char *, "ca.example.net");
    for (size_t i = 1; i <= count; i++)
        *list_push(s->arena, &o.perspectives.of, struct pair) =
            (struct pair){ arena_printf(s->arena, "view%zu", i),
                           arena_printf(s->arena, "127.0.0.1:%d", views[i].port) };
    assert_ok(s, prover_new(s, &o, NULL, &p));
    assert_ok(s, proof_run(s, p, &q, &report));
    return report;
}

TEST(what_one_view_has_proved_the_others_must_see_but_for_a_few)
{
    static const struct {
        size_t count;
        const char *sees; /* the first is the primary one */
        bool proved;
        const char *quorum;
    } cases[] = {
        { 0, "1", true, NULL },         { 1, "11", true, "1/1" },
        { 1, "10", false, "0/1" },      { 2, "101", true, "1/2" },
        { 2, "100", false, "0/2" },     { 5, "111110", true, "4/5" },
        { 5, "111100", false, "3/5" },  { 6, "1111100", true, "4/6" },
        { 6, "1111000", false, "3/6" }, { 2, "011", false, NULL },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct view views[7] = { 0 };
    struct fake_dns servers[7];

    for (size_t i = 0; i < COUNT(views); i++)
        fake_dns_start(&servers[i], answers, &views[i]);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct proof_report report;

        for (size_t j = 0; j <= cases[i].count; j++)
            atomic_store(&views[j].sees, cases[i].sees[j] == '1');
        report = prove(s, servers, cases[i].count);
        if (report.proved != cases[i].proved)
            fail_msg("%s: %s", cases[i].sees, report.detail ? report.detail : "proved");
        if (cases[i].quorum)
            assert_non_null(
                strstr(report.steps, arena_printf(s->arena, "\"agree\":\"%s\"", cases[i].quorum)));
        else
            assert_null(strstr(report.steps, "quorum"));
        if (report.proved)
            assert_int_equal(report.good_for_s, 100);
        else if (cases[i].sees[0] == '1')
            assert_non_null(strstr(report.detail, "During secondary validation: the TXT record at "
                                                  "_validation-persist.a.test is refused"));
    }
    for (size_t i = 0; i < COUNT(views); i++)
        fake_dns_stop(&servers[i]);
}

TEST(perspectives_are_checked_when_the_prover_is_made)
{
    static const char *const bad[] = { "", "dns.example", "127.0.0.1:0" };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct fake_dns none = { .port = 53 };
        struct proof_settings o = fake_settings(s, &none, 80);
        struct prover *p = NULL;

        *list_push(s->arena, &o.perspectives.of, struct pair) = (struct pair){ "oslo", bad[i] };
        assert_err(E_INVALID, prover_new(s, &o, NULL, &p));
        assert_says(s, "oslo");
        assert_null(p);
    }
}
