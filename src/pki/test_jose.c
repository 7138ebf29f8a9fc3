#include "base/test.h"
#include "pki/jwk.h"
#include "pki/jwt.h"
#include "pki/key.h"

#define NOW INT64_C(1763722800)

static EVP_PKEY *
new_key(struct scope *s, const char *kind)
{
    EVP_PKEY *key = NULL;

    if (text_starts(kind, "P-"))
        key = EVP_EC_gen(kind);
    else if (text_eq(kind, "RSA"))
        key = EVP_RSA_gen(2048);
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
    assert_non_null(key);
    return arena_own(s->arena, key, EVP_PKEY_free);
}

static const char *const kinds[] = { "P-256", "P-384", "P-521", "RSA", "ED25519", "ED448" };

#define RFC_N                                                                                  \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"  \
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_" \
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"        \
    "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

/* RFC 7638 section 3.1 and RFC 8037 appendix A.3 */
TEST(thumbprints_are_those_of_the_standards)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct {
        const char *jwk, *thumbprint;
    } cases[] = {
        { "{\"kty\":\"RSA\",\"n\":\"" RFC_N
          "\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
          "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },
        { "{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AAEAAQ\"}", /* a zero octet in front */
          "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"
          "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
          "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        EVP_PKEY *key;
        const char *text;

        assert_ok(s, jwk_parse(s, bytes_of_text(cases[i].jwk), &key));
        assert_ok(s, jwk_thumbprint(s, key, &text));
        assert_string_equal(text, cases[i].thumbprint);
    }
}

TEST(keys_survive_the_way_to_json_and_back)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(kinds); i++) {
        EVP_PKEY *key = new_key(s, kinds[i]), *back;
        struct buf out;

        buf_init_in(&out, s->arena, 8192);
        assert_ok(s, jwk_write(s, key, "k\"1", jws_alg_name(jws_alg_of_key(key)), "sig", &out));
        assert_ok(s, jwk_parse(s, buf_bytes(&out), &back));
        assert_int_equal(EVP_PKEY_eq(key, back), 1);
        assert_non_null(strstr(buf_str(&out), "\"kid\":\"k\\\"1\""));
    }
}

#define X32 "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y32 "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

TEST(bad_jwks_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct {
        const char *jwk;
        enum err kind;
    } cases[] = {
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" Y32 "\"}", OK },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" X32 "\"}", E_INVALID },
        { "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X32 "\",\"y\":\"" Y32 "\"}", E_INVALID },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "=\",\"y\":\"" Y32 "\"}", E_INVALID },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"" Y32 "\"}", E_INVALID },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\"}", E_INVALID },
        { "{\"kty\":\"EC\",\"x\":\"" X32 "\",\"y\":\"" Y32 "\"}", E_INVALID },
        { "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X32 "\",\"y\":\"" Y32 "\"}",
          E_UNSUPPORTED },
        { "{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" X32 "\",\"y\":\"" Y32 "\"}",
          E_UNSUPPORTED },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" Y32 "\",\"d\":\"AA\"}",
          E_INVALID },
        { "{\"kty\":\"oct\",\"k\":\"AAAA\"}", E_INVALID },
        { "{\"kty\":\"XXX\"}", E_UNSUPPORTED },
        { "{\"kty\":7}", E_INVALID },
        { "{}", E_INVALID },
        { "[]", E_INVALID },
        { "nonsense", E_INVALID },
        { "{\"kty\":\"RSA\",\"n\":\"" X32 "\",\"e\":\"AQAB\"}", E_INVALID },
        { "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", E_INVALID },
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", E_INVALID },
        { "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" X32 "\"}", E_UNSUPPORTED },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        EVP_PKEY *key;
        enum err e = jwk_parse(s, bytes_of_text(cases[i].jwk), &key);

        if (e != cases[i].kind)
            fail_msg("%s: %s", cases[i].jwk, err_name(e));
        scope_clear(s);
    }
}

