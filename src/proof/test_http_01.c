#include "net/test_fake_peer.h"
#include "proof/test_fake_dns.h"

#define TOKEN "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
#define KEY_AUTH TOKEN ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

/* Everything is on the loopback, but for what its name says. */
static void
answers(struct fake_dns_reply *r, const char *name, int type, UNUSED int times, UNUSED void *arg)
{
    if (strcmp(name, "nowhere.test") == 0)
        r->rcode = 3;
    else if (strcmp(name, "broken.test") == 0)
        r->rcode = 2;
    else if (strcmp(name, "empty.test") != 0 && type == DNS_A)
        fake_dns_address(r, "127.0.0.1");
}

struct world {
    struct scope *s;
    struct fake_dns dns;
    struct fake_peer web;
    struct proof_settings o;
};

static void
world_init(struct world *w, SSL_CTX *tls, const struct fake_step *steps, size_t count)
{
    *w = (struct world){ .s = scope_new("test") };
    fake_dns_start(&w->dns, answers, NULL);
    fake_start(&w->web, tls, steps, count);
    w->o = fake_settings(w->s, &w->dns, w->web.port);
}

static void
world_done(struct world *w)
{
    fake_stop(&w->web);
    fake_dns_stop(&w->dns);
    scope_free(w->s);
}
OWNED_VALUE(struct world, world_done);

static struct proof_report
prove(struct world *w, const char *type, const char *value)
{
    AUTO(prover_free) struct prover *p = NULL;
    struct proof_request q = { .type = type,
                               .value = value,
                               .challenge = "http-01",
                               .token = TOKEN,
                               .key_authorization = KEY_AUTH };
    struct proof_report report = { 0 };

    assert_ok(w->s, prover_new(w->s, &w->o, NULL, &p));
    assert_ok(w->s, proof_run(w->s, p, &q, &report));
    return report;
}

static void
assert_refused(struct world *w, const char *value, const char *problem, const char *detail)
{
    struct proof_report report = prove(w, "dns", value);

    assert_false(report.proved);
    if (!text_eq(report.problem, problem) || !strstr(report.detail, detail))
        fail_msg("%s: %s (want %s: %s)", report.problem, report.detail, problem, detail);
}

TEST(http_01_is_proved_by_the_key_authorization_with_white_space_after_it)
{
    static const struct fake_step good[] = { { .status = 200, .body = KEY_AUTH } };
    static const struct fake_step spaced[] = { { .status = 200, .body = KEY_AUTH " \r\n\t\n" } };
    AUTO(world_done) struct world w;
    struct proof_report report;

    world_init(&w, NULL, good, 1);
    report = prove(&w, "dns", "good.test");
    assert_true(report.proved);
    assert_null(report.problem);
    assert_string_equal(report.address, "127.0.0.1");
    assert_true(fake_heard(&w.web, "GET /.well-known/acme-challenge/" TOKEN " HTTP/1.1\r\n"));
    assert_true(fake_heard(&w.web, "Host: good.test:"));
    assert_true(fake_heard(&w.web, "User-Agent: chancery/"));
    assert_true(fake_heard(&w.web, "Accept: */*\r\n"));
    assert_true(fake_heard(&w.web, "Connection: close\r\n"));
    assert_false(fake_heard(&w.web, "Accept-Encoding"));
    assert_false(fake_heard(&w.web, "traceparent"));
    assert_non_null(strstr(report.steps, "\"step\":\"dns\",\"name\":\"good.test\",\"type\":\"A\""));
    assert_non_null(strstr(report.steps, "\"step\":\"connect\",\"address\":\"127.0.0.1\""));
    assert_non_null(strstr(report.steps, "\"step\":\"http\""));
    fake_script(&w.web, spaced, 1);
    assert_true(prove(&w, "dns", "good.test").proved);
    assert_true(prove(&w, "ip", "127.0.0.1").proved);
    assert_true(fake_heard(&w.web, "Host: 127.0.0.1:"));
}

