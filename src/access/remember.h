/**
 * Remember: credentials that were verified a moment ago, by a keyed hash of them, so that the next
 * call with the same ones costs microseconds. Any thread; never waits.
 */
#ifndef ACCESS_REMEMBER_H
#define ACCESS_REMEMBER_H

#include "access/known.h"

#define REMEMBER_KEY_LEN 32
struct remember;

/** Empty at first; nothing survives the process. */
struct remember *remember_new(void);
void remember_free(struct remember *r);

/** The key of a credential; KIND tells apart what may look alike ("basic", "client"). */
void remember_key(const struct remember *r, const char *kind, const char *credential,
                  uint8_t key[REMEMBER_KEY_LEN]);
/** A reference to who it was, for the caller to drop; NULL when unknown or too long ago. */
struct known *remember_get(struct remember *r, const uint8_t key[REMEMBER_KEY_LEN]);
/** The caller that a credential proves, for one call from PEER; NULL as remember_get(). */
const struct caller *remember_caller(struct scope *s, struct remember *r,
                                     const uint8_t key[REMEMBER_KEY_LEN],
                                     const struct access_peer *peer);
/** What has been forgotten so far; taken before a verification reads the database. */
uint64_t remember_mark(const struct remember *r);
/** Remember K for MS milliseconds, unless something was forgotten after MARK. */
void remember_put(struct remember *r, const uint8_t key[REMEMBER_KEY_LEN], struct known *k,
                  int64_t ms, uint64_t mark);
/** Forget one credential. */
void remember_drop(struct remember *r, const uint8_t key[REMEMBER_KEY_LEN]);
/** Forget one principal, or all when ID_TEXT is NULL. */
void remember_forget(struct remember *r, const char *id_text);

#endif
