/*
 * Bodies of ACME requests (RFC 8555 section 6). What nobody signed is never taken, whatever it
 * says. What our key signed is taken only with the very address, algorithm and nonce that it must
 * have, once, as it was signed; and the names that an order of it gets are in the one form that
 * they have. Every refusal has its problem document.
 *
 * The first octet says what comes: a whole body, or members of the protected header, a payload and
 * members beside those of the JWS, a line each, that we put together and sign.
 */
#include "fuzz.h"

#include "acme/names.h"
#include "acme_face/call.h"
#include "pki/jwk.h"

#include <string.h>

enum { SIGNED = 1, NO_NONCE = 2, NO_URL = 4, NO_JWK = 8, NO_ALG = 16 };

#define URL "https://ca.example/acme/revoke-cert"
/* No kid begins so, for it is no UTF-8: there is no database to look for accounts in. */
#define BASE "https://\xff/acme"

/* A bug of a kind that is easily made: each member of a payload is taken to have a name. */
static void
planted(const struct json *payload)
{
#ifdef PLANT_BUG
    PROMISE(!json_get(payload, ""));
#endif
    (void)payload;
}

/* What there is of a server without a database. */
static struct nonces *nonces;
static EVP_PKEY *key;
static const char *jwk, *thumbprint;

static void
open_all(void)
{
    static struct nonce_options alone = { .alone = true, .life_ms = HOUR_MS };
    static struct scope *s;
    struct buf out;

    if (s)
        return;
    s = scope_new("fuzz");
    PROMISE(nonces_open(s, NULL, NULL, &alone, &nonces) == OK);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    PROMISE(key != NULL);
    buf_init_in(&out, s->arena, 4096);
    PROMISE(jwk_write(s, key, NULL, NULL, NULL, &out) == OK);
    jwk = buf_str(&out);
    PROMISE(jwk_thumbprint(s, key, &thumbprint) == OK);
}

static struct call *
call_with(struct scope *s, struct bytes body)
{
    static const struct resource by_either = { .word = "revoke-cert", .by = BY_EITHER };
    static struct acme_settings set = { .max_names = 100 };
    static const struct acme_endpoint ep = {
        .name = "", .base = BASE, .set = &set, .algorithms = JWS_ALL
    };
    struct acme *acme = arena_new_of(s->arena, struct acme);
    struct http_request *http = arena_new_of(s->arena, struct http_request);
    struct call *c = arena_new_of(s->arena, struct call);

    acme->nonces = nonces;
    http->scope = s;
    http->method = "POST";
    http->body = body;
    list_add(s->arena, &http->headers, struct header,
             ((struct header){ "Content-Type", "application/jose+json" }));
    *c = (struct call){
        .s = s, .http = http, .acme = acme, .ep = &ep, .res = &by_either, .url = URL
    };
    return c;
}

/** Have a body judged. */
static enum err
judge(struct scope *s, struct bytes body, struct call **out)
{
    struct acme_problem p;
    enum err e;

    scope_clear(s);
    *out = call_with(s, body);
    e = call_check(*out);
    if (e == OK)
        return e;
    p = acme_problem_of(s, e);
    PROMISE(p.status >= 400 && p.status < 500 && p.type && p.detail);
    PROMISE(acme_problem_json(s->arena, &p) != NULL);
    return e;
}

/* What a signed body is made of. */
struct parts {
    uint8_t how;
    const char *header, *payload, *beside; /* what the input says */
};

static const char *
next_line(struct arena *a, struct span *p)
{
    struct bytes line;
    const uint8_t *end = memchr(p->at, '\n', span_left(p));

    PROMISE(span_take(p, end ? (size_t)(end - p->at) : span_left(p), &line));
    if (end)
        p->at++;
    return arena_text_n(a, (const char *)line.data, strnlen((const char *)line.data, line.len));
}

static void
member(struct buf *b, const char *text)
{
    if (b->len > 1)
        buf_byte(b, ',');
    buf_text(b, text);
}

