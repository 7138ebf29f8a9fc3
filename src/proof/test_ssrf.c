/* What a stranger may try who steers where a validation goes: acme.md section 30 point 4. */
#include "net/test_fake_peer.h"
#include "pki/name.h"
#include "proof/test_fake_dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
#define KEY_AUTH TOKEN ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

/* A name says by itself where it leads: a-10-0-0-1.test has that address, m-... the same mapped,
 * and s-N.test the N-th of the networks below; c-X.test is an alias of X.test. */
static const char *const sixes[] = {
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "2002:7f00:1::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "::ffff:169.254.169.254",
};
static const char *const fours[] = {
    "0.0.0.0",     "10.0.0.1",    "100.64.0.1",      "100.100.100.200", "127.0.0.1",
    "127.255.0.9", "169.254.1.1", "169.254.169.254", "172.16.0.1",      "172.31.255.255",
    "192.0.0.1",   "192.0.0.192", "192.0.2.1",       "192.31.196.1",    "192.52.193.1",
    "192.88.99.1", "192.168.0.1", "192.175.48.1",    "198.18.0.1",      "198.51.100.1",
    "203.0.113.1", "224.0.0.1",   "240.0.0.1",       "255.255.255.255", "168.63.129.16",
};

static void
answers(struct fake_dns_reply *r, const char *name, int type, int times, UNUSED void *arg)
{
    int n = 0;

    if (name[0] == 'c' && name[1] == '-') {
        fake_dns_cname(r, name + 2);
    } else if (fake_dns_numbered(name, "four-", &n) && type == DNS_A) {
        fake_dns_address(r, fours[n]);
    } else if (fake_dns_numbered(name, "mapped-", &n) && type == DNS_AAAA) {
        char text[64];

        (void)snprintf(text, sizeof(text), "::ffff:%s", fours[n]);
        fake_dns_address(r, text);
    } else if (fake_dns_numbered(name, "six-", &n) && type == DNS_AAAA) {
        fake_dns_address(r, sixes[n]);
    } else if (strcmp(name, "rebinds.test") == 0 && type == DNS_A) {
        /* the first answer is allowed, the others are not */
        fake_dns_address(r, times ? "127.0.0.9" : "127.0.0.1");
    } else if (strcmp(name, "mixed.test") == 0) {
        if (type == DNS_A) {
            fake_dns_address(r, "10.0.0.1");
            fake_dns_address(r, "127.0.0.1");
        } else if (type == DNS_AAAA) {
            fake_dns_address(r, "fd00::1");
        }
    } else if (strcmp(name, "both.test") == 0) {
        fake_dns_address(r, type == DNS_A ? "127.0.0.1" : "::1");
    } else if ((strcmp(name, "good.test") == 0 || strcmp(name, "other.test") == 0 ||
                strcmp(name, "metadata.google.internal") == 0) &&
               type == DNS_A) {
        fake_dns_address(r, "127.0.0.1");
    }
}

struct world {
    struct scope *s;
    struct fake_dns dns;
    struct fake_peer web;
    struct proof_settings o;
    struct list own;
};

static void
world_init(struct world *w, const struct fake_step *steps, size_t count)
{
    *w = (struct world){ .s = scope_new("test") };
    fake_dns_start(&w->dns, answers, NULL);
    fake_start(&w->web, NULL, steps, count);
    w->o = fake_settings(w->s, &w->dns, w->web.port);
    w->o.allow_networks = (struct list){ 0 };
}

static void
world_done(struct world *w)
{
    fake_stop(&w->web);
    fake_dns_stop(&w->dns);
    scope_free(w->s);
}
OWNED_VALUE(struct world, world_done);

static void
allow(struct world *w, const char *network)
{
    list_add(w->s->arena, &w->o.allow_networks, const char *, network);
}

static struct proof_request
request_for(const char *challenge, const char *value)
{
    uint8_t v6[16];
    bool ip = strspn(value, "0123456789.") == strlen(value) || inet_pton(AF_INET6, value, v6) == 1;

    return (struct proof_request){ .type = ip ? "ip" : "dns",
                                   .value = value,
                                   .challenge = challenge,
                                   .token = TOKEN,
                                   .key_authorization = KEY_AUTH };
}

