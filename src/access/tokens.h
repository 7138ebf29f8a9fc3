/** Tokens: ES256 access tokens and the keys that sign and verify them. Any thread. */
#ifndef ACCESS_TOKENS_H
#define ACCESS_TOKENS_H

#include "access/known.h"
#include "seal/seal.h"

struct tokens;

/** Load the keys; makes the first one. ISSUER must outlive it. */
enum err tokens_open(struct scope *s, struct db *db, struct seal *seal, const char *issuer,
                     int64_t life_ms, struct tokens **out);
void tokens_close(struct tokens *t);

/** What a good token says. */
struct token_claims {
    enum caller_kind kind;
    int64_t id, credential_version;
    const char *scope;
    struct list claims; /* of struct claim_borne: what they bore when they logged in */
    struct when expires;
};
/** Make a token of P; CLAIMS as struct caller has them. */
enum err tokens_make(struct scope *s, struct tokens *t, const struct principal *p,
                     const char *scope, const char *claims, struct access_token *out);
/** @return E_UNAUTHENTICATED with CHY_BAD_TOKEN, and one text for everything that may be wrong */
enum err tokens_check(struct scope *s, struct tokens *t, const char *text,
                      struct token_claims *out);
/** Look for new keys now. */
enum err tokens_reload(struct scope *s, struct tokens *t);

#endif
