#include "acme_client.h"
#include "answerer.h"
#include "target.h"

#include "base/when.h"
#include "codec/json.h"
#include "pki/jwk.h"
#include "pki/jws.h"
#include "pki/key.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P256_LEN 32
#define REQUEST_MAX 65536

static const char *const step_names[] = { "new order", "authorization", "challenge", "validation",
                                          "finalize",  "certificate",   "whole" };

const char *
acme_step_name(enum acme_step step)
{
    return step_names[step];
}

static _Noreturn void
give_up(const char *what, int status, const char *answer)
{
    fprintf(stderr, "%s: status %d: %.1500s\n", what, status, status < 0 ? "" : answer);
    exit(1);
}

/* Reading answers. */

static const char *
header_of(struct scope *s, const char *answer, const char *name)
{
    const char *at = header_in(answer, name);

    return at ? arena_text_n(s->arena, at, strcspn(at, "\r")) : NULL;
}

/* The body; one in chunks has its first chunk's length before it, and is small enough to have no
 * other. */
static const struct json *
body_of(struct scope *s, const char *what, const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n"), *from = body ? strchr(body, '{') : NULL;
    const char *to = from ? strrchr(from, '}') : NULL;
    struct json *j;

    if (!to)
        give_up(what, 0, answer);
    must_be(s, json_parse(s, (struct bytes){ (const uint8_t *)from, (size_t)(to - from) + 1 }, &j),
            what);
    return j;
}

static const char *
text_in(const struct json *j, const char *what, const char *name)
{
    const char *text = json_str(json_get(j, name));

    if (!text)
        give_up(what, 0, name);
    return text;
}

static const char *
path_of(const char *url)
{
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;

    return path ? path : "/";
}

/* A server. */

/* The directory; asked for by the server's own name, since some make their addresses of it. */
static const struct json *
read_directory(struct scope *s, const struct acme_site *site, const char *url)
{
    struct line *line = line_open(&site->load);
    const char *answer = NULL;
    const struct json *j;
    int status =
        line_ask(line,
                 bytes_of_text(arena_printf(s->arena, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                                            path_of(url), site->authority)),
                 &answer);

    if (status != 200)
        give_up(url, status, answer);
    j = body_of(s, url, answer);
    line_close(line);
    return j;
}

void
acme_site_read(struct scope *s, const char *url, struct acme_site *out)
{
    const char *host = strstr(url, "://") + 3, *port = strchr(host, ':');
    const struct json *j;

    *out =
        (struct acme_site){ .load = { .host = "127.0.0.1", .port = atoi(port + 1), .tls = true } };
    out->authority = arena_text_n(s->arena, host, strcspn(host, "/"));
    j = read_directory(s, out, url);
    out->new_nonce = text_in(j, url, "newNonce");
    out->new_account = text_in(j, url, "newAccount");
    out->new_order = text_in(j, url, "newOrder");
}

/* Asking. */

struct acme_talk {
    const struct acme_site *site;
    struct line *line;
    struct scope *s; /* what follows lives there */
    EVP_PKEY *key;
    const char *jwk, *thumbprint, *kid;
    char nonce[256];
    int64_t requests;
};

static void
keep_nonce(struct acme_talk *t, struct scope *s, const char *answer)
{
    const char *nonce = header_of(s, answer, "Replay-Nonce");

    if (!nonce)
        give_up("no nonce", 0, answer);
    snprintf(t->nonce, sizeof(t->nonce), "%s", nonce);
}

static const char *
flat_jws(struct acme_talk *t, struct scope *s, const char *url, const char *payload)
{
    const char *header =
        arena_printf(s->arena, "{\"alg\":\"ES256\",\"%s\":%s%s%s,\"nonce\":\"%s\",\"url\":\"%s\"}",
                     t->kid ? "kid" : "jwk", t->kid ? "\"" : "", t->kid ? t->kid : t->jwk,
                     t->kid ? "\"" : "", t->nonce, url);
    const char *head = base64url_encode(s->arena, bytes_of_text(header));
    const char *body = base64url_encode(s->arena, bytes_of_text(payload));
    const char *input = arena_printf(s->arena, "%s.%s", head, body);
    uint8_t raw[2 * P256_LEN];
    struct bytes der;

    must_be(s, key_sign(s, t->key, SIG_ECDSA_SHA256, bytes_of_text(input), &der), "signature");
    if (!ecdsa_to_raw(der, raw, P256_LEN))
        give_up("signature", 0, "");
    return arena_printf(s->arena, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
                        head, body, base64url_encode(s->arena, (struct bytes){ raw, sizeof(raw) }));
}

/* A signed request, which must have an answer of the status WANT. */
static const char *
ask(struct acme_talk *t, struct scope *s, const char *url, const char *payload, int want)
{
    const char *jws = flat_jws(t, s, url, payload), *answer;
    const char *request =
        arena_printf(s->arena,
                     "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n"
                     "Content-Type: application/jose+json\r\nContent-Length: %zu\r\n\r\n%s",
                     path_of(url), t->site->authority, strlen(jws), jws);
    int status = line_ask(t->line, bytes_of_text(request), &answer);

    if (status != want)
        give_up(url, status, answer);
    keep_nonce(t, s, answer);
    t->requests++;
    return answer;
}

