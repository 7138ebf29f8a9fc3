/**
 * Nonce: anti-replay values (RFC 8555 section 6.5) that prove themselves. Making one writes
 * nothing: it carries its time and a number under our MAC. What is remembered is that one came
 * back: in memory, a bit for each number, where this is the only server on its database; else in
 * the database, so that all servers take each other's nonces, each once. Any thread.
 */
#ifndef ACME_NONCE_H
#define ACME_NONCE_H

#include "db/db.h"
#include "seal/seal.h"

struct nonces;

struct nonce_options {
    bool alone;      /* no other server is on this database */
    int64_t life_ms; /* how long one is good */
    int64_t reject;  /* for tests: refuse so many good ones of a hundred */
};
/** @return what keyring_signer() says: the servers of one database share the key */
enum err nonces_open(struct scope *s, struct db *db, struct seal *seal,
                     const struct nonce_options *o, struct nonces **out);
void nonces_close(struct nonces *n);
OWNED(struct nonces, nonces_close);

/** A fresh nonce: 43 characters of base64url. Never waits. */
const char *nonce_new(struct nonces *n, struct arena *a);
/**
 * Take a nonce that came back; from now on it is dead.
 *
 * @return E_INVALID: badNonce (not ours, too old, used), or malformed (not base64url)
 */
enum err nonce_take(struct scope *s, struct nonces *n, const char *text);
/** Forget the nonces that are too old to be taken anyway, some at a time; *COUNT receives how many:
 * for a job. */
enum err nonces_expire(struct scope *s, struct nonces *n, int64_t *count);

#endif
