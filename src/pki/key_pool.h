/**
 * Key pool: key pairs for server-side enrollment. RSA keys take long to find, so a thread of lowest
 * priority makes a few ahead, of the sizes that were asked for before. Each key is given to one
 * caller only. Any thread.
 */
#ifndef PKI_KEY_POOL_H
#define PKI_KEY_POOL_H

#include "pki/key.h"

struct key_pool;

/** A pool that keeps AHEAD (0 to 16) keys of each RSA size ready; end with key_pool_free(). */
struct key_pool *key_pool_new(int ahead);
void key_pool_free(struct key_pool *pool);
OWNED(struct key_pool, key_pool_free);

/**
 * A fresh key pair; s->arena owns the result. When none is ready it is made on this thread, which
 * takes up to seconds for RSA.
 *
 * @param pool  NULL: none is made ahead
 * @return as key_generate()
 */
enum err key_pool_take(struct scope *s, struct key_pool *pool, struct key_spec spec,
                       EVP_PKEY **out);
/** How many keys of this kind are ready now. */
int key_pool_ready(struct key_pool *pool, struct key_spec spec);

#endif
