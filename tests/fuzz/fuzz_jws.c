/*
 * Tokens. A JWS that nobody signed is never believed, whatever it says; claims that we sign come
 * back only when they keep the rules; a JWK that is taken is written and taken again as the same
 * key.
 */
#include "fuzz.h"

#include "pki/jwk.h"
#include "pki/jwt.h"
#include "pki/ssl_err.h"

#include <ctype.h>
#include <string.h>

#define NOW INT64_C(1763722800)

static EVP_PKEY *
our_key(void)
{
    static EVP_PKEY *key;

    if (!key)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    PROMISE(key != NULL);
    return key;
}

static EVP_PKEY *
find_key(void *context, const char *kid, unsigned alg)
{
    (void)context;
    (void)kid;
    (void)alg;
    return our_key();
}

/* A bug of a kind that is easily made: what others chose is taken to be plain words. */
static void
planted(const struct jwt_claims *claims)
{
#ifdef PLANT_BUG
    const char *const texts[] = { claims->subject, claims->id, claims->client_id, claims->scope };

    for (size_t i = 0; i < COUNT(texts); i++)
        for (const char *at = texts[i]; at && *at; at++)
            PROMISE(isalpha((unsigned char)*at) || *at == ' ');
#endif
    (void)claims;
}

static const struct jwt_rules rules = { .issuer = "i",
                                        .audience = "a",
                                        .algs = JWS_ALL,
                                        .now = { NOW * 1000 },
                                        .skew_ms = MINUTE_MS,
                                        .max_life_ms = DAY_MS,
                                        .find_key = find_key };

static void
check_claims(struct scope *s, struct bytes payload)
{
    struct jwt_claims claims;
    const char *text;

    if (jws_sign(s, our_key(), JWS_EDDSA, NULL, payload, &text) != OK)
        return;
    if (jwt_verify(s, text, strlen(text), &rules, &claims) != OK) {
        PROMISE(s->error.kind == E_UNAUTHENTICATED && s->error.code == CHY_BAD_TOKEN);
        return;
    }
    PROMISE(text_eq(claims.issuer, "i") && text_eq(claims.audience, "a"));
    PROMISE(when_cmp(claims.expires, WHEN_S(NOW - 60)) > 0);
    PROMISE(claims.expires.ms - claims.issued_at.ms <= DAY_MS);
    planted(&claims);
}

static void
check_jwk(struct scope *s, struct bytes text)
{
    EVP_PKEY *key, *again;
    const char *thumbprint;
    struct buf out;

    if (jwk_parse(s, text, &key) != OK)
        return;
    buf_init_in(&out, s->arena, 32768);
    PROMISE(jwk_write(s, key, NULL, NULL, NULL, &out) == OK);
    PROMISE(jwk_parse(s, buf_bytes(&out), &again) == OK);
    PROMISE(EVP_PKEY_eq(key, again) == 1);
    PROMISE(jwk_thumbprint(s, key, &thumbprint) == OK && strlen(thumbprint) == 43);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct bytes input = { data, len };
    struct jwt_claims claims;
    struct jws jws;

    if (jws_read(s, (const char *)data, len, &jws) == OK) {
        PROMISE(jws_alg_name(jws.alg) != NULL && json_is_object(jws.header));
        PROMISE(!json_get(jws.header, "crit"));
        PROMISE(jws.input.data >= data && jws.input.len < len);
        PROMISE(jws_verify(s, &jws, our_key(), JWS_ALL) == E_UNAUTHENTICATED);
    } else {
        PROMISE(s->error.kind == E_INVALID || s->error.kind == E_LIMIT);
    }
    scope_clear(s);
    PROMISE(jwt_verify(s, (const char *)data, len, &rules, &claims) == E_UNAUTHENTICATED);
    scope_clear(s);
    check_claims(s, input);
    scope_clear(s);
    check_jwk(s, input);
    return 0;
}
