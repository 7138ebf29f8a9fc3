#include "pki/jwt.h"

#include "pki/key.h"

#include <string.h>

#define CLAIMS_MAX 16384
#define TIME_MAX INT64_C(253402300799) /* the end of the year 9999 */

/* Writing. */

static void
put_name(struct buf *b, const char *name)
{
    if (b->len > 1)
        buf_byte(b, ',');
    json_text(b, name);
    buf_byte(b, ':');
}

static void
put_text(struct buf *b, const char *name, const char *text)
{
    if (!text)
        return;
    put_name(b, name);
    json_text(b, text);
}

static void
put_time(struct buf *b, const char *name, struct when when)
{
    if (!when_given(when))
        return;
    put_name(b, name);
    buf_int(b, when_s(when));
}

static bool
registered(const char *name)
{
    static const char *const names[] = { "iss", "sub", "aud",   "exp",      "nbf",
                                         "iat", "jti", "scope", "client_id" };

    for (size_t i = 0; i < COUNT(names); i++)
        if (text_eq(name, names[i]))
            return true;
    return false;
}

enum err
jwt_issue(struct scope *s, EVP_PKEY *key, const char *kid, const struct jwt_claims *claims,
          const char **text)
{
    struct buf b;

    if (text_empty(claims->issuer) || text_empty(claims->subject) || !when_given(claims->expires))
        return fail(s, E_INVALID, "a token needs issuer, subject and expiry");
    buf_init_in(&b, s->arena, CLAIMS_MAX);
    buf_byte(&b, '{');
    put_text(&b, "iss", claims->issuer);
    put_text(&b, "sub", claims->subject);
    put_text(&b, "aud", claims->audience);
    put_time(&b, "exp", claims->expires);
    put_time(&b, "nbf", claims->not_before);
    put_time(&b, "iat", claims->issued_at);
    put_text(&b, "jti", claims->id);
    put_text(&b, "client_id", claims->client_id);
    put_text(&b, "scope", claims->scope);
    LIST_EACH(struct pair, pair, &claims->more.of)
    {
        if (registered(pair->name))
            return fail(s, E_INVALID, "the claim %s is a registered one", pair->name);
        put_text(&b, pair->name, pair->value);
    }
    buf_byte(&b, '}');
    if (b.failed)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "a token over %d octets", CLAIMS_MAX);
    /* RFC 9068 section 2.1 */
    return jws_sign(s, key, jws_alg_of_key(key), &(struct jws_head){ "at+jwt", kid }, buf_bytes(&b),
                    text);
}

/* Reading. */

static enum err
refuse(struct scope *s, const char *why)
{
    return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_TOKEN, "the token is refused: %s", why);
}

static bool
claim_text(const struct json *all, const char *name, const char **out)
{
    const struct json *member = json_get(all, name);

    *out = json_str(member);
    return !member || *out;
}

static bool
claim_time(const struct json *all, const char *name, struct when *out)
{
    const struct json *member = json_get(all, name);
    int64_t seconds;

    *out = WHEN_NONE;
    if (!member)
        return true;
    if (!json_int(member, &seconds) || seconds < 0 || seconds > TIME_MAX)
        return false;
    *out = WHEN_S(seconds);
    return true;
}

/* aud is a text or an array of texts: RFC 7519 section 4.1.3. */
static bool
audience_has(const struct json *aud, const char *wanted)
{
    if (json_str(aud))
        return text_eq(json_str(aud), wanted);
    if (!aud || !json_is_array(aud))
        return false;
    for (size_t i = 0; i < json_count(aud); i++)
        if (text_eq(json_str(json_item(aud, i)), wanted))
            return true;
    return false;
}

static bool
type_is(const char *typ, const char *wanted)
{
    if (text_starts_fold(typ, "application/"))
        typ += strlen("application/");
    return typ && text_eq_fold(typ, wanted);
}

/* RFC 9068 section 4, RFC 8725 section 3.11: what says that it is for something else is not for us.
 */
static bool
is_for_access(const char *typ)
{
    return !typ || type_is(typ, "at+jwt") || type_is(typ, "JWT");
}

static enum err
check_times(struct scope *s, const struct jwt_rules *rules, const struct jwt_claims *claims)
{
    struct when early = when_add_ms(rules->now, -rules->skew_ms),
                late = when_add_ms(rules->now, rules->skew_ms);

    if (!when_given(claims->expires))
        return refuse(s, "it never expires");
    if (when_cmp(claims->expires, early) <= 0)
        return refuse(s, "it has expired");
    if (when_given(claims->not_before) && when_cmp(claims->not_before, late) > 0)
        return refuse(s, "it is not valid yet");
    if (when_given(claims->issued_at) && when_cmp(claims->issued_at, late) > 0)
        return refuse(s, "it comes from the future");
    if (!rules->max_life_ms)
        return OK;
    if (!when_given(claims->issued_at))
        return refuse(s, "it does not say when it was issued");
    if (claims->expires.ms - claims->issued_at.ms > rules->max_life_ms)
        return refuse(s, "it lives too long");
    return OK;
}

static enum err
read_claims(struct scope *s, const struct jws *jws, struct jwt_claims *out)
{
    struct jwt_claims claims = { .kid = jws->kid };
    struct json *all;

    if (json_parse(s, jws->payload, &all) != OK || !json_is_object(all))
        return refuse(s, "its claims are no JSON object");
    if (!claim_text(all, "iss", &claims.issuer) || !claim_text(all, "sub", &claims.subject) ||
        !claim_text(all, "jti", &claims.id) || !claim_text(all, "client_id", &claims.client_id))
        return refuse(s, "iss, sub, jti or client_id is no text");
    if (!claim_time(all, "exp", &claims.expires) || !claim_time(all, "nbf", &claims.not_before) ||
        !claim_time(all, "iat", &claims.issued_at))
        return refuse(s, "exp, nbf or iat is no time");
    claims.scope = json_str(json_get(all, "scope")); /* some send a list: see all */
    claims.all = all;
    *out = claims;
    return OK;
}

enum err
jwt_verify(struct scope *s, const char *text, size_t len, const struct jwt_rules *rules,
           struct jwt_claims *out)
{
    struct jwt_claims claims;
    struct jws jws;
    EVP_PKEY *key;
    enum err e = jws_read(s, text, len, &jws);

    if (e == E_INVALID || e == E_LIMIT)
        return refuse(s, s->error.text);
    TRY(e);
    if (!(jws.alg & rules->algs))
        return refuse(s, "its algorithm is not allowed here");
    if (rules->type ? !type_is(jws.typ, rules->type) : !is_for_access(jws.typ))
        return refuse(s, "it is a token of another type");
    key = rules->find_key(rules->context, jws.kid, jws.alg);
    if (!key)
        return refuse(s, "its key is not known");
    TRY(jws_verify(s, &jws, key, rules->algs));
    TRY(read_claims(s, &jws, &claims));
    if (!claims.issuer || !text_eq(claims.issuer, rules->issuer))
        return refuse(s, "it comes from another issuer");
    if (rules->audience) {
        if (!audience_has(json_get(claims.all, "aud"), rules->audience))
            return refuse(s, "it is meant for others");
        claims.audience = rules->audience;
    }
    TRY(check_times(s, rules, &claims));
    *out = claims;
    return OK;
}
