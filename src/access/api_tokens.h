/**
 * API tokens: what people make for their programs. Each allows what its owner may at that moment
 * and it names, whichever is less; it ends by itself, by its owner's hand, or with the owner's
 * password. Only its hash is kept.
 */
#ifndef ACCESS_API_TOKENS_H
#define ACCESS_API_TOKENS_H

#include "access/known.h"
#include "access/principals.h"

#define API_TOKEN_PREFIX "chancery_" /* what looks for leaked secrets finds it by */
#define API_TOKEN_AUTH "api-token"   /* struct caller's auth */

struct api_token {
    int64_t id;
    enum caller_kind owner_kind; /* CALLER_USER or CALLER_CLIENT */
    int64_t owner;
    const char *owner_name;
    const char *name, *hint; /* the token's last letters */
    struct list grants;      /* of struct grant */
    struct when created, expires, last_used;
};

struct api_token_page {
    int64_t after; /* go on behind this id */
    int limit;     /* 0: 50; at most 1000 */
    bool all;      /* of everybody */
};

/** Whether TEXT is such a token, by its beginning. */
bool api_token_is(const char *text);
/**
 * Make one for BY.
 *
 * @param in    name, grants, expires: WHEN_NONE: in 90 days; at most a year from now
 * @param text  receives the token, which is not told again
 * @return E_INVALID: problems with field paths; what is not held by a role of the account itself,
 * too; E_FORBIDDEN: BY is such a token
 */
enum err api_token_add(struct scope *s, struct access *a, const struct caller *by,
                       const struct api_token *in, struct api_token *out, const char **text);
/** A page of BY's own, or of all, by id; a list of struct api_token. *NEXT: to go on behind, or 0.
 */
enum err api_token_list(struct scope *s, struct access *a, const struct caller *by,
                        const struct api_token_page *page, struct list *out, int64_t *next);
/** One of BY's own; any, when they may read access. E_NOT_FOUND. */
enum err api_token_get(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                       struct api_token *out);
/** End it, at once: one of BY's own; any, when they may manage access. E_NOT_FOUND. */
enum err api_token_revoke(struct scope *s, struct access *a, const struct caller *by, int64_t id);
/**
 * Who a token proves.
 *
 * @param expires  receives its end
 * @return E_UNAUTHENTICATED (CHY_BAD_TOKEN), whatever is wrong with it
 */
enum err api_token_enter(struct scope *s, struct access *a, const char *text, struct known **out,
                         struct when *expires);
/** Remove those of an account that goes, as part of TX. */
enum err api_tokens_drop(struct scope *s, struct tx *tx, enum caller_kind kind, int64_t owner);

#endif