TEST(http_01_says_what_came_instead)
{
    static const struct fake_step not_found[] = { { .status = 404, .body = "not here\x01\n" } };
    static const struct fake_step wrong[] = { { .status = 200, .body = "something else" } };
    static const struct fake_step before[] = { { .status = 200, .body = " " KEY_AUTH } };
    static const struct fake_step nothing[] = { { .status = 204 } };
    static const struct fake_step see_other[] = { { .status = 303,
                                                    .fields = "Location: http://b.test/\r\n" } };
    static const struct fake_step no_http[] = { { .raw = "SSH-2.0-OpenSSH_9.2\r\n" } };
    static const struct fake_step closed[] = { { 0 } };
    AUTO(world_done) struct world w;
    struct proof_report report;

    world_init(&w, NULL, not_found, 1);
    list_add(w.s->arena, &w.o.allow_networks, const char *, "127.0.0.1");
    report = prove(&w, "dns", "a.test");
    assert_string_equal(report.problem, "incorrectResponse");
    assert_non_null(strstr(report.detail, "answered 404 instead of 200"));
    /* nobody reads our network's pages through us */
    assert_null(strstr(report.detail, "not here"));
    assert_null(strstr(report.steps, "not here"));
    fake_script(&w.web, wrong, 1);
    assert_refused(&w, "a.test", "incorrectResponse", "did not answer with the key authorization");
    fake_script(&w.web, before, 1);
    assert_refused(&w, "a.test", "incorrectResponse", "did not answer with the key authorization");
    fake_script(&w.web, nothing, 1);
    assert_refused(&w, "a.test", "incorrectResponse", "answered 204");
    fake_script(&w.web, see_other, 1);
    assert_refused(&w, "a.test", "incorrectResponse", "answered 303");
    assert_int_equal(fake_calls(&w.web), 1);
    fake_script(&w.web, no_http, 1);
    assert_refused(&w, "a.test", "connection", "");
    fake_script(&w.web, closed, 1);
    assert_refused(&w, "a.test", "connection", "broke before an answer");
}

