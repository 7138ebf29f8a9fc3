#include "target.h"

#include "codec/json.h"
#include "pki/csr.h"
#include "pki/pem.h"
#include "pki/tbs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
must_be(struct scope *s, enum err e, const char *what)
{
    if (e != OK) {
        fprintf(stderr, "%s: %s\n", what, s->error.text ? s->error.text : err_name(e));
        exit(1);
    }
}

static int
port_in(const char *url)
{
    return url && strrchr(url, ':') ? atoi(strrchr(url, ':') + 1) : 0;
}

struct target
target_read(struct scope *s, const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    struct target t = { 0 };
    int64_t pid = 0;

    if (!f) {
        perror(path);
        exit(1);
    }
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    fclose(f);
    must_be(s, json_parse(s, bytes_of_text(text), &t.ready), path);
    t.auth = base64_encode(
        s->arena, bytes_of_text(arena_printf(s->arena, "%s:%s", json_str(json_get(t.ready, "user")),
                                             json_str(json_get(t.ready, "password")))));
    t.data_dir = json_str(json_get(t.ready, "data_dir"));
    t.port = port_in(json_str(json_get(t.ready, "url")));
    t.http_port = port_in(json_str(json_get(t.ready, "http_url")));
    (void)json_int(json_get(t.ready, "pid"), &pid);
    t.pid = (int)pid;
    return t;
}

struct bytes *
make_csrs(struct scope *into, int64_t count)
{
    struct bytes *out = arena_alloc(into->arena, (size_t)count * sizeof(*out));

    for (int64_t i = 0; i < count; i++) {
        AUTO(scope_free) struct scope *s = scope_new("bench");
        struct csr_plan plan = { 0 };
        struct general_name name = { .kind = GN_DNS };
        EVP_PKEY *key;
        struct bytes der;

        name.text = arena_printf(s->arena, "host-%lld-%d.bench.example.com", (long long)i,
                                 rand() % 1000000);
        list_add(s->arena, &plan.sans, struct general_name, name);
        must_be(s, name_from_text(s, arena_printf(s->arena, "CN=%s", name.text), &plan.subject),
                "name");
        must_be(s, key_generate(s, (struct key_spec){ .type = KEY_EC, .bits = 256 }, &key), "key");
        must_be(s, csr_build(s, &plan, key, SIG_NONE, &der), "csr");
        out[i] = bytes_copy(into->arena, der);
    }
    return out;
}

struct bytes
make_request(void *arg, struct arena *a, int64_t n)
{
    const struct made *m = arg;
    char *pem = pem_text(a, PEM_CSR, m->csrs[n]);
    struct buf body, all;

    buf_init_in(&body, a, 65536);
    buf_init_in(&all, a, 65536);
    buf_text(&body, "{\"CSR\":");
    json_text(&body, pem);
    buf_text(&body, ",\"Template\":\"WebServer\",\"IncludeChain\":true,\"SANs\":{},\"Metadata\":{},"
                    "\"Timestamp\":\"2026-11-21T12:00:00Z\"}");
    buf_printf(&all,
               "POST /KeyfactorAPI/Enrollment/CSR HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
               "Basic %s\r\n"
               "Content-Type: application/json\r\nx-keyfactor-requested-with: APIClient\r\n"
               "x-certificateformat: PEM\r\nContent-Length: %zu\r\n\r\n",
               m->auth, body.len);
    buf_add(&all, body.data, body.len);
    return buf_bytes(&all);
}
