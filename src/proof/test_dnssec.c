/* Signatures, by a real name server: Knot signs two zones, and then serves them, one of them
 * changed behind its back. */
#include "proof/test_fake_dns.h"

#include "base/random.h"
#include "net/reach.h"
#include "pki/name.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static const char *const zones[] = { "good.test", "bogus.test", "plain.test" };

struct knot {
    const char *dir;
    int port;
    pid_t pid;
};

static void
put_file(const struct knot *k, const char *name, const char *text)
{
    char path[600];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", k->dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Whether nobody has the port, by UDP and by TCP. */
static bool
is_free(int port)
{
    static const int kinds[] = { SOCK_STREAM, SOCK_DGRAM };
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    bool is = true;

    for (size_t i = 0; i < COUNT(kinds) && is; i++) {
        int fd = socket(AF_INET, kinds[i] | SOCK_CLOEXEC, 0);

        is = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
        (void)close(fd);
    }
    return is;
}

/* One below those that the system gives to whoever asks, before the server is there. */
static int
free_port(void)
{
    int port;

    do
        port = 12000 + (int)random_below(20000);
    while (!is_free(port));
    return port;
}

static void
put_settings(struct arena *a, const struct knot *k, bool sign)
{
    struct buf b;

    buf_init_in(&b, a, 8192);
    buf_printf(&b,
               "server:\n  rundir: \"%s\"\n  listen: 127.0.0.1@%d\n"
               "log:\n  - target: \"%s/log\"\n    any: info\n"
               "database:\n  storage: \"%s/db\"\n"
               "policy:\n  - id: p\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n"
               "zone:\n",
               k->dir, k->port, k->dir, k->dir);
    for (size_t i = 0; i < COUNT(zones); i++) {
        bool signs = sign && i < 2;

        buf_printf(&b, "  - domain: %s\n    file: \"%s/%s\"\n    zonefile-sync: 0\n", zones[i],
                   k->dir, zones[i]);
        buf_printf(&b, "    journal-content: none\n    dnssec-signing: %s\n%s",
                   signs ? "on" : "off", signs ? "    dnssec-policy: p\n" : "");
    }
    put_file(k, "conf", buf_str(&b));
}

static void
knot_start(struct knot *k)
{
    char conf[600];

    (void)snprintf(conf, sizeof(conf), "%s/conf", k->dir);
    k->pid = fork();
    assert_true(k->pid >= 0);
    if (k->pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a test fails */
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)execl("/usr/sbin/knotd", "knotd", "-c", conf, (char *)NULL);
        _exit(127);
    }
}

static void
knot_stop(struct knot *k)
{
    int status;

    if (k->pid <= 0)
        return;
    (void)kill(k->pid, SIGTERM);
    (void)waitpid(k->pid, &status, 0);
    k->pid = 0;
}
OWNED_VALUE(struct knot, knot_stop);

/** Wait until the zone's file holds signatures. */
static void
wait_signed(struct scope *s, const struct knot *k, const char *zone)
{
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    const char *path = arena_printf(s->arena, "grep -q RRSIG %s/%s", k->dir, zone);

    while (test_run(path) != 0) {
        if (waitpid(k->pid, NULL, WNOHANG) != 0)
            fail_msg("knotd does not run: is the package knot installed?");
        if (clock_mono_ms() > until)
            fail_msg("%s is not signed", zone);
        clock_nap(50);
    }
}

static void
wait_listening(struct scope *s, const struct knot *k)
{
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    struct bytes ip;
    int fd = -1;

    assert_true(ip_parse(s->arena, "127.0.0.1", &ip));
    while (reach_connect(s, ip, k->port, 500, &fd) != OK) {
        assert_true(clock_mono_ms() < until);
        clock_nap(50);
    }
    (void)close(fd);
}

/** Both zones signed; then, in one of them, a record that its signature does not cover. */
static void
knot_prepare(struct scope *s, struct knot *k)
{
    *k = (struct knot){ .dir = test_dir(), .port = free_port() };
    assert_int_equal(mkdir(arena_printf(s->arena, "%s/db", k->dir), 0700), 0);
    for (size_t i = 0; i < COUNT(zones); i++)
        put_file(
            k, zones[i],
            arena_printf(s->arena,
                         "$ORIGIN %s.\n@ 60 SOA ns hostmaster 1 3600 900 86400 40\n@ 60 NS ns\n"
                         "ns 60 A 127.0.0.1\n@ 60 CAA 0 issue \"ca.example.net\"\n"
                         "@ 60 A 127.0.0.1\n_acme-challenge 60 TXT \"original\"\n",
                         zones[i]));
    put_settings(s->arena, k, true);
    knot_start(k);
    wait_signed(s, k, "good.test");
    wait_signed(s, k, "bogus.test");
    assert_int_equal(test_run(arena_printf(s->arena,
                                           "for z in good bogus; do /usr/sbin/keymgr -c %s/conf "
                                           "$z.test ds; done >%s/anchors",
                                           k->dir, k->dir)),
                     0);
    knot_stop(k);
    assert_int_equal(test_run(arena_printf(s->arena,
                                           "sed -i s/original/tampered/ %s/bogus.test "
                                           "&& grep -q tampered %s/bogus.test",
                                           k->dir, k->dir)),
                     0);
    put_settings(s->arena, k, false);
    knot_start(k);
    wait_listening(s, k);
}