TEST(http_01_is_proved_by_the_key_authorization_to_the_octet_and_by_no_echo)
{
    static const char thumbprint[] = "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";
    static const struct fake_step loose[] = {
        { .status = 200,
          .body = "lOQxCyv8Q5onbjqXBMr7sctnO3TIaxdFOWYJXaJeUx0.9JG46wb3Rr_ahd-"
                  "ebxDn7CbKh1woU0Ta3m9FM21MQti" }, /* in the other case */
        { .status = 200, .body = TOKEN },
        { .status = 200, .body = TOKEN "." },
        { .status = 200, .body = thumbprint },
        { .status = 200, .body = TOKEN ".LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ" },
        { .status = 200,
          .body = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX1."
                  "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI" },
        { .status = 200, .body = "x" KEY_AUTH },
        { .status = 200, .body = KEY_AUTH "x" },
        { .status = 200, .body = KEY_AUTH "=" },
        { .status = 200, .body = KEY_AUTH "\n" KEY_AUTH },
        { .status = 200, .body = KEY_AUTH " x" },
        { .status = 200, .body = "\n" KEY_AUTH },
        { .status = 200, .body = "\xEF\xBB\xBF" KEY_AUTH },
        { .status = 200, .body = KEY_AUTH "\xC2\xA0" },
        { .status = 200, .body = "\"" KEY_AUTH "\"" },
        { .status = 200, .body = "<html>" KEY_AUTH "</html>" },
        { .status = 200, .body = "/.well-known/acme-challenge/" TOKEN },
        { .raw = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" },
        { .status = 404, .body = KEY_AUTH },
        { .status = 404, .body = "no /.well-known/acme-challenge/" TOKEN " here" },
        { .status = 206, .body = KEY_AUTH },
    };
    AUTO(world_done) struct world w;

    world_init(&w, NULL, loose, 1);
    for (size_t i = 0; i < COUNT(loose); i++) {
        struct proof_report report;

        fake_script(&w.web, &loose[i], 1);
        report = prove(&w, "dns", "a.test");
        if (report.proved || !text_eq(report.problem, "incorrectResponse"))
            fail_msg("%zu: %s", i, report.problem ? report.problem : "proved");
    }
}

TEST(http_01_needs_an_address_and_says_why_there_is_none)
{
    static const struct fake_step good[] = { { .status = 200, .body = KEY_AUTH } };
    AUTO(world_done) struct world w;

    world_init(&w, NULL, good, 1);
    assert_refused(&w, "nowhere.test", "dns", "nowhere.test has no address");
    assert_refused(&w, "empty.test", "dns", "empty.test has no address");
    assert_refused(&w, "broken.test", "dns", "the resolver answered SERVFAIL");
    w.o.allow_networks = (struct list){ 0 };
    assert_refused(&w, "a.test", "connection", "the address 127.0.0.1 of a.test is not allowed");
    assert_int_equal(fake_calls(&w.web), 0);
}

/* seed S387 */
TEST(http_01_follows_redirects_as_far_as_it_should)
{
    AUTO(world_done) struct world w;
    struct fake_step steps[8] = { { 0 } };
    struct proof_report report;

    world_init(&w, NULL, fake_ok, 1);
    for (int i = 0; i < 8; i++)
        steps[i] = (struct fake_step){ .status = i % 2 ? 301 : 307,
                                       .fields = arena_printf(
                                           w.s->arena, "Location: http://h%d.test/%d\r\n", i, i),
                                       .body = "moved" };
    steps[5] = (struct fake_step){ .status = 200, .body = KEY_AUTH };
    fake_script(&w.web, steps, 8);
    report = prove(&w, "dns", "a.test");
    assert_true(report.proved);
    assert_int_equal(fake_calls(&w.web), 6);
    assert_int_equal(fake_dns_asked(&w.dns, "h4.test", DNS_A), 1);

    steps[5] = steps[7];
    fake_script(&w.web, steps, 8);
    assert_refused(&w, "a.test", "connection", "more than 5 redirects");
    assert_int_equal(fake_calls(&w.web), 6);

    steps[1].fields = "Location: http://h0.test/0\r\n";
    fake_script(&w.web, steps, 8);
    assert_refused(&w, "a.test", "connection", "redirects in a loop");
    assert_int_equal(fake_calls(&w.web), 2);

    steps[0].fields = "Location: http://x.test/\r\nLocation: http://y.test/\r\n";
    fake_script(&w.web, steps, 8);
    assert_refused(&w, "a.test", "connection", "it has two Locations");
    steps[0].fields = "";
    fake_script(&w.web, steps, 8);
    assert_refused(&w, "a.test", "connection", "it has no Location");
}

TEST(requests_that_cannot_be_proved_are_errors)
{
    static const struct {
        struct proof_request q;
        enum err want;
    } cases[] = {
        { { "dns", "a.test", false, "http-02", TOKEN, KEY_AUTH }, E_UNSUPPORTED },
        { { "dns", "a.test", true, "http-01", TOKEN, KEY_AUTH }, E_UNSUPPORTED },
        { { "email", "a@a.test", false, "http-01", TOKEN, KEY_AUTH }, E_UNSUPPORTED },
        { { "dns", "a.test", false, "http-01", NULL, KEY_AUTH }, E_INVALID },
        { { "dns", "a.test", false, "http-01", TOKEN, NULL }, E_INVALID },
        { { "dns", NULL, false, "http-01", TOKEN, KEY_AUTH }, E_INVALID },
    };
    AUTO(world_done) struct world w;
    AUTO(prover_free) struct prover *p = NULL;
    struct proof_report report;

    world_init(&w, NULL, fake_ok, 1);
    assert_ok(w.s, prover_new(w.s, &w.o, NULL, &p));
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_err(cases[i].want, proof_run(w.s, p, &cases[i].q, &report));
}

TEST(settings_of_proofs_are_checked_when_the_prover_is_made)
{
    AUTO(world_done) struct world w;
    struct proof_settings bad;
    struct prover *p = NULL;

    world_init(&w, NULL, fake_ok, 1);
    bad = w.o;
    list_add(w.s->arena, &bad.allow_networks, const char *, "10.0.0.1/8");
    assert_err(E_INVALID, prover_new(w.s, &bad, NULL, &p));
    assert_says(w.s, "allow_networks");
    bad = w.o;
    bad.resolvers = (struct list){ 0 };
    list_add(w.s->arena, &bad.resolvers, const char *, "dns.example:53");
    assert_err(E_INVALID, prover_new(w.s, &bad, NULL, &p));
    assert_says(w.s, "resolvers");
    bad = w.o;
    *list_push(w.s->arena, &bad.resolvers_by_suffix.of, struct pair) =
        (struct pair){ "corp.test", "127.0.0.1:x" };
    assert_err(E_INVALID, prover_new(w.s, &bad, NULL, &p));
    assert_says(w.s, "corp.test");
    assert_null(p);
}