static struct proof_report
prove(struct world *w, const char *challenge, const char *value)
{
    AUTO(prover_free) struct prover *p = NULL;
    struct proof_request q = request_for(challenge, value);
    struct proof_report report = { 0 };

    assert_ok(w->s, prover_new(w->s, &w->o, &w->own, &p));
    assert_ok(w->s, proof_run(w->s, p, &q, &report));
    return report;
}

/** The guard refuses, before anything is connected to. */
static void
assert_guarded(struct world *w, const struct prover *p, const char *challenge, const char *value)
{
    struct proof_request q = request_for(challenge, value);
    struct proof_report report = { 0 };

    assert_ok(w->s, proof_run(w->s, p, &q, &report));
    assert_false(report.proved);
    if (!text_eq(report.problem, "connection") || !strstr(report.detail, "not allowed"))
        fail_msg("%s by %s: %s: %s", value, challenge, report.problem, report.detail);
    if (strstr(report.steps, "\"step\":\"connect\""))
        fail_msg("%s by %s was connected to", value, challenge);
}

/* seed S408, S416 */
TEST(no_special_network_is_reached_by_a_aaaa_mapped_alias_or_itself)
{
    static const char *const challenges[] = { "http-01", "tls-alpn-01" };
    static const struct fake_step good[] = { { .status = 200, .body = KEY_AUTH } };
    AUTO(world_done) struct world w;
    AUTO(prover_free) struct prover *p = NULL;
    struct arena *a;

    world_init(&w, good, 1);
    a = w.s->arena;
    assert_ok(w.s, prover_new(w.s, &w.o, NULL, &p));
    for (size_t c = 0; c < COUNT(challenges); c++) {
        for (size_t i = 0; i < COUNT(fours); i++) {
            const char *name = arena_printf(a, "four-%zu.test", i);

            assert_guarded(&w, p, challenges[c], name);
            assert_guarded(&w, p, challenges[c], arena_printf(a, "c-%s", name));
            assert_guarded(&w, p, challenges[c], arena_printf(a, "mapped-%zu.test", i));
            assert_guarded(&w, p, challenges[c], fours[i]);
        }
        for (size_t i = 0; i < COUNT(sixes); i++) {
            const char *name = arena_printf(a, "six-%zu.test", i);

            assert_guarded(&w, p, challenges[c], name);
            assert_guarded(&w, p, challenges[c], arena_printf(a, "c-%s", name));
            assert_guarded(&w, p, challenges[c], sixes[i]);
        }
        assert_guarded(&w, p, challenges[c], "localhost");
    }
    assert_int_equal(fake_calls(&w.web), 0);
}

TEST(a_redirect_leads_to_no_special_network)
{
    AUTO(world_done) struct world w;
    struct fake_step step = { .status = 302 };
    char body[] = "secret of our network";

    world_init(&w, fake_ok, 1);
    allow(&w, "127.0.0.1");
    for (size_t i = 0; i < COUNT(fours) + COUNT(sixes); i++) {
        bool four = i < COUNT(fours);
        struct proof_report report;

        if (four && strcmp(fours[i], "127.0.0.1") == 0)
            continue;
        if (!four && strstr(sixes[i - COUNT(fours)], "::7f00:1"))
            continue; /* that address once more */
        if (!four && (strcmp(sixes[i - COUNT(fours)], "::ffff:127.0.0.1") == 0 ||
                      strcmp(sixes[i - COUNT(fours)], "2002:7f00:1::1") == 0))
            continue;
        step.fields = arena_printf(w.s->arena, "Location: http://%s-%zu.test/x\r\n",
                                   four ? "four" : "six", four ? i : i - COUNT(fours));
        fake_script(&w.web, &step, 1);
        report = prove(&w, "http-01", "good.test");
        assert_string_equal(report.problem, "connection");
        if (!strstr(report.detail, "is not allowed"))
            fail_msg("%s: %s", step.fields, report.detail);
        assert_int_equal(fake_calls(&w.web), 1);
    }
    step.fields = "Location: http://metadata.google.internal/computeMetadata/v1/\r\n";
    step.body = body;
    fake_script(&w.web, &step, 1);
    assert_non_null(strstr(prove(&w, "http-01", "good.test").detail,
                           "the name metadata.google.internal is not allowed"));
    assert_int_equal(fake_calls(&w.web), 1);
}