static const struct verifier *
made_ready(struct scope *s, EVP_PKEY *key)
{
    return arena_own(s->arena, verifier_new(key), verifier_unref);
}

TEST(every_algorithm_signs_and_verifies)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i <= COUNT(kinds); i++) {
        EVP_PKEY *key = new_key(s, i < COUNT(kinds) ? kinds[i] : "RSA"), *other;
        unsigned alg = i < COUNT(kinds) ? jws_alg_of_key(key) : JWS_PS256;
        const struct jws_head head = { "JWT", "one" };
        const char *text;
        struct jws jws;

        assert_ok(s, jws_sign(s, key, alg, &head, BYTES("{\"a\":1}"), &text));
        assert_ok(s, jws_read(s, text, strlen(text), &jws));
        assert_int_equal(jws.alg, alg);
        assert_string_equal(jws.kid, "one");
        assert_string_equal(jws.typ, "JWT");
        assert_true(bytes_eq(jws.payload, BYTES("{\"a\":1}")));
        assert_ok(s, jws_verify(s, &jws, key, alg));
        assert_err(E_UNAUTHENTICATED, jws_verify(s, &jws, key, JWS_ALL & ~alg));
        assert_err(E_UNAUTHENTICATED, jws_verify(s, &jws, key, 0));
        assert_ok(s, jws_verify_by(s, &jws, made_ready(s, key), alg));
        assert_err(E_UNAUTHENTICATED, jws_verify_by(s, &jws, made_ready(s, key), JWS_ALL & ~alg));
        other = new_key(s, i < COUNT(kinds) ? kinds[i] : "RSA");
        assert_err(E_UNAUTHENTICATED, jws_verify(s, &jws, other, JWS_ALL));
        assert_err(E_UNAUTHENTICATED, jws_verify_by(s, &jws, made_ready(s, other), JWS_ALL));
        other = new_key(s, i == 0 ? "RSA" : "P-256");
        assert_err(E_UNAUTHENTICATED, jws_verify(s, &jws, other, JWS_ALL));
        assert_err(E_UNAUTHENTICATED, jws_verify_by(s, &jws, made_ready(s, other), JWS_ALL));
    }
}

/* RFC 7515 appendix A.3: ES256 with a known key. */
TEST(the_example_of_rfc_7515_verifies)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *jwk = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" Y32 "\"}";
    const char *text =
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p"
        "c19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3"
        "-Kg6NU1Q";
    EVP_PKEY *key;
    struct jws jws;
    char *changed;

    assert_ok(s, jwk_parse(s, bytes_of_text(jwk), &key));
    assert_ok(s, jws_read(s, text, strlen(text), &jws));
    assert_ok(s, jws_verify(s, &jws, key, JWS_ES256));
    changed = arena_text(s->arena, text);
    changed[30] = changed[30] == 'A' ? 'B' : 'A';
    assert_ok(s, jws_read(s, changed, strlen(changed), &jws));
    assert_err(E_UNAUTHENTICATED, jws_verify(s, &jws, key, JWS_ES256));
    /* zero is no signature (CVE-2022-21449) */
    changed =
        arena_printf(s->arena, "%.*s%s", (int)(strrchr(text, '.') + 1 - text), text,
                     base64url_encode(s->arena, (struct bytes){ arena_alloc(s->arena, 64), 64 }));
    assert_ok(s, jws_read(s, changed, strlen(changed), &jws));
    assert_err(E_UNAUTHENTICATED, jws_verify(s, &jws, key, JWS_ES256));
}

static char *
compact(struct scope *s, const char *header, const char *payload)
{
    return arena_printf(s->arena, "%s.%s.AAAA", base64url_encode(s->arena, bytes_of_text(header)),
                        base64url_encode(s->arena, bytes_of_text(payload)));
}

