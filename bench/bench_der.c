/* How fast certificates enter the register: a strict read with names, key, usages, names' texts and
 * three digests. */
#include "process.h"

#include "pki/tbs.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
cpu_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(struct scope *s, enum err e)
{
    if (e == OK)
        return;
    (void)fprintf(stderr, "bench-der: %s\n", s->error.text);
    exit(1);
}

static void
add(struct scope *s, struct list *to, const char *text)
{
    list_add(s->arena, to, const char *, text);
}

/* A server's certificate as our templates make it. */
static struct bytes
make(struct scope *s, struct key_spec spec)
{
    struct cert_plan plan = { .alg = SIG_ECDSA_SHA256, .not_after = WHEN_S(2000000000) };
    struct list names = { 0 }, eku = { 0 }, crl = { 0 }, ocsp = { 0 }, issuers = { 0 };
    struct bytes tbs, signature, der;
    uint8_t serial[SERIAL_LEN];
    EVP_PKEY *key, *ca;

    serial_new(serial);
    plan.serial = (struct bytes){ serial, sizeof(serial) };
    must(s, key_generate(s, spec, &key));
    must(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &ca));
    must(s, key_spki(s, key, &plan.spki));
    must(s, name_from_text(s, "CN=www.example.com,O=Contoso,L=Berlin,C=DE", &plan.subject));
    must(s, name_from_text(s, "CN=Issuing CA,O=Contoso,C=DE", &plan.issuer));
    list_add(s->arena, &names, struct general_name,
             ((struct general_name){ GN_DNS, "www.example.com" }));
    list_add(s->arena, &names, struct general_name,
             ((struct general_name){ GN_DNS, "example.com" }));
    add(s, &eku, OID_EKU_SERVER);
    add(s, &crl, "http://pki.example.com/crl/issuing.crl");
    add(s, &ocsp, "http://pki.example.com/ocsp");
    add(s, &issuers, "http://pki.example.com/ca/issuing.cer");
    ext_aki(s, &plan.exts, BYTES("0123456789abcdef0123"));
    ext_ski(s, &plan.exts, BYTES("0123456789abcdef0123"));
    ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE);
    ext_eku(s, &plan.exts, &eku, false);
    ext_san(s, &plan.exts, &names, false);
    ext_cdp(s, &plan.exts, &crl);
    ext_aia(s, &plan.exts, &ocsp, &issuers);
    must(s, tbs_build(s, &plan, &tbs));
    must(s, key_sign(s, ca, plan.alg, tbs, &signature));
    must(s, cert_assemble(s, tbs, plan.alg, signature, &der));
    return der;
}

static void
run(const char *name, const char *key, struct key_spec spec, int rounds)
{
    AUTO(scope_free) struct scope *s = scope_new("bench");
    AUTO(arena_free) struct arena *scratch = arena_new();
    struct scope turn = { .arena = scratch, .module = "bench" };
    struct bytes der = make(s, spec);
    double best = 1e9;

    for (int i = 0; i < 5; i++) {
        double start = cpu_s(), each;
        struct cert c;

        for (int n = 0; n < rounds; n++) {
            must(&turn, cert_read(&turn, der, &c));
            arena_reset(scratch);
        }
        each = (cpu_s() - start) / rounds;
        best = each < best ? each : best;
    }
    printf("%-16s %4zu octets  %6.2f us  %8.0f/s on one core\n", name, der.len, best * 1e6,
           1 / best);
    result(key, 1 / best);
}

int
main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 200000;

    run("leaf P-256", "der.p256", (struct key_spec){ KEY_EC, 256 }, rounds);
    run("leaf RSA-2048", "der.rsa", (struct key_spec){ KEY_RSA, 2048 }, rounds);
    return 0;
}
