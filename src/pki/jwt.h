/** JWT: the tokens that say who calls: ours, and those of identity providers. @see RFC 7519, RFC
 * 9068, RFC 8725 */
#ifndef PKI_JWT_H
#define PKI_JWT_H

#include "pki/jws.h"

/** The registered claims, and two of RFC 9068. Texts are NULL and times WHEN_NONE when absent. */
struct jwt_claims {
    const char *issuer;   /* iss */
    const char *subject;  /* sub */
    const char *audience; /* aud; when reading, the one that matched */
    const char *id;       /* jti */
    const char *client_id, *scope;
    struct when expires, not_before, issued_at; /* exp, nbf, iat; whole seconds on the wire */
    struct pairs more; /* writing: further text claims; their names must be no registered ones */
    const struct json *all; /* reading: the whole set, in s->arena */
    const char *kid;        /* reading: the key's id, or NULL */
};

/**
 * Write and sign a token.
 *
 * @param kid   names the key to those who verify
 * @param text  in s->arena
 * @return E_INVALID: no issuer, subject or expiry
 */
enum err jwt_issue(struct scope *s, EVP_PKEY *key, const char *kid, const struct jwt_claims *claims,
                   const char **text);

/** What a token must fulfil. */
struct jwt_rules {
    const char *issuer;   /* iss must equal it */
    const char *audience; /* aud must be it or hold it; NULL: not looked at */
    const char *type;     /* typ must equal it in any case, with or without "application/"; NULL: it
                             must be of no other purpose: "at+jwt", "JWT", or none at all */
    unsigned algs;        /* allowed algorithms */
    struct when now;
    int64_t skew_ms;     /* how far the issuer's clock may be off */
    int64_t max_life_ms; /* exp at most so long after iat; 0: not looked at */
    /**
     * The key with this id (NULL: the token names none), or NULL when there is none; CONTEXT is the
     * rules'. The key stays the finder's.
     */
    EVP_PKEY *(*find_key)(void *context, const char *kid, unsigned alg);
    void *context;
};

/**
 * Check signature and claims. exp must be there; nbf and iat are obeyed when they are.
 *
 * @return E_UNAUTHENTICATED with CHY_BAD_TOKEN, whatever is wrong; the text says what, for the log
 */
enum err jwt_verify(struct scope *s, const char *text, size_t len, const struct jwt_rules *rules,
                    struct jwt_claims *out);

#endif