TEST(strange_headers_and_shapes_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"HS256\"}",
        "{\"alg\":\"es256\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":null}",
        "{\"alg\":[\"ES256\"]}",
        "{}",
        "[]",
        "",
        "\"ES256\"",
        "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"ES256\",\"crit\":[]}",
        "{\"alg\":\"ES256\",\"b64\":false}",
        "{\"alg\":\"ES256\",\"kid\":7}",
        "{\"alg\":\"ES256\",\"alg\":\"none\"}",
        "{\"alg\":\"none\",\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\"",
    };
    const char *const shapes[] = { "",
                                   ".",
                                   "..",
                                   "eyJhbGciOiJFUzI1NiJ9",
                                   "a.b.c",
                                   "a.b.c.d",
                                   "e30.e30.",
                                   "eyJhbGciOiJFUzI1NiJ9.e30.",
                                   "eyJhbGciOiJFUzI1NiJ9.e30.AAAA=",
                                   "eyJhbGciOiJFUzI1NiJ9.e3 0.AAAA",
                                   "eyJhbGciOiJFUzI1NiJ9=.e30.AAAA",
                                   "eyJhbGciOiJFUzI1NiJ9.e30.AA/A",
                                   "eyJhbGciOiJFUzI1NiJ9.e30.AAAA.AA" };
    char *big = arena_alloc(s->arena, JWS_MAX + 2);
    struct jws jws;

    assert_ok(s, jws_read(s, "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", 29, &jws));
    for (size_t i = 0; i < COUNT(headers); i++) {
        const char *text = compact(s, headers[i], "{}");

        if (jws_read(s, text, strlen(text), &jws) != E_INVALID)
            fail_msg("taken: %s", headers[i]);
        scope_clear(s);
    }
    for (size_t i = 0; i < COUNT(shapes); i++) {
        if (jws_read(s, shapes[i], strlen(shapes[i]), &jws) != E_INVALID)
            fail_msg("taken: %s", shapes[i]);
        scope_clear(s);
    }
    memset(big, 'A', JWS_MAX + 1);
    assert_err(E_LIMIT, jws_read(s, big, JWS_MAX + 1, &jws));
    assert_ok(s, jws_read_parts(s, "eyJhbGciOiJFUzI1NiJ9", "e30", "AAAA", &jws));
    assert_err(E_INVALID, jws_read_parts(s, "eyJhbGciOiJFUzI1NiJ9", "e3.0", "AAAA", &jws));
}

TEST(ecdsa_signatures_keep_their_leading_zeros)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    uint8_t raw[64], again[64], back[132] = { 0 };
    struct bytes der;

    for (int i = 0; i < 64; i++) {
        memset(raw, 0xff, sizeof(raw));
        memset(raw, 0, (size_t)i % 32);
        memset(raw + 32, 0, (size_t)(i * 7) % 32);
        assert_true(ecdsa_of_raw(s->arena, (struct bytes){ raw, 64 }, &der));
        assert_true(ecdsa_to_raw(der, again, 32));
        assert_memory_equal(raw, again, 64);
    }
    memset(raw, 0xff, sizeof(raw));
    assert_true(ecdsa_of_raw(s->arena, (struct bytes){ raw, 64 }, &der));
    assert_true(ecdsa_to_raw(der, back, 66)); /* P-521: 66 octets each */
    assert_false(ecdsa_to_raw(der, back, 20));
    assert_false(ecdsa_to_raw(BYTES("\x30\x00"), back, 32));
    assert_false(ecdsa_of_raw(s->arena, (struct bytes){ raw, 63 }, &der));
    assert_false(ecdsa_of_raw(s->arena, (struct bytes){ raw, 0 }, &der));
}

/* The finder of the tests: one key with one id. */
struct ring {
    EVP_PKEY *key;
    const char *kid;
};

static EVP_PKEY *
find_key(void *context, const char *kid, UNUSED unsigned alg)
{
    const struct ring *ring = context;

    return text_eq(kid, ring->kid) ? ring->key : NULL;
}