static void
make_key(struct acme_talk *t)
{
    struct buf jwk;

    must_be(t->s, key_generate(t->s, (struct key_spec){ .type = KEY_EC, .bits = 256 }, &t->key),
            "key");
    buf_init_in(&jwk, t->s->arena, 1024);
    must_be(t->s, jwk_write(t->s, t->key, NULL, NULL, NULL, &jwk), "key");
    t->jwk = buf_str(&jwk);
    must_be(t->s, jwk_thumbprint(t->s, t->key, &t->thumbprint), "key");
}

struct acme_talk *
acme_talk_new(const struct acme_site *site)
{
    struct acme_talk *t = calloc(1, sizeof(*t));
    const char *head, *answer;
    int status;

    t->site = site;
    t->s = scope_new("bench");
    t->line = line_open(&site->load);
    make_key(t);
    head = arena_printf(t->s->arena, "HEAD %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                        path_of(site->new_nonce), site->authority);
    status = line_ask(t->line, bytes_of_text(head), &answer);
    if (status != 200)
        give_up("newNonce", status, answer);
    keep_nonce(t, t->s, answer);
    answer = ask(t, t->s, site->new_account, "{\"termsOfServiceAgreed\":true}", 201);
    t->kid = header_of(t->s, answer, "Location");
    t->requests = 0;
    return t;
}

void
acme_talk_free(struct acme_talk *t)
{
    line_close(t->line);
    scope_free(t->s);
    free(t);
}

int64_t
acme_talk_requests(const struct acme_talk *t)
{
    return t->requests;
}

/* An issuance. */

static const struct json *
http_challenge(const struct json *authz)
{
    const struct json *all = json_get(authz, "challenges");

    for (size_t i = 0; i < json_count(all); i++)
        if (text_eq(json_str(json_get(json_item(all, i), "type")), "http-01"))
            return json_item(all, i);
    give_up("an authorization without http-01", 0, "");
}

/* Ask for the order until it has this status; the first time at once or after a wait. */
static const struct json *
await(struct acme_talk *t, struct scope *s, const char *url, const char *want, int poll_ms)
{
    for (;;) {
        const struct json *order = body_of(s, url, ask(t, s, url, "", 200));
        const char *status = text_in(order, url, "status");

        if (text_eq(status, want))
            return order;
        if (!text_eq(status, "pending") && !text_eq(status, "processing"))
            give_up(url, 200, status);
        clock_nap(poll_ms);
    }
}

static void
lap(int64_t *since_us, double *ms)
{
    int64_t now = clock_mono_us();

    *ms = (double)(now - *since_us) / 1e3;
    *since_us = now;
}

void
acme_issue(struct acme_talk *t, const char *name, struct bytes csr, int poll_ms,
           double ms[ACME_STEPS])
{
    AUTO(scope_free) struct scope *s = scope_new("bench");
    int64_t began = clock_mono_us(), since = began;
    const struct json *order, *one;
    const char *answer, *url;

    answer =
        ask(t, s, t->site->new_order,
            arena_printf(s->arena, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}", name),
            201);
    url = header_of(s, answer, "Location");
    order = body_of(s, "order", answer);
    lap(&since, &ms[ACME_NEW_ORDER]);
    answer = ask(t, s, json_str(json_item(json_get(order, "authorizations"), 0)), "", 200);
    one = http_challenge(body_of(s, "authorization", answer));
    lap(&since, &ms[ACME_AUTHORIZATION]);
    answerer_expect(text_in(one, "challenge", "token"), t->thumbprint);
    answer = ask(t, s, text_in(one, "challenge", "url"), "{}", 200);
    one = body_of(s, "challenge", answer);
    lap(&since, &ms[ACME_CHALLENGE]);
    if (!text_eq(json_str(json_get(one, "status")), "valid"))
        clock_nap(poll_ms);
    (void)await(t, s, url, "ready", poll_ms);
    lap(&since, &ms[ACME_VALIDATION]);
    answer = ask(t, s, text_in(order, "order", "finalize"),
                 arena_printf(s->arena, "{\"csr\":\"%s\"}", base64url_encode(s->arena, csr)), 200);
    order = body_of(s, "finalize", answer);
    if (!text_eq(json_str(json_get(order, "status")), "valid")) {
        clock_nap(poll_ms);
        order = await(t, s, url, "valid", poll_ms);
    }
    lap(&since, &ms[ACME_FINALIZE]);
    answer = ask(t, s, text_in(order, "order", "certificate"), "", 200);
    if (!strstr(answer, "-----BEGIN CERTIFICATE-----"))
        give_up("no certificate", 200, answer);
    lap(&since, &ms[ACME_CERTIFICATE]);
    ms[ACME_WHOLE] = (double)(since - began) / 1e3;
}