TEST(a_redirect_to_another_port_scheme_or_address_is_not_followed)
{
    static const char *const locations[] = {
        "http://good.test:22/",
        "https://good.test:22/",
        "file:///etc/passwd",
        "file:/etc/passwd",
        "ftp://good.test/",
        "gopher://good.test/_x",
        "dict://good.test:2628/x",
        "ldap://good.test/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "//other.test/",
        "http://u:p@other.test/",
        "http:\\\\other.test\\",
        "http://other.test\\@good.test/",
    };
    AUTO(world_done) struct world w;
    struct fake_step step = { .status = 301 };

    world_init(&w, fake_ok, 1);
    allow(&w, "127.0.0.0/8");
    for (size_t i = 0; i < COUNT(locations); i++) {
        struct proof_report report;

        step.fields = arena_printf(w.s->arena, "Location: %s\r\n", locations[i]);
        fake_script(&w.web, &step, 1);
        report = prove(&w, "http-01", "good.test");
        assert_false(report.proved);
        assert_string_equal(report.problem, "connection");
        if (fake_calls(&w.web) != 1)
            fail_msg("%s was followed", locations[i]);
    }
}

/* seed S390, S408, S416 */
TEST(a_name_that_changes_its_address_is_resolved_once_and_that_address_is_connected_to)
{
    static const struct fake_step good[] = { { .status = 200, .body = KEY_AUTH } };
    static const struct fake_step again[] = {
        { .status = 302, .fields = "Location: http://rebinds.test/again\r\n" },
        { .status = 200, .body = KEY_AUTH },
    };
    AUTO(world_done) struct world w;
    struct proof_report report;

    world_init(&w, good, 1);
    allow(&w, "127.0.0.1");
    report = prove(&w, "http-01", "rebinds.test");
    assert_true(report.proved);
    assert_string_equal(report.address, "127.0.0.1");
    assert_int_equal(fake_dns_asked(&w.dns, "rebinds.test", DNS_A), 1);
    /* the second hop asks again, and what it gets is judged again */
    fake_script(&w.web, again, 2);
    report = prove(&w, "http-01", "rebinds.test");
    assert_string_equal(report.problem, "connection");
    assert_non_null(strstr(report.detail, "127.0.0.9 of rebinds.test is not allowed"));
    assert_int_equal(fake_calls(&w.web), 0);
}

TEST(of_mixed_answers_the_allowed_ones_are_used)
{
    static const struct fake_step good[] = { { .status = 200, .body = KEY_AUTH } };
    AUTO(world_done) struct world w;
    struct proof_report report;

    world_init(&w, good, 1);
    allow(&w, "127.0.0.1");
    report = prove(&w, "http-01", "mixed.test");
    assert_true(report.proved);
    assert_non_null(strstr(report.steps, "{\"step\":\"refused\",\"address\":\"10.0.0.1\"}"));
    assert_non_null(strstr(report.steps, "{\"step\":\"refused\",\"address\":\"fd00::1\"}"));
}

TEST(ipv4_is_tried_when_no_connection_by_ipv6_comes_about)
{
    static const struct fake_step good[] = { { .status = 200, .body = KEY_AUTH } };
    AUTO(world_done) struct world w;
    struct proof_report report;
    const char *six;

    world_init(&w, good, 1);
    allow(&w, "127.0.0.1");
    allow(&w, "::1");
    report = prove(&w, "http-01", "both.test");
    assert_true(report.proved);
    six = strstr(report.steps, "\"step\":\"connect\",\"address\":\"::1\"");
    assert_non_null(six); /* first, and refused: nobody listens there */
    assert_non_null(strstr(six, "\"step\":\"connect\",\"address\":\"127.0.0.1\""));
}