static struct jwt_claims
claims_of(void)
{
    return (struct jwt_claims){ .issuer = "https://ca.example",
                                .subject = "u_1",
                                .audience = "api",
                                .id = "j1",
                                .client_id = "c1",
                                .scope = "read write",
                                .expires = WHEN_S(NOW + 600),
                                .not_before = WHEN_S(NOW),
                                .issued_at = WHEN_S(NOW) };
}

static struct jwt_rules
rules_of(struct ring *ring)
{
    return (struct jwt_rules){ .issuer = "https://ca.example",
                               .audience = "api",
                               .type = "at+jwt",
                               .algs = JWS_ES256,
                               .now = WHEN_S(NOW + 10),
                               .skew_ms = 30 * SECOND_MS,
                               .max_life_ms = HOUR_MS,
                               .find_key = find_key,
                               .context = ring };
}

TEST(a_token_comes_back_with_all_its_claims)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct ring ring = { new_key(s, "P-256"), "k1" };
    struct jwt_rules rules = rules_of(&ring);
    struct jwt_claims claims = claims_of(), out;
    const char *text;

    list_add(s->arena, &claims.more.of, struct pair, ((struct pair){ "ten\"ant", "t\n1" }));
    assert_ok(s, jwt_issue(s, ring.key, "k1", &claims, &text));
    assert_ok(s, jwt_verify(s, text, strlen(text), &rules, &out));
    assert_string_equal(out.issuer, "https://ca.example");
    assert_string_equal(out.subject, "u_1");
    assert_string_equal(out.audience, "api");
    assert_string_equal(out.id, "j1");
    assert_string_equal(out.client_id, "c1");
    assert_string_equal(out.scope, "read write");
    assert_string_equal(out.kid, "k1");
    assert_string_equal(json_str(json_get(out.all, "ten\"ant")), "t\n1");
    assert_int_equal(out.expires.ms, claims.expires.ms);
    list_add(s->arena, &claims.more.of, struct pair, ((struct pair){ "iss", "x" }));
    assert_err(E_INVALID, jwt_issue(s, ring.key, "k1", &claims, &text));
}

TEST(times_are_checked_with_the_skew)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct ring ring = { new_key(s, "P-256"), "k1" };
    const struct {
        int64_t exp, nbf, iat, now;
        bool good;
    } cases[] = {
        { 600, 0, 0, 0, true },    { 600, 0, 0, 629, true }, { 600, 0, 0, 630, false },
        { 600, 0, 0, 631, false }, { 600, 30, 0, 0, true },  { 600, 31, 0, 0, false },
        { 600, 0, 30, 0, true },   { 600, 0, 31, 0, false }, { 3600, 0, 0, 0, true },
        { 3601, 0, 0, 0, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct jwt_rules rules = rules_of(&ring);
        struct jwt_claims claims = claims_of(), out;
        const char *text;
        enum err e;

        claims.expires = WHEN_S(NOW + cases[i].exp);
        claims.not_before = WHEN_S(NOW + cases[i].nbf);
        claims.issued_at = WHEN_S(NOW + cases[i].iat);
        rules.now = WHEN_S(NOW + cases[i].now);
        assert_ok(s, jwt_issue(s, ring.key, "k1", &claims, &text));
        e = jwt_verify(s, text, strlen(text), &rules, &out);
        if (e != (cases[i].good ? OK : E_UNAUTHENTICATED))
            fail_msg("case %zu: %s", i, err_name(e));
    }
}

