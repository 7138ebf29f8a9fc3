/*
 * The same P-256 requests signed by several servers in one run: Chancery and its peers, each over
 * kept-open TLS with 1 to 64 clients; the rate, and the CPU time of the server and of its database.
 *
 * usage: bench-sign SERVERS [SECONDS [REQUESTS [CLIENTS...]]]
 *
 * SERVERS has a line for each: NAME KIND PORT PID DATABASE_PID SECRET. KIND "chancery" takes its
 * ready file for SECRET, "step" the PEM key of its JWK provisioner "bench", "bao" a token.
 * DATABASE_PID 0: none.
 */
#include "load.h"
#include "target.h"

#include "pki/csr.h"
#include "pki/jws.h"
#include "pki/pem.h"
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 16

static struct scope *S;

struct signing {
    char name[64], kind[16], secret[512];
    int port, pid, db_pid;
    int want_status;
    struct bytes (*make)(void *, struct arena *, int64_t);
    EVP_PKEY *key; /* of the provisioner */
    struct made made;
};

static struct bytes
post(struct arena *a, const char *path, const char *field, const char *body)
{
    struct buf b;

    buf_init_in(&b, a, 65536);
    buf_printf(&b,
               "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s"
               "Content-Length: %zu\r\n\r\n%s",
               path, field, strlen(body), body);
    return buf_bytes(&b);
}

static const char *
csr_json(struct arena *a, const struct signing *sv, int64_t n)
{
    struct buf b;

    buf_init_in(&b, a, 16384);
    json_text(&b, pem_text(a, PEM_CSR, sv->made.csrs[n]));
    return buf_str(&b);
}

/* A one-time token for the names of request N, as step-ca's own client makes it. */
static const char *
one_time_token(struct arena *a, const struct signing *sv, int64_t n)
{
    AUTO(scope_free) struct scope *s = scope_new("bench");
    const struct general_name *name;
    const char *claims, *text;
    struct csr csr;
    int64_t now = when_s(clock_now());

    must_be(s, csr_read(s, sv->made.csrs[n], &csr), "csr");
    name = csr.exts.san.items;
    claims = arena_printf(s->arena,
                          "{\"aud\":\"https://127.0.0.1:%d/1.0/"
                          "sign\",\"iss\":\"bench\",\"sub\":\"%s\",\"sans\":[\"%s\"],"
                          "\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld,\"jti\":\"%s\"}",
                          sv->port, name->text, name->text, (long long)now, (long long)now,
                          (long long)now + 300, s->id);
    must_be(s,
            jws_sign(s, sv->key, JWS_ES256, &(struct jws_head){ .typ = "JWT", .kid = "bench" },
                     bytes_of_text(claims), &text),
            "token");
    return arena_text(a, text);
}

static struct bytes
make_step(void *arg, struct arena *a, int64_t n)
{
    const struct signing *sv = arg;

    return post(a, "/1.0/sign", "",
                arena_printf(a, "{\"csr\":%s,\"ott\":\"%s\"}", csr_json(a, sv, n),
                             one_time_token(a, sv, n)));
}

static struct bytes
make_bao(void *arg, struct arena *a, int64_t n)
{
    const struct signing *sv = arg;

    return post(a, "/v1/pki/sign/bench", arena_printf(a, "X-Vault-Token: %s\r\n", sv->secret),
                arena_printf(a, "{\"csr\":%s,\"format\":\"pem\"}", csr_json(a, sv, n)));
}

static struct bytes
make_ours(void *arg, struct arena *a, int64_t n)
{
    struct signing *sv = arg;

    return make_request(&sv->made, a, n);
}

