/* Who signed a request (RFC 8555 section 6.2), in the order of acme.md section 2. */
#include "acme_face/call.h"

#include "acme/known.h"
#include <string.h>

#define DEPTH_MAX 16 /* of JSON */

static enum err
malformed(struct call *c, const char *why)
{
    return acme_fail(c->s, E_INVALID, "malformed", "%s", why);
}

static bool
deeper_than(const struct json *j, int depth)
{
    const struct json *value;
    const char *name;
    size_t at = 0;

    if (json_kind(j) != JK_ARRAY && json_kind(j) != JK_OBJECT)
        return false;
    if (depth == 0)
        return true;
    for (size_t i = 0; json_is_array(j) && i < json_count(j); i++)
        if (deeper_than(json_item(j, i), depth - 1))
            return true;
    while (json_is_object(j) && json_member(j, &at, &name, &value))
        if (deeper_than(value, depth - 1))
            return true;
    return false;
}

static enum err
read_object(struct call *c, struct bytes text, const char *what, const struct json **out)
{
    struct json *j;

    if (json_parse(c->s, text, &j) != OK)
        return acme_fail(c->s, E_INVALID, "malformed", "%s is no JSON: %s", what,
                         c->s->error.text ? c->s->error.text : "");
    if (!json_is_object(j))
        return acme_fail(c->s, E_INVALID, "malformed", "%s is no JSON object", what);
    if (deeper_than(j, DEPTH_MAX))
        return acme_fail(c->s, E_INVALID, "malformed", "%s is nested too deeply", what);
    *out = j;
    return OK;
}

static enum err
read_shape(struct call *c, const struct json *body, struct flat *f)
{
    if (json_get(body, "signatures"))
        return malformed(c, "the JWS has more than one signature, or is not flattened (RFC 8555 "
                            "section 6.2)");
    if (json_get(body, "header"))
        return malformed(c, "the JWS has an unprotected header (RFC 8555 section 6.2)");
    f->header = json_str(json_get(body, "protected"));
    f->payload = json_str(json_get(body, "payload"));
    f->signature = json_str(json_get(body, "signature"));
    if (!f->header || !f->payload || !f->signature)
        return malformed(c, "the JWS lacks \"protected\", \"payload\" or \"signature\", or one is "
                            "no string");
    return OK;
}

enum err
flat_read(struct call *c, const struct json *body, struct flat *f)
{
    struct scope *s = c->s;
    enum err e;

    *f = (struct flat){ 0 };
    TRY(read_shape(c, body, f));
    e = jws_read_parts(s, f->header, f->payload, f->signature, &f->jws);
    if (text_eq(s->error.tag, "badSignatureAlgorithm"))
        return e;
    if (e == E_INVALID || e == E_LIMIT)
        return malformed(c, s->error.text);
    TRY(e);
    if (!(f->jws.alg & c->ep->algorithms))
        return acme_fail(s, E_INVALID, "badSignatureAlgorithm", "%s is not taken here",
                         jws_alg_name(f->jws.alg));
    f->key = json_get(f->jws.header, "jwk");
    return OK;
}

enum err
flat_fits(struct call *c, const struct flat *f, const struct verifier *key)
{
    unsigned own = jws_alg_of_spec(verifier_spec(key));
    const char *said = json_str(json_get(f->key, "alg"));

    if (f->jws.alg != own && !(own == JWS_RS256 && f->jws.alg == JWS_PS256))
        return acme_fail(c->s, E_INVALID, "badPublicKey", "the key does not sign by %s",
                         jws_alg_name(f->jws.alg));
    if (said && !text_eq(said, jws_alg_name(f->jws.alg)))
        return acme_fail(c->s, E_INVALID, "badPublicKey",
                         "the key says that it signs by another algorithm than %s",
                         jws_alg_name(f->jws.alg));
    return OK;
}

enum err
flat_verify(struct call *c, const struct flat *f, const struct verifier *key)
{
    enum err e = jws_verify_by(c->s, &f->jws, key, c->ep->algorithms);

    return e == E_UNAUTHENTICATED ? malformed(c, "the signature of the JWS does not verify") : e;
}

/* jwk or kid, as the resource wants it. */
static enum err
check_signer(struct call *c, const struct flat *f)
{
    bool has_kid = json_get(f->jws.header, "kid") != NULL;

    if (has_kid && f->key)
        return malformed(c, "the JWS has both \"jwk\" and \"kid\"");
    if (!has_kid && !f->key)
        return malformed(c, "the JWS has neither \"jwk\" nor \"kid\"");
    if (c->res->by == BY_NEW_KEY && !f->key)
        return malformed(c, "a request for an account is signed with its new key, in \"jwk\"");
    if (c->res->by == BY_ACCOUNT && !has_kid)
        return malformed(c, "requests to this resource name their account in \"kid\"");
    return OK;
}