TEST(tokens_for_others_and_by_others_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct ring ring = { new_key(s, "P-256"), "k1" }, strange = { new_key(s, "P-256"), "k1" };
    struct jwt_claims claims = claims_of(), out;
    struct jwt_rules rules;
    const char *text;

    assert_ok(s, jwt_issue(s, ring.key, "k1", &claims, &text));
    for (int i = 0; i < 7; i++) {
        rules = rules_of(&ring);
        switch (i) {
        case 0:
            rules.issuer = "https://ca.example/";
            break;
        case 1:
            rules.audience = "API";
            break;
        case 2:
            rules.type = "jwt";
            break;
        case 3:
            rules.algs = JWS_ALL & ~JWS_ES256;
            break;
        case 4:
            ring.kid = "k2";
            break;
        case 5:
            ring.kid = "k1";
            rules.context = &strange;
            break;
        default:
            rules.issuer = NULL;
        }
        assert_err(E_UNAUTHENTICATED, jwt_verify(s, text, strlen(text), &rules, &out));
        assert_int_equal(s->error.code, CHY_BAD_TOKEN);
    }
    rules = rules_of(&ring);
    rules.audience = NULL;
    assert_ok(s, jwt_verify(s, text, strlen(text), &rules, &out));
    assert_err(E_UNAUTHENTICATED, jwt_verify(s, "x", 1, &rules, &out));
}

TEST(a_token_of_another_purpose_is_no_access_token)
{
    static const struct {
        const char *typ;
        bool good;
    } rows[] = {
        { NULL, true },
        { "JWT", true },
        { "at+jwt", true },
        { "application/AT+JWT", true },
        { "logout+jwt", false },
        { "dpop+jwt", false },
        { "application/", false },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct ring ring = { new_key(s, "P-256"), "k1" };
    struct bytes claims =
        BYTES("{\"iss\":\"https://ca.example\",\"aud\":\"api\",\"exp\":1763723400}");

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct jws_head head = { rows[i].typ, "k1" };
        struct jwt_rules rules = rules_of(&ring);
        struct jwt_claims out;
        const char *text;

        rules.type = NULL;
        rules.max_life_ms = 0;
        assert_ok(s, jws_sign(s, ring.key, JWS_ES256, &head, claims, &text));
        if ((jwt_verify(s, text, strlen(text), &rules, &out) == OK) != rows[i].good)
            fail_msg("typ %s", rows[i].typ ? rows[i].typ : "none");
        scope_clear(s);
    }
}

TEST(claims_of_the_wrong_kind_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct ring ring = { new_key(s, "P-256"), "k1" };
    const struct {
        const char *claims;
        bool good;
    } cases[] = {
        { "{\"iss\":\"https://ca.example\",\"aud\":[\"x\",\"api\"],\"exp\":1763723400}", true },
        { "{\"iss\":\"https://ca.example\",\"aud\":[\"x\"],\"exp\":1763723400}", false },
        { "{\"iss\":\"https://ca.example\",\"aud\":{},\"exp\":1763723400}", false },
        { "{\"iss\":\"https://ca.example\",\"exp\":1763723400}", false },
        { "{\"iss\":\"https://ca.example\",\"aud\":\"api\"}", false },
        { "{\"iss\":\"https://ca.example\",\"aud\":\"api\",\"exp\":\"1763723400\"}", false },
        { "{\"iss\":\"https://ca.example\",\"aud\":\"api\",\"exp\":-1}", false },
        { "{\"iss\":\"https://ca.example\",\"aud\":\"api\",\"exp\":99999999999999}", false },
        { "{\"iss\":\"https://ca.example\",\"aud\":\"api\",\"exp\":1763723400,\"nbf\":\"x\"}",
          false },
        { "{\"iss\":[\"https://ca.example\"],\"aud\":\"api\",\"exp\":1763723400}", false },
        { "{\"aud\":\"api\",\"exp\":1763723400}", false },
        { "[]", false },
        { "", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct jwt_rules rules = rules_of(&ring);
        const struct jws_head head = { NULL, "k1" };
        struct jwt_claims out;
        const char *text;
        enum err e;

        rules.type = NULL;
        rules.max_life_ms = 0;
        assert_ok(s,
                  jws_sign(s, ring.key, JWS_ES256, &head, bytes_of_text(cases[i].claims), &text));
        e = jwt_verify(s, text, strlen(text), &rules, &out);
        if (e != (cases[i].good ? OK : E_UNAUTHENTICATED))
            fail_msg("%s: %s", cases[i].claims, err_name(e));
        scope_clear(s);
    }
}