static struct dns_answer
asked(struct scope *s, const struct proof_settings *o, const char *name, enum dns_type type)
{
    AUTO(resolver_free) struct resolver *r = NULL;
    struct dns_answer a = { 0 };

    assert_ok(s, resolver_new(s, o, NULL, &r));
    assert_ok(s, resolver_ask(s, r, name, type, &a));
    return a;
}

static struct proof_settings
settings_for(struct scope *s, const struct knot *k)
{
    struct fake_dns at = { .port = k->port };
    struct proof_settings o = fake_settings(s, &at, 80);

    o.dnssec = DNSSEC_PREFER;
    o.trust_anchors = arena_printf(s->arena, "%s/anchors", k->dir);
    return o;
}

static void
check_answers(struct scope *s, const struct knot *k)
{
    struct proof_settings o = settings_for(s, k);
    struct dns_answer a = asked(s, &o, "_acme-challenge.good.test", DNS_TXT);

    assert_int_equal(a.end, DNS_ANSWERED);
    assert_true(a.secure);
    a = asked(s, &o, "nothing.good.test", DNS_TXT);
    assert_int_equal(a.end, DNS_NO_NAME);
    assert_int_equal(a.ttl_s, 40); /* as the SOA says of what is not there */
    assert_true(a.secure);
    a = asked(s, &o, "_acme-challenge.bogus.test", DNS_TXT);
    assert_int_equal(a.end, DNS_BOGUS);
    assert_int_equal(a.records.count, 0);
    assert_non_null(strstr(a.why, "DNSSEC validation failed: "));
    a = asked(s, &o, "_acme-challenge.plain.test", DNS_TXT);
    assert_int_equal(a.end, DNS_ANSWERED);
    assert_false(a.secure);

    o.dnssec = DNSSEC_REQUIRE;
    assert_int_equal(asked(s, &o, "_acme-challenge.good.test", DNS_TXT).end, DNS_ANSWERED);
    assert_int_equal(asked(s, &o, "nothing.good.test", DNS_TXT).end, DNS_NO_NAME);
    assert_int_equal(asked(s, &o, "_acme-challenge.plain.test", DNS_TXT).end, DNS_UNSIGNED);

    o.dnssec = DNSSEC_OFF;
    assert_int_equal(asked(s, &o, "_acme-challenge.bogus.test", DNS_TXT).end, DNS_ANSWERED);
    o.dnssec = DNSSEC_PREFER;
    list_add(s->arena, &o.insecure_domains, const char *, "_acme-challenge.bogus.test");
    assert_int_equal(asked(s, &o, "_acme-challenge.bogus.test", DNS_TXT).end, DNS_ANSWERED);
}

/** What a bogus answer means for a challenge and for CAA. */
static void
check_proofs(struct scope *s, const struct knot *k)
{
    AUTO(prover_free) struct prover *p = NULL;
    struct proof_settings o = settings_for(s, k);
    struct proof_request q = { .type = "dns",
                               .value = "bogus.test",
                               .challenge = "dns-01",
                               .token = "tok",
                               .key_authorization = "tok.x" };
    struct proof_report report;

    list_add(s->arena, &q.issuers, const char *, "ca.example.net");
    assert_ok(s, prover_new(s, &o, NULL, &p));
    assert_ok(s, proof_run(s, p, &q, &report));
    assert_string_equal(report.problem, "dns");
    assert_non_null(strstr(report.detail, "DNSSEC validation failed"));
    assert_non_null(strstr(report.steps, "\"answer\":\"BOGUS\""));
    q.value = "good.test";
    assert_ok(s, proof_caa(s, p, &q, &report));
    assert_true(report.proved);
    assert_non_null(strstr(report.steps, "\"dnssec\":\"secure\""));
    assert_true(report.good_for_s <= 60);
    q.value = "x.y.bogus.test"; /* its denial is signed rightly, the record is found above it */
    assert_ok(s, proof_caa(s, p, &q, &report));
    assert_true(report.proved);
}

/* seed S408 */
TEST(signatures_are_checked_against_a_real_name_server)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(knot_stop) struct knot k = { 0 };

    knot_prepare(s, &k);
    check_answers(s, &k);
    check_proofs(s, &k);
}