static enum err
find_account(struct call *c, const struct flat *f)
{
    struct scope *s = c->s;
    const char *id = acme_url_id(s->arena, c->ep, "acct", f->jws.kid);
    enum err e;

    if (!id)
        return malformed(c, "\"kid\" is no address of an account here");
    e = acme_account_get(s, c->acme, c->ep, id, &c->account);
    if (e == E_NOT_FOUND)
        return acme_fail(s, E_INVALID, "accountDoesNotExist", "there is no account %s", f->jws.kid);
    TRY(e);
    c->by_account = true;
    c->key.jwk = c->account.jwk;
    c->key.thumbprint = base64url_encode(s->arena, c->account.thumbprint);
    TRY(known_key(s, c->acme->known, c->account.thumbprint, c->account.jwk, &c->key.verifier));
    c->key.key = verifier_key(c->key.verifier);
    return OK;
}

static enum err
find_key(struct call *c, const struct flat *f)
{
    if (!f->key)
        return find_account(c, f);
    if (c->res->by == BY_EITHER) /* a key that is no good must be able to say so */
        return acme_key_read_any(c->s, f->key, &c->key);
    return acme_key_read(c->s, c->acme, f->key, &c->key);
}

static enum err
check_url(struct call *c, const char *url)
{
    if (!text_eq(url, c->url))
        return acme_fail(c->s, E_FORBIDDEN, "unauthorized",
                         "the JWS is for another address: \"url\" must be %s", c->url);
    return OK;
}

static enum err
read_payload(struct call *c, const struct flat *f)
{
    if (!f->jws.payload.len) /* POST-as-GET (RFC 8555 section 6.3) */
        return OK;
    if (c->res->reads)
        return malformed(c, "this resource is only read: the payload must be the empty string "
                            "(RFC 8555 section 6.3)");
    return read_object(c, f->jws.payload, "the payload", &c->payload);
}

/* Steps 4 to 8. */
static enum err
check_proof(struct call *c, const struct flat *f, const char *url, const char *nonce)
{
    struct scope *s = c->s;
    enum err nonce_err = nonce_take(s, c->acme->nonces, nonce);
    struct error nonce_error = s->error;

    if (nonce_err != OK && nonce_err != E_INVALID)
        return nonce_err;
    if (text_eq(nonce_error.tag, "malformed"))
        return nonce_err;
    scope_clear(s);
    TRY(find_key(c, f));
    TRY(flat_fits(c, f, c->key.verifier));
    TRY(flat_verify(c, f, c->key.verifier));
    if (nonce_err != OK) {
        s->error = nonce_error;
        return nonce_err;
    }
    TRY(check_url(c, url));
    if (c->by_account && c->account.status != ACME_ACCOUNT_VALID)
        return acme_fail(s, E_UNAUTHENTICATED, "unauthorized", "the account is %s",
                         acme_account_status_name(c->account.status));
    return read_payload(c, f);
}

static bool
is_jose(const char *type)
{
    size_t len = type ? strcspn(type, ";") : 0;

    while (len && (type[len - 1] == ' ' || type[len - 1] == '\t'))
        len--;
    return len == strlen("application/jose+json") &&
           text_starts_fold(type, "application/jose+json");
}

enum err
call_check(struct call *c)
{
    struct scope *s = c->s;
    const struct json *body, *nonce, *url;
    struct flat f;

    if (!is_jose(http_header(c->http, "Content-Type")))
        return acme_fail(s, E_UNSUPPORTED, "malformed",
                         "the body must be application/jose+json (RFC 8555 section 6.2)");
    TRY(read_object(c, c->http->body, "the body", &body));
    TRY(flat_read(c, body, &f));
    TRY(check_signer(c, &f));
    url = json_get(f.jws.header, "url");
    if (!json_str(url))
        return malformed(c, "the JWS has no \"url\", or it is no string");
    nonce = json_get(f.jws.header, "nonce");
    if (!nonce)
        return acme_fail(s, E_INVALID, "badNonce", "the JWS has no nonce");
    if (!json_str(nonce))
        return malformed(c, "\"nonce\" is no string");
    c->jws = f.jws;
    return check_proof(c, &f, json_str(url), json_str(nonce));
}