TEST(our_own_listeners_are_never_reached)
{
    AUTO(world_done) struct world w;
    struct endpoint *e;

    world_init(&w, fake_ok, 1);
    allow(&w, "127.0.0.0/8");
    e = list_push(w.s->arena, &w.own, struct endpoint);
    assert_ok(w.s, network_read(w.s, "0.0.0.0", &e->address));
    e->port = w.web.port;
    assert_string_equal(prove(&w, "http-01", "good.test").problem, "connection");
    assert_string_equal(prove(&w, "tls-alpn-01", "good.test").problem, "connection");
    assert_int_equal(fake_calls(&w.web), 0);
}

/* A server that sends what it likes, as slowly as it likes. */
struct sender {
    int listener, port;
    const char *head, *piece;
    int pieces, gap_ms;
    pthread_t thread;
    atomic_bool stop;
    atomic_llong sent;
};

static void *
send_all(void *arg)
{
    struct sender *x = arg;

    while (!atomic_load(&x->stop)) {
        struct pollfd p = { .fd = x->listener, .events = POLLIN };
        char junk[4096];
        int fd;

        if (poll(&p, 1, 20) <= 0)
            continue;
        fd = accept(x->listener, NULL, NULL);
        (void)!recv(fd, junk, sizeof(junk), 0);
        (void)!send(fd, x->head, strlen(x->head), MSG_NOSIGNAL);
        for (int i = 0; i < x->pieces && !atomic_load(&x->stop); i++) {
            ssize_t n = send(fd, x->piece, strlen(x->piece), MSG_NOSIGNAL);

            if (n < 0)
                break;
            atomic_fetch_add(&x->sent, n);
            clock_nap(x->gap_ms);
        }
        (void)close(fd);
    }
    return NULL;
}

static void
sender_start(struct sender *x)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(at);

    x->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(x->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(x->listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(listen(x->listener, 4), 0);
    x->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&x->thread, NULL, send_all, x), 0);
}

static void
sender_stop(struct sender *x)
{
    atomic_store(&x->stop, true);
    (void)pthread_join(x->thread, NULL);
    (void)close(x->listener);
}
OWNED_VALUE(struct sender, sender_stop);

TEST(what_is_too_long_or_too_slow_is_cut_off)
{
    static const struct {
        const char *head, *piece;
        int pieces, gap_ms;
        const char *problem, *detail;
        int64_t most_ms;
    } cases[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n", "0123456789abcdef0123456789abcdef",
          327680, 0, "incorrectResponse", "longer than 1024 octets", 1000 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
          "20\r\n0123456789abcdef0123456789abcdef\r\n", 327680, 0, "incorrectResponse",
          "longer than 1024 octets", 1000 },
        { "HTTP/1.1 200 OK\r\n", "X-More: 0123456789abcdef0123456789abcdef\r\n", 327680, 0,
          "connection", "the head is longer", 1000 },
        { "HTTP/1.1 404 Not\r\nContent-Length: 10485760\r\n\r\n", "0123456789abcdef", 655360, 0,
          "incorrectResponse", "answered 404", 1000 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "x", 1000, 50, "connection",
          "no complete answer in time", 4000 },
        { "HTTP/1.1 200 OK\r\n", "X-Drip: 1\r\n", 1000, 50, "connection",
          "no complete answer in time", 4000 },
        { "", "", 100, 100, "connection", "no complete answer in time", 4000 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(world_done) struct world w;
        AUTO(sender_stop)
        struct sender x = { .head = cases[i].head,
                            .piece = cases[i].piece,
                            .pieces = cases[i].pieces,
                            .gap_ms = cases[i].gap_ms };
        struct proof_report report;
        int64_t began = clock_mono_ms();

        world_init(&w, fake_ok, 1);
        allow(&w, "127.0.0.1");
        sender_start(&x);
        w.o.http_port = x.port;
        w.o.timeout = 1500;
        w.o.first_byte_timeout = 500;
        report = prove(&w, "http-01", "good.test");
        assert_false(report.proved);
        if (!text_eq(report.problem, cases[i].problem) || !strstr(report.detail, cases[i].detail))
            fail_msg("%zu: %s: %s", i, report.problem, report.detail);
        assert_true(clock_mono_ms() - began < cases[i].most_ms + 2000);
        assert_true(atomic_load(&x.sent) < 8 * 1024 * 1024); /* of 10 MB: what sockets hold */
    }
}
