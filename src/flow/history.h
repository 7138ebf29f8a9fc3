/** History: what the register says about the key of a request; for the files of this folder. */
#ifndef FLOW_HISTORY_H
#define FLOW_HISTORY_H

#include "db/db.h"

/** A key, and what is to be certified of it. */
struct key_use {
    struct bytes key_hash; /* SHA-256 of the SubjectPublicKeyInfo */
    struct bytes subject;  /* DER */
    bool may_share;        /* among subjects */
    bool unnamed;          /* the caller does not learn which other certificate has it */
    const char *path;      /* what the face calls the request */
    int64_t *kept;         /* receives the private key's id, when it is kept here; or NULL */
};

/**
 * Ask before anything is signed; another request may still be faster. Of a key that this server
 * knows to be new the database is not asked: see history_learn().
 *
 * @return E_INVALID: blocked as compromised, an authority's own (CHY_BLOCKED_KEY), or in use for
 * another subject (CHY_KEY_REUSED)
 * @see ca-core section 8.2
 */
enum err history_ask(struct scope *s, struct db *db, const struct key_use *use);

/** Learn which keys the register knows, a part of them with each call, until *DONE: db_learn(). */
enum err history_learn(struct scope *s, struct db *db, bool *done);

/** Until TX ends, no other write certifies or blocks this key: the first thing that TX does. */
enum err history_hold(struct scope *s, struct tx *tx, struct bytes key_hash);
/** Ask again, of a key that TX holds: the answer lasts until its commit. */
enum err history_ask_held(struct scope *s, struct tx *tx, const struct key_use *use);

/** Never certify this key again, which TX holds: the one of CERTIFICATE, as was told at NOW. Nor
 * does the keyring sign with it. */
enum err history_block(struct scope *s, struct tx *tx, struct bytes key_hash, int64_t certificate,
                       struct when now);

#endif