static const char *
header_of(struct scope *s, const struct parts *p)
{
    struct buf b;

    buf_init_in(&b, s->arena, (size_t)4 * JWS_MAX);
    buf_byte(&b, '{');
    if (!(p->how & NO_ALG))
        member(&b, "\"alg\":\"EdDSA\"");
    if (!(p->how & NO_NONCE))
        member(&b, arena_printf(s->arena, "\"nonce\":\"%s\"", nonce_new(nonces, s->arena)));
    if (!(p->how & NO_URL))
        member(&b, "\"url\":\"" URL "\"");
    if (!(p->how & NO_JWK))
        member(&b, arena_printf(s->arena, "\"jwk\":%s", jwk));
    if (*p->header)
        member(&b, p->header);
    buf_byte(&b, '}');
    return base64url_encode(s->arena, buf_bytes(&b));
}

/** A body with a signature; MORE is put behind the payload after it was made. */
static struct bytes
signed_body(struct scope *s, const struct parts *p, const char *more)
{
    const char *header = header_of(s, p),
               *payload = base64url_encode(s->arena, bytes_of_text(p->payload));
    struct bytes input = bytes_of_text(arena_printf(s->arena, "%s.%s", header, payload)), signature;
    struct buf b;

    PROMISE(key_sign(s, key, SIG_ED25519, input, &signature) == OK);
    buf_init_in(&b, s->arena, (size_t)4 * JWS_MAX);
    buf_printf(&b, "{\"protected\":\"%s\",\"payload\":\"%s%s\",\"signature\":\"%s\"%s%s}", header,
               payload, more, base64url_encode(s->arena, signature), *p->beside ? "," : "",
               p->beside);
    return buf_bytes(&b);
}

static void
check_names(struct scope *s, struct call *c)
{
    struct list names = { 0 }, again = { 0 }, problems = { 0 };
    struct bytes hash, same;
    const char *json, *twice;

    scope_clear(s);
    if (acme_names_read(s, c->ep, json_get(c->payload, "identifiers"), &names, &problems) != OK ||
        acme_names_json(s, &names, &json, &hash) != OK) {
        PROMISE((s->error.tag && s->error.kind == E_INVALID) ||
                text_eq(s->error.tag, "rejectedIdentifier"));
        return;
    }
    PROMISE(names.count > 0 && problems.count == 0);
    PROMISE(acme_names_of_json(s, json, &again) == OK && again.count == names.count);
    PROMISE(acme_names_json(s, &again, &twice, &same) == OK);
    PROMISE(text_eq(json, twice) && bytes_eq(hash, same));
    LIST_EACH(const struct acme_name, n, &names)
    {
        PROMISE(text_eq(n->value, text_fold(s->arena, n->value)));
        PROMISE(n->wildcard == (n->base != n->value) && !strchr(n->base, '*'));
    }
}

static void
check_taken(struct scope *s, const struct parts *p, struct bytes body, struct call *c)
{
    const struct json *header = c->jws.header;

    PROMISE(text_eq(json_str(json_get(header, "url")), URL) && !json_get(header, "kid"));
    PROMISE(text_eq(json_str(json_get(header, "alg")), "EdDSA") && json_get(header, "jwk"));
    PROMISE(!json_get(header, "crit") && !json_get(header, "b64") && !c->by_account);
    PROMISE(text_eq(c->key.thumbprint, thumbprint));
    PROMISE(!(p->how & NO_NONCE)); /* nobody guesses one */
    PROMISE(*p->payload ? json_is_object(c->payload) : !c->payload);
    if (c->payload) {
        planted(c->payload);
        check_names(s, c);
    }
    PROMISE(judge(s, body, &c) == E_INVALID && text_eq(s->error.tag, "badNonce"));
    PROMISE(judge(s, signed_body(s, p, "AAAA"), &c) == E_INVALID);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct span rest = { data + 1, data + len };
    struct bytes body;
    struct parts p;
    struct call *c;

    open_all();
    if (!len)
        return 0;
    p.how = data[0];
    if (!(p.how & SIGNED)) {
        PROMISE(judge(s, (struct bytes){ data + 1, len - 1 }, &c) != OK);
        return 0;
    }
    p.header = next_line(s->arena, &rest);
    p.payload = next_line(s->arena, &rest);
    p.beside = next_line(s->arena, &rest);
    body = signed_body(s, &p, "");
    if (judge(s, body, &c) == OK)
        check_taken(s, &p, body, c);
    return 0;
}