static void
prepare(struct signing *sv, struct bytes *csrs)
{
    FILE *f;

    sv->made.csrs = csrs;
    sv->want_status = 200;
    if (!strcmp(sv->kind, "chancery")) {
        sv->made.auth = target_read(S, sv->secret).auth;
        sv->make = make_ours;
    } else if (!strcmp(sv->kind, "bao")) {
        sv->make = make_bao;
    } else if (!strcmp(sv->kind, "step")) {
        f = fopen(sv->secret, "r");
        sv->key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
        if (f)
            fclose(f);
        if (!sv->key) {
            fprintf(stderr, "%s: no key\n", sv->secret);
            exit(1);
        }
        sv->want_status = 201;
        sv->make = make_step;
    } else {
        fprintf(stderr, "%s: no such kind\n", sv->kind);
        exit(2);
    }
}

static int
read_servers(const char *path, struct signing *out)
{
    FILE *f = fopen(path, "r");
    int count = 0;

    if (!f) {
        perror(path);
        exit(1);
    }
    while (count < SERVERS_MAX &&
           fscanf(f, "%63s %15s %d %d %d %511s", out[count].name, out[count].kind, &out[count].port,
                  &out[count].pid, &out[count].db_pid, out[count].secret) == 6)
        count++;
    fclose(f);
    return count;
}

static void
keep(const struct signing *sv, int clients, const char *what, double value)
{
    result(arena_printf(S->arena, "sign/%s/%d/%s", sv->name, clients, what), value);
}

static void
measure(struct signing *sv, int clients, double seconds, int64_t requests)
{
    struct load l = { .host = "127.0.0.1",
                      .port = sv->port,
                      .tls = true,
                      .clients = clients,
                      .requests = requests,
                      .most_s = seconds,
                      .make = sv->make,
                      .arg = sv,
                      .want_status = sv->want_status,
                      .cpu = 1 };
    struct load warm = l;
    struct load_result got;
    double cpu, db;

    warm.requests = warm.clients = 1; /* a password is checked once, connections are made */
    load_run(&warm, &got);
    cpu = process_cpu_s(sv->pid);
    db = sv->db_pid ? family_cpu_s(sv->db_pid) : 0;
    load_run(&l, &got);
    cpu = (process_cpu_s(sv->pid) - cpu) * 1e6 / (double)MAX(got.asked, INT64_C(1));
    db =
        sv->db_pid ? (family_cpu_s(sv->db_pid) - db) * 1e6 / (double)MAX(got.asked, INT64_C(1)) : 0;
    printf("%-24s %3d clients %7.0f/s  server CPU %6.0f us  database CPU %6.0f us  p50 %7.2f "
           "ms%s%.300s\n",
           sv->name, clients, (double)got.done / got.seconds, cpu, db, got.p50_ms,
           got.failed ? "  FAILED: " : "", got.failed ? got.first_failure : "");
    if (got.failed)
        exit(1);
    keep(sv, clients, "rate", (double)got.done / got.seconds);
    keep(sv, clients, "cpu", cpu);
    keep(sv, clients, "db", db);
}

int
main(int argc, char **argv)
{
    static struct signing servers[SERVERS_MAX];
    double seconds = argc > 2 ? atof(argv[2]) : 5;
    int64_t requests = argc > 3 ? atoll(argv[3]) : 12000;
    char *defaults[] = { "1", "4", "16", "64" };
    char **clients = argc > 4 ? argv + 4 : defaults;
    size_t turns = argc > 4 ? (size_t)argc - 4 : COUNT(defaults);
    struct bytes *csrs;
    int count;

    if (argc < 2) {
        fputs("usage: bench-sign SERVERS [SECONDS [REQUESTS [CLIENTS...]]]\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand((unsigned)clock_mono_us());
    S = scope_new("bench");
    count = read_servers(argv[1], servers);
    csrs = make_csrs(S, requests);
    for (int i = 0; i < count; i++)
        prepare(&servers[i], csrs);
    for (size_t turn = 0; turn < turns; turn++)
        for (int i = 0; i < count; i++)
            measure(&servers[i], atoi(clients[turn]), seconds, requests);
    return 0;
}
